"""What a witness remembers: of each log the checkpoint that it cosigned last.

A witness that forgets could cosign a history that was rolled back, so the file is made only
when that is asked for, and a checkpoint takes the place of another one in one transaction,
which first compares and at its end is durable. Only then may anybody see a cosignature.
"""

import os
from threading import Lock
from typing import Any, Final

import attrs

from cckit.core.errors import ConfigError, FormatError, StoreError
from cckit.core.tlog import Checkpoint

from .connection import Mode, Wal, connect, disk_errors, read_header
from .unborn import unborn_database

APPLICATION_ID: Final = 0x43434B57  # "CCKW"
FORMAT: Final = 1
_REMEDY: Final = "stop it; start it again once the disk is well, and never from an older copy"
_TABLES: Final = """
CREATE TABLE latest(origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL,
    time INTEGER NOT NULL, note BLOB NOT NULL) STRICT, WITHOUT ROWID;
"""
_FIND: Final = "SELECT size, root, time, note FROM latest WHERE origin = ?"


@attrs.frozen
class Seen:
    """A checkpoint that a witness stands for."""

    checkpoint: Checkpoint
    time: int
    """When it was seen: seconds since 1970, as in the cosignature."""
    note: bytes
    """As its log signed it."""


class WitnessState:
    """The file of a witness. Threads may share it.

    .. versionadded:: 0.2
    """

    def __init__(self, path: str, vfs: str | None = None) -> None:
        self.path = path
        self._lock = Lock()
        self._failed = False
        self._file = _identity(path)
        """Of the file that is opened next; another one in its place is no memory of ours."""
        self._connection = connect(path, Mode.WRITE, vfs)
        self._wal = Wal(self._connection)

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], *, create: bool = False, vfs: str | None = None
    ) -> "WitnessState":
        """Open the file, or with ``create`` make it; then there must be none.

        :raises ConfigError: it is missing, or there although a new one was asked for.
        :raises FormatError: it is no file of a witness.
        :raises StoreError: the disk failed.
        """
        place = os.path.abspath(path)
        with disk_errors(place, _REMEDY):
            if create:
                _create(place, vfs)
            _check(place)
            return cls(place, vfs)

    def latest(self, origin: str) -> Seen | None:
        """What was cosigned last of a log; None if nothing was.

        :raises StoreError: the disk failed, now or before.
        """
        with self._lock:
            self._check_open()
            with disk_errors(self.path, _REMEDY):
                return self._find(origin)

    def origins(self) -> list[str]:
        """The logs of which something was cosigned, sorted.

        :raises StoreError: the disk failed, now or before.
        """
        with self._lock:
            self._check_open()
            with disk_errors(self.path, _REMEDY):
                rows: Any = self._connection.execute("SELECT origin FROM latest ORDER BY origin")
                return [origin for (origin,) in rows]

    def replace(self, before: Checkpoint | None, seen: Seen) -> bool:
        """Put a checkpoint in the place of ``before``, durably; False if another one is there.

        :raises StoreError: the disk failed, now or before, or the file was deleted or
            replaced. Whether it was kept is unknown, so the file has to be opened anew.
        """
        with self._lock:
            self._check_open()
            self._failed = True
            with disk_errors(self.path, _REMEDY):
                done = self._replace(before, seen)
                self._wal.tend()
            self._failed = False
            return done

    def _replace(self, before: Checkpoint | None, seen: Seen) -> bool:
        new = seen.checkpoint
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        known = self._find(new.origin)
        if (None if known is None else known.checkpoint) != before:
            execute("ROLLBACK")
            return False
        row = (new.origin, new.size, new.root, seen.time, seen.note)
        execute("INSERT OR REPLACE INTO latest VALUES (?, ?, ?, ?, ?)", row)
        self._check_place()
        execute("COMMIT")
        # What is kept in a file that nobody finds again is forgotten at the next start.
        self._check_place()
        return True

    def _check_place(self) -> None:
        """:raises StoreError: the name is no longer that of the file we write."""
        if _identity(self.path) != self._file:
            what = "was deleted or replaced while the witness ran: what it cosigns is forgotten"
            remedy = "bring the newest copy back; lacking that, begin with --new and a new key"
            raise StoreError(self.path, what, remedy)

    def _find(self, origin: str) -> Seen | None:
        row: Any = self._connection.execute(_FIND, (origin,)).fetchone()
        if row is None:
            return None
        size, root, time, note = row
        return Seen(Checkpoint(origin, size, root), time, note)

    def _check_open(self) -> None:
        if self._failed:
            raise StoreError(self.path, "has failed before", _REMEDY)

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            try:
                if not self._failed:
                    with disk_errors(self.path, _REMEDY):
                        self._wal.finish()
            finally:
                self._failed = True
                self._connection.close()


def _identity(path: str) -> tuple[int, int] | None:
    """Device and inode of what a name names; None if that is nothing."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _create(path: str, vfs: str | None) -> None:
    """Make the file under another name, then give it its own: whole or not at all."""
    if os.path.lexists(path):
        raise ConfigError(path, "is there already", "leave out --new, or name another file")
    with unborn_database(path, vfs) as connection:
        connection.pragma("application_id", APPLICATION_ID)
        connection.pragma("user_version", FORMAT)
        connection.pragma("journal_mode", "WAL")
        with connection:
            connection.execute(_TABLES)


def _check(path: str) -> None:
    try:
        header = read_header(path)
    except FileNotFoundError as error:
        what = "is missing: a witness that forgot what it cosigned would cosign anything"
        remedy = "bring it; or begin with --new, and with a key that has cosigned nothing"
        raise ConfigError(path, what, remedy) from error
    if (header.application_id, header.user_version) != (APPLICATION_ID, FORMAT):
        what = f"is no file of a witness, or not of format {FORMAT}"
        raise FormatError(path, what, "name the file that `cckit witness --new` made")
