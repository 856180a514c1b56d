"""The file of a log before it is opened: made whole, and looked at before it is trusted."""

import os
from typing import Any, Final, NamedTuple

import apsw

from cckit.core.errors import FormatError, StoreError
from cckit.core.frame import FORMAT, first_previous

from .connection import (
    Mode,
    connect,
    is_read_only,
    read_header,
    wal_size,
)
from .unborn import unborn_database

APPLICATION_ID: Final = 0x43434B54  # "CCKT"

_TABLES: Final = """
CREATE TABLE meta(name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
CREATE TABLE frame(position INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
"""


class State(NamedTuple):
    """What shows that a writer was here: it makes a WAL before it changes the file."""

    wal: int | None
    """Bytes; None where there is none."""
    changed_at: int
    size: int
    file: int


def state_of(path: str) -> State:
    """What a log's file looks like from outside."""
    found = os.stat(path)
    return State(wal_size(path), found.st_mtime_ns, found.st_size, found.st_ino)


def mode_beside_writer(path: str) -> Mode:
    """How to read a log that has a WAL.

    :raises FormatError: the WAL is needed and nothing can be written here.
    """
    if not is_read_only(path):
        return Mode.READ
    if wal_size(path):
        what = "was not closed, and its WAL can't be read where nothing can be written"
        raise FormatError(path, what, f"copy both {path} and {path}-wal to a writable folder")
    return Mode.IMMUTABLE


def check_file(path: str) -> None:
    """Refuse what is not a closed or recoverable log of ours; writes nothing.

    :raises FormatError: with the exact reason.
    """
    try:
        header = read_header(path)
    except FileNotFoundError as error:
        what = "there is no such log"
        raise StoreError(path, what, "create it, or correct the name") from error
    if header.application_id != APPLICATION_ID:
        what = f"is an SQLite file of another program (id {header.application_id:#010x})"
        raise FormatError(path, what, "name a log that cckit wrote")
    if header.user_version != FORMAT:
        what = f"is a log of format {header.user_version}; this version reads format {FORMAT}"
        raise FormatError(path, what, "open it with a newer cckit")
    state = state_of(path)
    if state.wal is not None:
        return
    try:
        fault = _fault_of_closed(path)
    except apsw.Error:
        if state_of(path) == state:
            raise
    else:
        # While a writer comes and goes the file alone says nothing.
        if fault is not None and state_of(path) == state:
            raise fault


def _fault_of_closed(path: str) -> FormatError | None:
    """What is wrong with a file that has no WAL beside it."""
    expected, size = read_header(path).bytes_expected, os.path.getsize(path)
    if size < expected:
        what = f"is cut off: {size} of {expected} bytes are there"
        return FormatError(path, what, "bring the whole file")
    if _closed_at(path) is None:
        return FormatError(path, "was not closed", f"bring {path}-wal and put it beside the log")
    return None


def _closed_at(path: str) -> bytes | None:
    connection = connect(path, Mode.IMMUTABLE)
    try:
        found: Any = connection.execute("SELECT value FROM meta WHERE name = 'clean_end'").get
    finally:
        connection.close()
    return found  # type: ignore[no-any-return]


def create_file(path: str, origin: str, log_id: bytes, vfs: str | None) -> None:
    """Make an empty log under another name, then give it its own: whole or not at all."""
    if os.path.lexists(path):
        raise StoreError(path, "there is a file of this name", "choose another name")
    chain = first_previous(origin, log_id)
    with unborn_database(path, vfs) as connection:
        connection.pragma("application_id", APPLICATION_ID)
        connection.pragma("user_version", FORMAT)
        connection.pragma("journal_mode", "WAL")
        with connection:
            connection.execute(_TABLES)
            rows = {"origin": origin, "log_id": log_id, "epoch": 0, "clean_end": chain}
            for name, value in {**rows, "continues": None}.items():
                connection.execute("INSERT INTO meta VALUES (?, ?)", (name, value))
