"""Handing contacts on: where they go, who is free, what comes of a target that fails."""

from collections.abc import Callable
from typing import Any

import pytest

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.agent import BUSY, WRAPUP
from cckit.core.ids import AgentId, ContactId, QueueId
from cckit.core.instant import MINUTE, SECOND, Instant
from cckit.core.step import Step
from tests.stage import CHATS, LINE, START, Stage

X, Y = ContactId("x"), ContactId("y")
ANNE, BOB, CLEO = AgentId("anne"), AgentId("bob"), AgentId("cleo")
LEAVES = [f.ContactTransferred, f.AgentWrapupStarted, f.ContactAgentLeft]


def talking() -> Stage:
    """x talks to anne; bob and cleo are idle, bob the longer."""
    stage = Stage().queue("help", wrapup_us=10 * SECOND).queue("second", wrapup_us=5 * SECOND)
    for agent in ("anne", "bob", "cleo"):
        stage.agent(agent)
        stage.wait(SECOND)
    stage.call("x")
    stage.wait(SECOND)
    stage.talk("x")
    stage.wait(SECOND)
    return stage


def consulted(kind: str = "agent", to: str = "cleo") -> Stage:
    """The same, and anne talks to somebody about x, who is on hold."""
    stage = talking()
    stage.facts(c.Consult(X, kind, to, Y))
    stage.facts(c.ReportHeld(stage.contact("x").leg), LINE)
    if kind == "external":
        stage.facts(c.ReportEstablished(stage.contact("y").dialing.id), LINE)
    else:
        stage.talk("y")
    return stage


def hang_up(stage: Stage, contact: str = "x") -> list[type]:
    return stage.kinds(c.ReportCleared(stage.contact(contact).leg), LINE)


# --- blind ------------------------------------------------------------------------------------


def test_an_agent_who_transfers_is_free_at_once_and_wraps_up_alone() -> None:
    stage = talking()
    kinds = stage.kinds(c.Transfer(X, "queue", "second"))
    assert kinds == [*LEAVES, f.QueueEntered, f.OfferMade]
    assert stage.of("anne").slots["x"].phase is WRAPUP
    stage.talk("x")
    stage.wait(10 * SECOND)  # Anne's wrap-up ended by itself, the talk goes on.
    assert not stage.of("anne").slots
    assert stage.contact("x").agent == "bob"
    assert [ended.by for ended in stage.all(f.AgentWrapupEnded)] == ["timer"]


def test_a_transfer_keeps_steps_lane_and_priority_and_counts_from_now() -> None:
    stage = Stage().queue().queue("second")
    stage.agent("anne", {"he": 3})
    stage.call("x", need="he >= 2", lane=1, priority=2)
    stage.talk("x")
    stage.wait(SECOND)
    stage.facts(c.Transfer(X, "queue", "second"))
    entered = stage.all(f.QueueEntered)[-1]
    assert (entered.steps, entered.lane, entered.priority) == (("he >= 2",), 1, 2)
    assert entered.since == stage.now


def test_a_transfer_may_name_another_need_and_since() -> None:
    stage = talking()
    stage.facts(c.Transfer(X, "queue", "second", need="", since=Instant(START)))
    entered = stage.all(f.QueueEntered)[-1]
    assert (entered.steps, entered.since) == ((), START)


def test_what_only_the_old_queue_asked_for_stays_there() -> None:
    stage = Stage().queue(need="he").queue("second", need="en")
    stage.agent("anne", {"he": 1}).agent("bob", {"en": 1}).call("x")
    stage.talk("x")
    stage.facts(c.Transfer(X, "queue", "second"))
    assert stage.all(f.QueueEntered)[-1].steps == ("en >= 1",)
    assert stage.rings("x") == "bob"


def test_an_agent_by_name_is_rung_first_then_the_one_who_transferred_then_all() -> None:
    stage = talking()
    waited = stage.all(f.QueueEntered)[0].since
    stage.facts(c.Transfer(X, "agent", "cleo"))
    entered = stage.all(f.QueueEntered)[-1]
    assert [Step.parse(text).agents for text in entered.steps] == [("cleo",), ("anne",), ()]
    assert entered.since == waited
    assert stage.rings("x") == "cleo"
    stage.facts(c.RejectOffer(stage.offer("x")))
    assert stage.rings("x") == ""
    stage.wait(25 * SECOND)  # Cleo is asked once more, for as long as her step lasts.
    assert stage.rings("x") == "anne"  # Her wrap-up is over by now.


def test_whoever_wraps_a_contact_up_is_not_offered_it_again_before_the_end_of_that() -> None:
    stage = Stage().queue(wrapup_us=60 * SECOND).agent("eve", channels=CHATS)
    stage.call("x", channel="chat")
    stage.talk("x")
    stage.facts(c.Transfer(X, "queue", "help"))
    assert stage.rings("x") == ""
    stage.wait(59 * SECOND)
    assert stage.rings("x") == ""
    assert stage.kinds(c.EndWrapup(AgentId("eve"), X)) == [f.AgentWrapupEnded, f.OfferMade]


def test_who_answers_outside_ends_the_contact_for_us() -> None:
    stage = talking()
    assert stage.kinds(c.Transfer(X, "external", "100")) == [*LEAVES, f.LegOrdered]
    order = stage.all(f.LegOrdered)[-1]
    assert (order.order, order.role, order.address) == ("dial", "external", "100")
    assert stage.all(f.ContactTransferred)[-1].to == "100"
    stage.facts(c.ReportDelivered(order.leg), LINE)
    kinds = stage.kinds(c.ReportEstablished(order.leg), LINE)
    assert kinds == [f.LegEstablished, f.ContactClosed]
    closed = stage.all(f.ContactClosed)[-1]
    assert (closed.reason, closed.phase, closed.by) == ("completed", "talk", "agent")


@pytest.mark.parametrize("how", ["busy", "no answer"])
def test_who_does_not_answer_outside_sends_the_customer_back_to_the_old_place(how: str) -> None:
    stage = talking()
    waited = stage.all(f.QueueEntered)[0].since
    stage.facts(c.Transfer(X, "external", "100"))
    if how == "busy":
        stage.facts(c.ReportCleared(stage.contact("x").dialing.id, "busy"), LINE)
    else:
        stage.wait(30 * SECOND)
    entered = stage.all(f.QueueEntered)[-1]
    assert entered.since == waited
    assert [Step.parse(text).agents for text in entered.steps] == [("anne",), ()]
    stage.wait(60 * SECOND)
    assert not hang_up(stage)[2:].count(f.ContactConnected)
    assert stage.all(f.ContactClosed)[-1].reason == "completed"  # They had talked to anne.


REFUSED: list[tuple[str, str, str]] = [
    ("agent", "", "contact.nobody"),
    ("queue", " ", "contact.nobody"),
    ("external", "", "contact.nobody"),
    ("agent", "nobody", "agent.unknown"),
    ("agent", "anne", "contact.bad_target"),
    ("agent", "dan", "agent.logged_out"),
    ("agent", "eve", "agent.bad_channel"),
    ("agent", "fay", "agent.no_queue"),
    ("queue", "nowhere", "queue.unknown"),
    ("queue", "full", "queue.closed"),
    ("moon", "x", "contact.bad_target"),
]


@pytest.mark.parametrize(("kind", "to", "reason"), REFUSED)
def test_nobody_is_handed_to_nobody(kind: str, to: str, reason: str) -> None:
    stage = Stage().queue(agents=("anne", "bob", "dan", "eve")).queue("full", capacity=1)
    stage.queue("full", capacity=1, agents=())
    for agent in ("anne", "bob", "dan", "fay"):
        stage.agent(agent)
    stage.agent("eve", channels=CHATS).facts(c.LogOut(AgentId("dan")))
    stage.call("z", "full")
    stage.call("x")
    stage.talk("x")
    assert stage.refused(c.Transfer(X, kind, to)) == reason
    if reason != "queue.closed":
        assert stage.refused(c.Consult(X, kind, to, Y)) == reason


def test_only_who_talks_alone_with_the_customer_can_hand_on() -> None:
    stage = talking()
    stage.call("z")
    assert stage.refused(c.Transfer(ContactId("z"), "queue", "help")) == "contact.wrong_state"
    assert stage.refused(c.Transfer(ContactId("w"), "queue", "help")) == "contact.unknown"
    assert stage.refused(c.CompleteTransfer(X)) == "contact.no_consult"
    stage = consulted()
    assert stage.refused(c.Transfer(X, "queue", "help")) == "contact.consulting"
    assert stage.refused(c.Consult(X, "agent", "bob", ContactId("z"))) == "contact.consulting"
    stage.facts(c.Conference(X))
    assert stage.refused(c.Transfer(X, "queue", "help")) == "contact.conference"
    assert stage.refused(c.Consult(X, "agent", "bob", ContactId("z"))) == "contact.conference"


@pytest.mark.parametrize(
    ("more", "reason"),
    [({"since": Instant(START * 2)}, "queue.bad_since"), ({"need": "he >="}, "queue.bad_need")],
)
def test_what_can_be_no_wait_is_refused(more: dict[str, Any], reason: str) -> None:
    assert talking().refused(c.Transfer(X, "queue", "second", **more)) == reason


# --- consulting -------------------------------------------------------------------------------


def test_a_consultation_is_a_contact_of_its_own_while_the_customer_is_held() -> None:
    stage = talking()
    facts = stage.facts(c.Consult(X, "agent", "cleo", Y))
    assert [type(data) for data in facts] == [
        f.LegOrdered,
        f.ContactCreated,
        f.ContactLinked,
        f.LegOrdered,
        f.QueueEntered,
        f.OfferMade,
    ]
    assert (facts[0].order, facts[3].order, facts[3].role) == ("hold", "join", "agent/anne")
    assert (facts[1].direction, facts[2].kind, facts[2].other) == ("internal", "consult_of", "x")
    assert stage.rings("y") == "cleo"
    assert stage.of("anne").used == 100  # The consultation costs who consults nothing more.


def test_completing_moves_the_customer_to_whom_was_consulted_with_the_slot() -> None:
    stage = consulted()
    kinds = stage.kinds(c.CompleteTransfer(X))
    assert kinds == [*LEAVES, f.ContactConnected, f.ContactClosed]
    cleo = stage.of("cleo")
    assert list(cleo.slots) == ["x"]
    assert cleo.slots["x"].phase is BUSY
    assert stage.contact("x").agent == "cleo"
    assert not stage.contact("x").held
    closed = stage.all(f.ContactClosed)[-1]
    assert closed.reason == "merged"
    assert hang_up(stage)[-1] is f.ContactClosed
    stage.wait(10 * SECOND)
    assert not any(agent.slots for agent in stage.engine.floor.agents.values())


def test_cancelling_ends_the_consultation_and_takes_the_customer_off_hold() -> None:
    stage = consulted()
    kinds = stage.kinds(c.CancelConsult(X))
    assert kinds == [f.AgentWrapupStarted, f.ContactAgentLeft, f.ContactClosed, f.LegOrdered]
    assert stage.all(f.LegOrdered)[-1].order == "retrieve"
    stage.facts(c.ReportRetrieved(stage.contact("x").leg), LINE)
    assert not stage.contact("x").held
    assert stage.refused(c.CancelConsult(X)) == "contact.no_consult"


@pytest.mark.parametrize("who", ["cleo hangs up", "anne hangs up there", "cleo leaves"])
def test_a_consultation_that_ends_takes_the_customer_off_hold(who: str) -> None:
    stage = consulted()
    consult = stage.contact("y")
    if who == "cleo leaves":
        stage.facts(c.LeaveContact(Y, CLEO))
    else:
        leg = consult.leg if who == "anne hangs up there" else consult.agent_leg
        stage.facts(c.ReportCleared(leg), LINE)
    assert type(stage.log[-1][1]) is f.LegOrdered
    assert stage.contact("x").agent == "anne"
    assert stage.contact("x").consult == ""


def test_who_is_asked_by_name_and_does_not_answer_ends_the_consultation() -> None:
    stage = talking()
    stage.facts(c.Consult(X, "agent", "cleo", Y))
    stage.facts(c.RejectOffer(stage.offer("y")))
    facts = stage.wait(60 * SECOND)
    assert [data.reason for data in facts if type(data) is f.ContactClosed] == ["timed_out"]
    assert type(facts[-1]) is f.LegOrdered


def test_a_customer_who_hangs_up_meanwhile_ends_both() -> None:
    stage = consulted()
    hang_up(stage)
    closed = [(data.reason, data.phase) for data in stage.all(f.ContactClosed)]
    assert closed == [("completed", "hold"), ("completed", "talk")]
    assert sorted(x.stream for x, d in stage.log if type(d) is f.AgentWrapupStarted) == [
        "agent/anne",
        "agent/cleo",
    ]


def test_who_hangs_up_on_the_customer_while_consulting_hands_over() -> None:
    stage = consulted()
    stage.facts(c.ReportCleared(stage.contact("x").agent_leg), LINE)
    assert stage.contact("x").agent == "cleo"
    assert "contact/y" not in stage.engine.floor.contacts


def test_completing_before_the_answer_lets_the_customer_wait_for_the_same_agent() -> None:
    stage = talking()
    stage.facts(c.Consult(X, "agent", "cleo", Y))
    stage.facts(c.CompleteTransfer(X))
    assert "contact/y" not in stage.engine.floor.contacts
    assert stage.rings("x") == "cleo"
    assert [left.reason for left in stage.all(f.QueueLeft)] == ["answered", "merged"]


def test_completing_while_somebody_is_being_connected_is_too_early() -> None:
    stage = talking()
    stage.facts(c.Consult(X, "agent", "cleo", Y))
    stage.answer("y")
    assert stage.refused(c.CompleteTransfer(X)) == "contact.wrong_state"
    assert stage.refused(c.Conference(X)) == "contact.wrong_state"
    # Who hangs up then has given the customer to nobody: the old place, the same agent first.
    stage.facts(c.ReportCleared(stage.contact("x").agent_leg), LINE)
    assert Step.parse(stage.all(f.QueueEntered)[-1].steps[0]).agents == ("anne",)


def test_somebody_outside_can_be_consulted_and_given_the_customer() -> None:
    stage = consulted("external", "100")
    assert stage.of("anne").slots["x"].phase is BUSY
    kinds = stage.kinds(c.CompleteTransfer(X))
    assert kinds == [*LEAVES, f.LegOrdered, f.ContactClosed, f.ContactClosed]
    assert [data.reason for data in stage.all(f.ContactClosed)] == ["merged", "completed"]
    assert not stage.engine.floor.legs


def test_a_queue_can_be_consulted() -> None:
    stage = consulted("queue", "second")
    stage.facts(c.CompleteTransfer(X))
    contact = stage.contact("x")
    assert (contact.agent, contact.queue) == ("bob", "second")  # He wraps up by its settings.


# --- conference -------------------------------------------------------------------------------


def test_in_a_conference_each_agent_has_a_slot_and_a_wrap_up_and_the_last_one_ends_it() -> None:
    stage = consulted()
    facts = stage.facts(c.Conference(X))
    assert [type(data) for data in facts] == [
        f.ContactConnected,
        f.ContactConferenced,
        f.ContactClosed,
    ]
    assert len(facts[1].legs) == 3
    assert stage.of("anne").slots.keys() == stage.of("cleo").slots.keys() == {"x"}
    kinds = stage.kinds(c.LeaveContact(X, ANNE))
    assert kinds == [f.AgentWrapupStarted, f.ContactAgentLeft]
    assert stage.contact("x").agent == "cleo"
    stage.wait(10 * SECOND)
    kinds = stage.kinds(c.ReportCleared(stage.contact("x").agent_leg), LINE)
    assert kinds == [f.LegCleared, f.AgentWrapupStarted, f.ContactAgentLeft, f.ContactClosed]


def test_a_customer_who_leaves_ends_a_conference_for_all() -> None:
    stage = consulted()
    stage.facts(c.Conference(X))
    hang_up(stage)
    assert stage.of("anne").slots["x"].phase is stage.of("cleo").slots["x"].phase is WRAPUP
    assert [data.agent for data in stage.all(f.ContactAgentLeft)] == ["cleo", "anne"]


def test_somebody_outside_who_leaves_a_conference_ends_nothing() -> None:
    stage = consulted("external", "100")
    stage.facts(c.Conference(X))
    (leg,) = stage.contact("x").others
    assert stage.kinds(c.ReportCleared(leg), LINE) == [f.LegCleared]
    assert stage.contact("x").agent == "anne"


# --- calling out ------------------------------------------------------------------------------


def test_an_agent_who_calls_out_is_busy_from_the_order_on() -> None:
    stage = Stage().queue().agent("anne", ready=False)
    kinds = stage.kinds(c.Dial(ANNE, "100", contact=X))
    assert kinds == [f.ContactCreated, f.LegOrdered, f.LegOrdered]
    assert stage.of("anne").used == 100
    kinds = stage.kinds(c.ReportEstablished(stage.contact("x").dialing.id), LINE)
    assert kinds == [f.LegEstablished, f.ContactConnected]
    assert stage.contact("x").agent == "anne"
    assert hang_up(stage) == [f.LegCleared, f.ContactAgentLeft, f.ContactClosed]


@pytest.mark.parametrize(
    ("cause", "phase"), [("busy", "busy"), ("congestion 34", "carrier"), ("", "no_answer")]
)
def test_who_does_not_answer_a_call_out_leaves_a_failed_contact(cause: str, phase: str) -> None:
    stage = Stage().queue().agent("anne")
    stage.facts(c.Dial(ANNE, "100", contact=X))
    leg = stage.contact("x").dialing.id
    if cause:
        stage.facts(c.ReportCleared(leg, cause), LINE)
    else:
        stage.wait(30 * SECOND)
    closed = stage.all(f.ContactClosed)[-1]
    assert (closed.reason, closed.phase) == ("failed", phase)
    assert not stage.of("anne").slots
    stage.call("z")
    assert stage.rings("z") == "anne"


def test_an_agent_who_gives_up_calling_abandons_it() -> None:
    stage = Stage().queue().agent("anne")
    stage.facts(c.Dial(ANNE, "100", contact=X))
    stage.facts(c.ReportCleared(stage.contact("x").agent_leg), LINE)
    closed = stage.all(f.ContactClosed)[-1]
    assert (closed.reason, closed.phase, closed.by) == ("abandoned", "connect", "agent")


def test_a_call_out_that_can_not_be_is_refused() -> None:
    stage = talking().agent("eve", channels=CHATS)
    for agent, to, contact, reason in (
        ("nobody", "100", "z", "agent.unknown"),
        ("eve", "100", "z", "agent.bad_channel"),
        ("anne", "100", "z", "agent.no_capacity"),
        ("bob", "", "z", "contact.nobody"),
        ("bob", "100", None, "contact.no_id"),
        ("bob", "100", "x", "contact.exists"),
    ):
        name = None if contact is None else ContactId(contact)
        assert stage.refused(c.Dial(AgentId(agent), to, contact=name)) == reason
    stage.facts(c.LogOut(BOB))
    assert stage.refused(c.Dial(BOB, "100", contact=ContactId("z"))) == "agent.logged_out"


# --- supervisors ------------------------------------------------------------------------------


@pytest.mark.parametrize("old", [True, False])
def test_a_contact_is_pulled_from_its_agent_with_its_old_since_or_not(old: bool) -> None:
    stage = talking()
    waited = stage.all(f.QueueEntered)[0].since
    kinds = stage.kinds(c.Pull(X, QueueId("second"), old))
    assert kinds == [f.AgentWrapupStarted, f.ContactAgentLeft, f.QueueEntered, f.OfferMade]
    entered = stage.all(f.QueueEntered)[-1]
    assert (entered.queue, entered.since) == ("second", waited if old else stage.now)


def test_a_contact_is_pulled_from_one_queue_into_another() -> None:
    stage = Stage().queue().queue("second")
    stage.call("x")
    stage.wait(SECOND)
    stage.facts(c.Pull(X, QueueId("second")))
    assert [data.reason for data in stage.all(f.QueueLeft)] == ["dequeued"]
    assert stage.all(f.QueueEntered)[-1].since == stage.now - SECOND


def test_pulling_somebody_who_consults_ends_the_consultation() -> None:
    stage = consulted()
    stage.facts(c.Pull(X))
    assert "contact/y" not in stage.engine.floor.contacts
    assert stage.contact("x").queue == "help"


def test_what_can_not_be_pulled_or_assigned_is_refused() -> None:
    stage = talking()
    stage.arrive("z")
    assert stage.refused(c.Pull(ContactId("z"))) == "contact.no_queue"
    assert stage.refused(c.Pull(ContactId("z"), QueueId("help"))) == "contact.wrong_state"
    assert stage.refused(c.Pull(X, QueueId("nowhere"))) == "queue.unknown"
    assert stage.refused(c.Pull(ContactId("w"))) == "contact.unknown"
    assert stage.refused(c.Assign(X, BOB)) == "queue.wrong_state"
    assert stage.refused(c.Assign(ContactId("w"), BOB)) == "contact.unknown"
    stage.facts(c.Enqueue(ContactId("z"), QueueId("help")))
    assert stage.refused(c.Assign(ContactId("z"), AgentId("nobody"))) == "agent.unknown"


def test_a_contact_is_assigned_to_one_agent_before_it_waits_as_before() -> None:
    stage = talking()
    stage.call("z", need="")
    assert stage.rings("z") == "bob"
    stage.facts(c.Assign(ContactId("z"), CLEO))
    assert stage.rings("z") == "cleo"
    stage.facts(c.RejectOffer(stage.offer("z")))
    stage.wait(300 * SECOND)
    assert stage.rings("z") != ""
    entered = stage.all(f.QueueEntered)
    assert entered[-1].since == entered[-2].since


# --- who was on hold, and waits again -----------------------------------------------------


def held() -> Stage:
    """Anne talks to x, who is on hold."""
    stage = talking()
    leg = stage.contact("x").leg
    stage.facts(c.Hold(X))
    stage.facts(c.ReportHeld(leg), LINE)
    assert stage.contact("x").held
    return stage


def pulled(stage: Stage) -> list[Any]:
    return stage.facts(c.Pull(X))


def transferred(stage: Stage) -> list[Any]:
    return stage.facts(c.Transfer(X, "agent", "cleo"))


def out_of_reach(stage: Stage) -> list[Any]:
    stage.facts(c.ReportAgentLink(ANNE, "device", False), LINE)
    return stage.wait(MINUTE)


def lost_by_the_switch(stage: Stage) -> list[Any]:
    stage.now += SECOND
    here = (stage.contact("x").leg,)
    return stage.facts(c.ReportSessions("line", Instant(stage.now), here), LINE)


def hung_up_while_consulting(stage: Stage) -> list[Any]:
    stage.facts(c.Consult(X, "agent", "cleo", consult=Y))
    stage.answer("y")  # Too late to take it back, too early to hand over.
    return stage.facts(c.ReportCleared(stage.contact("x").agent_leg), LINE)


def handed_over_before_the_answer(stage: Stage) -> list[Any]:
    stage.facts(c.Consult(X, "agent", "cleo", consult=Y))
    return stage.facts(c.CompleteTransfer(X))


@pytest.mark.parametrize(
    "wait_again",
    [
        pulled,
        transferred,
        out_of_reach,
        lost_by_the_switch,
        hung_up_while_consulting,
        handed_over_before_the_answer,
    ],
)
def test_a_customer_on_hold_who_is_to_wait_again_is_taken_off_hold(
    wait_again: Callable[[Stage], list[Any]],
) -> None:
    stage = held()
    leg = stage.contact("x").leg
    facts = wait_again(stage)
    ordered = [one for one in facts if type(one) is f.LegOrdered and one.order == "retrieve"]
    assert ordered == [f.LegOrdered(leg, "retrieve")]
    assert f.QueueEntered in map(type, facts)
    assert not stage.contact("x").held
    assert stage.facts(c.ReportRetrieved(leg), LINE) == []


def test_who_is_served_again_after_a_hold_can_be_held_again() -> None:
    stage = held()
    stage.facts(c.SetNotReady(ANNE, "lunch"))
    pulled(stage)
    stage.talk("x")
    assert stage.kinds(c.Hold(X)) == [f.LegOrdered]
    closed = stage.facts(c.ReportCleared(stage.contact("x").leg), LINE)[-1]
    assert closed == f.ContactClosed("completed", "talk", "customer")


def test_an_agent_who_parks_the_own_phone_does_not_hold_the_customer() -> None:
    stage = talking()
    assert stage.facts(c.ReportHeld(stage.contact("x").agent_leg), LINE) == []
    assert not stage.contact("x").held


def test_a_contact_that_is_pulled_takes_its_kept_place_and_no_other_of_a_full_queue() -> None:
    stage = Stage().queue("help", capacity=1, full="deflect")
    leg = stage.call("x")
    stage.facts(c.KeepPlace(X, "customer"))
    assert stage.kinds(c.Pull(X)) == [f.QueueLeft, f.QueueEntered, f.QueuePlaceKept]
    assert stage.kinds(c.ReportCleared(leg), LINE) == [f.LegCleared]
    assert stage.contact("x").entry
    stage.queue("other", capacity=1, full="deflect").call("y", "other")
    z = stage.arrive("z")
    assert z and stage.facts(c.Enqueue(ContactId("z"), QueueId("other")))[-1].reason == "deflected"
    assert stage.refused(c.Pull(Y, QueueId("help"))) == "queue.closed"


def test_a_number_that_is_hidden_is_called_and_handed_on_to() -> None:
    stage = Stage().queue().agent("anne").agent("bob").agent("cleo")
    hidden: Any = None
    made = stage.facts(c.Dial(ANNE, hidden, contact=X))
    assert type(made[0]) is f.ContactCreated
    stage.call("y")
    stage.talk("y")
    moved = stage.facts(c.Transfer(ContactId("y"), "external", hidden))
    assert f.LegOrdered in [type(fact) for fact in moved]
    stage.call("z")
    stage.talk("z")
    assert stage.refused(c.Transfer(ContactId("z"), "agent", hidden)) == "contact.nobody"
