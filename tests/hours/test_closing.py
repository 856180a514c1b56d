"""Closings in virtual time: each is said once, and nothing overrides what somebody switched."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from cckit.core import HOUR, MINUTE, Actor, ConfigApplied, Instant
from cckit.core.commands import SetMode
from cckit.core.facts import ModeChanged
from cckit.core.hours import Hours
from cckit.core.ids import QueueId
from cckit.testing import World
from cckit.testing.plugins import check_plugin
from cckit.testing.world import START
from cckit_hours.plugin import Plugin

DAY = 24 * HOUR
RINA = Actor("supervisor", "rina")
WEEK = [{"days": "mon-fri", "from": "08:00", "to": "18:00"}]
PLAIN = {"calendars": {"c": {"zone": "Europe/Berlin", "week": WEEK}}}


def world(hours: dict[str, Any] = PLAIN) -> World:
    """On Thursday 2026-01-01, 01:00 in Berlin."""
    made = World(1, plugins={"hours": Plugin()}, settings={"hours": hours})
    made.queue("help")
    return made


def clock(at: int | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at / 1e6, UTC).strftime("%d %H:%M")


def said(world: World) -> list[tuple[str, str, str, str]]:
    """When, mode, until, by whom; UTC, an hour behind Berlin."""
    return [
        (clock(envelope.recorded_at), data.mode, clock(data.until), envelope.actor.kind)
        for envelope, data in world.events((ModeChanged,))
    ]


def mode(world: World) -> str:
    return world.engine.floor.modes.of(QueueId("help"), world.now)


def on(day: int, hour: int = 0, minute: int = 0) -> Instant:
    return Instant(START + (day - 1) * DAY + hour * HOUR + minute * MINUTE)


def test_the_plugin_is_sound() -> None:
    check_plugin(Plugin)


def test_each_closing_is_said_once_and_the_middle_of_one_at_once() -> None:
    here = world()
    here.run(on(6))
    assert said(here) == [
        ("01 00:00", "closed", "01 07:00", "timer"),
        ("01 17:00", "closed", "02 07:00", "timer"),
        ("02 17:00", "closed", "05 07:00", "timer"),
        ("05 17:00", "closed", "06 07:00", "timer"),
    ]
    assert {data.why for _, data in here.events((ModeChanged,))} == {"calendar c"}


def test_a_holiday_lies_over_the_closed_time_and_ends_with_its_day() -> None:
    special = {"holidays": [{"day": "2026-01-02", "name": "Rest"}]}
    here = world({"calendars": {"c": {"zone": "Europe/Berlin", "week": WEEK, **special}}})
    seen = []
    for at in (on(1, 12), on(1, 20), on(2, 12), on(3, 12), on(5, 12)):
        here.run(at)
        seen.append(mode(here))
    assert seen == ["normal", "closed", "holiday", "closed", "normal"]


def test_a_mode_that_somebody_set_stands_and_is_not_said_again() -> None:
    here = world()
    here.do(SetMode("center", "closed", on(5, 10), "leak"), RINA, at=on(1, 10))
    here.run(on(5, 12))
    assert said(here)[1:] == [("01 10:00", "closed", "05 10:00", "supervisor")]
    here.run(on(5, 18))
    assert said(here)[-1] == ("05 17:00", "closed", "06 07:00", "timer")


def test_a_mode_without_end_stands_until_somebody_ends_it() -> None:
    here = world()
    here.do(SetMode("center", "closed", None, "moving"), RINA, at=on(1, 10))
    here.do(SetMode("center", "normal", None, "moved"), RINA, at=on(6, 10))
    here.run(on(6, 18))
    assert said(here)[1:] == [
        ("01 10:00", "closed", "", "supervisor"),
        ("06 10:00", "normal", "", "supervisor"),
        ("06 17:00", "closed", "07 07:00", "timer"),
    ]


def test_who_opens_in_a_closed_time_has_opened_until_the_next_closing() -> None:
    here = world()
    here.do(SetMode("center", "normal", None, "sale"), RINA, at=on(3, 10))
    here.run(on(5, 6))
    assert mode(here) == "normal"
    here.run(on(5, 20))
    assert said(here)[-1] == ("05 17:00", "closed", "06 07:00", "timer")


def test_a_shorter_mode_of_somebody_does_not_open_what_closes() -> None:
    here = world()
    here.do(SetMode("center", "closed", on(1, 18), "training"), RINA, at=on(1, 16))
    here.run(on(1, 20))
    assert mode(here) == "closed"
    assert said(here)[-1] == ("01 17:00", "closed", "02 07:00", "timer")


def test_an_emergency_ranks_above_and_the_calendar_goes_on_below_it() -> None:
    here = world()
    here.do(SetMode("center", "emergency", on(2, 10), "fire"), RINA, at=on(1, 10))
    here.run(on(1, 20))
    assert (mode(here), said(here)[-1][1]) == ("emergency", "closed")


def test_before_the_expansion_ends_it_goes_on_and_closings_never_stop() -> None:
    here = world()
    here.run(on(1 + 800))
    calendars = [d for _, d in here.events((ConfigApplied,)) if d.kind == "calendar"]
    assert len(calendars) == 3
    known = [Hours.unpack(one.data) for one in calendars]
    assert all(one.until > two.from_at for one, two in pairwise(known))
    assert known[0].sha256 == known[1].sha256 != ""
    ends = [data.until for _, data in here.events((ModeChanged,)) if data.until]
    assert len(ends) == len(set(ends)), "a closing was said twice"
    openings = {clock(end)[3:] for end in ends}
    assert openings == {"07:00", "06:00"}, "winter and summer of Berlin, in UTC"


@pytest.mark.parametrize("zone", ["Asia/Jerusalem", "Europe/Berlin"])
def test_no_closing_lacks_in_400_days_and_none_is_said_twice(zone: str) -> None:
    week = [{"days": "sun-sat", "from": "09:00", "to": "17:00"}]
    here = world({"calendars": {"c": {"zone": zone, "week": week}}})
    here.run(on(401))
    changes = [(e.recorded_at, d.until) for e, d in here.events((ModeChanged,))]
    assert len(changes) == 401
    assert all(a[1] < b[0] for a, b in pairwise(changes))
    lengths = {round((end - begin) / HOUR) for begin, end in changes[1:]}
    assert lengths == {15, 16, 17}, "a night is an hour shorter, or longer, once a year"
