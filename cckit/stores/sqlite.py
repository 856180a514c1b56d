"""The log in one SQLite file: a row a frame.

``meta(name, value)`` holds origin, log id, epoch, the clean-end mark and the log before;
``frame(position, bytes)`` holds the stored bytes under the first position of each frame.
A writer opens with ``claim``, which raises the epoch and takes the mark away; ``close``
writes it again. The mark is the chain of the head, so a file without its WAL is noticed.

An append is acknowledged after COMMIT under WAL and ``synchronous=FULL``. Any error turns
the store from OPEN to FAILED: what was in flight is unknown, nothing is asked of that
connection again, and no sync is retried, since a second fsync after an error may report
success for pages that the system has dropped (Rebello et al., "Can Applications Recover
from fsync Failures?", USENIX ATC 2020). Reopen instead.

One thread at a time may use a store. Another thread takes a ``reader``.
"""

import os
from collections.abc import Callable, Iterator
from enum import Enum
from functools import partial
from typing import Any, Final, TypeVar

import apsw

from cckit.core.codec import canonical
from cckit.core.errors import FormatError, StoreError, UsageError
from cckit.core.frame import Frame, continued, first_origin, first_previous
from cckit.hooks.store import Conflict, Head

from .beside import lock_beside, real
from .connection import Mode, Wal, checkpoint, checkpoint_wholly, connect
from .file import State, check_file, create_file, mode_beside_writer, state_of
from .lock import WriterLock, check_file_system, check_one_name, file_system

T = TypeVar("T")

BATCH_FRAMES: Final = 256
BATCH_BYTES: Final = 4 * 1024 * 1024
"""A read transaction ends after this much, so that no reader holds up a checkpoint."""

EPOCH_JUMP: Final = 1_024
"""What the epoch is raised by when a log goes on under another name: the tail that was lost
may have had some epochs of its own."""

_META: Final = frozenset({"origin", "log_id", "epoch", "clean_end", "continues"})
_COMPARE: Final = "SELECT value, (SELECT max(position) FROM frame) FROM meta WHERE name = 'epoch'"
_INSERT: Final = "INSERT INTO frame VALUES (?, ?)"
_LAST: Final = "SELECT position, bytes FROM frame ORDER BY position DESC LIMIT 1"
_START: Final = "SELECT coalesce(max(position), 0) FROM frame WHERE position <= ?"
_ROWS: Final = "SELECT position, bytes FROM frame WHERE position >= ? ORDER BY position LIMIT ?"
_RESTORE: Final = "restore it from a copy"
_SET: Final = "UPDATE meta SET value = ? WHERE name = ?"

_Phase = Enum("_Phase", "OPEN FAILED CLOSED")
OPEN, FAILED, CLOSED = _Phase


class SqliteStore:
    """A log on disk, for one writer and any number of readers in any process.

    .. versionadded:: 0.1
    """

    def __init__(
        self, path: str, connection: apsw.Connection, lock: WriterLock | None, vfs: str | None
    ) -> None:
        self.path = path
        self.warnings: tuple[str, ...] = ()
        """What the operator should know about the place of this log."""
        self._connection = connection
        self._execute = connection.execute
        self._lock = lock
        self._vfs = vfs
        self._phase = OPEN
        self._cause = ""  # Of FAILED: the first error, which later callers are told.
        self._seen: State | None = None  # Of a closed log's file, while nobody writes it.
        self._epoch: int | None = None  # Ours, once claimed.
        meta = self._read_meta()
        self.origin: str = meta["origin"]
        self.log_id: bytes = meta["log_id"]
        self.continues: bytes | None = meta["continues"]
        """What this log goes on from, see ``frame.continued``; None if it never moved."""
        self.first_origin = first_origin(self.origin, self.continues)
        """The name that its first frame is chained to."""
        self.closed_at: bytes | None = meta["clean_end"]
        """The clean-end mark as it was found: the head's chain, None if a writer died."""
        self._wal = Wal(connection, writes=lock is not None)
        # A reader looks at the head when asked: a broken one must not keep `verify` out.
        self._head = Head(None, first_previous(self.first_origin, self.log_id), 0)
        self._last_row: int | None = None
        if lock is not None:
            self._check_tail()
            self._head, self._last_row = self._read_head()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        create: bool = False,
        read_only: bool = False,
        take_over: bool = False,
        origin: str | None = None,
        log_id: bytes | None = None,
        vfs: str | None = None,
    ) -> "SqliteStore":
        """Open a log; with ``create`` make a new one from ``origin`` and 16 bytes of id.

        ``take_over`` goes past the lock of another writer, which is then fenced off.
        ``vfs`` names a file layer of SQLite, for tests that plant faults.

        :raises FormatError: foreign, newer, cut off or not closed; nothing was written.
        :raises StoreError: in use, on a network, or unreadable.
        :raises UsageError: ``create`` without origin and id.
        """
        place = real(path)
        try:
            if read_only:
                return cls._open_reader(place, vfs)
            if create and (origin is None or log_id is None):
                raise UsageError(place, "a new log has a name", "give origin and log_id")
            return cls._open_writer(place, create, take_over, origin, log_id, vfs)
        except (apsw.Error, OSError) as error:
            remedy = "look at the disk and at the rights on file and folder"
            raise StoreError(place, f"can't be opened ({error})", remedy) from error

    @classmethod
    def _open_reader(cls, path: str, vfs: str | None) -> "SqliteStore":
        check_file(path)
        state = state_of(path)
        if state.wal is not None:
            mode = mode_beside_writer(path)
            store = cls._on(path, mode, None, vfs)
            store._seen = state if mode is Mode.IMMUTABLE else None
            return store
        try:
            store = cls._on(path, Mode.IMMUTABLE, None, vfs)
            store._seen = state
        except (apsw.Error, FormatError):
            if state_of(path) == state:
                raise
            store = cls._on(path, mode_beside_writer(path), None, vfs)
        return store

    @classmethod
    def _open_writer(
        cls,
        path: str,
        create: bool,
        take_over: bool,
        origin: str | None,
        log_id: bytes | None,
        vfs: str | None,
    ) -> "SqliteStore":
        warning = check_file_system(path, file_system(path))
        if not create:
            check_file(path)
            check_one_name(path)
        lock = WriterLock(lock_beside(path))
        try:
            lock.take(take_over)
            if create:
                assert origin is not None and log_id is not None
                create_file(path, origin, log_id, vfs)
            store = cls._on(path, Mode.WRITE, lock, vfs)
        except BaseException:
            lock.withdraw()
            raise
        if warning is not None:
            store.warnings = (warning,)
        return store

    @classmethod
    def _on(cls, path: str, mode: Mode, lock: WriterLock | None, vfs: str | None) -> "SqliteStore":
        connection = connect(path, mode, vfs)
        try:
            return cls(path, connection, lock, vfs)
        except BaseException:
            connection.close()
            raise

    def reader(self) -> "SqliteStore":
        """Another handle on this log that only reads, for another thread."""
        return self.open(self.path, read_only=True, vfs=self._vfs)

    # --- writing --------------------------------------------------------------------------

    def claim(self) -> int:
        """Become the writer: raise the epoch above all that were, durably; return it.

        :raises StoreError: the disk failed, or this store only reads.
        """
        if self._lock is None:
            raise UsageError(self.path, "is opened for reading", "open it without read_only")
        with _Guard(self, "claiming the log"):
            self._execute("BEGIN IMMEDIATE")
            head, last_row = self._read_head()
            epoch = head.epoch + 1
            last = self._last_frame()
            if last is not None:
                epoch = max(epoch, last.epoch + 1)  # Frames copied from elsewhere keep theirs.
            self._execute(_SET, (epoch, "epoch"))
            self._execute(_SET, (None, "clean_end"))
            self._execute("COMMIT")
            if self._epoch is not None or self.closed_at is None:
                checkpoint(self._connection, truncate=True)
            elif not checkpoint_wholly(self._connection):
                # The file alone would go on saying that it was closed.
                raise StoreError(self.path, "a reader holds an old state", "stop that reader")
        self._epoch = epoch
        self._head = head._replace(epoch=epoch)
        self._last_row = last_row
        return epoch

    def append(self, frame: Frame, expected: Head) -> Conflict | None:
        """Store one frame after ``expected``, durably; Conflict stores nothing.

        :raises StoreError: the disk failed; what was in flight is unknown, whole or
            absent. The store is then poisoned: every later call raises; reopen it.
        :raises UsageError: not claimed, or the frame does not follow ``expected``.
        """
        head = self._head
        if self._phase is not OPEN or self._epoch is None:
            raise self._not_open()
        if expected != head:
            return Conflict(head)
        if frame.previous != head.chain or frame.first != _next(head):
            what = f"a frame at {frame.first} does not follow position {head.position}"
            raise UsageError(self.path, what, "chain each frame to the head it expects")
        execute = self._execute
        try:
            self._wal.tend()
            execute("BEGIN IMMEDIATE")
            if execute(_COMPARE).fetchone() != (self._epoch, self._last_row):
                execute("ROLLBACK")
                self._head, self._last_row = self._read_head()
                return Conflict(self._head)
            execute(_INSERT, (frame.first, frame.pack()))
            execute("COMMIT")
        except BaseException as error:
            raise self._poison("an append", error) from error
        self._head = Head(frame.end - 1, frame.chain, self._epoch)
        self._last_row = frame.first
        return None

    def room(self) -> int:
        """Bytes that are free where the log lies, for whoever is not root."""
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def continue_as(self, origin: str) -> None:
        """Go on under another name, as who lost the log's tail has to; durable when it returns.

        No name signs two histories then, and no id returns: the epoch is raised by 1,024.

        :raises UsageError: a name that no log has, or one that this log had before.
        :raises StoreError: the disk failed, or this store only reads.
        """
        if self._lock is None:
            raise UsageError(self.path, "is opened for reading", "open it without read_only")
        first_previous(origin, self.log_id)
        before = continued(self.continues)
        if origin in (self.origin, *(one[0] for one in before)):
            what = f"had the name {origin!r} before"
            raise UsageError(self.path, what, "give it a name that it never had")
        with _Guard(self, "renaming the log"):
            self._execute("BEGIN IMMEDIATE")
            head, _ = self._read_head()
            last = self._last_frame()
            size = 0 if head.position is None else head.position + 1
            now = [*before, (self.origin, size, head.chain)]
            epoch = max(head.epoch, last.epoch if last is not None else 0) + EPOCH_JUMP - 1
            for row in ((origin, "origin"), (canonical(now), "continues"), (epoch, "epoch")):
                self._execute(_SET, row)
            self._execute("COMMIT")
            self._wal.finish()
        self.origin, self.continues = origin, canonical(now)

    # --- reading --------------------------------------------------------------------------

    def read(self, from_position: int = 0, limit: int | None = None) -> Iterator[Frame]:
        """Frames in order, the first being the one that holds ``from_position``.

        :raises FormatError: bytes that are no frame, or stand at the wrong position.
        :raises StoreError: the disk failed.
        """
        for position, stored in self.read_bytes(from_position, limit):
            frame = Frame.parse(stored)
            if frame.first != position:
                what = f"holds a frame that says it is at {frame.first}"
                raise FormatError(f"{self.path} at {position}", what, _RESTORE)
            if frame.end > from_position:
                yield frame

    def read_bytes(
        self, from_position: int = 0, limit: int | None = None
    ) -> Iterator[tuple[int, bytes]]:
        """Rows as they are stored: position and bytes, which nobody has checked.

        :raises StoreError: the disk failed.
        """
        left = BATCH_FRAMES if limit is None else limit
        at: int = self._ask(lambda: self._execute(_START, (from_position,)).get)
        while left > 0:
            rows, more = self._ask(partial(self._read_batch, at, left))
            yield from rows
            if not more:
                return
            at = rows[-1][0] + 1
            if limit is not None:
                left -= len(rows)

    def _read_batch(self, at: int, limit: int) -> tuple[list[tuple[int, bytes]], bool]:
        size, wanted = 0, min(limit, BATCH_FRAMES)
        rows: list[tuple[int, bytes]] = []
        cursor: Any = self._execute(_ROWS, (at, wanted))
        for row in cursor:
            if type(row[1]) is not bytes:
                raise FormatError(f"{self.path} at {row[0]}", "holds no bytes", _RESTORE)
            rows.append(row)
            size += len(row[1])
            if size >= BATCH_BYTES:
                cursor.close()
                return rows, True
        return rows, len(rows) == wanted

    def head(self) -> Head:
        """The end of the log, as far as it is durable."""
        if self._phase is not OPEN:
            raise self._not_open()
        if self._epoch is None:
            self._head, self._last_row = self._ask(self._read_head)
        return self._head

    def _ask(self, question: Callable[[], T]) -> T:
        """The answer to a question that reads.

        A closed log is read without a lock and without files beside it, until it is seen
        that a writer came: then whatever was read meanwhile is read again.
        """
        with _Guard(self, "a read"):
            if self._seen is None:
                return question()
            try:
                answer = question()
            except (apsw.Error, FormatError):
                if state_of(self.path) == self._seen:
                    raise
            else:
                if state_of(self.path) == self._seen:
                    return answer
            self._read_beside_writer()
            return question()

    def _read_beside_writer(self) -> None:
        self._connection.close()
        self._connection = connect(self.path, mode_beside_writer(self.path), self._vfs)
        self._execute = self._connection.execute
        self._seen = None
        self.closed_at = self._read_meta()["clean_end"]

    def _read_head(self) -> tuple[Head, int | None]:
        compared: Any = self._execute(_COMPARE).fetchone()
        epoch = compared[0]
        last = self._last_frame()
        if last is None:
            return Head(None, first_previous(self.first_origin, self.log_id), epoch), None
        return Head(last.end - 1, last.chain, epoch), last.first

    def _last_frame(self) -> Frame | None:
        row: Any = self._execute(_LAST).fetchone()
        if row is None:
            return None
        if type(row[1]) is not bytes:
            raise FormatError(f"{self.path} at {row[0]}", "holds no bytes", _RESTORE)
        return Frame.parse(row[1])

    def _read_meta(self) -> dict[str, Any]:
        rows: Any = self._execute("SELECT name, value FROM meta")
        meta = dict(rows)
        if not meta.keys() >= _META or type(meta["epoch"]) is not int:
            raise FormatError(self.path, "lacks what names a log", _RESTORE)
        try:
            first_previous(first_origin(meta["origin"], meta["continues"]), meta["log_id"])
        except (UsageError, FormatError, AttributeError, TypeError) as error:
            what = "names its log in a way that no log has"
            raise FormatError(self.path, what, _RESTORE) from error
        return meta

    def _check_tail(self) -> None:
        last = self._last_frame()
        if last is not None and not last.is_whole():
            what = f"the frame at {last.first} does not have the hash that it says"
            raise FormatError(self.path, what, "see `cckit verify`; restore it from a copy")

    # --- the end --------------------------------------------------------------------------

    @property
    def failed(self) -> bool:
        """Whether an error has poisoned this store."""
        return self._phase is FAILED

    def close(self) -> None:
        """Write the clean-end mark if all is well, and let the log go."""
        if self._phase is CLOSED:
            return
        try:
            if self._phase is OPEN and self._epoch is not None:
                with _Guard(self, "closing the log"):
                    self._mark_end()
        finally:
            if self._phase is OPEN:
                self._phase = CLOSED
            self._connection.close()
            if self._lock is not None:
                (self._lock.withdraw if self._epoch is None else self._lock.release)()

    def _mark_end(self) -> None:
        self._execute("BEGIN IMMEDIATE")
        if self._execute(_COMPARE).fetchone() != (self._epoch, self._last_row):
            self._execute("ROLLBACK")  # Someone took over: the log is theirs to close.
            return
        self._execute(_SET, (self._head.chain, "clean_end"))
        self._execute("COMMIT")
        self._wal.finish()

    def _poison(self, what: str, error: BaseException) -> BaseException:
        if self._phase is OPEN and self._lock is not None:
            self._wal.write_again()
        self._phase = FAILED
        self._cause = self._cause or f"{what} failed ({error})"
        if not isinstance(error, apsw.Error | OSError):
            return error
        remedy = "look at the disk"
        if self._lock is not None:
            remedy = "what was in flight is unknown: reopen the log and repeat the request"
        return StoreError(self.path, f"{what} failed ({error})", remedy)

    def _not_open(self) -> StoreError | UsageError:
        if self._phase is FAILED:
            what = f"an earlier error poisoned this store: {self._cause}"
            return StoreError(self.path, what, "reopen the log")
        if self._phase is CLOSED:
            return UsageError(self.path, "this store is closed", "open the log again")
        return UsageError(self.path, "nobody claimed this log", "call claim() before append()")


class _Guard:
    """Run a step on a store that is open; an error of the disk poisons it."""

    def __init__(self, store: SqliteStore, what: str) -> None:
        self._store = store
        self._what = what

    def __enter__(self) -> None:
        if self._store._phase is not OPEN:
            raise self._store._not_open()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            poisoned = self._store._poison(self._what, error)
            if poisoned is not error:
                raise poisoned from error


def _next(head: Head) -> int:
    return 0 if head.position is None else head.position + 1
