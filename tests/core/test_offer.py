"""An offer in each phase under each report and request; fences that are stale."""

import pytest

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.errors import Refused
from cckit.core.events import Actor
from cckit.core.ids import AgentId, LegId, OfferId
from cckit.core.instant import SECOND
from tests.stage import LINE, START, Stage

PHASES = ("made", "alerting", "accepted", "bridged", "ended")
SUPERSEDED = [f.FactSuperseded]
ANSWERS = {
    "made": [f.OfferAccepted],
    "alerting": [f.OfferAccepted],
    "accepted": [],
    "bridged": [],
    "ended": SUPERSEDED,
}
CELLS: dict[type, dict[str, list[type] | str]] = {
    c.ReportAlerting: {
        "made": [f.OfferAlerting],
        "alerting": [],
        "accepted": [],
        "bridged": [],
        "ended": SUPERSEDED,
    },
    c.ReportAnswered: ANSWERS,
    c.AcceptOffer: ANSWERS,
    c.RejectOffer: {
        "made": [f.OfferRejected, f.OfferMade],
        "alerting": [f.OfferRejected, f.OfferMade],
        "accepted": "offer.stale_fence",
        "bridged": "offer.stale_fence",
        "ended": "offer.stale_fence",
    },
    c.ReportFailed: {
        "made": [f.OfferFailed, f.OfferMade],
        "alerting": [f.OfferFailed, f.OfferMade],
        "accepted": [f.ContactConnectFailed, f.OfferMade],
        "bridged": [],
        "ended": SUPERSEDED,
    },
    c.ReportBridged: {
        "made": [f.OfferAccepted, f.ContactConnected, f.QueueLeft],
        "alerting": [f.OfferAccepted, f.ContactConnected, f.QueueLeft],
        "accepted": [f.ContactConnected, f.QueueLeft],
        "bridged": [],
        "ended": SUPERSEDED,
    },
}


def stage_in(phase: str) -> tuple[Stage, OfferId]:
    """A contact x that rings at anne, bob being free beside; her offer in a phase."""
    stage = Stage().queue().agent("anne").agent("bob")
    leg = stage.call("x")
    offer = stage.offer("x")
    if phase == "alerting":
        stage.alert("x")
    if phase in ("accepted", "bridged"):
        stage.answer("x")
    if phase == "bridged":
        stage.facts(c.ReportBridged(offer), LINE)
    if phase == "ended":
        stage.facts(c.ReportCleared(leg), LINE)
    return stage, offer


def command_of(kind: type, offer: OfferId) -> object:
    return c.ReportFailed(offer, "busy") if kind is c.ReportFailed else kind(offer)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("kind", CELLS, ids=lambda kind: kind.__name__)
def test_each_phase_answers_each_command_as_the_table_says(kind: type, phase: str) -> None:
    stage, offer = stage_in(phase)
    expected = CELLS[kind][phase]
    command = command_of(kind, offer)
    if isinstance(expected, str):
        assert stage.refused(command) == expected
    else:
        assert stage.kinds(command, LINE) == expected


@pytest.mark.parametrize("kind", [c.AcceptOffer, c.ReportAnswered, c.RejectOffer])
@pytest.mark.parametrize("phase", ["made", "alerting", "accepted", "bridged"])
def test_no_agent_answers_for_another(kind: type, phase: str) -> None:
    stage, offer = stage_in(phase)
    assert stage.refused(kind(offer), Actor("agent", "bob")) == "offer.not_yours"


@pytest.mark.parametrize("actor", [Actor("agent", "anne"), Actor("supervisor", "sue"), LINE])
def test_the_agent_and_who_is_no_agent_may_answer(actor: Actor) -> None:
    stage, offer = stage_in("made")
    assert stage.kinds(c.AcceptOffer(offer), actor) == [f.OfferAccepted]


def until_offered(stage: Stage) -> int:
    """Let time pass until x is offered again; how many seconds it took."""
    since = stage.now
    while not stage.rings("x"):
        due = stage.engine.next_due()
        assert due is not None
        stage.wait(due[0] - stage.now)
    return (stage.now - since) // SECOND


def test_a_late_report_names_the_event_that_won() -> None:
    stage, offer = stage_in("ended")
    rescinded = next(e for e, data in stage.log if type(data) is f.OfferRescinded)
    late = stage.facts(c.ReportAnswered(offer), LINE)
    assert late == [f.FactSuperseded(f"ReportAnswered {offer}", rescinded.position)]
    assert stage.log[-1][0].stream == "contact/x"


def test_a_late_report_about_what_is_forgotten_is_put_aside() -> None:
    stage, offer = stage_in("ended")
    stage.wait(700 * SECOND)
    stage.arrive("y")
    stage.wait(20 * SECOND)
    stage.arrive("z")
    aside = stage.facts(c.ReportAnswered(offer), LINE)[0]
    assert (type(aside), aside.reason) == (f.FactQuarantined, "offer.ended_long_ago")
    assert stage.refused(c.RejectOffer(offer)) == "offer.stale_fence"


@pytest.mark.parametrize("offer", [0, -1, 7, 2**32 - 1, 2**33, 2**63 - 1])
@pytest.mark.parametrize("kind", CELLS, ids=lambda kind: kind.__name__)
def test_a_fence_that_was_never_given_is_refused(kind: type, offer: int) -> None:
    stage, _ = stage_in("made")
    assert stage.refused(command_of(kind, OfferId(offer)), LINE) == "offer.unknown"


def test_fences_only_grow_also_over_runs() -> None:
    stage, first = stage_in("made")
    stage.facts(c.RejectOffer(first))
    second = stage.offer("x")
    stage.record(f.RunStarted(2, "simulated", None, 0, False, {}))
    stage.facts(c.RejectOffer(second))
    stage.agent("cleo")
    third = stage.offer("x")
    assert first < second < third
    assert third >> 32 == 2


def test_a_leg_that_an_adapter_names_must_be_free_and_ours() -> None:
    stage, offer = stage_in("made")
    taken = stage.contact("x").leg
    for leg in (taken, LegId(7), LegId(0), LegId(-1), LegId(2**62), LegId(offer + 1)):
        assert stage.refused(c.ReportAlerting(offer, leg), LINE).startswith("leg.")
    before = stage.engine.floor.next_id()
    stage.alert("x")
    assert stage.engine.floor.next_id() == before + 1


def test_one_leg_does_not_ring_for_two_offers() -> None:
    stage, offer = stage_in("made")
    stage.call("y")
    gone = stage.arrive("z")
    stage.facts(c.ReportCleared(gone), LINE)
    assert stage.kinds(c.ReportAlerting(offer, gone), LINE) == [f.OfferAlerting]
    assert stage.refused(c.ReportAlerting(stage.offer("y"), gone), LINE) == "leg.not_free"


def test_an_offer_that_did_not_ring_fails_at_its_due_and_is_no_rona() -> None:
    stage, offer = stage_in("made")
    happened = stage.wait(20 * SECOND)
    assert happened[0] == f.OfferFailed(offer, "not_alerted")
    assert not stage.all(f.AgentNotReady)
    assert stage.rings("x") == "bob"


def test_an_offer_that_rang_out_is_a_rona() -> None:
    stage, offer = stage_in("alerting")
    happened = stage.wait(20 * SECOND)
    assert happened[:2] == [f.OfferExpired(offer), f.AgentNotReady("rona", "system")]
    assert stage.rings("x") == "bob"
    assert stage.facts(c.SetReady(AgentId("anne"))) == [f.AgentReady()]


def test_only_the_nth_unanswered_offer_in_a_row_is_a_rona() -> None:
    stage = Stage().queue(rona_after=2).agent("anne")
    stage.call("x")
    stage.alert("x")
    stage.wait(20 * SECOND)
    assert not stage.all(f.AgentNotReady)
    stage.wait(5 * SECOND)
    stage.alert("x")
    stage.wait(20 * SECOND)
    assert stage.all(f.AgentNotReady) == [f.AgentNotReady("rona", "system")]


def test_an_answer_between_two_missed_offers_forgives_the_first() -> None:
    stage = Stage().queue(rona_after=2, wrapup_us=0).agent("anne")
    leg = stage.call("x")
    stage.alert("x")
    stage.wait(25 * SECOND)
    stage.talk("x")
    stage.facts(c.ReportCleared(leg), LINE)
    stage.call("y")
    stage.alert("y")
    stage.wait(20 * SECOND)
    assert len(stage.all(f.OfferExpired)) == 2
    assert not stage.all(f.AgentNotReady)


def test_nobody_is_set_aside_where_rona_is_off() -> None:
    stage = Stage().queue(rona_after=0).agent("anne")
    stage.call("x")
    for _ in range(4):
        stage.alert("x")
        stage.wait(20 * SECOND)
        until_offered(stage)
    assert len(stage.all(f.OfferExpired)) == 4
    assert not stage.all(f.AgentNotReady)


def test_a_back_off_doubles_from_five_seconds_to_sixty() -> None:
    stage = Stage().queue().agent("anne")
    stage.call("x")
    waits = []
    for _ in range(7):
        stage.facts(c.RejectOffer(stage.offer("x")))
        waits.append(until_offered(stage))
    assert waits == [5, 10, 20, 40, 60, 60, 60]


@pytest.mark.parametrize("us", [0, 5 * SECOND - 1])
def test_a_back_off_lasts_to_its_last_microsecond(us: int) -> None:
    stage = Stage().queue().agent("anne")
    stage.call("x")
    stage.facts(c.RejectOffer(stage.offer("x")))
    stage.wait(us)
    assert stage.rings("x") == ""
    stage.wait(5 * SECOND - us)
    assert stage.rings("x") == "anne"
    assert stage.all(f.OfferMade)[-1].round == 2


def test_in_back_off_the_agent_gets_another_contact() -> None:
    stage = Stage().queue().agent("anne")
    stage.call("x")
    stage.call("y")
    stage.facts(c.RejectOffer(stage.offer("x")))
    assert (stage.rings("x"), stage.rings("y")) == ("", "anne")


def test_a_connection_that_takes_too_long_goes_back_to_its_old_place() -> None:
    stage, offer = stage_in("accepted")
    since = stage.engine.floor.entries[stage.contact("x").entry].since
    happened = stage.wait(5 * SECOND)
    assert happened[0] == f.ContactConnectFailed(offer, "timeout")
    entry = stage.engine.floor.entries[stage.contact("x").entry]
    assert (entry.since, since, stage.rings("x")) == (START, START, "anne")


def test_a_connection_that_fails_once_is_tried_again_at_once_and_does_not_count() -> None:
    stage = Stage().queue().agent("anne").agent("bob")
    stage.call("x")
    for _ in range(2):
        stage.facts(c.ReportFailed(stage.answer("x"), "busy"), LINE)
        stage.engine = stage.loaded()
    stage.facts(c.ReportFailed(stage.answer("x"), "busy"), LINE)
    made = [(one.agent, one.round) for one in stage.all(f.OfferMade)]
    assert made == [("anne", 1), ("anne", 1), ("bob", 1), ("bob", 1)]
    stage.facts(c.ReportFailed(stage.answer("x"), "busy"), LINE)
    assert stage.rings("x") == ""
    assert until_offered(stage) == 5
    assert [one.since for one in stage.engine.floor.entries.values()] == [START]


def test_a_back_off_grows_for_each_pair_on_its_own() -> None:
    stage = Stage().queue().agent("anne").agent("bob")
    stage.call("x")
    for _ in range(2):
        stage.facts(c.RejectOffer(stage.offer("x")))
        stage.engine = stage.loaded()
    entry = stage.engine.floor.entries[stage.contact("x").entry]
    assert entry.barred == dict.fromkeys(("anne", "bob"), START + 5 * SECOND)
    until_offered(stage)
    stage.facts(c.RejectOffer(stage.offer("x")))
    assert stage.rings("x") == "bob"
    assert entry.failures == {"anne": 2, "bob": 1}


@pytest.mark.parametrize("kind", [c.AcceptOffer, c.ReportAnswered, c.ReportBridged])
def test_who_answers_what_has_ended_is_cleared(kind: type) -> None:
    stage, offer = stage_in("alerting")
    leg = stage.all(f.OfferAlerting)[0].leg
    stage.facts(c.RejectOffer(offer))
    stage.engine = stage.loaded()
    late = stage.facts(kind(offer), LINE)
    assert [type(data) for data in late] == [f.FactSuperseded, f.LegOrdered]
    assert late[1] == f.LegOrdered(leg, "clear")
    assert stage.kinds(c.ReportFailed(offer, "busy"), LINE) == SUPERSEDED


def test_a_leg_that_somebody_else_has_by_now_is_not_cleared() -> None:
    stage, offer = stage_in("alerting")
    leg = stage.all(f.OfferAlerting)[0].leg
    stage.facts(c.RejectOffer(offer))
    stage.facts(c.ReportAlerting(stage.offer("x"), leg), LINE)
    assert stage.kinds(c.AcceptOffer(offer)) == SUPERSEDED
    stage.talk("x")
    assert stage.kinds(c.AcceptOffer(offer)) == SUPERSEDED


def test_a_late_alert_names_the_leg_that_is_to_be_cleared() -> None:
    stage, offer = stage_in("made")
    leg = stage.arrive("y")
    stage.facts(c.ReportCleared(leg), LINE)
    stage.facts(c.RejectOffer(offer))
    late = stage.facts(c.ReportAlerting(offer, leg), LINE)
    assert late[1:] == [f.LegOrdered(leg, "clear")]


@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize(
    ("phase", "fact"),
    [("alerting", f.OfferFailed), ("accepted", f.ContactConnectFailed)],
)
def test_an_offer_whose_leg_is_cleared_has_failed(phase: str, fact: type, loaded: bool) -> None:
    stage, offer = stage_in("alerting")
    leg = stage.all(f.OfferAlerting)[0].leg
    if phase == "accepted":
        stage.facts(c.AcceptOffer(offer))
    if loaded:
        stage.engine = stage.loaded()
    assert stage.facts(c.ReportCleared(leg), LINE)[0] == fact(offer, "cleared")
    assert stage.facts(c.ReportCleared(leg), LINE) == []
    assert not stage.engine.floor.ringing


def test_a_timer_of_what_moved_on_yields_nothing() -> None:
    stage, offer = stage_in("alerting")
    due = stage.engine.next_due()
    assert due is not None
    stage.facts(c.AcceptOffer(offer))
    assert stage.facts(due[1]) == []
    stage.facts(c.ReportBridged(offer))
    assert stage.facts(due[1]) == []


@pytest.mark.parametrize("kind", ["ring", "connect", "wrapup", "wait", "backoff"])
@pytest.mark.parametrize("subject", ["", "x", "7", "-1", "anne x", "9" * 5000])
def test_a_timer_about_nothing_yields_nothing_or_a_reason(kind: str, subject: str) -> None:
    stage, _ = stage_in("made")
    decided = stage.do(c.TimerDue(kind, subject, 3))
    if isinstance(decided, Refused):
        assert decided.reason == "timer.unknown"
    else:
        assert decided.recorded == ()


def test_a_timer_of_no_kind_is_refused() -> None:
    stage, _ = stage_in("made")
    assert stage.refused(c.TimerDue("moon", "1", 1)) == "timer.unknown"


def test_a_timer_before_its_time_yields_nothing() -> None:
    stage, offer = stage_in("alerting")
    due = stage.engine.next_due()
    assert due is not None and due[0] == START + 20 * SECOND
    assert stage.facts(due[1]) == []
    assert stage.offer("x") == offer
