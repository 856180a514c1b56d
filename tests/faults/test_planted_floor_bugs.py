"""For each invariant of the floor a bug that breaks it, and the check that names it.

A bug is planted in a rule, a handler or the routing; then an ordinary scene is played.
The rule that is named must be the one that the bug breaks, before anything is stored.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest

from cckit.core import agent as a
from cckit.core import commands as c
from cckit.core import contact as co
from cckit.core import engine, evolve, routing
from cckit.core import facts as f
from cckit.core import offer as o
from cckit.core import queue as q
from cckit.core.engine import InvariantBroken
from cckit.core.events import Draft, Envelope
from cckit.core.floor import Floor
from cckit.core.ids import AgentId, ContactId, LegId, contact_stream
from cckit.core.instant import SECOND, Instant, Span
from cckit.core.invariants import Breach
from cckit.core.matching import Index
from cckit.core.rules import RULES, contacts, endings, links, offers, timers
from tests.stage import LINE, Stage

Patch = pytest.MonkeyPatch
X, ANNE = ContactId("x"), AgentId("anne")
X_STREAM = contact_stream(X)


class Bug(NamedTuple):
    """What is broken, how it is planted, and the scene that shows it."""

    rule: str
    name: str
    plant: Callable[[Patch], None]
    scene: Callable[[Stage], object]


BUGS: list[Bug] = []


def bug(rule: str, scene: Callable[[Stage], object]) -> Callable[[Callable[[Patch], None]], None]:
    def add(plant: Callable[[Patch], None]) -> None:
        BUGS.append(Bug(rule, plant.__name__, plant, scene))

    return add


def after(kind: type, more: Callable[[Floor, Envelope, Any], None]) -> Callable[[Patch], None]:
    """A handler that does its work and then something wrong."""
    handler = evolve.EVOLVE[kind]

    def wrong(floor: Floor, envelope: Envelope, data: Any) -> None:
        handler(floor, envelope, data)
        more(floor, envelope, data)

    return lambda patch: patch.setitem(evolve.EVOLVE, kind, wrong)


def instead(
    command: type, facts: Callable[[Floor, Any], Sequence[Draft]]
) -> Callable[[Patch], None]:
    """A rule that says something else."""
    return lambda patch: patch.setitem(
        RULES, command, lambda floor, command, now, ask, actor: list(facts(floor, command))
    )


# --- scenes -------------------------------------------------------------------------------


def ringing(stage: Stage) -> Stage:
    stage.queue().agent("anne").call("x")
    return stage


def reject(stage: Stage) -> None:
    ringing(stage).facts(c.RejectOffer(stage.offer("x")))


def expire(stage: Stage) -> None:
    ringing(stage).alert("x")
    stage.wait(20 * SECOND)


def accept_twice(stage: Stage) -> None:
    offer = ringing(stage).answer("x")
    stage.facts(c.AcceptOffer(offer))


def talk(stage: Stage) -> None:
    ringing(stage).talk("x")


def talk_and_hang_up(stage: Stage) -> None:
    talk(stage)
    stage.facts(c.ReportCleared(stage.contact("x").leg), LINE)


def talk_and_leave(stage: Stage) -> None:
    talk(stage)
    stage.facts(c.ReportCleared(stage.contact("x").agent_leg), LINE)


def abandon_ringing(stage: Stage) -> None:
    ringing(stage).facts(c.ReportCleared(stage.contact("x").leg), LINE)


def abandon_waiting(stage: Stage) -> None:
    stage.queue().call("x")
    stage.wait(SECOND)
    stage.facts(c.ReportCleared(stage.contact("x").leg), LINE)


def wrap_up_twice(stage: Stage) -> None:
    talk_and_hang_up(stage)
    stage.do(c.EndWrapup(ANNE, X))
    stage.do(c.EndWrapup(ANNE, X))


def two_wait(stage: Stage) -> None:
    stage.queue().call("x")
    stage.call("y")
    stage.agent("anne")


def two_ring(stage: Stage) -> None:
    ringing(stage).call("y")


def connect_in_vain(stage: Stage) -> None:
    ringing(stage).answer("x")
    stage.wait(5 * SECOND)


def leave_while_talking(stage: Stage) -> None:
    talk(stage)
    stage.facts(c.SetNotReady(ANNE, "lunch"))
    stage.facts(c.SetReady(ANNE))


def leave_twice_while_talking(stage: Stage) -> None:
    talk(stage)
    stage.facts(c.SetNotReady(ANNE, "lunch"))
    stage.facts(c.LogOut(ANNE))


def leave_after_wrapup(stage: Stage) -> None:
    talk(stage)
    stage.facts(c.SetNotReady(ANNE, "lunch"))
    stage.facts(c.ReportCleared(stage.contact("x").leg), LINE)
    stage.facts(c.EndWrapup(ANNE, X))


def log_out_while_talking(stage: Stage) -> None:
    talk(stage)
    stage.facts(c.LogOut(ANNE))


def lower_the_budget(stage: Stage) -> None:
    talk(stage)
    stage.facts(c.SetProfile(ANNE, {}, {"voice": 60}, 60))


def two_chats(stage: Stage) -> Stage:
    stage.queue().agent("anne", channels={"chat": 40})
    stage.call("x", channel="chat")
    stage.call("y", channel="chat")
    stage.alert("x")
    return stage


def ring_out_beside_another(stage: Stage) -> None:
    two_chats(stage).wait(20 * SECOND)


# --- offers -------------------------------------------------------------------------------


@bug("I1", reject)
def a_rejected_offer_also_fails(patch: Patch) -> None:
    instead(
        c.RejectOffer,
        lambda floor, command: [
            Draft(X_STREAM, f.OfferRejected(command.offer, "")),
            Draft(X_STREAM, f.OfferFailed(command.offer, "rejected")),
        ],
    )(patch)


@bug("I1", reject)
def an_offer_that_ended_stays(patch: Patch) -> None:
    end = evolve.offers.end_offer

    def stays(floor: Floor, envelope: Envelope, offer: o.Offer, kind: type) -> None:
        end(floor, envelope, offer, kind)
        floor.offers[offer.id] = offer
        floor.touched[offer] = None

    patch.setattr(evolve.offers, "end_offer", stays)


@bug("I2", accept_twice)
def an_offer_is_accepted_again(patch: Patch) -> None:
    instead(
        c.AcceptOffer, lambda floor, command: [Draft(X_STREAM, f.OfferAccepted(command.offer))]
    )(patch)


@bug("I2", accept_twice)
def accepting_leaves_the_slot_reserved(patch: Patch) -> None:
    def keep(floor: Floor, envelope: Envelope, data: f.OfferAccepted) -> None:
        floor.agents["anne"].slots["x"].phase = a.RESERVED

    after(f.OfferAccepted, keep)(patch)


@bug("I3", abandon_ringing)
def who_abandons_leaves_the_offer_behind(patch: Patch) -> None:
    patch.setattr(
        endings,
        "leave_queue",
        lambda entry, reason, now: [Draft(entry.contact, f.QueueLeft(entry.id, reason, Span(0)))],
    )


@bug("I3", ringing)
def what_is_offered_stays_in_line(patch: Patch) -> None:
    def stay(floor: Floor, envelope: Envelope, data: f.OfferMade) -> None:
        entry = floor.entries[data.entry]
        entry.group.add(entry)

    after(f.OfferMade, stay)(patch)


@bug("I3", reject)
def what_comes_back_is_not_in_line(patch: Patch) -> None:
    def lose(floor: Floor, envelope: Envelope, data: f.OfferRejected) -> None:
        entry = next(iter(floor.entries.values()))
        entry.group.remove(entry)
        floor.index.waiting = 0

    after(f.OfferRejected, lose)(patch)


@bug("I7", ringing)
def an_offer_reserves_nobody(patch: Patch) -> None:
    def free(floor: Floor, envelope: Envelope, data: f.OfferMade) -> None:
        agent = floor.agents[data.agent]
        agent.used -= agent.slots.pop(data.contact).cost

    after(f.OfferMade, free)(patch)


@bug("I7", ring_out_beside_another)
def who_did_not_answer_keeps_what_else_rings(patch: Patch) -> None:
    patch.setattr(timers, "take_back", lambda floor, offers, because: [])


@bug("I19", reject)
def a_back_off_is_not_looked_at(patch: Patch) -> None:
    patch.setattr(routing.choosing, "apart", lambda floor, entry, now: 0)


# --- contacts -----------------------------------------------------------------------------


@bug("I4", talk)
def an_agent_talks_without_a_leg(patch: Patch) -> None:
    patch.setattr(offers, "LegId", lambda leg: LegId(0))


@bug("I13", talk_and_leave)
def the_end_of_the_agents_leg_ends_no_talk(patch: Patch) -> None:
    instead(
        c.ReportCleared,
        lambda floor, command: [Draft(X_STREAM, f.LegCleared(command.leg, "", "agent"))],
    )(patch)


@bug("I17", talk_and_hang_up)
def who_talked_is_called_abandoned(patch: Patch) -> None:
    ended = endings.conversation_ends

    def wrong(*args: Any) -> list[Draft]:
        drafts: list[Draft] = ended(*args)
        return [
            Draft(stream, f.ContactClosed("abandoned", data.phase, data.by))
            if type(data) is f.ContactClosed
            else Draft(stream, data)
            for stream, data in drafts
        ]

    patch.setattr(endings, "conversation_ends", wrong)


@bug("I17", abandon_waiting)
def a_contact_closes_twice(patch: Patch) -> None:
    goes = endings.goes
    patch.setattr(contacts, "goes", lambda *args: (drafts := goes(*args)) + [drafts[-1]])


@bug("I18", abandon_waiting)
def who_abandons_leaves_the_entry_behind(patch: Patch) -> None:
    closed = f.ContactClosed("abandoned", "queue", "customer")
    patch.setattr(contacts, "goes", lambda *args: [Draft(X_STREAM, closed)])


@bug("I18", log_out_while_talking)
def who_talks_is_logged_out_at_once(patch: Patch) -> None:
    instead(
        c.LogOut, lambda floor, command: [Draft(floor.agents["anne"].stream, f.AgentLoggedOut(""))]
    )(patch)


# --- agents -------------------------------------------------------------------------------


@bug("I5", reject)
def a_slot_outlives_its_offer(patch: Patch) -> None:
    def keep(floor: Floor, agent: a.Agent, contact: co.Contact, kind: type) -> None:
        floor.touched[agent] = None

    patch.setattr(evolve.offers, "free", keep)


@bug("I5", talk)
def the_slot_of_who_talks_is_gone(patch: Patch) -> None:
    def lose(floor: Floor, envelope: Envelope, data: f.ContactConnected) -> None:
        agent = floor.agents["anne"]
        agent.used -= agent.slots.pop("x").cost

    after(f.ContactConnected, lose)(patch)


@bug("I6", reject)
def a_slot_that_ends_keeps_its_cost(patch: Patch) -> None:
    free = evolve.offers.free

    def keep(floor: Floor, agent: a.Agent, contact: co.Contact, kind: type) -> None:
        cost = agent.slots[contact.id].cost
        free(floor, agent, contact, kind)
        agent.used += cost

    patch.setattr(evolve.offers, "free", keep)


@bug("I6", two_ring)
def the_budget_is_not_looked_at(patch: Patch) -> None:
    patch.setattr(a.Agent, "has_room", lambda self, channel: True)


@bug("I6", lower_the_budget)
def a_lowered_budget_is_not_forgiven(patch: Patch) -> None:
    after(
        f.AgentProfileSet,
        lambda floor, envelope, data: setattr(floor.agents["anne"], "over", 0),
    )(patch)


@bug("I6", lambda stage: (lower_the_budget(stage), stage.call("y")))
def a_lowered_budget_lets_more_in(patch: Patch) -> None:
    patch.setattr(a.Agent, "has_room", lambda self, channel: True)
    after(
        f.OfferMade,
        lambda floor, envelope, data: setattr(floor.agents["anne"], "over", 1000),
    )(patch)


@bug("I11", reject)
def who_rejects_goes_to_the_end_of_the_line(patch: Patch) -> None:
    free = evolve.offers.free
    where: list[Envelope] = []
    unaccepted = evolve.offers._unaccepted

    def noted(floor: Floor, envelope: Envelope, *more: Any, **named: Any) -> None:
        where.append(envelope)
        unaccepted(floor, envelope, *more, **named)

    def to_the_end(floor: Floor, agent: a.Agent, contact: co.Contact, kind: type) -> None:
        free(floor, agent, contact, kind)
        evolve.slots.idle(floor, agent, where[-1])

    patch.setattr(evolve.offers, "_unaccepted", noted)
    patch.setattr(evolve.offers, "free", to_the_end)


@bug("I11", ringing)
def who_turns_ready_gets_no_place(patch: Patch) -> None:
    patch.setattr(Index, "place", lambda self, agent: None)


@bug("I12", wrap_up_twice)
def a_wrapup_ends_twice(patch: Patch) -> None:
    instead(
        c.EndWrapup,
        lambda floor, command: (
            [Draft(floor.agents["anne"].stream, f.AgentWrapupEnded(X, "agent", ()))] * 2
        ),
    )(patch)


@bug("I12", talk)
def a_wrapup_ends_that_never_began(patch: Patch) -> None:
    bridged = offers.bridged

    def wrong(floor: Floor, *more: Any) -> Any:
        stream = floor.agents["anne"].stream
        return [*bridged(floor, *more), Draft(stream, f.AgentWrapupEnded(X, "agent", ()))]

    patch.setitem(RULES, c.ReportBridged, wrong)


@bug("I16", leave_while_talking)
def ready_does_not_clear_the_next_status(patch: Patch) -> None:
    after(
        f.AgentReady,
        lambda floor, envelope, data: setattr(floor.agents["anne"], "next_status", "not_ready"),
    )(patch)


@bug("I16", leave_twice_while_talking)
def the_first_next_status_wins(patch: Patch) -> None:
    handler = evolve.EVOLVE[f.AgentNextStatusSet]

    def first(floor: Floor, envelope: Envelope, data: f.AgentNextStatusSet) -> None:
        if not floor.agents["anne"].next_status:
            handler(floor, envelope, data)

    patch.setitem(evolve.EVOLVE, f.AgentNextStatusSet, first)


@bug("I16", leave_after_wrapup)
def a_next_status_never_takes_effect(patch: Patch) -> None:
    follow = engine.follow

    def stays(floor: Floor, now: int, ask: Any) -> Any:
        for draft in follow(floor, now, ask):
            if type(draft[1]) is f.OfferMade:
                yield draft

    patch.setattr(engine, "follow", stays)


@bug("I15", lambda stage: ringing(stage).wait(20 * SECOND))
def an_offer_that_never_rang_is_a_rona(patch: Patch) -> None:
    offer_due = timers._offer

    def rona(floor: Floor, *more: Any) -> list[Draft]:
        away = Draft(floor.agents["anne"].stream, f.AgentNotReady("rona", "system"))
        return [*offer_due(floor, *more), away]

    for kind in ("ring", "connect"):
        patch.setitem(timers.DUE, kind, rona)


def lose_a_desk_that_rings(stage: Stage) -> None:
    ringing(stage)
    stage.alert("x")
    stage.facts(c.ReportAgentLink(ANNE, "desk", False), LINE)
    stage.wait(20 * SECOND)


@bug("I15", lose_a_desk_that_rings)
def a_lost_desk_rings_on(patch: Patch) -> None:
    patch.setattr(links, "take_back", lambda floor, offers, because: [])


def lose_the_customer(stage: Stage) -> None:
    talk(stage)
    stage.facts(c.ReportSessions("line", Instant(stage.now)), LINE)


@bug("I4", lose_the_customer)
def a_leg_is_lost_twice(patch: Patch) -> None:
    def twice(floor: Floor, head: Any, contact: Any, gone: Any, *more: Any) -> list[Draft]:
        at = Instant(floor.now)
        return [Draft(contact.stream, f.LegLost(leg, at, at)) for leg in gone * 2]

    patch.setattr(links, "_legs_lost", twice)


@bug("I4", lose_the_customer)
def a_customer_is_lost_and_the_agent_talks_on(patch: Patch) -> None:
    def alone(floor: Floor, head: Any, contact: Any, gone: Any, *more: Any) -> list[Draft]:
        at = Instant(floor.now)
        return [Draft(contact.stream, f.LegLost(contact.leg, at, at))]

    patch.setattr(links, "_legs_lost", alone)


# --- waiting ------------------------------------------------------------------------------


@bug("I8", ringing)
def who_enters_is_offered_to_nobody(patch: Patch) -> None:
    patch.setattr(engine, "follow", lambda floor, now, ask: ())


@bug("I8", two_wait)
def who_turns_ready_gets_nobody(patch: Patch) -> None:
    patch.setattr(routing.following, "best_entry", lambda floor, agent, now: None)


@bug("I8", lambda stage: (reject(stage), stage.wait(5 * SECOND)))
def the_end_of_a_back_off_is_not_looked_at(patch: Patch) -> None:
    for kind in ("wait", "backoff", "add"):
        patch.setitem(timers.DUE, kind, lambda *_: [])


@bug("I9", two_wait)
def the_last_in_line_goes_first(patch: Patch) -> None:
    def last(floor: Floor, agent: a.Agent, now: int) -> q.Entry | None:
        waiting = [entry for entry in floor.entries.values() if entry.phase is q.WAITING]
        return max(waiting, key=lambda entry: entry.rank, default=None)

    patch.setattr(routing.following, "best_entry", last)


@bug("I10", connect_in_vain)
def what_comes_back_waits_anew(patch: Patch) -> None:
    def anew(floor: Floor, envelope: Envelope, data: f.ContactConnectFailed) -> None:
        entry = next(iter(floor.entries.values()))
        entry.since = envelope.recorded_at

    after(f.ContactConnectFailed, anew)(patch)


@bug("I14", ringing)
def an_offer_never_expires(patch: Patch) -> None:
    after(
        f.OfferMade,
        lambda floor, envelope, data: setattr(floor.offers[data.offer], "due", Instant(0)),
    )(patch)


@bug("I14", talk_and_hang_up)
def a_wrapup_never_ends(patch: Patch) -> None:
    after(
        f.AgentWrapupStarted,
        lambda floor, envelope, data: setattr(floor.agents["anne"].slots["x"], "due", 0),
    )(patch)


@bug("I14", ringing)
def a_due_is_never_proposed(patch: Patch) -> None:
    patch.setattr("cckit.core.timer.Timers.add", lambda self, timer, now: None)


@bug("I22", abandon_waiting)
def a_wait_is_negative(patch: Patch) -> None:
    patch.setattr(
        endings,
        "leave_queue",
        lambda entry, reason, now: [
            Draft(entry.contact, f.QueueLeft(entry.id, reason, Span(entry.since - now)))
        ],
    )


@bug("I22", ringing)
def a_contact_is_not_counted(patch: Patch) -> None:
    after(
        f.ContactCreated,
        lambda floor, envelope, data: setattr(floor, "created", floor.created - 1),
    )(patch)


@bug("I22", lambda stage: (ringing(stage), stage.facts(c.Dequeue(X))))
def an_entry_that_left_still_counts(patch: Patch) -> None:
    after(
        f.QueueLeft,
        lambda floor, envelope, data: setattr(next(iter(floor.queues.values())), "live", 1),
    )(patch)


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
