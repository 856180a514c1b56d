"""A wait, in the stream of its contact; each starts with the id of its entry."""

from cckit.core.events import event
from cckit.core.ids import EntryId, QueueId
from cckit.core.instant import Instant, Span


@event("queue.entered", version=1)
class QueueEntered:
    entry: EntryId
    queue: QueueId
    n: int
    """The n-th entry of its queue, from 1, without holes."""
    since: Instant
    """Where its wait counts from."""
    priority: int
    lane: int
    """2 emergency, 1 reserved, 0 all else: strict."""
    steps: tuple[str, ...]
    """Requirements, ``billing >= 3 and he >= 2``; none is anyone of the queue."""
    place_from: str | None = None
    due: Instant | None = None
    """When it leaves by itself (max wait)."""


@event("queue.priority_changed", version=1)
class QueuePriorityChanged:
    entry: EntryId
    priority: int
    why: str


@event("queue.left", version=1)
class QueueLeft:
    entry: EntryId
    reason: str
    """answered, abandoned, overflowed, timed_out, dequeued, cancelled, blocked …"""
    wait_us: Span


@event("queue.requirement_relaxed", version=1)
class QueueRequirementRelaxed:
    """A step of the wait is over; the next one holds."""

    entry: EntryId
    step: int
    """Which one holds now, from 0."""
    due: Instant | None
    """When that one ends; null is never."""


@event("queue.place_kept", version=1)
class QueuePlaceKept:
    """The customer may hang up: the entry waits on without them."""

    entry: EntryId
    callback: str
    """Who is called first when it is their turn: ``agent`` or ``customer``."""


@event("queue.resumed", version=1)
class QueueResumed:
    """The customer is on the line again, or still, in the old place; nobody calls them."""

    entry: EntryId


@event("queue.estimate_given", version=1)
class QueueEstimateGiven:
    """What was announced of the wait that is left."""

    entry: EntryId
    low_us: Span
    high_us: Span
    n: int
    """The place in line, from 1."""
    estimator: str
    """``les`` or ``ql``."""
