"""A process continues a story: a durable event in, commands out. Pure.

``Stories`` says what events go to which process, and which commands come of them. The shell
feeds it every durable event of the processes' types in order, from the run that first loads
them, and puts the commands first in the writer's queue; the simulated world does so right after
the decision. Their request id is ``name:position:n`` and their cause that position, so a
restart repeats nothing.

A process may say how its state is kept, and then a center that opens a long log does not
feed it the whole of it again: ``dump(state)`` is canonical data, and ``load(dumped)`` makes
an equal state of what ``dump`` gave, with arrays as tuples. What is kept is taken up only by
the same version of its plugin.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple, Protocol, TypeAlias, TypeVar

from .codec import canonical
from .commands import Command
from .edges import check
from .errors import UsageError
from .events import Actor, Recorded
from .facts import PluginFailed
from .schema import unpack

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


def hook_of(process: AnyProcess) -> str:
    """Where ``plugin.failed`` says that a process failed."""
    return f"process {process.name}"


def check_command(command: Any) -> None:
    """Refuse what no process may send.

    :raises UsageError: it is no command, or holds what none may hold.
    """
    try:
        refused = check(command)
    except (TypeError, NameError) as error:
        what = f"its class can't be read: {type(error).__name__}"
        raise UsageError(type(command).__name__, what, "see the commands") from error
    if refused is not None:
        raise UsageError(refused.where, refused.reason, refused.remedy)


class Running:
    """A process and its state."""

    def __init__(
        self, plugin: str, process: AnyProcess, suspended: bool = False, version: str = ""
    ) -> None:
        self.plugin = plugin
        self.process = process
        self.hook = hook_of(process)
        self.actor = Actor("process", process.name)
        self.state: Any = None
        self.suspended = suspended
        """Nothing more is asked of it."""
        self.version = sha256(version.encode()).digest()
        """Of its plugin: what another one folded is not taken up."""

    def dump(self) -> bytes | None:
        """Its state, where it says how to keep it."""
        dump = getattr(self.process, "dump", None)
        return None if dump is None or self.suspended else canonical(dump(self.state))

    def load(self, kept: bytes) -> bool:
        """Take a state up that was kept; whether that could be done."""
        load = getattr(self.process, "load", None)
        if load is None or self.suspended:
            return False
        try:
            self.state = load(unpack(kept))
        except Exception:  # noqa: BLE001 - whatever it is: the log tells it anew
            self.state = self.process.initial()
            return False
        return True


class Sent(NamedTuple):
    """A command that a process sends."""

    by: Running
    command: Any
    request: str
    """``name:position:n``."""
    cause: int
    """Position of the event that led to it."""
    depth: int
    """How many processes' commands led to it, itself included: 1 to ``CASCADE_MAX``."""


class Stories:
    """All processes of a center: who reads what, and what is to be done then.

    :param failed: told of a process that fails; nothing more is asked of it, for its state is
        unsure.
    """

    def __init__(self, running: Sequence[Running], failed: Callable[[PluginFailed], None]) -> None:
        self._running = running
        self._failed = failed
        self._depths: dict[int, int] = {}
        """Position of an event to how many processes' commands led to it."""
        for one in running:
            try:
                one.state = None if one.suspended else one.process.initial()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the plugin's
                self.fail(one, type(error).__name__)

    def tell(self, recorded: Recorded[Any]) -> Iterator[Sent]:
        """Continue each story by one event; each command is carried out before the next."""
        position = recorded[0].position
        depth = self._depths.pop(position, 0) + 1
        for one in self._who_reads(recorded):
            commands = self._ask(one, recorded)
            if commands and depth > CASCADE_MAX:
                self.fail(one, f"a cascade deeper than {CASCADE_MAX}")
                continue
            for n, command in enumerate(commands):
                if not one.suspended:
                    yield Sent(
                        one, command, request_id(one.process.name, position, n), position, depth
                    )

    def led_to(self, sent: Sent, positions: Iterable[int]) -> None:
        """Note where the events are that a command led to: they are that much deeper."""
        for position in positions:
            self._depths[position] = sent.depth

    def remember(
        self, batch: Iterable[Recorded[Any]], since: Mapping[str, int], until: int
    ) -> None:
        """Fold what happened before: states only, up to a position, no commands.

        ``since``: a process's hook to the position that it begins at.
        """
        for recorded in batch:
            position = recorded[0].position
            for one in self._who_reads(recorded):
                if since.get(one.hook, until) <= position < until:
                    self._ask(one, recorded)

    def dump(self) -> list[tuple[str, bytes, bytes]]:
        """Hook, version and state of those who can be kept, as of what they heard last."""
        found = []
        for one in self._running:
            try:
                state = one.dump()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the plugin's
                self.fail(one, type(error).__name__)
                continue
            if state is not None:
                found.append((one.hook, one.version, state))
        return found

    def fail(self, one: Running, error: str) -> None:
        """Ask nothing more of a process, and say so."""
        one.suspended = True
        self._failed(PluginFailed(one.plugin, one.hook, error, True))

    def _who_reads(self, recorded: Recorded[Any]) -> list[Running]:
        kind = type(recorded[1])
        return [one for one in self._running if not one.suspended and kind in one.process.types]

    def _ask(self, one: Running, recorded: Recorded[Any]) -> Sequence[Any]:
        """What a process answers to an event; nothing if it fails."""
        try:
            commands: Any = one.process.apply(one.state, recorded)
            if isinstance(commands, Sequence):
                return tuple(commands)
            self.fail(one, f"answered {type(commands).__name__}")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the plugin's
            self.fail(one, type(error).__name__)
        return ()
