"""A center in bad weather: everything that can go wrong, drawn from one seed, then calm.

Callers, agents and the switch live on while the center goes down and comes up. The disk
fails, clocks step, processes restart with offers open, tasks are cancelled in the middle
of an await, reports come late, twice or never, a plugin raises. After the storm everybody
does their work; ``aftermath`` says what is wrong with the log that is left.
"""

from collections.abc import Awaitable
from pathlib import Path
from random import Random
from typing import Any, Final

import trio
from trio.testing import MockClock

from cckit import (
    Actor,
    AgentSettings,
    Center,
    Config,
    QueueSettings,
    Refused,
    Stored,
    StoreError,
    Superseded,
    Unknown,
    UsageError,
    open_center,
)
from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.events import Recorded
from cckit.core.ids import AgentId, ContactId, QueueId
from cckit.core.instant import HOUR, MINUTE, SECOND, Instant
from cckit.hooks import PolicyHooks, hookimpl
from cckit.shell.clock import VirtualClock
from cckit.shell.entropy import SeededEntropy
from cckit.testing.center import deterministic
from cckit.testing.faults import FailingDisk

AGENTS: Final = ("anna", "ben", "carl")
QUEUES: Final = ("help", "sales")
START: Final = 1_774_656_000_000_000
"""2026-03-28T00:00:00Z: a day before Europe's clocks change."""
STEPS: Final = (HOUR, -HOUR, 48 * HOUR, -48 * HOUR, SECOND + 1, -SECOND - 1, 3 * MINUTE)
"""Clocks that are set: by hours, days, a leap second, and to summer time and back."""
DISK: Final = "storm"

RUNS: Final = 3
RUN_S: Final = 1200
"""How long each run lasts before the process is ended, in seconds of virtual time."""
CALM_S: Final = 2 * 3600
"""After the storm: by then everybody must have been served or have gone."""
CALLS: Final = 40
HOURS: Final = (RUNS * RUN_S + CALM_S) // 3600
"""Virtual hours of one seed."""


class Flaky(PolicyHooks):
    """A plugin that ranks, and raises now and then."""

    def __init__(self, random: Random) -> None:
        self._random = random

    @hookimpl
    def cckit_rank_agents(self, contact: Any, candidates: Any) -> None:
        if self._random.random() < 0.05:
            raise ValueError("planted")


class SteppingClock(VirtualClock):
    """A clock that somebody sets."""

    def __init__(self, start: Instant) -> None:
        super().__init__(start)
        self._step = 0

    def step(self, by: int) -> None:
        self._step += by

    def stepped(self) -> tuple[Instant, Instant] | None:
        if not self._step:
            return None
        now, self._step = self.now(), self._step
        to, self._step = Instant(now + self._step), 0
        return now, to


class Storm:
    """One seed's center, and the world around it."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed = seed
        self.path = folder / f"{seed}.db"
        self.random = Random(seed)
        self.center: Center | None = None
        self.clock = SteppingClock(Instant(START))
        self.acks: list[tuple[Recorded[Any], ...]] = []
        self.calm = False
        self.position = 0
        self._disk = FailingDisk(DISK, default=True)
        self._config = Config(
            queues={
                name: QueueSettings(
                    max_wait_us=20 * MINUTE,
                    strategy=self.random.choice(("longest_idle", "round_robin", "random")),
                )
                for name in QUEUES
            },
            agents={name: AgentSettings() for name in AGENTS},
        )

    def play(self) -> None:
        """Storm, then calm; in no time."""
        try:
            with deterministic(self.seed):
                trio.run(self._live, clock=MockClock(autojump_threshold=0))
        finally:
            self._disk.close()

    async def _live(self) -> None:
        async with trio.open_nursery() as world:
            for n in range(CALLS):
                world.start_soon(self._call, n, Random(f"{self.seed} call {n}"))
            for run in range(RUNS):
                await self._run(run)
            world.cancel_scope.deadline = trio.current_time() + CALM_S

    async def _run(self, run: int) -> None:
        last = run == RUNS - 1
        self.calm = last
        if run:
            self.clock = SteppingClock(Instant(self.clock.now() + self.random.choice(STEPS)))
        plugins = {} if last else {"flaky": Flaky(Random(f"{self.seed} plugin {run}"))}
        length = CALM_S if last else self.random.randrange(60, RUN_S)
        try:
            with trio.move_on_after(length):
                await self._open_center(run, plugins)
        except StoreError:
            assert not last  # It ended on a disk that failed, and said so.
        self.center = None
        self._disk.heal()

    async def _open_center(self, run: int, plugins: dict[str, object]) -> None:
        async with (
            open_center(
                self._config,
                log=self.path,
                plugins=plugins,
                clock=self.clock,
                entropy=SeededEntropy(self.seed * RUNS + run),
            ) as self.center,
            trio.open_nursery() as desks,
        ):
            for name in AGENTS:
                random = Random(f"{self.seed} agent {name} {run}")
                desks.start_soon(self._agent, AgentId(name), random)
            desks.start_soon(self._switch, desks, Random(f"{self.seed} switch {run}"))
            if not self.calm:
                desks.start_soon(self._weather, Random(f"{self.seed} weather {run}"))
            await trio.sleep_forever()

    async def _weather(self, random: Random) -> None:
        while True:
            await trio.sleep(random.expovariate(1 / 90))
            if random.random() < 0.5:
                self._disk.fail_after(random.randrange(4))
                await trio.sleep(random.choice((0, 0, 0.5, 2)))
                self._disk.heal()
            else:
                self.clock.step(random.choice(STEPS))

    # --- people ---------------------------------------------------------------------------

    async def tell(self, command: Any, actor: Actor, request: str, random: Random) -> Any:
        """Send until it is known what became of it; at times twice, or cancelled on the way."""
        while True:
            center = self.center
            if center is not None:
                try:
                    with trio.move_on_after(0 if self._hasty(random) else 60):
                        reply = await center.do(command, actor=actor, request=request)
                        if isinstance(reply, Stored | Superseded):
                            self.acks.append(reply.recorded)
                        if not isinstance(reply, Unknown) and not self._hasty(random):
                            return reply
                        continue
                except (StoreError, UsageError):
                    pass
            await trio.sleep(random.uniform(0.1, 3))

    def _hasty(self, random: Random) -> bool:
        return not self.calm and random.random() < 0.1

    async def _call(self, n: int, random: Random) -> None:
        """Somebody calls, waits as long as they can, talks if they are answered, hangs up."""
        await trio.sleep(random.uniform(0, RUNS * RUN_S * 0.6))
        line = Actor("adapter", "line")
        arrived = await self.tell(
            c.ReportArrived("voice", from_=f"+4930{n % 9}", ref=str(n)), line, f"{n}:1", random
        )
        if isinstance(arrived, Refused):
            return
        created: f.ContactCreated = arrived.fact(f.ContactCreated)
        contact = ContactId(arrived.contact)
        queue = QueueId(random.choice(QUEUES))
        await trio.sleep(random.uniform(0, 5))
        await self.tell(c.Enqueue(contact, queue, random.randrange(3)), line, f"{n}:2", random)
        await trio.sleep(random.expovariate(1 / 240))
        if random.random() < 0.1:
            await self.tell(c.Dequeue(contact), line, f"{n}:3", random)
            await self.tell(c.Enqueue(contact, queue), line, f"{n}:4", random)
            await trio.sleep(random.expovariate(1 / 60))
        await self.tell(c.ReportCleared(created.leg), line, f"{n}:5", random)

    async def _agent(self, agent: AgentId, random: Random) -> None:
        """Somebody comes, works, takes breaks, and comes back."""
        me, n = Actor("agent", agent), 0

        async def do(command: Any) -> None:
            nonlocal n
            n += 1
            await self.tell(command, me, f"{self.clock.now()}:{n}", random)

        await do(c.LogIn(agent))
        while True:
            await do(c.SetReady(agent))
            await trio.sleep(random.expovariate(1 / 300))
            if not self.calm and random.random() < 0.3:
                await do(c.SetNotReady(agent, "break"))
                await trio.sleep(random.expovariate(1 / 60))

    async def _switch(self, desks: trio.Nursery, random: Random) -> None:
        """Ring who is offered a call, and report what comes of it: late, twice, or never."""
        kinds = (f.OfferMade, f.ContactConnected, f.AgentWrapupStarted)
        while True:
            center = self.center
            assert center is not None
            subscription = center.subscribe(self.position, kinds)
            try:
                async for batch in subscription:
                    for envelope, data in batch:
                        self.position = envelope.position + 1
                        work = self._work(envelope, data, Random(f"{self.seed} {self.position}"))
                        desks.start_soon(self._quietly, work)
            except StoreError:
                await trio.sleep(random.uniform(0.5, 2))

    async def _quietly(self, work: Awaitable[None]) -> None:
        await work

    async def _work(self, envelope: Any, data: Any, random: Random) -> None:
        line, at = Actor("adapter", "line"), f"p{envelope.position}"
        if type(data) is f.OfferMade:
            await self._ring(data, random, at)
        elif type(data) is f.ContactConnected:
            await trio.sleep(random.expovariate(1 / 120))
            leg = data.leg if random.random() < 0.5 else None
            if leg is not None:
                await self.tell(c.ReportCleared(leg), line, at + ":c", random)
            else:
                contact = ContactId(envelope.stream.removeprefix("contact/"))
                agent = Actor("agent", data.agent)
                await self.tell(c.LeaveContact(contact, data.agent), agent, at + ":l", random)
        elif random.random() < 0.7:
            await trio.sleep(random.expovariate(1 / 10))
            agent_id = AgentId(envelope.stream.removeprefix("agent/"))
            agent = Actor("agent", agent_id)
            await self.tell(c.EndWrapup(agent_id, data.contact), agent, at + ":w", random)

    async def _ring(self, made: f.OfferMade, random: Random, at: str) -> None:
        line, agent = Actor("adapter", "line"), Actor("agent", made.agent)
        fate = random.random() * (0.9 if self.calm else 1.0)
        if random.random() < 0.8:
            await trio.sleep(random.uniform(0, 3))
            await self.tell(c.ReportAlerting(made.offer), line, at + ":a", random)
        await trio.sleep(random.uniform(0, 25))  # Ringing ends after twenty.
        if fate < 0.75:
            await self.tell(c.AcceptOffer(made.offer), agent, at + ":y", random)
            await trio.sleep(random.uniform(0, 4))
            if random.random() < 0.9:
                await self.tell(c.ReportBridged(made.offer), line, at + ":b", random)
            else:
                await self.tell(c.ReportFailed(made.offer, "busy"), line, at + ":f", random)
        elif fate < 0.85:
            await self.tell(c.RejectOffer(made.offer, "no"), agent, at + ":n", random)
        elif fate < 0.93:
            await self.tell(c.ReportFailed(made.offer, "gone"), line, at + ":f", random)
