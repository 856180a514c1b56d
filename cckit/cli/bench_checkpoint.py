"""What checkpoints cost: durable appends with the log signed, and without, in turns.

``checkpoint.follow`` signs in another process, ``cckit follow``; ``checkpoint.inside`` in
the center itself. What is compared is the same center without a signer. A round goes from
the first append of an open center to its end, so that the last checkpoint, too, is paid
for; what the follower has left to do then is waited for, and not counted. The raw
figure is the tree alone: leaves, nodes and tiles in memory, on one core.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

import trio

from cckit.core.codec import Codec
from cckit.core.events import Draft
from cckit.core.ids import Stream
from cckit.core.registry import Registry
from cckit.hooks.signing import Signer
from cckit.shell.config import Config
from cckit.shell.entropy import SeededEntropy
from cckit.shell.open_center import open_center
from cckit.shell.proof.signers import write_signers
from cckit.stores.beside import tiles_beside
from cckit.stores.edge import RightEdge
from cckit.stores.sqlite import SqliteStore
from cckit.stores.tiles import Tiles

from .bench_append import READY
from .bench_result import Result, result

EVENTS: Final = 40_000
"""Of a round: about a second."""
TASKS: Final = 1_000
"""Callers at once, each waiting for its event to be durable."""
POLL_S: Final = 0.02


def checkpoint(folder: Path, rounds: int = 7, share: int = 1) -> list[Result]:
    """Measure durable events a second; ``share`` divides the work of a round, for tests."""
    events = max(TASKS, EVENTS // share)
    key = folder / "key"
    write_signers(key, [Signer.generate(Config().name, SeededEntropy(1).draw)], new=True)
    plain, inside, followed = (folder / f"{name}.db" for name in ("plain", "inside", "followed"))
    trio.run(_append, followed, None, 1)  # A follower has to find a log.
    rates: dict[str, list[float]] = {"plain": [], "inside": [], "follow": [], "raw": []}
    with _following(followed, key) as caught_up:
        for _ in range(rounds):
            rates["plain"].append(_rate(events, plain, None))
            rates["follow"].append(_rate(events, followed, None))
            caught_up()
            rates["inside"].append(_rate(events, inside, key))
            rates["raw"].append(_raw(plain, events))
    ours = {name: median(found) for name, found in rates.items()}
    return [
        result(f"checkpoint.{name}", "durable events/s", ours[name], ours["plain"], ours["raw"])
        for name in ("follow", "inside")
    ]


def _rate(events: int, log: Path, signer: Path | None) -> float:
    started = trio.run(_append, log, signer, events)
    return events / (time.perf_counter() - started)


async def _append(log: Path, signer: Path | None, events: int) -> float:
    """Fill a log and close it; when the first append began."""
    left = iter(range(events))

    async def caller(n: int) -> None:
        draft = Draft(Stream(f"contact/{n:016x}"), READY)
        await trio.lowlevel.checkpoint()
        for _ in left:
            await center.record(draft)

    async with open_center(Config(), log=log, signer=signer) as center:
        started = time.perf_counter()
        async with trio.open_nursery() as callers:
            for n in range(min(TASKS, events)):
                callers.start_soon(caller, n)
    return started


@contextmanager
def _following(log: Path, key: Path) -> Iterator[Callable[[], None]]:
    """A process that signs a log; what is yielded waits until it has caught up."""
    command = [sys.executable, "-m", "cckit.cli", "follow", str(log), "--key", str(key)]
    follower = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield partial(_wait_for, log, follower)
    finally:
        follower.terminate()
        follower.wait()


def _wait_for(log: Path, follower: "subprocess.Popen[bytes]") -> None:
    store = SqliteStore.open(log, read_only=True)
    try:
        events = (store.head().position or 0) + 1
        while Tiles.open(tiles_beside(log), store).size < events:
            if follower.poll() is not None:
                raise subprocess.CalledProcessError(follower.returncode, "cckit follow")
            time.sleep(POLL_S)
    finally:
        store.close()


def _raw(log: Path, events: int) -> float:
    """Events a second of the tree alone, over the last events of a log."""
    leaves = Codec(Registry(())).leaves
    store = SqliteStore.open(log, read_only=True)
    try:
        first = max(0, (store.head().position or 0) + 1 - events)
        frames = list(store.read(first))
        edge, count = RightEdge(), 0
        started = time.perf_counter()
        for frame in frames:
            count += frame.count
            for _ in edge.grow(leaves(frame.body, frame.first)):
                pass
        return count / (time.perf_counter() - started)
    finally:
        store.close()
