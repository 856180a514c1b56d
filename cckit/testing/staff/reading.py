"""Where demand is read from: a log, traffic in TOML, or a CSV of intervals.

    interval,calls,aht_s,patience_s
    2026-03-02T08:00,42,210,120
    2026-03-02T08:30,55.5,210,120

``interval`` is a civil date and time, or a time of one day; the step between them is the
same, what is missing has no calls. ``aht_s`` is talk and wrap-up; ``patience_s`` may be left
out, as a column or of a row, where nobody gives up.
"""

import csv
from collections.abc import Iterator, Sequence
from datetime import datetime, time
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import attrs

from cckit.core.errors import ConfigError
from cckit.core.ids import QueueId
from cckit.core.instant import MINUTE, SECOND, Instant
from cckit.core.reports.zone import Buckets, Zone
from cckit.shell.files import read_file
from cckit.shell.zones import read_zone
from cckit.testing import civil
from cckit.testing.draws import AT_ONCE, NEVER, Exponential, Lengths
from cckit.testing.recording import RecordedTraffic, Seen
from cckit.testing.simulate import open_traffic
from cckit.testing.tables import LONGEST_S
from cckit.testing.traffic import RATE_MAX, Process, Processes, Rate

from .demand import ALL, Work, exponential, grid, of_log, step_us, work

COLUMNS: Final = ("interval", "calls", "aht_s", "patience_s")
ROWS_MAX: Final = 40_000
STEP: Final = "30"
ANY_DAY: Final = "2026-01-01"
"""Where a CSV names times of day alone."""
MODEL: Final = (
    "calls as a Poisson process of each interval's rate, handling drawn from the answered, "
    "patience from the Kaplan-Meier curve"
)


@attrs.frozen
class Asked:
    """What is said of a source beside its name."""

    queue: str | None = None
    """One queue; ``*``: all as one group."""
    step: str | None = None
    """Minutes of an interval, 30 unless given; a CSV has its own."""
    tz: str | None = None
    """The zone of the intervals; that of the source unless given, UTC of a CSV."""
    between: tuple[str | None, str | None] = (None, None)
    """Of a log: who came from, and before."""
    aht_s: float | None = None
    patience_s: float | None = None
    """Means of exponential times, in place of what the source has."""


def read_work(path: Path, asked: Asked) -> Work:
    """Read what comes, by interval.

    :raises ConfigError: it names file, line or key, and what is allowed.

    .. versionadded:: 0.3
    """
    if path.suffix.lower() == ".csv":
        return _of_csv(path, asked)
    traffic = open_traffic(path)
    zone = read_zone(asked.tz or traffic.zone.key or "UTC", "--tz")
    if isinstance(traffic, RecordedTraffic):
        return _of_log(path, traffic, zone, asked)
    _only_of(path, asked.between != (None, None), "--from and --to", "a log")
    if not isinstance(traffic, Processes):
        raise ConfigError(path.name, "is neither traffic nor a log", "name one of them, or a CSV")
    intervals = grid(zone, traffic.start, traffic.end, asked.step or STEP)
    chosen = _queues(path, traffic.queues, asked.queue)
    processes = [
        exponential(one, asked.aht_s, asked.patience_s)
        for one in traffic.processes
        if one.queue in chosen
    ]
    _refuse_silence(path, any(rate.per_hour for one in processes for rate in one.rates))
    return work(processes, intervals, zone, traffic.source)


def _only_of(path: Path, given: bool, option: str, what: str) -> None:
    if given:
        raise ConfigError(option, f"{path.name} is not {what}", f"leave it out, or name {what}")


def _queues(path: Path, known: Sequence[str], asked: str | None) -> tuple[str, ...]:
    """Return the queues that are staffed together."""
    names = ", ".join(known)
    if asked is None and len(known) > 1:
        remedy = f"name one with --queue, or staff all as one group with --queue '{ALL}'"
        raise ConfigError(path.name, f"has several queues: {names}", remedy)
    if asked in (None, ALL):
        return tuple(known)
    if asked not in known:
        raise ConfigError("--queue", f"{path.name} has no queue {asked!r}", f"it has {names}")
    return (asked,)


def _refuse_silence(path: Path, somebody: bool) -> None:
    if not somebody:
        raise ConfigError(path.name, "nobody comes in it", "name a source with at least one call")


# --- a log ------------------------------------------------------------------------------


def _of_log(path: Path, recorded: RecordedTraffic, zone: Zone, asked: Asked) -> Work:
    chosen = _queues(path, recorded.queues, asked.queue)
    first, before = (
        None if text is None else civil_instant(text, option, zone)
        for text, option in zip(asked.between, ("--from", "--to"), strict=True)
    )
    visits = [
        seen
        for seen in recorded.visits
        if seen.queue in chosen
        and (first is None or seen.entered >= first)
        and (before is None or seen.entered < before)
    ]
    _refuse_silence(path, bool(visits))
    if asked.aht_s is None and not any(seen.talk_us is not None for seen in visits):
        what = "holds no answered visit to take handling from"
        raise ConfigError(path.name, what, "take a longer time, or give --aht")
    times = [seen.entered for seen in visits]
    intervals = grid(zone, min(times), max(times) + 1, asked.step or STEP)
    processes = [
        exponential(one, asked.aht_s, asked.patience_s)
        for one in of_log(recorded, _with_talk(visits, asked), intervals)
    ]
    name = recorded.source.partition(",")[0]
    return work(processes, intervals, zone, f"{name}, {MODEL}")


def _with_talk(visits: list[Seen], asked: Asked) -> list[Seen]:
    """With --aht no talk is asked of the log; nobody draws from what stands here then."""
    if asked.aht_s is None or any(seen.talk_us is not None for seen in visits):
        return visits
    return [attrs.evolve(seen, talk_us=0) for seen in visits]


def civil_instant(text: str, where: str, zone: Zone, day: str | None = None) -> Instant:
    """Return the instant of a civil date and time; of a time alone if a ``day`` is given.

    :raises ConfigError: it is none.
    """
    try:
        if day is not None and "-" not in text:
            text = f"{day}T{time.fromisoformat(text).isoformat()}"
        at = datetime.fromisoformat(text)
        return civil.from_datetime(at.replace(tzinfo=zone.info) if at.tzinfo is None else at)
    except (ValueError, OverflowError):
        remedy = "write 2026-03-02T08:30" + (" or 08:30" if day is not None else "")
        raise ConfigError(where, f"{text[:40]!r} is no date and time", remedy) from None


# --- a CSV ------------------------------------------------------------------------------


class Line(NamedTuple):
    """One row of a CSV."""

    where: str
    at: Instant
    calls: float
    aht_s: float
    patience_s: float | None


def _of_csv(path: Path, asked: Asked) -> Work:
    _only_of(path, asked.between != (None, None), "--from and --to", "a log")
    _only_of(path, asked.queue is not None, "--queue", "of several queues")
    zone = read_zone(asked.tz or "UTC", "--tz")
    lines = list(_lines(path, asked, zone))
    _refuse_silence(path, any(line.calls for line in lines))
    step = _step(path, lines, asked)
    start, end = lines[0].at, lines[-1].at + step
    if (end - start) // step > ROWS_MAX:
        what = f"spans more than {ROWS_MAX:,} intervals of {step // MINUTE} minutes"
        raise ConfigError(path.name, what, "give a shorter time")
    pieces = [
        (at, at + step, zone.local(at).isoformat(timespec="minutes"))
        for at in range(start, end, step)
    ]
    processes = [_process(line, step) for line in lines if line.calls]
    return work(processes, Buckets(pieces), zone, path.name)


def _process(line: Line, step: int) -> Process:
    per_hour = line.calls * 60 * MINUTE / step
    if per_hour > RATE_MAX:
        what = f"{line.calls:,.0f} calls are too many"
        raise ConfigError(f"{line.where}: calls", what, f"give at most {RATE_MAX:,} an hour")
    patience: Lengths = NEVER
    if line.patience_s is not None:
        patience = Exponential(round(line.patience_s * SECOND))
    rates = (Rate(line.at, line.at + step, per_hour),)
    handling = Exponential(round(line.aht_s * SECOND))
    return Process(QueueId("calls"), rates, patience, handling, AT_ONCE)


def _lines(path: Path, asked: Asked, zone: Zone) -> Iterator[Line]:
    """Yield the rows of a CSV, its instants rising."""
    last = None
    for number, row in _rows(path, asked):
        where = f"{path.name}: line {number}"
        if None in row or None in row.values():
            raise ConfigError(where, "has not as many cells as the header", "mend the line")
        at = civil_instant(row["interval"].strip(), f"{where}: interval", zone, ANY_DAY)
        if last is not None and at <= last:
            raise ConfigError(f"{where}: interval", "does not rise", "put the earliest first")
        last = at
        calls = _number(row["calls"], f"{where}: calls", 0)
        aht_s, patience_s = asked.aht_s, asked.patience_s
        if aht_s is None:
            aht_s = _number(row["aht_s"], f"{where}: aht_s", 0.001) if calls else 1.0
        if patience_s is None and row.get("patience_s", "").strip():
            patience_s = _number(row["patience_s"], f"{where}: patience_s", 0.001)
        yield Line(where, at, calls, aht_s, patience_s)
    if last is None:
        raise ConfigError(path.name, "has no rows", f"write {','.join(COLUMNS)} and a line each")


def _rows(path: Path, asked: Asked) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number and the cells of each line behind the header."""
    try:
        text = read_file(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"byte {error.start} is not UTF-8"
        raise ConfigError(path.name, what, "save the file as UTF-8") from error
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    rows = csv.DictReader(StringIO(text), delimiter=delimiter, skipinitialspace=True)
    try:
        _check_header(path, rows.fieldnames or (), asked)
        for row in rows:
            yield rows.line_num, row
    except csv.Error as error:
        where = f"{path.name}: line {rows.line_num}"
        raise ConfigError(where, f"is no CSV: {error}", "mend the line") from error


def _check_header(path: Path, found: Sequence[str], asked: Asked) -> None:
    must = COLUMNS[: 3 if asked.aht_s is None else 2]
    wrong = [name for name in found if name not in COLUMNS]
    missing = [name for name in must if name not in found]
    if wrong or missing or len(set(found)) != len(found):
        what = f"its first line is {','.join(found)[:80]!r}"
        remedy = f"write {','.join(must)}; {COLUMNS[3]} may follow"
        raise ConfigError(f"{path.name}: line 1", what, remedy)


def _number(text: str, where: str, low: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not low <= value <= LONGEST_S:
        allowed = f"give a number from {low} to {LONGEST_S:,}"
        raise ConfigError(where, f"{text[:40]!r} is not a number allowed here", allowed)
    return value


def _step(path: Path, lines: Sequence[Line], asked: Asked) -> int:
    """Return the length of a CSV's intervals, in microseconds."""
    given = None if asked.step is None else step_us(asked.step)
    gaps = [after.at - before.at for before, after in pairwise(lines)]
    if not gaps:
        return given or step_us(STEP)
    step = min(gaps)
    for line, gap in zip(lines[1:], gaps, strict=True):
        if gap % step or step % MINUTE:
            what = f"lies {gap // MINUTE} minutes after the one before, others {step // MINUTE}"
            raise ConfigError(f"{line.where}: interval", what, "give intervals of one length")
    if given not in (None, step):
        what = f"{path.name} has intervals of {step // MINUTE} minutes"
        raise ConfigError("--interval", what, "leave it out")
    return step
