"""Rules of retention carried out: who is due is erased, and the ground names the rule.

Looked at when the center opens, once a day, and when a hold is lifted. Each erasure is an
``Erase`` like anybody else's; whoever is under hold meanwhile is refused by the floor and
stays due.
"""

from collections.abc import Awaitable, Callable, Container, Sequence
from typing import Final

import trio

from cckit.core.commands import Erase
from cckit.core.errors import CckitError
from cckit.core.events import Actor
from cckit.core.facts import HoldChanged
from cckit.core.ids import SubjectId
from cckit.core.instant import SECOND
from cckit.core.retention import DAY, People, PeopleKept, Rule, due

from .clock import Clock
from .feed import Feed, Subscription
from .followers import Follower
from .replies import Reply

RETENTION: Final = Actor("process", "retention")
GROUND: Final = "rule:"
"""What the ground of an erasure by a rule begins with."""


class Retention:
    """Erases whoever is due, until cancelled.

    ``holds``: the scopes under legal hold, as they are now.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        do: Callable[..., Awaitable[Reply]],
        holds: Callable[[], Container[str]],
        feed: Feed,
        clock: Clock,
    ) -> None:
        self._rules = rules
        self._do = do
        self._holds = holds
        self._feed = feed
        self._clock = clock

    async def run(self) -> None:
        """Look, erase, and wait for the next day."""
        follower = Follower(PeopleKept(), self._feed)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(follower.run)
            try:
                while True:
                    lifted = Subscription(self._feed, self._feed.durable, (HoldChanged,))
                    await follower.reach(self._feed.durable)
                    await self._erase(follower)
                    with trio.move_on_after(DAY / SECOND):
                        await _lifted(lifted)
            except (CckitError, StopAsyncIteration):
                nursery.cancel_scope.cancel()  # The log ended here; the center says itself why.

    async def _erase(self, follower: Follower[People]) -> None:
        state, now = follower.state, self._clock.now()
        for one in due(self._rules, state, now, self._holds()).due:
            await self._do(Erase(SubjectId(one.subject), GROUND + one.rule), actor=RETENTION)


async def _lifted(changes: Subscription) -> None:
    """:raises StopAsyncIteration: the center closes."""
    while all(data.on for _, data in await anext(changes)):
        pass
