"""Timers of plugins' machines in a center that runs: in time, once, and over a reopening."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import trio

from cckit import AgentSettings, Config
from cckit.core import facts as f
from cckit.core.commands import LogIn
from cckit.core.events import TIMER
from cckit.core.ids import AgentId, Stream
from cckit.core.instant import SECOND, Instant
from cckit.core.machine import Machine, Wake
from cckit.shell.center import Center
from cckit.stores.memory import MemoryStore
from cckit.testing.center import START, run_center
from tests.promises import PROMISES, Make, PromiseKept, Promises, Promising, decide

HERE, THERE = Stream("case/1"), Stream("case/2")
Main = Callable[[Center], Awaitable[Any]]


def run(main: Main, log: Any = None, at_s: int = 0, machine: Machine = PROMISES) -> Any:
    """One run of a center that begins ``at_s`` seconds after the first."""
    start = Instant(START + at_s * SECOND)
    plugins = {"promises": Promising(machine)}
    return run_center(main, Config(), log=log, start=start, plugins=plugins)


def promise(stream: Stream, due_s: int) -> Make:
    return Make(stream, START + due_s * SECOND)


async def found(center: Center, kind: type) -> list[Any]:
    return [one async for batch in center.read(types=[kind]) for one in batch]


async def kept(center: Center) -> list[tuple[float, Stream]]:
    """When which promise was kept, in seconds from the start of the first run."""
    events = await found(center, PromiseKept)
    assert all(envelope.actor == TIMER for envelope, _ in events)
    return [((envelope.recorded_at - START) / SECOND, envelope.stream) for envelope, _ in events]


def test_a_machine_is_woken_once_exactly_at_its_instant() -> None:
    async def main(center: Center) -> Any:
        for stream, due_s in ((HERE, 50), (THERE, 20), (HERE, 90)):
            await center.do(promise(stream, due_s))
        await trio.sleep(300)
        return await kept(center)

    assert run(main) == [(20, THERE), (50, HERE), (90, HERE)]


def test_an_earlier_instant_wakes_who_sleeps_for_a_later_one() -> None:
    async def main(center: Center) -> Any:
        await center.do(promise(HERE, 100))
        await trio.sleep(10)
        await center.do(promise(HERE, 15))
        await trio.sleep(10)
        return await kept(center)

    assert run(main) == [(15, HERE)]


def test_who_answers_nothing_is_asked_once_in_a_run() -> None:
    asked: list[float] = []

    def nothing(state: Any, command: Any, now: int, ask: object) -> Any:
        if isinstance(command, Wake):
            asked.append((now - START) / SECOND)
            return ()
        return decide(state, command, now, ask)

    async def main(center: Center) -> None:
        await center.do(promise(HERE, 10))
        await trio.sleep(60)

    async def waits(center: Center) -> None:
        await trio.sleep(60)

    log = MemoryStore("center", bytes(16))
    machine = PROMISES._replace(decide=nothing)
    run(main, log, machine=machine)
    run(waits, log.reopen(), 100, machine)
    assert asked == [10, 100]


def test_a_reopening_keeps_what_a_machine_waits_for(tmp_path: Path) -> None:
    async def promises(center: Center) -> None:
        await center.do(promise(HERE, 50))
        await center.do(promise(THERE, 500))
        await center.do(promise(THERE, 5))
        await trio.sleep(10)

    async def waits(center: Center) -> Any:
        await trio.sleep(1000)
        return await kept(center)

    log = tmp_path / "center.db"
    run(promises, log)
    assert run(waits, log, 100) == [(5, THERE), (100, HERE), (500, THERE)]


def test_a_clock_that_went_back_between_two_runs_moves_what_is_open() -> None:
    async def promises(center: Center) -> None:
        await trio.sleep(100)
        await center.do(promise(HERE, 130))

    async def waits(center: Center) -> Any:
        [(_, stepped)] = await found(center, f.ClockStepped)
        assert (stepped.from_at - START, stepped.to_at - START) == (100 * SECOND, 0)
        await trio.sleep(60)
        return await kept(center)

    log = MemoryStore("center", bytes(16))
    run(promises, log)
    assert run(waits, log.reopen()) == [(30, HERE)]


def test_a_machine_that_raises_when_woken_is_suspended_and_the_center_goes_on() -> None:
    def raises(state: Any, command: Any, now: int, ask: object) -> Any:
        if isinstance(command, Wake):
            raise RuntimeError("planted")
        return decide(state, command, now, ask)

    async def main(center: Center) -> Any:
        await center.do(promise(HERE, 10))
        await trio.sleep(60)
        await center.do(promise(HERE, 20))
        failed = await found(center, f.PluginFailed)
        return [(data.hook, data.suspended) for _, data in failed]

    machine = PROMISES._replace(decide=raises)
    expected = [("machine promises", False)] * 2 + [("machine promises", True)]
    assert run(main, machine=machine) == expected


def test_a_machine_whose_due_raises_refuses_and_is_suspended_over_its_past() -> None:
    def raises(state: Promises) -> int | None:
        raise RuntimeError("planted")

    async def main(center: Center) -> Any:
        replies = [await center.do(promise(HERE, 10)) for _ in range(4)]
        assert [getattr(reply, "reason", "stored") for reply in replies] == [
            *["plugin.failed"] * 3,
            "plugin.suspended",
        ]
        return [data.suspended for _, data in await found(center, f.PluginFailed)]

    assert run(main, machine=PROMISES._replace(due=raises)) == [False, False, True]

    async def promises(center: Center) -> None:
        await center.do(promise(HERE, 10))

    async def opened(center: Center) -> Any:
        return [data.suspended for _, data in await found(center, f.PluginFailed)]

    log = MemoryStore("center", bytes(16))
    run(promises, log)
    assert run(opened, log.reopen(), 5, PROMISES._replace(due=raises)) == [True]


def test_a_machine_that_is_loaded_later_folds_what_a_snapshot_would_skip(tmp_path: Path) -> None:
    async def logs_in(center: Center) -> None:
        await center.do(LogIn(AgentId("anna")))

    async def states(center: Center) -> Any:
        return center._parts.writer.engine.states

    def count(state: list[str], recorded: Any) -> None:
        state.append(recorded[0].stream)

    log = tmp_path / "center.db"
    config = Config(agents={"anna": AgentSettings()})
    run_center(logs_in, config, log=log)  # It keeps a snapshot at its end.
    machine = Machine("ins", (), (f.AgentLoggedIn,), list, decide, count)
    seen = run_center(states, config, log=log, plugins={"ins": Promising(machine)})
    assert seen == {("ins", Stream("agent/anna")): ["agent/anna"]}
