"""Who is who, and their keys: NAME.keys. Losing it erases everybody.

It holds HMAC-SHA256(number) to subject, so that a number is found again and not read, and
each person's 256-bit keys, wrapped by AES-256-GCM under a key-encryption key (KEK). The KEK
is kept elsewhere (``Keks``), never in the same backup.

A person who is new gets a key by ``draw_key``, on trial: ``keep`` takes it over when an
event was sealed with it, ``drop`` when none was, so that a refused command leaves nobody
here. What is kept stays in memory until ``flush``, which the writer calls before it appends
what was sealed: a key is durable before the first byte that needs it.

``erase`` destroys people's keys and exchanges the KEK: a new one is kept, then one
transaction deletes the keys, wraps all others anew and names the new KEK, then the old KEK
is destroyed. A power cut between these steps leaves a file that names one of two KEKs, and
both are there; the one that it does not name goes at the next opening.

One thread asks while another one flushes and erases.
"""

import os
from collections.abc import Collection, Mapping
from contextlib import nullcontext
from hmac import digest as hmac
from threading import RLock
from typing import Any, Final

import apsw

from cckit.core.errors import FormatError, StoreError
from cckit.core.ids import SubjectId
from cckit.hooks.vault import (
    KEY_SIZE,
    SUBJECT_SIZE,
    Draw,
    Keks,
    Key,
    commitment,
    subject_bytes,
)

from .connection import Wal, disk_errors
from .destroying import LOOKUP, Destroyed, destroy, drop_after, empty_wal, packed_number, rewrap
from .keks import KeksInMemory, kek_file_beside
from .keyfile import (
    NOTHING,
    REMEDY,
    Erased,
    Mark,
    Where,
    connect_twice,
    mark_of,
    packed_mark,
    prepare,
    read_meta,
)
from .keyfile import in_memory as in_memory
from .wrapping import Wrapping, check_no_kek

_NEWEST: Final = """SELECT number, wrapped FROM key WHERE subject = ?
    ORDER BY number DESC LIMIT 1"""
_KEYS_KEPT: Final = 4096
_MET: Final = 65_536
"""Numbers whose command is being decided; beyond them the oldest is met anew."""


class Keys:
    """The key file of one log; a ``Vault``.

    .. versionadded:: 0.1
    """

    def __init__(
        self,
        path: str | apsw.Connection,
        log_id: bytes,
        draw: Draw,
        kek: bytes | None,
        keks: Keks | None,
    ) -> None:
        self._where = path if isinstance(path, str) else "keys in memory"
        self._draw = draw
        self._met: dict[bytes, bytes] = {}  # Lookups of people without a key.
        self._signs: dict[bytes, bytes] = {}  # The same, by subject.
        self._trial: dict[bytes, Key] = {}  # Keys that no event needs yet.
        self._lookups: dict[bytes, bytes] = {}  # Not yet durable.
        self._kept: dict[bytes, tuple[Key, int]] = {}  # Not yet durable, with its position.
        self._open: dict[bytes, Key] = {}  # The newest key of people seen lately.
        self.shut: Collection[bytes] = frozenset()
        """People whose erasure has begun: nobody opens or seals anything of theirs."""
        self._failed = False
        self._lock = RLock()  # Held while rows and the KEK that they are under change.
        self._ours = isinstance(path, str)
        self._reader, self._writer = connect_twice(path) if isinstance(path, str) else (path, path)
        self._wal = Wal(self._writer)
        try:
            self._unlock(log_id, kek, keks or _embedded(path))
        except BaseException:
            self._let_go()
            raise

    @classmethod
    def open(
        cls,
        path: Where,
        log_id: bytes,
        draw: Draw,
        *,
        kek: bytes | None = None,
        keks: Keks | None = None,
    ) -> "Keys":
        """Open the keys of a log, or make its key file.

        Keys ``in_memory()`` outlive this opening. ``keks``: who keeps the KEK; left out, it
        is NAME.kek beside NAME.keys. ``kek``: 32 bytes that the caller keeps; they can't be
        exchanged, so an erasure does not reach backups of the key file.

        :raises FormatError: foreign, newer, of another log, under another KEK, or away while
            its KEK is there.
        :raises StoreError: the disk failed.
        """
        if isinstance(path, apsw.Connection):
            return cls(path, log_id, draw, kek, keks)
        place = os.path.abspath(path)
        with disk_errors(place, REMEDY):
            if kek is None and not os.path.exists(place):
                check_no_kek(place, keks or kek_file_beside(place))
            prepare(place)
            return cls(place, log_id, draw, kek, keks)

    def _unlock(self, log_id: bytes, kek: bytes | None, keks: Keks) -> None:
        """Take up the KEK, check that it is the right one, and end an exchange that was cut."""
        meta = read_meta(self._reader)
        if meta and meta["log_id"] != log_id:
            raise FormatError(self._where, "belongs to another log", REMEDY)
        self._kek = Wrapping.found(self._where, meta, self._draw, kek, keks)
        self._mark = mark_of(meta)
        if not meta:
            lookup = self._kek.wrap(LOOKUP, Key(0, self._draw(KEY_SIZE)))
            meta = {"log_id": log_id, "lookup": lookup}
            self._set({**meta, "number": packed_number(self._kek.number)})
        self._secret = self._kek.unwrap(LOOKUP, 0, meta["lookup"])
        if meta and "number" not in meta and "kek" in meta:
            self._set({"number": packed_number(self._kek.number)}, forget="kek")
            if self._ours:
                empty_wal(self._writer, self._where)
        self._kek.destroy_others()

    def _set(self, meta: Mapping[str, bytes], forget: str = "") -> None:
        with self._writer:
            rows = list(meta.items())
            self._writer.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)
            self._writer.execute("DELETE FROM meta WHERE name = ?", (forget,))

    # --- people ---------------------------------------------------------------------------

    def subject(self, number: str) -> SubjectId:
        """Whose number this is; a number never seen is a new person's, without a key yet.

        :raises StoreError: the disk failed.
        """
        sign = hmac(self._secret, number.encode(), "sha256")
        known = self._met.get(sign) or self._look_up(sign)
        if known is None or known in self.shut:
            if len(self._met) >= _MET:
                del self._signs[self._met.pop(next(iter(self._met)))]
            known = self._met[sign] = self._draw(SUBJECT_SIZE)
            self._signs[known] = sign
        return SubjectId(known.hex())

    def find_subject(self, number: str) -> SubjectId | None:
        """Whose number this is, if it is that of somebody with a key and not being erased.

        :raises StoreError: the disk failed.
        """
        known = self._look_up(hmac(self._secret, number.encode(), "sha256"))
        return None if known is None or known in self.shut else SubjectId(known.hex())

    def is_new(self, subject: SubjectId) -> bool:
        """Whether this person was met in this opening, and nothing is kept of them yet."""
        return subject_bytes(subject) in self._signs

    def is_erased(self, subject: bytes) -> bool:
        """Whether somebody's keys are destroyed, or about to be, and no later one was made.

        :raises StoreError: the disk failed.
        """
        if subject in self.shut:
            return True
        return self.key(subject) is None and self._last_number(subject) is not None

    def draw_key(self, subject: SubjectId) -> bytes | None:
        """Give a person without a key one, on trial; its commitment, None if they had one.

        What is answered is logged as ``subject.key_made``, with the first event sealed.
        After an erasure it has the next number. Who is being erased gets none.

        :raises UsageError: no id of ours.
        :raises StoreError: the disk failed.
        """
        person = subject_bytes(subject)
        if person in self.shut or self.key(person) is not None:
            return None
        number = (self._last_number(person) or 0) + 1
        key = self._trial[person] = Key(number, self._draw(KEY_SIZE))
        return commitment(person, key)

    def keep(self, at: int = -1) -> None:
        """Keep the keys on trial, and whose they are: an event needs them.

        ``at``: the position of the ``subject.key_made`` that commits to them.
        """
        for subject, key in self._trial.items():
            sign = self._signs.pop(subject, None)
            if sign is not None:
                del self._met[sign]
                self._lookups[sign] = subject
            self._kept[subject] = (key, at)
            self._keep(subject, key)
        self._trial.clear()

    def drop(self) -> None:
        """Forget the keys on trial: no event needs them."""
        self._trial.clear()

    def key(self, subject: bytes) -> Key | None:
        """The newest key of a person, to seal with; None for whom there is none.

        :raises StoreError: the disk failed.
        """
        if subject in self.shut:
            return None
        found = self._trial.get(subject) or self._open.get(subject)
        if found is not None:
            return found
        # First what is pending: `flush` forgets it only after it is in the file.
        pending = self._kept.get(subject)
        if pending is not None:
            return pending[0]
        with self._lock, disk_errors(self._where, REMEDY):
            row: Any = self._reader.execute(_NEWEST, (subject,)).fetchone()
            if row is None:
                return None
            key = Key(row[0], self._kek.unwrap(subject, *row))
        self._keep(subject, key)
        return key

    def find(self, subject: bytes, number: int) -> bytes | None:
        """One key of a person, to open with; None if it is destroyed.

        :raises StoreError: the disk failed.
        """
        if subject in self.shut:
            return None
        found = self._open.get(subject)
        if found is not None and found.number == number:
            return found.secret
        pending = self._kept.get(subject)
        if pending is not None and pending[0].number == number:
            return pending[0].secret
        query = "SELECT wrapped FROM key WHERE subject = ? AND number = ?"
        with self._lock, disk_errors(self._where, REMEDY):
            wrapped = self._one(query, (subject, number))
            return None if wrapped is None else self._kek.unwrap(subject, number, wrapped)

    def _look_up(self, sign: bytes) -> bytes | None:
        pending = self._lookups.get(sign)
        if pending is not None:
            return pending
        with disk_errors(self._where, REMEDY):
            found: bytes | None = self._one("SELECT subject FROM lookup WHERE number = ?", (sign,))
            return found

    def _last_number(self, subject: bytes) -> int | None:
        with disk_errors(self._where, REMEDY):
            query = "SELECT number FROM erased WHERE subject = ?"
            found: int | None = self._one(query, (subject,))
            return found

    def _one(self, query: str, values: tuple[Any, ...]) -> Any:
        row: Any = self._reader.execute(query, values).fetchone()
        return None if row is None else row[0]

    def _keep(self, subject: bytes, key: Key) -> None:
        if len(self._open) >= _KEYS_KEPT:
            self._open.clear()
        self._open[subject] = key

    # --- erasing --------------------------------------------------------------------------

    def erase(self, people: Mapping[bytes, Erased], mark: Mark = NOTHING) -> Destroyed:
        """Destroy all keys and lookups of people, and exchange the KEK; durable when it returns.

        ``people``: subject to the position that asked for it, and a key number below which
        no later one may fall. What an earlier try for the same position destroyed counts
        too. ``mark``: what of the log is durable.

        :raises StoreError: the disk failed, or a reader held the file; ask again.
        """
        self.flush(mark)
        fresh = self._kek.next()
        self._failed = True  # Until it has worked.
        with disk_errors(self._where, "reopen the log"):
            # Through one connection for both, a reader would see what is not committed.
            with nullcontext() if self._ours else self._lock:
                done = self._exchange(people, fresh)
            self._failed = False
            for subject in people:
                self._open.pop(subject, None)
            empty_wal(self._writer, self._where)
        return Destroyed(done, self._end_exchange())

    def _exchange(self, people: Mapping[bytes, Erased], fresh: Wrapping) -> dict[bytes, Erased]:
        """Erase and wrap anew in one transaction; who asks is held up by its commit alone."""
        writer = self._writer
        writer.execute("BEGIN IMMEDIATE")
        try:
            done = {who: destroy(writer, who, asked) for who, asked in people.items()}
            if fresh is not self._kek:
                rewrap(writer, self._kek, fresh, self._secret)
            self._write_mark()
            with self._lock:
                writer.execute("COMMIT")
                self._kek = fresh
        except BaseException:
            if writer.in_transaction:
                writer.execute("ROLLBACK")
            raise
        return done

    def _end_exchange(self) -> str:
        if self._kek.keks is None:
            return "the KEK was given from outside: exchange it there, or delete old copies"
        try:
            self._kek.destroy_others()
        except StoreError as error:
            return f"the KEK before is not destroyed: {error.what}"
        return ""

    def forget_after(self, end: int) -> None:
        """Drop keys whose commitment did not reach the log: they seal nothing in it.

        ``end``: the position after the log's last event, as it was opened.

        :raises StoreError: the disk failed.
        """
        with disk_errors(self._where, REMEDY), self._writer:
            drop_after(self._writer, end)

    # --- the disk -------------------------------------------------------------------------

    @property
    def pending(self) -> bool:
        """Whether ``flush`` has something to do."""
        return bool(self._kept or self._lookups)

    def remember(self, mark: Mark) -> None:
        """Take another mark than the highest, durably: only for who restores a log.

        :raises StoreError: the disk failed.
        """
        self._mark = mark
        with disk_errors(self._where, REMEDY), self._writer:
            self._write_mark()

    def _write_mark(self) -> None:
        if self._mark.position >= 0:
            row = ("mark", packed_mark(self._mark))
            self._writer.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", row)

    def flush(self, mark: Mark = NOTHING) -> None:
        """Make new people and keys durable; call it before appending what they sealed.

        ``mark``: what of the log is durable.

        :raises StoreError: the disk failed; nothing sealed since may be appended.
        """
        if self._failed:
            raise StoreError(self._where, "an earlier error poisoned the keys", "reopen the log")
        self._mark = max(self._mark, mark, key=lambda one: one.position)
        lookups, kept = list(self._lookups.items()), list(self._kept.items())
        if not lookups and not kept:
            return
        self._failed = True  # Until it has worked.
        with disk_errors(self._where, "reopen the log"):
            with self._writer:
                if self.shut:
                    # A number may pass to somebody new before the erasure comes to it.
                    signs = [(sign,) for sign, _ in lookups]
                    self._writer.executemany("DELETE FROM lookup WHERE number = ?", signs)
                self._writer.executemany("INSERT INTO lookup VALUES (?, ?)", lookups)
                rows = [(s, key.number, self._kek.wrap(s, key), at) for s, (key, at) in kept]
                self._writer.executemany("INSERT INTO key VALUES (?, ?, ?, ?)", rows)
                self._write_mark()
            self._wal.tend()
        self._failed = False
        for sign, subject in lookups:
            if self._lookups[sign] == subject:
                del self._lookups[sign]
        for subject, one in kept:
            if self._kept[subject] == one:
                del self._kept[subject]

    def close(self, mark: Mark = NOTHING) -> None:
        """Make all durable, unless the disk has failed, and let the file go.

        :raises StoreError: the disk failed.
        """
        try:
            if not self._failed:
                self.flush(mark)
                with disk_errors(self._where, "reopen the log"):
                    with self._writer:
                        self._write_mark()
                    self._wal.finish()
        finally:
            self._let_go()

    def _let_go(self) -> None:
        if self._ours:
            self._wal.write_again()
            self._reader.close()
            self._writer.close()


def _embedded(path: str | apsw.Connection) -> Keks:
    if isinstance(path, str):
        return kek_file_beside(path)
    return KeksInMemory(path)
