"""How many agents: the fewest that keep the promise, and what a lag does."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cckit.core.headcount import AGENTS_MAX, Demand, Needed, Target, expected, needed, plan
from cckit.core.instant import MINUTE, SECOND, Instant

HALF_HOUR = 30 * MINUTE
IN_TIME = Target(20, answered=0.8)


def half_hours(*calls: float, service_s: float = 300) -> list[Demand]:
    return [
        Demand(Instant(n * HALF_HOUR), HALF_HOUR, float(number), service_s, 120)
        for n, number in enumerate(calls)
    ]


@pytest.mark.parametrize(
    ("target", "agents"),
    [
        (Target(20, answered=0.8), 14),
        (Target(20, answered=0.95), 16),
        (Target(asa_s=10), 14),
        (Target(occupancy=0.7), 15),
        (Target(20, answered=0.8, occupancy=0.6), 17),
    ],
)
def test_the_fewest_agents_of_erlang_c_are_the_table(target: Target, agents: int) -> None:
    # 90 calls in half an hour of 200 s each are 10 Erlang.
    found = needed(90 / 1800, 200, None, target)
    assert found is not None
    assert found[0] == agents


@given(
    st.floats(0.001, 2),
    st.floats(10, 900),
    st.one_of(st.none(), st.floats(10, 900)),
    st.sampled_from(
        [IN_TIME, Target(asa_s=15), Target(occupancy=0.85), Target(10, 0.9, 0.05, 30, 0.9)]
    ),
)
def test_one_agent_fewer_breaks_the_promise(
    rate: float, service_s: float, patience_s: float | None, target: Target
) -> None:
    found = needed(rate, service_s, patience_s, target)
    assert found is not None
    agents, says = found
    assert says.meets(target)
    assert says == expected(rate, service_s, patience_s, agents, target.within_s)
    fewer = expected(rate, service_s, patience_s, agents - 1, target.within_s)
    assert agents == 1 or fewer is None or not fewer.meets(target)


def test_who_gives_up_needs_fewer_agents() -> None:
    patient, hasty = needed(1, 300, None, IN_TIME), needed(1, 300, 60, IN_TIME)
    assert patient is not None
    assert hasty is not None
    assert hasty[0] < patient[0]


def test_erlang_c_has_nothing_to_say_of_more_work_than_agents() -> None:
    assert expected(1, 300, None, 300, 20) is None


def test_nobody_is_needed_where_nobody_comes() -> None:
    (found,) = plan(half_hours(0), IN_TIME)
    assert (found.agents, found.expected.answered, found.planned(300_000)) == (0, 1, 0)


def test_work_that_no_number_of_agents_does_ends_the_plan() -> None:
    huge = 2.0 * AGENTS_MAX * 1800 / 300
    assert [one.demand.calls for one in plan(half_hours(5, huge, 5), IN_TIME)] == [5]


@pytest.mark.parametrize(
    ("shrinkage_ppm", "planned"), [(0, 7), (300_000, 10), (300_001, 11), (990_000, 700)]
)
def test_shrinkage_is_divided_out_and_rounded_up(shrinkage_ppm: int, planned: int) -> None:
    (one,) = plan(half_hours(10), IN_TIME)
    assert attrs.evolve(one, agents=7).planned(shrinkage_ppm) == planned


def rates(found: tuple[Needed, ...]) -> list[float]:
    return [round(one.per_hour, 6) for one in found]


def test_a_lag_moves_demand_later_by_one_handling_time_and_loses_none() -> None:
    # Five minutes of thirty are a sixth.
    found = plan(half_hours(60, 60, 120), IN_TIME, lag=True)
    assert rates(found) == [100, 120, 220, 40]
    assert found[-1].demand.at == 3 * HALF_HOUR
    assert found[-1].demand.calls == 0
    assert rates(plan(half_hours(60, 60, 120), IN_TIME)) == [120, 120, 240]


def test_a_handling_time_longer_than_an_interval_reaches_behind_several() -> None:
    found = plan(half_hours(10, service_s=2 * HALF_HOUR / SECOND), IN_TIME, lag=True)
    assert rates(found) == [0, 0, 20]
    # Somebody may come, so somebody is there.
    assert found[0].agents == 1
