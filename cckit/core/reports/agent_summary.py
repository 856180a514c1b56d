"""How did each agent work? Handling by end, states clipped to the interval."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from .agent_intervals import STATES, AgentIntervals, IntervalTable
from .arithmetic import NOT_MEASURED
from .catalogue import ACW, AHT, ATT, HOLD, OCCUPANCY, RONA, TRANSFER
from .definitions import Definition
from .handling import Sums, handling
from .log_facts import LogFactsOf
from .measure import column, measure
from .report import (
    INTERVAL_COLUMNS,
    INTERVALS,
    SEGMENTS,
    Column,
    Key,
    Parameters,
    Report,
    States,
    Table,
    cut,
    heads,
    measured,
)
from .segment_table import SegmentTable
from .segments import Segments
from .zone import Buckets

SUMS: Final = (
    ("handled", "handled", "end", "queue"),
    ("talk_us", "talk", "end", "queue"),
    ("hold_us", "hold", "end", "hold"),
    ("wrapup_us", "wrapup", "end", "wrapup"),
    ("offers", "offers", "event", "offers"),
)
"""Column, the sum it shows, its rule, what the log must have measured."""
METRICS: Final[dict[str, Definition]] = {
    "aht": AHT,
    "att": ATT,
    "hold": HOLD,
    "acw": ACW,
    "rona": RONA,
    "transfer": TRANSFER,
}
"""Of the same sums, by column."""
STATE_COLUMNS: Final = {
    "ready": "ready_us",
    "offered": "offered_us",
    "busy": "busy_us",
    "wrapup": "in_wrapup_us",
    "not_ready": "not_ready_us",
    "fault": "fault_us",
}


def table(states: States, parameters: Parameters) -> Table:
    """A row per interval and agent, and one per interval with agent null: all agents."""
    segments, intervals = states[SEGMENTS], states[INTERVALS]
    as_of = parameters.source.as_of
    instants = _instants(segments, intervals, as_of)
    range_, buckets = cut("agent-summary", parameters, "day", instants)
    handled = handling(segments, buckets, "agent")
    times = clipped(intervals, buckets, as_of)
    known = measured(states)
    out = []
    for key, head in heads(buckets, (*handled, *times)):
        sums, spent = handled.get(key, Counter()), times.get(key, Counter())
        out.append((*head, *_work(sums, known), *_time(spent, known)))
    return Table(_columns(known), out, range_, (*METRICS.values(), OCCUPANCY))


def _work(sums: Sums, known: frozenset[str]) -> Iterator[object]:
    for _, name, _, needs in SUMS:
        yield sums[name] if needs in known else None
    for one in METRICS.values():
        yield measure(one, sums, known)


def _time(spent: Sums, known: frozenset[str]) -> Iterator[object]:
    if "intervals" in known:
        yield sum(spent.values())
        yield from (spent[state] for state in STATES)
    else:
        yield from (None,) * (1 + len(STATES))
    yield measure(OCCUPANCY, spent, known)


def _columns(known: frozenset[str]) -> tuple[Column, ...]:
    kinds = {name: "us" if name.endswith("_us") else "int" for name, *_ in SUMS}
    unknown = None if "intervals" in known else NOT_MEASURED
    states = ("logged_in_us", *(STATE_COLUMNS[state] for state in STATES))
    return (
        *INTERVAL_COLUMNS,
        Column("agent", "text"),
        *(
            Column(name, kinds[name], rule, None, None if needs in known else NOT_MEASURED)
            for name, _, rule, needs in SUMS
        ),
        *(column(one, known, name) for name, one in METRICS.items()),
        *(Column(name, "us", "clipped", None, unknown) for name in states),
        column(OCCUPANCY, known, "occupancy"),
    )


def clipped(table: IntervalTable, buckets: Buckets, as_of: int) -> dict[Key, Sums]:
    """Time in each state by bucket and agent; None is all agents. Open rows end at as_of."""
    found: dict[Key, Sums] = {}
    for row in table.rows():
        end = max(row.start, as_of) if row.end is None else row.end
        for number, part in buckets.clip(row.start, end):
            for key in ((number, row.agent), (number, None)):
                found.setdefault(key, Counter())[row.state] += part
    return found


def _instants(segments: SegmentTable, intervals: IntervalTable, as_of: int) -> Iterator[int]:
    """The instants that the report's own range must hold."""
    for segment in segments.rows():
        if segment.agent is not None:
            yield segment.start
            if segment.end is not None:
                yield segment.end
    for row in intervals.rows():
        yield row.start
        yield max(row.start, (max(row.start, as_of) if row.end is None else row.end) - 1)


AGENT_SUMMARY: Final = Report(
    "agent-summary", (Segments(), AgentIntervals(), LogFactsOf()), "day", table
)
