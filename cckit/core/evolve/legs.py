"""The legs of a contact: ordered, answered, held, retrieved, gone."""

from typing import Final

from cckit.core import agent as a
from cckit.core import contact as c
from cckit.core import facts as f
from cckit.core import leg as lg
from cckit.core.agent import Slot
from cckit.core.channel import CALL, INTERRUPT
from cckit.core.events import Envelope
from cckit.core.floor import Floor
from cckit.core.ids import CENTER, LegId, OfferId
from cckit.core.leg import Leg
from cckit.core.timer import Timer

from . import callbacks, links
from .handler import Handler
from .slots import free, take

SWITCH_LOST: Final = "switch_lost"
NO_OFFER: Final = OfferId(0)


def leg_ordered(floor: Floor, envelope: Envelope, data: f.LegOrdered) -> None:
    """Keep whom an order brings in; hold, retrieve, clear, play and record bring nobody."""
    if envelope.stream == CENTER:
        links.ordered(floor, data)
    if data.order not in ("dial", "join", "monitor") or not data.role:
        return
    contact = floor.contacts.get(envelope.stream)
    if contact is None:
        return
    floor.took_id(data.leg)
    floor.touched[contact] = None
    if data.order == "dial" and contact.phase is c.NEW:
        contact.phase = c.MOVES[contact.phase, f.LegOrdered]
    if data.order == "join" and data.leg == contact.leg:
        return  # An agent who consults is there in place of a customer.
    before = floor.legs.get(data.leg)
    if before is not None and before is not contact:
        _bring_over(floor, before, contact, data.leg)
        return
    if data.order == "dial" and data.leg == contact.leg:
        contact.leg = LegId(0)
    leg = Leg(data.leg, data.role, lg.MOVES[lg.NULL, f.LegOrdered])
    if leg.kind == lg.CUSTOMER:
        callbacks.dialed(floor, contact)
    floor.legs[leg.id] = contact
    if data.due:
        leg.due = data.due
        leg.position = envelope.position
        timer = Timer(data.due, envelope.position, "dial", leg.id)
        floor.timers.add(timer, envelope.stamp.recorded_at)
    if data.order == "join" and leg.kind == lg.AGENT:
        _take_up(floor, envelope, contact, leg)
    else:
        contact.keep(leg)


def _bring_over(floor: Floor, before: c.Contact, contact: c.Contact, leg_id: LegId) -> None:
    """Move a leg from a consultation to the contact that it was about."""
    leg = before.other(leg_id)
    if leg is not None:
        before.drop(leg_id)
        contact.keep(leg)
        floor.legs[leg_id] = contact
        floor.touched[before] = None


def _take_up(floor: Floor, envelope: Envelope, contact: c.Contact, leg: Leg) -> None:
    """Give an agent who comes without an offer a slot, unless the agent has one.

    Whoever calls out has the contact before anybody else is there.
    """
    agent = floor.agents[leg.who]
    if contact.phase is c.CONNECTING and contact.agent is None and not contact.offer:
        contact.agent = agent.id
        contact.agent_leg = leg.id
    else:
        contact.keep(leg)
    if contact.id in agent.slots:
        return
    channel = contact.channel
    cost = agent.costs.get(channel) or floor.channels.get(channel, CALL).cost
    slot = Slot(cost, NO_OFFER, a.CONNECTING, channel=channel)
    take(floor, agent, contact.id, slot, envelope.stamp.recorded_at)
    floor.freed[agent] = None  # Something at hand may have to wait for it.


def leg_delivered(floor: Floor, envelope: Envelope, data: f.LegDelivered) -> None:
    leg = floor.contacts[envelope.stream].other(data.leg)
    if leg is not None:
        leg.phase = lg.MOVES[leg.phase, f.LegDelivered]


def leg_established(floor: Floor, envelope: Envelope, data: f.LegEstablished) -> None:
    """Let who answered be there: the customer as such, anybody else with the others."""
    contact = floor.contacts[envelope.stream]
    leg = contact.other(data.leg)
    floor.touched[contact] = None
    if leg is None:
        return
    leg.phase = lg.MOVES[leg.phase, f.LegEstablished]
    leg.due = 0
    leg.position = envelope.position
    contact.drop(leg.id)
    leg.since, actor = envelope.stamp[:2]
    leg.adapter = actor[1] if actor[0] == "adapter" else ""
    if leg.kind == lg.CUSTOMER:
        contact.leg = leg.id
        contact.there, contact.adapter = leg.since, leg.adapter
        return
    contact.keep(leg)
    if leg.kind == lg.EXTERNAL and contact.phase is c.CONNECTING:
        contact.phase = c.MOVES[contact.phase, f.LegEstablished]
        contact.since = envelope.stamp.recorded_at


def leg_cleared(floor: Floor, envelope: Envelope, data: f.LegCleared) -> None:
    contact = floor.legs.pop(data.leg)
    if contact.leg == data.leg:
        contact.leg = LegId(0)
        callbacks.hung_up(floor, contact)
    elif contact.agent_leg != data.leg:
        leg = contact.other(data.leg)
        if leg is not None:
            leg.phase = lg.MOVES[leg.phase, f.LegCleared]
            contact.drop(leg.id)
            if leg.kind == lg.CUSTOMER:
                callbacks.not_reached(floor, envelope, contact)
            agent = floor.agents.get(leg.who) if leg.kind == lg.AGENT else None
            slot = agent.slots.get(contact.id) if agent is not None else None
            if agent is not None and slot is not None and slot.phase is a.CONNECTING:
                free(floor, agent, contact, f.LegCleared)
    floor.touched[contact] = None


def leg_lost(floor: Floor, envelope: Envelope, data: f.LegLost) -> None:
    if envelope.stream == CENTER:
        links.gone(floor, data)
    else:
        leg_cleared(floor, envelope, f.LegCleared(data.leg, SWITCH_LOST, "system"))


def leg_held(floor: Floor, envelope: Envelope, data: f.LegHeld) -> None:
    contact = floor.contacts[envelope.stream]
    leg = contact.other(data.leg)
    if data.leg == contact.agent_leg:
        return
    if leg is None:
        contact.held = True
        _interrupt(floor, contact, data.by == INTERRUPT)
    else:
        leg.phase = lg.MOVES[leg.phase, f.LegHeld]


def leg_retrieved(floor: Floor, envelope: Envelope, data: f.LegRetrieved) -> None:
    contact = floor.contacts[envelope.stream]
    leg = contact.other(data.leg)
    if data.leg == contact.agent_leg:
        return
    if leg is None:
        contact.held = False
        _interrupt(floor, contact, False)
    else:
        leg.phase = lg.MOVES[leg.phase, f.LegRetrieved]


def _interrupt(floor: Floor, contact: c.Contact, waits: bool) -> None:
    """Keep whether a contact is on hold because its agent has something that goes first."""
    agent = floor.agents.get(contact.agent or "")
    slot = agent.slots.get(contact.id) if agent is not None else None
    if slot is not None:
        slot.held = waits


HANDLERS: Final[dict[type, Handler]] = {
    f.LegOrdered: leg_ordered,
    f.LegDelivered: leg_delivered,
    f.LegEstablished: leg_established,
    f.LegCleared: leg_cleared,
    f.LegLost: leg_lost,
    f.LegHeld: leg_held,
    f.LegRetrieved: leg_retrieved,
}
