"""Overload: switched by limits, once each way, and the center still does its work meanwhile."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cckit.core import (
    HOUR,
    MINUTE,
    SECOND,
    Actor,
    ContactClosed,
    ContactConnected,
    Instant,
    LegOrdered,
    QueueLeft,
    Span,
)
from cckit.core.commands import SetMode
from cckit.core.facts import ModeChanged
from cckit.core.ids import QueueId
from cckit.testing import Arrival, World
from cckit.testing.staffing import Shift
from cckit.testing.world import START
from cckit_hours.events import ModeCallbackOffered
from cckit_hours.plugin import Plugin
from cckit_hours.policy import Overload, ql_us, relieved, too_much

RINA = Actor("supervisor", "rina")
LENGTH = {"enter_length": 4, "leave_length": 1}


def world(limits: dict[str, int] | None = None, **overload: Any) -> World:
    """A queue ``help`` that nobody serves yet, and one ``second``."""
    mode = {"admission": "deflect", **overload}
    hours = {"modes": {"overload": mode}, "overload": {"help": limits or LENGTH}}
    made = World(3, plugins={"hours": Plugin()}, settings={"hours": hours})
    made.queue("help")
    made.queue("second")
    return made


def come(here: World, seconds: list[int], patience_s: int | None = None, talk_s: int = 60) -> None:
    patience = None if patience_s is None else Span(patience_s * SECOND)
    for at in seconds:
        when, talk = Instant(START + at * SECOND), Span(talk_s * SECOND)
        nothing = Span(0)
        here.arrive(
            Arrival(when, QueueId("help"), nothing, patience, talk, nothing, None, 0, 0, "")
        )


def after(seconds: int) -> Instant:
    return Instant(START + seconds * SECOND)


def switches(here: World) -> list[tuple[int, bool, str]]:
    """Seconds from the beginning, whether it is on, and who switched."""
    return [
        (
            (one.recorded_at - START) // SECOND,
            data.until is None and data.mode == "overload",
            one.actor.kind,
        )
        for one, data in here.events((ModeChanged,))
    ]


def test_a_queue_is_overloaded_at_its_length_and_says_the_number() -> None:
    here = world()
    come(here, [1, 2, 3, 4, 5, 6])
    here.run(after(10))
    assert switches(here) == [(4, True, "timer")]
    [(_, changed)] = here.events((ModeChanged,))
    assert changed.scope == "queue/help"
    assert changed.why == "overload limits: 4 wait, 3 s expected"
    assert [data.reason for _, data in here.events((ContactClosed,))] == ["deflected"] * 2


def test_it_ends_below_the_lower_limit_and_not_before_a_minute() -> None:
    here = world()
    come(here, [1, 2, 3, 4], patience_s=20)
    here.run(after(300))
    assert switches(here) == [(4, True, "timer"), (64, False, "timer")]


def test_between_the_limits_nothing_is_switched() -> None:
    here = world()
    come(here, [1, 2], None)
    come(here, [3, 4], patience_s=100)
    here.run(after(3600))
    assert switches(here) == [(4, True, "timer")]
    assert here.engine.floor.modes.of(QueueId("help"), here.now) == "overload"


def test_the_head_of_the_line_has_a_timer_and_nobody_polls() -> None:
    here = world({"enter_wait_s": 100, "leave_wait_s": 30})
    come(here, [1], patience_s=200)
    here.run(after(3600))
    assert switches(here) == [(101, True, "timer"), (201, False, "timer")]


def test_what_somebody_switched_is_left_alone() -> None:
    here = world()
    here.do(SetMode("queue/help", "overload", None, "press"), RINA)
    come(here, [1, 2, 3, 4, 5])
    here.run(after(600))
    assert switches(here) == [(0, True, "supervisor")]


def test_who_calls_it_normal_is_believed_until_it_was_relieved_once() -> None:
    here = world()
    come(here, [1, 2, 3, 4], patience_s=500)
    here.later(after(100), SetMode("queue/help", "normal", None, "all hands"), RINA)
    come(here, [200], patience_s=500)
    come(here, [1001, 1002, 1003, 1004], patience_s=500)
    here.run(after(1010))
    assert switches(here) == [(4, True, "timer"), (100, False, "supervisor"), (1004, True, "timer")]


@pytest.mark.parametrize(
    ("waiting", "left"),
    [("stay", []), ("deflect", 4 * ["cancelled"]), ("overflow second", 4 * ["overflowed"])],
)
def test_those_who_wait_when_it_begins_go_where_the_mode_says(waiting: str, left: Any) -> None:
    here = world(waiting=waiting)
    come(here, [1, 2, 3, 4])
    here.run(after(5))
    assert [data.reason for _, data in here.events((QueueLeft,))] == left


def test_those_who_wait_are_offered_a_callback_once() -> None:
    here = world(waiting="callback", message="press-1-and-we-call-you")
    come(here, [1, 2, 3, 4])
    here.run(after(10))
    assert len(list(here.events((ModeCallbackOffered,)))) == 4
    played = [data.role for _, data in here.events((LegOrdered,)) if data.order == "play"]
    assert played == ["press-1-and-we-call-you"] * 4
    here.do(SetMode("queue/help", "overload", None, "still"), RINA)
    assert len(list(here.events((ModeCallbackOffered,)))) == 4


def test_ten_times_the_load_for_an_hour_leaves_95_percent_of_the_capacity_at_work(
    publish: Any,
) -> None:
    """Goodput: time in which agents talk to customers, of the time that they have."""
    agents, talk_s, chance = 10, 180, Random(7)
    here = world({"enter_length": 20, "leave_length": 8})
    for n in range(agents):
        here.agent(f"a{n}", Shift(1))
    rate = 10 * agents / talk_s
    seconds, at = [], 0.0
    while at < 3600:
        at += chance.expovariate(rate)
        seconds.append(int(at))
    come(here, seconds, patience_s=120, talk_s=talk_s)
    here.run(Instant(START + HOUR))
    began = [one.recorded_at for one, _ in here.events((ContactConnected,))]
    talked = sum(min(talk_s * SECOND, START + HOUR - at) for at in began)
    goodput = talked * 1000 // (agents * HOUR)
    closed = [data.reason for _, data in here.events((ContactClosed,))]
    turned = closed.count("deflected")
    publish(
        f"overload: 10 x load for 1 h, goodput {goodput / 10} % of capacity, {turned} turned away"
    )
    assert goodput >= 950
    assert turned > len(seconds) // 2
    changes = switches(here)
    assert [on for _, on, _ in changes] == [n % 2 == 0 for n in range(len(changes))]
    ons = [at for at, on, _ in changes if on]
    offs = [at for at, on, _ in changes if not on]
    assert all(off - on >= 60 for on, off in zip(ons, offs, strict=False))


@given(st.lists(st.integers(0, 10**12), max_size=21), st.integers(0, 1000))
def test_more_who_wait_are_never_expected_to_wait_less(served: list[int], waiting: int) -> None:
    served.sort()
    assert 0 <= ql_us(waiting, served) <= ql_us(waiting + 1, served)


@given(st.integers(1, 100), st.integers(1, 100), st.integers(0, 200), st.integers(0, 200 * MINUTE))
def test_nothing_is_too_much_and_relieved_at_once(
    enter: int, gap: int, waiting: int, expected: int
) -> None:
    limits = Overload(enter, max(0, enter - gap), 60 * MINUTE, 30 * MINUTE)
    if enter - gap >= 0:
        assert not (too_much(limits, waiting, expected) and relieved(limits, waiting, expected))
