"""The plugin's table of ``CENTER.toml``.

::

    [callback]
    zone = "Europe/Berlin"
    windows = [
        { days = "mon-fri", from = "08:00", to = "20:00" },
        { days = "sat", from = "09:00", to = "14:00" },
    ]
    ahead_days = 30    # how far ahead one may be agreed
    late_s = 14400     # a scheduled one that could not begin for so long expires
    kept_s = 900       # how late a connection still keeps the promise
    lane = 1           # where a scheduled one waits

Instead of ``windows`` of the week, ``listed = [["2026-01-02T08:00+01:00", "…"], …]`` gives
instants. How often and how long somebody is called is the queue's: ``callback_tries``,
``callback_pause_us``, ``callback_ring_us``.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from cckit.core import SECOND, Canonical, ConfigError, Instant

from .policy import DAYS, Rules, Weekly, Windows

KEYS: Final = ("zone", "windows", "listed", "ahead_days", "late_s", "kept_s", "lane")
DAY_US: Final = 24 * 60 * 60 * SECOND
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")


def read(table: Mapping[str, Canonical]) -> Rules:
    """Check the table.

    :raises ConfigError: a key or value that can't be.
    """
    for key in table:
        if key not in KEYS:
            raise _wrong(key, f"use {', '.join(KEYS)}")
    if "windows" in table and "listed" in table:
        raise _wrong("listed", "give windows of the week or instants, not both")
    plain = Rules()
    return Rules(
        Windows(_zone(table), _weekly(table.get("windows", ())), _listed(table.get("listed", ()))),
        _whole(table, "ahead_days", 1, 400, DAY_US, plain.ahead_us),
        _whole(table, "late_s", 60, 604_800, SECOND, plain.late_us),
        _whole(table, "kept_s", 0, 86_400, SECOND, plain.kept_us),
        _whole(table, "lane", 0, 1, 1, plain.lane),
    )


def _zone(table: Mapping[str, Canonical]) -> tzinfo:
    name = table.get("zone", "UTC")
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(str(name))
    except (KeyError, OSError, ValueError):  # What a name that is none leads to.
        raise _wrong("zone", f"{name!r} is no zone; write one like Europe/Berlin") from None


def _whole(
    table: Mapping[str, Canonical], key: str, low: int, high: int, unit: int, plain: int
) -> int:
    value = table.get(key)
    if value is None:
        return plain
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise _wrong(key, f"give a whole number from {low} to {high}")
    return value * unit


def _weekly(rows: Any) -> tuple[Weekly, ...]:
    if not isinstance(rows, list | tuple):
        raise _wrong("windows", "give a list of tables")
    return tuple(_window(f"windows[{n}]", row) for n, row in enumerate(rows))


def _window(path: str, row: Any) -> Weekly:
    if not isinstance(row, Mapping) or set(row) != {"days", "from", "to"}:
        raise _wrong(path, 'write { days = "mon-fri", from = "08:00", to = "20:00" }')
    begin, end = _clock(f"{path}.from", row["from"]), _clock(f"{path}.to", row["to"])
    if row["from"] == "24:00" or (end != time(0) and end <= begin):
        raise _wrong(f"{path}.to", "a window begins before it ends, on one day")
    return Weekly(_days(f"{path}.days", row["days"]), begin, end)


def _clock(path: str, text: Any) -> time:
    if not isinstance(text, str) or not _CLOCK.fullmatch(text):
        raise _wrong(path, "write hours and minutes, 08:00 up to 24:00")
    return time(0) if text == "24:00" else time.fromisoformat(text)


def _days(path: str, text: Any) -> frozenset[int]:
    found: set[int] = set()
    for part in str(text).replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise _wrong(path, f"{text!r} is no days; write mon-fri, or sat,sun")
        low, high = DAYS.index(first), DAYS.index(last or first)
        found.update(day % 7 for day in range(low, high + 1 if high >= low else high + 8))
    return frozenset(found)


def _listed(rows: Any) -> tuple[tuple[Instant, Instant], ...]:
    if not isinstance(rows, list | tuple):
        raise _wrong("listed", "give a list of pairs of instants")
    found: list[tuple[Instant, Instant]] = []
    for n, row in enumerate(rows):
        path = f"listed[{n}]"
        if not isinstance(row, list | tuple) or len(row) != 2:
            raise _wrong(path, "give two instants: from, and up to")
        begin, end = (_instant(path, text) for text in row)
        if end <= begin or (found and begin < found[-1][1]):
            raise _wrong(path, "windows rise, begin before they end, and do not overlap")
        found.append((begin, end))
    return tuple(found)


def _instant(path: str, text: Any) -> Instant:
    remedy = "write an instant with its offset, 2026-01-02T08:00+01:00"
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        raise _wrong(path, remedy) from None
    if at.tzinfo is None:
        raise _wrong(path, remedy)
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return Instant(since // timedelta(microseconds=1))


def _wrong(key: str, remedy: str) -> ConfigError:
    return ConfigError(f"callback.{key}", "can't be so", remedy)
