"""What an adapter to a switch, a mail server or a chat is.

It passes on facts as reports and carries out orders, which are durable events, in
position order and again from its checkpoint after a crash; fences keep a repeated order
from acting twice. What it promises, and ``check_channel`` of ``cckit.testing`` holds it to:

1. A fact carries the source's ref and number and is passed on in the source's order.
2. A session has its name before the outside is asked for it: facts may overtake the reply.
3. An order runs at most once, however often it is handed out.
4. Each order has one result within 10 seconds: done, failed with a cause, or unknown.
5. ``sessions`` lists all who are on the line.
6. A lost connection is a fact within 5 seconds, and nobody is hung up for it.
7. Any bytes from outside are facts or an error of theirs; the adapter goes on.
8. What it keeps is bounded; what it could not keep is a gap with counts.
9. It declares what it can do, and what it declares it does; the rest is refused.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

from cckit.core.commands import Command
from cckit.core.events import Recorded
from cckit.core.ids import LegId
from cckit.core.instant import Instant

DONE: Final = "done"
FAILED: Final = "failed"
UNKNOWN: Final = "unknown"


class Result(NamedTuple):
    """What became of one order.

    .. versionadded:: 0.3
    """

    position: int
    """Of the order."""
    outcome: str = DONE
    """``done``, ``failed`` or ``unknown``; the list of sessions settles what is unknown."""
    cause: str = ""
    """Why it failed: busy, no_answer, unobtainable …"""


class Sessions(NamedTuple):
    """Everybody who is on the line.

    .. versionadded:: 0.3
    """

    legs: Sequence[LegId]
    """Those that have our names."""
    strangers: Sequence[str] = ()
    """The source's names of those that have none."""


class Port(Protocol):
    """The center, as a channel sees it."""

    async def report(
        self, command: Command, *, ref: str, number: int, occurred_at: Instant | None = None
    ) -> object:
        """Pass on a fact; returns when it is durable.

        ``ref`` and ``number`` are the source's name and count of it: the same ones again
        are the same fact, and get the first answer. After ``ReportLink`` with ``up`` the
        channel is asked for its ``sessions``, from another task: who reports may read on.
        """
        ...

    async def lost(self, from_at: Instant, until: Instant, counts: Mapping[str, int]) -> None:
        """Say that facts were dropped since there was no room for them.

        .. versionadded:: 0.3
        """
        ...


class Channel(Protocol):
    """One adapter.

    .. versionadded:: 0.1
    """

    name: str
    """Stable: facts and the checkpoint carry it."""
    orders: tuple[type, ...]
    """The event classes that it carries out."""

    async def run(self, port: Port) -> None:
        """Listen to the outside until cancelled."""
        ...

    async def order(self, batch: Sequence[Recorded[Any]]) -> Sequence[Result] | None:
        """Carry out durable orders, never empty, by their fences; see the module's head.

        Gives a result for each; None is that all are done. What takes over 10 seconds is
        taken for unknown. Where it raises at several they are handed out again one by one;
        one at which it raises alone has failed, and after eight in a row nothing more is
        handed out. A failed hold, retrieve, play, record or clear is a ``fact.flagged`` of
        the contact, with ``order_failed:hold`` and the like.
        """
        ...


@runtime_checkable
class Reconciling(Protocol):
    """A channel that can tell who is on the line.

    .. versionadded:: 0.3
    """

    async def sessions(self) -> Sessions | None:
        """List all live sessions; None while nobody can tell.

        Asked at each ``ReportLink`` with ``up`` and every 30 seconds. What it raises is named
        in the log; then, and after 10 seconds without an answer, it is asked again, with
        growing pauses.
        """
        ...


@runtime_checkable
class Bounded(Protocol):
    """A channel that says what it can do; one that does not can do everything.

    .. versionadded:: 0.3
    """

    abilities: frozenset[str]
    """Of dial, join, hold, retrieve, clear, play, record, monitor and send."""
