"""Agents: log in and out, ready and not, wrap-up."""

from collections.abc import Iterable

from cckit.core import commands as m
from cckit.core import facts as f
from cckit.core.agent import RESERVED, WRAPUP, Agent, Slot, asked_by
from cckit.core.ask import Ask
from cckit.core.errors import Refused
from cckit.core.events import Actor, Pair
from cckit.core.floor import Floor
from cckit.core.ids import ContactId, OfferId, agent_stream
from cckit.core.instant import HOUR, Instant

Drafts = list[Pair]
MAX_EXTENSION = 8 * HOUR


def unknown(agent: str) -> Refused:
    what = f"there is no agent {agent!r}"
    return Refused("agent.unknown", agent_stream(agent), what, "set a profile first")


def logged_out(agent: Agent) -> Refused:
    return Refused("agent.logged_out", agent.stream, "the agent is not logged in", "log in first")


def log_in(floor: Floor, command: m.LogIn, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    agent = floor.agents.get(command.agent)
    if agent is None:
        return unknown(command.agent)
    missing = [channel for channel in command.channels if channel not in agent.costs]
    if missing or not command.channels:
        what = f"the profile allows {', '.join(sorted(agent.costs))}, asked were {command.channels}"
        return Refused(
            "agent.bad_channel", agent.stream, what, "log in for channels of the profile"
        )
    if agent.logged_in and agent.on == command.channels:
        return []
    if agent.logged_in:
        what = "the agent is logged in for other channels"
        return Refused("agent.wrong_state", agent.stream, what, "log out first")
    return [(agent.stream, f.AgentLoggedIn(command.device, command.channels))]


def log_out(floor: Floor, command: m.LogOut, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    agent = floor.agents.get(command.agent)
    if agent is None:
        return unknown(command.agent)
    if not agent.logged_in:
        return []
    return _withdraw(floor, agent, "logged_out", command.why, actor)


def set_not_ready(
    floor: Floor, command: m.SetNotReady, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    agent = floor.agents.get(command.agent)
    if agent is None:
        return unknown(command.agent)
    if not agent.logged_in:
        return logged_out(agent)
    if not command.reason:
        what = "not ready needs a reason"
        return Refused("agent.no_reason", agent.stream, what, "name one: lunch, training …")
    if not agent.ready and agent.reason == command.reason and not agent.next_status:
        return []
    return _withdraw(floor, agent, "not_ready", command.reason, actor)


def _withdraw(floor: Floor, agent: Agent, status: str, reason: str, actor: Actor) -> Drafts:
    """Leave now, or when the last contact at hand ends; a ringing one is taken back."""
    ringing = [slot.offer for slot in agent.slots.values() if slot.phase is RESERVED]
    if len(ringing) < len(agent.slots):
        if agent.next_status == status and agent.next_reason == reason:
            return []
        leaving: Drafts = [(agent.stream, f.AgentNextStatusSet(status, reason))]
    elif status == "logged_out":
        leaving = [(agent.stream, f.AgentLoggedOut(reason))]
    else:
        leaving = [(agent.stream, f.AgentNotReady(reason, asked_by(actor.kind)))]
    return [*take_back(floor, ringing, f"agent_{status}"), *leaving]


def take_back(floor: Floor, offers: Iterable[OfferId], because: str) -> Drafts:
    """Rescind what rings at an agent who leaves."""
    return [(floor.offers[offer].contact, f.OfferRescinded(offer, because)) for offer in offers]


def set_ready(
    floor: Floor, command: m.SetReady, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    agent = floor.agents.get(command.agent)
    if agent is None:
        return unknown(command.agent)
    if not agent.logged_in:
        return logged_out(agent)
    if agent.ready and not agent.next_status:
        return []
    return [(agent.stream, f.AgentReady())]


def _wrapup(floor: Floor, agent_id: str, contact: str) -> tuple[Agent, Slot] | Refused:
    agent = floor.agents.get(agent_id)
    if agent is None:
        return unknown(agent_id)
    slot = agent.slots.get(contact)
    if slot is None or slot.phase is not WRAPUP:
        what = "the agent does not wrap up this contact"
        return Refused("agent.no_wrapup", agent.stream, what, "its wrap-up may have ended")
    return agent, slot


def end_wrapup(
    floor: Floor, command: m.EndWrapup, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    found = _wrapup(floor, command.agent, command.contact)
    if isinstance(found, Refused):
        return found
    return wrapped_up(found[0], command.contact, actor.kind, command.codes)


def wrapped_up(agent: Agent, contact: str, by: str, codes: tuple[str, ...]) -> Drafts:
    """The agent is done with a contact."""
    return [(agent.stream, f.AgentWrapupEnded(ContactId(contact), by, codes))]


def extend_wrapup(
    floor: Floor, command: m.ExtendWrapup, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    found = _wrapup(floor, command.agent, command.contact)
    if isinstance(found, Refused):
        return found
    agent, slot = found
    if not 0 < command.by_us <= MAX_EXTENSION:
        what = f"a wrap-up is not extended by {command.by_us} us"
        return Refused("agent.bad_extension", agent.stream, what, f"use 1 to {MAX_EXTENSION}")
    due = Instant(slot.due + command.by_us)
    return [(agent.stream, f.AgentWrapupExtended(command.contact, due))]
