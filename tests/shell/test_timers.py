"""What falls due happens at its instant, once, and nothing sleeps for each contact."""

import trio
from trio.testing import MockClock, trio_test

from cckit import Actor, AgentSettings, Config, QueueSettings, Stored, Unknown, UsageError
from cckit.core import facts as f
from cckit.core.commands import (
    Enqueue,
    LogIn,
    ReportAlerting,
    ReportArrived,
    SetReady,
    TimerDue,
)
from cckit.core.engine import Engine, InvariantBroken
from cckit.core.events import TIMER
from cckit.core.ids import AgentId, QueueId
from cckit.core.instant import SECOND
from cckit.shell.timers import Timers

LINE = Actor("adapter", "line")
SUPPORT = QueueId("support")


async def wait_in_queue(center) -> int:
    arrived = await center.do(ReportArrived("voice"), actor=LINE)
    contact = arrived.contact
    queued = await center.do(Enqueue(contact, SUPPORT), actor=LINE)
    return queued.recorded[-1][1]


async def until(center, kind: type, start: int):
    async for batch in center.subscribe(start, [kind]):
        return batch[0]


@trio_test
async def test_an_offer_that_rings_too_long_expires_at_its_instant(
    log, virtual, autojump_clock: MockClock
) -> None:
    async with virtual(log=log.again()) as center:
        await center.do(LogIn(AgentId("anna")))
        await center.do(SetReady(AgentId("anna")))
        made = await wait_in_queue(center)
        await center.do(ReportAlerting(made.offer), actor=LINE)
        envelope, expired = await until(center, f.OfferExpired, 0)
        assert expired == f.OfferExpired(made.offer)
        assert made.due <= envelope.recorded_at <= made.due + 1
        assert envelope.actor == TIMER
        assert envelope.cause is not None
        assert not center.state.agents["anna"].ready  # Redirected on no answer.


@trio_test
async def test_an_earlier_timer_wakes_the_sleeper(virtual, autojump_clock: MockClock) -> None:
    config = Config(
        queues={
            "support": QueueSettings(max_wait_us=500 * SECOND),
            "sales": QueueSettings(max_wait_us=5 * SECOND),
        }
    )
    async with virtual(config) as center:
        long = await wait_in_queue(center)
        await trio.sleep(1)
        arrived = await center.do(ReportArrived("voice"), actor=LINE)
        contact = arrived.contact
        queued = await center.do(Enqueue(contact, QueueId("sales")), actor=LINE)
        short = queued.recorded[-1][1]
        first = await until(center, f.QueueLeft, 0)
        second = await until(center, f.QueueLeft, first[0].position + 1)
    assert (first[1].entry, second[1].entry) == (short.entry, long.entry)
    assert abs(first[0].recorded_at - short.due) <= 1
    assert abs(second[0].recorded_at - long.due) <= 1


@trio_test
async def test_timers_go_on_after_a_reopening(log, virtual, autojump_clock: MockClock) -> None:
    config = Config(
        queues={"support": QueueSettings(max_wait_us=60 * SECOND)}, agents={"a": AgentSettings()}
    )
    async with virtual(config, log=log.again()) as center:
        entered = await wait_in_queue(center)
        end = center.position
        now = center.now
    clock = type(center._parts.clock)(now)
    async with virtual(config, log=log.again(), clock=clock) as center:
        envelope, left = await until(center, f.QueueLeft, end)
    assert (left.entry, left.reason) == (entered.entry, "timed_out")
    assert abs(envelope.recorded_at - entered.due) <= 1


@trio_test
async def test_a_thousand_waiting_contacts_have_no_task(virtual) -> None:
    async with virtual() as center:
        before = trio.lowlevel.current_statistics().tasks_living
        for _ in range(1000):
            await wait_in_queue(center)
        assert trio.lowlevel.current_statistics().tasks_living == before


@trio_test
async def test_a_timer_that_breaks_an_invariant_is_proposed_once(
    virtual, autojump_clock: MockClock, monkeypatch
) -> None:
    act = Engine.act

    def broken(self, command, *rest, **more):
        if type(command) is TimerDue:
            raise InvariantBroken("I8", "TimerDue", "planted")
        return act(self, command, *rest, **more)

    monkeypatch.setattr(Engine, "act", broken)
    config = Config(queues={"support": QueueSettings(max_wait_us=5 * SECOND)})
    async with virtual(config) as center:
        said: list[str] = []
        center._writer.say = said.append
        await wait_in_queue(center)
        await trio.sleep(60)
        found = [d async for b in center.read(types=[f.InvariantBroken]) for _, d in b]
        assert found == [f.InvariantBroken("I8", "TimerDue")]
        assert len(said) == 1


@trio_test
async def test_a_timer_whose_event_can_not_be_stored_is_proposed_once(
    virtual, autojump_clock: MockClock, monkeypatch
) -> None:
    act = Engine.act

    def unusable(self, command, *rest, **more):
        if type(command) is TimerDue:
            raise UsageError("OfferMade.hook", "is planted", "send text")
        return act(self, command, *rest, **more)

    monkeypatch.setattr(Engine, "act", unusable)
    config = Config(queues={"support": QueueSettings(max_wait_us=5 * SECOND)})
    async with virtual(config) as center:
        await wait_in_queue(center)
        await trio.sleep(60)
        found = [d async for b in center.read(types=[f.InvariantBroken]) for _, d in b]
        assert found == [f.InvariantBroken("event", "TimerDue")]
        assert isinstance(await center.do(ReportArrived("voice")), Stored)


@trio_test
async def test_nothing_is_proposed_to_a_store_that_failed(
    faulty, virtual, mock_clock: MockClock, monkeypatch
) -> None:
    proposed: list[None] = []
    propose = Timers._propose
    monkeypatch.setattr(Timers, "_propose", lambda self: (proposed.append(None), propose(self)))
    config = Config(
        queues={"support": QueueSettings(max_wait_us=SECOND)}, agents={"anna": AgentSettings()}
    )
    async with virtual(config, log=faulty) as center:
        await wait_in_queue(center)
        faulty.broken = True
        assert isinstance(await center.do(LogIn(AgentId("anna"))), Unknown)
        proposed.clear()
        mock_clock.jump(10)
        for _ in range(50):
            await trio.lowlevel.checkpoint()
        assert proposed == []
