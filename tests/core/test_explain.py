"""Every decision of a simulated morning can be made again, to the last field."""

from collections import Counter
from typing import Any

import attrs
import pytest

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.ask import Candidate, Open, Ranking, Waiting
from cckit.core.engine import Engine
from cckit.core.events import Recorded
from cckit.core.explain import CHOSEN, EXCLUDED, explain, explain_wait
from cckit.core.instant import SECOND
from cckit.core.routing import STRATEGIES
from cckit.core.settings import QueueSettings
from tests.stage import Stage

SKILLS = ({}, {"he": 2}, {"he": 5, "billing": 1}, {"billing": 4}, {"en": 3, "he": 1})
NEEDS = ("", "he >= 2", "he or billing >= 3", "not en", "he and billing")


class Reversed(Open):
    """Ranks the candidates from behind."""

    ranks = True

    def rank_agents(self, waiting: Waiting, candidates: Any) -> Ranking | None:
        order: list[Candidate] = list(candidates)[::-1]
        return Ranking([one.agent for one in order], "turned round", "reversed")


def busy_floor(strategy: str, ask: Open) -> list[Recorded[Any]]:
    """Agents who accept, reject, miss, leave and come back while contacts keep coming."""
    stage = Stage(ask)
    settings = QueueSettings(strategy=strategy, wrapup_us=7 * SECOND, max_wait_us=90 * SECOND)
    stage.do(c.ApplyConfig("queue", "sales", settings.pack()))
    some = attrs.evolve(settings, agents=("a1", "a3", "a4"))
    stage.do(c.ApplyConfig("queue", "few", some.pack()))
    agents = [f"a{n}" for n in range(5)]
    for agent, skills in zip(agents, SKILLS, strict=True):
        stage.do(c.SetProfile(agent, skills=dict(skills)))  # type: ignore[arg-type]
        stage.do(c.LogIn(agent))  # type: ignore[arg-type]
        stage.do(c.SetReady(agent))  # type: ignore[arg-type]
    for n in range(60):
        contact = f"c{n}"
        stage.do(c.ReportArrived("voice", contact=contact))  # type: ignore[arg-type]
        queue = "few" if n % 4 == 3 else "sales"
        stage.do(c.Enqueue(contact, queue, priority=n % 3, need=NEEDS[n % 5]))  # type: ignore[arg-type]
        _answer(stage, n)
        stage.now += (n % 7) * SECOND
        while stage.engine.next_due() and stage.engine.next_due()[0] <= stage.now:  # type: ignore[index]
            stage._keep(stage.engine.fire(stage.now))
        if n % 11 == 5:
            stage.do(c.SetNotReady(agents[n % 5], "lunch"))  # type: ignore[arg-type]
        if n % 6 == 4:
            stage.do(c.SetReady(agents[(n + 3) % 5]))  # type: ignore[arg-type]
    return stage.log


def _answer(stage: Stage, n: int) -> None:
    for offer in list(stage.engine.floor.offers.values()):
        stage.do(c.ReportAlerting(offer.id))
        what = (n + offer.id) % 5
        if what == 0:
            stage.do(c.RejectOffer(offer.id, "busy"))
        elif what == 1:
            stage.do(c.ReportFailed(offer.id, "no_answer"))
        elif what in (2, 3):
            stage.do(c.AcceptOffer(offer.id))
            stage.do(c.ReportBridged(offer.id))
            contact = stage.engine.floor.contacts.get(offer.contact)
            if contact is not None and what == 3:
                stage.do(c.ReportCleared(contact.leg))


@pytest.mark.parametrize("ask", [Open(), Reversed()], ids=["no hook", "a hook that ranks"])
@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_every_offer_is_decided_again_as_it_was(strategy: str, ask: Open) -> None:
    log = busy_floor(strategy, ask)
    replay = Engine()
    offers = 0
    for recorded in log:
        made = recorded[1]
        if isinstance(made, f.OfferMade):
            offers += 1
            explained = explain(replay.floor, recorded)
            assert explained.again == made
            assert explained.reproduced
            excluded = Counter(a.reason for a in explained.agents if a.verdict == EXCLUDED)
            assert dict(excluded) == made.excluded
            chosen = [a for a in explained.agents if a.verdict == CHOSEN]
            assert [(a.agent, a.key) for a in chosen] == [(made.agent, made.key)]
            assert len(explained.agents) - sum(excluded.values()) == made.eligible
        replay.fold(recorded)
    assert offers > 40


def test_a_decision_by_other_code_shows_both() -> None:
    log = busy_floor("longest_idle", Open())
    replay = Engine()
    for recorded in log:
        envelope, made = recorded
        if isinstance(made, f.OfferMade):
            other = attrs.evolve(made, eligible=made.eligible + 1)
            explained = explain(replay.floor, (envelope, other))
            assert not explained.reproduced
            assert explained.again == made
            return
        replay.fold(recorded)


class Choosy(Open):
    """Names the first so many, and leaves out the rest."""

    ranks = True

    def __init__(self, named: int) -> None:
        self.named = named

    def rank_agents(self, waiting: Waiting, candidates: Any) -> Ranking | None:
        return Ranking([one.agent for one in candidates][: self.named], "these", "choosy")


@pytest.mark.parametrize(("named", "hooked"), [(1, 3), (2, 2), (3, 0)])
def test_whom_a_hook_left_out_is_excluded_where_the_record_says_who(
    named: int, hooked: int
) -> None:
    stage = Stage(Choosy(named)).queue()
    for agent in ("anne", "bob", "cleo", "dan"):
        stage.agent(agent)
    stage.call("x")
    replay = Engine()
    for recorded in stage.log:
        if isinstance(recorded[1], f.OfferMade):
            found = explain(replay.floor, recorded).agents
        replay.fold(recorded)
    assert [one.reason for one in found if one.verdict == EXCLUDED] == ["hook"] * hooked
    if not hooked:
        assert {one.agent for one in found if one.detail} == {"cleo", "dan"}
        assert found[3].detail == "a plugin left out 1 of 2 like this one"


def test_who_comes_in_once_a_round_grows_is_not_backed_off() -> None:
    stage = Stage().queue(strategy="progressive", add_us=5 * SECOND).agent("anne").agent("bob")
    stage.call("x")
    (entry,) = stage.engine.floor.entries.values()
    why = explain_wait(stage.engine.floor, entry, stage.now)
    found = [(one.agent, one.reason) for one in why.agents]
    assert found == [("anne", "capacity"), ("bob", "round")]
