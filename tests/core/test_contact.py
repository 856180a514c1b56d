"""A contact in each phase under each command."""

import pytest

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.events import Actor
from cckit.core.ids import AgentId, ContactId, LegId, OfferId, QueueId
from cckit.core.instant import SECOND, Instant, Span
from tests.stage import LINE, START, Stage

X = ContactId("x")
HELP = QueueId("help")
ANNE = AgentId("anne")
PHASES = ("new", "waiting", "ringing", "connecting", "talking", "held", "closed")


def stage_in(phase: str) -> tuple[Stage, LegId, OfferId]:
    """A contact x in a phase; its leg, and its offer once it had one."""
    stage = Stage().queue(wrapup_us=30 * SECOND).agent("anne", ready=phase != "waiting")
    leg = stage.arrive("x")
    if phase == "new":
        return stage, leg, OfferId(0)
    stage.facts(c.Enqueue(X, HELP))
    offer = stage.offer("x")
    if phase in ("connecting", "talking", "held", "closed"):
        stage.answer("x")
    if phase in ("talking", "held", "closed"):
        stage.facts(c.ReportBridged(offer))
    if phase == "held":
        stage.facts(c.ReportHeld(leg), LINE)
    if phase == "closed":
        stage.facts(c.ReportCleared(leg), LINE)
    return stage, leg, offer


WRONG = "contact.wrong_state"
GONE = "contact.unknown"
LEFT = f.QueueLeft
ENDED = [f.LegCleared, f.AgentWrapupStarted, f.ContactAgentLeft, f.ContactClosed]
LEAVES = [f.AgentWrapupStarted, f.ContactAgentLeft, f.ContactClosed]
CLEARED = {
    "new": [f.LegCleared, f.ContactClosed],
    "waiting": [f.LegCleared, LEFT, f.ContactClosed],
    "ringing": [f.LegCleared, f.OfferRescinded, LEFT, f.ContactClosed],
    "connecting": [f.LegCleared, LEFT, f.ContactClosed],
    "talking": ENDED,
    "held": ENDED,
    "closed": [],
}
CELLS: dict[type, dict[str, list[type] | str]] = {
    c.Enqueue: {
        "new": [f.QueueEntered, f.OfferMade],
        "waiting": WRONG,
        "ringing": WRONG,
        "connecting": WRONG,
        "talking": WRONG,
        "held": WRONG,
        "closed": GONE,
    },
    c.Dequeue: {
        "new": "queue.wrong_state",
        "waiting": [LEFT],
        "ringing": [f.OfferRescinded, LEFT],
        "connecting": "queue.wrong_state",
        "talking": "queue.wrong_state",
        "held": "queue.wrong_state",
        "closed": GONE,
    },
    c.SetPriority: {
        "new": "queue.wrong_state",
        "waiting": [f.QueuePriorityChanged],
        "ringing": [f.QueuePriorityChanged],
        "connecting": "queue.wrong_state",
        "talking": "queue.wrong_state",
        "held": "queue.wrong_state",
        "closed": GONE,
    },
    c.Deflect: {
        "new": [f.ContactClosed],
        "waiting": [LEFT, f.ContactClosed],
        "ringing": [f.OfferRescinded, LEFT, f.ContactClosed],
        "connecting": WRONG,
        "talking": WRONG,
        "held": WRONG,
        "closed": GONE,
    },
    c.Close: {
        "new": WRONG,
        "waiting": WRONG,
        "ringing": WRONG,
        "connecting": [LEFT, f.ContactClosed],
        "talking": LEAVES,
        "held": LEAVES,
        "closed": GONE,
    },
    c.LeaveContact: {
        "new": WRONG,
        "waiting": WRONG,
        "ringing": WRONG,
        "connecting": WRONG,
        "talking": LEAVES,
        "held": LEAVES,
        "closed": GONE,
    },
    c.Hold: {
        "new": WRONG,
        "waiting": WRONG,
        "ringing": WRONG,
        "connecting": WRONG,
        "talking": [f.LegOrdered],
        "held": WRONG,
        "closed": GONE,
    },
    c.Retrieve: {
        "new": WRONG,
        "waiting": WRONG,
        "ringing": WRONG,
        "connecting": WRONG,
        "talking": WRONG,
        "held": [f.LegOrdered],
        "closed": GONE,
    },
    c.ReportHeld: {
        "new": [],
        "waiting": [],
        "ringing": [],
        "connecting": [],
        "talking": [f.LegHeld],
        "held": [],
        "closed": [],
    },
    c.ReportRetrieved: {
        "new": [],
        "waiting": [],
        "ringing": [],
        "connecting": [],
        "talking": [],
        "held": [f.LegRetrieved],
        "closed": [],
    },
    c.ReportCleared: CLEARED,
    c.ReportArrived: dict.fromkeys(PHASES, "contact.exists"),
}


def command_of(kind: type, leg: LegId) -> object:
    if kind is c.Enqueue:
        return c.Enqueue(X, HELP)
    if kind is c.SetPriority:
        return c.SetPriority(X, 3, "asked")
    if kind is c.LeaveContact:
        return c.LeaveContact(X, ANNE)
    if kind is c.ReportArrived:
        return c.ReportArrived("voice", contact=X)
    if kind in (c.ReportHeld, c.ReportRetrieved, c.ReportCleared):
        return kind(leg)
    return kind(X)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("kind", CELLS, ids=lambda kind: kind.__name__)
def test_each_phase_answers_each_command_as_the_table_says(kind: type, phase: str) -> None:
    stage, leg, _ = stage_in(phase)
    expected = CELLS[kind][phase]
    command = command_of(kind, leg)
    if isinstance(expected, str):
        assert stage.refused(command) == expected
    else:
        assert stage.kinds(command, LINE) == expected


@pytest.mark.parametrize("phase", PHASES)
def test_a_leg_that_clears_twice_ends_a_contact_once(phase: str) -> None:
    stage, leg, _ = stage_in(phase)
    stage.do(c.ReportCleared(leg), LINE)
    assert stage.facts(c.ReportCleared(leg), LINE) == []
    assert len(stage.all(f.ContactClosed)) == 1
    assert stage.engine.floor.closed == 1


def test_the_customer_who_leaves_is_abandoned_in_the_phase_where_it_stood() -> None:
    phases = {}
    for phase in ("new", "waiting", "ringing", "connecting", "talking", "held"):
        stage, leg, _ = stage_in(phase)
        stage.do(c.ReportCleared(leg), LINE)
        closed = stage.all(f.ContactClosed)[0]
        phases[phase] = (closed.reason, closed.phase, closed.by)
    assert phases == {
        "new": ("abandoned", "flow", "customer"),
        "waiting": ("abandoned", "queue", "customer"),
        "ringing": ("abandoned", "ring", "customer"),
        "connecting": ("abandoned", "connect", "customer"),
        "talking": ("completed", "talk", "customer"),
        "held": ("completed", "hold", "customer"),
    }


def test_the_agents_leg_that_clears_ends_the_conversation_and_begins_the_wrapup() -> None:
    stage, _, _ = stage_in("talking")
    leg = stage.contact("x").agent_leg
    assert stage.facts(c.ReportCleared(leg, "busy"), LINE) == [
        f.LegCleared(leg, "busy", "agent"),
        f.AgentWrapupStarted(X, Instant(START + 30 * SECOND)),
        f.ContactAgentLeft(ANNE, "left"),
        f.ContactClosed("completed", "talk", "agent"),
    ]


def test_without_wrapup_the_agent_is_free_at_once_and_gets_the_next() -> None:
    stage = Stage().queue(wrapup_us=0).agent("anne")
    leg = stage.call("x")
    stage.talk("x")
    stage.call("y")
    kinds = stage.kinds(c.ReportCleared(leg), LINE)
    assert kinds == [f.LegCleared, f.ContactAgentLeft, f.ContactClosed, f.OfferMade]
    assert stage.rings("y") == "anne"


def test_closing_says_by_whom() -> None:
    for actor in (Actor("agent", "anne"), Actor("supervisor", "sue")):
        stage, _, _ = stage_in("talking")
        stage.facts(c.Close(X), actor)
        assert stage.all(f.ContactClosed)[0].by == actor.kind


def test_who_is_being_connected_can_be_closed_too() -> None:
    stage = Stage().queue(wrapup_us=0).agent("anne")
    stage.call("x")
    stage.answer("x")
    stage.facts(c.Close(X), Actor("supervisor", "sue"))
    [closed] = stage.all(f.ContactClosed)
    assert (closed.phase, closed.by) == ("connect", "supervisor")
    stage.call("y")
    assert stage.rings("y") == "anne"


def test_only_the_agent_who_serves_a_contact_leaves_it() -> None:
    stage, _, _ = stage_in("talking")
    assert stage.refused(c.LeaveContact(X, AgentId("bob"))) == WRONG


@pytest.mark.parametrize("reason", ["deflected", "spam", "blocked"])
def test_what_is_sent_away_says_why(reason: str) -> None:
    stage, _, _ = stage_in("waiting")
    left, closed = stage.facts(c.Deflect(X, reason, "hours"))
    assert closed.reason == reason
    assert closed.phase == ("hours" if reason == "blocked" else "queue")
    assert left.reason == ("blocked" if reason == "blocked" else "cancelled")


def test_nothing_is_sent_away_for_a_reason_of_another_kind() -> None:
    stage, _, _ = stage_in("waiting")
    assert stage.refused(c.Deflect(X, "abandoned")) == "contact.bad_reason"


def test_what_left_its_queue_can_be_queued_again_with_its_old_since() -> None:
    stage, _, _ = stage_in("waiting")
    stage.wait(5 * SECOND)
    stage.facts(c.Dequeue(X))
    stage.wait(SECOND)
    entered = stage.facts(c.Enqueue(X, HELP, since=Instant(START)))[0]
    assert (entered.since, entered.n) == (START, 2)
    assert stage.all(f.QueueLeft) == [f.QueueLeft(entered.entry - 1, "dequeued", Span(5 * SECOND))]


def test_a_customer_who_came_without_an_id_is_refused() -> None:
    assert Stage().refused(c.ReportArrived("voice")) == "contact.no_id"


@pytest.mark.parametrize("leg", [7, 0, -1, 2**40, 2**63 - 1])
@pytest.mark.parametrize("kind", [c.ReportCleared, c.ReportHeld, c.ReportRetrieved])
def test_a_leg_that_never_was_is_refused(kind: type, leg: int) -> None:
    stage, _, _ = stage_in("talking")
    assert stage.refused(kind(LegId(leg)), LINE) == "leg.unknown"


@pytest.mark.parametrize(
    "kind", [c.Dequeue, c.Deflect, c.Close, c.Hold, c.Retrieve], ids=lambda kind: kind.__name__
)
def test_a_contact_that_never_was_is_refused(kind: type) -> None:
    assert Stage().refused(kind(ContactId("nobody"))) == "contact.unknown"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (c.Enqueue(X, QueueId("nowhere")), "queue.unknown"),
        (c.Enqueue(X, HELP, priority=10**6 + 1), "queue.bad_priority"),
        (c.Enqueue(X, HELP, priority=-(2**63)), "queue.bad_priority"),
        (c.Enqueue(X, HELP, lane=3), "queue.bad_lane"),
        (c.Enqueue(X, HELP, lane=-1), "queue.bad_lane"),
        (c.Enqueue(X, HELP, since=Instant(START + 1)), "queue.bad_since"),
        (c.Enqueue(X, HELP, since=Instant(-1)), "queue.bad_since"),
        (c.Enqueue(X, HELP, need="he >="), "queue.bad_need"),
        (c.Enqueue(X, HELP, need="he >= 6"), "queue.bad_need"),
        (c.Enqueue(X, HELP, need="(" * 4000), "queue.bad_need"),
        (c.Enqueue(X, HELP, need="not " * 1000 + "he"), "queue.bad_need"),
        (c.SetPriority(X, 2), "queue.wrong_state"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_out_of_range_is_refused_by_name(command: object, reason: str) -> None:
    stage, _, _ = stage_in("new")
    assert stage.refused(command) == reason


def test_a_priority_out_of_range_is_refused() -> None:
    stage, _, _ = stage_in("waiting")
    assert stage.refused(c.SetPriority(X, 10**6 + 1)) == "queue.bad_priority"
