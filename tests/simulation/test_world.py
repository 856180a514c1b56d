"""Whole small days: what happens to customers and agents, and that it happens the same."""

import os
import subprocess
import sys
from datetime import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.errors import ConfigError, Refused
from cckit.core.ids import QueueId
from cckit.core.instant import HOUR, MINUTE, SECOND, Instant, Span
from cckit.core.invariants import check_all
from cckit.core.settings import QueueSettings
from cckit.stores.memory import MemoryStore
from cckit.stores.sqlite import SqliteStore
from cckit.testing import (
    Arrival,
    Exponential,
    Fixed,
    Listed,
    Process,
    Processes,
    Rate,
    Shift,
    Staffing,
    World,
    simulate,
)
from cckit.testing.world import ORIGIN, START, log_id

UTC = ZoneInfo("UTC")
SERVICE = QueueId("service")


def customer(
    after_s: float, talk_s: float = 60, patience_s: float | None = 600, **more: Any
) -> Arrival:
    patience = None if patience_s is None else Span(int(patience_s * SECOND))
    first = Arrival(
        Instant(START + int(after_s * SECOND)),
        SERVICE,
        Span(0),
        patience,
        Span(int(talk_s * SECOND)),
        Span(0),
        None,
        0,
        0,
        "",
    )
    return first._replace(**more)


def listed(*customers: Arrival) -> Listed:
    return Listed(START, Instant(START + HOUR), UTC, customers)


def told(world: World) -> list[tuple[float, str]]:
    """What the log says of customers and agents: seconds from the start, and the name."""
    return [
        ((envelope.recorded_at - START) / SECOND, envelope.type)
        for envelope, _ in world.events()
        if envelope.stream != "center" and envelope.type != "agent.profile_set"
    ]


def test_an_answered_call_is_twelve_events_in_seven_decisions() -> None:
    staffing = Staffing((Shift(1, answer=Fixed(4 * SECOND)),), {"service": QueueSettings()})
    world = World(
        1, traffic=listed(customer(10, 60, wrapup_us=Span(9 * SECOND))), staffing=staffing
    )
    world.run()
    assert told(world) == [
        (0.0, "agent.logged_in"),
        (0.0, "agent.ready"),
        (10.0, "contact.created"),
        (10.0, "queue.entered"),
        (10.0, "offer.made"),
        (10.0, "offer.alerting"),
        (14.0, "offer.accepted"),
        (14.0, "contact.connected"),
        (14.0, "queue.left"),
        (74.0, "leg.cleared"),
        (74.0, "agent.wrapup_started"),
        (74.0, "contact.agent_left"),
        (74.0, "contact.closed"),
        (83.0, "agent.wrapup_ended"),
        (83.0, "agent.logged_out"),
    ]
    stamps = {id(e.stamp) for e, _ in world.events() if e.stream.startswith("contact/")}
    assert len(stamps) == 6  # The seventh is the end of the wrap-up, the agent's.


def test_who_is_not_answered_in_time_gives_up_and_the_next_one_is_served() -> None:
    traffic = listed(customer(1, 100), customer(2, 60, 30), customer(3, 60, 300))
    world = World(1, traffic=traffic, staffing=Staffing((Shift(1),)))
    world.run()
    left = [(d.reason, d.wait_us) for _, d in world.events((f.QueueLeft,))]
    assert left == [("answered", 0), ("abandoned", 30 * SECOND), ("answered", 98 * SECOND)]
    assert world.callers == {}


def test_an_offer_that_rings_out_sets_the_agent_aside_until_it_is_back() -> None:
    shift = Shift(1, unanswered=1.0, back_after_us=45 * SECOND)
    world = World(1, traffic=listed(customer(0, 60, 100)), staffing=Staffing((shift,)))
    world.run()
    log = told(world)
    assert (20.0, "offer.expired") in log
    assert (20.0, "agent.not_ready") in log
    assert (65.0, "agent.ready") in log
    assert (65.0, "offer.made") in log
    assert (85.0, "offer.expired") in log
    closed = [d for _, d in world.events((f.ContactClosed,))]
    assert [(d.reason, d.phase) for d in closed] == [("abandoned", "queue")]


def test_shifts_come_and_go_and_who_is_busy_leaves_afterwards() -> None:
    early, late = Shift(1, time(0), time(0, 10)), Shift(1, time(0, 9), time(1))
    traffic = listed(customer(540, 300), customer(545, 30))
    world = World(1, traffic=traffic, staffing=Staffing((early, late)))
    world.run()
    agents = [
        ((e.recorded_at - START) / SECOND, str(e.stream), e.type)
        for e, _ in world.events()
        if e.stream.startswith("agent/") and e.type != "agent.profile_set"
    ]
    assert agents == [
        (0.0, "agent/001", "agent.logged_in"),
        (0.0, "agent/001", "agent.ready"),
        (540.0, "agent/002", "agent.logged_in"),
        (540.0, "agent/002", "agent.ready"),
        (575.0, "agent/002", "agent.wrapup_started"),
        (575.0, "agent/002", "agent.wrapup_ended"),
        (600.0, "agent/001", "agent.next_status_set"),
        (840.0, "agent/001", "agent.wrapup_started"),
        (840.0, "agent/001", "agent.wrapup_ended"),
        (840.0, "agent/001", "agent.logged_out"),
        (3600.0, "agent/002", "agent.logged_out"),
    ]


def test_skills_decide_who_serves_whom() -> None:
    later = Shift(1, time(23), time(23, 30), skills={"he": 5})
    shifts = (Shift(1, skills={"en": 3}), Shift(1, skills={"he": 3}), later)
    traffic = listed(customer(1, need="he >= 2"), customer(2, need="he >= 4", patience_us=Span(9)))
    world = World(1, traffic=traffic, staffing=Staffing(shifts))
    world.run()
    assert [d.agent for _, d in world.events((f.ContactConnected,))] == ["002"]
    assert [d.reason for _, d in world.events((f.QueueLeft,))] == ["answered", "abandoned"]


def test_a_center_is_built_and_asked_step_by_step() -> None:
    world = World(3)
    world.queue("service")
    world.agent("dana")
    world.arrive(customer(5, talk_s=60))
    world.run(Instant(START + 10 * SECOND))
    assert world.now == START + 10 * SECOND
    assert [d.agent for _, d in world.events((f.ContactConnected,))] == ["dana"]
    refused = world.do(c.LogIn("nobody"))  # type: ignore[arg-type]
    assert isinstance(refused, Refused)
    assert refused.reason == "agent.unknown"
    world.run()
    check_all(world.engine.floor)
    assert world.engine.floor.contacts == {}


def test_an_agent_employed_while_customers_wait_serves_them() -> None:
    world = World(3)
    world.queue("service")
    world.arrive(customer(1, patience_s=None))
    world.run(Instant(START + MINUTE))
    world.agent("dana")
    world.run()
    assert [d.wait_us for _, d in world.events((f.QueueLeft,))] == [59 * SECOND]


BUSY = Processes(
    START,
    Instant(START + HOUR),
    UTC,
    (
        Process(
            SERVICE,
            (Rate(START, START + HOUR, 240.0),),
            Exponential(90 * SECOND),
            Exponential(150 * SECOND),
            wrapup_permille=100,
            priority=1,
        ),
        Process(
            SERVICE,
            (Rate(START, START + HOUR, 60.0),),
            Exponential(60 * SECOND),
            Exponential(100 * SECOND),
            flow=Fixed(7 * SECOND),
            need="he >= 2",
        ),
    ),
)
CREW = Staffing(
    (
        Shift(4, answer=Exponential(6 * SECOND), unanswered=0.1),
        Shift(4, skills={"he": 3}, back_after_us=30 * SECOND),
    ),
    {"service": QueueSettings(wrapup_us=40 * SECOND, ring_us=12 * SECOND)},
)


def log_bytes(world: World) -> bytes:
    world.run()
    return b"".join(frame.pack() for frame in world.store.read())


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first = log_bytes(World(7, traffic=BUSY, staffing=CREW))
    assert first == log_bytes(World(7, traffic=BUSY, staffing=CREW))
    assert first != log_bytes(World(8, traffic=BUSY, staffing=CREW))


def test_stopping_on_the_way_changes_no_event() -> None:
    whole = World(7, traffic=BUSY, staffing=CREW)
    whole.run()
    parts = World(7, traffic=BUSY, staffing=CREW)
    for minute in range(0, 61, 7):
        parts.run(Instant(START + minute * MINUTE))
        check_all(parts.engine.floor)
    parts.run()
    assert list(whole.events()) == list(parts.events())


def test_a_log_on_disk_has_the_bytes_of_the_one_in_memory(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "day.db", create=True, origin=ORIGIN, log_id=log_id(7))
    on_disk = log_bytes(World(7, traffic=BUSY, staffing=CREW, store=store))
    store.close()
    assert on_disk == log_bytes(World(7, traffic=BUSY, staffing=CREW))


def test_more_agents_meet_the_same_customers() -> None:
    few, many = (
        World(7, traffic=BUSY, staffing=attrs.evolve(CREW, shifts=(Shift(n, skills={"he": 3}),)))
        for n in (5, 12)
    )
    came = []
    for world in (few, many):
        world.run()
        came.append([(e.recorded_at, e.stream) for e, _ in world.events((f.ContactCreated,))])
    assert came[0] == came[1]
    lost = [
        sum(d.reason == "abandoned" for _, d in world.events((f.QueueLeft,)))
        for world in (few, many)
    ]
    assert lost[0] > 3 * lost[1]


TRAFFIC = """
start = 2026-03-02T08:00:00
zone = "Asia/Jerusalem"
hours = 1
[[arrivals]]
queue = "service"
rates = [["08:00", 150], ["08:30", 260]]
patience = { kind = "exponential", mean_s = 90 }
handling = { kind = "lognormal", mean_s = 120, sd_s = 90 }
"""
STAFF = """
zone = "Asia/Jerusalem"
[[queue]]
id = "service"
wrapup_s = 20
[[shift]]
agents = 5
answer = { kind = "uniform", from_s = 2, to_s = 5 }
unanswered = 0.05
[[shift]]
agents = 3
from = "08:20"
to = "09:00"
"""
SCRIPT = """
import sys
from datetime import time
from pathlib import Path
from cckit.testing import simulate
traffic, staffing, out = map(Path, sys.argv[1:])
print(simulate(traffic, staffing, out, 5).head.hex())
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    traffic, staffing = tmp_path / "traffic.toml", tmp_path / "staffing.toml"
    traffic.write_text(TRAFFIC)
    staffing.write_text(STAFF)
    return traffic, staffing


def test_five_hash_seeds_give_one_log(files: tuple[Path, Path], tmp_path: Path) -> None:
    heads = set()
    for hash_seed in ("0", "1", "2", "3", "4"):
        command = [
            sys.executable,
            "-c",
            SCRIPT,
            *map(str, files),
            str(tmp_path / f"{hash_seed}.db"),
        ]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        heads.add(done.stdout)
    assert len(heads) == 1


def test_a_simulation_says_what_it_was_made_of(files: tuple[Path, Path], tmp_path: Path) -> None:
    seen: list[int] = []
    done = simulate(*files, tmp_path / "one.db", 5, progress=lambda n, at: seen.append(n))
    assert done.arrived > 150
    assert seen == sorted(seen)
    assert seen[-1] == done.arrived
    store = SqliteStore.open(tmp_path / "one.db", read_only=True)
    assert store.head().chain == done.head
    store.close()
    assert "traffic.toml sha256 " in done.source
    assert "staffing.toml sha256 " in done.source


def test_a_log_is_traffic_again(files: tuple[Path, Path], tmp_path: Path) -> None:
    first = simulate(*files, tmp_path / "one.db", 5)
    again = simulate(tmp_path / "one.db", files[1], tmp_path / "two.db", 9)
    twice = simulate(tmp_path / "one.db", files[1], tmp_path / "three.db", 9)
    assert again.arrived == first.arrived
    assert again.head == twice.head
    assert "Kaplan-Meier" in again.source
    frames = {}
    for name in ("one", "two"):
        store = SqliteStore.open(tmp_path / f"{name}.db", read_only=True)
        world = World(0, store=MemoryStore(ORIGIN, log_id(0)))
        frames[name] = [
            (e.recorded_at, d.entry_point)
            for frame in store.read()
            for e, d in world._book.codec.events(frame.body, frame.first, (f.ContactCreated,))
        ]
        store.close()
    assert frames["one"] == frames["two"]


def test_what_can_not_be_simulated_is_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    traffic, staffing = files
    out = tmp_path / "out.db"
    with pytest.raises(ConfigError, match="exists already"):
        simulate(traffic, staffing, traffic, 1)
    with pytest.raises(ConfigError, match="-1 is out of range"):
        simulate(traffic, staffing, out, -1)
    staffing.write_text(STAFF.replace('"service"', '"sales"'))
    with pytest.raises(ConfigError, match="customers go to queue 'service'"):
        simulate(traffic, staffing, out, 1)
    with pytest.raises(ConfigError, match=r"gone\.toml: can't be read"):
        simulate(tmp_path / "gone.toml", staffing, out, 1)
    assert not out.exists()


def test_a_simulation_that_fails_leaves_nothing_behind(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    def interrupted(arrived: int, at: Instant) -> None:
        raise KeyboardInterrupt

    before = sorted(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        simulate(*files, tmp_path / "out.db", 1, progress=interrupted)
    assert sorted(tmp_path.iterdir()) == before
