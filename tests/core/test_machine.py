"""Machines of plugins: whose state an event belongs to, what wakes it, what it may read."""

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.engine import Engine, MachineFailed
from cckit.core.errors import Refused
from cckit.core.events import SYSTEM, TIMER, Decision, Draft, Recorded, Stamp
from cckit.core.floor import Floor
from cckit.core.ids import CENTER, Stream
from cckit.core.instant import Instant
from cckit.core.machine import Machine, Wake
from cckit.core.snapshot import dump, load
from cckit.core.timer import MAX_LANES
from tests.promises import KEPT, PROMISES, Make, PromiseKept, PromiseMade, Promises, decide

HERE, THERE = Stream("case/1"), Stream("case/with spaces 2")


LAZY = PROMISES._replace(initial=lambda: Promises(lazy=True))


def made(engine: Engine, due: int, stream: Stream = HERE, at: int = 0) -> Decision:
    decided = engine.act(Make(stream, due), SYSTEM, at)
    assert isinstance(decided, Decision)
    return decided


def kept(decided: Decision | Refused | None) -> list[tuple[Stream, int]]:
    assert isinstance(decided, Decision)
    return [(envelope.stream, data.due) for envelope, data in decided.recorded]


def again(engine: Engine, log: list[Decision], *machines: Machine) -> Engine:
    """Another engine, folded from what the first one recorded."""
    folded = Engine(machines=machines or (PROMISES,))
    for decision in log:
        for recorded in decision.recorded:
            folded.fold(recorded)
    assert folded.states == engine.states
    return folded


# --- timers -------------------------------------------------------------------------------


def test_a_machine_is_woken_once_at_its_instant_and_not_before() -> None:
    engine = Engine(machines=[PROMISES])
    made(engine, 100)
    assert engine.next_due() == (Instant(100), c.TimerDue("machine", "promises case/1", 0))
    assert engine.fire(99) is None
    fired = engine.fire(100)
    assert kept(fired) == [(HERE, 100)]
    assert isinstance(fired, Decision)
    assert (fired.stamp.actor, fired.stamp.cause, fired.stamp.recorded_at) == (TIMER, 0, 100)
    assert engine.next_due() is None and engine.fire(1_000) is None


def test_an_earlier_instant_comes_first_and_a_later_one_after_it() -> None:
    engine = Engine(machines=[PROMISES])
    for due in (100, 50, 70):
        made(engine, due)
    assert [kept(engine.fire(due)) for due in (50, 70, 100)] == [
        [(HERE, 50)],
        [(HERE, 70)],
        [(HERE, 100)],
    ]
    assert engine.fire(1_000) is None


def test_who_waits_for_nothing_any_more_is_not_woken() -> None:
    engine = Engine(machines=[PROMISES])
    made(engine, 100)
    engine.record([Draft(HERE, PromiseKept(100))], SYSTEM, 10)
    assert engine.next_due() is None
    gone = engine.act(c.TimerDue("machine", "promises case/1", 0), TIMER, 100)
    assert gone == Decision(Stamp(100, TIMER), ())


def test_the_same_instant_set_anew_wakes_once() -> None:
    engine = Engine(machines=[PROMISES])
    made(engine, 100)
    engine.record([Draft(HERE, PromiseKept(100))], SYSTEM, 10)
    made(engine, 100, at=20)
    fired = engine.fire(100)
    assert kept(fired) == [(HERE, 100)]
    assert isinstance(fired, Decision) and fired.stamp.cause == 2
    assert engine.fire(100) is None


@pytest.mark.parametrize(
    "command",
    [
        c.TimerDue("machine", "promises case/1", 1),
        c.TimerDue("machine", "promises case/2", 0),
        c.TimerDue("machine", "nobody case/1", 0),
        c.TimerDue("machine", "promises", 0),
    ],
    ids=str,
)
def test_a_timer_that_nobody_set_yields_nothing(command: c.TimerDue) -> None:
    engine = Engine(machines=[PROMISES])
    made(engine, 100)
    decided = engine.act(command, TIMER, 100)
    assert isinstance(decided, Decision) and decided.recorded == ()


def test_a_timer_that_is_proposed_early_yields_nothing_and_comes_all_the_same() -> None:
    engine = Engine(machines=[PROMISES])
    made(engine, 100)
    early = engine.act(c.TimerDue("machine", "promises case/1", 0), TIMER, 99)
    assert isinstance(early, Decision) and early.recorded == ()
    assert kept(engine.fire(100)) == [(HERE, 100)]


def test_who_answers_nothing_is_not_asked_again_until_its_instant_changes() -> None:
    engine = Engine(machines=[LAZY])
    made(engine, 100)
    asked = engine.fire(100)
    assert isinstance(asked, Decision) and asked.recorded == ()
    assert engine.next_due() is None
    made(engine, 200, at=110)  # The first to come is still 100.
    assert engine.next_due() is None
    engine.record([Draft(HERE, PromiseKept(100))], SYSTEM, 120)
    assert engine.next_due() == (Instant(200), c.TimerDue("machine", "promises case/1", 2))


def test_each_stream_waits_for_itself_whatever_its_name() -> None:
    engine = Engine(machines=[PROMISES])
    made(engine, 100)
    made(engine, 90, THERE)
    assert kept(engine.fire(95)) == [(THERE, 90)]
    assert engine.fire(95) is None
    assert kept(engine.fire(100)) == [(HERE, 100)]


def test_odd_instants_leave_the_lanes_to_constant_delays() -> None:
    engine = Engine(machines=[PROMISES])
    for n in range(2 * MAX_LANES):
        made(engine, 1_000 + n, Stream(f"case/{n}"))
    assert engine.floor.timers.lanes == {}
    assert kept(engine.fire(1_000)) == [(Stream("case/0"), 1_000)]


def test_a_replay_gives_the_same_states_and_arms_what_they_wait_for() -> None:
    engine = Engine(machines=[PROMISES])
    log = [made(engine, 100), made(engine, 200, THERE), made(engine, 50)]
    fired = engine.fire(60)
    assert isinstance(fired, Decision)
    log.append(fired)
    folded = again(engine, log)
    assert folded.next_due() == engine.next_due()
    assert [kept(folded.fire(200)) for _ in range(2)] == [[(HERE, 100)], [(THERE, 200)]]


def test_rebuilding_the_floor_arms_the_timers_of_machines_again() -> None:
    engine = Engine(machines=[PROMISES])
    made(engine, 100)
    before = engine.next_due()
    engine.floor.rebuild()
    assert engine.next_due() == before
    assert kept(engine.fire(100)) == [(HERE, 100)]


def test_a_clock_that_went_back_between_two_runs_moves_machines_with_the_others() -> None:
    engine = Engine(machines=[PROMISES])
    log = [made(engine, 1_000)]
    started = f.RunStarted(1, "live", None, None, False, {})
    log.append(engine.record([Draft(CENTER, started)], SYSTEM, 900))
    stepped = f.ClockStepped(Instant(900), Instant(400))
    log.append(engine.record([Draft(CENTER, stepped)], SYSTEM, 400))
    for one in (engine, again(engine, log)):
        due = one.next_due()
        assert due is not None and due[0] == 500
        assert one.fire(499) is None
        assert kept(one.fire(500)) == [(HERE, 1_000)]


# --- whose state --------------------------------------------------------------------------


@attrs.define
class Count:
    n: int = 0


def counting(key: Callable[[Recorded[Any]], Any] | None) -> Machine:
    def count(state: Count, recorded: Recorded[Any]) -> None:
        state.n += 1

    return Machine("count", (), (PromiseMade,), Count, lambda *_: (), count, key=key)


def test_one_state_of_the_whole_center() -> None:
    engine = Engine(machines=[PROMISES, counting(lambda recorded: CENTER)])
    made(engine, 1)
    made(engine, 1, THERE)
    assert engine.states["count", CENTER] == Count(2)


def test_an_event_of_no_state_leaves_none() -> None:
    engine = Engine(machines=[PROMISES, counting(lambda recorded: None)])
    made(engine, 1)
    assert [name for name, _ in engine.states] == ["promises"]


# --- the floor ----------------------------------------------------------------------------


@attrs.frozen
class CountQueues:
    stream: Stream


def test_a_machine_that_says_so_reads_the_floor() -> None:
    def look(state: Any, command: Any, now: int, ask: object, floor: Floor) -> Any:
        return Refused("queues", "center", str(len(floor.queues)), "")

    reader = Machine(
        "reader", (CountQueues,), (), Count, look, lambda *_: None, reads_floor=True
    )  # fmt: skip
    answer = Engine(machines=[reader]).act(CountQueues(CENTER), SYSTEM, 0)
    assert isinstance(answer, Refused) and answer.what == "0"


# --- machines that fail -------------------------------------------------------------------


def raises(*_: Any) -> Any:
    raise RuntimeError("planted")


def answers(value: object) -> Callable[[Any], Any]:
    return lambda _: value


@pytest.mark.parametrize(
    "failing",
    [
        PROMISES._replace(due=raises),
        PROMISES._replace(due=answers(True)),
        PROMISES._replace(due=answers(1.5)),
        PROMISES._replace(due=answers(-1)),
        PROMISES._replace(due=answers(2**63)),
        PROMISES._replace(key=raises),
        PROMISES._replace(key=answers(7)),
    ],
    ids=["raises", "bool", "float", "negative", "too late", "key raises", "key is a number"],
)
def test_a_machine_that_fails_to_say_what_it_waits_for_is_named(failing: Machine) -> None:
    with pytest.raises(MachineFailed) as caught:
        Engine(machines=[failing]).act(Make(HERE, 5), SYSTEM, 0)
    assert caught.value.machine == "promises"


def test_a_machine_that_fails_when_it_is_woken_is_named() -> None:
    def wakes(state: Any, command: Any, *rest: Any) -> Any:
        return raises() if isinstance(command, Wake) else decide(state, command, *rest)

    engine = Engine(machines=[PROMISES._replace(decide=wakes)])
    made(engine, 100)
    with pytest.raises(MachineFailed):
        engine.fire(100)


# --- keeping and forgetting states ------------------------------------------------------------


def test_a_state_that_is_over_is_forgotten_and_its_timer_with_it() -> None:
    engine = Engine(machines=[KEPT])
    made(engine, 100)
    engine.record([Draft(HERE, PromiseKept(100))], SYSTEM, 10)
    assert engine.states == {} and engine.floor.machine_due == {}
    made(engine, 200)
    assert kept(engine.fire(200)) == [(HERE, 200)]


def test_a_snapshot_keeps_the_states_of_a_machine_that_says_how_and_when_they_wake() -> None:
    engine = Engine(machines=[KEPT])
    made(engine, 100)
    made(engine, 70, THERE)
    stored = dump(engine)
    loaded = Engine(machines=[KEPT])
    load(loaded, stored)
    assert loaded.states == engine.states and dump(loaded) == stored
    assert [kept(loaded.fire(due)) for due in (70, 100)] == [[(THERE, 70)], [(HERE, 100)]]


def test_there_is_no_snapshot_while_a_state_can_not_be_kept() -> None:
    engine = Engine(machines=[PROMISES])
    assert dump(engine) is not None
    made(engine, 100)
    assert dump(engine) is None
