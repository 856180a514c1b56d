"""How a value is printed for people. Exact values stand in the JSON form."""

from typing import Any, Final

from cckit.core.instant import SECOND
from cckit.core.reports.arithmetic import divide
from cckit.core.reports.report import Column
from cckit.core.reports.zone import Zone

from .catalog import Language

MISSING: Final = "–"
"""Null, where nothing says why."""


def percent(ppm: int) -> str:
    """Parts per million as percent with two decimals: 811321 is ``81.13 %``."""
    hundredths = abs(divide(ppm, 100))
    sign = "-" if ppm < 0 and hundredths else ""
    return f"{sign}{hundredths // 100}.{hundredths % 100:02} %"


def duration(us: int) -> str:
    """Microseconds as ``m:ss`` or ``h:mm:ss``, rounded to a second, half away from zero."""
    seconds = abs(divide(us, SECOND))
    sign = "-" if us < 0 and seconds else ""
    hours, rest = divmod(seconds, 3600)
    if hours:
        return f"{sign}{hours}:{rest // 60:02}:{rest % 60:02}"
    return f"{sign}{rest // 60}:{rest % 60:02}"


def instant(at: int, zone: Zone) -> str:
    """``1999-02-08 10:00:05 +02:00``: civil time, cut to the second."""
    text = zone.text(at - at % SECOND)
    return f"{text[:10]} {text[11:19]} {text[19:]}" if "T" in text else text


def interval(label: str) -> str:
    """``1999-02-08 07:30 +02:00``: an interval's label, set apart for the eye."""
    day, _, time = label.partition("T")
    return f"{day} {time[:5]} {time[5:]}" if time else day


def number(value: int) -> str:
    """An integer with its thousands set apart."""
    return f"{value:,}"


def cell(column: Column, value: Any, zone: Zone, language: Language) -> str:
    """One cell as text; a null says why, where that is known."""
    if value is None:
        return language.word(column.why) if column.why else MISSING
    match column.kind:
        case "ratio":
            ppm = value["ppm"]
            return language.word(value["why"]) if ppm is None else percent(ppm)
        case "mean":
            mean = value["mean_us"]
            return language.word(value["why"]) if mean is None else duration(mean)
        case "us":
            return duration(value)
        case "instant":
            return instant(value, zone)
        case "int":
            return number(value)
        case "flags":
            return ", ".join(language.word(flag) for flag in value) if value else ""
        case _:
            return str(value)
