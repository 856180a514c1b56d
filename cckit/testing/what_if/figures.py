"""The numbers of a day and of its reruns, as the reports have them, and how sure they are.

Each rerun is folded into the same projections as a log, and the reports divide it by the
same definitions. Over several seeds a figure is their mean, with Student's 95 % interval of
that mean (Student 1908; two-sided): what lies outside of it is not chance of the draws. The
arrivals are recorded and the same in every seed, so it says nothing of other days.
"""

from collections.abc import Mapping, Sequence
from math import isqrt
from typing import Any, Final, NamedTuple

from cckit.core.reports import (
    REPORTS,
    AgentIntervals,
    Folding,
    LogFactsOf,
    Parameters,
    Report,
    Segments,
    Source,
    Zone,
)
from cckit.core.reports.arithmetic import divide, ratio

T_MILLI: Final = (
    12_706, 4_303, 3_182, 2_776, 2_571, 2_447, 2_365, 2_306, 2_262, 2_228, 2_201, 2_179, 2_160,
    2_145, 2_131, 2_120, 2_110, 2_101, 2_093, 2_086, 2_080, 2_074, 2_069, 2_064, 2_060, 2_056,
    2_052, 2_048, 2_045, 2_042,
)  # fmt: skip
"""Thousandths: Student's t at 97.5 % with 1 to 30 degrees of freedom."""
T_MANY: Final = 2_042
"""Of more: that of 30, which is a little wide."""
SHOWN: Final = (
    ("service-level", "queue", ("arrived", "A", "B", "F", "D", "E", "open")),
    ("queue-intervals", "queue", ("asa", "wait_p90_us", "wait_max_us", "handled", "aht")),
    ("agent-summary", "agent", ("occupancy", "offers", "rona")),
)
"""Report, whose rows, and columns; of service-level also each dialect."""

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


def folding() -> Folding:
    """What a log is folded into for these figures."""
    return Folding((Segments(), AgentIntervals(), LogFactsOf()))


def figures(folded: Folding, zone: Zone, as_of: int) -> Figures:
    """The figures of a folded log, for each queue and for all."""
    parameters = Parameters(zone=zone, source=Source(0, b"", as_of), interval="all")
    found: Figures = {}
    for name, whose, columns in SHOWN:
        report = REPORTS[name]
        table = report.table(folded.states, parameters)
        names = [column.name for column in table.columns]
        levels = {d.name for d in table.definitions} if name == "service-level" else set()
        for row in table.rows:
            cells = dict(zip(names, row, strict=True))
            if whose == "agent" and cells["agent"] is not None:
                continue
            queue = cells["queue"] if whose == "queue" else None
            for column in names:
                if column in columns or column in levels:
                    found[queue, column] = number(cells[column])
    _abandonment(found)
    return found


def _abandonment(found: Figures) -> None:
    """Add the share of abandoned, of answered and abandoned."""
    for queue in {queue for queue, name in found if name == "B"}:
        lost, answered = found[queue, "B"], found.get((queue, "A"))
        if lost is not None and answered is not None:
            found[queue, "abandoned"] = number(ratio(lost, lost + answered))


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


__all__ = ["Figures", "Report", "Summary", "figures", "folding", "number", "summary", "unit"]
