"""From the texts of a call-record file to instants.

A zone is the TZif bytes that the shell hands in (RFC 9636), never the system's. A local
time that comes twice (clocks put back) is read by row order, else as the first, and
flagged; one that never was (clocks put forward) is refused.
"""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from cckit.core.instant import HOUR, MINUTE, SECOND, Instant
from cckit.core.reports.zone import Zone

EPOCH: Final = datetime(1970, 1, 1)
DAY: Final = 24 * HOUR

UNITS: Final = {"us": 1, "ms": 1000, "s": SECOND, "min": MINUTE, "h": HOUR}
"""Unit to microseconds."""

FIELDS: Final = {
    "Y": ("year", r"\d{4}"),
    "m": ("month", r"\d{1,2}"),
    "d": ("day", r"\d{1,2}"),
    "H": ("hour", r"\d{1,2}"),
    "M": ("minute", r"\d{1,2}"),
    "S": ("second", r"\d{1,2}"),
    "f": ("fraction", r"\d{1,6}"),
    "I": ("hour12", r"\d{1,2}"),
    "p": ("half", r"[AaPp][Mm]"),
    "z": ("offset", r"Z|[+-]\d{2}:?\d{2}"),
}
"""Directive of a format to the name and the pattern of what it reads."""

NUMBER: Final = re.compile(r"(\d{1,15})(?:\.(\d{1,9}))?", re.ASCII)


SHOWN: Final = 60
"""Characters of a cell that a reason repeats."""


def quoted(cell: str | None) -> str:
    """A cell in a reason: whole, or its beginning."""
    if cell is None or len(cell) <= SHOWN:
        return repr(cell)
    return f"{cell[:SHOWN]!r}… of {len(cell)} characters"


class Unreadable(Exception):
    """A cell that says no time; the text is the reason, in words."""


class Civil(NamedTuple):
    """What a format found: a date, a time of day, an offset from UTC."""

    day: date | None
    us_of_day: int | None
    offset_us: int | None


Format = Callable[[str], Civil]


def number_of(text: str, unit_us: int) -> int:
    """A decimal number of units as whole microseconds, rounded to nearest, half up."""
    match = NUMBER.fullmatch(text)
    if match is None:
        raise Unreadable(f"{quoted(text)} is not a number from 0 on")
    whole, part = match.group(1), match.group(2) or ""
    scale: int = 10 ** len(part)
    return (2 * int(whole + part) * unit_us + scale) // (2 * scale)


def format_of(pattern: str) -> Format:
    """A reader of ``%Y-%m-%d %H:%M:%S`` and the like.

    Directives: ``%Y %m %d %H %M %S %f %I %p %z``; any other text stands for itself.

    :raises ValueError: an unknown directive, or one that comes twice.
    """
    parts: list[str] = []
    rest = iter(pattern)
    for letter in rest:
        if letter != "%":
            parts.append(re.escape(letter))
            continue
        directive = next(rest, "")
        if directive not in FIELDS:
            raise ValueError(f"%{directive} is unknown; use %" + " %".join(FIELDS))
        name, expression = FIELDS[directive]
        parts.append(f"(?P<{name}>{expression})")
    try:
        compiled = re.compile("".join(parts), re.ASCII)
    except re.error as problem:
        raise ValueError(f"a directive comes twice: {problem}") from None

    def read(text: str) -> Civil:
        match = compiled.fullmatch(text)
        if match is None:
            raise Unreadable(f"{quoted(text)} is not of the form {pattern}")
        return _civil(match.groupdict(), text)

    return read


def _civil(found: dict[str, str], text: str) -> Civil:
    day = None
    try:
        if "year" in found:
            day = date(int(found["year"]), int(found.get("month", 1)), int(found.get("day", 1)))
    except ValueError:
        raise Unreadable(f"{quoted(text)} is no day of the calendar") from None
    us = None
    if "hour" in found or "hour12" in found:
        hour = int(found.get("hour", 0))
        if "hour12" in found:
            hour = int(found["hour12"])
            if not 1 <= hour <= 12:
                raise Unreadable(f"{quoted(text)} is no time of day")
            hour = hour % 12 + 12 * (found.get("half", "am").lower() == "pm")
        minute, second = int(found.get("minute", 0)), int(found.get("second", 0))
        if hour > 23 or minute > 59 or second > 59:
            raise Unreadable(f"{quoted(text)} is no time of day")
        us = hour * HOUR + minute * MINUTE + second * SECOND
        us += int(found.get("fraction", "0").ljust(6, "0"))
    offset = None
    if "offset" in found:
        digits = found["offset"].replace(":", "")
        size = 0 if digits == "Z" else int(digits[1:3]) * HOUR + int(digits[3:]) * MINUTE
        offset = -size if digits[0] == "-" else size
    return Civil(day, us, offset)


def instants(zone: Zone, day: date, us_of_day: int) -> tuple[Instant, ...]:
    """The instants at which the clocks of a zone show this: none, one, or two in order.

    ``us_of_day`` may pass the day's end: the rest counts on the next day.
    """
    try:
        days, us = divmod(us_of_day, DAY)
        local = datetime(day.year, day.month, day.day) + timedelta(days=days, microseconds=us)
        first = local.replace(tzinfo=zone.info)
        one, two = first.utcoffset(), first.replace(fold=1).utcoffset()
    except OverflowError:
        raise Unreadable("the calendar ends before this time") from None
    if one is None or two is None:
        raise Unreadable(f"{zone.name} says no offset for this time")
    naive = _us(local - EPOCH)
    if one == two:
        return (Instant(naive - _us(one)),)
    if one < two:
        return ()
    return Instant(naive - _us(one)), Instant(naive - _us(two))


def _us(span: timedelta) -> int:
    return (span.days * 86_400 + span.seconds) * SECOND + span.microseconds
