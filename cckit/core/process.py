"""A process continues a story: a durable event in, commands out. Pure.

The shell feeds it every durable event of its types in order, from the run that first
loads it, and puts its commands first in the writer's queue. Their request id is
``name:position:n`` and their cause that position, so a restart repeats nothing.

A process may say how its state is kept, and then a center that opens a long log does not
feed it the whole of it again: ``dump(state)`` is canonical data, and ``load(dumped)`` makes
an equal state of what ``dump`` gave, with arrays as tuples. What is kept is taken up only by
the same version of its plugin.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from .commands import Command
from .events import Recorded

CASCADE_MAX: Final = 16
"""How deep commands may lead to events that lead to commands."""

S = TypeVar("S")


class Process(Protocol[S]):
    """A fold that answers with commands.

    .. versionadded:: 0.1
    """

    name: str
    """Stable, no colon."""
    types: tuple[type, ...]
    """The event classes it reads."""

    def initial(self) -> S: ...

    def apply(self, state: S, recorded: Recorded[Any]) -> Sequence[Command]:
        """Fold one event into the state, in place, and say what is to be done next."""
        ...


AnyProcess: TypeAlias = Process[Any]


def request_id(name: str, position: int, n: int) -> str:
    """The request id of the n-th command, from 0, that an event led a process to."""
    return f"{name}:{position}:{n}"
