"""Handing a contact on: by its agent at once, or by a supervisor who takes it from anybody."""

from typing import Final

from cckit.core import commands as m
from cckit.core import contact as c
from cckit.core import facts as f
from cckit.core.ask import Ask
from cckit.core.errors import Refused
from cckit.core.events import Actor, Pair
from cckit.core.floor import Floor
from cckit.core.ids import AgentId, QueueId, contact_stream
from cckit.core.instant import MINUTE
from cckit.core.leg import AGENT, EXTERNAL
from cckit.core.need import parse
from cckit.core.queue import TAKEN
from cckit.core.step import Step

from . import targets as t
from .endings import all_leave, goes, off_hold, part_ends
from .entering import queue_named, unknown
from .queues import leave_queue

Drafts = list[Pair]

ASSIGN_US: Final = 5 * MINUTE
"""How long a contact waits for the one agent it was given to, before it waits as before."""


def not_talking(contact: c.Contact) -> Refused:
    what = f"the contact is {contact.phase.name.lower()}"
    return Refused("contact.wrong_state", contact.stream, what, "only who talks can hand it on")


def transfer(
    floor: Floor, command: m.Transfer, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    """Hand a contact on at once: its agent is free of it, and wraps up."""
    stream = contact_stream(command.contact)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    if contact.phase is not c.TALKING or contact.agent is None:
        return not_talking(contact)
    refused = _in_company(contact) or _unfit(floor, contact, command, now)
    if refused is not None:
        return refused
    kind, by = command.to_kind, contact.agent
    address = command.to if kind == t.OUTSIDE else None
    drafts: Drafts = [(stream, f.ContactTransferred("blind", AgentId(by), kind, address))]
    drafts += off_hold(contact)
    drafts += part_ends(floor, contact, by, "transferred", now)
    if kind == t.OUTSIDE:
        drafts.append(t.outside(contact, floor.next_id(), command.to, now))
    elif kind == t.AGENT:
        drafts.append(t.to_agent(floor, contact, command.to, by, command.need, now))
    else:
        queue = floor.queues[QueueId(command.to)]
        since = now if command.since is None else command.since
        waits = t.to_queue(floor, contact, queue, command.need, since, now)
        if isinstance(waits, Refused):
            return waits
        drafts += waits
    return drafts


def _in_company(contact: c.Contact) -> Refused | None:
    """Refuse to hand on what others have a part in: they would be left with nobody."""
    if contact.consult:
        what, remedy = "somebody is being consulted about it", "complete or cancel that first"
        return Refused("contact.consulting", contact.stream, what, remedy)
    if any(leg.kind in (AGENT, EXTERNAL) for leg in contact.more()):
        what, remedy = "others talk in it too", "leave it instead, or let them leave first"
        return Refused("contact.conference", contact.stream, what, remedy)
    return None


def _unfit(floor: Floor, contact: c.Contact, command: m.Transfer, now: int) -> Refused | None:
    refused = t.wrong_target(floor, contact, command.to_kind, command.to, contact.agent or "")
    if refused is not None:
        return refused
    if command.since is not None and not 0 <= command.since <= now:
        what = "since lies in the future, or before 1970"
        return Refused("queue.bad_since", contact.stream, what, "name an instant that has passed")
    try:
        parse(command.need or "")
    except ValueError as error:
        return Refused("queue.bad_need", contact.stream, str(error), "write skill >= level")
    return None


def outside_failed(floor: Floor, contact: c.Contact, cause: str, now: int) -> Drafts:
    """Nobody outside answered: the customer is in line again, for the same agent first."""
    by = contact.past[-1] if contact.past else ""
    back = t.back_to(floor, contact, by, now)
    if back is None:
        return [(contact.stream, f.ContactClosed("failed", cause, "system"))]
    return [back]


# --- supervisors ------------------------------------------------------------------------------


def pull(floor: Floor, command: m.Pull, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    """Take a contact from whoever has it, and let it wait again; a kept place stays kept."""
    stream = contact_stream(command.contact)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    name = command.queue if command.queue is not None else contact.queue
    if name is None:
        what = "the contact has waited nowhere yet"
        return Refused("contact.no_queue", stream, what, "name a queue")
    queue = queue_named(floor, stream, name)
    if isinstance(queue, Refused):
        return queue
    if contact.phase is c.TALKING:
        drafts = _from_agents(floor, contact, now)
    elif contact.phase is c.QUEUED and contact.leg:
        drafts = leave_queue(floor.entries[contact.entry], "dequeued", now)
    else:
        what = f"the contact is {contact.phase.name.lower()}"
        return Refused("contact.wrong_state", stream, what, "pull what waits or talks")
    since = t.old_since(contact, now) if command.keep_since else now
    waits = t.to_queue(floor, contact, queue, None, since, now)
    if isinstance(waits, Refused):
        return waits
    old = floor.entries.get(contact.entry)
    entered = waits[-1][1]
    if old is not None and old.promise is not None and type(entered) is f.QueueEntered:
        waits.append((stream, f.QueuePlaceKept(entered.entry, old.promise.first)))
    return [*drafts, *waits]


def _from_agents(floor: Floor, contact: c.Contact, now: int) -> Drafts:
    drafts: Drafts = []
    consult = floor.contacts.get(contact_stream(contact.consult)) if contact.consult else None
    if consult is not None:
        drafts += goes(floor, consult, "supervisor", now)
    for leg in contact.more():
        if leg.kind == EXTERNAL:
            drafts.append((contact.stream, f.LegOrdered(leg.id, "clear")))
    return [*drafts, *off_hold(contact), *all_leave(floor, contact, "pulled", now)]


def assign(floor: Floor, command: m.Assign, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    """Let a waiting contact wait for one agent, before it waits as it did."""
    stream = contact_stream(command.contact)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    entry = floor.entries.get(contact.entry)
    if entry is None or entry.phase is TAKEN or entry.promise is not None:
        what = "the contact does not wait on the line"
        return Refused("queue.wrong_state", stream, what, "only what waits can be assigned")
    refused = t.wrong_agent(floor, contact, command.agent, "")
    if refused is not None:
        return refused
    queue = t.home(floor, contact, floor.agents[command.agent])
    assert queue is not None, command
    steps, back = t.waited_for(floor, contact, queue, None)
    first = Step(for_us=ASSIGN_US, agents=(AgentId(command.agent),))
    waits = t.by_name(floor, contact, queue, (first,), back, steps, now)
    return [*leave_queue(entry, "dequeued", now), waits]
