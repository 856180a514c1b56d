"""A day of 200,000 calls: 50 agents, M/M/c+M, every event logged and hashed.

The rival is simpy's bare model of the same queue, without a log; the raw loop is the same
model on one heap. All three meet the same load: arrivals, patience and handling of one
law, by seed. Time is CPU time of the process, of runs that take turns.
"""

import heapq
import time
from collections import deque
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

from cckit.core.frame import Frame
from cckit.core.instant import HOUR, SECOND, Instant
from cckit.core.settings import QueueSettings
from cckit.hooks.store import Conflict, Head
from cckit.stores.memory import MemoryStore
from cckit.testing.draws import Exponential
from cckit.testing.staffing import Shift, Staffing
from cckit.testing.traffic import Process, Processes, Rate
from cckit.testing.world import ORIGIN, START, World, log_id

CALLS: Final = 200_000
AGENTS: Final = 50
HANDLING_S: Final = 180
WRAPUP_PERMILLE: Final = 100
"""Of handling; the rest is talk."""
PATIENCE_S: Final = 120
PER_HOUR: Final = 1000
"""A load of exactly ``AGENTS``."""
ROUNDS: Final = 3


def day(calls: int = CALLS, rounds: int = ROUNDS, seed: int = 1) -> dict[str, Any]:
    """Measure calls per CPU second: ours, simpy's and a bare heap's.

    :raises ModuleNotFoundError: simpy is not installed; the extra ``bench`` brings it.
    """
    turns: list[tuple[float, float, float]] = []
    for n in range(rounds):
        figures = [calls_per_s(run, calls, seed + n) for run in (ours, simpy_model, heap_model)]
        turns.append((figures[0], figures[1], figures[2]))
    best = [max(turn[which] for turn in turns) for which in range(3)]
    ratio = sorted(turn[0] / turn[1] for turn in turns)[len(turns) // 2]
    return {
        "name": "day",
        "unit": "calls per CPU second",
        "ours": round(best[0]),
        "rival": round(best[1]),
        "ratio": ratio,
        "raw": round(best[2]),
    }


def calls_per_s(run: Callable[[int, int], int], calls: int, seed: int) -> float:
    started = time.process_time()
    done = run(calls, seed)
    return done / (time.process_time() - started)


class HashedStore(MemoryStore):
    """Keeps the head alone: 200,000 calls take 300 MB and are not read again."""

    def append(self, frame: Frame, expected: Head) -> Conflict | None:
        refused = super().append(frame, expected)
        self._frames[:] = self._frames[-1:]
        self._firsts[:] = self._firsts[-1:]
        return refused


def ours(calls: int, seed: int) -> int:
    """Run the day through the production engine, codec and chain."""
    end = Instant(START + calls * HOUR // PER_HOUR)
    process = Process(
        "service",  # type: ignore[arg-type]
        (Rate(START, end, PER_HOUR),),
        Exponential(PATIENCE_S * SECOND),
        Exponential(HANDLING_S * SECOND),
        wrapup_permille=WRAPUP_PERMILLE,
    )
    traffic = Processes(START, end, ZoneInfo("UTC"), (process,), "M/M/50+M")
    staffing = Staffing((Shift(AGENTS),), {"service": QueueSettings(wrapup_us=HOUR)})
    store = HashedStore(ORIGIN, log_id(seed))
    world = World(seed, traffic=traffic, staffing=staffing, store=store)
    world.run()
    return world.arrived


def simpy_model(calls: int, seed: int) -> int:
    """Run the bare queue in simpy: a process a customer, who waits or gives up."""
    import simpy

    env = simpy.Environment()
    agents = simpy.Resource(env, AGENTS)
    draw = Random(seed).expovariate
    waits: list[float] = []
    lost = 0

    def customer() -> Iterator[Any]:
        nonlocal lost
        came = env.now
        with agents.request() as request:
            outcome = yield request | env.timeout(draw(1 / PATIENCE_S))
            if request in outcome:
                waits.append(env.now - came)
                yield env.timeout(draw(1 / HANDLING_S))
            else:
                lost += 1

    def source() -> Iterator[Any]:
        for _ in range(calls):
            yield env.timeout(draw(PER_HOUR / 3600))
            env.process(customer())

    env.process(source())
    env.run()
    return len(waits) + lost


def heap_model(calls: int, seed: int) -> int:
    """Run the bare queue on one heap: no objects, no names, no log."""
    draw = Random(seed).expovariate
    agenda: list[tuple[float, int, int]] = [(draw(PER_HOUR / 3600), 0, 0)]
    queue: deque[tuple[int, float]] = deque()
    waiting: set[int] = set()
    free, arrived, answered, lost, waited = AGENTS, 0, 0, 0, 0.0
    push, pop = heapq.heappush, heapq.heappop
    while agenda:
        now, what, who = pop(agenda)
        if what == 0:
            arrived += 1
            if arrived < calls:
                push(agenda, (now + draw(PER_HOUR / 3600), 0, arrived))
            if free:
                free -= 1
                answered += 1
                push(agenda, (now + draw(1 / HANDLING_S), 1, who))
            else:
                queue.append((who, now))
                waiting.add(who)
                push(agenda, (now + draw(1 / PATIENCE_S), 2, who))
        elif what == 2:
            if who in waiting:
                waiting.discard(who)
                lost += 1
        else:
            free += 1
            while queue and free:
                who, came = queue.popleft()
                if who in waiting:
                    waiting.discard(who)
                    free -= 1
                    answered += 1
                    waited += now - came
                    push(agenda, (now + draw(1 / HANDLING_S), 1, who))
    return answered + lost
