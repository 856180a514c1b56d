"""Rows of the interval table tile every login."""

from collections.abc import Callable
from typing import Any

from cckit.core import facts as f
from cckit.core.ids import ContactId, OfferId
from cckit.core.instant import MINUTE, SECOND, Instant
from cckit.core.reports import AgentIntervals, Interval
from cckit.testing.projections import check_projection, fold

T = 918_460_800 * SECOND


def rows(tape: Any) -> list[Interval]:
    found = list(fold(AgentIntervals(), tape.events).rows())
    return sorted(found, key=lambda row: (row.agent, row.login, row.seq))


def states(tape: Any) -> list[tuple[str, int, int | None]]:
    return [
        (r.state, (r.start - T) // SECOND, None if r.end is None else (r.end - T) // SECOND)
        for r in rows(tape)
    ]


def test_a_day_of_an_agent(morning: Callable[..., Any]) -> None:
    tape = morning().log_in("7", T).arrive("a", T + 10 * SECOND)
    tape.offer("a", "7", 1, T + 10 * SECOND).answer("a", "7", T + 15 * SECOND, 1)
    tape.hang_up("a", "7", T + 60 * SECOND, T + 90 * SECOND).log_out("7", T + 100 * SECOND)
    assert states(tape) == [
        ("ready", 0, 10),
        ("offered", 10, 15),
        ("busy", 15, 60),
        ("wrapup", 60, 90),
        ("ready", 90, 100),
    ]
    assert rows(tape)[2] == Interval(
        agent="7",
        login=1,
        seq=3,
        state="busy",
        reason=None,
        forced_by=None,
        station=None,
        contacts=1,
        load=100,
        start=T + 15 * SECOND,
        end=T + 60 * SECOND,
        start_pos=7,
        end_pos=9,
        flags=(),
    )


def test_a_reason_and_who_forced_it_make_rows_of_their_own(morning: Callable[..., Any]) -> None:
    tape = morning().log_in("7", T)
    for n, (reason, by) in enumerate([("lunch", "agent"), ("lunch", "agent"), ("rona", "system")]):
        tape.add("agent/7", f.AgentNotReady(reason, by), at=T + (n + 1) * MINUTE)
    found = [(r.state, r.reason, r.forced_by, (r.start - T) // MINUTE) for r in rows(tape)]
    assert found == [
        ("ready", None, None, 0),
        ("not_ready", "lunch", None, 1),
        ("not_ready", "rona", "system", 3),
    ]


def test_busy_beats_wrapup_beats_offered(morning: Callable[..., Any]) -> None:
    tape = morning()
    tape.add("agent/7", f.AgentProfileSet(None, 100, {"voice": 30}, {}), at=T)
    tape.log_in("7", T).arrive("a", T + SECOND).arrive("b", T + SECOND)
    tape.answer("a", "7", T + 10 * SECOND).offer("b", "7", 2, T + 20 * SECOND)
    tape.hang_up("a", "7", T + 30 * SECOND)
    tape.add("agent/7", f.AgentWrapupStarted(ContactId("a"), Instant(T)), at=T + 30 * SECOND)
    ended = f.AgentWrapupEnded(ContactId("a"), "timer", ())
    tape.add("agent/7", ended, at=T + 40 * SECOND)
    tape.add("contact/b", f.OfferExpired(OfferId(2)), at=T + 50 * SECOND)
    found = [(r.state, r.contacts, r.load, (r.start - T) // SECOND) for r in rows(tape)]
    assert found == [
        ("ready", 0, 0, 0),
        ("busy", 1, 30, 10),
        ("busy", 1, 60, 20),
        ("wrapup", 0, 60, 30),
        ("offered", 0, 30, 40),
        ("ready", 0, 0, 50),
    ]


def test_a_second_login_counts_from_one_again(morning: Callable[..., Any]) -> None:
    tape = morning().log_in("7", T).log_out("7", T + MINUTE)
    tape.log_in("7", T + 2 * MINUTE).log_out("7", T + 3 * MINUTE)
    assert [(r.login, r.seq) for r in rows(tape)] == [(1, 1), (2, 1)]


def test_a_contact_that_closes_frees_whoever_is_still_in_it(morning: Callable[..., Any]) -> None:
    tape = morning().log_in("7", T).arrive("a", T).answer("a", "7", T)
    tape.add("contact/a", f.ContactClosed("failed", "switch_lost", "system"), at=T + MINUTE)
    assert states(tape) == [("busy", 0, 60), ("ready", 60, None)]


def test_an_imported_log_has_no_rows(morning: Callable[..., Any]) -> None:
    tape = morning("imported").arrive("a", T).answer("a", "7", T).hang_up("a", "7", T + MINUTE)
    assert rows(tape) == []


def test_the_table_keeps_what_every_projection_promises(small_day: Any) -> None:
    check_projection(AgentIntervals(), small_day.events)
