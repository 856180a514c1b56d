"""What now? The fold at a position as a wallboard shows it."""

from collections import Counter
from typing import NamedTuple

from .agent_intervals import STATES, IntervalTable
from .arithmetic import Mean, Ratio
from .catalogue import Catalogue
from .definitions import DEFAULT, Definition
from .measure import measure
from .report import INTERVALS, SEGMENTS, States
from .segment_table import HOLD, QUEUE, RING, TALK, SegmentTable
from .visits import basis, tally, visits
from .zone import Zone, buckets, civil_days


class QueueNow(NamedTuple):
    """A tile: one queue, or all where ``queue`` is null."""

    queue: str | None
    waiting: int
    longest_wait_us: int | None
    """Of those who wait; null where nobody does."""
    offered: int
    talking: int
    answered: int
    """Since midnight, as the counts below."""
    abandoned: int
    service_level: Ratio | Mean | int | None


class Wallboard(NamedTuple):
    """All tiles at an instant."""

    at: int
    position: int | None
    definition: str
    queues: tuple[QueueNow, ...]
    """By code points, then all."""
    agents: dict[str, int]
    """State to number of agents logged in."""
    reasons: dict[str, int]
    """Of those not ready."""


def now(
    states: States,
    zone: Zone,
    at: int,
    position: int | None = None,
    definition: Definition | None = None,
) -> Wallboard:
    """The wallboard at an instant; service level is of visits since civil midnight."""
    chosen = definition or Catalogue().find(DEFAULT)
    segments: SegmentTable = states[SEGMENTS]
    today = buckets(zone, *civil_days(zone, at, at), "all")
    cells = tally(visits(segments), basis(chosen), today, at)
    phases, longest = _open(segments, at)
    names = sorted({q for _, q in (*cells, *phases) if q is not None})
    tiles = []
    for queue in (*names, None):
        counts = cells.get((0, queue), Counter())
        tiles.append(
            QueueNow(
                queue,
                phases[QUEUE, queue],
                longest.get(queue),
                phases[RING, queue],
                phases[TALK, queue] + phases[HOLD, queue],
                counts["A"],
                counts["B"],
                measure(chosen, counts, frozenset(chosen.needs)),
            )
        )
    agents, reasons = _agents(states[INTERVALS])
    return Wallboard(at, position, chosen.id, tuple(tiles), agents, reasons)


def _open(
    segments: SegmentTable, at: int
) -> tuple[Counter[tuple[int, str | None]], dict[str | None, int]]:
    """Open rows by (phase, queue), and the longest wait by queue; None is all queues."""
    phases: Counter[tuple[int, str | None]] = Counter()
    longest: dict[str | None, int] = {}
    texts = segments.words.texts
    for subject in segments.subjects.values():
        for row in subject.rows:
            name = texts[row.queue]
            for queue in (None,) if name is None else (name, None):
                phases[row.phase, queue] += 1
                if row.phase == QUEUE:
                    longest[queue] = max(longest.get(queue, 0), at - row.start)
    return phases, longest


def _agents(intervals: IntervalTable) -> tuple[dict[str, int], dict[str, int]]:
    agents = dict.fromkeys(STATES, 0)
    reasons: Counter[str] = Counter()
    texts = intervals.words.texts
    for agent in intervals.agents.values():
        if agent.here:
            state = STATES[agent.shape[0]]
            agents[state] += 1
            if state == "not_ready":
                reasons[texts[agent.shape[1]] or ""] += 1
    return agents, {name: reasons[name] for name in sorted(reasons)}
