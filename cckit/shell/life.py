"""How a center comes up and goes down: every part made, started, and closed in order."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import attrs
import trio

from cckit.core import snapshot
from cckit.core.codec import Codec, canonical
from cckit.core.engine import Engine
from cckit.core.events import SYSTEM, Draft
from cckit.core.facts import FACTS, ClockStepped
from cckit.core.floor import VERSION
from cckit.core.ids import CENTER, Stream
from cckit.core.registry import Registry
from cckit.core.upcasters import UPCASTERS
from cckit.hooks import Relay
from cckit.hooks.health import Watchdog
from cckit.stores.keys import Keys

from .archive import Archive
from .clock import Clock, SystemClock
from .config import Config
from .entropy import Entropy, SystemEntropy
from .feed import Batch, Feed
from .opening import (
    Log,
    Past,
    Place,
    fold_log,
    learn_past,
    learn_requests,
    open_log,
    refold,
    start_run,
)
from .owner import Owner, own
from .people import People
from .plugins import Loaded, instantiate, load
from .processes import Processes, Running, hook_of
from .reactors import Outlet, run_outlet
from .replies import Stored, Unknown
from .requests import Requests
from .timers import Timers
from .writer import Writer

SNAPSHOT_EVENTS: Final = 100_000
"""Between two snapshots of the floor."""
FOLLOW_EVENTS: Final = 65_536
"""Events that the views may be behind."""
UNSETTLED_FRAMES: Final = 2
"""A process's commands are in the frame after the one that caused them, or one later."""


@attrs.frozen(slots=True)
class Parts:
    """What a center is made of."""

    loaded: Loaded
    codec: Codec
    people: People
    clock: Clock
    archive: Archive
    feed: Feed
    writer: Writer
    run_soon: Callable[[Callable[[], Awaitable[None]]], None]
    """Run a task until the center closes."""


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
        state, chain = canonical(dumped), self._writer.head.chain
        classes = snapshot.digest_of_classes()
        self._archive.post(
            lambda views: views.save_snapshot(durable - 1, chain, VERSION, classes, state)
        )


class Life:
    """One opening of a center, from ``begin`` to ``end``."""

    def __init__(
        self,
        log: Log,
        keys: str | Path | None,
        plugins: Mapping[str, object],
        clock: Clock | None,
        entropy: Entropy | None,
        take_over: bool,
    ) -> None:
        self._log = log
        self._keys = keys
        self._plugins = plugins
        self._clock = clock if clock is not None else SystemClock()
        self._entropy = entropy if entropy is not None else SystemEntropy()
        self._take_over = take_over
        self._say: Callable[[str], None] = logging.getLogger("cckit").warning
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._nursery_context = trio.open_nursery()
        self._nursery: trio.Nursery | None = None
        self._stored = trio.Event()
        self._writer: Writer | None = None
        self._keeper: Keeper | None = None
        self._watchdog: Watchdog | None = None

    async def begin(self, config: Config) -> Parts:
        """Load, open, fold and start; whatever was opened is closed again if that fails."""
        try:
            return await self._begin(config)
        except BaseException:
            await self.end()  # noqa: ASYNC102 - it shields what has to be waited for
            raise

    async def _begin(self, config: Config) -> Parts:
        instances = instantiate(config, self._plugins)
        relay = Relay(instances, self._clock.ticks, self._say)
        loaded = load(config, instances, relay)
        registry = Registry((*FACTS, *loaded.events), (*UPCASTERS, *loaded.upcasters))
        codec = Codec(registry)
        owner, place = await self._open(config, relay)
        store = place.store
        before = await owner.run(store.head)
        reader = own("cckit-read", virtual=self._clock.virtual)
        self._closers.append(reader.close)
        archive = await Archive.open(reader, store, place.views, codec, self._say)
        self._closers.append(archive.close)
        past = await learn_past(archive)
        keys = place.keys
        opens = None if keys is None else partial(Keys.open, keys, store.log_id, self._entropy.draw)
        people = People(opens, store.log_id, self._entropy, codec)
        self._closers.append(lambda: owner.run(people.close))
        make = partial(self._engine, loaded, people, archive)
        end = 0 if before.position is None else before.position + 1
        engine, requests = await fold_log(archive, make, relay.machine_failed, end), Requests()
        unsettled = end
        if loaded.processes and end:
            unsettled = await archive.last_frames(end - 1, UNSETTLED_FRAMES)
        await learn_requests(archive, requests, unsettled, end, self._clock.now())
        epoch = await owner.run(store.claim)
        head = await owner.run(store.head)
        feed = Feed(archive.chunk, end)

        def rebuild() -> Engine:
            again = make()
            refold(archive, again, feed.durable)
            return again

        writer = Writer(
            engine, codec, store, head, owner, self._clock, feed, requests,
            people, rebuild, self._say, relay.failures, relay.machine_failed,
        )  # fmt: skip
        start_run(writer, registry, loaded, config, self._clock, epoch)
        processes = await self._continue(loaded, people, writer, archive, past, unsettled, end)
        return await self._start(loaded, codec, people, archive, feed, writer, processes, past, end)

    async def _open(self, config: Config, relay: Relay) -> tuple[Owner, Place]:
        owner = own("cckit-log", virtual=self._clock.virtual)
        self._closers.append(owner.close)
        job = partial(
            open_log, self._log, self._keys, config, relay, self._entropy, self._take_over
        )
        place = await owner.run(job)
        if place.ours:
            self._closers.append(lambda: owner.run(place.store.close))
        return owner, place

    def _engine(self, loaded: Loaded, people: People, archive: Archive) -> Engine:
        def version_of(stream: Stream) -> int:
            floor = engine.floor
            if stream.startswith("subject/"):
                if people.is_fresh(stream):
                    return 0
            elif not stream.startswith("contact/") or floor.closed == len(floor.closed_at):
                return 0  # Of others only contacts are ever forgotten, and none has been.
            found = archive.version_now(stream)
            return 0 if found is None else found + 1

        seal = people.sealer(lambda: engine.floor)
        engine = Engine(loaded.relay, loaded.machines, seal, version_of)
        return engine

    async def _continue(
        self,
        loaded: Loaded,
        people: People,
        writer: Writer,
        archive: Archive,
        past: Past,
        unsettled: int,
        end: int,
    ) -> Processes:
        """Fold the processes' past, and feed them what a crash may have left undone."""
        running = [
            Running(plugin, process, past.suspends(plugin, hook_of(process), loaded.versions))
            for plugin, process in loaded.processes
        ]
        processes = Processes(writer, people, running)
        if not running or end == 0:
            return processes
        since = {one.plugin: past.first_runs.get(one.plugin, end) for one in running}
        types = tuple(dict.fromkeys(t for one in running for t in one.process.types))
        position = min(since.values())
        while position < end:
            chunk = await archive.chunk(position, types)
            position = chunk.next
            processes.remember(chunk.batch, since, unsettled)
            processes.listen([r for r in chunk.batch if unsettled <= r[0].position < end])
        return processes

    async def _start(
        self,
        loaded: Loaded,
        codec: Codec,
        people: People,
        archive: Archive,
        feed: Feed,
        writer: Writer,
        processes: Processes,
        past: Past,
        end: int,
    ) -> Parts:
        keeper = Keeper(writer, feed, archive, self._clock)
        timers = Timers(writer, self._clock)
        writer.listeners = [processes.listen, keeper.listen, timers.listen]
        nursery = self._nursery = await self._nursery_context.__aenter__()
        self._writer, self._keeper = writer, keeper

        async def write() -> None:
            try:
                await writer.run()
            finally:
                archive.abandoned = writer.failure is not None
                self._stored.set()
                feed.close(writer.failure)

        nursery.start_soon(write)
        if isinstance(await writer.durable(Stored(())), Unknown):
            writer.check_open()
        nursery.start_soon(timers.run)
        if loaded.relay.guarded or loaded.relay.ranks:
            self._watchdog = loaded.relay.watchdog
            self._watchdog.start()
        parts = Parts(loaded, codec, people, self._clock, archive, feed, writer, nursery.start_soon)
        self._run_outlets(parts, past, end)
        return parts

    def _run_outlets(self, parts: Parts, past: Past, end: int) -> None:
        loaded = parts.loaded
        outlets = [
            Outlet(plugin, f"reactor/{reactor.name}", reactor.types, reactor.react)
            for plugin, reactor in loaded.reactors
        ] + [
            Outlet(plugin, f"channel/{channel.name}", channel.orders, channel.order)
            for plugin, channel in loaded.channels
        ]
        for outlet in outlets:
            since = past.first_runs.get(outlet.plugin, end)
            rest = (since, parts.feed, parts.archive, parts.writer)
            parts.run_soon(partial(run_outlet, outlet, *rest))

    async def end(self) -> None:
        """Decide nothing more, store what was decided, close everything.

        A task of the center that crashed raises here, after all is closed.
        """
        try:
            if self._nursery is not None:
                await self._stop(self._nursery)
        finally:
            with trio.CancelScope(shield=True):
                await self._close()

    async def _stop(self, nursery: trio.Nursery) -> None:
        writer, keeper = self._writer, self._keeper
        assert writer is not None and keeper is not None
        if self._watchdog is not None:
            self._watchdog.stop()
        with trio.CancelScope(shield=True):
            writer.stop()
            await self._stored.wait()
        nursery.cancel_scope.cancel()
        # Not inside a scope of ours: the nursery's own was opened before it.
        await self._nursery_context.__aexit__(None, None, None)
        if writer.failure is None:
            keeper.save()

    async def _close(self) -> None:
        failure: BaseException | None = None
        for close in reversed(self._closers):
            try:
                await close()
            except Exception as error:  # noqa: BLE001 - the others are closed first
                failure = failure or error
        self._closers.clear()
        if failure is not None:
            raise failure
