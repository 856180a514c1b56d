"""What can be derived from a log, kept beside it: NAME.views, deletable at any time.

::

    views = Views.open(path_or_none, store)   # None: in memory, for a log in memory
    views.catch_up(store.read(views.next))    # any batches; `next` is where to go on
    views.positions(stream="contact/1", type="queue.entered", from_at=…, to_at=…)
    views.version("contact/1")                # of its last event, or None
    views.request(digest[:16])                # Stored(digest, positions), or None
    views.save_snapshot(position, chain, floor_version, classes_digest, state_bytes)
    views.snapshot(floor_version, classes_digest)     # Saved(position, chain, state), or None
    views.save_projection(name, version, position, chain, classes_digest, state_bytes)
    views.projection(name, version, classes_digest)   # Saved, or None

The index lags behind the log by what it was not yet given; it is never ahead of it: give it
frames that are durable. Views know their log by its id and by the chain at their position.
A file that is foreign, ahead, of another format or corrupt is thrown away and made again,
so that the caller never needs to see why. A wrong byte in a saved state is caught by its
digest; with another version or class digest it is thrown away.

The index is lists of positions by chunk: one row for each stream and each type that a chunk
of up to 16,384 events touches, and one row with all instants of the chunk. That is a tenth
of a row an event, if chunks are large: give it a second's frames at once, not one by one.
Bodies are unpacked down to the event's array; no event's data is decoded.

Like a store, it is used by one thread at a time, by the process that writes the log.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from struct import pack, unpack
from typing import Any, Final, NamedTuple

import apsw

from cckit.core.errors import FormatError, UsageError
from cckit.core.frame import Frame
from cckit.hooks.store import Store

from .connection import (
    Mode,
    Wal,
    connect,
    disk_errors,
    is_read_only,
    read_header,
    wal_size,
)
from .file import mode_beside_writer
from .index import Chunk, chunks

APPLICATION_ID: Final = 0x43434B56  # "CCKV"
FORMAT: Final = 1

FOLLOW_EVENTS: Final = 8_192
"""Indexed at once while a log is followed."""

_REMEDY: Final = "delete it: it is made again from the log"
_FLOOR: Final = ""
"""The name that the floor is saved under; a projection's has a dot."""
_TYPE: Final = "type:"
"""Types and streams share a table, and no stream begins so."""

_TABLES: Final = """
CREATE TABLE reached(log_id BLOB, position INTEGER, chain BLOB) STRICT;
CREATE TABLE name(id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, version INTEGER) STRICT;
CREATE TABLE chunk(first INTEGER PRIMARY KEY, low INTEGER, high INTEGER, instants BLOB) STRICT;
CREATE TABLE place(name INTEGER, first INTEGER, offsets BLOB, PRIMARY KEY(name, first))
    STRICT, WITHOUT ROWID;
CREATE TABLE request(key BLOB PRIMARY KEY, rest BLOB, first INTEGER, count INTEGER)
    STRICT, WITHOUT ROWID;
CREATE TABLE saved(name TEXT, version INTEGER, position INTEGER, chain BLOB, classes BLOB,
    digest BLOB, state BLOB, PRIMARY KEY(name, position)) STRICT;
"""
_NAME: Final = """INSERT INTO name(name, version) VALUES (?, ?)
    ON CONFLICT(name) DO UPDATE SET version = excluded.version RETURNING id"""
_PLACES: Final = """SELECT first, offsets FROM place
    WHERE name = (SELECT id FROM name WHERE name = ?) ORDER BY first"""
_CHUNKS: Final = """SELECT first, low, high, instants FROM chunk
    WHERE high >= ? AND low < ? ORDER BY first"""
_SAVED: Final = """SELECT position, chain, digest, state FROM saved
    WHERE name = ? AND version = ? AND classes = ? ORDER BY position DESC"""
_KEPT: Final = 2
"""Saved states a name: the newest, and one in case its bytes are spoilt."""


class Stored(NamedTuple):
    """A request that was carried out."""

    digest: bytes
    """24 bytes: of its key and of its command."""
    positions: range
    """Of the events of its decision."""


class Saved(NamedTuple):
    """A state, and the place in the log that it stands for."""

    position: int
    chain: bytes
    """Of the frame that ends with ``position``."""
    state: bytes


@contextmanager
def _closed_on_failure(connection: apsw.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


class Views:
    """The derived file of one log.

    .. versionadded:: 0.1
    """

    def __init__(self, path: str | None, connection: apsw.Connection, writes: bool = True) -> None:
        self.path = path
        """None if they are in memory."""
        self._where = path or "views in memory"
        self._connection = connection
        self._execute = connection.execute
        self._writes = writes
        self._wal = Wal(connection, writes)
        reached: Any = self._execute("SELECT log_id, position, chain FROM reached").fetchone()
        self._log_id: bytes = reached[0]
        self._position: int | None = reached[1]
        self._chain: bytes | None = reached[2]

    @classmethod
    def open(
        cls, path: str | os.PathLike[str] | None, store: Store, *, fresh: bool = False
    ) -> "Views":
        """Open the views of a log; make them anew where they are not of its past.

        Where nothing can be written they are made in memory. ``fresh`` throws away what
        is there.

        :raises StoreError: the disk failed.
        """
        place = None if path is None else os.path.abspath(path)
        if place is None or _is_unwritable(place):
            return cls._make(None, store.log_id)
        with disk_errors(place, _REMEDY):
            found = None if fresh or not os.path.exists(place) else cls._find(place, store)
            if found is not None:
                return found
            _remove(place)
            return cls._make(place, store.log_id)

    @classmethod
    def look(cls, path: str | os.PathLike[str], store: Store) -> "Views | None":
        """The views that lie there, for reading only, also while a center writes them.

        None where there are none, or none of this log's past: ask the log itself.

        :raises StoreError: the log can't be read.

        .. versionadded:: 0.2
        """
        place = os.path.abspath(path)
        if not os.path.exists(place):
            return None
        try:
            mode = Mode.IMMUTABLE if wal_size(place) is None else mode_beside_writer(place)
            return cls._find(place, store, mode)
        except (FormatError, OSError, apsw.Error):
            return None  # Another program's, or gone by now: they were only to save time.

    @classmethod
    def _make(cls, path: str | None, log_id: bytes) -> "Views":
        connection = apsw.Connection(":memory:") if path is None else connect(path, Mode.CREATE)
        with _closed_on_failure(connection):
            connection.pragma("application_id", APPLICATION_ID)
            connection.pragma("user_version", FORMAT)
            connection.pragma("journal_mode", "WAL")
            # What a power cut takes from the views is made again.
            connection.pragma("synchronous", "NORMAL")
            with connection:
                connection.execute(_TABLES)
                connection.execute("INSERT INTO reached VALUES (?, NULL, NULL)", (log_id,))
            return cls(path, connection)

    @classmethod
    def _find(cls, path: str, store: Store, mode: Mode = Mode.WRITE) -> "Views | None":
        """The views in a file, or None if they are not of this log's past."""
        try:
            header = read_header(path)
            if (header.application_id, header.user_version) != (APPLICATION_ID, FORMAT):
                return None
            connection = connect(path, mode)
            with _closed_on_failure(connection):
                writes = mode is Mode.WRITE
                if writes:
                    connection.pragma("synchronous", "NORMAL")
                views = cls(path, connection, writes)
                if views._log_id == store.log_id and is_past(store, views._position, views._chain):
                    if writes:
                        views._forget_strangers(store)
                    return views
            connection.close()
        except (FormatError, apsw.CorruptError, apsw.NotADBError, apsw.SQLError):
            pass  # Not ours, or spoilt: the log makes them again.
        return None

    def _forget_strangers(self, store: Store) -> None:
        """Throw away states of a future that the log does not have."""
        rows: Any = self._execute("SELECT rowid, position, chain FROM saved").fetchall()
        for row, position, chain in rows:
            if not is_past(store, position, chain):
                self._execute("DELETE FROM saved WHERE rowid = ?", (row,))

    # --- the index ------------------------------------------------------------------------

    @property
    def next(self) -> int:
        """The position to go on from: the first event that is not indexed."""
        return 0 if self._position is None else self._position + 1

    def catch_up(self, frames: Iterable[Frame]) -> int:
        """Index frames that are durable, the first of them at ``next``; how many events.

        :raises FormatError: a frame's body is no list of decisions.
        :raises StoreError: the disk failed.
        :raises UsageError: the frames are not the next ones.
        """
        before = self.next
        with self._writing():
            for chunk in chunks(frames):
                self._index(chunk)
        return self.next - before

    def follow(self, store: Store, progress: Callable[[int], None] = lambda _: None) -> int:
        """Index what a log has by now, a second's frames at once; the new ``next``.

        ``progress`` is told how far it is.

        :raises FormatError, StoreError: see ``catch_up``.
        """
        frames: list[Frame] = []
        held = 0
        for frame in store.read(self.next):
            frames.append(frame)
            held += frame.count
            if held >= FOLLOW_EVENTS:
                self.catch_up(frames)
                progress(self.next)
                frames, held = [], 0
        if frames:
            self.catch_up(frames)
        return self.next

    def _index(self, frames: list[Frame]) -> None:
        first, last = frames[0].first, frames[-1]
        if first != self.next or (self._chain is not None and frames[0].previous != self._chain):
            what = f"a frame at {first} is not what follows position {self._position}"
            raise UsageError(self._where, what, "go on from `next`")
        found = Chunk(first)
        for frame in frames:
            found.add(frame)
        with self._connection:
            for stream, offsets in found.streams.items():
                self._place(stream, found.versions[stream], first, offsets)
            for type_, offsets in found.types.items():
                self._place(_TYPE + type_, None, first, offsets)
            at = found.instants
            row = (first, min(at), max(at), pack(f"<{len(at)}q", *at))
            self._execute("INSERT INTO chunk VALUES (?, ?, ?, ?)", row)
            self._connection.executemany(
                "INSERT OR IGNORE INTO request VALUES (?, ?, ?, ?)", found.requests
            )
            reached = (last.end - 1, last.chain)
            self._execute("UPDATE reached SET position = ?, chain = ?", reached)
        self._position, self._chain = reached
        self._wal.tend()

    def _place(self, name: str, version: int | None, first: int, offsets: list[int]) -> None:
        key: Any = self._execute(_NAME, (name, version)).get
        blob = pack(f"<{len(offsets)}I", *offsets)
        self._execute("INSERT INTO place VALUES (?, ?, ?)", (key, first, blob))

    def positions(
        self,
        *,
        stream: str | None = None,
        type: str | None = None,
        from_at: int | None = None,
        to_at: int | None = None,
    ) -> list[int]:
        """Positions of the indexed events that fit all that is given, in order.

        ``from_at <= recorded_at < to_at``, in microseconds.

        :raises StoreError: the disk failed.
        """
        with disk_errors(self._where, _REMEDY):
            sets = []
            if stream is not None:
                sets.append(self._places(stream))
            if type is not None:
                sets.append(self._places(_TYPE + type))
            if from_at is not None or to_at is not None:
                sets.append(self._between(from_at, to_at))
            if not sets:
                return list(range(self.next))
        shortest, *others = sorted(sets, key=len)
        for other in others:
            known = set(other)
            shortest = [position for position in shortest if position in known]
        return shortest

    def _places(self, name: str) -> list[int]:
        rows: Any = self._execute(_PLACES, (name,))
        return [
            first + offset
            for first, offsets in rows
            for offset in unpack(f"<{len(offsets) // 4}I", offsets)
        ]

    def _between(self, from_at: int | None, to_at: int | None) -> list[int]:
        low = -(2**63) if from_at is None else from_at
        high = 2**63 - 1 if to_at is None else to_at
        rows: Any = self._execute(_CHUNKS, (low, high))
        found: list[int] = []
        for first, least, most, blob in rows:
            at = unpack(f"<{len(blob) // 8}q", blob)
            if low <= least and most < high:
                found.extend(range(first, first + len(at)))
            else:
                found.extend(first + n for n, instant in enumerate(at) if low <= instant < high)
        return found

    def version(self, stream: str) -> int | None:
        """The stream version of a stream's last indexed event; None if it has none.

        :raises StoreError: the disk failed.
        """
        with disk_errors(self._where, _REMEDY):
            found: Any = self._execute("SELECT version FROM name WHERE name = ?", (stream,)).get
        return None if found is None else int(found)

    def request(self, key: bytes) -> Stored | None:
        """What became of a request, by the first 16 bytes of its digest.

        :raises StoreError: the disk failed.
        """
        with disk_errors(self._where, _REMEDY):
            query = "SELECT rest, first, count FROM request WHERE key = ?"
            row: Any = self._execute(query, (key,)).fetchone()
        if row is None:
            return None
        rest, first, count = row
        return Stored(key + rest, range(first, first + count))

    # --- saved states ---------------------------------------------------------------------

    def save_snapshot(
        self, position: int, chain: bytes, version: int, classes: bytes, state: bytes
    ) -> None:
        """Keep the floor's state after ``position``; what other classes left is dropped.

        :raises StoreError: the disk failed.
        """
        self._save(_FLOOR, version, position, chain, classes, state)

    def snapshot(self, version: int, classes: bytes) -> Saved | None:
        """The newest good state of the floor by this version and class digest.

        :raises StoreError: the disk failed.
        """
        return self._load(_FLOOR, version, classes)

    def save_projection(
        self, name: str, version: int, position: int, chain: bytes, classes: bytes, state: bytes
    ) -> None:
        """Keep a projection's state after ``position``.

        :raises StoreError: the disk failed.
        :raises UsageError: a projection without a name.
        """
        if not name:
            raise UsageError(self._where, "a projection without a name", "name it `thing.measure`")
        self._save(name, version, position, chain, classes, state)

    def projection(self, name: str, version: int, classes: bytes) -> Saved | None:
        """The newest good state of a projection by this version and class digest.

        :raises StoreError: the disk failed.
        """
        return self._load(name, version, classes)

    def _save(
        self, name: str, version: int, position: int, chain: bytes, classes: bytes, state: bytes
    ) -> None:
        with self._writing(), self._connection:
            strangers = "DELETE FROM saved WHERE name = ? AND (version <> ? OR classes <> ?)"
            self._execute(strangers, (name, version, classes))
            row = (name, version, position, chain, classes, sha256(state).digest(), state)
            self._execute("INSERT OR REPLACE INTO saved VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            old = """DELETE FROM saved WHERE name = ?1 AND position NOT IN
                (SELECT position FROM saved WHERE name = ?1 ORDER BY position DESC LIMIT ?2)"""
            self._execute(old, (name, _KEPT))
        with self._writing():
            self._wal.tend()

    def _load(self, name: str, version: int, classes: bytes) -> Saved | None:
        with disk_errors(self._where, _REMEDY):
            rows: Any = self._execute(_SAVED, (name, version, classes)).fetchall()
        for position, chain, digest, state in rows:
            if sha256(state).digest() == digest:
                return Saved(position, chain, state)
        return None

    def checkpoints(self) -> list[tuple[str, int, int, bytes, bytes, bytes]]:
        """What ``save_projection`` kept of outlets, whose names have a stroke, to keep again.

        :raises StoreError: the disk failed.
        """
        query = """SELECT name, version, position, chain, classes, state FROM saved
            WHERE instr(name, '/') ORDER BY name, position"""
        with disk_errors(self._where, _REMEDY):
            found: Any = self._execute(query).fetchall()
        return list(found)

    def compact(self) -> None:
        """Give the room of what was thrown away back to the disk.

        :raises StoreError: the disk failed, or somebody else has the views open.
        """
        with disk_errors(self._where, "make room, or close what has them open"):
            self._execute("VACUUM")

    def close(self) -> None:
        """Let the file go.

        :raises StoreError: the disk failed.
        """
        with self._writing():
            if self._writes and self.path is not None and os.path.exists(self.path):
                self._wal.finish()
            self._connection.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Let the file go for good if a sync of it fails: nobody knows what is in it then.

        :raises StoreError: the disk failed.
        """
        with disk_errors(self._where, _REMEDY):
            try:
                yield
            except apsw.IOError:
                self._connection.close()
                if self.path is not None:
                    _remove(self.path)
                raise


def _remove(path: str) -> None:
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(path + suffix):
            os.unlink(path + suffix)


def is_past(store: Store, position: int | None, chain: bytes | None) -> bool:
    """Whether a frame of the log ends with this position and chain."""
    if position is None:
        return True
    try:
        return any(
            frame.end - 1 == position and frame.chain == chain for frame in store.read(position, 1)
        )
    except FormatError:
        return False


def _is_unwritable(path: str) -> bool:
    if os.path.exists(path):
        return is_read_only(path)
    return not os.access(os.path.dirname(path), os.W_OK)
