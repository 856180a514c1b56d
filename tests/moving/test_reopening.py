"""What is opened after a crash: measured by its name, and bounded in what has to be read."""

import shutil
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trio

from cckit import Actor, Config, open_center
from cckit.core.codec import Codec
from cckit.core.commands import Enqueue, ReportArrived
from cckit.core.engine import Engine
from cckit.core.events import SYSTEM, Draft
from cckit.core.facts import FACTS, AccessRefused, ContactCreated, PluginFailed, QueueEntered
from cckit.core.floor import VERSION
from cckit.core.ids import ContactId, QueueId, Stream
from cckit.core.registry import Registry
from cckit.core.snapshot import digest_of_classes
from cckit.hooks import RegisterHooks, hookimpl
from cckit.shell import keeper
from cckit.stores.sqlite import SqliteStore
from cckit.stores.views import Views

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


class Tally:
    """A process that counts, and answers each tenth caller with a queue."""

    name = "tally"
    types = (ContactCreated,)

    def __init__(self) -> None:
        self.heard: list[int] = []

    def initial(self) -> list[int]:
        return [0]

    def apply(self, state: list[int], recorded: Any) -> Sequence[Any]:
        envelope, _ = recorded
        self.heard.append(envelope.position)
        state[0] += 1
        contact = ContactId(envelope.stream.removeprefix("contact/"))
        return (Enqueue(contact, QueueId("orders")),) if state[0] % 10 == 0 else ()


class Kept(Tally):
    """The same, and it says how it is kept."""

    def dump(self, state: list[int]) -> list[int]:
        return state

    def load(self, dumped: tuple[int, ...]) -> list[int]:
        return list(dumped)


class Plugin(RegisterHooks):
    def __init__(self, process: Tally) -> None:
        self.process = process

    @hookimpl
    def cckit_register_processes(self) -> Sequence[Any]:
        return (self.process,)


async def live(log: Path, calls: int, process: Tally | None = None, kill: bool = False) -> None:
    plugins = {} if process is None else {"tally": Plugin(process)}
    async with open_center(CENTER, log=log, plugins=plugins) as center:
        for _ in range(calls):
            await center.do(ReportArrived("voice"), actor=PHONE)
        if kill:  # What is on the disk now is what the next one finds.
            await center._archive.views(lambda views: None)
            for path in list(log.parent.glob("center.*")):
                shutil.copy(path, log.parent / "killed" / path.name)


def killed(log: Path, calls: int, process: Tally | None = None) -> Path:
    """Let a center live; its log as a kill would have left it."""
    (log.parent / "killed").mkdir(exist_ok=True)
    trio.run(live, log, calls, process, True)
    return log.parent / "killed" / log.name


def enqueued(log: Path) -> int:
    store = SqliteStore.open(log, read_only=True)
    codec = Codec(Registry(FACTS))
    try:
        frames = store.read()
        return sum(len(codec.events(x.body, x.first, (QueueEntered,))) for x in frames)
    finally:
        store.close()


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Snapshots come so often that a test sees several."""
    monkeypatch.setattr(keeper, "SNAPSHOT_EVENTS", 50)
    monkeypatch.setattr(keeper, "EVENTS_A_THING", 0)


def test_only_what_came_after_the_last_snapshot_is_folded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = killed(tmp_path / "center.db", 200)
    folded = 0
    fold = Engine.fold

    def counted(self: Engine, recorded: Any) -> None:
        nonlocal folded
        folded += 1
        fold(self, recorded)

    monkeypatch.setattr(Engine, "fold", counted)
    trio.run(live, log, 0)
    assert 0 < folded <= 60  # 200 calls are 250 events.


def test_a_full_floor_is_written_down_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "EVENTS_A_THING", 10)
    log = killed(tmp_path / "center.db", 200)  # Each caller is an event, and stays.
    store = SqliteStore.open(log, read_only=True)
    views = Views.open(tmp_path / "killed" / "center.views", store)
    saved = views.snapshot(VERSION, digest_of_classes())
    assert saved is not None
    codec = Codec(Registry(FACTS))
    frames = [codec.events(one.body, one.first, (ContactCreated,)) for one in store.read()]
    came = [envelope.position for frame in frames for envelope, _ in frame]
    # With ten events for each who is there, 200 who come one an event never make it full.
    assert saved.position < came[10]
    views.close()
    store.close()


def test_a_snapshot_is_kept_although_more_is_decided_at_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[int] = []
    save = Views.save_snapshot
    more = Draft(Stream("center"), AccessRefused("agent/a", "listen", "recording", None, 1))

    def noted(self: Views, position: int, *rest: Any) -> None:
        kept.append(position)
        save(self, position, *rest)

    async def main() -> None:
        async with open_center(CENTER, log=tmp_path / "center.db") as center:
            writer, left = center._writer, iter(range(400))

            def busy(batch: Any) -> None:
                if next(left, None) is not None:
                    writer.record((more,), SYSTEM)
                    writer.nudge()

            writer.listeners.insert(0, busy)
            await center.do(ReportArrived("voice"), actor=PHONE)
            while next(left, None) is not None:
                await center.do(ReportArrived("voice"), actor=PHONE)

    monkeypatch.setattr(Views, "save_snapshot", noted)
    trio.run(main)
    gaps = [after - before for before, after in pairwise(kept)]
    assert len(kept) >= 4
    assert max(gaps) <= 60


def test_a_process_goes_on_from_what_was_kept_of_it(tmp_path: Path) -> None:
    log = killed(tmp_path / "center.db", 205, Kept())
    again = Kept()
    trio.run(live, log, 5, again)
    assert 5 < len(again.heard) <= 65  # Not the whole of 205.
    assert enqueued(log) == 21  # As if nothing had happened: 210 callers.


def test_a_process_that_can_not_be_kept_hears_everything_again(tmp_path: Path) -> None:
    log = killed(tmp_path / "center.db", 205, Tally())
    again = Tally()
    trio.run(live, log, 5, again)
    assert len(set(again.heard)) == 210
    assert enqueued(log) == 21


class Forgetful(Kept):
    """It can't read any more what it kept."""

    def load(self, dumped: tuple[int, ...]) -> list[int]:
        raise KeyError("moved")


def test_a_state_that_is_not_taken_up_is_folded_anew(tmp_path: Path) -> None:
    log = killed(tmp_path / "center.db", 205, Kept())
    again = Forgetful()
    trio.run(live, log, 5, again)
    assert len(set(again.heard)) == 210
    assert enqueued(log) == 21


class Unkeepable(Kept):
    """It fails when it is to be kept."""

    def dump(self, state: list[int]) -> list[int]:
        raise OSError("no")


def test_a_process_that_fails_to_be_kept_is_named_and_suspended(tmp_path: Path) -> None:
    log = tmp_path / "center.db"
    trio.run(live, log, 205, Unkeepable())
    store = SqliteStore.open(log, read_only=True)
    codec = Codec(Registry(FACTS))
    failed = [
        data
        for frame in store.read()
        for _, data in codec.events(frame.body, frame.first, (PluginFailed,))
    ]
    store.close()
    assert failed == [PluginFailed("tally", "process tally", "OSError", True)]
