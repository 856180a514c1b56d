"""A day of 200,000 calls: 50 agents, M/M/c+M, every event logged and hashed.

The rival is simpy's bare model of the same queue, without a log; the raw loop is the same
model on one heap. All three meet the same load: arrivals, patience and handling of one
law, by seed. Time is CPU time of the process, of runs that take turns.
"""

import heapq
import time
from collections import deque
from collections.abc import Callable, Generator
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

from cckit.core.frame import Frame
from cckit.core.ids import QueueId
from cckit.core.instant import HOUR, SECOND, Instant
from cckit.core.settings import QueueSettings
from cckit.hooks.store import Conflict, Head
from cckit.stores.memory import MemoryStore
from cckit.testing.draws import Exponential
from cckit.testing.staffing import Shift, Staffing
from cckit.testing.traffic import Process, Processes, Rate
from cckit.testing.world import ORIGIN, START, World, log_id

from .bench_result import Result, result

CALLS: Final = 200_000
AGENTS: Final = 50
HANDLING_S: Final = 180
WRAPUP_PERMILLE: Final = 100
"""Of handling; the rest is talk."""
PATIENCE_S: Final = 120
PER_HOUR: Final = 1000
"""A load of exactly ``AGENTS``."""
ROUNDS: Final = 3


def day(calls: int = CALLS, rounds: int = ROUNDS, seed: int = 1) -> Result:
    """Measure calls per CPU second: ours, simpy's and a bare heap's, of the median round.

    :raises ModuleNotFoundError: simpy is not installed; the extra ``bench`` brings it.
    """
    turns = [
        [calls_per_s(run, calls, seed + n) for run in (ours, simpy_model, heap_model)]
        for n in range(rounds)
    ]
    turns.sort(key=lambda turn: turn[0] / turn[1])
    median = turns[len(turns) // 2]
    return result("day", "calls per CPU second", median[0], median[1], median[2])


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
        QueueId("service"),
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

    def customer() -> Generator[Any, Any, None]:
        nonlocal lost
        came = env.now
        with agents.request() as request:
            outcome = yield request | env.timeout(draw(1 / PATIENCE_S))
            if request in outcome:
                waits.append(env.now - came)
                yield env.timeout(draw(1 / HANDLING_S))
            else:
                lost += 1

    def source() -> Generator[Any, Any, None]:
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
