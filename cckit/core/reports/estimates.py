"""Was what callers were told of their wait true? The announced range against what came.

An estimate is measured when its entry is answered: *inside* if the wait from then on lay in
the range that was said, else *sooner* or *later*. Its error is how far the middle of the
range was from that wait. Who hung up or went on to another queue is counted, not measured:
nobody knows how long it would have been.
"""

import struct
from collections import Counter
from typing import Any, Final

import attrs

from cckit.core.events import Recorded
from cckit.core.facts import QueueEntered, QueueEstimateGiven, QueueLeft
from cckit.core.projection import Canonical

from .arithmetic import mean, ratio
from .log_facts import LogFactsOf
from .report import INTERVAL_COLUMNS, Column, Key, Parameters, Report, States, Table, cut, heads
from .words import Words

ROW: Final = struct.Struct("<qqqqII")
"""Told at, least and most that was said, what was left (-1: never known), queue, outcome."""
COUNTS: Final = ("given", "measured", "inside", "sooner", "later")


@attrs.define(slots=True, weakref_slot=False)
class EstimateTable:
    """Packed rows of estimates whose entries have left, and what is still open."""

    words: Words = attrs.field(factory=Words)
    rows: bytearray = attrs.field(factory=bytearray)
    queues: dict[int, str] = attrs.field(factory=dict)
    """Entry to queue, of those who wait."""
    told: dict[int, list[tuple[int, int, int]]] = attrs.field(factory=dict)
    """Entry to what it was told: when, least, most."""


class Estimates:
    """``queue.estimate_given`` and what became of it, as a projection.

    .. versionadded:: 0.3
    """

    name = "queue.estimates"
    version = 1
    types: tuple[type, ...] = (QueueEntered, QueueEstimateGiven, QueueLeft)

    def initial(self) -> EstimateTable:
        return EstimateTable()

    def apply(self, state: EstimateTable, recorded: Recorded[Any]) -> None:
        envelope, data = recorded
        at = envelope.stamp.recorded_at
        if isinstance(data, QueueEntered):
            state.queues[data.entry] = data.queue
        elif isinstance(data, QueueEstimateGiven):
            state.told.setdefault(data.entry, []).append((at, data.low_us, data.high_us))
        else:
            queue = state.queues.pop(data.entry, None)
            answered = data.reason == "answered"
            for told, low, high in state.told.pop(data.entry, ()):
                left = at - told if answered else -1
                state.rows += _row(state, told, low, high, left, queue, data.reason)

    def dump(self, state: EstimateTable) -> Canonical:
        return {
            "words": state.words.dump(),
            "rows": bytes(state.rows),
            "queues": [[entry, queue] for entry, queue in state.queues.items()],
            "told": [[entry, [list(one) for one in told]] for entry, told in state.told.items()],
        }


def _row(
    state: EstimateTable, at: int, low: int, high: int, left: int, queue: str | None, how: str
) -> bytes:
    code = state.words.code
    return ROW.pack(at, low, high, max(left, -1), code(queue), code(how))


def table(states: States, parameters: Parameters) -> Table:
    """A row for each interval and queue, and one for all queues.

    ``error`` is the mean distance of the range's middle from the wait that came, ``width``
    the mean width of the range, both of the measured; all is dated by when it was said.
    """
    found: EstimateTable = states[Estimates.name]
    rows = [(*c[:4], found.words.texts[c[4]]) for c in ROW.iter_unpack(found.rows)]
    for entry, told in found.told.items():
        rows += [(*one, -1, found.queues.get(entry)) for one in told]
    range_, buckets = cut("estimates", parameters, "day", [row[0] for row in rows])
    counts: dict[Key, Counter[str]] = {}
    for at, low, high, left, queue in rows:
        number = buckets.find(at)
        for key in ((number, queue), (number, None)) if number >= 0 else ():
            cell = counts.setdefault(key, Counter())
            cell["given"] += 1
            if left >= 0:
                cell[_verdict(low, high, left)] += 1
                cell["measured"] += 1
                cell["error"] += abs(low + high - 2 * left) // 2
                cell["width"] += high - low
    out = []
    for key, head in heads(buckets, counts):
        cell = counts.get(key, Counter())
        measured = cell["measured"]
        out.append(
            (
                *head,
                *(cell[name] for name in COUNTS),
                ratio(cell["inside"], measured),
                mean(cell["error"], measured),
                mean(cell["width"], measured),
            )
        )
    columns = (
        *INTERVAL_COLUMNS,
        Column("queue", "text"),
        *(Column(name, "int", "event") for name in COUNTS),
        Column("held", "ratio", "event"),
        Column("error", "mean", "event"),
        Column("width", "mean", "event"),
    )
    return Table(columns, out, range_)


def _verdict(low: int, high: int, left: int) -> str:
    return "sooner" if left < low else "later" if left > high else "inside"


ESTIMATES: Final = Report("estimates", (Estimates(), LogFactsOf()), "day", table)
