"""A contact: created, connected, left, closed."""

from typing import Final

from cckit.core import agent as a
from cckit.core import contact as c
from cckit.core import facts as f
from cckit.core.events import Envelope
from cckit.core.floor import Floor
from cckit.core.ids import LegId

from . import links
from .handler import Handler
from .offers import end_offer
from .queues import return_entry
from .slots import free, release


def contact_created(floor: Floor, envelope: Envelope, data: f.ContactCreated) -> None:
    stream = envelope.stream
    contact = c.Contact(stream, data.channel, data.leg, data.subject)
    floor.contacts[stream] = contact
    stamp = envelope.stamp
    contact.there = stamp[0]
    if stamp[1][0] == "adapter":
        contact.adapter = stamp[1][1]
        if floor.links:
            links.claimed(floor, envelope, data)
    if data.leg:  # Whom we are to call has none yet.
        floor.legs[data.leg] = contact
        floor.took_id(data.leg)
    floor.created += 1
    floor.touched[contact] = None


def contact_connected(floor: Floor, envelope: Envelope, data: f.ContactConnected) -> None:
    contact = floor.contacts[envelope.stream]
    contact.phase = c.MOVES[contact.phase, f.ContactConnected]
    now = envelope.stamp.recorded_at
    contact.agent = data.agent
    contact.agent_leg = data.leg
    contact.since = now
    actor = envelope.stamp[1]
    contact.agent_adapter = actor[1] if actor[0] == "adapter" else ""
    if data.leg:
        floor.legs[data.leg] = contact
        floor.ringing.pop(data.leg, None)
        floor.took_id(data.leg)
    queue = floor.queues.get(contact.queue) if contact.subject and contact.queue else None
    if queue is not None and queue.settings.sticky_us and contact.subject:
        floor.talked(contact.subject, data.agent)
    agent = floor.agents.get(data.agent)
    if data.offer is not None:
        offer = floor.offers[data.offer]
        offer.due = 0
        offer.position = envelope.position
    if agent is None or contact.id not in agent.slots:
        return  # Imported: agents are names only.
    slot = agent.slots[contact.id]
    slot.phase = a.MOVES[slot.phase, f.ContactConnected]
    slot.since = now
    agent.contacts += 1
    floor.touched[contact] = floor.touched[agent] = None


def connect_failed(floor: Floor, envelope: Envelope, data: f.ContactConnectFailed) -> None:
    contact = floor.contacts[envelope.stream]
    contact.phase = c.MOVES[contact.phase, f.ContactConnectFailed]
    offer = floor.offers[contact.offer]
    end_offer(floor, envelope, offer, f.ContactConnectFailed)
    free(floor, floor.agents[offer.agent], contact, f.ContactConnectFailed)
    contact.offer = 0
    return_entry(floor, envelope, offer, f.ContactConnectFailed, barred=True)
    floor.touched[contact] = None


def agent_left(floor: Floor, envelope: Envelope, data: f.ContactAgentLeft) -> None:
    contact = floor.contacts[envelope.stream]
    now = envelope.stamp.recorded_at
    floor.legs.pop(contact.agent_leg, None)
    contact.agent_leg = LegId(0)
    contact.agent = None
    agent = floor.agents.get(data.agent)
    slot = agent.slots.get(contact.id) if agent is not None else None
    if agent is None or slot is None:
        return  # Imported: agents are names only.
    offer = floor.offers.get(slot.offer)
    if offer is not None:
        end_offer(floor, envelope, offer, f.ContactAgentLeft)
    if contact.offer == slot.offer:
        contact.offer = 0
    agent.talk_us += max(0, now - slot.since)
    if a.MOVES[slot.phase, f.ContactAgentLeft] is a.FREE:
        release(floor, agent, contact.id, envelope)
    floor.touched[agent] = None


def contact_closed(floor: Floor, envelope: Envelope, data: f.ContactClosed) -> None:
    stream = envelope.stream
    contact = floor.contacts.pop(stream)
    if contact.offer and contact.phase is c.NEW:  # It went while connecting.
        offer = floor.offers[contact.offer]
        end_offer(floor, envelope, offer, f.ContactClosed)
        free(floor, floor.agents[offer.agent], contact, f.ContactClosed)
    elif contact.phase is c.CONNECTING and contact.agent is not None:
        free(floor, floor.agents[contact.agent], contact, f.ContactClosed)
    contact.phase = c.MOVES[contact.phase, f.ContactClosed]
    legs = floor.legs
    legs.pop(contact.leg, None)
    legs.pop(contact.agent_leg, None)
    for leg in contact.more():
        legs.pop(leg.id, None)
    floor.closed += 1
    floor.closed_at.append((envelope.stamp.recorded_at, stream))
    floor.touched[contact] = None


HANDLERS: Final[dict[type, Handler]] = {
    f.ContactCreated: contact_created,
    f.ContactConnected: contact_connected,
    f.ContactConnectFailed: connect_failed,
    f.ContactAgentLeft: agent_left,
    f.ContactClosed: contact_closed,
}
