"""A log on disk, copied, written out, and taken in again; what fails leaves nothing behind."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import attrs
import trio

from cckit.core.codec import Codec
from cckit.core.errors import ConfigError, FormatError, StoreError
from cckit.core.events import Recorded
from cckit.core.frame import CHAIN_SIZE, REDACTED, first_previous
from cckit.core.redaction import readable
from cckit.core.registry import Registry
from cckit.core.transfer import FramesFile, LogName, Read, pack_end, pack_frame, pack_start
from cckit.core.verify import Verdict
from cckit.hooks.store import Store
from cckit.shell.owner import own
from cckit.stores.backup import Progress, back_up, write_log
from cckit.stores.folder import sync
from cckit.stores.sqlite import SqliteStore

from .appearing import appearing, refuse_existing

BUFFER: Final = 1024 * 1024


@attrs.frozen
class Span:
    """Which events: all that fit every bound that is given."""

    first: int = 0
    last: int | None = None
    from_at: int | None = None
    """Recorded then or later."""
    until_at: int | None = None
    """Recorded before."""

    def __contains__(self, recorded: Recorded[Any]) -> bool:
        envelope = recorded[0]
        at = envelope.stamp.recorded_at
        return (
            envelope.position >= self.first
            and (self.last is None or envelope.position <= self.last)
            and (self.from_at is None or at >= self.from_at)
            and (self.until_at is None or at < self.until_at)
        )


class Brought(NamedTuple):
    """A log that was taken in."""

    name: LogName
    found: Verdict


def back_up_log(
    log: str | os.PathLike[str], to: str | os.PathLike[str], progress: Progress = lambda _: None
) -> Verdict:
    """Copy a log on disk, also while a center writes it; see ``stores.backup.back_up``.

    :raises StoreError: see there.

    .. versionadded:: 0.2
    """
    store = SqliteStore.open(log, read_only=True)
    try:
        return back_up(store, to, progress)
    finally:
        store.close()


async def back_up_beside(
    reader: Callable[[], Store], to: str | os.PathLike[str], *, virtual: bool
) -> Verdict:
    """Copy a log on a thread of its own, while its center works on.

    ``reader`` opens a handle on it. Cancelled, it waits until nothing of the copy is left.

    :raises StoreError: see ``stores.backup.back_up``.
    """
    wanted = True

    def tell(_: int) -> None:
        if not wanted:
            raise _Unwanted

    def copy() -> Verdict:
        source = reader()
        try:
            return back_up(source, to, tell)
        finally:
            source.close()

    owner = own("cckit-backup", virtual=virtual)
    try:
        return await owner.run(copy)
    finally:
        wanted = False
        with trio.CancelScope(shield=True):
            await owner.close()


class _Unwanted(Exception):
    """Nobody waits for this copy any more."""


# --- out ------------------------------------------------------------------------------------


def exported_events(
    store: Store, span: Span = Span(), progress: Progress = lambda _: None
) -> Iterator[Recorded[Any]]:
    """The events of a log as it declares them, each in the version that stands there.

    They end at the head that the log has now; of a redacted log, what is left. ``progress``
    is told the position of each frame.

    :raises StoreError: bytes that can't be read.

    .. versionadded:: 0.2
    """
    codec = Codec(Registry(()))
    end = _end(store)
    if span.first > 0:
        for frame in store.read():
            deque(readable(codec, frame, ()), maxlen=0)  # A type is declared before it is used.
    for frame in store.read(span.first):
        if frame.first >= end or (span.last is not None and frame.first > span.last):
            return
        progress(frame.first)
        for recorded in readable(codec, frame):
            if recorded in span:
                yield recorded


def exported_frames(store: Store, progress: Progress = lambda _: None) -> Iterator[bytes]:
    """The pieces of a file of frames: the whole log, up to the head that it has now.

    :raises FormatError: the log is not chained from its first frame to its last.
    :raises StoreError: bytes that can't be read.

    .. versionadded:: 0.2
    """
    end = _end(store)
    continues: bytes | None = getattr(store, "continues", None)
    name = LogName(store.origin, store.log_id, continues)
    yield pack_start(name)
    chain, position = first_previous(name.first_origin, name.log_id), 0
    for frame in store.read():
        if frame.first >= end:
            break
        whole = frame.flags == REDACTED or frame.is_whole()  # Its leaves prove what is left of it.
        if frame.previous != chain or frame.first != position or not whole:
            what = f"is not whole at position {position}"
            raise FormatError("log", what, "see `cckit verify`; restore it from a copy")
        progress(frame.first)
        stored = frame.pack()
        chain, position = stored[-CHAIN_SIZE:], frame.end
        yield pack_frame(stored)
    yield pack_end(chain)


def _end(store: Store) -> int:
    head = store.head().position
    return 0 if head is None else head + 1


def write_file(out: Path, write: Callable[[IO[bytes]], None]) -> None:
    """Write a new file, whole and synced, or nothing.

    :raises ConfigError: there is one, or it can't be written.
    """
    refuse_existing(out)
    with appearing(out) as path:
        try:
            with open(path, "wb", buffering=BUFFER) as file:
                write(file)
                file.flush()
                sync(file.fileno())
        except OSError as error:
            what = f"can't be written: {error.strerror}"
            raise ConfigError(str(out), what, "make room there, or name another place") from error


# --- in -------------------------------------------------------------------------------------


def import_frames(
    file: IO[bytes],
    where: str,
    out: Path,
    *,
    events: bool = False,
    progress: Progress = lambda _: None,
) -> Brought:
    """Make a log from a file of frames: the same bytes, chain, origin and log id.

    Nothing is believed: every frame is held to the one before it, and with ``events``
    every event to its schema.

    :raises FormatError: no file of frames, cut off, or not the frames of one log in order.
    :raises StoreError: the log exists, or a disk failed.

    .. versionadded:: 0.2
    """
    source = FramesFile(_reading(file, where), where)
    done = 0

    def frames() -> Iterator[bytes]:
        nonlocal done
        for stored in source.frames():
            yield stored
            done += 1
            progress(done)

    return Brought(source.name, write_log(out, source.name, frames(), where, events=events))


def _reading(file: IO[bytes], where: str) -> Read:
    def read(size: int) -> bytes:
        try:
            return file.read(size)
        except OSError as error:
            what = f"can't be read: {error.strerror}"
            raise StoreError(where, what, "bring the file again") from error

    return read
