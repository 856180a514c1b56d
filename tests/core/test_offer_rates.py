"""How often an agent is asked, when one comes back, and who said so."""

from typing import Any

import pytest

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.events import Actor
from cckit.core.ids import AgentId
from cckit.core.instant import MINUTE, SECOND, Instant
from cckit.core.invariants import check_all
from cckit.core.settings import OfferSettings
from tests.stage import START, Stage

ANNE = AgentId("anne")
SUE = Actor("supervisor", "sue")


def calls(stage: Stage, n: int) -> None:
    """Contacts that are offered and go at once, a second apart."""
    for number in range(n):
        leg = stage.call(f"x{len(stage.all(f.ContactCreated))}.{number}")
        stage.facts(c.ReportCleared(leg))
        stage.wait(SECOND)


# --- the rate -----------------------------------------------------------------------------


def test_nobody_is_asked_more_than_ten_times_a_minute() -> None:
    stage = Stage().queue().agent("anne")
    calls(stage, 15)
    assert len(stage.all(f.OfferMade)) == 10
    stage.agent("bob")
    stage.call("y")
    assert stage.rings("y") == "bob"
    assert stage.all(f.OfferMade)[-1].excluded == {"rate": 1}


def test_who_waits_is_offered_when_the_minute_is_over() -> None:
    stage = Stage().queue().agent("anne")
    calls(stage, 10)
    stage.call("y")
    assert stage.rings("y") == ""
    stage.wait(50 * SECOND - 1)
    assert stage.rings("y") == ""
    stage.wait(1)
    assert stage.rings("y") == "anne"
    cause = next(e.stamp.cause for e, data in stage.log[::-1] if type(data) is f.OfferMade)
    tenth = [e.position for e, data in stage.log if type(data) is f.OfferMade][9]
    assert cause == tenth


def test_the_minute_slides() -> None:
    stage = Stage().queue().set("offers", "center", OfferSettings(a_minute=2)).agent("anne")
    calls(stage, 1)
    stage.wait(29 * SECOND)
    calls(stage, 1)
    stage.wait(29 * SECOND)
    calls(stage, 1)  # The first one is a minute ago.
    assert len(stage.all(f.OfferMade)) == 3
    calls(stage, 1)
    assert len(stage.all(f.OfferMade)) == 3


def test_none_is_no_bound() -> None:
    stage = Stage().queue().set("offers", "center", OfferSettings(a_minute=0)).agent("anne")
    calls(stage, 30)
    assert len(stage.all(f.OfferMade)) == 30


def test_a_rest_survives_a_restart_and_a_step_of_the_clock() -> None:
    stage = Stage().queue().agent("anne")
    calls(stage, 10)
    for again in (stage.folded(), stage.loaded()):
        assert again.floor.agents["anne"].resting
        check_all(again.floor)
        due = again.next_due()
        assert due is not None and due[1].kind == "rate"
    back = Instant(stage.now - 30 * SECOND)
    stepped = f.ClockStepped(Instant(stage.now), back)
    stage.now = back
    stage.record(f.RunStarted(2, "simulated", None, 0, False, {}), stepped)
    stage.call("y")
    stage.wait(49 * SECOND)
    assert stage.rings("y") == ""
    stage.wait(SECOND)
    assert stage.rings("y") == "anne"


def test_a_back_off_is_as_long_as_it_is_set() -> None:
    stage = Stage().queue().agent("anne")
    stage.set("offers", "center", OfferSettings(3 * SECOND, 10 * SECOND))
    stage.call("x")
    for us in (3, 6, 10, 10):
        stage.facts(c.RejectOffer(stage.offer("x")))
        stage.wait(us * SECOND - 1)
        assert stage.rings("x") == ""
        stage.wait(1)
        assert stage.rings("x") == "anne"


@pytest.mark.parametrize(
    ("id_", "settings"),
    [
        ("help", OfferSettings()),
        ("center", OfferSettings(backoff_us=0)),
        ("center", OfferSettings(backoff_us=10, backoff_max_us=5)),
        ("center", OfferSettings(a_minute=-1)),
    ],
)
def test_rates_that_cannot_be_are_refused(id_: str, settings: OfferSettings) -> None:
    assert Stage().refused(c.ApplyConfig("offers", id_, settings.pack())) == "config.bad_offers"


# --- set aside, and back ------------------------------------------------------------------


def miss(stage: Stage, contact: str) -> list[Any]:
    stage.call(contact)
    stage.alert(contact)
    return stage.wait(20 * SECOND)


def test_who_is_set_aside_comes_back_by_itself_if_the_queue_says_so() -> None:
    stage = Stage().queue(rona_back_us=MINUTE).agent("anne")
    (away,) = [fact for fact in miss(stage, "x") if type(fact) is f.AgentNotReady]
    assert (away.reason, away.by, away.due) == ("rona", "system", stage.now + MINUTE)
    facts = stage.wait(MINUTE)
    assert [type(fact) for fact in facts] == [f.AgentReady, f.OfferMade]
    assert stage.rings("x") == "anne"


def test_it_comes_back_no_more_often_than_that_without_an_answer() -> None:
    stage = Stage().queue(rona_back_us=MINUTE, rona_returns=2).agent("anne")
    miss(stage, "x")
    for _ in range(2):
        stage.wait(MINUTE)
        stage.alert("x")
        stage.wait(20 * SECOND)
    assert [fact.due is None for fact in stage.all(f.AgentNotReady)] == [False, False, True]
    stage.wait(100 * MINUTE)
    assert stage.of("anne").reason == "rona"
    stage.facts(c.SetReady(ANNE))  # A human always ends it.
    stage.talk("x")
    assert stage.of("anne").returned == 0


def test_who_is_made_ready_or_goes_home_before_does_not_come_back_twice() -> None:
    stage = Stage().queue(rona_back_us=MINUTE).agent("anne")
    miss(stage, "x")
    stage.facts(c.SetReady(ANNE), SUE)
    stage.wait(5 * SECOND)
    stage.facts(c.RejectOffer(stage.offer("x")))
    stage.facts(c.SetNotReady(ANNE, "lunch"))
    stage.wait(10 * MINUTE)
    assert stage.of("anne").reason == "lunch"
    assert len(stage.all(f.AgentReady)) == 2


def test_a_return_survives_a_restart() -> None:
    stage = Stage().queue(rona_back_us=MINUTE).agent("anne")
    miss(stage, "x")
    for again in (stage.folded(), stage.loaded()):
        due = again.next_due()
        while due is not None and due[1].kind != "rona":  # Others may come before.
            assert again.fire(due[0]) is not None
            due = again.next_due()
        assert due is not None and due[0] == stage.of("anne").due


def test_the_end_of_a_break_is_announced_and_makes_nobody_ready() -> None:
    stage = Stage().queue().agent("anne")
    until = Instant(START + 30 * MINUTE)
    stage.facts(c.SetNotReady(ANNE, "lunch", until))
    assert stage.all(f.AgentNotReady)[-1].due == until
    assert stage.of("anne").due == until
    stage.wait(60 * MINUTE)
    assert not stage.of("anne").ready
    past = c.SetNotReady(ANNE, "tea", Instant(START))
    assert stage.refused(past) == "agent.bad_due"
    stage.facts(c.SetReady(ANNE))
    assert stage.of("anne").due == 0


# --- for another --------------------------------------------------------------------------


def by(stage: Stage, kind: type) -> tuple[str, str]:
    return next(tuple(e.stamp.actor) for e, data in stage.log[::-1] if type(data) is kind)  # type: ignore[return-value]


def test_what_a_supervisor_does_for_an_agent_is_put_down_to_the_supervisor() -> None:
    stage = Stage().queue().agent("anne", ready=False)
    stage.facts(c.SetReady(ANNE), SUE)
    assert by(stage, f.AgentReady) == SUE
    stage.facts(c.SetNotReady(ANNE, "coaching"), SUE)
    assert stage.all(f.AgentNotReady)[-1].by == "supervisor"
    stage.facts(c.SetReady(ANNE), SUE)
    stage.call("x")
    offer = stage.alert("x")
    stage.facts(c.AcceptOffer(offer), SUE)
    assert by(stage, f.OfferAccepted) == SUE
    stage.facts(c.ReportBridged(offer))
    stage.facts(c.Close(stage.contact("x").id), SUE)
    stage.facts(c.EndWrapup(ANNE, stage.all(f.AgentWrapupStarted)[-1].contact), SUE)
    assert stage.all(f.AgentWrapupEnded)[-1].by == "supervisor"
    stage.facts(c.LogOut(ANNE, "end of shift"), SUE)
    assert by(stage, f.AgentLoggedOut) == SUE


def test_what_a_supervisor_asked_for_is_still_theirs_when_it_takes_effect() -> None:
    stage = Stage().queue().agent("anne")
    stage.call("x")
    stage.talk("x")
    stage.facts(c.SetNotReady(ANNE, "coaching"), SUE)
    stage.facts(c.Close(stage.contact("x").id))
    stage.wait(30 * SECOND)
    away = stage.all(f.AgentNotReady)[-1]
    assert (away.reason, away.by) == ("coaching", "supervisor")


def test_no_agent_answers_for_another() -> None:
    stage = Stage().queue().agent("anne").agent("bob")
    stage.call("x")
    offer = stage.alert("x")
    assert stage.refused(c.AcceptOffer(offer), Actor("agent", "bob")) == "offer.not_yours"
