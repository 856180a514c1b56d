"""The visit view of the segment table, and the named counts that metrics add.

A visit is one wait in one queue: the unit of service level. Its wait is its queue segment,
ring included. A contact that was turned away before any queue counts as N and is no visit.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from .definitions import LETTERS, Definition
from .handling import places
from .segment_table import IVR, QUEUE, ROW, SegmentTable, flag_words
from .zone import Buckets

OUTCOMES: Final = {
    "answered": "A",
    "abandoned": "B",
    "callback_failed": "B",
    "overflowed": "F",
    "timed_out": "F",
    "dequeued": "D",
    "cancelled": "D",
    "merged": "D",
    "blocked": "E",
}
"""Reason of queue.left to count; any other word is an error, E."""
TURNED_AWAY: Final = ("blocked", "deflected")


class Visit(NamedTuple):
    """One row; ``end``, ``ended`` and ``outcome`` are null while it waits."""

    contact: str
    visit: int
    """From 1; 0 for a contact that was turned away."""
    queue: str | None
    channel: str | None
    direction: str | None
    customer: str | None
    start: int
    end: int | None
    ended: str | None
    outcome: str | None
    """A, B, F, D, E or N."""
    flags: tuple[str, ...]


def visits(table: SegmentTable) -> Iterator[Visit]:
    """Ended visits in the order they ended, then open ones.

    All visits of a contact that closed as failed are errors, whatever ended them.
    """
    texts = table.words.texts
    failed = table.failed
    for c in ROW.iter_unpack(table.closed):
        phase = c[4]
        if phase == QUEUE:
            contact = texts[c[1]] or ""
            ended = texts[c[19]]
            outcome = "E" if contact in failed else OUTCOMES.get(ended or "", "E")
        elif phase == IVR and c[3] == 0 and texts[c[19]] in TURNED_AWAY:
            contact = texts[c[1]] or ""
            ended = texts[c[19]]
            outcome = "N"
        else:
            continue
        who = (texts[c[7]], texts[c[5]], texts[c[6]], texts[c[10]])
        yield Visit(contact, c[3], *who, c[15], c[16], ended, outcome, flag_words(c[21]))
    for name, subject in table.subjects.items():
        for row in subject.rows:
            if row.phase == QUEUE:
                codes = (row.queue, subject.channel, subject.direction, subject.customer)
                who = (texts[codes[0]], texts[codes[1]], texts[codes[2]], texts[codes[3]])
                flags = flag_words(row.flags)
                yield Visit(name, row.visit, *who, row.start, None, None, None, flags)


class Basis(NamedTuple):
    """What decides how visits are counted: definitions with the same one share a pass."""

    where: tuple[tuple[str, tuple[str, ...]], ...]
    T: int
    s: int
    rule: str


def basis(definition: Definition) -> Basis:
    """The basis of a definition."""
    where = tuple((name, tuple(values)) for name, values in sorted(definition.where.items()))
    return Basis(where, definition.T, definition.s, definition.rule)


Counts = Counter[str]
Cells = dict[tuple[int, str | None], Counts]
"""(bucket, queue) to counts; queue None is all queues."""


def selected(rows: Iterable[Visit], basis: Basis) -> Iterator[Visit]:
    """The visits that the basis' ``where`` lets through."""
    for row in rows:
        if all(getattr(row, name) in values for name, values in basis.where):
            yield row


def tally(rows: Iterable[Visit], basis: Basis, buckets: Buckets, as_of: int) -> Cells:
    """Count visits by bucket and queue.

    Names: A, B, F, D, E, O, each also ``_T`` and ``_s``; N; ``arrived`` and ``open``
    (visits); ``due`` (open beyond T, rule ``outcome``).
    """
    alike: dict[tuple[int, str | None, tuple[str, ...]], list[int]] = {}
    for row in selected(rows, basis):
        at = _date(row, basis, as_of)
        if at is None:
            continue
        bucket = buckets.find(at)
        if bucket < 0:
            continue
        end = row.start if row.end is None else row.end
        found = alike.setdefault((bucket, row.queue, _names(row, basis)), [0, 0])
        found[0] += 1
        found[1] += end - row.start
    return _cells(alike)


def _cells(alike: dict[tuple[int, str | None, tuple[str, ...]], list[int]]) -> Cells:
    """Add up rows by their names: (bucket, queue, names) to how many and their waits."""
    cells: Cells = {}
    for (bucket, queue, names), (count, wait_us) in alike.items():
        for key in places(bucket, queue):
            cell = cells.setdefault(key, Counter())
            for name in names:
                cell[name] += count
            if "O" in names:
                cell[f"wait_{names[2]}"] += wait_us
                cell["wait_O"] += wait_us
    return cells


def _date(row: Visit, basis: Basis, as_of: int) -> int | None:
    """The instant a visit counts at, or None: not yet."""
    if basis.rule == "arrival":
        return row.start
    if basis.rule == "end":
        return row.end
    due = row.start + basis.T
    if row.end is None:
        return due if due < as_of else None
    return min(row.end, due)


def _names(row: Visit, basis: Basis) -> tuple[str, ...]:
    """What a visit counts as; of an ended one the third is its outcome."""
    outcome = row.outcome
    if outcome is None or row.end is None:
        return ("arrived", "due" if basis.rule == "outcome" else "open")
    if outcome == "N":
        return ("N",)
    wait = row.end - row.start
    names: tuple[str, ...] = ("arrived", "O", outcome)
    if wait <= basis.T:
        names += ("O_T", outcome + "_T")
    if wait < basis.s:
        names += ("O_s", outcome + "_s")
    return names


def is_whole(counts: Counts) -> bool:
    """Nothing arrived that neither ended nor waits: O + open = arrived."""
    ended = sum(counts[name] for name in LETTERS)
    return ended == counts["O"] and ended + counts["open"] == counts["arrived"]
