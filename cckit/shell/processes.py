"""Processes: durable events in, commands put first in the writer's queue.

They run when a batch becomes durable, before anybody who waits for it, so their commands
are decided before any answer to it. What a crash may lose is therefore in the frame after
the last one: at open the last frames are fed again. A command stands after its cause, so
the requests of these frames, however old, are all that can keep it from being done twice.

A process that says how to keep its state (``dump`` and ``load``) is kept with the snapshots of
the floor, and goes on from there; any other one is folded from the run that first loaded it.

A process that fails is suspended: its state is unsure. The log remembers that, and another
version of its plugin begins anew, with a state folded from the beginning.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import sha256
from typing import Any

from cckit.core.codec import canonical
from cckit.core.commands import ReportArrived
from cckit.core.edges import check
from cckit.core.errors import CckitError, UsageError
from cckit.core.events import SYSTEM, Actor, Draft, Recorded
from cckit.core.facts import PluginFailed
from cckit.core.ids import CENTER, contact_stream
from cckit.core.process import CASCADE_MAX, AnyProcess, request_id
from cckit.core.schema import unpack

from .feed import Batch
from .people import People
from .replies import Stored, Superseded
from .writer import Writer

__all__ = ["Processes", "Running", "hook_of"]


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


def hook_of(process: AnyProcess) -> str:
    """Where ``plugin.failed`` says that a process failed."""
    return f"process {process.name}"


class Processes:
    """All processes of a center."""

    def __init__(self, writer: Writer, people: People, running: Sequence[Running]) -> None:
        self._writer = writer
        self._people = people
        self._running = running
        self._depths: dict[int, int] = {}
        for one in running:
            try:
                one.state = None if one.suspended else one.process.initial()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the plugin's
                self._fail(one, type(error).__name__)

    def remember(self, batch: Batch, since: Mapping[str, int], until: int) -> None:
        """Fold what happened before: states only, up to a position, no commands."""
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
                self._fail(one, type(error).__name__)
                continue
            if state is not None:
                found.append((one.hook, one.version, state))
        return found

    def listen(self, batch: Batch) -> None:
        """Continue each story, in position order."""
        for recorded in batch:
            position = recorded[0].position
            depth = self._depths.pop(position, 0) + 1
            for one in self._who_reads(recorded):
                commands = self._ask(one, recorded)
                if commands and depth > CASCADE_MAX:
                    self._fail(one, f"a cascade deeper than {CASCADE_MAX}")
                    continue
                for n, command in enumerate(commands):
                    if not one.suspended:
                        self._send(one, position, n, command, depth)

    def _who_reads(self, recorded: Recorded[Any]) -> list[Running]:
        kind = type(recorded[1])
        return [one for one in self._running if not one.suspended and kind in one.process.types]

    def _ask(self, one: Running, recorded: Recorded[Any]) -> Sequence[Any]:
        """What a process answers to an event; nothing if it fails."""
        try:
            commands: Any = one.process.apply(one.state, recorded)
            if isinstance(commands, Sequence):
                return tuple(commands)
            self._fail(one, f"answered {type(commands).__name__}")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the plugin's
            self._fail(one, type(error).__name__)
        return ()

    def _send(self, one: Running, position: int, n: int, command: Any, depth: int) -> None:
        """Have a command carried out, by the way that every command goes."""
        writer, requests = self._writer, self._writer.requests
        id = request_id(one.process.name, position, n)
        if not writer.accepts() or requests.find(requests.key(one.actor, id)) is not None:
            return
        try:
            command = self._known(command)
            request = requests.request(one.actor, id, self._people.digested(command))
            if self._ended_long_ago(command):
                return
            act = partial(writer.act, actor=one.actor, request=request, cause=position)
            reply = self._people.carry_out(command, act)
        except CckitError as error:
            self._fail(one, f"a command that can't be: {error.what}")
            return
        if isinstance(reply, Stored | Superseded):
            for stored in reply.positions:
                self._depths[stored] = depth

    def _known(self, command: Any) -> Any:
        """:raises UsageError: what no command can be."""
        try:
            refused = check(command) or self._people.refusal(command)
        except (TypeError, NameError) as error:
            what = f"its class can't be read: {type(error).__name__}"
            raise UsageError(type(command).__name__, what, "see the commands") from error
        if refused is not None:
            raise UsageError(refused.where, refused.reason, refused.remedy)
        return self._people.known(command)

    def _ended_long_ago(self, command: Any) -> bool:
        """Whether it brings a contact that the floor has forgotten: none arrives twice."""
        if type(command) is not ReportArrived or command.contact is None:
            return False
        engine, stream = self._writer.engine, contact_stream(command.contact)
        return stream not in engine.floor.versions and engine.version_of(stream) > 0

    def _fail(self, one: Running, error: str) -> None:
        # Its state is now unsure, so nothing more is asked of it.
        one.suspended = True
        failed = PluginFailed(one.plugin, one.hook, error, True)
        self._writer.record((Draft(CENTER, failed),), SYSTEM)
