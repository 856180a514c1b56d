"""The numbers of a day and of its reruns, as the reports have them, and how sure they are.

Each rerun is folded into the same projections as a log, and the reports divide it by the
same definitions. Over several seeds a figure is their mean, with Student's 95 % interval of
that mean (Student 1908; two-sided): what lies outside of it is not chance of the draws. The
arrivals are recorded and the same in every seed, so it says nothing of other days.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isqrt
from typing import Any, Final, NamedTuple

from cckit.core.projection import AnyProjection
from cckit.core.reports import (
    AgentIntervals,
    Folding,
    LogFactsOf,
    Parameters,
    Segments,
    Source,
    Zone,
)
from cckit.core.reports.agent_summary import clipped
from cckit.core.reports.arithmetic import divide, nearest_rank, ratio
from cckit.core.reports.catalogue import AHT, ASA, OCCUPANCY, RONA
from cckit.core.reports.definitions import SERVICE_LEVELS
from cckit.core.reports.handling import handling
from cckit.core.reports.measure import measure
from cckit.core.reports.queue_intervals import P90, answered_waits
from cckit.core.reports.report import INTERVALS, SEGMENTS, measured
from cckit.core.reports.service_level import counted

T_MILLI: Final = (
    12_706, 4_303, 3_182, 2_776, 2_571, 2_447, 2_365, 2_306, 2_262, 2_228, 2_201, 2_179, 2_160,
    2_145, 2_131, 2_120, 2_110, 2_101, 2_093, 2_086, 2_080, 2_074, 2_069, 2_064, 2_060, 2_056,
    2_052, 2_048, 2_045, 2_042,
)  # fmt: skip
"""Thousandths: Student's t at 97.5 % with 1 to 30 degrees of freedom."""
T_MANY: Final = 2_042
"""Of more: that of 30, which is a little wide."""
COUNTED: Final = ("arrived", "A", "B", "F", "D", "E", "N", "open")
"""Visits: all, by how they ended, and those that wait on; see ``core/reports``."""

Figures = dict[tuple[str | None, str], int | None]
"""(queue or None for all, name) to parts per million, microseconds or a count."""


class Summary(NamedTuple):
    """A figure over seeds."""

    mean: int
    low: int
    high: int
    """Of the 95 % interval; the mean itself where there is one seed."""
    n: int
    """Seeds that have it."""


def folding(*more: AnyProjection) -> Folding:
    """What a log is folded into for these figures, and what else is asked of it."""
    return Folding((Segments(), AgentIntervals(), LogFactsOf(), *more))


def figures(folded: Folding, zone: Zone, as_of: int) -> Figures:
    """The figures of a folded log, for each queue and for all.

    Those of the reports service-level, queue-intervals and agent-summary, over all of it.
    """
    states = folded.states
    parameters = Parameters(zone=zone, source=Source(0, b"", as_of), to=as_of + 1)
    levels = counted("what-if", "all", states, parameters, SERVICE_LEVELS)
    known = measured(states)
    handled = handling(states[SEGMENTS], levels.buckets, "queue")
    waits = answered_waits(levels)
    found: Figures = {}
    keys = dict.fromkeys((*levels.keys(), *handled, (0, None)))
    for key in sorted(keys, key=lambda one: (one[1] is None, one[1] or "")):
        queue, counts, sums = key[1], levels.counts(key), handled.get(key, Counter())
        for name in COUNTED:
            found[queue, name] = counts[name]
        for one, cell in zip(
            SERVICE_LEVELS, levels.levels(key, SERVICE_LEVELS, known), strict=True
        ):
            found[queue, one.name] = number(cell)
        lost = counts["B"]
        found[queue, "abandoned"] = number(ratio(lost, lost + counts["A"]))
        found[queue, "asa"] = number(measure(ASA, counts, known))
        found[queue, "wait_p90_us"] = nearest_rank(waits.get(key, []), P90)
        found[queue, "wait_max_us"] = max(waits.get(key, []), default=None)
        found[queue, "aht"] = number(measure(AHT, sums, known))
        found[queue, "rona"] = number(measure(RONA, sums, known))
    spent = clipped(states[INTERVALS], levels.buckets, as_of).get((0, None), Counter())
    found[None, "occupancy"] = number(measure(OCCUPANCY, spent, known))
    return found


def number(cell: Any) -> int | None:
    """The quotient of a cell, or the cell itself."""
    if isinstance(cell, Mapping):
        value = cell.get("ppm", cell.get("mean_us"))
        return value if isinstance(value, int) else None
    return cell if isinstance(cell, int) else None


def unit(name: str) -> str:
    """ppm, us or count."""
    if name.startswith("sl.") or name in ("occupancy", "abandoned", "rona"):
        return "ppm"
    return "us" if name in ("asa", "aht") or name.endswith("_us") else "count"


def summary(values: Sequence[int | None]) -> Summary | None:
    """Mean and interval of a figure over seeds; None where none has it."""
    some = [value for value in values if value is not None]
    n = len(some)
    if not n:
        return None
    total = sum(some)
    mean = divide(total, n)
    if n == 1:
        return Summary(mean, mean, mean, 1)
    squares = n * sum(value * value for value in some) - total * total
    quantile = T_MILLI[n - 2] if n - 2 < len(T_MILLI) else T_MANY
    # The variance of the mean is squares / (n^2 (n - 1)); in thousandths, before the root.
    half = divide(quantile * isqrt(squares * 1_000_000 // (n * n * (n - 1))), 1_000_000)
    return Summary(mean, mean - half, mean + half, n)
