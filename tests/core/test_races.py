"""All orders of what can race: whoever comes first wins, and everything ends once.

Each event is sent once, in every order, about the first offer; what was true when it was
sent off may have ended by then. Once the contact has closed nothing can race any more,
so what is left is sent in one order, and must change nothing but the agents.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.engine import Engine
from cckit.core.errors import Refused
from cckit.core.events import SYSTEM, TIMER, Decision, Draft, Recorded
from cckit.core.ids import CENTER, AgentId, ContactId, QueueId
from cckit.core.instant import HOUR, SECOND
from cckit.core.invariants import check_all
from cckit.core.settings import QueueSettings
from tests.stage import START

ENDINGS = (f.OfferAccepted, f.OfferRejected, f.OfferExpired, f.OfferRescinded, f.OfferFailed)
CLEARED = [f.FactSuperseded, f.LegOrdered]
X, ANNE = ContactId("x"), AgentId("anne")


class Race:
    """One contact that rings at anne."""

    def __init__(self, agents: Sequence[str]) -> None:
        self.engine = Engine()
        self.now = START
        self.log: list[Recorded[Any]] = []
        self.keep(self.engine.record([Draft(CENTER, STARTED)], SYSTEM, START))
        for command in (c.ApplyConfig("queue", "help", SETTINGS), *staff(agents), *CALL):
            self.send(command)
        self.offer = self.engine.floor.next_id() - 1
        self.leg = self.engine.floor.contacts["contact/x"].leg
        self.send(c.ReportAlerting(self.offer))

    def send(self, command: Any) -> Decision | Refused:
        decided = self.engine.act(command, SYSTEM, self.now)
        self.keep(decided)
        while self.engine.unrouted:
            self.keep(self.engine.act(c.Route(), SYSTEM, self.now))
        return decided

    def keep(self, decided: Decision | Refused | None) -> None:
        if isinstance(decided, Decision):
            self.log += decided.recorded

    def wait(self, us: int) -> None:
        until = self.now + us
        while (due := self.engine.next_due()) is not None and due[0] <= until:
            self.now = max(self.now, due[0])
            self.keep(self.engine.fire(self.now, TIMER))
        self.now = until
        assert self.engine.fire(until, TIMER) is None

    @property
    def live(self) -> int:
        """The contact's offer now, or the first one."""
        contact = self.engine.floor.contacts.get("contact/x")
        entry = self.engine.floor.entries.get(contact.entry) if contact is not None else None
        return entry.offer if entry is not None and entry.offer else self.offer

    @property
    def closed(self) -> bool:
        return not self.engine.floor.contacts


SETTINGS = QueueSettings(wrapup_us=10 * SECOND).pack()
STARTED = f.RunStarted(1, "simulated", None, 0, False, {})
CALL = (c.ReportArrived("voice", contact=X), c.Enqueue(X, QueueId("help")))


def staff(agents: Sequence[str]) -> Iterator[Any]:
    for agent in map(AgentId, agents):
        yield from (c.SetProfile(agent), c.LogIn(agent), c.SetReady(agent))


Event = Callable[[Race], object]
EVENTS: dict[str, Event] = {
    "answer": lambda race: race.send(c.AcceptOffer(race.offer)),
    "expiry": lambda race: race.wait(20 * SECOND),
    "reject": lambda race: race.send(c.RejectOffer(race.offer)),
    "fail": lambda race: race.send(c.ReportFailed(race.offer, "busy")),
    "bridge": lambda race: race.send(c.ReportBridged(race.offer)),
    "not ready": lambda race: race.send(c.SetNotReady(ANNE, "lunch")),
    "log out": lambda race: race.send(c.LogOut(ANNE)),
    "abandon": lambda race: race.send(c.ReportCleared(race.leg)),
}
OTHERS: dict[str, Event] = {
    "answer": EVENTS["answer"],
    "expiry": EVENTS["expiry"],
    "reject": EVENTS["reject"],
    "bob rings and answers": lambda race: (
        race.send(c.ReportAlerting(race.live)),
        race.send(c.ReportAnswered(race.live)),
    ),
    "bridge": lambda race: race.send(c.ReportBridged(race.live)),
    "log out": EVENTS["log out"],
    "abandon": EVENTS["abandon"],
}


def orders(names: frozenset[str], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every order up to the abandon, with the rest in one order after it."""
    for name in sorted(names):
        if name == "abandon":
            yield (*before, name, *sorted(names - {name}))
        else:
            yield from orders(names - {name}, (*before, name))


def run(events: dict[str, Event], order: Sequence[str], agents: Sequence[str]) -> Race:
    race = Race(agents)
    for name in order:
        was_closed = race.closed
        at = len(race.log)
        events[name](race)
        check_all(race.engine.floor)
        if was_closed:
            late = [
                data for _, data in race.log[at:] if not type(data).__name__.startswith("Agent")
            ]
            assert {type(data) for data in late} <= {*CLEARED}, (order, name, late)
    race.wait(HOUR)
    return race


def check_ends(race: Race, order: Sequence[str]) -> None:
    """Everything that began has ended, once."""
    facts = [data for _, data in race.log]
    kinds = Counter(map(type, facts))
    assert kinds[f.ContactClosed] == kinds[f.QueueEntered] == kinds[f.QueueLeft] == 1, order
    made = [data.offer for data in facts if type(data) is f.OfferMade]
    ended = [data.offer for data in facts if type(data) in ENDINGS]
    assert sorted(made) == sorted(ended), order
    accepted, connected = kinds[f.OfferAccepted], kinds[f.ContactConnected]
    assert accepted == connected + kinds[f.ContactConnectFailed] + went_while_connecting(facts)
    closed = next(data for data in facts if type(data) is f.ContactClosed)
    left = next(data for data in facts if type(data) is f.QueueLeft)
    assert closed.reason == ("completed" if connected else "abandoned"), order
    assert left.reason == ("answered" if connected else "abandoned"), order
    assert kinds[f.AgentWrapupStarted] == kinds[f.AgentWrapupEnded] == connected, order
    floor = race.engine.floor
    check_all(floor)
    assert not (floor.contacts or floor.entries or floor.offers or floor.legs), order
    assert not any(agent.slots for agent in floor.agents.values()), order


def went_while_connecting(facts: Sequence[Any]) -> int:
    closed = next(data for data in facts if type(data) is f.ContactClosed)
    return int(closed.phase == "connect")


@pytest.mark.parametrize("first", sorted(EVENTS))
def test_with_one_agent_all_orders_end_everything_once(first: str) -> None:
    rest = frozenset(EVENTS) - {first}
    begin = (first,)
    if first == "abandon":
        sequences: Iterator[tuple[str, ...]] = iter([(*begin, *sorted(rest))])
    else:
        sequences = orders(rest, begin)
    n = 0
    for order in sequences:
        check_ends(run(EVENTS, order, ["anne"]), order)
        n += 1
    assert n == (1 if first == "abandon" else 1957)


def test_with_two_agents_all_orders_end_everything_once() -> None:
    n = 0
    for order in orders(frozenset(OTHERS)):
        check_ends(run(OTHERS, order, ["anne", "bob"]), order)
        n += 1
    assert n == 1957


def test_who_answers_before_the_abandon_is_connecting_and_who_comes_after_is_late() -> None:
    first = run(EVENTS, ["answer", "abandon"], ["anne"])
    second = run(EVENTS, ["abandon", "answer"], ["anne"])
    assert [type(data) for _, data in first.log][-5:] == [
        f.OfferAlerting,
        f.OfferAccepted,
        f.LegCleared,
        f.QueueLeft,
        f.ContactClosed,
    ]
    assert [type(data) for _, data in second.log][-6:] == [
        f.LegCleared,
        f.OfferRescinded,
        f.QueueLeft,
        f.ContactClosed,
        *CLEARED,
    ]
