"""What a reactor is: an effect in the world, after the fact."""

from collections.abc import Sequence
from typing import Any, Protocol

from cckit.core.events import Recorded


class Reactor(Protocol):
    """Sees durable events from a checkpoint on, in order, at least once.

    After a crash the last batch may come again: what it does must be idempotent by
    position. Personal values stay sealed (``Sealed``); one in clear is
    had from ``Center.unmask`` alone, which writes down who asked and what for.

    .. versionadded:: 0.1
    """

    name: str
    """Stable: its checkpoint is kept under it."""
    types: tuple[type, ...]
    """The event classes it wants."""

    async def react(self, batch: Sequence[Recorded[Any]]) -> None:
        """Act on a batch that is never empty. Raising ends the reactor, not the center."""
        ...
