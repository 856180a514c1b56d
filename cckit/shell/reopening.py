"""A log whose disk failed is opened again, but not for ever."""

from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

import trio

from cckit.core.instant import SECOND, Instant

from .clock import Clock

REOPENINGS: Final = 3
"""How often within ``REOPENINGS_US`` a log that failed is opened again."""
REOPENINGS_US: Final = 60 * SECOND
REOPENING_PAUSE_S: Final = 1
"""Before another try, where a log could not be opened again at once."""

T = TypeVar("T")


class Reopening(Generic[T]):
    """The tries to open one log again: so many a minute, and then no more.

    ``reopen`` closes what stands over the failed log and begins again; it returns what
    stands now, or None if the log still fails.
    """

    def __init__(
        self, clock: Clock, say: Callable[[str], None], reopen: Callable[[], Awaitable[T | None]]
    ) -> None:
        self._clock = clock
        self._say = say
        self._reopen = reopen
        self._tries: list[Instant] = []

    async def after(self, failure: BaseException) -> T | None:
        """Try until the log is open again; None once it was tried too often."""
        while self._may_try():
            # What is half open when the center closes would keep the log locked.
            with trio.CancelScope(shield=True):
                again = await self._reopen()
            if again is not None:
                self._say(f"the log failed and was opened again: {failure}")
                return again
            await trio.sleep(REOPENING_PAUSE_S)
        self._say(f"the log failed {REOPENINGS} times in a minute: {failure}")
        return None

    def _may_try(self) -> bool:
        now = self._clock.now()
        self._tries = [at for at in self._tries if now - at < REOPENINGS_US]
        if len(self._tries) == REOPENINGS:
            return False
        self._tries.append(now)
        return True


class Tasks:
    """Tasks that run until the center closes or its store fails."""

    def __init__(self) -> None:
        self._scopes: dict[trio.CancelScope, None] = {}
        self._ended = trio.Event()

    async def run(self, task: Callable[[], Awaitable[None]]) -> None:
        """Run one of them to its end, or until ``stop``."""
        with trio.CancelScope() as scope:
            self._scopes[scope] = None
            try:
                await task()
            finally:
                del self._scopes[scope]
                if not self._scopes:
                    self._ended.set()

    async def stop(self) -> None:
        """Cancel those that run, and wait until the last of them has ended."""
        if self._scopes:
            self._ended = trio.Event()
            for scope in list(self._scopes):
                scope.cancel()
            await self._ended.wait()
