"""Durable events, in order, as batches, to whoever asks.

One window of the newest batches serves every subscriber; each has only its own next
position. Who is slow, or starts in the past, reads from the store until it reaches the
window: nobody holds the writer up, and nothing is kept for anybody.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, Self

import trio

from cckit.core.errors import CckitError
from cckit.core.events import Recorded
from cckit.core.ids import Stream
from cckit.core.instant import Instant

Batch = list[Recorded[Any]]

WINDOW: Final = 4_096
"""Events that are kept for subscribers; 2 to 4 MiB."""


class Feed:
    """What is durable, and who waits for more."""

    def __init__(self, read: "Chunks", durable: int, window: int = WINDOW) -> None:
        self.read = read
        self.durable = durable
        """The first position that is not durable yet."""
        self.failure: CckitError | None = None
        self.closed = False
        self._window = window
        self._held = 0
        self._firsts: deque[int] = deque()
        self._batches: deque[Batch] = deque()
        self._parked: dict[trio.lowlevel.Task, None] = {}

    def push(self, batch: Batch) -> None:
        """Take what has just become durable; ``wake`` tells the subscribers."""
        if not batch:
            return
        self._firsts.append(batch[0][0].position)
        self._batches.append(batch)
        self._held += len(batch)
        self.durable = batch[-1][0].position + 1
        while self._held > self._window and len(self._batches) > 1:
            self._firsts.popleft()
            self._held -= len(self._batches.popleft())

    def wake(self) -> None:
        if not self._parked:
            return
        parked, self._parked = self._parked, {}
        for task in parked:
            trio.lowlevel.reschedule(task)

    def close(self, failure: CckitError | None = None) -> None:
        """No more events will come; subscribers end, or raise ``failure``."""
        self.closed = True
        self.failure = self.failure or failure
        self.wake()

    def held(self, position: int) -> Batch | None:
        """The events of the window from ``position`` on; None if it begins later."""
        if not self._firsts or position < self._firsts[0]:
            return None
        newest = self._firsts[-1]
        if position >= newest:  # Where every subscriber is who keeps up.
            return self._batches[-1][position - newest :]
        at = bisect_right(self._firsts, position) - 1
        found: Batch = []
        for index in range(at, len(self._batches)):
            found.extend(self._batches[index])
        skipped = position - self._firsts[at]
        return found[skipped:] if skipped else found

    async def park(self) -> None:
        """Wait until something is pushed."""
        task = trio.lowlevel.current_task()
        self._parked[task] = None

        def abort(_: Callable[[], None]) -> trio.lowlevel.Abort:
            self._parked.pop(task, None)
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)


class Chunk:
    """A part of the log as read back."""

    __slots__ = ("batch", "next")

    def __init__(self, batch: Batch, next: int) -> None:
        self.batch = batch
        self.next = next
        """The position after it."""


Chunks = Callable[[int, tuple[type, ...] | None], Awaitable[Chunk]]
"""Read some whole frames from a position on, decoding only the given types."""


class Subscription:
    """An async iterator of batches: lists of (envelope, data), in order, never empty.

    ``position`` is the next one that it will look at: kept as a checkpoint, it lets a
    later subscription go on without a gap and without a double.
    """

    def __init__(
        self,
        feed: Feed,
        position: int,
        types: tuple[type, ...] | None = None,
        *,
        until: int | None = None,
        stream: Stream | None = None,
        from_at: Instant | None = None,
        until_at: Instant | None = None,
    ) -> None:
        self.position = position
        self._feed = feed
        self._types = types
        self._wanted = None if types is None else frozenset(types)
        self._until = until
        self._stream = stream
        self._from_at = from_at
        self._until_at = until_at

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Batch:
        """The next batch, waiting for it if need be.

        :raises StoreError: the store failed; all that was durable has been given before.
        """
        while True:
            batch = self._filter(await self._next())
            if batch:
                return batch

    async def next_or_nothing(self) -> Batch:
        """The next step: as ``__anext__``, but empty where nothing of it was wanted."""
        return self._filter(await self._next())

    async def _next(self) -> Batch:
        feed = self._feed
        while self.position >= feed.durable or self._ended():
            if self._ended():
                raise StopAsyncIteration
            if feed.closed:
                if feed.failure is not None:
                    raise feed.failure
                raise StopAsyncIteration
            await feed.park()
        batch = feed.held(self.position)
        if batch is None:
            chunk = await feed.read(self.position, self._types)
            first, self.position = self.position, chunk.next
            batch = [one for one in chunk.batch if one[0].position >= first]
        else:
            self.position += len(batch)
        return batch

    def _ended(self) -> bool:
        return self._until is not None and self.position >= self._until

    def _filter(self, batch: Batch) -> Batch:
        wanted, until, stream = self._wanted, self._until, self._stream
        if wanted is not None:
            batch = [one for one in batch if type(one[1]) in wanted]
        if until is not None:
            batch = [one for one in batch if one[0].position < until]
        if stream is not None:
            batch = [one for one in batch if one[0].stream == stream]
        if self._from_at is not None:
            at = self._from_at
            batch = [one for one in batch if one[0].recorded_at >= at]
        if self._until_at is not None:
            at = self._until_at
            batch = [one for one in batch if one[0].recorded_at < at]
        return batch
