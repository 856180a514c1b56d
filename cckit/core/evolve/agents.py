"""An agent: profile, login, availability, wrap-up."""

from typing import Final

from cckit.core import agent as a
from cckit.core import facts as f
from cckit.core.agent import Agent, Slot
from cckit.core.certificate import Certificate, SkillSettings, with_record
from cckit.core.channel import ChannelSettings
from cckit.core.events import Envelope
from cckit.core.floor import Floor, certificate_timers
from cckit.core.ids import AgentId
from cckit.core.link import UNREACHABLE
from cckit.core.settings import OfferSettings
from cckit.core.timer import Timer

from .handler import Handler
from .queues import wrapped_up
from .slots import idle, release


def _agent_of(floor: Floor, envelope: Envelope) -> Agent:
    name = envelope.stream[6:]
    agent = floor.agents.get(name)
    if agent is None:
        agent_id = AgentId(name)
        agent = Agent(agent_id, len(floor.agents), channels=floor.channels)
        floor.agents[agent_id] = agent
        floor.index.add(agent, floor.queues)
    floor.touched[agent] = None
    return agent


def profile_set(floor: Floor, envelope: Envelope, data: f.AgentProfileSet) -> None:
    agent = _agent_of(floor, envelope)
    agent.budget = data.budget
    agent.exceed()  # What is at hand keeps its cost.
    agent.costs = dict(data.channels)
    agent.profile = dict(data.skills)
    floor.refit(agent, envelope.stamp.recorded_at)
    floor.unrouted = True


def logged_in(floor: Floor, envelope: Envelope, data: f.AgentLoggedIn) -> None:
    agent = _agent_of(floor, envelope)
    agent.logged_in = True
    agent.ready = False
    agent.reason = "logged_in"
    agent.on = data.channels
    agent.lost = ()  # They come from where they are.
    agent.lost_due = 0
    agent.returned = 0
    agent.next_status = agent.next_reason = ""
    floor.index.status(agent)


def logged_out(floor: Floor, envelope: Envelope, data: f.AgentLoggedOut) -> None:
    agent = _agent_of(floor, envelope)
    _stop_ready(agent, envelope.stamp.recorded_at)
    agent.logged_in = agent.ready = False
    agent.on = ()
    agent.lost = ()
    agent.lost_due = 0
    agent.next_status = agent.next_reason = agent.reason = ""
    agent.due = agent.due_by = 0
    floor.index.status(agent)
    floor.unrouted = floor.unrouted or floor.index.leaves_empty


def ready(floor: Floor, envelope: Envelope, data: f.AgentReady) -> None:
    agent = _agent_of(floor, envelope)
    now = envelope.stamp.recorded_at
    was_ready = agent.ready
    agent.ready = True
    agent.reason = ""
    if agent.due_by and envelope.stamp.actor[0] == "timer":
        agent.returned += 1
    agent.due = agent.due_by = 0
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
    agent.due = data.due or 0
    agent.due_by = 0
    if data.due and data.reason == "rona":
        agent.due_by = envelope.position
        floor.timers.put(Timer(data.due, envelope.position, "rona", agent.id))
    if data.reason == UNREACHABLE and agent.lost_due <= envelope.stamp.recorded_at:
        agent.lost_due = 0
    agent.next_status = agent.next_reason = ""
    floor.index.status(agent)


def next_status_set(floor: Floor, envelope: Envelope, data: f.AgentNextStatusSet) -> None:
    agent = _agent_of(floor, envelope)
    agent.next_status = data.status
    agent.next_reason = data.reason
    agent.next_by = envelope.stamp.actor[0]
    floor.index.status(agent)


def certification_changed(floor: Floor, envelope: Envelope, data: f.CertificationChanged) -> None:
    agent = _agent_of(floor, envelope)
    now = envelope.stamp.recorded_at
    record = Certificate(data.from_at, data.until, envelope.position)
    agent.certificates[data.skill] = with_record(agent.certificates.get(data.skill, ()), record)
    for timer in certificate_timers(agent, now):
        if timer.position == envelope.position:
            floor.timers.put(timer)
    floor.refit(agent, now)
    floor.unrouted = True


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
    wrapped_up(floor, data.contact, agent.id)
    release(floor, agent, data.contact, envelope)


def _stop_ready(agent: Agent, now: int) -> None:
    if agent.ready and not agent.used:
        agent.ready_us += max(0, now - agent.changed_at)
        agent.changed_at = now


def channel_configured(floor: Floor, envelope: Envelope, data: f.ConfigApplied) -> None:
    floor.channels[data.id] = ChannelSettings.unpack(data.data)
    for agent in floor.agents.values():
        if agent.slots:
            agent.count()
            agent.exceed()
            floor.touched[agent] = floor.freed[agent] = None
        floor.index.refresh(agent)
    floor.unrouted = True


def skill_configured(floor: Floor, envelope: Envelope, data: f.ConfigApplied) -> None:
    floor.skills[data.id] = SkillSettings.unpack(data.data)
    floor.refit_all(envelope.stamp.recorded_at)
    floor.unrouted = True


def offers_configured(floor: Floor, envelope: Envelope, data: f.ConfigApplied) -> None:
    floor.offering = OfferSettings.unpack(data.data)
    for agent in floor.agents.values():
        agent.rested = agent.rested_by = 0  # The new number counts from here on.
        agent.offered_at.clear()
    floor.refit_all(envelope.stamp.recorded_at)
    floor.unrouted = True


def stepped(floor: Floor, step: int, now: int) -> None:
    """Move what agents wait for; certificates stay, for they name days of the calendar."""
    known = set(floor.timers.heap)
    for agent in floor.agents.values():
        if agent.logged_in:  # Else whoever turns idle now would stand before the idle.
            agent.idle_since += step
            agent.changed_at += step
        agent.due += step if agent.due else 0
        agent.rested += step if agent.rested else 0
        agent.lost_due += step if agent.lost_due else 0
        agent.offered_at = [at + step for at in agent.offered_at]
        for slot in agent.slots.values():
            slot.since += step if slot.since else 0
            slot.due += step if slot.due else 0
        for timer in certificate_timers(agent, now):
            if timer not in known:
                floor.timers.put(timer)  # What was over lies ahead again.
    floor.refit_all(now)
    floor.unrouted = True


CONFIGURED: Final[dict[str, Handler]] = {
    "channel": channel_configured,
    "skill": skill_configured,
    "offers": offers_configured,
}

HANDLERS: Final[dict[type, Handler]] = {
    f.AgentProfileSet: profile_set,
    f.AgentLoggedIn: logged_in,
    f.AgentLoggedOut: logged_out,
    f.AgentReady: ready,
    f.CertificationChanged: certification_changed,
    f.AgentNotReady: not_ready,
    f.AgentNextStatusSet: next_status_set,
    f.AgentWrapupStarted: wrapup_started,
    f.AgentWrapupExtended: wrapup_extended,
    f.AgentWrapupEnded: wrapup_ended,
}
