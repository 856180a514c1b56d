"""Agents: log in and out, ready and not, wrap-up."""

from collections.abc import Iterable, Sequence

from cckit.core import commands as m
from cckit.core import facts as f
from cckit.core.agent import RESERVED, WRAPUP, Agent, Slot, asked_by
from cckit.core.ask import Ask
from cckit.core.certificate import FOREVER, Certificate
from cckit.core.errors import Refused
from cckit.core.events import Actor, Pair
from cckit.core.floor import Floor
from cckit.core.ids import ContactId, OfferId, agent_stream
from cckit.core.instant import HOUR, Instant
from cckit.core.link import UNREACHABLE

Drafts = list[Pair]
MAX_EXTENSION = 8 * HOUR
RESERVED_REASONS = ("rona", UNREACHABLE)
"""Reasons that make an agent come back by itself, or count as a fault of the lines."""


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
    if agent.logged_in and agent.on == command.channels and command.device is None:
        return []
    if agent.logged_in:  # Where is sealed, so nobody can tell whether it is the same device.
        what = "the agent is logged in already, for other channels or on a device"
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
    if command.reason in RESERVED_REASONS:
        what = f"{command.reason!r} is what the floor says of who did not answer or is lost"
        return Refused("agent.bad_reason", agent.stream, what, "name another: lunch, training …")
    if command.due is not None and command.due <= now:
        what = "it would have ended already"
        return Refused("agent.bad_due", agent.stream, what, "name an instant that is to come")
    same = agent.reason == command.reason and agent.due == (command.due or 0)
    if not agent.ready and same and not agent.next_status:
        return []
    return _withdraw(floor, agent, "not_ready", command.reason, actor, command.due)


def _withdraw(
    floor: Floor,
    agent: Agent,
    status: str,
    reason: str,
    actor: Actor,
    due: Instant | None = None,
) -> Drafts:
    """Leave now, or when the last contact at hand ends; a ringing one is taken back.

    When it is to end is kept only of who leaves now: nobody knows yet when the others will.
    """
    ringing = [slot.offer for slot in agent.slots.values() if slot.phase is RESERVED]
    if len(ringing) < len(agent.slots):
        if agent.next_status == status and agent.next_reason == reason:
            return []
        leaving: Drafts = [(agent.stream, f.AgentNextStatusSet(status, reason))]
    elif status == "logged_out":
        leaving = [(agent.stream, f.AgentLoggedOut(reason))]
    else:
        leaving = [(agent.stream, f.AgentNotReady(reason, asked_by(actor.kind), due))]
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
    if agent.lost:
        what = f"the connection to the agent's {' and '.join(agent.lost)} is lost"
        return Refused("agent.out_of_reach", agent.stream, what, "connect it again first")
    return [(agent.stream, f.AgentReady())]


def set_certification(
    floor: Floor, command: m.SetCertification, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    agent = floor.agents.get(command.agent)
    if agent is None:
        return unknown(command.agent)
    records = agent.certificates.get(command.skill, ())
    old = next((one for one in records if one.from_at == command.from_at), None)
    what, remedy = _wrong_window(command, records, old, now)
    if what:
        return Refused("certification.bad_window", agent.stream, what, remedy)
    until = Instant(max(command.until, now))  # What counted up to now did count.
    if old is not None and old.until == until:
        return []
    changed = f.CertificationChanged(command.agent, command.skill, command.from_at, until)
    return [(agent.stream, changed)]


def _wrong_window(
    command: m.SetCertification,
    records: Sequence[Certificate],
    old: Certificate | None,
    now: int,
) -> tuple[str, str]:
    """What is wrong with a window and what to change; empty if nothing is."""
    from_at, until = command.from_at, command.until
    if not command.skill:
        return "no skill is named", "name the skill that it is about"
    if not 0 <= from_at < until < FOREVER:
        return "it ends before it begins", "let from_at lie before until"
    if old is not None and old.until <= now:
        return "that one is over", "begin a new one, from now or later"
    if old is None and until <= now:
        return "it is over already", "let until lie in the future"
    for one in records:
        if one is not old and one.from_at < until and from_at < one.until:
            remedy = "begin where that one ends, or name its from_at to change it"
            return f"there is one from {one.from_at} to {one.until}", remedy
    return "", ""


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
    return wrapped_up(found[0], command.contact, asked_by(actor.kind), command.codes)


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
