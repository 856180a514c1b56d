"""The one door: what it stores, what it refuses, and what it does about our own bugs."""

from collections.abc import Sequence
from typing import Any

import attrs
import pytest

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core import rules
from cckit.core.access import denial_of, target_of
from cckit.core.ask import Candidate, Open, Ranking, Verdict, Waiting
from cckit.core.engine import (
    Engine,
    InvariantBroken,
    Machine,
    MachineFailed,
)
from cckit.core.errors import Refused
from cckit.core.events import SYSTEM, Actor, Decision, Draft, Recorded, event
from cckit.core.floor import KEEP_US
from cckit.core.ids import (
    CENTER,
    AgentId,
    ContactId,
    EntryId,
    LegId,
    OfferId,
    QueueId,
    Stream,
    contact_stream,
)
from cckit.core.instant import MINUTE, SECOND, Span
from cckit.core.invariants import check_all
from cckit.core.snapshot import dump
from tests.stage import LINE, START, Stage

ADMIN = Actor("admin", "ada")
SUE = Actor("supervisor", "sue")


class Guard(Open):
    """Only who holds the role may."""

    guarded = True

    def authorize(self, actor: Actor, roles: Sequence[str], action: str, target: str) -> Verdict:
        return Verdict("boss" in roles, "" if "boss" in roles else "no boss", "guard")


@event("note.written", version=1)
class NoteWritten:
    text: str


@attrs.frozen
class Write:
    stream: Stream
    text: str


@attrs.define
class Notes:
    texts: list[str] = attrs.Factory(list)


def decide_note(state: Notes, command: Write, now: int, ask: Any) -> tuple[Draft, ...] | Refused:
    if command.text in state.texts:
        return Refused("note.exists", command.stream, "it is written", "write another")
    return (Draft(command.stream, NoteWritten(command.text)),)


def evolve_note(state: Notes, recorded: Recorded[NoteWritten]) -> None:
    state.texts.append(recorded[1].text)


NOTES = Machine("notes", (Write,), (NoteWritten,), Notes, decide_note, evolve_note)


# --- positions, versions, envelopes -------------------------------------------------------


def test_positions_are_dense_and_stream_versions_count_from_zero() -> None:
    stage = Stage().queue().agent("anne")
    stage.call("x")
    stage.talk("x")
    stage.facts(c.ReportCleared(stage.contact("x").leg), LINE)
    assert [e.position for e, _ in stage.log] == list(range(len(stage.log)))
    versions: dict[str, int] = {}
    for envelope, _ in stage.log:
        assert envelope.stream_version == versions.get(envelope.stream, 0)
        versions[envelope.stream] = envelope.stream_version + 1


def test_a_stamp_carries_who_when_and_why() -> None:
    stage = Stage()
    decided = stage.engine.act(
        c.SetPermission("sue", "boss"),
        ADMIN,
        stage.now + 5,
        occurred_at=stage.now - 7,
        request=b"r" * 24,
        cause=0,
        correlation="x",
    )
    assert isinstance(decided, Decision)
    envelope = decided.recorded[0][0]
    assert decided.stamp is envelope.stamp
    assert envelope.stamp == (stage.now + 5, ADMIN, stage.now - 7, 0, "x", b"r" * 24)


def test_the_cause_of_a_timer_is_the_event_that_set_it() -> None:
    stage = Stage().queue().agent("anne")
    stage.call("x")
    made = next(e.position for e, data in stage.log if type(data) is f.OfferMade)
    stage.wait(20 * SECOND)
    failed = next(e for e, data in stage.log if type(data) is f.OfferFailed)
    assert (failed.cause, failed.recorded_at) == (made, START + 20 * SECOND)


def test_a_stream_of_which_nothing_is_remembered_goes_on_where_the_log_says() -> None:
    asked: list[Stream] = []

    def version_of(stream: Stream) -> int:
        asked.append(stream)
        return 7

    engine = Engine(version_of=version_of)
    one = engine.record([Draft(CENTER, f.PermissionChanged("a", "b", True))] * 2, SYSTEM, START)
    assert [e.stream_version for e, _ in one.recorded] == [7, 8]
    assert asked == [CENTER]


def test_what_ended_is_forgotten_in_time_and_the_streams_of_the_living_are_not() -> None:
    stage = Stage().queue()
    stage.call("lives")
    for n in range(50):
        leg = stage.arrive(f"x{n}")
        stage.facts(c.ReportCleared(leg), LINE)
    assert len(stage.engine.floor.versions) == 52
    stage.wait(KEEP_US + 20 * SECOND)
    stage.arrive("new")
    assert sorted(stage.engine.floor.versions) == ["center", "contact/lives", "contact/new"]
    assert not stage.engine.floor.closed_at
    assert not stage.engine.floor.ended


def test_sealing_sees_each_event_at_its_position() -> None:
    seen: list[tuple[int, Stream, type]] = []

    def seal(position: int, stream: Stream, data: Any) -> Any:
        seen.append((position, stream, type(data)))
        return data

    engine = Engine(seal=seal)
    engine.record([Draft(CENTER, f.RunStarted(1, "live", None, None, False, {}))], SYSTEM, START)
    engine.act(c.ReportArrived("voice", contact=ContactId("x")), LINE, START)
    assert seen == [(0, CENTER, f.RunStarted), (1, contact_stream("x"), f.ContactCreated)]


# --- refusing -----------------------------------------------------------------------------


@pytest.mark.parametrize("command", [object(), 7, None, "LogIn", c.LogIn])
def test_what_is_no_command_is_refused(command: object) -> None:
    assert Stage().refused(command) == "command.unknown"


@pytest.mark.parametrize("kind", list(rules.RULES), ids=lambda kind: kind.__name__)
def test_every_command_is_answered_on_an_empty_floor(kind: type) -> None:
    """Refused by name, stored, or nothing; never an exception."""
    hints: dict[str, Any] = {"channel": "voice", "channels": ("voice",), "data": b"\x80"}
    values = [
        hints.get(field.name, 1 if field.name in NUMBERS else "x")
        for field in attrs.fields(kind)
        if field.default is attrs.NOTHING
    ]
    stage = Stage()
    before = len(stage.log)
    decided = stage.do(kind(*values))
    if isinstance(decided, Refused):
        assert "." in decided.reason and len(stage.log) == before


NUMBERS = {"offer", "leg", "priority", "by_us", "set_position", "as_of"}


def test_a_permission_needs_both_and_is_given_once() -> None:
    stage = Stage()
    for who, role in (("", "boss"), ("sue", "")):
        assert stage.refused(c.SetPermission(who, role)) == "permission.incomplete"
    assert stage.facts(c.SetPermission("sue", "boss")) == [f.PermissionChanged("sue", "boss", True)]
    assert stage.facts(c.SetPermission("sue", "boss")) == []
    assert stage.facts(c.SetPermission("sue", "cook", given=False)) == []


# --- asking who may -----------------------------------------------------------------------


def test_whoever_has_no_role_is_denied_and_the_denial_is_recorded() -> None:
    stage = Stage(Guard())
    decided = stage.do(c.SetReady(AgentId("anne")), SUE)
    assert isinstance(decided, Decision)
    fact = f.AccessRefused("sue", "SetReady", "agent/anne", None, 1)
    assert [data for _, data in decided.recorded] == [fact]
    denied = denial_of(decided, stage.engine.reason)
    assert denied is not None and denied.reason == "access.refused"
    assert denied.what == "supervisor 'sue' may not SetReady: no boss"


def test_a_role_that_was_given_allows_and_one_taken_denies_again() -> None:
    stage = Stage(Guard())
    stage.facts(c.SetPermission("sue", "boss"))
    assert stage.kinds(c.SetProfile(AgentId("anne")), SUE) == [f.AgentProfileSet]
    stage.facts(c.SetPermission("sue", "boss", given=False))
    assert stage.kinds(c.SetProfile(AgentId("anne")), SUE) == [f.AccessRefused]


def test_only_ten_denials_a_minute_are_written_and_the_rest_are_counted() -> None:
    stage = Stage(Guard())
    stage.now = START - START % MINUTE
    command = c.SetReady(AgentId("anne"))
    for _ in range(10):
        assert stage.kinds(command, SUE) == [f.AccessRefused]
    for _ in range(5):
        assert stage.refused(command, SUE) == "access.refused"
    assert stage.kinds(command, Actor("agent", "bob")) == [f.AccessRefused]
    stage.now += MINUTE
    assert stage.facts(command, SUE)[0].n == 6
    assert stage.facts(command, SUE)[0].n == 1


def test_refusals_that_were_only_counted_are_written_though_their_actor_falls_silent() -> None:
    stage = Stage(Guard())
    stage.now = START - START % MINUTE
    bob = Actor("agent", "bob")
    for _ in range(12):
        stage.do(c.SetReady(AgentId("anne")), SUE)
    stage.now += 5 * MINUTE
    decided = stage.do(c.SetReady(AgentId("bob")), bob)
    assert isinstance(decided, Decision)
    assert [data for _, data in decided.recorded] == [
        f.AccessRefused("bob", "SetReady", "agent/bob", None, 1),
        f.AccessRefused("sue", "SetReady", "agent/anne", None, 2),
    ]
    assert denial_of(decided, "") is not None
    assert len(stage.engine.refusals._counts) == 1


def may(kind: str, command: Any) -> bool:
    return stage_of(Guard()).kinds(command, Actor(kind, "it")) != [f.AccessRefused]


def stage_of(ask: Open) -> Stage:
    return Stage(ask).queue().agent("anne")


@pytest.mark.parametrize(
    ("command", "kinds"),
    [
        (c.ReportArrived("voice", contact=ContactId("x")), "customer adapter process system"),
        (c.TimerDue("ring", "1", 1), "timer process system"),
        (c.SetPermission("it", "boss"), "process system"),
        (c.LogOut(AgentId("anne")), "process system"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_who_is_no_person_of_the_center_may_what_the_table_lists(command: Any, kinds: str) -> None:
    every = ("customer", "adapter", "timer", "process", "system", "nobody", "Admin", "")
    assert [kind for kind in every if may(kind, command)] == kinds.split()


def test_without_a_guard_everybody_may_everything() -> None:
    assert Stage().kinds(c.SetPermission("it", "boss"), Actor("nobody", "it")) == [
        f.PermissionChanged
    ]
    engine = Engine()
    assert engine.may_not_record([Draft(CENTER, NoteWritten("x"))], SUE, START) is None


def test_who_may_not_record_is_denied_by_the_first_stream_that_is_not_allowed() -> None:
    class Own(Guard):
        def authorize(
            self, actor: Actor, roles: Sequence[str], action: str, target: str
        ) -> Verdict:
            return Verdict((action, target) == ("Record", f"agent/{actor.id}"))

    engine = Stage(Own()).engine
    mine, other = Draft(Stream("agent/sue"), NoteWritten("x")), Draft(CENTER, NoteWritten("x"))
    assert engine.may_not_record([mine, mine], SUE, START) is None
    denied = engine.may_not_record([mine, other], SUE, START)
    assert isinstance(denied, Decision)
    assert denied.recorded[0][1] == f.AccessRefused("sue", "Record", "center", None, 1)
    for kind, number in (("adapter", 0), ("process", 0), ("system", 0), ("timer", 1)):
        denied = engine.may_not_record([other], Actor(kind, "it"), START)
        assert isinstance(denied, Decision) is bool(number)


def test_what_a_command_is_about_is_named() -> None:
    floor = Stage().engine.floor
    assert target_of(c.SetReady(AgentId("anne")), floor) == "agent/anne"
    assert target_of(c.Close(ContactId("x")), floor) == "contact/x"
    assert target_of(c.Route(), floor) == "center"


def test_an_offer_and_a_contact_are_about_the_agent_who_has_them() -> None:
    stage = Stage().queue().agent("anne")
    leg = stage.call("x")
    floor, offer = stage.engine.floor, stage.offer("x")
    accept, close = c.AcceptOffer(offer), c.Close(ContactId("x"))
    assert (target_of(accept, floor), target_of(close, floor)) == ("agent/anne", "contact/x")
    stage.answer("x")
    assert target_of(close, floor) == "agent/anne"
    stage.facts(c.ReportBridged(offer), LINE)
    assert target_of(close, floor) == "agent/anne"
    stage.facts(c.ReportCleared(leg), LINE)
    assert target_of(close, floor) == "contact/x"


# --- ranking ------------------------------------------------------------------------------


class Ranks(Open):
    """Answers what it is told, and remembers what it was asked."""

    ranks = True

    def __init__(self, *agents: str) -> None:
        self.answer = [AgentId(agent) for agent in agents]
        self.asked: list[tuple[Waiting, Sequence[Candidate]]] = []

    def rank_agents(self, waiting: Waiting, candidates: Sequence[Candidate]) -> Ranking | None:
        self.asked.append((waiting, candidates))
        return Ranking(self.answer, "because", "mine") if self.answer else None


def team(ask: Ranks, n: int = 3) -> Stage:
    stage = Stage(ask).queue(need="he")
    for number in range(n):
        stage.agent(f"a{number:02}", {"he": 3})
    return stage


def test_a_ranking_decides_and_is_recorded_with_its_reason() -> None:
    stage = team(Ranks("a02", "a01"))
    stage.call("x", priority=2)
    made = stage.all(f.OfferMade)[0]
    assert (made.agent, made.runner_up, made.hook) == ("a02", "a01", ("mine", "a02", "because"))


def test_a_ranking_of_one_has_no_runner_up() -> None:
    stage = team(Ranks("nobody", "a01"))
    stage.call("x")
    made = stage.all(f.OfferMade)[0]
    assert (made.agent, made.runner_up, made.eligible) == ("a01", None, 1)
    assert made.excluded["hook"] == 2


def test_a_ranking_knows_who_waits_and_who_is_free() -> None:
    ask = Ranks()
    stage = team(ask)
    stage.call("x", priority=2)
    waiting, candidates = ask.asked[-1]
    assert waiting == Waiting(ContactId("x"), "help", "voice", 2, START, "he >= 1")
    assert [candidate.agent for candidate in candidates] == ["a00", "a01", "a02"]
    assert {candidate.level for candidate in candidates} == {3}


@pytest.mark.parametrize("agents", [(), ("nobody",), ("nobody", "nobody")])
def test_without_a_useful_answer_the_strategy_decides(agents: tuple[str, ...]) -> None:
    stage = team(Ranks(*agents))
    stage.call("x")
    made = stage.all(f.OfferMade)[0]
    assert (made.agent, made.hook) == ("a00", None)


def test_one_who_is_free_is_asked_about_too() -> None:
    ask = Ranks("a00")
    stage = team(ask, 1)
    stage.call("x")
    assert [candidate.agent for candidate in ask.asked[0][1]] == ["a00"]
    assert stage.all(f.OfferMade)[0].hook == ("mine", "a00", "because")


def test_who_is_ranked_are_the_longest_idle_whatever_the_strategy() -> None:
    ask = Ranks()
    stage = Stage(ask).queue(strategy="best_skill", need="he")
    for number in range(70):
        stage.agent(f"a{number:02}", {"he": 1 if number < 66 else 5})
    stage.call("x")
    asked = [candidate.agent for candidate in ask.asked[-1][1]]
    assert asked == [f"a{number:02}" for number in range(64)]


def test_at_most_sixty_four_are_ranked() -> None:
    ask = Ranks()
    stage = team(ask, 70)
    stage.call("x")
    assert len(ask.asked[-1][1]) == 64
    assert stage.all(f.OfferMade)[0].eligible == 70


# --- machines of plugins ------------------------------------------------------------------


def test_a_plugins_machine_decides_and_evolves_per_stream() -> None:
    engine = Engine(machines=[NOTES])
    here, there = Stream("contact/a"), Stream("contact/b")
    assert isinstance(engine.act(Write(here, "hello"), SYSTEM, START), Decision)
    assert isinstance(engine.act(Write(there, "hello"), SYSTEM, START), Decision)
    again = engine.act(Write(here, "hello"), SYSTEM, START)
    assert isinstance(again, Refused) and again.reason == "note.exists"
    assert engine.position == 2
    assert dump(engine) is None


def test_a_plugins_event_without_its_machine_moves_nothing() -> None:
    engine = Engine()
    decided = engine.record([Draft(CENTER, NoteWritten("x"))], SYSTEM, START)
    assert decided.recorded[0][0].type == "note.written"
    assert engine.act(Write(CENTER, "x"), SYSTEM, START).reason == "command.unknown"


def test_plugins_events_fold_into_their_machines() -> None:
    engine, again = Engine(machines=[NOTES]), Engine(machines=[NOTES])
    here = Stream("contact/a")
    for text in ("hello", "there"):
        decided = engine.act(Write(here, text), SYSTEM, START)
        assert isinstance(decided, Decision)
        for recorded in decided.recorded:
            again.fold(recorded)
    assert again.states == engine.states
    assert isinstance(again.act(Write(here, "hello"), SYSTEM, START), Refused)


@pytest.mark.parametrize(
    "error", [RuntimeError("x"), ZeroDivisionError("x"), ValueError("x"), StopIteration()]
)
def test_a_machine_that_raises_is_named_and_is_no_bug_of_ours(error: Exception) -> None:
    def broken(*_: Any) -> Any:
        raise error

    command = Write(CENTER, "x")
    for spoiled in (
        NOTES._replace(decide=broken),
        NOTES._replace(evolve=broken),
        NOTES._replace(initial=broken),
    ):
        with pytest.raises(MachineFailed) as caught:
            Engine(machines=[spoiled]).act(command, SYSTEM, START)
        assert (caught.value.machine, caught.value.error) == ("notes", error)


@pytest.mark.parametrize(
    "answer", [None, 7, [None], [(CENTER, "text")], [(7, NoteWritten("x"))], [(CENTER,)]]
)
def test_a_machine_that_decides_what_is_no_draft_failed(answer: Any) -> None:
    spoiled = NOTES._replace(decide=lambda *_: answer)
    engine = Engine(machines=[spoiled])
    with pytest.raises(MachineFailed):
        engine.act(Write(CENTER, "x"), SYSTEM, START)
    assert engine.position == 0


# --- imported facts -----------------------------------------------------------------------


def imported(*facts: Any) -> Engine:
    """A log of the past: no offers, no agents, queues that nobody configured."""
    engine = Engine()
    engine.record([Draft(CENTER, f.RunStarted(1, "imported", "x", None, False, {}))], SYSTEM, START)
    for n, fact in enumerate(facts):
        engine.record([Draft(contact_stream("x"), fact)], SYSTEM, START + n)
    return engine


CREATED = f.ContactCreated("voice", "in", LegId(2**32 + 1), None, None, None, "main", "7")
ENTERED = f.QueueEntered(EntryId(2**32 + 2), QueueId("old"), 1, START, 0, 0, ())
CONNECTED = f.ContactConnected(AgentId("someone"), EntryId(2**32 + 2), None, LegId(0))
LEFT = f.QueueLeft(EntryId(2**32 + 2), "answered", Span(5))
CLEARED = f.LegCleared(LegId(2**32 + 1), "normal", "customer")
CLOSED = f.ContactClosed("completed", "talk", "customer")
GAVE_UP = f.ContactClosed("abandoned", "queue", "customer")
QUIT = f.QueueLeft(EntryId(2**32 + 2), "abandoned", Span(5))


@pytest.mark.parametrize(
    "facts",
    [
        (CREATED, ENTERED, CONNECTED, LEFT, CLEARED, CLOSED),
        (CREATED, ENTERED, LEFT, CONNECTED, CLEARED, CLOSED),
        (CREATED, CONNECTED, f.ContactAgentLeft(AgentId("someone"), "left"), CLEARED, CLOSED),
        (CREATED, ENTERED, QUIT, CLEARED, GAVE_UP),
        (CREATED, CLEARED, GAVE_UP),
    ],
)
def test_the_past_is_taken_in_as_it_was_told(facts: tuple[Any, ...]) -> None:
    engine = imported(*facts)
    check_all(engine.floor)
    assert not engine.floor.contacts and not engine.floor.entries
    assert (engine.floor.created, engine.floor.closed) == (1, 1)


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ((CREATED, ENTERED, GAVE_UP), "I18"),
        ((CREATED, CONNECTED, f.ContactClosed("abandoned", "talk", "customer")), "I17"),
        ((CREATED, CLOSED, CLOSED), "I17"),
        ((CREATED, ENTERED, f.QueueLeft(ENTERED.entry, "abandoned", Span(-1))), "I22"),
        ((CREATED, f.OfferAccepted(OfferId(5))), "I2"),
        ((CREATED, f.OfferExpired(OfferId(5))), "I1"),
    ],
)
def test_a_past_that_contradicts_itself_is_named_by_its_rule(
    facts: tuple[Any, ...], rule: str
) -> None:
    with pytest.raises(InvariantBroken) as caught:
        imported(*facts)
    assert caught.value.rule == rule


# --- our own bugs -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        KeyError("x"),
        AttributeError("x"),
        ValueError("x"),
        AssertionError(),
        RecursionError(),
        ZeroDivisionError(),
        RuntimeError("x"),
        OSError("x"),
    ],
)
def test_a_rule_that_fails_is_a_bug_that_is_named(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise error

    monkeypatch.setattr("cckit.core.engine.RULES", {c.SetReady: broken})
    stage = Stage()
    with pytest.raises(InvariantBroken) as caught:
        stage.engine.act(c.SetReady(AgentId("anne")), SYSTEM, START)
    assert (caught.value.rule, caught.value.command) == ("decide", "SetReady")


@pytest.mark.parametrize(
    "fact",
    [
        f.ContactClosed("completed", "talk", "agent"),
        f.OfferExpired(OfferId(7)),
        f.QueueLeft(EntryId(7), "dequeued", Span(0)),
        f.LegCleared(LegId(7), "normal", "customer"),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_a_fact_that_fits_no_state_is_a_bug_that_is_named(fact: Any) -> None:
    stage = Stage()
    with pytest.raises(InvariantBroken) as caught:
        stage.engine.record([Draft(contact_stream("nobody"), fact)], SYSTEM, START)
    assert caught.value.command == "record"


def test_checks_that_were_put_off_name_the_rule_when_they_come() -> None:
    stage = Stage().queue()
    stage.engine.checks_each = False
    stage.engine.act(c.ReportArrived("voice", contact=ContactId("x")), LINE, START)
    stage.engine.check()
    stage.engine.act(c.ReportArrived("voice", contact=ContactId("y")), LINE, START)
    stage.engine.floor.created = 7
    with pytest.raises(InvariantBroken) as caught:
        stage.engine.check()
    assert caught.value.rule == "I22"


def test_only_a_denial_is_read_as_one() -> None:
    stage = Stage()
    for command in (c.SetPermission("sue", "boss"), c.SetPermission("sue", "boss")):
        decided = stage.do(command)
        assert isinstance(decided, Decision) and denial_of(decided, "") is None
