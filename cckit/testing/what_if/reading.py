"""A log taken apart into what came from outside, and when.

Each decision begins with the event that its command is about, so the command can be told
from it (``leads.py``). What a timer led to was decided by the floor; of it only the instant
is kept, for a running center proposes its timers a little late, and what comes first at
one instant decides.

A log that was imported has no offers and no states of agents. Of it arrivals, waits and
talks are taken, at the instants that its source gave.
"""

from collections.abc import Iterable
from typing import Any, Final

from cckit.core import facts as f
from cckit.core.errors import ConfigError
from cckit.core.events import Envelope, Recorded
from cckit.core.ids import AgentId, QueueId, Stream
from cckit.core.instant import HOUR
from cckit.core.reports.source_clock import instant_of
from cckit.core.settings import QueueSettings

from .day import Day, Fired, Input, Offered, Setter, Stage, Story
from .leads import LEADS, SILENT, lead_of
from .noted import Open, Step
from .seen import SEEN

SETTERS: Final = frozenset(
    {
        f.OfferMade,
        f.OfferAccepted,
        f.OfferRejected,
        f.OfferExpired,
        f.OfferFailed,
        f.ContactConnectFailed,
        f.ContactIdled,
        f.QueueEntered,
        f.QueueRequirementRelaxed,
        f.LegOrdered,
        f.LegCleared,
        f.AgentWrapupStarted,
        f.AgentWrapupExtended,
        f.AgentNotReady,
        f.AgentLinkChanged,
        f.ModeChanged,
    }
)
"""Events that set timers."""
SET_FOR_US: Final = 6 * HOUR
"""How long what set a timer is remembered at least: that of a longer one comes when it is due."""


class Reader:
    """Takes the events of a log, in order."""

    def __init__(self) -> None:
        self.kind = ""
        self.stories: list[Story] = []
        self.inputs: list[Input] = []
        self.queues: dict[QueueId, QueueSettings] = {}
        self.open: dict[str, Open] = {}
        self.rang_out: dict[AgentId, tuple[Offered, int]] = {}
        """Agent who was set not ready for an offer that rang out, and when."""
        self._unmodelled: dict[str, int] = {}
        self._first: int | None = None
        self._last = 0
        self._counts: dict[tuple[Stream, type], int] = {}
        self._set: dict[int, tuple[Setter, int]] = {}
        """Position of an event that set a timer to what it is and when it came."""
        self._set_before: dict[int, tuple[Setter, int]] = {}
        """The same of older ones."""
        self._set_since = 0
        """When the first of the newer ones came."""
        self._fired: dict[Setter, list[Fired]] = {}
        self._gathered: list[Recorded[Any]] = []

    def feed(self, events: Iterable[Recorded[Any]]) -> None:
        """Take a batch; a decision may go on in the next one."""
        gathered = self._gathered
        for recorded in events:
            if gathered and gathered[0][0].stamp is not recorded[0].stamp:
                self._step(tuple(gathered))
                gathered.clear()
            gathered.append(recorded)

    def day(self) -> Day:
        """Return what was read.

        :raises ConfigError: the log is empty.
        """
        if self._gathered:
            self._step(tuple(self._gathered))
            self._gathered.clear()
        if self._first is None:
            raise ConfigError("what-if", "the log is empty", "name one with a day in it")
        self.inputs.sort(key=lambda one: one[:2])
        if self.kind == "imported":
            self.stories.sort(key=lambda story: (story.at, story.order))
        return Day(
            self.kind,
            self.stories,
            self.inputs,
            self._fired,
            self._first,
            self._last,
            self._unmodelled,
        )

    # --- decisions --------------------------------------------------------------------

    def _step(self, events: tuple[Recorded[Any], ...]) -> None:
        envelope = events[0][0]
        stamp = envelope.stamp
        at = stamp.recorded_at if self.kind != "imported" else instant_of(stamp)[0]
        if self._first is None or at < self._first:
            self._first = at
        if at > self._last:
            self._last = at
        step = Step(at, envelope.position, stamp.actor, events)
        if stamp.actor.kind == "timer":
            self._timer(step, stamp.cause)
        else:
            self._command(step)
        for recorded in events:
            kind = type(recorded[1])
            see = SEEN.get(kind)
            if see is not None:
                see(self, step, *recorded)
            if kind in SETTERS:
                self._sets(step, recorded[0], kind)

    def _command(self, step: Step) -> None:
        lead = lead_of(step)
        read = LEADS.get(type(lead[1]))
        if read is not None:
            read(self, step, *lead)
        elif type(lead[1]) not in SILENT:
            name = lead[0].type
            self._unmodelled[name] = self._unmodelled.get(name, 0) + 1

    def _sets(self, step: Step, envelope: Envelope, kind: type) -> None:
        key = (envelope.stream, kind)
        n = self._counts.get(key, 0)
        self._counts[key] = n + 1
        if step.at - self._set_since > SET_FOR_US:
            self._set_before, self._set, self._set_since = self._set, {}, step.at
        self._set[envelope.position] = ((*key, n), step.at)

    def _timer(self, step: Step, cause: int | None) -> None:
        if cause is None:
            return
        found = self._set.get(cause) or self._set_before.get(cause)
        if found is not None:
            setter, at = found
            self._fired.setdefault(setter, []).append(Fired(step.at - at, step.order))

    # --- what reading a command or an event notes -------------------------------------

    def of(self, envelope: Envelope, data: Any) -> Open | None:
        """The contact that an event is about."""
        if envelope.stream.startswith("contact/"):
            return self.open.get(envelope.stream[8:])
        return self.open.get(getattr(data, "contact", ""))

    def by_clock(self, step: Step, command: Any) -> None:
        """Note what came at an instant of its own."""
        self.inputs.append(Input(step.at, step.order, command, step.actor))

    def in_stage(self, step: Step, held: Open | None, command: Any) -> None:
        """Note an input of a contact, counted from the begin of its stage."""
        if held is not None:
            at = max(0, step.at - held.stage.at)
            held.stage.inputs.append(Input(at, step.order, command, step.actor))

    def begin(self, story: Story, kind: int, at: int, queue: QueueId | None = None) -> Stage:
        """Begin a stage of a contact."""
        if story.stages and story.stages[-1].until is None:
            story.stages[-1].until = at
        stage = Stage(kind, at, queue=queue)
        story.stages.append(stage)
        return stage
