"""What several seeds say together: a mean, and how far chance may have moved it.

A share of a simulated day is a ratio of two sums, both of them by chance. Its error is
that of the linearized ratio (Cochran 1977, "Sampling techniques", section 2.11), its
interval Student's t over the seeds. A seed in which nothing came counts as what it is.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

LEVEL: Final = 0.95


class Estimate(NamedTuple):
    """A figure over seeds."""

    mean: float
    low: float
    high: float
    """The interval at ``LEVEL``; the mean itself where one seed has no say about it."""


def ratio(parts: Sequence[float], wholes: Sequence[float]) -> Estimate | None:
    """Estimate sum(parts) / sum(wholes), a pair for each seed; None of nothing.

    .. versionadded:: 0.3
    """
    total, seeds = sum(wholes), len(wholes)
    if total <= 0:
        return None
    mean = sum(parts) / total
    if seeds == 1:
        return Estimate(mean, mean, mean)
    squares = sum((part - mean * whole) ** 2 for part, whole in zip(parts, wholes, strict=True))
    error = math.sqrt(squares / (seeds - 1) / seeds) * seeds / total
    half = quantile(seeds - 1) * error
    return Estimate(mean, mean - half, mean + half)


@cache
def quantile(freedom: int, level: float = LEVEL) -> float:
    """Return Student's t for a two-sided interval, by bisection.

    .. versionadded:: 0.3
    """
    low, high = 0.0, 1.0
    while inside(high, freedom) < level:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        if inside(middle, freedom) < level:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def inside(t: float, freedom: int) -> float:
    """Return P(-t < T < t) (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4)."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, square = math.sin(angle), math.cos(angle) ** 2
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = 0.0
    for k in range(2 + odd, freedom + 1, 2):
        total += term
        term *= square * (k - 1) / k
    total *= sine
    return (angle + total) * 2 / math.pi if odd else total
