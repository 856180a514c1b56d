"""Every row of the segment table opens and closes by its events."""

from collections.abc import Callable
from typing import Any

from cckit.core import facts as f
from cckit.core.ids import AgentId, ContactId, EntryId, LegId, OfferId
from cckit.core.instant import MINUTE, SECOND, Instant, Span
from cckit.core.reports import Segment, Segments
from cckit.core.reports.segment_table import SegmentTable
from cckit.testing.projections import check_projection, fold

T = 918_460_800 * SECOND


def rows(tape: Any) -> list[Segment]:
    table: SegmentTable = fold(Segments(), tape.events)
    return sorted(table.rows(), key=lambda row: (row.subject, row.seg))


def brief(tape: Any) -> list[tuple[Any, ...]]:
    return [
        (
            *(r.seg, r.visit, r.phase, (r.start - T) // SECOND),
            None if r.end is None else (r.end - T) // SECOND,
            r.ended,
        )
        for r in rows(tape)
    ]


def test_an_answered_call_goes_through_every_phase(morning: Callable[..., Any]) -> None:
    tape = morning().arrive("a", T, None).enqueue("a", T + 3 * SECOND)
    tape.offer("a", "7", 1, T + 4 * SECOND).answer("a", "7", T + 9 * SECOND, 1)
    tape.hold("a", T + 20 * SECOND, T + 30 * SECOND)
    tape.hang_up("a", "7", T + 60 * SECOND, T + 70 * SECOND)
    assert brief(tape) == [
        (1, 0, "ivr", 0, 3, "queued"),
        (2, 1, "queue", 3, 9, "answered"),
        (3, 1, "ring", 4, 9, "answered"),
        (4, 1, "talk", 9, 20, "held"),
        (5, 1, "hold", 20, 30, "retrieved"),
        (6, 1, "talk", 30, 60, "customer"),
        (7, 1, "wrapup", 60, 70, "agent"),
    ]
    talk = rows(tape)[3]
    assert talk == Segment(
        kind="contact",
        subject="a",
        seg=4,
        visit=1,
        phase="talk",
        channel="voice",
        direction="in",
        queue="help",
        matter=None,
        campaign=None,
        customer="sa",
        agent="7",
        team=None,
        site=None,
        offer=1,
        start=T + 9 * SECOND,
        end=T + 20 * SECOND,
        start_pos=5,
        end_pos=7,
        ended="held",
        weight=100,
        flags=(),
    )


def test_waiting_goes_on_beside_every_ring(morning: Callable[..., Any]) -> None:
    tape = morning().arrive("a", T)
    ends = [
        f.OfferRejected(OfferId(1), "busy"),
        f.OfferExpired(OfferId(2)),
        f.OfferRescinded(OfferId(3), "moved"),
        f.OfferFailed(OfferId(4), "no device"),
        f.ContactConnectFailed(OfferId(5), "no media"),
    ]
    for n, end in enumerate(ends, 1):
        tape.offer("a", "7", n, T + n * 10 * SECOND)
        tape.add("contact/a", end, at=T + (n * 10 + 5) * SECOND)
    rings = [row[2:] for row in brief(tape) if row[2] == "ring"]
    assert rings == [
        ("ring", 10, 15, "rejected"),
        ("ring", 20, 25, "expired"),
        ("ring", 30, 35, "rescinded"),
        ("ring", 40, 45, "failed"),
        ("ring", 50, 55, "connect_failed"),
    ]
    assert (2, 1, "queue", 0, None, None) in brief(tape)


def test_only_the_offer_that_ended_ends(morning: Callable[..., Any]) -> None:
    tape = morning().arrive("a", T).offer("a", "7", 1, T).offer("a", "8", 2, T)
    tape.add("contact/a", f.OfferRejected(OfferId(2), ""), at=T + SECOND)
    assert [(r.offer, r.end) for r in rows(tape) if r.phase == "ring"] == [
        (1, None),
        (2, T + SECOND),
    ]


def test_a_second_queue_is_a_second_visit(morning: Callable[..., Any]) -> None:
    tape = morning().arrive("a", T).leave("a", T + MINUTE, "overflowed", "")
    tape.enqueue("a", T + MINUTE, "other").leave("a", T + 2 * MINUTE, "abandoned")
    waits = [(r.visit, r.queue, r.ended) for r in rows(tape) if r.phase == "queue"]
    assert waits == [(1, "help", "overflowed"), (2, "other", "abandoned")]


def test_an_instant_that_goes_back_is_clamped_and_flagged(morning: Callable[..., Any]) -> None:
    tape = morning().arrive("a", T + MINUTE)
    tape.add("contact/a", f.QueueLeft(EntryId(1), "abandoned", Span(0)), at=T, occurred_at=T)
    wait = next(r for r in rows(tape) if r.phase == "queue")
    assert (wait.start, wait.end, wait.flags) == (T + MINUTE, T + MINUTE, ("clamped",))
    table = fold(Segments(), tape.events)
    assert (table.clamped, table.skew_us) == (1, MINUTE)


def test_the_sources_clock_counts_where_it_has_one(morning: Callable[..., Any]) -> None:
    tape = morning().arrive("a", T, occurred_at=T - SECOND)
    assert rows(tape)[0].start == T - SECOND


def test_flags_of_an_importer_mark_what_is_open_and_what_comes(morning: Callable[..., Any]) -> None:
    tape = morning("imported").arrive("a", T)
    tape.add("contact/a", f.FactFlagged(("unqueued", "coarse", "later word")), at=T)
    tape.answer("a", "7", T).hang_up("a", "7", T + MINUTE)
    flags = [(r.phase, r.flags) for r in rows(tape)]
    both = ("coarse", "unqueued")
    assert flags == [("ivr", ()), ("queue", both), ("talk", both)]


def test_an_end_without_a_start_is_one_visit_of_its_own_length(morning: Callable[..., Any]) -> None:
    tape = morning()
    tape.add("contact/x", f.QueueLeft(EntryId(1), "abandoned", Span(30 * SECOND)), at=T)
    wait = rows(tape)[0]
    assert (wait.start, wait.end, wait.flags) == (T - 30 * SECOND, T, ("partial",))


def test_endings_of_what_never_began_are_counted(morning: Callable[..., Any]) -> None:
    tape = morning()
    tape.add("contact/x", f.ContactAgentLeft(AgentId("7"), ""), at=T)
    tape.add("contact/x", f.ContactClosed("completed", "talk", "agent"), at=T)
    tape.add("contact/x", f.LegHeld(LegId(1), "agent"), f.OfferExpired(OfferId(1)), at=T)
    table = fold(Segments(), tape.events)
    assert (table.orphans, list(table.rows())) == (4, [])


def test_a_wrapup_of_a_forgotten_contact_is_partial(morning: Callable[..., Any]) -> None:
    tape = morning().add("agent/7", f.AgentWrapupStarted(ContactId("x"), Instant(T)), at=T)
    row = rows(tape)[0]
    assert (row.subject, row.phase, row.agent, row.flags) == ("x", "wrapup", "7", ("partial",))


def test_weight_is_what_the_channel_costs_the_agent(morning: Callable[..., Any]) -> None:
    tape = morning()
    tape.add("agent/7", f.AgentProfileSet(None, 100, {"voice": 40}, {}), at=T)
    tape.arrive("a", T).answer("a", "7", T)
    assert [(r.phase, r.weight) for r in rows(tape)] == [("ivr", 0), ("queue", 0), ("talk", 40)]


def test_closed_contacts_are_forgotten(small_day: Any, morning: Callable[..., Any]) -> None:
    table = fold(Segments(), small_day.events)
    assert list(table.subjects) == ["e"]
    tape = morning()
    for n in range(50):
        tape.arrive(str(n), T + n * MINUTE).leave(str(n), T + n * MINUTE + SECOND, "abandoned")
    assert len(fold(Segments(), tape.events).subjects) == 1


def test_the_table_keeps_what_every_projection_promises(small_day: Any) -> None:
    check_projection(Segments(), small_day.events)
