"""Rounds that ask several agents: all at once, some at once, one more at a time, by tiers."""

from collections.abc import Sequence
from typing import Any

import pytest

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.ask import Candidate, Open, Ranking, Waiting
from cckit.core.events import Actor
from cckit.core.ids import AgentId, ContactId, OfferId
from cckit.core.instant import SECOND
from cckit.core.invariants import check_all
from cckit.core.routing import STRATEGIES
from cckit.core.settings import SEVERAL, QueueSettings
from tests.stage import LINE, Stage

X = ContactId("x")
NAMES = ("anne", "bob", "cleo", "dan")
SEVERAL_BY_NAME = sorted(SEVERAL)


def staffed(agents: Sequence[str] = NAMES, ask: Any = None, **settings: Any) -> Stage:
    stage = Stage() if ask is None else Stage(ask)
    stage.queue(**{"rona_after": 0, **settings})
    for agent in agents:
        stage.agent(agent)
        stage.wait(SECOND)
    return stage


def ringing(stage: Stage) -> dict[str, int]:
    """Agent to the offer that rings there."""
    return {offer.agent: offer.id for offer in stage.engine.floor.offers.values()}


def offers_of(stage: Stage, contact: str) -> list[f.OfferMade]:
    return [made for made in stage.all(f.OfferMade) if made.contact == contact]


def accept(stage: Stage, agent: str) -> list[Any]:
    offer = ringing(stage)[agent]
    stage.facts(c.ReportAlerting(offer), LINE)  # type: ignore[arg-type]
    return stage.facts(c.AcceptOffer(offer), Actor("agent", agent))  # type: ignore[arg-type]


# --- parallel -----------------------------------------------------------------------------


def test_all_ring_at_once_in_one_round_and_one_decision() -> None:
    stage = staffed(strategy="parallel")
    stage.arrive("x")
    made = [data for data in stage.facts(c.Enqueue(X, "help")) if type(data) is f.OfferMade]  # type: ignore[arg-type]
    assert [one.agent for one in made] == list(NAMES)
    assert {one.round for one in made} == {1}
    assert [one.eligible for one in made] == [4, 3, 2, 1]
    assert [one.runner_up for one in made] == ["bob", "cleo", "dan", None]
    # Whom the round has asked is kept from it, though their budget is spent already.
    assert [one.excluded for one in made] == [{}, {"capacity": 1}, {"capacity": 2}, {"capacity": 3}]


def test_as_many_ring_as_the_queue_says() -> None:
    stage = staffed(strategy="parallel", at_once=2)
    stage.call("x")
    stage.call("y")
    stage.call("z")
    assert [made.contact for made in stage.all(f.OfferMade)] == ["x", "x", "y", "y"]


def test_who_accepts_ends_the_round_in_the_same_decision() -> None:
    stage = staffed(strategy="parallel")
    stage.call("x")
    others = ringing(stage)
    facts = accept(stage, "bob")
    assert type(facts[0]) is f.OfferAccepted
    assert facts[1:] == [
        f.OfferRescinded(others[agent], "answered_elsewhere")  # type: ignore[arg-type]
        for agent in ("anne", "cleo", "dan")
    ]
    assert list(ringing(stage)) == ["bob"]
    stage.facts(c.ReportBridged(others["bob"]), LINE)  # type: ignore[arg-type]
    assert stage.contact("x").agent == "bob"


def test_a_connection_before_the_answer_ends_the_round_too() -> None:
    stage = staffed(strategy="parallel")
    stage.call("x")
    kinds = stage.kinds(c.ReportBridged(ringing(stage)["cleo"]), LINE)  # type: ignore[arg-type]
    assert kinds == [f.OfferAccepted, *[f.OfferRescinded] * 3, f.ContactConnected, f.QueueLeft]


def test_a_late_answer_loses_and_its_leg_is_cleared() -> None:
    stage = staffed(strategy="parallel")
    stage.call("x")
    rings = ringing(stage)
    for offer in rings.values():
        stage.facts(c.ReportAlerting(offer), LINE)  # type: ignore[arg-type]
    accept(stage, "bob")
    late = stage.facts(c.AcceptOffer(rings["anne"]))  # type: ignore[arg-type]
    assert [type(fact) for fact in late] == [f.FactSuperseded, f.LegOrdered]
    assert late[1].order == "clear"


@pytest.mark.parametrize("end", ["reject", "expire", "fail", "leave"])
def test_who_drops_out_leaves_the_others_ringing(end: str) -> None:
    stage = staffed(strategy="parallel", rona_after=2)
    stage.call("x")
    anne = ringing(stage)["anne"]
    if end == "expire":
        stage.facts(c.ReportAlerting(anne), LINE)  # type: ignore[arg-type]
        for other in ("bob", "cleo", "dan"):
            stage.facts(c.ReportAlerting(ringing(stage)[other]), LINE)  # type: ignore[arg-type]
        stage.now += 20 * SECOND
        stage._keep(stage.engine.fire(stage.now))
        assert len(stage.all(f.OfferExpired)) == 1
        assert set(ringing(stage)) == {"bob", "cleo", "dan"}
        return
    command: Any = {
        "reject": c.RejectOffer(anne),  # type: ignore[arg-type]
        "fail": c.ReportFailed(anne, "busy"),  # type: ignore[arg-type]
        "leave": c.SetNotReady(AgentId("anne"), "lunch"),
    }[end]
    stage.facts(command)
    assert set(ringing(stage)) == {"bob", "cleo", "dan"}
    assert {made.round for made in stage.all(f.OfferMade)} == {1}


def test_a_place_that_fell_free_in_a_round_is_given_to_another() -> None:
    stage = staffed(strategy="parallel", at_once=2)
    stage.call("x")
    stage.facts(c.RejectOffer(ringing(stage)["anne"]))  # type: ignore[arg-type]
    assert set(ringing(stage)) == {"bob", "cleo"}
    assert offers_of(stage, "x")[-1].round == 1
    assert offers_of(stage, "x")[-1].excluded == {"capacity": 1, "backoff": 1}


def test_nobody_is_asked_twice_in_a_round() -> None:
    stage = staffed(("anne", "bob"), strategy="parallel", ring_us=60 * SECOND)
    stage.call("x")
    stage.facts(c.RejectOffer(ringing(stage)["anne"]))  # type: ignore[arg-type]
    stage.wait(30 * SECOND)
    assert list(ringing(stage)) == ["bob"]
    stage.facts(c.RejectOffer(ringing(stage)["bob"]))  # type: ignore[arg-type]
    assert list(ringing(stage)) == ["anne"]  # A new round.
    assert [made.round for made in offers_of(stage, "x")] == [1, 1, 2]


def test_who_turns_ready_joins_the_round() -> None:
    stage = staffed(strategy="parallel")
    stage.call("x")
    stage.agent("eve")
    assert set(ringing(stage)) == {*NAMES, "eve"}
    assert {made.round for made in offers_of(stage, "x")} == {1}


def test_a_caller_who_goes_takes_back_all_offers() -> None:
    stage = staffed(strategy="parallel")
    leg = stage.call("x")
    kinds = stage.kinds(c.ReportCleared(leg), LINE)
    assert kinds.count(f.OfferRescinded) == 4
    assert not ringing(stage)


def test_after_a_failed_connection_the_same_are_asked_first_and_it_does_not_count() -> None:
    stage = staffed(strategy="parallel", at_once=2, then="round_robin")
    stage.call("x")
    accept(stage, "bob")
    stage.facts(c.ReportFailed(ringing(stage)["bob"], "busy"), LINE)  # type: ignore[arg-type]
    assert set(ringing(stage)) == {"anne", "bob"}  # By turns it would be cleo and dan.
    assert [made.round for made in offers_of(stage, "x")] == [1, 1, 1, 1]


def test_a_round_goes_on_by_the_strategy_that_the_queue_has_now() -> None:
    stage = staffed(strategy="parallel", at_once=1)
    stage.call("x")
    assert list(ringing(stage)) == ["anne"]
    stage.queue(strategy="parallel", at_once=3, rona_after=0)
    assert set(ringing(stage)) == {"anne", "bob", "cleo"}
    stage.queue(rona_after=0)
    stage.facts(c.RejectOffer(ringing(stage)["bob"]))  # type: ignore[arg-type]
    assert set(ringing(stage)) == {"anne", "cleo"}


# --- progressive --------------------------------------------------------------------------


def test_one_more_rings_after_each_interval() -> None:
    stage = staffed(strategy="progressive", add_us=4 * SECOND, ring_us=60 * SECOND)
    stage.call("x")
    for n in range(1, 5):
        assert list(ringing(stage)) == list(NAMES[:n])
        stage.wait(4 * SECOND)
    assert len(stage.all(f.OfferMade)) == 4
    assert {made.round for made in stage.all(f.OfferMade)} == {1}


def test_who_is_freed_late_rings_at_once_if_the_interval_is_over() -> None:
    stage = staffed(("anne",), strategy="progressive", add_us=4 * SECOND, ring_us=60 * SECOND)
    stage.call("x")
    stage.wait(9 * SECOND)
    stage.agent("bob")
    assert list(ringing(stage)) == ["anne", "bob"]
    stage.agent("cleo")
    assert list(ringing(stage)) == ["anne", "bob"]
    stage.wait(4 * SECOND)
    assert list(ringing(stage)) == ["anne", "bob", "cleo"]


def test_the_cause_of_one_more_is_the_offer_before() -> None:
    stage = staffed(strategy="progressive", add_us=4 * SECOND)
    stage.call("x")
    stage.wait(4 * SECOND)
    first, second = [one for one in stage.log if type(one[1]) is f.OfferMade]
    assert second[0].stamp.cause == first[0].position


# --- a kept place -------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["agent", "customer"])
@pytest.mark.parametrize("strategy", SEVERAL_BY_NAME)
def test_who_is_away_is_called_once_when_the_first_of_several_accepts(
    strategy: str, first: str
) -> None:
    """Their place is kept, a round asks several, and only then do they hang up."""
    stage = staffed(strategy=strategy, add_us=4 * SECOND, ring_us=60 * SECOND)
    leg = stage.call("x")
    stage.facts(c.KeepPlace(X, first))
    stage.wait(4 * SECOND)
    rings = list(ringing(stage))
    assert len(rings) > 1
    stage.facts(c.ReportCleared(leg), LINE)
    assert list(ringing(stage)) == rings
    facts = accept(stage, "anne")
    rescinded = [f.OfferRescinded] * (len(rings) - 1)
    assert [type(one) for one in facts] == [f.OfferAccepted, *rescinded, f.LegOrdered]
    assert not [one for one in stage.wait(10 * SECOND) if type(one) is f.LegOrdered]
    [dialed] = stage.all(f.LegOrdered)
    facts = stage.facts(c.ReportEstablished(dialed.leg), LINE)
    assert [type(one) for one in facts] == [f.LegEstablished, f.QueueResumed]
    check_all(stage.engine.floor)


@pytest.mark.parametrize("strategy", SEVERAL_BY_NAME)
def test_a_round_that_comes_to_nothing_leaves_who_is_away_to_be_called(strategy: str) -> None:
    stage = staffed(("anne", "bob"), strategy=strategy, add_us=4 * SECOND, ring_us=60 * SECOND)
    leg = stage.call("x")
    stage.facts(c.KeepPlace(X, "customer"))
    stage.wait(4 * SECOND)
    offers = ringing(stage)
    assert list(offers) == ["anne", "bob"]
    stage.facts(c.ReportCleared(leg), LINE)
    for agent, offer in offers.items():
        assert not stage.all(f.LegOrdered)
        stage.facts(c.RejectOffer(OfferId(offer)), Actor("agent", agent))
    stage.wait(10 * SECOND)  # Both are backed off; then one of them could take the call.
    assert [one.order for one in stage.all(f.LegOrdered)] == ["dial"]
    check_all(stage.engine.floor)


# --- by tiers -----------------------------------------------------------------------------


def test_tiers_come_before_the_other_strategy() -> None:
    tiers = {"dan": 1, "cleo": 1, "anne": 2}
    stage = staffed(strategy="ordered", tiers=tiers)
    for n, agent in enumerate(("cleo", "dan", "anne", "bob")):
        stage.call(f"x{n}")
        assert stage.rings(f"x{n}") == agent
    keys = [made.key for made in stage.all(f.OfferMade)]
    assert keys == sorted(keys)
    assert [made.policy for made in stage.all(f.OfferMade)] == ["ordered"] * 4


@pytest.mark.parametrize("then", STRATEGIES)
def test_in_a_tier_the_other_strategy_decides(then: str) -> None:
    tiers = dict.fromkeys(NAMES, 3)
    stage, plain = staffed(strategy="ordered", tiers=tiers, then=then), staffed(strategy=then)
    for one in (stage, plain):
        one.call("x")
    if then != "random":  # Its seed is the configuration, which differs.
        assert stage.rings("x") == plain.rings("x")


def test_a_ring_of_some_is_by_tiers_too() -> None:
    stage = staffed(strategy="parallel", at_once=2, tiers={"dan": 0, "bob": 1})
    stage.call("x")
    assert list(ringing(stage)) == ["dan", "bob"]


@pytest.mark.parametrize(
    "settings",
    [
        {"strategy": "fastest"},
        {"strategy": "ordered"},
        {"strategy": "parallel", "then": "parallel"},
        {"strategy": "parallel", "at_once": -1},
        {"strategy": "progressive", "add_us": 0},
        {"strategy": "ordered", "tiers": {"anne": 100}},
        {"strategy": "ordered", "tiers": {"anne": -1}},
        {"rona_back_us": -1},
        {"rona_returns": 1001},
    ],
    ids=str,
)
def test_a_strategy_that_cannot_be_is_refused(settings: dict[str, Any]) -> None:
    data = QueueSettings(**settings).pack()
    assert Stage().refused(c.ApplyConfig("queue", "help", data)) == "config.bad_queue"


# --- hooks --------------------------------------------------------------------------------


class Named(Open):
    """Gives a fixed answer."""

    ranks = True

    def __init__(self, *agents: str) -> None:
        self.agents = agents

    def rank_agents(self, waiting: Waiting, candidates: Sequence[Candidate]) -> Ranking | None:
        return Ranking([AgentId(agent) for agent in self.agents], "because", "named")


@pytest.mark.parametrize("strategy", [*STRATEGIES, "ordered", "parallel", "progressive"])
def test_a_hook_ranks_for_every_strategy(strategy: str) -> None:
    tiers = {"anne": 0} if strategy == "ordered" else {}
    stage = staffed(ask=Named("cleo", "bob"), strategy=strategy, tiers=tiers)
    stage.call("x")
    made = offers_of(stage, "x")
    assert made[0].agent == "cleo"
    assert made[0].hook == ("named", "cleo", "because")
    assert made[0].runner_up == "bob"
    assert made[0].excluded == {"hook": 2}


def test_in_a_round_a_hook_is_asked_for_each_offer_and_may_leave_some_out() -> None:
    stage = staffed(ask=Named("dan", "bob"), strategy="parallel")
    stage.call("x")
    made = offers_of(stage, "x")
    assert [one.agent for one in made[:2]] == ["dan", "bob"]
    # An answer that names nobody who may have it is passed over: nobody waits for it.
    assert [one.agent for one in made[2:]] == ["anne", "cleo"]
    assert [one.hook is None for one in made] == [False, False, True, True]


@pytest.mark.parametrize("answer", [("nobody",), (), ("nobody", "anne", "anne")])
def test_nonsense_breaks_no_round(answer: tuple[str, ...]) -> None:
    stage = staffed(ask=Named(*answer), strategy="parallel")
    stage.call("x")
    assert set(ringing(stage)) == set(NAMES)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_step_that_names_agents_asks_them_in_its_order(strategy: str) -> None:
    stage = staffed(strategy=strategy)
    for n, agent in enumerate(("dan", "bob", "anne")):
        stage.call(f"x{n}", steps=("anyone agents=dan,bob,anne",))
        assert stage.rings(f"x{n}") == agent
