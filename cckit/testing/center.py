"""A center under a virtual trio clock: the whole shell, and the same seed the same bytes.

Hours pass while nothing happens, stores run inline, ids and keys come from the seed, and
trio's scheduler draws from it too. Those are two private knobs of trio, set here and
nowhere else; a canary test holds them to what we need of them.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import trio
from trio._core import _run
from trio.testing import MockClock

from cckit.core.instant import Instant
from cckit.shell.center import Center
from cckit.shell.clock import VirtualClock
from cckit.shell.config import Config
from cckit.shell.entropy import SeededEntropy
from cckit.shell.open_center import open_center
from cckit.shell.opening import Log

T = TypeVar("T")

START = Instant(1_700_000_000_000_000)
"""2023-11-14T22:13:20Z: where virtual time begins unless told otherwise."""


def run_center(
    main: Callable[[Center], Awaitable[T]],
    config: Config | str | Path,
    *,
    seed: int = 0,
    start: Instant = START,
    log: Log = None,
    plugins: Mapping[str, object] | None = None,
) -> T:
    """Open a center in virtual time, run ``main`` with it, close it; what ``main`` says.

    ``trio.sleep`` takes no time. Call it from ordinary code, not from within trio.

    .. versionadded:: 0.1
    """

    async def live() -> T:
        clock, entropy = VirtualClock(start), SeededEntropy(seed)
        async with open_center(
            config, log=log, plugins=plugins, clock=clock, entropy=entropy
        ) as center:
            return await main(center)

    with deterministic(seed):
        return trio.run(live, clock=MockClock(autojump_threshold=0))


@contextmanager
def deterministic(seed: int) -> Iterator[None]:
    """Let trio's scheduler draw its order of tasks from a seed."""
    knobs: Any = _run
    before = knobs._ALLOW_DETERMINISTIC_SCHEDULING
    knobs._ALLOW_DETERMINISTIC_SCHEDULING = True
    knobs._r.seed(seed)
    try:
        yield
    finally:
        knobs._ALLOW_DETERMINISTIC_SCHEDULING = before
