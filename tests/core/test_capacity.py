"""Several channels at once: costs, maxima, and what a call interrupts."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.agent import Agent, Slot
from cckit.core.channel import DEFAULTS, ChannelSettings, heaviest
from cckit.core.ids import AgentId, OfferId
from cckit.core.instant import SECOND
from cckit.core.invariants import check_all
from tests.plain import counted, has_room, worst
from tests.stage import LINE, Stage

ANNE = AgentId("anne")
ALL = {"voice": 0, "chat": 0, "email": 0}
"""Each at what its channel says."""


def desk(**settings: Any) -> Stage:
    return Stage().queue(**settings).agent("anne", channels=ALL)


def rings(stage: Stage) -> list[str]:
    return [offer.contact[8:] for offer in stage.engine.floor.offers.values()]


def serve(stage: Stage, contact: str) -> None:
    """Carry a contact to its conversation, whichever way its channel connects."""
    offer = stage.answer(contact)
    if stage.contact(contact).agent is None:
        stage.facts(c.ReportBridged(offer), LINE)


def four_emails(stage: Stage) -> Stage:
    for n in range(4):
        stage.call(f"mail{n}", channel="email")
        serve(stage, f"mail{n}")
    return stage


def test_a_cost_that_the_profile_leaves_open_is_what_the_channel_says() -> None:
    assert desk().of("anne").costs == {"voice": 100, "chat": 20, "email": 25}


def test_no_more_of_a_channel_than_its_maximum() -> None:
    stage = Stage().queue().agent("anne", channels={"chat": 1, "voice": 30})
    for n in range(6):
        stage.call(f"chat{n}", channel="chat")
    assert rings(stage) == [f"chat{n}" for n in range(5)]
    for n in range(2):
        stage.call(f"call{n}")
    assert rings(stage)[5:] == ["call0"]


def test_channels_share_the_budget() -> None:
    stage = desk()
    for n in range(2):
        stage.call(f"mail{n}", channel="email")
    for n in range(3):
        stage.call(f"chat{n}", channel="chat")
    assert rings(stage) == ["mail0", "mail1", "chat0", "chat1"]
    assert stage.of("anne").used == 90


def test_a_call_goes_before_email_which_waits_until_it_is_over() -> None:
    stage = four_emails(desk(wrapup_us=10 * SECOND))
    stage.call("call")
    assert stage.rings("call") == "anne"
    assert stage.of("anne").used == 100
    accepted = stage.facts(c.AcceptOffer(stage.alert("call")))
    held = [fact for fact in accepted if type(fact) is f.LegHeld]
    assert [(fact.leg, fact.by) for fact in held] == [
        (stage.contact(f"mail{n}").leg, "interrupt") for n in range(4)
    ]
    stage.facts(c.ReportBridged(stage.offer("call")), LINE)
    ended = stage.kinds(c.ReportCleared(stage.contact("call").leg), LINE)
    assert f.LegRetrieved not in ended  # The wrap-up belongs to the call.
    back = [fact for fact in stage.wait(10 * SECOND) if type(fact) is f.LegRetrieved]
    assert [(fact.leg, fact.by) for fact in back] == [(fact.leg, "interrupt") for fact in held]
    assert stage.of("anne").used == 100


@pytest.mark.parametrize("how", ["fails", "abandoned"])
def test_a_call_that_is_lost_gives_the_email_back(how: str) -> None:
    stage = four_emails(desk())
    leg = stage.call("call")
    stage.answer("call")
    assert stage.contact("mail0").held
    if how == "fails":
        facts = stage.facts(c.ReportFailed(stage.offer("call"), "busy"), LINE)
    else:
        facts = stage.facts(c.ReportCleared(leg), LINE)
    assert [type(fact) for fact in facts].count(f.LegRetrieved) == 4
    assert not stage.contact("mail0").held


def test_a_call_that_only_rings_holds_nothing() -> None:
    stage = four_emails(desk())
    stage.call("call")
    stage.facts(c.RejectOffer(stage.offer("call")))
    assert not stage.all(f.LegHeld)


def test_no_email_is_offered_during_a_call() -> None:
    stage = desk()
    stage.call("call")
    stage.talk("call")
    stage.call("mail", channel="email")
    assert stage.rings("mail") == ""
    other = Stage().queue().agent("anne", channels={"voice": 10, "email": 10})
    other.call("call")
    other.call("mail", channel="email")  # There is budget, but it would wait at once.
    assert other.rings("mail") == ""


def test_what_is_interrupted_keeps_its_room_for_when_it_comes_back() -> None:
    stage = Stage().queue().agent("anne", channels={"voice": 50, "chat": 20, "email": 25})
    four_emails(stage)
    stage.call("call")
    serve(stage, "call")
    assert stage.of("anne").used == 50
    stage.call("chat", channel="chat")
    assert stage.rings("chat") == ""  # After the call it would be 120.


def test_a_contact_that_was_held_before_is_not_retrieved_by_the_end_of_a_call() -> None:
    stage = desk(wrapup_us=0)
    stage.call("mail", channel="email")
    serve(stage, "mail")
    stage.facts(c.ReportHeld(stage.contact("mail").leg), LINE)
    stage.call("call")
    stage.talk("call")
    stage.facts(c.ReportCleared(stage.contact("call").leg), LINE)
    assert stage.contact("mail").held
    assert not stage.all(f.LegRetrieved)


def test_a_channel_may_be_made_dearer_while_it_is_at_work() -> None:
    stage = four_emails(desk())
    stage.set("channel", "email", ChannelSettings(False, 50, 2))
    assert stage.of("anne").used == 100
    stage.call("more", channel="email")
    assert stage.rings("more") == ""
    check_all(stage.folded().floor)
    check_all(stage.loaded().floor)


def test_who_is_no_longer_interrupted_comes_back() -> None:
    stage = four_emails(Stage().queue().agent("anne", channels={"voice": 50, "email": 10}))
    stage.call("call")
    serve(stage, "call")
    assert stage.contact("mail0").held
    stage.set("channel", "voice", ChannelSettings(maximum=1))
    assert not stage.contact("mail0").held
    assert stage.of("anne").used == 90


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("chat", ChannelSettings(False, interrupts=("chat",))),
        ("chat", ChannelSettings(False, interrupts=("voice",))),
        ("email", ChannelSettings(True)),
        ("email", ChannelSettings(False, cost=0)),
        ("email", ChannelSettings(False, maximum=-1)),
        ("email", ChannelSettings(1)),  # type: ignore[arg-type]
    ],
)
def test_a_channel_that_cannot_be_is_refused(name: str, settings: ChannelSettings) -> None:
    command = c.ApplyConfig("channel", name, settings.pack())
    assert Stage().refused(command) == "config.bad_channel"
    assert Stage().refused(c.ApplyConfig("channel", name, b"\xc1")) == "config.bad_channel"


def test_no_two_channels_interrupt_each_other() -> None:
    stage = Stage().set("channel", "chat", ChannelSettings(False, interrupts=("email",)))
    round_ = ChannelSettings(False, interrupts=("chat",))
    assert stage.refused(c.ApplyConfig("channel", "email", round_.pack())) == "config.bad_channel"


# --- against plain models -----------------------------------------------------------------

RULES = {
    **DEFAULTS,
    "chat": ChannelSettings(False, 20, 5, ("note",)),
    "note": ChannelSettings(False, 5, 9),
    "fax": ChannelSettings(),
}
NAMES = st.sampled_from(sorted(RULES))


SLOTS = st.lists(st.tuples(NAMES, st.integers(1, 60)), max_size=7)


@settings(max_examples=200, deadline=None)
@given(SLOTS)
def test_the_most_that_can_count_is_that_of_the_worst_order_of_endings(
    slots: list[tuple[str, int]],
) -> None:
    totals: dict[str, int] = {}
    for channel, cost in slots:
        totals[channel] = totals.get(channel, 0) + cost
    assert heaviest(totals, RULES) == worst(slots, RULES)


@settings(max_examples=200, deadline=None)
@given(SLOTS, NAMES, st.integers(1, 60))
def test_there_is_room_if_it_fits_now_and_whatever_ends(
    slots: list[tuple[str, int]], channel: str, cost: int
) -> None:
    agent = Agent(ANNE, 0, channels=RULES)
    for n, (name, each) in enumerate(slots):
        agent.slots[str(n)] = Slot(each, OfferId(1), channel=name)
    agent.count()
    agent.costs = {channel: cost}
    assert agent.used == counted(slots, RULES)
    if worst(slots, RULES) <= agent.budget:
        assert agent.has_room(channel) is has_room(slots, agent.budget, channel, cost, RULES)
