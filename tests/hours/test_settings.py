"""The table of hours: what contradicts itself is refused, and the refusal says where and what."""

import tomllib
from typing import Any

import pytest

from cckit.core import SECOND, ConfigError
from cckit.core.hours import SpecialDay
from cckit.hooks import Relay, read_zone
from cckit.shell.config import Config
from cckit.shell.plugins import instantiate, load
from cckit_hours.plugin import Plugin
from cckit_hours.policy import Overload
from cckit_hours.settings import Settings, check_queues, read

WEEK = 'week = [{ days = "mon-fri", from = "08:00", to = "18:00" }]'


def settings(text: str) -> Settings:
    return read(tomllib.loads(text), read_zone)


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as raised:
        settings(text)
    return str(raised.value)


def test_a_calendar_is_read() -> None:
    found = settings(
        """
        zone = "Europe/Berlin"

        [calendars.sales]
        scopes = ["queue/sales"]
        week = [
            { days = "mon-thu,sat", from = "08:00", to = "12:00" },
            { days = "mon", from = "13:00", to = "24:00" },
        ]
        holidays = [{ from = "2026-12-25", to = "2026-12-26", name = "Christmas" }]
        special = [
            { day = "2026-12-24", from = "10:00", to = "11:00" },
            { day = "2026-12-24", from = "12:00", to = "13:00" },
            { day = "2026-12-31", closed = true },
        ]
        """
    )
    calendar, zone = found.calendars["sales"]
    assert zone.name == "Europe/Berlin"
    assert calendar.week[0] == ((480, 720), (780, 1440))
    assert [len(one) for one in calendar.week] == [2, 1, 1, 1, 0, 1, 0]
    assert calendar.days == {
        "2026-12-25": SpecialDay((), True, "Christmas"),
        "2026-12-26": SpecialDay((), True, "Christmas"),
        "2026-12-24": SpecialDay(((600, 660), (720, 780))),
        "2026-12-31": SpecialDay(),
    }


@pytest.mark.parametrize(
    ("table", "where", "said"),
    [
        (
            'week = [{ days = "mon-fri", from = "08:00", to = "18:00" },'
            ' { days = "fri", from = "17:00", to = "20:00" }]',
            "week[1]",
            "17:00-20:00 overlaps 08:00-18:00 on fri",
        ),
        ('week = [{ days = "mon", from = "18:00", to = "08:00" }]', "week[0].to", "'08:00'"),
        ('week = [{ days = "mon", from = "22:00", to = "22:00" }]', "week[0].to", "over midnight"),
        ('week = [{ days = "mon", from = "8", to = "9" }]', "week[0].from", "'8' can't be"),
        ('week = [{ days = "mon-xyz", from = "08:00", to = "9:00" }]', "week[0]", "can't be"),
        (
            'week = [{ days = "mon-wed,tue", from = "08:00", to = "09:00" }]',
            "days",
            "each day once",
        ),
        ('week = [{ days = "mon" }]', "week[0]", "write {"),
        ('holidays = [{ day = "2026-12-25" }, { day = "2026-12-25" }]', "holidays[1]", "twice"),
        (
            'holidays = [{ day = "2026-12-25", name = "Christmas" }]\n'
            'special = [{ day = "2026-12-25", from = "08:00", to = "12:00" }]',
            "special[0]",
            "2026-12-25 is a holiday, Christmas",
        ),
        (
            'special = [{ day = "2026-12-24", from = "08:00", to = "12:00" },'
            ' { day = "2026-12-24", from = "11:00", to = "13:00" }]',
            "special[1]",
            "overlaps",
        ),
        (
            'special = [{ day = "2026-12-24", closed = true },'
            ' { day = "2026-12-24", from = "11:00", to = "13:00" }]',
            "special[1]",
            "closed already",
        ),
        ('holidays = [{ day = "25.12.2026" }]', "holidays[0].day", "2026-12-25"),
        ('holidays = [{ day = "2026-02-30" }]', "holidays[0].day", "2026-12-25"),
        ('holidays = [{ from = "2026-02-03", to = "2026-02-01" }]', "holidays[0].to", "after"),
        ('holidays = [{ from = "2026-02-03" }]', "holidays[0].to", "last day"),
        ('zone = "Europe/Atlantis"', "zone", "there is no zone 'Europe/Atlantis'"),
        ('scopes = ["sales"]', "scopes[0]", "'sales' can't be"),
        ("scopes = []", "scopes", "at least one"),
        ('opening = "8"', "opening", "use zone, scopes"),
    ],
)
def test_a_calendar_that_contradicts_itself_is_refused(table: str, where: str, said: str) -> None:
    message = refused(f"[calendars.c]\n{table}")
    assert f"hours.calendars.c.{where}" in message or where in message
    assert said in message


def test_two_calendars_of_one_queue_are_refused() -> None:
    message = refused('[calendars.a]\nscopes = ["queue/x"]\n[calendars.b]\nscopes = ["queue/x"]')
    assert "hours.calendars.b.scopes" in message
    assert "'queue/x' is in the calendar 'a' already" in message


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("[modes.lunch]", "modes.lunch", "no mode 'lunch'"),
        ('[modes.closed]\nadmission = "maybe"', "modes.closed", "'maybe'"),
        ('[modes.closed]\nwaiting = "go"', "modes.closed.waiting", "use stay"),
        ('[modes.overload]\nwaiting = "callback"', "modes.overload.message", "announcement"),
        ('[modes."closed a"]\nwaiting = "overflow a"', "waiting", "another queue"),
        (
            '[modes."closed a"]\nadmission = "overflow b"\n'
            '[modes."closed b"]\nadmission = "overflow a"',
            "hours.modes",
            "come back: b > a > b",
        ),
        (
            '[modes.closed]\nwaiting = "overflow b"\n[modes.overload]\nwaiting = "overflow a"\n'
            'message = "m"',
            "hours.modes",
            "come back: b > a > b",
        ),
        ("[overload.a]", "overload.a", "enter_length"),
        ("[overload.a]\nenter_length = 5", "leave_length", "give enter_length and leave_length"),
        ("[overload.a]\nenter_length = 5\nleave_length = 5", "leave_length", "below enter_length"),
        (
            "[overload.a]\nenter_length = 5\nleave_length = 1\nat_least_s = 5",
            "at_least_s",
            "from 60",
        ),
        ("[overload.a]\nenter_length = true\nleave_length = 1", "enter_length", "whole number"),
        ("days = 3", "hours.days", "use zone, calendars"),
    ],
)
def test_what_no_mode_or_limit_can_be_is_refused(text: str, where: str, said: str) -> None:
    message = refused(text)
    assert where in message
    assert said in message


def test_limits_are_read() -> None:
    text = (
        "[overload.a]\nenter_length = 40\nleave_length = 20\nenter_wait_s = 600\nleave_wait_s = 60"
    )
    found = settings(text).overload["a"]
    assert found == Overload(40, 20, 600 * SECOND, 60 * SECOND, 60 * SECOND)


QUEUES = """
[center]
plugins = ["hours"]
[queues.sales]
"""


@pytest.mark.parametrize(
    ("table", "where"),
    [
        ('[hours.calendars.c]\nscopes = ["queue/sale"]', "hours.calendars.c.scopes[0]"),
        ("[hours.overload.sale]\nenter_length = 2\nleave_length = 1", "hours.overload.sale"),
        ('[hours.modes.closed]\nadmission = "overflow sale"', "hours.modes.closed.admission"),
        ('[hours.modes."closed sale"]', "hours.modes.closed sale"),
    ],
)
def test_a_queue_that_there_is_not_is_refused_with_file_key_and_value(
    table: str, where: str
) -> None:
    config = Config.parse(QUEUES + table, "shop/CENTER.toml")
    plugins: dict[str, Any] = instantiate(config, {"hours": Plugin()})
    with pytest.raises(ConfigError) as raised:
        load(config, plugins, Relay(plugins, lambda: 0))
    message = str(raised.value)
    assert message.startswith(f"shop/CENTER.toml: {where}: 'sale' can't be")
    assert "name one of sales" in message


def test_queues_that_there_are_may_be_named() -> None:
    check_queues({"hours.overload.sales": "sales"}, ["sales"])
