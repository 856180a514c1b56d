"""An agent: profile, login, availability, wrap-up."""

from typing import Final

from cckit.core import agent as a
from cckit.core import facts as f
from cckit.core.agent import Agent, Slot
from cckit.core.events import Envelope
from cckit.core.floor import Floor
from cckit.core.ids import AgentId
from cckit.core.timer import Timer

from .handler import Handler
from .slots import idle, release


def _agent_of(floor: Floor, envelope: Envelope) -> Agent:
    agent_id = AgentId(envelope.stream[6:])
    agent = floor.agents.get(agent_id)
    if agent is None:
        agent = Agent(agent_id, len(floor.agents))
        floor.agents[agent_id] = agent
        floor.index.add(agent, floor.queues)
    floor.touched[agent] = None
    return agent


def profile_set(floor: Floor, envelope: Envelope, data: f.AgentProfileSet) -> None:
    agent = _agent_of(floor, envelope)
    agent.budget = data.budget
    agent.over = max(0, agent.used - data.budget)  # What is at hand keeps its cost.
    agent.costs = dict(data.channels)
    agent.skills = dict(data.skills)
    floor.index.add(agent, floor.queues)
    floor.unrouted = True


def logged_in(floor: Floor, envelope: Envelope, data: f.AgentLoggedIn) -> None:
    agent = _agent_of(floor, envelope)
    agent.logged_in = True
    agent.ready = False
    agent.reason = "logged_in"
    agent.on = data.channels
    agent.next_status = agent.next_reason = ""
    floor.index.status(agent)


def logged_out(floor: Floor, envelope: Envelope, data: f.AgentLoggedOut) -> None:
    agent = _agent_of(floor, envelope)
    _stop_ready(agent, envelope.stamp.recorded_at)
    agent.logged_in = agent.ready = False
    agent.on = ()
    agent.next_status = agent.next_reason = agent.reason = ""
    floor.index.status(agent)


def ready(floor: Floor, envelope: Envelope, data: f.AgentReady) -> None:
    agent = _agent_of(floor, envelope)
    now = envelope.stamp.recorded_at
    was_ready = agent.ready
    agent.ready = True
    agent.reason = ""
    agent.missed = 0
    agent.next_status = agent.next_reason = ""
    floor.index.status(agent)
    if not was_ready:
        if not agent.used:
            agent.changed_at = now
        idle(floor, agent, envelope)
    else:
        floor.freed[agent] = None


def not_ready(floor: Floor, envelope: Envelope, data: f.AgentNotReady) -> None:
    agent = _agent_of(floor, envelope)
    _stop_ready(agent, envelope.stamp.recorded_at)
    agent.ready = False
    agent.reason = data.reason
    agent.next_status = agent.next_reason = ""
    floor.index.status(agent)


def next_status_set(floor: Floor, envelope: Envelope, data: f.AgentNextStatusSet) -> None:
    agent = _agent_of(floor, envelope)
    agent.next_status = data.status
    agent.next_reason = data.reason
    agent.next_by = envelope.stamp.actor[0]
    floor.index.status(agent)


def wrapup_started(floor: Floor, envelope: Envelope, data: f.AgentWrapupStarted) -> None:
    agent = _agent_of(floor, envelope)
    slot = agent.slots[data.contact]
    slot.phase = a.MOVES[slot.phase, f.AgentWrapupStarted]
    _set_wrapup(floor, envelope, agent, slot, data)


def wrapup_extended(floor: Floor, envelope: Envelope, data: f.AgentWrapupExtended) -> None:
    agent = _agent_of(floor, envelope)
    slot = agent.slots[data.contact]
    slot.phase = a.MOVES[slot.phase, f.AgentWrapupExtended]
    _set_wrapup(floor, envelope, agent, slot, data)


def _set_wrapup(
    floor: Floor,
    envelope: Envelope,
    agent: Agent,
    slot: Slot,
    data: f.AgentWrapupStarted | f.AgentWrapupExtended,
) -> None:
    slot.due = data.due
    slot.position = envelope.position
    timer = Timer(data.due, envelope.position, "wrapup", agent.id, data.contact)
    floor.timers.add(timer, envelope.stamp.recorded_at)


def wrapup_ended(floor: Floor, envelope: Envelope, data: f.AgentWrapupEnded) -> None:
    agent = _agent_of(floor, envelope)
    slot = agent.slots[data.contact]
    slot.phase = a.MOVES[slot.phase, f.AgentWrapupEnded]
    release(floor, agent, data.contact, envelope)


def _stop_ready(agent: Agent, now: int) -> None:
    if agent.ready and not agent.used:
        agent.ready_us += max(0, now - agent.changed_at)
        agent.changed_at = now


HANDLERS: Final[dict[type, Handler]] = {
    f.AgentProfileSet: profile_set,
    f.AgentLoggedIn: logged_in,
    f.AgentLoggedOut: logged_out,
    f.AgentReady: ready,
    f.AgentNotReady: not_ready,
    f.AgentNextStatusSet: next_status_set,
    f.AgentWrapupStarted: wrapup_started,
    f.AgentWrapupExtended: wrapup_extended,
    f.AgentWrapupEnded: wrapup_ended,
}
