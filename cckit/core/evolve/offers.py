"""An offer: made, alerting, and its one ending."""

from typing import Final

from cckit.core import agent as a
from cckit.core import contact as c
from cckit.core import facts as f
from cckit.core import offer as o
from cckit.core import queue as q
from cckit.core.agent import Agent, Slot
from cckit.core.events import Envelope
from cckit.core.floor import Floor
from cckit.core.ids import OfferId
from cckit.core.instant import MINUTE
from cckit.core.settings import SEVERAL
from cckit.core.timer import Timer

from .handler import Handler
from .queues import leave_line, return_entry
from .slots import free, take


def offer_made(floor: Floor, envelope: Envelope, data: f.OfferMade) -> None:
    entry = floor.entries[data.entry]
    entry.phase = q.MOVES[entry.phase, f.OfferMade]
    entry.round = data.round
    entry.offers = (*entry.offers, data.offer) if entry.offers else (data.offer,)
    group = entry.group
    position = envelope.position
    several = group.queue.settings.strategy in SEVERAL
    if several:
        _asked(floor, envelope, entry, data)
    if entry.in_line and not (several and entry.wants_more()):
        leave_line(floor, entry)
    offer = o.Offer(data.offer, entry.contact, data.entry, data.agent, data.due, position)
    floor.offers[data.offer] = offer
    floor.took_id(data.offer)
    agent = floor.agents[data.agent]
    now = envelope.stamp.recorded_at
    agent.last_offer = data.offer
    _count_offer(floor, envelope, agent, now)
    slot = Slot(agent.costs[group.channel], data.offer, channel=group.channel)
    take(floor, agent, data.contact, slot, now)
    floor.timers.add(Timer(data.due, position, "ring", data.offer), now)
    touched = floor.touched
    touched[offer] = touched[entry] = None


def _count_offer(floor: Floor, envelope: Envelope, agent: Agent, now: int) -> None:
    """Let the agent rest once it had as many offers within a minute as are allowed."""
    most = floor.offering.a_minute
    if not most:
        return
    offered_at = agent.offered_at
    offered_at.append(now)
    while offered_at[0] <= now - MINUTE:
        del offered_at[0]
    if len(offered_at) >= most:
        agent.rested = offered_at[-most] + MINUTE
        agent.rested_by = envelope.position
        agent.resting = True
        floor.index.status(agent)
        floor.look_again(agent, agent.rested)
        floor.timers.put(Timer(agent.rested, envelope.position, "rate", agent.id))


def _asked(floor: Floor, envelope: Envelope, entry: q.Entry, data: f.OfferMade) -> None:
    """Keep whom a round has asked, and from when it may ask one more."""
    entry.asked = (*entry.asked, data.agent)
    settings = entry.group.queue.settings
    if settings.strategy == "progressive":
        now = envelope.stamp.recorded_at
        entry.add_at = now + settings.add_us
        entry.add_by = envelope.position
        floor.timers.add(Timer(entry.add_at, entry.add_by, "add", entry.id), now)


def offer_alerting(floor: Floor, envelope: Envelope, data: f.OfferAlerting) -> None:
    offer = floor.offers[data.offer]
    offer.phase = o.MOVES[offer.phase, f.OfferAlerting]
    offer.leg = data.leg
    offer.rang_at, actor = envelope.stamp[:2]
    offer.adapter = actor[1] if actor[0] == "adapter" else ""
    floor.ringing[data.leg] = offer
    floor.took_id(data.leg)
    floor.touched[offer] = None


def offer_accepted(floor: Floor, envelope: Envelope, data: f.OfferAccepted) -> None:
    offer = floor.offers[data.offer]
    offer.phase = o.MOVES[offer.phase, f.OfferAccepted]
    entry = floor.entries[offer.entry]
    entry.phase = q.MOVES[entry.phase, f.OfferAccepted]
    if entry.in_line:
        leave_line(floor, entry)
    contact = floor.contacts[offer.contact]
    contact.phase = c.MOVES[contact.phase, f.OfferAccepted]
    contact.offer = offer.id
    agent = floor.agents[offer.agent]
    slot = agent.slots[contact.id]
    slot.phase = a.MOVES[slot.phase, f.OfferAccepted]
    agent.missed = agent.returned = 0
    if len(agent.slots) > 1:
        floor.freed[agent] = None  # Something at hand may have to wait for it.
    now = envelope.stamp.recorded_at
    offer.position = envelope.position
    settings = entry.group.queue.settings
    offer.due = now + settings.connect_us
    if not contact.leg:  # They have to be called first.
        offer.due += settings.callback_ring_us
    floor.timers.add(Timer(offer.due, envelope.position, "connect", offer.id), now)
    touched = floor.touched
    touched[offer] = touched[entry] = touched[contact] = touched[agent] = None


def offer_rejected(floor: Floor, envelope: Envelope, data: f.OfferRejected) -> None:
    _unaccepted(floor, envelope, data.offer, f.OfferRejected, barred=True)


def offer_expired(floor: Floor, envelope: Envelope, data: f.OfferExpired) -> None:
    floor.agents[floor.offers[data.offer].agent].missed += 1
    floor.expired_position = envelope.position
    _unaccepted(floor, envelope, data.offer, f.OfferExpired, barred=True)


def offer_rescinded(floor: Floor, envelope: Envelope, data: f.OfferRescinded) -> None:
    _unaccepted(floor, envelope, data.offer, f.OfferRescinded, barred=False)


def offer_failed(floor: Floor, envelope: Envelope, data: f.OfferFailed) -> None:
    _unaccepted(floor, envelope, data.offer, f.OfferFailed, barred=True)


def _unaccepted(
    floor: Floor, envelope: Envelope, offer_id: OfferId, kind: type, barred: bool
) -> None:
    offer = floor.offers[offer_id]
    end_offer(floor, envelope, offer, kind)
    free(floor, floor.agents[offer.agent], floor.contacts[offer.contact], kind)
    return_entry(floor, envelope, offer, kind, barred)


def end_offer(floor: Floor, envelope: Envelope, offer: o.Offer, kind: type) -> None:
    offer.phase = o.MOVES[offer.phase, kind]
    del floor.offers[offer.id]
    floor.touched.pop(offer, None)
    if offer.leg:
        floor.ringing.pop(offer.leg, None)
    floor.ended[offer.id] = (envelope.position, offer.contact, offer.leg)
    floor.ended_at.append((envelope.stamp.recorded_at, offer.id))


HANDLERS: Final[dict[type, Handler]] = {
    f.OfferMade: offer_made,
    f.OfferAlerting: offer_alerting,
    f.OfferAccepted: offer_accepted,
    f.OfferRejected: offer_rejected,
    f.OfferExpired: offer_expired,
    f.OfferRescinded: offer_rescinded,
    f.OfferFailed: offer_failed,
}
