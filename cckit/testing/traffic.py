"""Who comes, when, how patient, and how long each will take.

Traffic is either *processes*, written in TOML, or *recorded*: the arrivals, patience and
handling of a log. All that concerns one customer is drawn when the customer arrives,
each concern from a stream of its own. So another staffing or strategy meets the same
customers, and a difference in the result is the policy's.

    start = 2026-03-02T08:00:00         # civil time of the zone
    zone = "Asia/Jerusalem"
    hours = 10                          # customers arrive this long

    [[arrivals]]
    queue = "service"
    rates = [["08:00", 60], ["10:00", 140], ["16:00", 80]]   # an hour; or per_hour = 90
    patience = { kind = "exponential", mean_s = 180 }
    handling = { kind = "lognormal", mean_s = 200, sd_s = 170 }
    wrapup = { kind = "fixed", s = 20 }  # none: the queue's timer ends it; or, as a part of
                                         # handling, wrapup_permille = 100
    flow = { kind = "fixed", s = 5 }     # before the queue
    need = "he >= 2"
    priority = 0
    channel = "voice"                    # or chat, email …
    # Of who is to wait longer than that, if the queue estimates, so many hang up to be called.
    callback = { over_s = 120, permille = 400, answer_permille = 800, first = "agent" }
"""

import heapq
import math
from collections.abc import Iterator
from datetime import time
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import attrs

from cckit.core.ids import QueueId
from cckit.core.instant import HOUR, SECOND, Instant, Span

from . import civil
from .draws import AT_ONCE, NEVER, Fixed, Lengths, stream
from .tables import Table, read_toml

ARRIVALS: Final = (
    "queue", "per_hour", "rates", "patience", "handling", "wrapup", "wrapup_permille", "flow",
    "need", "priority", "lane", "entry_point", "callback", "channel",
)  # fmt: skip
DISTRIBUTED: Final = ("patience", "handling", "wrapup", "flow")
TOP: Final = ("start", "zone", "hours", "arrivals", *DISTRIBUTED)
CALLED: Final = Fixed(Span(8 * SECOND))
"""How long a phone rings till somebody answers, where nothing says otherwise."""
RATE_MAX: Final = 10_000_000
"""Calls an hour."""
HOURS_MAX: Final = 10_000


@attrs.frozen(slots=True)
class Callback:
    """What customers do who are offered to hang up and be called."""

    over_us: Span
    """It is offered while the wait that is expected is longer than this."""
    permille: int
    """How many of them take it."""
    answer_permille: int = 800
    """How many answer, each time they are called."""
    first: str = "agent"
    """Who is called first: ``agent`` or ``customer``."""
    answer: Lengths = CALLED
    """How long it rings before they do."""


class Arrival(NamedTuple):
    """One customer, and all that chance decides about them."""

    at: Instant
    queue: QueueId
    flow_us: Span
    """From arriving to the queue."""
    patience_us: Span | None
    """From the queue on; None never gives up."""
    handling_us: Span
    """Of talk."""
    wrapup_us: Span | None
    """What the agent needs afterwards; None is all that the queue allows."""
    need: str | None
    priority: int
    lane: int
    entry_point: str
    callback: Callback | None = None
    """What they do if a callback is offered; None: they stay on the line."""
    channel: str = "voice"


class Traffic(Protocol):
    """The customers of a simulation."""

    @property
    def start(self) -> Instant: ...

    @property
    def end(self) -> Instant:
        """Nobody arrives from then on."""
        ...

    @property
    def zone(self) -> ZoneInfo: ...

    @property
    def source(self) -> str:
        """What it is and which models complete it, for ``run.started``: no path."""
        ...

    @property
    def queues(self) -> tuple[str, ...]:
        """Where its customers go, sorted."""
        ...

    def arrivals(self, seed: int) -> Iterator[Arrival]:
        """Yield the customers by time of arrival."""
        ...


class Rate(NamedTuple):
    """A piece of a piecewise constant rate."""

    start: int
    end: int
    per_hour: float


@attrs.frozen
class Process:
    """Poisson arrivals to one queue."""

    queue: QueueId
    rates: tuple[Rate, ...]
    """In order, without overlap."""
    patience: Lengths = NEVER
    handling: Lengths = AT_ONCE
    wrapup: Lengths = NEVER
    """``NEVER``: the queue's timer ends it."""
    wrapup_permille: int = 0
    """Not 0: ``handling`` is of talk and wrap-up together, and this part of it wrap-up."""
    flow: Lengths = AT_ONCE
    need: str | None = None
    priority: int = 0
    lane: int = 0
    entry_point: str = ""
    callback: Callback | None = None
    """Who may be offered to be called back; None is nobody."""
    channel: str = "voice"

    def arrivals(self, seed: int, name: str) -> Iterator[Arrival]:
        """Yield the customers of this process; ``name`` keeps its chance apart from others'."""
        patience, handling, wrapup, flow = (getattr(self, concern).draw for concern in DISTRIBUTED)
        patient, busy, after, before = (stream(seed, f"{name} {what}") for what in DISTRIBUTED)
        queue, part, flows = self.queue, self.wrapup_permille, self.flow != AT_ONCE
        fixed = (self.need, self.priority, self.lane, self.entry_point, None, self.channel)
        takes = (*fixed[:4], self.callback, self.channel)
        callback, chance = self.callback, stream(seed, f"{name} callback").random
        for at in poisson(self.rates, stream(seed, f"{name} arrivals")):
            talk_us = handling(busy) or 0
            if part:
                wrapup_us = talk_us * part // 1000
                talk_us -= wrapup_us
            else:
                wrapup_us = wrapup(after)
            flow_us = (flow(before) or 0) if flows else 0
            drawn = (at, queue, flow_us, patience(patient), talk_us, wrapup_us)
            taken = callback is not None and chance() * 1000 < callback.permille
            yield tuple.__new__(Arrival, drawn + (takes if taken else fixed))


def poisson(rates: tuple[Rate, ...], random: Random) -> Iterator[Instant]:
    """Yield the instants of a Poisson process.

    Without memory, so what reaches beyond a piece is dropped and drawn anew from its end.
    """
    draw, log = random.random, math.log
    for start, end, per_hour in rates:
        if per_hour <= 0:
            continue
        mean_us, at = HOUR / per_hour, start
        while True:
            at += int(-log(1.0 - draw()) * mean_us)
            if at >= end:
                break
            yield Instant(at)


@attrs.frozen
class Processes:
    """Traffic made of processes."""

    start: Instant
    end: Instant
    zone: ZoneInfo
    processes: tuple[Process, ...]
    source: str = "processes"

    @property
    def queues(self) -> tuple[str, ...]:
        return tuple(sorted({process.queue for process in self.processes}))

    def arrivals(self, seed: int) -> Iterator[Arrival]:
        """Yield the customers of all processes by (time, order of the processes)."""
        each = [one.arrivals(seed, f"process {n}") for n, one in enumerate(self.processes)]
        return each[0] if len(each) == 1 else heapq.merge(*each, key=lambda arrival: arrival.at)


@attrs.frozen
class Listed:
    """Traffic known one by one."""

    start: Instant
    end: Instant
    zone: ZoneInfo
    customers: tuple[Arrival, ...]
    """By time of arrival."""
    source: str = "listed"

    @property
    def queues(self) -> tuple[str, ...]:
        return tuple(sorted({customer.queue for customer in self.customers}))

    def arrivals(self, seed: int) -> Iterator[Arrival]:
        return iter(self.customers)


def read_traffic(path: Path) -> Processes:
    """Read processes from TOML.

    :raises ConfigError: it names file, key, value and what is allowed.

    .. versionadded:: 0.1
    """
    data, raw = read_toml(path)
    top = Table(path.name, "", data, TOP)
    zone = civil.read_zone(top.text("zone", "UTC"), top.where("zone"))
    start = civil.from_datetime(top.civil("start").replace(tzinfo=zone))
    hours = top.number("hours", HOURS_MAX)
    end = Instant(start + round(hours * HOUR))
    inherited: dict[str, Lengths] = {"flow": AT_ONCE, "wrapup": NEVER, "patience": NEVER}
    for concern in DISTRIBUTED:
        if top.has(concern):
            inherited[concern] = top.lengths(concern)
    processes = tuple(
        _process(table, inherited, _rates(table, start, end, zone))
        for table in top.tables("arrivals", ARRIVALS)
    )
    source = f"{path.name} sha256 {sha256(raw).hexdigest()[:16]}"
    return Processes(start, end, zone, processes, source)


def _process(table: Table, inherited: dict[str, Lengths], rates: tuple[Rate, ...]) -> Process:
    drawn = {key: table.lengths(key, inherited.get(key)) for key in DISTRIBUTED}
    for key in ("handling", "flow"):
        if drawn[key] == NEVER:
            raise table.fault(key, "'endless' never ends", "give a distribution with a mean")
    return Process(
        QueueId(table.text("queue")),
        rates,
        drawn["patience"],
        drawn["handling"],
        drawn["wrapup"],
        table.whole("wrapup_permille", 0, 999, 0),
        drawn["flow"],
        table.requirement("need"),
        table.whole("priority", -1000, 1000, 0),
        table.whole("lane", 0, 2, 0),
        table.text("entry_point", ""),
        _callback(table),
        table.text("channel", "voice"),
    )


def _callback(table: Table) -> Callback | None:
    if not table.has("callback"):
        return None
    keys = ("over_s", "permille", "answer_permille", "first", "answer")
    inner = Table(table.file, f"{table.path}.callback", table.data["callback"], keys)
    first = inner.text("first", "agent")
    if first not in ("agent", "customer"):
        raise inner.fault("first", f"{first!r} can't be called first", "use agent or customer")
    return Callback(
        inner.seconds("over_s"),
        inner.whole("permille", 0, 1000),
        inner.whole("answer_permille", 0, 1000, 800),
        first,
        inner.lengths("answer", CALLED),
    )


def _rates(table: Table, start: int, end: int, zone: ZoneInfo) -> tuple[Rate, ...]:
    """Return the pieces; a civil rate holds until the next one, the last over midnight."""
    if table.has("rates") == table.has("per_hour"):
        raise table.fault("rates", "give one of rates and per_hour", "per_hour = 90")
    if table.has("per_hour"):
        return (Rate(start, end, table.number("per_hour", RATE_MAX)),)
    steps = _steps(table)
    found: list[tuple[int, float]] = []
    for day in civil.days(Instant(start), Instant(end), zone):
        found += [(civil.instant(day, at, zone), rate) for at, rate in steps]
    found.append((end, 0.0))
    pieces = []
    for (begin, rate), (until, _) in pairwise(found):
        if max(begin, start) < min(until, end):
            pieces.append(Rate(max(begin, start), min(until, end), rate))
    return tuple(pieces)


def _steps(table: Table) -> list[tuple[time, float]]:
    rows = table.data["rates"]
    remedy = 'write [["08:00", 60], ["12:00", 90]]'
    if not isinstance(rows, list) or not rows:
        raise table.fault("rates", f"{rows!r} is not a list", remedy)
    steps = []
    for n, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != 2:
            raise table.fault(f"rates[{n}]", f"{row!r} is not a time and a rate", remedy)
        key = f"rates[{n}]"
        steps.append((table.clock(key, row[0]), table.as_number(key, row[1], RATE_MAX)))
    if [at for at, _ in steps] != sorted({at for at, _ in steps}):
        raise table.fault("rates", "times do not rise", "put the earliest first, each once")
    return steps
