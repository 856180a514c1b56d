"""From an event of an offer, an agent or the center to the command that it answered."""

from typing import TYPE_CHECKING, Any

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.events import Envelope
from cckit.core.ids import AgentId, SubjectId
from cckit.core.instant import Span

from .day import ACCEPTED, FAILED, REJECTED, Input, Offered
from .noted import Step
from .roles import WrapupEnds, WrapupExtends

if TYPE_CHECKING:
    from .reading import Reader

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
    _in_wrapup(reader, step, envelope, data.contact, WrapupEnds(data.codes))


def extended(reader: "Reader", step: Step, envelope: Envelope, data: Any) -> None:
    held = reader.open.get(data.contact)
    found = None if held is None else held.wrapups.get(_agent(envelope))
    if found is not None:
        command = WrapupExtends(Span(data.due - found.due))
        _in_wrapup(reader, step, envelope, data.contact, command)


def _in_wrapup(
    reader: "Reader", step: Step, envelope: Envelope, contact: str, command: Any
) -> None:
    held = reader.open.get(contact)
    found = None if held is None else held.wrapups.get(_agent(envelope))
    if found is not None:
        found.inputs.append(Input(step.at - found.at, step.order, command, step.actor))


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


def merged(reader: "Reader", step: Step, envelope: Envelope, data: f.SubjectMerged) -> None:
    reader.by_clock(step, c.Merge(SubjectId(envelope.stream[8:]), data.into))


def run(reader: "Reader", step: Step, envelope: Envelope, data: f.RunStarted) -> None:
    reader.kind = data.kind
    reader.by_clock(step, data)
