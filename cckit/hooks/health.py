"""How a plugin fares: what it is suspended for, and who watches while it runs.

The bounds are those of the specification: 3 failures in 100 calls suspend; a call over
50 ms is named, over 1 s suspended once it returns; one that never returns is named with
its stack by a thread that stands outside, since the floor's own thread is inside of it.
"""

import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

FAILURES: Final = 3
CALLS: Final = 100
NAMED_US: Final = 50_000
SUSPENDED_US: Final = 1_000_000


class Running(NamedTuple):
    """A call that has not returned."""

    plugin: str
    hook: str
    thread: int


class Health:
    """One plugin's failures and whether it may still be called."""

    __slots__ = ("_calls", "_failed", "suspended")

    def __init__(self) -> None:
        self.suspended = False
        self._calls = 0
        self._failed: deque[int] = deque(maxlen=FAILURES)

    def called(self) -> None:
        self._calls += 1

    def failed(self) -> None:
        """Count a failure; the third within a hundred calls suspends."""
        self._failed.append(self._calls)
        if len(self._failed) == FAILURES and self._calls - self._failed[0] < CALLS:
            self.suspended = True


class Watchdog:
    """Names a call that does not return, with its stack.

    ``say`` is called in the watchdog's thread, once a call.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.running: Running | None = None
        self._say = say
        self._seen: Running | None = None
        self._named: Running | None = None
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, every_seconds: float = 1.0) -> None:
        """Look at regular times, in a thread of its own, until ``stop``."""

        def work() -> None:
            while not self._end.wait(every_seconds):
                self.look()

        self._thread = threading.Thread(target=work, name="cckit-watchdog", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """Name the call that is still the one seen by the look before."""
        running = self.running
        if running is not None and running is self._seen and running is not self._named:
            self._named = running
            frame = sys._current_frames().get(running.thread)
            stack = "".join(traceback.format_stack(frame)) if frame is not None else ""
            self._say(f"plugin {running.plugin} does not return from {running.hook}\n{stack}")
        self._seen = running

    def stop(self) -> None:
        self._end.set()
        if self._thread is not None:
            self._thread.join()
