"""The shell in virtual time: hours in no time, and the same seed the same bytes."""

from hashlib import sha256

import pytest
import trio

from cckit import Actor, AgentSettings, Config, QueueSettings
from cckit.core import facts as f
from cckit.core.commands import Enqueue, LogIn, ReportAlerting, ReportArrived, SetReady
from cckit.core.ids import AgentId, ContactId, QueueId
from cckit.core.instant import HOUR
from cckit.stores.memory import MemoryStore
from cckit.testing.center import START, deterministic, run_center

LINE = Actor("adapter", "line")
CONFIG = Config(
    queues={"support": QueueSettings(max_wait_us=2 * HOUR)},
    agents={name: AgentSettings() for name in ("anna", "ben", "carl")},
)


async def morning(center) -> None:
    """Twenty callers and three agents, all at once; nobody picks up."""

    async def agent(name: str) -> None:
        await center.do(LogIn(AgentId(name)))
        await center.do(SetReady(AgentId(name)))

    async def caller(n: int) -> None:
        await trio.sleep(n % 3)
        number = f"+4930{n % 7}"
        arrived = await center.do(ReportArrived("voice", from_=number), actor=LINE)
        contact = ContactId(arrived.recorded[0][0].stream.removeprefix("contact/"))
        await center.do(Enqueue(contact, QueueId("support")), actor=LINE)

    async def ring() -> None:
        async for batch in center.subscribe(types=[f.OfferMade]):
            for _, made in batch:
                await center.do(ReportAlerting(made.offer), actor=LINE)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ring)
        async with trio.open_nursery() as people:
            for name in CONFIG.agents:
                people.start_soon(agent, name)
            for n in range(20):
                people.start_soon(caller, n)
        await trio.sleep(3 * 3600)
        nursery.cancel_scope.cancel()


def log_of(seed: int) -> bytes:
    store = MemoryStore("center", bytes(16))
    run_center(morning, CONFIG, seed=seed, log=store)
    return b"".join(frame.pack() for frame in store.reopen().read())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_same_seed_gives_the_same_bytes(seed: int) -> None:
    assert sha256(log_of(seed)).hexdigest() == sha256(log_of(seed)).hexdigest()


def test_another_seed_gives_another_day() -> None:
    assert log_of(3) != log_of(4)


def test_hours_pass_and_every_caller_leaves_at_the_bound() -> None:
    async def main(center) -> list:
        await morning(center)
        assert center.now >= START + 3 * HOUR
        return [one async for b in center.read(types=[f.QueueLeft, f.OfferExpired]) for one in b]

    found = run_center(main, CONFIG)
    left = [data for _, data in found if type(data) is f.QueueLeft]
    expired = [data for _, data in found if type(data) is f.OfferExpired]
    assert [data.reason for data in left] == ["timed_out"] * 20
    assert all(2 * HOUR <= data.wait_us <= 2 * HOUR + 1 for data in left)
    assert len(expired) == 3  # Each agent is redirected after one call.


def test_trio_has_the_two_knobs_that_we_turn() -> None:
    """A canary: with the knobs the order of tasks depends on the seed alone."""

    def order(seed: int) -> list[int]:
        seen: list[int] = []

        async def note(n: int) -> None:
            for _ in range(5):
                await trio.lowlevel.checkpoint()
                seen.append(n)

        async def main() -> None:
            async with trio.open_nursery() as nursery:
                for n in range(8):
                    nursery.start_soon(note, n)

        with deterministic(seed):
            trio.run(main)
        return seen

    assert [order(seed) for seed in range(20)] == [order(seed) for seed in range(20)]
    assert len({tuple(order(seed)) for seed in range(20)}) > 1
