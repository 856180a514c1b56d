"""An agent in each state under each command: readiness, next status, wrap-up, capacity."""

import pytest

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.errors import Refused
from cckit.core.events import Actor
from cckit.core.ids import AgentId, ContactId
from cckit.core.instant import HOUR, SECOND, Instant, Span
from cckit.core.routing import MAX_OFFERS
from cckit.core.settings import OfferSettings
from tests.stage import CHATS, LINE, START, Stage

ANNE = AgentId("anne")
X = ContactId("x")
MYSELF = Actor("agent", "anne")
STATES = ("out", "in", "ready", "ringing", "connecting", "talking", "wrapup", "leaving")


def stage_in(state: str) -> Stage:
    """Anne in a state, with contact x at hand where there is one."""
    stage = Stage().queue()
    stage.facts(c.SetProfile(ANNE))
    if state == "out":
        return stage
    stage.facts(c.LogIn(ANNE))
    if state == "in":
        return stage
    stage.facts(c.SetReady(ANNE))
    if state == "ready":
        return stage
    leg = stage.call("x")
    if state == "ringing":
        stage.alert("x")
    if state == "connecting":
        stage.answer("x")
    if state in ("talking", "wrapup", "leaving"):
        stage.talk("x")
    if state == "wrapup":
        stage.facts(c.ReportCleared(leg), LINE)
    if state == "leaving":
        stage.facts(c.SetNotReady(ANNE, "lunch"))
    return stage


OUT = "agent.logged_out"
NO = "agent.no_wrapup"
NEXT = [f.AgentNextStatusSet]
PROFILE = [f.AgentProfileSet]
NOTHING: list[type] = []
CELLS: dict[type, dict[str, list[type] | str]] = {
    c.LogIn: {"out": [f.AgentLoggedIn], **dict.fromkeys(STATES[1:], NOTHING)},
    c.LogOut: {
        "out": [],
        "in": [f.AgentLoggedOut],
        "ready": [f.AgentLoggedOut],
        "ringing": [f.OfferRescinded, f.AgentLoggedOut],
        "connecting": NEXT,
        "talking": NEXT,
        "wrapup": NEXT,
        "leaving": NEXT,
    },
    c.SetReady: {
        "out": OUT,
        "in": [f.AgentReady],
        "ready": [],
        "ringing": [],
        "connecting": [],
        "talking": [],
        "wrapup": [],
        "leaving": [f.AgentReady],
    },
    c.SetNotReady: {
        "out": OUT,
        "in": [f.AgentNotReady],
        "ready": [f.AgentNotReady],
        "ringing": [f.OfferRescinded, f.AgentNotReady],
        "connecting": NEXT,
        "talking": NEXT,
        "wrapup": NEXT,
        "leaving": NEXT,
    },
    c.EndWrapup: {**dict.fromkeys(STATES, NO), "wrapup": [f.AgentWrapupEnded]},
    c.ExtendWrapup: {**dict.fromkeys(STATES, NO), "wrapup": [f.AgentWrapupExtended]},
    c.SetProfile: dict.fromkeys(STATES, PROFILE),
}


def command_of(kind: type) -> object:
    if kind is c.SetNotReady:
        return c.SetNotReady(ANNE, "training")
    if kind is c.EndWrapup:
        return c.EndWrapup(ANNE, X)
    if kind is c.ExtendWrapup:
        return c.ExtendWrapup(ANNE, X, Span(SECOND))
    return kind(ANNE)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", CELLS, ids=lambda kind: kind.__name__)
def test_each_state_answers_each_command_as_the_table_says(kind: type, state: str) -> None:
    stage = stage_in(state)
    expected = CELLS[kind][state]
    if isinstance(expected, str):
        assert stage.refused(command_of(kind), MYSELF) == expected
    else:
        assert stage.kinds(command_of(kind), MYSELF) == expected


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (c.LogIn(AgentId("nobody")), "agent.unknown"),
        (c.LogOut(AgentId("nobody")), "agent.unknown"),
        (c.SetReady(AgentId("nobody")), "agent.unknown"),
        (c.SetNotReady(AgentId("nobody"), "lunch"), "agent.unknown"),
        (c.EndWrapup(AgentId("nobody"), X), "agent.unknown"),
        (c.ExtendWrapup(AgentId("nobody"), X, Span(1)), "agent.unknown"),
        (c.LogIn(ANNE, ("fax",)), "agent.bad_channel"),
        (c.LogIn(ANNE, ()), "agent.bad_channel"),
        (c.SetNotReady(ANNE, ""), "agent.no_reason"),
        (c.SetNotReady(ANNE, "rona"), "agent.bad_reason"),
        (c.SetNotReady(ANNE, "unreachable"), "agent.bad_reason"),
        (c.SetProfile(AgentId("")), "agent.no_id"),
        (c.SetProfile(ANNE, {"he": 0}), "agent.bad_level"),
        (c.SetProfile(ANNE, {"he": 6}), "agent.bad_level"),
        (c.SetProfile(ANNE, budget=0), "agent.bad_budget"),
        (c.SetProfile(ANNE, budget=2**63 - 1), "agent.bad_budget"),
        (c.SetProfile(ANNE, channels={"voice": -1}), "agent.bad_cost"),
        (c.SetProfile(ANNE, channels={"voice": 101}), "agent.bad_cost"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_makes_no_sense_is_refused_by_name(command: object, reason: str) -> None:
    assert stage_in("in").refused(command) == reason


@pytest.mark.parametrize("by_us", [0, -1, 8 * HOUR + 1, 2**63 - 1])
def test_a_wrapup_is_extended_by_a_sensible_time_only(by_us: int) -> None:
    stage = stage_in("wrapup")
    assert stage.refused(c.ExtendWrapup(ANNE, X, Span(by_us))) == "agent.bad_extension"


def test_who_is_in_for_one_channel_logs_out_before_the_next() -> None:
    stage = Stage().queue().agent("anne", channels={"chat": 20, "voice": 100})
    assert stage.refused(c.LogIn(ANNE, ("voice",))) == "agent.wrong_state"


# --- readiness ----------------------------------------------------------------------------


def test_who_logs_in_on_another_device_logs_out_first() -> None:
    stage = Stage().queue().agent("anne")
    there = c.LogIn(ANNE, ("voice",), device="room 2")
    assert stage.refused(there) == "agent.wrong_state"
    stage.facts(c.LogOut(ANNE))
    assert stage.kinds(there) == [f.AgentLoggedIn]


def test_who_is_lost_is_not_ready_before_the_connection_is_back() -> None:
    stage = Stage().queue().agent("anne")
    stage.facts(c.ReportAgentLink(ANNE, "device", False), LINE)
    stage.wait(HOUR)
    refused = stage.do(c.SetReady(ANNE))
    assert isinstance(refused, Refused) and "device" in refused.what
    assert refused.reason == "agent.out_of_reach"
    stage.facts(c.ReportAgentLink(ANNE, "device", True), LINE)
    assert stage.kinds(c.SetReady(ANNE)) == [f.AgentReady]


def test_the_last_next_status_wins_and_takes_effect_as_the_wrapup_ends() -> None:
    stage = stage_in("leaving")
    stage.facts(c.LogOut(ANNE, "home"))
    leg = stage.contact("x").leg
    stage.facts(c.ReportCleared(leg), LINE)
    assert stage.of("anne").logged_in
    assert stage.wait(30 * SECOND) == [
        f.AgentWrapupEnded(X, "timer", ()),
        f.AgentLoggedOut("home"),
    ]


def test_ready_clears_the_next_status() -> None:
    stage = stage_in("leaving")
    stage.facts(c.SetReady(ANNE))
    stage.facts(c.ReportCleared(stage.contact("x").leg), LINE)
    assert stage.wait(30 * SECOND) == [f.AgentWrapupEnded(X, "timer", ())]
    assert stage.of("anne").ready


def test_the_same_next_status_again_is_nothing_new() -> None:
    stage = stage_in("leaving")
    assert stage.facts(c.SetNotReady(ANNE, "lunch")) == []


@pytest.mark.parametrize("how", ["failed", "abandoned", "timeout"])
def test_a_next_status_takes_effect_when_connecting_comes_to_nothing(how: str) -> None:
    stage = stage_in("connecting")
    stage.facts(c.SetNotReady(ANNE, "lunch"), MYSELF)
    if how == "failed":
        stage.facts(c.ReportFailed(stage.offer("x"), "busy"))
    elif how == "abandoned":
        stage.facts(c.ReportCleared(stage.contact("x").leg), LINE)
    else:
        stage.wait(5 * SECOND)
    assert stage.all(f.AgentNotReady) == [f.AgentNotReady("lunch", "agent")]


def test_not_ready_for_another_reason_is_recorded_and_for_the_same_is_not() -> None:
    stage = stage_in("ready")
    stage.facts(c.SetNotReady(ANNE, "lunch"), MYSELF)
    assert stage.facts(c.SetNotReady(ANNE, "lunch")) == []
    sue = Actor("supervisor", "sue")
    assert stage.facts(c.SetNotReady(ANNE, "training"), sue) == [
        f.AgentNotReady("training", "supervisor")
    ]


def test_who_withdraws_while_it_rings_leaves_the_contact_to_the_next() -> None:
    stage = stage_in("ringing").agent("bob")
    assert stage.kinds(c.SetNotReady(ANNE, "lunch")) == [
        f.OfferRescinded,
        f.AgentNotReady,
        f.OfferMade,
    ]
    assert stage.rings("x") == "bob"


def test_who_logs_in_again_starts_not_ready_and_at_the_end_of_the_line() -> None:
    stage = stage_in("ready").agent("bob")
    stage.wait(SECOND)
    for command in (c.LogOut(ANNE), c.LogIn(ANNE), c.SetReady(ANNE)):
        stage.facts(command)
    stage.call("x")
    assert stage.rings("x") == "bob"


# --- wrap-up ------------------------------------------------------------------------------


def test_a_wrapup_ends_by_its_timer_and_the_agent_gets_the_next() -> None:
    stage = stage_in("wrapup")
    stage.call("y")
    assert stage.rings("y") == ""
    stage.wait(30 * SECOND - 1)
    assert stage.rings("y") == ""
    stage.wait(1)
    assert stage.rings("y") == "anne"
    assert stage.all(f.AgentWrapupEnded) == [f.AgentWrapupEnded(X, "timer", ())]


def test_a_wrapup_that_is_extended_ends_later_and_once() -> None:
    stage = stage_in("wrapup")
    stage.wait(20 * SECOND)
    extended = stage.facts(c.ExtendWrapup(ANNE, X, Span(60 * SECOND)))
    assert extended == [f.AgentWrapupExtended(X, Instant(START + 90 * SECOND))]
    assert stage.wait(70 * SECOND - 1) == []
    assert stage.wait(1) == [f.AgentWrapupEnded(X, "timer", ())]
    assert stage.wait(HOUR) == []


def test_the_agent_ends_its_wrapup_with_codes() -> None:
    stage = stage_in("wrapup")
    ended = stage.facts(c.EndWrapup(ANNE, X, ("sold", "happy")), MYSELF)
    assert ended == [f.AgentWrapupEnded(X, "agent", ("sold", "happy"))]
    assert stage.refused(c.EndWrapup(ANNE, X)) == "agent.no_wrapup"
    assert stage.wait(HOUR) == []


@pytest.mark.parametrize("contact", ["x", "call of monday", " x", "x ", "a  b"])
@pytest.mark.parametrize("agent", ["anne", "anne of cleves"])
def test_a_wrapup_ends_whatever_the_ids_are(agent: str, contact: str) -> None:
    stage = Stage().queue().agent(agent)
    leg = stage.call(contact)
    stage.talk(contact)
    stage.facts(c.ReportCleared(leg), LINE)
    assert stage.wait(30 * SECOND) == [f.AgentWrapupEnded(ContactId(contact), "timer", ())]


# --- capacity -----------------------------------------------------------------------------


def chatting(n: int, *agents: str) -> Stage:
    """So many chats come in one after the other; agents take five at a time."""
    stage = Stage().queue()
    for agent in agents:
        stage.agent(agent, channels=CHATS)
    for number in range(n):
        stage.call(f"x{number}", channel="chat")
    return stage


def test_an_agent_takes_as_many_chats_as_the_budget_holds() -> None:
    stage = chatting(7, "anne")
    assert [stage.rings(f"x{n}") for n in range(7)] == ["anne"] * 5 + ["", ""]
    assert stage.of("anne").used == 100


def test_a_slot_that_frees_is_filled_at_once() -> None:
    stage = chatting(6, "anne")
    stage.talk("x2")
    stage.facts(c.ReportCleared(stage.contact("x2").leg), LINE)
    assert stage.rings("x5") == ""
    stage.wait(SECOND)
    assert stage.kinds(c.EndWrapup(ANNE, ContactId("x2"))) == [f.AgentWrapupEnded, f.OfferMade]
    assert stage.rings("x5") == "anne"


def test_a_freed_agent_gets_several_at_once() -> None:
    stage = chatting(0, "anne")
    stage.facts(c.SetNotReady(ANNE, "lunch"))
    for number in range(7):
        stage.call(f"x{number}", channel="chat")
    assert stage.kinds(c.SetReady(ANNE)) == [f.AgentReady] + [f.OfferMade] * 5
    assert [stage.rings(f"x{n}") for n in range(7)] == ["anne"] * 5 + ["", ""]


def test_no_decision_makes_more_than_its_bound_of_offers() -> None:
    stage = Stage().set("offers", "center", OfferSettings(a_minute=0))
    stage.queue().agent("anne", channels={"post": 1}, budget=1000, ready=False)
    for n in range(MAX_OFFERS + 40):
        stage.call(f"x{n}", channel="post")
    assert stage.kinds(c.SetReady(ANNE)).count(f.OfferMade) == MAX_OFFERS
    assert len(stage.of("anne").slots) == MAX_OFFERS + 40
    stage.agent("bob", channels={"post": 1}, budget=1000)
    assert stage.kinds(c.LogOut(ANNE)).count(f.OfferMade) == MAX_OFFERS
    assert len(stage.of("bob").slots) == MAX_OFFERS + 40


def test_a_call_needs_all_of_the_budget() -> None:
    stage = Stage().queue().agent("anne", channels={"chat": 20, "voice": 100})
    stage.call("chat", channel="chat")
    stage.call("call")
    assert (stage.rings("chat"), stage.rings("call")) == ("anne", "")
    stage.facts(c.ReportCleared(stage.contact("chat").leg), LINE)
    assert stage.rings("call") == "anne"


def test_many_that_ring_at_who_withdraws_go_to_who_has_room_and_no_further() -> None:
    stage = chatting(5, "anne")
    stage.agent("bob", channels={"chat": 60})
    stage.agent("cleo", channels={"chat": 40})
    stage.facts(c.SetNotReady(ANNE, "lunch"))
    assert [stage.rings(f"x{n}") for n in range(5)] == ["bob", "cleo", "cleo", "", ""]


def test_who_withdraws_gives_back_in_the_order_of_the_line() -> None:
    stage = chatting(0, "anne")
    stage.call("later", channel="chat")
    stage.call("sooner", channel="chat", priority=5)
    stage.agent("bob", channels={"chat": 100})
    stage.facts(c.LogOut(ANNE))
    assert (stage.rings("sooner"), stage.rings("later")) == ("bob", "")


def test_what_rings_is_taken_back_and_what_talks_goes_on() -> None:
    stage = chatting(2, "anne")
    stage.talk("x0")
    stage.agent("bob", channels=CHATS)
    assert stage.kinds(c.SetNotReady(ANNE, "lunch")) == [
        f.OfferRescinded,
        f.AgentNextStatusSet,
        f.OfferMade,
    ]
    assert stage.rings("x1") == "bob"
    stage.facts(c.Close(ContactId("x0")))
    stage.facts(c.EndWrapup(ANNE, ContactId("x0")))
    assert not stage.of("anne").ready


def test_a_rona_while_others_talk_keeps_them() -> None:
    stage = chatting(2, "anne")
    stage.talk("x0")
    stage.alert("x1")
    stage.wait(20 * SECOND)
    assert stage.all(f.AgentNotReady) == [f.AgentNotReady("rona", "system")]
    assert list(stage.of("anne").slots) == ["x0"]
    stage.call("y", channel="chat")
    assert stage.rings("y") == ""
    stage.facts(c.SetReady(ANNE))
    assert (stage.rings("x1"), stage.rings("y")) == ("", "anne")
    stage.wait(5 * SECOND)
    assert stage.rings("x1") == "anne"


def test_work_is_counted_while_anything_is_at_hand() -> None:
    stage = chatting(2, "anne")
    stage.talk("x0")
    stage.alert("x1")
    stage.wait(20 * SECOND)
    stage.facts(c.SetReady(ANNE))
    stage.wait(10 * SECOND)
    stage.facts(c.ReportCleared(stage.contact("x1").leg), LINE)
    stage.facts(c.Close(ContactId("x0")))
    stage.facts(c.EndWrapup(ANNE, ContactId("x0")))
    assert stage.of("anne").busy_us == 30 * SECOND


def test_work_is_counted_though_another_still_rings_as_it_ends() -> None:
    stage = chatting(1, "anne")
    stage.talk("x0")
    stage.wait(10 * SECOND)
    stage.call("x1", channel="chat")
    stage.facts(c.Close(ContactId("x0")))
    stage.facts(c.EndWrapup(ANNE, ContactId("x0")))
    stage.wait(5 * SECOND)
    stage.facts(c.RejectOffer(stage.offer("x1")))
    assert stage.of("anne").busy_us == 10 * SECOND


def test_a_profile_that_loses_a_skill_loses_the_contacts_of_it() -> None:
    stage = Stage().queue(need="he >= 2").agent("anne", {"he": 2})
    stage.agent("bob", {"he": 3}, ready=False)
    stage.facts(c.SetProfile(ANNE, {"he": 1}))
    stage.call("x")
    assert stage.rings("x") == ""
    stage.facts(c.SetProfile(ANNE, {"he": 5}))
    assert stage.rings("x") == "anne"


CHATTER = {"chat": 30, "voice": 60}


def test_a_profile_may_change_at_any_time_and_what_is_at_hand_keeps_its_cost() -> None:
    stage = Stage().queue(wrapup_us=0).agent("anne", channels=CHATTER)
    legs = [stage.call(f"x{n}", channel="chat") for n in range(4)]
    for n in range(2):
        stage.talk(f"x{n}")
    stage.facts(c.SetProfile(ANNE, {}, {"chat": 40}, 50))
    anne = stage.of("anne")
    assert (anne.budget, anne.used, anne.over) == (50, 90, 40)
    stage.facts(c.RejectOffer(stage.offer("x2")))
    stage.wait(5 * SECOND)
    assert (anne.used, anne.over, stage.rings("x2"), stage.rings("x3")) == (60, 10, "", "")
    stage.facts(c.ReportCleared(legs[0]), LINE)
    assert (anne.used, anne.over, stage.rings("x2")) == (30, 0, "")
    stage.facts(c.ReportCleared(legs[1]), LINE)
    assert (anne.used, stage.rings("x2"), stage.rings("x3")) == (40, "anne", "")


def test_a_budget_that_is_raised_again_lets_more_in_at_once() -> None:
    stage = Stage().queue(wrapup_us=0).agent("anne", channels={"chat": 30})
    for n in range(3):
        stage.call(f"x{n}", channel="chat")
    stage.facts(c.SetProfile(ANNE, {}, {"chat": 30}, 60))
    stage.call("x3", channel="chat")
    assert stage.rings("x3") == ""
    stage.facts(c.SetProfile(ANNE, {}, {"chat": 30}, 120))
    assert (stage.of("anne").over, stage.rings("x3")) == (0, "anne")


@pytest.mark.parametrize(
    ("actor", "by"),
    [
        (MYSELF, "agent"),
        (Actor("supervisor", "sue"), "supervisor"),
        (Actor("admin", "ada"), "system"),
    ],
)
def test_who_asked_for_the_next_status_is_named_when_it_takes_effect(actor: Actor, by: str) -> None:
    stage = stage_in("wrapup")
    stage.facts(c.SetNotReady(ANNE, "training"), actor)
    stage.engine = stage.loaded()
    stage.facts(c.EndWrapup(ANNE, X), MYSELF)
    assert stage.all(f.AgentNotReady) == [f.AgentNotReady("training", by)]


def test_who_did_not_answer_is_offered_nothing_more_also_what_rings_already() -> None:
    stage = Stage().queue().agent("anne", channels={"chat": 30})
    stage.call("x", channel="chat")
    first = stage.alert("x")
    stage.wait(SECOND)
    stage.call("y", channel="chat")
    second = stage.alert("y")
    stage.agent("bob", channels={"chat": 30})
    happened = stage.wait(19 * SECOND)
    assert happened[:3] == [
        f.OfferRescinded(second, "agent_not_ready"),
        f.OfferExpired(first),
        f.AgentNotReady("rona", "system"),
    ]
    assert not stage.of("anne").slots
    assert (stage.rings("x"), stage.rings("y")) == ("bob", "bob")
