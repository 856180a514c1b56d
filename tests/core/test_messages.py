"""Messages: one conversation, many answers, and going on over another channel."""

from collections.abc import Callable
from typing import Any

import pytest

from cckit.core import commands as c
from cckit.core import contact as co
from cckit.core import facts as f
from cckit.core.channel import ChannelSettings
from cckit.core.events import Actor
from cckit.core.ids import AgentId, ContactId, QueueId, SubjectId
from cckit.core.instant import HOUR, SECOND
from tests.stage import LINE, Stage

X, Y, ANNE, BEN = ContactId("x"), ContactId("y"), AgentId("anne"), AgentId("ben")
BOTH = {"chat": 20, "voice": 100}


def desk(idle_us: int = HOUR, **settings: Any) -> Stage:
    stage = Stage().queue("help", wrapup_us=0, **settings)
    chat = ChannelSettings(calls=False, cost=20, maximum=5, idle_us=idle_us)
    stage.facts(c.ApplyConfig("channel", "chat", chat.pack()))
    return stage.agent("anne", channels=BOTH)


def chatting(stage: Stage) -> Stage:
    stage.call("x", channel="chat")
    stage.facts(c.AcceptOffer(stage.offer("x")), Actor("agent", "anne"))
    return stage


def wrote(n: int = 1, contact: ContactId = X) -> c.ReportMessage:
    return c.ReportMessage(contact, f"m{n}")


def kinds(facts: list[Any]) -> list[type]:
    return [type(one) for one in facts]


def test_who_accepts_a_message_talks_at_once() -> None:
    stage = desk()
    stage.call("x", channel="chat")
    facts = stage.facts(c.AcceptOffer(stage.offer("x")))
    assert kinds(facts) == [f.OfferAccepted, f.ContactConnected, f.QueueLeft]
    assert stage.contact("x").phase is co.TALKING
    assert stage.facts(c.ReportBridged(facts[0].offer), LINE) == []


def test_a_message_told_twice_is_one_message() -> None:
    stage = chatting(desk())
    assert kinds(stage.facts(wrote(), LINE)) == [f.MessageReceived]
    assert stage.facts(wrote(), LINE) == []
    assert kinds(stage.facts(wrote(2), LINE)) == [f.MessageReceived]


def test_a_conversation_that_its_agent_left_idles_and_is_over_when_nobody_writes() -> None:
    stage = chatting(desk())
    facts = stage.facts(c.LeaveContact(X, ANNE))
    assert kinds(facts) == [f.ContactAgentLeft, f.ContactIdled]
    assert stage.of("anne").slots == {}
    closed = stage.wait(HOUR)
    assert closed == [f.ContactClosed("completed", "idle", "timer")]


def test_who_writes_again_waits_for_the_agent_they_had() -> None:
    stage = chatting(desk())
    stage.agent("ben", channels=BOTH)
    stage.facts(c.LeaveContact(X, ANNE))
    stage.wait(SECOND)
    facts = stage.facts(wrote(), LINE)
    assert kinds(facts) == [f.MessageReceived, f.QueueEntered, f.OfferMade]
    assert facts[-1].agent == "anne"
    assert HOUR not in [one.due for one in stage.engine.floor.timers.heap if one.kind == "idle"]
    assert stage.wait(HOUR * 2) and stage.all(f.ContactIdled)


def idling(**settings: Any) -> Stage:
    """Anne has left conversation x, and ben could serve the next."""
    stage = chatting(desk(**settings)).agent("ben", channels=BOTH)
    stage.facts(c.LeaveContact(X, ANNE))
    stage.facts(c.SetNotReady(BEN, "lunch"))
    assert stage.contact("x").phase is co.IDLE
    return stage


def without_anne(stage: Stage) -> None:
    stage.queue("help", wrapup_us=0, agents=("ben",))


def anne_serves_no_chats(stage: Stage) -> None:
    stage.facts(c.SetProfile(ANNE, {}, {"voice": 100}, 100))


def nobody_serves_chats(stage: Stage) -> None:
    for agent in (ANNE, BEN):
        stage.facts(c.SetProfile(agent, {}, {"voice": 100}, 100))


def need_of_nobody(stage: Stage) -> None:
    stage.queue("help", wrapup_us=0, need="he >= 3")


def only_callbacks(stage: Stage) -> None:
    stage.queue("help", wrapup_us=0, capacity=1, full="callback_only")
    stage.facts(c.SetNotReady(ANNE, "lunch"))
    stage.call("y")


def only_callbacks_as_a_mode(stage: Stage) -> None:
    stage.facts(c.SetMode("center", "overload"))  # It takes only callbacks.


@pytest.mark.parametrize(
    "change",
    [
        without_anne,
        anne_serves_no_chats,
        nobody_serves_chats,
        need_of_nobody,
        only_callbacks,
        only_callbacks_as_a_mode,
    ],
)
def test_who_writes_in_a_conversation_that_idles_waits_whatever_new_ones_are_told(
    change: Callable[[Stage], None],
) -> None:
    stage = idling()
    change(stage)
    assert kinds(stage.facts(wrote(), LINE))[:2] == [f.MessageReceived, f.QueueEntered]
    assert stage.contact("x").phase is co.QUEUED


@pytest.mark.parametrize(
    ("settings", "closed"),
    [
        ({"capacity": 1, "full": "deflect"}, "deflected"),
        ({"capacity": 1, "full": "blocked"}, "blocked"),
        ({"join_empty": "blocked"}, "blocked"),
    ],
)
def test_a_queue_that_sends_away_whoever_comes_sends_away_who_writes_again(
    settings: dict[str, Any], closed: str
) -> None:
    stage = idling()
    stage.facts(c.SetNotReady(ANNE, "lunch"))
    stage.call("y")
    stage.facts(c.LogOut(ANNE))
    stage.facts(c.LogOut(BEN))
    stage.queue("help", wrapup_us=0, **settings)
    assert stage.facts(wrote(), LINE)[-1].reason == closed


def test_a_conversation_that_never_waited_stays_open_when_somebody_writes() -> None:
    stage = idling()
    stage.contact("x").queue = None  # An agent wrote first, or who imported it knew of none.
    stage.wait(HOUR - SECOND)
    assert kinds(stage.facts(wrote(), LINE)) == [f.MessageReceived, f.ContactIdled]
    assert stage.wait(HOUR - SECOND) == []
    assert kinds(stage.wait(SECOND)) == [f.ContactClosed]


def test_a_channel_without_idle_time_ends_when_its_agent_leaves() -> None:
    stage = chatting(desk(idle_us=0))
    assert kinds(stage.facts(c.LeaveContact(X, ANNE)))[-1] is f.ContactClosed


def test_a_customer_who_goes_while_nobody_serves_them_ends_it() -> None:
    stage = chatting(desk())
    leg = stage.contact("x").leg
    stage.facts(c.LeaveContact(X, ANNE))
    closed = stage.facts(c.ReportCleared(leg), LINE)[-1]
    assert (closed.reason, closed.phase, closed.by) == ("completed", "idle", "customer")


def test_what_came_too_late_is_kept_as_a_digest() -> None:
    stage = chatting(desk(idle_us=0))
    stage.facts(c.LeaveContact(X, ANNE))
    [late] = stage.facts(wrote(), LINE)
    assert type(late) is f.FactQuarantined and late.reason == "contact.ended"


def test_an_agent_writes_to_whom_they_serve_and_the_channel_says_what_became_of_it() -> None:
    stage = chatting(desk())
    anne = Actor("agent", "anne")
    assert kinds(stage.facts(c.Send(X, template="hello"), anne)) == [f.MessageSent]
    assert stage.refused(c.Send(X, template="hello"), Actor("agent", "ben")) == "message.not_yours"
    assert stage.refused(c.Send(X), anne) == "message.empty"
    assert kinds(stage.facts(c.ReportStatus(X, "e1", "read"), LINE)) == [f.MessageStatusSet]
    assert stage.refused(c.ReportStatus(X, "e1", "eaten"), LINE) == "message.bad_status"
    stage.call("y")
    assert stage.refused(c.Send(Y, template="hello")) == "message.no_messages"


def test_a_contact_goes_on_as_a_call_with_the_agent_it_had_and_the_chat_ends_then() -> None:
    stage = chatting(desk())
    stage.facts(c.Identify(X, SubjectId("s1"), "pin", 2))
    facts = stage.facts(c.MoveChannel(X, "voice", new_contact=Y))
    assert kinds(facts)[:5] == [
        f.ContactCreated,
        f.ContactLinked,
        f.ContactIdentified,
        f.QueueEntered,
        f.QueuePlaceKept,
    ]
    assert facts[3].steps[0].endswith("skip=unstaffed") and "agents=anne" in facts[3].steps[0]
    assert stage.contact("x").phase is co.TALKING
    assert stage.contact("y").level == 2 and stage.contact("y").subject == "s1"


def test_a_contact_that_goes_on_elsewhere_keeps_its_steps_and_priority_and_does_so_once() -> None:
    stage = desk().agent("ben", {"he": 3}, channels=BOTH)
    stage.call("x", need="he >= 3", priority=5)
    [entered] = [
        one
        for one in stage.facts(c.MoveChannel(X, "chat", new_contact=Y))
        if type(one) is f.QueueEntered
    ]
    assert (entered.steps, entered.priority) == (("he >= 3",), 5)
    again = c.MoveChannel(X, "chat", new_contact=ContactId("z"))
    assert stage.refused(again) == "contact.moving"
    stage.facts(c.ReportCleared(stage.contact("y").leg), LINE)
    assert stage.kinds(again)[0] is f.ContactCreated


def test_a_call_goes_on_as_a_chat_and_ends_when_that_connects() -> None:
    stage = desk()
    stage.agent("ben", channels=BOTH)
    stage.call("x")
    stage.talk("x")
    stage.facts(c.MoveChannel(X, "chat", new_contact=Y))
    stage.wait(20 * SECOND)  # For so long it is kept for anne, who is on the phone.
    assert stage.rings("y") == "ben"
    facts = stage.facts(c.AcceptOffer(stage.offer("y")))
    ended = [one for one in facts if type(one) is f.ContactClosed]
    assert [(one.reason, one.phase) for one in ended] == [("merged", "moved")]
    assert "contact/x" not in stage.engine.floor.contacts
    assert stage.contact("y").phase is co.TALKING


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (c.MoveChannel(X, "chat", new_contact=Y), "contact.same_channel"),
        (c.MoveChannel(X, "voice", QueueId("nowhere"), new_contact=Y), "queue.unknown"),
        (c.MoveChannel(X, "voice", new_contact=X), "contact.exists"),
        (c.MoveChannel(Y, "voice", new_contact=X), "contact.unknown"),
        (c.Identify(X, SubjectId("s"), "pin", 9), "contact.bad_level"),
        (c.Identify(X, SubjectId("s"), ""), "contact.no_method"),
        (c.Link(X, X), "contact.bad_link"),
        (c.Link(X, Y, "consult_of"), "contact.bad_link"),
        (c.Link(X, Y, "moved_from"), "contact.bad_link"),
        (c.Link(X, Y, "callback_of"), "contact.bad_link"),
        (c.Link(X, Y, "anything"), "contact.bad_link"),
        (c.Merge(SubjectId("s"), SubjectId("s")), "subject.bad_merge"),
    ],
)
def test_what_can_not_be_is_refused(command: Any, reason: str) -> None:
    assert chatting(desk()).refused(command) == reason


def test_contacts_of_one_matter_name_its_first() -> None:
    stage = desk()
    for name in ("x", "y", "z"):
        stage.arrive(name)
    stage.facts(c.Link(Y, X))
    [linked] = stage.facts(c.Link(ContactId("z"), Y))
    assert linked.matter == "x"
    assert stage.facts(c.Link(ContactId("z"), X)) == []


def test_what_idles_survives_a_snapshot() -> None:
    stage = chatting(desk())
    stage.facts(wrote(), LINE)
    stage.facts(c.LeaveContact(X, ANNE))
    loaded = stage.loaded()
    assert loaded.floor.next_timer() == stage.engine.floor.next_timer()
    fired = loaded.fire(stage.now + HOUR)
    assert fired is not None and [type(one) for _, one in fired.recorded] == [f.ContactClosed]
