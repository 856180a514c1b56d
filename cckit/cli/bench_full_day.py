"""A day of 200,000 contacts with all that routing does, beside the simple day in one run.

The same load as the simple day: the same rate, patience and handling. But customers need one
of eight skills in levels, and settle for less by steps of 20 s; a third of them write, and
agents serve three of those at once; and a third of who would wait for more than a minute hang
up and are called. The rival is the simple day of ``cckit bench day``, so the ratio says what
all of it costs. The raw loop is the same as there.
"""

from typing import Final
from zoneinfo import ZoneInfo

from cckit.core.ids import QueueId
from cckit.core.instant import HOUR, MINUTE, SECOND, Instant
from cckit.core.settings import QueueSettings
from cckit.hooks.store import Store
from cckit.testing.draws import Exponential
from cckit.testing.staffing import Shift, Staffing
from cckit.testing.traffic import Callback, Process, Processes, Rate
from cckit.testing.world import ORIGIN, START, World, log_id

from .bench_day import (
    CALLS,
    HANDLING_S,
    PATIENCE_S,
    PER_HOUR,
    ROUNDS,
    WRAPUP_PERMILLE,
    HashedStore,
    calls_per_s,
    heap_model,
    ours,
)
from .bench_result import Result, result

SKILLS: Final = 8
STEPS: Final = "{skill} >= 3 for_us=20000000", "{skill} >= 1 for_us=20000000", "anyone"
CHANNELS: Final = {"voice": 100, "chat": 33}
STAFF: Final = 39
"""As heavy a load as the simple day's: two thirds of it by voice, a third three at once."""
WRITES: Final = 3
"""Every third customer writes."""
CALLBACK: Final = Callback(MINUTE, 333, 800)  # type: ignore[arg-type]


def full_day(calls: int = CALLS, rounds: int = ROUNDS, seed: int = 1) -> Result:
    """Measure contacts per CPU second: the full day, the simple one, and a bare heap's.

    Of the median round, by ratio; the three take turns.
    """
    turns = [
        [calls_per_s(run, calls, seed + n) for run in (everything, ours, heap_model)]
        for n in range(rounds)
    ]
    turns.sort(key=lambda turn: turn[0] / turn[1])
    median = turns[len(turns) // 2]
    return result("day.full", "contacts per CPU second", median[0], median[1], median[2])


def everything(calls: int, seed: int) -> int:
    """Run the full day through the production engine, codec and chain."""
    world = full_world(calls, seed)
    world.run()
    return world.arrived


def full_world(calls: int, seed: int, store: Store | None = None) -> World:
    """The full day, not yet run; by default nothing of it is kept."""
    end = Instant(START + calls * HOUR // PER_HOUR)
    skills = [f"skill{n}" for n in range(SKILLS)]
    kinds = SKILLS * WRITES
    processes = tuple(
        Process(
            QueueId(skill),
            (Rate(START, end, PER_HOUR / kinds),),
            Exponential(PATIENCE_S * SECOND),
            Exponential(HANDLING_S * SECOND),
            wrapup_permille=WRAPUP_PERMILLE,
            callback=None if n == 0 else CALLBACK,
            channel="chat" if n == 0 else "voice",
        )
        for skill in skills
        for n in range(WRITES)
    )
    traffic = Processes(START, end, ZoneInfo("UTC"), processes, "skills, chat, steps, callbacks")
    queues = {
        skill: QueueSettings(
            wrapup_us=HOUR,
            steps=tuple(step.format(skill=skill) for step in STEPS),
            estimator="ql",
        )
        for skill in skills
    }
    shifts = tuple(Shift(1, skills=_levels(skills, n), channels=CHANNELS) for n in range(STAFF))
    if store is None:
        store = HashedStore(ORIGIN, log_id(seed))
    return World(seed, traffic=traffic, staffing=Staffing(shifts, queues), store=store)


def _levels(skills: list[str], n: int) -> dict[str, int]:
    """Three skills an agent: one well, one fairly, one a little."""
    at = [(n + step) % SKILLS for step in (0, 3, 5)]
    return {skills[place]: level for place, level in sorted(zip(at, (5, 3, 1), strict=True))}
