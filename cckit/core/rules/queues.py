"""Queues: enter, leave, priority, and going on matching."""

from .. import commands as m
from .. import contact as c
from .. import facts as f
from .. import queue as q
from ..ask import Ask
from ..errors import Refused
from ..events import Actor, Draft
from ..floor import Floor
from ..ids import EntryId, OfferId, contact_stream
from ..instant import Instant, Span
from ..need import parse
from ..routing import Seeker, offer_entry, seeker_of, unmatched
from .offers import freed, rescind

Drafts = list[Draft]
MAX_PRIORITY = 1_000_000


def unknown(stream: str) -> Refused:
    what = "there is no such open contact"
    return Refused("contact.unknown", stream, what, "it may have ended; look at its stream")


def enqueue(
    floor: Floor, command: m.Enqueue, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
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
    text = queue.settings.need
    if command.need is not None:
        try:
            text = parse(command.need).text
        except ValueError as error:
            return Refused("queue.bad_need", stream, str(error), "write skill >= level")
    return _enter(floor, contact, queue, command, text, now, ask)


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


def _enter(
    floor: Floor,
    contact: c.Contact,
    queue: q.Queue,
    command: m.Enqueue,
    text: str,
    now: int,
    ask: Ask,
) -> Drafts:
    settings = queue.settings
    entry = EntryId(floor.next_id())
    since = now if command.since is None else command.since
    due = Instant(now + settings.max_wait_us) if settings.max_wait_us else None
    steps = (text,) if text else ()
    stream = contact.stream
    entered = f.QueueEntered(
        entry,
        queue.id,
        queue.n + 1,
        Instant(since),
        command.priority,
        command.lane,
        steps,
        None,
        due,
    )
    rank = q.rank(entry, command.lane, since, command.priority, settings.head_start_us)
    group = floor.index.group(queue, contact.channel, text)
    seeker = Seeker(entry, stream, group, 1, rank)
    offer = offer_entry(floor, seeker, now, ask, OfferId(entry + 1))
    drafts = [Draft(stream, entered)]
    if offer is not None:
        drafts.append(offer)
    return drafts


def dequeue(
    floor: Floor, command: m.Dequeue, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    stream = contact_stream(command.contact)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    if contact.phase is not c.QUEUED:
        what = f"the contact is {contact.phase.name.lower()}"
        return Refused("queue.wrong_state", stream, what, "only what waits can be taken out")
    return leave_queue(floor, floor.entries[contact.entry], "dequeued", now, ask)


def leave_queue(
    floor: Floor, entry: q.Entry, reason: str, now: int, ask: Ask, *after: Draft
) -> Drafts:
    """End a wait and free the agent to whom it was offered; ``after`` follows at once."""
    wait = Span(max(0, now - entry.since))
    drafts = rescind(floor, entry, reason)
    offer = floor.offers.get(entry.offer)
    drafts.append(Draft(entry.contact, f.QueueLeft(entry.id, reason, wait)))
    drafts += after
    if offer is not None:
        agent = floor.agents[offer.agent]
        drafts += freed(floor, agent, entry.contact[8:], now, ask, entry.id)
    return drafts


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
    return [Draft(stream, changed)]


def route(floor: Floor, command: m.Route, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    """Offer the best entry that waits beside a free agent; one offer a command.

    It is put again while there is such a pair, so a change of many agents or of a queue
    is worked off one decision at a time, each seeing what the one before did.
    """
    entry = unmatched(floor, now)
    if entry is None:
        return []
    offer = offer_entry(floor, seeker_of(entry), now, ask, OfferId(floor.next_id()))
    return [] if offer is None else [offer]


