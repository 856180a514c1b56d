"""Rules of retention carried out: who is due is erased, and the ground names the rule.

Looked at when the center opens, once a day, and when a hold is lifted. Each erasure is an
``Erase`` like anybody else's; whoever is under hold meanwhile is refused by the floor and
stays due.

A clock that is wrong when the center opens makes nobody due. Time counts as passed where
the log has seen it pass: either it has an event of one to seven days ago, or the center
has run for a day. Until then nobody is erased, since an erasure can't be taken back.
"""

from collections.abc import Awaitable, Callable, Container, Sequence
from typing import Final

import trio

from cckit.core.commands import Erase
from cckit.core.errors import CckitError
from cckit.core.events import Actor
from cckit.core.facts import HoldChanged, LedgerCounted, RunStarted
from cckit.core.ids import SubjectId
from cckit.core.instant import SECOND, Instant
from cckit.core.retention import DAY, People, PeopleKept, Rule, due
from cckit.shell.archive import Archive
from cckit.shell.clock import Clock
from cckit.shell.feed import Feed, Subscription
from cckit.shell.followers import Follower
from cckit.shell.replies import Reply

RETENTION: Final = Actor("process", "retention")
GROUND: Final = "rule:"
"""What the ground of an erasure by a rule begins with."""

JUMP: Final = 7 * DAY
"""How long a log may lie closed for its center to believe the clock at once."""


class Retention:
    """Erases whoever is due, until cancelled.

    ``holds``: the scopes under legal hold, as they are now. ``say`` is told why nobody is
    erased yet.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        do: Callable[..., Awaitable[Reply]],
        holds: Callable[[], Container[str]],
        feed: Feed,
        clock: Clock,
        archive: Archive,
        say: Callable[[str], None],
    ) -> None:
        self._rules = rules
        self._do = do
        self._holds = holds
        self._feed = feed
        self._clock = clock
        self._archive = archive
        self._say = say
        self._ran = False
        """A day of this run has passed, whatever the clock says."""

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
                    with trio.move_on_after(DAY / SECOND) as day:
                        await _lifted(lifted)
                    self._ran = self._ran or day.cancelled_caught
            except (CckitError, StopAsyncIteration):
                nursery.cancel_scope.cancel()  # The log ended here; the center says itself why.

    async def _erase(self, follower: Follower[People]) -> None:
        state, now = follower.state, self._clock.now()
        found = due(self._rules, state, now, self._holds()).due
        if found and not self._ran and not await self._has_seen_pass(now):
            days = JUMP // DAY
            self._say(
                f"{len(found)} people are due, but the log says nothing of the {days} days"
                " before it was opened: if the clock is right, they are erased in a day"
            )
            return
        for one in found:
            await self._do(Erase(SubjectId(one.subject), GROUND + one.rule), actor=RETENTION)

    async def _has_seen_pass(self, now: Instant) -> bool:
        """Whether a run began, or a day was counted, one to seven days ago."""
        places = await self._archive.positions(type="run.started")
        places += await self._archive.positions(type="ledger.counted")
        told = self._archive.at(sorted(places), (RunStarted, LedgerCounted))
        instants = [envelope.recorded_at async for batch in told for envelope, _ in batch]
        return any(DAY <= now - at <= JUMP for at in instants)


async def _lifted(changes: Subscription) -> None:
    """:raises StopAsyncIteration: the center closes."""
    while all(data.on for _, data in await anext(changes)):
        pass
