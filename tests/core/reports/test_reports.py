"""Rows of the five reports, worked out by hand from one small day."""

from collections.abc import Callable
from typing import Any

import pytest

from cckit.core import facts as f
from cckit.core.errors import ConfigError
from cckit.core.ids import LegId
from cckit.core.instant import HOUR, MINUTE, SECOND
from cckit.core.reports import (
    PROJECTIONS,
    REPORTS,
    Catalogue,
    Folding,
    Parameters,
    Source,
    digests,
    now,
    write,
)
from cckit.core.reports.report import Document

T = 918_460_800 * SECOND
MIDNIGHT = T - 10 * HOUR
"""In Jerusalem."""


def made(name: str, day: Any, **asked: Any) -> Document:
    return write(REPORTS[name], day.folded().states, day.parameters(**asked))


def maps(document: Document) -> list[dict[str, Any]]:
    names = [column.name for column in document.table.columns]
    return [dict(zip(names, row, strict=True)) for row in document.table.rows]


def cell(numerator: int, denominator: int, ppm: int | None) -> dict[str, Any]:
    found = {"numerator": numerator, "denominator": denominator, "ppm": ppm}
    return found if denominator else found | {"why": "none"}


def test_service_level_has_every_dialect_by_name(small_day: Any) -> None:
    rows = maps(made("service-level", small_day))
    assert [row["queue"] for row in rows] == ["help", "sales", None]
    everything = rows[-1]
    assert everything["interval"] == "1999-02-08"
    assert (everything["interval_at"], everything["interval_us"]) == (MIDNIGHT, 24 * HOUR)
    counts = {
        name: everything[name] for name in ("arrived", "O", "A", "B", "F", "D", "E", "N", "open")
    }
    assert list(counts.values()) == [4, 3, 2, 1, 0, 0, 0, 1, 1]
    levels = {
        k: (v["numerator"], v["denominator"]) for k, v in everything.items() if k[:3] == "sl."
    }
    assert levels == {
        "sl.answered": (1, 2),
        "sl.offered": (1, 3),
        "sl.ignored": (1, 3),
        "sl.positive": (1, 3),
        "sl.short_credit": (1, 3),
        "sl.short_excluded": (1, 3),
        "sl.flow_out": (1, 3),
        "sl.removed": (1, 3),
        "sl.pq": (1, 4),
        "sl.demand": (1, 4),
    }
    assert everything["sl.offered"] == cell(1, 3, 333_333)
    sales = rows[1]
    assert (sales["open"], sales["sl.offered"]) == (1, cell(0, 0, None))


def test_a_failed_contact_makes_all_its_visits_errors(morning: Callable[..., Any]) -> None:
    day = morning().arrive("a", T).leave("a", T + SECOND, "abandoned", "failed")
    day.arrive("b", T).answer("b", "7", T + SECOND).hang_up("b", "7", T + MINUTE, None, "failed")
    row = maps(made("service-level", day))[-1]
    assert (row["E"], row["A"], row["B"]) == (2, 0, 0)


@pytest.mark.parametrize(
    ("reason", "count"),
    [
        ("abandoned", "B"),
        ("callback_failed", "B"),
        ("overflowed", "F"),
        ("timed_out", "F"),
        ("dequeued", "D"),
        ("cancelled", "D"),
        ("merged", "D"),
        ("blocked", "E"),
    ],
)
def test_a_reason_of_leaving_is_one_count(
    morning: Callable[..., Any], reason: str, count: str
) -> None:
    day = morning().arrive("a", T).leave("a", T + SECOND, reason, "completed")
    row = maps(made("service-level", day))[-1]
    assert {name for name in "ABFDE" if row[name]} == {count}


def test_thresholds_are_at_most_T_and_below_s(morning: Callable[..., Any]) -> None:
    day = morning()
    for n, wait in enumerate((20 * SECOND, 20 * SECOND + 1)):
        day.arrive(f"a{n}", T).answer(f"a{n}", "7", T + wait)
    for n, wait in enumerate((5 * SECOND - 1, 5 * SECOND)):
        day.arrive(f"b{n}", T).leave(f"b{n}", T + wait, "abandoned")
    day.in_order()
    row = maps(made("service-level", day))[-1]
    assert row["sl.offered"]["numerator"] == 1
    assert row["sl.short_excluded"] == cell(1, 3, 333_333)


def test_chosen_definitions_and_thresholds_are_named_in_the_header(small_day: Any) -> None:
    mine = Catalogue().find("sl.answered").varied(T=30 * SECOND)
    document = made("service-level", small_day, definitions=(mine,))
    assert maps(document)[-1]["sl.answered.T30000"] == cell(2, 2, 1_000_000)
    assert [(d["id"], d["hash"]) for d in document.header["definitions"]] == [(mine.id, mine.hash)]


def test_half_hours_add_up_to_the_day(small_day: Any) -> None:
    halves = [r for r in maps(made("service-level", small_day, interval="30")) if not r["queue"]]
    day = maps(made("service-level", small_day))[-1]
    assert len(halves) == 48
    for name in ("arrived", "O", "A", "B", "F", "D", "E", "N", "open"):
        assert sum(row[name] for row in halves) == day[name]
    for name in (name for name in day if name.startswith("sl.")):
        for part in ("numerator", "denominator"):
            assert sum(row[name][part] for row in halves) == day[name][part]


def test_dating_by_end_moves_a_visit_and_renames_its_metric(morning: Callable[..., Any]) -> None:
    day = morning().arrive("a", T + 29 * MINUTE).answer("a", "7", T + 31 * MINUTE)
    by_end = maps(made("service-level", day, interval="30", rule="end"))
    answered = [r["interval"][11:16] for r in by_end if r["A"] and r["queue"] is None]
    assert answered == ["10:30"]
    assert "sl.offered.end" in by_end[0]
    assert "open" not in by_end[0]


def test_queue_intervals_count_waits_and_handling(small_day: Any) -> None:
    rows = maps(made("queue-intervals", small_day))
    half = next(
        r for r in rows if r["interval"] == "1999-02-08T10:00+02:00" and r["queue"] == "help"
    )
    assert (half["arrived"], half["A"], half["B"], half["sl.offered"]) == (
        3,
        2,
        1,
        cell(1, 3, 333_333),
    )
    assert half["asa"] == {"numerator_us": 28 * SECOND, "denominator": 2, "mean_us": 14 * SECOND}
    assert (half["wait_p90_us"], half["wait_max_us"]) == (23 * SECOND, 23 * SECOND)
    assert half["handled"] == 1
    assert half["aht"]["mean_us"] == 4 * MINUTE - 5 * SECOND
    later = next(
        r for r in rows if r["interval"] == "1999-02-08T10:30+02:00" and r["queue"] == "help"
    )
    assert later["handled"] == 1
    talk = 40 * MINUTE - (10 * MINUTE + 23 * SECOND)
    assert later["aht"] == {
        "numerator_us": talk + MINUTE,
        "denominator": 1,
        "mean_us": talk + MINUTE,
    }


def test_agent_summary_adds_work_and_time(small_day: Any) -> None:
    rows = {row["agent"]: row for row in maps(made("agent-summary", small_day))}
    seven = rows["7"]
    talk = 55 * SECOND + MINUTE + (29 * MINUTE + 37 * SECOND)
    assert (seven["handled"], seven["talk_us"], seven["hold_us"]) == (2, talk, MINUTE)
    assert (seven["wrapup_us"], seven["aht"]["numerator_us"]) == (2 * MINUTE, talk + 3 * MINUTE)
    assert (seven["offers"], seven["rona"]) == (2, cell(0, 2, 0))
    assert seven["logged_in_us"] == 55 * MINUTE
    assert seven["busy_us"] == talk + MINUTE
    states = ("ready", "offered", "busy", "in_wrapup", "not_ready", "fault")
    assert sum(seven[state + "_us"] for state in states) == seven["logged_in_us"]
    worked = seven["busy_us"] + seven["in_wrapup_us"]
    assert seven["occupancy"]["numerator"] == worked
    assert seven["occupancy"]["denominator"] == worked + seven["ready_us"]
    assert rows["8"]["rona"] == cell(1, 1, 1_000_000)
    assert rows[None]["handled"] == 2


def test_what_an_imported_log_has_not_is_not_measured(morning: Callable[..., Any]) -> None:
    day = morning("imported").arrive("a", T).answer("a", "7", T).hang_up("a", "7", T + MINUTE)
    document = made("agent-summary", day)
    row = maps(document)[0]
    assert (row["agent"], row["handled"], row["talk_us"]) == ("7", 1, MINUTE)
    assert row["occupancy"] == {
        "numerator": None,
        "denominator": None,
        "ppm": None,
        "why": "not measured",
    }
    assert row["logged_in_us"] is None
    assert row["att"]["mean_us"] == MINUTE
    why = {column["name"]: column.get("why") for column in document.header["columns"]}
    assert (why["logged_in_us"], why["talk_us"]) == ("not measured", None)
    assert document.header["kind"] == "imported"


def test_contacts_tells_each_visit(small_day: Any) -> None:
    rows = {row["contact"]: row for row in maps(made("contacts", small_day))}
    assert list(rows) == ["a", "b", "c", "d", "e"]
    assert rows["b"] == {
        "contact": "b",
        "visit": 1,
        "queue": "help",
        "channel": "voice",
        "direction": "in",
        "start": T + 10 * MINUTE,
        "wait_us": 23 * SECOND,
        "end": T + 40 * MINUTE,
        "talk_us": 29 * MINUTE + 37 * SECOND,
        "agent": "7",
        "ended": "answered",
        "outcome": "A",
        "flags": [],
    }
    assert (rows["d"]["visit"], rows["d"]["outcome"], rows["d"]["wait_us"]) == (0, "N", None)
    open_one = rows["e"]
    assert (open_one["end"], open_one["ended"], open_one["wait_us"]) == (None, None, 5 * MINUTE)


def test_audit_lists_every_event(small_day: Any) -> None:
    rows = maps(made("audit", small_day))
    assert [row["position"] for row in rows] == list(range(len(small_day.events)))
    assert rows[0] == {
        "position": 0,
        "recorded_at": T,
        "occurred_at": None,
        "actor_kind": "system",
        "actor": "cckit",
        "type": "run.started",
        "version": 1,
        "stream": "center",
        "cause": None,
    }


def test_a_header_names_all_that_the_rows_depend_on(small_day: Any) -> None:
    header = made("queue-intervals", small_day).header
    assert header["kind"] == "live"
    assert header["zone"]["name"] == "Asia/Jerusalem"
    assert len(header["zone"]["sha256"]) == 64
    assert header["position"] == len(small_day.events) - 1
    assert header["chain"] == "0" * 64
    assert header["projections"] == {"contact.segments": 1, "log.facts": 1}
    assert header["edition"] == 1
    assert header["rule"] == ["arrival", "end"]
    assert (header["from"], header["to"]) == (MIDNIGHT, MIDNIGHT + 24 * HOUR)


def test_every_report_ends_with_what_was_untidy(morning: Callable[..., Any]) -> None:
    day = morning().arrive("a", T + MINUTE)
    day.add("contact/a", f.FactFlagged(("coarse",)), at=T + MINUTE)
    day.add("contact/a", f.LegHeld(LegId(1), "agent"), at=T, occurred_at=T)
    day.add("center", f.FactSuperseded("ReportAnswered 1", 3), at=T + MINUTE)
    day.add("center", f.FactQuarantined("asterisk", b"", "no such leg"), at=T + MINUTE)
    for name in REPORTS:
        counts = made(name, day).header["counts"]
        assert (counts["superseded"], counts["quarantined"]) == (1, {"no such leg": 1})
    counts = made("contacts", day).header["counts"]
    assert (counts["open"], counts["coarse"], counts["skew_us"]) == (1, 1, MINUTE)


@pytest.mark.parametrize("name", REPORTS)
def test_an_empty_log_has_a_header_and_no_numbers(name: str, morning: Callable[..., Any]) -> None:
    day = morning()
    day.events.clear()
    day.add("center", f.AgentReady(), at=T)
    day.events.clear()
    parameters = Parameters(zone=morning().parameters().zone, source=Source(None, bytes(32), 0))
    document = write(REPORTS[name], day.folded().states, parameters)
    assert list(document.table.rows) == []
    assert document.header["position"] is None


@pytest.mark.parametrize(
    ("name", "asked", "what"),
    [
        ("contacts", {"interval": "30"}, "has no intervals"),
        ("service-level", {"interval": "45"}, "is no interval"),
        ("service-level", {"rule": "clipped"}, "is no rule"),
        ("service-level", {"from_": T, "to": T - 1}, "cannot go from"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused(
    small_day: Any, name: str, asked: dict[str, Any], what: str
) -> None:
    with pytest.raises(ConfigError, match=what):
        made(name, small_day, **asked)


def test_one_metric_is_not_asked_for_twice(small_day: Any) -> None:
    offered = Catalogue().find("sl.offered")
    with pytest.raises(ConfigError, match="asked for twice"):
        made("service-level", small_day, definitions=(offered, offered))


def test_the_wallboard_is_the_fold_at_an_instant(small_day: Any) -> None:
    folding = small_day.folded()
    board = now(folding.states, small_day.parameters().zone, T + 55 * MINUTE, 99)
    assert [tile.queue for tile in board.queues] == ["help", "sales", None]
    everything = board.queues[-1]
    assert (everything.waiting, everything.longest_wait_us) == (1, 5 * MINUTE)
    assert (everything.answered, everything.abandoned) == (2, 1)
    assert everything.service_level == cell(1, 3, 333_333)
    assert [s for s, n in board.agents.items() if n] == ["ready"]
    earlier = type(small_day)()
    earlier.events = [e for e in small_day.events if e[0].recorded_at <= T + 11 * MINUTE]
    board = now(earlier.folded().states, small_day.parameters().zone, T + 11 * MINUTE)
    assert (board.agents["busy"], board.reasons) == (1, {"rona": 1})
    assert board.queues[-1].talking == 1


def test_digests_do_not_depend_on_how_a_log_is_split(small_day: Any) -> None:
    whole = digests(small_day.events, PROJECTIONS)
    assert list(whole) == sorted(projection.name for projection in PROJECTIONS)
    for size in (1, 2, 7):
        folding = Folding(PROJECTIONS)
        for at in range(0, len(small_day.events), size):
            folding.feed(small_day.events[at : at + size])
        assert folding.digests() == whole


def test_every_divided_column_names_its_definition(small_day: Any) -> None:
    for name in REPORTS:
        if name == "estimates":
            continue  # Its own three figures are told where it is; nobody edits them.
        document = made(name, small_day)
        ids = {d["id"] for d in document.header["definitions"]}
        for column in document.table.columns:
            if column.kind in ("ratio", "mean"):
                assert column.definition in ids


def test_a_metric_of_segments_is_no_service_level(small_day: Any) -> None:
    with pytest.raises(ConfigError, match="no sum over visits"):
        made("service-level", small_day, definitions=(Catalogue().find("aht.handled"),))


def test_a_mean_of_visits_may_stand_beside_a_service_level(small_day: Any) -> None:
    row = maps(made("service-level", small_day, definitions=(Catalogue().find("asa.answered"),)))[
        -1
    ]
    assert row["asa.answered"] == {
        "numerator_us": 28 * SECOND,
        "denominator": 2,
        "mean_us": 14 * SECOND,
    }
