"""A log on disk, audited without writing to it: what it says of itself against its events."""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from cckit.core.audit import Audit, Beside, Bounds, Pinned, Subject, certificate
from cckit.core.codec import Codec
from cckit.core.errors import ConfigError
from cckit.core.facts import FACTS, ProjectionPinned
from cckit.core.frame import Frame
from cckit.core.registry import Registry
from cckit.core.reports import PROJECTIONS
from cckit.core.upcasters import UPCASTERS
from cckit.core.verify import Verdict
from cckit.hooks.store import Store
from cckit.stores.sqlite import SqliteStore

from .brought import brought_by
from .checking import verify_log
from .pinning import rebuilt_of

USUAL: Final = Bounds()


def audit_log(
    path: str | os.PathLike[str],
    *,
    at: int | None = None,
    plugins: Sequence[str] = (),
    bounds: Bounds = USUAL,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """The replay certificate of the events 0 to ``at``, or of all of them.

    Of a log that is not whole it speaks of what stands before the fault. ``plugins`` are
    installed ones, whose projections are rebuilt, too. ``progress`` is told the position
    of each frame, once as it is verified and once as it is folded.

    :raises ConfigError: the log has no position ``at``.
    :raises StoreError: there is no such log, it is not ours or newer, was not closed, or
        has events of a plugin in another shape.

    .. versionadded:: 0.2
    """
    chain = verify_log(path, events=True, progress=progress)
    end = _end(os.fspath(path), chain, at)
    if at is not None and at < chain.events:
        chain = chain._replace(ok=True, error=None)  # What is wrong lies behind it.
    brought = brought_by(plugins)
    store = SqliteStore.open(path, read_only=True)
    try:
        registry = Registry((*FACTS, *brought.kinds), (*UPCASTERS, *brought.upcasters))
        rebuilt = rebuilt_of((*PROJECTIONS, *brought.projections), registry)
        audit = Audit(rebuilt, _pins(store, Codec(registry), end), bounds)
        codec, head = Codec(registry), store.head().chain
        for frame in _frames(store, end):
            audit.feed(frame, codec.events(frame.body, frame.first), end)
            progress(frame.end)
            head = frame.chain
        audit.end()
        closed = None if at is not None else store.closed_at is not None
        subject = Subject(store.origin, store.log_id, head, chain, closed)
        return certificate(subject, audit, Beside())
    finally:
        store.close()


def _end(path: str, chain: Verdict, at: int | None) -> int:
    """The position after the last event that is audited."""
    if at is None:
        return chain.events
    if at >= chain.events and chain.ok:
        end = f"ends at position {chain.events - 1}" if chain.events else "is empty"
        raise ConfigError("--at", f"there is no position {at}", f"the log {end}")
    return min(at + 1, chain.events)


def _frames(store: Store, end: int) -> Iterator[Frame]:
    if end > 0:
        for frame in store.read():
            yield frame
            if frame.end >= end:
                return


def _pins(store: Store, codec: Codec, end: int) -> list[Pinned]:
    """Every pin that stands before ``end``."""
    found = []
    for frame in _frames(store, end):
        for envelope, data in codec.events(frame.body, frame.first, (ProjectionPinned,)):
            if envelope.position < end and isinstance(data, ProjectionPinned):
                found.append(Pinned(envelope.position, envelope.stamp.recorded_at, data))
    return found
