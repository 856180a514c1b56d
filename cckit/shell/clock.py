"""The one file that reads the time.

``now`` is the wall clock at open plus monotonic time since, so it never goes back within
a run. Where the wall clock moves against it by more than a second, ``stepped`` says so
once, and the writer records ``clock.stepped``.
"""

import time
from collections.abc import Callable
from typing import Final, Protocol

import trio

from cckit.core.instant import SECOND, Instant, Span

STEP_US: Final = 1 * SECOND


class Clock(Protocol):
    """What the shell asks for the time."""

    virtual: bool
    """Time stands still while something runs: no thread may be waited for."""

    def now(self) -> Instant:
        """The instant for decisions; never less than the answer before."""
        ...

    def ticks(self) -> Span:
        """Microseconds from an arbitrary start, to measure how long a call took."""
        ...

    def stepped(self) -> tuple[Instant, Instant] | None:
        """From and to where the wall clock moved by over a second, told once."""
        ...


class SystemClock:
    """The machine's clocks, handed in so that a test can step them."""

    virtual = False

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self._started = monotonic_ns()
        self._opened = wall_ns() // 1000
        self._drift = 0

    def now(self) -> Instant:
        return Instant(self._opened + (self._monotonic_ns() - self._started) // 1000)

    def ticks(self) -> Span:
        return Span(self._monotonic_ns() // 1000)

    def stepped(self) -> tuple[Instant, Instant] | None:
        wall = self._wall_ns() // 1000
        expected = self.now() + self._drift
        if abs(wall - expected) <= STEP_US:
            return None
        self._drift += wall - expected
        return Instant(expected), Instant(wall)


class VirtualClock:
    """The time of the trio clock that runs us, counted from a given instant.

    Under an autojump clock hours pass while nothing sleeps.
    """

    virtual = True

    def __init__(self, start: Instant) -> None:
        self._start = start
        self._origin: float | None = None

    def now(self) -> Instant:
        return Instant(self._start + self.ticks())

    def ticks(self) -> Span:
        at = trio.current_time()
        if self._origin is None:
            self._origin = at
        return Span(round((at - self._origin) * SECOND))

    def stepped(self) -> tuple[Instant, Instant] | None:
        return None
