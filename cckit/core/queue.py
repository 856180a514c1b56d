"""Queues, and the entries that wait in them.

Entries of one queue that need the same on the same channel form a *group*. Within a
group the order never changes with time, so a heap holds it: lane first, then where the
wait counts from less a head start per step of priority, then age, then id.
"""

from collections.abc import Iterator
from enum import IntEnum
from heapq import heappop, heappush
from typing import Final

import attrs

from . import facts as f
from .ids import EntryId, QueueId, Stream
from .need import Need
from .settings import QueueSettings

Phase = IntEnum("Phase", "WAITING OFFERED TAKEN LEFT", start=0)
WAITING, OFFERED, TAKEN, LEFT = Phase

MOVES: Final[dict[tuple[Phase, type], Phase]] = {
    (WAITING, f.OfferMade): OFFERED,
    (OFFERED, f.OfferAccepted): TAKEN,
    (OFFERED, f.OfferRejected): WAITING,
    (OFFERED, f.OfferExpired): WAITING,
    (OFFERED, f.OfferRescinded): WAITING,
    (OFFERED, f.OfferFailed): WAITING,
    (TAKEN, f.ContactConnectFailed): WAITING,
    (WAITING, f.QueueLeft): LEFT,
    (OFFERED, f.QueueLeft): LEFT,
    (TAKEN, f.QueueLeft): LEFT,
}

Rank = tuple[int, int, int, int]
"""(-lane, since less the head start, since, entry): the least is next."""


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Queue:
    """One queue and how it works."""

    id: QueueId
    settings: QueueSettings
    policy_hash: bytes
    """SHA-256 of the configuration in force."""
    n: int = 0
    """How many entries it has had."""
    live: int = 0


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Entry:
    """One wait; ``evolve`` alone writes it."""

    id: EntryId
    contact: Stream
    group: "Group"
    rank: Rank
    since: int
    """Where its wait counts from; no event but ``queue.entered`` sets it."""
    phase: Phase = WAITING
    round: int = 0
    """How many offers it has had that did not fail while connecting."""
    due: int = 0
    """When it leaves by itself; 0 is never."""
    position: int = 0
    """Of the event that set ``due``."""
    offer: int = 0
    """Its live or accepted offer, or 0."""
    in_line: bool = False
    """Whether its rank is its place in the group's line."""
    barred: dict[str, int] | None = None
    """Agent to the instant until which this pair is backed off."""
    barred_by: dict[str, int] | None = None
    """Agent to the position of the event that backed the pair off."""
    failures: dict[str, int] | None = None
    """Agent to how often this pair was backed off; 0 if only connecting failed, once."""

    @property
    def priority(self) -> int:
        head_start = self.group.queue.settings.head_start_us
        return (self.since - self.rank[1]) // head_start if head_start else 0


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Group:
    """Entries that need the same: they differ in rank only."""

    number: int
    queue: Queue
    channel: str
    need: Need
    entries: "dict[EntryId, Entry]"
    """The floor's: who left the line is found there, so a group keeps nobody twice."""
    heap: list[Rank] = attrs.Factory(list)
    count: int = 0
    """How many wait; what else is in the heap has left, or has another rank by now."""

    def add(self, entry: Entry) -> None:
        """Put an entry into the line, in its place.

        A rank that was in line before must not come again: its old place may still be in
        the heap, and only an equal one tells them apart.
        """
        entry.in_line = True
        self.count += 1
        heappush(self.heap, entry.rank)

    def remove(self, entry: Entry) -> None:
        """Take an entry out; the heap forgets it when it comes to the top."""
        entry.in_line = False
        self.count -= 1
        heap, waits = self.heap, self.waits
        if not self.count:
            heap.clear()
            return
        while not waits(heap[0]):
            heappop(heap)
        if len(heap) > 64 + 2 * self.count:
            heap[:] = sorted(filter(waits, heap))

    def waits(self, rank: Rank) -> bool:
        """Tell whether a rank of the heap is still somebody's place in the line."""
        entry = self.entries.get(EntryId(rank[3]))
        return entry is not None and entry.in_line and entry.rank is rank

    def in_order(self) -> Iterator[Rank]:
        """Yield who waits, the next one first, in steps that do not grow with the rest.

        The heap is walked as the tree that it is: a child never goes before its parent.
        """
        heap, waits = self.heap, self.waits
        front = [(rank, 0) for rank in heap[:1]]
        while front:
            rank, at = heappop(front)
            if waits(rank):
                yield rank
            for child in range(2 * at + 1, min(2 * at + 3, len(heap))):
                heappush(front, (heap[child], child))

    @property
    def head(self) -> Rank:
        """The next one; the group must not be empty."""
        return self.heap[0]


def rank(entry: int, lane: int, since: int, priority: int, head_start_us: int) -> Rank:
    """Place an entry within its group."""
    return (-lane, since - priority * head_start_us if priority else since, since, entry)
