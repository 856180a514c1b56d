"""Were the promises kept? A row per callback, and counts by interval.

A promise is *kept* when they spoke, a scheduled one no later than ``kept_us`` after the
instant that was agreed last; it is *broken* when they could not be reached, when its time
passed, or when they spoke too late. Who declined or cancelled freed us from it. Shares and
means are divided once, from sums.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import attrs

from cckit.core import MINUTE, Canonical, Recorded, Stream, contact_stream
from cckit.core.reports import Column, LogFactsOf, Parameters, Report, Table
from cckit.core.reports.arithmetic import mean, nearest_rank, ratio
from cckit.core.reports.report import INTERVAL_COLUMNS, Key, States, cut, heads

from .events import (
    CallbackAttemptEnded,
    CallbackClosed,
    CallbackRequested,
    CallbackRescheduled,
    Event,
)
from .machine import DONE, recall_id

KEPT_US: Final = 15 * MINUTE


@attrs.define(slots=True, weakref_slot=False)
class Row:
    """One callback."""

    of: Stream
    mode: str
    first: str
    requested_at: int
    due: int | None
    begun: int = 0
    moved: int = 0
    """How often it was put off."""
    attempts: int = 0
    spoke_at: int | None = None
    ended_at: int | None = None
    reason: str | None = None

    def late_us(self) -> int | None:
        """How long after the instant that was agreed they spoke."""
        if self.spoke_at is None or self.due is None:
            return None
        return max(0, self.spoke_at - self.due)

    def kept(self, kept_us: int) -> bool | None:
        """Whether the promise was kept; None while it is open, and where we were let off."""
        if self.reason in (None, "declined", "cancelled"):
            return None
        return self.reason == "done" and (self.late_us() or 0) <= kept_us


@attrs.define(slots=True, weakref_slot=False)
class Promises:
    """All callbacks in the order of their requests."""

    rows: list[Row] = attrs.field(factory=list)
    live: dict[Stream, Row] = attrs.field(factory=dict)
    """By the stream that asked, and by those of the contacts that may be called."""


class CallbackPromises:
    """Callbacks as a projection: ``callback.*`` alone tell it all."""

    name = "callback.promises"
    version = 1
    types: tuple[type, ...] = (
        CallbackRequested,
        CallbackRescheduled,
        CallbackAttemptEnded,
        CallbackClosed,
    )

    def initial(self) -> Promises:
        return Promises()

    def apply(self, state: Promises, recorded: Recorded[Event]) -> None:
        envelope, data = recorded
        stream, now = envelope.stream, envelope.recorded_at
        if isinstance(data, CallbackRequested):
            row = Row(stream, data.mode, data.first, now, data.due)
            state.rows.append(row)
            state.live[stream] = row
            if data.mode != "keep":
                state.live[_next(row)] = row
            return
        found = state.live.get(stream)
        if found is None:
            return
        if isinstance(data, CallbackAttemptEnded):
            found.attempts = data.n
            if data.result == DONE:
                found.spoke_at = now
        elif isinstance(data, CallbackRescheduled):
            found.moved += 1
            found.due = data.due
            found.begun += stream != found.of
            state.live[_next(found)] = found
        else:
            found.ended_at, found.reason = now, data.reason
            if data.reason == "done" and found.spoke_at is None:
                found.spoke_at = now  # They never hung up, so nobody was called.
            for key in [key for key in _keys(found) if state.live.get(key) is found]:
                del state.live[key]

    def dump(self, state: Promises) -> Canonical:
        return [
            [
                *(row.of, row.mode, row.first, row.requested_at, row.due, row.begun, row.moved),
                *(row.attempts, row.spoke_at, row.ended_at, row.reason),
            ]
            for row in state.rows
        ]


def _next(row: Row) -> Stream:
    return contact_stream(recall_id(row.of, row.begun + 1))


def _keys(row: Row) -> Iterator[Stream]:
    yield row.of
    for n in range(1, row.begun + 2):
        yield contact_stream(recall_id(row.of, n))


# --- tables ---------------------------------------------------------------------------------

COLUMNS: Final = (
    Column("of", "text"),
    Column("mode", "text"),
    Column("first", "text"),
    Column("requested_at", "instant", "arrival"),
    Column("due", "instant"),
    Column("moved", "int"),
    Column("attempts", "int"),
    Column("spoke_at", "instant"),
    Column("late_us", "us"),
    Column("ended_at", "instant"),
    Column("reason", "text"),
    Column("kept", "text"),
)
REASONS: Final = ("done", "unreachable", "declined", "cancelled", "expired")
COUNTS: Final = ("promised", "kept", "broken", "open", *REASONS, "attempts")
INTERVALS: Final = (
    *INTERVAL_COLUMNS,
    Column("mode", "text"),
    *(Column(name, "int", "arrival") for name in COUNTS),
    Column("kept_share", "ratio", "arrival"),
    Column("late", "mean", "arrival"),
    Column("late_p90_us", "us", "arrival"),
)


def rows(states: States, parameters: Parameters) -> Table:
    """A row per callback, in the order of their requests, which date them."""
    promises: Promises = states[CallbackPromises.name]
    range_, buckets = cut(
        "callbacks", parameters, "all", (row.requested_at for row in promises.rows)
    )
    found = [
        (
            *(row.of, row.mode, row.first, row.requested_at, row.due, row.moved, row.attempts),
            *(row.spoke_at, row.late_us(), row.ended_at, row.reason),
            {None: None, True: "yes", False: "no"}[row.kept(KEPT_US)],
        )
        for row in promises.rows
        if buckets.find(row.requested_at) >= 0
    ]
    return Table(COLUMNS, found, range_)


def intervals(states: States, parameters: Parameters) -> Table:
    """A row per interval and mode, and one with mode null: both. Dated by the request."""
    promises: Promises = states[CallbackPromises.name]
    range_, buckets = cut(
        "callback-intervals", parameters, "day", (row.requested_at for row in promises.rows)
    )
    cells: dict[Key, Counter[str]] = {}
    lates: dict[Key, list[int]] = {}
    for row in promises.rows:
        number = buckets.find(row.requested_at)
        places: tuple[Key, ...] = ((number, row.mode), (number, None)) if number >= 0 else ()
        for key in places:
            _count(cells.setdefault(key, Counter()), row)
            late = row.late_us()
            if late is not None:
                lates.setdefault(key, []).append(late)
    out = []
    for key, head in heads(buckets, cells):
        counts, late_us = cells.get(key, Counter()), lates.get(key, [])
        out.append(
            (
                *head,
                *(counts[name] for name in COUNTS),
                ratio(counts["kept"], counts["kept"] + counts["broken"]),
                mean(sum(late_us), len(late_us)),
                nearest_rank(late_us, 900),
            )
        )
    return Table(INTERVALS, out, range_)


def _count(counts: "Counter[str]", row: Row) -> None:
    counts["promised"] += 1
    counts["attempts"] += row.attempts
    counts[row.reason or "open"] += 1
    kept: Any = row.kept(KEPT_US)
    if kept is not None:
        counts["kept" if kept else "broken"] += 1


CALLBACKS: Final = Report("callbacks", (CallbackPromises(), LogFactsOf()), None, rows)
CALLBACK_INTERVALS: Final = Report(
    "callback-intervals", (CallbackPromises(), LogFactsOf()), "day", intervals
)
