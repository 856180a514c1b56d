"""What the power-cut harness records, and what must hold of every image, by our own open.

A workload is a program drawn by its seed that makes a log, its views and its keys, and says
what it was promised. ``Judge`` opens an image as a center would after the power is back.

What a failure prints is repeated by ``python tests/faults/cuts.py SEED CUT VARIANT``.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from shutil import rmtree
from typing import Any, Final, NamedTuple

import apsw
import msgpack
import pytest

from cckit.core.errors import StoreError
from cckit.core.frame import Frame
from cckit.core.verify import verify
from cckit.hooks.store import Head
from cckit.stores import connection, sqlite
from cckit.stores.keyfile import Erased
from cckit.stores.keys import Keys
from cckit.stores.sqlite import SqliteStore
from cckit.stores.views import Views
from cckit.testing.powercut import Cut, Image, Mark, Part, Recorder, Recording, cut_at, cuts

ORIGIN: Final = "cut"
LOG_ID: Final = bytes(range(16))
LOG, VIEWS, KEYS = "log.db", "log.views", "log.keys"
STEMS: Final = (LOG, VIEWS, "log.ke")
"""What the files of each begin with: beside NAME.keys lies NAME.kek."""
SIZES: Final = ((10, 200), (10, 200), (500, 3_000), (5_000, 20_000))
"""Least and most bytes of a frame's body, one of them a workload."""


def body(draw: Random, first: int, count: int, size: int) -> bytes:
    """Decisions that the views can index."""
    filler = draw.randbytes(size // count)
    events = [[f"contact/{n % 3}", 1, "x.y", 1, filler] for n in range(count)]
    stamp = [None, "system", "", None, None, None]
    return msgpack.packb([[first + n, *stamp, [one]] for n, one in enumerate(events)])  # type: ignore[no-any-return]


class Program:
    """A run of the three stores that says in the recording what it was promised.

    ``attempt`` (bytes of a frame, persons it needs) before each append, ``ack`` after it,
    which means all attempted, or so many if it says a number, or ``refused``;
    ``person`` (subject, secret) before each flush of keys, ``keys`` after it; ``erase``
    (subject) before an erasure, ``erased`` after it.
    """

    def __init__(self, folder: Path, seed: int, mark: Callable[..., None]) -> None:
        self._draw = Random(seed)
        self._folder = folder
        self._say = mark
        self._store: SqliteStore
        self._views: Views
        self._keys: Keys
        self._persons = 0
        self._known: list[bytes] = []
        self._size = SIZES[seed % len(SIZES)]

    def _mark(self, word: str, value: Any = None) -> None:
        self._say(word, value)

    def run(self, steps: int) -> None:
        """Make a log, do so many things with it, and close it."""
        self._begin()
        for _ in range(steps):
            self._step()
        self._let_go(True)

    def _begin(self) -> None:
        store = SqliteStore.open(self._folder / LOG, create=True, origin=ORIGIN, log_id=LOG_ID)
        self._mark("born")
        store.close()
        self._open()

    def _step(self) -> None:
        chance = self._draw.randrange(16)
        if chance == 0:
            self._erase()
        elif chance < 11:
            self._append(chance < 5)
        elif chance < 14:
            self._index(chance == 13)
        else:
            self._let_go(chance == 14)
            self._open()

    def _open(self) -> None:
        self._store = SqliteStore.open(self._folder / LOG)
        self._keys = Keys.open(self._folder / KEYS, LOG_ID, self._draw.randbytes)
        self._views = Views.open(self._folder / VIEWS, self._store)
        self._store.claim()

    def _let_go(self, clean: bool) -> None:
        """Close, or stop as a process does that is killed."""
        if clean:
            self._views.close()
            self._store.close()
            self._keys.close()
            return
        abandon(self._store)
        self._views._connection.close()
        self._keys._let_go()

    def _append(self, someone_new: bool) -> None:
        persons = [self._flush_person()] if someone_new else []
        head = self._store.head()
        first = 0 if head.position is None else head.position + 1
        count = 1 + self._draw.randrange(4)
        packed = body(self._draw, first, count, self._draw.randint(*self._size))
        frame = Frame.make(head.chain, first, count, first, head.epoch, packed)
        self._mark("attempt", (frame.pack(), persons))
        conflict = self._store.append(frame, head)
        self._mark("ack" if conflict is None else "refused")

    def _flush_person(self) -> bytes:
        self._persons += 1
        subject = self._keys.subject(f"+972-{self._persons}")
        self._keys.draw_key(subject)
        self._keys.keep()
        person = bytes.fromhex(subject)
        self._mark("person", (person, self._keys.find(person, 1)))
        self._keys.flush()
        self._mark("keys")
        self._known.append(person)
        return person

    def _erase(self) -> None:
        """Destroy the keys of whoever has had them longest."""
        if not self._known:
            return
        person = self._known.pop(0)
        self._mark("erase", person)
        self._keys.erase({person: Erased(0, len(self._known))})
        self._mark("erased")

    def _index(self, save: bool) -> None:
        self._views.catch_up(self._store.read(self._views.next))
        head = self._store.head()
        if save and head.position is not None:
            state = self._draw.randbytes(5_000)
            self._views.save_snapshot(head.position, head.chain, 1, b"classes", state)


class Promise(NamedTuple):
    """What must hold at one index of a recording."""

    born: bool
    attempted: list[bytes]
    needs: list[list[bytes]]
    acked: int
    persons: dict[bytes, bytes]
    persons_acked: int
    erased: list[bytes]
    erased_acked: int

    @classmethod
    def nothing(cls) -> "Promise":
        """What is promised before anything was said."""
        return cls(False, [], [], 0, {}, 0, [], 0)


class Patient(Program):
    """A program whose disk may fail: it stops, opens all again, and goes on.

    ``reopened`` (number of frames, persons whose key is there) follows each such opening:
    what was in flight was unknown, and what is there now has been seen.
    """

    failures = 0

    def _begin(self) -> None:
        self._trying(super()._begin)

    def _step(self) -> None:
        self._trying(super()._step)

    def _let_go(self, clean: bool) -> None:
        self._trying(lambda: super(Patient, self)._let_go(True))

    def _trying(self, job: Callable[[], None]) -> None:
        try:
            job()
        except StoreError:
            self.failures += 1
            self._recover()

    def _recover(self) -> None:
        for one in ("_views", "_keys", "_store"):
            if hasattr(self, one):
                with suppress(StoreError):
                    getattr(self, one).close()
        self._mark("closed")
        path = self._folder / LOG
        if not path.exists():
            SqliteStore.open(path, create=True, origin=ORIGIN, log_id=LOG_ID).close()
        self._mark("born")
        self._open()
        self._look()

    def _look(self) -> None:
        frames = sum(1 for _ in self._store.read_bytes())
        rows: Any = self._keys._reader.execute("SELECT subject FROM key")
        there = [person for (person,) in rows]
        self._known = [person for person in self._known if person in there]
        self._mark("reopened", (frames, there))


class Watched(Patient):
    """A program that compares, whenever it has opened all again, what is there."""

    def __init__(self, folder: Path, seed: int, mark: Callable[..., None]) -> None:
        super().__init__(folder, seed, mark)
        self.promise = Promise.nothing()
        self.faults: list[str] = []

    def _mark(self, word: str, value: Any = None) -> None:
        super()._mark(word, value)
        if word == "reopened":
            self.faults += self._differences(*value)
        self.promise = promised(self.promise, word, value)

    def _trying(self, job: Callable[[], None]) -> None:
        try:
            job()
        except StoreError as error:
            self.failures += 1
            if not error.where.startswith(str(self._folder)) or not error.remedy:
                self.faults.append(f"not clear: {error}")
            if hasattr(self, "_store") and self._store.failed:
                self._check_poisoned()
            self._recover()

    def _recover(self) -> None:
        if self.promise.born and not (self._folder / LOG).exists():
            self.faults.append("lost: the log is not there")
        super()._recover()

    def _check_poisoned(self) -> None:
        """A store that failed refuses everything."""
        with suppress(StoreError):
            self._store.head()
            self.faults.append("goes on: a store that failed says where its head is")

    def _differences(self, frames: int, there: list[bytes]) -> Iterator[str]:
        stored = [stored for _, stored in self._store.read_bytes()]
        promise = self.promise
        if stored != promise.attempted[: len(stored)]:
            yield "phantom: frames that nobody attempted"
        if frames < promise.acked:
            yield f"lost: {promise.acked} acknowledged, {frames} there"
        must = set(list(promise.persons)[: promise.persons_acked])
        if not must - set(promise.erased) <= set(there):
            yield "lost: a key that was flushed"
        if set(promise.erased[: promise.erased_acked]) & set(there):
            yield "kept: a key that was erased"

    def check_end(self) -> None:
        """Open all once more, and append."""
        self._recover()
        self._append(True)
        self._let_go(True)


def abandon(store: SqliteStore) -> None:
    """Leave a store as a killed process does."""
    store._connection.close()
    if store._lock is not None:
        store._lock.release()


PASSIVE_PAGES: Final = 6
TRUNCATE_BYTES: Final = 20 * 4096
"""Small enough that a workload of ``STEPS`` steps crosses many checkpoints of both kinds."""
STEPS: Final = 25
CHANCES: Final = 2


def record(folder: Path, seed: int, run: type[Program] = Program) -> Recording:
    """What a program drawn by ``seed`` does to the disk, and is promised."""
    folder.mkdir()
    try:
        with Recorder(folder, seed) as recorder:
            run(folder, seed, recorder.mark).run(STEPS)
    finally:
        rmtree(folder)
    return recorder.recording


def promises(recording: Recording) -> Iterator[Promise]:
    """The promise before each operation, and the last one; their lists grow."""
    promise = Promise.nothing()
    yield promise
    for one in recording:
        if isinstance(one, Mark):
            promise = promised(promise, one.word, one.value)
        yield promise


def promised(promise: Promise, word: str, value: Any) -> Promise:
    """The promise after a mark."""
    if word == "born":
        return promise._replace(born=True)
    if word == "attempt":
        promise.attempted.append(value[0])
        promise.needs.append(value[1])
    elif word == "refused":
        promise.attempted.pop()
        promise.needs.pop()
    elif word == "ack":
        return promise._replace(acked=len(promise.attempted) if value is None else value)
    elif word == "person":
        promise.persons[value[0]] = value[1]
    elif word == "keys":
        return promise._replace(persons_acked=len(promise.persons))
    elif word == "erase":
        promise.erased.append(value)
    elif word == "reopened":
        return _reopened(promise, *value)
    elif word == "erased":
        return promise._replace(erased_acked=len(promise.erased))
    return promise


def _reopened(promise: Promise, frames: int, there: list[bytes]) -> Promise:
    """What was in flight is there or not, and that is now known."""
    del promise.attempted[frames:], promise.needs[frames:]
    for person in promise.persons.keys() - set(there) - set(promise.erased):
        del promise.persons[person]
    promise.erased[:] = [person for person in promise.erased if person not in there]
    return promise._replace(
        acked=frames, persons_acked=len(promise.persons), erased_acked=len(promise.erased)
    )


def explore(
    folder: Path, judge: "Judge", seed: int, most: int, run: type[Program] = Program
) -> None:
    """Record one workload and open about ``most`` images of it."""
    survey(record(folder / f"workload {seed}", seed, run), judge, seed, most)


def survey(recording: Recording, judge: "Judge", seed: int, most: int, start: int = 0) -> None:
    """Open about ``most`` images of a recording, cut after ``start`` operations or later."""
    judge.begin()
    promised, at = promises(recording), 0
    promise = next(promised)
    for cut in cuts(recording, seed, CHANCES, most, start):
        while at < cut.at:
            promise, at = next(promised), at + 1
        judge.look(cut, promise)


class Broken(AssertionError):
    """A rule that does not hold of an image; its first word says which."""


class Judge:
    """Opens images in one folder by our own open, and holds them to a promise."""

    def __init__(self, folder: Path, origin: str = ORIGIN, log_id: bytes = LOG_ID) -> None:
        self._folder = folder
        self._path = folder / LOG
        self._origin, self._log_id = origin, log_id
        self._logs: dict[Any, int | Broken] = {}
        self._keys: dict[Any, dict[bytes, bytes]] = {}
        self._views: set[Any] = set()
        self._joint: set[Any] = set()
        self.images = 0
        """Different ones that were opened."""
        self.broken: Counter[str] = Counter()
        """How many images each rule did not hold of."""
        self.first = ""
        """The first of them, and what repeats it."""

    def begin(self) -> None:
        """Forget the images of another recording."""
        for known in (self._logs, self._keys, self._views, self._joint):
            known.clear()

    def look(self, cut: Cut, promise: Promise) -> None:
        """Open one image, unless the same was opened before; count what does not hold."""
        key = tuple((name, part.key) for name, part in cut.image.items())
        if key in self._joint:
            return
        self._joint.add(key)
        self.images += 1
        try:
            self._check(cut.image, promise)
        except Broken as broken:
            self.broken[str(broken).split(":")[0]] += 1
            again = f"seed {cut.seed}, cut {cut.at}, variant {cut.variant!r}"
            self.first = self.first or f"{broken} ({again})"

    def _check(self, image: Image, promise: Promise) -> None:
        parts = {
            name: _parts(image, stem) for name, stem in zip((LOG, VIEWS, KEYS), STEMS, strict=True)
        }
        keys = {stem: tuple((n, p.key) for n, p in some.items()) for stem, some in parts.items()}
        if promise.born and LOG not in image:
            raise Broken("lost: the log is not there")
        found = self._logs.get(keys[LOG])
        if found is None:
            try:
                found = self._check_log(parts[LOG], promise)
            except Broken as broken:
                found = broken
            self._logs[keys[LOG]] = found
        if isinstance(found, Broken):
            raise found
        if found < promise.acked:
            raise Broken(f"lost: {promise.acked} acknowledged, {found} there")
        if keys[KEYS] not in self._keys:
            self._keys[keys[KEYS]] = self._check_keys(parts[KEYS], promise)
        secrets = self._keys[keys[KEYS]]
        must = set(list(promise.persons)[: promise.persons_acked])
        must.update(person for needs in promise.needs[:found] for person in needs)
        if not must <= secrets.keys() | set(promise.erased):
            raise Broken("lost: a key that was flushed, or that a frame needs")
        for person in promise.erased[: promise.erased_acked]:
            if person in secrets:
                raise Broken("kept: a key that was erased")
        if parts[VIEWS] and (keys[VIEWS], found) not in self._views:
            self._check_views(parts[VIEWS], parts[LOG])
            self._views.add((keys[VIEWS], found))

    # --- the log ----------------------------------------------------------------------------

    def _check_log(self, parts: dict[str, Part], promise: Promise) -> int:
        """How many frames there are; all of them were attempted, and more can be appended."""
        self._lay_out(parts)
        store = self._open_log(create=LOG not in parts)
        try:
            frames = [stored for _, stored in store.read_bytes()]
            if frames != promise.attempted[: len(frames)]:
                raise Broken("phantom: frames that nobody attempted")
            _check_integrity(store._connection)
            store.claim()
            frame = next_frame(store.head())
            if store.append(frame, store.head()) is not None:
                raise Broken("append: a conflict with nobody")
        except (apsw.Error, OSError, ValueError, LookupError) as error:
            raise Broken(f"open: {error!r}") from error
        finally:
            # Half of them as if the power went again.
            (abandon if len(self._logs) % 2 else SqliteStore.close)(store)
        self._check_reopened([*frames, frame.pack()])
        return len(frames)

    def _open_log(self, create: bool) -> SqliteStore:
        try:
            if create:
                return SqliteStore.open(
                    self._path, create=True, origin=self._origin, log_id=self._log_id
                )
            return SqliteStore.open(self._path)
        except Exception as error:
            raise Broken(f"open: {error}") from error

    def _check_reopened(self, expected: list[bytes]) -> None:
        store = self._open_log(create=False)
        frames = [stored for _, stored in store.read_bytes()]
        abandon(store)
        if frames != expected:
            raise Broken("append: what was appended next is not there")
        if not verify(frames, self._origin, self._log_id).ok:
            raise Broken("chain: it does not hold")

    # --- what lies beside it ------------------------------------------------------------------

    def _check_keys(self, parts: dict[str, Part], promise: Promise) -> dict[bytes, bytes]:
        """The keys that are there; each is the right one, and more can be made."""
        self._lay_out(parts)
        draw = Random(1).randbytes
        try:
            keys = Keys.open(self._folder / KEYS, self._log_id, draw)
            _check_integrity(keys._writer)
            there = {person: keys.find(person, 1) for person in promise.persons}
            keys.draw_key(keys.subject("+1"))
            keys.keep()
            keys.flush()
            keys.close()
        except Exception as error:
            raise Broken(f"open: keys: {error}") from error
        found = {person: secret for person, secret in there.items() if secret is not None}
        if not found.items() <= promise.persons.items():
            raise Broken("phantom: a key that nobody made")
        return found

    def _check_views(self, parts: dict[str, Part], log: dict[str, Part]) -> None:
        self._lay_out({**parts, **log})
        store = self._open_log(create=LOG not in log)
        try:
            views = Views.open(self._folder / VIEWS, store)
            views.catch_up(store.read(views.next))
            _check_integrity(views._connection)
            head = store.head().position
            events = 0 if head is None else head + 1
            if views.next != events or views.positions(from_at=0) != list(range(events)):
                raise Broken("views: they do not say what the log says")
            saved = views.snapshot(1, b"classes")
            if saved is not None and (head is None or saved.position > head):
                raise Broken("views: a state of a future that the log does not have")
            views.close()
        except Broken:
            raise
        except Exception as error:
            raise Broken(f"open: views: {error}") from error
        finally:
            abandon(store)

    def _lay_out(self, parts: dict[str, Part]) -> None:
        for old in self._folder.iterdir():
            if old.suffix != ".lock":
                old.unlink()
        for name, part in parts.items():
            (self._folder / name).write_bytes(part.data())
            (self._folder / name).chmod(0o600)


def _parts(image: Image, stem: str) -> dict[str, Part]:
    return {name: part for name, part in image.items() if name.startswith(stem)}


def _check_integrity(connection: apsw.Connection) -> None:
    found: Any = connection.execute("PRAGMA integrity_check").fetchall()
    if found != [("ok",)]:
        raise Broken(f"integrity: {found}")


def next_frame(head: Head, size: int = 100) -> Frame:
    """A frame that follows."""
    first = 0 if head.position is None else head.position + 1
    packed = body(Random(first), first, 1, size)
    return Frame.make(head.chain, first, 1, first, head.epoch, packed)


def frequent_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have checkpoints come often, and spare each opening the look at the mounts."""
    monkeypatch.setattr(connection, "PASSIVE_PAGES", PASSIVE_PAGES)
    monkeypatch.setattr(connection, "TRUNCATE_BYTES", TRUNCATE_BYTES)
    monkeypatch.setattr(sqlite, "file_system", lambda _: "tmpfs")


def repeat(seed: int, at: int, variant: str) -> None:
    """Record one workload again and judge one image of it."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        frequent_checkpoints(patch)
        folder = Path(name)
        recording = record(folder / "workload", seed)
        (folder / "judge").mkdir()
        judge = Judge(folder / "judge")
        *_, promise = promises(recording[:at])
        judge.look(cut_at(recording, seed, at, variant), promise)
    for before in recording[max(0, at - 12) : at]:
        print(str(before)[:100])
    print(judge.first or "all holds")


if __name__ == "__main__":
    repeat(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
