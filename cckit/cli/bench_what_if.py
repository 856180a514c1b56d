"""A recorded full day asked what if, beside the simulation that made it.

The day is that of ``cckit bench full-day``, kept in memory. Ours is contacts per CPU second of
all that ``cckit what-if`` does with one seed: reading the log, its figures, the run with
nothing changed, that run's figures and the comparison of each decision. The rival is the
simulation itself, so a ratio of 0.5 is twice its time; raw is the reading alone.
"""

from time import process_time
from typing import Final, NamedTuple

from cckit.stores.memory import MemoryStore
from cckit.testing.what_if.run import read_day, rerun_day
from cckit.testing.what_if.scenario import Scenario
from cckit.testing.world import ORIGIN, log_id

from .bench_full_day import full_world
from .bench_result import Result, result

CONTACTS: Final = 20_000
"""A day of 200,000 does not fit beside its rerun into the memory of a small machine."""
ROUNDS: Final = 3


class Turn(NamedTuple):
    """Contacts per CPU second of one round."""

    ours: float
    rival: float
    raw: float


def what_if_day(contacts: int = CONTACTS, rounds: int = ROUNDS, seed: int = 1) -> Result:
    """Measure contacts per CPU second, of the median round by ratio; both take turns."""
    turns = sorted(
        (_turn(contacts, seed + n) for n in range(rounds)), key=lambda turn: turn.ours / turn.rival
    )
    return result("what-if", "contacts per CPU second", *turns[len(turns) // 2])


def _turn(contacts: int, seed: int) -> Turn:
    store = MemoryStore(ORIGIN, log_id(seed))
    began = process_time()
    world = full_world(contacts, seed, store)
    world.run()
    simulated = process_time()
    arrived = world.arrived
    del world
    started = process_time()
    read = read_day(store, "day")
    known = process_time()
    found = rerun_day(read, Scenario())
    done = process_time()
    assert not found.changed, "with nothing changed every decision comes out as recorded"
    return Turn(
        arrived / (done - started), arrived / (simulated - began), arrived / (known - started)
    )
