"""With nothing changed, what-if makes every recorded decision again, to the field."""

from collections.abc import Callable

import pytest

from cckit.core.facts import OfferMade
from cckit.core.instant import SECOND, Instant
from cckit.testing.what_if.chance import Chance
from cckit.testing.what_if.day import FLOW, TALK
from cckit.testing.what_if.rerun import Live, Rerun
from cckit.testing.what_if.run import Read, read_day, rerun_day
from cckit.testing.what_if.scenario import Scenario
from cckit.testing.world import START, World

from .days import STRATEGIES, decisions, staffing, traffic, world


def again(read: Read, seed: int = 1) -> tuple[list[tuple[int, OfferMade]], dict[str, int]]:
    """Every decision of a rerun, and what it did not want."""
    day, made = read.day, []
    rerun = Rerun(
        day,
        day.inputs,
        Chance(day),
        seed,
        shifts={},
        feed=lambda events: None,
    )

    def told(live: Live, offer: OfferMade, at: int) -> None:
        made.append((at, offer))

    rerun.told = told
    rerun.run()
    return made, rerun.refused


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_decision_is_made_again_to_the_field(strategy: str) -> None:
    recorded = world(7, strategy)
    made, refused = again(read_day(recorded.store, "day"))
    assert made == decisions(recorded)
    assert refused == {}
    assert len(made) > 100


def test_nothing_is_drawn_where_nothing_changes() -> None:
    read = read_day(world(3).store, "day")
    assert again(read, seed=1) == again(read, seed=99)


def test_many_days_come_out_as_recorded(
    tier: Callable[[int, int, int], int], publish: Callable[[str], None]
) -> None:
    days = tier(3, 60, 2_000)
    compared = 0
    for seed in range(1, days + 1):
        recorded = world(seed, STRATEGIES[seed % len(STRATEGIES)], per_hour=80 + seed % 5 * 30)
        found = rerun_day(read_day(recorded.store, "day"), Scenario())
        assert found.changed == (), f"seed {seed}"
        assert found.otherwise == 0, f"seed {seed}"
        assert {key: value.mean for key, value in found.simulated.items()} == {
            key: value for key, value in found.recorded.items() if value is not None
        }
        compared += found.offers
    publish(f"what-if with nothing changed: {days} days, {compared:,} decisions, 0 changed")


def test_a_log_that_ends_in_the_middle_comes_out_as_far_as_it_goes() -> None:
    recorded = World(5, traffic=traffic(), staffing=staffing())
    recorded.run(Instant(START + 1500 * SECOND))
    read = read_day(recorded.store, "day")
    assert not read.day.whole
    made, refused = again(read)
    assert made == decisions(recorded)
    assert refused == {}


@pytest.mark.parametrize("stage", [FLOW, TALK])
def test_a_day_that_was_read_wrongly_is_seen(stage: int) -> None:
    """A planted fault: what happened in one stage of one contact is read a second late."""
    read = read_day(world(9).store, "day")
    for story in read.day.stories[20:]:
        found = story.stage(stage, 0)
        if found is not None and found.inputs and story.offers:
            found.inputs[:] = [one._replace(at=one.at + SECOND) for one in found.inputs]
            break
    changed = rerun_day(read, Scenario())
    assert changed.changed != () or changed.otherwise
