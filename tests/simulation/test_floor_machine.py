"""Anything in any order: doubled, late and reordered commands against all invariants.

Whatever was ever made known (contacts, legs, offers, agents) may be named again at any
time, also long after it ended; whatever was ever sent may be sent once more. After each
step every invariant is checked on the whole floor, and at the end the log is folded again
and everybody goes home.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.certificate import SkillSettings
from cckit.core.channel import ChannelSettings
from cckit.core.contact import CONNECTING, QUEUED, TALKING
from cckit.core.engine import Engine
from cckit.core.errors import Refused
from cckit.core.events import SYSTEM, TIMER, Actor, Decision, Draft, Recorded
from cckit.core.ids import CENTER, AgentId, ContactId, LegId, OfferId, QueueId
from cckit.core.instant import SECOND, Instant, Span
from cckit.core.invariants import check_all
from cckit.core.settings import OfferSettings, QueueSettings

AGENTS = ("a", "b", "c", "d")
QUEUES = ("sales", "service")
NEEDS = st.sampled_from([None, None, "", "", "he >= 2", "he and not en", "en or he >= 4", "fr"])
SETTINGS = st.builds(
    QueueSettings,
    strategy=st.sampled_from(
        [
            "longest_idle",
            "least_occupied",
            "round_robin",
            "fewest_contacts",
            "least_talk_time",
            "random",
            "best_skill",
            "parallel",
            "parallel",
            "progressive",
        ]
    ),
    then=st.sampled_from(["longest_idle", "round_robin"]),
    tiers=st.sampled_from([{}, {"b": 0, "c": 1}]),
    at_once=st.sampled_from([0, 2]),
    add_us=st.sampled_from([SECOND, 10 * SECOND]),
    rona_back_us=st.sampled_from([0, 30 * SECOND]),
    agents=st.sampled_from([("*",), ("*",), ("a", "b"), ("c",), ()]),
    need=st.sampled_from(["", "", "he", "en >= 2"]),
    ring_us=st.sampled_from([SECOND, 20 * SECOND]),
    connect_us=st.sampled_from([SECOND, 5 * SECOND]),
    wrapup_us=st.sampled_from([0, 3 * SECOND, 30 * SECOND]),
    rona_after=st.integers(1, 2),
    max_wait_us=st.sampled_from([0, 0, 40 * SECOND]),
    head_start_us=st.sampled_from([0, 60 * SECOND]),
)
AGENT = st.sampled_from(AGENTS).map(AgentId)
CHANNELS = st.sampled_from(
    [("voice",), ("voice",), ("voice",), ("voice", "chat"), ("chat",), ("chat", "email", "voice")]
)
SKILLS = st.dictionaries(st.sampled_from(["he", "en"]), st.integers(1, 5), max_size=2)
COSTS = st.sampled_from(
    [
        {"voice": 100},
        {"voice": 100, "chat": 40},
        {"chat": 30, "voice": 60},
        {"voice": 0, "chat": 0, "email": 0},
    ]
)
KINDS = st.sampled_from(["voice", "voice", "voice", "chat", "email"])
RULES = st.sampled_from(
    [
        ("channel", "voice", ChannelSettings(maximum=1, interrupts=("email", "chat"))),
        ("channel", "voice", ChannelSettings()),
        ("channel", "chat", ChannelSettings(False, 20, 2)),
        ("channel", "email", ChannelSettings(False, 50)),
        ("skill", "he", SkillSettings(True)),
        ("skill", "he", SkillSettings()),
        ("offers", "center", OfferSettings(SECOND, 10 * SECOND, 2)),
        ("offers", "center", OfferSettings()),
    ]
)
WHICH = st.integers(0, 6)
ENTRY = st.tuples(
    st.sampled_from(QUEUES),
    st.integers(-2, 3),
    st.sampled_from([0, 0, 0, 1, 2]),
    NEEDS,
    st.sampled_from([None, 0, 30 * SECOND]),
)
T = TypeVar("T")


def recent(things: Sequence[T], which: int) -> T:
    """The newest but ``which``; round again where there are not so many."""
    return things[-1 - which % len(things)]


PASSES = st.sampled_from([0, 1, SECOND, 5 * SECOND, 21 * SECOND, 700 * SECOND])


class FloorMachine(RuleBasedStateMachine):
    """The engine under anybody's commands."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = Engine()
        self.now = Instant(1_000 * SECOND)
        self.log: list[Recorded[Any]] = []
        self.contacts: list[ContactId] = [ContactId("never")]
        self.legs: list[LegId] = [LegId(5)]
        self.offers: list[OfferId] = [OfferId(6)]
        self.sent: list[tuple[Any, Actor]] = []
        self.sound = True
        """Nothing was raised: a floor that broke an invariant is not looked at any more."""

    @initialize(settings=st.tuples(SETTINGS, SETTINGS))
    def open(self, settings: tuple[QueueSettings, QueueSettings]) -> None:
        started = f.RunStarted(1, "simulated", "machine", 0, False, {})
        self.keep(self.engine.record([Draft(CENTER, started)], SYSTEM, self.now))
        for queue, one in zip(QUEUES, settings, strict=True):
            self.send(c.ApplyConfig("queue", queue, one.pack()))
        for agent in AGENTS[:3]:
            self.send(c.SetProfile(AgentId(agent), {"he": 3} if agent == "a" else {}))
            self.send(c.LogIn(AgentId(agent)))
            self.send(c.SetReady(AgentId(agent)))

    def send(self, command: Any, actor: Actor = SYSTEM) -> None:
        """Carry out a command as the writer does."""
        note(f"{self.now}: {command}")
        self.sound = False
        self.sent.append((command, actor))
        self.keep(self.engine.act(command, actor, self.now))
        for _ in range(100):
            if not self.engine.unrouted:
                self.sound = True
                return
            self.keep(self.engine.act(c.Route(), SYSTEM, self.now))
        raise AssertionError("matching never ends")

    def keep(self, decision: Decision | Refused | None) -> None:
        """Log what was decided, and learn the names of what is new."""
        if not isinstance(decision, Decision):
            return
        for envelope, data in decision.recorded:
            note(f"    {envelope.position} {envelope.stream} {data}")
            if type(data) is f.OfferMade:
                self.offers.append(data.offer)
            elif type(data) in (f.ContactCreated, f.ContactConnected, f.OfferAlerting):
                self.legs.append(data.leg)
        self.log += decision.recorded

    @rule(channel=KINDS)
    def arrive(self, channel: str) -> None:
        contact = ContactId(f"c{len(self.contacts)}")
        self.contacts.append(contact)
        self.send(c.ReportArrived(channel, contact=contact))

    @rule(which=WHICH, entry=ENTRY)
    def enqueue(self, which: int, entry: tuple[Any, ...]) -> None:
        queue, priority, lane, need, ago = entry
        since = None if ago is None else Instant(self.now - ago)
        contact = recent(self.contacts, which)
        self.send(c.Enqueue(contact, QueueId(queue), priority, lane, need, since))

    @rule(channel=KINDS, entry=ENTRY)
    def come_and_wait(self, channel: str, entry: tuple[Any, ...]) -> None:
        self.arrive(channel)
        self.enqueue(0, entry)

    @rule(
        which=WHICH,
        steps=st.integers(1, 4),
        answers=st.sampled_from([c.AcceptOffer, c.ReportAnswered]),
    )
    def go_on(self, which: int, steps: int, answers: Any) -> None:
        """What would come next for someone on the line, if all went well."""
        for _ in range(steps):
            self.next_step(which, answers)

    @rule(rounds=st.integers(1, 3))
    def all_goes_well(self, rounds: int) -> None:
        """Everybody on the line gets one step further, one to three times."""
        for _ in range(rounds):
            for which in range(len(self.engine.floor.contacts)):
                self.next_step(which, c.AcceptOffer)

    def next_step(self, which: int, answers: Any) -> None:
        if not self.engine.floor.contacts:
            return
        contact = recent(list(self.engine.floor.contacts.values()), which)
        if contact.phase is CONNECTING:
            self.send(c.ReportBridged(OfferId(contact.offer)))
        elif contact.phase is TALKING:
            self.send(c.ReportCleared(contact.leg))
        elif contact.phase is QUEUED:
            entry = self.engine.floor.entries[contact.entry]  # type: ignore[index]
            if entry.offer:
                offer = self.engine.floor.offers[entry.offer]
                self.send(answers(offer.id) if offer.leg else c.ReportAlerting(offer.id))

    @rule(which=WHICH)
    def wrap_up(self, which: int) -> None:
        agents = self.engine.floor.agents.values()
        found = [(agent.id, contact) for agent in agents for contact in agent.slots]
        if found:
            agent, contact = recent(found, which)
            self.send(c.EndWrapup(agent, ContactId(contact)), Actor("agent", agent))

    @rule(
        which=WHICH,
        agent=AGENT,
        what=st.sampled_from(
            [
                "dequeue",
                "priority",
                "deflect",
                "close",
                "hold",
                "retrieve",
                "leave",
                "end",
                "extend",
            ]
        ),
    )
    def change(self, which: int, agent: AgentId, what: str) -> None:
        contact = recent(self.contacts, which)
        command: Any = {
            "dequeue": c.Dequeue(contact),
            "priority": c.SetPriority(contact, 2, "asked"),
            "deflect": c.Deflect(contact),
            "close": c.Close(contact),
            "hold": c.Hold(contact),
            "retrieve": c.Retrieve(contact),
            "leave": c.LeaveContact(contact, agent),
            "end": c.EndWrapup(agent, contact),
            "extend": c.ExtendWrapup(agent, contact, Span(5 * SECOND)),
        }[what]
        self.send(command, Actor("agent", agent))

    @rule(
        which=WHICH,
        what=st.sampled_from(
            [c.ReportAlerting, c.ReportAnswered, c.AcceptOffer, c.RejectOffer, c.ReportBridged]
        ),
    )
    def answer(self, which: int, what: Any) -> None:
        self.send(what(recent(self.offers, which)))

    @rule(which=WHICH)
    def fail(self, which: int) -> None:
        self.send(c.ReportFailed(recent(self.offers, which), "busy"))

    @rule(which=WHICH, what=st.sampled_from([c.ReportCleared, c.ReportHeld, c.ReportRetrieved]))
    def line(self, which: int, what: Any) -> None:
        self.send(what(recent(self.legs, which)))

    @rule(agent=AGENT, channels=CHANNELS)
    def log_in(self, agent: AgentId, channels: tuple[str, ...]) -> None:
        self.send(c.LogIn(agent, channels), Actor("agent", agent))
        self.send(c.SetReady(agent), Actor("agent", agent))

    @rule(agent=AGENT, what=st.sampled_from(["out", "ready", "break"]))
    def be(self, agent: AgentId, what: str) -> None:
        command: Any = {
            "out": c.LogOut(agent, "home"),
            "ready": c.SetReady(agent),
            "break": c.SetNotReady(agent, "lunch"),
        }[what]
        self.send(command, Actor("agent", agent))

    @rule(agent=AGENT, skills=SKILLS, costs=COSTS)
    def profile(self, agent: AgentId, skills: dict[str, int], costs: dict[str, int]) -> None:
        self.send(c.SetProfile(agent, skills, costs))

    @rule(queue=st.sampled_from(QUEUES), settings=SETTINGS)
    def configure(self, queue: str, settings: QueueSettings) -> None:
        self.send(c.ApplyConfig("queue", queue, settings.pack()))

    @rule(given=RULES)
    def set_rule(self, given: tuple[str, str, Any]) -> None:
        kind, id_, settings = given
        self.send(c.ApplyConfig(kind, id_, settings.pack()))

    @rule(
        agent=AGENT,
        skill=st.sampled_from(["he", "en"]),
        begin=st.sampled_from([-5, 0, 1, 5]),
        length=st.sampled_from([1, 20, 700]),
    )
    def certify(self, agent: AgentId, skill: str, begin: int, length: int) -> None:
        start = self.now + begin * SECOND
        window = Instant(start), Instant(start + length * SECOND)
        self.send(c.SetCertification(agent, skill, *window))

    @precondition(lambda self: self.sent)
    @rule(which=st.integers(0, 30))
    def once_more(self, which: int) -> None:
        """A doubled or very late message."""
        self.send(*recent(self.sent, which))

    @rule(by=PASSES)
    def pass_time(self, by: int) -> None:
        until, self.sound = self.now + by, False
        for _ in range(1000):
            timer = self.engine.floor.next_timer()
            if timer is None or timer[0] > until:
                break
            self.now = Instant(max(self.now, timer[0]))
            self.keep(self.engine.fire(self.now, TIMER))
        else:
            raise AssertionError("timers never end")
        self.now, self.sound = Instant(until), True

    @rule(by=st.integers(1, 10**12), kind=st.sampled_from(["ring", "wrapup", "wait", "moon"]))
    def wrong_timer(self, by: int, kind: str) -> None:
        self.send(c.TimerDue(kind, str(by), by), TIMER)

    @invariant()
    def all_invariants_hold(self) -> None:
        self.sound = False
        check_all(self.engine.floor)
        self.sound = True

    def teardown(self) -> None:
        if not self.sound:
            return
        floor = self.engine.floor
        again = Engine()
        for recorded in self.log:
            again.fold(recorded)
        check_all(again.floor)
        assert sorted(again.floor.contacts) == sorted(floor.contacts)
        assert sorted(again.floor.offers) == sorted(floor.offers)
        for contact in list(floor.contacts.values()):
            self.send(c.ReportCleared(contact.leg))
        self.pass_time(700 * SECOND)
        check_all(floor)
        assert not floor.contacts
        assert not floor.entries
        assert not floor.offers
        assert not any(agent.slots for agent in floor.agents.values())
        assert floor.created == floor.closed


def test_all_invariants_hold_whatever_comes_in_any_order() -> None:
    run_state_machine_as_test(
        FloorMachine, settings=settings(max_examples=200, stateful_step_count=40, deadline=None)
    )
