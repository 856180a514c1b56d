"""A wait: entered, ranked, come back to, left."""

from typing import Final

from cckit.core import contact as c
from cckit.core import facts as f
from cckit.core import offer as o
from cckit.core import queue as q
from cckit.core.events import Envelope
from cckit.core.floor import Floor
from cckit.core.ids import OfferId
from cckit.core.settings import QueueSettings
from cckit.core.timer import Timer

from .handler import Handler

BACKOFF_US: Final = 5_000_000
BACKOFF_MAX_US: Final = 60_000_000


def queue_entered(floor: Floor, envelope: Envelope, data: f.QueueEntered) -> None:
    contact = floor.contacts[envelope.stream]
    contact.phase = c.MOVES[contact.phase, f.QueueEntered]
    queue = floor.queues.get(data.queue)
    if queue is None:  # Imported: nobody configured it.
        queue = q.Queue(data.queue, QueueSettings(), b"")
        floor.queues[data.queue] = queue
        floor.index.requeue(queue, floor.queues)
    queue.n = data.n
    queue.live += 1
    steps = data.steps
    group = floor.index.group(queue, contact.channel, steps[0] if steps else "")
    rank = q.rank(data.entry, data.lane, data.since, data.priority, queue.settings.head_start_us)
    entry = q.Entry(data.entry, envelope.stream, group, rank, data.since)
    floor.entries[data.entry] = entry
    contact.entry = data.entry
    contact.queue = data.queue
    floor.took_id(data.entry)
    group.add(entry)
    floor.index.waiting |= 1 << group.number
    if data.due:
        entry.due = data.due
        entry.position = envelope.position
        timer = Timer(data.due, envelope.position, "wait", data.entry)
        floor.timers.add(timer, envelope.stamp.recorded_at)
    floor.touched[contact] = floor.touched[entry] = floor.seeking[entry] = None


def priority_changed(floor: Floor, envelope: Envelope, data: f.QueuePriorityChanged) -> None:
    entry = floor.entries[data.entry]
    group = entry.group
    settings = group.queue.settings
    waiting = entry.in_line
    if waiting:
        group.remove(entry)
    entry.rank = q.rank(
        entry.id, -entry.rank[0], entry.since, data.priority, settings.head_start_us
    )
    if waiting:
        group.add(entry)
    floor.touched[entry] = None


def queue_left(floor: Floor, envelope: Envelope, data: f.QueueLeft) -> None:
    contact = floor.contacts[envelope.stream]
    contact.phase = c.MOVES[contact.phase, f.QueueLeft]
    entry = floor.entries.pop(data.entry)
    group = entry.group
    if entry.phase is q.WAITING:
        group.remove(entry)
        if not group.count:
            floor.index.waiting &= ~(1 << group.number)
    elif entry.phase is q.OFFERED:
        floor.touched[floor.offers[OfferId(entry.offer)]] = None
    entry.phase = q.MOVES[entry.phase, f.QueueLeft]
    group.queue.live -= 1
    contact.entry = 0
    floor.touched.pop(entry, None)
    floor.seeking.pop(entry, None)
    floor.touched[contact] = None


def return_entry(
    floor: Floor, envelope: Envelope, offer: o.Offer, kind: type, barred: bool
) -> None:
    """Put an entry back to its old place; keep it from this agent for a while."""
    entry = floor.entries[offer.entry]
    entry.phase = q.MOVES[entry.phase, kind]
    entry.offer = 0
    entry.rank = (*entry.rank[:3], entry.id)
    entry.group.add(entry)
    floor.index.waiting |= 1 << entry.group.number
    floor.touched[entry] = floor.seeking[entry] = None
    if kind is f.ContactConnectFailed:
        entry.round -= 1  # It does not count, and the same agents come first.
        if entry.due:
            floor.timers.add(Timer(entry.due, entry.position, "wait", entry.id), entry.due)
    if barred:
        if entry.failures is None:
            entry.failures = {}
        failures = entry.failures.get(offer.agent)
        if failures is None and kind is f.ContactConnectFailed:
            entry.failures[offer.agent] = 0
            return  # Once is bad luck; twice, and the pair is kept apart.
        failures = failures or 0
        entry.failures[offer.agent] = failures + 1
        now = envelope.stamp.recorded_at
        until = now + min(BACKOFF_US << min(failures, 4), BACKOFF_MAX_US)
        entry.barred = {k: v for k, v in (entry.barred or {}).items() if v > now}
        entry.barred[offer.agent] = until
        entry.barred_by = {k: v for k, v in (entry.barred_by or {}).items() if k in entry.barred}
        entry.barred_by[offer.agent] = envelope.position
        timer = Timer(until, envelope.position, "backoff", entry.id)
        floor.timers.add(timer, now)


HANDLERS: Final[dict[type, Handler]] = {
    f.QueueEntered: queue_entered,
    f.QueuePriorityChanged: priority_changed,
    f.QueueLeft: queue_left,
}
