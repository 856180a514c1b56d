"""Contacts: arrive, hold, end — on either side and in every phase."""

from cckit.core import commands as m
from cckit.core import contact as c
from cckit.core import facts as f
from cckit.core import queue as q
from cckit.core.agent import BUSY
from cckit.core.ask import Ask
from cckit.core.errors import Refused
from cckit.core.events import Actor, Pair
from cckit.core.floor import Floor
from cckit.core.ids import AgentId, ContactId, EntryId, LegId, contact_stream
from cckit.core.instant import Instant

from . import legs
from .entering import unknown
from .offers import lost
from .queues import leave_queue

Drafts = list[Pair]


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
    if command.leg == contact.leg:
        return _customer_left(floor, contact, command.cause, now)
    other = contact.other(command.leg)
    if other is not None:
        return legs.gone(floor, contact, other, command.cause, actor.kind, now)
    leg = LegId(command.leg)
    gone = (contact.stream, f.LegCleared(leg, command.cause, "agent"))
    return _ended(floor, contact, [gone], "agent", now)


def _customer_left(floor: Floor, contact: c.Contact, cause: str, now: int) -> Drafts:
    stream = contact.stream
    gone = (stream, f.LegCleared(contact.leg, cause, "customer"))
    if contact.phase is c.TALKING:
        return _ended(floor, contact, [gone], "customer", now)
    kept = floor.entries.get(EntryId(contact.entry))
    if kept is not None and kept.promise is not None:
        return [gone]  # They hang up, to be called.
    phase = _phase(floor, contact)
    closed = (stream, f.ContactClosed("abandoned", phase, "customer"))
    if contact.phase is c.NEW:
        return [gone, closed]
    entry = floor.entries[EntryId(contact.entry)]
    return [gone, *leave_queue(entry, "abandoned", now), closed]


def _phase(floor: Floor, contact: c.Contact) -> str:
    if contact.phase is c.NEW:
        return "flow"
    if contact.phase is c.CONNECTING:
        return "connect"
    if contact.phase is c.TALKING:
        return "hold" if contact.held else "talk"
    return "ring" if floor.entries[EntryId(contact.entry)].phase is q.OFFERED else "queue"


def _ended(floor: Floor, contact: c.Contact, drafts: Drafts, by: str, now: int) -> Drafts:
    """End a conversation; its agent wraps up, or is free at once."""
    stream = contact.stream
    agent = floor.agents[contact.agent or ""]
    contact_id = contact.id
    slot = agent.slots[contact_id]
    wrapup_us = _wrapup_us(floor, contact)
    if wrapup_us and slot.phase is BUSY:
        due = Instant(now + wrapup_us)
        drafts.append((agent.stream, f.AgentWrapupStarted(ContactId(contact_id), due)))
    why = "left" if by != "customer" else "customer_left"
    drafts.append((stream, f.ContactAgentLeft(AgentId(agent.id), why)))
    drafts.append((stream, f.ContactClosed("completed", _phase(floor, contact), by)))
    return drafts


def _wrapup_us(floor: Floor, contact: c.Contact) -> int:
    queue = floor.queues.get(contact.queue) if contact.queue else None
    return queue.settings.wrapup_us if queue is not None else 0


def leave(
    floor: Floor, command: m.LeaveContact, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    stream = contact_stream(command.contact)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    if contact.phase is not c.TALKING or contact.agent != command.agent:
        what = f"{command.agent} does not talk in this contact"
        return Refused("contact.wrong_state", stream, what, "name the agent who serves it")
    return _ended(floor, contact, [], "agent", now)


def close(floor: Floor, command: m.Close, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    stream = contact_stream(command.contact)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    if contact.phase is not c.TALKING:
        what = f"the contact is {contact.phase.name.lower()}"
        return Refused("contact.wrong_state", stream, what, "deflect what is not connected")
    return _ended(floor, contact, [], actor.kind, now)


def deflect(floor: Floor, command: m.Deflect, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    stream = contact_stream(command.contact)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    if command.reason not in ("deflected", "spam", "blocked", "callback_agreed"):
        what = f"a contact is not sent away as {command.reason!r}"
        return Refused("contact.bad_reason", stream, what, "use deflected, spam, blocked or callback_agreed")
    if contact.phase not in (c.NEW, c.QUEUED):
        what = f"the contact is {contact.phase.name.lower()}"
        return Refused("contact.wrong_state", stream, what, "only before an agent has it")
    phase = command.why if command.reason == "blocked" else _phase(floor, contact)
    closed = (stream, f.ContactClosed(command.reason, phase, actor.kind))
    if contact.phase is c.NEW:
        return [closed]
    left = "blocked" if command.reason == "blocked" else "cancelled"
    return [*leave_queue(floor.entries[EntryId(contact.entry)], left, now), closed]


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
    if contact.phase is not c.TALKING or contact.held is held:
        return []
    if held:
        return [(contact.stream, f.LegHeld(leg, actor.kind))]
    return [(contact.stream, f.LegRetrieved(leg, actor.kind))]


def timed_out(entry: q.Entry, now: int) -> Drafts:
    """The longest wait is over: the contact leaves the queue and is let go."""
    closed = (entry.contact, f.ContactClosed("timed_out", "queue", "timer"))
    return [*leave_queue(entry, "timed_out", now), closed]
