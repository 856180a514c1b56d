"""How many there were of everything: counts that the log itself keeps.

A ``ledger.counted`` at position p counts all events before p, so each stands for itself.
Of a kind the counters are sorted by name and cut into parts; all parts stand at successive
positions. With positions and stream versions contiguous, no contact of a queue can be left
out of what is proved between two of them: the numbers between must all be there.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import attrs

from .codec import Codec
from .events import Envelope, kind_of
from .facts import LedgerCounted, QueueEntered
from .frame import Frame
from .schema import unpack

KINDS: Final = ("queue", "stream", "type")
"""In the order in which they are written; ``type`` last, since it counts the others."""
PART_MAX: Final = 256
"""Counters of one event."""
NAMES_MAX: Final = 24 * 1024
"""Bytes of their names, so that long ones fit into an event too."""

_COUNTED: Final = kind_of(LedgerCounted).name
_ENTERED: Final = kind_of(QueueEntered).name


@attrs.define(slots=True)
class Counts:
    """A fold over every event, whatever its type.

    .. versionadded:: 0.2
    """

    queue: dict[str, int] = attrs.field(factory=dict)
    """Queue to its highest ``n``: its entries so far."""
    stream: dict[str, int] = attrs.field(factory=dict)
    """First word of a stream's name to how many such streams have begun."""
    type: dict[str, int] = attrs.field(factory=dict)
    """Event type to how many events."""
    events: int = 0
    redacted: int = 0
    """Events of which only the hash is left: nobody knows what they would count."""

    def add(self, envelope: Envelope, data: Any) -> None:
        """Count one event."""
        self._add(envelope.stream, envelope.stream_version, envelope.kind.name)
        if type(data) is QueueEntered:
            self.queue[data.queue] = max(self.queue.get(data.queue, 0), data.n)

    def add_frame(self, frame: Frame, codec: Codec) -> None:
        """Count a frame's events; of their data only that of ``queue.entered`` is decoded."""
        for decision in unpack(frame.body):
            for event in decision[7]:
                if type(event) is bytes:
                    self.events += 1
                    self.redacted += 1
                    continue
                stream, stream_version, name, version, data = event
                self._add(stream, stream_version, name)
                if name == _ENTERED:
                    entered = codec.decode(name, version, data)
                    self.queue[entered.queue] = max(self.queue.get(entered.queue, 0), entered.n)

    def _add(self, stream: str, stream_version: int, name: str) -> None:
        self.events += 1
        self.type[name] = self.type.get(name, 0) + 1
        if stream_version == 0:
            word = stream.partition("/")[0]
            self.stream[word] = self.stream.get(word, 0) + 1

    def of(self, kind: str) -> dict[str, int]:
        """The counters of one of ``KINDS``."""
        return {"queue": self.queue, "stream": self.stream, "type": self.type}[kind]

    def facts(self) -> list[LedgerCounted]:
        """What says all of it, to be written as the next events in this order."""
        counted: list[LedgerCounted] = []
        for kind in KINDS:
            counters = dict(self.of(kind))
            if kind == "type" and counted:
                # These very facts, written before each part of the last kind.
                counters.setdefault(_COUNTED, 0)
            for part, some in enumerate(parts(counters)):
                if kind == "type" and _COUNTED in some:
                    some[_COUNTED] += len(counted)
                counted.append(LedgerCounted(kind, part, some))
        return counted


def parts(counters: dict[str, int]) -> list[dict[str, int]]:
    """Counters sorted by name, cut into parts; one empty part where there are none."""
    found: list[dict[str, int]] = [{}]
    size = 0
    for name in sorted(counters):
        length = len(name.encode())
        if found[-1] and (len(found[-1]) == PART_MAX or size + length > NAMES_MAX):
            found.append({})
            size = 0
        found[-1][name] = counters[name]
        size += length
    return found


class Miscount(NamedTuple):
    """A counter of the log that its events do not bear out."""

    position: int
    kind: str
    part: int
    counter: str | None
    """None: the part itself is missing, doubled or of another kind."""
    counted: int | None
    """What the log says."""
    found: int | None
    """What its events come to."""


class CountCheck:
    """Compares each ``ledger.counted`` with a count of its own.

    Feed it every event in order; ``take`` answers with what is wrong at this one.
    """

    def __init__(self) -> None:
        self.counts = Counts()
        self.checked = 0
        """Facts that were compared."""
        self.last: int | None = None
        """Position of the last of them."""
        self._awaited: tuple[str, int] | None = None
        self._entered: dict[str, int] = {}
        """Queue to its entries whose number is above all before: ``n``, where none is missing."""

    def take(self, envelope: Envelope, data: Any) -> list[Miscount]:
        """Compare, then count, one event."""
        wrong: list[Miscount] = []
        position = envelope.position
        if type(data) is LedgerCounted:
            wrong += self._compare(position, data)
        elif self._awaited is not None:
            wrong.append(Miscount(position, *self._awaited, None, None, None))
            self._awaited = None
        elif type(data) is QueueEntered:
            wrong += self._enter(position, data)
        self.counts.add(envelope, data)
        return wrong

    def _enter(self, position: int, entry: QueueEntered) -> Iterator[Miscount]:
        """What is wrong with the number of an entry: an earlier one has it, or one above it."""
        highest = self.counts.queue.get(entry.queue, 0)
        if entry.n > highest:
            self._entered[entry.queue] = self._entered.get(entry.queue, 0) + 1
        else:
            yield Miscount(position, "queue", 0, entry.queue, entry.n, highest + 1)

    def redacted(self, n: int) -> None:
        """Note events of which only the hash is left."""
        self.counts.events += n
        self.counts.redacted += n

    def _compare(self, position: int, fact: LedgerCounted) -> Iterable[Miscount]:
        self.checked += 1
        self.last = position
        awaited, self._awaited = self._awaited, None
        kind, part = fact.kind, fact.part
        if kind not in KINDS:
            return [Miscount(position, kind, part, None, None, None)]
        ours = parts(self.counts.of(kind))
        if (part > 0 and awaited != (kind, part)) or (part == 0 and awaited is not None):
            missed = awaited or (kind, 0)
            return [Miscount(position, *missed, None, None, None)]
        if not 0 <= part < len(ours):
            return [Miscount(position, kind, part, None, None, None)]
        if part + 1 < len(ours):
            self._awaited = (kind, part + 1)
        if self.counts.redacted:
            return self._impossible(position, fact)
        return self._differing(position, fact, ours[part])

    def _differing(
        self, position: int, fact: LedgerCounted, ours: dict[str, int]
    ) -> Iterator[Miscount]:
        if fact.kind == "queue":
            ours = {name: self._entered.get(name, 0) for name in ours}
        for name in sorted({*ours, *fact.counters}):
            said, found = fact.counters.get(name), ours.get(name)
            if said != found:
                yield Miscount(position, fact.kind, fact.part, name, said, found)

    def _impossible(self, position: int, fact: LedgerCounted) -> Iterator[Miscount]:
        """What is wrong even if each redacted event was one that is missing here."""
        ours, hidden = self.counts.of(fact.kind), self.counts.redacted
        for name, said in fact.counters.items():
            found = ours.get(name, 0)
            if not found <= said <= found + hidden:
                yield Miscount(position, fact.kind, fact.part, name, said, found)
