"""Bugs planted where a round asks several, channels share an agent and certificates lapse.

As in the module beside it: an ordinary scene is played, and the rule that is named must be
the one that the bug breaks, before anything is stored.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from cckit.core import agent as a
from cckit.core import commands as c
from cckit.core import evolve, routing
from cckit.core import facts as f
from cckit.core.agent import Agent
from cckit.core.certificate import SkillSettings
from cckit.core.engine import InvariantBroken
from cckit.core.events import Envelope
from cckit.core.floor import Floor
from cckit.core.ids import AgentId
from cckit.core.instant import SECOND, Instant
from cckit.core.invariants import Breach
from cckit.core.queue import Entry
from cckit.core.rules import offers
from tests.stage import LINE, START, Stage

Patch = pytest.MonkeyPatch


class Bug(NamedTuple):
    """What is broken, how it is planted, and the scene that shows it."""

    rule: str
    plant: Callable[[Patch], None]
    scene: Callable[[Stage], object]


BUGS: list[Bug] = []


def bug(rule: str, scene: Callable[[Stage], object]) -> Callable[[Callable[[Patch], None]], None]:
    def add(plant: Callable[[Patch], None]) -> None:
        BUGS.append(Bug(rule, plant, scene))

    return add


# --- scenes -------------------------------------------------------------------------------


def ring_all(stage: Stage) -> Stage:
    stage.queue(strategy="parallel")
    for agent in ("anne", "bob", "cleo"):
        stage.agent(agent)
    stage.call("x")
    return stage


def one_answers(stage: Stage) -> None:
    ring_all(stage).answer("x")


def one_more_comes(stage: Stage) -> None:
    ring_all(stage).agent("dan")


def serve(stage: Stage, contact: str, channel: str) -> None:
    stage.call(contact, channel=channel)
    offer = stage.answer(contact)
    if stage.contact(contact).agent is None:
        stage.facts(c.ReportBridged(offer), LINE)


def call_before_email(stage: Stage) -> None:
    stage.queue(wrapup_us=0).agent("anne", channels={"voice": 50, "chat": 20, "email": 25})
    for n in range(4):
        serve(stage, f"mail{n}", "email")
    serve(stage, "call", "voice")
    stage.call("chat", channel="chat")
    stage.facts(c.ReportCleared(stage.contact("call").leg), LINE)


def six_chats(stage: Stage) -> None:
    stage.queue().agent("anne", channels={"chat": 1})
    for n in range(6):
        stage.call(f"chat{n}", channel="chat")


def eleven_offers(stage: Stage) -> None:
    stage.queue().agent("anne")
    for n in range(11):
        stage.facts(c.ReportCleared(stage.call(f"x{n}")))


def lapsed(stage: Stage) -> None:
    stage.queue(need="care").set("skill", "care", SkillSettings(True)).agent("anne", {"care": 3})
    end = Instant(START + 60 * SECOND)
    stage.facts(c.SetCertification(AgentId("anne"), "care", Instant(START), end))
    stage.now += 60 * SECOND
    stage.call("x")


# --- rounds -------------------------------------------------------------------------------


@bug("I1", one_answers)
def an_offer_that_was_taken_back_stays(patch: Patch) -> None:
    ends = evolve.offers.end_offer

    def stays(floor: Floor, envelope: Envelope, offer: Any, kind: type) -> None:
        ends(floor, envelope, offer, kind)
        if kind is f.OfferRescinded:
            floor.offers[offer.id] = offer
            floor.touched[offer] = None

    patch.setattr(evolve.offers, "end_offer", stays)


@bug("I2", one_answers)
def the_rest_of_a_round_rings_on(patch: Patch) -> None:
    patch.setattr(
        offers, "_accepted", lambda floor, offer: [(offer.contact, f.OfferAccepted(offer.id))]
    )


@bug("I1", one_answers)
def the_winner_is_taken_back_with_the_rest(patch: Patch) -> None:
    accepted = offers._accepted

    def all_of_them(floor: Floor, offer: Any) -> Any:
        return [
            *accepted(floor, offer),
            (offer.contact, f.OfferRescinded(offer.id, "answered_elsewhere")),
        ]

    patch.setattr(offers, "_accepted", all_of_them)


@bug("I2", lambda stage: (one_answers(stage), stage.facts(c.AcceptOffer(losing(stage)))))
def a_loser_accepts_too(patch: Patch) -> None:
    def late(floor: Floor, offer_id: int, fact: str, actor: Any, leg: Any = None) -> Any:
        return [(floor.ended[offer_id][1], f.OfferAccepted(floor.contacts["contact/x"].offer))]  # type: ignore[index, arg-type]

    patch.setattr(offers, "stale", late)


def losing(stage: Stage) -> Any:
    return stage.all(f.OfferRescinded)[0].offer


@bug("I5", one_answers)
def the_slot_of_a_loser_outlives_its_offer(patch: Patch) -> None:
    free = evolve.offers.free

    def keep(floor: Floor, agent: Agent, contact: Any, kind: type) -> None:
        if kind is f.OfferRescinded:
            floor.touched[agent] = None
        else:
            free(floor, agent, contact, kind)

    patch.setattr(evolve.offers, "free", keep)


@bug("I7", ring_all)
def only_the_first_of_a_round_is_reserved(patch: Patch) -> None:
    take = evolve.offers.take

    def first(floor: Floor, agent: Agent, contact: str, *more: Any) -> None:
        if len(floor.offers) == 1:
            take(floor, agent, contact, *more)

    patch.setattr(evolve.offers, "take", first)
    patch.setattr(Agent, "has_room", lambda self, channel: True)


@bug("I8", one_more_comes)
def who_turns_ready_is_not_asked_for_a_round_that_rings(patch: Patch) -> None:
    patch.setattr(routing.following, "best_entry", lambda floor, agent, now: None)


@bug("I3", ring_all)
def a_round_that_may_ask_more_leaves_the_line(patch: Patch) -> None:
    wants_more = Entry.wants_more
    asked = iter([False])
    patch.setattr(Entry, "wants_more", lambda self: next(asked, wants_more(self)))


@bug("I15", one_answers)
def who_did_not_win_is_set_aside(patch: Patch) -> None:
    accepted = offers._accepted

    def aside(floor: Floor, offer: Any) -> Any:
        return [
            *accepted(floor, offer),
            ("agent/cleo", f.AgentNotReady("rona", "system")),
        ]

    patch.setattr(offers, "_accepted", aside)


# --- channels -----------------------------------------------------------------------------


@bug("I6", call_before_email)
def what_is_interrupted_costs_on(patch: Patch) -> None:
    def all_of_it(agent: Agent) -> None:
        agent.used = sum(slot.cost for slot in agent.slots.values())

    patch.setattr(Agent, "count", all_of_it)


@bug("I6", call_before_email)
def what_comes_back_had_no_room_kept(patch: Patch) -> None:
    patch.setattr(a, "heaviest", lambda totals, channels: 0)


@bug("I6", six_chats)
def the_maximum_of_a_channel_is_not_looked_at(patch: Patch) -> None:
    patch.setattr(
        Agent, "has_room", lambda self, channel: self.used + self.costs[channel] <= self.budget
    )


# --- rates and certificates ---------------------------------------------------------------


@bug("I19", eleven_offers)
def nobody_ever_rests(patch: Patch) -> None:
    made = evolve.EVOLVE[f.OfferMade]

    def restless(floor: Floor, envelope: Envelope, data: f.OfferMade) -> None:
        made(floor, envelope, data)
        agent = floor.agents[data.agent]
        agent.resting = False
        floor.index.refresh(agent)

    patch.setitem(evolve.EVOLVE, f.OfferMade, restless)


@bug("I20", lapsed)
def the_index_does_not_see_a_certificate_lapse(patch: Patch) -> None:
    patch.setattr(Floor, "advance", lambda self, now: None)


@bug("I20", lapsed)
def a_certificate_counts_at_its_end(patch: Patch) -> None:
    def longer(profile: Any, records: Any, required: Any, now: int) -> dict[str, int]:
        return dict(profile)

    patch.setattr("cckit.core.floor.skills_at", longer)


def names() -> list[str]:
    return [f"{one.rule}-{one.plant.__name__}" for one in BUGS]


@pytest.mark.parametrize("planted", BUGS, ids=names())
def test_a_planted_bug_is_named_by_the_rule_that_it_breaks(
    planted: Bug, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted.plant(monkeypatch)
    with pytest.raises((InvariantBroken, Breach)) as caught:
        planted.scene(Stage())
    assert caught.value.rule == planted.rule, str(caught.value)


@pytest.mark.parametrize("planted", BUGS, ids=names())
def test_without_its_bug_the_same_scene_breaks_nothing(planted: Bug) -> None:
    planted.scene(Stage())
