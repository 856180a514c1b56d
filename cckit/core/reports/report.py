"""What every report shares: its parameters, its table, its header.

A report is a pure function of folded states and parameters; whoever calls it reads the log
and the zone file. Same log, same definitions, same zone file: same bytes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import attrs

from cckit.core.errors import ConfigError
from cckit.core.projection import AnyProjection

from .definitions import Definition
from .handling import names
from .log_facts import LogFacts
from .segment_table import FLAG_BITS, HOLD, RING, ROW, WRAPUP, SegmentTable
from .zone import Buckets, Zone, buckets, civil_days, said

SEGMENTS: Final = "contact.segments"
INTERVALS: Final = "agent.intervals"
LOG: Final = "log.facts"
MEASURED: Final = {RING: "offers", HOLD: "hold", WRAPUP: "wrapup"}
"""What an imported log has measured only if a row of this phase is in it."""

States = Mapping[str, Any]
"""Folded states by the projection's name."""


class Source(NamedTuple):
    """The log that the states were folded from."""

    position: int | None
    """Of the last event folded; None of an empty log."""
    chain: bytes
    """32 bytes: the chain hash there."""
    as_of: int
    """recorded_at of that event: where open rows are cut off; 0 of an empty log."""


@attrs.frozen(slots=True, kw_only=True)
class Parameters:
    """What was asked for."""

    zone: Zone
    source: Source
    from_: int | None = None
    """First instant, microseconds; None: midnight before the first row."""
    to: int | None = None
    """The instant after the last; None: midnight after the last row."""
    interval: str | None = None
    """``15``, ``30``, ``60`` … minutes, ``day`` or ``all``; None: the report's own."""
    rule: str | None = None
    """``arrival`` or ``end``; None: each metric's own."""
    definitions: tuple[Definition, ...] = ()
    """None given: the report's own."""
    edition: int = 1


class Column(NamedTuple):
    """A column: how it is named, read, dated."""

    name: str
    kind: str
    """text, int, us, instant, ratio, mean or flags."""
    rule: str | None = None
    definition: str | None = None
    why: str | None = None
    """Why all of it is null."""


class Table(NamedTuple):
    """A report without its header."""

    columns: tuple[Column, ...]
    rows: Sequence[tuple[Any, ...]]
    range: tuple[int, int]
    """First instant and the one after the last."""
    definitions: tuple[Definition, ...] = ()


class Report(NamedTuple):
    """A named report."""

    name: str
    projections: tuple[AnyProjection, ...]
    interval: str | None
    """Its own; None: its rows are no intervals."""
    table: Callable[[States, Parameters], Table]


class Document(NamedTuple):
    """A report as it is rendered."""

    header: dict[str, Any]
    table: Table
    zone: Zone


INTERVAL_COLUMNS: Final = (
    Column("interval", "text"),
    Column("interval_at", "instant"),
    Column("interval_us", "us"),
)


Key = tuple[int, str | None]
"""Of a row: the number of its interval, and whose it is; None is all."""


def heads(buckets: Buckets, keys: Iterable[Key]) -> Iterator[tuple[Key, tuple[Any, ...]]]:
    """Key and first columns of each row: by interval, in it by name, at its end all."""
    found = names(keys)
    for number, bucket in enumerate(buckets.rows):
        for name in (*found.get(number, ()), None):
            yield (number, name), (bucket.label, bucket.at, bucket.length_us, name)


def write(report: Report, states: States, parameters: Parameters) -> Document:
    """Make a report.

    :raises ConfigError: a parameter that it cannot use.
    """
    if report.interval is None and parameters.interval is not None:
        what = f"{report.name} has no intervals"
        raise ConfigError("interval", what, "leave it out")
    if parameters.rule not in (None, "arrival", "end"):
        raise ConfigError("rule", f"{parameters.rule!r} is no rule", "take arrival or end")
    table = report.table(states, parameters)
    return Document(_header(report, states, parameters, table), table, parameters.zone)


def _header(report: Report, states: States, parameters: Parameters, table: Table) -> dict[str, Any]:
    log: LogFacts = states[LOG]
    zone, source = parameters.zone, parameters.source
    rules = sorted({column.rule for column in table.columns if column.rule})
    return {
        "report": report.name,
        "kind": log.kind,
        "source": log.source,
        "seed": log.seed,
        "definitions": [
            {"id": d.id, "title": d.title, "hash": d.hash, "rule": d.rule, "T_us": d.T, "s_us": d.s}
            for d in table.definitions
        ],
        "rule": rules,
        "zone": {"name": zone.name, "sha256": zone.sha256, "iana": zone.iana},
        "interval": parameters.interval or report.interval,
        "from": table.range[0],
        "to": table.range[1],
        "as_of": source.as_of,
        "position": source.position,
        "chain": source.chain.hex(),
        "projections": {p.name: p.version for p in report.projections},
        "edition": parameters.edition,
        "columns": [
            {name: value for name, value in column._asdict().items() if value is not None}
            for column in table.columns
        ],
        "counts": counts(states, table.range),
    }


def counts(states: States, range_: tuple[int, int]) -> dict[str, Any]:
    """What was untidy: contacts by flag and open ones, of the range.

    ``superseded``, ``quarantined`` and the largest skew are of the whole log.
    """
    log: LogFacts = states[LOG]
    found: dict[str, Any] = {
        "superseded": log.superseded,
        "quarantined": dict(log.quarantined),
        "clock_steps": log.clock_steps,
        "broken": log.broken,
    }
    if SEGMENTS not in states:
        return found
    table: SegmentTable = states[SEGMENTS]
    flagged: dict[str, set[int]] = {word: set() for word in FLAG_BITS}
    low, high = range_
    for c in ROW.iter_unpack(table.closed):
        if c[21] and low <= c[15] < high:
            for word, bit in FLAG_BITS.items():
                if c[21] & bit:
                    flagged[word].add(c[1])
    opened: set[int] = set()
    for subject in table.subjects.values():
        for row in subject.rows:
            if low <= row.start < high:
                opened.add(subject.code)
                for word, bit in FLAG_BITS.items():
                    if row.flags & bit:
                        flagged[word].add(subject.code)
    found |= {word: len(codes) for word, codes in flagged.items()}
    return found | {"open": len(opened), "orphans": table.orphans, "skew_us": table.skew_us}


def measured(states: States) -> frozenset[str]:
    """What the log can know: queue, offers, hold, wrapup, intervals.

    An imported log knows what its rows say, and has no agent intervals.
    """
    log: LogFacts = states[LOG]
    if log.kind != "imported":
        return frozenset({"queue", "intervals", *MEASURED.values()})
    table: SegmentTable = states[SEGMENTS]
    phases = {c[4] for c in ROW.iter_unpack(table.closed)}
    return frozenset({"queue", *(word for phase, word in MEASURED.items() if phase in phases)})


def cut(
    report: str, parameters: Parameters, interval: str, instants: Iterable[int]
) -> tuple[tuple[int, int], Buckets]:
    """The range that was asked for, or the civil days around some instants; and its buckets."""
    first = last = None
    for at in instants:
        first = at if first is None or at < first else first
        last = at if last is None or at > last else last
    if first is None or last is None:  # Of a log without rows, what was asked for is all.
        given = (parameters.from_, parameters.to, 0)
        first = last = next(at for at in given if at is not None)
    else:
        first, last = civil_days(parameters.zone, first, last)
    from_ = first if parameters.from_ is None else parameters.from_
    to = last if parameters.to is None else parameters.to
    if to < from_:
        raise _backwards(report, parameters, from_, to)
    return (from_, to), buckets(parameters.zone, from_, to, parameters.interval or interval)


def _backwards(report: str, parameters: Parameters, from_: int, to: int) -> ConfigError:
    """Blame the bound that was given, not the one that the log has."""
    begin, end = (said(parameters.zone, at) for at in (from_, to))
    if parameters.to is None:
        what = f"the log's rows end before {end}, and --from {begin} lies behind that"
        return ConfigError("range", what, "give an earlier --from")
    if parameters.from_ is None:
        what = f"the log's rows begin after {begin}, and --to {end} lies before that"
        return ConfigError("range", what, "give a later --to")
    what = f"{report} cannot go from {begin} to {end}"
    return ConfigError("range", what, "give the earlier instant as --from")
