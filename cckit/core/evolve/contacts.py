"""A contact: created, connected, left, closed."""

from typing import Final

from cckit.core import agent as a
from cckit.core import contact as c
from cckit.core import facts as f
from cckit.core.events import Envelope
from cckit.core.floor import Floor
from cckit.core.ids import LegId, contact_stream
from cckit.core.leg import AGENT, CONNECTED, INITIATED, Leg
from cckit.core.leg import MOVES as LEG_MOVES

from . import consults, links
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
    if contact.moved_from:
        old = floor.contacts.get(contact_stream(contact.moved_from))
        if old is not None:
            old.moved = True
            floor.bereft[old] = None
    now = envelope.stamp.recorded_at
    actor = envelope.stamp[1]
    adapter = actor[1] if actor[0] == "adapter" else ""
    came_over = consults.came_over(floor, contact, data) if contact.consult else None
    if data.leg:
        floor.legs[data.leg] = contact
        floor.ringing.pop(data.leg, None)
        floor.took_id(data.leg)
    queue = floor.queues.get(contact.queue) if contact.subject and contact.queue else None
    if queue is not None and queue.settings.remembers_last() and contact.subject:
        floor.talked(contact.subject, data.agent)
    if contact.agent is not None and contact.agent != data.agent:
        _joined(contact, data, now, came_over or adapter)
    else:
        contact.agent = data.agent
        contact.agent_leg = data.leg
        contact.agent_adapter = came_over or adapter
        contact.since = now
    floor.touched[contact] = None
    agent = floor.agents.get(data.agent)
    if data.offer is not None:
        offer = floor.offers[data.offer]
        offer.due = 0
        offer.position = envelope.position
    if agent is None or contact.id not in agent.slots:
        return  # Imported: agents are names only.
    slot = agent.slots[contact.id]
    slot.phase = a.MOVES[slot.phase, f.ContactConnected]
    floor.touched[agent] = None
    if came_over is None:
        slot.since = now
        agent.contacts += 1


def _joined(contact: c.Contact, data: f.ContactConnected, now: int, adapter: str) -> None:
    """Let one more agent be there: the leg that was ordered to join, or one of the agent's own."""
    leg = contact.other(data.leg)
    if leg is None:
        leg = Leg(data.leg, f"{AGENT}/{data.agent}", INITIATED)
    if leg.phase < CONNECTED:
        leg.phase = LEG_MOVES[leg.phase, f.ContactConnected]
        leg.since, leg.adapter = now, adapter
    contact.keep(leg)


def connect_failed(floor: Floor, envelope: Envelope, data: f.ContactConnectFailed) -> None:
    contact = floor.contacts[envelope.stream]
    contact.phase = c.MOVES[contact.phase, f.ContactConnectFailed]
    offer = floor.offers[contact.offer]
    end_offer(floor, envelope, offer, f.ContactConnectFailed)
    free(floor, floor.agents[offer.agent], contact, f.ContactConnectFailed)
    contact.offer = 0
    return_entry(floor, envelope, offer, f.ContactConnectFailed, barred=True)
    floor.touched[contact] = None


def contact_transferred(floor: Floor, envelope: Envelope, data: f.ContactTransferred) -> None:
    contact = floor.contacts[envelope.stream]
    contact.phase = c.MOVES[contact.phase, f.ContactTransferred]
    contact.held = False
    floor.touched[contact] = None


def contact_conferenced(floor: Floor, envelope: Envelope, data: f.ContactConferenced) -> None:
    contact = floor.contacts[envelope.stream]
    contact.held = False
    floor.touched[contact] = None


def agent_left(floor: Floor, envelope: Envelope, data: f.ContactAgentLeft) -> None:
    contact = floor.contacts[envelope.stream]
    now = envelope.stamp.recorded_at
    contact.past = (*contact.past, data.agent)
    contact.last_agent = data.agent
    agent = floor.agents.get(data.agent)
    slot = agent.slots.get(contact.id) if agent is not None else None
    offer = floor.offers.get(slot.offer) if slot is not None else None
    if offer is not None:
        end_offer(floor, envelope, offer, f.ContactAgentLeft)
    if contact.agent == data.agent or contact.agent is None:
        floor.legs.pop(contact.agent_leg, None)
        contact.agent_leg = LegId(0)
        contact.agent = None
        contact.offer = 0
        if contact.others:
            _promote(floor, contact)
        contact.held = contact.held and contact.agent is not None
    else:
        _drop_leg_of(floor, contact, data.agent)
    if agent is None or slot is None:
        return  # Imported: agents are names only.
    agent.talk_us += max(0, now - slot.since)
    if a.MOVES[slot.phase, f.ContactAgentLeft] is a.FREE:
        release(floor, agent, contact.id, envelope)
    floor.touched[agent] = None


def _promote(floor: Floor, contact: c.Contact) -> None:
    """Let the next agent of a conference answer for the contact."""
    for leg in contact.more():
        slot = floor.agents[leg.who].slots.get(contact.id) if leg.kind == AGENT else None
        if slot is not None and slot.phase is a.BUSY:
            contact.agent = leg.who
            contact.agent_leg = leg.id
            contact.agent_adapter = leg.adapter
            contact.offer = slot.offer
            contact.drop(leg.id)
            return


def _drop_leg_of(floor: Floor, contact: c.Contact, agent: str) -> None:
    for leg in contact.more():
        if leg.kind == AGENT and leg.who == agent:
            contact.drop(leg.id)
            floor.legs.pop(leg.id, None)


def contact_closed(floor: Floor, envelope: Envelope, data: f.ContactClosed) -> None:
    stream = envelope.stream
    contact = floor.contacts.pop(stream)
    if contact.offer and (contact.phase is c.NEW or data.reason == "merged"):
        offer = floor.offers[contact.offer]
        end_offer(floor, envelope, offer, f.ContactClosed)
        if contact.phase is c.NEW:  # It went while connecting.
            free(floor, floor.agents[offer.agent], contact, f.ContactClosed)
    elif contact.phase is c.CONNECTING and contact.agent is not None:
        free(floor, floor.agents[contact.agent], contact, f.ContactClosed)
    contact.phase = c.MOVES[contact.phase, f.ContactClosed]
    legs = floor.legs
    legs.pop(contact.leg, None)
    legs.pop(contact.agent_leg, None)
    if contact.dialing is not None or contact.others:
        _let_go(floor, contact)
    if contact.consult or contact.consult_of:
        consults.part(floor, contact, data.reason == "merged")
    floor.closed += 1
    floor.closed_at.append((envelope.stamp.recorded_at, stream))
    floor.touched[contact] = None


def _let_go(floor: Floor, contact: c.Contact) -> None:
    """Forget the legs beyond the two; an agent on the way in is free again."""
    for leg in contact.more():
        if floor.legs.get(leg.id) is contact:
            del floor.legs[leg.id]
        agent = floor.agents.get(leg.who) if leg.kind == AGENT else None
        slot = agent.slots.get(contact.id) if agent is not None else None
        if agent is not None and slot is not None and slot.phase is a.CONNECTING:
            free(floor, agent, contact, f.ContactClosed)


HANDLERS: Final[dict[type, Handler]] = {
    f.ContactCreated: contact_created,
    f.ContactConnected: contact_connected,
    f.ContactConnectFailed: connect_failed,
    f.ContactAgentLeft: agent_left,
    f.ContactTransferred: contact_transferred,
    f.ContactConferenced: contact_conferenced,
    f.ContactClosed: contact_closed,
}
