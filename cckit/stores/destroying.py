"""What a key file does when people are erased: steps of one transaction, and what follows it."""

from collections.abc import Mapping
from time import sleep
from typing import Any, Final, NamedTuple

import apsw

from cckit.core.errors import StoreError
from cckit.hooks.vault import Key

from .connection import checkpoint
from .keyfile import Erased
from .wrapping import Wrapping

LOOKUP: Final = b"lookup"
"""Whom the secret of the lookup is wrapped for: no subject, so no person can have it."""

_TRIES: Final = 2
"""SQLite itself waits for readers, but not for another who empties the same WAL."""
_PAUSE_S: Final = 0.05


class Destroyed(NamedTuple):
    """What an erasure came to."""

    people: Mapping[bytes, Erased]
    backups: str
    """Why copies of the key file may still be opened; empty if they can't be."""


def destroy(writer: apsw.Connection, subject: bytes, asked: Erased) -> Erased:
    """Delete somebody's keys and lookups; what that came to, earlier tries included."""
    row: Any = writer.execute("SELECT * FROM erased WHERE subject = ?", (subject,)).fetchone()
    before = Erased(*row[1:]) if row is not None else Erased(0, -1)
    newest: Any = writer.execute("SELECT max(number) FROM key WHERE subject = ?", (subject,)).get
    counts = []
    for table in ("key", "lookup"):
        writer.execute(f"DELETE FROM {table} WHERE subject = ?", (subject,))
        counts.append(writer.changes())
    if before.at == asked.at:
        counts = [before.keys + counts[0], before.lookups + counts[1]]
    done = Erased(max(newest or 0, before.number, asked.number), asked.at, *counts)
    writer.execute("INSERT OR REPLACE INTO erased VALUES (?, ?, ?, ?, ?)", (subject, *done))
    return done


def rewrap(writer: apsw.Connection, old: Wrapping, new: Wrapping, lookup: bytes) -> None:
    """Wrap every key under the new KEK, the lookup's secret too, and name that KEK."""
    rows: Any = writer.execute("SELECT subject, number, wrapped FROM key").fetchall()
    wrapped = [
        (new.wrap(subject, Key(n, old.unwrap(subject, n, before))), subject, n)
        for subject, n, before in rows
    ]
    update = "UPDATE key SET wrapped = ? WHERE subject = ? AND number = ?"
    writer.executemany(update, wrapped)
    change = "UPDATE meta SET value = ? WHERE name = ?"
    writer.execute(change, (new.wrap(LOOKUP, Key(0, lookup)), "lookup"))
    writer.execute(change, (packed_number(new.number), "number"))


def drop_after(writer: apsw.Connection, end: int) -> None:
    """Delete the keys whose commitments stand at ``end`` or later, and who had no others."""
    rows: Any = writer.execute("SELECT subject FROM key WHERE at >= ?", (end,)).fetchall()
    for (subject,) in rows:
        writer.execute("DELETE FROM key WHERE subject = ? AND at >= ?", (subject, end))
        writer.execute(
            """DELETE FROM lookup WHERE subject = ?1
            AND NOT EXISTS (SELECT 1 FROM key WHERE subject = ?1)""",
            (subject,),
        )


def empty_wal(writer: apsw.Connection, where: str) -> None:
    """Leave nothing of what was deleted in the file or its WAL.

    :raises StoreError: another process reads the file and holds it up.
    """
    for _ in range(_TRIES):
        if checkpoint(writer, truncate=True):
            return
        sleep(_PAUSE_S)
    raise StoreError(where, "a reader holds an old state of it", "stop that reader")


def packed_number(number: int) -> bytes:
    """The number of a KEK as ``meta`` holds it."""
    return number.to_bytes(8, "big")
