"""Queues: enter, leave, priority, and going on matching."""

from cckit.core import commands as m
from cckit.core import contact as c
from cckit.core import facts as f
from cckit.core import queue as q
from cckit.core.ask import Ask
from cckit.core.errors import Refused
from cckit.core.events import Actor, Pair
from cckit.core.floor import Floor
from cckit.core.ids import EntryId, contact_stream
from cckit.core.instant import Instant, Span
from cckit.core.need import parse
from cckit.core.routing import offer_entry, unmatched

from .offers import rescind

Drafts = list[Pair]
MAX_PRIORITY = 1_000_000


def unknown(stream: str) -> Refused:
    what = "there is no such open contact"
    return Refused("contact.unknown", stream, what, "it may have ended; look at its stream")


def enqueue(floor: Floor, command: m.Enqueue, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    stream = contact_stream(command.contact)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    if contact.phase is not c.NEW:
        what = f"the contact is {contact.phase.name.lower()}"
        return Refused("contact.wrong_state", stream, what, "only a new contact can be queued")
    queue = floor.queues.get(command.queue)
    if queue is None:
        known = ", ".join(sorted(floor.queues)) or "none"
        what = f"there is no queue {command.queue!r}; there are {known}"
        return Refused("queue.unknown", stream, what, "configure it, or name another")
    wrong = _out_of_range(stream, command, now)
    if wrong is not None:
        return wrong
    need = queue.settings.need if command.need is None else command.need
    try:
        text = parse(need).text
    except ValueError as error:
        return Refused("queue.bad_need", stream, str(error), "write skill >= level")
    return [_entered(floor, contact, queue, command, text, now)]


def _out_of_range(stream: str, command: m.Enqueue, now: int) -> Refused | None:
    if not -MAX_PRIORITY <= command.priority <= MAX_PRIORITY:
        what = f"priority {command.priority} is out of range"
        return Refused("queue.bad_priority", stream, what, f"use -{MAX_PRIORITY} to {MAX_PRIORITY}")
    if command.lane not in (0, 1, 2):
        what = f"there is no lane {command.lane}"
        return Refused("queue.bad_lane", stream, what, "use 0, 1 (reserved) or 2 (emergency)")
    if command.since is not None and not 0 <= command.since <= now:
        what = "since lies in the future, or before 1970"
        return Refused("queue.bad_since", stream, what, "name an instant that has passed")
    return None


def _entered(
    floor: Floor, contact: c.Contact, queue: q.Queue, command: m.Enqueue, text: str, now: int
) -> Pair:
    max_wait_us = queue.settings.max_wait_us
    since = now if command.since is None else command.since
    entered = f.QueueEntered(
        EntryId(floor.next_id()),
        queue.id,
        queue.n + 1,
        Instant(since),
        command.priority,
        command.lane,
        (text,) if text else (),
        None,
        Instant(now + max_wait_us) if max_wait_us else None,
    )
    return (contact.stream, entered)


def dequeue(floor: Floor, command: m.Dequeue, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    stream = contact_stream(command.contact)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    if contact.phase is not c.QUEUED:
        what = f"the contact is {contact.phase.name.lower()}"
        return Refused("queue.wrong_state", stream, what, "only what waits can be taken out")
    return leave_queue(floor.entries[EntryId(contact.entry)], "dequeued", now)


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
    entry = floor.entries.get(EntryId(contact.entry))
    if entry is None or entry.phase is q.TAKEN:
        what = "the contact does not wait in a queue"
        return Refused("queue.wrong_state", stream, what, "only what waits has a priority")
    if not -MAX_PRIORITY <= command.priority <= MAX_PRIORITY:
        what = f"priority {command.priority} is out of range"
        return Refused("queue.bad_priority", stream, what, f"use -{MAX_PRIORITY} to {MAX_PRIORITY}")
    changed = f.QueuePriorityChanged(entry.id, command.priority, command.why)
    return [(stream, changed)]


def route(floor: Floor, command: m.Route, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    """Offer the best entry that waits beside a free agent; one offer a command.

    It is put again while there is such a pair, so a change of many agents or of a queue
    is worked off one decision at a time, each seeing what the one before did.
    """
    entry = unmatched(floor, now)
    draft = None if entry is None else offer_entry(floor, entry, now, ask)
    return [] if draft is None else [draft]
