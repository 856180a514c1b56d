"""How long customers would have waited, also those who were answered first.

Who was answered after w would have waited longer than w; how much longer nobody saw. The
product-limit estimator (Kaplan and Meier 1958, equation 2a) uses what was seen: at each
wait t at which d of the n who still waited gave up, the share that stays is multiplied
by (n - d) / n. Who was answered at t itself still counts among the n.

Shares are integers, of 2^64, rounded down at each step: the same on every machine. Beyond
the last one who gave up the curve says nothing; there patience goes on without memory, at
the rate of all who gave up over all the time waited (the exponential estimate).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import groupby
from random import Random
from typing import Final

import attrs

from cckit.core.instant import Span

from .draws import Exponential

BITS: Final = 64
WHOLE: Final = 1 << BITS


@attrs.frozen
class Survival:
    """The Kaplan-Meier curve of patience."""

    times: tuple[int, ...]
    """Waits, in microseconds and ascending, at which someone gave up."""
    left: tuple[int, ...]
    """Of 2^64, who waits on after each of ``times``; descending."""
    exposure_us: int
    """All waits added."""
    gave_up: int

    @classmethod
    def fit(cls, waits: Iterable[tuple[int, bool]]) -> "Survival":
        """Estimate from pairs (wait in microseconds, whether it ended by giving up).

        .. versionadded:: 0.1
        """
        rows = sorted(waits)
        at_risk, share = len(rows), WHOLE
        times, left = [], []
        for wait, group in groupby(rows, key=lambda row: row[0]):
            ended = [gave_up for _, gave_up in group]
            deaths = sum(ended)
            if deaths:
                share = share * (at_risk - deaths) // at_risk
                times.append(wait)
                left.append(share)
            at_risk -= len(ended)
        total = sum(wait for wait, _ in rows)
        return cls(tuple(times), tuple(left), total, sum(gave_up for _, gave_up in rows))

    def share(self, wait_us: int) -> int:
        """Return who waits longer than ``wait_us``, of 2^64."""
        at = bisect_right(self.times, wait_us)
        return self.left[at - 1] if at else WHOLE

    def draw(self, random: Random, above_us: int = -1) -> Span | None:
        """Draw a patience above ``above_us``; None, endless, if nobody ever gave up.

        .. versionadded:: 0.1
        """
        if not self.gave_up:
            return None
        target = self.share(above_us) * random.getrandbits(BITS) >> BITS
        at = bisect_left(self.left, -target, key=lambda share: -share)
        if at < len(self.times) and self.times[at] > above_us:
            return Span(self.times[at])
        beyond = Exponential(self.exposure_us // self.gave_up).draw(random)
        return Span(max(above_us, self.times[-1]) + 1 + beyond)
