"""Logs written by hand: each event where a test wants it, in frames that are really chained."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cckit.core.codec import Codec
from cckit.core.events import SYSTEM, Actor, Decision, Envelope, Recorded, Stamp, kind_of
from cckit.core.facts import FACTS, RunStarted
from cckit.core.frame import Frame, first_previous
from cckit.core.ids import CENTER, Stream
from cckit.core.registry import Registry
from cckit.hooks.store import Head
from cckit.stores.sqlite import SqliteStore

START = 1_700_000_000_000_000
LINE = Actor("adapter", "line")
ANNA = Actor("agent", "anna")
ROOT = Actor("admin", "root")
MINUTE = 60_000_000
HOUR = 60 * MINUTE
ID = bytes(range(16))


def started(epoch: int = 1, **versions: str) -> RunStarted:
    return RunStarted(epoch, "live", None, None, False, versions)


class Log:
    """Decisions, a frame each, of one or several writers."""

    def __init__(self, kinds: Sequence[type] = (), origin: str = "center") -> None:
        self.origin = origin
        self.codec = Codec(Registry((*FACTS, *kinds)))
        self.frames: list[Frame] = []
        self.events: list[Recorded[Any]] = []
        self.at = START
        self.epoch = 1
        self._versions: dict[str, int] = {}
        self.add(*self.codec.registry.declarations())
        self.add(started())

    @property
    def next(self) -> int:
        """The position that the next event gets."""
        return len(self.events)

    def add(
        self,
        *datas: Any,
        stream: str = CENTER,
        actor: Actor = SYSTEM,
        at: int | None = None,
        occurred_at: int | None = None,
    ) -> int:
        """Write a decision as a frame of its own; the position of its first event."""
        self.at = self.at if at is None else at
        first = self.next
        stamp = Stamp(self.at, actor, occurred_at)
        recorded = []
        for data in datas:
            version = self._versions.get(stream, 0)
            self._versions[stream] = version + 1
            place = first + len(recorded)
            kind = kind_of(type(data))
            recorded.append((Envelope(stamp, place, Stream(stream), version, kind), data))
        self.events += recorded
        body = self.codec.pack((Decision(stamp, tuple(recorded)),))
        previous = self.frames[-1].chain if self.frames else self._first()
        frame = Frame.make(previous, first, len(recorded), self.at, self.epoch, body)
        self.frames.append(frame)
        return first

    def _first(self) -> bytes:
        return first_previous(self.origin, ID)

    def save(self, path: Path) -> Path:
        """Store it as a closed log on disk."""
        store = SqliteStore.open(path, create=True, origin=self.origin, log_id=ID)
        head = Head(None, self._first(), store.claim())
        for frame in self.frames:
            assert store.append(frame, head) is None
            head = head._replace(position=frame.end - 1, chain=frame.chain)
        store.close()
        return path
