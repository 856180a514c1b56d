"""How every SQLite file of ours is opened.

SQLite 3.7.0 to 3.51.2 can corrupt a WAL file that two connections use, and 3.52.0 was
withdrawn, so the version is checked at each open. Nothing is checkpointed behind our back:
``wal_autocheckpoint`` is 0 and closing a connection checkpoints nothing unless it is told
to. ``psow=0`` makes SQLite expect that a power cut destroys the whole sector in flight.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from struct import unpack_from
from time import sleep
from typing import Final, NamedTuple
from urllib.parse import quote

import apsw

from cckit.core.errors import FormatError, StoreError

from .folder import sync_file

PASSIVE_PAGES: Final = 1_000
"""Pages in the WAL between two checkpoints that wait for nobody."""
TRUNCATE_BYTES: Final = 64 * 1024 * 1024
"""A WAL of this size is emptied, which waits for readers."""
BUSY_MS: Final = 5_000
"""Readers keep their transactions below 250 ms, so this only ends in a fault."""

_TRIES: Final = 50
_PAUSE_S: Final = 0.01

_MAGIC: Final = b"SQLite format 3\x00"
_HEADER_SIZE: Final = 100
_WAL_HEADER_SIZE: Final = 32
_FRAME_HEADER_SIZE: Final = 24
_SECTOR_SIZE: Final = 4096
"""SQLite's; with ``psow=0`` a commit fills its last sector, and the next begins a new one."""
_PART_SIZE: Final = 1024 * 1024


class Mode(Enum):
    """What a connection may do."""

    CREATE = "rwc"
    WRITE = "rw"
    READ = "ro"
    IMMUTABLE = "immutable"
    """Read a file that nobody can be writing: no locks, no files beside it."""


class FileHeader(NamedTuple):
    """What the first 100 bytes of an SQLite file say."""

    application_id: int
    user_version: int
    bytes_expected: int
    """As of the last checkpoint."""


def check_sqlite(version: str) -> None:
    """Refuse an SQLite with a known way to lose data.

    :raises StoreError: older than 3.51.3, or 3.52.0.
    """
    numbers = tuple(int(part) for part in version.split("."))
    if numbers < (3, 51, 3) or numbers[:2] == (3, 52):
        what = f"SQLite {version} can corrupt a log"
        raise StoreError("apsw", what, "install apsw 3.51.3.0 or later, but not 3.52.0")


@contextmanager
def disk_errors(path: str, remedy: str) -> Iterator[None]:
    """Say in our words what SQLite or the system says.

    :raises StoreError: the block raised an error of either.
    """
    try:
        yield
    except (apsw.Error, OSError) as error:
        raise StoreError(path, f"the disk or the file is at fault ({error})", remedy) from error


def connect(path: str, mode: Mode, vfs: str | None = None) -> apsw.Connection:
    """Open one connection with our settings.

    :raises apsw.Error: SQLite could not open the file.
    :raises StoreError: this SQLite is not safe.
    """
    check_sqlite(apsw.sqlite_lib_version())
    option = "immutable=1&mode=ro" if mode is Mode.IMMUTABLE else f"mode={mode.value}"
    writes = mode in (Mode.CREATE, Mode.WRITE)
    flags = apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_FULLMUTEX
    flags |= apsw.SQLITE_OPEN_READWRITE if writes else apsw.SQLITE_OPEN_READONLY
    if mode is Mode.CREATE:
        flags |= apsw.SQLITE_OPEN_CREATE
    uri = f"file:{quote(os.path.abspath(path))}?psow=0&{option}"
    connection = apsw.Connection(uri, flags=flags, vfs=vfs)
    connection.set_busy_timeout(BUSY_MS)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    for name in ("wal_autocheckpoint", "mmap_size", "trusted_schema"):
        connection.pragma(name, 0)
    if writes:
        # On macOS only F_FULLFSYNC reaches the disk; elsewhere these two change nothing.
        connection.pragma("fullfsync", 1)
        connection.pragma("checkpoint_fullfsync", 1)
        connection.pragma("synchronous", "FULL")
    return connection


def read_header(path: str) -> FileHeader:
    """Look at a file without SQLite, which would take an empty one for its own.

    :raises FormatError: empty, shorter than a header, or no SQLite file.
    :raises OSError: it can't be read.
    """
    with open(path, "rb") as file:
        head = file.read(_HEADER_SIZE)
    if not head.startswith(_MAGIC):
        # A power cut during a checkpoint may destroy the page; the WAL still has it.
        head = _header_in_wal(path) or head
    if not head.startswith(_MAGIC[: len(head)]) or not head:
        what = "is empty" if not head else "is not an SQLite file"
        raise FormatError(path, what, "name a log that cckit wrote")
    if len(head) < _HEADER_SIZE:
        raise FormatError(path, f"is cut off after {len(head)} bytes", "bring the whole file")
    (page_size,) = unpack_from(">H", head, 16)
    (pages,) = unpack_from(">I", head, 28)
    user_version, application_id = unpack_from(">I4xI", head, 60)
    size = 65_536 if page_size == 1 else page_size
    return FileHeader(application_id, user_version, size * pages)


def _header_in_wal(path: str) -> bytes | None:
    """The header as the WAL beside a file has it last; None where it has none.

    Layout: "WAL-mode File Format" (sqlite.org/walformat.html). What SQLite itself takes
    from the WAL it judges by the checksums.
    """
    found = None
    try:
        with open(path + "-wal", "rb") as file:
            start = file.read(_WAL_HEADER_SIZE)
            if len(start) < _WAL_HEADER_SIZE:
                return None
            (page_size,), salts = unpack_from(">I", start, 8), start[16:24]
            while len(frame := file.read(_FRAME_HEADER_SIZE)) == _FRAME_HEADER_SIZE:
                at = file.tell()
                if frame[8:16] == salts and unpack_from(">I", frame) == (1,):
                    head = file.read(_HEADER_SIZE)
                    found = head if head.startswith(_MAGIC) else found
                file.seek(at + page_size)
    except FileNotFoundError:
        return None
    return found


def wal_size(path: str) -> int | None:
    """Bytes of the WAL beside a file; None where there is none."""
    try:
        return os.stat(path + "-wal").st_size
    except FileNotFoundError:
        return None


def is_read_only(path: str) -> bool:
    """Whether the file or its folder can't be written by us."""
    folder = os.path.dirname(os.path.abspath(path))
    return not (os.access(path, os.W_OK) and os.access(folder, os.W_OK))


def checkpoint(connection: apsw.Connection, truncate: bool) -> bool:
    """Move the WAL into the file; whether all of it is there now.

    :raises apsw.Error: the disk failed. A busy reader is no error.
    """
    mode = apsw.SQLITE_CHECKPOINT_TRUNCATE if truncate else apsw.SQLITE_CHECKPOINT_PASSIVE
    try:
        pages, moved = connection.wal_checkpoint("main", mode)
    except apsw.BusyError:
        return False
    return pages == moved


def checkpoint_wholly(connection: apsw.Connection) -> bool:
    """Move the WAL into the file, waiting for readers, and for another who does the same.

    SQLite calls no busy handler for the lock that two checkpoints want, so we try again.

    :raises apsw.Error: the disk failed.
    """
    if checkpoint(connection, truncate=True):
        return True
    for _ in range(_TRIES):
        sleep(_PAUSE_S)
        if checkpoint(connection, truncate=False):
            return True
    return False


class Wal:
    """The WAL of one connection, moved into its file in time; one that reads never does."""

    def __init__(self, connection: apsw.Connection, writes: bool = True) -> None:
        self._connection = connection
        self._truncate_at: int = TRUNCATE_BYTES // connection.pragma("page_size")
        self.pages = 0
        """In the WAL after the last commit."""
        self.due = PASSIVE_PAGES
        """With how many pages ``tend`` has something to do."""
        if writes:
            connection.set_wal_hook(self._note)

    def _note(self, _: apsw.Connection, __: str, pages: int) -> int:
        self.pages = pages
        if pages < self.due - PASSIVE_PAGES:
            self.due = PASSIVE_PAGES  # The WAL began anew.
        return apsw.SQLITE_OK

    def tend(self) -> None:
        """Checkpoint if it is time; a reader in the way only makes the WAL longer.

        :raises apsw.Error: the disk failed.
        """
        if self.pages >= self.due:
            checkpoint(self._connection, truncate=self.pages >= self._truncate_at)
            self.due = self.pages + PASSIVE_PAGES

    def write_again(self) -> None:
        """After an error: have the system write again what a failed sync may have dropped.

        It may go on showing pages that it will never write, for they are clean (Rebello et
        al., USENIX ATC 2020). Whoever opens the file next would append behind them, and a
        power cut would take all of that, acknowledged or not. So the bytes behind the last
        commit are written as they are; the next sync, by whomever, is for them too. What
        was committed stays untouched, and the write lock keeps others from the WAL.
        """
        connection = self._connection
        # It is the first error that is told; this one leaves what it was to mend as it is.
        with suppress(apsw.Error, OSError):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            committed, _ = connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_NOOP)
            connection.execute("BEGIN IMMEDIATE")
            # For what an earlier process left there before our first commit, nobody vouches.
            _write_tail_again(connection.filename_wal, committed if self.pages else 0)
            connection.execute("ROLLBACK")

    def finish(self) -> None:
        """Empty the WAL, and let the last connection to go take it away.

        :raises apsw.Error: the disk failed.
        """
        if checkpoint(self._connection, truncate=True):
            self._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)


def _write_tail_again(path: str, pages: int) -> None:
    """Write a WAL's bytes behind its first ``pages`` frames as they are.

    That is from the sector on that the last sync ended with: behind it, in what fills the
    sector, there is no frame that matters.
    """
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        header = os.pread(file, _WAL_HEADER_SIZE, 0)
        if len(header) < _WAL_HEADER_SIZE:
            return
        frame_size = _FRAME_HEADER_SIZE + int(unpack_from(">I", header, 8)[0])
        end = _WAL_HEADER_SIZE + pages * frame_size
        at = end // _SECTOR_SIZE * _SECTOR_SIZE if pages else 0
        while part := os.pread(file, _PART_SIZE, at):
            at += os.pwrite(file, part, at)
    finally:
        os.close(file)


def sync_folder(path: str) -> None:
    """Make a new name in the folder of ``path`` durable."""
    sync_file(os.path.dirname(os.path.abspath(path)))
