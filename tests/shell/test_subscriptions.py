"""Durable events, in order, each once, however slow the reader is."""

from itertools import pairwise

import pytest
import trio
from trio.testing import trio_test

from cckit import Actor, Draft, StoreError, open_center
from cckit.core import facts as f
from cckit.core.commands import LogIn, SetReady
from cckit.core.events import SYSTEM, Envelope, Stamp, kind_of
from cckit.core.ids import CENTER, AgentId
from cckit.shell.feed import Chunk, Feed, Subscription

ANNA = Actor("agent", "anna")


def ready(position: int) -> tuple[Envelope, f.AgentReady]:
    stamp = Stamp(position, SYSTEM)
    return Envelope(stamp, position, CENTER, position, kind_of(f.AgentReady)), f.AgentReady()


class Shelf:
    """A log of n events that counts how often it is read."""

    def __init__(self, n: int) -> None:
        self.events = [ready(n) for n in range(n)]
        self.reads = 0

    async def chunk(self, position: int, types: tuple[type, ...] | None) -> Chunk:
        await trio.lowlevel.checkpoint()
        self.reads += 1
        start = position // 4 * 4
        return Chunk(self.events[start : start + 4], min(start + 4, len(self.events)))


@trio_test
async def test_a_subscriber_sees_what_comes_in_order(log, config) -> None:
    seen = []
    async with open_center(config, log=log.again()) as center:
        end = center.position
        subscription = center.subscribe()
        await center.do(LogIn(AgentId("anna")))
        await center.do(SetReady(AgentId("anna")))
        async for batch in subscription:
            seen += batch
            if len(seen) == 2:
                break
        assert subscription.position == end + 2
    assert [type(data) for _, data in seen] == [f.AgentLoggedIn, f.AgentReady]


@trio_test
async def test_a_subscriber_from_the_beginning_sees_every_event_once(log, config) -> None:
    seen: list[int] = []
    async with open_center(config, log=log.again()) as center:

        async def subscribe() -> None:
            async for batch in center.subscribe(0):
                seen.extend(envelope.position for envelope, _ in batch)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(subscribe)
            for n in range(50):
                granted = f.AccessGranted("a", "b", "c", "d", "e", str(n))
                await center.record(Draft(CENTER, granted))
            end = center.position
            while len(seen) < end:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
    assert seen == list(range(end))


@trio_test
async def test_only_wanted_types_come(log, config) -> None:
    async with open_center(config, log=log.again()) as center:
        subscription = center.subscribe(0, [f.AgentReady, f.RunStarted])
        await center.do(LogIn(AgentId("anna")))
        await center.do(SetReady(AgentId("anna")))
        found = [type(data) for _, data in await anext(subscription)]
        while f.AgentReady not in found:
            found += [type(data) for _, data in await anext(subscription)]
    assert found == [f.RunStarted, f.AgentReady]


@trio_test
async def test_a_subscription_ends_with_its_center(config) -> None:
    async with open_center(config) as center:
        subscription = center.subscribe()
        await center.do(LogIn(AgentId("anna")))
    assert [len(batch) async for batch in subscription] == [1]


@pytest.mark.parametrize("start", range(9))
@trio_test
async def test_who_is_behind_the_window_reads_the_log_until_it_reaches_it(start: int) -> None:
    shelf = Shelf(12)
    feed = Feed(shelf.chunk, 8, window=4)
    feed.push(shelf.events[8:10])
    feed.push(shelf.events[10:12])
    feed.close()
    batches = [batch async for batch in Subscription(feed, start)]
    positions = [envelope.position for batch in batches for envelope, _ in batch]
    assert positions == list(range(start, 12))
    assert shelf.reads == len(range(start // 4 * 4, 8, 4)) if start < 8 else shelf.reads == 0


def test_the_window_is_bounded_whatever_is_pushed() -> None:
    shelf = Shelf(1000)
    feed = Feed(shelf.chunk, 0, window=64)
    for first in range(0, 1000, 10):
        feed.push(shelf.events[first : first + 10])
    assert feed.held(935) is None
    held = feed.held(940)
    assert held is not None
    assert len(held) == 60
    assert feed.durable == 1000


@trio_test
async def test_a_subscriber_gets_all_that_is_durable_before_it_hears_of_a_failure() -> None:
    shelf = Shelf(4)
    feed = Feed(shelf.chunk, 0)
    feed.push(shelf.events[:4])
    feed.close(StoreError("log", "the disk is gone", "reopen"))
    subscription = Subscription(feed, 0)
    assert len(await anext(subscription)) == 4
    with pytest.raises(StoreError, match="disk"):
        await anext(subscription)


@trio_test
async def test_many_readers_at_many_places_agree(log, config) -> None:
    found: dict[int, list[int]] = {}
    async with open_center(config, log=log.again()) as center:

        async def subscribe(start: int) -> None:
            found[start] = []
            async for batch in center.subscribe(start):
                found[start] += [envelope.position for envelope, _ in batch]

        async with trio.open_nursery() as nursery:
            for start in range(0, 60, 7):
                nursery.start_soon(subscribe, start)
            for n in range(30):
                granted = f.AccessGranted("a", "b", "c", "d", "e", str(n))
                await center.record(Draft(CENTER, granted))
            end = center.position
            while any(not seen or seen[-1] < end - 1 for seen in found.values()):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
    for start, seen in found.items():
        assert seen == list(range(start, end))
        assert all(b == a + 1 for a, b in pairwise(seen))
