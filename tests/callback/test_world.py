"""Simulated customers who would rather be called: by the floor alone, and with the plugin."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cckit import ConfigError
from cckit.core import facts as f
from cckit.core.ids import QueueId, contact_stream
from cckit.core.instant import HOUR, MINUTE, SECOND, Instant
from cckit.core.invariants import check_all
from cckit.core.render import csv_, json_
from cckit.core.reports import Folding, LogFactsOf, Parameters, Source
from cckit.core.reports.report import write
from cckit.core.settings import QueueSettings
from cckit.testing.draws import Exponential
from cckit.testing.projections import check_projection
from cckit.testing.staffing import Shift, Staffing
from cckit.testing.traffic import Callback, Process, Processes, Rate, read_traffic
from cckit.testing.world import START, World
from cckit_callback import events as e
from cckit_callback.machine import RequestCallback
from cckit_callback.plugin import Plugin
from cckit_callback.reports import CALLBACK_INTERVALS, CALLBACKS, CallbackPromises
from tests.core.reports.conftest import read_zone


def morning(first: str, hours: int = 2, **world: object) -> World:
    """More customers than eight agents can serve, half of whom would rather be called."""
    end = Instant(START + hours * HOUR)
    process = Process(
        QueueId("help"),
        (Rate(START, end, 200),),
        Exponential(180 * SECOND),
        Exponential(180 * SECOND),
        callback=Callback(MINUTE, 500, 700, first),
    )
    traffic = Processes(START, end, ZoneInfo("UTC"), (process,))
    settings = QueueSettings(estimator="ql", wrapup_us=10 * SECOND, callback_pause_us=MINUTE)
    staffing = Staffing((Shift(8),), {"help": settings})
    return World(5, traffic=traffic, staffing=staffing, **world)  # type: ignore[arg-type]


@pytest.mark.parametrize("first", ["agent", "customer"])
def test_who_would_wait_too_long_hangs_up_and_is_called(first: str) -> None:
    world = morning(first)
    world.run()
    check_all(world.engine.floor)
    assert not world.engine.floor.contacts
    facts = [data for _, data in world.events()]
    kept = {data.entry for data in facts if type(data) is f.QueuePlaceKept}
    resumed = {data.entry for data in facts if type(data) is f.QueueResumed}
    left = [data for data in facts if type(data) is f.QueueLeft]
    given_up = {data.entry for data in left if data.reason == "callback_failed"}
    assert len(resumed) > 20
    assert resumed | given_up == kept and not resumed & given_up
    in_vain = [data for data in facts if type(data) is f.LegCleared and data.by == "timer"]
    assert len(in_vain) > 20


def test_the_same_seed_is_the_same_day() -> None:
    one, two = morning("customer", 1), morning("customer", 1)
    for world in (one, two):
        world.run()
    assert list(one.events()) == list(two.events())


def promised(first: str) -> World:
    world = morning(first, plugins={"callback": Plugin()})
    world.keeps = lambda contact, first: RequestCallback(contact_stream(contact), first=first)
    world.run()
    return world


@pytest.mark.parametrize("first", ["agent", "customer"])
def test_each_promise_of_a_day_ends_and_is_counted_once(first: str) -> None:
    world = promised(first)
    facts = [data for _, data in world.events()]
    requested = sum(type(data) is e.CallbackRequested for data in facts)
    closed = [data.reason for data in facts if type(data) is e.CallbackClosed]
    assert requested == len(closed) > 20
    done = sum(type(data) is f.QueueResumed for data in facts)
    assert closed.count("done") <= done
    assert not [data for data in facts if type(data) is f.PluginFailed]
    unreachable = [
        data for data in facts if type(data) is f.QueueLeft and data.reason == "callback_failed"
    ]
    assert closed.count("unreachable") == len(unreachable)


def test_what_became_of_promises_is_reported() -> None:
    world = promised("agent")
    events = list(world.events())
    check_projection(CallbackPromises(), events)
    folding = Folding((CallbackPromises(), LogFactsOf()))
    folding.feed(events)
    last = events[-1][0]
    parameters = Parameters(
        zone=read_zone("UTC"), source=Source(last.position, b"\0" * 32, last.recorded_at)
    )
    rows = write(CALLBACKS, folding.states, parameters).table.rows
    counted = write(CALLBACK_INTERVALS, folding.states, parameters)
    names = [column.name for column in counted.table.columns]
    total = dict(zip(names, counted.table.rows[-1], strict=True))
    assert total["mode"] is None
    assert total["promised"] == len(rows)
    ends = ("done", "unreachable", "declined", "cancelled", "expired", "open")
    assert sum(total[name] for name in ends) == total["promised"]
    assert total["kept"] == total["done"] and total["broken"] == total["unreachable"]
    assert total["kept_share"]["numerator"] == total["kept"]
    assert total["attempts"] == sum(row[6] for row in rows)
    for report in (CALLBACKS, CALLBACK_INTERVALS):
        document = write(report, folding.states, parameters)
        assert csv_.render(document) and json_.render(document)


TOML = """
start = 2026-01-01T08:00:00
hours = 1
[[arrivals]]
queue = "help"
per_hour = 60
handling = { kind = "fixed", s = 60 }
callback = { %s }
"""


def test_traffic_says_who_takes_a_callback(tmp_path: Path) -> None:
    path = tmp_path / "traffic.toml"
    path.write_text(TOML % "over_s = 90, permille = 400, first = 'customer'", "utf-8")
    [process] = read_traffic(path).processes
    assert process.callback == Callback(90 * SECOND, 400, 800, "customer")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    ["permille = 1", "over_s = 1, permille = 1001", "over_s = 1, permille = 1, first = 'x'"],
)
def test_a_callback_that_cant_be_is_named(wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "traffic.toml"
    path.write_text(TOML % wrong, "utf-8")
    with pytest.raises(ConfigError, match="callback"):
        read_traffic(path)
