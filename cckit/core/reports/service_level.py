"""Which service level? Every dialect, side by side, each by its name."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from cckit.core.errors import ConfigError

from .arithmetic import Mean, Ratio
from .definitions import SERVICE_LEVELS, Definition
from .log_facts import LogFactsOf
from .measure import column, measure
from .report import (
    INTERVAL_COLUMNS,
    SEGMENTS,
    Column,
    Key,
    Parameters,
    Report,
    States,
    Table,
    cut,
    heads,
    measured,
)
from .segments import Segments
from .visits import Basis, Cells, Counts, Visit, basis, tally, visits
from .zone import Buckets

COUNTS: Final = ("arrived", "O", "A", "B", "F", "D", "E", "N", "open")
OF_ARRIVALS: Final = frozenset({"arrived", "open"})
"""Counts that say nothing of visits dated by their end."""


class Counted(NamedTuple):
    """The visits of a report, counted on every basis that its definitions have."""

    visits: list[Visit]
    range: tuple[int, int]
    buckets: Buckets
    plain: Basis
    """What the counts are counted on: the first definition's, dated by one rule."""
    cells: dict[Basis, Cells]

    def keys(self) -> Iterator[Key]:
        """The interval and queue of every cell."""
        for some in self.cells.values():
            yield from some

    def counts(self, key: Key) -> Counts:
        """The plain counts of a row."""
        return self.cells[self.plain].get(key, Counter())

    def levels(
        self, key: Key, definitions: Iterable[Definition], known: frozenset[str]
    ) -> list[Ratio | Mean | int | None]:
        """Each definition's cell of a row."""
        return [measure(d, self.cells[basis(d)].get(key, Counter()), known) for d in definitions]


def table(states: States, parameters: Parameters) -> Table:
    """A row per interval and queue, and one per interval with queue null: all queues."""
    definitions = chosen(parameters)
    found = counted("service-level", "day", states, parameters, definitions)
    names = [name for name in COUNTS if found.plain.rule == "arrival" or name not in OF_ARRIVALS]
    known = measured(states)
    out = []
    for key, head in heads(found.buckets, found.keys()):
        counts, levels = found.counts(key), found.levels(key, definitions, known)
        out.append((*head, *(counts[name] for name in names), *levels))
    columns = (
        *INTERVAL_COLUMNS,
        Column("queue", "text"),
        *(Column(name, "int", found.plain.rule) for name in names),
        *(column(d, known) for d in definitions),
    )
    return Table(columns, out, found.range, definitions)


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
    report: str,
    interval: str,
    states: States,
    parameters: Parameters,
    definitions: Sequence[Definition],
    rule: str | None = None,
) -> Counted:
    """The visits of a log, one pass for each basis; ``rule`` dates the plain counts."""
    rows = list(visits(states[SEGMENTS]))
    range_, buckets = cut(report, parameters, interval, [row.start for row in rows])
    plain = basis(definitions[0])._replace(rule=rule or parameters.rule or "arrival")
    bases = dict.fromkeys((plain, *map(basis, definitions)))
    as_of = parameters.source.as_of
    cells = {one: tally(rows, one, buckets, as_of) for one in bases}
    return Counted(rows, range_, buckets, plain, cells)


SERVICE_LEVEL = Report("service-level", (Segments(), LogFactsOf()), "day", table)
