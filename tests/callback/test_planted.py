"""Bugs planted into kept places, and the invariant that names each."""

import pytest

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core import queue as q
from cckit.core.engine import Engine, InvariantBroken
from cckit.core.events import TIMER, Decision
from cckit.core.ids import ContactId, LegId, contact_stream
from cckit.core.instant import SECOND, Instant
from cckit.core.invariants import Breach
from tests.faults.test_planted_floor_bugs import Bug, Patch, after, instead
from tests.stage import LINE, Stage

X = ContactId("x")
STREAM = contact_stream(X)
BUGS: list[Bug] = []


def kept(stage: Stage) -> Stage:
    stage.queue().call("x")
    stage.wait(5 * SECOND)
    stage.facts(c.KeepPlace(X))
    stage.facts(c.ReportCleared(stage.contact("x").leg), LINE)
    return stage


def reject(stage: Stage) -> None:
    kept(stage).agent("anne").facts(c.RejectOffer(stage.offer("x")))


def busy(stage: Stage) -> None:
    kept(stage).facts(c.DialBack(X))
    stage.facts(c.ReportCleared(stage.contact("x").dialing.id, "busy"), LINE)


def call_twice(stage: Stage) -> None:
    kept(stage).facts(c.DialBack(X))
    stage.do(c.DialBack(X))


def hang_up(stage: Stage) -> None:
    stage.queue().call("x")
    stage.facts(c.ReportCleared(stage.contact("x").leg), LINE)


def dial(floor: object, command: object) -> list[tuple[object, object]]:
    leg = LegId(floor.next_id())  # type: ignore[attr-defined]
    due = Instant(floor.now + 30 * SECOND)  # type: ignore[attr-defined]
    return [(STREAM, f.LegOrdered(leg, "dial", "customer", None, due))]


def entry_of(floor: object) -> q.Entry:
    found: q.Entry = next(iter(floor.entries.values()))  # type: ignore[attr-defined]
    return found


def bug(rule: str, scene: object, plant: object) -> None:
    name = f"{len(BUGS)}"
    BUGS.append(Bug(rule, name, plant, scene))  # type: ignore[arg-type]


def add_all() -> None:
    """A bug a line: the invariant, the scene, and what is wrong."""
    # Who hangs up waits on, though nobody promised to call.
    gone = instead(
        c.ReportCleared,
        lambda floor, command: [(STREAM, f.LegCleared(command.leg, "normal", "customer"))],  # type: ignore[list-item]
    )
    bug("I3", hang_up, gone)
    # An offer that came to nothing takes the promise along.
    bug("I3", reject, after(f.OfferRejected, lambda floor, *_: _forget(floor)))
    # Keeping the place begins the wait anew.
    bug("I10", kept, after(f.QueuePlaceKept, lambda floor, *_: _restart(floor)))
    # A pause without an end; a pause that no timer ends.
    bug("I14", busy, after(f.LegCleared, lambda floor, *_: _endless(floor)))
    bug("I14", busy, after(f.LegCleared, lambda floor, *_: floor.timers.heap.clear()))
    # A phone that rings for ever.
    for_ever = instead(
        c.DialBack,
        lambda floor, command: [
            (STREAM, f.LegOrdered(LegId(floor.next_id()), "dial", "customer"))  # type: ignore[list-item]
        ],
    )
    bug("I14", busy, for_ever)
    # Two calls at once: in one decision, in two, and one that is not known.
    both = instead(c.DialBack, lambda floor, it: [*dial(floor, it), *dial(floor, it)])  # type: ignore[list-item]
    bug("I21", busy, both)
    bug("I21", call_twice, instead(c.DialBack, dial))  # type: ignore[arg-type]
    bug("I21", busy, after(f.LegOrdered, lambda floor, *_: _unknown(floor)))


def _forget(floor: object) -> None:
    entry_of(floor).promise = None


def _restart(floor: object) -> None:
    entry_of(floor).since += SECOND


def _endless(floor: object) -> None:
    promise = entry_of(floor).promise
    if promise is not None:
        promise.not_before = 0


def _unknown(floor: object) -> None:
    next(iter(floor.contacts.values())).dialing = None  # type: ignore[attr-defined]


add_all()


@pytest.mark.parametrize("planted", BUGS, ids=lambda one: f"{one.rule}-{one.name}")
def test_a_planted_bug_is_named_by_the_rule_that_it_breaks(
    planted: Bug, monkeypatch: Patch
) -> None:
    planted.plant(monkeypatch)
    with pytest.raises((InvariantBroken, Breach)) as caught:
        planted.scene(Stage())
    assert caught.value.rule == planted.rule, str(caught.value)


@pytest.mark.parametrize("planted", BUGS, ids=lambda one: f"{one.rule}-{one.name}")
def test_without_its_bug_the_same_scene_breaks_nothing(planted: Bug) -> None:
    planted.scene(Stage())


# --- we die while a phone rings -----------------------------------------------------------


def reopened(stage: Stage) -> Engine:
    engine = stage.folded()
    engine.floor.timers.best = None
    return engine


def test_a_call_that_was_open_when_we_died_is_not_made_again_and_ends_in_time() -> None:
    stage = kept(Stage()).agent("anne")
    stage.answer("x")
    ordered = [one for one in stage.all(f.LegOrdered) if one.order == "dial"]
    engine = reopened(stage)
    due = engine.next_due()
    assert due is not None and due[1].kind == "dial" and due[0] == ordered[0].due
    fired = engine.fire(due[0], TIMER)
    assert isinstance(fired, Decision)
    assert [type(data) for _, data in fired.recorded] == [f.LegCleared, f.ContactConnectFailed]
    after_it = engine.next_due()
    assert after_it is not None and after_it[1].kind == "not_before"


def test_who_answers_while_we_are_away_is_connected_when_the_line_says_so() -> None:
    stage = kept(Stage()).agent("anne")
    stage.answer("x")
    engine = reopened(stage)
    leg = engine.floor.contacts[STREAM].dialing
    assert leg is not None
    answered = engine.act(c.ReportEstablished(leg.id), LINE, stage.now + SECOND)
    assert isinstance(answered, Decision)
    assert [type(data) for _, data in answered.recorded] == [f.LegEstablished, f.QueueResumed]
