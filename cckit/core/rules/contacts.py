"""Contacts: arrive, hold, end — on either side and in every phase."""

from typing import Final

from cckit.core import commands as m
from cckit.core import contact as c
from cckit.core import facts as f
from cckit.core import queue as q
from cckit.core.ask import Ask
from cckit.core.errors import Refused
from cckit.core.events import Actor, Pair
from cckit.core.floor import Floor
from cckit.core.ids import LegId, contact_stream
from cckit.core.leg import CONNECTED, HOLD

from . import legs
from .consults import left_to
from .endings import conversation_ends, goes, part_ends, phase_of
from .entering import unknown
from .messages import idled
from .offers import lost
from .queues import leave_queue

Drafts = list[Pair]
SENT_AWAY: Final = ("deflected", "spam", "blocked", "callback_agreed", "merged")


def arrived(
    floor: Floor, command: m.ReportArrived, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    if command.contact is None:
        what = "the contact has no id"
        return Refused("contact.no_id", "ReportArrived", what, "the shell draws one; name it here")
    stream = contact_stream(command.contact)
    if stream in floor.versions:
        what = "this contact has arrived before"
        return Refused("contact.exists", stream, what, "draw a new random id for each contact")
    leg = LegId(floor.next_id())
    created = f.ContactCreated(
        command.channel,
        command.direction,
        leg,
        command.subject,
        command.from_,
        command.to,
        command.entry_point,
        command.ref,
    )
    return [(stream, created)]


def cleared(
    floor: Floor, command: m.ReportCleared, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    contact = floor.legs.get(command.leg)
    if contact is None:
        offer = floor.ringing.get(command.leg)
        if offer is not None:
            return lost(floor, offer, "cleared")
        if floor.was_given(command.leg):
            return []  # It is known to be gone.
        return legs.unknown(command.leg)
    of_customer = command.leg == contact.leg
    other = None if of_customer else contact.other(command.leg)
    if other is not None:
        return legs.gone(floor, contact, other, command.cause, actor.kind, now)
    by = "customer" if of_customer and not contact.consult_of else "agent"
    gone = (contact.stream, f.LegCleared(command.leg, command.cause, by))
    if of_customer:
        return [gone, *goes(floor, contact, by, now)]
    return [gone, *_agent_goes(floor, contact, contact.agent or "", now)]


def _agent_goes(floor: Floor, contact: c.Contact, agent: str, now: int) -> Drafts:
    """End an agent's part: others talk on; without any the contact is handed over, or over."""
    if contact.phase is c.CONNECTING:
        return goes(floor, contact, "agent", now)
    if len(contact.serving()) > 1:
        return part_ends(floor, contact, agent, "left", now)
    consult = floor.contacts.get(contact_stream(contact.consult)) if contact.consult else None
    if consult is not None:
        return left_to(floor, contact, consult, now)
    return conversation_ends(floor, contact, "agent", now)


def leave(
    floor: Floor, command: m.LeaveContact, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    stream = contact_stream(command.contact)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    if contact.phase is not c.TALKING or command.agent not in contact.serving():
        what = f"{command.agent} does not talk in this contact"
        return Refused("contact.wrong_state", stream, what, "name the agent who serves it")
    idle = idled(floor, contact, now) if len(contact.serving()) == 1 else None
    if idle is not None:
        return [*part_ends(floor, contact, command.agent, "left", now), *idle]
    return _agent_goes(floor, contact, command.agent, now)


def close(floor: Floor, command: m.Close, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    stream = contact_stream(command.contact)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    if contact.phase is c.CONNECTING:
        closed = (stream, f.ContactClosed("deflected", "connect", actor.kind))
        entry = floor.entries.get(contact.entry)
        return [closed] if entry is None else [*leave_queue(entry, "cancelled", now), closed]
    if contact.phase is not c.TALKING:
        what = f"the contact is {contact.phase.name.lower()}"
        return Refused("contact.wrong_state", stream, what, "deflect what is not connected")
    return conversation_ends(floor, contact, actor.kind, now)


def deflect(floor: Floor, command: m.Deflect, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    stream = contact_stream(command.contact)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    if command.reason not in SENT_AWAY:
        what = f"a contact is not sent away as {command.reason!r}"
        return Refused("contact.bad_reason", stream, what, f"use {', '.join(SENT_AWAY)}")
    if contact.phase not in (c.NEW, c.QUEUED):
        what = f"the contact is {contact.phase.name.lower()}"
        return Refused("contact.wrong_state", stream, what, "only before an agent has it")
    phase = command.why if command.reason == "blocked" else phase_of(floor, contact)
    closed = (stream, f.ContactClosed(command.reason, phase, actor.kind))
    if contact.phase is c.NEW:
        return [closed]
    left = command.reason if command.reason in ("blocked", "merged") else "cancelled"
    return [*leave_queue(floor.entries[contact.entry], left, now), closed]


def hold(floor: Floor, command: m.Hold, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    return _order(floor, command.contact, "hold", False)


def retrieve(
    floor: Floor, command: m.Retrieve, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    return _order(floor, command.contact, "retrieve", True)


def _order(floor: Floor, contact_id: str, order: str, held: bool) -> Drafts | Refused:
    stream = contact_stream(contact_id)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    if contact.phase is not c.TALKING or contact.held is not held:
        state = "on hold" if contact.held else contact.phase.name.lower()
        remedy = "hold what talks, retrieve what is held"
        return Refused("contact.wrong_state", stream, f"the contact is {state}", remedy)
    return [(stream, f.LegOrdered(contact.leg, order))]


def report_held(
    floor: Floor, command: m.ReportHeld, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    return _told(floor, command.leg, True, actor)


def report_retrieved(
    floor: Floor, command: m.ReportRetrieved, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    return _told(floor, command.leg, False, actor)


def _told(floor: Floor, leg: LegId, held: bool, actor: Actor) -> Drafts | Refused:
    contact = floor.legs.get(leg)
    if contact is None:
        return [] if floor.was_given(leg) else legs.unknown(leg)
    if leg == contact.agent_leg:
        return []  # An agent who parks the own phone does not hold the customer.
    other = contact.other(leg)
    is_held = contact.held if other is None else other.phase is HOLD
    if contact.phase is not c.TALKING or is_held is held:
        return []
    if other is not None and other.phase < CONNECTED:
        return []
    if held:
        return [(contact.stream, f.LegHeld(leg, actor.kind))]
    return [(contact.stream, f.LegRetrieved(leg, actor.kind))]


def timed_out(entry: q.Entry, now: int) -> Drafts:
    """The longest wait is over: the contact leaves the queue and is let go."""
    closed = (entry.contact, f.ContactClosed("timed_out", "queue", "timer"))
    return [*leave_queue(entry, "timed_out", now), closed]
