"""A center copies its own log, from inside."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from cckit import Actor, Config, open_center
from cckit.core.commands import ReportArrived

if TYPE_CHECKING:
    from .conftest import Run


def test_a_center_copies_its_own_log_while_it_works(run: "Run", tmp_path: Path) -> None:
    async def live() -> None:
        phone = Actor("adapter", "phone")
        config = Config.parse("[queues.orders]")
        async with open_center(config, log=tmp_path / "live.db") as center:

            async def calls() -> None:
                while True:
                    await center.do(ReportArrived("voice"), actor=phone)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(calls)
                for n in range(3):
                    durable = center.position
                    found = await center.back_up(tmp_path / f"{n}.db")
                    assert found.events >= durable
                nursery.cancel_scope.cancel()

    trio.run(live)
    for n in range(3):
        assert run("verify", tmp_path / f"{n}.db", "--events").code == 0


def test_a_center_that_stops_waiting_for_its_backup_leaves_nothing(tmp_path: Path) -> None:
    async def live() -> None:
        config = Config.parse("[queues.orders]")
        async with open_center(config, log=tmp_path / "live.db") as center:
            with trio.CancelScope() as scope:
                scope.cancel()
                await center.back_up(tmp_path / "copy.db")
            assert scope.cancelled_caught
            assert not [name for name in os.listdir(tmp_path) if name.startswith("copy")]

    trio.run(live)
