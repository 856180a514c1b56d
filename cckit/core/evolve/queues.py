"""A wait: entered, ranked, come back to, left."""

from typing import Final

from cckit.core import contact as c
from cckit.core import facts as f
from cckit.core import offer as o
from cckit.core import queue as q
from cckit.core.certificate import FOREVER
from cckit.core.events import Envelope
from cckit.core.floor import Floor
from cckit.core.ids import OfferId, contact_stream
from cckit.core.routing.estimate import expected_of
from cckit.core.settings import QueueSettings
from cckit.core.step import Step, parse_step
from cckit.core.timer import Timer

from . import callbacks
from .handler import Handler

ANYBODY: Final = Step()
GAPS_MAX: Final = 21
"""Instants that make the last 20 gaps."""
HITS_MAX: Final = 100
"""Estimates by which the next ones are judged."""
SERVED_MAX: Final = 64
"""Needs of a queue whose waits are remembered."""


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
    first = parse_step(steps[0]) if steps else ANYBODY
    group = floor.index.group(queue, contact.channel, first.need, first.agents)
    rank = q.rank(data.entry, data.lane, data.since, data.priority, queue.settings.head_start_us)
    entry = q.Entry(data.entry, envelope.stream, group, rank, data.since)
    floor.entries[data.entry] = entry
    contact.held = False
    contact.entry = data.entry
    contact.queue = data.queue
    contact.waited = data.since
    contact.lane = data.lane
    contact.priority = data.priority
    contact.steps = steps
    if contact.past:
        _keep_from_wrapping(floor, contact, entry, envelope.position)
    floor.took_id(data.entry)
    floor.index.join(entry)
    if data.due:
        entry.due = data.due
        entry.position = envelope.position
        timer = Timer(data.due, envelope.position, "wait", data.entry)
        floor.timers.add(timer, envelope.stamp.recorded_at)
    if first.for_us or len(steps) > 1:
        entry.steps = tuple(map(parse_step, steps))
        for step in entry.steps[1:]:  # Else the first that relaxes so far pays for it.
            later = floor.queues.get(step.queue or queue.id, queue)
            floor.index.group(later, contact.channel, step.need, step.agents)
        due = envelope.stamp.recorded_at + first.for_us if first.for_us else 0
        _begin_step(floor, envelope, entry, 0, due)
    if queue.settings.estimator:  # Measured though nobody is told: else silence had no end.
        now = envelope.stamp.recorded_at
        found = expected_of(floor, entry, now)
        entry.told = None if found is None else (now, found.low_us, found.high_us)
    floor.touched[contact] = floor.touched[entry] = floor.seeking[entry] = None


def _keep_from_wrapping(floor: Floor, contact: c.Contact, entry: q.Entry, position: int) -> None:
    """Keep a contact that comes again from who still wraps it up: that has one end."""
    for agent_id in contact.past:
        agent = floor.agents.get(agent_id)
        if agent is not None and contact.id in agent.slots:
            entry.barred = {**(entry.barred or {}), agent_id: FOREVER}
            entry.barred_by = {**(entry.barred_by or {}), agent_id: position}


def wrapped_up(floor: Floor, contact_id: str, agent_id: str) -> None:
    """Let an agent have a contact again that it has wrapped up."""
    contact = floor.contacts.get(contact_stream(contact_id))
    entry = floor.entries.get(contact.entry) if contact is not None else None
    if entry is not None and entry.barred and entry.barred.get(agent_id) == FOREVER:
        entry.barred = {k: v for k, v in entry.barred.items() if k != agent_id} or None
        barred_by = {k: v for k, v in (entry.barred_by or {}).items() if k != agent_id}
        entry.barred_by = barred_by or None


def priority_changed(floor: Floor, envelope: Envelope, data: f.QueuePriorityChanged) -> None:
    entry = floor.entries[data.entry]
    settings = entry.group.queue.settings
    waiting = entry.in_line
    if waiting:
        leave_line(floor, entry)
    entry.rank = q.rank(
        entry.id, -entry.rank[0], entry.since, data.priority, settings.head_start_us
    )
    if waiting:
        join_line(floor, entry)
    floor.contacts[envelope.stream].priority = data.priority
    floor.touched[entry] = None


def relaxed(floor: Floor, envelope: Envelope, data: f.QueueRequirementRelaxed) -> None:
    """Let another step hold: who waits, waits for other agents, in the place of its rank."""
    entry = floor.entries[data.entry]
    waiting = entry.in_line
    if waiting:
        leave_line(floor, entry)
    step = entry.steps[data.step]
    old = entry.group
    entry.group = floor.index.group(old.queue, old.channel, step.need, step.agents, old.calls)
    _begin_step(floor, envelope, entry, data.step, data.due or 0)
    if waiting:
        join_line(floor, entry)
        floor.seeking[entry] = None
    floor.unrouted = floor.unrouted or floor.index.leaves_empty
    floor.touched[entry] = None


def _begin_step(floor: Floor, envelope: Envelope, entry: q.Entry, step: int, due: int) -> None:
    entry.step = step
    entry.step_due = due
    entry.step_position = envelope.position
    if due:
        timer = Timer(due, envelope.position, "step", entry.id)
        floor.timers.add(timer, envelope.stamp.recorded_at)


def queue_left(floor: Floor, envelope: Envelope, data: f.QueueLeft) -> None:
    contact = floor.contacts[envelope.stream]
    contact.phase = c.MOVES[contact.phase, f.QueueLeft]
    entry = floor.entries.pop(data.entry)
    group = entry.group
    if entry.in_line:
        leave_line(floor, entry)
    if entry.phase is q.OFFERED:
        floor.touched[floor.offers[OfferId(entry.offer)]] = None
    if entry.promise is not None:
        callbacks.went(floor, entry, contact)
    if data.reason == "abandoned" and group.queue.settings.resume_us:
        callbacks.gave_up(floor, envelope, entry, contact)
    entry.phase = q.MOVES[entry.phase, f.QueueLeft]
    group.queue.live -= 1
    if data.reason == "overflowed":
        floor.overflowed = (envelope.position, entry.since)
    elif data.reason == "answered" and group.queue.settings.estimator:
        _served(entry, data.wait_us, envelope.stamp.recorded_at)
    contact.entry = c.NO_ENTRY
    if entry.steps:
        contact.steps = entry.steps_left()
    floor.touched.pop(entry, None)
    floor.seeking.pop(entry, None)
    floor.touched[contact] = None


def _served(entry: q.Entry, wait_us: int, now: int) -> None:
    """Keep when and after what wait one was served, and whether the estimate held."""
    group = entry.group
    queue = group.queue
    key = q.served_key(group.channel, group.need.text)
    served = queue.served.pop(key, None) or q.Served()
    queue.served[key] = served
    if len(queue.served) > SERVED_MAX:
        del queue.served[next(iter(queue.served))]
    served.wait_us = wait_us
    served.at.append(now)
    del served.at[:-GAPS_MAX]
    if entry.told is not None:
        at, low, high = entry.told
        queue.hits.append(int(low <= now - at <= high))
        del queue.hits[:-HITS_MAX]


def estimate_given(floor: Floor, envelope: Envelope, data: f.QueueEstimateGiven) -> None:
    entry = floor.entries[data.entry]
    entry.told = (envelope.stamp.recorded_at, data.low_us, data.high_us)


def leave_line(floor: Floor, entry: q.Entry) -> None:
    """Nobody is looked for any more."""
    floor.index.part(entry)


def join_line(floor: Floor, entry: q.Entry) -> None:
    """Look for somebody again, from the old place."""
    floor.index.join(entry)


def return_entry(
    floor: Floor, envelope: Envelope, offer: o.Offer, kind: type, barred: bool
) -> None:
    """Take an offer from an entry, and the entry back to its old place after the last one.

    What is left of a round rings on, and may ask one more. An accepted entry stays taken.
    """
    entry = floor.entries[offer.entry]
    entry.offers = tuple(other for other in entry.offers if other != offer.id)
    floor.touched[entry] = None
    promise = entry.promise
    if barred and (promise is None or not promise.not_before):
        _keep_apart(floor, envelope, entry, offer, kind)
    if entry.offers:
        round_goes_on(floor, entry)
        return
    _end_round(floor, entry, kind)
    if promise is not None:
        callbacks.back(floor, entry, promise)
        return
    if not entry.in_line:
        join_line(floor, entry)
    floor.seeking[entry] = None


def round_goes_on(floor: Floor, entry: q.Entry) -> None:
    """Look for one more for a round that may ask one more, for nobody else."""
    more = entry.phase is q.OFFERED and entry.wants_more()
    if entry.in_line and not more:
        leave_line(floor, entry)
    elif more and not entry.in_line:
        join_line(floor, entry)
    if more:
        floor.seeking[entry] = None


def _end_round(floor: Floor, entry: q.Entry, kind: type) -> None:
    moves = q.MOVES if entry.promise is None else q.AWAY
    entry.phase = moves[entry.phase, kind]
    entry.again = ()
    if kind is f.ContactConnectFailed:
        entry.round -= 1  # It does not count, and the same agents come first.
        entry.again = entry.asked
        if entry.due:
            floor.timers.add(Timer(entry.due, entry.position, "wait", entry.id), entry.due)
    entry.asked = ()
    entry.add_at = entry.add_by = 0


def _keep_apart(
    floor: Floor, envelope: Envelope, entry: q.Entry, offer: o.Offer, kind: type
) -> None:
    """Keep an entry from an agent for a while, twice as long each time."""
    if entry.failures is None:
        entry.failures = {}
    failures = entry.failures.get(offer.agent)
    if failures is None and kind is f.ContactConnectFailed:
        entry.failures[offer.agent] = 0
        return  # Once is bad luck; twice, and the pair is kept apart.
    failures = failures or 0
    entry.failures[offer.agent] = failures + 1
    now = envelope.stamp.recorded_at
    rule = floor.offering
    until = now + min(rule.backoff_us << min(failures, 16), rule.backoff_max_us)
    entry.barred = {k: v for k, v in (entry.barred or {}).items() if v > now}
    entry.barred[offer.agent] = until
    entry.barred_by = {k: v for k, v in (entry.barred_by or {}).items() if k in entry.barred}
    entry.barred_by[offer.agent] = envelope.position
    floor.timers.add(Timer(until, envelope.position, "backoff", entry.id), now)


HANDLERS: Final[dict[type, Handler]] = {
    f.QueueEntered: queue_entered,
    f.QueuePriorityChanged: priority_changed,
    f.QueueRequirementRelaxed: relaxed,
    f.QueueEstimateGiven: estimate_given,
    f.QueueLeft: queue_left,
}
