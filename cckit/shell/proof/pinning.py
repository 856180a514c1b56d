"""Pins: what everything had come to, written into the log itself.

``ledger.counted`` holds the counts up to itself; ``projection.pinned`` the digest of each
projection at one durable position. Both are folded anew from position 0, on the reading
thread and in small steps, so that the floor goes on meanwhile: nothing of an earlier fold
is trusted, and nothing stays in memory. It costs as long as ``cckit replay`` takes.

A center pins after each civil day of its zone. It does not at close, which would then take
as long; a day that ended while nobody ran is pinned soon after the next opening.
"""

import inspect
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import trio

from cckit.core.audit import Rebuilt, identity, pin
from cckit.core.codec import Codec
from cckit.core.errors import CckitError, ConfigError, StoreError
from cckit.core.events import SYSTEM, Actor, Decision, Draft, Envelope, Stamp, kind_of
from cckit.core.facts import FACTS, ProjectionPinned, RunStarted
from cckit.core.frame import Frame
from cckit.core.ids import CENTER
from cckit.core.instant import MINUTE, SECOND
from cckit.core.ledger import Counts
from cckit.core.projection import AnyProjection
from cckit.core.registry import Registry
from cckit.core.reports import PROJECTIONS, Zone
from cckit.core.reports.zone import civil_days
from cckit.core.schema import unpack
from cckit.core.upcasters import UPCASTERS
from cckit.hooks.store import Store
from cckit.shell.archive import Archive
from cckit.shell.clock import Clock, SystemClock
from cckit.shell.feed import Feed
from cckit.shell.logs.brought import brought_by
from cckit.shell.opening import KIND as LIVE
from cckit.shell.replies import Reply
from cckit.shell.writer import Writer
from cckit.shell.zones import read_zone
from cckit.stores.sqlite import SqliteStore

from .checking import verify_log

STEP_EVENTS: Final = 128
"""Folded before the reading thread is free for others."""
SETTLE_US: Final = 10 * MINUTE
"""After an opening, before what was missed is pinned."""
PINNER: Final = Actor("system", "cckit pin")
"""Who pins a log that no center has open."""


class Pins(NamedTuple):
    """What was written."""

    position: int
    """That the pins speak of."""
    head: int
    """Position of the last of them."""
    counted: int
    """``ledger.counted`` written."""
    pinned: tuple[ProjectionPinned, ...]
    failed: dict[str, str]
    """Projection that raised, and what; it is not pinned."""


def source_of(projection: AnyProjection) -> bytes:
    """The source of the module that a projection's class stands in; empty if there is none."""
    try:
        return inspect.getsource(sys.modules[type(projection).__module__]).encode()
    except (OSError, TypeError, KeyError):
        return b""


def rebuilt_of(projections: Sequence[AnyProjection], registry: Registry) -> list[Rebuilt]:
    """Projections, fresh, each with what names its digest."""
    return [Rebuilt.of(p, identity(p, source_of(p), registry)) for p in projections]


class _Fold:
    """Counts and projections from position 0 on."""

    def __init__(self, projections: Sequence[AnyProjection], registry: Registry) -> None:
        self.counts = Counts()
        self.rebuilt = rebuilt_of(projections, registry)
        self.next = 0
        self.chain = b""
        self.at = 0
        """When the last frame was committed."""
        self.kind: str | None = None
        """Of the log's runs."""
        self._types = tuple(dict.fromkeys(t for p in projections for t in p.types))

    def step(self, end: int, store: Store, codec: Codec, *, only_count: bool = False) -> int:
        """Fold some frames that lie before ``end``; the position after them."""
        first = self.next
        for frame in store.read(self.next):
            if frame.first >= end or self.next - first >= STEP_EVENTS:
                break
            self.add(frame, codec, only_count=only_count)
        return self.next

    def add(self, frame: Frame, codec: Codec, *, only_count: bool = False) -> None:
        """Fold the next frame."""
        self.counts.add_frame(frame, codec)
        if not only_count:
            events = codec.events(frame.body, frame.first, self._types)
            for one in self.rebuilt:
                one.feed(events)
            for _, data in events:
                if type(data) is RunStarted:
                    self.kind = data.kind
            self.chain = frame.chain
        self.next, self.at = frame.end, frame.committed_at

    def pinned(self, one: Rebuilt, position: int) -> ProjectionPinned | None:
        """The pin of one projection; None if it raised."""
        if one.failure is None:
            try:
                state = one.folding.states[one.projection.name]
                return pin(one.identity, position, self.chain, one.projection, state)
            except Exception as error:  # noqa: BLE001 - a plugin's code: it is named, not pinned
                one.failure = f"raised {type(error).__name__}"
        return None

    def failed(self) -> dict[str, str]:
        return {one.identity.name: one.failure for one in self.rebuilt if one.failure is not None}


class Pinner:
    """Pins a center that is open."""

    def __init__(
        self,
        projections: Sequence[AnyProjection],
        codec: Codec,
        archive: Archive,
        feed: Feed,
        writer: Writer,
    ) -> None:
        self._projections = (*PROJECTIONS, *projections)
        self._codec = codec
        self._archive = archive
        self._feed = feed
        self._writer = writer
        self._lock = trio.Lock()

    async def pin(self) -> Reply:
        """Write counts and pins; returns when they are durable.

        :raises StoreError: the log can't be read, or the store failed before.
        :raises UsageError: the center is closed.
        """
        async with self._lock:
            self._writer.check_open()
            registry = self._codec.registry
            fold = await self._archive.aside(lambda: _Fold(self._projections, registry))
            end = self._feed.durable
            while fold.next < end:
                await self._archive.reading(partial(fold.step, end))
            pins = []
            for one in fold.rebuilt:
                job = partial(fold.pinned, one, end - 1)
                pins.append(await self._archive.aside(job))
            for name, why in fold.failed().items():
                self._writer.say(f"projection {name} is not pinned: it {why}")
            # What nobody needs any more is let go before anything is awaited again.
            fold.rebuilt.clear()
            while not self._count_rest(fold):
                job_ = partial(fold.step, self._feed.durable, only_count=True)
                await self._archive.reading(job_)
            self._writer.check_open()
            facts = [*fold.counts.facts(), *(one for one in pins if one is not None)]
            reply = self._writer.record([Draft(CENTER, fact) for fact in facts], SYSTEM)
            return await self._writer.durable(reply)

    def _count_rest(self, fold: _Fold) -> bool:
        """Count what was decided since, durable or not; False if that is not in memory.

        Nothing may be awaited between this and the writing of the counts.
        """
        if fold.next < self._feed.durable:
            held = self._feed.held(fold.next)
            if held is None:
                return False
            for envelope, data in held:
                fold.counts.add(envelope, data)
        for decision in self._writer.undurable():
            for envelope, data in decision.recorded:
                fold.counts.add(envelope, data)
        return True


async def pin_daily(
    pinner: Pinner, archive: Archive, clock: Clock, zone_name: str, writer: Writer
) -> None:
    """Pin after each civil day, until cancelled or until the store fails.

    A pin is due at the first midnight after the last one.
    """
    zone = read_zone(zone_name, "center.zone")
    try:
        opened = clock.now()
        due = _midnight(zone, await _last_pin(archive))
        if due <= opened:
            due = opened + SETTLE_US
        while writer.accepts():
            now = clock.now()
            if now < due:
                await trio.sleep((due - now) / SECOND)
            else:
                await pinner.pin()
                due = _midnight(zone, clock.now())
    except CckitError as error:
        # The log is whole without it, and the next opening makes up for it.
        writer.say(f"the day is not pinned: {error}")


def _midnight(zone: Zone, at: int) -> int:
    """The first midnight after an instant."""
    return civil_days(zone, at, at)[1]


async def _last_pin(archive: Archive) -> int:
    """When the log was last pinned; lacking that, when it began."""
    pinned = await archive.positions(type=kind_of(ProjectionPinned).name)
    last = pinned[-1] if pinned else 0
    return await archive.reading(lambda store, _: next(store.read(last, 1)).committed_at)


# --- a log that no center has open ----------------------------------------------------------


def pin_log(
    path: str | os.PathLike[str],
    plugins: Sequence[str] = (),
    progress: Callable[[int], None] = lambda _: None,
) -> Pins:
    """Write counts and pins at the end of a closed log, in one frame of a writer of its own.

    ``plugins`` are installed ones, whose projections are pinned, too.

    :raises ConfigError: the log is not whole, or has no event.
    :raises StoreError: another writer has it, or the disk failed.

    .. versionadded:: 0.2
    """
    found = verify_log(path, events=True)
    if found.error is not None:
        what = f"is not whole at position {found.error.position}: {found.error.reason}"
        raise ConfigError(os.fspath(path), what, "restore it from a copy; a pin would hide that")
    if found.events == 0:
        raise ConfigError(os.fspath(path), "has no event", "pin it when there is something")
    brought = brought_by(plugins)
    registry = Registry((*FACTS, *brought.kinds), (*UPCASTERS, *brought.upcasters))
    store = SqliteStore.open(path)
    try:
        fold = _Fold((*PROJECTIONS, *brought.projections), registry)
        codec = Codec(registry)
        # In one go: nobody waits for this thread, and each step reads ahead anew.
        for frame in store.read():
            fold.add(frame, codec)
            progress(fold.next)
        return _append(store, codec, fold)
    finally:
        store.close()


def _append(store: Store, codec: Codec, fold: _Fold) -> Pins:
    """One frame of what was folded."""
    position, version = fold.next - 1, _center_version(store)
    # What was simulated or imported has a time of its own, which today is no part of.
    at = max(fold.at, SystemClock().now()) if fold.kind == LIVE else fold.at
    envelopes: list[tuple[Envelope, Any]] = []

    def write(data: Any) -> None:
        first = len(envelopes)
        envelope = Envelope(
            Stamp(at, PINNER), fold.next + first, CENTER, version + first, kind_of(type(data))
        )
        envelopes.append((envelope, data))
        fold.counts.add(envelope, data)

    for declaration in codec.registry.missing():
        write(declaration)
    counted = fold.counts.facts()
    pins = [one for each in fold.rebuilt if (one := fold.pinned(each, position)) is not None]
    for fact in (*counted, *pins):
        write(fact)
    epoch, head = store.claim(), store.head()
    body = codec.pack((Decision(Stamp(at, PINNER), tuple(envelopes)),))
    frame = Frame.make(head.chain, fold.next, len(envelopes), at, epoch, body)
    if store.append(frame, head) is not None:
        raise StoreError("log", "another writer came", "let one process write this log")
    return Pins(position, frame.end - 1, len(counted), tuple(pins), fold.failed())


def _center_version(store: Store) -> int:
    """The next version of the stream ``center``."""
    last = -1
    for frame in store.read():
        for decision in unpack(frame.body):
            for event in decision[7]:
                if event[0] == CENTER:
                    last = event[1]
    return last + 1
