"""What is opened after a crash: measured by its name, and bounded in what has to be read."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trio

from cckit import Actor, Config, open_center
from cckit.core.commands import ReportArrived
from cckit.core.engine import Engine
from cckit.shell import keeper
from cckit.stores.sqlite import SqliteStore

pytest.importorskip("cyclopts", reason="cyclopts is missing: pip install 'cckit-sdk[cli]'")

from cckit.cli.bench_reopen import reopen


def test_both_times_are_measured_on_a_log_whose_writer_was_killed(tmp_path: Path) -> None:
    ready, routing = reopen(tmp_path, events=2_000, rounds=2)
    assert [ready["name"], routing["name"]] == ["reopen.store", "reopen.route"]
    assert 0 < ready["ours"] < routing["ours"]
    store = SqliteStore.open(tmp_path / "killed.db", read_only=True)
    assert store.closed_at is None  # Nobody closed it: they were all killed.
    store.close()


PHONE = Actor("adapter", "phone")
CENTER = Config.parse("[queues.orders]")


async def live(log: Path, calls: int, end: Callable[[Any], None]) -> None:
    async with open_center(CENTER, log=log) as center:
        for _ in range(calls):
            await center.do(ReportArrived("voice"), actor=PHONE)
        end(center)


def test_only_what_came_after_the_last_snapshot_is_folded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "SNAPSHOT_EVENTS", 50)
    log = tmp_path / "center.db"
    trio.run(live, log, 200, lambda center: None)
    folded = 0
    fold = Engine.fold

    def counted(self: Engine, recorded: Any) -> None:
        nonlocal folded
        folded += 1
        fold(self, recorded)

    monkeypatch.setattr(Engine, "fold", counted)
    trio.run(live, log, 0, lambda center: None)
    assert folded == 0  # It was closed: its last snapshot is its end.


def test_a_snapshot_is_kept_every_so_many_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "SNAPSHOT_EVENTS", 50)
    kept: list[int] = []
    save = keeper.Keeper.save

    def noted(self: keeper.Keeper) -> None:
        kept.append(self._feed.durable)
        save(self)

    monkeypatch.setattr(keeper.Keeper, "save", noted)
    trio.run(live, tmp_path / "center.db", 400, lambda center: None)
    gaps = [after - before for before, after in pairwise(kept)]
    assert len(kept) >= 7
    assert max(gaps) <= 100
