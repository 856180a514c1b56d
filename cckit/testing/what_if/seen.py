"""What the events of a log do to what is known of its contacts, while it is read."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from cckit.core import facts as f
from cckit.core.events import Envelope
from cckit.core.ids import AgentId, QueueId
from cckit.core.leg import CUSTOMER, EXTERNAL
from cckit.core.settings import QueueSettings

from .day import (
    AWAY,
    BACK,
    FAILED,
    FLOW,
    IDLE,
    RANG_OUT,
    TALK,
    WAIT,
    WAITS,
    Dialed,
    Offered,
    Wrapup,
)
from .noted import Step

if TYPE_CHECKING:
    from .reading import Reader

See = Callable[["Reader", Step, Envelope, Any], None]


def entered(reader: "Reader", step: Step, envelope: Envelope, data: f.QueueEntered) -> None:
    held = reader.of(envelope, data)
    if held is not None:
        held.stage = reader.begin(held.story, WAIT, step.at, data.queue)
        held.steps = data.steps


def kept(reader: "Reader", step: Step, envelope: Envelope, data: f.QueuePlaceKept) -> None:
    held = reader.of(envelope, data)
    if held is not None and held.stage.kind != AWAY:
        held.stage = reader.begin(held.story, AWAY, step.at, held.stage.queue)


def resumed(reader: "Reader", step: Step, envelope: Envelope, data: f.QueueResumed) -> None:
    held = reader.of(envelope, data)
    if held is not None:
        held.stage = reader.begin(held.story, BACK, step.at, held.stage.queue)


def left(reader: "Reader", step: Step, envelope: Envelope, data: f.QueueLeft) -> None:
    held = reader.of(envelope, data)
    if held is None or held.stage.kind == TALK:
        return
    held.stage.gave_up = (
        data.reason == "abandoned" and held.stage.kind in WAITS and held.about is None
    )
    held.stage.until = step.at
    if data.reason == "dequeued":
        held.stage = reader.begin(held.story, FLOW, step.at)


def connected(reader: "Reader", step: Step, envelope: Envelope, data: f.ContactConnected) -> None:
    held = reader.of(envelope, data)
    if held is not None:
        held.stage = reader.begin(held.story, TALK, step.at, held.stage.queue)
        if data.agent not in held.agents:
            held.agents.append(data.agent)
        if len(held.agents) > 1 and data.leg not in held.others:
            held.others.append(data.leg)


def agent_left(reader: "Reader", step: Step, envelope: Envelope, data: f.ContactAgentLeft) -> None:
    """The next one answers for the contact, if the first has left."""
    held = reader.of(envelope, data)
    if held is None or data.agent not in held.agents:
        return
    place = held.agents.index(data.agent)
    held.agents.remove(data.agent)
    if held.others and (place or held.agents):
        del held.others[max(0, place - 1)]


def idled(reader: "Reader", step: Step, envelope: Envelope, data: f.ContactIdled) -> None:
    held = reader.of(envelope, data)
    if held is not None:
        held.stage = reader.begin(held.story, IDLE, step.at, held.stage.queue)


def linked(reader: "Reader", step: Step, envelope: Envelope, data: f.ContactLinked) -> None:
    held = reader.of(envelope, data)
    if held is not None and data.kind == "consult_of":
        held.about = reader.open.get(data.other)


def closed(reader: "Reader", step: Step, envelope: Envelope, data: f.ContactClosed) -> None:
    held = reader.of(envelope, data)
    if held is None:
        return
    if held.stage.until is None:
        held.stage.until = step.at
    held.story.closed = True
    for offered in held.offers.values():
        offered.until = step.at
    held.offers.clear()
    if not held.wrapups:
        del reader.open[held.story.contact]


def ordered(reader: "Reader", step: Step, envelope: Envelope, data: f.LegOrdered) -> None:
    held = reader.of(envelope, data)
    if held is None:
        return
    if data.order == "join" and data.role == EXTERNAL:
        held.others.append(data.leg)
    if data.order == "dial" and data.role in (CUSTOMER, EXTERNAL):
        held.dialing, held.dials = data.leg, data.role
        held.dialed = Dialed(step.at)
        held.story.dialed.append(held.dialed)


def established(reader: "Reader", step: Step, envelope: Envelope, data: Any) -> None:
    held = reader.of(envelope, data)
    if held is not None and held.dialing == data.leg:
        held.dialing = None
        if held.dials == CUSTOMER:
            held.leg = data.leg
        else:
            held.others.append(data.leg)


def cleared(reader: "Reader", step: Step, envelope: Envelope, data: f.LegCleared) -> None:
    held = reader.of(envelope, data)
    if held is not None and data.leg in held.others:
        held.others.remove(data.leg)


def offered(reader: "Reader", step: Step, envelope: Envelope, made: f.OfferMade) -> None:
    held = reader.of(envelope, made)
    if held is not None:
        found = held.offers[made.offer] = Offered(step.at, made)
        held.story.offers.append(found)


def accepted(reader: "Reader", step: Step, envelope: Envelope, data: f.OfferAccepted) -> None:
    held = reader.of(envelope, data)
    if held is not None and data.offer in held.offers:
        held.offers[data.offer].answered_at = step.at


def unaccepted(reader: "Reader", step: Step, envelope: Envelope, data: Any) -> None:
    held = reader.of(envelope, data)
    found = None if held is None else held.offers.pop(data.offer, None)
    if found is None:
        return
    found.until = step.at
    if type(data) is f.OfferFailed:
        found.outcome = FAILED
    elif type(data) is f.ContactConnectFailed:
        found.never = step.actor.kind == "timer"
    elif type(data) is f.OfferExpired:
        found.outcome = RANG_OUT
        for _, fact in step.events:
            if type(fact) is f.AgentNotReady and fact.reason == "rona":
                reader.rang_out[found.made.agent] = (found, step.at)


def ready(reader: "Reader", step: Step, envelope: Envelope, data: f.AgentReady) -> None:
    reader.rang_out.pop(AgentId(envelope.stream[6:]), None)


def not_ready(reader: "Reader", step: Step, envelope: Envelope, data: f.AgentNotReady) -> None:
    """Who is not ready for another reason by now is not back from an offer that rang out."""
    if data.reason != "rona":
        reader.rang_out.pop(AgentId(envelope.stream[6:]), None)


def wrapup(reader: "Reader", step: Step, envelope: Envelope, data: f.AgentWrapupStarted) -> None:
    held = reader.open.get(data.contact)
    if held is not None:
        found = held.wrapups[AgentId(envelope.stream[6:])] = Wrapup(step.at, data.due)
        held.story.wrapups.append(found)


def extended(reader: "Reader", step: Step, envelope: Envelope, data: Any) -> None:
    held = reader.open.get(data.contact)
    found = None if held is None else held.wrapups.get(AgentId(envelope.stream[6:]))
    if found is not None:
        found.due = data.due


def wrapped(reader: "Reader", step: Step, envelope: Envelope, data: f.AgentWrapupEnded) -> None:
    held = reader.open.get(data.contact)
    found = None if held is None else held.wrapups.pop(AgentId(envelope.stream[6:]), None)
    if held is None or found is None:
        return
    found.until = step.at
    found.by_timer = step.actor.kind == "timer"
    if held.story.closed and not held.wrapups:
        del reader.open[data.contact]


def configured(reader: "Reader", step: Step, envelope: Envelope, data: f.ConfigApplied) -> None:
    if data.kind == "queue":
        reader.queues[QueueId(data.id)] = QueueSettings.unpack(data.data)


SEEN: Final[dict[type, See]] = {
    f.QueueEntered: entered,
    f.QueuePlaceKept: kept,
    f.QueueResumed: resumed,
    f.QueueLeft: left,
    f.ContactConnected: connected,
    f.ContactClosed: closed,
    f.ContactAgentLeft: agent_left,
    f.ContactIdled: idled,
    f.ContactLinked: linked,
    f.LegCleared: cleared,
    f.LegOrdered: ordered,
    f.LegEstablished: established,
    f.OfferMade: offered,
    f.OfferAccepted: accepted,
    **dict.fromkeys(
        (
            f.OfferRejected,
            f.OfferExpired,
            f.OfferFailed,
            f.OfferRescinded,
            f.ContactConnectFailed,
        ),
        unaccepted,
    ),
    f.AgentReady: ready,
    f.AgentNotReady: not_ready,
    f.AgentWrapupStarted: wrapup,
    f.AgentWrapupExtended: extended,
    f.AgentWrapupEnded: wrapped,
    f.ConfigApplied: configured,
}
"""By type of event."""
