"""A source's clock may say anything: every report is given all the same, and says so."""

from collections.abc import Callable
from typing import Any

import pytest

from cckit.core import facts as f
from cckit.core.errors import ConfigError
from cckit.core.events import Actor, Stamp
from cckit.core.ids import ContactId, LegId, OfferId
from cckit.core.instant import HOUR, MINUTE, SECOND
from cckit.core.render import render_csv, render_html, render_json
from cckit.core.reports import PROJECTIONS, REPORTS, Folding, Parameters, Source, Zone, write
from cckit.core.reports.source_clock import BELIEVED_US, instant_of
from cckit.core.reports.zone import LATEST, buckets
from cckit.testing.projections import check_projection

T = 918_460_800 * SECOND
EXTREMES = (2**63 - 1, 2**61, 2**53 - 1, LATEST + 1, T + BELIEVED_US + HOUR, -5, -(2**61), -(2**63))
PLACES = ("Pacific/Kiritimati", "Pacific/Pago_Pago")


def told(morning: Callable[..., Any], said: int) -> Any:
    """A short day in which a source says the same of all instants."""
    day = morning()
    day.add("agent/7", f.AgentLoggedIn(None, ("voice",)), f.AgentReady(), at=T, occurred_at=said)
    day.arrive("a", T, occurred_at=said).offer("a", "7", 1, T + SECOND)
    accepted = f.OfferAccepted(OfferId(1))
    connected = f.ContactConnected("7", None, OfferId(1), LegId(2))  # type: ignore[arg-type]
    day.add("contact/a", accepted, connected, at=T + 2 * SECOND, occurred_at=said)
    day.hang_up("a", "7", T + MINUTE)
    day.add("contact/b", f.ContactClosed("abandoned", "flow", "customer"), at=T, occurred_at=said)
    orphan = f.AgentWrapupStarted(ContactId("c"), T)  # type: ignore[arg-type]
    day.add("agent/7", orphan, at=T + 2 * MINUTE, occurred_at=said)
    return day.log_out("7", T + 3 * MINUTE)


@pytest.mark.parametrize("said", EXTREMES)
@pytest.mark.parametrize("place", PLACES)
def test_every_report_is_given_in_every_form(
    morning: Callable[..., Any], zone: Callable[[str], Zone], place: str, said: int
) -> None:
    day = told(morning, said)
    folding = Folding(PROJECTIONS)
    folding.feed(day.events)
    last = day.events[-1][0]
    given = Parameters(zone=zone(place), source=Source(last.position, bytes(32), last.recorded_at))
    for report in REPORTS.values():
        document = write(report, folding.states, given)
        assert len(document.table.rows) < 1000
        for render in (render_json, render_csv, lambda d: render_html(d, "en")):
            assert render(document)
        counts = document.header["counts"]
        if "clamped" in counts and document.table.rows:  # Else it is of an empty range.
            assert counts["clamped"]
            assert counts["skew_us"] >= min(abs(said - T) - 3 * MINUTE, 2**63 - 1)
    for projection in PROJECTIONS:
        check_projection(projection, day.events)


def test_what_is_told_far_from_when_it_was_heard_counts_when_it_was_heard() -> None:
    actor = Actor("adapter", "line")
    for apart in (-BELIEVED_US, -1, 0, 1, BELIEVED_US):
        assert instant_of(Stamp(T, actor, T + apart)) == (T + apart, 0)
    assert instant_of(Stamp(T, actor, T + BELIEVED_US + 1)) == (T, BELIEVED_US + 1)
    assert instant_of(Stamp(T, actor, T - BELIEVED_US - 1)) == (T, BELIEVED_US + 1)
    assert instant_of(Stamp(T, actor, None)) == (T, 0)


def test_the_audit_shows_what_was_said(morning: Callable[..., Any], zone: Any) -> None:
    day = told(morning, 2**61)
    folding = Folding(PROJECTIONS)
    folding.feed(day.events)
    given = Parameters(zone=zone("UTC"), source=Source(0, bytes(32), T))
    audit = write(REPORTS["audit"], folding.states, given)
    assert b",2305843009213693952us," in render_csv(audit)
    assert 2**61 in {row[2] for row in audit.table.rows}


def test_more_intervals_than_anyone_reads_are_refused(zone: Callable[[str], Zone]) -> None:
    with pytest.raises(ConfigError, match="and 40,000 are the most"):
        buckets(zone("UTC"), 0, 1_000_001 * 5 * MINUTE, "5")
    assert len(buckets(zone("UTC"), 0, 24 * HOUR, "5").rows) == 288
