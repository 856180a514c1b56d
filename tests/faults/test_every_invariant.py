"""Each of the 23 invariants has a planted bug that breaks it; here those of who reads."""

from typing import Any

import pytest
import trio
from trio.testing import trio_test

from cckit import Config, Draft, open_center
from cckit.core import facts as f
from cckit.core.ids import CENTER
from cckit.shell.feed import Subscription
from tests.callback.test_planted import BUGS as OF_CALLS
from tests.faults.test_planted_choice_bugs import BUGS as OF_CHOICE
from tests.faults.test_planted_floor_bugs import BUGS as OF_THE_FLOOR

EVENTS = 20


async def _read(config: Any) -> list[int]:
    """What a subscriber hears of some events, as positions; at most what there is."""
    seen: list[int] = []
    async with open_center(config) as center:
        start = center.position

        async def subscribe() -> None:
            async for batch in center.subscribe(start):
                seen.extend(envelope.position - start for envelope, _ in batch)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(subscribe)
            for n in range(EVENTS):
                granted = f.AccessGranted("a", "b", "c", "d", "e", str(n))
                await center.record(Draft(CENTER, granted))
            with trio.move_on_after(1):
                while len(seen) < EVENTS:
                    await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
    return seen


def twice(patch: pytest.MonkeyPatch) -> None:
    following = Subscription._next

    async def again(self: Subscription) -> Any:
        batch = await following(self)
        return [*batch, *batch]

    patch.setattr(Subscription, "_next", again)


def backwards(patch: pytest.MonkeyPatch) -> None:
    following = Subscription._next

    async def other_way_round(self: Subscription) -> Any:
        return [*reversed(await following(self))][:1] * 2

    patch.setattr(Subscription, "_next", other_way_round)


OF_READERS = (twice, backwards)
"""I23; what holds it are these, and tests/shell/test_subscriptions.py."""


@trio_test
async def test_a_reader_hears_each_event_once_and_in_order(config: Any) -> None:
    assert await _read(config) == list(range(EVENTS))


@pytest.mark.parametrize("plant", OF_READERS, ids=lambda plant: plant.__name__)
@trio_test
async def test_a_reader_who_is_told_otherwise_is_found(
    plant: Any, config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    assert await _read(config) != list(range(EVENTS))


@pytest.fixture
def config() -> Any:
    return Config()


def test_every_invariant_has_a_planted_bug() -> None:
    planted = {bug.rule for bug in (*OF_THE_FLOOR, *OF_CHOICE, *OF_CALLS)}
    assert planted | {"I23" for _ in OF_READERS} == {f"I{n}" for n in range(1, 24)}
