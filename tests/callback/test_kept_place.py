"""A place that is kept: by whom it is called, what it costs, and how it ends."""

import pytest

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core import queue as q
from cckit.core.events import SYSTEM, Draft
from cckit.core.ids import AgentId, ContactId, LegId, QueueId, SubjectId, subject_stream
from cckit.core.instant import MINUTE, SECOND, Instant, Span
from cckit.core.invariants import Breach
from cckit.core.rules import callbacks
from tests.stage import LINE, Stage, picture

X, Y, ANNE = ContactId("x"), ContactId("y"), AgentId("anne")


def kept(first: str = "agent", **settings: int) -> Stage:
    """Somebody waited for five seconds, hung up, and is to be called."""
    stage = Stage().queue(**settings)
    stage.call("x")
    stage.wait(5 * SECOND)
    stage.facts(c.KeepPlace(X, first))
    hang_up(stage)
    return stage


def hang_up(stage: Stage, contact: str = "x") -> list[object]:
    return stage.facts(c.ReportCleared(stage.contact(contact).leg), LINE)


def rung(stage: Stage, contact: str = "x") -> LegId:
    """The leg of the customer who is being called."""
    dialing = stage.contact(contact).dialing
    assert dialing is not None
    leg: LegId = dialing.id
    return leg


def entry(stage: Stage, contact: str = "x") -> q.Entry:
    found: q.Entry = stage.engine.floor.entries[stage.contact(contact).entry]
    return found


def same_when_folded_or_loaded(stage: Stage) -> None:
    floor = stage.engine.floor
    for other in (stage.folded(), stage.loaded()):
        assert picture(other)[0] == picture(stage.engine)[0]
        assert other.floor.promised == floor.promised
        assert {k: v.dialing for k, v in other.floor.queues.items()} == {
            k: v.dialing for k, v in floor.queues.items()
        }


# --- hanging up ---------------------------------------------------------------------------


def test_who_hangs_up_keeps_the_place_and_the_wait() -> None:
    stage = Stage().queue()
    stage.call("x")
    since = entry(stage).since
    stage.wait(5 * SECOND)
    assert stage.kinds(c.KeepPlace(X)) == [f.QueuePlaceKept]
    assert [type(fact) for fact in hang_up(stage)] == [f.LegCleared]
    assert entry(stage).phase is q.VIRTUAL
    assert entry(stage).since == since
    same_when_folded_or_loaded(stage)


def test_a_ringing_offer_is_taken_back_and_made_again() -> None:
    stage = Stage().queue().agent("anne")
    stage.call("x")
    before = stage.offer("x")
    assert stage.kinds(c.KeepPlace(X)) == [f.OfferRescinded, f.QueuePlaceKept, f.OfferMade]
    assert stage.offer("x") > before


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (c.KeepPlace(X, "nobody"), "queue.bad_first"),
        (c.KeepPlace(Y), "contact.unknown"),
        (c.Cancel(X, "bored"), "queue.bad_reason"),
        (c.Cancel(X), "queue.wrong_state"),
        (c.DialBack(X), "queue.wrong_state"),
    ],
)
def test_what_cant_be_is_refused(command: object, reason: str) -> None:
    stage = Stage().queue()
    stage.call("x")
    assert stage.refused(command) == reason


def test_who_is_on_the_line_or_rings_too_long_is_not_called() -> None:
    stage = kept()
    assert stage.refused(c.DialBack(X, Span(0))) == "leg.bad_due"
    assert stage.refused(c.DialBack(X, Span(3600 * SECOND))) == "leg.bad_due"
    stage.facts(c.DialBack(X))
    assert stage.refused(c.DialBack(X)) == "queue.wrong_state"
    assert stage.refused(c.KeepPlace(X)) == "queue.wrong_state"


def test_a_connecting_or_talking_contact_has_no_place_to_keep() -> None:
    stage = Stage().queue().agent("anne")
    stage.call("x")
    stage.answer("x")
    assert stage.refused(c.KeepPlace(X)) == "queue.wrong_state"


def test_keeping_it_twice_changes_nothing_and_otherwise_who_is_called_first() -> None:
    stage = kept("agent")
    assert stage.facts(c.KeepPlace(X, "agent")) == []
    assert stage.kinds(c.KeepPlace(X, "customer")) == [f.QueuePlaceKept]
    assert entry(stage).group.calls
    same_when_folded_or_loaded(stage)


# --- the agent first ----------------------------------------------------------------------


def test_the_agent_is_asked_and_then_the_customer_called() -> None:
    stage = kept().agent("anne")
    assert stage.rings("x") == "anne"
    stage.alert("x")
    accepted = stage.facts(c.AcceptOffer(stage.offer("x")))
    assert [type(fact) for fact in accepted] == [f.OfferAccepted, f.LegOrdered]
    ordered = accepted[1]
    assert (ordered.order, ordered.role, ordered.address) == ("dial", "customer", None)
    assert ordered.due == stage.now + 30 * SECOND
    same_when_folded_or_loaded(stage)
    stage.facts(c.ReportDelivered(rung(stage)), LINE)
    answered = stage.kinds(c.ReportEstablished(rung(stage)), LINE)
    assert answered == [f.LegEstablished, f.QueueResumed]
    bridged = stage.facts(c.ReportBridged(stage.offer("x")), LINE)
    assert [type(fact) for fact in bridged] == [f.ContactConnected, f.QueueLeft]
    assert bridged[1].wait_us == stage.now - (stage.all(f.QueueEntered)[0].since)
    same_when_folded_or_loaded(stage)


def test_who_never_hung_up_is_not_called() -> None:
    stage = Stage().queue()
    stage.call("x")
    stage.facts(c.KeepPlace(X))
    stage.agent("anne").alert("x")
    assert stage.kinds(c.AcceptOffer(stage.offer("x"))) == [f.OfferAccepted, f.QueueResumed]
    stage.facts(c.ReportBridged(stage.offer("x")), LINE)
    assert not stage.all(f.LegOrdered)


def test_a_bridge_that_overtakes_the_answer_is_the_answer() -> None:
    stage = kept().agent("anne")
    stage.answer("x")
    leg = rung(stage)
    assert stage.kinds(c.ReportBridged(stage.offer("x")), LINE) == [
        f.LegEstablished,
        f.QueueResumed,
        f.ContactConnected,
        f.QueueLeft,
    ]
    assert stage.facts(c.ReportEstablished(leg), LINE) == []


def test_a_bridge_with_nobody_is_put_aside() -> None:
    stage = kept().agent("anne")
    assert stage.kinds(c.ReportBridged(stage.offer("x")), LINE) == [f.FactQuarantined]


def test_who_does_not_answer_is_called_again_after_growing_pauses_and_then_given_up() -> None:
    stage = kept().agent("anne")
    ends = []
    for pause in (300 * SECOND, 600 * SECOND):
        stage.answer("x")
        failed = stage.kinds(c.ReportCleared(rung(stage), "busy"), LINE)
        assert failed == [f.LegCleared, f.ContactConnectFailed]
        assert not stage.of("anne").slots
        same_when_folded_or_loaded(stage)
        before = stage.now
        assert stage.wait(pause - 1) == []
        again = stage.wait(1)
        assert [type(fact) for fact in again] == [f.QueuePlaceKept, f.OfferMade]
        ends.append(stage.now - before)
    stage.answer("x")
    last = stage.facts(c.ReportCleared(rung(stage), "busy"), LINE)
    assert [type(fact) for fact in last] == [
        f.LegCleared,
        f.ContactConnectFailed,
        f.QueueLeft,
        f.ContactClosed,
    ]
    assert last[2].reason == "callback_failed"
    assert (last[3].reason, last[3].phase, last[3].by) == ("abandoned", "callback", "adapter")
    assert not stage.engine.floor.contacts


def test_a_phone_that_rings_out_is_a_call_in_vain() -> None:
    stage = kept(callback_tries=1).agent("anne")
    stage.answer("x")
    rang_out = stage.wait(30 * SECOND)
    assert [type(fact) for fact in rang_out] == [
        f.LegCleared,
        f.ContactConnectFailed,
        f.QueueLeft,
        f.ContactClosed,
    ]
    assert rang_out[0].cause == "no_answer"


def test_a_number_that_was_erased_is_not_called_again() -> None:
    stage = kept().agent("anne")
    stage.answer("x")
    stage.facts(c.ReportCleared(rung(stage), "erased"), LINE)
    assert stage.all(f.QueueLeft)[-1].reason == "callback_failed"


def test_an_agent_who_is_lost_while_the_phone_rings_leaves_the_customer_first_in_line() -> None:
    stage = kept().agent("anne")
    offer = stage.answer("x")
    assert stage.kinds(c.ReportFailed(offer, "desk_lost"), LINE) == [f.ContactConnectFailed]
    assert entry(stage).phase is q.DIALING
    same_when_folded_or_loaded(stage)
    answered = stage.kinds(c.ReportEstablished(rung(stage)), LINE)
    assert answered == [f.LegEstablished, f.QueueResumed, f.OfferMade]
    assert entry(stage).phase is q.OFFERED


def test_an_agent_who_is_lost_after_the_answer_leaves_the_customer_waiting() -> None:
    stage = kept().agent("anne")
    offer = stage.answer("x")
    stage.facts(c.ReportEstablished(rung(stage)), LINE)
    lost = stage.kinds(c.ReportFailed(offer, "desk_lost"), LINE)
    assert lost == [f.ContactConnectFailed, f.OfferMade]
    assert entry(stage).promise is None
    assert [type(fact) for fact in hang_up(stage)][-1] is f.ContactClosed


# --- the customer first -------------------------------------------------------------------


def test_the_customer_is_called_while_somebody_is_free_and_nobody_is_kept_for_them() -> None:
    stage = kept("customer")
    stage.agent("anne")
    assert entry(stage).phase is q.DIALING
    assert not stage.of("anne").slots
    stage.call("y")
    assert stage.rings("y") == "anne"
    assert stage.kinds(c.ReportEstablished(rung(stage)), LINE) == [f.LegEstablished, f.QueueResumed]
    assert entry(stage).phase is q.WAITING
    stage.facts(c.RejectOffer(stage.offer("y")))
    assert stage.rings("x") == "anne"


def test_who_answers_is_offered_at_once_in_the_old_place() -> None:
    stage = kept("customer").agent("anne")
    answered = stage.kinds(c.ReportEstablished(rung(stage)), LINE)
    assert answered == [f.LegEstablished, f.QueueResumed, f.OfferMade]
    stage.talk("x")
    assert stage.all(f.QueueLeft)[-1].wait_us == 5 * SECOND


def test_no_more_are_called_than_could_be_taken() -> None:
    stage = Stage().queue()
    for name in ("x", "y", "z"):
        stage.call(name)
        stage.facts(c.KeepPlace(ContactId(name), "customer"))
        hang_up(stage, name)
    stage.agent("anne")
    assert [entry(stage, name).phase for name in "xyz"] == [q.DIALING, q.VIRTUAL, q.VIRTUAL]
    stage.agent("bob")
    assert [entry(stage, name).phase for name in "xyz"] == [q.DIALING, q.DIALING, q.VIRTUAL]
    stage.facts(c.ReportCleared(rung(stage, "x"), "busy"), LINE)
    assert [entry(stage, name).phase for name in "xyz"] == [q.VIRTUAL, q.DIALING, q.DIALING]
    same_when_folded_or_loaded(stage)


def test_who_is_there_is_served_while_who_is_away_is_called() -> None:
    stage = kept("customer")
    stage.call("y")
    stage.agent("anne")
    assert entry(stage).phase is q.DIALING
    assert stage.rings("y") == "anne"


def test_who_is_called_first_and_still_on_the_line_is_served_like_all() -> None:
    stage = Stage().queue()
    stage.call("x")
    stage.facts(c.KeepPlace(X, "customer"))
    stage.agent("anne")
    assert stage.rings("x") == "anne"
    hang_up(stage)
    stage.facts(c.RejectOffer(stage.offer("x")))
    stage.wait(5 * SECOND)
    assert entry(stage).phase is q.DIALING


def test_call_back_now_needs_no_turn() -> None:
    stage = kept("agent")
    ordered = stage.facts(c.DialBack(X, Span(10 * SECOND)))
    assert ordered[0].due == stage.now + 10 * SECOND
    stage.wait(10 * SECOND)
    assert entry(stage).phase is q.VIRTUAL
    stage.facts(c.DialBack(X))
    stage.facts(c.ReportEstablished(rung(stage)), LINE)
    assert entry(stage).phase is q.WAITING


# --- ending it ----------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["cancelled", "callback_failed", "merged"])
@pytest.mark.parametrize("while_", ["waiting", "ringing", "dialing", "connecting", "pausing"])
def test_a_promise_is_taken_back_whatever_it_does(while_: str, reason: str) -> None:
    stage = kept("customer" if while_ == "dialing" else "agent")
    if while_ != "waiting":
        stage.agent("anne")
    if while_ in ("connecting", "pausing"):
        stage.answer("x")
    if while_ == "pausing":
        stage.facts(c.ReportCleared(rung(stage), "busy"), LINE)
    ended = stage.facts(c.Cancel(X, reason))
    left, closed = ended[-2:]
    assert left.reason == reason
    assert closed.reason == ("merged" if reason == "merged" else "abandoned")
    assert closed.phase == "callback"
    assert not stage.engine.floor.contacts and not stage.engine.floor.legs
    assert not stage.engine.floor.promised
    assert stage.wait(3600 * SECOND) == []


def test_the_longest_wait_ends_a_promise() -> None:
    stage = kept(max_wait_us=MINUTE)
    stage.wait(MINUTE)
    assert stage.all(f.QueueLeft)[-1].reason == "timed_out"


def test_priority_and_steps_go_on_without_the_customer() -> None:
    stage = Stage().queue()
    stage.call("x", steps=("he for_us=60000000", "anyone"), need=None)
    stage.facts(c.KeepPlace(X))
    hang_up(stage)
    stage.agent("anne")
    stage.facts(c.SetPriority(X, 3))
    assert entry(stage).priority == 3
    relaxed = stage.wait(MINUTE)
    assert [type(fact) for fact in relaxed] == [f.QueueRequirementRelaxed, f.OfferMade]


# --- the same person again ----------------------------------------------------------------


def come(stage: Stage, contact: str, subject: str = "s") -> list[object]:
    arrived = c.ReportArrived("voice", contact=ContactId(contact), subject=SubjectId(subject))
    stage.facts(arrived, LINE)
    return stage.facts(c.Enqueue(ContactId(contact), QueueId("help")))


def test_who_calls_again_takes_the_place_that_was_kept() -> None:
    stage = Stage().queue()
    come(stage, "x")
    since = stage.now
    stage.facts(c.KeepPlace(X))
    hang_up(stage)
    stage.wait(MINUTE)
    again = come(stage, "y")
    assert [type(fact) for fact in again] == [f.QueueLeft, f.ContactClosed, f.QueueEntered]
    assert (again[0].reason, again[1].reason) == ("merged", "merged")  # type: ignore[attr-defined]
    assert (again[2].since, again[2].place_from) == (since, "x")  # type: ignore[attr-defined]
    same_when_folded_or_loaded(stage)


def test_one_person_has_one_promise() -> None:
    stage = Stage().queue().queue("other")
    come(stage, "x")
    stage.facts(c.KeepPlace(X))
    hang_up(stage)
    arrived = c.ReportArrived("voice", contact=Y, subject=SubjectId("s"))
    stage.facts(arrived, LINE)
    stage.facts(c.Enqueue(Y, QueueId("other")))
    assert "contact/x" in stage.engine.floor.contacts
    kinds = stage.kinds(c.KeepPlace(Y))
    assert kinds == [f.QueueLeft, f.ContactClosed, f.QueuePlaceKept]
    assert stage.engine.floor.promised == {"s": "contact/y"}


ONE, TWO = SubjectId("1" * 32), SubjectId("2" * 32)


def away(stage: Stage, contact: ContactId, subject: SubjectId | None) -> None:
    """Somebody waits, keeps the place and hangs up."""
    stage.facts(c.ReportArrived("voice", contact=contact, subject=subject), LINE)
    stage.facts(c.Enqueue(contact, QueueId("help")))
    stage.facts(c.KeepPlace(contact))
    hang_up(stage, contact)


@pytest.mark.parametrize("older", [X, Y])
def test_two_promises_that_turn_out_to_be_one_persons_are_one(older: ContactId) -> None:
    stage = Stage().queue()
    newer = Y if older == X else X
    away(stage, older, ONE if older == X else None)
    away(stage, newer, ONE if newer == X else None)
    facts = stage.facts(c.Identify(Y, ONE, "pin", 1))
    closed = [one.reason for one in facts if type(one) is f.ContactClosed]
    assert closed == ["merged"]
    assert stage.engine.floor.promised == {ONE: f"contact/{newer}"}
    same_when_folded_or_loaded(stage)


def test_who_is_being_called_already_keeps_that_promise() -> None:
    stage = Stage().queue()
    away(stage, X, ONE)
    stage.facts(c.DialBack(X))
    away(stage, Y, None)
    stage.facts(c.Identify(Y, ONE, "pin", 1))
    assert stage.engine.floor.promised == {ONE: "contact/x"}
    same_when_folded_or_loaded(stage)


def test_a_floor_that_keeps_two_places_for_one_person_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(callbacks, "one_promise", lambda floor, kept, now: [])
    stage = Stage().queue()
    away(stage, X, ONE)
    away(stage, Y, TWO)
    with pytest.raises(Breach, match="I21"):
        stage.facts(c.Merge(ONE, TWO))


def test_people_who_are_merged_keep_one_promise_and_make_no_second() -> None:
    stage = Stage().queue()
    away(stage, X, ONE)
    away(stage, Y, TWO)
    merged = stage.kinds(c.Merge(ONE, TWO))
    assert merged == [f.SubjectMerged, f.QueueLeft, f.ContactClosed]
    assert stage.engine.floor.promised == {TWO: "contact/y"}
    again = ContactId("z")
    stage.facts(c.ReportArrived("voice", contact=again, subject=ONE), LINE)
    stage.queue("other").facts(c.Enqueue(again, QueueId("other")))
    assert stage.kinds(c.KeepPlace(again)) == [f.QueueLeft, f.ContactClosed, f.QueuePlaceKept]
    assert stage.engine.floor.promised == {ONE: "contact/z"}
    same_when_folded_or_loaded(stage)


def test_who_is_merged_takes_the_place_kept_under_the_other_id() -> None:
    stage = Stage().queue()
    away(stage, X, ONE)
    stage.facts(c.Merge(ONE, TWO))
    stage.facts(c.ReportArrived("voice", contact=Y, subject=TWO), LINE)
    entered = stage.facts(c.Enqueue(Y, QueueId("help")))[-1]
    assert (type(entered), entered.place_from) == (f.QueueEntered, "x")


def test_a_move_to_a_call_ends_the_promise_of_before() -> None:
    stage = Stage().queue()
    away(stage, X, ONE)
    stage.call("y", channel="chat")
    stage.facts(c.Identify(Y, ONE, "pin", 1))
    stage.facts(c.MoveChannel(Y, "voice", new_contact=ContactId("z")))
    assert stage.engine.floor.promised == {ONE: "contact/z"}
    same_when_folded_or_loaded(stage)


def test_of_who_is_erased_nobody_knows_that_they_gave_up() -> None:
    stage = Stage().queue(resume_us=MINUTE)
    come(stage, "x", ONE)
    hang_up(stage)
    assert ONE in stage.engine.floor.gave_up
    erased = [Draft(subject_stream(ONE), f.SubjectErased("asked", 0, {}, {}))]
    stage.log += stage.engine.record(erased, SYSTEM, stage.now).recorded
    assert not stage.engine.floor.gave_up
    same_when_folded_or_loaded(stage)


def test_who_gave_up_and_comes_soon_again_waits_on() -> None:
    stage = Stage().queue(resume_us=MINUTE)
    come(stage, "x")
    since = stage.now
    stage.wait(10 * SECOND)
    hang_up(stage)
    same_when_folded_or_loaded(stage)
    stage.wait(50 * SECOND)
    again = come(stage, "y")
    assert (again[0].since, again[0].place_from) == (since, "x")  # type: ignore[attr-defined]
    hang_up(stage, "y")
    stage.wait(61 * SECOND)
    late = come(stage, "z")
    assert (late[0].since, late[0].place_from) == (stage.now, None)  # type: ignore[attr-defined]


# --- calling somebody who is not there ----------------------------------------------------


def test_a_recall_is_a_contact_without_a_customer_yet() -> None:
    stage = Stage().queue()
    facts = stage.facts(c.Recall(X, QueueId("help"), contact=Y, subject=SubjectId("s")))
    kinds = [f.ContactCreated, f.ContactLinked, f.QueueEntered, f.QueuePlaceKept]
    assert [type(fact) for fact in facts] == kinds
    created, linked, entered, _ = facts
    assert (created.direction, created.leg, created.subject) == ("out", 0, "s")
    assert (linked.other, linked.kind) == ("x", "callback_of")
    assert entered.lane == 1
    same_when_folded_or_loaded(stage)
    stage.agent("anne").answer("y")
    stage.facts(c.ReportEstablished(rung(stage, "y")), LINE)
    stage.facts(c.ReportBridged(stage.offer("y")), LINE)
    hang_up(stage, "y")
    assert stage.all(f.ContactClosed)[-1].reason == "completed"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (c.Recall(X, QueueId("help")), "contact.no_id"),
        (c.Recall(X, QueueId("nowhere"), contact=Y), "queue.unknown"),
        (c.Recall(X, QueueId("help"), "both", contact=Y), "queue.bad_first"),
        (c.Recall(X, QueueId("help"), lane=2, contact=Y), "queue.bad_lane"),
        (c.Recall(X, QueueId("help"), need="(", contact=Y), "queue.bad_steps"),
        (c.Recall(X, QueueId("help"), priority=10**15, contact=Y), "queue.bad_priority"),
        (c.Recall(X, QueueId("help"), since=Instant(-5), contact=Y), "queue.bad_since"),
        (c.Recall(X, QueueId("help"), contact=X), "contact.exists"),
    ],
)
def test_a_recall_that_cant_be_is_refused(command: object, reason: str) -> None:
    stage = Stage().queue()
    stage.call("x")
    assert stage.refused(command) == reason
