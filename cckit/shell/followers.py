"""Followers: projections kept up to date behind the log, for wallboards and reports."""

from typing import Generic, TypeVar

import trio

from cckit.core.errors import CckitError, PluginError, UsageError
from cckit.core.projection import Canonical, Projection

from .feed import Batch, Feed, Subscription

S = TypeVar("S")


class Follower(Generic[S]):
    """A projection that folds what becomes durable.

    .. versionadded:: 0.1
    """

    def __init__(self, projection: Projection[S], feed: Feed) -> None:
        self.projection = projection
        self.state = projection.initial()
        """Read it, never write it."""
        self.failure: CckitError | None = None
        """Why it folds no more: the projection raised, or the store failed."""
        self._subscription = Subscription(feed, 0, projection.types)
        self._folded = 0
        self._ended = False
        self._moved = trio.Event()

    @property
    def position(self) -> int:
        """The next position that it will look at."""
        return self._folded

    def dump(self) -> Canonical:
        """The whole state, as its digest is made of.

        :raises PluginError: the projection raised, so the state is of no event in the log.
        """
        if isinstance(self.failure, PluginError):
            raise self.failure
        return self.projection.dump(self.state)

    async def reach(self, position: int) -> None:
        """Wait until all events before ``position`` are folded.

        :raises PluginError: the projection raised.
        :raises StoreError: the store failed before.
        :raises UsageError: the center was closed before.
        """
        while self._folded < position:
            if self.failure is not None:
                raise self.failure
            if self._ended:
                raise UsageError("center", "is closed", "open it again")
            await self._moved.wait()

    def go_on(self, feed: Feed) -> bool:
        """Follow a log that was opened again; False if the projection raised."""
        if isinstance(self.failure, PluginError):
            return False
        self.failure = None
        self._ended = False
        self._subscription = Subscription(feed, self._folded, self.projection.types)
        return True

    async def run(self) -> None:
        """Fold until cancelled, until the log ends, or until the projection raises."""
        try:
            while True:
                batch = await self._subscription.next_or_nothing()
                self._fold(batch)
                self._folded = self._subscription.position
                self._move()
        except StopAsyncIteration:
            pass
        except CckitError as error:
            self.failure = error
        finally:
            self._ended = True
            self._move()

    def _fold(self, batch: Batch) -> None:
        for recorded in batch:
            try:
                self.projection.apply(self.state, recorded)
            except Exception as error:
                where = f"projection {self.projection.name}"
                what = f"raised {type(error).__name__} at position {recorded[0].position}"
                raise PluginError(where, what, "repair it, then follow it again") from error

    def _move(self) -> None:
        self._moved.set()
        self._moved = trio.Event()
