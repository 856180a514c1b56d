"""Timers are data: an event carries when it is due, and this finds the next one.

Most delays are constant (ring time, wrap-up), so each constant delay has a first-in
first-out lane and only the odd ones go through a heap. A timer that became pointless is
not removed but forgotten when it comes to the front.
"""

from collections import deque
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any, Final, NamedTuple

MAX_LANES: Final = 16
MACHINE: Final = "machine"
"""The kind of timers that plugins' machines set."""


DATED: Final = frozenset({"certificate"})
"""Kinds whose instants are days of the calendar: a step of the clock does not move them."""


class Timer(NamedTuple):
    """Ordered by instant, then by the position of the event that set it."""

    due: int
    position: int
    kind: str
    """Of an offer ``ring`` or ``connect``; of an entry ``wait``, ``backoff``, ``step``, ``add``
    or ``not_before``; of an agent ``wrapup``, ``rate``, ``rona``, ``link`` or ``certificate``;
    of a leg ``dial``; of a contact ``idle``; of a plugin ``machine``."""
    subject: Any
    """Offer, entry or leg id, agent, contact, or a machine's name."""
    other: str = ""
    """The agent's contact, for wrap-up; the skill, for a certificate; which state, for a
    machine."""


Alive = Callable[[Timer], bool]


class Timers:
    """All instants that something waits for."""

    def __init__(self) -> None:
        self.lanes: dict[int, deque[Timer]] = {}
        self.heap: list[Timer] = []
        self.best: Timer | None = None
        """The earliest, though it may be dead by now; None is unknown."""

    def add(self, timer: Timer, now: int) -> None:
        best = self.best
        if best is not None and timer < best:
            self.best = timer
        delay = timer[0] - now
        lane = self.lanes.get(delay)
        if lane is None:
            if len(self.lanes) >= MAX_LANES:
                heappush(self.heap, timer)
                return
            lane = self.lanes[delay] = deque()
        elif lane and lane[-1][0] > timer[0]:
            heappush(self.heap, timer)  # The clock went back between two runs.
            return
        lane.append(timer)

    def put(self, timer: Timer) -> None:
        """As ``add``, for an instant of its own: it takes no lane from constant delays."""
        best = self.best
        if best is not None and timer < best:
            self.best = timer
        heappush(self.heap, timer)

    def first(self, alive: Alive) -> Timer | None:
        """The earliest live timer, or None."""
        best = self.best
        if best is None or not alive(best):
            best = self.best = self._search(alive)
        return best

    def until(self, now: int, alive: Alive) -> Timer | None:
        """The earliest live timer that is due, or None.

        The earliest of all, dead or alive, bounds the others from below: before its
        instant nothing needs to be looked at.
        """
        best = self.best
        if best is not None and best[0] > now:
            return None
        best = self.first(alive)
        return best if best is not None and best[0] <= now else None

    def _search(self, alive: Alive) -> Timer | None:
        best: Timer | None = None
        for lane in self.lanes.values():
            while lane:
                timer = lane[0]
                if alive(timer):
                    if best is None or timer < best:
                        best = timer
                    break
                lane.popleft()
        heap = self.heap
        while heap:
            timer = heap[0]
            if alive(timer):
                return timer if best is None or timer < best else best
            heappop(heap)
        return best

    def drop(self, timer: Timer) -> None:
        """Forget the timer that ``first`` gave: it was proposed."""
        self.best = None
        for lane in self.lanes.values():
            if lane and lane[0] is timer:
                lane.popleft()
                return
        if self.heap and self.heap[0] is timer:
            heappop(self.heap)

    def shift(self, by_us: int) -> None:
        """Move every timer, after the clock went back between two runs."""
        all_ = [*self.heap, *(timer for lane in self.lanes.values() for timer in lane)]
        moved = [t if t.kind in DATED else t._replace(due=t.due + by_us) for t in all_]
        self.lanes.clear()
        self.best = None
        heapify(moved)
        self.heap = moved
