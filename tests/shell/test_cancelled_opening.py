"""Whoever gives an opening up leaves nothing open, however slow what opens is."""

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cckit import Config, open_center
from cckit.core.instant import Instant
from cckit.hooks.signing import Signer
from cckit.shell.clock import VirtualClock
from cckit.shell.entropy import SeededEntropy
from cckit.shell.proof.signers import write_signers
from cckit.stores.sqlite import SqliteStore
from cckit.stores.tiles import Tiles
from cckit.stores.views import Views

BOUND_S = 30
START = Instant(1_700_000_000_000_000)


class Slow:
    """One class whose ``open`` waits for us on the owner's thread, and what it left open."""

    def __init__(self, patch: pytest.MonkeyPatch, kind: Any) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.held: list[int] = []
        opening: Callable[..., Any] = kind.open
        closing = kind.close

        def open_(*arguments: Any, **named: Any) -> Any:
            self.begun.set()
            assert self.go_on.wait(BOUND_S)
            made = opening(*arguments, **named)
            self.held.append(id(made))
            return made

        def close(made: Any) -> None:
            self.held.remove(id(made))
            closing(made)

        patch.setattr(kind, "open", open_)
        patch.setattr(kind, "close", close)


@pytest.mark.parametrize("kind", [SqliteStore, Views, Tiles])
def test_an_opening_that_is_cancelled_keeps_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type
) -> None:
    key, log = tmp_path / "key", tmp_path / "center.db"
    write_signers(key, [Signer.generate("center", SeededEntropy(1).draw)], new=True)
    scope = trio.CancelScope()

    async def give_up() -> None:
        with scope:
            async with open_center(Config(), log=log, signer=key):
                raise AssertionError("it opened")

    async def main() -> None:
        with trio.fail_after(BOUND_S), monkeypatch.context() as patch:
            slow = Slow(patch, kind)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(give_up)
                await trio.to_thread.run_sync(slow.begun.wait, BOUND_S)
                scope.cancel()
                slow.go_on.set()
            assert scope.cancelled_caught
            assert slow.held == []
        async with open_center(Config(), log=log, signer=key) as center:
            assert center.position > 0

    trio.run(main)


def test_nor_does_one_under_a_virtual_clock(tmp_path: Path) -> None:
    log = tmp_path / "center.db"

    async def main() -> None:
        opening = partial(open_center, Config(), log=log, clock=VirtualClock(START))
        with trio.CancelScope() as scope:
            scope.cancel()
            async with opening():
                raise AssertionError("it opened")
        async with opening() as center:
            assert center.position > 0

    trio.run(main, clock=MockClock(autojump_threshold=0))
