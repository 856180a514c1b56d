"""Bugs that are planted in hours, each caught by the rule that it breaks."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

import cckit.core.hours as core_hours
import cckit_hours.machine as machine
from cckit.core import HOUR, SECOND, Instant
from cckit.core.facts import ModeChanged
from cckit.core.hours import Calendar, resolve
from cckit.hooks import read_zone
from cckit.testing import World
from cckit.testing.world import START
from cckit_hours.plugin import Plugin
from tests.hours.test_overload import after, come, switches
from tests.hours.test_overload import world as overloaded

WEEK = [{"days": "mon-fri", "from": "08:00", "to": "18:00"}]
SUNDAY_OF_TWO_CLOCKS = 1_792_879_200 * SECOND
"""2026-10-25 in Berlin, at midnight."""


def said_once() -> None:
    """No closing is said twice."""
    table = {"calendars": {"c": {"zone": "Europe/Berlin", "week": WEEK}}}
    here = World(1, plugins={"hours": Plugin()}, settings={"hours": table})
    here.queue("help")
    here.run(Instant(START + 30 * 24 * HOUR))
    ends = [data.until for _, data in here.events((ModeChanged,))]
    assert len(ends) == 23, "the first morning, and each working day, once"
    assert all(a < b for a, b in pairwise(ends))


def closes_at_the_last() -> None:
    """Of a time that comes twice, closing takes the last."""
    zone = read_zone("Europe/Berlin", "test")
    found = resolve(
        Calendar("c", zone.name, week=(((60, 150),),) * 7), zone, SUNDAY_OF_TWO_CLOCKS, 1
    )
    opened, closed = found.closed[0][1], found.closed[1][0]
    assert closed - opened == 2 * HOUR + HOUR // 2


def holds_a_minute() -> None:
    """Overload lasts a minute at least, and the limits are apart."""
    here = overloaded()
    come(here, [1, 2, 3, 4], patience_s=20)
    here.run(after(300))
    assert switches(here) == [(4, True, "timer"), (64, False, "timer")]


def stays_between() -> None:
    """Between the limits nothing is switched."""
    here = overloaded()
    come(here, [1, 2])
    come(here, [3, 4], patience_s=100)
    here.run(after(1000))
    assert len(switches(here)) == 1


def _never_handled(track: Any, until: int, now: int) -> None:
    track.said = until
    track.handled = min(until, now)


def _first_always(real: Callable[..., int]) -> Callable[..., int]:
    return lambda zone, day, minute, *, last=False: real(zone, day, minute)


def _at_once(limits: Any, waiting: int, expected: int) -> bool:
    return bool(waiting < (limits.enter_length or 0))


PLANTED: list[tuple[str, Callable[[], None], Any, str, Any]] = [
    ("a closing is not noted as said", said_once, machine, "_said", _never_handled),
    ("the second clock is forgotten", closes_at_the_last, core_hours, "at", None),
    ("one limit for both ways", stays_between, machine, "relieved", _at_once),
    ("never relieved", holds_a_minute, machine, "relieved", lambda *_: False),
    ("never too much", holds_a_minute, machine, "too_much", lambda *_: False),
]


@pytest.mark.parametrize("check", [said_once, closes_at_the_last, holds_a_minute, stays_between])
def test_without_a_bug_each_rule_holds(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize(("bug", "check", "module", "name", "wrong"), PLANTED)
def test_a_planted_bug_is_caught(
    monkeypatch: pytest.MonkeyPatch,
    bug: str,
    check: Callable[[], None],
    module: Any,
    name: str,
    wrong: Any,
) -> None:
    real = getattr(module, name)
    monkeypatch.setattr(module, name, wrong if wrong is not None else _first_always(real))
    with pytest.raises(AssertionError):
        check()
