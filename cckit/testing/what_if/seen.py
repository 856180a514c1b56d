"""What the events of a log do to what is known of its contacts, while it is read."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from cckit.core import facts as f
from cckit.core.events import Envelope
from cckit.core.ids import AgentId, QueueId
from cckit.core.leg import CUSTOMER
from cckit.core.settings import QueueSettings

from .day import AWAY, BACK, FAILED, FLOW, RANG_OUT, TALK, WAIT, WAITS, Dialed, Offered, Wrapup
from .noted import Step

if TYPE_CHECKING:
    from .reading import Reader

See = Callable[["Reader", Step, Envelope, Any], None]


def entered(reader: "Reader", step: Step, envelope: Envelope, data: f.QueueEntered) -> None:
    held = reader.of(envelope, data)
    if held is not None:
        held.stage = reader.begin(held.story, WAIT, step.at, data.queue)


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
    held.stage.gave_up = data.reason == "abandoned" and held.stage.kind in WAITS
    held.stage.until = step.at
    if data.reason == "dequeued":
        held.stage = reader.begin(held.story, FLOW, step.at)


def connected(reader: "Reader", step: Step, envelope: Envelope, data: f.ContactConnected) -> None:
    held = reader.of(envelope, data)
    if held is not None:
        held.stage = reader.begin(held.story, TALK, step.at, held.stage.queue)


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
    if held.wrapup is None:
        del reader.open[held.story.contact]


def ordered(reader: "Reader", step: Step, envelope: Envelope, data: f.LegOrdered) -> None:
    held = reader.of(envelope, data)
    if held is not None and data.order == "dial" and data.role == CUSTOMER:
        held.dialing = data.leg
        held.dialed = Dialed(step.at)
        held.story.dialed.append(held.dialed)


def established(reader: "Reader", step: Step, envelope: Envelope, data: Any) -> None:
    held = reader.of(envelope, data)
    if held is not None and held.dialing == data.leg:
        held.leg, held.dialing = data.leg, None


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


def wrapup(reader: "Reader", step: Step, envelope: Envelope, data: f.AgentWrapupStarted) -> None:
    held = reader.open.get(data.contact)
    if held is not None:
        held.wrapup = Wrapup(step.at, data.due)
        held.story.wrapups.append(held.wrapup)


def extended(reader: "Reader", step: Step, envelope: Envelope, data: Any) -> None:
    held = reader.open.get(data.contact)
    if held is not None and held.wrapup is not None:
        held.wrapup.due = data.due


def wrapped(reader: "Reader", step: Step, envelope: Envelope, data: f.AgentWrapupEnded) -> None:
    held = reader.open.get(data.contact)
    if held is None or held.wrapup is None:
        return
    held.wrapup.until = step.at
    held.wrapup.by_timer = step.actor.kind == "timer"
    held.wrapup = None
    if held.story.closed:
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
    f.AgentWrapupStarted: wrapup,
    f.AgentWrapupExtended: extended,
    f.AgentWrapupEnded: wrapped,
    f.ConfigApplied: configured,
}
"""By type of event."""
