"""Demand as it is read, a plan as it is played, and what seeds say together."""

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cckit.core.errors import ConfigError
from cckit.core.headcount import expected
from cckit.core.instant import HOUR, MINUTE, SECOND, Instant
from cckit.core.reports.zone import Buckets
from cckit.shell.zones import read_zone
from cckit.testing import Arrival, Exponential, Fixed, Listed, Process, Rate, Uniform
from cckit.testing.draws import NEVER
from cckit.testing.staff import Asked, Post, Work, ratio, read_work, rehearse
from cckit.testing.staff.demand import exponential, grid, handling_us, work
from cckit.testing.staff.seeds import quantile
from cckit.testing.world import START

UTC = ZoneInfo("UTC")
CSV = "interval,calls,aht_s,patience_s\n08:00,42,210,120\n08:30,55.5,200,\n09:30,70,180,60\n"
TOML = """
start = 2026-03-29T00:00:00
zone = "Europe/Berlin"
hours = 6

[[arrivals]]
queue = "service"
per_hour = 60
patience = { kind = "exponential", mean_s = 100 }
handling = { kind = "uniform", from_s = 100, to_s = 300 }
wrapup = { kind = "fixed", s = 20 }

[[arrivals]]
queue = "sales"
per_hour = 30
patience = { kind = "exponential", mean_s = 50 }
handling = { kind = "fixed", s = 100 }
"""


def read(path: Path, text: str, asked: Asked | None = None) -> Work:
    path.write_text(text, "utf-8")
    return read_work(path, asked or Asked())


def test_a_csv_is_read_and_its_hole_has_no_calls(tmp_path: Path) -> None:
    found = read(tmp_path / "day.csv", CSV)
    assert [one.calls for one in found.demand] == [42, 55.5, 0, 70]
    assert [one.patience_s for one in found.demand[:2]] == [pytest.approx(120), None]
    assert [one.service_s for one in found.demand[:2]] == pytest.approx([210, 200])
    assert found.intervals.rows[2].label == "2026-01-01T09:00+00:00"


def test_a_csv_of_semicolons_with_a_zone_and_dates_is_read(tmp_path: Path) -> None:
    text = "interval;calls;aht_s\r\n2026-03-02T08:00;1;60\r\n2026-03-02T08:15;2;60\r\n"
    found = read(tmp_path / "day.csv", text, Asked(tz="Asia/Jerusalem"))
    assert found.intervals.rows[0].label == "2026-03-02T08:00+02:00"
    assert found.demand[0].length_us == 15 * MINUTE


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("calls,", "call,", "line 1"),
        ("42,210,120", "42,210", "line 2: has not as many cells"),
        ("42,", "-1,", "line 2: calls"),
        ("42,", "nan,", "line 2: calls"),
        ("210", "0", "line 2: aht_s"),
        ("180,60", "180,soon", "line 4: patience_s"),
        ("08:30", "8 o'clock", "line 3: interval"),
        ("08:30", "07:30", "line 3: interval: does not rise"),
        ("08:30", "08:20", "line 4: interval: lies 70 minutes after"),
        ("09:30", "2027-01-01T09:30", "spans more than"),
        ("42,", "1e9,", "are too many"),
        (CSV[32:], "", "has no rows"),
        ("42", "0", "ok"),
    ],
)
def test_a_bad_csv_is_named_by_line_and_column(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    text = CSV.replace(old, new, 1)
    if new == "2027-01-01T09:30":
        text = text.replace("08:00", "2020-01-01T08:00").replace("08:30", "2020-01-01T08:01")
    if said == "ok":
        assert read(tmp_path / "day.csv", text).demand[0].calls == 0
        return
    with pytest.raises(ConfigError) as error:
        read(tmp_path / "day.csv", text)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked(step="15"), "--interval: day.csv has intervals of 30 minutes"),
        (Asked(step="7"), "--interval: '7' is no length"),
        (Asked(queue="sales"), "--queue"),
        (Asked(between=("2026-01-01", None)), "--from and --to"),
        (Asked(tz="Mars/Olympus"), "--tz"),
    ],
)
def test_an_option_that_says_nothing_of_a_csv_is_refused(
    tmp_path: Path, asked: Asked, said: str
) -> None:
    with pytest.raises(ConfigError) as error:
        read(tmp_path / "day.csv", CSV, asked)
    assert said in str(error.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(CSV)), st.integers(0, 4), st.text('0159,;:-.\n\r"e \0Tx', max_size=5))
def test_a_damaged_csv_is_read_or_refused(tmp_path: Path, at: int, cut: int, put: str) -> None:
    damaged = CSV[:at] + put + CSV[at + cut :]
    try:
        found = read(tmp_path / "day.csv", damaged)
    except ConfigError as refused:
        assert refused.remedy
    else:
        assert sum(one.calls for one in found.demand) > 0
        assert all(one.service_s > 0 for one in found.demand)


def test_who_gives_up_at_once_has_a_patience_to_divide_by(tmp_path: Path) -> None:
    text = TOML.replace('"exponential", mean_s = 100', '"fixed", s = 0')
    found = read(tmp_path / "day.toml", text, Asked("service"))
    assert found.demand[0].patience_s == pytest.approx(0.001)


def test_several_queues_are_staffed_one_by_one_or_all_together(tmp_path: Path) -> None:
    path = tmp_path / "day.toml"
    with pytest.raises(ConfigError) as error:
        read(path, TOML)
    assert "sales, service" in str(error.value)
    service, both = (read_work(path, Asked(queue)).demand[0] for queue in ("service", "*"))
    assert (service.calls, service.service_s, service.patience_s) == pytest.approx((30, 220, 100))
    # Two of three have 220 s, one 100; of patience the rates are averaged.
    mixed = (45, (2 * 220 + 100) / 3, 3 / (2 / 100 + 1 / 50))
    assert (both.calls, both.service_s, both.patience_s) == pytest.approx(mixed)


def test_the_hour_that_clocks_skip_has_no_intervals(tmp_path: Path) -> None:
    found = read(tmp_path / "day.toml", TOML, Asked("service", "60"))
    labels = [row.label[11:13] for row in found.intervals.rows]
    assert labels == ["00", "01", "03", "04", "05", "06"]
    assert sum(one.calls for one in found.demand) == pytest.approx(360)


def test_means_are_put_in_place_of_what_the_source_has(tmp_path: Path) -> None:
    found = read(tmp_path / "day.toml", TOML, Asked("service", aht_s=90, patience_s=30))
    assert (found.demand[0].service_s, found.demand[0].patience_s) == pytest.approx((90, 30))


def test_wrapup_without_end_is_none_and_wrapup_within_handling_counts_once() -> None:
    rates = (Rate(0, HOUR, 60.0),)
    of = Process("q", rates, handling=Fixed(100), wrapup=NEVER)  # type: ignore[arg-type]
    assert handling_us(of) == 100
    inside = Process("q", rates, handling=Fixed(100), wrapup=Fixed(9), wrapup_permille=100)  # type: ignore[arg-type]
    assert handling_us(inside) == 100
    beside = Process("q", rates, handling=Uniform(0, 100), wrapup=Fixed(9))  # type: ignore[arg-type]
    assert handling_us(beside) == 59
    assert handling_us(exponential(beside, 2, None)) == 2 * SECOND


def arrivals(*customers: tuple[int, int, int | None]) -> Iterator[Arrival]:
    for at, busy, patience in customers:
        left = None if patience is None else patience * MINUTE
        yield Arrival(
            Instant(START + at * MINUTE),
            "service",  # type: ignore[arg-type]
            0,  # type: ignore[arg-type]
            left,  # type: ignore[arg-type]
            busy * MINUTE,  # type: ignore[arg-type]
            0,  # type: ignore[arg-type]
            None,
            0,
            0,
            "",
        )


def test_a_plan_is_played_as_it_says() -> None:
    """One agent for ten minutes, two for ten, then one; the rest can be told by hand."""
    customers = tuple(
        arrivals((1, 12, None), (2, 3, None), (3, 3, 4), (15, 9, None), (21, 4, None))
    )
    traffic = Listed(START, Instant(START + 30 * MINUTE), UTC, customers)
    posts = [
        Post(Instant(START + at * MINUTE), agents) for at, agents in ((0, 1), (10, 2), (20, 1))
    ]
    pieces = [(START + at * MINUTE, START + (at + 10) * MINUTE, f"{at}") for at in (0, 10, 20)]
    first, second, third = rehearse(traffic, posts, Buckets(pieces), 20 * SECOND, 0)
    assert (first.entered, first.answered, first.in_time, first.abandoned) == (3, 2, 1, 1)
    assert first.waited_us == 8 * MINUTE
    assert (second.entered, second.in_time) == (1, 1)
    assert (third.entered, third.answered) == (1, 1)
    # 9 of the first; 3 of it, 3 of the second, 5 of the fourth; then 4 of that and the last.
    assert [one.busy_us // MINUTE for one in (first, second, third)] == [9, 11, 8]


def test_a_day_that_is_as_the_model_takes_it_goes_as_the_model_says(tmp_path: Path) -> None:
    """The exact values lie in the 99 % interval; a day of flat demand hardly knows its begin."""
    rows = "".join(f"{hour:02}:00,90,200,180\n" for hour in range(24))
    flat = read(tmp_path / "day.csv", "interval,calls,aht_s,patience_s\n" + rows)
    exact = expected(90 / 3600, 200, 180, 6, 20)
    assert exact is not None
    posts = [Post(Instant(flat.demand[0].at), 6)]
    days = [
        rehearse(flat.traffic, posts, flat.intervals, 20 * SECOND, seed) for seed in range(1, 7)
    ]
    entered = [sum(one.entered for one in day) for day in days]
    shares = {
        exact.answered: ratio([sum(one.in_time for one in day) for day in days], entered),
        exact.abandoned: ratio([sum(one.abandoned for one in day) for day in days], entered),
        exact.occupancy: ratio(
            [sum(one.busy_us for one in day) for day in days], [24 * 6 * HOUR] * len(days)
        ),
    }
    wider = quantile(5, 0.99) / quantile(5)
    for share, found in shares.items():
        assert found is not None
        assert abs(found.mean - share) < wider * (found.high - found.mean)


def test_a_rehearsal_keeps_to_its_seed() -> None:
    zone, rates = read_zone("UTC", "test"), (Rate(START, START + HOUR, 60.0),)
    process = Process("q", rates, Exponential(MINUTE), Exponential(3 * MINUTE))  # type: ignore[arg-type]
    found = work([process], grid(zone, START, START + HOUR, "30"), zone, "test")
    posts = [Post(START, 4)]
    once, twice, other = (
        rehearse(found.traffic, posts, found.intervals, 20 * SECOND, seed) for seed in (1, 1, 2)
    )
    assert once == twice
    assert once != other
    assert sum(one.entered for one in once) == len(list(found.traffic.arrivals(1)))


@pytest.mark.parametrize(
    ("freedom", "t"), [(1, 12.706), (2, 4.303), (9, 2.262), (19, 2.093), (99, 1.984)]
)
def test_students_t_is_the_table(freedom: int, t: float) -> None:
    assert quantile(freedom) == pytest.approx(t, abs=5e-4)


def test_a_ratio_over_seeds_has_the_interval_of_its_sums() -> None:
    # Equal wholes: the interval of a plain mean of 0.6, 0.8, 0.7.
    found = ratio([6, 8, 7], [10, 10, 10])
    assert found is not None
    half = 4.302653 * 0.1 / 3**0.5
    assert found == pytest.approx((0.7, 0.7 - half, 0.7 + half), abs=1e-6)
    assert ratio([0, 0], [0, 0]) is None
    assert ratio([1], [2]) == (0.5, 0.5, 0.5)
