"""How a center comes up and goes down: every part made, started, and closed in order."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import attrs
import trio

from cckit.core.codec import Codec
from cckit.core.engine import Engine
from cckit.core.errors import CckitError, UsageError
from cckit.core.facts import FACTS
from cckit.core.ids import Stream
from cckit.core.process import Running, hook_of
from cckit.core.registry import Registry
from cckit.core.upcasters import UPCASTERS
from cckit.hooks import Relay
from cckit.hooks.health import Watchdog
from cckit.hooks.signing import Signer
from cckit.stores.beside import tiles_beside
from cckit.stores.keyfile import NOTHING, Mark, remembered
from cckit.stores.keys import Keys

from .archive import Archive
from .channels import ChannelPort, Orders
from .clock import Clock, SystemClock
from .config import Config
from .entropy import Entropy, SystemEntropy
from .feed import Feed
from .keeper import Keeper
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
from .owner import Owner, opened, own
from .people import People
from .people.access import Access
from .people.erasing import Erasing, check_guard
from .plugins import Loaded, instantiate, load
from .processes import Processes
from .proof.notary import AtWork
from .proof.signers import check_signers, read_signers, vkeys
from .reactors import Outlet, run_outlet
from .reopening import Reopening, Tasks
from .replies import Stored, Unknown
from .requests import Requests
from .timers import Timers
from .writer import Writer, mark_of

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
    erasing: Erasing
    run_soon: Callable[[Callable[[], Awaitable[None]]], None]
    """Run a task until the center closes or its store fails."""
    ports: tuple[ChannelPort, ...]
    """The center as each channel sees it."""


class Life:
    """One opening of a center, from ``begin`` to ``end``.

    Where the disk fails it opens its log again, if it was itself that opened it, and has
    ``reopened`` take the new parts over. What was in flight stays unknown to its callers.

    ``guarded``: refuse a log and keys of which one is an old copy.
    """

    def __init__(
        self,
        log: Log,
        keys: str | Path | None,
        plugins: Mapping[str, object],
        clock: Clock | None,
        entropy: Entropy | None,
        take_over: bool,
        quiet: bool = False,
        signer: str | Path | None = None,
        *,
        guarded: bool = True,
    ) -> None:
        self._signer = signer
        self._quiet = quiet
        self._guarded = guarded
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
        self._tasks = Tasks()
        self._ours = False
        self.reopened: Callable[[Parts], None] = lambda parts: None

    async def begin(self, config: Config) -> Parts:
        """Load, open, fold and start; whatever was opened is closed again if that fails."""
        try:
            parts = await self._begin(config)
            assert self._nursery is not None
            if self._ours:
                self._nursery.start_soon(self._stand, config)
            return parts
        except BaseException:
            await self.end()  # noqa: ASYNC102 - it shields what has to be waited for
            raise

    async def _begin(self, config: Config) -> Parts:
        signers = () if self._signer is None else read_signers(self._signer)
        instances = instantiate(config, self._plugins)
        relay = Relay(instances, self._clock.ticks, self._say)
        loaded = load(config, instances, relay)
        if self._quiet:
            loaded = attrs.evolve(loaded, reactors=(), channels=())
        registry = Registry((*FACTS, *loaded.events), (*UPCASTERS, *loaded.upcasters))
        codec = Codec(registry)
        owner, place = await self._open(config, relay)
        store = place.store
        before = await owner.run(store.head)
        reader = own("cckit-read", virtual=self._clock.virtual)
        self._closers.append(reader.close)
        archive = await Archive.open(reader, store, place.views, codec, self._say)
        self._closers.append(archive.close)
        notary = await self._notary(place, reader, signers)
        past = await learn_past(archive)
        keys = place.keys
        opens = None
        known = bool(loaded.processes)  # These don't wait, so they find the keys open.
        end = 0 if before.position is None else before.position + 1
        if keys is not None:
            keks, draw = relay.open_keks(store.log_id), self._entropy.draw
            opens = partial(Keys.open, keys, store.log_id, draw, keks=keks)
            memory = await owner.run(partial(remembered, keys, store.log_id))
            known = known or memory is not None
            if self._guarded:
                await check_guard(archive, memory, place.name, end)
        people = People(opens, owner, store.log_id, self._entropy, codec, end)
        self._closers.append(lambda: owner.run(partial(people.close, self._mark())))
        make = partial(self._engine, loaded, people, archive)
        engine, requests = await fold_log(archive, make, relay.machine_failed, end), Requests()
        people.shut(map(Stream, engine.floor.erasing))
        unsettled = end
        if loaded.processes and end:
            unsettled = await archive.last_frames(end - 1, UNSETTLED_FRAMES)
        await learn_requests(archive, requests, unsettled, end, self._clock.now())
        epoch = await owner.run(store.claim)
        head = await owner.run(store.head)
        if known:
            await people.ready()
        feed = Feed(archive.chunk, end)
        if notary is not None:
            notary.begin(feed, epoch)

        def rebuild() -> Engine:
            again = make()
            refold(archive, again, feed.durable)
            return again

        writer = Writer(
            engine, codec, store, head, owner, self._clock, feed, requests,
            people, rebuild, self._say, relay.failures, relay.machine_failed,
        )  # fmt: skip
        start_run(writer, registry, loaded, config, self._clock, epoch, vkeys(signers))
        processes = await self._continue(loaded, people, writer, archive, past, unsettled, end)
        erasing = Erasing(writer, people, owner, loaded.erasers, relay)
        return await self._start(
            loaded, codec, people, archive, feed, writer, erasing, notary, processes, past, end
        )

    def _mark(self) -> Mark:
        """What of the log is durable, as far as this opening has seen it."""
        writer = self._writer
        return NOTHING if writer is None or writer.failure is not None else mark_of(writer.head)

    async def _open(self, config: Config, relay: Relay) -> tuple[Owner, Place]:
        owner = own("cckit-log", virtual=self._clock.virtual)
        self._closers.append(owner.close)
        job = partial(
            open_log, self._log, self._keys, config, relay, self._entropy, self._take_over
        )
        place = await opened(owner, job)
        if place.ours:
            self._closers.append(lambda: owner.run(place.store.close))
        self._ours = place.ours and self._log is not None  # Who made it in memory lost it.
        return owner, place

    async def _notary(
        self, place: Place, reader: Owner, signers: Sequence[Signer]
    ) -> AtWork | None:
        """Who signs checkpoints in this center; None where nobody is to."""
        if self._signer is None:
            return None
        check_signers(signers, place.store.origin, str(self._signer))
        if place.views is None:
            what = "has no folder for tiles beside it"
            raise UsageError(place.name, what, "sign a log on disk, or leave signer out")
        path = tiles_beside(place.name)
        found = await AtWork.open(reader, place.store, path, signers, self._say, self._take_over)
        self._closers.append(found.close)
        return found

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
            Running(
                plugin,
                process,
                past.suspends(plugin, hook_of(process), loaded.versions),
                loaded.versions.get(f"plugin.{plugin}", ""),
            )
            for plugin, process in loaded.processes
        ]
        processes = Processes(writer, people, running)
        if not running or end == 0:
            return processes
        since = {one.hook: past.first_runs.get(one.plugin, end) for one in running}
        for one in running:
            kept = await archive.state(one.hook, one.version, unsettled)
            if kept is not None and one.load(kept.state):
                since[one.hook] = kept.position + 1
        types = tuple(dict.fromkeys(t for one in running for t in one.process.types))
        position = min(since.values())
        while position < end:
            chunk = await archive.chunk(position, types)
            position = chunk.next
            processes.stories.remember(chunk.batch, since, unsettled)
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
        erasing: Erasing,
        notary: AtWork | None,
        processes: Processes,
        past: Past,
        end: int,
    ) -> Parts:
        keeper = Keeper(writer, feed, archive, self._clock, processes, loaded.relay)
        timers = Timers(writer, self._clock)
        writer.listeners = [processes.listen, keeper.listen, timers.listen, erasing.listen]
        if notary is not None:
            writer.listeners.append(notary.listen)
        if self._nursery is None:
            self._nursery = await self._nursery_context.__aenter__()
        self._writer, self._keeper, self._stored = writer, keeper, trio.Event()
        stored = self._stored

        async def write() -> None:
            try:
                await writer.run()
            finally:
                archive.abandoned = writer.failure is not None
                stored.set()
                feed.close(writer.failure)

        self._nursery.start_soon(write)
        if isinstance(await writer.durable(Stored(())), Unknown):
            writer.check_open()
        await erasing.resume(archive)
        self._run_soon(erasing.run)
        if notary is not None:
            self._run_soon(notary.run)
        if not self._quiet:
            self._run_soon(timers.run)
        if loaded.relay.guarded or loaded.relay.ranks:
            self._watchdog = loaded.relay.watchdog
            self._watchdog.start()
        parts = Parts(
            loaded, codec, people, self._clock, archive, feed, writer, erasing, self._run_soon,
            tuple(ChannelPort(*one, writer, self._clock) for one in loaded.channels),
        )  # fmt: skip
        self._run_outlets(parts, past, end)
        return parts

    def _run_outlets(self, parts: Parts, past: Past, end: int) -> None:
        loaded = parts.loaded
        access = Access(parts.writer, parts.people, parts.codec)
        outlets = [
            Outlet(plugin, f"reactor/{reactor.name}", reactor.types, reactor.react)
            for plugin, reactor in loaded.reactors
        ] + [
            Outlet(
                port.plugin,
                f"channel/{port.channel.name}",
                port.channel.orders,
                Orders(port, access, parts.people, parts.archive, parts.writer).order,
            )
            for port in parts.ports
        ]
        for outlet in outlets:
            since = past.first_runs.get(outlet.plugin, end)
            rest = (since, parts.feed, parts.archive, parts.writer)
            parts.run_soon(partial(run_outlet, outlet, *rest))

    def _run_soon(self, task: Callable[[], Awaitable[None]]) -> None:
        assert self._nursery is not None
        self._nursery.start_soon(self._tasks.run, task)

    # --- a disk that fails ----------------------------------------------------------------

    async def _stand(self, config: Config) -> None:
        """Open the log again when the disk fails. Who was fenced off by another stays so."""
        reopening = Reopening(self._clock, self._say, partial(self._reopen, config))
        while True:
            await self._stored.wait()
            assert self._writer is not None
            failure = self._writer.failure
            if failure is None or self._writer.fenced:
                return
            again = await reopening.after(failure)
            if again is None:
                return
            self.reopened(again)

    async def _reopen(self, config: Config) -> Parts | None:
        """Close what stands over the failed log and begin again; None if it still fails."""
        if self._watchdog is not None:
            self._watchdog.stop()
            self._watchdog = None
        await self._tasks.stop()
        try:
            try:
                await self._close()
            except CckitError as error:
                self._say(f"closing the failed log: {error}")
            return await self._begin(config)
        except (CckitError, OSError) as error:
            self._say(f"the log can't be opened again: {error}")
            return None

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
