"""Durable appends through the public API: one ready event per await, with everything on.

Codec, chain, request ids and a live subscription. The rival saves the same ready events
one after another, since it has no group commit. The raw loop writes each event's bytes
with ``pwrite`` and ``fdatasync``. All three take turns in one run: only their ratios say
something about us, the rest is the disk.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

import trio

from cckit.core.codec import Codec
from cckit.core.events import Draft
from cckit.core.facts import AccessGranted
from cckit.core.ids import Stream
from cckit.core.registry import Registry
from cckit.shell.center import Center
from cckit.shell.config import Config
from cckit.shell.open_center import open_center

from .bench_result import Result, result

BULK: Final = 1000
"""Events of one bulk call."""
READY: Final = AccessGranted("agent/anna", "listen", "recording", "contact", "4711", "quality")


class Case(NamedTuple):
    """One result: how many tasks, how many events a call."""

    name: str
    tasks: int
    each: int
    """Events of a call."""
    calls: int
    """Of all tasks together, a round."""
    rival_calls: int


CASES: Final = (
    Case("append.1", 1, 1, 500, 300),
    Case("append.bulk1000", 1, BULK, 20, 5),
    Case("append.100", 100, 1, 20_000, 300),
    Case("append.1000", 1000, 1, 20_000, 300),
)


def append(folder: Path, rounds: int = 7, share: int = 1) -> list[Result]:
    """Measure durable events a second; ``share`` divides the work of a round, for tests.

    :raises ConfigError: ``eventsourcing`` is not installed.
    """
    from .bench_rival import Rival

    rival = Rival(folder / "rival.db")
    try:
        turns = trio.run(_measure, folder, rival, rounds, share)
    finally:
        rival.close()
    results = []
    for case in CASES:
        ours, theirs, raw = (median(rates) for rates in zip(*turns[case.name], strict=True))
        results.append(result(case.name, "durable events/s", ours, theirs, raw))
    return results


async def _measure(
    folder: Path, rival: Any, rounds: int, share: int
) -> dict[str, list[tuple[float, float, float]]]:
    turns: dict[str, list[tuple[float, float, float]]] = {case.name: [] for case in CASES}
    stored = Codec(Registry((AccessGranted,))).encode(READY)
    ids = iter(range(1 << 62))
    async with (
        open_center(Config(), log=folder / "ours.db") as center,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(_listen, center)
        for _ in range(rounds):
            for case in CASES:
                others = max(1, case.rival_calls // share)
                raw = _raw(folder / "raw", stored, case.each, others)
                theirs = _rival(rival, case.each, others)
                calls = max(case.tasks, case.calls // share)
                ours = await _ours(center, case, calls, ids)
                turns[case.name].append((ours, theirs, raw))
        nursery.cancel_scope.cancel()
    return turns


async def _listen(center: Center) -> None:
    async for batch in center.subscribe():
        assert batch


async def _ours(center: Center, case: Case, calls: int, ids: Iterator[int]) -> float:
    left = iter(range(calls))

    async def caller(n: int) -> None:
        drafts = [Draft(Stream(f"contact/{n:016x}"), READY)] * case.each
        await trio.lowlevel.checkpoint()
        for _ in left:
            await center.record(*drafts, request=str(next(ids)))

    started = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for n in range(case.tasks):
            nursery.start_soon(caller, n)
    return calls * case.each / (time.perf_counter() - started)


def _rival(rival: Any, each: int, calls: int) -> float:
    ready = [rival.prepared([(f"contact/{n:016x}", READY)] * each) for n in range(calls)]
    started = time.perf_counter()
    for events in ready:
        rival.save_prepared(events)
    return calls * each / (time.perf_counter() - started)


def _raw(path: Path, stored: bytes, each: int, calls: int) -> float:
    record = stored * each
    handle = os.open(path, os.O_CREAT | os.O_WRONLY)
    try:
        started = time.perf_counter()
        for n in range(calls):
            os.pwrite(handle, record, n * len(record))
            os.fdatasync(handle)
        return calls * each / (time.perf_counter() - started)
    finally:
        os.close(handle)
