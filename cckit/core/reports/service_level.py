"""Which service level? Every dialect, side by side, each by its name."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from cckit.core.errors import ConfigError

from .arithmetic import NOT_MEASURED, Ratio, no_ratio, ratio
from .definitions import SERVICE_LEVELS, Definition
from .log_facts import LogFactsOf
from .report import (
    INTERVAL_COLUMNS,
    SEGMENTS,
    Column,
    Parameters,
    Report,
    States,
    Table,
    cut,
    measured,
)
from .segments import Segments
from .visits import Basis, Cells, Counts, Visit, basis, evaluate, tally, visits
from .zone import Buckets

COUNTS: Final = ("arrived", "O", "A", "B", "F", "D", "E", "N", "open")
OF_ARRIVALS: Final = frozenset({"arrived", "open"})
"""Counts that say nothing of visits dated by their end."""


def table(states: States, parameters: Parameters) -> Table:
    """A row per interval and queue, and one per interval with queue null: all queues."""
    definitions = chosen(parameters)
    rows = list(visits(states[SEGMENTS]))
    range_, buckets = cut("service-level", parameters, "day", [row.start for row in rows])
    plain = basis(definitions[0])._replace(rule=parameters.rule or "arrival")
    cells = counted(rows, (plain, *map(basis, definitions)), buckets, parameters.source.as_of)
    names = [name for name in COUNTS if plain.rule == "arrival" or name not in OF_ARRIVALS]
    known = measured(states)
    found = queues(cells)
    out = []
    for number, bucket in enumerate(buckets.rows):
        for queue in (*found.get(number, ()), None):
            key = (number, queue)
            counts = cells[plain].get(key, Counter())
            levels = [level(d, cells[basis(d)].get(key, Counter()), known) for d in definitions]
            head = (bucket.label, bucket.at, bucket.length_us, queue)
            out.append((*head, *(counts[name] for name in names), *levels))
    columns = (
        *INTERVAL_COLUMNS,
        Column("queue", "text"),
        *(Column(name, "int", plain.rule) for name in names),
        *(Column(d.name, _kind(d), d.rule, d.id) for d in definitions),
    )
    return Table(columns, out, range_, definitions)


def chosen(
    parameters: Parameters, default: tuple[Definition, ...] = SERVICE_LEVELS
) -> tuple[Definition, ...]:
    """The definitions asked for, dated as asked for.

    :raises ConfigError: two of one name.
    """
    found = tuple(d.varied(rule=parameters.rule) for d in parameters.definitions or default)
    names = [d.name for d in found]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError("definition", f"{name} is asked for twice", "ask for one of them")
    return found


def counted(
    rows: list[Visit], bases: Iterable[Basis], buckets: Buckets, as_of: int
) -> dict[Basis, Cells]:
    """Visits counted on each basis, one pass each."""
    return {one: tally(rows, one, buckets, as_of) for one in dict.fromkeys(bases)}


def queues(cells: Mapping[Basis, Cells]) -> dict[int, list[str]]:
    """The queues that have a row in each bucket, by code points."""
    found: dict[int, set[str]] = {}
    for some in cells.values():
        for number, queue in some:
            if queue is not None:
                found.setdefault(number, set()).add(queue)
    return {number: sorted(names) for number, names in found.items()}


def level(definition: Definition, counts: Counts, known: frozenset[str]) -> Ratio | int | None:
    """One cell of a definition."""
    if not known.issuperset(definition.needs):
        return None if definition.den is None else no_ratio(NOT_MEASURED)
    numerator, denominator = evaluate(definition, counts)
    if denominator is None:
        return numerator
    return ratio(numerator, denominator, definition.round)


def _kind(definition: Definition) -> str:
    return "int" if definition.den is None else "ratio"


SERVICE_LEVEL = Report("service-level", (Segments(), LogFactsOf()), "day", table)
