"""A log written at once from frames that exist: a backup, or frames that were moved here.

Every frame is held to the one before it on its way, so that no copy of a broken log looks
whole. It is written under another name, synced, and then given its own: at that name there
is a whole log, closed at its head, or nothing. What a copy that was killed left behind, the
next one to the same name takes away.

A backup is read as any other process reads a log, in short transactions of its own, and
ends at the head that it began with: a center goes on writing meanwhile and is not held up.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import apsw

from cckit.core.errors import FormatError, StoreError
from cckit.core.frame import HEADER
from cckit.core.transfer import LogName, why_not
from cckit.core.verify import Verdict, verify
from cckit.hooks.store import Store

from .connection import Mode, Wal, connect, disk_errors, read_header
from .file import create_file, mode_beside_writer
from .folder import sync_file
from .keyfile import APPLICATION_ID as KEYS_ID
from .lock import WriterLock, check_file_system, file_system
from .sqlite import SqliteStore
from .unborn import new_private, unborn_copy

Progress = Callable[[int], None]
"""Told the position of each frame; what it raises ends the copy, of which nothing stays."""

BATCH_BYTES: Final = 4 * 1024 * 1024
"""Of frames in a transaction."""

_ROOM: Final = "look at the disk; nothing was kept of the copy"
_RESTORE: Final = "restore it from a copy"
_SET: Final = "UPDATE meta SET value = ? WHERE name = ?"


def back_up(
    source: Store, to: str | os.PathLike[str], progress: Progress = lambda _: None
) -> Verdict:
    """Copy a log, also while it is written, up to the head that it has now.

    ``source`` is a store opened for reading, or ``store.reader()`` of one that is written.
    Keys are not copied: they have a backup of their own.

    :raises FormatError: the log is not whole; it names the position.
    :raises StoreError: there is a file at ``to`` already, or a disk failed.

    .. versionadded:: 0.2
    """
    where = source.path if isinstance(source, SqliteStore) else "log"
    head = source.head()
    if isinstance(source, SqliteStore):
        _refuse_cut(source, head.chain)
    end = 0 if head.position is None else head.position + 1
    continues = source.continues if isinstance(source, SqliteStore) else None
    name = LogName(source.origin, source.log_id, continues)
    return write_log(to, name, _frames(source, end, progress), where, epoch=head.epoch)


def _refuse_cut(source: SqliteStore, chain: bytes) -> None:
    """:raises FormatError: a closed log that lacks its last frames."""
    if source.closed_at in (None, chain):
        return
    # A writer may have come since it was opened.
    again = source.reader()
    try:
        if again.closed_at in (None, again.head().chain):
            return
    finally:
        again.close()
    what = "was closed at another head: its last frames are gone"
    raise FormatError(source.path, what, _RESTORE)


def _frames(source: Store, end: int, progress: Progress) -> Iterator[bytes]:
    for frame in source.read():
        if frame.first >= end:
            return
        progress(frame.first)
        yield frame.pack()


def write_log(
    to: str | os.PathLike[str],
    name: LogName,
    frames: Iterable[bytes],
    where: str,
    *,
    epoch: int = 0,
    events: bool = False,
    ready: Callable[[], None] = lambda: None,
) -> Verdict:
    """Write a new log from its stored frames, whole or not at all.

    ``where`` names what they come from. The log gets ``epoch``, or that of its last frame
    if it is higher. With ``events`` every event is held to its schema, too. ``ready`` is
    called when all is written, before the log has its name: for what lies beside it.

    :raises FormatError: the frames are not those of the log from its first to its last.
    :raises StoreError: there is a file at ``to`` already, or the disk failed.

    .. versionadded:: 0.2
    """
    place = os.path.abspath(to)
    check_file_system(place, file_system(place))
    lock = WriterLock(place + ".lock", "copies a log to here")
    lock.take()
    try:
        _refuse_existing(place)
        with disk_errors(place, _ROOM):
            return _write(place, name, frames, where, epoch, events, ready)
    finally:
        lock.withdraw()


def _write(
    place: str,
    name: LogName,
    frames: Iterable[bytes],
    where: str,
    epoch: int,
    events: bool,
    ready: Callable[[], None],
) -> Verdict:
    with unborn_copy(place) as unborn:
        create_file(unborn, name.origin, name.log_id, None)
        found = _fill(unborn, name, frames, where, epoch, events)
        _refuse_existing(place)
        ready()
    return found


def _fill(
    path: str, name: LogName, frames: Iterable[bytes], where: str, epoch: int, events: bool
) -> Verdict:
    connection = connect(path, Mode.WRITE)
    try:
        rows = _Rows(connection, frames)
        found = verify(rows.held(), name.first_origin, name.log_id, events=events)
        if not found.ok:
            raise FormatError(where, why_not(rows.last, found), _RESTORE)
        rows.end(name, found, epoch)
    finally:
        connection.close()
    return found


class _Rows:
    """Puts frames into a new log; each one only after it was found to hold."""

    def __init__(self, connection: apsw.Connection, frames: Iterable[bytes]) -> None:
        self.last = b""
        """The frame that came last, whether it holds or not."""
        self._execute = connection.execute
        self._wal = Wal(connection)
        self._frames = frames
        self._size = 0

    def held(self) -> Iterator[bytes]:
        """The frames; whoever asks for the next one says that this one holds."""
        self._execute("BEGIN IMMEDIATE")
        for stored in self._frames:
            self.last = stored
            yield stored
            self._put(stored)
        self._execute("COMMIT")

    def _put(self, stored: bytes) -> None:
        if self._size >= BATCH_BYTES:
            self._execute("COMMIT")
            self._wal.tend()
            self._execute("BEGIN IMMEDIATE")
            self._size = 0
        first = HEADER.unpack_from(stored)[4]
        self._execute("INSERT INTO frame VALUES (?, ?)", (first, stored))
        self._size += len(stored)

    def end(self, name: LogName, found: Verdict, epoch: int) -> None:
        """Close the log at the head that was found."""
        rows: list[tuple[Any, str]] = [(max(epoch, found.epoch), "epoch")]
        rows += [(found.head, "clean_end"), (name.continues, "continues")]
        self._execute("BEGIN IMMEDIATE")
        for row in rows:
            self._execute(_SET, row)
        self._execute("COMMIT")
        self._wal.finish()


# --- keys -----------------------------------------------------------------------------------


def back_up_keys(keys: str | os.PathLike[str], to: str | os.PathLike[str]) -> bool:
    """Copy a key file, also while it is used; whether the KEK is in it.

    Only what it holds now is copied: no page that a destroyed key stood on. Copy it after
    the log, for a key is durable before the first byte that needs it.

    A copy with the KEK opens everything that it names, and every copy undoes the erasures
    that come after it: keep it apart from the log's, and for less long than an erasure may
    take.

    :raises FormatError: it is no key file of ours.
    :raises StoreError: there is a file at ``to`` already, or a disk failed.

    .. versionadded:: 0.2
    """
    source, place = os.path.abspath(keys), os.path.abspath(to)
    with disk_errors(source, "look at the disk and at the rights on the key file"):
        if read_header(source).application_id != KEYS_ID:
            raise FormatError(source, "is no key file of cckit", "name NAME.keys of the log")
    lock = WriterLock(place + ".lock", "copies keys to here")
    lock.take()
    try:
        _refuse_existing(place)
        with disk_errors(place, _ROOM):
            return _copy_keys(source, place)
    finally:
        lock.withdraw()


def _copy_keys(source: str, place: str) -> bool:
    with unborn_copy(place) as unborn:
        os.close(new_private(unborn))
        reader = connect(source, mode_beside_writer(source))
        try:
            reader.execute("VACUUM INTO ?", (unborn,))
        finally:
            reader.close()
        copy = connect(unborn, Mode.WRITE)
        try:
            copy.pragma("journal_mode", "WAL")
            has_kek: Any = copy.execute("SELECT count(*) FROM meta WHERE name = 'kek'").get
            Wal(copy).finish()
        finally:
            copy.close()
        sync_file(unborn)  # VACUUM syncs nothing.
        _refuse_existing(place)
    return bool(has_kek)


def _refuse_existing(path: str) -> None:
    """:raises StoreError: there is a file of this name."""
    if os.path.lexists(path):
        raise StoreError(path, "there is a file of this name", "choose another name")
