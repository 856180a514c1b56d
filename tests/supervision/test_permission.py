"""Supervisors may supervise the agents of their teams; agents may not, and a try is recorded."""

from cckit.core import AccessRefused, Actor, ContactId, Decision, Instant, Span
from cckit.core.commands import Assign, Pull, SetMode, SetPermission
from cckit.core.ids import AgentId, QueueId
from cckit.testing import Arrival, World
from cckit.testing.world import START
from cckit_permissions.plugin import Plugin as Permissions
from cckit_supervision.events import SupervisionModeSet
from cckit_supervision.machine import Monitor, TakeOver
from cckit_supervision.plugin import Plugin

RINA, ANNA, BEN = Actor("supervisor", "rina"), Actor("agent", "anna"), Actor("supervisor", "ben")
MINUTE = 60_000_000


def talking() -> tuple[World, ContactId]:
    """Anna, whom Rina leads, talks to a customer."""
    teams = {"north": {"leads": ["rina"], "agents": ["anna"]}}
    world = World(
        1,
        plugins={"permissions": Permissions(), "supervision": Plugin()},
        settings={"permissions": {"first_admin": "root", "teams": teams}},
    )
    root = Actor("admin", "root")
    for who, role in (("rina", "supervisor"), ("ben", "supervisor"), ("anna", "agent")):
        world.do(SetPermission(who, role), root)
    queue = world.queue("help")
    world.agent("anna")
    talk = Span(30 * MINUTE)
    world.arrive(Arrival(START, queue, Span(0), None, talk, Span(0), None, 0, 0, ""))
    world.run(Instant(START + MINUTE))
    [contact] = world.callers
    return world, contact


def test_a_supervisor_listens_to_the_team() -> None:
    world, contact = talking()
    assert isinstance(world.do(Monitor(contact, "rina"), RINA), Decision)
    assert [data.mode for _, data in world.events((SupervisionModeSet,))] == ["listen"]


def test_nobody_else_does_and_the_try_is_recorded() -> None:
    world, contact = talking()
    for command in (Monitor(contact, "x"), TakeOver(contact, "x")):
        for actor in (BEN, ANNA):
            world.do(command, actor)
    assert not list(world.events((SupervisionModeSet,)))
    refused = [(one.actor, one.action, one.object) for _, one in world.events((AccessRefused,))]
    assert refused == [
        ("ben", "Monitor", "agent/anna"),
        ("anna", "Monitor", "agent/anna"),
        ("ben", "TakeOver", "agent/anna"),
        ("anna", "TakeOver", "agent/anna"),
    ]


def test_agents_do_not_pull_assign_or_switch_and_supervisors_do() -> None:
    world, contact = talking()
    commands = (Pull(contact), Assign(contact, AgentId("anna")), SetMode("center", "closed"))
    for command in commands:
        world.do(command, ANNA)
    refused = [one.action for _, one in world.events((AccessRefused,))]
    assert refused == ["Pull", "Assign", "SetMode"]
    for command in (Pull(contact, QueueId("help")), SetMode("center", "closed")):
        assert isinstance(world.do(command, RINA), Decision)
