"""What the simulated floor is held against: one row is a model, its parameters, its figures.

The production engine decides; only people, lines and time are simulated. What a row
counts is a fixed number of customers by order of arrival, never a stretch of time: then
each of them is one of the stationary stream, and the mean over them has no bias.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice
from typing import Final
from zoneinfo import ZoneInfo

import attrs

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.erlang import ErlangA, ErlangC, priority_waits, vru_lines
from cckit.core.ids import ContactId, EntryId, QueueId
from cckit.core.instant import HOUR, SECOND, Instant
from cckit.core.settings import QueueSettings
from cckit.testing import Arrival, Exponential, Process, Processes, Rate, Shift, Staffing, World
from cckit.testing.draws import NEVER, Lengths, stream
from cckit.testing.world import FAR, LINE, START

UTC: Final = ZoneInfo("UTC")
QUEUE: Final = QueueId("service")
AT_ONCE: Final = {"service": QueueSettings(wrapup_us=0)}
"""Nobody rings, nobody wraps up: an agent is busy as long as somebody talks."""
HOUR_S: Final = HOUR // SECOND
WITHIN_S: Final = 20
LEAST_WARM_UP: Final = 400
"""Customers."""


@attrs.frozen
class Row:
    """One model with its parameters."""

    name: str
    figures: tuple[str, ...]
    exact: tuple[float, ...]
    """What theory says of each of ``figures``."""
    simulate: Callable[[int, int], tuple[float, ...]] = attrs.field(eq=False)
    """(seed, customers counted) to what the floor showed."""


@attrs.frozen
class First:
    """The first customers of some processes that go on for ever."""

    processes: Processes
    customers: int
    start: Instant = START
    end: Instant = FAR
    zone: ZoneInfo = UTC
    source: str = "theory"
    queues: tuple[str, ...] = (QUEUE,)

    def arrivals(self, seed: int) -> Iterator[Arrival]:
        return islice(self.processes.arrivals(seed), self.customers)


@attrs.frozen
class Visit:
    """What befell one customer in the queue."""

    lane: int
    wait_s: float
    lost: bool


def warm_up(calls_in_service: float, agents: int) -> int:
    """Return how many customers come before any is counted: ten times the slower memory.

    The memory of M/M/1, that of M/M/c is shorter, is r / (1 - sqrt(r))^2 arrivals (Morse
    1955); where customers give up, or the load is low, that of the services.
    """
    load = calls_in_service / agents
    memory = load / (1 - load**0.5) ** 2 if load < 1 else 0.0
    return max(LEAST_WARM_UP, 10 * agents, round(10 * memory))


def waits(world: World) -> list[Visit]:
    """Return the visits to the queue, by the order of arrival in it."""
    entered: dict[EntryId, int] = {}
    left: dict[EntryId, Visit] = {}
    for _, data in world.events((f.QueueEntered, f.QueueLeft)):
        if isinstance(data, f.QueueEntered):
            entered[data.entry] = data.lane
        else:
            lost, lane = data.reason == "abandoned", entered[data.entry]
            left[data.entry] = Visit(lane, data.wait_us / SECOND, lost)
    return [left[entry] for entry in entered]


def crowd(
    customers: int, per_hour: Sequence[float], service_s: float, patience: Lengths = NEVER
) -> First:
    """Return customers of exponential service; ``per_hour`` of lane 0, 1, 2."""
    service = Exponential(round(service_s * SECOND))
    processes = tuple(
        Process(QUEUE, (Rate(START, FAR, each),), patience, service, lane=lane)
        for lane, each in enumerate(per_hour)
    )
    return First(Processes(START, FAR, UTC, processes), customers)


def played(seed: int, traffic: First, agents: int, shift: Shift | None = None) -> list[Visit]:
    """Simulate one queue of ``agents``."""
    staffing = Staffing((shift or Shift(agents),), AT_ONCE)
    world = World(seed, traffic=traffic, staffing=staffing)
    world.run()
    return waits(world)


def by_hand(seed: int, traffic: First, agents: int) -> list[Visit]:
    """Serve the same customers without a floor: whoever is first takes who is free first.

    First is the highest lane, in it who came first (Kiefer and Wolfowitz 1955, with lanes
    and patience).
    """
    customers = list(traffic.arrivals(seed))
    free, waiting = [0] * agents, list[tuple[int, int]]()
    found = dict[int, Visit]()
    coming = 0
    while len(found) < len(customers):
        at = free[0]
        if not waiting:
            at = max(at, customers[coming].at)
        while coming < len(customers) and customers[coming].at <= at:
            heapq.heappush(waiting, (-customers[coming].lane, coming))
            coming += 1
        _, number = heapq.heappop(waiting)
        one = customers[number]
        wait_us, most = at - one.at, one.patience_us
        if most is not None and most < wait_us:
            found[number] = Visit(one.lane, most / SECOND, True)
        else:
            heapq.heapreplace(free, at + one.handling_us)
            found[number] = Visit(one.lane, wait_us / SECOND, False)
    return [found[number] for number in range(len(customers))]


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def in_time(visits: Sequence[Visit]) -> float:
    return mean([not visit.lost and visit.wait_s <= WITHIN_S for visit in visits])


def erlang_c(per_hour: float, service_s: float, agents: int) -> Row:
    """Nobody gives up."""
    exact = ErlangC.of(per_hour / HOUR_S, service_s, agents)
    assert exact is not None
    warm = warm_up(per_hour / HOUR_S * service_s, agents)

    def simulate(seed: int, customers: int) -> tuple[float, ...]:
        visits = played(seed, crowd(warm + customers, (per_hour,), service_s), agents)[warm:]
        waited = [visit.wait_s for visit in visits]
        return mean([wait > 0 for wait in waited]), mean(waited), in_time(visits)

    return Row(
        f"Erlang C, {per_hour:g} an hour of {service_s:g} s, {agents} agents",
        ("waits", "mean wait", "in 20 s"),
        (exact.waits, exact.asa_s, exact.answered_within(WITHIN_S)),
        simulate,
    )


def erlang_a(per_hour: float, service_s: float, patience_s: float, agents: int) -> Row:
    """Whoever waits may give up."""
    exact = ErlangA.of(per_hour / HOUR_S, service_s, patience_s, agents)
    warm = warm_up(0, agents)

    def simulate(seed: int, customers: int) -> tuple[float, ...]:
        patience = Exponential(round(patience_s * SECOND))
        calls = crowd(warm + customers, (per_hour,), service_s, patience)
        visits = played(seed, calls, agents)[warm:]
        lost, waited = [visit.lost for visit in visits], [visit.wait_s for visit in visits]
        return mean(lost), mean(waited), in_time(visits)

    return Row(
        f"Erlang A, {per_hour:g} an hour of {service_s:g} s, {patience_s:g} s of patience, "
        f"{agents} agents",
        ("abandoned", "mean wait", "in 20 s"),
        (exact.abandoned, exact.mean_wait_s, exact.answered_within(WITHIN_S)),
        simulate,
    )


def priorities(per_hour: Sequence[float], service_s: float, agents: int) -> Row:
    """Lanes are strict, and nobody is interrupted. ``per_hour`` of lane 0, 1, 2.

    Of each lane its share of the customers is counted. More customers come behind them
    as before them, or the last of lane 0 would find nobody overtaking.
    """
    rates = [each / HOUR_S for each in per_hour]
    exact = [wait for wait in reversed(priority_waits(rates[::-1], service_s, agents)) if wait]
    assert len(exact) == len(rates)
    warm = warm_up(sum(rates) * service_s, agents)

    def simulate(seed: int, customers: int) -> tuple[float, ...]:
        visits = played(seed, crowd(warm + customers + warm, per_hour, service_s), agents)
        found = []
        for lane, rate in enumerate(rates):
            share = rate / sum(rates)
            first, number = round(warm * share), round(customers * share)
            waited = [visit.wait_s for visit in visits if visit.lane == lane]
            found.append(mean(waited[first : first + number]))
        return tuple(found)

    return Row(
        f"priorities, {per_hour} an hour of {service_s:g} s, {agents} agents",
        tuple(f"mean wait in lane {lane}" for lane in range(len(rates))),
        tuple(exact),
        simulate,
    )


def lines(
    per_hour: float, vru_s: float, onward: float, service_s: float, agents: int, trunks: int
) -> Row:
    """Each call holds one of ``trunks`` through the VRU, the wait and the service."""
    exact = vru_lines(per_hour / HOUR_S, vru_s, onward, service_s, agents, trunks)
    warm = max(LEAST_WARM_UP, 10 * trunks)

    def simulate(seed: int, customers: int) -> tuple[float, ...]:
        floor = Trunks(seed, agents, trunks)
        service = Exponential(round(service_s * SECOND))
        flow = Exponential(round(vru_s * SECOND))
        calling = Process(QUEUE, (Rate(START, FAR, per_hour),), handling=service, flow=flow)
        # More come than are counted: as many must have gone on to an agent.
        calls = round(1.25 * (warm + customers) / (1 - exact[0]))
        blocked = floor.play(islice(calling.arrivals(seed, "calls"), calls), onward)
        sent = round(customers * onward * (1 - exact[0]))
        first = round(warm * onward)
        waited = [visit.wait_s > 0 for visit in waits(floor.world)[first : first + sent]]
        return mean(blocked[warm : warm + customers]), mean(waited)

    return Row(
        f"VRU, {per_hour:g} an hour, {vru_s:g} s, {onward:.0%} go on to {service_s:g} s, "
        f"{agents} agents, {trunks} lines",
        ("blocked", "waits"),
        exact,
        simulate,
    )


class Trunks:
    """A floor behind a number of lines, played step by step.

    A world lets everybody in, and sends everybody to a queue. So who finds all lines taken
    is sent away here, and who needs nobody after the VRU hangs up here.
    """

    def __init__(self, seed: int, agents: int, trunks: int) -> None:
        self.world = World(seed)
        self.world.queue(QUEUE, AT_ONCE["service"])
        for number in range(agents):
            self.world.agent(f"{number:03d}")
        self.trunks = trunks
        self.alone = 0
        """Lines of those whom the VRU alone serves."""
        self._decides = stream(seed, "goes on").random

    def play(self, arrivals: Iterator[Arrival], onward: float) -> list[bool]:
        """Let them come; return who of them was blocked."""
        world, blocked = self.world, []
        hangs_up: list[tuple[Instant, int, c.ReportCleared]] = []
        order = count()
        for arrival in arrivals:
            while hangs_up and hangs_up[0][0] <= arrival.at:
                at, _, cleared = heapq.heappop(hangs_up)
                self.alone -= 1
                world.do(cleared, LINE, at)
            world.run(Instant(arrival.at - 1))
            blocked.append(len(world.callers) + self.alone >= self.trunks)
            if blocked[-1]:
                name = self._called(arrival, len(blocked))[0]
                world.do(c.Deflect(name, "blocked", "full"))
            elif self._decides() < onward:
                world.arrive(arrival)
            else:
                _, cleared = self._called(arrival, len(blocked))
                self.alone += 1
                ends = Instant(arrival.at + arrival.flow_us)
                heapq.heappush(hangs_up, (ends, next(order), cleared))
        world.run()
        return blocked

    def _called(self, arrival: Arrival, number: int) -> tuple[ContactId, c.ReportCleared]:
        """Let somebody arrive whom the world does not know."""
        contact = ContactId(f"{number:032x}")
        decision = self.world.do(c.ReportArrived("voice", contact=contact), LINE, arrival.at)
        created: f.ContactCreated = decision[1][0][1]
        return contact, c.ReportCleared(created.leg)
