"""Followers: projections kept up to date behind the log, for wallboards and reports."""

from typing import Generic, TypeVar

import trio

from cckit.core.projection import Canonical, Projection

from .feed import Feed, Subscription

S = TypeVar("S")


class Follower(Generic[S]):
    """A projection that folds what becomes durable.

    .. versionadded:: 0.1
    """

    def __init__(self, projection: Projection[S], feed: Feed) -> None:
        self.projection = projection
        self.state = projection.initial()
        """Read it, never write it."""
        self._subscription = Subscription(feed, 0, projection.types)
        self._moved = trio.Event()

    @property
    def position(self) -> int:
        """The next position that it will look at."""
        return self._subscription.position

    def dump(self) -> Canonical:
        """The whole state, as its digest is made of."""
        return self.projection.dump(self.state)

    async def reach(self, position: int) -> None:
        """Wait until all events before ``position`` are folded."""
        while self.position < position:
            await self._moved.wait()

    async def run(self) -> None:
        """Fold until cancelled, or until the log ends."""
        apply = self.projection.apply
        try:
            while True:
                for recorded in await self._subscription.next_or_nothing():
                    apply(self.state, recorded)
                self._moved.set()
                self._moved = trio.Event()
        except StopAsyncIteration:
            return
