"""What has to be done now and then, after a batch is durable."""

from typing import Final

import msgpack

from cckit.core import snapshot
from cckit.core.events import SYSTEM, Draft
from cckit.core.facts import ClockStepped
from cckit.core.floor import VERSION
from cckit.core.ids import CENTER
from cckit.hooks import Relay

from .archive import Archive
from .clock import Clock
from .feed import Batch, Feed
from .processes import Processes
from .writer import Writer

SNAPSHOT_EVENTS: Final = 25_000
"""Between two snapshots of the floor: who opens the log again folds no more than these."""
EVENTS_A_THING: Final = 10
"""More of them where there are many contacts and agents, for all of them are written down."""
FOLLOW_EVENTS: Final = 16_384
"""Events that the views may be behind: who opens the log again indexes no more than these."""


class Keeper:
    """What has to be done now and then: views that follow, snapshots, the clock watched."""

    def __init__(
        self,
        writer: Writer,
        feed: Feed,
        archive: Archive,
        clock: Clock,
        processes: Processes,
        relay: Relay,
    ) -> None:
        self._writer = writer
        self._feed = feed
        self._archive = archive
        self._clock = clock
        self._processes = processes
        self._relay = relay
        self._saved = feed.durable
        self._taken: tuple[int, bytes] | None = None
        """A snapshot, and the position before which it stands, which is not durable yet."""
        writer.launching = self._launching

    def listen(self, batch: Batch) -> None:
        requests, archive, durable = self._writer.requests, self._archive, self._feed.durable
        requests.indexed = archive.indexed
        overdue = requests.overdue(batch[-1][0].recorded_at)
        if overdue or durable - archive.indexed > FOLLOW_EVENTS:
            archive.follow()
        taken = self._taken
        if taken is not None and taken[0] == durable:
            self._keep(taken[1])
            for name, version, state in self._processes.stories.dump():
                self._archive.save_state(name, version, durable - 1, self._writer.head.chain, state)
        stepped = self._clock.stepped()
        if stepped is not None and self._writer.accepts():
            self._writer.record((Draft(CENTER, ClockStepped(*stepped)),), SYSTEM)

    def _launching(self, end: int) -> None:
        """Take a snapshot if it is time: right now the floor is what will be durable next.

        When that frame is durable, more may have been decided already, and under load always
        has been.
        """
        floor = self._writer.engine.floor
        things = len(floor.contacts) + len(floor.entries) + len(floor.agents)
        if end - self._saved > max(SNAPSHOT_EVENTS, EVENTS_A_THING * things):
            state = self._snapshot()
            self._taken = None if state is None else (end, state)

    def _snapshot(self) -> bytes | None:
        if self._relay.machines_stand_still:
            return None  # What they missed would never be told them.
        dumped = snapshot.dump(self._writer.engine)
        # Here and now, in C: what is dumped goes on changing, and the floor waits meanwhile.
        return None if dumped is None else msgpack.packb(dumped)

    def save(self) -> None:
        """Keep a snapshot of the floor at its end, when nothing more is decided."""
        if self._feed.durable not in (0, self._saved):
            state = self._snapshot()
            if state is not None:
                self._keep(state)

    def _keep(self, state: bytes) -> None:
        self._taken = None
        durable = self._saved = self._feed.durable
        chain, machines = self._writer.head.chain, self._writer.engine.machines.all
        classes = snapshot.digest_of_classes(machines)
        self._archive.post(
            lambda views: views.save_snapshot(durable - 1, chain, VERSION, classes, state)
        )
