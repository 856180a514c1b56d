"""One sleeping task for everything that falls due.

Timers are data in the floor: this asks for the earliest, sleeps until then and proposes
``TimerDue``. It decides nothing; a timer that has become pointless yields no event.
"""

from typing import Final

import trio

from cckit.core.instant import SECOND

from .clock import Clock
from .feed import Batch
from .parking import Parking
from .writer import Writer

AT_ONCE: Final = 256
"""Timers that are proposed before other tasks get their turn."""


class Timers:
    """Proposes what is due."""

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock
        self._bell = Parking()
        self._armed: int | None = None

    def listen(self, _: Batch) -> None:
        """Wake up if something is due earlier than what we sleep for."""
        due = self._writer.engine.next_due()
        if due is not None and (self._armed is None or due[0] < self._armed):
            self._bell.ring()

    async def run(self) -> None:
        """Sleep and propose until cancelled."""
        while True:
            due = self._writer.engine.next_due()
            self._armed = None if due is None else due[0]
            if due is None or not self._writer.accepts():
                # What fell due after the store failed is for the next run.
                await self._bell.wait()
            elif due[0] <= self._clock.now():
                self._propose()
                await trio.lowlevel.checkpoint()
            else:
                with trio.move_on_after((due[0] - self._clock.now()) / SECOND):
                    await self._bell.wait()

    def _propose(self) -> None:
        for _ in range(AT_ONCE):
            if not self._writer.accepts() or not self._writer.fire():
                return
