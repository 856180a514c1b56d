"""Skills that count from one instant to another: at the edges, in replays, and beside a model."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.certificate import Certificate, SkillSettings, skills_at
from cckit.core.engine import Engine
from cckit.core.events import SYSTEM, Actor, Envelope, Stamp
from cckit.core.explain import explain
from cckit.core.ids import AgentId
from cckit.core.instant import HOUR, SECOND, Instant
from cckit.core.invariants import check_all
from cckit.core.settings import OfferSettings
from tests.stage import LINE, START, Stage, picture

ANNE = AgentId("anne")
CARE = SkillSettings(certificate=True)


def certify(stage: Stage, begin: int, end: int, agent: str = "anne", skill: str = "care") -> Any:
    command = c.SetCertification(AgentId(agent), skill, Instant(begin), Instant(end))
    return stage.facts(command, Actor("admin", "root"))


def ward(*agents: str, needed: bool = True) -> Stage:
    """A queue whose agents need a certificate."""
    stage = Stage().queue(need="care >= 2")
    if needed:
        stage.set("skill", "care", CARE)
    for agent in agents or ("anne",):
        stage.agent(agent, {"care": 3})
    return stage


def test_without_a_certificate_a_skill_that_needs_one_does_not_count() -> None:
    stage = ward()
    stage.call("x")
    assert stage.rings("x") == ""
    stage.agent("bob", {"he": 1})
    certify(stage, START, START + HOUR)
    assert stage.rings("x") == "anne"
    assert stage.all(f.OfferMade)[-1].excluded == {"skill": 1}


def test_a_record_limits_a_skill_that_needs_none_too() -> None:
    stage = ward("anne", "bob", needed=False)
    certify(stage, START + HOUR, START + 2 * HOUR)
    stage.call("x")
    assert stage.rings("x") == "bob"
    assert stage.all(f.OfferMade)[-1].excluded == {"certificate": 1}


def test_at_the_instant_that_it_begins_who_waits_is_offered() -> None:
    stage = ward()
    certify(stage, START + 60 * SECOND, START + HOUR)
    stage.call("x")
    stage.wait(60 * SECOND - 1)
    assert stage.rings("x") == ""
    assert [type(fact) for fact in stage.wait(1)] == [f.OfferMade]
    assert stage.rings("x") == "anne"


def test_at_the_instant_that_it_ends_nobody_is_offered_any_more() -> None:
    stage = ward()
    certify(stage, START, START + 60 * SECOND)
    stage.wait(60 * SECOND - 1)
    stage.call("x")
    assert stage.rings("x") == "anne"
    stage.now += 1
    stage.facts(c.RejectOffer(stage.offer("x")))
    stage.wait(HOUR)
    assert stage.rings("x") == ""
    assert len(stage.all(f.OfferMade)) == 1


def test_an_edge_that_no_timer_reported_yet_holds_for_whoever_comes() -> None:
    stage = ward()
    certify(stage, START + 60 * SECOND, START + 120 * SECOND)
    stage.call("first")
    stage.now = START + 60 * SECOND
    stage.call("second")  # Before the timer of this very instant.
    assert (stage.rings("first"), stage.rings("second")) == ("anne", "")
    other = ward()
    certify(other, START, START + 60 * SECOND)
    other.now = START + 60 * SECOND
    other.call("x")
    assert other.rings("x") == ""


def test_a_certificate_that_is_renewed_has_no_gap() -> None:
    stage = ward()
    certify(stage, START, START + 60 * SECOND)
    certify(stage, START + 60 * SECOND, START + HOUR)
    stage.wait(60 * SECOND)
    stage.call("x")
    assert stage.rings("x") == "anne"


def test_a_certificate_can_be_taken_away_at_once_and_what_counted_did_count() -> None:
    stage = ward()
    certify(stage, START, START + HOUR)
    stage.wait(60 * SECOND)
    (changed,) = certify(stage, START, START + 1)
    assert changed.until == stage.now
    stage.call("x")
    assert stage.rings("x") == ""


def test_who_loses_a_certificate_keeps_what_is_at_hand() -> None:
    stage = ward()
    certify(stage, START, START + 10 * SECOND)
    stage.call("x")
    stage.talk("x")
    stage.wait(HOUR)
    assert stage.contact("x").agent == "anne"


@pytest.mark.parametrize(
    ("begin", "end", "skill"),
    [
        (10, 10, "care"),
        (20, 10, "care"),
        (-20, -10, "care"),
        (5, 15, "care"),
        (-10, 5, "care"),
        (2, 3, "care"),
        (10, 20, ""),
    ],
)
def test_a_window_that_cannot_be_is_refused(begin: int, end: int, skill: str) -> None:
    stage = ward()
    certify(stage, START, START + 8 * SECOND)
    window = Instant(START + begin * SECOND), Instant(START + end * SECOND)
    command = c.SetCertification(ANNE, skill, *window)
    assert stage.refused(command) == "certification.bad_window"


def test_a_window_that_is_over_is_not_changed() -> None:
    stage = ward()
    certify(stage, START, START + SECOND)
    stage.wait(2 * SECOND)
    command = c.SetCertification(ANNE, "care", Instant(START), Instant(START + HOUR))
    assert stage.refused(command) == "certification.bad_window"
    unknown = c.SetCertification(AgentId("eve"), "care", Instant(START), Instant(START + HOUR))
    assert stage.refused(unknown) == "agent.unknown"


def test_the_same_window_again_is_nothing_new() -> None:
    stage = ward()
    assert len(certify(stage, START, START + HOUR)) == 1
    assert certify(stage, START, START + HOUR) == []


def test_a_profile_that_changes_keeps_the_certificates() -> None:
    stage = ward()
    certify(stage, START, START + HOUR)
    stage.facts(c.SetProfile(ANNE, {"care": 1}))
    stage.call("x", need="care >= 1")
    stage.call("y", need="care >= 1")
    assert stage.rings("x") == "anne"


def scene() -> Stage:
    stage = ward("anne", "bob", "cleo")
    certify(stage, START, START + 30 * SECOND)
    certify(stage, START + 20 * SECOND, START + 50 * SECOND, "bob")
    certify(stage, START + 40 * SECOND, START + HOUR, "cleo")
    for n in range(8):
        stage.call(f"x{n}")
        stage.wait(9 * SECOND)
        for offer in tuple(stage.engine.floor.offers):
            stage.facts(c.RejectOffer(offer))  # type: ignore[arg-type]
    return stage


def test_what_is_folded_or_loaded_counts_the_same() -> None:
    stage = scene()
    for again in (stage.folded(), stage.loaded()):
        check_all(again.floor)
        for agent, one in stage.engine.floor.agents.items():
            assert again.floor.agents[agent].skills == one.skills
        assert picture(again)[0] == picture(stage.engine)[0]


def test_every_offer_is_explained_by_the_certificates_of_its_instant() -> None:
    stage = scene()
    engine = Engine()
    reasons = set()
    for recorded in stage.log:
        if type(recorded[1]) is f.OfferMade:
            told = explain(engine.floor, recorded)
            assert told.reproduced
            counts: dict[str, int] = {}
            for one in told.agents:
                if one.verdict == "excluded":
                    counts[one.reason] = counts.get(one.reason, 0) + 1
            assert counts == recorded[1].excluded
            reasons.update(counts)
        engine.fold(recorded)
    assert "certificate" in reasons


def test_a_clock_that_was_set_back_makes_a_certificate_valid_again() -> None:
    stage = ward()
    certify(stage, START, START + 60 * SECOND)
    stage.wait(100 * SECOND)
    stage.call("x")
    assert stage.rings("x") == ""
    back = Instant(START + 10 * SECOND)
    stepped = f.ClockStepped(Instant(stage.now), back)
    stage.now = back
    stage.record(f.RunStarted(2, "simulated", None, 0, False, {}), stepped)
    stage._keep(None)
    assert stage.rings("x") == "anne"
    stage.facts(c.RejectOffer(stage.offer("x")))
    stage.wait(HOUR)
    offered = [e.stamp.recorded_at for e, data in stage.log if type(data) is f.OfferMade]
    assert max(offered) < START + 60 * SECOND


WINDOWS = st.lists(st.integers(0, 20), min_size=2, max_size=8, unique=True).map(sorted)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b"]), WINDOWS), st.booleans(), st.integers(-1, 21))
def test_what_counts_is_what_a_record_covers(
    windows: dict[str, list[int]], needed: bool, now: int
) -> None:
    records = {
        skill: tuple(Certificate(x, y, 0) for x, y in zip(at[::2], at[1::2], strict=False))
        for skill, at in windows.items()
    }
    profile = {"a": 2, "b": 3, "c": 4}
    counts = skills_at(profile, records, {"c": SkillSettings(needed)}, now)
    for skill, level in profile.items():
        if skill in records:
            valid = any(now in range(one.from_at, one.until) for one in records[skill])
        else:
            valid = skill != "c" or not needed
        assert counts.get(skill) == (level if valid else None)


def test_an_engine_that_is_behind_an_edge_catches_up_as_it_folds() -> None:
    stage = ward()
    certify(stage, START, START + 60 * SECOND)
    engine = stage.folded()
    assert engine.floor.agents["anne"].skills == {"care": 3}
    stamp = Stamp(START + 60 * SECOND, SYSTEM)
    kind: Any = stage.log[-1][0].kind
    late = Envelope(stamp, engine.position, stage.of("anne").stream, 9, kind)
    engine.fold((late, f.AgentNotReady("lunch", "agent")))
    assert engine.floor.agents["anne"].skills == {}


def test_each_edge_is_noted_once_however_often_an_agent_is_looked_at() -> None:
    stage = ward()
    stage.set("offers", "center", OfferSettings(a_minute=1))
    certify(stage, START, START + 400 * 24 * HOUR)
    for n in range(5):
        stage.facts(c.SetProfile(ANNE, {"care": 3}, {"voice": 100}, 100))
        leg = stage.call(f"c{n}")
        assert stage.rings(f"c{n}") == "anne"
        stage.facts(c.ReportCleared(leg, "normal"), LINE)
        assert len(stage.engine.floor.edges) == 2, "the end of the certificate, and of the rest"
        stage.wait(61 * SECOND)
    assert len(stage.engine.floor.edges) == 1


def test_a_step_of_the_clock_sets_the_timer_of_an_edge_once() -> None:
    stage = ward()
    certify(stage, START, START + 400 * 24 * HOUR)
    for epoch in range(2, 6):
        stage.record(f.RunStarted(epoch, "simulated", None, 0, False, {}))
        stage.record(f.ClockStepped(Instant(stage.now), Instant(stage.now - SECOND)))
        stage.now -= SECOND
    heap = stage.engine.floor.timers.heap
    assert [one.due - START for one in sorted(heap)] == [0, 400 * 24 * HOUR]
