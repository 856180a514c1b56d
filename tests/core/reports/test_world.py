"""The tables against what a simulated center really did."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cckit.core import facts as f
from cckit.core.events import Recorded
from cckit.core.ids import QueueId
from cckit.core.instant import HOUR, SECOND, Instant
from cckit.core.render import render_csv, render_html, render_json
from cckit.core.reports import PROJECTIONS, REPORTS, Folding, Parameters, Source, digests, write
from cckit.core.settings import QueueSettings
from cckit.testing import Exponential, Process, Processes, Rate, Shift, Staffing, World
from cckit.testing.projections import check_projection
from cckit.testing.world import START

UTC = ZoneInfo("UTC")


@cache
def hour() -> tuple[Recorded[Any], ...]:
    """An hour of calls that its agents can't quite manage; some do not answer.

    Connecting takes so long that callers hang up in between, and that some of it fails.
    """
    calls = Process(
        QueueId("service"),
        (Rate(START, Instant(START + HOUR), 120.0),),
        Exponential(60 * SECOND),
        Exponential(150 * SECOND),
        wrapup_permille=100,
    )
    traffic = Processes(START, Instant(START + HOUR), UTC, (calls,))
    answer, connect = Exponential(5 * SECOND), Exponential(2 * SECOND)
    shift = Shift(4, answer=answer, unanswered=0.1, back_after_us=30 * SECOND, connect=connect)
    staffing = Staffing((shift,), {"service": QueueSettings()})
    world = World(6, traffic=traffic, staffing=staffing)
    world.run()
    return tuple(world.events())


def states() -> dict[str, Any]:
    folding = Folding(PROJECTIONS)
    folding.feed(hour())
    return folding.states


def rendered(zone: Any) -> dict[str, bytes]:
    last = hour()[-1][0]
    source = Source(last.position, bytes(32), last.recorded_at)
    parameters = Parameters(zone=zone("Europe/Lisbon"), source=source)
    found = {}
    for name, report in REPORTS.items():
        document = write(report, states(), parameters)
        found[name] = render_json(document) + render_csv(document) + render_html(document, "he")
    return found


def times(of: type) -> int:
    return sum(type(data) is of for _, data in hour())


def test_the_hour_has_everything_that_is_compared() -> None:
    for of in (f.OfferExpired, f.OfferRescinded, f.AgentNotReady, f.AgentWrapupEnded):
        assert times(of)
    assert times(f.ContactConnectFailed)
    closed = Counter((d.reason, d.phase) for _, d in hour() if isinstance(d, f.ContactClosed))
    assert closed["abandoned", "connect"]
    reasons = {data.reason for _, data in hour() if isinstance(data, f.QueueLeft)}
    assert reasons == {"answered", "abandoned"}


def test_every_entry_is_a_visit_and_every_offer_a_ring() -> None:
    table = states()["contact.segments"]
    phases = Counter(row.phase for row in table.rows())
    assert phases["queue"] == times(f.QueueEntered)
    assert phases["ring"] == times(f.OfferMade)
    assert phases["talk"] == times(f.ContactConnected)
    assert phases["wrapup"] == times(f.AgentWrapupStarted)
    assert phases["ivr"] == times(f.ContactCreated)
    assert (table.orphans, table.clamped) == (0, 0)


def test_a_wait_is_what_the_floor_said_it_was() -> None:
    said = {e.stream: d.wait_us for e, d in hour() if isinstance(d, f.QueueLeft)}
    rows = [row for row in states()["contact.segments"].rows() if row.phase == "queue"]
    assert {f"contact/{row.subject}": row.end - row.start for row in rows} == said


def test_agents_are_busy_as_long_as_their_contacts_talk() -> None:
    found = states()
    talk: Counter[str] = Counter()
    wrapup: Counter[str] = Counter()
    ring: Counter[str] = Counter()
    for row in found["contact.segments"].rows():
        if row.phase in ("talk", "hold"):
            talk[row.agent] += row.end - row.start
        elif row.phase == "wrapup":
            wrapup[row.agent] += row.end - row.start
        elif row.phase == "ring":
            ring[row.agent] += row.end - row.start
    spent: Counter[tuple[str, str]] = Counter()
    for row in found["agent.intervals"].rows():
        spent[row.agent, row.state] += row.end - row.start
    for agent in talk:
        assert spent[agent, "busy"] == talk[agent]
        assert spent[agent, "wrapup"] == wrapup[agent]
        assert spent[agent, "offered"] == ring[agent]


def test_the_reports_of_the_hour_add_up(zone: Callable[[str], Any]) -> None:
    last = hour()[-1][0]
    source = Source(last.position, bytes(32), last.recorded_at)
    given = Parameters(zone=zone("Europe/Lisbon"), source=source)
    found = {name: write(REPORTS[name], states(), given).table for name in REPORTS}
    summary = found["agent-summary"]
    names = [column.name for column in summary.columns]
    everyone = [dict(zip(names, row, strict=True)) for row in summary.rows]
    parts = ["ready_us", "offered_us", "busy_us", "in_wrapup_us", "not_ready_us", "fault_us"]
    assert len(everyone) == 5
    for one in everyone:
        assert one["logged_in_us"] == sum(one[part] for part in parts)
    assert everyone[-1]["busy_us"] == everyone[-1]["talk_us"] + everyone[-1]["hold_us"]
    assert everyone[-1]["offers"] == times(f.OfferMade)
    levels = found["service-level"]
    counts = dict(zip([c.name for c in levels.columns], levels.rows[-1], strict=True))
    assert counts["arrived"] == counts["O"] == times(f.QueueEntered)
    assert counts["A"] == times(f.ContactConnected)
    left = Counter(d.reason for _, d in hour() if isinstance(d, f.QueueLeft))
    assert (counts["A"], counts["B"]) == (left["answered"], left["abandoned"])


def test_each_row_of_an_agent_begins_where_the_one_before_ended() -> None:
    logins: dict[tuple[str, int], list[Any]] = {}
    for row in states()["agent.intervals"].rows():
        logins.setdefault((row.agent, row.login), []).append(row)
    assert logins
    for rows in logins.values():
        rows.sort(key=lambda row: row.seq)
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
        for before, after in pairwise(rows):
            assert before.end == after.start


def test_nothing_is_kept_of_a_center_that_went_home() -> None:
    found = states()
    assert len(found["contact.segments"].subjects) <= 1
    assert found["agent.intervals"].contacts == {}


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda p: str(p.name))
def test_our_projections_keep_their_promises(projection: Any) -> None:
    check_projection(projection, hour())


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_any_split_into_batches_gives_the_same_digests(size: int) -> None:
    folding = Folding(PROJECTIONS)
    for at in range(0, len(hour()), size):
        folding.feed(hour()[at : at + size])
    assert folding.digests() == digests(hour(), PROJECTIONS)


def test_a_report_is_the_same_bytes_again(zone: Callable[[str], Any]) -> None:
    assert rendered(zone) == rendered(zone)


PROGRAM = """
import runpy, sys
from hashlib import sha256
module = runpy.run_path(sys.argv[1])
helper = runpy.run_path(sys.argv[2])
pages = module["rendered"](helper["read_zone"])
print(module["digests"](module["hour"](), module["PROJECTIONS"]))
print({name: sha256(pages[name]).hexdigest() for name in pages})
"""


@pytest.mark.long
def test_digests_and_reports_do_not_depend_on_the_hash_seed() -> None:
    beside = os.path.join(os.path.dirname(__file__), "conftest.py")
    printed = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM, __file__, beside],
            env=os.environ | {"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in range(3)
    }
    assert len(printed) == 1
    assert "contact.segments" in printed.pop()
