"""``cckit staff``: agents by interval, and what the floor does with them."""

from pathlib import Path

import pytest

from cckit.cli.staff_answer import verdict
from cckit.testing.staff import Estimate

from .conftest import Run

DAY = "interval,calls,aht_s,patience_s\n08:00,30,200,120\n08:30,40,200,120\n"
SURGE = 'rates = [["08:00", 10], ["08:30", 150]]'


@pytest.fixture
def day(tmp_path: Path) -> Path:
    path = tmp_path / "day.csv"
    path.write_text(DAY, "utf-8")
    return path


def test_agents_are_printed_beside_what_is_promised_and_simulated(run: Run, day: Path) -> None:
    done = run("staff", day, "--shrinkage", 30, "--seeds", 3)
    assert done.code in (0, 3), done.err
    rows = [line.split() for line in done.out.splitlines() if line.startswith("2026-01-01")]
    assert [row[:6] for row in rows] == [
        ["2026-01-01", "08:00", "30.0", "3:20", "5", "8"],
        ["2026-01-01", "08:30", "40.0", "3:20", "6", "9"],
    ]
    assert "promised: answered within 20 s, of all, at least 80.0 %; simulated: " in done.out
    assert "pointwise stationary" in done.out
    assert "Garnett" in done.out


def test_a_night_has_no_line_in_the_table_and_is_in_the_json(run: Run, day: Path) -> None:
    day.write_text(DAY + "12:00,30,200,120\n", "utf-8")
    printed = run("staff", day, "--no-check").out
    assert [line[11:16] for line in printed.splitlines() if line.startswith("2026")] == [
        "08:00",
        "08:30",
        "12:00",
    ]
    assert len(run("staff", day, "--no-check", "--json").json["intervals"]) == 9


def test_the_shape_for_scripts(run: Run, day: Path) -> None:
    done = run("staff", day, "--json", "--seeds", 3, "--abandon", 5, "--asa", 20)
    assert done.code == {"kept": 0, "open": 3, "broken": 1}[done.json["verdict"]]
    assert sorted(done.json) == [
        "agents", "intervals", "load", "model", "planned_us", "promised", "seeds",
        "shrinkage_ppm", "simulated", "source", "verdict", "within_us", "zone",
    ]  # fmt: skip
    assert done.json["promised"] == {"abandoned_ppm": 50_000, "asa_us": 20_000_000}
    first = done.json["intervals"][0]
    assert sorted(first) == [
        "agents", "at", "broken", "calls_milli", "expected", "handling_us", "interval",
        "length_us", "patience_us", "per_hour_milli", "planned", "simulated",
    ]  # fmt: skip
    assert first["expected"]["abandoned_ppm"] <= 50_000
    answered = first["simulated"]["answered_ppm"]
    assert answered["low"] <= answered["mean"] <= answered["high"]


def test_without_a_check_nothing_is_simulated(run: Run, day: Path) -> None:
    done = run("staff", day, "--no-check", "--json", "--model", "erlang-c")
    assert done.code == 0
    assert (done.json["verdict"], done.json["simulated"]) == ("unchecked", None)
    assert all(one["simulated"] is None for one in done.json["intervals"])


def test_a_promise_that_the_floor_breaks_ends_with_1(run: Run, files: Path, tmp_path: Path) -> None:
    # Interval by interval the model sees the mean of a calm and of a surge.
    text = (files / "traffic.toml").read_text("utf-8").replace("per_hour = 60", SURGE)
    traffic = tmp_path / "surge.toml"
    traffic.write_text(text, "utf-8")
    done = run("staff", traffic, "--interval", 60, "--seeds", 5)
    assert done.code == 1
    assert "broken" in done.out
    assert "--load lag" in done.out
    shorter = run("staff", traffic, "--interval", 10, "--load", "lag", "--seeds", 5, "--json")
    assert shorter.json["verdict"] in ("kept", "open")


def test_a_log_is_demand_too(run: Run, simulated: Path) -> None:
    done = run("staff", simulated, "--json", "--seeds", 3)
    assert done.json["zone"] == "Asia/Jerusalem"
    created = run("log", simulated, "--type", "queue.entered").out.splitlines()
    assert sum(one["calls_milli"] for one in done.json["intervals"]) == 1000 * len(created)
    later = run("staff", simulated, "--json", "--no-check", "--from", "2026-03-02T08:30")
    assert [one["interval"] for one in later.json["intervals"]] == ["2026-03-02T08:30+02:00"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--from", "08:30"), "--from: '08:30' is no date and time"),
        (("--to", "soon"), "--to: 'soon' is no date and time"),
        (("--to", "2020-01-01"), "nobody comes in it"),
        (("--queue", "sales"), "--queue: simulated.db has no queue 'sales'"),
    ],
)
def test_a_part_of_a_log_that_is_none_is_refused(
    run: Run, simulated: Path, options: tuple[str, ...], said: str
) -> None:
    done = run("staff", simulated, *options)
    assert done.code == 2
    assert said in done.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--service-level", 100), "--service-level: 100 is out of range"),
        (("--service-level", "nan"), "--service-level: nan is out of range"),
        (("--within", -1), "--within"),
        (("--abandon", 0), "--abandon"),
        (("--asa", 0), "--asa"),
        (("--occupancy", 101), "--occupancy"),
        (("--shrinkage", 100), "--shrinkage"),
        (("--seeds", 1), "--seeds"),
        (("--aht", 0), "--aht"),
        (("--patience", "inf"), "--patience"),
        (("--model", "erlang-c", "--abandon", 3), "nobody gives up in Erlang C"),
        (("--model", "erlang-x"), "erlang-x"),
        (("--interval", 45), "--interval"),
    ],
)
def test_bad_options_are_refused_with_what_to_change(
    run: Run, day: Path, options: tuple[object, ...], said: str
) -> None:
    done = run("staff", day, *options)
    assert done.code == 2
    assert said in done.err + done.out


def test_erlang_a_wants_patience(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_text(DAY.replace(",patience_s", "").replace(",120", ""), "utf-8")
    done = run("staff", path, "--no-check")
    assert done.code == 2
    assert "give --patience in seconds, or take --model erlang-c" in done.err
    assert run("staff", path, "--no-check", "--patience", 90).code == 0
    assert run("staff", path, "--no-check", "--model", "erlang-c").code == 0


def test_what_no_number_of_agents_does_is_refused_by_its_interval(run: Run, day: Path) -> None:
    day.write_text(DAY.replace("40,200", "4000000,200000"), "utf-8")
    done = run("staff", day, "--no-check")
    assert done.code == 2
    assert "2026-01-01T08:30+00:00: not even 100,000 agents" in done.err


def test_a_source_that_is_none_is_refused(run: Run, tmp_path: Path) -> None:
    assert run("staff", tmp_path / "none.toml").code == 2
    assert run("staff", tmp_path / "none.csv").code == 2


@pytest.mark.parametrize(
    ("name", "limit", "found", "word"),
    [
        ("answered", 0.8, Estimate(0.8, 0.7, 0.9), "kept"),
        ("answered", 0.8, Estimate(0.79, 0.75, 0.83), "open"),
        ("answered", 0.8, Estimate(0.79, 0.785, 0.795), "broken"),
        ("asa", 20, Estimate(20, 15, 25), "kept"),
        ("asa", 20, Estimate(21, 19, 23), "open"),
        ("asa", 20, Estimate(23, 21, 25), "broken"),
        ("occupancy", 0.8, None, "kept"),
    ],
)
def test_a_promise_is_kept_by_the_mean_and_broken_by_all_of_the_interval(
    name: str, limit: float, found: Estimate | None, word: str
) -> None:
    assert verdict(name, limit, found) == word


def test_a_promise_that_is_kept_ends_well(run: Run, day: Path) -> None:
    # A day begins with nobody to serve, so agents are less busy than for ever.
    done = run("staff", day, "--occupancy", 85, "--seeds", 3)
    assert (done.code, done.out.count("kept")) == (0, 1)


def test_more_calls_than_memory_holds_are_not_simulated(run: Run, day: Path) -> None:
    day.write_text(DAY.replace("40,200", "2000000,1"), "utf-8")
    done = run("staff", day)
    assert done.code == 2
    assert "take a shorter time, or --no-check" in done.err
