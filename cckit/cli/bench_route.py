"""A routing decision on a large floor: 5,000 agents, 60 skills, thousands waiting.

Two decisions are timed, whole: a freed agent takes the best of what waits for it (the
wrap-up ends, the offer is made), and a contact joins a queue in which nobody is free. Then
both again on a floor where all that waits relaxes by steps and three queues have weights,
with every fourth contact preferring an agent, and the end of a step is timed as well.
Invariants are checked in each, nothing is written to a disk; CPU time counts, so other
processes do not. The rival of the first is a bare look-up, one ``and`` and one lowest bit
over sets of the same 5,000 agents.
"""

import gc
import time
from random import Random
from typing import Any, Final

import attrs

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.engine import Engine
from cckit.core.events import Actor, Decision
from cckit.core.ids import AgentId, ContactId, QueueId
from cckit.core.settings import QueueSettings

from .bench_result import Result, result

AGENTS: Final = 5_000
SKILLS: Final = 60
SKILLS_EACH: Final = 5
WAITING: Final = 2_000
FEW: Final = 200
RELAXING: Final = -1
"""Stands for the floor of 2,000 whose needs relax."""
MANY: Final = 20_000
DECISIONS: Final = 20_000
ACTOR: Final = Actor("process", "bench")
QUEUE: Final = QueueId("service")
WEIGHTS: Final = {QueueId("service"): 1, QueueId("gold"): 3, QueueId("silver"): 2}
STEP_US: Final = 20_000
"""At most; the floor's clock goes on by a microsecond a command."""
AGENT_IDS: Final = [AgentId(f"{n:04}") for n in range(AGENTS)]


class Floor:
    """Agents who all wrap up, and contacts that wait for them."""

    def __init__(self, waiting: int, seed: int = 1, relaxing: bool = False) -> None:
        self.random = Random(seed)
        self.relaxing = relaxing
        self.stepped: list[int] = []
        """Nanoseconds of each end of a step."""
        self.engine = Engine()
        self.now = 1_000_000_000
        self.contacts = 0
        self.deck: list[AgentId] = []
        settings = QueueSettings(wrapup_us=3_600_000_000)
        self.act(c.ApplyConfig("queue", QUEUE, settings.pack()))
        for queue, weight in WEIGHTS.items() if relaxing else ():
            weighing = attrs.evolve(settings, weight=weight, prefer_us=STEP_US)
            self.act(c.ApplyConfig("queue", queue, weighing.pack()))
        self.wrapping: dict[AgentId, ContactId] = {}
        for agent in AGENT_IDS:
            self.add_agent(agent)
        for agent in AGENT_IDS:
            self.occupy(agent)
        for _ in range(waiting):
            self.arrive()

    def act(self, command: Any) -> Decision:
        self.now += 1
        decided = self.engine.act(command, ACTOR, self.now)
        assert isinstance(decided, Decision), decided
        return decided

    def add_agent(self, agent: AgentId) -> None:
        chosen = self.random.sample(range(SKILLS), SKILLS_EACH)
        skills = {f"s{skill:02}": self.random.randint(1, 5) for skill in chosen}
        self.act(c.SetProfile(agent, skills=skills))
        self.act(c.LogIn(agent))

    def occupy(self, agent: AgentId) -> None:
        """Give the agent a contact of its own and bring it to wrap-up."""
        contact = self.name()
        self.act(c.ReportArrived("voice", contact=contact))
        self.act(c.Enqueue(contact, QUEUE))
        self.serve(self.act(c.SetReady(agent)))

    def serve(self, decided: Decision) -> None:
        """Carry each offer of a decision through to wrap-up."""
        for _, data in decided.recorded:
            if isinstance(data, f.OfferMade):
                self.act(c.ReportAlerting(data.offer))
                self.act(c.AcceptOffer(data.offer))
                self.act(c.ReportBridged(data.offer))
                self.act(c.LeaveContact(data.contact, data.agent))
                self.wrapping[data.agent] = data.contact

    def name(self) -> ContactId:
        self.contacts += 1
        return ContactId(f"{self.contacts:032x}")

    def arrive(self) -> int:
        """Let a contact join; returns the nanoseconds of joining the queue."""
        contact = self.name()
        need = f"s{self.random.randrange(SKILLS):02} >= {self.random.randint(1, 3)}"
        self.act(c.ReportArrived("voice", contact=contact))
        command = c.Enqueue(contact, QUEUE, self.random.randrange(3), need=need)
        if self.relaxing:
            command = self._relaxing(command, need)
        started = time.thread_time_ns()
        decided = self.act(command)
        took = time.thread_time_ns() - started
        offered = any(type(data) is f.OfferMade for _, data in decided.recorded)
        assert not offered, "everyone wraps up: nobody is free"
        return took

    def _relaxing(self, command: c.Enqueue, need: str) -> c.Enqueue:
        """The same with steps, in one of three queues, for an agent whom every fourth prefers."""
        skill, _, level = need.partition(" >= ")
        steps = (
            f"{skill} >= {min(5, int(level) + 1)} for_us={self.random.randrange(1, STEP_US)}",
            f"{need} for_us={self.random.randrange(1, STEP_US)} priority=1",
            f"{skill} >= 1",
        )
        prefer = (self.random.choice(AGENT_IDS),) if self.random.randrange(4) == 0 else ()
        queue = self.random.choice(list(WEIGHTS))
        return c.Enqueue(command.contact, queue, command.priority, steps=steps, prefer=prefer)

    def step(self) -> None:
        """Let steps end that are over by now."""
        while (due := self.engine.next_due()) is not None and due[0] <= self.now:
            if due[1].kind == "step":
                started = time.thread_time_ns()
                self.engine.fire(self.now)
                self.stepped.append(time.thread_time_ns() - started)
            else:
                self.engine.fire(self.now)

    def free(self) -> int:
        """End a wrap-up; returns the nanoseconds of that decision, offer and all."""
        if not self.deck:  # In turns: nobody may be asked too often within a minute.
            self.deck = self.random.sample(AGENT_IDS, AGENTS)
        agent = self.deck.pop()
        command = c.EndWrapup(agent, self.wrapping.pop(agent))
        started = time.thread_time_ns()
        decided = self.act(command)
        took = time.thread_time_ns() - started
        if len(decided.recorded) == 1:
            self.occupy_again(agent)
        self.serve(decided)
        return took

    def occupy_again(self, agent: AgentId) -> None:
        """Nothing waited that it could serve: give it something anyone could."""
        contact = self.name()
        self.act(c.ReportArrived("voice", contact=contact))
        self.serve(self.act(c.Enqueue(contact, QUEUE)))


def route() -> list[Result]:
    """Measure p50 and p99 at 2,000 waiting, and p50 at 200 and at 20,000 waiting."""
    floors = {waiting: Floor(waiting) for waiting in (FEW, WAITING, MANY)}
    floors[RELAXING] = Floor(WAITING, relaxing=True)
    freed: dict[int, list[int]] = {waiting: [] for waiting in floors}
    joined: dict[int, list[int]] = {waiting: [] for waiting in floors}
    gc.collect()
    gc.freeze()
    gc.disable()  # Its pauses are the process's, not the decision's.
    try:
        for _ in range(DECISIONS):  # In turns, so that all meet the same machine.
            for waiting, floor in floors.items():
                freed[waiting].append(floor.free())
                joined[waiting].append(floor.arrive())
            floors[RELAXING].step()
        bare = sorted(_look_up() for _ in range(DECISIONS))
    finally:
        gc.enable()
        gc.unfreeze()
    stepped = floors[RELAXING].stepped
    for times in (*freed.values(), *joined.values(), stepped):
        times.sort()
    p50, p99 = _at(freed[WAITING], 50), _at(freed[WAITING], 99)
    look_up = _at(bare, 50)
    return [
        result("route.freed.p50", "ns a decision", p50, look_up, look_up),
        result("route.freed.p99", "ns a decision, against its p50", p99, p50, look_up),
        result("route.freed.p999", "ns", _at(freed[WAITING], 99.9), p50, look_up),
        result(
            "route.joined.p99",
            "ns a decision, against its p50",
            _at(joined[WAITING], 99),
            _at(joined[WAITING], 50),
            look_up,
        ),
        result(
            "route.flat",
            f"ns a decision at {MANY:,} waiting, against {FEW}",
            _at(freed[MANY], 50),
            _at(freed[FEW], 50),
            look_up,
        ),
        *(
            result(
                f"route.relaxing.{name}.p99",
                "ns a decision with steps, weights and preferred agents, against its p50",
                _at(times, 99),
                _at(times, 50),
                look_up,
            )
            for name, times in (
                ("freed", freed[RELAXING]),
                ("joined", joined[RELAXING]),
                ("step", stepped),
            )
        ),
    ]


def _at(ordered: list[int], percent: float) -> int:
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def _look_up() -> int:
    idle, fits = (1 << AGENTS) - 1, (1 << AGENTS) // 3
    started = time.thread_time_ns()
    found = idle & fits
    lowest = (found & -found).bit_length() - 1
    took = time.thread_time_ns() - started
    assert lowest >= 0
    return took
