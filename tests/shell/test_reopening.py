"""A center whose disk fails opens its log again by itself, and gives up in the end."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import trio_test

from cckit import Draft, Refused, Stored, StoreError, Unknown, open_center
from cckit.core import facts as f
from cckit.core.commands import Deflect, Enqueue, LogIn, ReportArrived, SetReady
from cckit.core.ids import CENTER, AgentId, QueueId
from cckit.core.projection import Canonical
from cckit.hooks import RegisterHooks, hookimpl
from cckit.shell import writer
from cckit.stores.sqlite import SqliteStore
from cckit.testing.faults import FailingDisk

ANNA, SUPPORT = AgentId("anna"), QueueId("support")


@pytest.fixture
def disk() -> Iterator[FailingDisk]:
    """Every file that SQLite opens lies on it."""
    layer = FailingDisk("failing-center", default=True)
    yield layer
    layer.close()


class Runs:
    """The epochs of all runs, and who was granted access."""

    name = "test.runs"
    version = 1
    types: tuple[type, ...] = (f.RunStarted, f.AccessGranted)

    def initial(self) -> list[Any]:
        return []

    def apply(self, state: list[Any], recorded: Any) -> None:
        data = recorded[1]
        state.append(data.epoch if type(data) is f.RunStarted else data.actor)

    def dump(self, state: list[Any]) -> Canonical:
        return state


class Listener(RegisterHooks):
    """A channel that counts how often it was told to listen."""

    name, orders = "ear", ()

    def __init__(self) -> None:
        self.runs = 0

    @hookimpl
    def cckit_register_channels(self) -> list[Any]:
        return [self]

    async def run(self, port: Any) -> None:
        self.runs += 1
        await trio.sleep_forever()

    async def order(self, batch: Any) -> None: ...


def granted(actor: str) -> Draft:
    return Draft(CENTER, f.AccessGranted(actor, "listen", "c", "contact", "1", "why"))


@trio_test
async def test_a_center_goes_on_after_its_disk_failed_once(
    tmp_path: Path, disk: FailingDisk, virtual: Callable[..., open_center], autojump_clock: object
) -> None:
    ear = Listener()
    async with virtual(log=tmp_path / "c.db", plugins={"ear": ear}) as center:
        follower = await center.follow(Runs())
        assert isinstance(await center.record(granted("before"), request="1"), Stored)
        assert isinstance(await center.do(LogIn(ANNA)), Stored)
        feed = center.subscribe(center.position)
        disk.fail_after(0)
        assert isinstance(await center.record(granted("unknown"), request="2"), Unknown)
        disk.heal()
        with pytest.raises(StoreError):
            await anext(feed)
        await trio.sleep(1)
        assert center.state.agents[ANNA].logged_in
        again = await center.record(granted("unknown"), request="2")
        assert isinstance(again, Stored)
        assert await center.record(granted("unknown"), request="2") == again
        first = await center.record(granted("before"), request="1")
        assert isinstance(first, Stored) and first.positions[0] < again.positions[0]
        assert isinstance(await center.do(SetReady(ANNA)), Stored)
        await follower.reach(center.position)
        assert follower.dump() == [1, "before", 2, "unknown"]
        batch = await anext(center.subscribe(feed.position))
        assert type(batch[-1][1]) is f.AgentReady
        await trio.testing.wait_all_tasks_blocked()
        assert ear.runs == 2


@trio_test
async def test_a_center_that_fails_again_and_again_stays_failed(
    tmp_path: Path, disk: FailingDisk, virtual: Callable[..., open_center], autojump_clock: object
) -> None:
    path = tmp_path / "c.db"
    async with virtual(log=path) as center:
        for n in range(4):
            disk.fail_after(0)
            assert isinstance(await center.record(granted(str(n))), Unknown)
            disk.heal()
            await trio.sleep(2)
        with pytest.raises(StoreError, match="planted"):
            await center.record(granted("late"))
        await trio.sleep(120)
        with pytest.raises(StoreError, match="planted"):
            await center.record(granted("later"))
    async with virtual(log=path) as center:
        assert isinstance(await center.record(granted("anew")), Stored)


@trio_test
async def test_a_disk_that_is_gone_for_a_second_is_tried_again(
    tmp_path: Path, disk: FailingDisk, virtual: Callable[..., open_center], autojump_clock: object
) -> None:
    async with virtual(log=tmp_path / "c.db") as center:
        disk.fail_after(0)
        assert isinstance(await center.record(granted("gone")), Unknown)
        await trio.sleep(1.5)
        disk.heal()
        await trio.sleep(1)
        assert isinstance(await center.record(granted("back")), Stored)


@trio_test
async def test_a_center_that_is_closed_while_its_disk_is_gone_lets_all_go(
    tmp_path: Path, disk: FailingDisk, virtual: Callable[..., open_center], autojump_clock: object
) -> None:
    path = tmp_path / "c.db"
    async with virtual(log=path) as center:
        disk.fail_after(0)
        assert isinstance(await center.record(granted("gone")), Unknown)
    disk.heal()
    async with virtual(log=path) as center:
        assert isinstance(await center.record(granted("back")), Stored)


@trio_test
async def test_nobody_new_is_taken_in_while_the_disk_is_almost_full(
    tmp_path: Path,
    virtual: Callable[..., open_center],
    monkeypatch: pytest.MonkeyPatch,
    autojump_clock: object,
) -> None:
    room = [writer.ROOM]
    monkeypatch.setattr(SqliteStore, "room", lambda self: room[0])
    async with virtual(log=tmp_path / "c.db") as center:
        here = (await center.do(ReportArrived("voice"))).contact
        room[0] -= 1
        assert isinstance(await center.do(Enqueue(here, SUPPORT)), Stored)
        refused = await center.do(ReportArrived("voice"))
        assert isinstance(refused, Refused) and refused.reason == "center.disk_low"
        assert refused.what == "255 MiB are left on the disk of the log"
        assert isinstance(await center.do(Deflect(here)), Stored)
        room[0] += 1
        assert isinstance(await center.do(LogIn(ANNA)), Stored)
        assert isinstance(await center.do(ReportArrived("voice")), Stored)


@trio_test
async def test_who_was_taken_over_stays_out(
    tmp_path: Path, virtual: Callable[..., open_center], autojump_clock: object
) -> None:
    path = tmp_path / "c.db"
    async with virtual(log=path) as old, virtual(log=path, take_over=True) as new:
        assert isinstance(await old.record(granted("old")), Unknown)
        await trio.sleep(5)
        with pytest.raises(StoreError, match="another writer"):
            await old.record(granted("old"))
        assert isinstance(await new.record(granted("new")), Stored)
