"""A floor that a test sets up in words and drives step by step, as the writer does.

After every command all invariants are checked on the whole floor, and decide is held to
leave it as it was.
"""

from typing import Any, TypeVar

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.ask import OPEN, Ask
from cckit.core.engine import Engine
from cckit.core.errors import Refused
from cckit.core.events import SYSTEM, TIMER, Actor, Decision, Draft, Recorded
from cckit.core.ids import CENTER, AgentId, ContactId, LegId, OfferId, QueueId, contact_stream
from cckit.core.instant import SECOND
from cckit.core.invariants import check_all
from cckit.core.rules import RULES
from cckit.core.settings import QueueSettings
from cckit.core.snapshot import dump, load

START = 1_000_000 * SECOND
LINE = Actor("adapter", "line")
CHATS = {"chat": 20}
"""Five at a time."""

T = TypeVar("T")


def picture(engine: Engine) -> Any:
    """Everything that deciding depends on, and what is derived from it."""
    floor = engine.floor
    index = floor.index
    return (
        dump(engine),
        {place: agent.id for place, agent in index.at.items()},
        dict(index.open),
        dict(index.free),
        index.waiting,
        sorted(floor.timers.heap),
        {delay: list(lane) for delay, lane in floor.timers.lanes.items()},
        floor.unrouted,
    )


class Stage:
    """One engine, its clock and its log."""

    def __init__(self, ask: Ask = OPEN, *, epoch: int = 1, now: int = START) -> None:
        self.engine = Engine(ask)
        self.now = now
        self.log: list[Recorded[Any]] = []
        self.record(f.RunStarted(epoch, "simulated", None, 0, False, {}))

    # --- what is sent -----------------------------------------------------------------

    def record(self, *facts: Any) -> None:
        """Take in facts of the center as one decision."""
        drafts = [Draft(CENTER, fact) for fact in facts]
        self.log += self.engine.record(drafts, SYSTEM, self.now).recorded

    def do(self, command: Any, actor: Actor = SYSTEM) -> Decision | Refused:
        """Carry out a command; decide alone must not change anything."""
        rule = RULES.get(type(command))
        if rule is not None:
            before = picture(self.engine)
            rule(self.engine.floor, command, self.now, self.engine.ask, actor)
            assert picture(self.engine) == before, f"deciding on {command} changed the floor"
        decided = self.engine.act(command, actor, self.now)
        self._keep(decided)
        return decided

    def send(self, command: Any, actor: Actor = SYSTEM) -> Decision | Refused:
        """Carry out a command whatever comes of it, where many are to be."""
        decided = self.engine.act(command, actor, self.now)
        self._keep(decided)
        return decided

    def _keep(self, decided: Decision | Refused | None) -> None:
        if isinstance(decided, Decision):
            self.log += decided.recorded
        while self.engine.unrouted:
            routed = self.engine.act(c.Route(), SYSTEM, self.now)
            assert isinstance(routed, Decision)
            self.log += routed.recorded
        check_all(self.engine.floor)

    def facts(self, command: Any, actor: Actor = SYSTEM) -> list[Any]:
        """Carry out a command, and give the facts that it led to."""
        decided = self.do(command, actor)
        assert isinstance(decided, Decision), f"{command}: {decided}"
        return [data for _, data in decided.recorded]

    def kinds(self, command: Any, actor: Actor = SYSTEM) -> list[type]:
        """Carry out a command, and give the types of the facts that it led to."""
        return [type(data) for data in self.facts(command, actor)]

    def refused(self, command: Any, actor: Actor = SYSTEM) -> str:
        """Carry out a command that must change nothing, and give the reason."""
        before, position = picture(self.engine), self.engine.position
        decided = self.do(command, actor)
        assert isinstance(decided, Refused), f"{command}: {decided}"
        assert decided.where and decided.what and decided.remedy
        assert self.engine.position == position
        assert picture(self.engine) == before
        return decided.reason

    def wait(self, us: int) -> list[Any]:
        """Let time pass, firing what falls due at its instant; give what it led to."""
        until = self.now + us
        at = len(self.log)
        for _ in range(10_000):
            timer = self.engine.floor.next_timer()
            if timer is None or timer[0] > until:
                self.now = until
                assert self.engine.fire(until, TIMER) is None
                check_all(self.engine.floor)
                return [data for _, data in self.log[at:]]
            self.now = max(self.now, timer[0])
            self._keep(self.engine.fire(self.now, TIMER))
        raise AssertionError("timers never end")

    # --- words ------------------------------------------------------------------------

    def set(self, kind: str, id: str, settings: Any) -> "Stage":
        """Configure anything that packs."""
        self.facts(c.ApplyConfig(kind, id, settings.pack()))
        return self

    def queue(self, queue: str = "help", **settings: Any) -> "Stage":
        self.facts(c.ApplyConfig("queue", queue, QueueSettings(**settings).pack()))
        return self

    def agent(
        self,
        agent: str,
        skills: dict[str, int] | None = None,
        channels: dict[str, int] | None = None,
        budget: int = 100,
        ready: bool = True,
    ) -> "Stage":
        """Employ an agent who logs in for all channels, and turns ready."""
        costs = channels or {"voice": 100}
        self.facts(c.SetProfile(AgentId(agent), skills or {}, costs, budget))
        self.facts(c.LogIn(AgentId(agent), tuple(sorted(costs))))
        if ready:
            self.facts(c.SetReady(AgentId(agent)))
        return self

    def arrive(self, contact: str, channel: str = "voice") -> LegId:
        """A customer comes; gives the customer's leg."""
        created = self.facts(c.ReportArrived(channel, contact=ContactId(contact)), LINE)
        leg: LegId = created[0].leg
        return leg

    def call(self, contact: str, queue: str = "help", channel: str = "voice", **more: Any) -> LegId:
        """A customer comes and is put into a queue; gives the customer's leg."""
        leg = self.arrive(contact, channel)
        self.facts(c.Enqueue(ContactId(contact), QueueId(queue), **more))
        return leg

    def offer(self, contact: str) -> OfferId:
        """The live or accepted offer of a contact; 0 if there is none."""
        one = self.contact(contact)
        entry = self.engine.floor.entries.get(one.entry)
        return OfferId(one.offer or (entry.offer if entry is not None else 0))

    def rings(self, contact: str) -> str:
        """The agent to whom a contact is offered; empty if there is none."""
        offer = self.engine.floor.offers.get(self.offer(contact))
        return offer.agent if offer is not None else ""

    def contact(self, contact: str) -> Any:
        return self.engine.floor.contacts[contact_stream(contact)]

    def of(self, agent: str) -> Any:
        return self.engine.floor.agents[agent]

    def alert(self, contact: str) -> OfferId:
        offer = self.offer(contact)
        self.facts(c.ReportAlerting(offer), LINE)
        return offer

    def answer(self, contact: str) -> OfferId:
        offer = self.alert(contact)
        self.facts(c.AcceptOffer(offer))
        return offer

    def talk(self, contact: str) -> OfferId:
        """Carry a contact that is offered to its conversation."""
        offer = self.answer(contact)
        self.facts(c.ReportBridged(offer), LINE)
        return offer

    # --- what is in the log -----------------------------------------------------------

    def all(self, kind: type[T]) -> list[T]:
        """All facts of a type, in order."""
        return [data for _, data in self.log if type(data) is kind]

    def folded(self) -> Engine:
        """A fresh engine that took in the log."""
        engine = Engine(self.engine.ask)
        for recorded in self.log:
            engine.fold(recorded)
        return engine

    def loaded(self) -> Engine:
        """A fresh engine that took in a snapshot of this one."""
        engine = Engine(self.engine.ask)
        load(engine, dump(self.engine))
        return engine
