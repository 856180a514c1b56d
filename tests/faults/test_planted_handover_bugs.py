"""Bugs planted where contacts are handed on, and the invariant that names each."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from cckit.core import commands as c
from cckit.core import engine, evolve
from cckit.core import facts as f
from cckit.core.contact import Contact
from cckit.core.engine import InvariantBroken
from cckit.core.events import Envelope
from cckit.core.evolve import consults as evolve_consults
from cckit.core.floor import Floor
from cckit.core.ids import AgentId, ContactId, LegId
from cckit.core.instant import SECOND
from cckit.core.invariants import Breach
from cckit.core.leg import CONNECTED, Leg
from cckit.core.rules import RULES, contacts, endings, legs
from tests.stage import LINE, Stage

Patch = pytest.MonkeyPatch
X, Y = ContactId("x"), ContactId("y")
ANNE = AgentId("anne")


class Bug(NamedTuple):
    """What is broken, how it is planted, and the scene that shows it."""

    rule: str
    plant: Callable[[Patch], None]
    scene: Callable[[Stage], object]


BUGS: list[Bug] = []


def bug(rule: str, scene: Callable[[Stage], object]) -> Callable[[Callable[[Patch], None]], None]:
    def add(plant: Callable[[Patch], None]) -> None:
        BUGS.append(Bug(rule, plant, scene))

    return add


def after(patch: Patch, kind: type, more: Callable[[Floor, Envelope, Any], None]) -> None:
    """Let a handler do its work, and then something wrong."""
    handler = evolve.EVOLVE[kind]

    def wrong(floor: Floor, envelope: Envelope, data: Any) -> None:
        handler(floor, envelope, data)
        more(floor, envelope, data)

    patch.setitem(evolve.EVOLVE, kind, wrong)


def doubled(patch: Patch, command: type, kind: type) -> None:
    """Let a rule say each fact of a kind twice."""
    rule = RULES[command]

    def wrong(*args: Any) -> Any:
        drafts: Any = rule(*args)
        return [draft for fact in drafts for draft in [fact] * (1 + (type(fact[1]) is kind))]

    patch.setitem(RULES, command, wrong)


# --- scenes -----------------------------------------------------------------------------------


def talk(stage: Stage) -> Stage:
    stage.queue("help", wrapup_us=10 * SECOND)
    for agent in ("anne", "bob"):
        stage.agent(agent)
        stage.wait(SECOND)
    stage.call("x")
    stage.wait(SECOND)
    stage.talk("x")
    stage.wait(SECOND)
    return stage


def transfer(stage: Stage) -> None:
    talk(stage).facts(c.Transfer(X, "queue", "help"))


def transfer_and_finish(stage: Stage) -> None:
    transfer(stage)
    stage.facts(c.EndWrapup(ANNE, X))


def transfer_and_hang_up(stage: Stage) -> None:
    transfer(stage)
    stage.facts(c.ReportCleared(stage.contact("x").leg), LINE)


def transfer_outside(stage: Stage) -> None:
    talk(stage).facts(c.Transfer(X, "external", "100"))


def consult(stage: Stage) -> Stage:
    talk(stage).facts(c.Consult(X, "agent", "bob", Y))
    stage.talk("y")
    return stage


def complete(stage: Stage) -> None:
    consult(stage).facts(c.CompleteTransfer(X))


def cancel(stage: Stage) -> None:
    consult(stage).facts(c.CancelConsult(X))


def consult_and_hang_up(stage: Stage) -> None:
    consult(stage).facts(c.ReportCleared(stage.contact("x").leg), LINE)


def confer(stage: Stage) -> None:
    consult(stage).facts(c.Conference(X))


def confer_and_one_hangs_up(stage: Stage) -> None:
    confer(stage)
    (leg,) = stage.contact("x").others
    stage.facts(c.ReportCleared(leg), LINE)


def call_out(stage: Stage) -> None:
    stage.queue().agent("anne").facts(c.Dial(ANNE, "100", contact=X))


def call_out_and_talk(stage: Stage) -> None:
    call_out(stage)
    stage.facts(c.ReportEstablished(stage.contact("x").dialing.id), LINE)


# --- bugs -------------------------------------------------------------------------------------


@bug("I4", call_out_and_talk)
def whoever_is_called_out_to_talks_without_a_leg(patch: Patch) -> None:
    def lose(floor: Floor, envelope: Envelope, data: f.LegEstablished) -> None:
        floor.legs.pop(data.leg, None)

    after(patch, f.LegEstablished, lose)


@bug("I4", confer)
def a_conference_loses_the_customer(patch: Patch) -> None:
    def lose(floor: Floor, envelope: Envelope, data: f.ContactConferenced) -> None:
        floor.contacts[envelope.stream].leg = LegId(0)

    after(patch, f.ContactConferenced, lose)


@bug("I5", complete)
def who_was_consulted_gets_the_customer_without_a_slot(patch: Patch) -> None:
    came_over = evolve_consults.came_over

    def wrong(floor: Floor, contact: Contact, data: f.ContactConnected) -> str | None:
        found = came_over(floor, contact, data)
        slots = floor.agents[data.agent].slots
        slots[Y] = slots.pop(X)
        return found

    patch.setattr(evolve_consults, "came_over", wrong)


@bug("I5", call_out)
def a_call_out_leaves_the_slot_to_nobody(patch: Patch) -> None:
    def forget(floor: Floor, envelope: Envelope, data: f.LegOrdered) -> None:
        if data.order == "join":
            floor.contacts[envelope.stream].agent = None

    after(patch, f.LegOrdered, forget)


@bug("I5", confer_and_one_hangs_up)
def who_hangs_up_in_a_conference_stays_busy(patch: Patch) -> None:
    table = {**legs.LEFT, "agent": lambda *args: []}
    patch.setattr(legs, "LEFT", table)


@bug("I10", transfer)
def a_second_wait_counts_from_elsewhere(patch: Patch) -> None:
    def move(floor: Floor, envelope: Envelope, data: f.QueueEntered) -> None:
        contact = floor.contacts[envelope.stream]
        if contact.past:
            floor.entries[data.entry].since -= SECOND

    after(patch, f.QueueEntered, move)


@bug("I12", transfer_and_finish)
def the_wrap_up_of_who_transferred_ends_twice(patch: Patch) -> None:
    doubled(patch, c.EndWrapup, f.AgentWrapupEnded)


@bug("I13", confer_and_one_hangs_up)
def a_conference_keeps_the_leg_of_who_hung_up(patch: Patch) -> None:
    def keep(floor: Floor, envelope: Envelope, data: f.LegCleared) -> None:
        floor.contacts[envelope.stream].keep(Leg(data.leg, "agent/bob", CONNECTED))

    after(patch, f.LegCleared, keep)
    patch.setattr(legs, "LEFT", {**legs.LEFT, "agent": lambda *args: []})


@bug("I14", transfer_outside)
def somebody_outside_may_let_it_ring_for_ever(patch: Patch) -> None:
    def forget(floor: Floor, envelope: Envelope, data: f.LegOrdered) -> None:
        dialing = floor.contacts[envelope.stream].dialing
        if dialing is not None:
            dialing.due = 0

    after(patch, f.LegOrdered, forget)


@bug("I17", transfer_and_hang_up)
def who_hangs_up_after_a_transfer_is_called_abandoned(patch: Patch) -> None:
    goes = endings.goes

    def wrong(*args: Any) -> Any:
        *first, (stream, closed) = goes(*args)
        return [*first, (stream, f.ContactClosed("abandoned", closed.phase, closed.by))]

    patch.setattr(contacts, "goes", wrong)


@bug("I17", complete)
def a_consultation_is_merged_twice(patch: Patch) -> None:
    doubled(patch, c.CompleteTransfer, f.ContactClosed)


@bug("I18", consult_and_hang_up)
def a_consultation_outlives_its_customer(patch: Patch) -> None:
    patch.setattr(engine, "settle", lambda floor, now: floor.bereft.clear() or [])


@bug("I18", cancel)
def a_contact_is_still_bound_to_a_consultation_that_is_over(patch: Patch) -> None:
    patch.setattr(evolve_consults, "part", lambda floor, contact, merged: None)

    def look(floor: Floor, envelope: Envelope, data: f.ContactAgentLeft) -> None:
        floor.touched[floor.contacts[f"contact/{X}"]] = None  # type: ignore[index]

    after(patch, f.ContactAgentLeft, look)


@pytest.mark.parametrize("planted", BUGS, ids=lambda bug: f"{bug.rule}-{bug.plant.__name__}")
def test_a_bug_of_handing_on_is_named_by_the_rule_that_it_breaks(
    planted: Bug, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted.plant(monkeypatch)
    with pytest.raises((InvariantBroken, Breach)) as caught:
        planted.scene(Stage())
    assert getattr(caught.value, "rule", "") == planted.rule, str(caught.value)


@pytest.mark.parametrize("planted", BUGS, ids=lambda bug: f"{bug.rule}-{bug.plant.__name__}")
def test_without_its_bug_the_same_scene_breaks_nothing(planted: Bug) -> None:
    planted.scene(Stage())


def test_each_invariant_that_handing_on_could_break_has_a_bug_here() -> None:
    assert {planted.rule for planted in BUGS} == {
        *("I4", "I5", "I10", "I12", "I13", "I14", "I17", "I18")
    }
