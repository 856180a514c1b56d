"""All orders of what can happen to a kept place: everything ends once, nobody is called twice.

Each event is sent once, in every order, about what it would be about at that time. Then time
passes until nothing waits any more.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.errors import Refused
from cckit.core.events import SYSTEM, Actor, Decision
from cckit.core.ids import AgentId, ContactId, LegId, OfferId, QueueId, SubjectId
from cckit.core.instant import HOUR, SECOND
from tests.stage import LINE, Stage

X, Y, ANNE = ContactId("x"), ContactId("y"), AgentId("anne")
Publish = Callable[[str], None]
Tier = Callable[[int, int, int], int]
OFFERS_END = (
    f.OfferRejected,
    f.OfferExpired,
    f.OfferRescinded,
    f.OfferFailed,
)


def come(stage: Stage, contact: ContactId) -> None:
    stage.do(c.ReportArrived("voice", contact=contact, subject=SubjectId("s")), LINE)
    stage.do(c.Enqueue(contact, QueueId("help")))


class Quick(Stage):
    """A stage that does not hold each rule to leave the floor alone: other tests do."""

    def do(self, command: Any, actor: Actor = SYSTEM) -> Decision | Refused:
        decided = self.engine.act(command, actor, self.now)
        self._keep(decided)
        return decided


def begun(first: str) -> Stage:
    """Somebody who is still on the line keeps their place; anne is ready."""
    stage = Quick().queue(max_wait_us=HOUR, wrapup_us=SECOND, callback_tries=2)
    come(stage, X)
    stage.facts(c.KeepPlace(X, first))
    return stage.agent("anne")


def live(stage: Stage) -> OfferId:
    made = stage.all(f.OfferMade)
    return made[-1].offer if made else OfferId(1)


def dialed(stage: Stage) -> LegId:
    """The leg that was called last; one that never was, if none."""
    legs = [one.leg for one in stage.all(f.LegOrdered) if one.order == "dial"]
    return legs[-1] if legs else LegId(1)


def accept(stage: Stage) -> None:
    stage.do(c.ReportAlerting(live(stage)), LINE)
    stage.do(c.AcceptOffer(live(stage)))


Event = Callable[[Stage], object]
EVENTS: dict[str, Event] = {
    "accepts": accept,
    "cancels": lambda stage: stage.do(c.Cancel(X)),
    "comes again": lambda stage: come(stage, Y),
    "does not answer": lambda stage: stage.do(c.ReportCleared(dialed(stage), "busy"), LINE),
    "hangs up": lambda stage: stage.do(c.ReportCleared(stage.all(f.ContactCreated)[0].leg), LINE),
    "time passes": lambda stage: stage.wait(31 * SECOND),
}
MORE: dict[str, Event] = {
    **EVENTS,
    "answers": lambda stage: stage.do(c.ReportEstablished(dialed(stage)), LINE),
    "is bridged": lambda stage: stage.do(c.ReportBridged(live(stage)), LINE),
}


def orders(names: frozenset[str], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if not names:
        yield before
    for name in sorted(names):
        yield from orders(names - {name}, (*before, name))


def play(first: str, events: dict[str, Event], order: tuple[str, ...]) -> Stage:
    stage = begun(first)
    for name in order:
        events[name](stage)
    for leg in [contact.leg for contact in stage.engine.floor.contacts.values() if contact.leg]:
        stage.do(c.ReportCleared(leg), LINE)
    stage.do(c.LogOut(ANNE))
    stage.wait(3 * HOUR)
    return stage


def check_ends(stage: Stage, order: tuple[str, ...]) -> None:
    """Everything that began has ended, once; no two calls at once."""
    facts = [(envelope.stream, data) for envelope, data in stage.log]
    kinds = Counter(type(data) for _, data in facts)
    assert kinds[f.ContactClosed] == kinds[f.ContactCreated], order
    assert kinds[f.QueueLeft] == kinds[f.QueueEntered], order
    made = sorted(data.offer for _, data in facts if type(data) is f.OfferMade)
    unaccepted = [data.offer for _, data in facts if type(data) in OFFERS_END]
    accepted = [data.offer for _, data in facts if type(data) is f.OfferAccepted]
    assert sorted(unaccepted + accepted) == made, order
    calling: dict[str, int] = {}
    for stream, data in facts:
        if type(data) is f.LegOrdered and data.order == "dial":
            assert stream not in calling, (order, "called twice at once")
            calling[stream] = data.leg
        elif type(data) in (f.LegCleared, f.LegEstablished) and calling.get(stream) == data.leg:
            del calling[stream]
        elif type(data) is f.ContactClosed:
            calling.pop(stream, None)
    assert not calling, order
    floor = stage.engine.floor
    assert not (floor.contacts or floor.entries or floor.offers or floor.legs), order
    assert not floor.promised and not floor.queues[QueueId("help")].dialing, order
    assert not any(agent.slots for agent in floor.agents.values()), order


@pytest.mark.parametrize("first", ["agent", "customer"])
def test_all_orders_end_everything_once(first: str, publish: Publish) -> None:
    n = 0
    for order in orders(frozenset(EVENTS)):
        check_ends(play(first, EVENTS, order), order)
        n += 1
    assert n == 720
    publish(f"callbacks, {first} first: {n} orders of {len(EVENTS)} events, each ends once")


@pytest.mark.parametrize("first", ["agent", "customer"])
def test_orders_with_an_answer_and_a_bridge_end_everything_once(
    first: str, publish: Publish, tier: Tier
) -> None:
    each = tier(240, 16, 1)
    n = 0
    for number, order in enumerate(orders(frozenset(MORE))):
        if number % each == 0:
            check_ends(play(first, MORE, order), order)
            n += 1
    publish(f"callbacks, {first} first: {n} of 40320 orders of {len(MORE)} events")


def test_who_is_told_twice_is_told_nothing_new() -> None:
    stage = begun("agent")
    EVENTS["hangs up"](stage)
    accept(stage)
    leg: Any = dialed(stage)
    stage.do(c.ReportEstablished(leg), LINE)
    before = len(stage.log)
    for again in (c.ReportEstablished(leg), c.ReportDelivered(leg), c.AcceptOffer(live(stage))):
        stage.do(again, LINE)
    assert len(stage.log) == before
