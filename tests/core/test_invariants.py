"""Nobody waits beside a free agent who could serve; and all else that must always hold.

The machine plays random acts, doubled and late ones among them, and checks every invariant
on the whole floor after each. Now and then a snapshot takes the place of the engine, or
time passes without any timer being proposed. At the end the log is folded again.
"""

from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from cckit.core import agent as a
from cckit.core import commands as c
from cckit.core import contact as co
from cckit.core import facts as f
from cckit.core import invariants
from cckit.core import offer as o
from cckit.core import queue as q
from cckit.core.engine import Engine
from cckit.core.ids import ContactId, OfferId
from cckit.core.instant import HOUR, SECOND, Instant
from cckit.core.invariants import Breach, check_all
from cckit.core.settings import QueueSettings
from cckit.core.snapshot import dump, load
from tests.script import ACTS, SETTINGS, STAFFS, TIMES, WHICH, Player
from tests.stage import LINE, Stage


class FloorMachine(RuleBasedStateMachine):
    """One player; whatever is recorded is noted for a failure's report."""

    def __init__(self) -> None:
        super().__init__()
        self.player = Player(self.saw)

    def saw(self, recorded: Any) -> None:
        for envelope, data in recorded:
            note(f"    {envelope.position} at {envelope.recorded_at} {envelope.stream} {data}")

    @initialize(help_=SETTINGS, vip=SETTINGS, staff=STAFFS)
    def open(self, help_: QueueSettings, vip: QueueSettings, staff: list[Any]) -> None:
        self.player.play(("configure", "help", help_))
        self.player.play(("configure", "vip", vip))
        self.player.staff(staff)

    @rule(acts=st.lists(ACTS, min_size=1, max_size=4))
    def act(self, acts: list[tuple[Any, ...]]) -> None:
        for act in acts:
            note(f"{act}")
            self.player.play(act)

    @rule(by=TIMES, acts=st.lists(ACTS, max_size=2))
    def nobody_proposes_timers_for_a_while(self, by: int, acts: list[tuple[Any, ...]]) -> None:
        """As when the process was busy: what was due is proposed late, after other acts."""
        player = self.player
        player.late = True
        player.now += by
        for act in acts:
            note(f"late {act}")
            player.play(act)
        player.late = False
        player.fire(player.now)

    @rule()
    def a_snapshot_takes_over(self) -> None:
        engine = Engine()
        load(engine, dump(self.player.engine))
        assert dump(engine) == dump(self.player.engine)
        self.player.engine = engine

    @rule(by=st.sampled_from([SECOND, 30 * SECOND, HOUR]))
    def a_run_begins_with_a_clock_that_went_back(self, by: int) -> None:
        player = self.player
        epoch = player.engine.floor.epoch + 1
        before, player.now = player.now, player.now - by
        started = f.RunStarted(epoch, "simulated", None, 0, False, {})
        player.record(started, f.ClockStepped(Instant(before), Instant(player.now)))

    @rule(which=st.lists(WHICH, max_size=4))
    def reports_come_again_in_any_order(self, which: list[int]) -> None:
        for one in which:
            self.player.play(("again", one))

    @invariant()
    def all_invariants_hold(self) -> None:
        check_all(self.player.engine.floor)
        assert not self.player.engine.floor.touched

    def teardown(self) -> None:
        player = self.player
        folded = Engine()
        for recorded in player.log:
            folded.fold(recorded)
        check_all(folded.floor)
        assert dump(folded) == dump(player.engine)
        other = Player()
        other.engine, other.now, other.n = folded, player.now, player.n
        at = len(player.log)
        for one in (player, other):
            one.play(("come", "help", "voice", None, 0, 0))
            one.fire(one.now + 90 * SECOND)
        assert other.log[1:] == player.log[at:]
        assert dump(folded) == dump(player.engine)


def test_whatever_comes_nobody_waits_beside_who_could_serve() -> None:
    run_state_machine_as_test(
        FloorMachine,
        settings=settings(max_examples=150, stateful_step_count=30, deadline=None),
    )


@settings(max_examples=100)
@given(STAFFS, SETTINGS, st.lists(st.one_of(ACTS, WHICH), max_size=40))
def test_everybody_goes_home(staff: list[Any], help_: QueueSettings, acts: list[Any]) -> None:
    """When all customers hang up and time passes, nothing is left that waits or holds."""
    player = Player()
    player.play(("configure", "help", help_))
    player.play(("configure", "vip", help_))
    player.staff(staff)
    for act in acts:
        player.play(act if isinstance(act, tuple) else ("again", act))
    for contact in list(player.engine.floor.contacts.values()):
        player.send(c.ReportCleared(contact.leg))
    player.fire(player.now + HOUR)
    floor = player.engine.floor
    check_all(floor)
    assert not (floor.contacts or floor.entries or floor.offers or floor.legs)
    assert not any(agent.slots or agent.used for agent in floor.agents.values())
    assert player.engine.next_due() is None
    kinds = [type(data) for _, data in player.log]
    assert kinds.count(f.ContactCreated) == kinds.count(f.ContactClosed) == floor.closed
    assert kinds.count(f.QueueEntered) == kinds.count(f.QueueLeft)
    assert kinds.count(f.AgentWrapupStarted) == kinds.count(f.AgentWrapupEnded)


# --- the checks themselves: a state that is spoiled by hand ------------------------------------


def scene() -> Stage:
    """Anne talks to x, bob rings for y, cleo wraps up z, w waits."""
    stage = Stage().queue().agent("anne").agent("bob").agent("cleo")
    for contact in ("x", "y", "z"):
        stage.call(contact)
    stage.talk("x")
    stage.alert("y")
    stage.talk("z")
    stage.facts(c.ReportCleared(stage.contact("z").leg), LINE)
    stage.call("w")
    return stage


def entry(stage: Stage, contact: str) -> q.Entry:
    found: q.Entry = stage.engine.floor.entries[stage.contact(contact).entry]
    return found


def slot(stage: Stage, agent: str) -> a.Slot:
    found: a.Slot = next(iter(stage.of(agent).slots.values()))
    return found


def offer(stage: Stage, contact: str) -> o.Offer:
    return stage.engine.floor.offers[stage.offer(contact)]


def free(stage: Stage, agent: str) -> None:
    stage.of(agent).slots.clear()
    stage.of(agent).used = 0


SPOILED: list[tuple[str, str, Any]] = [
    ("I1", "an ended offer", lambda s: setattr(offer(s, "y"), "phase", o.ENDED)),
    ("I3", "an entry without offer", lambda s: setattr(entry(s, "y"), "offers", ())),
    ("I3", "a customer gone", lambda s: setattr(s.contact("w"), "leg", 0)),
    ("I3", "a customer gone while it rings", lambda s: setattr(s.contact("y"), "leg", 0)),
    ("I3", "not in line", lambda s: entry(s, "w").group.remove(entry(s, "w"))),
    ("I3", "another's entry", lambda s: setattr(s.contact("w"), "entry", entry(s, "y").id)),
    ("I4", "no leg", lambda s: setattr(s.contact("x"), "leg", 0)),
    ("I4", "a leg nobody knows", lambda s: s.engine.floor.legs.pop(s.contact("x").leg)),
    ("I5", "nobody's slot", lambda s: s.of("bob").slots.update(ghost=a.Slot(0, OfferId(77)))),
    ("I5", "no slot", lambda s: free(s, "anne")),
    ("I6", "uncounted", lambda s: setattr(s.of("anne"), "used", 0)),
    ("I6", "over budget", lambda s: setattr(s.of("cleo"), "budget", 99)),
    ("I7", "not reserved", lambda s: free(s, "bob")),
    ("I8", "beside a free one", lambda s: s.engine.floor.index.open.update({"voice": 2})),
    ("I10", "since moved", lambda s: setattr(entry(s, "w"), "since", 5)),
    ("I11", "lost its place", lambda s: setattr(s.of("bob"), "idle_by", f.OfferRejected)),
    ("I11", "no place", lambda s: s.engine.floor.index.leave(s.of("bob"))),
    ("I11", "before its time", lambda s: setattr(s.of("anne"), "idle_since", s.now + 1)),
    ("I13", "no agent's leg", lambda s: s.engine.floor.legs.pop(s.contact("x").agent_leg)),
    ("I14", "rings for ever", lambda s: setattr(offer(s, "y"), "due", 0)),
    ("I14", "wraps up for ever", lambda s: setattr(slot(s, "cleo"), "due", 0)),
    ("I14", "no timer", lambda s: s.engine.floor.timers.lanes.clear()),
    ("I16", "did not leave", lambda s: (free(s, "bob"), leaves(s))),
    ("I18", "out and busy", lambda s: setattr(s.of("anne"), "logged_in", False)),
    ("I18", "new and waiting", lambda s: setattr(s.contact("w"), "phase", co.NEW)),
    ("I22", "an entry uncounted", lambda s: setattr(s.engine.floor.queues["help"], "live", 7)),
]


def leaves(stage: Stage) -> None:
    stage.engine.floor.offers.pop(stage.offer("y"))
    stage.engine.floor.entries.pop(stage.contact("y").entry)
    stage.engine.floor.contacts.pop("contact/y")
    stage.of("bob").next_status = "not_ready"


@pytest.mark.parametrize(
    ("number", "what", "spoil"), SPOILED, ids=[f"{one[0]}-{one[1]}" for one in SPOILED]
)
def test_a_state_that_is_spoiled_is_named_by_its_rule(number: str, what: str, spoil: Any) -> None:
    stage = scene()
    check_all(stage.engine.floor)
    spoil(stage)
    with pytest.raises(Breach) as caught:
        check_all(stage.engine.floor)
    assert caught.value.rule == number, str(caught.value)


def test_each_machine_has_its_checks() -> None:
    assert set(invariants.CHECKS) == {co.Contact, q.Entry, o.Offer, a.Agent}


def test_what_was_touched_is_checked_once_and_let_go() -> None:
    stage = scene()
    stage.of("bob").used = 7
    stage.engine.floor.touched[stage.of("bob")] = None
    with pytest.raises(Breach):
        invariants.check(stage.engine.floor)
    stage.of("bob").used = 100
    invariants.check(stage.engine.floor)
    assert not stage.engine.floor.touched


def test_a_timer_that_is_late_lets_others_act_before_it() -> None:
    """A back-off that is over but not yet proposed: who enters may be served before."""
    stage = Stage().queue().agent("anne")
    stage.call("x")
    stage.facts(c.RejectOffer(stage.offer("x")))
    stage.now += 6 * SECOND
    stage.call("y")
    assert (stage.rings("x"), stage.rings("y")) == ("", "anne")
    stage.facts(c.SetPriority(ContactId("x"), 1))
    stage.wait(0)
    assert stage.rings("x") == ""
    stage.facts(c.RejectOffer(stage.offer("y")))
    assert stage.rings("x") == "anne"
