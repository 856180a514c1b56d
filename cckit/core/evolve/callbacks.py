"""A place that is kept for somebody who hung up: out of line and back, dialed, resumed."""

from typing import Final

from cckit.core import facts as f
from cckit.core import queue as q
from cckit.core.contact import Contact
from cckit.core.events import Envelope
from cckit.core.floor import Floor
from cckit.core.ids import ContactId, SubjectId
from cckit.core.timer import Timer

from .handler import Handler

PAUSE_US_MAX: Final = 86_400_000_000


def place_kept(floor: Floor, envelope: Envelope, data: f.QueuePlaceKept) -> None:
    """Let the entry wait on without its customer, or be in line again after a pause."""
    entry = floor.entries[data.entry]
    contact = floor.contacts[envelope.stream]
    entry.phase = q.MOVES[entry.phase, f.QueuePlaceKept]
    if entry.promise is None:
        entry.promise = q.Promise(data.callback)
        if contact.subject is not None:
            floor.promised[contact.subject] = envelope.stream
    else:
        entry.promise.first = data.callback
        entry.promise.not_before = 0
    line_up(floor, entry, contact)
    floor.touched[contact] = None


def line_up(floor: Floor, entry: q.Entry, contact: Contact) -> None:
    """Put an entry into the line of its group: apart, while its customer is called first."""
    if entry.in_line:
        floor.index.part(entry)
    old, promise = entry.group, entry.promise
    calls = promise is not None and promise.first == "customer" and not contact.leg
    if calls is not old.calls:
        index = floor.index
        entry.group = index.group(old.queue, old.channel, old.need.text, old.agents, calls)
    floor.index.join(entry)
    floor.touched[entry] = floor.seeking[entry] = None


def dialed(floor: Floor, contact: Contact) -> None:
    """Take in that a customer is being called; two calls at once are our bug.

    :raises KeyError: they are being called already.
    """
    entry = floor.entries.get(contact.entry)
    if entry is None:
        return
    if contact.dialing is not None:
        raise KeyError("called twice at once")
    entry.phase = q.MOVES[entry.phase, f.LegOrdered]
    if entry.in_line:
        floor.index.part(entry)
    if entry.promise is not None:
        entry.promise.not_before = 0
    if entry.phase is q.DIALING:
        entry.group.queue.dialing += 1
    floor.touched[entry] = None


def not_reached(floor: Floor, envelope: Envelope, contact: Contact) -> None:
    """Take in that a customer did not answer: the entry pauses, longer each time."""
    entry = floor.entries.get(contact.entry)
    if entry is None or entry.promise is None:
        return
    promise = entry.promise
    promise.tries += 1
    pause_us = entry.group.queue.settings.callback_pause_us << min(promise.tries - 1, 16)
    now = envelope.stamp.recorded_at
    promise.not_before = now + min(pause_us, PAUSE_US_MAX)
    promise.position = envelope.position
    floor.timers.put(Timer(promise.not_before, promise.position, "not_before", entry.id))
    if entry.phase is q.DIALING:
        entry.phase = q.MOVES[entry.phase, f.LegCleared]
        _rings_no_more(floor, entry)
    floor.touched[entry] = None


def resumed(floor: Floor, envelope: Envelope, data: f.QueueResumed) -> None:
    """Let the customer wait again, or talk at once, in the old place."""
    entry = floor.entries[data.entry]
    contact = floor.contacts[envelope.stream]
    before = entry.phase
    entry.phase = q.MOVES[before, f.QueueResumed]
    forget(floor, entry, contact)
    if entry.phase is q.WAITING:
        line_up(floor, entry, contact)
    if before is q.DIALING:
        _rings_no_more(floor, entry)
    floor.touched[entry] = floor.touched[contact] = None


def _rings_no_more(floor: Floor, entry: q.Entry) -> None:
    """One call less: whom it kept from being called is looked at again."""
    queue = entry.group.queue
    queue.dialing -= 1
    for group in floor.index.lines():
        if group.calls and group.queue is queue:
            floor.seeking[floor.entries[group.line[0][3]]] = None


def forget(floor: Floor, entry: q.Entry, contact: Contact) -> None:
    """Nobody has to be called any more."""
    entry.promise = None
    subject = contact.subject
    if subject is not None and floor.promised.get(subject) == contact.stream:
        del floor.promised[subject]


def identified(floor: Floor, contact: Contact, subject: SubjectId) -> None:
    """Take in that a place is kept for somebody else than was thought."""
    entry = floor.entries.get(contact.entry)
    if entry is not None and entry.promise is not None:
        if contact.subject is not None and floor.promised.get(contact.subject) == contact.stream:
            del floor.promised[contact.subject]
        floor.promised.setdefault(subject, contact.stream)


def went(floor: Floor, entry: q.Entry, contact: Contact) -> None:
    """Take in that an entry left its queue for which a place was kept."""
    if entry.phase is q.DIALING:
        _rings_no_more(floor, entry)
    forget(floor, entry, contact)


def gave_up(floor: Floor, envelope: Envelope, entry: q.Entry, contact: Contact) -> None:
    """Remember where somebody was who gave up, and may come again."""
    subject = contact.subject
    if subject is None:
        return
    queue = entry.group.queue
    now = envelope.stamp.recorded_at
    floor.gave_up.pop(subject, None)  # The last one to give up stands last.
    until = now + queue.settings.resume_us
    floor.gave_up[subject] = (until, queue.id, entry.since, ContactId(contact.id))
    while next(iter(floor.gave_up.values()))[0] < now:
        del floor.gave_up[next(iter(floor.gave_up))]


def hung_up(floor: Floor, contact: Contact) -> None:
    """Let whoever is to be called first wait apart, now that they are away.

    A round that is asking agents goes on: whoever accepts has the customer called.
    """
    entry = floor.entries.get(contact.entry)
    if entry is not None and entry.promise is not None and entry.in_line and not entry.offers:
        line_up(floor, entry, contact)


def back(floor: Floor, entry: q.Entry, promise: q.Promise) -> None:
    """Put an entry back whose customer is away, after its offer came to nothing."""
    contact = floor.contacts[entry.contact]
    if contact.dialing is not None:  # The agent is gone, and the customer still rings.
        entry.phase = q.MOVES[entry.phase, f.LegOrdered]
        entry.group.queue.dialing += 1
    elif not promise.not_before:
        line_up(floor, entry, contact)
    floor.touched[entry] = None


HANDLERS: Final[dict[type, Handler]] = {
    f.QueuePlaceKept: place_kept,
    f.QueueResumed: resumed,
}
