"""Where frames live: small on purpose, so that any engine that can compare and set fits.

Synchronous: the shell lends a store its own thread, the simulated world calls it inline.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from cckit.core.frame import Frame


class Head(NamedTuple):
    """The end of a log."""

    position: int | None
    """Of the last event; None in an empty log."""
    chain: bytes
    """32 bytes: the chain hash of the last frame, or the log's first previous hash."""
    epoch: int
    """Of the newest writer; raised by each ``claim``."""


class Conflict(NamedTuple):
    """Another writer was faster; nothing was stored."""

    head: Head


class Store(Protocol):
    """One log. A frame is stored whole and durably, or not at all."""

    log_id: bytes
    """16 bytes; random, or from the seed or source of the log."""
    origin: str
    """The name that checkpoints are signed under."""

    def claim(self) -> int:
        """Become the writer: raise the epoch by one, durably, and return it."""
        ...

    def append(self, frame: Frame, expected: Head) -> Conflict | None:
        """Store one frame after ``expected``, durably.

        :raises StoreError: the disk failed; what was in flight is unknown, whole or
            absent. The store is then poisoned: every later call raises; reopen it.
        """
        ...

    def read(self, from_position: int = 0, limit: int | None = None) -> Iterator[Frame]:
        """Frames in order, the first being the one that holds ``from_position``."""
        ...

    def head(self) -> Head:
        """The end of the log, as far as it is durable."""
        ...

    def reader(self) -> "Store":
        """Another handle on the same log that only reads, for another thread."""
        ...

    def close(self) -> None:
        """Let the log go: what was stored stays, and another may claim it."""
        ...
