"""Is service kept, interval by interval? Counts, one service level, waits, handling time."""

from collections import Counter
from typing import Final

from .arithmetic import nearest_rank
from .catalogue import AHT, ASA, WAIT_MAX, WAIT_P90, Catalogue
from .definitions import DEFAULT
from .handling import handling, names, places
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
from .service_level import COUNTS, chosen, counted
from .visits import Basis, Visit, basis, selected, visits
from .zone import Buckets

P90: Final = 900
"""Per mille."""


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
            sums = handled.get(key, Counter())
            answered = waits.get(key, [])
            out.append(
                (
                    *(bucket.label, bucket.at, bucket.length_us, queue),
                    *(counts[name] for name in COUNTS),
                    *(measure(d, cells[basis(d)].get(key, Counter()), known) for d in definitions),
                    measure(ASA, counts, known),
                    nearest_rank(answered, P90),
                    max(answered, default=None),
                    sums["handled"],
                    measure(AHT, sums, known),
                )
            )
    columns = (
        *INTERVAL_COLUMNS,
        Column("queue", "text"),
        *(Column(name, "int", "arrival") for name in COUNTS),
        *(column(d, known) for d in definitions),
        column(ASA, known, "asa"),
        column(WAIT_P90, known, "wait_p90_us"),
        column(WAIT_MAX, known, "wait_max_us"),
        Column("handled", "int", "end"),
        column(AHT, known, "aht"),
    )
    return Table(columns, out, range_, (*definitions, ASA, WAIT_P90, WAIT_MAX, AHT))


def _waits(
    rows: list[Visit], plain: Basis, buckets: Buckets
) -> dict[tuple[int, str | None], list[int]]:
    """Waits of the answered by bucket and queue; None is all queues."""
    found: dict[tuple[int, str | None], list[int]] = {}
    for row in selected(rows, plain):
        number = buckets.find(row.start)
        if row.outcome == "A" and row.end is not None and number >= 0:
            for key in places(number, row.queue):
                found.setdefault(key, []).append(row.end - row.start)
    return found


QUEUE_INTERVALS: Final = Report("queue-intervals", (Segments(), LogFactsOf()), "30", table)
