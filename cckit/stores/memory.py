"""The log in memory: the reference for every other store, and the home of a World.

Handles of one log share their frames, so that a second writer, a reader and a reopening
behave as on a disk. Nothing outlives the process.
"""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

from cckit.core.errors import UsageError
from cckit.core.frame import Frame, first_previous
from cckit.hooks.store import Conflict, Head


class MemoryStore:
    """A log that is gone with its last handle.

    .. versionadded:: 0.1
    """

    def __init__(self, origin: str, log_id: bytes) -> None:
        self.origin = origin
        self.log_id = log_id
        self._frames: list[Frame] = []
        self._firsts: list[int] = []  # Of each frame, for bisection.
        self._heads = [Head(None, first_previous(origin, log_id), 0)]  # One, shared.
        self._epoch: int | None = None  # Ours, once claimed.
        self._open = True
        self._reads_only = False
        self.beside: dict[str, Any] = {}
        """What lives as long as this log, as files beside one on disk do: its keys."""

    def reopen(self) -> "MemoryStore":
        """Another handle on the same log, as a second process would have."""
        other = MemoryStore(self.origin, self.log_id)
        other._frames, other._firsts, other._heads = self._frames, self._firsts, self._heads
        other.beside = self.beside
        return other

    def reader(self) -> "MemoryStore":
        """Another handle on this log that only reads, for another thread."""
        other = self.reopen()
        other._reads_only = True
        return other

    def claim(self) -> int:
        """Become the writer: raise the epoch above all that were, and return it.

        :raises UsageError: this handle only reads.
        """
        self._check_open()
        if self._reads_only:
            raise UsageError("log in memory", "is opened for reading", "claim the store itself")
        head = self._heads[0]
        last = self._frames[-1].epoch if self._frames else 0
        self._epoch = max(head.epoch, last) + 1
        self._heads[0] = head._replace(epoch=self._epoch)
        return self._epoch

    def append(self, frame: Frame, expected: Head) -> Conflict | None:
        """Store one frame after ``expected``; Conflict stores nothing.

        :raises UsageError: not claimed, or the frame does not follow ``expected``.
        """
        self._check_open()
        if self._epoch is None:
            raise UsageError("log in memory", "nobody claimed it", "call claim() before append()")
        head = self._heads[0]
        if expected != head or head.epoch != self._epoch:
            return Conflict(head)
        if frame.previous != head.chain or frame.first != _next(head):
            what = f"a frame at {frame.first} does not follow position {head.position}"
            raise UsageError("log in memory", what, "chain each frame to the head it expects")
        self._frames.append(frame)
        self._firsts.append(frame.first)
        self._heads[0] = Head(frame.end - 1, frame.chain, self._epoch)
        return None

    def read(self, from_position: int = 0, limit: int | None = None) -> Iterator[Frame]:
        """Frames in order, the first being the one that holds ``from_position``."""
        self._check_open()
        head = self._heads[0].position
        if head is None or from_position > head:
            return
        start = max(bisect_right(self._firsts, from_position) - 1, 0)
        stop = len(self._frames) if limit is None else start + limit
        for n in range(start, min(stop, len(self._frames))):
            yield self._frames[n]

    def head(self) -> Head:
        """The end of the log."""
        self._check_open()
        return self._heads[0]

    def close(self) -> None:
        """Let this handle go; the others keep the log."""
        self._open = False

    def _check_open(self) -> None:
        if not self._open:
            raise UsageError("log in memory", "this store is closed", "open it again")


def _next(head: Head) -> int:
    return 0 if head.position is None else head.position + 1
