"""Another policy, more or fewer agents, another staffing."""

from pathlib import Path

import pytest

from cckit.core.errors import ConfigError
from cckit.core.instant import SECOND
from cckit.testing.staffing import Shift, Staffing
from cckit.testing.what_if import Scenario, what_if
from cckit.testing.what_if.run import Read, read_day, rerun_day

from .days import world, write

LEVEL = (None, "sl.offered")


@pytest.fixture(scope="module")
def day() -> Read:
    return read_day(world(11).store, "day.db")


def test_one_more_agent_does_not_lower_the_mean_service_level_of_20_seeds(day: Read) -> None:
    more = rerun_day(day, Scenario(add=1), 20)
    recorded = day.recorded[LEVEL]
    assert recorded is not None
    assert more.simulated[LEVEL].mean >= recorded
    assert more.simulated[LEVEL].n == 20


def test_each_more_agent_helps_and_each_less_hurts(day: Read) -> None:
    levels = [
        rerun_day(day, one, 2).simulated[LEVEL].mean
        for one in (
            Scenario(without=("001", "002")),
            Scenario(without=("001",)),
            Scenario(),
            Scenario(add=1),
            Scenario(add=3),
        )
    ]
    assert levels == sorted(levels)
    assert levels[0] < levels[-1]


def test_an_agent_who_is_left_out_is_named_as_the_reason(day: Read) -> None:
    found = rerun_day(day, Scenario(without=("002",)))
    theirs = [one for one in found.changed if one.old is not None and one.old.agent == "002"]
    assert theirs
    first = [one for one in theirs if one.n == 1]
    assert {one.reason for one in first} == {"002 is not signed in under this staffing"}
    assert all(one.new is None or one.new.agent != "002" for one in found.changed)


def test_another_strategy_is_named_with_both_keys(day: Read) -> None:
    found = rerun_day(day, Scenario({"service": {"strategy": "fewest_contacts"}}, "p.toml"))
    reasons = [one.reason for one in found.changed]
    assert any(
        reason.startswith("strategy changed from longest_idle to fewest_contacts: key ")
        and " < " in reason
        for reason in reasons
    )


def test_the_same_policy_written_down_changes_nothing(day: Read) -> None:
    same = {"service": {"strategy": "longest_idle", "wrapup_us": 30 * SECOND}}
    found = rerun_day(day, Scenario(same, "p.toml"))
    assert found.changed == ()


def test_a_policy_of_a_queue_that_is_not_there_is_refused_with_those_that_are(day: Read) -> None:
    with pytest.raises(ConfigError, match=r"p.toml: there is no queue 'sales'.*other, service"):
        rerun_day(day, Scenario({"sales": {}}, "p.toml"))


def test_settings_that_the_floor_refuses_are_refused(day: Read) -> None:
    with pytest.raises(ConfigError, match="ring_us"):
        rerun_day(day, Scenario({"service": {"ring_us": 0}}, "p.toml"))


def test_a_staffing_takes_the_place_of_the_recorded_agents(day: Read) -> None:
    staffing = Staffing((Shift(2, skills={"he": 2}),))
    few = rerun_day(day, Scenario(staffing=staffing), 2)
    many = rerun_day(day, Scenario(staffing=Staffing((Shift(20, skills={"he": 2}),))), 2)
    assert few.simulated[LEVEL].high < many.simulated[LEVEL].low
    gone = [one.reason for one in few.changed if one.reason.endswith("under this staffing")]
    assert "009 is not signed in under this staffing" in gone


def test_a_staffing_and_one_more_agent_are_two_answers_to_one_question(day: Read) -> None:
    with pytest.raises(ConfigError, match="says already who works"):
        rerun_day(day, Scenario(staffing=Staffing((Shift(1),)), add=1))


def test_the_same_scenario_and_seed_give_the_same_answer(tmp_path: Path) -> None:
    log = write(tmp_path / "day.db", 4)
    assert what_if(log, Scenario(add=2), 2) == what_if(log, Scenario(add=2), 2)


def test_whatever_comes_out_says_that_it_is_simulated(day: Read) -> None:
    found = rerun_day(day, Scenario(add=1))
    assert found.source.startswith("what if: 1 more agent")
    assert "Kaplan-Meier" in found.model
