"""A day on which supervisors, agents and callers do all that can be done comes out as recorded."""

from collections.abc import Callable
from random import Random
from typing import Any

import attrs
import pytest

from cckit.core import commands as c
from cckit.core import contact as ct
from cckit.core.agent import WRAPUP
from cckit.core.events import Actor
from cckit.core.ids import AgentId, ContactId, QueueId
from cckit.core.instant import SECOND, Instant, Span
from cckit.core.queue import TAKEN
from cckit.core.settings import QueueSettings
from cckit.testing.what_if.run import read_day, rerun_day
from cckit.testing.what_if.scenario import Scenario
from cckit.testing.world import LINE, START, World

from .days import decisions, staffing, traffic
from .test_reproduction import again

LEAD = Actor("supervisor", "lea")
ADMIN = Actor("admin", "ada")
STEPS = ("he >= 2 for_us=20000000", "he for_us=40000000 priority=1", "anyone")


class Busybody:
    """Does something somewhere every few seconds, by seed."""

    def __init__(self, seed: int, settings: QueueSettings) -> None:
        self.random = Random(seed)
        people = attrs.evolve(staffing(), queues=dict.fromkeys(("service", "other"), settings))
        self.world = World(seed, traffic=traffic(), staffing=people)
        self.done: dict[str, int] = {}
        self.acts: list[Callable[[], bool]] = [
            self.priority, self.dequeue, self.hold, self.close, self.deflect, self.pause,
            self.ready, self.extend, self.leave, self.overflow, self.configure, self.profile,
            self.drop, self.keep,
        ]  # fmt: skip

    def run(self) -> World:
        at = START
        while at < START + 3600 * SECOND:
            at = Instant(at + self.random.randrange(1, 20 * SECOND))
            self.world.run(at)
            self.answer_calls()
            act = self.random.choice(self.acts)
            if act():
                self.done[act.__name__] = self.done.get(act.__name__, 0) + 1
        self.world.run()
        return self.world

    @property
    def floor(self) -> Any:
        return self.world.engine.floor

    def pick(self, wanted: Callable[[Any], bool]) -> Any:
        found = [one for one in self.floor.contacts.values() if wanted(one)]
        return self.random.choice(found) if found else None

    def does(self, command: Any, actor: Actor = LEAD) -> bool:
        return type(self.world.do(command, actor)).__name__ == "Decision"

    def waiting(self) -> Any:
        return self.pick(lambda one: one.phase is ct.QUEUED and one.leg)

    def talking(self) -> Any:
        return self.pick(lambda one: one.phase is ct.TALKING)

    def priority(self) -> bool:
        one = self.waiting()
        return one is not None and self.does(c.SetPriority(ContactId(one.id), 3, "loud"))

    def dequeue(self) -> bool:
        one = self.waiting()
        if one is None or not self.does(c.Dequeue(ContactId(one.id))):
            return False
        again = c.Enqueue(ContactId(one.id), QueueId("other"), priority=1, need="")
        return self.does(again, Actor("process", "ivr"))

    def hold(self) -> bool:
        one = self.talking()
        if one is None:
            return False
        if one.held:
            self.does(c.Retrieve(ContactId(one.id)), Actor("agent", one.agent))
            return self.does(c.ReportRetrieved(one.leg), LINE)
        self.does(c.Hold(ContactId(one.id)), Actor("agent", one.agent))
        return self.does(c.ReportHeld(one.leg), LINE)

    def close(self) -> bool:
        one = self.talking()
        return one is not None and self.does(c.Close(ContactId(one.id)))

    def drop(self) -> bool:
        one = self.talking()
        return one is not None and self.does(c.ReportCleared(one.agent_leg, "lost"), LINE)

    def leave(self) -> bool:
        one = self.talking()
        if one is None:
            return False
        command = c.LeaveContact(ContactId(one.id), AgentId(one.agent))
        return self.does(command, Actor("agent", one.agent))

    def deflect(self) -> bool:
        one = self.waiting()
        return one is not None and self.does(c.Deflect(ContactId(one.id), "spam"))

    def agent(self) -> Any:
        return self.random.choice([a for a in self.floor.agents.values() if a.logged_in])

    def pause(self) -> bool:
        one = self.agent()
        return self.does(c.SetNotReady(one.id, "lunch"), Actor("agent", one.id))

    def ready(self) -> bool:
        one = self.agent()
        return self.does(c.SetReady(one.id), Actor("agent", one.id))

    def extend(self) -> bool:
        for agent in self.floor.agents.values():
            for contact, slot in agent.slots.items():
                if slot.phase is WRAPUP:
                    command = c.ExtendWrapup(agent.id, ContactId(contact), Span(7 * SECOND))
                    return self.does(command, Actor("agent", agent.id))
        return False

    def overflow(self) -> bool:
        one = self.pick(lambda one: one.phase is ct.QUEUED and one.leg and one.queue == "service")
        return one is not None and self.does(c.Overflow(ContactId(one.id), QueueId("other")))

    def keep(self) -> bool:
        """Somebody asks to be called back, and hangs up."""
        one = self.waiting()
        if one is None:
            return False
        entry = self.floor.entries[one.entry]
        if entry.phase is TAKEN or entry.promise is not None:
            return False
        first = self.random.choice(("agent", "customer"))
        if not self.does(c.KeepPlace(ContactId(one.id), first), Actor("process", "callback")):
            return False
        self.world.callers.pop(ContactId(one.id), None)  # They are not on the line any more.
        return self.does(c.ReportCleared(one.leg), LINE)

    def answer_calls(self) -> None:
        """Whoever is called back answers, mostly."""
        for one in list(self.floor.contacts.values()):
            if one.dialing is not None and self.random.random() < 0.5:
                leg = one.dialing.id
                self.does(c.ReportDelivered(leg), LINE)
                if self.random.random() < 0.7:
                    self.does(c.ReportEstablished(leg), LINE)
                else:
                    self.does(c.ReportCleared(leg, "busy"), LINE)
            elif one.phase is ct.TALKING and self.called_back(one) and self.random.random() < 0.3:
                self.does(c.ReportCleared(one.leg), LINE)

    def called_back(self, one: Any) -> bool:
        """Nobody else ends their talk."""
        return ContactId(one.id) not in self.world.callers

    def configure(self) -> bool:
        queue = self.floor.queues[QueueId("service")]
        strategy = self.random.choice(("longest_idle", "fewest_contacts", "least_talk_time"))
        packed = attrs.evolve(queue.settings, strategy=strategy).pack()
        return self.does(c.ApplyConfig("queue", "service", packed), ADMIN)

    def profile(self) -> bool:
        level = self.random.randrange(1, 4)
        return self.does(c.SetProfile(self.agent().id, {"he": level}), ADMIN)


BASE = QueueSettings(wrapup_us=30 * SECOND, max_wait_us=300 * SECOND)
KINDS = {
    "plain": BASE,
    "steps": attrs.evolve(BASE, steps=STEPS),
    "parallel": attrs.evolve(BASE, strategy="parallel", at_once=2),
    "progressive": attrs.evolve(BASE, strategy="progressive", add_us=4 * SECOND),
    "ordered": attrs.evolve(BASE, strategy="ordered", tiers={"001": 1, "002": 2}),
    "sticky": attrs.evolve(BASE, sticky_us=15 * SECOND),
}


@pytest.mark.parametrize("kind", KINDS)
def test_all_that_can_be_done_is_done_again(kind: str) -> None:
    someone = Busybody(5, KINDS[kind])
    recorded = someone.run()
    read = read_day(recorded.store, "day")
    made, refused = again(read)
    assert made == decisions(recorded)
    assert refused == {}
    assert read.day.unmodelled == {}
    assert len(someone.done) > 8, someone.done


def test_many_such_days_come_out_as_recorded(
    tier: Callable[[int, int, int], int], publish: Callable[[str], None]
) -> None:
    days, compared = tier(3, 60, 3_000), 0
    for seed in range(1, days + 1):
        settings = list(KINDS.values())[seed % len(KINDS)]
        recorded = Busybody(seed, settings).run()
        found = rerun_day(read_day(recorded.store, "day"), Scenario())
        assert (found.changed, found.otherwise) == ((), 0), f"seed {seed}"
        compared += found.offers
    publish(f"what-if of days full of commands: {days} days, {compared:,} decisions, 0 changed")
