"""A log taken apart into what came from outside, and when.

Each decision begins with the event that its command is about, so the command can be told
from it: ``LEADS`` says which. What a timer led to was decided by the floor; of it only the
instant is kept, for a running center proposes its timers a little late, and what comes
first at one instant decides.

A log that was imported has no offers and no states of agents. Of it arrivals, waits and
talks are taken, at the instants that its source gave.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

import attrs

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.errors import ConfigError
from cckit.core.events import Actor, Envelope, Recorded
from cckit.core.ids import AgentId, ContactId, LegId, QueueId
from cckit.core.instant import SECOND, Span
from cckit.core.need import parse
from cckit.core.reports.source_clock import instant_of
from cckit.core.settings import QueueSettings

from .day import (
    ACCEPTED,
    FAILED,
    FLOW,
    RANG_OUT,
    REJECTED,
    TALK,
    WAIT,
    Day,
    Fired,
    Input,
    Offered,
    Stage,
    Story,
    Wrapup,
)
from .roles import AgentGone, AgentLeaves, Told, WrapupEnds, WrapupExtends, customer_gone

BACKOFF_STEP_US: Final = 5 * SECOND
"""Every back-off is some of these, so what is over is how late its timer was."""
ASIDE: Final = (f.OfferRescinded, f.SubjectKeyMade, f.FactSuperseded)
"""What may stand before the event that a command is about."""


class Step(NamedTuple):
    """A decision being read."""

    at: int
    order: int
    actor: Actor
    events: tuple[Recorded[Any], ...]

    @property
    def lead(self) -> Recorded[Any]:
        """The event that the command was about."""
        for recorded in self.events:
            if type(recorded[1]) not in ASIDE:
                return recorded
        return self.events[0]

    def has(self, kind: type) -> bool:
        return any(type(data) is kind for _, data in self.events)


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Open:
    """A contact that has not ended yet, or is still wrapped up."""

    story: Story
    leg: LegId
    stage: Stage
    offered: Offered | None = None
    """Its live or accepted offer."""
    wrapup: Wrapup | None = None
    setters: dict[int, tuple[Any, str, int]] = attrs.field(factory=dict)
    """Position of an event that set a timer to the record of it, its field, and the due."""


class Reader:
    """Takes the events of a log, in order."""

    def __init__(self) -> None:
        self.kind = ""
        self.stories: list[Story] = []
        self.inputs: list[Input] = []
        self.unmodelled: dict[str, int] = {}
        self.first: int | None = None
        self.last = 0
        self.queues: dict[QueueId, QueueSettings] = {}
        self._open: dict[str, Open] = {}
        self._rang_out: dict[str, tuple[Offered, int]] = {}
        """Agent who was set not ready for an offer that rang out, and when."""
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
        if self.first is None:
            raise ConfigError("what-if", "the log is empty", "name one with a day in it")
        self.inputs.sort(key=lambda one: one[:2])
        if self.kind == "imported":
            self.stories.sort(key=lambda story: (story.at, story.order))
        return Day(self.kind, self.stories, self.inputs, self.first, self.last, self.unmodelled)

    # --- decisions --------------------------------------------------------------------

    def _step(self, events: tuple[Recorded[Any], ...]) -> None:
        envelope = events[0][0]
        stamp = envelope.stamp
        at = stamp.recorded_at if self.kind != "imported" else instant_of(stamp)[0]
        if self.first is None or at < self.first:
            self.first = at
        if at > self.last:
            self.last = at
        step = Step(at, envelope.position, stamp.actor, events)
        if stamp.actor.kind == "timer":
            self._timer(step, stamp.cause)
        else:
            lead = events[0]
            if type(lead[1]) in ASIDE:
                lead = step.lead
            read = LEADS.get(type(lead[1]))
            if read is not None:
                read(self, step, *lead)
            elif type(lead[1]) not in SILENT:
                name = lead[0].type
                self.unmodelled[name] = self.unmodelled.get(name, 0) + 1
        for recorded in events:
            see = SEEN.get(type(recorded[1]))
            if see is not None:
                see(self, step, *recorded)

    def _timer(self, step: Step, cause: int | None) -> None:
        envelope, data = step.events[0]
        held = self._of(envelope, data)
        setter = None if held is None or cause is None else held.setters.pop(cause, None)
        if setter is None:
            return
        record, field, due = setter
        late = step.at - due if due else (step.at - record.until) % BACKOFF_STEP_US
        setattr(record, field, Fired(max(0, late), step.order))

    def _of(self, envelope: Envelope, data: Any) -> Open | None:
        """The contact that an event is about."""
        if envelope.stream.startswith("contact/"):
            return self._open.get(envelope.stream[8:])
        return self._open.get(getattr(data, "contact", ""))

    def by_clock(self, step: Step, command: Any) -> None:
        self.inputs.append(Input(step.at, step.order, command, step.actor))

    def in_stage(self, step: Step, envelope: Envelope, command: Any) -> None:
        """Note an input of a contact, counted from the begin of its stage."""
        held = self._open.get(envelope.stream[8:])
        if held is not None:
            at = max(0, step.at - held.stage.at)
            held.stage.inputs.append(Input(at, step.order, command, step.actor))

    # --- what commands begin with -----------------------------------------------------

    def created(self, step: Step, envelope: Envelope, data: f.ContactCreated) -> None:
        contact = ContactId(envelope.stream[8:])
        command = c.ReportArrived(
            data.channel, data.entry_point, data.ref, data.direction, data.subject, contact=contact
        )
        story = Story(contact, command, step.at, step.order, step.actor)
        self.stories.append(story)
        self._open[contact] = Open(story, data.leg, self._begin(story, FLOW, step.at))

    def entered(self, step: Step, envelope: Envelope, data: f.QueueEntered) -> None:
        settings = self.queues.get(data.queue)
        usual = "" if settings is None else parse(settings.need).text
        need = data.steps[0] if data.steps else ""
        command = c.Enqueue(
            ContactId(envelope.stream[8:]),
            data.queue,
            data.priority,
            data.lane,
            None if need == usual else need,
            None if data.since >= step.at or self.kind == "imported" else data.since,
        )
        self.in_stage(step, envelope, command)

    def priority(self, step: Step, envelope: Envelope, data: f.QueuePriorityChanged) -> None:
        contact = ContactId(envelope.stream[8:])
        self.in_stage(step, envelope, c.SetPriority(contact, data.priority, data.why))

    def left(self, step: Step, envelope: Envelope, data: f.QueueLeft) -> None:
        contact = ContactId(envelope.stream[8:])
        if data.reason == "dequeued":
            self.in_stage(step, envelope, c.Dequeue(contact))
            return
        for _, fact in step.events:
            if type(fact) is f.ContactClosed:
                self.closed(step, envelope, fact)

    def closed(self, step: Step, envelope: Envelope, data: f.ContactClosed) -> None:
        contact = ContactId(envelope.stream[8:])
        if self.kind == "imported":
            if data.reason in ("abandoned", "completed"):
                self.in_stage(step, envelope, customer_gone("normal"))
            return
        why = data.phase if data.reason == "blocked" else ""
        self.in_stage(step, envelope, c.Deflect(contact, data.reason, why))

    def cleared(self, step: Step, envelope: Envelope, data: f.LegCleared) -> None:
        held = self._open.get(envelope.stream[8:])
        if held is None:
            return
        customer = data.leg == held.leg
        if self.kind == "imported" and held.stage.kind == WAIT and not _abandoned(step):
            return  # Somebody else ended the wait: how long this one would have lasted is open.
        gone = customer_gone(data.cause) if customer else AgentGone(data.cause)
        self.in_stage(step, envelope, gone)

    def talk_ended(self, step: Step, envelope: Envelope, data: Any) -> None:
        held = self._of(envelope, data)
        if held is None:
            return
        agents = step.actor.kind == "agent"
        command = AgentLeaves() if agents else c.Close(held.story.contact)
        at = max(0, step.at - held.stage.at)
        held.stage.inputs.append(Input(at, step.order, command, step.actor))

    def ordered(self, step: Step, envelope: Envelope, data: f.LegOrdered) -> None:
        contact = ContactId(envelope.stream[8:])
        if data.order == "hold":
            self.in_stage(step, envelope, c.Hold(contact))
        elif data.order == "retrieve":
            self.in_stage(step, envelope, c.Retrieve(contact))

    def told(self, step: Step, envelope: Envelope, data: f.LegHeld | f.LegRetrieved) -> None:
        held = self._open.get(envelope.stream[8:])
        if held is not None:
            role = Told(type(data) is f.LegHeld, data.leg == held.leg)
            self.in_stage(step, envelope, role)

    def alerting(self, step: Step, envelope: Envelope, data: f.OfferAlerting) -> None:
        offered = self._offered(envelope)
        if offered is not None:
            offered.alert = Input(step.at - offered.at, step.order, None, step.actor)

    def answered(self, step: Step, envelope: Envelope, data: f.OfferAccepted) -> None:
        offered = self._offered(envelope)
        if offered is not None:
            bridged = step.has(f.ContactConnected)
            self._answer(step, offered, ACCEPTED, c.ReportBridged if bridged else None)

    def rejected(self, step: Step, envelope: Envelope, data: f.OfferRejected) -> None:
        offered = self._offered(envelope)
        if offered is not None:
            self._answer(step, offered, REJECTED, data.reason)

    def failed(self, step: Step, envelope: Envelope, data: f.OfferFailed) -> None:
        offered = self._offered(envelope)
        if offered is not None:
            self._answer(step, offered, FAILED, data.cause)

    def _answer(self, step: Step, offered: Offered, outcome: str, what: Any) -> None:
        offered.outcome = outcome
        offered.answer = Input(step.at - offered.at, step.order, what, step.actor)

    def bridged(
        self, step: Step, envelope: Envelope, data: f.ContactConnected | f.ContactConnectFailed
    ) -> None:
        offered = self._offered(envelope)
        if offered is not None:
            failed = type(data) is f.ContactConnectFailed
            cause = data.cause if isinstance(data, f.ContactConnectFailed) and failed else None
            offered.bridge = Input(step.at - offered.answered_at, step.order, cause, step.actor)

    def _offered(self, envelope: Envelope) -> Offered | None:
        held = self._open.get(envelope.stream[8:])
        return None if held is None else held.offered

    def logged_in(self, step: Step, envelope: Envelope, data: f.AgentLoggedIn) -> None:
        self.by_clock(step, c.LogIn(_agent(envelope), data.channels))

    def logged_out(self, step: Step, envelope: Envelope, data: f.AgentLoggedOut) -> None:
        self._rang_out.pop(_agent(envelope), None)
        self.by_clock(step, c.LogOut(_agent(envelope), data.why))

    def ready(self, step: Step, envelope: Envelope, data: f.AgentReady) -> None:
        agent = _agent(envelope)
        back = self._rang_out.pop(agent, None)
        if back is None:
            self.by_clock(step, c.SetReady(agent))
        else:
            back[0].back = Input(step.at - back[1], step.order, None, step.actor)

    def not_ready(self, step: Step, envelope: Envelope, data: f.AgentNotReady) -> None:
        self._rang_out.pop(_agent(envelope), None)
        self.by_clock(step, c.SetNotReady(_agent(envelope), data.reason))

    def next_status(self, step: Step, envelope: Envelope, data: f.AgentNextStatusSet) -> None:
        agent = _agent(envelope)
        if data.status == "logged_out":
            self.by_clock(step, c.LogOut(agent, data.reason))
        else:
            self.by_clock(step, c.SetNotReady(agent, data.reason))

    def wrapped(self, step: Step, envelope: Envelope, data: f.AgentWrapupEnded) -> None:
        self._in_wrapup(step, data.contact, WrapupEnds(data.codes))

    def extended(self, step: Step, envelope: Envelope, data: f.AgentWrapupExtended) -> None:
        held = self._open.get(data.contact)
        if held is not None and held.wrapup is not None:
            by_us = Span(data.due - held.wrapup.due)
            self._in_wrapup(step, data.contact, WrapupExtends(by_us))

    def _in_wrapup(self, step: Step, contact: str, command: Any) -> None:
        held = self._open.get(contact)
        if held is not None and held.wrapup is not None:
            at = step.at - held.wrapup.at
            held.wrapup.inputs.append(Input(at, step.order, command, step.actor))

    def profile(self, step: Step, envelope: Envelope, data: f.AgentProfileSet) -> None:
        command = c.SetProfile(_agent(envelope), data.skills, data.channels, data.budget)
        self.by_clock(step, command)

    def configured(self, step: Step, envelope: Envelope, data: f.ConfigApplied) -> None:
        self.by_clock(step, c.ApplyConfig(data.kind, data.id, data.data))

    def run(self, step: Step, envelope: Envelope, data: f.RunStarted) -> None:
        self.kind = data.kind
        self.by_clock(step, data)

    # --- what events do to what is known ----------------------------------------------

    def _begin(self, story: Story, kind: int, at: int, queue: QueueId | None = None) -> Stage:
        if story.stages:
            story.stages[-1].until = at
        stage = Stage(kind, at, queue=queue)
        story.stages.append(stage)
        return stage

    def see_entered(self, step: Step, envelope: Envelope, data: f.QueueEntered) -> None:
        held = self._open.get(envelope.stream[8:])
        if held is not None:
            held.stage = self._begin(held.story, WAIT, step.at, data.queue)
            if data.due:
                held.setters[envelope.position] = (held.stage, "fired", data.due)

    def see_left(self, step: Step, envelope: Envelope, data: f.QueueLeft) -> None:
        held = self._open.get(envelope.stream[8:])
        if held is None or held.stage.kind != WAIT:
            return
        held.stage.gave_up = data.reason == "abandoned"
        held.stage.until = step.at
        if data.reason == "dequeued":
            held.stage = self._begin(held.story, FLOW, step.at)

    def see_connected(self, step: Step, envelope: Envelope, data: f.ContactConnected) -> None:
        held = self._open.get(envelope.stream[8:])
        if held is not None:
            queue = held.stage.queue
            held.stage = self._begin(held.story, TALK, step.at, queue)

    def see_closed(self, step: Step, envelope: Envelope, data: f.ContactClosed) -> None:
        held = self._open.get(envelope.stream[8:])
        if held is not None:
            held.stage.until = step.at
            held.story.closed = True
            if held.offered is not None:
                held.offered.until = step.at
            if held.wrapup is None:
                del self._open[held.story.contact]

    def see_offer(self, step: Step, envelope: Envelope, made: f.OfferMade) -> None:
        held = self._open.get(envelope.stream[8:])
        if held is not None:
            offered = Offered(step.at, made)
            held.story.offers.append(offered)
            held.offered = offered
            held.setters[envelope.position] = (offered, "rang", made.due)

    def see_accepted(self, step: Step, envelope: Envelope, data: f.OfferAccepted) -> None:
        held = self._open.get(envelope.stream[8:])
        if held is not None and held.offered is not None:
            held.offered.answered_at = step.at
            settings = self.queues.get(held.stage.queue or QueueId(""), QueueSettings())
            due = step.at + settings.connect_us
            held.setters[envelope.position] = (held.offered, "connected", due)

    def see_unaccepted(self, step: Step, envelope: Envelope, data: Any) -> None:
        held = self._open.get(envelope.stream[8:])
        if held is None or held.offered is None:
            return
        offered, held.offered = held.offered, None
        offered.until = step.at
        held.setters[envelope.position] = (offered, "barred", 0)
        if type(data) is f.OfferFailed:
            offered.outcome = FAILED
        if type(data) is f.OfferExpired:
            offered.outcome = RANG_OUT
            for _, fact in step.events:
                if type(fact) is f.AgentNotReady and fact.reason == "rona":
                    self._rang_out[offered.made.agent] = (offered, step.at)

    def see_rescinded(self, step: Step, envelope: Envelope, data: f.OfferRescinded) -> None:
        held = self._open.get(envelope.stream[8:])
        if held is not None and held.offered is not None:
            held.offered.until = step.at
            held.offered = None

    def see_wrapup(self, step: Step, envelope: Envelope, data: f.AgentWrapupStarted) -> None:
        held = self._open.get(data.contact)
        if held is not None:
            held.wrapup = Wrapup(step.at, data.due)
            held.story.wrapups.append(held.wrapup)
            held.setters[envelope.position] = (held.wrapup, "fired", data.due)

    def see_extended(self, step: Step, envelope: Envelope, data: f.AgentWrapupExtended) -> None:
        held = self._open.get(data.contact)
        if held is not None and held.wrapup is not None:
            held.wrapup.due = data.due
            held.setters[envelope.position] = (held.wrapup, "fired", data.due)

    def see_wrapped(self, step: Step, envelope: Envelope, data: f.AgentWrapupEnded) -> None:
        held = self._open.get(data.contact)
        if held is None or held.wrapup is None:
            return
        held.wrapup.until = step.at
        held.wrapup = None
        if held.story.closed:
            del self._open[data.contact]

    def see_config(self, step: Step, envelope: Envelope, data: f.ConfigApplied) -> None:
        if data.kind == "queue":
            self.queues[QueueId(data.id)] = QueueSettings.unpack(data.data)


def _abandoned(step: Step) -> bool:
    return any(
        type(data) is f.ContactClosed and data.reason == "abandoned" for _, data in step.events
    )


def _agent(envelope: Envelope) -> AgentId:
    return AgentId(envelope.stream[6:])


Read = Callable[[Reader, Step, Envelope, Any], None]

LEADS: Final[dict[type, Read]] = {
    f.RunStarted: Reader.run,
    f.ConfigApplied: Reader.configured,
    f.ContactCreated: Reader.created,
    f.QueueEntered: Reader.entered,
    f.QueuePriorityChanged: Reader.priority,
    f.QueueLeft: Reader.left,
    f.ContactClosed: Reader.closed,
    f.LegCleared: Reader.cleared,
    f.AgentWrapupStarted: Reader.talk_ended,
    f.ContactAgentLeft: Reader.talk_ended,
    f.LegOrdered: Reader.ordered,
    f.LegHeld: Reader.told,
    f.LegRetrieved: Reader.told,
    f.OfferAlerting: Reader.alerting,
    f.OfferAccepted: Reader.answered,
    f.OfferRejected: Reader.rejected,
    f.OfferFailed: Reader.failed,
    f.ContactConnected: Reader.bridged,
    f.ContactConnectFailed: Reader.bridged,
    f.AgentProfileSet: Reader.profile,
    f.AgentLoggedIn: Reader.logged_in,
    f.AgentLoggedOut: Reader.logged_out,
    f.AgentReady: Reader.ready,
    f.AgentNotReady: Reader.not_ready,
    f.AgentNextStatusSet: Reader.next_status,
    f.AgentWrapupEnded: Reader.wrapped,
    f.AgentWrapupExtended: Reader.extended,
}
"""The first event of a decision to what reads its command from it."""

SEEN: Final[dict[type, Read]] = {
    f.QueueEntered: Reader.see_entered,
    f.QueueLeft: Reader.see_left,
    f.ContactConnected: Reader.see_connected,
    f.ContactClosed: Reader.see_closed,
    f.OfferMade: Reader.see_offer,
    f.OfferAccepted: Reader.see_accepted,
    f.OfferRejected: Reader.see_unaccepted,
    f.OfferExpired: Reader.see_unaccepted,
    f.OfferFailed: Reader.see_unaccepted,
    f.ContactConnectFailed: Reader.see_unaccepted,
    f.OfferRescinded: Reader.see_rescinded,
    f.AgentWrapupStarted: Reader.see_wrapup,
    f.AgentWrapupExtended: Reader.see_extended,
    f.AgentWrapupEnded: Reader.see_wrapped,
    f.ConfigApplied: Reader.see_config,
}

SILENT: Final[frozenset[type]] = frozenset(
    {
        f.SchemaDeclared,
        f.RecoveryReconciled,
        f.ClockStepped,
        f.PluginFailed,
        f.InvariantBroken,
        f.FactSuperseded,
        f.FactQuarantined,
        f.FactFlagged,
        f.LedgerCounted,
        f.LogRestored,
        f.ProjectionPinned,
        f.PermissionChanged,
        f.AccessGranted,
        f.AccessRefused,
        f.DataDisclosed,
        f.HoldChanged,
        f.SubjectErasureStarted,
        f.SubjectErased,
        f.SubjectKeyMade,
        f.OfferMade,
        f.OfferRescinded,
    }
)
"""What no decision about contacts or agents depends on; or what only ``Route`` begins with."""
