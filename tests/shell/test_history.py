"""Whatever is cancelled or fails: what was acknowledged is there, and each act is once."""

from collections import Counter
from typing import Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from cckit import Config, Draft, Stored, StoreError, Unknown, open_center
from cckit.core import facts as f
from cckit.core.ids import CENTER
from cckit.core.instant import Instant
from cckit.shell.clock import VirtualClock
from cckit.stores.memory import MemoryStore

ACTS = st.lists(
    st.tuples(
        st.integers(0, 6),  # Steps before it acts.
        st.none() | st.integers(0, 6),  # Steps until it is cancelled.
    ),
    min_size=1,
    max_size=12,
)
SIZE = 3


class Breaks(MemoryStore):
    """Fails at an append, with the frame stored or not: nobody can tell."""

    def __init__(self) -> None:
        super().__init__("center", bytes(16))
        self.left = 10**9
        self.stores = False

    def append(self, frame: Any, expected: Any) -> Any:
        self.left -= 1
        if self.left >= 0:
            return super().append(frame, expected)
        if self.left == -1 and self.stores:
            super().append(frame, expected)
        raise StoreError("log", "the disk is gone", "reopen the log")


def drafts(n: int) -> list[Draft]:
    fact = f.AccessGranted("a", "b", "c", "d", "e", str(n))
    return [Draft(CENTER, fact)] * SIZE


async def act(center: Any, n: int, steps: int, cancelled_after: int | None) -> Any:
    for _ in range(steps):
        await trio.lowlevel.checkpoint()
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:

            async def cancel() -> None:
                if cancelled_after is not None:
                    for _ in range(cancelled_after):
                        await trio.lowlevel.checkpoint()
                    scope.cancel()

            nursery.start_soon(cancel)
            return await center.record(*drafts(n), request=str(n))
    return None


async def live(acts: list[tuple[int, int | None]], left: int, stores: bool) -> None:
    store = Breaks()
    replies: dict[int, Any] = {}
    clock = VirtualClock(Instant(1_700_000_000_000_000))
    async with open_center(Config(), log=store, clock=clock) as center:
        store.left, store.stores = left, stores

        async def one(n: int) -> None:
            try:
                replies[n] = await act(center, n, *acts[n])
            except* StoreError:
                replies[n] = None  # It came after the failure.

        async with trio.open_nursery() as nursery:
            for n in range(len(acts)):
                nursery.start_soon(one, n)
    async with open_center(Config(), log=store.reopen(), clock=clock) as center:
        for n, first in replies.items():
            again = await center.record(*drafts(n), request=str(n))
            assert isinstance(again, Stored)
            assert len(again.positions) == SIZE
            if isinstance(first, Stored):
                assert again.positions == first.positions
            else:
                assert first is None or isinstance(first, Unknown)
        found = [one async for batch in center.read(types=[f.AccessGranted]) for one in batch]
    counted = Counter(data.object for _, data in found)
    assert counted == {"e": SIZE * len(acts)}
    assert Counter(data.purpose for _, data in found) == {str(n): SIZE for n in range(len(acts))}
    whole = Counter(id(envelope.stamp) for envelope, _ in found)
    assert set(whole.values()) == {SIZE}


@settings(max_examples=60)
@given(ACTS, st.integers(0, 8), st.booleans())
def test_each_act_is_stored_once_and_whole_and_none_is_lost(
    acts: list[tuple[int, int | None]], left: int, stores: bool
) -> None:
    trio.run(live, acts, left, stores)
