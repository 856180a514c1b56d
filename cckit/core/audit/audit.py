"""One pass over a log: every projection rebuilt, every pin and count compared.

Frames go in, in order and already verified; what comes out is told by ``certificate``. A
projection that raises ends alone: its pins are then not compared.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any, Final

import attrs

from cckit.core.codec import digest
from cckit.core.events import Recorded
from cckit.core.frame import Frame
from cckit.core.ledger import CountCheck, Miscount
from cckit.core.projection import AnyProjection
from cckit.core.reports.fold import Folding

from .anomalies import Anomalies, Bounds
from .pins import DIFFERS, NOT_COMPARED, SAME, Compared, Identity, Pinned, compare

LISTED: Final = 1000
"""Pins and miscounts that are shown one by one."""


@attrs.define(slots=True)
class Rebuilt:
    """A projection on its way from zero."""

    projection: AnyProjection
    identity: Identity
    folding: Folding
    failure: str | None = None
    """Why it folds no more."""

    @classmethod
    def of(cls, projection: AnyProjection, identity: Identity) -> "Rebuilt":
        try:
            return cls(projection, identity, Folding((projection,)))
        except Exception as error:  # noqa: BLE001 - as below
            return cls(projection, identity, Folding(()), f"raised {type(error).__name__}")

    def feed(self, events: Sequence[Recorded[Any]]) -> None:
        """Fold a batch; whatever a plugin's code raises is kept for the certificate."""
        if self.failure is None:
            try:
                self.folding.feed(events)
            except Exception as error:  # noqa: BLE001 - a plugin's code: it is named, the rest goes on
                self.failure = f"raised {type(error).__name__}"

    def digest(self) -> bytes | None:
        """Of the state so far; None if the projection raised."""
        if self.failure is None:
            try:
                state = self.folding.states[self.projection.name]
                return digest(self.projection.dump(state))
            except Exception as error:  # noqa: BLE001 - a plugin's code: it is named, the rest goes on
                self.failure = f"raised {type(error).__name__}"
        return None


@attrs.define(slots=True)
class Tally:
    """The pins of one projection."""

    same: int = 0
    differs: int = 0
    not_compared: int = 0
    last_same: int | None = None
    """The highest position that a pin of it speaks of and that came out alike."""


class Audit:
    """The fold behind a certificate.

    :param rebuilt: the projections that are loaded.
    :param pins: every pin of the log up to where it is audited.

    .. versionadded:: 0.2
    """

    def __init__(
        self,
        rebuilt: Sequence[Rebuilt],
        pins: Iterable[Pinned],
        bounds: Bounds,
    ) -> None:
        self.rebuilt = {one.identity.name: one for one in rebuilt}
        self.tallies: dict[str, Tally] = {}
        self.compared = 0
        self.others: list[Compared] = []
        """The first pins that are not the same, or the same by other code."""
        self.first: Compared | None = None
        """The first pin that differs, by the position it speaks of."""
        self.after: int | None = None
        """Up to here the same projection came out alike before that."""
        self.anomalies = Anomalies(bounds)
        self.counting = CountCheck()
        self.miscounts: list[Miscount] = []
        self.wrong_counts = 0
        self.events = self.frames = self.redacted = 0
        self.as_of = 0
        """recorded_at of the last event."""
        self._seen = 0
        self._pins: list[Pinned] = []
        self._next = 0
        for pinned in sorted(pins, key=lambda one: (one.fact.position, one.position)):
            if 0 <= pinned.fact.position < pinned.position:
                self._pins.append(pinned)
            else:  # Nobody can have folded what was not stored yet.
                self._take(Compared(pinned, DIFFERS, ("position",), None))

    def feed(self, frame: Frame, events: Sequence[Recorded[Any]], end: int) -> None:
        """Fold the events of a frame that stand before position ``end``."""
        events = [one for one in events if one[0].position < end]
        self.frames += 1
        last = min(frame.end, end)
        hidden = last - frame.first - len(events)
        self.redacted += hidden
        self.counting.redacted(hidden)
        self.anomalies.redacted(hidden)
        self.events = last
        self.anomalies.epoch(frame.epoch)
        places = [one[0].position for one in events]
        start = 0
        while self._next < len(self._pins) and self._pins[self._next].fact.position < last:
            position = self._pins[self._next].fact.position
            cut = bisect_right(places, position)
            self._fold(events[start:cut])
            start = cut
            self._compare(position, frame.chain)
        self._fold(events[start:])
        for one in events:
            self._look(one)

    def end(self) -> None:
        """Tell what is still open, and judge pins of positions that the log has not."""
        self.anomalies.end()
        for pinned in self._pins[self._next :]:
            self._take(Compared(pinned, DIFFERS, ("position",), None))
        self._next = len(self._pins)

    def _fold(self, events: Sequence[Recorded[Any]]) -> None:
        self._seen += len(events)
        if events:
            for one in self.rebuilt.values():
                one.feed(events)

    def _look(self, recorded: Recorded[Any]) -> None:
        envelope, data = recorded
        self.as_of = envelope.stamp.recorded_at
        self.anomalies.add(envelope, data)
        wrong = self.counting.take(envelope, data)
        if wrong:
            self.wrong_counts += len(wrong)
            self.miscounts += wrong[: LISTED - len(self.miscounts)]

    def _compare(self, position: int, chain: bytes) -> None:
        """Judge every pin of one position."""
        hidden = position + 1 - self._seen
        digests: dict[str, bytes | None] = {}
        while self._next < len(self._pins) and self._pins[self._next].fact.position == position:
            pinned = self._pins[self._next]
            self._next += 1
            name = pinned.fact.projection
            ours = self.rebuilt.get(name)
            if ours is not None and name not in digests:
                digests[name] = ours.digest()
            known = None if ours is None else ours.identity
            why = "" if ours is None else ours.failure or ""
            self._take(compare(pinned, known, chain, digests.get(name), hidden, why))

    def _take(self, one: Compared) -> None:
        self.compared += 1
        tally = self.tallies.setdefault(one.pinned.fact.projection, Tally())
        if one.status == SAME:
            tally.same += 1
            tally.last_same = one.pinned.fact.position
        elif one.status == NOT_COMPARED:
            tally.not_compared += 1
        else:
            tally.differs += 1
            if self.first is None or one.pinned.fact.position < self.first.pinned.fact.position:
                self.first, self.after = one, tally.last_same
        if (one.status != SAME or one.because) and len(self.others) < LISTED:
            self.others.append(one)
