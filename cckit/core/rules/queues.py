"""Those who wait in a queue: leave, overflow, priority, and going on matching."""

from collections.abc import Sequence

import attrs

from cckit.core import commands as m
from cckit.core import contact as c
from cckit.core import facts as f
from cckit.core import queue as q
from cckit.core.ask import Ask
from cckit.core.errors import Refused
from cckit.core.events import Actor, Pair
from cckit.core.floor import Floor
from cckit.core.ids import contact_stream
from cckit.core.instant import Span
from cckit.core.matching import is_member
from cckit.core.routing import deserted, move, offer_entry, unmatched
from cckit.core.settings import overflow_of
from cckit.core.step import ANYONE, own_steps, parse_step, read_steps

from .entering import bad_priority, closed_by, queue_named, unknown
from .offers import rescind

Drafts = list[Pair]


def dequeue(floor: Floor, command: m.Dequeue, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    stream = contact_stream(command.contact)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    if contact.phase is not c.QUEUED:
        what = f"the contact is {contact.phase.name.lower()}"
        return Refused("queue.wrong_state", stream, what, "only what waits can be taken out")
    if not contact.leg:
        what = "nobody is on the line: a place is kept"
        return Refused("queue.wrong_state", stream, what, "cancel it instead")
    return leave_queue(floor.entries[contact.entry], "dequeued", now)


def leave_queue(entry: q.Entry, reason: str, now: int) -> Drafts:
    """End a wait, taking back the live offer if there is one."""
    wait = Span(max(0, now - entry.since))
    return [*rescind(entry, reason), (entry.contact, f.QueueLeft(entry.id, reason, wait))]


def set_priority(
    floor: Floor, command: m.SetPriority, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    stream = contact_stream(command.contact)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    entry = floor.entries.get(contact.entry)
    if entry is None or entry.phase is q.TAKEN:
        what = "the contact does not wait in a queue"
        return Refused("queue.wrong_state", stream, what, "only what waits has a priority")
    wrong = bad_priority(stream, command.priority)
    if wrong is not None:
        return wrong
    changed = f.QueuePriorityChanged(entry.id, command.priority, command.why)
    return [(stream, changed)]


def overflow(
    floor: Floor, command: m.Overflow, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    """Move a waiting contact, whatever the other queue's rules for who comes are."""
    stream = contact_stream(command.contact)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    entry = floor.entries.get(contact.entry)
    if entry is None or entry.phase not in (q.WAITING, q.OFFERED) or entry.promise is not None:
        what = "the contact does not wait in a queue"
        return Refused("queue.wrong_state", stream, what, "only who waits on the line can be moved")
    queue = queue_named(floor, stream, command.queue)
    if isinstance(queue, Refused):
        return queue
    if queue is entry.group.queue:
        what = f"it waits in queue {queue.id!r} already"
        return Refused("queue.same_queue", stream, what, "name another queue")
    return overflow_to(entry, queue, floor, now)


def overflow_to(entry: q.Entry, queue: q.Queue, floor: Floor, now: int) -> Drafts:
    """Take a wait to another queue; needs that were only its old queue's stay behind."""
    steps = carried(entry.steps_left() or (ANYONE,), entry.group.queue, queue)
    steps = () if steps == (ANYONE,) else steps
    return [*rescind(entry, "overflowed"), *move(floor, entry, queue, steps, now)]


def carried(steps: tuple[str, ...], old: q.Queue, queue: q.Queue) -> tuple[str, ...]:
    """The steps that a wait takes to another queue: those that were not the old one's own."""
    own = own_steps(old.settings)
    if steps == own[-len(steps) :] or steps[-len(own) :] == own:
        return own_steps(queue.settings)
    # The step that holds may say where it waits, which is over now.
    here = attrs.evolve(parse_step(steps[0]), queue=None).text()
    return served_by(queue, (here, *steps[1:]))


def served_by(queue: q.Queue, steps: Sequence[str]) -> tuple[str, ...]:
    """Leave out steps for agents who are not in a queue; the last is for everybody then."""
    found = [
        step
        for step in read_steps(tuple(steps))
        if not step.agents or any(is_member(agent, queue) for agent in step.agents)
    ]
    last = parse_step(steps[-1])
    if not found or found[-1] != last:
        found.append(attrs.evolve(last, agents=()))
    return tuple(step.text() for step in found)


def let_go(floor: Floor, entry: q.Entry, now: int) -> Drafts:
    """Do what the queue says for when nobody signed in could serve who waits."""
    rule = entry.group.queue.settings.leave_empty
    target = overflow_of(rule)
    if target is not None:
        return overflow_to(entry, floor.queues[target], floor, now)
    closed = (entry.contact, closed_by(rule, "unstaffed"))
    return [*leave_queue(entry, "blocked", now), closed]


def route(floor: Floor, command: m.Route, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    """Offer the best entry that waits beside a free agent; one offer a command.

    It is put again while there is such a pair, so a change of many agents or of a queue
    is worked off one decision at a time, each seeing what the one before did.
    """
    entry = unmatched(floor, now)
    draft = None if entry is None else offer_entry(floor, entry, now, ask)
    if draft is not None:
        return [draft]
    alone = deserted(floor)
    return [] if alone is None else let_go(floor, alone, now)
