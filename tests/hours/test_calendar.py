"""Calendars in civil time, and what they come to in instants where clocks move."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cckit.core.hours import (
    AHEAD_DAYS,
    Calendar,
    Hours,
    SpecialDay,
    at,
    resolve,
    wrong_hours,
)
from cckit.core.instant import HOUR, MINUTE, SECOND
from cckit.hooks import read_zone

ZONES = ("Asia/Jerusalem", "Europe/Berlin", "America/New_York", "UTC", "Africa/Cairo")
NINE_TO_FIVE = ((540, 1020),)
WEEK = (NINE_TO_FIVE,) * 5 + ((),) * 2


def instant(text: str) -> int:
    since = datetime.fromisoformat(text).astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(microseconds=1)


def berlin(**fields: object) -> Calendar:
    return Calendar("help", "Europe/Berlin", **fields)  # type: ignore[arg-type]


def hours(calendar: Calendar, now: str, days: int = 10) -> Hours:
    return resolve(calendar, read_zone(calendar.zone, "test"), instant(now), days)


def test_closed_is_from_a_closing_to_the_next_opening() -> None:
    found = hours(berlin(week=WEEK), "2026-01-05T12:00+01:00", 7)
    assert found.from_at == instant("2026-01-05T00:00+01:00")
    assert found.until == instant("2026-01-12T00:00+01:00")
    assert found.closed[0] == (found.from_at, instant("2026-01-05T09:00+01:00"))
    assert found.closed[1] == (instant("2026-01-05T17:00+01:00"), instant("2026-01-06T09:00+01:00"))
    assert found.closed[-1] == (instant("2026-01-09T17:00+01:00"), found.until)
    assert found.holidays == ()


def test_a_holiday_is_its_civil_day_and_closed_goes_on_around_it() -> None:
    calendar = berlin(week=WEEK, days={"2026-01-06": SpecialDay((), True, "Epiphany")})
    found = hours(calendar, "2026-01-05T12:00+01:00")
    assert found.holidays == (
        (instant("2026-01-06T00:00+01:00"), instant("2026-01-07T00:00+01:00")),
    )
    whole = (instant("2026-01-05T17:00+01:00"), instant("2026-01-07T09:00+01:00"))
    assert whole in found.closed


def test_a_holiday_of_who_never_closes_is_no_closing_besides() -> None:
    calendar = berlin(week=(((0, 1440),),) * 7, days={"2026-01-06": SpecialDay((), True)})
    found = hours(calendar, "2026-01-05T12:00+01:00")
    assert found.closed == ()
    assert len(found.holidays) == 1


def test_a_special_day_has_other_hours() -> None:
    calendar = berlin(week=WEEK, days={"2026-01-10": SpecialDay(((600, 720),))})
    found = hours(calendar, "2026-01-05T12:00+01:00")
    saturday = [found.mode(instant(f"2026-01-10T{at}:00+01:00")) for at in ("09", "10", "12")]
    assert saturday == ["closed", "open", "closed"]


@pytest.mark.parametrize(
    ("zone", "day", "length"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("Asia/Jerusalem", "2026-03-27", 23),
        ("Asia/Jerusalem", "2026-10-25", 25),
    ],
)
def test_a_day_is_as_long_as_its_clocks_say(zone: str, day: str, length: int) -> None:
    calendar = Calendar("c", zone, week=(((0, 1440),),) * 7, days={day: SpecialDay((), True)})
    found = hours(calendar, f"{day}T00:30+02:00", 3)
    [(begin, end)] = found.holidays
    assert end - begin == length * HOUR


def test_a_time_that_a_day_skips_is_the_instant_of_the_leap() -> None:
    zone, day = read_zone("Europe/Berlin", "test"), date(2026, 3, 29)
    leap = instant("2026-03-29T03:00+02:00")
    assert [at(zone, day, minute) for minute in (120, 150, 179, 180)] == [leap] * 4
    assert at(zone, day, 150, last=True) == leap
    assert at(zone, day, 119) == leap - MINUTE


def test_of_a_time_that_comes_twice_opening_takes_the_first_and_closing_the_last() -> None:
    zone, day = read_zone("Asia/Jerusalem", "test"), date(2026, 10, 25)
    assert at(zone, day, 90) == instant("2026-10-25T01:30+03:00")
    assert at(zone, day, 90, last=True) == instant("2026-10-25T01:30+02:00")
    calendar = Calendar("c", "Asia/Jerusalem", week=(((60, 90),),) * 7)
    found = hours(calendar, "2026-10-25T00:00+03:00", 1)
    assert found.closed[0][1] == instant("2026-10-25T01:00+03:00")
    assert found.closed[1][0] == instant("2026-10-25T01:30+02:00")


def test_four_hundred_days_are_expanded_and_they_have_both_leaps() -> None:
    zone = read_zone("Europe/Berlin", "test")
    found = resolve(berlin(week=WEEK), zone, instant("2026-01-05T12:00+01:00"))
    assert (found.until - found.from_at) // HOUR == AHEAD_DAYS * 24
    openings = [zone.local(end).strftime("%H:%M") for _, end in found.closed[:-1]]
    assert set(openings) == {"09:00"}
    assert len(openings) == 286  # The working days of these 400.


@given(
    zone=st.sampled_from(ZONES),
    day=st.dates(date(1975, 1, 1), date(2100, 1, 1)),
    minutes=st.lists(st.integers(0, 1440), min_size=2, max_size=2, unique=True).map(sorted),
    special=st.booleans(),
    holiday=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_an_instant_is_open_exactly_where_its_civil_time_is_in_the_calendar(
    zone: str, day: date, minutes: list[int], special: bool, holiday: bool
) -> None:
    place = read_zone(zone, "test")
    begin, end = minutes
    days = {}
    if special:
        days[(day + timedelta(days=1)).isoformat()] = SpecialDay(((0, 1),))
    if holiday:
        days[(day + timedelta(days=2)).isoformat()] = SpecialDay((), True)
    calendar = Calendar("c", zone, week=(((begin, end),),) * 7, days=days)
    start = at(place, day, 0)
    found = resolve(calendar, place, start, 5)
    assert wrong_hours("c", found.pack()) is None
    for n in range(5 * 24 * 4):
        moment = found.from_at + n * 15 * MINUTE + 7 * SECOND
        if moment >= found.until:
            break
        civil = place.local(moment)
        if civil.utcoffset() != place.local(moment + 3 * HOUR).utcoffset():
            continue  # The hours around a leap have tests of their own.
        if civil.utcoffset() != place.local(moment - 3 * HOUR).utcoffset():
            continue
        minute = civil.hour * 60 + civil.minute
        own = calendar.on(civil.date())
        is_open = any(first <= minute < last for first, last in own.open)
        expected = "open" if is_open else "holiday" if own.holiday else "closed"
        assert found.mode(moment) == expected


@given(zone=st.sampled_from(ZONES), now=st.integers(0, 4_000_000_000), days=st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_expanding_is_pure_and_survives_the_log(zone: str, now: int, days: int) -> None:
    place = read_zone(zone, "test")
    calendar = Calendar("c", zone, week=WEEK)
    found = resolve(calendar, place, now * SECOND, days)
    assert found == resolve(calendar, place, now * SECOND, days)
    assert Hours.unpack(found.pack()) == found
    assert found.from_at <= now * SECOND < found.until
    edges = [edge for span in found.closed for edge in span]
    assert edges == sorted(set(edges))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"closed": ((5, 3),)}, "reversed"),
        ({"closed": ((1, 3), (2, 4))}, "overlaps"),
        ({"closed": ((1,),)}, "no pair"),
        ({"from_at": 9, "until": 3}, "the first first"),
        ({"zone": 7}, "zone is 7"),
        ({"scopes": (1,)}, "scopes"),
    ],
)
def test_what_no_expansion_can_be_is_refused(fields: dict[str, object], said: str) -> None:
    plain = {"zone": "UTC", "sha256": "", "iana": "", "digest": b"", "scopes": ()}
    spoiled = Hours(**{**plain, "from_at": 0, "until": 9, **fields})  # type: ignore[arg-type]
    assert said in str(wrong_hours("c", spoiled.pack()))
    assert wrong_hours("", spoiled.pack()) == "the calendar has no name"
    assert "unreadable" in str(wrong_hours("c", b"\x81\x01\x02"))
