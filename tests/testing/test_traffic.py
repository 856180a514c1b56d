from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cckit.core.errors import ConfigError
from cckit.core.instant import HOUR, SECOND, Instant
from cckit.testing import Exponential, Fixed, Lognormal, Rate, read_traffic
from cckit.testing.civil import from_datetime, read_zone
from cckit.testing.draws import NEVER, stream
from cckit.testing.traffic import poisson

WHOLE = """
start = 2026-03-02T08:00:00
zone = "Asia/Jerusalem"
hours = 10
patience = { kind = "exponential", mean_s = 180 }

[[arrivals]]
queue = "service"
rates = [["08:00", 60], ["10:30", 140], ["16:00", 0]]
handling = { kind = "lognormal", mean_s = 200, sd_s = 170 }
need = "(he >= 2)"
priority = 3

[[arrivals]]
queue = "sales"
per_hour = 12.5
patience = { kind = "endless" }
handling = { kind = "fixed", s = 90.5 }
wrapup_permille = 100
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "day.toml"
    path.write_text(text, encoding="utf-8")
    return path


def at(text: str) -> int:
    return from_datetime(datetime.fromisoformat(text))


def test_a_file_becomes_processes(tmp_path: Path) -> None:
    traffic = read_traffic(write(tmp_path, WHOLE))
    service, sales = traffic.processes
    assert (traffic.start, traffic.end) == (
        at("2026-03-02T06:00:00+00:00"),
        at("2026-03-02T16:00:00+00:00"),
    )
    assert service.rates == (
        Rate(traffic.start, at("2026-03-02T08:30:00+00:00"), 60.0),
        Rate(at("2026-03-02T08:30:00+00:00"), at("2026-03-02T14:00:00+00:00"), 140.0),
        Rate(at("2026-03-02T14:00:00+00:00"), traffic.end, 0.0),
    )
    assert (service.patience, service.handling) == (
        Exponential(180 * SECOND),
        Lognormal(200 * SECOND, 170 * SECOND),
    )
    assert (service.need, service.priority) == ("he >= 2", 3)
    assert (sales.patience, sales.handling) == (NEVER, Fixed(90_500_000))
    assert sales.rates == (Rate(traffic.start, traffic.end, 12.5),)
    assert traffic.queues == ("sales", "service")
    assert traffic.source.startswith("day.toml sha256 ")


def test_customers_come_by_time_and_more_patience_does_not_shift_them(tmp_path: Path) -> None:
    traffic = read_traffic(write(tmp_path, WHOLE))
    customers = list(traffic.arrivals(5))
    assert [one.at for one in customers] == sorted(one.at for one in customers)
    assert customers == list(traffic.arrivals(5))
    assert customers != list(traffic.arrivals(6))
    patient = read_traffic(write(tmp_path, WHOLE.replace("mean_s = 180", "mean_s = 360")))
    others = list(patient.arrivals(5))
    assert [(one.at, one.handling_us) for one in customers] == [
        (one.at, one.handling_us) for one in others
    ]
    sales = [one for one in customers if one.queue == "sales"]
    assert {(one.handling_us, one.wrapup_us) for one in sales} == {(81_450_000, 9_050_000)}


def test_rates_follow_civil_time_over_a_change_of_the_clocks(tmp_path: Path) -> None:
    text = """
start = 2026-03-26T22:00:00
zone = "Asia/Jerusalem"
hours = 6
[[arrivals]]
queue = "night"
rates = [["01:00", 5], ["03:00", 7]]
handling = { kind = "fixed", s = 1 }
"""
    traffic = read_traffic(write(tmp_path, text))  # On the 27th 02:00 becomes 03:00.
    assert traffic.processes[0].rates == (
        Rate(at("2026-03-26T20:00:00+00:00"), at("2026-03-26T23:00:00+00:00"), 7.0),
        Rate(at("2026-03-26T23:00:00+00:00"), at("2026-03-27T00:00:00+00:00"), 5.0),
        Rate(at("2026-03-27T00:00:00+00:00"), at("2026-03-27T02:00:00+00:00"), 7.0),
    )


def test_a_poisson_process_has_its_rate_in_each_piece() -> None:
    pieces = (Rate(0, 100 * HOUR, 100.0), Rate(100 * HOUR, 200 * HOUR, 10.0))
    found = list(poisson(pieces, stream(1, "rate")))
    early = sum(one < 100 * HOUR for one in found)
    assert abs(early - 10_000) < 300
    assert abs(len(found) - early - 1_000) < 100
    assert all(0 < one < 200 * HOUR for one in found)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("hours = 10", "hours = -1", "day.toml: hours: -1 is not a number from 0 to 10000"),
        ("hours = 10", 'hours = "ten"', "day.toml: hours: 'ten' is not a number"),
        ("hours = 10", "", "day.toml: hours: is missing"),
        ("hours = 10", "hours = nan", "day.toml: hours: nan is not a number"),
        ('"Asia/Jerusalem"', '"Asia/../x"', "day.toml: zone: no zone 'Asia/../x'"),
        ("2026-03-02T08:00:00", '"soon"', "day.toml: start: 'soon' is no civil date and time"),
        ("2026-03-02T08:00:00", "2026-03-02T08:00:00Z", "no civil date and time"),
        ("priority = 3", "urgency = 3", "day.toml: arrivals[0].urgency: no such key 'urgency'"),
        ("priority = 3", "priority = true", "arrivals[0].priority: True is not a whole number"),
        ("per_hour = 12.5", "per_hour = 1e30", "arrivals[1].per_hour: 1e+30 is not a number"),
        ("per_hour = 12.5", "", "arrivals[1].rates: give one of rates and per_hour"),
        ('["10:30", 140]', '["25:30", 140]', "arrivals[0].rates[1]: '25:30' is no time of day"),
        ('["10:30", 140]', '["10:30"]', "arrivals[0].rates[1]: ['10:30'] is not a time and a rate"),
        ('["10:30", 140]', '["08:00", 140]', "arrivals[0].rates: times do not rise"),
        ('"lognormal", ', '"gamma", ', "arrivals[0].handling.kind: 'gamma' is no distribution"),
        ("sd_s = 170", "sd = 170", "arrivals[0].handling.sd: no such key 'sd'"),
        ("mean_s = 200", "mean_s = 0", "arrivals[0].handling.mean_s: 0 is not a number from 0.001"),
        ("s = 90.5", "s = -3", "arrivals[1].handling.s: -3 is not a number"),
        ('kind = "fixed", s = 90.5', 'kind = "endless"', "arrivals[1].handling: 'endless'"),
        ('"(he >= 2)"', '"he >= 9"', "arrivals[0].need: need: the level of 'he' is '9'"),
        ('queue = "sales"', "queue = 7", "arrivals[1].queue: 7 is not a name"),
        ("start =", "start :", "day.toml: not TOML"),
    ],
)
def test_bad_traffic_is_named_by_file_key_and_value(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in WHOLE
    with pytest.raises(ConfigError) as caught:
        read_traffic(write(tmp_path, WHOLE.replace(old, new, 1)))
    assert message in str(caught.value)
    assert caught.value.remedy


def test_a_file_that_is_not_utf_8_or_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes(b'zone = "\xe9"')
    with pytest.raises(ConfigError, match=r"latin\.toml: byte 8 is not UTF-8"):
        read_traffic(path)
    with pytest.raises(ConfigError, match=r"gone\.toml: can't be read"):
        read_traffic(tmp_path / "gone.toml")


def test_zones_come_from_the_package_and_nowhere_else() -> None:
    assert read_zone("UTC", "here").utcoffset(datetime(2026, 1, 1)) == ZoneInfo("UTC").utcoffset(
        datetime(2026, 1, 1)
    )
    for name in ("/etc/localtime", "..", "", "Asia", "zone.tab", "Asia/Jerusalem/x"):
        with pytest.raises(ConfigError, match="no zone"):
            read_zone(name, "here")


def test_an_instant_is_whole_microseconds() -> None:
    assert at("1970-01-01T00:00:00.000001+00:00") == Instant(1)
    assert at("1969-12-31T23:59:59.999999+00:00") == Instant(-1)
