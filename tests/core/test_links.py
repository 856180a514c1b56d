"""Connections lost and found: what was going on ends once, and nobody is blamed."""

from typing import Any

import pytest

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.ids import AgentId, ContactId, LegId
from cckit.core.instant import MINUTE, SECOND, Instant
from cckit.core.link import GRACE_US, UNREACHABLE_US
from cckit.core.rules import links
from cckit.core.snapshot import dump
from tests.stage import LINE, START, Stage

ANNA = AgentId("anna")
COSTS = {"voice": 60, "chat": 20}


def stage(*agents: str, **settings: Any) -> Stage:
    made = Stage().queue(**settings)
    for agent in agents or ("anna",):
        made.agent(agent, channels=COSTS)
    return made


def same_when_folded_or_loaded(made: Stage) -> None:
    assert dump(made.folded()) == dump(made.loaded()) == dump(made.engine)


def lose(made: Stage, what: str, agent: str = "anna") -> list[Any]:
    return made.facts(c.ReportAgentLink(AgentId(agent), what, False), LINE)


def sessions(made: Stage, *legs: int, strangers: tuple[str, ...] = (), ago: int = 0) -> list[Any]:
    as_of = Instant(made.now - ago)
    return made.facts(c.ReportSessions("line", as_of, tuple(map(LegId, legs)), strangers), LINE)


def kinds(facts: list[Any]) -> list[type]:
    return [type(fact) for fact in facts]


# --- adapters -----------------------------------------------------------------------------


def test_a_lost_connection_opens_a_gap_that_the_list_of_sessions_closes() -> None:
    made = stage()
    seen = Instant(made.now - 3 * SECOND)
    lost = made.facts(c.ReportLink("line", False, seen), LINE)
    assert lost == [f.AdapterLinkChanged("line", False, seen), f.GapOpened("link line")]
    assert made.facts(c.ReportLink("line", False), LINE) == []
    assert sessions(made) == []  # It was told before the connection was lost.
    made.wait(MINUTE)
    assert kinds(made.facts(c.ReportLink("line", True), LINE)) == [f.AdapterLinkChanged]
    closed = sessions(made)
    assert closed == [f.GapClosed(seen, Instant(made.now), {"adopted": 0, "lost": 0})]
    assert sessions(made) == []
    same_when_folded_or_loaded(made)


def test_nobody_speaks_for_another_adapter() -> None:
    made = stage()
    for command in (
        c.ReportLink("mail", False),
        c.ReportSessions("mail", Instant(START)),
        c.ReportLink("", False),
    ):
        assert made.refused(command, LINE) == "adapter.not_yours"
    later = c.ReportSessions("line", Instant(made.now + 1))
    assert made.refused(later, LINE) == "adapter.bad_as_of"


def test_what_rings_while_the_connection_is_lost_fails_and_blames_nobody() -> None:
    made = stage(rona_after=1)
    made.call("x")
    made.alert("x")
    made.facts(c.ReportLink("line", False), LINE)
    facts = made.wait(21 * SECOND)
    assert made.all(f.OfferFailed)[0].cause == "link_lost"
    assert f.AgentNotReady not in kinds(facts)


# --- agents -------------------------------------------------------------------------------


def test_nothing_is_offered_to_who_has_lost_the_desk_and_it_is_said_why() -> None:
    made = stage("anna", "ben")
    made.call("x")
    assert made.rings("x") == "anna"
    lost = lose(made, "desk")
    assert kinds(lost) == [f.OfferRescinded, f.AgentLinkChanged, f.OfferMade]
    assert made.rings("x") == "ben"
    assert lost[-1].excluded == {"link": 1}
    assert lose(made, "desk") == []
    back = made.facts(c.ReportAgentLink(ANNA, "desk", True), LINE)
    assert back == [f.AgentLinkChanged("desk", True, None)]
    assert made.wait(UNREACHABLE_US) and made.of("anna").ready
    same_when_folded_or_loaded(made)


def test_who_is_back_takes_what_waits() -> None:
    made = stage()
    lose(made, "device")
    made.call("x")
    assert made.rings("x") == ""
    back = made.facts(c.ReportAgentLink(ANNA, "device", True), LINE)
    assert kinds(back) == [f.AgentLinkChanged, f.OfferMade]


def test_a_phone_talks_on_without_a_desk_until_the_agent_is_away() -> None:
    made = stage()
    made.call("x")
    made.talk("x")
    lose(made, "desk")
    gone = made.wait(UNREACHABLE_US)
    assert gone == [f.AgentNotReady("unreachable", "system")]
    assert made.contact("x").agent == "anna"
    same_when_folded_or_loaded(made)


def test_a_call_whose_device_is_lost_goes_to_the_head_of_its_queue() -> None:
    made = stage("anna", "ben", wrapup_us=10 * SECOND)
    made.call("x")
    made.talk("x")
    made.facts(c.SetNotReady(AgentId("ben"), "lunch"))
    made.wait(MINUTE)
    made.call("y")
    since = made.log[-1][0].recorded_at
    lose(made, "device")
    gone = made.wait(UNREACHABLE_US)
    assert kinds(gone) == [
        f.AgentNotReady,
        f.AgentWrapupStarted,
        f.ContactAgentLeft,
        f.QueueEntered,
    ]
    assert gone[-1].since < since
    made.facts(c.SetReady(AgentId("ben")))
    assert (made.rings("x"), made.rings("y")) == ("ben", "")
    same_when_folded_or_loaded(made)


def test_a_chat_is_carried_by_the_desk() -> None:
    made = stage()
    made.call("x", channel="chat")
    made.talk("x")
    lose(made, "device")
    assert kinds(made.wait(UNREACHABLE_US)) == [f.AgentNotReady]
    lose(made, "desk")
    assert f.QueueEntered in kinds(made.wait(UNREACHABLE_US))


def test_several_contacts_of_who_is_lost_all_go_back_in_one_decision() -> None:
    made = stage()
    for contact in ("x", "y", "z"):
        made.call(contact, channel="chat")
        made.talk(contact)
    lose(made, "desk")
    entered = [fact for fact in made.wait(UNREACHABLE_US) if type(fact) is f.QueueEntered]
    assert len({fact.entry for fact in entered}) == 3
    assert [fact.n for fact in entered] == [4, 5, 6]
    same_when_folded_or_loaded(made)


def test_who_wanted_to_go_home_goes_home_all_the_same() -> None:
    made = stage()
    made.call("x")
    made.talk("x")
    made.facts(c.LogOut(ANNA, "home"))
    lose(made, "device")
    gone = made.wait(UNREACHABLE_US)
    assert f.AgentLoggedOut in kinds(gone + made.wait(MINUTE))
    same_when_folded_or_loaded(made)


def test_who_logs_in_is_there() -> None:
    made = stage()
    lose(made, "desk")
    made.facts(c.LogOut(ANNA))
    assert lose(made, "desk") == []
    made.wait(MINUTE)
    made.facts(c.LogIn(ANNA))
    made.facts(c.SetReady(ANNA))
    made.call("x")
    assert made.rings("x") == "anna"
    assert made.refused(c.ReportAgentLink(AgentId("zoe"), "desk", False)) == "agent.unknown"
    assert made.refused(c.ReportAgentLink(ANNA, "chair", False)) == "agent.bad_link"


# --- reconciliation -----------------------------------------------------------------------


def test_a_missing_customer_was_lost_by_the_switch_and_the_agent_wraps_up() -> None:
    made = stage(wrapup_us=10 * SECOND)
    leg = made.call("x")
    made.talk("x")
    came = made.now
    made.wait(MINUTE)
    lost = sessions(made)
    assert lost == [
        f.LegLost(leg, Instant(came), Instant(made.now)),
        f.AgentWrapupStarted(ContactId("x"), Instant(made.now + 10 * SECOND)),
        f.ContactAgentLeft(ANNA, "switch_lost"),
        f.ContactClosed("failed", "switch_lost", "system"),
    ]
    same_when_folded_or_loaded(made)


def test_what_waits_and_is_missing_leaves_its_queue() -> None:
    made = stage()
    made.facts(c.SetNotReady(ANNA, "lunch"))
    made.call("x")
    assert kinds(sessions(made)) == [f.LegLost, f.QueueLeft, f.ContactClosed]
    assert made.all(f.QueueLeft)[0].reason == "cancelled"


def test_when_only_the_agents_leg_is_missing_the_customer_is_next() -> None:
    made = stage("anna", "ben")
    leg = made.call("x")
    made.talk("x")
    lost = sessions(made, leg)
    assert kinds(lost) == [
        f.LegLost,
        f.AgentWrapupStarted,
        f.ContactAgentLeft,
        f.QueueEntered,
        f.OfferMade,
    ]
    assert made.rings("x") == "ben"
    same_when_folded_or_loaded(made)


def conference(*agents: str, **settings: Any) -> tuple[Stage, LegId]:
    """Customer x talks to all of these agents."""
    made = stage(*agents, **settings)
    leg = made.call("x")
    made.talk("x")
    for agent in agents[1:]:
        made.facts(c.Consult(ContactId("x"), "agent", agent, consult=ContactId(agent)))
        made.talk(agent)
        made.facts(c.Conference(ContactId("x")))
    made.wait(SECOND)
    return made, leg


def test_agents_of_a_conference_who_are_lost_together_leave_the_customer_next_in_line() -> None:
    made, leg = conference("anna", "ben", wrapup_us=10 * SECOND)
    facts = sessions(made, leg)
    assert kinds(facts) == [
        f.LegLost,
        f.LegLost,
        f.AgentWrapupStarted,
        f.ContactAgentLeft,
        f.AgentWrapupStarted,
        f.ContactAgentLeft,
        f.QueueEntered,
    ]
    left = [fact for fact in facts if type(fact) is f.ContactAgentLeft]
    assert left == [f.ContactAgentLeft(who, "switch_lost") for who in ("ben", "anna")]
    assert sessions(made, leg) == []
    same_when_folded_or_loaded(made)


def test_an_agent_of_a_conference_who_is_not_lost_talks_on() -> None:
    made, leg = conference("anna", "ben", wrapup_us=0)
    [ben] = made.contact("x").others
    assert kinds(sessions(made, leg, ben)) == [f.LegLost, f.ContactAgentLeft]
    assert made.contact("x").agent == "ben"
    same_when_folded_or_loaded(made)


def test_an_outsider_who_is_lost_with_the_agent_is_not_to_be_cleared() -> None:
    made = stage()
    leg = made.call("x")
    made.talk("x")
    consult = c.Consult(ContactId("x"), "external", "+49123", consult=ContactId("y"))
    made.facts(consult)
    outside = made.contact("y").dialing.id
    made.facts(c.ReportEstablished(outside), LINE)
    made.facts(c.Conference(ContactId("x")))
    made.wait(SECOND)
    ordered = [fact for fact in sessions(made, leg) if type(fact) is f.LegOrdered]
    assert [one.order for one in ordered if one.leg == outside] == []
    assert made.contact("x").entry


def test_what_rings_and_is_missing_failed_and_is_nobodys_fault() -> None:
    made = stage("anna", "ben", rona_after=1)
    leg = made.call("x")
    made.alert("x")
    assert kinds(sessions(made, leg)) == [f.OfferFailed, f.OfferMade]
    made.answer("x")
    assert kinds(sessions(made, leg))[0] is f.ContactConnectFailed
    assert not made.all(f.AgentNotReady)


def test_what_is_newer_than_the_list_is_left_alone() -> None:
    made = stage()
    made.wait(MINUTE)
    made.call("x")
    made.talk("x")
    assert sessions(made, ago=1) == []
    assert made.contact("x").leg


def test_what_another_adapter_has_is_left_alone() -> None:
    made = stage()
    made.call("x")
    mail = c.ReportSessions("mail", Instant(made.now))
    assert made.facts(mail) == []


def test_a_stranger_gets_a_name_and_is_cleared_unless_its_arrival_comes() -> None:
    made = stage()
    first = sessions(made, strangers=("a", "b"))
    assert kinds(first) == [f.LegAdopted, f.LegAdopted]
    assert sessions(made, strangers=("a", "b")) == []
    made.wait(GRACE_US - 1)
    made.facts(c.ReportArrived("voice", ref="b", contact=ContactId("b")), LINE)
    leg = made.contact("b").leg
    made.wait(1)
    assert sessions(made, leg, strangers=("a",)) == [f.LegOrdered(first[0].leg, "clear")]
    assert sessions(made, leg, strangers=("a",)) == []  # Once is enough.
    same_when_folded_or_loaded(made)
    made.wait(1)
    assert kinds(sessions(made, leg)) == [f.LegLost]
    assert sessions(made, leg) == []
    same_when_folded_or_loaded(made)


def test_a_leg_of_ours_that_outlived_its_contact_is_cleared_after_a_while() -> None:
    made = stage()
    leg = made.call("x")
    made.facts(c.Deflect(ContactId("x")))
    assert sessions(made, leg) == [f.LegAdopted(leg, "line", str(leg))]
    made.wait(GRACE_US)
    assert sessions(made, leg) == [f.LegOrdered(leg, "clear")]
    assert kinds(sessions(made)) == [f.LegLost]
    same_when_folded_or_loaded(made)


def test_many_strangers_are_named_in_parts() -> None:
    made = stage()
    names = tuple(f"s{n}" for n in range(300))
    assert len(sessions(made, strangers=names)) == 256
    assert len(sessions(made, strangers=names)) == 44


@pytest.mark.parametrize("part", ["ringing", "alerting", "connecting", "talking"])
def test_after_a_restart_nothing_rings_that_nobody_knows_of(part: str) -> None:
    made = stage()
    made.call("x")
    if part == "alerting":
        made.alert("x")
    elif part == "connecting":
        made.answer("x")
    elif part == "talking":
        made.talk("x")
    before = made.engine.floor.entries and made.offer("x")
    made.record(f.RunStarted(2, "simulated", None, 0, False, {}))
    taken_back = [fact for _, fact in links.recovered(made.engine.floor)]
    rings = part in ("ringing", "alerting")
    assert taken_back == ([f.OfferRescinded(before, "recovery")] if rings else [])
