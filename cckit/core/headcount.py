"""How many agents an interval needs, by Erlang C or Erlang A.

Each interval is taken as if its rate and its handling time held for ever (the *pointwise
stationary* view: SIPP of Green, Kolesar and Soares 2001). Congestion follows demand late,
by about one handling time; with ``lag`` an interval is given the arrivals of one mean
handling time earlier ("lag average" there; Green, Kolesar and Whitt 2007, "Coping with
time-varying demand when setting staffing requirements for a service system").

Every target is met by all numbers above the first that meets it: more agents answer
sooner, lose fewer and are less busy. So that first number is found by bisection.

Sources of the models: ``erlang``. Garnett, Mandelbaum and Reiman (2002) for what patience
does. Floats live here because nothing of it is stored or decides.
"""

import math
from collections.abc import Sequence
from typing import Final

import attrs

from .erlang import ErlangA, ErlangC
from .instant import HOUR, SECOND, Instant

AGENTS_MAX: Final = 100_000
PPM: Final = 1_000_000


@attrs.frozen
class Target:
    """What is promised. What is None is not; all the others have to hold together."""

    within_s: float = 20.0
    answered: float | None = None
    """At least this share, below 1, is answered within ``within_s``, of all who come."""
    abandoned: float | None = None
    """At most this share, above 0, gives up, of all who come."""
    asa_s: float | None = None
    """At most this mean wait of the answered, above 0."""
    occupancy: float | None = None
    """At most this share, above 0, of their time are agents busy."""


@attrs.frozen
class Expected:
    """What a model says of a number of agents."""

    answered: float
    """Share answered within the target's time, of all."""
    abandoned: float
    """Share that gives up, of all."""
    asa_s: float
    """Mean wait of the answered."""
    occupancy: float
    """Share of their time that agents are busy."""

    def meets(self, target: Target) -> bool:
        """Tell whether everything promised holds."""
        most = (
            (target.abandoned, self.abandoned),
            (target.asa_s, self.asa_s),
            (target.occupancy, self.occupancy),
        )
        if target.answered is not None and self.answered < target.answered:
            return False
        return all(limit is None or found <= limit for limit, found in most)


@attrs.frozen
class Demand:
    """What comes in one interval."""

    at: Instant
    length_us: int
    calls: float
    """Expected, not rounded."""
    service_s: float
    """Mean handling, with wrap-up: how long a call keeps an agent."""
    patience_s: float | None = None
    """Mean; None: nobody gives up, and Erlang C is the model."""

    @property
    def end(self) -> Instant:
        return Instant(self.at + self.length_us)


@attrs.frozen
class Needed:
    """What one interval needs."""

    demand: Demand
    per_hour: float
    """The rate that the model was given: with a lag not that of the interval itself."""
    agents: int
    """Who must be there."""
    expected: Expected
    """By the model, with so many."""

    def planned(self, shrinkage_ppm: int) -> int:
        """Return how many to plan, where this part of planned time is not worked.

        Agents / (1 - shrinkage), rounded up.
        """
        return -(-self.agents * PPM // (PPM - shrinkage_ppm))


def expected(
    rate: float, service_s: float, patience_s: float | None, agents: int, within_s: float
) -> Expected | None:
    """Ask the model about ``agents``; None of nobody, and where Erlang C has no steady state.

    ``rate`` is arrivals a second; without ``patience_s`` the model is Erlang C, else A.

    .. versionadded:: 0.3
    """
    load = rate * service_s
    if load <= 0:
        return Expected(1.0, 0.0, 0.0, 0.0)
    if agents == 0:
        return None
    if patience_s is None:
        patient = ErlangC.of(rate, service_s, agents)
        if patient is None:
            return None
        in_time = patient.answered_within(within_s)
        return Expected(in_time, 0.0, patient.asa_s, load / agents)
    model = ErlangA.of(rate, service_s, patience_s, agents)
    busy = load * (1 - model.abandoned) / agents
    return Expected(model.answered_within(within_s), model.abandoned, model.asa_s, busy)


def needed(
    rate: float, service_s: float, patience_s: float | None, target: Target
) -> tuple[int, Expected] | None:
    """Return the fewest agents that meet the target, and what is expected of them.

    None where not even ``AGENTS_MAX`` do.

    .. versionadded:: 0.3
    """

    def enough(agents: int) -> Expected | None:
        found = expected(rate, service_s, patience_s, agents, target.within_s)
        return found if found is not None and found.meets(target) else None

    if rate * service_s <= 0:
        return 0, Expected(1.0, 0.0, 0.0, 0.0)
    low, high = 0, min(AGENTS_MAX, max(1, math.ceil(rate * service_s)))
    best = enough(high)
    while best is None and high < AGENTS_MAX:
        low, high = high, min(2 * high, AGENTS_MAX)
        best = enough(high)
    if best is None:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        found = enough(middle)
        if found is None:
            low = middle
        else:
            high, best = middle, found
    return high, best


def plan(demand: Sequence[Demand], target: Target, *, lag: bool = False) -> tuple[Needed, ...]:
    """Return what each interval needs; with ``lag`` also those after the last call.

    ``demand`` is in order and without holes. An interval in which somebody may come has
    at least one agent. It stops short at the first interval that ``AGENTS_MAX`` do not
    serve, which is then the one missing.

    .. versionadded:: 0.3
    """
    found = []
    for one in (*demand, *_after(demand)) if lag else demand:
        calls = _earlier(demand, one) if lag else one.calls
        rate = calls / (one.length_us / SECOND)
        solved = needed(rate, one.service_s, one.patience_s, target)
        if solved is None:
            break
        agents, says = solved
        if agents == 0 and one.calls > 0:
            agents = 1
        found.append(Needed(one, calls * HOUR / one.length_us, agents, says))
    return tuple(found)


def _after(demand: Sequence[Demand]) -> list[Demand]:
    """The intervals behind the last one into which its calls reach."""
    last = demand[-1]
    count = math.ceil(last.service_s * SECOND / last.length_us)
    return [
        attrs.evolve(last, at=Instant(last.end + n * last.length_us), calls=0.0)
        for n in range(count)
    ]


def _earlier(demand: Sequence[Demand], interval: Demand) -> float:
    """The calls of a stretch as long as the interval, one mean handling time earlier."""
    lag = interval.service_s * SECOND
    begin, end = interval.at - lag, interval.end - lag
    return sum(
        one.calls * (min(end, one.end) - max(begin, one.at)) / one.length_us
        for one in demand
        if one.at < end and begin < one.end
    )
