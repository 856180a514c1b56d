"""Consulting somebody about a contact: a contact of its own between the two agents.

The customer is held meanwhile. Whoever is consulted gets an ordinary offer, so all that holds
for offers holds here. It ends in one of three ways: the customer is handed over, all talk
together, or the agent goes back to the customer, which is also what follows when the other
one hangs up. Who hangs up on a customer while consulting hands over.
"""

from typing import Final

from cckit.core import commands as m
from cckit.core import contact as c
from cckit.core import facts as f
from cckit.core.ask import Ask
from cckit.core.errors import Refused
from cckit.core.events import Actor, Pair
from cckit.core.floor import Floor
from cckit.core.ids import AgentId, ContactId, EntryId, LegId, QueueId, contact_stream
from cckit.core.instant import MINUTE, Instant
from cckit.core.leg import AGENT, CONNECTED, EXTERNAL, Leg
from cckit.core.step import Step

from . import targets as t
from .endings import conversation_ends, goes, off_hold, part_ends
from .entering import unknown
from .queues import leave_queue
from .transfers import not_talking

Drafts = list[Pair]

ASK_US: Final = MINUTE
"""How long somebody asked for by name may keep the other waiting."""


def consult(floor: Floor, command: m.Consult, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    """Hold the customer and call somebody about the contact."""
    stream = contact_stream(command.contact)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    refused = _may_not_consult(floor, contact, command)
    if refused is not None or contact.agent is None or command.consult is None:
        return refused or not_talking(contact)
    here = contact_stream(command.consult)
    begun = c.Contact(here, contact.channel, LegId(0), None)
    called = _called(floor, begun, contact, command, now)
    if isinstance(called, Refused):
        return called
    leg = LegId(floor.next_id() + len(called))
    drafts: Drafts = []
    if not contact.held:
        drafts.append((stream, f.LegOrdered(contact.leg, "hold")))
    created = f.ContactCreated(
        contact.channel, "internal", leg, contact.subject, None, None, "", ""
    )
    linked = f.ContactLinked(ContactId(contact.id), "consult_of", contact.id)
    drafts += [(here, created), (here, linked)]
    drafts.append((here, f.LegOrdered(leg, "join", f"{AGENT}/{contact.agent}")))
    return [*drafts, *called]


def _may_not_consult(floor: Floor, contact: c.Contact, command: m.Consult) -> Refused | None:
    where = contact.stream
    if contact.phase is not c.TALKING or contact.agent is None:
        return not_talking(contact)
    if contact.consult:
        what, remedy = "somebody is being consulted already", "complete or cancel that first"
        return Refused("contact.consulting", where, what, remedy)
    if any(leg.kind in (AGENT, EXTERNAL) for leg in contact.more()):
        what, remedy = "others talk in it too", "ask them, or let them leave first"
        return Refused("contact.conference", where, what, remedy)
    if command.consult is None:
        what = "the consultation has no id"
        return Refused("contact.no_id", where, what, "the shell draws one; name it here")
    if contact_stream(command.consult) in floor.versions:
        what = "there was a contact of this id before"
        return Refused("contact.exists", where, what, "draw a new random id for each contact")
    return t.wrong_target(floor, contact, command.to_kind, command.to, contact.agent)


def _called(
    floor: Floor, here: c.Contact, about: c.Contact, command: m.Consult, now: int
) -> Drafts | Refused:
    """Offer a new consultation to whom it is for, or have them called.

    No more ids are taken than there are drafts.
    """
    lane = about.lane
    if command.to_kind == t.OUTSIDE:
        return [t.outside(here, floor.next_id(), command.to, now)]
    if command.to_kind == t.QUEUE:
        asked = floor.queues[QueueId(command.to)]
        return t.to_queue(floor, here, asked, None, now, now, lane)
    queue = t.home(floor, about, floor.agents[command.to])
    assert queue is not None, command.to
    steps = (Step(agents=(AgentId(command.to),)).text(),)
    numbers = EntryId(floor.next_id()), queue.id, queue.n + 1
    due = Instant(now + ASK_US)
    return [(here.stream, f.QueueEntered(*numbers, Instant(now), 0, lane, steps, None, due))]


# --- how it ends ------------------------------------------------------------------------------


def _both(floor: Floor, stream: str) -> tuple[c.Contact, c.Contact] | Refused:
    """A contact that its agent consults somebody about, and that consultation."""
    contact = floor.contacts.get(contact_stream(stream))
    if contact is None:
        return unknown(contact_stream(stream))
    consult = floor.contacts.get(contact_stream(contact.consult)) if contact.consult else None
    if consult is None:
        what = "nobody is being consulted about it"
        return Refused("contact.no_consult", contact.stream, what, "consult somebody first")
    return contact, consult


def complete(
    floor: Floor, command: m.CompleteTransfer, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    """Give the customer to whom was consulted; who consulted is free, and wraps up."""
    found = _both(floor, command.contact)
    if isinstance(found, Refused):
        return found
    contact, consult = found
    return hand_over(floor, contact, consult, now)


def hand_over(floor: Floor, contact: c.Contact, consult: c.Contact, now: int) -> Drafts | Refused:
    """End a consultation by leaving the customer to it, answered or not.

    Where nobody has answered yet, the customer waits for them instead.
    """
    refused = _not_free(floor, contact, consult)
    if refused is not None:
        return refused
    outside = _outsider(consult)
    if consult.phase is c.QUEUED:
        return _half_blind(floor, contact, consult, now)
    if consult.phase is not c.TALKING:
        what, remedy = "they are just being connected", "try again when they talk, or cancel"
        return Refused("contact.wrong_state", consult.stream, what, remedy)
    by = AgentId(contact.agent or "")
    kind = t.OUTSIDE if consult.agent is None else t.AGENT
    drafts: Drafts = [(contact.stream, f.ContactTransferred("consult", by, kind, None))]
    drafts += part_ends(floor, contact, by, "transferred", now)
    merged = (consult.stream, f.ContactClosed("merged", "talk", "agent"))
    if consult.agent is not None:
        joins = f.ContactConnected(AgentId(consult.agent), None, None, consult.agent_leg)
        return [*drafts, (contact.stream, joins), merged]
    assert outside is not None, consult
    drafts.append((contact.stream, f.LegOrdered(outside.id, "join", EXTERNAL)))
    closed = (contact.stream, f.ContactClosed("completed", "talk", "agent"))
    return [*drafts, merged, closed]


def _not_free(floor: Floor, contact: c.Contact, consult: c.Contact) -> Refused | None:
    """Refuse to give a customer to somebody who has one to ask, or is not done with this one."""
    if consult.consult or len(consult.more()) > (consult.agent is None):
        what, remedy = "they are not alone in the consultation", "let the others leave it first"
        return Refused("contact.consulting", consult.stream, what, remedy)
    target = floor.agents.get(consult.agent or "")
    if target is not None and contact.id in target.slots:
        what = f"{target.id} wraps up this contact still"
        return Refused("contact.wrong_state", contact.stream, what, "end that wrap-up first")
    return None


def _outsider(consult: c.Contact) -> Leg | None:
    legs = (leg for leg in consult.more() if leg.kind == EXTERNAL and leg.phase >= CONNECTED)
    return next(legs, None)


def _half_blind(
    floor: Floor, contact: c.Contact, consult: c.Contact, now: int
) -> Drafts | Refused:
    """Let the customer wait where the agent did: for the same, before who handed on."""
    by = AgentId(contact.agent or "")
    entry = floor.entries[EntryId(consult.entry)]
    asked = Step.parse(consult.steps[0]).agents if consult.steps else ()
    if asked and t.home(floor, contact, floor.agents[asked[0]]) is None:
        what = f"agent {asked[0]!r} belongs to no queue any more"
        return Refused("agent.no_queue", contact.stream, what, "add the agent to one, or cancel")
    drafts: Drafts = leave_queue(entry, "merged", now)
    drafts.append((consult.stream, f.ContactClosed("merged", "queue", "agent")))
    kind = t.AGENT if asked else t.QUEUE
    drafts.append((contact.stream, f.ContactTransferred("consult", by, kind, None)))
    drafts += off_hold(contact)
    drafts += part_ends(floor, contact, by, "transferred", now)
    if asked:
        drafts.append(t.to_agent(floor, contact, asked[0], by, None, now))
        return drafts
    queue = entry.group.queue
    drafts.append(t.entered(floor, contact, queue, consult.steps, entry.since, now))
    return drafts


def left_to(floor: Floor, contact: c.Contact, consult: c.Contact, now: int) -> Drafts:
    """Who consults has hung up on the customer: hand over, or let the customer wait again."""
    drafts = hand_over(floor, contact, consult, now)
    if not isinstance(drafts, Refused):
        return drafts
    by = contact.agent or ""
    back = t.back_to(floor, contact, by, now)
    if back is None:
        return conversation_ends(floor, contact, "agent", now)
    ended = goes(floor, consult, "agent", now)
    return [*ended, *off_hold(contact), *part_ends(floor, contact, by, "left", now), back]


def cancel(
    floor: Floor, command: m.CancelConsult, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    """End a consultation; that the customer is taken off hold follows."""
    found = _both(floor, command.contact)
    if isinstance(found, Refused):
        return found
    return goes(floor, found[1], "agent", now)


def conference(
    floor: Floor, command: m.Conference, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    """Let customer, agent and whom was consulted hear each other, in the customer's contact."""
    found = _both(floor, command.contact)
    if isinstance(found, Refused):
        return found
    contact, consult = found
    refused = _not_free(floor, contact, consult)
    if refused is not None:
        return refused
    if consult.phase is not c.TALKING:
        what, remedy = "nobody has answered yet", "wait until they talk, or cancel"
        return Refused("contact.wrong_state", consult.stream, what, remedy)
    outside = _outsider(consult)
    if consult.agent is not None:
        leg = consult.agent_leg
        joins: Pair = (
            contact.stream,
            f.ContactConnected(AgentId(consult.agent), None, None, leg),
        )
    else:
        assert outside is not None, consult
        leg = outside.id
        joins = (contact.stream, f.LegOrdered(leg, "join", EXTERNAL))
    legs = (contact.leg, contact.agent_leg, leg)
    merged = (consult.stream, f.ContactClosed("merged", "talk", "agent"))
    return [joins, (contact.stream, f.ContactConferenced(legs)), merged]
