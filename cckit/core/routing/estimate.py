"""How long somebody will wait, from how long others just did.

Two estimators (Ibrahim and Whitt 2009, "Real-time delay estimation based on delay
history", doi 10.1287/msom.1080.0223), both for those who need the same in one queue:

- ``les``, the last to enter service: the wait of whoever was served last, at least that of
  the head of the line so far;
- ``ql``, the queue length: (ahead + 1) times the mean of the last 20 gaps between two who
  entered service.

What is said is a range of whole minutes, one standard deviation to each side. A sum of
``ahead + 1`` exponential gaps has ``gap * sqrt(ahead + 1)``; the error of ``les`` has about
twice that variance (their equation for Poisson arrivals), ``sqrt(2 * wait * gap)``.
"""

from math import isqrt
from typing import Final, NamedTuple

from cckit.core.floor import Floor
from cckit.core.instant import MINUTE
from cckit.core.queue import Entry, Queue, Rank, served_key

ESTIMATORS: Final = ("les", "ql")
MEASURED_MIN: Final = 20
"""From how many measured estimates on they are judged."""


class Expected(NamedTuple):
    """What is expected of a wait from now on."""

    wait_us: int
    low_us: int
    high_us: int
    """Whole minutes, as ``low_us``; more than it."""
    n: int
    """Place among those who need the same, from 1."""
    estimator: str


def expected(
    floor: Floor, queue: Queue, channel: str, need: str, rank: Rank, now: int
) -> Expected | None:
    """Estimate the wait that is left to a rank; None where there is none, or too little known.

    :param need: canonical; agents who are only preferred make no difference.
    :param rank: of an entry, waiting or not; its wait so far counts.
    """
    settings = queue.settings
    group = floor.index.by_need.get((queue.id, channel, need, (), False))
    if group is None:  # Whether it was ever asked for must make no difference.
        group = floor.index.probe(queue, channel, need)
    ahead = group.ahead(rank)
    if not ahead and floor.index.candidates(group):
        return None  # Somebody is free: there is no wait to speak of.
    served = queue.served.get(served_key(channel, need))
    if served is None or len(served.at) < 2 or not settings.estimator:
        return None
    gap = max(0, served.at[-1] - served.at[0]) // (len(served.at) - 1)
    if settings.estimator == "ql":
        wait = (ahead + 1) * gap
        spread = isqrt((ahead + 1) * gap * gap)
    else:
        head = now - group.line[0][2] if group.line else 0
        all_of_it = max(served.wait_us, head)
        wait = max(0, all_of_it - max(0, now - rank[2]))
        spread = isqrt(2 * all_of_it * gap)
    low = max(0, wait - spread) // MINUTE * MINUTE
    high = max(low + MINUTE, -(-(wait + spread) // MINUTE) * MINUTE)
    return Expected(wait, low, high, ahead + 1, settings.estimator)


def expected_of(floor: Floor, entry: Entry, now: int) -> Expected | None:
    """Estimate the wait that is left to an entry."""
    group = entry.group
    return expected(floor, group.queue, group.channel, group.need.text, entry.rank, now)


def place_of(floor: Floor, entry: Entry) -> int:
    """The place of an entry among those of its queue and channel who wait, from 1.

    Bisected in each line, so it costs as much as there are different needs.
    """
    here = entry.group
    lines = (
        group
        for group in floor.index.lines()
        if group.queue is here.queue and group.channel == here.channel
    )
    return 1 + sum(group.ahead(entry.rank) for group in lines)


def trusted(queue: Queue) -> bool:
    """Tell whether at least half of the last estimates that were measured held."""
    hits = queue.hits
    return len(hits) < MEASURED_MIN or 2 * sum(hits) >= len(hits)
