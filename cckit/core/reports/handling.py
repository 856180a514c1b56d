"""Sums of talk, hold, wrap-up and offers by interval: what handling metrics divide.

Times count where their segment ended (rule ``end``), so a talk of 52 minutes stands whole in
the interval of its last second. ``handled`` counts conversations where they ended: a talk or
hold that neither went on hold nor came back from it. A consultation is talk in length, but no
conversation with a customer. Offers count where they were made, expired ones where they
expired (rule ``event``).
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final, Literal

from .segment_table import CONSULT, HOLD, NOT_HANDLED, RING, ROW, TALK, WRAPUP, SegmentTable
from .zone import Buckets

LENGTHS: Final = {TALK: "talk", CONSULT: "talk", HOLD: "hold", WRAPUP: "wrapup"}
Sums = Counter[str]
"""talk, hold, wrapup in microseconds; handled, transferred, offers, expired."""
Cells = dict[tuple[int, str | None], Sums]
"""(bucket, agent or queue) to sums; None is all."""


def handling(table: SegmentTable, buckets: Buckets, by: Literal["agent", "queue"]) -> Cells:
    """Sum segments by bucket and agent or queue."""
    cells: Cells = {}
    texts = table.words.texts
    place = 11 if by == "agent" else 7
    for c in ROW.iter_unpack(table.closed):
        phase = c[4]
        if phase < RING:
            continue
        name = texts[c[place]]
        if phase == RING:
            _add(cells, buckets.find(c[15]), name, offers=1)
            if texts[c[19]] == "expired":
                _add(cells, buckets.find(c[16]), name, expired=1)
        elif phase in LENGTHS:
            number = buckets.find(c[16])
            _add(cells, number, name, **{LENGTHS[phase]: c[16] - c[15]})
            if phase in (TALK, HOLD) and texts[c[19]] not in NOT_HANDLED:
                _add(cells, number, name, handled=1, transferred=texts[c[19]] == "transferred")
    for subject in table.subjects.values():
        for row in subject.rows:
            if row.phase == RING:
                code = row.agent if by == "agent" else row.queue
                _add(cells, buckets.find(row.start), texts[code], offers=1)
    return cells


def _add(cells: Cells, number: int, name: str | None, **sums: int) -> None:
    if number < 0:
        return
    for key in places(number, name):
        cell = cells.get(key)
        if cell is None:
            cell = cells[key] = Counter()
        for what, value in sums.items():
            cell[what] += value


def places(number: int, name: str | None) -> tuple[tuple[int, str | None], ...]:
    """The cells that a row of a bucket adds to: its own, and that of all."""
    return ((number, None),) if name is None else ((number, name), (number, None))


def names(keys: Iterable[tuple[int, str | None]]) -> dict[int, list[str]]:
    """Who has a cell in each bucket, by code points."""
    found: dict[int, set[str]] = {}
    for number, name in keys:
        if name is not None:
            found.setdefault(number, set()).add(name)
    return {number: sorted(some) for number, some in found.items()}
