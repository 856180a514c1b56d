"""The next timer is the least that lives, whatever lanes and heap do."""

from hypothesis import given
from hypothesis import strategies as st

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.engine import Engine
from cckit.core.ids import AgentId, ContactId
from cckit.core.instant import HOUR, SECOND
from cckit.core.snapshot import dump
from cckit.core.timer import MAX_LANES, Timer, Timers
from tests.stage import LINE, START, Stage

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from([0, 1, 5, 20, 20, 20, 30, *range(40, 60)])),
        st.tuples(st.just("die"), st.integers(0, 60)),
        st.tuples(st.just("pass"), st.integers(0, 30)),
        st.tuples(st.just("step"), st.integers(-40, -1)),
        st.tuples(st.just("first"), st.just(0)),
        st.tuples(st.just("propose"), st.just(0)),
    ),
    max_size=60,
)


@given(STEPS)
def test_the_next_timer_is_the_least_that_lives(steps: list[tuple[str, int]]) -> None:
    timers, model, now, position = Timers(), list[Timer](), 100, 0

    def alive(timer: Timer) -> bool:
        return timer in model

    for what, n in steps:
        if what == "add":
            position += 1
            timer = Timer(now + n, position, "ring", position)
            timers.add(timer, now)
            model.append(timer)
        elif what == "die" and n < len(model):
            del model[n]
        elif what == "pass":
            now += n
        elif what == "step":
            now += n
            timers.shift(n)
            model = [timer._replace(due=timer.due + n) for timer in model]
        elif what == "first":
            assert timers.first(alive) == min(model, default=None)
        elif what == "propose":
            first = timers.first(alive)
            if first is not None:
                timers.drop(first)
                model.remove(first)
    while model:
        first = timers.first(alive)
        assert first == min(model)
        timers.drop(first)
        model.remove(first)
    assert timers.first(alive) is None


def test_a_timer_is_proposed_once_also_while_it_lives() -> None:
    timers = Timers()

    def alive(timer: Timer) -> bool:
        return timer.kind == "ring"

    timers.add(Timer(20, 1, "ring", 1), 0)
    assert timers.first(alive) is not None
    timers.add(Timer(10, 2, "dead", 2), 0)
    timers.add(Timer(10, 3, "ring", 3), 0)
    found = []
    while (first := timers.first(alive)) is not None and len(found) < 9:
        timers.drop(first)
        found.append(first.position)
    assert found == [3, 1]


def test_odd_delays_do_not_make_lanes_without_end() -> None:
    timers = Timers()
    for n in range(1000):
        timers.add(Timer(n, n, "wait", n), 0)
    assert len(timers.lanes) <= MAX_LANES
    assert len(timers.heap) == 1000 - MAX_LANES


# --- the floor's timers -------------------------------------------------------------------


def stepped(stage: Stage, by_us: int) -> None:
    """A new run begins, and the clock has moved since the last one."""
    before = stage.now
    stage.now = before + by_us
    stepped = f.ClockStepped(before, stage.now)
    stage.record(f.RunStarted(2, "simulated", None, 0, False, {}), stepped)


def busy() -> Stage:
    """One contact rings, one connects, one agent wraps up, one entry waits and is barred."""
    stage = Stage().queue(max_wait_us=100 * SECOND).agent("anne").agent("bob").agent("cleo")
    for contact in ("rings", "connects", "wraps"):
        stage.call(contact)
    stage.alert("rings")
    stage.talk("wraps")
    stage.facts(c.ReportCleared(stage.contact("wraps").leg), LINE)
    stage.call("waits")
    stage.answer("connects")
    stage.agent("dan")
    stage.facts(c.RejectOffer(stage.offer("waits")))
    return stage


def dues(engine: Engine) -> list[int]:
    floor = engine.floor
    found = [offer.due for offer in floor.offers.values()]
    found += [slot.due for agent in floor.agents.values() for slot in agent.slots.values()]
    found += [entry.due for entry in floor.entries.values()]
    found += [u for entry in floor.entries.values() for u in (entry.barred or {}).values()]
    return [due for due in found if due]


def test_a_clock_that_went_back_between_runs_moves_every_open_due() -> None:
    stage = busy()
    before = dues(stage.engine)
    stepped(stage, -HOUR)
    assert dues(stage.engine) == [due - HOUR for due in before]
    first = stage.engine.next_due()
    assert first is not None and first[0] == START - HOUR + 5 * SECOND
    kinds = [type(data) for data in stage.wait(HOUR)]
    assert kinds.count(f.AgentWrapupEnded) == 1
    assert kinds.count(f.ContactConnectFailed) == 1
    assert not stage.engine.floor.entries


def test_a_clock_that_went_forward_or_steps_within_a_run_moves_nothing() -> None:
    stage = busy()
    before = dues(stage.engine)
    stage.record(f.ClockStepped(stage.now, stage.now - HOUR))
    assert dues(stage.engine) == before
    stepped(stage, HOUR)
    assert dues(stage.engine) == before


def test_after_the_clock_went_back_the_line_of_the_idle_is_as_it_was() -> None:
    stage = Stage().queue().agent("anne")
    stage.wait(SECOND)
    stage.agent("bob")
    stepped(stage, -HOUR)
    stage.agent("cleo")
    assert dump(stage.loaded()) == dump(stage.engine)
    for engine in (stage.engine, stage.loaded(), stage.folded()):
        order = [engine.floor.index.at[place].id for place in sorted(engine.floor.index.at)]
        assert order == ["anne", "bob", "cleo"]
    for contact, agent in (("x", "anne"), ("y", "bob"), ("z", "cleo")):
        stage.call(contact)
        assert stage.rings(contact) == agent


def test_waits_and_talks_that_began_after_now_are_not_negative() -> None:
    stage = Stage().queue(wrapup_us=0).agent("anne")
    leg = stage.call("x")
    stage.talk("x")
    other = stage.call("y")
    stepped(stage, -HOUR)
    stage.facts(c.ReportCleared(other), LINE)
    stage.facts(c.ReportCleared(leg), LINE)
    assert [left.wait_us for left in stage.all(f.QueueLeft)] == [0, 0]
    assert stage.of("anne").talk_us == 0
    assert stage.of("anne").busy_us >= 0


def test_max_wait_ends_a_wait_in_the_queue_and_while_ringing() -> None:
    for agents in ([], ["anne"]):
        stage = Stage().queue(max_wait_us=10 * SECOND)
        for agent in agents:
            stage.agent(agent)
        stage.call("x")
        happened = [type(data) for data in stage.wait(10 * SECOND)]
        assert happened[-2:] == [f.QueueLeft, f.ContactClosed]
        assert (f.OfferRescinded in happened) is bool(agents)
        assert stage.all(f.ContactClosed)[0].reason == "timed_out"


def test_max_wait_does_not_end_what_connects_but_what_comes_back() -> None:
    stage = Stage().queue(max_wait_us=10 * SECOND, connect_us=20 * SECOND).agent("anne")
    stage.call("x")
    offer = stage.answer("x")
    assert stage.wait(15 * SECOND) == []
    stage.facts(c.ReportFailed(offer, "busy"), LINE)
    happened = [type(data) for data in stage.wait(0)]
    assert happened == [f.OfferRescinded, f.QueueLeft, f.ContactClosed]


def test_max_wait_is_not_proposed_before_its_time_nor_for_what_connects() -> None:
    stage = Stage().queue(max_wait_us=10 * SECOND).agent("anne")
    stage.call("x")
    entered = next(e for e, data in stage.log if type(data) is f.QueueEntered)
    due = c.TimerDue("wait", str(stage.contact("x").entry), entered.position)
    assert stage.facts(due) == []
    stage.answer("x")
    stage.now += 11 * SECOND
    assert stage.facts(due) == []


def test_max_wait_does_not_end_a_conversation() -> None:
    stage = Stage().queue(max_wait_us=10 * SECOND).agent("anne")
    stage.call("x")
    stage.talk("x")
    assert stage.wait(HOUR) == []


def test_everything_that_waits_ends_by_itself_in_the_end() -> None:
    stage = busy()
    stage.wait(HOUR)
    assert stage.engine.next_due() is None
    assert not stage.engine.floor.contacts


def test_a_wrapup_timer_does_not_end_another_wrapup() -> None:
    stage = Stage().queue().agent("anne")
    leg = stage.call("x")
    stage.talk("x")
    stage.facts(c.ReportCleared(leg), LINE)
    due = stage.engine.next_due()
    assert due is not None
    stage.facts(c.EndWrapup(AgentId("anne"), ContactId("x")))
    stage.wait(60 * SECOND)
    assert stage.facts(due[1]) == []
