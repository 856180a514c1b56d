"""Exact queueing theory: what a floor should do, to hold the simulated one against.

Poisson arrivals at ``rate`` a second, ``agents`` servers, exponential service with a mean
of ``service_s`` seconds; in Erlang A each waiting customer gives up after an exponential
time with a mean of ``patience_s``. With a = rate * service, x = agents * patience / service
and y = rate * patience, the state probabilities above "all busy, nobody waits" (p) are
``p * t_j``, ``t_j = y^j / ((x+1) ... (x+j))``. Every sum below is one of positive terms,
so nothing cancels, and exponents are added before they are raised.

Floats live here because nothing of it is stored or decides.

Sources: Erlang (1917); Palm (1957); Garnett, Mandelbaum and Reiman (2002), section 3;
Mandelbaum and Zeltyn (2007), "Service engineering in action"; Halfin and Whitt (1981);
Cobham (1954), "Priority assignment in waiting line problems"; Kella and Yechiali (1985),
"Waiting times in the non-preemptive priority M/M/c queue"; Srinivasan, Talim and Wang (2004).
"""

import math
from collections.abc import Callable, Sequence
from typing import Final

import attrs

TINY: Final = 1e-17
"""A term this much smaller than the sum no longer changes it."""
HUGE: Final = 1e250
BISECTIONS: Final = 200


def erlang_b(agents: int, load: float) -> float:
    """Return the share of calls that find all of ``agents`` busy and go away.

    ``load`` is in Erlang (rate times mean service). B(0) = 1, B(k) = aB / (k + aB)
    (Erlang 1917).

    .. versionadded:: 0.1
    """
    return math.exp(_ln_b(agents, load))


def _ln_b(agents: int, load: float) -> float:
    """Return ln B; in logarithms from where B itself would leave the floats."""
    if load <= 0:
        return 0.0 if agents == 0 else -math.inf
    blocked, k = 1.0, 0
    while k < agents and blocked > 1 / HUGE:
        k += 1
        blocked = load * blocked / (k + load * blocked)
    ln_blocked = math.log(blocked)
    while k < agents:
        k += 1
        ln_blocked += math.log(load) - math.log(k + load * math.exp(ln_blocked))
    return ln_blocked


@attrs.frozen
class ErlangC:
    """Nobody gives up: M/M/c."""

    waits: float
    """P(W > 0)."""
    asa_s: float
    """Mean wait of all, who are all answered."""
    decay: float
    """How fast the tail of the wait falls, per second: (c - a) / service."""

    @classmethod
    def of(cls, rate: float, service_s: float, agents: int) -> "ErlangC | None":
        """Solve the model; None where the load is not below ``agents``: the queue explodes.

        C = cB / (c - a(1 - B)), mean wait C * service / (c - a) (Erlang 1917).

        .. versionadded:: 0.1
        """
        load = rate * service_s
        if load >= agents:
            return None
        blocked = erlang_b(agents, load)
        waits = agents * blocked / (agents - load * (1 - blocked))
        decay = (agents - load) / service_s
        return cls(waits, waits / decay, decay)

    def answered_within(self, seconds: float) -> float:
        """Return the share answered within ``seconds``: 1 - C * exp(-decay * t)."""
        return 1 - self.waits * math.exp(-self.decay * seconds)

    def quantile_s(self, share: float) -> float:
        """Return the wait that ``share`` (0 to 1) of the calls do not exceed."""
        if share >= 1:
            return math.inf
        return max(0.0, math.log(self.waits / (1 - share)) / self.decay) if self.waits else 0.0


@attrs.frozen
class ErlangA:
    """Whoever waits may give up: M/M/c+M."""

    waits: float
    """P(W > 0)."""
    abandoned: float
    """P(ab), of all that arrive."""
    mean_wait_s: float
    """Of all, answered or not."""
    asa_s: float
    """Mean wait of the answered."""
    _x: float
    _y: float
    _leave: float
    """theta, per second."""
    _ln_p: float
    """ln of the probability of "all busy, nobody waits"."""

    @classmethod
    def of(cls, rate: float, service_s: float, patience_s: float, agents: int) -> "ErlangA":
        """Solve the model; it is stable at any load.

        Mandelbaum and Zeltyn (2007), equations 3-10. Lq = p * sum(j * t_j), P(ab) =
        Lq / y, and the answered wait p * x/y * patience * sum(t_j * sum(1 / (x + m), m <= j)).

        .. versionadded:: 0.1
        """
        x = agents * patience_s / service_s
        y = rate * patience_s
        ln_sum, queue, served = _sums(x, y)
        ln_b = _ln_b(agents, rate * service_s)
        # p = B / (1 + (S - 1)B), with B and S both possibly out of reach of a float.
        ln_p = ln_b - _ln_one_plus(_ln_minus_one(ln_sum) + ln_b)
        waits = min(1.0, math.exp(ln_p + ln_sum))
        abandoned = min(1.0, waits * queue / y) if y else 0.0
        wait_of_served = waits * served * x / y * patience_s if y else 0.0
        answered = 1 - abandoned
        return cls(
            waits,
            abandoned,
            abandoned * patience_s,
            wait_of_served / answered if answered > 0 else math.inf,
            x,
            y,
            1 / patience_s,
            ln_p,
        )

    def waits_longer(self, seconds: float) -> float:
        """Return P(W > t): neither answered nor gone within ``seconds``."""
        z = self._y * math.exp(-self._leave * seconds)
        exponent = self._y - z - (self._x + 1) * self._leave * seconds
        return _clamp(math.exp(self._ln_p + _sums(self._x, z)[0] + exponent))

    def answered_later(self, seconds: float) -> float:
        """Return G(t): the share of all that is answered after more than ``seconds``."""
        x = self._x
        z = self._y * math.exp(-self._leave * seconds)
        exponent = self._y - z - (x + 1) * self._leave * seconds
        return _clamp(x / (x + 1) * math.exp(self._ln_p + _sums(x + 1, z)[0] + exponent))

    def answered_within(self, seconds: float) -> float:
        """Return the share of all that is answered within ``seconds``."""
        return _clamp(1 - self.abandoned - self.answered_later(seconds))

    def abandoned_within(self, seconds: float) -> float:
        """Return the share of all that gives up within ``seconds``."""
        later = self.waits_longer(seconds) - self.answered_later(seconds)
        return _clamp(self.abandoned - later)

    def quantile_s(self, share: float) -> float:
        """Return the wait that ``share`` (0 to 1) of all do not exceed, answered or not."""
        left = 1 - share
        if left <= 0:
            return math.inf
        if self.waits <= left:
            return 0.0
        high = 1.0
        while self.waits_longer(high) > left:
            high *= 2
        return _bisect(lambda t: left - self.waits_longer(t), 0.0, high)


def rate_with_redials(
    rate: float, service_s: float, patience_s: float, agents: int, redials: float
) -> float:
    """Return the arrivals a second once ``redials`` (0 to below 1) of the lost call again.

    Solves L * (1 - r * P_ab(L)) = rate by bisection on [rate, rate / (1 - r)]. Holds for
    redial delays of at least ten services; at one, the true P_ab is up to 15 % higher.

    .. versionadded:: 0.1
    """

    def excess(total: float) -> float:
        lost = ErlangA.of(total, service_s, patience_s, agents).abandoned
        return total * (1 - redials * lost) - rate

    return _bisect(excess, rate, rate / (1 - redials))


def square_root_waits(agents: int, load: float) -> float:
    """Return a first guess of Erlang C's P(W > 0): 1 / (1 + b * Phi(b) / phi(b)).

    b = (agents - load) / sqrt(load) > 0 (Halfin and Whitt 1981, proposition 1).

    .. versionadded:: 0.1
    """
    beta = (agents - load) / math.sqrt(load)
    below = math.erfc(-beta / math.sqrt(2)) / 2
    density = math.exp(-beta * beta / 2) / math.sqrt(2 * math.pi)
    return 1 / (1 + beta * below / density)


def vru_lines(
    rate: float, vru_s: float, onward: float, service_s: float, agents: int, lines: int
) -> tuple[float, float]:
    """Return (share blocked, share of those sent on who wait) of lines with a VRU before agents.

    Each of ``lines`` is held through the VRU (mean ``vru_s``), the wait and the service;
    ``onward`` of the callers want an agent. pi(i, j) is proportional to (rate * vru)^i / i!
    times (onward * rate * service)^j / j!, from ``agents`` on divided by agents!
    agents^(j - agents) (Srinivasan, Talim and Wang 2004); leavers see i * pi(i, j).

    .. versionadded:: 0.1
    """
    first, second = rate * vru_s, onward * rate * service_s
    in_vru = _poisson_like(first, lines, lines)
    with_agent = _poisson_like(second, agents, lines)
    total = blocked = leaving = waiting = 0.0
    for i in range(lines + 1):
        for j in range(lines + 1 - i):
            weight = in_vru[i] * with_agent[j]
            total += weight
            blocked += weight if i + j == lines else 0.0
            leaving += i * weight
            waiting += i * weight if j >= agents else 0.0
    return blocked / total, waiting / leaving if leaving else 0.0


def priority_waits(
    rates: Sequence[float], service_s: float, agents: int
) -> tuple[float | None, ...]:
    """Return the mean wait in seconds of each strict class, the most urgent first.

    Nobody gives up, nobody is interrupted, all are served with one mean: with C as in
    Erlang C of all arrivals, c = agents / service_s and s_k = (rates[0] + ... + rates[k]) / c,
    W_k = C / (c (1 - s_(k-1)) (1 - s_k)) (Cobham 1954; Kella and Yechiali 1985). A class
    whose s_k is not below 1 has no mean: None; as it keeps all agents busy, C is 1 then.

    .. versionadded:: 0.3
    """
    model = ErlangC.of(sum(rates), service_s, agents)
    busy = 1.0 if model is None else model.waits
    per_s = agents / service_s
    waits: list[float | None] = []
    above = 0.0
    for rate in rates:
        with_it = above + rate / per_s
        waits.append(busy / (per_s * (1 - above) * (1 - with_it)) if with_it < 1 else None)
        above = with_it
    return tuple(waits)


def _poisson_like(load: float, servers: int, states: int) -> list[float]:
    """Return load^j / (1 ... min(j, servers)), scaled so that the greatest is 1."""
    logs, ln = [0.0], 0.0
    for j in range(1, states + 1):
        ln += (math.log(load) if load > 0 else -math.inf) - math.log(min(j, servers))
        logs.append(ln)
    top = max(logs)
    return [math.exp(one - top) for one in logs]


def _sums(x: float, z: float) -> tuple[float, float, float]:
    """Return ln S, sum(j t_j) / S and sum(t_j h_j) / S.

    S = 1 + sum(t_j), t_j = z^j / ((x+1) ... (x+j)), h_j = 1/(x+1) + ... + 1/(x+j).
    """
    term = total = 1.0
    queue = served = harmonic = scale = 0.0
    j = 0
    while True:
        j += 1
        ratio = z / (x + j)
        term *= ratio
        harmonic += 1 / (x + j)
        total += term
        queue += j * term
        served += harmonic * term
        if total > HUGE:
            scale += math.log(HUGE)
            term, total, queue, served = (v / HUGE for v in (term, total, queue, served))
        # Behind the peak the rest is below a geometric series.
        if ratio < 1 and term * j <= TINY * queue * (1 - ratio):
            return scale + math.log(total), queue / total, served / total


def _ln_minus_one(ln_value: float) -> float:
    """Return ln(e^v - 1) for v >= 0."""
    return math.log(math.expm1(ln_value)) if 0 < ln_value < 40 else (ln_value or -math.inf)


def _ln_one_plus(ln_value: float) -> float:
    """Return ln(1 + e^v)."""
    return math.log1p(math.exp(ln_value)) if ln_value < 40 else ln_value


def _clamp(share: float) -> float:
    return min(1.0, max(0.0, share))


def _bisect(rises: Callable[[float], float], low: float, high: float) -> float:
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if rises(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
