"""Promises: made, put off, kept and broken, in a center in virtual time."""

import pytest

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.engine import Engine
from cckit.core.errors import Refused
from cckit.core.ids import ContactId, OfferId, QueueId, Stream, SubjectId
from cckit.core.instant import HOUR, MINUTE, Instant
from cckit.testing.plugins import check_plugin
from cckit_callback import events as e
from cckit_callback.machine import (
    CancelCallback,
    EndCallback,
    RequestCallback,
    Reschedule,
    machine,
    recall_id,
)
from tests.callback.desk import Desk
from tests.stage import LINE, Stage

DAY = 24 * HOUR
X = Stream("contact/x")


def test_it_is_a_plugin() -> None:
    assert check_plugin("callback")[-1] == "answers_purely"


# --- the place is kept --------------------------------------------------------------------


def keeping(**settings: int) -> Desk:
    desk = Desk(**settings)
    desk.call("x", "s")
    desk.do(RequestCallback(X))
    desk.hang_up(X)
    return desk


def test_a_promise_and_the_kept_place_are_one_decision() -> None:
    desk = Desk()
    desk.call("x", "s")
    decision = desk.do(RequestCallback(X, first="customer"))
    requested = e.CallbackRequested(SubjectId("s"), None, "keep", "customer", None, QueueId("help"))
    assert next(data for _, data in decision.recorded) == requested
    assert [type(data) for _, data in decision.recorded][1:] == [f.QueuePlaceKept]


def test_a_promise_is_kept_when_they_speak() -> None:
    desk = keeping()
    desk.ready()
    desk.talk()
    assert desk.told()[1:] == [
        (X, e.CallbackAttemptEnded(1, "connected")),
        (X, e.CallbackClosed("done")),
    ]
    desk.hang_up(X)
    assert desk.closings == [("completed", "talk")]


def test_a_promise_is_kept_too_if_they_never_hung_up() -> None:
    desk = Desk()
    desk.call("x")
    desk.do(RequestCallback(X))
    desk.ready()
    contact = desk.accept()
    desk.do(c.ReportBridged(OfferId(contact.offer)))
    assert desk.told()[1:] == [(X, e.CallbackClosed("done"))]


def test_after_three_calls_in_vain_they_are_unreachable() -> None:
    desk = keeping()
    desk.ready()
    for pause in (5 * MINUTE, 10 * MINUTE, 0):
        desk.busy()
        desk.wait(pause)
    assert desk.told()[1:] == [
        *((X, e.CallbackAttemptEnded(n, "busy")) for n in (1, 2, 3)),
        (X, e.CallbackClosed("unreachable")),
    ]
    assert desk.closings == [("abandoned", "callback")]


def test_who_answers_and_hangs_up_has_declined() -> None:
    desk = keeping()
    desk.ready()
    desk.accept()
    desk.do(c.ReportEstablished(desk.ringing()))
    desk.hang_up(X)
    assert desk.told()[1:] == [
        (X, e.CallbackAttemptEnded(1, "left")),
        (X, e.CallbackClosed("declined")),
    ]


def test_the_longest_wait_lets_a_promise_expire() -> None:
    desk = keeping(max_wait_us=MINUTE)
    desk.wait(MINUTE)
    assert desk.told()[-1] == (X, e.CallbackClosed("expired"))


@pytest.mark.parametrize("how", ["the plugin", "the floor"])
def test_a_promise_is_taken_back(how: str) -> None:
    desk = keeping()
    desk.do(CancelCallback(X) if how == "the plugin" else c.Cancel(ContactId("x")))
    assert desk.told()[1:] == [(X, e.CallbackClosed("cancelled"))]
    assert desk.closings == [("abandoned", "callback")]
    assert desk.refused(CancelCallback(X)).reason == "callback.unknown"


@pytest.mark.parametrize("how", ["the plugin", "the floor"])
@pytest.mark.parametrize("first", ["agent", "customer"])
def test_who_never_hung_up_loses_the_promise_alone(how: str, first: str) -> None:
    desk = Desk()
    desk.call("x")
    desk.do(RequestCallback(X, first=first))
    desk.do(CancelCallback(X) if how == "the plugin" else c.Cancel(ContactId("x")))
    assert not desk.closings
    desk.ready()
    contact = desk.accept()
    desk.do(c.ReportBridged(OfferId(contact.offer)))
    assert not [one for one in desk.all(f.LegOrdered) if one.order == "dial"]
    assert desk.all(f.ContactConnected)
    assert [data for _, data in desk.told()][1:] in (
        [e.CallbackClosed("cancelled")],  # By the plugin, at once.
        [e.CallbackClosed("done")],  # It ends when they talk.
    )


@pytest.mark.parametrize("order", ["Reschedule", "CancelCallback"])
def test_a_contact_that_closed_is_not_put_off_before_its_promise_ends(order: str) -> None:
    stage = Stage()
    stage.engine = Engine(machines=(machine(),))
    stage.record(f.RunStarted(1, "simulated", None, 0, False, {}))
    stage.queue()
    leg = stage.call("x")
    stage.facts(RequestCallback(X))
    stage.facts(c.ReportCleared(leg, "normal"), LINE)
    stage.facts(c.Cancel(ContactId("x"), "callback_failed"))
    if order == "Reschedule":
        refused = stage.do(Reschedule(X, Instant(stage.now + HOUR)))
        assert isinstance(refused, Refused)
        assert refused.reason == "callback.wrong_state"
        assert stage.facts(EndCallback(X, "unreachable")) == [e.CallbackClosed("unreachable")]
    else:
        assert stage.facts(CancelCallback(X)) == [e.CallbackClosed("cancelled")]
        assert not stage.facts(EndCallback(X, "unreachable"))


def test_who_calls_again_ends_the_promise_and_takes_the_place() -> None:
    desk = keeping()
    desk.wait(MINUTE)
    desk.call("y", "s")
    assert desk.told()[1:] == [(X, e.CallbackClosed("cancelled"))]
    entered = desk.all(f.QueueEntered)
    assert entered[1].since == entered[0].since
    desk.do(RequestCallback(Stream("contact/y")))
    assert desk.told()[-1][0] == "contact/y"


# --- at another time ----------------------------------------------------------------------


def agreed(minutes: int = 60, **settings: int) -> Desk:
    desk = Desk(**settings)
    desk.call("x", "s")
    due = Instant(desk.now + minutes * MINUTE)
    desk.do(RequestCallback(X, "scheduled", due=due))
    return desk


def test_who_agrees_on_another_time_is_let_go_and_called_then() -> None:
    desk = agreed()
    assert desk.closings == [("callback_agreed", "queue")]
    desk.ready()
    desk.wait(60 * MINUTE - 1)
    assert not desk.floor.contacts
    desk.wait(1)
    [(stream, contact)] = desk.floor.contacts.items()
    assert stream == f"contact/{recall_id(X, 1)}"
    assert contact.subject == "s"
    entered = desk.all(f.QueueEntered)[-1]
    assert (entered.lane, entered.since) == (1, desk.now)
    [linked] = desk.all(f.ContactLinked)
    assert (linked.other, linked.kind) == ("x", "callback_of")
    desk.talk()
    assert desk.told()[1:] == [
        (stream, e.CallbackAttemptEnded(1, "connected")),
        (stream, e.CallbackClosed("done")),
    ]


def test_who_is_not_there_is_called_back_too() -> None:
    desk = Desk()
    of = Stream("subject/" + "a" * 32)
    asked = RequestCallback(of, "scheduled", "customer", Instant(desk.now + MINUTE))
    assert desk.refused(asked).reason == "callback.no_queue"
    desk.do(
        RequestCallback(
            of, "scheduled", "customer", Instant(desk.now + MINUTE), queue=QueueId("help")
        )
    )
    desk.ready()
    desk.wait(MINUTE)
    assert desk.told()[0][1].subject == "a" * 32
    desk.do(c.ReportCleared(desk.ringing(), "busy"))
    assert desk.told()[-1][1] == e.CallbackAttemptEnded(1, "busy")


def test_it_is_put_off_before_it_begins_and_while_it_waits() -> None:
    desk = agreed()
    desk.do(Reschedule(X, Instant(desk.now + 30 * MINUTE)))
    desk.wait(30 * MINUTE)
    first = Stream(f"contact/{recall_id(X, 1)}")
    assert list(desk.floor.contacts) == [first]
    desk.do(Reschedule(X, Instant(desk.now + 30 * MINUTE)))
    assert not desk.floor.contacts
    assert desk.closings[-1] == ("callback_agreed", "queue")
    desk.wait(30 * MINUTE)
    second = Stream(f"contact/{recall_id(X, 2)}")
    assert list(desk.floor.contacts) == [second]
    desk.do(CancelCallback(second))
    assert desk.told()[-1] == (second, e.CallbackClosed("cancelled"))


def test_who_waits_in_a_kept_place_may_agree_on_a_time() -> None:
    desk = keeping()
    desk.do(Reschedule(X, Instant(desk.now + MINUTE)))
    assert desk.closings == [("callback_agreed", "queue")]
    desk.wait(MINUTE)
    assert list(desk.floor.contacts) == [f"contact/{recall_id(X, 1)}"]


def test_who_is_being_called_is_not_put_off() -> None:
    desk = keeping()
    desk.ready()
    desk.accept()
    late = Reschedule(X, Instant(desk.now + MINUTE))
    assert desk.refused(late).reason == "callback.wrong_state"


def test_two_at_one_instant_are_both_called() -> None:
    desk = Desk()
    due = Instant(desk.now + HOUR)
    for name in "xyz":
        desk.call(name, f"s{name}")
        desk.do(RequestCallback(Stream(f"contact/{name}"), "scheduled", due=due))
    desk.wait(HOUR + 2)
    assert len(desk.floor.contacts) == 3
    assert len({entered.entry for entered in desk.all(f.QueueEntered)}) == 6


def test_a_second_promise_to_one_person_ends_the_first() -> None:
    desk = agreed()
    desk.call("y", "s")
    y = Stream("contact/y")
    desk.do(RequestCallback(y, "scheduled", due=Instant(desk.now + MINUTE)))
    assert desk.told(e.CallbackClosed) == [(X, e.CallbackClosed("cancelled"))]
    desk.wait(2 * HOUR)
    assert list(desk.floor.contacts) == [f"contact/{recall_id(y, 1)}"]


@pytest.mark.parametrize("second", ["keep", "scheduled"])
def test_a_promise_after_a_kept_place_ends_that(second: str) -> None:
    desk = keeping()
    desk.world.queue("other")
    y = desk.call("y", "s", "other")
    due = Instant(desk.now + MINUTE) if second == "scheduled" else None
    desk.do(RequestCallback(y, second, due=due))
    assert (X, e.CallbackClosed("cancelled")) in desk.told()
    assert desk.closings[0] == ("merged", "callback")
    assert "contact/x" not in desk.floor.contacts


def test_an_agent_may_agree_on_a_time_while_they_talk() -> None:
    desk = Desk()
    desk.call("x", "s")
    desk.ready()
    contact = desk.accept()
    desk.do(c.ReportBridged(OfferId(contact.offer)))
    desk.do(RequestCallback(X, "scheduled", due=Instant(desk.now + HOUR)))
    assert not desk.closings
    desk.hang_up(X)
    desk.wait(HOUR)
    assert desk.closings == [("completed", "talk")]
    assert desk.all(f.QueuePlaceKept)


# --- what can't be ------------------------------------------------------------------------

OFFICE = {"windows": [{"days": "mon-fri", "from": "08:00", "to": "20:00"}]}


def test_the_past_and_a_closed_hour_are_refused_with_the_next_that_is_possible() -> None:
    desk = Desk(OFFICE)  # The world begins on Thursday, 2026-01-01, at midnight.
    desk.call("x")
    past = desk.refused(RequestCallback(X, "scheduled", due=Instant(desk.now - 1)))
    assert past.reason == "callback.past"
    closed = desk.refused(RequestCallback(X, "scheduled", due=Instant(desk.now + MINUTE)))
    assert closed.reason == "callback.closed"
    assert past.remedy == closed.remedy
    assert closed.remedy.startswith("agree on 2026-01-01 08:00:00")
    far = desk.refused(RequestCallback(X, "scheduled", due=Instant(desk.now + 60 * DAY)))
    assert far.reason == "callback.too_far"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (RequestCallback(X, "soon"), "callback.bad_mode"),
        (RequestCallback(X, first="boss"), "callback.bad_first"),
        (RequestCallback(Stream("agent/anne")), "callback.bad_stream"),
        (RequestCallback(Stream("contact/nobody")), "callback.unknown_contact"),
        (RequestCallback(Stream("subject/s")), "callback.unknown_contact"),
        (RequestCallback(X, due=Instant(5)), "callback.bad_due"),
        (RequestCallback(X, "scheduled"), "callback.bad_due"),
        (RequestCallback(X, queue=QueueId("other")), "callback.bad_queue"),
        (RequestCallback(X, stream=X), "callback.bad_stream"),
        (Reschedule(X, Instant(5)), "callback.unknown"),
        (CancelCallback(X), "callback.unknown"),
    ],
)
def test_what_cant_be_is_refused(command: object, reason: str) -> None:
    desk = Desk()
    desk.call("x")
    assert desk.refused(command).reason == reason


def test_who_does_not_wait_keeps_no_place_and_nothing_is_promised() -> None:
    desk = Desk()
    desk.do(c.ReportArrived("voice", contact=ContactId("x")))
    assert desk.refused(RequestCallback(X)).reason == "queue.wrong_state"
    assert not desk.told()


def test_a_second_request_is_refused() -> None:
    desk = keeping()
    assert desk.refused(RequestCallback(X)).reason == "callback.exists"


# --- when we were not there ---------------------------------------------------------------


def test_what_is_due_outside_of_all_windows_waits_for_the_next_and_too_late_expires() -> None:
    listed = [
        ["2026-01-01T00:00Z", "2026-01-01T01:00Z"],
        ["2026-01-01T02:00Z", "2026-01-01T03:00Z"],
        ["2026-01-02T02:00Z", "2026-01-02T03:00Z"],
    ]
    desk = Desk({"listed": listed, "late_s": 2 * 3600})
    desk.call("x", "s")
    due = Instant(desk.now + 59 * MINUTE)
    desk.do(RequestCallback(X, "scheduled", due=due))
    desk.world.now = Instant(desk.now + 90 * MINUTE)  # As after a night without us.
    desk.wait(0)
    assert desk.told()[-1][1] == e.CallbackRescheduled(Instant(due + 61 * MINUTE))
    desk.world.now = Instant(desk.now + 5 * HOUR)
    desk.wait(0)
    assert desk.told()[-1][1] == e.CallbackClosed("expired")


def test_who_was_promised_is_called_however_full_the_queue_is() -> None:
    desk = Desk(capacity=1)
    desk.call("x", "s")
    desk.do(RequestCallback(X, "scheduled", due=Instant(desk.now + MINUTE)))
    desk.call("y")
    desk.wait(MINUTE)
    assert len(desk.floor.entries) == 2


def test_a_queue_that_is_not_there_any_more_lets_it_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = agreed()
    monkeypatch.delitem(desk.floor.queues, "help")
    desk.wait(HOUR)
    assert desk.told()[-1][1] == e.CallbackClosed("expired")
