"""The log of a running center, with people who are personal data, comes out as recorded."""

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from cckit import Actor, AgentSettings, Config, QueueSettings
from cckit.core import facts as f
from cckit.core.commands import (
    AcceptOffer,
    Enqueue,
    LogIn,
    ReportAlerting,
    ReportArrived,
    ReportBridged,
    ReportCleared,
    SetReady,
)
from cckit.core.ids import AgentId, ContactId, QueueId
from cckit.core.instant import SECOND
from cckit.stores.memory import MemoryStore
from cckit.testing.center import run_center
from cckit.testing.what_if import Scenario
from cckit.testing.what_if.run import read_day, rerun_day

LINE = Actor("adapter", "line")
CONFIG = Config(
    queues={"support": QueueSettings(ring_us=15 * SECOND, wrapup_us=20 * SECOND)},
    agents={name: AgentSettings() for name in ("anna", "ben", "carl")},
)


async def morning(center: Any) -> None:
    """Sixty callers; an agent picks up every offer but each fifth, and talks a while."""

    async def agent(name: str) -> None:
        await center.do(LogIn(AgentId(name)), actor=Actor("agent", name))
        while True:  # Whoever missed an offer is back in a minute.
            await center.do(SetReady(AgentId(name)), actor=Actor("agent", name))
            await trio.sleep(60)

    async def caller(n: int) -> None:
        await trio.sleep(n * 17 + n % 3)
        arrived = await center.do(ReportArrived("voice", from_=f"+4930{n}"), actor=LINE)
        stream = next(e.stream for e, d in arrived.recorded if isinstance(d, f.ContactCreated))
        contact = ContactId(stream.removeprefix("contact/"))
        await center.do(Enqueue(contact, QueueId("support")), actor=LINE)

    async def answer(made: f.OfferMade) -> None:
        await center.do(ReportAlerting(made.offer), actor=LINE)
        await trio.sleep(2 + made.offer % 4)
        if made.offer % 5:
            await center.do(AcceptOffer(made.offer), actor=Actor("agent", made.agent))
            await trio.sleep(1)
            await center.do(ReportBridged(made.offer), actor=LINE)

    async def react(start: Callable[..., Any]) -> None:
        legs: dict[str, Any] = {}
        async for batch in center.subscribe(
            types=[f.ContactCreated, f.OfferMade, f.ContactConnected]
        ):
            for envelope, data in batch:
                if isinstance(data, f.ContactCreated):
                    legs[envelope.stream] = data.leg
                elif isinstance(data, f.OfferMade):
                    start(answer, data)
                else:
                    start(talk, legs[envelope.stream], 30 + data.leg % 40)

    async def talk(leg: Any, seconds: int) -> None:
        await trio.sleep(seconds)
        await center.do(ReportCleared(leg), actor=LINE)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(react, nursery.start_soon)
        for name in CONFIG.agents:
            nursery.start_soon(agent, name)
        for n in range(60):
            nursery.start_soon(caller, n)
        await trio.sleep(3600)
        nursery.cancel_scope.cancel()


def test_a_running_center_comes_out_as_recorded() -> None:
    main: Callable[[Any], Awaitable[None]] = morning
    store = MemoryStore("center", bytes(16))
    run_center(main, CONFIG, seed=4, log=store)
    read = read_day(store.reopen(), "live")
    found = rerun_day(read, Scenario())
    assert read.day.kind == "live"
    assert read.day.unmodelled == {}
    assert (found.changed, found.otherwise, found.refused) == ((), 0, {})
    assert found.offers > 60
    more = rerun_day(read, Scenario(add=1))
    assert "extra-1 is there as well" in {one.reason for one in more.changed}
