"""Who is who, and their keys: NAME.keys. Losing it erases everybody.

It holds HMAC-SHA256(number) to subject, so that a number is found again and not read, and
each person's 256-bit keys, wrapped by AES-256-GCM under a key-encryption key (KEK). The KEK
belongs elsewhere, never into the same backup; where none is given one is made and kept in
this file, which then has to be guarded like the keys themselves.

A person who is new gets a key by ``draw_key``, on trial: ``keep`` takes it over when an
event was sealed with it, ``drop`` when none was, so that a refused command leaves nobody
here. What is kept stays in memory until ``flush``, which the writer calls before it appends
what was sealed: a key is durable before the first byte that needs it. One thread may ask
while another one flushes.
"""

import os
from hmac import digest as hmac
from typing import Any, Final, TypeAlias

import apsw

from cckit.core.errors import FormatError, StoreError
from cckit.core.ids import SubjectId
from cckit.hooks.vault import (
    KEY_SIZE,
    NONCE_SIZE,
    SUBJECT_SIZE,
    Draw,
    Key,
    commitment,
    subject_bytes,
)

from .connection import Checkpoints, Mode, connect, disk_errors, read_header, sync_folder

APPLICATION_ID: Final = 0x43434B4B  # "CCKK"
FORMAT: Final = 1

_REMEDY: Final = "bring the right key file; without it personal values stay closed"
_TABLES: Final = """
CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB) STRICT, WITHOUT ROWID;
CREATE TABLE lookup(number BLOB PRIMARY KEY, subject BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE key(subject BLOB, number INTEGER, wrapped BLOB NOT NULL,
    PRIMARY KEY(subject, number)) STRICT, WITHOUT ROWID;
"""
_NEWEST: Final = """SELECT number, wrapped FROM key WHERE subject = ?
    ORDER BY number DESC LIMIT 1"""
_LOOKUP: Final = b"lookup"
"""Whom the secret of the lookup is wrapped for: no subject, so no person can have it."""
_KEYS_KEPT: Final = 4096
_MET: Final = 65_536
"""Numbers whose command is being decided; beyond them the oldest is met anew."""


Where: TypeAlias = str | os.PathLike[str] | apsw.Connection
"""A key file, or keys ``in_memory()``."""


class Keys:
    """The key file of one log; a ``Vault``.

    .. versionadded:: 0.1
    """

    def __init__(
        self, path: str | apsw.Connection, log_id: bytes, draw: Draw, kek: bytes | None
    ) -> None:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._invalid = InvalidTag
        self._aes = AESGCM
        self._where = path if isinstance(path, str) else "keys in memory"
        self._draw = draw
        self._met: dict[bytes, bytes] = {}  # Lookups of people without a key.
        self._signs: dict[bytes, bytes] = {}  # The same, by subject.
        self._trial: dict[bytes, Key] = {}  # Keys that no event needs yet.
        self._lookups: dict[bytes, bytes] = {}  # Not yet durable.
        self._wraps: dict[tuple[bytes, int], bytes] = {}  # Not yet durable.
        self._open: dict[bytes, Key] = {}  # The newest key of people seen lately.
        self._failed = False
        self._ours = isinstance(path, str)
        self._reader, self._writer = _connect(path) if isinstance(path, str) else (path, path)
        self._wal = Checkpoints(self._writer)
        try:
            self._secret = self._unlock(log_id, kek)
        except BaseException:
            self._let_go()
            raise

    def _unlock(self, log_id: bytes, kek: bytes | None) -> bytes:
        """Take up the KEK and check that it is the right one; the secret of the lookup."""
        rows: Any = self._reader.execute("SELECT name, value FROM meta")
        meta: dict[str, bytes] = dict(rows)
        if meta and meta["log_id"] != log_id:
            raise FormatError(self._where, "belongs to another log", _REMEDY)
        if meta and kek is None and "kek" not in meta:
            raise FormatError(self._where, "needs its KEK", "give the KEK that it was made with")
        known = kek or meta.get("kek") or self._draw(KEY_SIZE)
        self._kek = self._aes(known)
        if not meta:
            lookup = self._wrap(_LOOKUP, Key(0, self._draw(KEY_SIZE)))
            meta = {"log_id": log_id, "lookup": lookup}
            kept = meta if kek is not None else {**meta, "kek": known}
            with self._writer:
                self._writer.executemany("INSERT INTO meta VALUES (?, ?)", list(kept.items()))
        return self._unwrap(_LOOKUP, 0, meta["lookup"])

    @classmethod
    def open(
        cls,
        path: Where,
        log_id: bytes,
        draw: Draw,
        *,
        kek: bytes | None = None,
    ) -> "Keys":
        """Open the keys of a log, or make its key file.

        Keys ``in_memory()`` outlive this opening. ``kek``: 32
        bytes, kept elsewhere; without it one is made and kept with the keys.

        :raises FormatError: foreign, newer, of another log, or under another KEK.
        :raises StoreError: the disk failed.
        """
        if isinstance(path, apsw.Connection):
            return cls(path, log_id, draw, kek)
        place = os.path.abspath(path)
        with disk_errors(place, _REMEDY):
            _prepare(place)
            return cls(place, log_id, draw, kek)

    # --- people ---------------------------------------------------------------------------

    def subject(self, number: str) -> SubjectId:
        """Whose number this is; a number never seen is a new person's, without a key yet.

        :raises StoreError: the disk failed.
        """
        sign = hmac(self._secret, number.encode(), "sha256")
        known = self._met.get(sign) or self._lookups.get(sign) or self._look_up(sign)
        if known is None:
            if len(self._met) >= _MET:
                del self._signs[self._met.pop(next(iter(self._met)))]
            known = self._met[sign] = self._draw(SUBJECT_SIZE)
            self._signs[known] = sign
        return SubjectId(known.hex())

    def is_new(self, subject: SubjectId) -> bool:
        """Whether this person was met in this opening, and nothing is kept of them yet."""
        return subject_bytes(subject) in self._signs

    def draw_key(self, subject: SubjectId) -> bytes | None:
        """Give a person without a key one, on trial; its commitment, None if they had one.

        What is answered is logged as ``subject.key_made``, with the first event sealed.

        :raises UsageError: no id of ours.
        :raises StoreError: the disk failed.
        """
        person = subject_bytes(subject)
        if self.key(person) is not None:
            return None
        key = self._trial[person] = Key(1, self._draw(KEY_SIZE))
        return commitment(person, key)

    def keep(self) -> None:
        """Keep the keys on trial, and whose they are: an event needs them."""
        for subject, key in self._trial.items():
            sign = self._signs.pop(subject, None)
            if sign is not None:
                del self._met[sign]
                self._lookups[sign] = subject
            self._wraps[subject, key.number] = self._wrap(subject, key)
            self._keep(subject, key)
        self._trial.clear()

    def drop(self) -> None:
        """Forget the keys on trial: no event needs them."""
        self._trial.clear()

    def key(self, subject: bytes) -> Key | None:
        """The newest key of a person, to seal with; None for whom there is none.

        :raises StoreError: the disk failed.
        """
        found = self._trial.get(subject) or self._open.get(subject)
        if found is not None:
            return found
        # First what is pending: `flush` forgets it only after it is in the file.
        pending = self._wraps.get((subject, 1))
        if pending is not None:
            row: Any = (1, pending)
        else:
            with disk_errors(self._where, _REMEDY):
                row = self._reader.execute(_NEWEST, (subject,)).fetchone()
        if row is None:
            return None
        number, wrapped = row
        key = Key(number, self._unwrap(subject, number, wrapped))
        self._keep(subject, key)
        return key

    def find(self, subject: bytes, number: int) -> bytes | None:
        """One key of a person, to open with; None if it is destroyed.

        :raises StoreError: the disk failed.
        """
        found = self._open.get(subject)
        if found is not None and found.number == number:
            return found.secret
        wrapped = self._wraps.get((subject, number))
        if wrapped is None:
            with disk_errors(self._where, _REMEDY):
                query = "SELECT wrapped FROM key WHERE subject = ? AND number = ?"
                wrapped = self._one(query, (subject, number))
        return None if wrapped is None else self._unwrap(subject, number, wrapped)

    def _look_up(self, sign: bytes) -> bytes | None:
        with disk_errors(self._where, _REMEDY):
            return self._one("SELECT subject FROM lookup WHERE number = ?", (sign,))

    def _one(self, query: str, values: tuple[Any, ...]) -> bytes | None:
        row: Any = self._reader.execute(query, values).fetchone()
        return None if row is None else row[0]

    def _keep(self, subject: bytes, key: Key) -> None:
        if len(self._open) >= _KEYS_KEPT:
            self._open.clear()
        self._open[subject] = key

    # --- the disk -------------------------------------------------------------------------

    @property
    def pending(self) -> bool:
        """Whether ``flush`` has something to do."""
        return bool(self._wraps or self._lookups)

    def flush(self) -> None:
        """Make new people and keys durable; call it before appending what they sealed.

        :raises StoreError: the disk failed; nothing sealed since may be appended.
        """
        if self._failed:
            raise StoreError(self._where, "an earlier error poisoned the keys", "reopen the log")
        lookups, wraps = list(self._lookups.items()), list(self._wraps.items())
        if not lookups and not wraps:
            return
        self._failed = True  # Until it has worked.
        with disk_errors(self._where, "reopen the log"):
            with self._writer:
                self._writer.executemany("INSERT INTO lookup VALUES (?, ?)", lookups)
                rows = [(*place, wrapped) for place, wrapped in wraps]
                self._writer.executemany("INSERT INTO key VALUES (?, ?, ?)", rows)
            self._wal.tend()
        self._failed = False
        for sign, _ in lookups:
            del self._lookups[sign]
        for place, _ in wraps:
            del self._wraps[place]

    def close(self) -> None:
        """Make all durable, unless the disk has failed, and let the file go.

        :raises StoreError: the disk failed.
        """
        try:
            if not self._failed:
                self.flush()
                with disk_errors(self._where, "reopen the log"):
                    self._wal.finish()
        finally:
            self._let_go()

    def _let_go(self) -> None:
        if self._ours:
            self._reader.close()
            self._writer.close()

    def _wrap(self, subject: bytes, key: Key) -> bytes:
        nonce = self._draw(NONCE_SIZE)
        return nonce + self._kek.encrypt(nonce, key.secret, _bound(subject, key.number))

    def _unwrap(self, subject: bytes, number: int, wrapped: bytes) -> bytes:
        """Take the KEK off a key.

        :raises FormatError: it was wrapped under another one, or changed.
        """
        nonce, secret = wrapped[:NONCE_SIZE], wrapped[NONCE_SIZE:]
        try:
            return self._kek.decrypt(nonce, secret, _bound(subject, number))
        except (self._invalid, ValueError) as error:
            what = "holds a key that was changed or wrapped under another KEK"
            raise FormatError(self._where, what, "give the KEK that it was made with") from error


def _bound(subject: bytes, number: int) -> bytes:
    return b"cckit-kek" + subject + number.to_bytes(8, "big")


def _prepare(path: str) -> None:
    """Check the file, or make one under another name and give it its own: whole or not at all.

    :raises FormatError: it is no key file of ours.
    """
    if os.path.exists(path):
        header = read_header(path)
        if header.application_id != APPLICATION_ID:
            raise FormatError(path, "is no key file of cckit", _REMEDY)
        if header.user_version != FORMAT:
            what = f"is a key file of format {header.user_version}; this version reads {FORMAT}"
            raise FormatError(path, what, "open it with a newer cckit")
        return
    unborn = path + ".new"
    if os.path.exists(unborn):
        os.unlink(unborn)
    # Made first, with rights for its owner alone.
    os.close(os.open(unborn, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    connection = connect(unborn, Mode.CREATE)
    try:
        _lay_out(connection)
        Checkpoints(connection).finish()
    finally:
        connection.close()
    os.rename(unborn, path)
    sync_folder(path)


def _lay_out(connection: apsw.Connection) -> None:
    connection.pragma("application_id", APPLICATION_ID)
    connection.pragma("user_version", FORMAT)
    connection.pragma("journal_mode", "WAL")
    with connection:
        connection.execute(_TABLES)


def in_memory() -> apsw.Connection:
    """Keys without a file; they are gone with their last holder."""
    connection = apsw.Connection(":memory:")
    _lay_out(connection)
    return connection


def _connect(path: str) -> tuple[apsw.Connection, apsw.Connection]:
    """A connection to ask and one to write, so that two threads may do so at once."""
    reader, writer = connect(path, Mode.WRITE), connect(path, Mode.WRITE)
    writer.pragma("secure_delete", 1)
    return reader, writer
