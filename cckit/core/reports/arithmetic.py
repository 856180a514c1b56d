"""Integers are summed, divided once, by one written rule.

A cell keeps what was divided, so that a roll-up adds numerators and denominators and never
averages averages. Where there is nothing to divide by, the quotient is null and ``why``
stands beside it; it is never 0 or 100 %.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

Ratio: TypeAlias = dict[str, int | str | None]
"""``numerator``, ``denominator``, ``ppm``, and ``why`` where ppm is null."""
Mean: TypeAlias = dict[str, int | str | None]
"""``numerator_us``, ``denominator``, ``mean_us``, and ``why`` where mean_us is null."""

PPM: Final = 1_000_000
NONE: Final = "none"
NOT_MEASURED: Final = "not measured"


def divide(numerator: int, denominator: int, rounding: str = "half") -> int:
    """Divide integers, half away from zero, or towards zero for ``truncate``.

    ``denominator`` is not 0.
    """
    sign = -1 if (numerator < 0) != (denominator < 0) else 1
    above, below = abs(numerator), abs(denominator)
    if rounding == "truncate":
        return sign * (above // below)
    return sign * ((2 * above + below) // (2 * below))


def ratio(numerator: int, denominator: int, rounding: str = "half") -> Ratio:
    """A share in parts per million."""
    cell: Ratio = {"numerator": numerator, "denominator": denominator, "ppm": None}
    if denominator == 0:
        return cell | {"why": NONE}
    cell["ppm"] = divide(numerator * PPM, denominator, rounding)
    return cell


def mean(total_us: int, count: int, rounding: str = "half") -> Mean:
    """A mean length in microseconds."""
    cell: Mean = {"numerator_us": total_us, "denominator": count, "mean_us": None}
    if count == 0:
        return cell | {"why": NONE}
    cell["mean_us"] = divide(total_us, count, rounding)
    return cell


def no_ratio(why: str) -> Ratio:
    """A share that cannot be given."""
    return {"numerator": None, "denominator": None, "ppm": None, "why": why}


def no_mean(why: str) -> Mean:
    """A mean that cannot be given."""
    return {"numerator_us": None, "denominator": None, "mean_us": None, "why": why}


def add_ratios(cells: Iterable[Ratio], rounding: str = "half") -> Ratio:
    """Roll shares up: numerators and denominators add."""
    above = below = 0
    for cell in cells:
        numerator, denominator = cell["numerator"], cell["denominator"]
        if not isinstance(numerator, int) or not isinstance(denominator, int):
            return no_ratio(NOT_MEASURED)
        above += numerator
        below += denominator
    return ratio(above, below, rounding)


def nearest_rank(values: Sequence[int], permille: int) -> int | None:
    """The item ``ceil(p * n)`` of the sorted values, from 1; None of none.

    Nearest rank: exact, a value that occurred; neither averaged nor interpolated.
    """
    if not values:
        return None
    rank = max(1, -(-len(values) * permille // 1000))
    return sorted(values)[rank - 1]
