"""The races: whatever can happen at once happens in every order, and all of it ends once.

A ``Scene`` is how things stand and what may happen next. ``ends`` goes through all orders of
its acts as a tree: each act is carried out on a floor loaded from a snapshot of the one
before, all invariants are checked, and at the end of each branch everybody hangs up and an
hour passes. ``endings`` then holds the log to the rule: each contact closed once, each offer
and each wait ended once, each wrap-up ended once, nobody in a slot. Where every contact has
closed nothing can race any more, so what is left is sent in one order.

An act is about what it was sent off about: the offer, the leg that there were at the
beginning. What it finds may have ended since; then it is late, and must change nothing but
what a late report changes.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import Any, NamedTuple

import attrs
import pytest

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.contact import NO_LEG
from cckit.core.ids import AgentId, ContactId, LegId, OfferId
from cckit.core.instant import HOUR, SECOND, Instant
from tests.stage import LINE, Stage

X, Y = ContactId("x"), ContactId("y")
NO_OFFER = OfferId(0)
ANNE, BOB = AgentId("anne"), AgentId("bob")
OFFER_ENDS = (f.OfferAccepted, f.OfferRejected, f.OfferExpired, f.OfferRescinded, f.OfferFailed)


# --- the harness ------------------------------------------------------------------------------


@attrs.define
class Names:
    """What there was when the acts were sent off."""

    offer: OfferId = NO_OFFER
    customer: LegId = NO_LEG
    agent: LegId = NO_LEG
    other: LegId = NO_LEG
    """Of whom was consulted, or is being called."""


Act = Callable[[Stage, Names], object]


class Scene(NamedTuple):
    """How things stand, and what can happen at once."""

    name: str
    begin: Callable[[], tuple[Stage, Names]]
    acts: Mapping[str, Act]


def send(make: Callable[[Names], Any]) -> Act:
    """An act that sends one command, wanted or not."""
    return lambda stage, names: stage.send(make(names), LINE)


def fork(stage: Stage) -> Stage:
    """The same floor once more, to go on with otherwise."""
    other = copy(stage)
    other.engine = stage.loaded()
    other.log = list(stage.log)
    return other


def ends(
    scene: Scene, stage: Stage, names: Names, done: tuple[str, ...], most: int
) -> Iterator[tuple[tuple[str, ...], Stage]]:
    """Each order of ``most`` of the acts, with the log that it led to."""
    left = sorted(set(scene.acts) - set(done))
    if len(done) == most or not stage.engine.floor.contacts:
        for act in left[: most - len(done)]:
            scene.acts[act](stage, names)
        hang_up(stage)
        stage.wait(HOUR)
        yield done, stage
        return
    for act in left:
        further = fork(stage)
        try:
            scene.acts[act](further, names)
        except Exception as error:
            raise AssertionError(f"{scene.name}: {' > '.join((*done, act))}") from error
        yield from ends(scene, further, names, (*done, act), most)


def hang_up(stage: Stage) -> None:
    """Let every customer, and whoever is called, go."""
    for contact in list(stage.engine.floor.contacts.values()):
        for leg in (contact.leg, *(leg.id for leg in contact.more())):
            if leg and leg in stage.engine.floor.legs:
                stage.send(c.ReportCleared(leg), LINE)


def endings(stage: Stage) -> None:
    """Everything that began has ended, once, and nothing is owned by anybody."""
    ended = [data.offer for data in facts(stage) if type(data) in OFFER_ENDS]
    assert sorted(made.offer for made in stage.all(f.OfferMade)) == sorted(ended)
    left_by = sorted(left.entry for left in stage.all(f.QueueLeft))
    assert sorted(entered.entry for entered in stage.all(f.QueueEntered)) == left_by
    streams = Counter(
        envelope.stream for envelope, data in stage.log if is_a(data, f.ContactClosed)
    )
    created = [envelope.stream for envelope, data in stage.log if is_a(data, f.ContactCreated)]
    assert streams == Counter(created)
    assert wrap_ups(stage, f.AgentWrapupStarted) == wrap_ups(stage, f.AgentWrapupEnded)
    joined = Counter((e.stream, d.agent) for e, d in stage.log if is_a(d, f.ContactConnected))
    left = Counter((e.stream, d.agent) for e, d in stage.log if is_a(d, f.ContactAgentLeft))
    moved = merged_talks(stage)
    assert joined == left + moved
    floor = stage.engine.floor
    assert not (floor.contacts or floor.entries or floor.offers or floor.legs or floor.ringing)
    assert not any(agent.slots or agent.used for agent in floor.agents.values())


def facts(stage: Stage) -> Iterator[Any]:
    return (data for _, data in stage.log)


def is_a(data: Any, kind: type) -> bool:
    return type(data) is kind


def wrap_ups(stage: Stage, kind: type) -> Counter[tuple[str, str]]:
    return Counter(
        (envelope.stream, data.contact) for envelope, data in stage.log if is_a(data, kind)
    )


def merged_talks(stage: Stage) -> Counter[tuple[str, str]]:
    """Who talked in a consultation that became part of its customer's contact: they did not
    leave it but came over."""
    merged = {
        envelope.stream
        for envelope, data in stage.log
        if is_a(data, f.ContactClosed) and data.reason == "merged"
    }
    return Counter(
        (envelope.stream, data.agent)
        for envelope, data in stage.log
        if is_a(data, f.ContactConnected) and envelope.stream in merged
    )


# --- scenes -----------------------------------------------------------------------------------


def floor_of(*agents: str) -> Stage:
    stage = Stage().queue("help", wrapup_us=10 * SECOND).queue("second", wrapup_us=5 * SECOND)
    for agent in agents:
        stage.agent(agent)
        stage.wait(SECOND)
    stage.call("x")
    return stage


def ringing() -> tuple[Stage, Names]:
    stage = floor_of("anne", "bob")
    return stage, Names(stage.alert("x"), stage.contact("x").leg)


def talking() -> tuple[Stage, Names]:
    stage = floor_of("anne", "bob")
    offer = stage.talk("x")
    contact = stage.contact("x")
    return stage, Names(offer, contact.leg, contact.agent_leg)


def consulting() -> tuple[Stage, Names]:
    """Anne asks bob, whose phone rings."""
    stage, names = talking()
    stage.facts(c.Consult(X, "agent", "bob", Y))
    stage.facts(c.ReportHeld(names.customer), LINE)
    names.offer = stage.alert("y")
    names.other = LegId(stage.engine.floor.offers[names.offer].leg)
    return stage, names


def consulted() -> tuple[Stage, Names]:
    """Anne asks bob, and they talk."""
    stage, names = consulting()
    stage.facts(c.AcceptOffer(names.offer))
    stage.facts(c.ReportBridged(names.offer), LINE)
    return stage, names


def outside() -> tuple[Stage, Names]:
    """Anne handed the customer to somebody outside, whose phone rings."""
    stage, names = talking()
    stage.facts(c.Transfer(X, "external", "100"))
    dialing = stage.contact("x").dialing
    stage.facts(c.ReportDelivered(dialing.id), LINE)
    names.other = dialing.id
    return stage, names


def asking_outside() -> tuple[Stage, Names]:
    stage, names = talking()
    stage.facts(c.Consult(X, "external", "100", Y))
    names.other = stage.contact("y").dialing.id
    return stage, names


def calling_out() -> tuple[Stage, Names]:
    stage = floor_of("anne")
    stage.facts(c.ReportCleared(stage.contact("x").leg), LINE)
    stage.facts(c.Dial(ANNE, "100", contact=Y))
    contact = stage.contact("y")
    return stage, Names(agent=contact.agent_leg, other=contact.dialing.id)


def together() -> tuple[Stage, Names]:
    stage, names = consulted()
    stage.facts(c.Conference(X))
    return stage, names


ANSWER: Mapping[str, Act] = {
    "answer": send(lambda n: c.AcceptOffer(n.offer)),
    "bridge": send(lambda n: c.ReportBridged(n.offer)),
    "reject": send(lambda n: c.RejectOffer(n.offer)),
    "expiry": lambda stage, names: stage.wait(21 * SECOND),
}
CUSTOMER_GOES: Mapping[str, Act] = {"customer": send(lambda n: c.ReportCleared(n.customer))}
AGENT_GOES: Mapping[str, Act] = {"agent": send(lambda n: c.ReportCleared(n.agent))}
LOG_OUT: Mapping[str, Act] = {"log out": send(lambda n: c.LogOut(ANNE, "forced"))}
TO_BOB: Mapping[str, Act] = {"to bob": send(lambda n: c.Transfer(X, "agent", "bob"))}
OVER: Mapping[str, Act] = {
    "complete": send(lambda n: c.CompleteTransfer(X)),
    "cancel": send(lambda n: c.CancelConsult(X)),
}
THREE: Mapping[str, Act] = {"conference": send(lambda n: c.Conference(X))}
OTHER_GOES: Mapping[str, Act] = {"other": send(lambda n: c.ReportCleared(n.other, "busy"))}
OTHER_ANSWERS: Mapping[str, Act] = {"answered": send(lambda n: c.ReportEstablished(n.other))}
PULL: Mapping[str, Act] = {"pull": send(lambda n: c.Pull(X))}

SCENES = (
    Scene(
        "ringing",
        ringing,
        {
            **ANSWER,
            **CUSTOMER_GOES,
            "transfer": send(lambda n: c.Transfer(X, "queue", "second")),
            "cancel": send(lambda n: c.Dequeue(X)),
        },
    ),
    Scene(
        "talking",
        talking,
        {
            **CUSTOMER_GOES,
            **AGENT_GOES,
            **LOG_OUT,
            **PULL,
            **TO_BOB,
            "outside": send(lambda n: c.Transfer(X, "external", "100")),
        },
    ),
    Scene("consulting", consulting, {**ANSWER, **OVER, **CUSTOMER_GOES, **AGENT_GOES}),
    Scene(
        "consulted",
        consulted,
        {**OVER, **THREE, **CUSTOMER_GOES, **AGENT_GOES, **OTHER_GOES, **PULL},
    ),
    Scene(
        "outside",
        outside,
        {
            **OTHER_ANSWERS,
            **OTHER_GOES,
            **CUSTOMER_GOES,
            **LOG_OUT,
            **PULL,
            "no answer": lambda stage, names: stage.wait(31 * SECOND),
        },
    ),
    Scene(
        "asking outside",
        asking_outside,
        {**OTHER_ANSWERS, **OTHER_GOES, **OVER, **THREE, **CUSTOMER_GOES},
    ),
    Scene(
        "calling out",
        calling_out,
        {
            **OTHER_ANSWERS,
            **OTHER_GOES,
            **AGENT_GOES,
            **LOG_OUT,
            "no answer": lambda stage, names: stage.wait(31 * SECOND),
            "done": send(lambda n: c.EndWrapup(ANNE, Y)),
        },
    ),
    Scene(
        "together",
        together,
        {
            **CUSTOMER_GOES,
            **AGENT_GOES,
            **OTHER_GOES,
            **LOG_OUT,
            "anne leaves": send(lambda n: c.LeaveContact(X, ANNE)),
            "bob leaves": send(lambda n: c.LeaveContact(X, BOB)),
        },
    ),
)


@pytest.mark.parametrize("scene", SCENES, ids=[scene.name for scene in SCENES])
def test_every_order_of_what_races_ends_everything_once(
    scene: Scene, tier: Callable[[int, int, int], int], publish: Callable[[str], None]
) -> None:
    """All orders of some of the acts ordinarily, of all of them in the fast tier."""
    most = tier(3, len(scene.acts), len(scene.acts))
    n = 0
    for order, stage in ends(scene, *scene.begin(), (), most):
        try:
            endings(stage)
        except AssertionError as error:
            raise AssertionError(f"{scene.name}: {' > '.join(order)}") from error
        n += 1
    publish(f"races, {scene.name}: {n:,} orders of {most} of {len(scene.acts)} acts, 0 lost")


def twice(act: Act) -> Act:
    """An act that comes again at once, as what a network doubles does."""

    def both(stage: Stage, names: Names) -> None:
        act(stage, names)
        act(stage, names)

    return both


@pytest.mark.parametrize("scene", SCENES, ids=[scene.name for scene in SCENES])
def test_every_order_ends_the_same_where_all_of_it_comes_twice(
    scene: Scene, tier: Callable[[int, int, int], int], publish: Callable[[str], None]
) -> None:
    doubled = scene._replace(acts={name: twice(act) for name, act in scene.acts.items()})
    most = tier(2, 4, len(scene.acts))
    n = 0
    for order, stage in ends(doubled, *scene.begin(), (), most):
        try:
            endings(stage)
        except AssertionError as error:
            raise AssertionError(f"{scene.name}: {' > '.join(order)}") from error
        n += 1
    publish(f"races doubled, {scene.name}: {n:,} orders of {most} of {len(scene.acts)}, 0 lost")


def forgets(stage: Stage, names: Names) -> None:
    """The switch has lost everybody, and says so."""
    stage.send(c.ReportSessions("line", Instant(stage.now)), LINE)


LOST: dict[str, Act] = {
    "switch forgets": forgets,
    "device lost": lambda stage, names: (
        stage.send(c.ReportAgentLink(ANNE, "device", False), LINE),
        stage.wait(20 * SECOND),
    ),
    "line lost": send(lambda n: c.ReportLink("line", False)),
    "line back": send(lambda n: c.ReportLink("line", True)),
}


@pytest.mark.parametrize("scene", SCENES, ids=[scene.name for scene in SCENES])
def test_connections_lost_in_the_middle_of_it_lose_nobody(
    scene: Scene, tier: Callable[[int, int, int], int], publish: Callable[[str], None]
) -> None:
    lossy = scene._replace(acts={**scene.acts, **LOST})
    most = tier(2, 3, 5)
    n = 0
    for order, stage in ends(lossy, *scene.begin(), (), most):
        try:
            endings(stage)
        except AssertionError as error:
            raise AssertionError(f"{scene.name}: {' > '.join(order)}") from error
        n += 1
    publish(f"races with lost connections, {scene.name}: {n:,} orders of {most}, 0 lost")
