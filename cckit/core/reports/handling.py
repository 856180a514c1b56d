"""Sums of talk, hold, wrap-up and offers by interval: what handling metrics divide.

Times count where their segment ended (rule ``end``), so a talk of 52 minutes
stands whole in the interval of its last second. ``handled`` counts conversations where they
ended: a talk or hold that neither went on hold nor came back from it. Offers count where they
were made, expired ones where they expired (rule ``event``).
"""

from collections.abc import Iterable
from typing import Literal

import attrs

from .arithmetic import Mean, mean
from .segment_table import HOLD, NOT_HANDLED, RING, ROW, TALK, WRAPUP, SegmentTable
from .zone import Buckets


@attrs.define(slots=True, weakref_slot=False)
class Handling:
    """One cell. Times in microseconds."""

    handled: int = 0
    talk_us: int = 0
    hold_us: int = 0
    wrapup_us: int = 0
    offers: int = 0
    expired: int = 0
    transferred: int = 0

    def add(self, other: "Handling") -> None:
        """Roll up."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def aht(self) -> Mean:
        """(talk + hold + wrap-up) / handled."""
        return mean(self.talk_us + self.hold_us + self.wrapup_us, self.handled)


Cells = dict[tuple[int, str | None], Handling]
"""(bucket, agent or queue) to sums; None is all."""


def handling(table: SegmentTable, buckets: Buckets, by: Literal["agent", "queue"]) -> Cells:
    """Sum closed segments by bucket and agent or queue."""
    cells: Cells = {}
    texts = table.words.texts
    place = 11 if by == "agent" else 7
    not_handled = {table.words.codes.get(word, -1) for word in NOT_HANDLED}
    expired = table.words.codes.get("expired", -1)
    transferred = table.words.codes.get("transferred", -1)
    for c in ROW.iter_unpack(table.closed):
        phase = c[4]
        if phase < RING:
            continue
        name = texts[c[place]]
        if phase == RING:
            _count(cells, buckets, c[15], name, "offers", 1)
            if c[19] == expired:
                _count(cells, buckets, c[16], name, "expired", 1)
            continue
        sums = _sums(phase, c[16] - c[15])
        if phase != WRAPUP and c[19] not in not_handled:
            sums["handled"] = 1
            if c[19] == transferred:
                sums["transferred"] = 1
        for what, value in sums.items():
            _count(cells, buckets, c[16], name, what, value)
    for subject in table.subjects.values():
        for row in subject.rows:
            if row.phase == RING:
                code = row.agent if by == "agent" else row.queue
                _count(cells, buckets, row.start, texts[code], "offers", 1)
    return cells


def _sums(phase: int, length: int) -> dict[str, int]:
    return {{TALK: "talk_us", HOLD: "hold_us", WRAPUP: "wrapup_us"}.get(phase, "talk_us"): length}


def _count(
    cells: Cells, buckets: Buckets, at: int, name: str | None, what: str, value: int
) -> None:
    number = buckets.find(at)
    if number < 0:
        return
    keys = ((number, name), (number, None)) if name is not None else ((number, None),)
    for key in keys:
        cell = cells.get(key)
        if cell is None:
            cell = cells[key] = Handling()
        setattr(cell, what, getattr(cell, what) + value)


def names(keys: Iterable[tuple[int, str | None]]) -> dict[int, list[str]]:
    """Who has a cell in each bucket, by code points."""
    found: dict[int, set[str]] = {}
    for number, name in keys:
        if name is not None:
            found.setdefault(number, set()).add(name)
    return {number: sorted(some) for number, some in found.items()}
