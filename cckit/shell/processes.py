"""Processes: durable events in, commands put first in the writer's queue.

They run when a batch becomes durable, before anybody who waits for it, so their commands
are decided before any answer to it. What a crash may lose is therefore in the frame after
the last one: at open the last frames are fed again, and the request ids keep what was
done from being done twice.
"""

from collections.abc import Mapping, Sequence

from cckit.core.edges import check
from cckit.core.events import SYSTEM, Actor, Draft
from cckit.core.facts import PluginFailed
from cckit.core.ids import CENTER
from cckit.core.process import CASCADE_MAX, AnyProcess, request_id

from .feed import Batch
from .replies import Stored, Superseded
from .writer import Writer

__all__ = ["Processes", "Running"]


class Running:
    """A process and its state."""

    def __init__(self, plugin: str, process: AnyProcess) -> None:
        self.plugin = plugin
        self.process = process
        self.state = process.initial()
        self.actor = Actor("process", process.name)
        self.suspended = False


class Processes:
    """All processes of a center."""

    def __init__(self, writer: Writer, running: Sequence[Running]) -> None:
        self._writer = writer
        self._running = running
        self._depths: dict[int, int] = {}

    def remember(self, batch: Batch, since: Mapping[str, int], until: int) -> None:
        """Fold what happened before: states only, up to a position, no commands."""
        for recorded in batch:
            position = recorded[0].position
            for one in self._running:
                wanted = type(recorded[1]) in one.process.types
                if wanted and since.get(one.plugin, until) <= position < until:
                    one.process.apply(one.state, recorded)

    def listen(self, batch: Batch) -> None:
        """Continue each story, in position order."""
        for recorded in batch:
            depth = self._depths.pop(recorded[0].position, 0)
            for one in self._running:
                if not one.suspended and type(recorded[1]) in one.process.types:
                    try:
                        commands = one.process.apply(one.state, recorded)
                    except Exception as error:  # noqa: BLE001 - whatever it is, it is the plugin's
                        self._fail(one, type(error).__name__)
                        continue
                    self._send(one, recorded[0].position, depth + 1, commands)

    def _send(self, one: Running, position: int, depth: int, commands: Sequence[object]) -> None:
        writer = self._writer
        if commands and depth > CASCADE_MAX:
            self._fail(one, f"a cascade deeper than {CASCADE_MAX}")
            return
        for n, command in enumerate(commands):
            refused = check(command)
            if refused is not None:
                self._fail(one, f"a command that can't be: {refused.reason}")
                return
            request = writer.requests.request(
                one.actor, request_id(one.process.name, position, n), command
            )
            if writer.requests.find(request) is not None or not writer.accepts():
                continue
            reply = writer.act(command, one.actor, request=request, cause=position)
            if isinstance(reply, Stored | Superseded):
                for stored in reply.positions:
                    self._depths[stored] = depth

    def _fail(self, one: Running, error: str) -> None:
        # Its state is now unsure, so nothing more is asked of it.
        one.suspended = True
        failed = PluginFailed(one.plugin, f"process {one.process.name}", error, True)
        self._writer.record((Draft(CENTER, failed),), SYSTEM)
