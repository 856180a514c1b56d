"""Places that are kept: asked for, called back, resumed, given up — each ends once.

``leg.ordered`` stands in the log before anybody's phone rings, so whoever is called when we
die is found being called when we are back: what the line then reports ends that call, or the
instant by which it had to be answered does.
"""

from collections.abc import Sequence
from typing import Final

import attrs

from cckit.core import commands as m
from cckit.core import contact as c
from cckit.core import facts as f
from cckit.core import queue as q
from cckit.core.ask import Ask
from cckit.core.contact import NO_LEG
from cckit.core.errors import Refused
from cckit.core.events import Actor, Pair
from cckit.core.floor import Floor
from cckit.core.ids import ContactId, SubjectId, contact_stream
from cckit.core.instant import SECOND, Instant
from cckit.core.routing import call
from cckit.core.same_person import same

from . import entering
from .entering import unknown
from .offers import rescind
from .queues import leave_queue

Drafts = list[Pair]
FIRST: Final = ("agent", "customer")
REASONS: Final = ("cancelled", "callback_failed", "merged")
RING_US_MAX: Final = 300 * SECOND
ENTRY_POINT: Final = "callback"
HOPELESS: Final = frozenset({"erased", "unobtainable"})
"""Causes after which calling again is of no use."""


def keep_place(
    floor: Floor, command: m.KeepPlace, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    stream = contact_stream(command.contact)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    if command.first not in FIRST:
        what = f"{command.first!r} can't be called first"
        return Refused("queue.bad_first", stream, what, f"use {' or '.join(FIRST)}")
    entry = floor.entries.get(contact.entry)
    if entry is None or entry.phase in (q.TAKEN, q.DIALING) or contact.consult_of:
        what = "no customer waits in a queue here"
        return Refused("queue.wrong_state", stream, what, "only what waits has a place to keep")
    promise = entry.promise
    if promise is not None and promise.first == command.first:
        return []
    kept = (stream, f.QueuePlaceKept(entry.id, command.first))
    return [*merged(floor, contact, now), *rescind(entry, "place_kept"), kept]


def merged(floor: Floor, contact: c.Contact, now: int) -> Drafts:
    """End the other promises to the same person: nobody is called for two."""
    drafts: Drafts = []
    for other in promised(floor, contact.subject):
        if other is not contact:
            drafts += end(floor, other, "merged", "system", now)
    return drafts


def promised(floor: Floor, subject: SubjectId | None) -> list[c.Contact]:
    """The contacts for which this person's place is kept, under whatever id."""
    if subject is None or not floor.promised:
        return []
    streams = (floor.promised.get(SubjectId(one)) for one in same(floor.merged, subject))
    return [floor.contacts[stream] for stream in streams if stream is not None]


def one_promise(floor: Floor, kept: Sequence[c.Contact], now: int) -> Drafts:
    """End all but one of the promises to those who turn out to be one person.

    The older ones end, but before them whoever is not being called yet.
    """

    def rank(contact: c.Contact) -> tuple[bool, int]:
        entry = floor.entries[contact.entry]
        return entry.phase in (q.TAKEN, q.DIALING), entry.id

    drafts: Drafts = []
    for contact in sorted(kept, key=rank)[:-1]:
        drafts += end(floor, contact, "merged", "system", now)
    return drafts


def end(floor: Floor, contact: c.Contact, reason: str, by: str, now: int) -> Drafts:
    """End the wait of somebody who is away, and the contact with it; what rings is cleared."""
    entry = floor.entries[contact.entry]
    closed = "merged" if reason == "merged" else _given_up(contact)
    return [
        *leave_queue(entry, reason, now),
        (contact.stream, f.ContactClosed(closed, "callback", by)),
    ]


def recall(floor: Floor, command: m.Recall, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    if command.contact is None:
        what = "the contact has no id"
        return Refused("contact.no_id", "Recall", what, "the shell draws one; name it here")
    stream = contact_stream(command.contact)
    if stream in floor.versions:
        what = "this contact has arrived before"
        return Refused("contact.exists", stream, what, "draw a new random id for each contact")
    if command.first not in FIRST:
        what = f"{command.first!r} can't be called first"
        return Refused("queue.bad_first", stream, what, f"use {' or '.join(FIRST)}")
    if command.lane not in (0, 1):
        what = f"nobody is called back in lane {command.lane}"
        return Refused("queue.bad_lane", stream, what, "use 0 or 1 (reserved)")
    of = floor.contacts.get(contact_stream(command.of)) if command.of is not None else None
    subject = command.subject or (of.subject if of is not None else None)
    contact = c.Contact(stream, command.channel, NO_LEG, subject)
    queue = entering.queue_named(floor, stream, command.queue)
    if isinstance(queue, Refused):
        return queue
    since = now if command.since is None else min(command.since, now)
    wait = entering.Wait(since, command.priority, command.lane)
    wrong = entering.out_of_range(stream, wait, now)
    if wrong is not None:
        return wrong
    steps = None if command.need is None else (command.need,) if command.need.strip() else ()
    entered = entering.enter(floor, contact, queue, wait, now, steps, promised=True)
    if isinstance(entered, Refused):
        return entered
    created = f.ContactCreated(command.channel, "out", NO_LEG, subject, None, None, ENTRY_POINT, "")
    drafts: Drafts = [*merged(floor, contact, now), (stream, created)]
    if command.of is not None:
        linked = f.ContactLinked(command.of, "callback_of", command.of)
        drafts.append((stream, linked))
    [(_, last)] = entered
    return [*drafts, *entered, (stream, f.QueuePlaceKept(last.entry, command.first))]


def _given_up(contact: c.Contact) -> str:
    """How a contact ends that nobody calls any more: who has talked before was served."""
    return "completed" if contact.since else "abandoned"


def cancel(floor: Floor, command: m.Cancel, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    stream = contact_stream(command.contact)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    if command.reason not in REASONS:
        what = f"no promise ends as {command.reason!r}"
        return Refused("queue.bad_reason", stream, what, f"use {', '.join(REASONS)}")
    entry = floor.entries.get(contact.entry)
    if entry is None or entry.promise is None:
        what = "no place is kept for this contact"
        return Refused("queue.wrong_state", stream, what, "deflect or close who is on the line")
    if contact.leg:
        return answered(contact)  # They never hung up: they wait on, and are not called.
    return end(floor, contact, command.reason, actor.kind, now)


def dial_back(
    floor: Floor, command: m.DialBack, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    stream = contact_stream(command.contact)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    entry = floor.entries.get(contact.entry)
    if entry is None or entry.phase is not q.VIRTUAL or contact.leg:
        what = "nobody who is away waits here"
        return Refused("queue.wrong_state", stream, what, "call back whose place is kept")
    if not SECOND <= command.due_us <= RING_US_MAX:
        what = f"a phone does not ring for {command.due_us} us"
        return Refused("leg.bad_due", stream, what, f"use {SECOND} to {RING_US_MAX}")
    return [call(floor, stream, now + command.due_us)]


# --- what the line reports ----------------------------------------------------------------


def answered(contact: c.Contact) -> Drafts:
    """The customer is there again: with the agent who waits, or in the old place."""
    return [(contact.stream, f.QueueResumed(contact.entry))]


def failed(floor: Floor, contact: c.Contact, cause: str, by: str, now: int) -> Drafts:
    """Nobody answered: the agent is freed, and they are called again later, or given up."""
    entry = floor.entries[contact.entry]
    drafts: Drafts = []
    if contact.offer:
        offer = floor.offers[contact.offer]
        drafts.append((contact.stream, f.ContactConnectFailed(offer.id, cause)))
    tries = 1 + (entry.promise.tries if entry.promise is not None else 0)
    if tries >= entry.group.queue.settings.callback_tries or cause in HOPELESS:
        wait = leave_queue(entry, "callback_failed", now)
        # The offer that was accepted is over by then, and no other was made.
        drafts += [fact for fact in wait if type(fact[1]) is f.QueueLeft]
        drafts.append((contact.stream, f.ContactClosed(_given_up(contact), "callback", by)))
    return drafts


def pause_over(entry: q.Entry, set_position: int, now: int) -> Drafts:
    """It is time to call again: the entry is in line as before."""
    promise = entry.promise
    if promise is None or promise.position != set_position or not 0 < promise.not_before <= now:
        return []
    return [(entry.contact, f.QueuePlaceKept(entry.id, promise.first))]


# --- who comes again ----------------------------------------------------------------------


def enqueue(floor: Floor, command: m.Enqueue, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    """Let a contact enter a queue: from where they were, if they come again."""
    if (floor.promised or floor.gave_up) and command.since is None:
        contact = floor.contacts.get(contact_stream(command.contact))
        queue = floor.queues.get(command.queue)
        place = None if contact is None or queue is None else place_of(floor, contact, queue, now)
        if place is not None:
            since, of, ended = place
            again = m.Enqueue(
                command.contact,
                command.queue,
                command.priority,
                command.lane,
                command.need,
                since,
                command.steps,
                command.prefer,
            )
            entered = entering.enqueue(floor, again, now, ask, actor)
            if isinstance(entered, Refused):
                return entered
            stream, first = entered[0]
            return [*ended, (stream, attrs.evolve(first, place_from=of)), *entered[1:]]
    return entering.enqueue(floor, command, now, ask, actor)


def place_of(
    floor: Floor, contact: c.Contact, queue: q.Queue, now: int
) -> tuple[Instant, ContactId, Drafts] | None:
    """Where somebody waits on who comes again: since when, from which contact, and its end.

    Whose place is kept in this queue takes it over; who gave up here a short while ago (the
    queue's ``resume_us``) has not lost it.
    """
    for other in promised(floor, contact.subject):
        entry = floor.entries[other.entry]
        if entry.group.queue is queue and entry.phase is not q.TAKEN:
            ended = end(floor, other, "merged", "system", now)
            return Instant(entry.since), ContactId(other.id), ended
    for one in same(floor.merged, contact.subject) if contact.subject is not None else ():
        gone = floor.gave_up.get(SubjectId(one))
        if gone is not None and gone[0] >= now and gone[1] == queue.id:
            return Instant(gone[2]), gone[3], []
    return None
