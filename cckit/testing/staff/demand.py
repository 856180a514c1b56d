"""What comes, by interval: of processes that are known, or of the calls of a log.

A source says two things. What the models are told: expected calls, mean handling and mean
patience of each interval. And what the rehearsal plays: the same rates as Poisson
processes, with handling and patience as the source has them, which need not be exponential.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

import attrs

from cckit.core.errors import ConfigError
from cckit.core.headcount import Demand
from cckit.core.ids import QueueId
from cckit.core.instant import HOUR, MINUTE, SECOND, Instant, Span
from cckit.core.reports.zone import Buckets, Zone, buckets, civil_days
from cckit.testing.draws import (
    AT_ONCE,
    NEVER,
    Endless,
    Exponential,
    Fixed,
    Lengths,
    Lognormal,
    Observed,
    Uniform,
)
from cckit.testing.recording import RecordedTraffic, Seen, waited
from cckit.testing.survival import Survival
from cckit.testing.traffic import Arrival, Process, Processes, Rate

ALL: Final = "*"
STEPS: Final = ("5", "10", "15", "20", "30", "60")
"""Minutes."""
LEAST_PATIENCE_US: Final = 1_000


@attrs.frozen
class Work:
    """The demand of a time, and customers to rehearse with."""

    demand: tuple[Demand, ...]
    """In order, without holes."""
    intervals: Buckets
    """The same intervals."""
    traffic: "Pooled"
    zone: Zone
    source: str


@attrs.frozen
class Pooled:
    """Processes that one group of agents serves.

    Nobody needs a skill, everybody comes to the queue at once, and wrap-up is talk.
    """

    processes: Processes

    @property
    def start(self) -> Instant:
        return self.processes.start

    @property
    def end(self) -> Instant:
        return self.processes.end

    @property
    def zone(self) -> ZoneInfo:
        return self.processes.zone

    @property
    def source(self) -> str:
        return self.processes.source

    @property
    def queues(self) -> tuple[str, ...]:
        return self.processes.queues

    def arrivals(self, seed: int) -> Iterator[Arrival]:
        """Yield the customers, by time of arrival."""
        for one in self.processes.arrivals(seed):
            busy, none = Span(one.handling_us + (one.wrapup_us or 0)), Span(0)
            yield one._replace(need=None, flow_us=none, handling_us=busy, wrapup_us=none)


def grid(zone: Zone, start: int, end: int, step: str) -> Buckets:
    """Return the whole civil intervals of ``step`` minutes around [start, end).

    :raises ConfigError: no such step, or too many intervals.
    """
    step_us(step)
    rows = buckets(zone, *civil_days(zone, start, end), step).rows
    return Buckets(
        [
            (row.at, row.at + row.length_us, row.label)
            for row in rows
            if row.at < end and start < row.at + row.length_us
        ]
    )


def step_us(step: str) -> int:
    """Return the length of intervals of ``step`` minutes.

    :raises ConfigError: it is none of ``STEPS``.
    """
    if step not in STEPS:
        allowed = f"take one of {', '.join(STEPS)}"
        raise ConfigError("--interval", f"{step!r} is no length of interval, in minutes", allowed)
    return int(step) * MINUTE


def work(processes: Sequence[Process], intervals: Buckets, zone: Zone, source: str) -> Work:
    """Return the demand of processes in these intervals."""
    first, last = intervals.rows[0], intervals.rows[-1]
    start, end = Instant(first.at), Instant(last.at + last.length_us)
    calls = [_calls(process, intervals) for process in processes]
    whole = _mixed(processes, [sum(each) for each in calls])
    demand = []
    for number, row in enumerate(intervals.rows):
        here = [each[number] for each in calls]
        handling, patience = _mixed(processes, here) if sum(here) else whole
        demand.append(Demand(Instant(row.at), row.length_us, sum(here), handling, patience))
    pooled = Pooled(Processes(start, end, zone.info, tuple(processes), source))
    return Work(tuple(demand), intervals, pooled, zone, source)


def exponential(process: Process, aht_s: float | None, patience_s: float | None) -> Process:
    """Return a process with other means, where they are given."""
    if aht_s is not None:
        handling = Exponential(round(aht_s * SECOND))
        process = attrs.evolve(process, handling=handling, wrapup=AT_ONCE, wrapup_permille=0)
    if patience_s is not None:
        process = attrs.evolve(process, patience=Exponential(round(patience_s * SECOND)))
    return process


def of_log(recorded: RecordedTraffic, visits: Sequence[Seen], intervals: Buckets) -> list[Process]:
    """Return a process for each queue of some visits: rates by interval, the rest as seen.

    Handling is drawn from the talks and wrap-ups of those who were answered, patience from
    the Kaplan-Meier curve of the visits.
    """
    curve = Survival.fit((waited(seen, recorded.last), seen.gave_up) for seen in visits)
    patience: Lengths = curve if curve.gave_up else NEVER
    everybody = _handled(visits)
    found = []
    for queue in sorted({seen.queue for seen in visits if seen.queue is not None}):
        own = [seen for seen in visits if seen.queue == queue]
        counts = [0] * len(intervals.rows)
        for seen in own:
            counts[intervals.find(seen.entered)] += 1
        rates = tuple(
            Rate(row.at, row.at + row.length_us, count * HOUR / row.length_us)
            for row, count in zip(intervals.rows, counts, strict=True)
        )
        handling = Observed(_handled(own) or everybody)
        found.append(Process(QueueId(queue), rates, patience, handling, AT_ONCE))
    return found


def _handled(visits: Sequence[Seen]) -> tuple[int, ...]:
    return tuple(s.talk_us + (s.wrapup_us or 0) for s in visits if s.talk_us is not None)


def _calls(process: Process, intervals: Buckets) -> list[float]:
    """Expected calls of each interval."""
    calls = [0.0] * len(intervals.rows)
    for start, end, per_hour in process.rates:
        for number, part in intervals.clip(start, end):
            calls[number] += per_hour * part / HOUR
    return calls


def _mixed(processes: Sequence[Process], calls: Sequence[float]) -> tuple[float, float | None]:
    """Mean handling and mean patience of so many calls of each, in seconds.

    Of patience the rates of giving up are averaged: that is what acts on those who wait.
    """
    total = sum(calls)
    pairs = list(zip(processes, calls, strict=True))
    handling = sum(calls * handling_us(process) for process, calls in pairs) / total
    leaving = sum(calls / _patience_us(process) for process, calls in pairs) / total
    return handling / SECOND, 1 / leaving / SECOND if leaving else None


def _patience_us(process: Process) -> float:
    """Mean patience; who gives up at once has a little, for the models divide by it."""
    return max(LEAST_PATIENCE_US, mean_us(process.patience))


def handling_us(process: Process) -> float:
    """Return how long a call keeps an agent, on average; wrap-up without end counts as none."""
    after = 0.0
    if not process.wrapup_permille and process.wrapup != NEVER:
        after = mean_us(process.wrapup)
    return mean_us(process.handling) + after


MEANS: Final[dict[type, Callable[[Any], float]]] = {
    Fixed: lambda lengths: lengths.us,
    Endless: lambda lengths: math.inf,
    Exponential: lambda lengths: lengths.mean_us,
    Uniform: lambda lengths: (lengths.from_us + lengths.to_us) / 2,
    Lognormal: lambda lengths: lengths.mean_us,
    Observed: lambda lengths: sum(lengths.lengths_us) / len(lengths.lengths_us),
    Survival: lambda lengths: lengths.exposure_us / lengths.gave_up,
}


def mean_us(lengths: Lengths) -> float:
    """Return the mean of a distribution; that of a curve is its exponential estimate."""
    return MEANS[type(lengths)](lengths)
