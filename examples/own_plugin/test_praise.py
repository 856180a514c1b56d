"""The machine alone, the projection alone, and both in a center."""

import trio
from cckit_praise.events import PraiseGiven
from cckit_praise.machine import GivePraise, machine
from cckit_praise.plugin import Plugin
from cckit_praise.reports import PraiseStars

from cckit import Actor, Config, Refused, Stored, open_center
from cckit.core import (
    AcceptOffer,
    ContactConnected,
    ContactId,
    Enqueue,
    Instant,
    LegId,
    LogIn,
    QueueId,
    ReportArrived,
    ReportBridged,
    SetReady,
    Stream,
)
from cckit.core.ids import AgentId
from cckit.testing import Spec
from cckit.testing.projections import Tape, check_projection, fold

ANNA, BEN = AgentId("anna"), AgentId("ben")
HERE, NOW = Stream("contact/1"), Instant(0)

after_a_talk = Spec(machine(), HERE).given(ContactConnected(ANNA, None, None, LegId(1)))


def test_who_talked_can_be_praised() -> None:
    after_a_talk.when(GivePraise(HERE, ANNA, 5), at=NOW).then(PraiseGiven(ANNA, 5))


def test_a_stranger_cannot_be_praised() -> None:
    after_a_talk.when(GivePraise(HERE, BEN, 5), at=NOW).then_refused("praise.stranger")


def test_nobody_is_praised_twice() -> None:
    praised = after_a_talk.given(PraiseGiven(ANNA, 4))
    praised.when(GivePraise(HERE, ANNA, 5), at=NOW).then_refused("praise.twice")


def test_there_are_no_six_stars() -> None:
    after_a_talk.when(GivePraise(HERE, ANNA, 6), at=NOW).then_refused("praise.stars")


def test_stars_are_added_by_agent() -> None:
    tape = Tape()
    tape.add("contact/1", PraiseGiven(BEN, 3), at=0)
    tape.add("contact/2", PraiseGiven(ANNA, 5), at=1)
    tape.add("contact/3", PraiseGiven(ANNA, 4), at=2)
    check_projection(PraiseStars(), tape.events)
    state = fold(PraiseStars(), tape.events)
    assert PraiseStars().dump(state) == [["anna", 2, 9], ["ben", 1, 3]]


def test_a_center_with_the_plugin_stores_praise() -> None:
    config = Config.parse("[queues.orders]\n[agents.anna]")
    anna, line = Actor("agent", "anna"), Actor("adapter", "phone")

    async def live() -> None:
        async with open_center(config, plugins={"praise": Plugin()}) as center:
            await center.do(LogIn(ANNA), actor=anna)
            await center.do(SetReady(ANNA), actor=anna)
            arrived = await center.do(ReportArrived("voice"), actor=line)
            assert isinstance(arrived, Stored)
            here = arrived.recorded[0][0].stream
            contact = ContactId(here.removeprefix("contact/"))
            queued = await center.do(Enqueue(contact, QueueId("orders")), actor=line)
            assert isinstance(queued, Stored)
            offer = queued.recorded[-1][1].offer
            await center.do(AcceptOffer(offer), actor=anna)
            await center.do(ReportBridged(offer), actor=line)

            praise = GivePraise(here, ANNA, 5)
            customer = Actor("customer", contact)
            assert isinstance(await center.do(praise, actor=customer), Stored)
            assert isinstance(await center.do(praise, actor=customer), Refused)
            follower = await center.follow(PraiseStars())
            assert follower.state == {"anna": [1, 5]}

    trio.run(live)
