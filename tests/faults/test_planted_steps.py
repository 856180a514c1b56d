"""Bugs in steps, preferred agents and overflow, and the rule of the floor that names each."""

from typing import Any

import attrs
import pytest

from cckit.core import agent as a
from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core import queue as q
from cckit.core.engine import InvariantBroken
from cckit.core.events import Envelope
from cckit.core.floor import Floor
from cckit.core.ids import AgentId, ContactId, EntryId, QueueId
from cckit.core.instant import SECOND
from cckit.core.invariants import Breach
from cckit.core.matching import Index
from cckit.core.routing import following, stepping
from cckit.core.rules import queues, timers
from tests.faults.test_planted_floor_bugs import Bug, after
from tests.stage import Stage

Patch = pytest.MonkeyPatch
X, Y, ANNE = ContactId("x"), ContactId("y"), AgentId("anne")
BUGS: list[Bug] = []


def bug(rule: str, scene: Any) -> Any:
    def add(plant: Any) -> None:
        BUGS.append(Bug(rule, plant.__name__, plant, scene))

    return add


# --- scenes -------------------------------------------------------------------------------


def relaxes(stage: Stage) -> None:
    """x needs what only bob has, who is away; five seconds later anybody will do."""
    stage.queue(steps=("he >= 3 for_us=5000000", "anyone"))
    stage.agent("anne").agent("bob", {"he": 3}, ready=False)
    stage.call("x")
    stage.wait(5 * SECOND)
    assert stage.rings("x") == "anne"


def prefers(stage: Stage) -> None:
    """Two wait for anne, who comes back; bob is free and not asked."""
    stage.queue().agent("anne", ready=False).agent("bob")
    stage.call("x", prefer=(ANNE,))
    stage.wait(SECOND)
    stage.call("y", prefer=(ANNE,))
    stage.facts(c.SetReady(ANNE))
    assert stage.rings("x") == "anne"


def overflows(stage: Stage) -> None:
    """x moves on after five seconds, and y by hand."""
    stage.queue("second").queue(steps=("anyone for_us=5000000", "anyone queue=second"))
    stage.call("x")
    stage.call("y")
    stage.wait(SECOND)
    stage.facts(c.Overflow(Y, QueueId("second")))
    stage.wait(5 * SECOND)
    assert len(stage.all(f.QueueEntered)) == 4


# --- bugs ---------------------------------------------------------------------------------


@bug("I8", relaxes)
def who_relaxes_is_not_looked_for(patch: Patch) -> None:
    after(f.QueueRequirementRelaxed, lambda floor, envelope, data: floor.seeking.clear())(patch)


@bug("I8", prefers)
def whom_a_customer_prefers_does_not_look_at_them(patch: Patch) -> None:
    def without(self: Index, agent: a.Agent) -> Any:
        return []

    patch.setattr(Index, "lines_for", without)


@bug("I9", prefers)
def the_last_who_prefers_an_agent_goes_first(patch: Patch) -> None:
    def last(floor: Floor, agent: a.Agent, now: int) -> q.Entry | None:
        lines = floor.index.lines_for(agent)
        return floor.entries[EntryId(lines[-1].line[-1][3])] if lines else None

    patch.setattr(following, "best_entry", last)


@bug("I10", relaxes)
def who_relaxes_waits_anew(patch: Patch) -> None:
    def anew(floor: Floor, envelope: Envelope, data: f.QueueRequirementRelaxed) -> None:
        floor.entries[data.entry].since = envelope.recorded_at

    after(f.QueueRequirementRelaxed, anew)(patch)


def moves_anew(*asked: Any) -> Any:
    left, (stream, entered) = stepping_move(*asked)
    return [left, (stream, attrs.evolve(entered, since=asked[4]))]


stepping_move = stepping.move


@bug("I10", overflows)
def who_overflows_by_a_step_waits_anew(patch: Patch) -> None:
    patch.setattr(stepping, "move", moves_anew)


@bug("I10", overflows)
def who_is_moved_by_hand_waits_anew(patch: Patch) -> None:
    patch.setattr(queues, "move", moves_anew)


@bug("I14", relaxes)
def a_step_never_ends(patch: Patch) -> None:
    def never(floor: Floor, envelope: Envelope, data: f.QueueEntered) -> None:
        floor.entries[data.entry].step_due = 0

    after(f.QueueEntered, never)(patch)


@bug("I14", relaxes)
def a_step_has_no_timer(patch: Patch) -> None:
    patch.setattr("cckit.core.timer.Timers.add", lambda self, timer, now: None)


@bug("I14", relaxes)
def the_end_of_a_step_is_not_looked_at(patch: Patch) -> None:
    patch.setitem(timers.DUE, "step", lambda *_: [])


@bug("I14", lambda stage: (relaxes(stage), stage.loaded()))
def a_step_that_is_over_goes_on(patch: Patch) -> None:
    patch.setattr(timers, "ended", lambda floor, entry, now: False)


@pytest.mark.parametrize("planted", BUGS, ids=lambda bug: f"{bug.rule}-{bug.name}")
def test_a_planted_bug_is_named_by_the_rule_that_it_breaks(
    planted: Bug, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted.plant(monkeypatch)
    with pytest.raises((InvariantBroken, Breach)) as caught:
        planted.scene(Stage())
    assert caught.value.rule == planted.rule, str(caught.value)


@pytest.mark.parametrize("planted", BUGS, ids=lambda bug: f"{bug.rule}-{bug.name}")
def test_without_its_bug_the_same_scene_breaks_nothing(planted: Bug) -> None:
    planted.scene(Stage())
