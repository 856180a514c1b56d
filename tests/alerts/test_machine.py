"""Alerts rise at their limits, clear below the others, and never flap."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cckit.core import (
    SECOND,
    AgentId,
    AgentLoggedOut,
    AgentNotReady,
    AgentReady,
    ClockStepped,
    ContactAgentLeft,
    ContactClosed,
    ContactConnected,
    EntryId,
    Instant,
    LegHeld,
    LegId,
    LegRetrieved,
    PluginFailed,
    QueueEntered,
    QueueId,
    QueueLeft,
    RunStarted,
    Span,
)
from cckit.core.facts import AdapterLinkChanged, QueuePlaceKept, QueueResumed
from cckit.testing.plugins import check_plugin
from cckit_alerts import events as e
from cckit_alerts import policy as p
from cckit_alerts.plugin import Plugin
from cckit_alerts.policy import Rule
from tests.alerts.tape import Tape

ANNA = AgentId("anna")
S = SECOND


def entered(entry: int, queue: str = "sales", since: int = 0) -> QueueEntered:
    return QueueEntered(EntryId(entry), QueueId(queue), entry, Instant(since), 0, 0, ())


def left(entry: int, reason: str = "answered", wait_us: int = 0) -> QueueLeft:
    return QueueLeft(EntryId(entry), reason, Span(wait_us))


def connected() -> ContactConnected:
    return ContactConnected(ANNA, None, None, LegId(1))


LEFT_TALK = ContactAgentLeft(ANNA, "left")
CLOSED = ContactClosed("completed", "talk", "agent")


def test_a_conference_lasts_from_its_first_agent_until_its_last() -> None:
    bob = AgentId("bob")
    tape = Tape(
        Rule("long", p.LONG_CALL, 600), Rule("bobs", p.LONG_CALL, 600, scope="agent/bob")
    )
    tape.happen(1000, "contact/a", ContactConnected(ANNA, None, None, LegId(1)))
    tape.happen(1500, "contact/a", ContactConnected(bob, None, None, LegId(2)))
    tape.happen(1550, "contact/a", ContactAgentLeft(bob, "left"))
    tape.wait(3000)
    assert [(at, fact.rule) for at, _, fact in tape.said] == [(1600, "long")]
    tape.happen(3000, "contact/a", LEFT_TALK)
    tape.wait(3001)
    assert tape.words()[1:] == [(3000, "cleared")]


def test_the_plugin_is_sound() -> None:
    check_plugin(Plugin)


CASES = [
    (p.LONG_CALL, "contact/1", connected(), LEFT_TALK),
    (p.LONG_CALL, "contact/1", connected(), CLOSED),
    (p.LONG_WAIT, "contact/1", entered(1), left(1)),
    (p.LONG_HOLD, "contact/1", LegHeld(LegId(1), "agent"), LegRetrieved(LegId(1), "agent")),
    (p.LONG_HOLD, "contact/1", LegHeld(LegId(1), "agent"), CLOSED),
    (p.AGENT_MISSING, "agent/anna", AgentNotReady("rona", "system"), AgentReady()),
    (p.AGENT_MISSING, "agent/anna", AgentNotReady("unreachable", "system"), AgentLoggedOut("x")),
    (
        p.AGENT_MISSING,
        "agent/anna",
        AgentNotReady("rona", "system"),
        AgentNotReady("break", "agent"),
    ),
]


@pytest.mark.parametrize(("kind", "stream", "begins", "ends"), CASES)
def test_what_lasts_too_long_is_raised_then_and_cleared_when_it_ends(
    kind: str, stream: str, begins: Any, ends: Any
) -> None:
    tape = Tape(Rule("r", kind, 10 * S))
    tape.happen(0, stream, begins)
    tape.happen(9 * S, "contact/2")
    assert tape.said == []
    tape.wait(30 * S)
    assert tape.said == [(10 * S, stream, e.AlertRaised("r", 10 * S, 10 * S))]
    tape.happen(40 * S, stream, ends)
    tape.wait(99 * S)
    assert tape.words() == [(10 * S, "raised"), (40 * S, "cleared")]


@pytest.mark.parametrize(("kind", "stream", "begins", "ends"), CASES)
def test_what_ends_in_time_is_never_raised_and_leaves_nothing_behind(
    kind: str, stream: str, begins: Any, ends: Any
) -> None:
    tape = Tape(Rule("r", kind, 10 * S))
    tape.happen(0, stream, begins)
    tape.happen(9 * S, stream, ends)
    tape.wait(99 * S)
    assert tape.said == []
    assert tape.state.watches == {}


def test_a_place_that_is_kept_too_long_is_an_overdue_callback() -> None:
    tape = Tape(Rule("r", p.CALLBACK_OVERDUE, 60 * S), Rule("w", p.LONG_WAIT, 10 * S))
    tape.happen(0, "contact/1", entered(1))
    tape.happen(5 * S, "contact/1", QueuePlaceKept(EntryId(1), "agent"))
    tape.happen(70 * S, "contact/1", QueueResumed(EntryId(1)))
    tape.wait(71 * S)
    assert [(at, type(fact), fact.rule) for at, _, fact in tape.said] == [
        (65 * S, e.AlertRaised, "r"),
        (70 * S, e.AlertRaised, "w"),
        (70 * S, e.AlertCleared, "r"),
    ]


def test_who_overflows_goes_on_waiting_and_the_alert_stands() -> None:
    tape = Tape(Rule("r", p.LONG_WAIT, 10 * S))
    tape.happen(0, "contact/1", entered(1))
    tape.happen(20 * S, "contact/1", left(1, "overflowed"), entered(2, "other"))
    tape.happen(30 * S, "contact/1", left(2))
    tape.wait(31 * S)
    assert tape.words() == [(10 * S, "raised"), (30 * S, "cleared")]


@pytest.mark.parametrize(
    ("scope", "raised"),
    [("center", True), ("queue/sales", True), ("queue/*", True), ("queue/other", False)],
)
def test_a_scope_is_the_center_or_a_queue(scope: str, raised: bool) -> None:
    tape = Tape(Rule("r", p.LONG_WAIT, 10 * S, scope=scope))
    tape.happen(0, "contact/1", entered(1))
    tape.wait(20 * S)
    assert bool(tape.said) is raised


def test_a_scope_may_be_an_agent() -> None:
    tape = Tape(
        Rule("hers", p.LONG_CALL, 10 * S, scope="agent/anna"),
        Rule("his", p.LONG_CALL, 10 * S, scope="agent/ben"),
        Rule("gone", p.AGENT_MISSING, 10 * S, scope="agent/ben"),
    )
    tape.happen(0, "contact/1", connected())
    tape.happen(0, "agent/anna", AgentNotReady("rona", "system"))
    tape.wait(20 * S)
    assert [fact.rule for _, _, fact in tape.said] == ["hers"]


def test_a_level_has_two_limits_and_does_not_flap_between_them() -> None:
    tape = Tape(Rule("r", p.QUEUE_LENGTH, 3, clear=1))
    for n in range(1, 4):
        tape.happen(n * S, f"contact/{n}", entered(n))
    for n in range(4, 14):  # To and fro between 2 and 3.
        tape.happen(2 * n * S, "contact/1", left(n - 1))
        tape.happen((2 * n + 1) * S, f"contact/{n}", entered(n))
    tape.happen(50 * S, "contact/1", left(13), left(1))
    tape.wait(60 * S)
    assert tape.words() == [(3 * S, "raised"), (50 * S, "cleared")]


def test_a_level_must_hold_for_its_time_to_raise_as_to_clear() -> None:
    tape = Tape(Rule("r", p.QUEUE_LENGTH, 1, for_us=30 * S))
    tape.happen(0, "contact/1", entered(1))
    tape.happen(29 * S, "contact/1", left(1))
    tape.happen(31 * S, "contact/2", entered(2))
    tape.wait(61 * S)
    assert tape.words() == [(61 * S, "raised")]
    tape.happen(70 * S, "contact/2", left(2))
    tape.happen(99 * S, "contact/3", entered(3))
    tape.happen(110 * S, "contact/3", left(3))
    tape.wait(200 * S)
    assert tape.words() == [(61 * S, "raised"), (140 * S, "cleared")]


def test_a_rule_for_each_queue_names_the_queue() -> None:
    tape = Tape(Rule("r", p.QUEUE_LENGTH, 1, scope="queue/*"))
    tape.happen(0, "contact/1", entered(1, "sales"))
    tape.happen(0, "contact/2", entered(2, "help"))
    tape.wait(1)
    assert [fact.rule for _, _, fact in tape.said] == ["r queue/sales", "r queue/help"]


def test_a_service_level_is_at_risk_by_who_waits_too_long_already() -> None:
    rule = Rule("r", p.SLA_AT_RISK, 800, clear=850, within_us=20 * S, of=4)
    tape = Tape(rule)
    for n in range(1, 5):
        tape.happen(0, f"contact/{n}", entered(n), left(n, "answered", 5 * S))
    tape.happen(1 * S, "contact/5", entered(5, since=1 * S))
    tape.happen(2 * S, "contact/6", entered(6, since=2 * S))
    tape.wait(60 * S)
    # 4 of 5 is 80 %, 4 of 6 is less.
    assert tape.said == [(22 * S, "center", e.AlertRaised("r", 666, 800))]
    tape.happen(61 * S, "contact/5", left(5, "answered", 60 * S), left(6, "abandoned", 59 * S))
    for n in range(7, 11):
        tape.happen(62 * S, f"contact/{n}", entered(n, since=62 * S), left(n, "answered", 0))
    tape.wait(99 * S)
    assert tape.words()[-1] == (62 * S, "cleared")


def test_few_calls_say_nothing_of_the_service_level() -> None:
    tape = Tape(Rule("r", p.SLA_AT_RISK, 800, clear=850, within_us=20 * S, of=20))
    tape.happen(0, "contact/1", entered(1), left(1, "abandoned", 90 * S))
    tape.wait(99 * S)
    assert tape.said == []


def test_faults_are_counted_and_clear_when_all_has_been_quiet() -> None:
    failed = PluginFailed("x", "hook", "Boom", False)
    tape = Tape(Rule("r", p.ROUTER_FAULT, 2, quiet_us=100 * S))
    tape.happen(200 * S, "center", failed)
    tape.happen(500 * S, "center", failed)
    assert tape.said == []
    tape.happen(550 * S, "center", failed)
    tape.wait(900 * S)
    assert tape.words() == [(550 * S, "raised"), (650 * S, "cleared")]


def test_a_lost_switch_is_a_fault_for_as_long_as_it_is_lost() -> None:
    tape = Tape(Rule("r", p.ROUTER_FAULT, 1, quiet_us=10 * S))
    tape.happen(5 * S, "center", AdapterLinkChanged("pbx", False, Instant(0)))
    tape.happen(400 * S, "center", AdapterLinkChanged("pbx", True, Instant(0)))
    tape.wait(900 * S)
    assert tape.words() == [(5 * S, "raised"), (410 * S, "cleared")]


def test_what_nobody_acknowledges_is_repeated() -> None:
    tape = Tape(Rule("r", p.LONG_CALL, 10 * S, repeat_us=60 * S))
    tape.happen(0, "contact/1", connected())
    tape.wait(140 * S)
    assert tape.words() == [(10 * S, "raised"), (70 * S, "repeated"), (130 * S, "repeated")]
    assert tape.said[-1][2] == e.AlertRepeated("r", 2, 130 * S)
    assert tape.acknowledge("r contact/1", "rina") is None
    tape.happen(999 * S, "contact/1", LEFT_TALK)
    tape.wait(1000 * S)
    assert tape.words()[3:] == [(140 * S, "acknowledged"), (999 * S, "cleared")]


def test_only_an_alert_that_stands_is_acknowledged_and_once() -> None:
    tape = Tape(Rule("r", p.LONG_CALL, 10 * S))
    tape.happen(0, "contact/1", connected())
    refused = tape.acknowledge("r contact/1")
    assert refused is not None
    assert (refused.reason, refused.what) == (
        "alert.unknown",
        "no alert 'r contact/1' stands; there stand none",
    )
    tape.wait(20 * S)
    assert tape.acknowledge("r contact/1") is None
    assert tape.acknowledge("r contact/1") is None
    assert tape.words() == [(10 * S, "raised"), (20 * S, "acknowledged")]
    other = tape.acknowledge("r")
    assert other is not None
    assert "there stand r contact/1" in other.what


def test_an_alert_whose_rule_was_taken_away_is_cleared_at_once() -> None:
    before = Tape(Rule("r", p.LONG_CALL, 10 * S))
    before.happen(0, "contact/1", connected())
    before.wait(20 * S)
    after = Tape()
    after.happen(20 * S, "contact/1", *(fact for _, _, fact in before.said))
    after.wait(21 * S)
    assert after.words() == [(20 * S, "cleared")]
    assert after.state.watches == {}


def test_a_clock_that_goes_back_between_two_runs_moves_what_is_open() -> None:
    tape = Tape(Rule("r", p.LONG_CALL, 100 * S))
    tape.happen(1000 * S, "contact/1", connected())
    tape.wait(1050 * S)
    tape.now = 50 * S
    run = RunStarted(2, "live", None, None, False, {})
    tape._evolve("center", run)
    tape._evolve("center", ClockStepped(Instant(1050 * S), Instant(50 * S)))
    tape.wait(99 * S)
    assert tape.said == []
    tape.wait(100 * S)
    assert tape.words() == [(100 * S, "raised")]


# --- properties -----------------------------------------------------------------------------

STEPS = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 7)), max_size=60)


@given(
    steps=STEPS,
    limit=st.integers(1, 4),
    gap=st.integers(1, 4),
    for_s=st.sampled_from([0, 0, 15]),
    within_s=st.sampled_from([5, 30]),
)
@settings(max_examples=60, deadline=None)
def test_no_alert_is_raised_twice_without_a_clear_and_levels_keep_their_limits(
    steps: list[tuple[int, int]], limit: int, gap: int, for_s: int, within_s: int
) -> None:
    clear = max(0, limit - gap)
    tape = Tape(
        Rule("len", p.QUEUE_LENGTH, limit, clear=clear, for_us=for_s * S),
        Rule("each", p.QUEUE_LENGTH, limit, clear=clear, scope="queue/*"),
        Rule("wait", p.LONG_WAIT, 30 * S, repeat_us=20 * S),
        Rule("sla", p.SLA_AT_RISK, 800, clear=900, within_us=within_s * S, of=3),
        Rule("call", p.LONG_CALL, 25 * S),
    )
    waiting: dict[int, int] = {}
    now, n = 0, 0
    lengths: list[tuple[int, int]] = [(0, 0)]
    for pause, what in steps:
        now += pause * S
        if what < 4 or not waiting:
            n += 1
            waiting[n] = now
            tape.happen(now, f"contact/{n}", entered(n, "ab"[what % 2], now))
        else:
            entry = sorted(waiting)[what % len(waiting)]
            wait = now - waiting.pop(entry)
            talks = (connected(),) if what % 2 else (CLOSED,)
            reason = "answered" if what % 2 else "abandoned"
            tape.happen(now, f"contact/{entry}", left(entry, reason, wait), *talks)
        lengths.append((now, len(waiting)))
    tape.wait(now + 3600 * S)
    on: set[tuple[str, str]] = set()
    for at, stream, fact in tape.said:
        key = (stream, fact.rule)
        if isinstance(fact, e.AlertRaised):
            assert key not in on
            on.add(key)
        elif isinstance(fact, e.AlertCleared):
            assert key in on
            on.remove(key)
        else:
            assert key in on
        if fact.rule == "len" and isinstance(fact, e.AlertRaised):
            assert value_at(lengths, at) >= limit == fact.limit
            assert all(v >= limit for t, v in lengths if at - for_s * S < t <= at)
        if fact.rule == "len" and isinstance(fact, e.AlertCleared):
            assert value_at(lengths, at) <= clear
    final = value_at(lengths, now)
    if final >= limit:
        assert ("center", "len") in on
    if final <= clear:
        assert ("center", "len") not in on
    assert {key for key in on if key[1] == "wait"} == {(f"contact/{n}", "wait") for n in waiting}


def value_at(values: list[tuple[int, int]], at: int) -> int:
    return [value for t, value in values if t <= at][-1]
