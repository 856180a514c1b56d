"""The file of the keys, before anybody asks it: made, checked, lifted to today's format.

``meta`` holds the log's id, the secret of the lookup (wrapped), the number of the KEK and
the mark, which is the highest position and chain of the log that these keys have seen;
``lookup`` HMAC(number) to subject; ``key`` the wrapped keys, each with the position of the
event that commits to it; ``erased`` whose keys were destroyed, up to which number, by the
``subject.erasure_started`` at which position.

Format 1 had neither mark nor ``erased``, and kept its KEK in ``meta``. It is lifted when it
is opened for writing.
"""

import os
from typing import Any, Final, NamedTuple, TypeAlias

import apsw

from cckit.core.errors import FormatError

from .connection import (
    Mode,
    Wal,
    checkpoint,
    connect,
    disk_errors,
    read_header,
)
from .private import check_private
from .unborn import unborn_database

APPLICATION_ID: Final = 0x43434B4B  # "CCKK"
FORMAT: Final = 2

REMEDY: Final = "bring the right key file; without it personal values stay closed"

_TABLES: Final = """
CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB) STRICT, WITHOUT ROWID;
CREATE TABLE lookup(number BLOB PRIMARY KEY, subject BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE key(subject BLOB, number INTEGER, wrapped BLOB NOT NULL,
    PRIMARY KEY(subject, number)) STRICT, WITHOUT ROWID;
"""
_FORMAT_2: Final = """
ALTER TABLE key ADD COLUMN at INTEGER NOT NULL DEFAULT -1;
CREATE INDEX key_at ON key(at);
CREATE INDEX lookup_subject ON lookup(subject);
CREATE TABLE erased(subject BLOB PRIMARY KEY, number INTEGER NOT NULL, at INTEGER NOT NULL,
    keys INTEGER NOT NULL, lookups INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""

Where: TypeAlias = str | os.PathLike[str] | apsw.Connection
"""A key file, or keys ``in_memory()``."""


class Mark(NamedTuple):
    """The furthest place of the log that keys were there for."""

    position: int
    """Of the last event of a frame; -1 if they have seen nothing."""
    chain: bytes
    """Of that frame; empty if they have seen nothing."""


class Erased(NamedTuple):
    """What is left of somebody in a key file: that there was somebody."""

    number: int
    """Of the last key destroyed; 0 if there was none."""
    at: int
    """Position of the ``subject.erasure_started`` that asked for it."""
    keys: int = 0
    """How many were destroyed by that."""
    lookups: int = 0
    """How many numbers led to them."""


class Memory(NamedTuple):
    """What a key file knows of its log, without any key."""

    mark: Mark
    erased: dict[bytes, Erased]
    """By subject."""
    reach: int | None
    """Every key that the log commits to up to here is, or was, in the file.

    -1 if there was none; None where a file of format 1 does not say.
    """


NOTHING: Final = Mark(-1, b"")


def remembered(where: Where, log_id: bytes) -> Memory | None:
    """What a key file remembers, read without its KEK; None where there is no file yet.

    :raises FormatError: foreign, newer, or of another log.
    :raises StoreError: the disk failed.
    """
    if isinstance(where, apsw.Connection):
        return _read_memory(where, "keys in memory", log_id)
    place = os.path.abspath(where)
    with disk_errors(place, REMEDY):
        if not os.path.exists(place):
            return None
        if check_header(place) < FORMAT:
            return Memory(NOTHING, {}, None)
        connection = connect(place, Mode.WRITE)
        try:
            return _read_memory(connection, place, log_id)
        finally:
            connection.close()


def _read_memory(connection: apsw.Connection, where: str, log_id: bytes) -> Memory | None:
    meta = read_meta(connection)
    if not meta:
        return None
    if meta["log_id"] != log_id:
        raise FormatError(where, "belongs to another log", REMEDY)
    rows: Any = connection.execute("SELECT * FROM erased")
    erased = {subject: Erased(*rest) for subject, *rest in rows}
    mark = mark_of(meta)
    return Memory(mark, erased, _reach(connection, mark))


def _reach(connection: apsw.Connection, mark: Mark) -> int | None:
    query = "SELECT (SELECT min(at) FROM key), (SELECT max(at) FROM key), max(at) FROM erased"
    row: Any = connection.execute(query).fetchone()
    first, *seen = row
    reach = max(mark.position, *(-1 if at is None else at for at in seen))
    return None if reach < 0 and first is not None else reach  # Lifted, and never closed.


def read_meta(connection: apsw.Connection) -> dict[str, bytes]:
    """The rows of ``meta`` by name; none in a file that was just made."""
    rows: Any = connection.execute("SELECT name, value FROM meta")
    return dict(rows)


def mark_of(meta: dict[str, bytes]) -> Mark:
    """The mark as ``meta`` holds it: position in 8 bytes, big-endian, then the chain."""
    stored = meta.get("mark", b"")
    return Mark(int.from_bytes(stored[:8], "big"), stored[8:]) if stored else NOTHING


def packed_mark(mark: Mark) -> bytes:
    """The bytes that ``mark_of`` reads."""
    return mark.position.to_bytes(8, "big") + mark.chain


def prepare(path: str) -> None:
    """Check the file, or make one under another name and give it its own: whole or not at all.

    :raises ConfigError: others may read it.
    :raises FormatError: it is no key file of ours.
    """
    if os.path.exists(path):
        format_ = check_header(path)
        check_private(path)
        if format_ < FORMAT:
            _lift(path)
        return
    with unborn_database(path, private=True) as connection:
        _lay_out(connection)


def make_key_file(path: str | os.PathLike[str]) -> None:
    """Make a key file where there is none, to be given its KEK by whoever opens it.

    :raises FormatError: what is there is no key file of ours.
    :raises StoreError: the disk failed.
    """
    place = os.path.abspath(path)
    with disk_errors(place, REMEDY):
        prepare(place)


def check_header(path: str) -> int:
    """The format of a key file.

    :raises FormatError: it is none of ours, or newer.
    """
    header = read_header(path)
    if header.application_id != APPLICATION_ID:
        raise FormatError(path, "is no key file of cckit", REMEDY)
    if not 1 <= header.user_version <= FORMAT:
        what = f"is a key file of format {header.user_version}; this version reads {FORMAT}"
        raise FormatError(path, what, "open it with a newer cckit")
    return header.user_version


def _lift(path: str) -> None:
    connection = connect(path, Mode.WRITE)
    try:
        with connection:
            (format_,) = connection.execute("PRAGMA user_version").fetchone() or (FORMAT,)
            if format_ == 1:
                connection.execute(_FORMAT_2)
                connection.pragma("user_version", FORMAT)
        # The header is read from the file itself, so it has to be there and not in the WAL.
        Wal(connection).finish()
    finally:
        connection.close()


def _lay_out(connection: apsw.Connection) -> None:
    connection.pragma("application_id", APPLICATION_ID)
    connection.pragma("user_version", FORMAT)
    connection.pragma("journal_mode", "WAL")
    with connection:
        connection.execute(_TABLES + _FORMAT_2)


def in_memory() -> apsw.Connection:
    """Keys without a file; they are gone with their last holder."""
    connection = apsw.Connection(":memory:")
    _lay_out(connection)
    return connection


def connect_twice(path: str) -> tuple[apsw.Connection, apsw.Connection]:
    """A connection to ask and one to write, so that two threads may do so at once.

    What a WAL holds is durable then, before anything rests on it: the end of an exchange
    destroys the KEK that the file would otherwise fall back to.
    """
    reader, writer = connect(path, Mode.WRITE), connect(path, Mode.WRITE)
    writer.pragma("secure_delete", 1)
    checkpoint(writer, truncate=True)
    return reader, writer
