"""Intervals are civil time of the zone, whatever its clocks do."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import resources

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cckit.core.errors import ConfigError
from cckit.core.instant import HOUR, MINUTE, SECOND
from cckit.core.reports.zone import LATEST, Zone, buckets, civil_days

Zones = Callable[[str], Zone]
DAY = 24 * HOUR


def midnight(zone: Zone, year: int, month: int, day: int) -> int:
    """UTC microseconds of a civil midnight, by the standard library."""
    local = datetime(year, month, day, tzinfo=zone.info)
    return (
        int((local.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1))
        * SECOND
    )


def day_of(zone: Zone, year: int, month: int, day: int) -> tuple[int, int]:
    after = datetime(year, month, day) + timedelta(days=1)
    return midnight(zone, year, month, day), midnight(zone, after.year, after.month, after.day)


@pytest.mark.parametrize(
    ("name", "date", "hours", "half_hours"),
    [
        ("Asia/Jerusalem", (1999, 2, 8), 24, 48),
        ("Asia/Jerusalem", (2024, 3, 29), 23, 46),
        ("Asia/Jerusalem", (2024, 10, 27), 25, 50),
        ("Australia/Lord_Howe", (2024, 10, 6), 23.5, 47),
        ("Australia/Lord_Howe", (2024, 4, 7), 24.5, 49),
        ("Asia/Kathmandu", (2024, 1, 1), 24, 48),
    ],
)
def test_a_day_has_as_many_half_hours_as_it_has(
    zone: Zones, name: str, date: tuple[int, int, int], hours: float, half_hours: int
) -> None:
    place = zone(name)
    from_, to = day_of(place, *date)
    found = buckets(place, from_, to, "30")
    assert to - from_ == hours * HOUR
    assert len(found.rows) == half_hours
    assert sum(bucket.length_us for bucket in found.rows) == to - from_
    assert len({bucket.label for bucket in found.rows}) == half_hours


def test_a_repeated_half_hour_carries_its_offset(zone: Zones) -> None:
    place = zone("Asia/Jerusalem")
    labels = [b.label for b in buckets(place, *day_of(place, 2024, 10, 27), "30").rows]
    assert labels[2:6] == [
        "2024-10-27T01:00+03:00",
        "2024-10-27T01:30+03:00",
        "2024-10-27T01:00+02:00",
        "2024-10-27T01:30+02:00",
    ]


def test_hours_of_lord_howe_are_cut_where_its_clock_moves_by_half(zone: Zones) -> None:
    place = zone("Australia/Lord_Howe")
    spring = buckets(place, *day_of(place, 2024, 10, 6), "60").rows
    assert [(b.label[11:16], b.length_us // MINUTE) for b in spring[1:4]] == [
        ("01:00", 60),
        ("02:00", 30),
        ("03:00", 60),
    ]
    autumn = buckets(place, *day_of(place, 2024, 4, 7), "60").rows
    assert [(b.label[11:], b.length_us // MINUTE) for b in autumn[1:4]] == [
        ("01:00+11:00", 60),
        ("01:00+10:30", 30),
        ("02:00+10:30", 60),
    ]


def test_apia_has_no_thirtieth_of_december_2011(zone: Zones) -> None:
    place = zone("Pacific/Apia")
    from_, to = midnight(place, 2011, 12, 28), midnight(place, 2012, 1, 2)
    labels = [b.label for b in buckets(place, from_, to, "day").rows]
    assert labels == ["2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01"]


def test_half_hours_of_kathmandu_start_off_the_half_hours_of_utc(zone: Zones) -> None:
    place = zone("Asia/Kathmandu")
    first = buckets(place, *day_of(place, 2024, 1, 1), "30").rows[0]
    assert (first.label, first.at % HOUR) == ("2024-01-01T00:00+05:45", 15 * MINUTE)


def test_a_day_that_is_left_and_entered_again_is_one_row(zone: Zones) -> None:
    """St John's set its clock back at 00:01, into the day before."""
    place = zone("America/St_Johns")
    start = midnight(place, 2010, 11, 6)
    found = buckets(place, start, midnight(place, 2010, 11, 8), "day")
    assert [(b.label, b.length_us) for b in found.rows] == [
        ("2010-11-06", 24 * HOUR + 59 * MINUTE),
        ("2010-11-07", 24 * HOUR + MINUTE),
    ]
    assert found.find(start + 24 * HOUR) == 1
    assert found.find(start + 24 * HOUR + MINUTE) == 0
    assert found.find(start + 25 * HOUR) == 1


def test_a_range_cuts_the_intervals_at_its_edges(zone: Zones) -> None:
    place = zone("Asia/Jerusalem")
    start = midnight(place, 1999, 2, 8)
    found = buckets(place, start + 40 * MINUTE, start + 70 * MINUTE, "30")
    assert [(b.label[11:16], b.length_us // MINUTE) for b in found.rows] == [
        ("00:30", 20),
        ("01:00", 10),
    ]
    assert [found.find(start + n * MINUTE) for n in (39, 40, 59, 60, 69, 70)] == [
        -1,
        0,
        0,
        1,
        1,
        -1,
    ]


def test_the_range_may_be_one_interval(zone: Zones) -> None:
    place = zone("UTC")
    assert [b.label for b in buckets(place, 5, 9, "all").rows] == ["all"]
    assert buckets(place, 5, 5, "all").rows == []
    assert buckets(place, 5, 5, "30").rows == []


@pytest.mark.parametrize("step", ["7", "week", "0", "-30", ""])
def test_an_unknown_interval_is_refused(zone: Zones, step: str) -> None:
    with pytest.raises(ConfigError, match="is no interval"):
        buckets(zone("UTC"), 0, DAY, step)


@pytest.mark.parametrize("range_", [(1, 0), (0, 2 * LATEST), (-(2**62), 0)])
def test_a_range_outside_of_civil_time_is_refused(zone: Zones, range_: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match="no range of civil time"):
        buckets(zone("UTC"), *range_, "30")


@pytest.mark.parametrize("data", [b"", b"TZif", b"not a zone", b"TZif2" + bytes(39), b"\xff" * 500])
def test_bytes_that_are_no_zone_are_refused(data: bytes) -> None:
    with pytest.raises(ConfigError, match="no TZif file"):
        Zone.of("Mars/Olympus", data, "2026a")


def test_the_civil_days_around_instants(zone: Zones) -> None:
    place = zone("Asia/Jerusalem")
    first, last = midnight(place, 2024, 3, 29) + 5 * HOUR, midnight(place, 2024, 3, 31)
    assert civil_days(place, first, last) == (
        midnight(place, 2024, 3, 29),
        midnight(place, 2024, 4, 1),
    )


PLACES = st.sampled_from(
    ["Asia/Jerusalem", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu", "America/Caracas"]
)


@settings(max_examples=60)
@given(PLACES, st.integers(0, 70 * 365), st.sampled_from(["15", "30", "60", "day"]))
def test_every_instant_falls_into_the_bucket_of_its_civil_time(
    zone: Zones, name: str, day: int, step: str
) -> None:
    """Against the standard library, asked for every five minutes of three days."""
    place = zone(name)
    found = buckets(place, day * DAY, (day + 3) * DAY, step)
    for at in range(day * DAY, (day + 3) * DAY, 5 * MINUTE):
        local = datetime.fromtimestamp(at // SECOND, tz=place.info)
        label = found.rows[found.find(at)].label
        if step == "day":
            assert label == local.date().isoformat()
            continue
        minute = local.hour * 60 + local.minute
        minute -= minute % int(step)
        start = f"{local.date().isoformat()}T{minute // 60:02}:{minute % 60:02}"
        assert label == start + local.isoformat()[19:]


@settings(max_examples=60)
@given(PLACES, st.integers(0, 70 * 365), st.lists(st.integers(0, 3 * DAY), min_size=2, max_size=9))
def test_the_parts_of_a_clipped_row_are_the_row(
    zone: Zones, name: str, day: int, edges: list[int]
) -> None:
    found = buckets(zone(name), day * DAY, (day + 3) * DAY, "30")
    low, high = day * DAY + min(edges), day * DAY + max(edges)
    assert sum(part for _, part in found.clip(low, high)) == high - low


def test_every_zone_of_the_package_is_whole() -> None:
    root = resources.files("tzdata")
    names = root.joinpath("zones").read_text("utf-8").split()
    read = [
        Zone.of(name, root.joinpath("zoneinfo", *name.split("/")).read_bytes(), "2026a")
        for name in names
    ]
    assert len(read) > 400


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_zone_is_refused_or_still_tells_the_time(
    zone: Zones, changes: list[tuple[int, int]]
) -> None:
    """``zoneinfo`` itself never ends on some of these, and crashes on others."""
    data = bytearray(zone("Asia/Jerusalem").data)
    for at, byte in changes:
        data[at % len(data)] = byte
    try:
        damaged = Zone.of("Asia/Jerusalem", bytes(data), "2026a")
    except ConfigError:
        return
    assert buckets(damaged, 0, DAY, "30").rows


@pytest.mark.parametrize("length", [43, 44, 100, -1])
def test_a_zone_that_was_cut_off_is_refused(zone: Zones, length: int) -> None:
    with pytest.raises(ConfigError, match="no TZif file"):
        Zone.of("Asia/Jerusalem", zone("Asia/Jerusalem").data[:length], "2026a")
