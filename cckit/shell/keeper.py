"""What has to be done now and then, after a batch is durable."""

from typing import Final

import msgpack

from cckit.core import snapshot
from cckit.core.events import SYSTEM, Draft
from cckit.core.facts import ClockStepped
from cckit.core.floor import VERSION
from cckit.core.ids import CENTER

from .archive import Archive
from .clock import Clock
from .feed import Batch, Feed
from .writer import Writer

SNAPSHOT_EVENTS: Final = 25_000
"""Between two snapshots of the floor: who opens the log again folds no more than these."""
FOLLOW_EVENTS: Final = 16_384
"""Events that the views may be behind: who opens the log again indexes no more than these."""


class Keeper:
    """What has to be done now and then: views that follow, snapshots, the clock watched."""

    def __init__(self, writer: Writer, feed: Feed, archive: Archive, clock: Clock) -> None:
        self._writer = writer
        self._feed = feed
        self._archive = archive
        self._clock = clock
        self._saved = feed.durable

    def listen(self, batch: Batch) -> None:
        requests, archive, durable = self._writer.requests, self._archive, self._feed.durable
        requests.indexed = archive.indexed
        overdue = requests.overdue(batch[-1][0].recorded_at)
        if overdue or durable - archive.indexed > FOLLOW_EVENTS:
            archive.follow()
        if durable - self._saved > SNAPSHOT_EVENTS and self._writer.engine.position == durable:
            self.save()
        stepped = self._clock.stepped()
        if stepped is not None and self._writer.accepts():
            self._writer.record((Draft(CENTER, ClockStepped(*stepped)),), SYSTEM)

    def save(self) -> None:
        """Keep a snapshot of the floor, which holds exactly what is durable."""
        durable = self._feed.durable
        dumped = snapshot.dump(self._writer.engine)
        if dumped is None or durable in (0, self._saved):
            return
        self._saved = durable
        # Here and now, in C: what is dumped goes on changing, and the floor waits meanwhile.
        state: bytes = msgpack.packb(dumped)
        chain = self._writer.head.chain
        classes = snapshot.digest_of_classes()
        self._archive.post(
            lambda views: views.save_snapshot(durable - 1, chain, VERSION, classes, state)
        )
