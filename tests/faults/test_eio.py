"""A sync fails and its pages are lost; later the power goes, too. Nothing acknowledged is.

Each point fails one sync of a workload, the first, the second and so on. The workload stops
at the error, opens all three files again and goes on; then the power is cut at moments drawn
from all that came after the failure.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path
from shutil import rmtree

import apsw
import pytest

from cckit.core.errors import StoreError
from cckit.core.frame import Frame
from cckit.hooks.store import Conflict, Head
from cckit.stores.connection import Wal
from cckit.stores.sqlite import SqliteStore
from cckit.testing import faults
from cckit.testing.faults import Operation
from cckit.testing.powercut import Mark, Recorder, Recording
from tests.faults.cuts import LOG, STEPS, Judge, Patient, frequent_checkpoints, survey

SEED = 20_261_121
IMAGES = 12
"""Of each point."""


@pytest.fixture
def judge(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Judge:
    frequent_checkpoints(monkeypatch)
    (folder / "judge").mkdir()
    return Judge(folder / "judge")


def record_failure(
    folder: Path, seed: int, fail_at: int, run: type[Patient] = Patient
) -> tuple[Recording, int]:
    """What a workload does whose ``fail_at``-th sync fails, and where; -1 if there is none."""
    folder.mkdir()
    with Recorder(folder, seed) as recorder:
        recorder.fail_sync(fail_at)
        run(folder, seed, recorder.mark).run(STEPS)
    rmtree(folder)
    kinds = [one.kind if isinstance(one, Operation) else "" for one in recorder.recording]
    return recorder.recording, kinds.index("drop") if recorder.failed else -1


def points(
    folder: Path, run: type[Patient] = Patient, skip: int = 0, stride: int = 1
) -> Iterator[tuple[int, Recording, int]]:
    """Seed, recording and index of the failure, of every sync of workload after workload.

    ``skip``: so many of each workload. ``stride``: from one to the next.
    """
    for seed in count(SEED):
        for fail_at in count(skip, stride):
            recording, at = record_failure(folder / "workload", seed, fail_at, run)
            if at < 0:
                break
            yield seed, recording, at


def synced_after_failure(recording: Recording, at: int) -> list[Operation]:
    """Syncs of the failed file until all was opened again."""
    failed = recording[at]
    assert isinstance(failed, Operation)
    found = []
    for one in recording[at + 1 :]:
        if isinstance(one, Mark) and one.word == "closed":
            break
        if isinstance(one, Operation) and one.kind == "sync" and one.path == failed.path:
            found.append(one)
    return found


PARTS = 4
"""Each a test of its own, so that none takes minutes."""


@pytest.fixture(scope="module")
def total(publish: Callable[[str], None]) -> Iterator[Counter[str]]:
    """What all parts counted together."""
    counted: Counter[str] = Counter()
    yield counted
    if counted["points"]:
        publish(
            f"failed syncs: {counted['points']:,} points, {counted['images']:,} power cuts after "
            f"them, {counted['lost']} acknowledged lost, {counted['phantom']} phantom"
        )


@pytest.mark.parametrize("part", range(PARTS))
def test_no_failed_sync_loses_what_was_acknowledged(
    folder: Path,
    judge: Judge,
    total: Counter[str],
    tier: Callable[[int, int, int], int],
    part: int,
) -> None:
    wanted, stride = tier(32, 400, 20_000) // PARTS, PARTS * tier(5, 1, 1)
    every = points(folder, skip=part, stride=stride)
    for seed, recording, at in islice(every, wanted):
        failed = recording[at]
        assert isinstance(failed, Operation)
        if failed.path in (LOG, f"{LOG}-wal"):
            assert synced_after_failure(recording, at) == [], f"seed {seed}: retried"
        survey(recording, judge, seed, IMAGES, at)
    total.update(judge.broken)
    total.update(points=wanted, images=judge.images)
    assert not judge.broken, judge.first


def is_noticed(folder: Path, judge: Judge, skip: int, run: type[Patient] = Patient) -> bool:
    """Whether power cuts after some 150 failed syncs show a loss.

    ``skip``: the first of them, shortly before one that does, to be quick.
    """
    for _, (seed, recording, at) in zip(range(150), points(folder, run, skip), strict=False):
        survey(recording, judge, seed, IMAGES, at)
        if judge.broken["lost"]:
            return True
    return False


# --- controls -----------------------------------------------------------------------------------


@pytest.mark.parametrize("skip", [107, 43], ids=["log", "keys"])
def test_control_going_on_behind_what_the_disk_dropped_loses(
    folder: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch, skip: int
) -> None:
    # As every program does that trusts its WAL after a failed sync: SQLite itself too.
    monkeypatch.setattr(Wal, "write_again", lambda _: None)
    assert is_noticed(folder, judge, skip)


# --- bugs that are planted ------------------------------------------------------------------------


@pytest.mark.planted("G sync error swallowed")
def test_an_error_of_a_sync_that_nobody_hears_of_is_noticed(
    folder: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = SqliteStore.append

    def append_deaf(store: SqliteStore, frame: Frame, expected: Head) -> Conflict | None:
        try:
            return append(store, frame, expected)
        except StoreError:
            return None

    monkeypatch.setattr(SqliteStore, "append", append_deaf)
    assert is_noticed(folder, judge, 46)


@pytest.mark.planted("G fsync retried")
def test_a_sync_that_is_tried_again_is_noticed(
    folder: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = faults._File.xSync

    def sync_twice(file: faults._File, flags: int) -> None:
        try:
            sync(file, flags)
        except apsw.IOError:
            sync(file, flags)

    monkeypatch.setattr(faults._File, "xSync", sync_twice)
    assert is_noticed(folder, judge, 46)


class Stubborn(Patient):
    """A program that goes on with the connections that failed, and believes what they say."""

    def _recover(self) -> None:
        if not hasattr(self, "_store") or self._store._epoch is None or self._is_closed():
            super()._recover()
            return
        self._store._head, self._store._last_row = self._store._read_head()
        self._look()

    def _is_closed(self) -> bool:
        return self._store._phase.name == "CLOSED"


@pytest.mark.planted("G same connection after EIO")
def test_a_connection_that_goes_on_after_an_error_is_noticed(
    folder: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgive(store: SqliteStore, what: str, error: BaseException) -> BaseException:
        return StoreError(store.path, f"{what} failed ({error})", "try again")

    monkeypatch.setattr(SqliteStore, "_poison", forgive)
    assert is_noticed(folder, judge, 110, Stubborn)
