"""A floor loaded from its snapshot decides what the one that was dumped decides.

That the two dump alike does not say so: what is derived from the tables is in no dump.
So both live on side by side through random days, and every decision is compared.
"""

import random
from collections.abc import Callable
from typing import Any

from cckit.core import commands as c
from cckit.core.engine import Engine
from cckit.core.events import SYSTEM, TIMER, Decision
from cckit.core.ids import AgentId, ContactId, OfferId, QueueId
from cckit.core.instant import SECOND, Instant
from cckit.core.invariants import check_all
from cckit.core.settings import QueueSettings
from cckit.core.snapshot import dump, load

AGENTS = tuple(map(AgentId, ("anna", "ben", "carl")))
QUEUES = tuple(map(QueueId, ("a", "b", "c")))
STEPS = (
    (),
    ("he for_us=10000000", "anyone"),
    ("he >= 3 for_us=5000000 priority=2 skip=unstaffed", "anyone"),
    ("agents=LAST for_us=4000000", "anyone"),
)
EACH = 20
"""How many commands until the other one is loaded anew."""


class Pair:
    """An engine, and one that was loaded from its snapshot."""

    def __init__(self, seed: int) -> None:
        self.live, self.loaded = Engine(), Engine()
        self.draw = random.Random(seed)
        self.now = Instant(1_000 * SECOND)
        self.contacts = 0
        self.decided = 0

    def load(self) -> None:
        self.loaded = Engine()
        load(self.loaded, dump(self.live))

    def both(self, one: Callable[[Engine], list[Any]]) -> None:
        """Let the same happen to both, and compare what was recorded."""
        found = [one(engine) for engine in (self.live, self.loaded)]
        assert found[0] == found[1]
        assert self.live.next_due() == self.loaded.next_due()
        self.decided += len(found[0])
        for engine in (self.live, self.loaded):
            check_all(engine.floor)

    def send(self, command: Any) -> None:
        def one(engine: Engine) -> list[Any]:
            return self.routed(engine, engine.act(command, SYSTEM, self.now))

        self.both(one)

    def routed(self, engine: Engine, answer: Any) -> list[Any]:
        """Take down an answer that is not empty, and route until nothing is left."""
        answers = [answer]
        while engine.unrouted:
            answers.append(engine.act(c.Route(), SYSTEM, self.now))
        found = [one.recorded if isinstance(one, Decision) else one for one in answers]
        return [one for one in found if one]

    def wait(self, us: int) -> None:
        until = self.now + us
        while (due := self.live.next_due()) is not None and due[0] <= until:
            self.now = Instant(max(self.now, due[0]))
            self.both(self.fire)
        self.now = Instant(until)
        self.both(self.fire)

    def fire(self, engine: Engine) -> list[Any]:
        """Fire all that is due; a timer that was proposed in vain may be proposed again."""
        found: list[Any] = []
        while (fired := engine.fire(self.now, TIMER)) is not None:
            found += self.routed(engine, fired)
        return found

    def settings(self) -> QueueSettings:
        pick = self.draw.choice
        return QueueSettings(
            strategy=pick(("longest_idle", "least_occupied", "round_robin", "parallel")),
            steps=pick(STEPS),
            weight=pick((1, 1, 7)),
            leave_empty=pick(("accept", "deflect", "blocked")),
            ring_us=pick((5, 20)) * SECOND,
            wrapup_us=pick((0, 5)) * SECOND,
            rona_back_us=pick((0, 10)) * SECOND,
            max_wait_us=pick((0, 40)) * SECOND,
            head_start_us=pick((0, 60)) * SECOND,
            sticky_us=pick((0, 10)) * SECOND,
            estimator=pick(("", "les")),
        )

    def command(self) -> Any:
        pick, floor = self.draw.choice, self.live.floor
        agent, queue = pick(AGENTS), pick(QUEUES)
        some = pick([*floor.contacts.values()] or [None])
        if some is None or self.draw.random() < 0.25:
            self.contacts += 1
            return c.ReportArrived("voice", contact=ContactId(f"x{self.contacts}"))
        contact, offer = ContactId(some.id), OfferId(pick([*floor.offers] or [1]))
        return pick(
            (
                c.Enqueue(contact, queue, pick((0, 0, 3)), pick((0, 0, 1))),
                c.Enqueue(contact, queue),
                c.LogIn(agent),
                c.LogOut(agent),
                c.SetReady(agent),
                c.SetReady(agent),
                c.SetNotReady(agent, "lunch"),
                c.SetProfile(agent, pick(({}, {"he": 2}, {"he": 4})), {"voice": 100}, 100),
                c.AcceptOffer(offer),
                c.AcceptOffer(offer),
                c.ReportBridged(offer),
                c.RejectOffer(offer),
                c.ReportCleared(some.leg),
                c.KeepPlace(contact),
                c.Overflow(contact, queue),
                c.Transfer(contact, "queue", queue),
                c.Pull(contact),
                c.SetMode(f"queue/{queue}", pick(("normal", "closed")), None),
                c.ApplyConfig("queue", queue, self.settings().pack()),
            )
        )

    def day(self, commands: int) -> None:
        for queue in QUEUES:
            self.send(c.ApplyConfig("queue", queue, self.settings().pack()))
        for agent in AGENTS:
            self.send(c.SetProfile(agent, {"he": 3}))
            self.send(c.LogIn(agent))
            self.send(c.SetReady(agent))
        for n in range(commands):
            if n % EACH == 0:
                self.load()
            self.wait(self.draw.choice((0, 0, SECOND, 7 * SECOND)))
            self.send(self.command())


def test_what_is_loaded_decides_as_the_floor_did_whatever_comes(
    tier: Callable[..., int], publish: Callable[[str], None]
) -> None:
    days = tier(ordinary=12, fast=60, long=5000)
    decided = 0
    for seed in range(days):
        pair = Pair(seed)
        pair.day(200)
        decided += pair.decided
    publish(f"loaded floors beside live ones: {days:,} days, {decided:,} decisions, 0 differ")


def test_weights_and_who_is_let_go_count_after_loading() -> None:
    pair = Pair(0)
    pair.send(c.ApplyConfig("queue", "a", QueueSettings().pack()))
    vip = QueueSettings(weight=7, leave_empty="deflect")
    pair.send(c.ApplyConfig("queue", "c", vip.pack()))
    pair.load()
    assert pair.loaded.floor.index.weighted
    assert pair.loaded.floor.index.leaves_empty
