"""What comes after a step of a wait: the next one, or another queue.

A step ends when its time is over, or at once where nobody signed in could ever serve it
and it says to skip then. Who is being offered to somebody stays in the step that asked
for that agent; should the offer come to nothing, what is overdue ends first.
"""

from collections.abc import Sequence

import attrs

from cckit.core import facts as f
from cckit.core.events import Pair
from cckit.core.floor import Floor
from cckit.core.ids import EntryId
from cckit.core.instant import Instant, Span
from cckit.core.queue import WAITING, Entry, Queue
from cckit.core.settings import ACCEPT, overflow_of
from cckit.core.step import MAX_PRIORITY, Step


def ended(floor: Floor, entry: Entry, now: int) -> bool:
    """Tell whether the step that holds is over."""
    if entry.step + 1 >= len(entry.steps) or entry.offers or not entry.in_line:
        return False
    if 0 < entry.step_due <= now:
        return True
    step = entry.steps[entry.step]
    return step.skip_unstaffed and not staffed(floor, entry, step)


def next_step(floor: Floor, entry: Entry, now: int) -> list[Pair]:
    """Let the next step begin that is not to be skipped: here, or in the queue that it names.

    Who waits without being there stays in this queue: the call back is promised by it.
    """
    at = entry.step + 1
    while at + 1 < len(entry.steps) and entry.steps[at].skip_unstaffed:
        if staffed(floor, entry, entry.steps[at]):
            break
        at += 1
    step = entry.steps[at]
    priority = max(-MAX_PRIORITY, min(entry.priority + step.priority, MAX_PRIORITY))
    queue = _queue_of(floor, entry, step)
    if queue is not entry.group.queue and entry.promise is None:
        here = attrs.evolve(step, queue=None, priority=0)
        rest = (here, *entry.steps[at + 1 :])
        return move(floor, entry, queue, [one.text() for one in rest], now, priority)
    due = Instant(now + step.for_us) if step.for_us else None
    drafts: list[Pair] = [(entry.contact, f.QueueRequirementRelaxed(entry.id, at, due))]
    if step.priority:
        drafts.append((entry.contact, f.QueuePriorityChanged(entry.id, priority, "step")))
    return drafts


def move(
    floor: Floor,
    entry: Entry,
    queue: Queue,
    steps: Sequence[str],
    now: int,
    priority: int | None = None,
) -> list[Pair]:
    """Take a waiting entry to another queue, with all that it has waited."""
    max_wait_us = queue.settings.max_wait_us
    wait = Span(max(0, now - entry.since))
    entered = f.QueueEntered(
        EntryId(floor.next_id()),
        queue.id,
        queue.n + 1,
        Instant(entry.since),
        entry.priority if priority is None else priority,
        -entry.rank[0],
        tuple(steps),
        None,
        Instant(now + max_wait_us) if max_wait_us else None,
    )
    left = f.QueueLeft(entry.id, "overflowed", wait)
    return [(entry.contact, left), (entry.contact, entered)]


def staffed(floor: Floor, entry: Entry, step: Step) -> bool:
    """Tell whether somebody signed in could ever serve a step of an entry."""
    queue = _queue_of(floor, entry, step)
    return floor.index.staffed(queue, entry.group.channel, step.what, step.agents)


def _queue_of(floor: Floor, entry: Entry, step: Step) -> Queue:
    """Where a step waits; a queue that is not there any more is no reason to leave."""
    here = entry.group.queue
    return here if step.queue is None else floor.queues.get(step.queue, here)


def deserted(floor: Floor) -> Entry | None:
    """The oldest entry to let go of: nobody signed in could serve any step that is left.

    Not the first that is found, for groups stand in another order after a snapshot.
    """
    index = floor.index
    oldest: Entry | None = None
    if not index.leaves_empty:
        return None
    for group in index.lines():
        rule = group.queue.settings.leave_empty
        target = overflow_of(rule)
        if rule == ACCEPT or (target is not None and target not in floor.queues):
            continue
        if index.staffed(group.queue, group.channel, group.need, group.agents):
            continue
        for rank in group.line:
            entry = floor.entries[rank[3]]
            later = entry.steps[entry.step + 1 :]
            if entry.phase is not WAITING or any(staffed(floor, entry, one) for one in later):
                continue
            if oldest is None or entry.id < oldest.id:
                oldest = entry
    return oldest
