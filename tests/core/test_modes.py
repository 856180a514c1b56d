"""Modes: who switches what, which one holds, and what becomes of who comes."""

from typing import Any

import pytest

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.events import Actor
from cckit.core.ids import ContactId, QueueId
from cckit.core.instant import HOUR, MINUTE, Instant
from cckit.core.mode import DEFAULTS, RANKED, Modes, ModeSettings
from cckit.core.snapshot import dump, load
from tests.stage import Stage

SUPERVISOR = Actor("supervisor", "rina")


def open_floor() -> Stage:
    return Stage().queue("help").queue("second")


def switch(stage: Stage, mode: str, scope: str = "center", until: int | None = None) -> list[Any]:
    due = None if until is None else Instant(until)
    return stage.facts(c.SetMode(scope, mode, due, "test"), SUPERVISOR)


def configure(stage: Stage, id: str, **settings: Any) -> None:
    stage.facts(c.ApplyConfig("mode", id, ModeSettings(**settings).pack()))


def arrive(stage: Stage, name: str = "x") -> c.Enqueue:
    stage.facts(c.ReportArrived("voice", contact=ContactId(name)))
    return c.Enqueue(ContactId(name), QueueId("help"))


def test_a_switch_is_an_event_that_says_who_what_until_when_and_why() -> None:
    stage = open_floor()
    until = stage.now + HOUR
    assert switch(stage, "emergency", "queue/help", until) == [
        f.ModeChanged("queue/help", "emergency", Instant(until), "test")
    ]
    assert stage.log[-1][0].stamp.actor == SUPERVISOR
    assert switch(stage, "emergency", "queue/help", until) == []


@pytest.mark.parametrize(
    ("mode", "reason", "phase"),
    [
        ("closed", "blocked", "hours"),
        ("holiday", "blocked", "hours"),
        ("emergency", "deflected", "queue"),
    ],
)
def test_who_comes_in_a_mode_is_turned_away_and_the_log_says_why(
    mode: str, reason: str, phase: str
) -> None:
    stage = open_floor()
    switch(stage, mode)
    facts = stage.facts(arrive(stage))
    assert [type(one) for one in facts] == [f.QueueEntered, f.QueueLeft, f.ContactClosed]
    assert (facts[-1].reason, facts[-1].phase, facts[-1].by) == (reason, phase, "system")


def test_an_overloaded_queue_takes_callbacks_only_and_says_so() -> None:
    stage = open_floor()
    switch(stage, "overload", "queue/help")
    assert stage.refused(arrive(stage)) == "queue.callback_only"
    assert [type(one) for one in stage.facts(c.Enqueue(ContactId("x"), QueueId("second")))] == [
        f.QueueEntered
    ]


def test_the_lanes_that_stay_open_are_served_in_every_mode() -> None:
    stage = open_floor()
    switch(stage, "emergency")
    arrive(stage)
    entered = stage.facts(c.Enqueue(ContactId("x"), QueueId("help"), lane=2))
    assert [type(one) for one in entered] == [f.QueueEntered]


def test_a_message_is_played_before_somebody_is_sent_away() -> None:
    stage = open_floor()
    configure(stage, "closed", admission="deflect", message="we-are-closed")
    switch(stage, "closed")
    facts = stage.facts(arrive(stage))
    played = [one for one in facts if type(one) is f.LegOrdered]
    assert [(one.order, one.role) for one in played] == [("play", "we-are-closed")]
    assert type(facts[-1]) is f.ContactClosed


def test_a_mode_can_send_to_another_queue_and_the_wait_goes_on() -> None:
    stage = open_floor()
    configure(stage, "emergency help", admission="overflow second")
    switch(stage, "emergency", "queue/help")
    facts = stage.facts(arrive(stage))
    assert [(type(one), getattr(one, "queue", "")) for one in facts] == [
        (f.QueueEntered, "help"),
        (f.QueueLeft, ""),
        (f.QueueEntered, "second"),
    ]
    assert facts[0].since == facts[2].since


def test_the_first_in_rank_holds_until_it_ends_and_then_the_next_one() -> None:
    modes = Modes()
    for n, mode in enumerate(reversed(RANKED)):
        modes.change("center", mode, 100 - 10 * n, 0)
    seen = [modes.of(QueueId("q"), at) for at in (0, 70, 80, 90, 100)]
    assert seen == ["emergency", "overload", "holiday", "closed", "normal"]


def test_the_mode_of_a_queue_and_of_the_center_rank_together() -> None:
    modes = Modes()
    modes.change("center", "closed", 0, 0)
    modes.change("queue/a", "emergency", 0, 0)
    assert modes.of(QueueId("a"), 5) == "emergency"
    assert modes.of(QueueId("b"), 5) == "closed"
    modes.change("queue/a", "normal", 0, 5)
    assert modes.of(QueueId("a"), 5) == "closed"


def test_a_mode_that_ended_turns_nobody_away() -> None:
    stage = open_floor()
    switch(stage, "closed", until=stage.now + MINUTE)
    stage.wait(MINUTE)
    assert [type(one) for one in stage.facts(arrive(stage))] == [f.QueueEntered]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (c.SetMode("queue/nowhere", "closed"), "mode.unknown_scope"),
        (c.SetMode("help", "closed"), "mode.unknown_scope"),
        (c.SetMode("center", "lunch"), "mode.unknown"),
        (c.SetMode("center", "closed", Instant(1)), "mode.bad_until"),
        (c.ApplyConfig("mode", "lunch", ModeSettings().pack()), "config.bad_mode"),
        (c.ApplyConfig("mode", "closed", ModeSettings("maybe").pack()), "config.bad_mode"),
        (c.ApplyConfig("mode", "closed", ModeSettings(lane=9).pack()), "config.bad_mode"),
        (c.ApplyConfig("mode", "closed", b"\x80"), "config.bad_mode"),
    ],
)
def test_what_no_mode_can_be_is_refused(command: Any, reason: str) -> None:
    assert open_floor().refused(command) == reason


def test_a_snapshot_keeps_modes_and_what_they_do() -> None:
    stage = open_floor()
    configure(stage, "closed sales", admission="deflect", lane=1, message="bye")
    switch(stage, "overload", "queue/help", stage.now + HOUR)
    stored = dump(stage.engine)
    again = open_floor().engine
    load(again, stored)
    assert dump(again) == stored
    assert again.floor.modes.of(QueueId("help"), stage.now) == "overload"


def test_every_mode_has_rules_from_the_start() -> None:
    assert set(DEFAULTS) == {*RANKED, "normal"}
