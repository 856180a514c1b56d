"""``cckit hours``: what the calendars of a log come to, day by day."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from cckit.core.errors import ConfigError
from cckit.core.hours import Calendars, Hours, at
from cckit.core.reports import Zone
from cckit.shell.logs.folding import fold
from cckit.shell.zones import read_zone

from .codes import GOOD
from .logs import instant_of, open_log
from .options import Json, Whole
from .output import console, print_json, progress
from .text import plain

DAYS_MAX = 400


def hours(
    log: Path,
    /,
    *,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    days: Whole = 14,
    json: Json = False,
) -> int:
    """Print when the calendars of a log say that the center, or a queue, is open.

    They are those in force at the end of the log, in the instants that it holds; their civil
    time is that of their own zones.

    :param log: the log, NAME.db. It is only read.
    :param from_: the first day, 2026-12-24; the first that the calendar speaks of unless given.
    :param days: how many, 1 to 400.
    :param json: print {calendars: [{calendar, zone, iana, sha256, scopes, from_at, until, days:
        [{day, open: [{from, to, from_at, until}], holiday}]}]}.
    """
    if not 1 <= days <= DAYS_MAX:
        raise ConfigError("--days", f"{days} can't be", f"give 1 to {DAYS_MAX}")
    store = open_log(log)
    try:
        with progress("reading", (store.head().position or 0) + 1) as tell:
            folding, _ = fold(store, (Calendars(),), progress=tell)
    finally:
        store.close()
    found = folding.states[Calendars.name]
    told = [_calendar(name, Hours.unpack(found[name]), from_, days) for name in sorted(found)]
    if json:
        print_json({"calendars": told})
    else:
        _show(told)
    return GOOD


def _calendar(name: str, known: Hours, from_: str | None, days: int) -> dict[str, Any]:
    zone = read_zone(known.zone, f"calendar {name}")
    first = known.from_at if from_ is None else instant_of(from_, "--from", zone.info)
    start = zone.local(first).date()
    return {
        "calendar": name,
        "zone": known.zone,
        "iana": known.iana,
        "sha256": known.sha256,
        "scopes": list(known.scopes),
        "from_at": known.from_at,
        "until": known.until,
        "days": [_day(zone, known, start + timedelta(days=n)) for n in range(days)],
    }


def _day(zone: Zone, known: Hours, day: date) -> dict[str, Any]:
    begin, end = at(zone, day, 0), at(zone, day + timedelta(days=1), 0)
    inside = known.from_at <= begin and end <= known.until
    return {
        "day": day.isoformat(),
        "open": [_span(zone, *one, end) for one in _open(known, begin, end)] if inside else None,
        "holiday": any(a < end and begin < b for a, b in known.holidays),
    }


def _open(known: Hours, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """The parts of a day in which nothing is closed."""
    edge = begin
    for a, b in sorted((*known.closed, *known.holidays)):
        if b <= edge or a >= end:
            continue
        if a > edge:
            yield edge, a
        edge = max(edge, b)
    if edge < end:
        yield edge, end


def _span(zone: Zone, begin: int, until: int, midnight: int) -> dict[str, Any]:
    first, last = (zone.local(edge).strftime("%H:%M") for edge in (begin, until))
    last = "24:00" if until == midnight else last
    return {"from": first, "to": last, "from_at": begin, "until": until}


def _show(told: list[dict[str, Any]]) -> None:
    out = console()
    if not told:
        out.print("This log has no calendars.", markup=False)
    for one in told:
        scopes = ", ".join(one["scopes"])
        head = f"{one['calendar']}: {scopes}, {one['zone']} (tzdata {one['iana']})"
        out.print(plain(head), markup=False)
        for day in one["days"]:
            out.print(plain(f"  {day['day']}  {_said(day)}"), markup=False)


def _said(day: dict[str, Any]) -> str:
    if day["open"] is None:
        return "not in this calendar's expansion"
    spans = ", ".join(f"{span['from']}-{span['to']}" for span in day["open"])
    if day["holiday"]:
        return f"holiday, open {spans}" if spans else "holiday"
    return spans or "closed"
