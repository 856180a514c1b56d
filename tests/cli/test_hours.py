"""``cckit hours``: what a log's calendars come to, and who switched what."""

from pathlib import Path

import pytest
import trio

from cckit import Config, open_center

from .conftest import Run

CENTER = """
[center]
plugins = ["hours"]
zone = "Europe/Berlin"

[queues.sales]

[hours.calendars.sales]
zone = "Europe/Berlin"
scopes = ["queue/sales"]
week = [
    { days = "mon-fri", from = "08:00", to = "12:00" },
    { days = "mon-fri", from = "13:00", to = "24:00" },
]
"""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hours") / "center.db"

    async def opened() -> None:
        async with open_center(Config.parse(CENTER), log=path):
            pass

    trio.run(opened)
    return path


def test_days_are_told_in_civil_time_and_in_instants(run: Run, log: Path) -> None:
    done = run("hours", log, "--days", "7", "--json")
    assert done.code == 0
    [calendar] = done.json["calendars"]
    assert (calendar["calendar"], calendar["zone"]) == ("sales", "Europe/Berlin")
    assert calendar["scopes"] == ["queue/sales"]
    assert len(calendar["sha256"]) == 64
    opened = [[(one["from"], one["to"]) for one in day["open"]] for day in calendar["days"]]
    working = [("08:00", "12:00"), ("13:00", "24:00")]
    assert sorted(map(len, opened)) == [0, 0, 2, 2, 2, 2, 2]
    assert all(day in ([], working) for day in opened)
    first = next(day["open"][0] for day in calendar["days"] if day["open"])
    assert first["until"] - first["from_at"] == 4 * 3600 * 1_000_000


def test_people_are_shown_a_line_a_day(run: Run, log: Path) -> None:
    done = run("hours", log, "--from", "1999-01-01", "--days", "2")
    assert done.code == 0
    assert done.out.splitlines()[0].startswith("sales: queue/sales, Europe/Berlin (tzdata ")
    assert done.out.splitlines()[1] == "  1999-01-01  not in this calendar's expansion"
    shown = run("hours", log, "--days", "7").out
    assert "08:00-12:00, 13:00-24:00" in shown
    assert "closed" in shown


def test_a_log_without_calendars_says_so(run: Run, simulated: Path) -> None:
    assert "no calendars" in run("hours", simulated).out
    assert run("hours", simulated, "--json").json == {"calendars": []}


@pytest.mark.parametrize("words", [("--days", "0"), ("--days", "401"), ("--from", "soon")])
def test_what_can_not_be_asked_is_refused(run: Run, log: Path, words: tuple[str, str]) -> None:
    assert run("hours", log, *words).code == 2


def test_the_report_of_modes_has_a_row_for_each_switch(run: Run, log: Path) -> None:
    done = run("report", log, "modes", "--json")
    assert done.code == 0
    assert done.json["header"]["report"] == "modes"
