"""When somebody may be called, over weekends, midnights and the changes of a clock."""

from datetime import datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cckit import ConfigError
from cckit.core import MINUTE, Instant
from cckit_callback.policy import Rules, Weekly, Windows, possible, refusal, said
from cckit_callback.settings import read

BERLIN = ZoneInfo("Europe/Berlin")
WEEKDAYS = frozenset(range(5))
OFFICE = Windows(BERLIN, (Weekly(WEEKDAYS, time(8), time(20)),))
DAY = 24 * 60 * MINUTE


def at(text: str, zone: ZoneInfo = BERLIN) -> Instant:
    return Instant(int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * 1_000_000)


@pytest.mark.parametrize(
    ("asked", "next_"),
    [
        ("2026-03-27 07:59:59", "2026-03-27 08:00"),
        ("2026-03-27 08:00", "2026-03-27 08:00"),
        ("2026-03-27 19:59:59", "2026-03-27 19:59:59"),
        ("2026-03-27 20:00", "2026-03-30 08:00"),  # Over a weekend on which the clock changes.
        ("2026-03-29 03:00", "2026-03-30 08:00"),
    ],
)
def test_the_next_instant_is_the_first_within_a_window(asked: str, next_: str) -> None:
    assert OFFICE.next(at(asked)) == at(next_)


def test_a_window_up_to_midnight_goes_on_into_the_next_day_s() -> None:
    night = Windows(BERLIN, (Weekly(frozenset({4}), time(20), time(0)),))
    assert night.holds(at("2026-03-27 23:59:59"))
    assert not night.holds(at("2026-03-28 00:00"))


def test_listed_windows_end() -> None:
    listed = Windows(listed=((Instant(10), Instant(20)), (Instant(30), Instant(40))))
    assert [listed.next(Instant(n)) for n in (0, 15, 20, 39, 40)] == [10, 15, 30, 39, None]


def test_without_windows_it_is_always_allowed() -> None:
    assert Windows().next(Instant(5)) == 5


@given(st.integers(0, 2**51), st.integers(0, 400 * DAY))
def test_next_is_in_a_window_never_earlier_and_stays_put(now: int, more: int) -> None:
    found = OFFICE.next(Instant(now))
    assert found is not None and found >= now
    assert OFFICE.next(found) == found
    later = OFFICE.next(Instant(now + more))
    assert later is not None and later >= found
    local = datetime.fromtimestamp(found / 1_000_000, BERLIN)
    assert local.weekday() in WEEKDAYS and 8 <= local.hour < 20
    assert found - now < 4 * DAY


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=12, unique=True), st.integers(0, 1100))
def test_next_among_listed_windows_is_what_a_search_finds(edges: list[int], now: int) -> None:
    rising = [Instant(edge) for edge in sorted(edges)]
    spans = tuple(pair for n, pair in enumerate(pairwise(rising)) if n % 2 == 0)
    expected = next(
        (n for n in range(now, 1200) if any(begin <= n < end for begin, end in spans)), None
    )
    assert Windows(listed=spans).next(Instant(now)) == expected


def test_a_time_that_cant_be_is_refused_with_the_next_that_can() -> None:
    rules = Rules(OFFICE)
    now = at("2026-03-27 12:00")
    for asked, word, instead in (
        ("2026-03-27 11:59", "past", "2026-03-27 12:00"),
        ("2026-03-28 12:00", "closed", "2026-03-30 08:00"),
        ("2026-07-27 12:00", "too_far", "2026-03-27 12:00"),
    ):
        found = refusal(rules, at(asked), now)
        assert found is not None and found[0] == word
        assert possible(rules, at(asked), now) == at(instead)
    assert refusal(rules, at("2026-03-30 09:00"), now) is None
    assert said(rules, at("2026-03-30 08:00")) == "2026-03-30 08:00:00 Europe/Berlin"


def test_where_nothing_is_possible_nothing_is_offered() -> None:
    rules = Rules(Windows(listed=((Instant(0), Instant(10)),)))
    assert possible(rules, Instant(5), 20) is None


def test_the_table_is_read() -> None:
    rules = read(
        {
            "zone": "Europe/Berlin",
            "windows": [{"days": "fri-mon, wed", "from": "08:00", "to": "24:00"}],
            "ahead_days": 3,
            "late_s": 60,
            "kept_s": 0,
            "lane": 0,
        }
    )
    assert rules.windows.weekly == (Weekly(frozenset({4, 5, 6, 0, 2}), time(8), time(0)),)
    assert (rules.ahead_us, rules.late_us, rules.kept_us, rules.lane) == (3 * DAY, MINUTE, 0, 0)
    listed = read({"listed": [["2026-01-02T08:00+01:00", "2026-01-02T09:00+01:00"]]})
    [(begin, end)] = listed.windows.listed
    assert timedelta(microseconds=end - begin) == timedelta(hours=1)


@pytest.mark.parametrize(
    ("table", "path"),
    [
        ({"tries": 3}, r"callback\.tries"),
        ({"zone": "Mars/Base"}, r"callback\.zone"),
        ({"windows": "always"}, r"callback\.windows"),
        ({"windows": [{"days": "mon"}]}, r"callback\.windows\[0\]"),
        ({"windows": [{"days": "mon", "from": "9", "to": "10:00"}]}, r"windows\[0\]\.from"),
        ({"windows": [{"days": "may", "from": "09:00", "to": "10:00"}]}, r"windows\[0\]\.days"),
        ({"windows": [{"days": "mon", "from": "10:00", "to": "09:00"}]}, r"windows\[0\]\.to"),
        ({"windows": [{"days": "mon", "from": "24:00", "to": "24:00"}]}, r"windows\[0\]\.to"),
        ({"windows": [], "listed": []}, r"callback\.listed"),
        ({"listed": 5}, r"callback\.listed"),
        ({"listed": [["2026-01-02T08:00+01:00"]]}, r"listed\[0\]"),
        ({"listed": [["2026-01-02T08:00", "2026-01-02T09:00"]]}, r"listed\[0\]"),
        ({"listed": [["soon", "later"]]}, r"listed\[0\]"),
        ({"listed": [["2026-01-02T08:00Z", "2026-01-02T07:00Z"]]}, r"listed\[0\]"),
        ({"late_s": True}, r"callback\.late_s"),
        ({"lane": 2}, r"callback\.lane"),
        ({"ahead_days": 0}, r"callback\.ahead_days"),
    ],
)
def test_a_mistake_in_the_table_is_named(table: dict[str, object], path: str) -> None:
    with pytest.raises(ConfigError, match=path):
        read(table)  # type: ignore[arg-type]
