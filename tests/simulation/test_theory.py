"""The simulated floor against exact Erlang A.

The seeds, their number and the warm-up were fixed before the first run. What is tested is
that the exact value lies in the 99 % interval (Student's t over the seeds) of the mean.
"""

import statistics
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from cckit.core import facts as f
from cckit.core.erlang import ErlangA
from cckit.core.ids import QueueId
from cckit.core.instant import HOUR, SECOND, Instant
from cckit.core.settings import QueueSettings
from cckit.testing import Exponential, Process, Processes, Rate, Shift, Staffing, World
from cckit.testing.world import START

SEEDS: Final = tuple(range(1, 13))
T_99: Final = 3.106
"""Student's t, 11 degrees of freedom, two-sided 99 %."""
CALLS: Final = 2_000
WARM_UP_US: Final = HOUR

LONG_SEEDS: Final = tuple(range(1, 101))
LONG_T_99: Final = 2.626
"""The same, 99 degrees of freedom."""
LONG_CALLS: Final = 200_000


def abandon_share_and_mean_wait(
    seed: int, calls: int, agents: int, per_hour: int, handling_s: int, patience_s: int
) -> tuple[float, float]:
    """Simulate M/M/c+M; who came in the first hour is not counted. Waits are in seconds."""
    end = Instant(START + WARM_UP_US + calls * HOUR // per_hour)
    process = Process(
        QueueId("service"),
        (Rate(START, end, float(per_hour)),),
        Exponential(patience_s * SECOND),
        Exponential(handling_s * SECOND),
        wrapup_permille=100,
    )
    traffic = Processes(START, end, ZoneInfo("UTC"), (process,))
    staffing = Staffing((Shift(agents),), {"service": QueueSettings(wrapup_us=24 * HOUR)})
    world = World(seed, traffic=traffic, staffing=staffing)
    world.run()
    visits = lost = waited = 0
    for envelope, data in world.events((f.QueueLeft,)):
        if envelope.recorded_at - data.wait_us >= START + WARM_UP_US:
            visits += 1
            lost += data.reason == "abandoned"
            waited += data.wait_us
    return lost / visits, waited / visits / SECOND


def holds(figures: list[float], exact: float, t: float) -> bool:
    error = statistics.stdev(figures) / len(figures) ** 0.5
    return abs(statistics.mean(figures) - exact) <= t * error


@pytest.mark.parametrize(
    ("agents", "per_hour", "handling_s", "patience_s"), [(10, 180, 200, 180), (50, 1000, 180, 120)]
)
def test_abandonment_and_wait_are_those_of_erlang_a(
    agents: int, per_hour: int, handling_s: int, patience_s: int
) -> None:
    exact = ErlangA.of(per_hour / 3600, handling_s, patience_s, agents)
    runs = [
        abandon_share_and_mean_wait(seed, CALLS, agents, per_hour, handling_s, patience_s)
        for seed in SEEDS
    ]
    assert holds([lost for lost, _ in runs], exact.abandoned, T_99)
    assert holds([wait for _, wait in runs], exact.mean_wait_s, T_99)
    assert not holds([lost for lost, _ in runs], exact.abandoned * 1.5, T_99)


@pytest.mark.torture
def test_a_hundred_days_are_those_of_erlang_a() -> None:
    exact = ErlangA.of(1000 / 3600, 180, 120, 50)
    runs = [abandon_share_and_mean_wait(s, LONG_CALLS, 50, 1000, 180, 120) for s in LONG_SEEDS]
    assert holds([lost for lost, _ in runs], exact.abandoned, LONG_T_99)
    assert holds([wait for _, wait in runs], exact.mean_wait_s, LONG_T_99)
