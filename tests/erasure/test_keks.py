"""The key that wraps all others is exchanged by each erasure, and whatever is cut ends well."""

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event, Thread, current_thread
from typing import Any

import apsw
import pytest
import trio
from trio.testing import MockClock, trio_test

from cckit import Config, ConfigError, Draft, Stored, StoreError, open_center
from cckit.core.commands import Erase, ReportArrived
from cckit.core.errors import FormatError, UsageError
from cckit.core.facts import ContactCreated
from cckit.core.ids import LegId, Stream, SubjectId
from cckit.hooks import FactoryHooks, Keks, hookimpl
from cckit.hooks.vault import subject_bytes
from cckit.stores import connection
from cckit.stores.destroying import rewrap
from cckit.stores.keks import KekFile
from cckit.stores.keyfile import Erased, Mark, remembered
from cckit.stores.keys import Keys, in_memory

LOG_ID = bytes(range(16))


def drawer(seed: int) -> Callable[[int], bytes]:
    return random.Random(seed).randbytes


def people(keys: Keys, count: int) -> dict[bytes, bytes]:
    """So many people with a key: subject to secret."""
    found = {}
    for n in range(count):
        subject = keys.subject(str(n))
        keys.draw_key(subject)
        keys.keep(n)
        key = keys.key(subject_bytes(subject))
        assert key is not None
        found[subject_bytes(subject)] = key.secret
    return found


def bytes_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_an_erasure_leaves_the_others_and_a_new_kek(tmp_path: Path) -> None:
    path = tmp_path / "a.keys"
    keys = Keys.open(path, LOG_ID, drawer(1))
    known = people(keys, 20)
    gone, *others = known
    before = KekFile(tmp_path / "a.kek").read()
    done = keys.erase({gone: Erased(0, 7)}, Mark(6, bytes(32)))
    assert (done.people, done.backups) == ({gone: Erased(1, 7, 1, 1)}, "")
    assert keys.find(gone, 1) is None
    assert {one: keys.find(one, 1) for one in others} == {one: known[one] for one in others}
    keys.close()
    after = KekFile(tmp_path / "a.kek").read()
    assert list(before) == [1]
    assert list(after) == [2]
    contents = bytes_in(tmp_path)
    assert before[1] not in contents
    assert before[1].hex().encode() not in contents
    assert remembered(path, LOG_ID) == (Mark(6, bytes(32)), {gone: Erased(1, 7, 1, 1)}, 19)
    again = Keys.open(path, LOG_ID, drawer(2))
    assert {one: again.find(one, 1) for one in others} == {one: known[one] for one in others}
    assert again.find(gone, 1) is None
    assert again.is_erased(gone)
    again.close()


def test_an_exchange_holds_nobody_up_who_asks_for_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = Keys.open(tmp_path / "a.keys", LOG_ID, drawer(1))
    known = people(keys, 3)
    gone, kept, other = known
    keys.flush()
    keys._open.clear()
    answers: list[bytes | None] = []
    found = Event()

    def ask() -> None:
        newest = keys.key(other)
        answers.extend([keys.find(kept, 1), newest and newest.secret])
        found.set()

    def slowly(*rest: Any) -> None:
        rewrap(*rest)
        Thread(target=ask, daemon=True).start()
        assert found.wait(5), "it waits for the exchange"

    monkeypatch.setattr("cckit.stores.keys.rewrap", slowly)
    keys.erase({gone: Erased(0, 7)})
    assert answers == [known[kept], known[other]]
    keys._open.clear()
    assert (keys.find(kept, 1), keys.find(gone, 1)) == (known[kept], None)
    keys.close()


@pytest.mark.parametrize("memory", [False, True])
def test_an_exchange_that_fails_leaves_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: bool
) -> None:
    where, keks = in_memory() if memory else tmp_path / "a.keys", KekFile(tmp_path / "kek")
    keys = Keys.open(where, LOG_ID, drawer(1), keks=keks)
    known = people(keys, 3)

    def fails(*rest: Any) -> None:
        rewrap(*rest)
        raise OSError("no space")

    monkeypatch.setattr("cckit.stores.keys.rewrap", fails)
    with pytest.raises(StoreError, match="no space"):
        keys.erase({next(iter(known)): Erased(0, 7)})
    keys._open.clear()
    assert {one: keys.find(one, 1) for one in known} == known
    keys.close()
    again = Keys.open(where, LOG_ID, drawer(2), keks=keks)
    assert {one: again.find(one, 1) for one in known} == known
    again.close()


def test_nothing_of_the_old_kek_or_its_wraps_stays_in_the_files(tmp_path: Path) -> None:
    path = tmp_path / "a.keys"
    keys = Keys.open(path, LOG_ID, drawer(1))
    known = people(keys, 300)
    keys.flush()
    file = apsw.Connection(str(path))
    wraps = [bytes(row[0]) for row in file.execute("SELECT wrapped FROM key")]  # type: ignore[arg-type]
    file.close()
    assert all(wrap in bytes_in(tmp_path) for wrap in wraps)
    keys.erase({subject: Erased(0, 900) for subject in list(known)[::2]})
    contents = bytes_in(tmp_path)
    assert [wrap for wrap in wraps if wrap in contents] == []
    keys.close()


def test_an_erasure_done_twice_counts_once(tmp_path: Path) -> None:
    keys = Keys.open(tmp_path / "a.keys", LOG_ID, drawer(1))
    (subject,) = people(keys, 1)
    first = keys.erase({subject: Erased(0, 7)})
    assert keys.erase({subject: Erased(0, 7)}).people == first.people
    assert keys.erase({subject: Erased(0, 9)}).people == {subject: Erased(1, 9, 0, 0)}
    keys.close()


def test_a_kek_that_was_given_is_not_exchanged_and_that_is_said(tmp_path: Path) -> None:
    kek = bytes([7] * 32)
    keys = Keys.open(tmp_path / "a.keys", LOG_ID, drawer(1), kek=kek)
    known = people(keys, 2)
    gone, kept = known
    assert "the KEK was given" in keys.erase({gone: Erased(0, 7)}).backups
    keys.close()
    again = Keys.open(tmp_path / "a.keys", LOG_ID, drawer(2), kek=kek)
    assert (again.find(gone, 1), again.find(kept, 1)) == (None, known[kept])
    again.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.keys"]


def test_a_copy_of_the_keys_from_before_an_erasure_is_of_no_use(tmp_path: Path) -> None:
    path = tmp_path / "a.keys"
    keys = Keys.open(path, LOG_ID, drawer(1))
    known = people(keys, 2)
    keys.close()
    copy = path.read_bytes()
    keys = Keys.open(path, LOG_ID, drawer(2))
    keys.erase({next(iter(known)): Erased(0, 7)})
    keys.close()
    path.write_bytes(copy)
    with pytest.raises(FormatError, match="from before an erasure, which destroyed its KEK"):
        Keys.open(path, LOG_ID, drawer(3))


def test_a_reader_that_holds_the_file_holds_up_the_erasure_and_not_the_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUSY_MS", 50)
    path = tmp_path / "a.keys"
    keys = Keys.open(path, LOG_ID, drawer(1))
    gone, kept = people(keys, 2)
    keys.flush()
    reader = apsw.Connection(str(path))
    reader.execute("BEGIN; SELECT * FROM key")
    with pytest.raises(StoreError, match="a reader holds an old state"):
        keys.erase({gone: Erased(0, 7)})
    assert (keys.find(gone, 1) is None, keys.find(kept, 1) is None) == (True, False)
    keys.draw_key(keys.subject("somebody else"))
    keys.keep(9)
    keys.flush()
    reader.close()
    assert keys.erase({gone: Erased(0, 7)}).people == {gone: Erased(1, 7, 1, 1)}
    keys.close()


def test_a_number_passes_to_somebody_new_before_the_erasure_has_come_to_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.keys"
    keys = Keys.open(path, LOG_ID, drawer(1))
    (gone,) = people(keys, 1)
    keys.flush()
    keys.shut = {gone}
    new = keys.subject("0")
    assert new == keys.subject("0") != gone.hex()
    assert keys.draw_key(new) is not None
    keys.keep(5)
    keys.flush()
    keys.erase({gone: Erased(0, 4)})
    keys.shut = set()
    keys.close()
    again = Keys.open(path, LOG_ID, drawer(2))
    assert again.subject("0") == new
    assert again.key(subject_bytes(new)) is not None
    again.close()


class Cut(BaseException):
    """The power went."""


class CutKeks:
    """KEKs whose keeper dies before, or after, one of its acts."""

    def __init__(self, inner: Keks, at: str) -> None:
        self.inner = inner
        self.at = at

    def read(self) -> Mapping[int, bytes]:
        return self.inner.read()

    def add(self, number: int, kek: bytes) -> None:
        self._die("before add", number)
        self.inner.add(number, kek)
        self._die("after add", number)

    def destroy(self, number: int) -> None:
        self._die("before destroy", number)
        self.inner.destroy(number)
        self._die("after destroy", number)

    def _die(self, place: str, number: int) -> None:
        if place == self.at:
            raise Cut


@pytest.mark.parametrize("at", ["before add", "after add", "before destroy", "after destroy"])
def test_an_exchange_that_is_cut_leaves_all_survivors_readable(tmp_path: Path, at: str) -> None:
    path, inner = tmp_path / "a.keys", KekFile(tmp_path / "elsewhere")
    keks = CutKeks(inner, "")
    keys = Keys.open(path, LOG_ID, drawer(1), keks=keks)
    known = people(keys, 10)
    keys.flush()
    gone, *others = known
    keks.at = at
    with pytest.raises(Cut):
        keys.erase({gone: Erased(0, 12)})
    keys._let_go()
    again = Keys.open(path, LOG_ID, drawer(2), keks=inner)
    assert {one: again.find(one, 1) for one in others} == {one: known[one] for one in others}
    assert (again.find(gone, 1) is None) is at.endswith("destroy")
    assert len(inner.read()) == 1
    assert again.erase({gone: Erased(0, 12)}).people[gone] == Erased(1, 12, 1, 1)
    assert again.find(gone, 1) is None
    again.close()


def test_a_kek_that_can_not_be_destroyed_now_is_destroyed_at_the_next_opening(
    tmp_path: Path,
) -> None:
    class Away(CutKeks):
        def _die(self, place: str, number: int) -> None:
            if place == self.at:
                raise StoreError("key service", "does not answer", "call it again")

    inner = KekFile(tmp_path / "elsewhere")
    keks = Away(inner, "")
    keys = Keys.open(tmp_path / "a.keys", LOG_ID, drawer(1), keks=keks)
    (subject,) = people(keys, 1)
    keks.at = "before destroy"
    assert "is not destroyed: does not answer" in keys.erase({subject: Erased(0, 1)}).backups
    keys.close()
    assert sorted(inner.read()) == [1, 2]
    Keys.open(tmp_path / "a.keys", LOG_ID, drawer(2), keks=inner).close()
    assert sorted(inner.read()) == [2]


def test_a_file_that_kept_its_kek_inside_is_lifted(tmp_path: Path) -> None:
    path = tmp_path / "a.keys"
    keys = Keys.open(path, LOG_ID, drawer(1))
    known = people(keys, 3)
    keys.close()
    secret = KekFile(tmp_path / "a.kek").read()[1]
    file = apsw.Connection(str(path))
    file.execute(
        """DROP TABLE erased; DROP INDEX key_at; DROP INDEX lookup_subject;
        ALTER TABLE key DROP COLUMN at; DELETE FROM meta WHERE name = 'number';
        PRAGMA user_version = 1"""
    )
    file.execute("INSERT INTO meta VALUES ('kek', ?)", (secret,))
    file.close()
    (tmp_path / "a.kek").unlink()
    memory = remembered(path, LOG_ID)
    assert memory is not None and memory.mark.position == -1
    lifted = Keys.open(path, LOG_ID, drawer(2))
    assert {one: lifted.find(one, 1) for one in known} == known
    lifted.close()
    assert secret not in path.read_bytes()
    assert KekFile(tmp_path / "a.kek").read() == {1: secret}


def test_a_kek_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.kek"
    for text in ("dear diary", "1 00ff", "0 " + "00" * 32, "1 " + "zz" * 32):
        path.write_text(text)
        path.chmod(0o600)
        with pytest.raises(FormatError, match="is no KEK file"):
            KekFile(path).read()


def test_a_kek_file_is_its_owner_s_alone(tmp_path: Path) -> None:
    keks = KekFile(tmp_path / "a.kek")
    keks.add(1, bytes(32))
    keks.add(2, bytes([1] * 32))
    keks.destroy(1)
    keks.destroy(1)
    assert keks.read() == {2: bytes([1] * 32)}
    assert (tmp_path / "a.kek").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a.kek"]


def test_a_key_whose_event_never_reached_the_log_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.keys"
    keys = Keys.open(path, LOG_ID, drawer(1))
    known = list(people(keys, 4))
    keys.close()
    again = Keys.open(path, LOG_ID, drawer(2))
    again.forget_after(2)
    assert [again.find(one, 1) is not None for one in known] == [True, True, False, False]
    assert [again.subject(str(n)) == known[n].hex() for n in range(4)] == [True, True, False, False]
    again.close()


def test_keys_in_memory_are_exchanged_too() -> None:
    memory = in_memory()
    keys = Keys.open(memory, LOG_ID, drawer(1))
    known = people(keys, 2)
    gone, kept = known
    keys.erase({gone: Erased(0, 5)})
    keys.close()
    again = Keys.open(memory, LOG_ID, drawer(2))
    assert (again.find(gone, 1), again.find(kept, 1)) == (None, known[kept])
    again.close()


# --- the door -------------------------------------------------------------------------------


class Safe(FactoryHooks):
    """Keeps KEKs in a dict, as a service would."""

    def __init__(self, answers: bool = True) -> None:
        self.answers = answers
        self.kept: dict[int, bytes] = {}
        self.log_id = b""

    @hookimpl
    def cckit_open_keks(self, log_id: bytes) -> Keks | None:
        self.log_id = log_id
        return self if self.answers else None

    def read(self) -> Mapping[int, bytes]:
        return dict(self.kept)

    def add(self, number: int, kek: bytes) -> None:
        self.kept[number] = kek

    def destroy(self, number: int) -> None:
        self.kept.pop(number, None)


@trio_test
async def test_a_key_service_that_is_away_is_asked_again(autojump_clock: MockClock) -> None:
    class Away(Safe):
        away = False

        def add(self, number: int, kek: bytes) -> None:
            if self.away:
                raise ConnectionError("secret words")
            super().add(number, kek)

    safe = Away()
    async with open_center(Config.parse(""), plugins={"safe": safe}) as center:
        reply = await center.do(ReportArrived("voice", from_="1"))
        created = reply.recorded[0]
        subject = created[1].subject
        safe.away = True
        assert isinstance(await center.do(Erase(subject, "asked")), Stored)
        with pytest.raises(StoreError, match=r"who keeps its KEK fails \(ConnectionError\)"):
            await center.erased(subject)
        assert center._parts.people.opened(created).from_ is None
        assert isinstance(await center.do(ReportArrived("voice", from_="2")), Stored)
        safe.away = False
        await trio.sleep(61)
        done = await center.erased(subject)
        assert done is not None
        assert (done.keys, done.failures) == (1, {})
        assert list(safe.kept) == [2]


@trio_test
async def test_hook_cckit_open_keks(tmp_path: Path) -> None:
    """Exactly one plugin answers, or none: then they are in NAME.kek. It fails closed."""
    config, log = Config.parse(""), tmp_path / "a.db"
    safe = Safe()
    async with open_center(config, log=log, plugins={"safe": safe, "no": Safe(False)}) as center:
        reply = await center.do(ReportArrived("voice", from_="1"))
        subject = reply.recorded[0][1].subject
        assert (list(safe.kept), len(safe.log_id)) == ([1], 16)
        await center.do(Erase(subject, "asked"))
        await center.erased(subject)
        assert list(safe.kept) == [2]
    assert not (tmp_path / "a.kek").exists()
    with pytest.raises(ConfigError, match="kept by one, two"):
        async with open_center(config, log=log, plugins={"one": Safe(), "two": Safe()}):
            pass


@trio_test
async def test_a_key_service_is_called_from_the_thread_that_writes(tmp_path: Path) -> None:
    class Watched(Safe):
        def __init__(self) -> None:
            super().__init__()
            self.threads: list[str] = []

        def read(self) -> Mapping[int, bytes]:
            self.threads.append(current_thread().name)
            return super().read()

        def add(self, number: int, kek: bytes) -> None:
            self.threads.append(current_thread().name)
            super().add(number, kek)

        def destroy(self, number: int) -> None:
            self.threads.append(current_thread().name)
            super().destroy(number)

    config, log, safe = Config.parse(""), tmp_path / "a.db", Watched()
    plugins = {"safe": safe}
    async with open_center(config, log=log, plugins=plugins) as center:
        assert safe.threads == [], "nobody is known yet"
        reply = await center.do(ReportArrived("voice", from_="1"))
        subject = reply.recorded[0][1].subject
        await center.do(Erase(subject, "asked"))
        await center.erased(subject)
    async with open_center(config, log=log, plugins=plugins) as center:
        opened = len(safe.threads)
        await center.do(ReportArrived("voice", from_="2"))
        assert len(safe.threads) == opened
    other = {"safe": Watched()}
    async with open_center(config, log=tmp_path / "b.db", plugins=other) as center:
        person = SubjectId("ab" * 16)
        fact = ContactCreated("voice", "in", LegId(1), person, "3", None, "main", "")
        with pytest.raises(UsageError, match="nobody holds a key"):
            await center.record(Draft(Stream("contact/" + "cd" * 16), fact))
    assert set(safe.threads) == set(other["safe"].threads) == {"cckit-log"}


@trio_test
async def test_two_who_come_first_at_once_open_the_keys_once(tmp_path: Path) -> None:
    safe = Safe()
    subjects = []

    async def arrive(number: str) -> None:
        reply = await center.do(ReportArrived("voice", from_=number))
        assert isinstance(reply, Stored)
        subjects.append(reply.recorded[0][1].subject)

    plugins = {"safe": safe}
    async with open_center(Config.parse(""), log=tmp_path / "a.db", plugins=plugins) as center:
        async with trio.open_nursery() as nursery:
            for number in ("1", "2", "1"):
                nursery.start_soon(arrive, number)
        assert len(set(subjects)) == 2
    assert list(safe.kept) == [1]
