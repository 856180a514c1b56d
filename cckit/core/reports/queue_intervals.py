"""Is service kept, interval by interval? Counts, one service level, waits, handling time."""

from collections import Counter
from typing import Final

from .arithmetic import nearest_rank
from .catalogue import AHT, ASA, WAIT_MAX, WAIT_P90, Catalogue
from .definitions import DEFAULT
from .handling import handling, places
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
    heads,
    measured,
)
from .segments import Segments
from .service_level import COUNTS, Counted, chosen, counted
from .visits import selected

P90: Final = 900
"""Per mille."""


def table(states: States, parameters: Parameters) -> Table:
    """A row per interval and queue, and one per interval with queue null: all queues.

    Counts, ``sl``, ``asa`` and ``wait_p90_us`` (of answered) are dated by arrival, ``aht`` by
    end: one rule for a metric's numerator and denominator.
    """
    definitions = chosen(parameters, (Catalogue().find(DEFAULT),))
    found = counted("queue-intervals", "30", states, parameters, definitions, "arrival")
    waits = answered_waits(found)
    handled = handling(states[SEGMENTS], found.buckets, "queue")
    known = measured(states)
    out = []
    for key, head in heads(found.buckets, (*handled, *found.keys())):
        counts, sums = found.counts(key), handled.get(key, Counter())
        answered = waits.get(key, [])
        out.append(
            (
                *head,
                *(counts[name] for name in COUNTS),
                *found.levels(key, definitions, known),
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
    return Table(columns, out, found.range, (*definitions, ASA, WAIT_P90, WAIT_MAX, AHT))


def answered_waits(found: Counted) -> dict[Key, list[int]]:
    """Waits of the answered by bucket and queue; None is all queues."""
    waits: dict[Key, list[int]] = {}
    for row in selected(found.visits, found.plain):
        number = found.buckets.find(row.start)
        if row.outcome == "A" and row.end is not None and number >= 0:
            for key in places(number, row.queue):
                waits.setdefault(key, []).append(row.end - row.start)
    return waits


QUEUE_INTERVALS: Final = Report("queue-intervals", (Segments(), LogFactsOf()), "30", table)
