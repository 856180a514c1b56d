"""The power goes, at every moment of a recording: nothing acknowledged is lost.

A failure names what repeats it: ``python tests/faults/cuts.py SEED CUT VARIANT``.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import apsw
import pytest
import trio
from trio.testing import MockClock

from cckit import Config, open_center
from cckit.core.commands import ReportArrived
from cckit.core.errors import FormatError
from cckit.core.frame import Frame
from cckit.core.instant import Instant
from cckit.hooks.store import Conflict, Head
from cckit.shell.clock import VirtualClock
from cckit.shell.entropy import SeededEntropy
from cckit.shell.feed import Batch, Feed
from cckit.shell.replies import Stored
from cckit.shell.writer import Writer
from cckit.stores import connection, sqlite
from cckit.stores.sqlite import SqliteStore
from cckit.testing.faults import Operation
from cckit.testing.powercut import Mark, Recorder, Recording, cut_at, cuts
from tests.faults.cuts import (
    LOG,
    Judge,
    Program,
    abandon,
    explore,
    frequent_checkpoints,
    next_frame,
    record,
    survey,
)

SEED = 20_261_121
FEW = 400
"""Images that a control or a planted bug needs at most to be noticed."""


@pytest.fixture
def judge(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Judge:
    """Who opens the images."""
    frequent_checkpoints(monkeypatch)
    (folder / "judge").mkdir()
    return Judge(folder / "judge")


def patch_sqlite(
    monkeypatch: pytest.MonkeyPatch, uri: Callable[[str], str], synchronous: str = "FULL"
) -> None:
    """Open every file with other settings than ours."""

    class Patched(apsw.Connection):
        def __init__(self, name: str, *more: Any, **named: Any) -> None:
            super().__init__(uri(name), *more, **named)

        def pragma(self, name: str, value: Any = None, **named: Any) -> Any:
            if name == "synchronous":
                value = synchronous
            return super().pragma(name, *(() if value is None else (value,)), **named)

    monkeypatch.setattr(apsw, "Connection", Patched)


PARTS = 8
"""Each a test of its own, so that none takes minutes."""


@pytest.fixture(scope="module")
def total(publish: Callable[[str], None]) -> Iterator[Counter[str]]:
    """What all parts counted together."""
    counted: Counter[str] = Counter()
    yield counted
    if counted["images"]:
        publish(
            f"power cuts: {counted['images']:,} images of {counted['workloads']} workloads, "
            f"{counted['lost']} acknowledged lost, {counted['phantom']} phantom"
        )


@pytest.mark.parametrize("part", range(PARTS))
def test_no_power_cut_loses_what_was_acknowledged(
    folder: Path,
    judge: Judge,
    total: Counter[str],
    tier: Callable[[int, int, int], int],
    part: int,
) -> None:
    wanted = tier(2_000, 100_000, 10_000_000) // PARTS
    each = tier(250, 2_000, 10_000)
    for seed in count(SEED + part, PARTS):
        explore(folder, judge, seed, min(each, wanted - judge.images))
        if judge.images >= wanted:
            break
    total.update(judge.broken)
    total.update(images=judge.images, workloads=(seed - SEED) // PARTS + 1)
    assert not judge.broken, judge.first


def test_a_cut_is_repeated_by_what_a_failure_prints(folder: Path, judge: Judge) -> None:
    first, second = (record(folder / name, SEED) for name in ("one", "two"))
    assert first == second
    some = list(cuts(first, SEED, 2, 50))
    assert len(some) > 20
    for cut in some:
        again = cut_at(second, SEED, cut.at, cut.variant)
        assert {name: part.data() for name, part in again.image.items()} == {
            name: part.data() for name, part in cut.image.items()
        }


def test_a_first_page_destroyed_during_a_checkpoint_is_read_from_the_wal(folder: Path) -> None:
    path = folder / "log.db"
    store = SqliteStore.open(path, create=True, origin="o", log_id=bytes(16))
    store.claim()
    for _ in range(3):
        # Large ones: the file grows, so its first page is in the WAL.
        store.append(next_frame(store.head(), 20_000), store.head())
    abandon(store)
    with path.open("r+b") as file:
        file.write(bytes(range(256)) * 16)
    again = SqliteStore.open(path)
    assert again.head().position == 2
    again.claim()
    again.close()
    foreign = folder / "foreign.db"
    foreign.write_bytes(bytes(range(256)) * 16)
    with pytest.raises(FormatError, match="is not an SQLite file"):
        SqliteStore.open(foreign)


START = Instant(1_700_000_000_000_000)


async def answer(path: Path, mark: Callable[..., None]) -> None:
    """Twenty callers, one after the other."""
    clock, entropy = VirtualClock(START), SeededEntropy(7)
    config = Config.parse("[queues.orders]")
    async with open_center(config, log=path, clock=clock, entropy=entropy) as center:
        for n in range(20):
            reply = await center.do(ReportArrived("voice", ref=str(n), from_=f"+972-{n}"))
            assert isinstance(reply, Stored)
            mark("seen", reply.recorded[-1][0].position)


def record_center(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Recording, Judge]:
    """What a center does to the disk, and who judges it: whatever it shows is promised.

    ``seen`` is the last position of a reply, or of what goes into the feed, which all
    subscribers, reactors and followers drink from.
    """
    (folder / "center").mkdir()
    path = folder / "center" / LOG
    push = Feed.push

    def push_seen(feed: Feed, batch: Batch) -> None:
        recorder.mark("seen", batch[-1][0].position)
        if batch[0][0].position >= feed.durable:
            push(feed, batch)

    with Recorder(path.parent, SEED) as recorder, monkeypatch.context() as patch:
        patch.setattr(Feed, "push", push_seen)
        trio.run(answer, path, recorder.mark, clock=MockClock(autojump_threshold=0))
    store = SqliteStore.open(path, read_only=True)
    frames = list(store.read())
    store.close()
    recording: Recording = [Mark("attempt", (frame.pack(), [])) for frame in frames]
    for one in recorder.recording:
        if isinstance(one, Mark):
            one = Mark("ack", sum(frame.first <= one.value for frame in frames))
        recording.append(one)
    (folder / "judge of a center").mkdir()
    return recording, Judge(folder / "judge of a center", store.origin, store.log_id)


@pytest.mark.usefixtures("judge")
def test_nobody_is_shown_what_a_power_cut_takes_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording, judge = record_center(folder, monkeypatch)
    survey(recording, judge, SEED, FEW)
    assert judge.images > FEW // 2
    assert not judge.broken, judge.first


@pytest.mark.planted("P visible before durable")
@pytest.mark.usefixtures("judge")
def test_subscribers_that_are_told_before_the_disk_are_noticed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch = Writer._launch

    def launch_shown(writer: Writer) -> None:
        decisions = writer._gathering.decisions
        writer._feed.push([one for decision in decisions for one in decision.recorded])
        launch(writer)

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "_launch", launch_shown)
        recording, judge = record_center(folder, monkeypatch)
    survey(recording, judge, SEED, FEW)
    assert judge.broken["lost"] > 0


# --- controls: without these the harness proves nothing ---------------------------------------


def test_control_synchronous_normal_loses(
    folder: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch_sqlite(patch, lambda uri: uri, "NORMAL")
        recording = record(folder / "normal", SEED)
    survey(recording, judge, SEED, FEW)
    assert judge.broken["lost"] > FEW // 20


def test_control_a_sync_that_lies_loses(folder: Path, judge: Judge) -> None:
    honest = record(folder / "lying", SEED)
    lying = [one for one in honest if not (isinstance(one, Operation) and one.kind == "sync")]
    survey(lying, judge, SEED, FEW)
    assert judge.broken["lost"] > FEW // 20


def test_control_powersafe_overwrite_loses_on_a_disk_that_has_none(
    folder: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch_sqlite(patch, lambda uri: uri.replace("psow=0", "psow=1"))
        recording = record(folder / "psow", SEED)
    survey(recording, judge, SEED, 10 * FEW)
    assert judge.broken["lost"] > 0


def test_control_an_acknowledgement_before_the_append_is_noticed(
    folder: Path, judge: Judge
) -> None:
    class Hasty(Program):
        def _mark(self, word: str, value: Any = None) -> None:
            self._say(word, value)
            if word == "attempt":
                self._say("ack")

    explore(folder, judge, SEED, FEW, Hasty)
    assert judge.broken["lost"] > FEW // 20


# --- bugs that are planted in the store ---------------------------------------------------------


@pytest.mark.planted("P synchronous NORMAL")
def test_a_commit_that_is_not_synced_is_noticed(
    folder: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_connect = connection.connect

    def relaxed(*given: Any, **named: Any) -> apsw.Connection:
        made = from_connect(*given, **named)
        made.pragma("synchronous", "NORMAL")
        return made

    with monkeypatch.context() as patch:
        patch.setattr(sqlite, "connect", relaxed)
        recording = record(folder / "planted", SEED)
    survey(recording, judge, SEED, FEW)
    assert judge.broken["lost"] > 0


@pytest.mark.planted("P ack before sync")
def test_an_append_that_returns_before_its_commit_is_noticed(
    folder: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def append(store: SqliteStore, frame: Frame, expected: Head) -> Conflict | None:
        if not store._connection.in_transaction:
            store._execute("BEGIN IMMEDIATE")
        store._execute("INSERT INTO frame VALUES (?, ?)", (frame.first, frame.pack()))
        if frame.first % 3 == 0:  # The others of a group wait for it, and their callers don't.
            store._execute("COMMIT")
        store._head = Head(frame.end - 1, frame.chain, expected.epoch)
        store._last_row = frame.first
        return None

    close = SqliteStore.close

    def close_late(store: SqliteStore) -> None:
        if store._connection.in_transaction:
            store._execute("COMMIT")
        close(store)

    with monkeypatch.context() as patch:
        patch.setattr(SqliteStore, "append", append)
        patch.setattr(SqliteStore, "close", close_late)
        recording = record(folder / "planted", SEED + 1)
    survey(recording, judge, SEED, FEW)
    assert judge.broken["lost"] > 0
