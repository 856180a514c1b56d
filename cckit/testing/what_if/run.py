"""From a log and a scenario to figures and changed decisions."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import attrs

from cckit.core.codec import Codec
from cckit.core.errors import ConfigError
from cckit.core.facts import FACTS
from cckit.core.registry import Registry
from cckit.core.reports import Zone
from cckit.core.upcasters import UPCASTERS
from cckit.hooks.store import Store
from cckit.shell.logs.folding import CenterZone
from cckit.shell.zones import read_zone
from cckit.stores.sqlite import SqliteStore

from .chance import MODEL, Chance
from .changes import Change, Changes
from .day import TALK, Day
from .figures import Figures, Summary, figures, folding, summary
from .live import Live
from .reading import Reader
from .rerun import Rerun
from .scenario import Plan, Scenario, plan

AS_IT_WAS: Final = Scenario()
SEEDS_MAX: Final = 1000
IMPORTED: Final = (
    "the log was imported: it has no offers and no states of agents, so who was free when is "
    "of the staffing, and answers are as the staffing says, else at once"
)


class Read(NamedTuple):
    """A log, read once for any number of scenarios."""

    day: Day
    chance: Chance
    recorded: Figures
    zone: Zone
    name: str
    chain: bytes


@attrs.frozen
class WhatIf:
    """What came out. All of it is simulated but ``recorded``."""

    source: str
    """As ``run.started`` of the rerun has it."""
    model: str
    """How what the log does not know was completed."""
    seeds: tuple[int, ...]
    recorded: Figures
    simulated: dict[tuple[str | None, str], Summary]
    changed: tuple[Change, ...]
    """Of the first seed."""
    changed_counts: tuple[int, ...]
    """Of each seed."""
    otherwise: int
    """Of the first seed: offers to the same agent at the same instant, but against others."""
    offers: int
    """Compared, of the first seed."""
    contacts: int
    refused: dict[str, int]
    """Of the first seed: inputs that the floor did not want, by reason."""
    unmodelled: dict[str, int]
    """Events of the log that this does not know to make again, by type."""
    by_seed: tuple[Figures, ...]


def what_if(
    log: Path,
    scenario: Scenario = AS_IT_WAS,
    seeds: int = 1,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> WhatIf:
    """Run a recorded day under another policy or staffing.

    :param seeds: how often; the seeds are 1 to that.
    :raises ConfigError: it names what can't be done, and what to change.

    .. versionadded:: 0.3
    """
    store = SqliteStore.open(log, read_only=True)
    try:
        read = read_day(store, log.name)
    finally:
        store.close()
    return rerun_day(read, scenario, seeds, progress=progress)


def read_day(store: Store, name: str) -> Read:
    """Take a log apart, and fold it for its own figures.

    :raises ConfigError: nothing happened in it.
    """
    reader, folded, codec = Reader(), folding(CenterZone()), Codec(Registry(FACTS, UPCASTERS))
    as_of = 0
    with keeping():
        for frame in store.read():
            events = codec.events(frame.body, frame.first)
            reader.feed(events)
            folded.feed(events)
            as_of = events[-1][0].recorded_at if events else as_of
        day = reader.day()
        if not day.stories:
            raise ConfigError(name, "nobody comes in this log", "name one with a day in it")
        named = folded.states[CenterZone.name].get("zone", "UTC")
        zone = read_zone(named, f"{name}: its zone")
        recorded = figures(folded, zone, as_of)
        return Read(day, Chance(day), recorded, zone, name, store.head().chain)


def rerun_day(
    read: Read,
    scenario: Scenario,
    seeds: int = 1,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> WhatIf:
    """Run a day that was read; see ``what_if``."""
    if not 1 <= seeds <= SEEDS_MAX:
        raise ConfigError("--seeds", f"{seeds} is out of range", f"use 1 to {SEEDS_MAX}")
    day = read.day
    staffing = scenario.staffing
    zone = read.zone
    if staffing is not None and staffing.zone is not None:
        zone = read_zone(staffing.zone, "--staffing: zone")
    planned = plan(day, scenario, zone.info)
    runs = []
    with keeping():
        for seed in range(1, seeds + 1):
            runs.append(_run(read, planned, seed))
            if seed < seeds:
                gc.collect()  # A floor is a circle of objects, and the next one is as large.
            progress(seed)
    first = runs[0]
    keys = dict.fromkeys(key for run in runs for key in run.figures)
    simulated = {key: summary([run.figures.get(key) for run in runs]) for key in keys}
    return WhatIf(
        f"what if: {scenario.source()}; {read.name} chain {read.chain.hex()[:16]}",
        MODEL if day.kind != "imported" else f"{MODEL}; {IMPORTED}",
        tuple(range(1, seeds + 1)),
        read.recorded,
        {key: value for key, value in simulated.items() if value is not None},
        tuple(first.changes.found.values()),
        tuple(len(run.changes.found) for run in runs),
        first.changes.otherwise,
        first.changes.offers,
        len(day.stories),
        first.refused,
        day.unmodelled,
        tuple(run.figures for run in runs),
    )


@contextmanager
def keeping() -> Iterator[None]:
    """Let nothing look for garbage: a day is millions of objects, and all of them stay."""
    enabled = gc.isenabled()
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()


class Run(NamedTuple):
    """One seed."""

    figures: Figures
    changes: Changes
    refused: dict[str, int]


def _run(read: Read, planned: Plan, seed: int) -> Run:
    day, folded = read.day, folding()
    rerun = Rerun(
        day,
        planned.inputs,
        read.chance,
        seed,
        shifts=planned.shifts,
        feed=folded.feed,
    )
    changes = Changes(rerun.engine.floor, planned, day.last)
    rerun.told = changes.told
    rerun.run()
    _compare(day, rerun, changes)
    return Run(figures(folded, read.zone, rerun.now), changes, rerun.refused)


def _compare(day: Day, rerun: Rerun, changes: Changes) -> None:
    """Look for contacts that were offered less often than is recorded."""
    done = {live.story.contact: live for live in rerun.ended} | rerun.lives
    for story in day.stories:
        live = done.get(story.contact)
        if live is None or live.offers < len(story.offers):
            changes.missing(live, story, _why_not(live, rerun))


def _why_not(live: Live | None, rerun: Rerun) -> str:
    if live is None:
        return "it does not arrive"
    if live.story.contact in rerun.lives:
        return "nobody who could serve it is free until the end"
    if live.counts[TALK]:
        return "an earlier offer is answered"
    return "the customer gives up before anybody is free"
