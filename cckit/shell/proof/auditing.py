"""A log on disk, audited without writing to it: what it says of itself against its events."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain as chain_of
from typing import Any, Final

from cckit.core.audit import Audit, Beside, Bounds, Checkpoints, Pinned, Subject, certificate
from cckit.core.audit.findings import Findings
from cckit.core.codec import Codec
from cckit.core.errors import ConfigError, FormatError
from cckit.core.events import Recorded
from cckit.core.facts import FACTS, ProjectionPinned
from cckit.core.frame import Frame, continued, first_previous
from cckit.core.note import Note, VKey
from cckit.core.redaction import leaf_hashes, readable
from cckit.core.registry import Registry
from cckit.core.reports import PROJECTIONS
from cckit.core.tlog import SIZE_MAX, Checkpoint
from cckit.core.upcasters import UPCASTERS
from cckit.core.verify import Verdict
from cckit.hooks.signing import verify
from cckit.hooks.store import Store
from cckit.shell.logs.brought import brought_by
from cckit.shell.people.commitments import check_keys_beside
from cckit.stores.beside import tiles_beside
from cckit.stores.folder import Folder
from cckit.stores.signed import Signed
from cckit.stores.sqlite import SqliteStore

from .checking import verify_log
from .pinning import rebuilt_of

USUAL: Final = Bounds()


def audit_log(
    path: str | os.PathLike[str],
    *,
    at: int | None = None,
    plugins: Sequence[str] = (),
    keys: Sequence[VKey] = (),
    bounds: Bounds = USUAL,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """The replay certificate of the events 0 to ``at``, or of all of them.

    Of a log that is not whole it speaks of what stands before the fault. ``plugins`` are
    installed ones, whose projections are rebuilt, too. ``keys`` are public keys of the log
    and of witnesses, to check the checkpoints in NAME.tiles by. ``progress`` is told the position
    of each frame, once as it is verified and once as it is folded.

    :raises ConfigError: the log has no position ``at``.
    :raises StoreError: there is no such log, it is not ours or newer, was not closed, or
        has events of a plugin in another shape.

    .. versionadded:: 0.2
    """
    chain = verify_log(path, events=True, progress=progress)
    end, whole = _end(os.fspath(path), chain, at), chain.ok
    if at is not None and at < chain.events:
        chain = chain._replace(ok=True, error=None)  # What is wrong lies behind it.
    brought = brought_by(plugins)
    store = SqliteStore.open(path, read_only=True)
    try:
        registry = Registry((*FACTS, *brought.kinds), (*UPCASTERS, *brought.upcasters))
        rebuilt = rebuilt_of((*PROJECTIONS, *brought.projections), registry)
        audit = Audit(rebuilt, _pins(store, Codec(registry), end), bounds)
        notes = Signed(Folder(tiles_beside(os.fspath(path))))
        signed = _checkpoints(notes, store, keys, bounds, audit)
        aside = _set_aside(notes, store)
        codec, head = Codec(registry), first_previous(store.first_origin, store.log_id)
        for frame in _frames(store, end):
            events = list(readable(codec, frame))
            audit.feed(frame, events, end)
            hashes = leaf_hashes(codec, frame) if signed is not None or aside is not None else ()
            for one in (signed, aside):
                if one is not None:
                    _grow(one, hashes, events, frame, end)
            progress(frame.end)
            head = frame.chain
        audit.end()
        for one in (signed, aside):
            if one is not None:
                one.end(whole=at is None)
        closed = None if at is not None else store.closed_at is not None
        subject = Subject(store.origin, store.log_id, head, chain, closed)
        found = None if signed is None else signed.as_json(aside)
        held = check_keys_beside(store, os.fspath(path), end) if whole else None
        people = None if held is None else held.as_json()
        return certificate(subject, audit, Beside(found, people, bool(keys)))
    finally:
        store.close()


def _checkpoints(
    signed: Signed, store: SqliteStore, keys: Sequence[VKey], bounds: Bounds, audit: Audit
) -> Checkpoints | None:
    """The signed checkpoints beside a log; None if there are none."""
    if next(chain_of(signed.all(), signed.aside()), None) is None:
        return None
    late, found = bounds.checkpoint_us, audit.anomalies.found
    origins = (store.origin, *(before for before, _, _ in continued(store.continues)))
    return Checkpoints(origins, signed.all(), keys, verify, late, found)


def _set_aside(signed: Signed, store: SqliteStore) -> Checkpoints | None:
    """The checkpoints of this log that were set aside with tiles; None if there are none.

    A log that goes on under a new name lacks what its old name has signed after the copy:
    it says so itself, so of an older name only the events count that it went on from.
    """
    reach = {store.origin: SIZE_MAX}
    for before, size, _ in continued(store.continues):
        reach[before] = size
    sizes: dict[bytes, int] = {}
    for note in signed.aside():
        with suppress(FormatError):  # What is spoilt was thrown away for that.
            one = Checkpoint.parse(Note.parse(note).text)
            if one.size <= reach.get(one.origin, -1):
                sizes[note] = one.size
    if not sizes:
        return None
    notes = sorted(sizes, key=lambda note: sizes[note])
    return Checkpoints(tuple(reach), notes, (), verify, SIZE_MAX, Findings(()))


def _grow(
    signed: Checkpoints,
    hashes: Sequence[bytes],
    events: Sequence[Recorded[Any]],
    frame: Frame,
    end: int,
) -> None:
    """Add a frame's leaves to the tree; what is redacted was recorded when its frame was."""
    known = {envelope.position: envelope.stamp.recorded_at for envelope, _ in events}
    places = range(frame.first, min(frame.end, end))
    instants = [known.get(position, frame.committed_at) for position in places]
    signed.feed(hashes[: len(instants)], instants)


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
        for envelope, data in readable(codec, frame, (ProjectionPinned,)):
            if envelope.position < end and isinstance(data, ProjectionPinned):
                found.append(Pinned(envelope.position, envelope.stamp.recorded_at, data))
    return found
