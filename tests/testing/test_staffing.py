from datetime import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest

from cckit.core.errors import ConfigError
from cckit.core.instant import HOUR, SECOND, Instant
from cckit.core.routing import NAMES
from cckit.core.rules.queue_settings import BOUNDS, wrong_queue
from cckit.core.settings import QueueSettings
from cckit.testing import Fixed, Shift, Staffing, Uniform, read_staffing

WHOLE = """
[[queue]]
id = "service"
strategy = "best_skill"
ring_s = 15
need = "he"

[[queue]]
id = "sales"

[[shift]]
agents = 2
from = "08:00"
to = "16:30"
queues = ["service"]
skills = { he = 3, en = 1 }

[[shift]]
agents = 1
answer = { kind = "uniform", from_s = 2, to_s = 6 }
connect = { kind = "fixed", s = 0.2 }
unanswered = 0.02
"""
UTC = ZoneInfo("UTC")
DAY = 24 * HOUR


def write(folder: Path, text: str) -> Path:
    path = folder / "staff.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_becomes_queues_and_numbered_agents(tmp_path: Path) -> None:
    staffing = read_staffing(write(tmp_path, WHOLE))
    assert [worker.agent for worker in staffing.workers()] == ["001", "002", "003"]
    first, last = staffing.shifts
    assert (first.begins, first.ends, first.skills) == (time(8), time(16, 30), {"en": 1, "he": 3})
    assert (last.answer, last.unanswered) == (Uniform(2 * SECOND, 6 * SECOND), 0.02)
    assert (first.connect, last.connect) == (Fixed(0), Fixed(200_000))
    assert list(staffing.queues) == ["sales", "service"]
    assert staffing.settings("service").agents == ("*",)
    assert staffing.settings("sales").agents == ("003",)
    assert staffing.settings("service").need == "he >= 1"
    assert staffing.settings("service").ring_us == 15 * SECOND


EVERY = """
[[queue]]
id = "other"

[[queue]]
id = "service"
strategy = "progressive"
ring_s = 15
connect_s = 3
wrapup_s = 0
rona_after = 0
rona_back_s = 60
rona_returns = 2
max_wait_s = 600
head_start_s = 30
steps = ["he >= 2 for_us=30000000", "anyone"]
weight = 2
sticky_s = 10
prefer_s = 5
capacity = 50
full = "overflow other"
estimator = "ql"
expected_max_s = 300
too_long = "deflect"
join_empty = "blocked"
leave_empty = "deflect"
callback_tries = 2
callback_pause_s = 120
callback_ring_s = 25
resume_s = 90
then = "best_skill"
tiers = { "001" = 1 }
at_once = 3
add_s = 4

[[shift]]
agents = 2
"""


def test_every_setting_of_a_queue_may_stand_in_the_file(tmp_path: Path) -> None:
    settings = read_staffing(write(tmp_path, EVERY)).settings("service")
    default = QueueSettings()
    same = [
        one.name
        for one in attrs.fields(QueueSettings)
        if getattr(settings, one.name) == getattr(default, one.name)
    ]
    assert same == ["agents", "need"]  # All others differ; steps stand in place of a need.
    assert (settings.add_us, settings.tiers, settings.then) == (
        4 * SECOND,
        {"001": 1},
        "best_skill",
    )


@pytest.mark.parametrize("strategy", NAMES)
def test_every_strategy_may_stand_in_the_file(tmp_path: Path, strategy: str) -> None:
    text = EVERY.replace('"progressive"', f'"{strategy}"')
    assert read_staffing(write(tmp_path, text)).settings("service").strategy == strategy


def test_every_whole_number_of_a_queue_has_its_bounds() -> None:
    numbers = [one.name for one in attrs.fields(QueueSettings) if one.type is int]
    assert sorted(numbers) == sorted(BOUNDS)
    assert wrong_queue(QueueSettings()) is None
    for name, (low, high) in BOUNDS.items():
        for wrong in (low - 1, high + 1):
            given: Any = {name: wrong}
            said = wrong_queue(attrs.evolve(QueueSettings(), **given))
            assert said == f"{name} is {wrong}, allowed are {low} to {high}"


def test_a_shift_works_each_day_also_over_midnight() -> None:
    night = Shift(1, time(22), time(6))
    assert night.spans(Instant(0), Instant(2 * DAY), UTC) == [
        (0, 6 * HOUR),
        (22 * HOUR, 30 * HOUR),
        (46 * HOUR, 54 * HOUR),
    ]
    early = Shift(1, time(8), time(12))
    assert early.spans(Instant(9 * HOUR), Instant(DAY), UTC) == [(9 * HOUR, 12 * HOUR)]
    assert early.spans(Instant(13 * HOUR), Instant(DAY), UTC) == []
    assert Shift(1).spans(Instant(3), Instant(5), UTC) == [(3, 5)]


def test_a_hundred_thousand_agents_have_ids_of_one_length() -> None:
    workers = Staffing((Shift(1000),)).workers()
    assert (workers[0].agent, workers[-1].agent) == ("0001", "1000")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("agents = 2", "agents = 0", "shift[0].agents: 0 is not a whole number from 1 to 100000"),
        ("agents = 2", "agents = 2.5", "shift[0].agents: 2.5 is not a whole number"),
        ("agents = 2", "agents = 100000", "shift: more than 100,000 agents"),
        ('to = "16:30"', "", "shift[0].to: from and to belong together"),
        ('to = "16:30"', 'to = "4 pm"', "shift[0].to: '4 pm' is no time of day"),
        ('["service"]', '["servise"]', "shift[0].queues: no queue 'servise'"),
        ("he = 3", "he = 6", "shift[0].skills.he: 6 is not a whole number from 1 to 5"),
        ('"best_skill"', '"best"', "queue[0].strategy: no strategy 'best'"),
        ('"best_skill"', '"ordered"', "queue[0].id: strategy 'ordered' without tiers"),
        ("ring_s = 15", "tiers = { a = 100 }", "queue[0].tiers.a: 100 is not a whole number from"),
        ("ring_s = 15", "add_s = 0", "queue[0].id: add_us is 0, allowed are 1 to 3600000000"),
        ('id = "sales"', 'id = "service"', "queue[1].id: 'service' is there twice"),
        ("ring_s = 15", "ring = 15", "queue[0].ring: no such key 'ring'"),
        ("unanswered = 0.02", "unanswered = 2", "shift[1].unanswered: 2 is not a number from 0"),
        ("from_s = 2", "from_s = 9", "shift[1].answer.to_s: 6000000 us is less than from_s"),
        ('"fixed", s = 0.2', '"endless"', "shift[1].connect: 'endless' never connects"),
        ("[[queue]]", 'zone = "Mars"\n[[queue]]', "zone: no zone 'Mars'"),
    ],
)
def test_bad_staffing_is_named_by_file_key_and_value(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in WHOLE
    with pytest.raises(ConfigError) as caught:
        read_staffing(write(tmp_path, WHOLE.replace(old, new, 1)))
    assert f"staff.toml: {message}" in str(caught.value)
