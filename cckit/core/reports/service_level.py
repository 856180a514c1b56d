"""Which service level? Every dialect, side by side, each by its name."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from cckit.core.errors import ConfigError

from .definitions import SERVICE_LEVELS, Definition
from .handling import names as names_of
from .log_facts import LogFactsOf
from .measure import column, measure
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
from .visits import Basis, Cells, Visit, basis, tally, visits
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
    found = names_of(key for some in cells.values() for key in some)
    out = []
    for number, bucket in enumerate(buckets.rows):
        for queue in (*found.get(number, ()), None):
            key = (number, queue)
            counts = cells[plain].get(key, Counter())
            levels = [measure(d, cells[basis(d)].get(key, Counter()), known) for d in definitions]
            head = (bucket.label, bucket.at, bucket.length_us, queue)
            out.append((*head, *(counts[name] for name in names), *levels))
    columns = (
        *INTERVAL_COLUMNS,
        Column("queue", "text"),
        *(Column(name, "int", plain.rule) for name in names),
        *(column(d, known) for d in definitions),
    )
    return Table(columns, out, range_, definitions)


def chosen(
    parameters: Parameters, default: tuple[Definition, ...] = SERVICE_LEVELS
) -> tuple[Definition, ...]:
    """The definitions asked for, dated as asked for.

    :raises ConfigError: two of one name, or one that does not add visits.
    """
    found = tuple(d.varied(rule=parameters.rule) for d in parameters.definitions or default)
    names = [d.name for d in found]
    for one in found:
        where = f"definition {one.id}"
        if names.count(one.name) > 1:
            raise ConfigError(where, "it is asked for twice", "ask for it once")
        if one.table != "visit" or one.unit == "us":
            raise ConfigError(where, "it is no sum over visits", "take one as sl.offered@1")
    return found


def counted(
    rows: list[Visit], bases: Iterable[Basis], buckets: Buckets, as_of: int
) -> dict[Basis, Cells]:
    """Visits counted on each basis, one pass each."""
    return {one: tally(rows, one, buckets, as_of) for one in dict.fromkeys(bases)}


SERVICE_LEVEL = Report("service-level", (Segments(), LogFactsOf()), "day", table)
