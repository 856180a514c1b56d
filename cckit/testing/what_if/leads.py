"""From the event that a decision begins with to the command that it answered."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.events import Envelope, Recorded
from cckit.core.ids import AgentId, ContactId
from cckit.core.instant import Span
from cckit.core.settings import QueueSettings
from cckit.core.step import own_steps

from .day import ACCEPTED, FAILED, FLOW, REJECTED, WAITS, Input, Offered, Story
from .noted import Open, Step
from .roles import (
    AgentGone,
    AgentLeaves,
    Called,
    Told,
    WrapupEnds,
    WrapupExtends,
    customer_gone,
)

if TYPE_CHECKING:
    from .reading import Reader

Read = Callable[["Reader", Step, Envelope, Any], None]
ASIDE: Final = frozenset({f.OfferRescinded, f.SubjectKeyMade, f.FactSuperseded})
"""What may stand before the event that a command is about."""
OURS: Final = "system"
"""Who goes on matching, and lets go of whom nobody could serve: the floor itself."""


def lead_of(step: Step) -> Recorded[Any]:
    """The event that the command was about."""
    events = step.events
    first = type(events[0][1])
    if first in LEADS and first not in ASIDE and first is not f.QueueLeft:
        return events[0]
    kept = step.find(f.QueuePlaceKept)
    if kept is not None:  # What it ended of another contact stands before it.
        created = step.find(f.ContactCreated)
        return kept if created is None else created
    for recorded in events:
        if type(recorded[1]) not in ASIDE:
            return recorded
    return events[0]


# --- contacts -----------------------------------------------------------------------------


def created(reader: "Reader", step: Step, envelope: Envelope, data: f.ContactCreated) -> None:
    contact = ContactId(envelope.stream[8:])
    entered, kept = step.find(f.QueueEntered), step.find(f.QueuePlaceKept)
    command: c.ReportArrived | c.Recall
    if entered is not None and kept is not None:
        linked = step.find(f.ContactLinked)
        wait = entered[1]
        command = c.Recall(
            None if linked is None else linked[1].other,
            wait.queue,
            kept[1].callback,
            wait.lane,
            wait.priority,
            None if _usual(reader, wait) else wait.steps[0] if wait.steps else "",
            None if wait.since >= step.at else wait.since,
            contact,
            data.subject,
            data.channel,
        )
    else:
        command = c.ReportArrived(
            data.channel, data.entry_point, data.ref, data.direction, data.subject, contact=contact
        )
    story = Story(contact, command, step.at, step.order, step.actor)
    reader.stories.append(story)
    reader.open[contact] = Open(story, data.leg, reader.begin(story, FLOW, step.at))


def _usual(reader: "Reader", data: f.QueueEntered) -> bool:
    """Whether somebody waits for just what the queue needs."""
    settings = reader.queues.get(data.queue, QueueSettings())
    usual = own_steps(settings)
    return data.steps == usual or (not data.steps and usual == ("anyone",))


def entered(reader: "Reader", step: Step, envelope: Envelope, data: f.QueueEntered) -> None:
    if step.actor.kind == OURS:
        return
    usual = _usual(reader, data)
    several = len(data.steps) > 1 or (bool(data.steps) and "=" in _bare(data.steps[0]))
    command = c.Enqueue(
        ContactId(envelope.stream[8:]),
        data.queue,
        data.priority,
        data.lane,
        None if usual or several else data.steps[0] if data.steps else "",
        None
        if data.since >= step.at or data.place_from or reader.kind == "imported"
        else data.since,
        data.steps if several and not usual else None,
    )
    reader.in_stage(step, reader.of(envelope, data), command)


def _bare(text: str) -> str:
    """A step without what compares levels: an equals sign that is left is a clause's."""
    return text.replace(">=", "")


def priority(reader: "Reader", step: Step, envelope: Envelope, data: Any) -> None:
    command = c.SetPriority(ContactId(envelope.stream[8:]), data.priority, data.why)
    reader.in_stage(step, reader.of(envelope, data), command)


def left(reader: "Reader", step: Step, envelope: Envelope, data: f.QueueLeft) -> None:
    contact, held = ContactId(envelope.stream[8:]), reader.of(envelope, data)
    moved, over = step.find(f.QueueEntered), step.find(f.ContactClosed)
    if step.actor.kind == OURS:
        return
    if data.reason == "dequeued":
        reader.in_stage(step, held, c.Dequeue(contact))
    elif moved is not None:
        reader.in_stage(step, held, c.Overflow(contact, moved[1].queue))
    elif over is not None and data.reason in ("cancelled", "callback_failed", "merged"):
        deflected = over[1].reason in ("deflected", "spam")
        reader.in_stage(
            step,
            held,
            c.Deflect(contact, over[1].reason) if deflected else c.Cancel(contact, data.reason),
        )
    elif over is not None:
        closed(reader, step, over[0], over[1])


def closed(reader: "Reader", step: Step, envelope: Envelope, data: f.ContactClosed) -> None:
    held = reader.of(envelope, data)
    if reader.kind == "imported":
        if data.reason in ("abandoned", "completed"):
            reader.in_stage(step, held, customer_gone("normal"))
        return
    why = data.phase if data.reason == "blocked" else ""
    reader.in_stage(step, held, c.Deflect(ContactId(envelope.stream[8:]), data.reason, why))


def kept(reader: "Reader", step: Step, envelope: Envelope, data: f.QueuePlaceKept) -> None:
    command = c.KeepPlace(ContactId(envelope.stream[8:]), data.callback)
    reader.in_stage(step, reader.of(envelope, data), command)


def estimated(reader: "Reader", step: Step, envelope: Envelope, data: Any) -> None:
    command = c.Estimate(ContactId(envelope.stream[8:]))
    reader.in_stage(step, reader.of(envelope, data), command)


# --- lines --------------------------------------------------------------------------------


def cleared(reader: "Reader", step: Step, envelope: Envelope, data: f.LegCleared) -> None:
    held = reader.of(envelope, data)
    if held is None:
        return
    if held.dialing == data.leg:
        _called(step, held, Called("gone", data.cause))
        return
    ended = step.find(f.ContactClosed)
    gave_up = ended is not None and ended[1].reason == "abandoned"
    if reader.kind == "imported" and held.stage.kind in WAITS and not gave_up:
        return  # Somebody else ended the wait: how long this one would have lasted is open.
    customer = data.leg == held.leg
    gone = customer_gone(data.cause) if customer else AgentGone(data.cause)
    reader.in_stage(step, held, gone)


def _called(step: Step, held: Open, role: Called) -> None:
    if held.dialed is not None:
        held.dialed.inputs.append(Input(step.at - held.dialed.at, step.order, role, step.actor))


def delivered(reader: "Reader", step: Step, envelope: Envelope, data: f.LegDelivered) -> None:
    held = reader.of(envelope, data)
    if held is not None and held.dialing == data.leg:
        _called(step, held, Called("delivered"))


def established(reader: "Reader", step: Step, envelope: Envelope, data: f.LegEstablished) -> None:
    held = reader.of(envelope, data)
    if held is not None and held.dialing == data.leg:
        _called(step, held, Called("established"))


def ordered(reader: "Reader", step: Step, envelope: Envelope, data: f.LegOrdered) -> None:
    contact, held = ContactId(envelope.stream[8:]), reader.of(envelope, data)
    if data.order == "hold":
        reader.in_stage(step, held, c.Hold(contact))
    elif data.order == "retrieve":
        reader.in_stage(step, held, c.Retrieve(contact))
    elif data.order == "dial" and data.due is not None and step.actor.kind != OURS:
        reader.in_stage(step, held, c.DialBack(contact, Span(data.due - step.at)))


def told(
    reader: "Reader", step: Step, envelope: Envelope, data: f.LegHeld | f.LegRetrieved
) -> None:
    held = reader.of(envelope, data)
    if held is not None:
        reader.in_stage(step, held, Told(type(data) is f.LegHeld, data.leg == held.leg))


# --- offers -------------------------------------------------------------------------------


def _offered(reader: "Reader", envelope: Envelope, data: Any) -> Offered | None:
    held = reader.of(envelope, data)
    return None if held is None or data.offer is None else held.offers.get(data.offer)


def alerting(reader: "Reader", step: Step, envelope: Envelope, data: f.OfferAlerting) -> None:
    offered = _offered(reader, envelope, data)
    if offered is not None:
        offered.alert = Input(step.at - offered.at, step.order, None, step.actor)


def _answer(
    reader: "Reader", step: Step, envelope: Envelope, data: Any, outcome: str, what: Any
) -> None:
    offered = _offered(reader, envelope, data)
    if offered is not None:
        offered.outcome = outcome
        offered.answer = Input(step.at - offered.at, step.order, what, step.actor)


def answered(reader: "Reader", step: Step, envelope: Envelope, data: f.OfferAccepted) -> None:
    bridged_at_once = None if step.find(f.ContactConnected) is None else c.ReportBridged
    _answer(reader, step, envelope, data, ACCEPTED, bridged_at_once)


def rejected(reader: "Reader", step: Step, envelope: Envelope, data: f.OfferRejected) -> None:
    _answer(reader, step, envelope, data, REJECTED, data.reason)


def failed(reader: "Reader", step: Step, envelope: Envelope, data: f.OfferFailed) -> None:
    _answer(reader, step, envelope, data, FAILED, data.cause)


def bridged(reader: "Reader", step: Step, envelope: Envelope, data: Any) -> None:
    offered = _offered(reader, envelope, data)
    if offered is not None:
        cause = data.cause if isinstance(data, f.ContactConnectFailed) else None
        offered.bridge = Input(step.at - offered.answered_at, step.order, cause, step.actor)


def talk_ended(reader: "Reader", step: Step, envelope: Envelope, data: Any) -> None:
    held = reader.of(envelope, data)
    if held is not None:
        agents = step.actor.kind == "agent"
        command = AgentLeaves() if agents else c.Close(held.story.contact)
        reader.in_stage(step, held, command)


# --- agents -------------------------------------------------------------------------------


def logged_in(reader: "Reader", step: Step, envelope: Envelope, data: f.AgentLoggedIn) -> None:
    reader.by_clock(step, c.LogIn(_agent(envelope), data.channels))


def logged_out(reader: "Reader", step: Step, envelope: Envelope, data: f.AgentLoggedOut) -> None:
    reader.rang_out.pop(_agent(envelope), None)
    reader.by_clock(step, c.LogOut(_agent(envelope), data.why))


def ready(reader: "Reader", step: Step, envelope: Envelope, data: f.AgentReady) -> None:
    agent = _agent(envelope)
    back = reader.rang_out.pop(agent, None)
    if back is None:
        reader.by_clock(step, c.SetReady(agent))
    else:
        back[0].back = Input(step.at - back[1], step.order, None, step.actor)


def not_ready(reader: "Reader", step: Step, envelope: Envelope, data: f.AgentNotReady) -> None:
    reader.rang_out.pop(_agent(envelope), None)
    reader.by_clock(step, c.SetNotReady(_agent(envelope), data.reason, data.due))


def next_status(reader: "Reader", step: Step, envelope: Envelope, data: Any) -> None:
    agent = _agent(envelope)
    if data.status == "logged_out":
        reader.by_clock(step, c.LogOut(agent, data.reason))
    else:
        reader.by_clock(step, c.SetNotReady(agent, data.reason))


def wrapped(reader: "Reader", step: Step, envelope: Envelope, data: f.AgentWrapupEnded) -> None:
    _in_wrapup(reader, step, data.contact, WrapupEnds(data.codes))


def extended(reader: "Reader", step: Step, envelope: Envelope, data: Any) -> None:
    held = reader.open.get(data.contact)
    if held is not None and held.wrapup is not None:
        _in_wrapup(reader, step, data.contact, WrapupExtends(Span(data.due - held.wrapup.due)))


def _in_wrapup(reader: "Reader", step: Step, contact: str, command: Any) -> None:
    held = reader.open.get(contact)
    if held is not None and held.wrapup is not None:
        at = step.at - held.wrapup.at
        held.wrapup.inputs.append(Input(at, step.order, command, step.actor))


def profile(reader: "Reader", step: Step, envelope: Envelope, data: f.AgentProfileSet) -> None:
    command = c.SetProfile(_agent(envelope), data.skills, data.channels, data.budget)
    reader.by_clock(step, command)


def certified(reader: "Reader", step: Step, envelope: Envelope, data: Any) -> None:
    command = c.SetCertification(data.agent, data.skill, data.from_at, data.until)
    reader.by_clock(step, command)


def linked(reader: "Reader", step: Step, envelope: Envelope, data: f.AgentLinkChanged) -> None:
    reader.by_clock(step, c.ReportAgentLink(_agent(envelope), data.what, data.up))


def _agent(envelope: Envelope) -> AgentId:
    return AgentId(envelope.stream[6:])


# --- the center ---------------------------------------------------------------------------


def configured(reader: "Reader", step: Step, envelope: Envelope, data: f.ConfigApplied) -> None:
    reader.by_clock(step, c.ApplyConfig(data.kind, data.id, data.data))


def mode(reader: "Reader", step: Step, envelope: Envelope, data: f.ModeChanged) -> None:
    reader.by_clock(step, c.SetMode(data.scope, data.mode, data.until, data.why))


def adapter(reader: "Reader", step: Step, envelope: Envelope, data: Any) -> None:
    reader.by_clock(step, c.ReportLink(data.adapter, data.up, data.seen_at))


def run(reader: "Reader", step: Step, envelope: Envelope, data: f.RunStarted) -> None:
    reader.kind = data.kind
    reader.by_clock(step, data)


LEADS: Final[dict[type, Read]] = {
    f.RunStarted: run,
    f.ConfigApplied: configured,
    f.ModeChanged: mode,
    f.AdapterLinkChanged: adapter,
    f.ContactCreated: created,
    f.QueueEntered: entered,
    f.QueuePriorityChanged: priority,
    f.QueueLeft: left,
    f.QueuePlaceKept: kept,
    f.QueueEstimateGiven: estimated,
    f.ContactClosed: closed,
    f.LegCleared: cleared,
    f.LegOrdered: ordered,
    f.LegDelivered: delivered,
    f.LegEstablished: established,
    f.LegHeld: told,
    f.LegRetrieved: told,
    f.AgentWrapupStarted: talk_ended,
    f.ContactAgentLeft: talk_ended,
    f.OfferAlerting: alerting,
    f.OfferAccepted: answered,
    f.OfferRejected: rejected,
    f.OfferFailed: failed,
    f.ContactConnected: bridged,
    f.ContactConnectFailed: bridged,
    f.AgentProfileSet: profile,
    f.CertificationChanged: certified,
    f.AgentLinkChanged: linked,
    f.AgentLoggedIn: logged_in,
    f.AgentLoggedOut: logged_out,
    f.AgentReady: ready,
    f.AgentNotReady: not_ready,
    f.AgentNextStatusSet: next_status,
    f.AgentWrapupEnded: wrapped,
    f.AgentWrapupExtended: extended,
}
"""The first event of a decision to what reads its command from it."""

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
        f.ContactIdentified,
        f.ContactAttributesSet,
        f.ContactConsentRecorded,
        f.MessageSent,
        f.MessageStatusSet,
        f.OfferMade,
        f.OfferRescinded,
        f.QueueRequirementRelaxed,
    }
)
"""What no decision about contacts or agents depends on; or what only ``Route`` begins with."""
