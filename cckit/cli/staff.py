"""``cckit staff``: how many agents each interval needs, and what the floor does with them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

import attrs
from cyclopts import Parameter

from cckit.core.errors import ConfigError
from cckit.core.headcount import AGENTS_MAX, PPM, Needed, Target, plan
from cckit.core.instant import SECOND
from cckit.testing.staff import Asked, Played, Post, Work, read_work, rehearse

from .codes import GOOD, NO, UNPROVABLE
from .options import Json, Whole
from .output import print_json, progress
from .staff_answer import BROKEN, KEPT, OPEN, UNCHECKED, Answer, show

Model = Literal["erlang-a", "erlang-c"]
Load = Literal["pointwise", "lag"]
Number = float | None

SEEDS_MAX: Final = 1_000
REHEARSED_MAX: Final = 1_000_000
"""Calls a seed: the log of a simulation lies in memory."""
LONGEST_S: Final = 1_000_000
CODES: Final = {UNCHECKED: GOOD, KEPT: GOOD, OPEN: UNPROVABLE, BROKEN: NO}


def staff(
    source: Path,
    /,
    *,
    service_level: Number = None,
    within: float = 20,
    abandon: Number = None,
    asa: Number = None,
    occupancy: Number = None,
    shrinkage: float = 0,
    model: Model = "erlang-a",
    load: Load = "pointwise",
    queue: str | None = None,
    interval: str | None = None,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    to: str | None = None,
    tz: str | None = None,
    aht: Number = None,
    patience: Number = None,
    check: Annotated[bool, Parameter(negative="--no-check")] = True,
    seeds: Whole = 20,
    json: Json = False,
) -> int:
    """Print the agents that each interval needs, and play them on the floor.

    The numbers come from Erlang A or C. The check simulates the production floor with them,
    by seeds. Over all of the time a promise is kept by the mean; if it is not, it is broken
    (exit code 1) where all of the 95 % interval breaks it, else open (3).

    :param source: a log, a TOML of arrival processes, or a CSV of interval,calls,aht_s and
        patience_s.
    :param service_level: percent answered within --within, of all who come; 80 where
        nothing is promised.
    :param within: seconds.
    :param abandon: percent who give up, at most, of all who come.
    :param asa: mean wait of the answered in seconds, at most.
    :param occupancy: percent of their time that agents are busy, at most.
    :param shrinkage: percent of planned time that is not worked: breaks, leave, training.
    :param model: erlang-a, where whoever waits may give up, or erlang-c, where nobody does.
    :param load: pointwise takes each interval as if its rate held for ever; lag gives it the
        arrivals of one mean handling time earlier.
    :param queue: one queue of several, or * for all of them as one group.
    :param interval: 5, 10, 15, 20, 30 or 60 minutes; 30 unless given, of a CSV its own.
    :param from_: of a log, only who came from then on: 2026-01-31 or 2026-01-31T09:00.
    :param to: of a log, only who came before.
    :param tz: the zone of the intervals; that of the source unless given.
    :param aht: seconds of talk and wrap-up, exponential, in place of what the source has.
    :param patience: mean seconds until someone gives up, exponential, in place of what the
        source has.
    :param check: simulate what was found.
    :param seeds: how often; intervals are over the seeds 1 to N.
    :param json: print {agents, verdict, promised, simulated, intervals, …}.
    """
    target = _target(service_level, within, abandon, asa, occupancy)
    shrinkage_ppm = _ppm("--shrinkage", shrinkage, 0, 99)
    for option, mean in (("--aht", aht), ("--patience", patience)):
        if mean is not None:
            _between(option, mean, 0.001, LONGEST_S)
    if not 2 <= seeds <= SEEDS_MAX:
        raise ConfigError("--seeds", f"{seeds} is out of range", f"give 2 to {SEEDS_MAX:,}")
    work = read_work(source, Asked(queue, interval, tz, (from_, to), aht, patience))
    found = _planned(source, work, target, model, load)
    played = _rehearsed(work, found, target, seeds) if check else []
    answer = Answer(work, target, found, played, shrinkage_ppm, model, load)
    if json:
        print_json(answer.as_json())
    else:
        show(answer)
    return CODES[answer.verdict()]


def _target(
    service_level: Number, within: float, abandon: Number, asa: Number, occupancy: Number
) -> Target:
    """What is promised; 80 % in time where nothing is.

    :raises ConfigError: a promise that nobody can keep or break.
    """
    if service_level is abandon is asa is occupancy is None:
        service_level = 80
    _between("--within", within, 0, LONGEST_S)
    if asa is not None:
        _between("--asa", asa, 0.001, LONGEST_S)
    shares = (
        ("--service-level", service_level, 0.01, 99.99),
        ("--abandon", abandon, 0.01, 99.99),
        ("--occupancy", occupancy, 1, 100),
    )
    answered, abandoned, busy = (
        None if value is None else _ppm(option, value, low, high) / PPM
        for option, value, low, high in shares
    )
    return Target(within, answered, abandoned, asa, busy)


def _ppm(option: str, value: float, low: float, high: float) -> int:
    _between(option, value, low, high)
    return round(value * 10_000)


def _between(option: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # What is no number is neither.
        raise ConfigError(option, f"{value:g} is out of range", f"give {low:g} to {high:,}")


def _planned(
    source: Path, work: Work, target: Target, model: Model, load: Load
) -> tuple[Needed, ...]:
    """Ask the model about each interval.

    :raises ConfigError: Erlang A without patience, or no number of agents is enough.
    """
    demand = work.demand
    if model == "erlang-c":
        demand = tuple(attrs.evolve(one, patience_s=None) for one in demand)
        if target.abandoned is not None:
            what = "nobody gives up in Erlang C"
            raise ConfigError("--abandon", what, "take --model erlang-a, or leave it out")
    elif any(one.patience_s is None and one.calls for one in demand):
        what = "nobody is known to give up in it, which Erlang A needs"
        remedy = "give --patience in seconds, or take --model erlang-c"
        raise ConfigError(source.name, what, remedy)
    found = plan(demand, target, lag=load == "lag")
    if len(found) < len(demand):
        where = f"{source.name}: {work.intervals.rows[len(found)].label}"
        what = f"not even {AGENTS_MAX:,} agents keep what is promised"
        raise ConfigError(where, what, "promise less, or mend the calls or the handling time")
    return found


def _rehearsed(
    work: Work, found: Sequence[Needed], target: Target, seeds: int
) -> list[list[Played]]:
    """Play the plan by seeds; for each interval what each seed showed."""
    calls = sum(one.calls for one in work.demand)
    if calls > REHEARSED_MAX:
        what = f"{calls:,.0f} calls are too many to simulate"
        raise ConfigError("--check", what, "take a shorter time, or --no-check")
    posts = [Post(one.demand.at, one.agents) for one in found]
    within_us = round(target.within_s * SECOND)
    runs = []
    with progress("simulating", seeds) as tell:
        for seed in range(1, seeds + 1):
            runs.append(rehearse(work.traffic, posts, work.intervals, within_us, seed))
            tell(seed)
    return [list(column) for column in zip(*runs, strict=True)]
