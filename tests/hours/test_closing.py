"""Closings in virtual time: each is said once, and nothing overrides what somebody switched."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from cckit.core import (
    CENTER,
    HOUR,
    MINUTE,
    TIMER,
    Actor,
    ClockStepped,
    ConfigApplied,
    Instant,
    RunStarted,
    Wake,
)
from cckit.core.commands import SetMode
from cckit.core.facts import ModeChanged
from cckit.core.hours import NO_HOURS, Hours, resolve
from cckit.core.ids import QueueId
from cckit.hooks import read_zone
from cckit.testing import Spec, World
from cckit.testing.plugins import check_plugin
from cckit.testing.world import START
from cckit_hours.machine import closing_machine
from cckit_hours.plugin import Plugin
from cckit_hours.policy import applied
from cckit_hours.settings import read

DAY = 24 * HOUR
RUN = RunStarted(1, "live", None, None, False, {})
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


# --- runs -----------------------------------------------------------------------------------


def spec_of(week: list[dict[str, str]], at: Instant) -> ConfigApplied:
    settings = read({"calendars": {"c": {"zone": "UTC", "week": week}}}, read_zone)
    return applied("c", resolve(*settings.calendars["c"], at, 30))


def closing(*facts: Any, at: Instant, before: Spec | None = None) -> Spec:
    begun = before or Spec(closing_machine({}), CENTER, actor=TIMER)
    return begun.given(*facts, at=at)


def due(spec: Spec) -> str:
    return clock(closing_machine({}).due(spec.state()))  # type: ignore[misc]


LATE = [{"days": "mon-fri", "from": "08:00", "to": "20:00"}]
EARLY = [{"days": "mon-fri", "from": "06:00", "to": "18:00"}]


def test_a_log_that_is_opened_in_the_midst_of_a_closed_time_says_so_once() -> None:
    night = on(1, 22)
    opened = closing(RUN, spec_of(WEEK, night), at=night)
    assert due(opened) == "01 18:00"
    wake = Wake(CENTER, on(1, 18))
    said_so = ModeChanged("center", "closed", on(2, 8), "calendar c")
    opened.when(wake, at=night).then(said_so)
    again = closing(said_so, RUN, spec_of(WEEK, night), at=on(1, 23), before=opened)
    assert due(again) == "02 18:00"


def test_a_closing_that_passed_while_the_center_was_down_is_not_said() -> None:
    begun = closing(RUN, spec_of(WEEK, on(1, 12)), at=on(1, 12))
    assert due(closing(RUN, at=on(2, 12), before=begun)) == "02 18:00"


@pytest.mark.parametrize(
    ("week", "now", "until"),
    [(LATE, on(1, 19), on(1, 19)), (EARLY, on(1, 19), on(2, 6))],
)
def test_a_calendar_that_changed_corrects_what_was_said(
    week: list[dict[str, str]], now: Instant, until: Instant
) -> None:
    said_so = ModeChanged("center", "closed", on(2, 8), "calendar c")
    begun = closing(RUN, spec_of(WEEK, on(1, 12)), at=on(1, 12))
    closed = closing(said_so, at=on(1, 18), before=begun)
    changed = closing(RUN, spec_of(week, now), at=now, before=closed)
    corrected = ModeChanged("center", "closed", until, "calendar c")
    changed.when(Wake(CENTER, now), at=now).then(corrected)
    after = closing(corrected, at=now, before=changed)
    assert due(after) == ("01 20:00" if week is LATE else "02 18:00")


def test_who_opened_by_hand_is_not_overruled_by_a_restart() -> None:
    said_so = ModeChanged("center", "closed", on(2, 8), "calendar c")
    begun = closing(RUN, spec_of(WEEK, on(1, 12)), at=on(1, 12))
    closed = closing(said_so, at=on(1, 18), before=begun)
    opened = closing(ModeChanged("center", "normal", None, "sale"), at=on(1, 19), before=closed)
    restarted = closing(RUN, spec_of(WEEK, on(1, 20)), at=on(1, 20), before=opened)
    assert due(restarted) == "02 18:00"


def test_a_clock_that_goes_back_arms_another_timer_for_the_same_civil_time() -> None:
    begun = closing(RUN, spec_of(WEEK, on(1, 12)), at=on(1, 12))
    stepped = closing(RUN, ClockStepped(on(1, 12), on(1, 9)), at=on(1, 9), before=begun)
    asked = closing_machine({}).due
    assert asked is not None
    assert asked(stepped.state()) == on(1, 18) + 1 != asked(begun.state())
    said_so = ModeChanged("center", "closed", on(2, 8), "calendar c")
    stepped.when(Wake(CENTER, on(1, 18) + 1), at=on(1, 18)).then(said_so)


def test_a_calendar_that_was_taken_away_opens_what_it_closed() -> None:
    said_so = ModeChanged("center", "closed", on(2, 8), "calendar c")
    begun = closing(RUN, spec_of(WEEK, on(1, 12)), at=on(1, 12))
    closed = closing(said_so, at=on(1, 18), before=begun)
    gone = closing(RUN, applied("c", NO_HOURS), at=on(1, 19), before=closed)
    ends = ModeChanged("center", "closed", on(1, 19), "calendar c")
    gone.when(Wake(CENTER, on(1, 19)), at=on(1, 19)).then(ends)
    assert due(closing(ends, at=on(1, 19), before=gone)) == ""
