"""Processes: durable events in, commands put first in the writer's queue.

They run when a batch becomes durable, before anybody who waits for it, so their commands
are decided before any answer to it. What a crash may lose is therefore in the frame after
the last one: at open the last frames are fed again. A command stands after its cause, so
the requests of these frames, however old, are all that can keep it from being done twice.

A process that says how to keep its state (``dump`` and ``load``) is kept with the snapshots of
the floor, and goes on from there; any other one is folded from the run that first loaded it.

A process that fails is suspended: its state is unsure. The log remembers that, and another
version of its plugin begins anew, with a state folded from the beginning. What of this is pure
is ``Stories`` of the core.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from cckit.core.errors import CckitError, UsageError
from cckit.core.events import SYSTEM, Draft
from cckit.core.facts import PluginFailed
from cckit.core.ids import CENTER
from cckit.core.process import Running, Sent, Stories, check_command

from .feed import Batch
from .people import People, begun_by
from .replies import Stored, Superseded
from .writer import Writer

__all__ = ["Processes"]


class Processes:
    """All processes of a center."""

    def __init__(self, writer: Writer, people: People, running: Sequence[Running]) -> None:
        self._writer = writer
        self._people = people
        self.stories = Stories(running, self._record)

    def listen(self, batch: Batch) -> None:
        """Continue each story, in position order."""
        for recorded in batch:
            for sent in self.stories.tell(recorded):
                self._carry_out(sent)

    def _carry_out(self, sent: Sent) -> None:
        """Have a command carried out, by the way that every command goes."""
        writer, requests, actor = self._writer, self._writer.requests, sent.by.actor
        if not writer.accepts() or requests.find(requests.key(actor, sent.request)) is not None:
            return
        try:
            command = self._known(sent.command)
            request = requests.request(actor, sent.request, self._people.digested(command))
            if self._ended_long_ago(command):
                return
            act = partial(writer.act, actor=actor, request=request, cause=sent.cause)
            reply = self._people.carry_out(command, act)
        except CckitError as error:
            self.stories.fail(sent.by, f"a command that can't be: {error.what}")
            return
        if isinstance(reply, Stored | Superseded):
            self.stories.led_to(sent, reply.positions)

    def _known(self, command: Any) -> Any:
        """:raises UsageError: what no command can be."""
        check_command(command)
        refused = self._people.refusal(command)
        if refused is not None:
            raise UsageError(refused.where, refused.reason, refused.remedy)
        return self._people.known(command)

    def _ended_long_ago(self, command: Any) -> bool:
        """Whether it begins a contact that the floor has forgotten: none begins twice."""
        stream = begun_by(command)
        engine = self._writer.engine
        if stream is None or stream in engine.floor.versions:
            return False
        return engine.version_of(stream) > 0

    def _record(self, failed: PluginFailed) -> None:
        self._writer.record((Draft(CENTER, failed),), SYSTEM)
