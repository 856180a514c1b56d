"""How did each agent work? Handling by end, states clipped to the interval."""

from collections import Counter
from collections.abc import Iterator

from .agent_intervals import STATES, AgentIntervals, IntervalTable
from .arithmetic import NOT_MEASURED, mean, no_mean, no_ratio, ratio
from .handling import Handling, handling, names
from .log_facts import LogFactsOf
from .report import (
    INTERVAL_COLUMNS,
    INTERVALS,
    SEGMENTS,
    Column,
    Parameters,
    Report,
    States,
    Table,
    cut,
    measured,
)
from .segment_table import SegmentTable
from .segments import Segments
from .zone import Buckets

STATE_COLUMNS = {
    "ready": "ready_us",
    "offered": "offered_us",
    "busy": "busy_us",
    "wrapup": "in_wrapup_us",
    "not_ready": "not_ready_us",
    "fault": "fault_us",
}
Times = Counter[str]


def table(states: States, parameters: Parameters) -> Table:
    """A row per interval and agent, and one per interval with agent null: all agents."""
    segments, intervals = states[SEGMENTS], states[INTERVALS]
    as_of = parameters.source.as_of
    instants = list(_instants(segments, intervals, as_of))
    range_, buckets = cut("agent-summary", parameters, "day", instants)
    handled = handling(segments, buckets, "agent")
    times = clipped(intervals, buckets, as_of)
    known = measured(states)
    found = names([*handled, *times])
    out = []
    for number, bucket in enumerate(buckets.rows):
        for agent in (*found.get(number, ()), None):
            key = (number, agent)
            cell, spent = handled.get(key, Handling()), times.get(key, Counter())
            head = (bucket.label, bucket.at, bucket.length_us, agent)
            out.append((*head, *_handling(cell, known), *_times(spent, known)))
    return Table(_columns(known), out, range_)


def _handling(cell: Handling, known: frozenset[str]) -> Iterator[object]:
    hold, wrapup, offers = ("hold" in known, "wrapup" in known, "offers" in known)
    n = cell.handled
    yield from (n, cell.talk_us)
    yield cell.hold_us if hold else None
    yield cell.wrapup_us if wrapup else None
    yield cell.aht if wrapup else no_mean(NOT_MEASURED)
    yield mean(cell.talk_us, n)
    yield mean(cell.hold_us, n) if hold else no_mean(NOT_MEASURED)
    yield mean(cell.wrapup_us, n) if wrapup else no_mean(NOT_MEASURED)
    yield cell.offers if offers else None
    yield ratio(cell.expired, cell.offers) if offers else no_ratio(NOT_MEASURED)
    yield ratio(cell.transferred, n) if offers else no_ratio(NOT_MEASURED)


def _times(spent: Times, known: frozenset[str]) -> Iterator[object]:
    if "intervals" not in known:
        yield from (None,) * (1 + len(STATES))
        yield no_ratio(NOT_MEASURED)
        return
    yield sum(spent.values())
    yield from (spent[state] for state in STATES)
    working = spent["busy"] + spent["wrapup"]
    yield ratio(working, working + spent["ready"])


def _columns(known: frozenset[str]) -> tuple[Column, ...]:
    def column(name: str, kind: str, rule: str, needs: str = "queue") -> Column:
        return Column(name, kind, rule, None, None if needs in known else NOT_MEASURED)

    return (
        *INTERVAL_COLUMNS,
        Column("agent", "text"),
        column("handled", "int", "end"),
        column("talk_us", "us", "end"),
        column("hold_us", "us", "end", "hold"),
        column("wrapup_us", "us", "end", "wrapup"),
        column("aht", "mean", "end", "wrapup"),
        column("att", "mean", "end"),
        column("hold", "mean", "end", "hold"),
        column("acw", "mean", "end", "wrapup"),
        column("offers", "int", "event", "offers"),
        column("rona", "ratio", "event", "offers"),
        column("transfer", "ratio", "end", "offers"),
        column("logged_in_us", "us", "clipped", "intervals"),
        *(column(STATE_COLUMNS[s], "us", "clipped", "intervals") for s in STATES),
        column("occupancy", "ratio", "clipped", "intervals"),
    )


def clipped(
    table: IntervalTable, buckets: Buckets, as_of: int
) -> dict[tuple[int, str | None], Times]:
    """Time in each state by bucket and agent; None is all agents. Open rows end at as_of."""
    found: dict[tuple[int, str | None], Times] = {}
    for row in table.rows():
        end = max(row.start, as_of) if row.end is None else row.end
        for number, part in buckets.clip(row.start, end):
            for key in ((number, row.agent), (number, None)):
                found.setdefault(key, Counter())[row.state] += part
    return found


def _instants(segments: SegmentTable, intervals: IntervalTable, as_of: int) -> Iterator[int]:
    """The instants that the report's own range must hold."""
    for segment in segments.rows():
        if segment.agent is not None or segment.phase == "talk":
            yield segment.start
            if segment.end is not None:
                yield segment.end
    for row in intervals.rows():
        yield row.start
        yield (max(row.start, as_of) if row.end is None else row.end) - 1


AGENT_SUMMARY = Report("agent-summary", (Segments(), AgentIntervals(), LogFactsOf()), "day", table)
