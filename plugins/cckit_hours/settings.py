"""The plugin's table of ``CENTER.toml``.

::

    [hours]
    zone = "Europe/Berlin"                 # of calendars that name none; default UTC

    [hours.calendars.sales]
    zone = "Asia/Jerusalem"
    scopes = ["queue/sales", "queue/orders"]       # default ["center"]
    week = [
        { days = "sun-thu", from = "08:00", to = "20:00" },
        { days = "fri", from = "08:00", to = "13:00" },
    ]
    holidays = [{ day = "2026-04-02", name = "Pesach" }]
    special = [{ day = "2026-04-01", from = "08:00", to = "12:00", name = "Erev Pesach" }]

    [hours.modes.closed]                   # or "closed sales", for one queue
    admission = "deflect"                  # accept, callback_only, deflect, blocked, overflow QUEUE
    lane = 2                               # from which lane on people come in all the same
    message = "we-are-closed"
    waiting = "stay"                       # who waits then: stay, deflect, callback, overflow QUEUE

    [hours.overload.sales]                 # a queue
    enter_length = 40
    leave_length = 20
    enter_wait_s = 900
    leave_wait_s = 300
    at_least_s = 60

A day ``closed = true`` among ``special`` has no hours and is no holiday. ``from``/``to`` of a
holiday are the dates of several days, ``day`` is one.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

import attrs

from cckit.core import CENTER, SECOND, Canonical, ConfigError
from cckit.core.hours import DAYS, Calendar, Minutes, SpecialDay
from cckit.core.mode import DEFAULTS, ModeSettings, wrong_mode
from cckit.core.reports import Zone
from cckit.core.settings import overflow_of

from .policy import CALLBACK, STAY, WAITING, Overload, comes_back

KEYS: Final = ("zone", "calendars", "modes", "overload")
CALENDAR: Final = ("zone", "scopes", "week", "holidays", "special")
MODE: Final = ("admission", "lane", "message", "waiting")
OVERLOAD: Final = ("enter_length", "leave_length", "enter_wait_s", "leave_wait_s", "at_least_s")
HOLIDAY_DAYS_MAX: Final = 400
HOUR_S: Final = 3600
LENGTH_MAX: Final = 1_000_000
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
_DAY: Final = 'write a day as "2026-12-25"'
_WEEKLY: Final = '{ days = "mon-fri", from = "08:00", to = "20:00" }'

ReadZone = Callable[[str, str], Zone]
"""(name, where it is named) to the zone; raises ConfigError if there is none."""


@attrs.frozen(slots=True)
class Settings:
    """What the table says."""

    calendars: Mapping[str, tuple[Calendar, Zone]] = attrs.field(factory=dict)
    modes: Mapping[str, ModeSettings] = attrs.field(factory=dict)
    """By mode, or mode and queue."""
    waiting: Mapping[str, str] = attrs.field(factory=dict)
    """The same, to what becomes of those who wait."""
    overload: Mapping[str, Overload] = attrs.field(factory=dict)
    """By queue."""
    named: Mapping[str, str] = attrs.field(factory=dict)
    """Where in the table a queue is named, to that queue."""


def read(table: Mapping[str, Canonical], read_zone: ReadZone) -> Settings:
    """Check the table.

    :raises ConfigError: a key or value that can't be, or calendars that contradict each other.
    """
    _only(table, KEYS, "hours")
    plain = _text(table.get("zone", "UTC"), "hours.zone")
    calendars: dict[str, tuple[Calendar, Zone]] = {}
    named: dict[str, str] = {}
    for name, given in _table(table.get("calendars", {}), "hours.calendars").items():
        path = f"hours.calendars.{name}"
        calendar = _calendar(name, _table(given, path), path, plain, named)
        calendars[name] = (calendar, read_zone(calendar.zone, f"{path}.zone"))
    _check_apart(calendars)
    modes: dict[str, ModeSettings] = {}
    waiting: dict[str, str] = {}
    for name, given in _table(table.get("modes", {}), "hours.modes").items():
        modes[name], waiting[name] = _mode(name, given, f"hours.modes.{name}", named)
    admission = {name: mode.admission for name, mode in modes.items()}
    for key, rules in (("admission", admission), ("waiting", waiting)):
        way = comes_back({name: overflow_of(rule) for name, rule in rules.items()})
        if way:
            what = f"who overflows by {key} would come back: {' > '.join(way)}"
            raise ConfigError("hours.modes", what, "let one of them send to none of the others")
    overload = {
        name: _overload(given, f"hours.overload.{name}")
        for name, given in _table(table.get("overload", {}), "hours.overload").items()
    }
    named.update({f"hours.overload.{name}": name for name in overload})
    return Settings(calendars, modes, waiting, overload, named)


def check_queues(named: Mapping[str, str], queues: Sequence[str]) -> None:
    """Hold the table to the queues that there are.

    :raises ConfigError: one that there is not.
    """
    for path, queue in named.items():
        if queue not in queues:
            remedy = f"there is no such queue; name one of {', '.join(sorted(queues))}"
            raise _wrong(path, queue, remedy)


def _check_apart(calendars: Mapping[str, tuple[Calendar, Zone]]) -> None:
    """:raises ConfigError: two calendars speak of the same."""
    taken: dict[str, str] = {}
    for name, (calendar, _) in calendars.items():
        for scope in calendar.scopes:
            if scope in taken:
                what = f"{scope!r} is in the calendar {taken[scope]!r} already"
                remedy = "let one calendar speak of it"
                raise ConfigError(f"hours.calendars.{name}.scopes", what, remedy)
            taken[scope] = name


# --- one calendar ---------------------------------------------------------------------------


def _calendar(
    name: str, table: Mapping[str, Any], path: str, plain: str, named: dict[str, str]
) -> Calendar:
    _only(table, CALENDAR, path)
    scopes = _rows(table.get("scopes", (CENTER,)), f"{path}.scopes")
    for n, scope in enumerate(scopes):
        _scope(scope, f"{path}.scopes[{n}]", named)
    if len(set(scopes)) < len(scopes) or not scopes:
        raise _wrong(f"{path}.scopes", list(scopes), "name each once, and at least one")
    week: list[list[Minutes]] = [[] for _ in DAYS]
    for n, row in enumerate(_rows(table.get("week", ()), f"{path}.week")):
        where = f"{path}.week[{n}]"
        _exactly(row, ("days", "from", "to"), where, _WEEKLY)
        hours = _hours(row, where)
        for day in _weekdays(row["days"], f"{where}.days"):
            _add(week[day], hours, where, DAYS[day])
    days: dict[str, SpecialDay] = {}
    for n, row in enumerate(_rows(table.get("holidays", ()), f"{path}.holidays")):
        _holiday(days, row, f"{path}.holidays[{n}]")
    for n, row in enumerate(_rows(table.get("special", ()), f"{path}.special")):
        _special(days, row, f"{path}.special[{n}]")
    zone = _text(table.get("zone", plain), f"{path}.zone")
    return Calendar(name, zone, tuple(scopes), tuple(tuple(sorted(one)) for one in week), days)


def _holiday(days: dict[str, SpecialDay], row: Any, path: str) -> None:
    table = _table(row, path)
    _only(table, ("day", "from", "to", "name"), path)
    if ("day" in table) is ("from" in table or "to" in table):
        raise _wrong(path, dict(table), "give day, or from and to")
    first = _day(
        table.get("day", table.get("from")), f"{path}.{'day' if 'day' in table else 'from'}"
    )
    last = _day(table["to"], f"{path}.to") if "day" not in table and "to" in table else first
    if "from" in table and "to" not in table:
        raise _wrong(f"{path}.to", None, "name the last day too")
    count = (last - first).days + 1
    if not 1 <= count <= HOLIDAY_DAYS_MAX:
        raise _wrong(
            f"{path}.to",
            table["to"],
            f"end it on or after its first day, within {HOLIDAY_DAYS_MAX}",
        )
    name = _text(table.get("name", ""), f"{path}.name")
    for n in range(count):
        text = (first + timedelta(days=n)).isoformat()
        if text in days:
            what = f"{text} stands twice"
            raise ConfigError(path, what, "name each holiday once; other hours go to special")
        days[text] = SpecialDay((), True, name)


def _special(days: dict[str, SpecialDay], row: Any, path: str) -> None:
    table = _table(row, path)
    _only(table, ("day", "from", "to", "closed", "name"), path)
    text = _day(table.get("day"), f"{path}.day").isoformat()
    name = _text(table.get("name", ""), f"{path}.name")
    before = days.get(text)
    if before is not None and before.holiday:
        what = f"{text} is a holiday, {before.name or 'without a name'}, and has other hours here"
        raise ConfigError(path, what, "keep one of the two")
    closed = table.get("closed", False)
    if closed is not True and closed is not False:
        raise _wrong(f"{path}.closed", closed, "write closed = true, or hours")
    if closed:
        if "from" in table or "to" in table or before is not None:
            raise _wrong(path, dict(table), "a day is closed, or has hours")
        days[text] = SpecialDay((), False, name)
        return
    _exactly(
        {key: table[key] for key in table if key != "name"},
        ("day", "from", "to"),
        path,
        "day, from and to",
    )
    if before is not None and not before.open:
        raise _wrong(path, dict(table), f"{text} is closed already: a day is closed, or has hours")
    hours = list(before.open) if before is not None else []
    _add(hours, _hours(table, path), path, text)
    days[text] = SpecialDay(tuple(sorted(hours)), False, name or (before.name if before else ""))


def _add(hours: list[Minutes], more: Minutes, path: str, day: str) -> None:
    for begin, end in hours:
        if more[0] < end and begin < more[1]:
            what = f"{_said(more)} overlaps {_said((begin, end))} on {day}"
            raise ConfigError(path, what, "make one interval of them, or move one")
    hours.append(more)


def _hours(row: Mapping[str, Any], path: str) -> Minutes:
    begin, end = _clock(row["from"], f"{path}.from"), _clock(row["to"], f"{path}.to")
    if begin >= end:
        remedy = "end after the beginning, at 24:00 at the latest; over midnight give two intervals"
        raise _wrong(f"{path}.to", row["to"], remedy)
    return begin, end


def _said(minutes: Minutes) -> str:
    return "-".join(f"{one // 60:02}:{one % 60:02}" for one in minutes)


def _clock(text: Any, path: str) -> int:
    if not isinstance(text, str) or not _CLOCK.fullmatch(text):
        raise _wrong(path, text, "write hours and minutes, 08:00 up to 24:00")
    return int(text[:2]) * 60 + int(text[3:])


def _weekdays(text: Any, path: str) -> tuple[int, ...]:
    found: set[int] = set()
    for part in str(text).replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise _wrong(path, text, "write mon-fri, or sat,sun")
        low, high = DAYS.index(first), DAYS.index(last or first)
        named = {day % 7 for day in range(low, high + 1 if high >= low else high + 8)}
        if named & found:
            raise _wrong(path, text, "name each day once")
        found |= named
    return tuple(sorted(found))


def _day(text: Any, path: str) -> date:
    try:
        return date.fromisoformat(text) if isinstance(text, str) and len(text) == 10 else _no_day()
    except ValueError:
        raise _wrong(path, text, _DAY) from None


def _no_day() -> date:
    raise ValueError


# --- modes and overload ---------------------------------------------------------------------


def _mode(name: str, given: Any, path: str, named: dict[str, str]) -> tuple[ModeSettings, str]:
    table = _table(given, path)
    _only(table, MODE, path)
    mode, _, queue = name.partition(" ")
    if queue:
        named[path] = queue
    plain = DEFAULTS.get(mode, ModeSettings())
    keys = ("admission", "lane", "message")
    settings = attrs.evolve(plain, **{key: table[key] for key in keys if key in table})
    wrong = wrong_mode(name, settings.pack())
    if wrong is not None:
        raise ConfigError(path, wrong, "see the settings of modes")
    waiting = _text(table.get("waiting", STAY), f"{path}.waiting")
    for rule, key in ((settings.admission, "admission"), (waiting, "waiting")):
        target = overflow_of(rule)
        if target is not None:
            named[f"{path}.{key}"] = target
            if target == queue:
                raise _wrong(f"{path}.{key}", rule, "overflow to another queue")
    if waiting not in WAITING and overflow_of(waiting) is None:
        raise _wrong(f"{path}.waiting", waiting, f"use {', '.join(WAITING)} or 'overflow QUEUE'")
    if waiting == CALLBACK and not settings.message:
        raise _wrong(f"{path}.message", "", "name the announcement that offers the callback")
    return settings, waiting


def _overload(given: Any, path: str) -> Overload:
    table = _table(given, path)
    _only(table, OVERLOAD, path)
    found = {
        key: _whole(table, key, 1 if key != "leave_length" else 0, most, path)
        for key, most in (
            ("enter_length", LENGTH_MAX),
            ("leave_length", LENGTH_MAX),
            ("enter_wait_s", 24 * HOUR_S),
            ("leave_wait_s", 24 * HOUR_S),
        )
    }
    at_least = 60 if "at_least_s" not in table else _whole(table, "at_least_s", 60, HOUR_S, path)
    for enter, leave in (("enter_length", "leave_length"), ("enter_wait_s", "leave_wait_s")):
        low, high = found[leave], found[enter]
        if (low is None) is not (high is None):
            raise _wrong(
                f"{path}.{leave if low is None else enter}", None, f"give {enter} and {leave}"
            )
        if low is not None and high is not None and low >= high:
            remedy = f"leave below {enter}, {high}: the gap keeps it from going to and fro"
            raise _wrong(f"{path}.{leave}", low, remedy)
    if found["enter_length"] is None and found["enter_wait_s"] is None:
        raise _wrong(path, dict(table), "give enter_length and leave_length, or waits, or both")
    return Overload(
        found["enter_length"],
        found["leave_length"],
        _us(found["enter_wait_s"]),
        _us(found["leave_wait_s"]),
        (at_least or 60) * SECOND,
    )


def _us(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * SECOND


def _whole(table: Mapping[str, Any], key: str, low: int, high: int, path: str) -> int | None:
    value = table.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise _wrong(f"{path}.{key}", value, f"give a whole number from {low} to {high}")
    return value


# --- kinds of values ------------------------------------------------------------------------


def _scope(scope: Any, path: str, named: dict[str, str]) -> None:
    word, _, queue = scope.partition("/") if isinstance(scope, str) else ("", "", "")
    if scope != CENTER and (word != "queue" or not queue):
        raise _wrong(path, scope, "write center, or queue/ID")
    if queue:
        named[path] = queue


def _table(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(path, value, "make it a table")
    return value


def _rows(value: Any, path: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise _wrong(path, value, "give a list")
    return tuple(value)


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise _wrong(path, value, "give text")
    return value


def _only(table: Mapping[str, Any], keys: Sequence[str], path: str) -> None:
    for key in table:
        if key not in keys:
            raise _wrong(f"{path}.{key}", table[key], f"use {', '.join(keys)}")


def _exactly(row: Any, keys: Sequence[str], path: str, example: str) -> None:
    if not isinstance(row, Mapping) or set(row) != set(keys):
        raise _wrong(path, dict(row) if isinstance(row, Mapping) else row, f"write {example}")


def _wrong(path: str, value: Any, remedy: str) -> ConfigError:
    return ConfigError(path, f"{value!r} can't be", remedy)
