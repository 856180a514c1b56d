"""Is service kept, interval by interval? Counts, one service level, waits, handling time."""

from collections import Counter

from .arithmetic import NOT_MEASURED, mean, nearest_rank, no_mean
from .definitions import DEFAULT, Catalogue
from .handling import Handling, handling, names
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
from .service_level import chosen, counted, level
from .visits import Basis, Visit, basis, selected, visits
from .zone import Buckets

COUNTS = ("arrived", "O", "A", "B", "F", "D", "E", "N", "open")
P90 = 900


def table(states: States, parameters: Parameters) -> Table:
    """A row per interval and queue, and one per interval with queue null: all queues.

    Counts, ``sl``, ``asa`` and ``wait_p90_us`` (of answered) are dated by arrival, ``aht`` by
    end: one rule for a metric's numerator and denominator.
    """
    definitions = chosen(parameters, (Catalogue().find(DEFAULT),))
    segments = states[SEGMENTS]
    rows = list(visits(segments))
    range_, buckets = cut("queue-intervals", parameters, "30", [row.start for row in rows])
    plain = basis(definitions[0])._replace(rule="arrival")
    cells = counted(rows, (plain, *map(basis, definitions)), buckets, parameters.source.as_of)
    waits = _waits(rows, plain, buckets)
    handled = handling(segments, buckets, "queue")
    known = measured(states)
    found = names([*handled, *(key for some in cells.values() for key in some)])
    out = []
    for number, bucket in enumerate(buckets.rows):
        for queue in (*found.get(number, ()), None):
            key = (number, queue)
            counts = cells[plain].get(key, Counter())
            answered = waits.get(key, [])
            cell = handled.get(key, Handling())
            out.append(
                (
                    *(bucket.label, bucket.at, bucket.length_us, queue),
                    *(counts[name] for name in COUNTS),
                    *(level(d, cells[basis(d)].get(key, Counter()), known) for d in definitions),
                    mean(sum(answered), len(answered)),
                    nearest_rank(answered, P90),
                    max(answered, default=None),
                    cell.handled,
                    cell.aht if "wrapup" in known else no_mean(NOT_MEASURED),
                )
            )
    columns = (
        *INTERVAL_COLUMNS,
        Column("queue", "text"),
        *(Column(name, "int", "arrival") for name in COUNTS),
        *(Column(d.name, "ratio" if d.den else "int", d.rule, d.id) for d in definitions),
        Column("asa", "mean", "arrival"),
        Column("wait_p90_us", "us", "arrival"),
        Column("wait_max_us", "us", "arrival"),
        Column("handled", "int", "end"),
        Column("aht", "mean", "end"),
    )
    return Table(columns, out, range_, definitions)


def _waits(
    rows: list[Visit], plain: Basis, buckets: Buckets
) -> dict[tuple[int, str | None], list[int]]:
    """Waits of the answered by bucket and queue; None is all queues."""
    found: dict[tuple[int, str | None], list[int]] = {}
    for row in selected(rows, plain):
        if row.outcome != "A" or row.end is None:
            continue
        number = buckets.find(row.start)
        if number >= 0:
            for key in {(number, row.queue), (number, None)}:
                found.setdefault(key, []).append(row.end - row.start)
    return found


QUEUE_INTERVALS = Report("queue-intervals", (Segments(), LogFactsOf()), "30", table)
