"""Simulated days to ask about: their agents pause, miss offers and hang up while connecting."""

from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from cckit.core.facts import OfferMade
from cckit.core.ids import QueueId
from cckit.core.instant import HOUR, SECOND, Instant
from cckit.core.settings import QueueSettings
from cckit.hooks.store import Store
from cckit.stores.sqlite import SqliteStore
from cckit.testing.draws import Exponential, Uniform
from cckit.testing.staffing import Shift, Staffing
from cckit.testing.traffic import Process, Processes, Rate
from cckit.testing.world import ORIGIN, START, World, log_id

STRATEGIES = (
    "longest_idle",
    "least_occupied",
    "round_robin",
    "fewest_contacts",
    "least_talk_time",
    "random",
    "best_skill",
)
BAD_LINES = Shift(
    6,
    answer=Uniform(2 * SECOND, 25 * SECOND),
    unanswered=0.05,
    connect=Uniform(0, 6 * SECOND),
    skills={"he": 2},
)
"""Some pick up after the ring time is over, some connections come too late."""
GOOD_LINES = Shift(3)
"""They answer at once, so that everything happens at one instant."""


def traffic(hours: int = 1, per_hour: int = 140) -> Processes:
    """Two queues, one of them for those who speak Hebrew."""
    end = Instant(START + hours * HOUR)
    rate = (Rate(START, end, per_hour / 2),)
    patience, handling = Exponential(120 * SECOND), Exponential(180 * SECOND)
    wrapup = Uniform(0, 60 * SECOND)
    service = Process(QueueId("service"), rate, patience, handling, wrapup)
    other = Process(
        QueueId("other"), rate, patience, handling, wrapup, flow=Uniform(0, SECOND), need="he >= 2"
    )
    return Processes(START, end, ZoneInfo("UTC"), (service, other), "two queues")


def staffing(strategy: str = "longest_idle", shifts: Sequence[Shift] = ()) -> Staffing:
    settings = QueueSettings(strategy=strategy, wrapup_us=30 * SECOND, max_wait_us=300 * SECOND)
    return Staffing(
        tuple(shifts) or (BAD_LINES, GOOD_LINES), dict.fromkeys(("service", "other"), settings)
    )


def world(
    seed: int,
    strategy: str = "longest_idle",
    *,
    store: Store | None = None,
    hours: int = 1,
    per_hour: int = 140,
    shifts: Sequence[Shift] = (),
) -> World:
    """A day that has passed."""
    made = World(
        seed,
        traffic=traffic(hours, per_hour),
        staffing=staffing(strategy, shifts),
        store=store,
    )
    made.run()
    return made


def write(path: Path, seed: int = 1, **day: object) -> Path:
    """A day as a log on disk."""
    store = SqliteStore.open(path, create=True, origin=ORIGIN, log_id=log_id(seed))
    try:
        world(seed, store=store, **day)  # type: ignore[arg-type]
    finally:
        store.close()
    return path


def decisions(made: World) -> list[tuple[int, OfferMade]]:
    """Every routing decision, and when it was made."""
    return [(envelope.recorded_at, data) for envelope, data in made.events((OfferMade,))]
