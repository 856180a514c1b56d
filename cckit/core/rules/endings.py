"""How a contact ends, and how an agent leaves one: the same whoever asked for it."""

from cckit.core import contact as c
from cckit.core import facts as f
from cckit.core import queue as q
from cckit.core.agent import BUSY
from cckit.core.events import Pair
from cckit.core.floor import Floor
from cckit.core.ids import AgentId, ContactId, contact_stream
from cckit.core.instant import Instant

from .queues import leave_queue

Drafts = list[Pair]


def phase_of(floor: Floor, contact: c.Contact) -> str:
    """Where a contact stands, in the words of ``contact.closed``."""
    if contact.phase is c.NEW:
        return "flow"
    if contact.phase is c.CONNECTING:
        return "connect"
    if contact.phase is c.IDLE:
        return "idle"
    if contact.phase is c.TALKING:
        return "hold" if contact.held else "talk"
    return "ring" if floor.entries[contact.entry].phase is q.OFFERED else "queue"


def part_ends(floor: Floor, contact: c.Contact, agent_id: str, why: str, now: int) -> Drafts:
    """End an agent's part: the agent wraps up by the settings of where it last waited.

    Wrap-up is the agent's: nothing that befalls the contact from now on touches it.
    """
    drafts: Drafts = []
    agent = floor.agents[agent_id]
    slot = agent.slots.get(contact.id)
    queue = floor.queues.get(contact.queue) if contact.queue else None
    if slot is not None and slot.phase is BUSY and queue is not None and queue.settings.wrapup_us:
        due = Instant(now + queue.settings.wrapup_us)
        drafts.append((agent.stream, f.AgentWrapupStarted(ContactId(contact.id), due)))
    drafts.append((contact.stream, f.ContactAgentLeft(AgentId(agent_id), why)))
    return drafts


def off_hold(contact: c.Contact) -> Drafts:
    """Take off hold a customer who is to wait again: nobody is left who would do it.

    While somebody is consulted the hold is ordered, though it may not have been told yet.
    """
    if not contact.leg or not (contact.held or contact.consult):
        return []
    return [(contact.stream, f.LegOrdered(contact.leg, "retrieve"))]


def all_leave(floor: Floor, contact: c.Contact, why: str, now: int) -> Drafts:
    """End every agent's part; the one who answers for the contact goes last."""
    drafts: Drafts = []
    for agent_id in reversed(contact.serving()):
        slot = floor.agents[agent_id].slots.get(contact.id)
        if slot is not None and slot.phase is BUSY:
            drafts += part_ends(floor, contact, agent_id, why, now)
    return drafts


def conversation_ends(floor: Floor, contact: c.Contact, by: str, now: int) -> Drafts:
    """End a conversation for everybody in it."""
    why = "left" if by != "customer" else "customer_left"
    closed = f.ContactClosed("completed", phase_of(floor, contact), by)
    return [*all_leave(floor, contact, why, now), (contact.stream, closed)]


def goes(floor: Floor, contact: c.Contact, by: str, now: int) -> Drafts:
    """End a contact in any phase because its customer is gone.

    Who has talked to an agent before has not given up: only the wait was abandoned.
    """
    if contact.phase is c.TALKING:
        return conversation_ends(floor, contact, by, now)
    kept = floor.entries.get(contact.entry)
    if kept is not None and kept.promise is not None:
        return []  # They hang up, to be called.
    reason = "completed" if contact.since else "abandoned"
    closed = (contact.stream, f.ContactClosed(reason, phase_of(floor, contact), by))
    if not contact.entry:
        return [closed]
    return [*leave_queue(floor.entries[contact.entry], "abandoned", now), closed]


def _merged(floor: Floor, contact: c.Contact, now: int) -> Drafts:
    """End a contact that goes on over another channel."""
    drafts = all_leave(floor, contact, "merged", now)
    entry = floor.entries.get(contact.entry)
    if entry is not None:
        drafts += leave_queue(entry, "merged", now)
    return [*drafts, (contact.stream, f.ContactClosed("merged", "moved", "system"))]


def settle(floor: Floor, now: int) -> Drafts:
    """What follows for whoever lost the other side of a consultation, or moved on.

    A customer is taken off hold when the consultation is over; without the customer there
    is nothing to consult about.
    """
    drafts: Drafts = []
    for contact in floor.bereft:
        if floor.contacts.get(contact.stream) is not contact:
            continue
        if contact.moved:
            drafts += _merged(floor, contact, now)
        elif contact.consult_of and contact_stream(contact.consult_of) not in floor.contacts:
            drafts += goes(floor, contact, "agent", now)
        elif contact.phase is c.TALKING and contact.leg:
            drafts.append((contact.stream, f.LegOrdered(contact.leg, "retrieve")))
    floor.bereft.clear()
    return drafts
