"""Plugins in a simulated world: as in a center that runs, in virtual time, by seed."""

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.ask import Verdict
from cckit.core.engine import Engine, MachineFailed
from cckit.core.errors import ConfigError
from cckit.core.events import SYSTEM, Actor, Recorded
from cckit.core.ids import AgentId, ContactId, QueueId
from cckit.core.instant import HOUR, MINUTE, SECOND, Instant, Span
from cckit.core.machine import Machine
from cckit.core.process import CASCADE_MAX
from cckit.hooks import PolicyHooks, RegisterHooks, hookimpl
from cckit.testing import Arrival, Fixed, Listed, Shift, Staffing, World
from cckit.testing.world import START
from tests.testing import patient
from tests.testing.patient import MovesUp, PatienceTried, Patient

SERVICE = QueueId("service")
UTC = ZoneInfo("UTC")


def customer(after_s: int, talk_s: int = 60) -> Arrival:
    at = Instant(START + after_s * SECOND)
    patience, talk = Span(10 * MINUTE), Span(talk_s * SECOND)
    return Arrival(at, SERVICE, Span(0), patience, talk, Span(0), None, 0, 0, "")


def day(*customers: Arrival, plugins: dict[str, object], seed: int = 1, **more: Any) -> World:
    """One agent who takes each call after four seconds, and an hour of customers."""
    traffic = Listed(START, Instant(START + HOUR), UTC, customers)
    staffing = Staffing((Shift(1, answer=Fixed(4 * SECOND)),))
    world = World(seed, traffic=traffic, staffing=staffing, plugins=plugins, **more)
    world.run()
    return world


def found(world: World, *types: type) -> list[Recorded[Any]]:
    return list(world.events(types))


TWO = (customer(0, 120), customer(10, 60))


# --- machines and timers ------------------------------------------------------------------


def test_a_machine_is_woken_exactly_when_its_state_said() -> None:
    world = day(*TWO, plugins={"patient": Patient()})
    [(envelope, tried)] = found(world, PatienceTried)
    assert envelope.recorded_at == START + 40 * SECOND
    assert tried == PatienceTried(1)
    assert envelope.actor == Actor("timer", "cckit")


def test_a_plugins_table_is_given_to_it_and_stored() -> None:
    tables = {"patient": {"after_us": 5 * SECOND}}
    world = day(*TWO, plugins={"patient": Patient()}, settings=tables)
    assert [e.recorded_at - START for e, _ in found(world, PatienceTried)] == [15 * SECOND]
    kinds = [data.kind for _, data in found(world, f.ConfigApplied)]
    assert kinds == ["patient", "center", "queue"]


def test_a_replay_of_the_log_gives_the_same_machines_states() -> None:
    world = day(*TWO, plugins={"patient": Patient()})
    again = Engine(machines=[patient.machine()])
    for recorded in world.events():
        again.fold(recorded)
    assert again.states == world.engine.states
    assert again.next_due() is None


def test_a_machine_that_raises_ends_the_run_and_the_seed_is_named() -> None:
    class Broken(Patient):
        @hookimpl
        def cckit_register_machines(self) -> Sequence[Machine]:
            def raises(*_: Any) -> Any:
                raise RuntimeError("planted")

            return (patient.machine()._replace(decide=raises),)

    with pytest.raises(MachineFailed) as caught:
        day(*TWO, plugins={"broken": Broken()}, seed=9)
    assert caught.value.__notes__ == [f"seed 9, at {START + 40 * SECOND}"]


# --- processes ----------------------------------------------------------------------------


def test_what_a_process_sends_is_decided_at_once_and_says_why() -> None:
    world = day(*TWO, plugins={"patient": Patient()})
    [(cause, _)] = found(world, PatienceTried)
    [(envelope, _)] = found(world, f.QueuePriorityChanged)
    assert envelope.position == cause.position + 1
    assert (envelope.recorded_at, envelope.cause) == (cause.recorded_at, cause.position)
    assert envelope.actor == Actor("process", "patience.up")
    assert envelope.request is not None and len(envelope.request) == 24


def test_a_contact_that_a_process_brings_has_an_id_by_seed() -> None:
    def brought(seed: int) -> list[str]:
        world = day(*TWO, plugins={"patient": Patient(comes_back=True)}, seed=seed)
        created = found(world, f.ContactCreated)
        return [e.stream for e, _ in created if e.actor.kind == "process"]

    [one], [other] = brought(1), brought(2)
    assert brought(1) == [one] != [other]
    assert len(one) == len("contact/") + 32


class Endless(RegisterHooks):
    """Each answer is another question."""

    class Asks:
        name = "asks"
        types: tuple[type, ...] = (f.PermissionChanged,)

        def initial(self) -> dict[str, bool]:
            return {"given": False}

        def apply(self, state: dict[str, bool], recorded: Recorded[Any]) -> Sequence[Any]:
            return (c.SetPermission("x", "y", not recorded[1].given),)

    @hookimpl
    def cckit_register_processes(self) -> Sequence[Any]:
        return (self.Asks(),)


def test_a_cascade_ends_at_its_bound_and_its_process_is_named() -> None:
    world = World(1, plugins={"endless": Endless()})
    world.do(c.SetPermission("x", "y"))
    assert len(found(world, f.PermissionChanged)) == 1 + CASCADE_MAX
    [(_, failed)] = found(world, f.PluginFailed)
    deep = f"a cascade deeper than {CASCADE_MAX}"
    assert failed == f.PluginFailed("endless", "process asks", deep, True)


def test_a_process_that_answers_nonsense_is_named_and_asked_no_more() -> None:
    class Nonsense(Patient):
        @hookimpl
        def cckit_register_processes(self) -> Sequence[Any]:
            class Bad(MovesUp):
                def apply(self, state: Any, recorded: Recorded[Any]) -> Any:
                    return ("no command",)

            return (Bad(),)

    world = day(*TWO, customer(20), plugins={"bad": Nonsense()})
    [(_, failed)] = found(world, f.PluginFailed)
    assert (failed.plugin, failed.hook, failed.suspended) == ("bad", "process patience.up", True)
    assert found(world, f.QueuePriorityChanged) == []


class Shut(RegisterHooks):
    """Sends everybody away who arrives."""

    class Closes:
        name = "closes"
        types: tuple[type, ...] = (f.ContactCreated,)

        def initial(self) -> None:
            return None

        def apply(self, state: None, recorded: Recorded[Any]) -> Sequence[Any]:
            return (c.Deflect(ContactId(recorded[0].stream[8:]), "blocked", "hours"),)

    @hookimpl
    def cckit_register_processes(self) -> Sequence[Any]:
        return (self.Closes(),)


def test_whom_a_process_sends_away_at_once_never_queues() -> None:
    world = day(*TWO, plugins={"shut": Shut()})
    assert [data.reason for _, data in found(world, f.ContactClosed)] == ["blocked"] * 2
    assert found(world, f.QueueEntered) == [] and world.callers == {}


# --- policies -----------------------------------------------------------------------------


def test_a_policy_ranks_and_the_offer_says_so() -> None:
    traffic = Listed(START, Instant(START + HOUR), UTC, (customer(10),))
    staffing = Staffing((Shift(3, answer=Fixed(SECOND)),))
    world = World(1, traffic=traffic, staffing=staffing, plugins={"patient": Patient()})
    world.run()
    [(_, made)] = found(world, f.OfferMade)
    names = sorted(world.engine.floor.agents)
    assert made.agent == names[-1]
    assert "patient" in str(made.hook)


class Guarded(RegisterHooks, PolicyHooks):
    """Only who has the role may, and root has it first."""

    @hookimpl
    def cckit_register_first_roles(self) -> Sequence[tuple[str, str]]:
        return (("root", "boss"),)

    @hookimpl
    def cckit_authorize(
        self, actor: Actor, roles: Sequence[str], action: str, target: str
    ) -> Verdict | None:
        return Verdict("boss" in roles, "" if "boss" in roles else "no boss")


def test_a_guard_guards_and_the_world_is_set_up_all_the_same() -> None:
    world = World(1, plugins={"guarded": Guarded()})
    queue = world.queue("service")
    world.agent("anna")
    assert queue in world.engine.floor.queues
    anna = world.engine.floor.agents[AgentId("anna")]
    assert not anna.logged_in  # She holds no role.
    assert [data.action for _, data in found(world, f.AccessRefused)] == ["LogIn", "SetReady"]
    world.do(c.SetPermission("anna", "boss"), Actor("admin", "root"))
    world.do(c.LogIn(AgentId("anna")), Actor("agent", "anna"))
    assert anna.logged_in


def test_a_policy_that_raises_is_named_and_the_strategy_stands() -> None:
    class Raises(Patient):
        @hookimpl
        def cckit_rank_agents(self, contact: Any, candidates: Any) -> Any:
            raise RuntimeError("planted")

    world = day(customer(0), plugins={"raises": Raises()})
    failed = found(world, f.PluginFailed)
    assert [data for _, data in failed] == [
        f.PluginFailed("raises", "cckit_rank_agents", "RuntimeError", False)
    ]
    assert len(found(world, f.OfferMade)) == 1


# --- the world ----------------------------------------------------------------------------


def test_what_the_run_was_made_of_is_stored() -> None:
    world = day(plugins={"patient": Patient()})
    [(_, started)] = found(world, f.RunStarted)
    assert started.versions == {"plugin.patient": "7", "plugins": "patient"}
    declared = [data.declared for _, data in found(world, f.SchemaDeclared)]
    assert "patience.tried" in declared


def test_settings_of_no_plugin_are_refused() -> None:
    with pytest.raises(ConfigError, match="takes no settings"):
        World(1, plugins={"endless": Endless()}, settings={"endless": {"n": 1}})


def test_somebody_outside_reacts_and_acts_later() -> None:
    world = World(1, plugins={"patient": Patient()})
    world.queue("service")

    def give(envelope: Any, data: f.PermissionChanged) -> None:
        if data.given:
            later = Instant(world.now + 7 * SECOND)
            world.later(later, c.SetPermission(data.who, data.role, False), SYSTEM)

    world.react(f.PermissionChanged, give)
    world.do(c.SetPermission("x", "y"))
    world.run()
    changes = [(e.recorded_at - START, data.given) for e, data in found(world, f.PermissionChanged)]
    assert changes == [(0, True), (7 * SECOND, False)]


SCRIPT = """
from tests.testing.test_plugged import TWO, customer, day
from tests.testing.patient import Patient
many = [customer(n * 7, 30 + n % 11) for n in range(60)]
world = day(*many, plugins={"patient": Patient(comes_back=True)}, seed=5)
print(world.store.head().chain.hex(), world.engine.position)
"""


def test_two_hash_seeds_give_the_same_bytes() -> None:
    told = set()
    for hash_seed in ("0", "1"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        told.add(done.stdout)
    [one] = told
    assert int(one.split()[1]) > 500
