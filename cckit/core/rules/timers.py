"""What follows when an instant has come; of one that is gone, nothing."""

from collections.abc import Callable
from typing import Final

from cckit.core import commands as m
from cckit.core import facts as f
from cckit.core import offer as o
from cckit.core import queue as q
from cckit.core.agent import RESERVED, WRAPUP, Agent
from cckit.core.ask import Ask
from cckit.core.errors import Refused
from cckit.core.events import Actor, Pair
from cckit.core.floor import Floor
from cckit.core.ids import AgentId, EntryId, LegId, OfferId
from cckit.core.instant import Instant
from cckit.core.routing import ended, next_step, offer_entry, unmatched

from . import legs, links, messages
from .agents import take_back, wrapped_up
from .callbacks import pause_over
from .contacts import timed_out
from .offers import connect_failed

Drafts = list[Pair]


def due(floor: Floor, command: m.TimerDue, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    rule = DUE.get(command.kind)
    if rule is None:
        what = f"there is no timer of kind {command.kind!r:.40}"
        return Refused("timer.unknown", "command", what, "only the shell proposes timers")
    return rule(floor, command, now, ask)


def _wrapup(floor: Floor, command: m.TimerDue, now: int, ask: Ask) -> Drafts:
    words = command.subject.split(" ")
    for n in range(1, len(words)):  # Both ids may have spaces of their own.
        agent = floor.agents.get(AgentId(" ".join(words[:n])))
        contact = " ".join(words[n:])
        slot = agent.slots.get(contact) if agent is not None else None
        if agent is None or slot is None or slot.phase is not WRAPUP:
            continue
        if slot.position == command.set_position and slot.due <= now:
            return wrapped_up(agent, contact, "timer", ())
    return []


def _number(subject: str) -> int:
    """The id that a timer is about; 0 is nothing's."""
    return int(subject) if len(subject) < 20 and subject.isascii() and subject.isdigit() else 0


def _offer(floor: Floor, command: m.TimerDue, now: int, ask: Ask) -> Drafts:
    offer = floor.offers.get(OfferId(_number(command.subject)))
    if offer is None or offer.position != command.set_position or offer.due > now:
        return []
    if offer.phase is o.ACCEPTED:
        return connect_failed(floor, offer, "timeout")
    link = floor.links.get(offer.adapter) if floor.links else None
    if link is not None and not link.up:  # Nobody can tell whether it was answered.
        return [(offer.contact, f.OfferFailed(offer.id, "link_lost"))]
    if offer.phase is o.MADE:  # It never rang: not the agent's failing.
        return [(offer.contact, f.OfferFailed(offer.id, "not_alerted"))]
    agent = floor.agents[offer.agent]
    settings = floor.entries[offer.entry].group.queue.settings
    expired = (offer.contact, f.OfferExpired(offer.id))
    if agent.next_status or not agent.missed + 1 >= settings.rona_after > 0:
        return [expired]
    others = [
        slot.offer
        for slot in agent.slots.values()
        if slot.phase is RESERVED and slot.offer != offer.id
    ]
    back = settings.rona_back_us and agent.returned < settings.rona_returns
    until = Instant(now + settings.rona_back_us) if back else None
    away = (agent.stream, f.AgentNotReady("rona", "system", until))
    return [*take_back(floor, others, "agent_not_ready"), expired, away]


def _named(floor: Floor, subject: str) -> Agent | None:
    """The agent whose id a subject begins with; ids may have spaces of their own."""
    words = subject.split(" ")
    names = (AgentId(" ".join(words[:n])) for n in range(len(words), 0, -1))
    return next((floor.agents[name] for name in names if name in floor.agents), None)


def _agent(floor: Floor, command: m.TimerDue, now: int, ask: Ask) -> Drafts:
    """Match who rested or whose certificate began; let who was set aside come back."""
    agent = _named(floor, command.subject)
    if agent is None:
        return []
    if command.kind == "rona":
        early = agent.due_by != command.set_position or agent.due > now
        return [] if early else [(agent.stream, f.AgentReady())]
    entry = unmatched(floor, now)
    draft = None if entry is None else offer_entry(floor, entry, now, ask)
    return [] if draft is None else [draft]


def _step(floor: Floor, command: m.TimerDue, now: int, ask: Ask) -> Drafts:
    entry = floor.entries.get(EntryId(_number(command.subject)))
    if entry is None or entry.step_position != command.set_position:
        return []
    return next_step(floor, entry, now) if ended(floor, entry, now) else []


def _entry(floor: Floor, command: m.TimerDue, now: int, ask: Ask) -> Drafts:
    entry = floor.entries.get(EntryId(_number(command.subject)))
    if entry is None:
        return []
    if command.kind == "wait" and entry.phase is q.TAKEN:
        return []
    if command.kind == "wait":
        if entry.position != command.set_position or entry.due > now:
            return []
        return timed_out(entry, now)
    # Who may be offered more from this very instant on has not been matched yet.
    first = unmatched(floor, now) if floor.freed else entry
    draft = None if first is None else offer_entry(floor, first, now, ask)
    return [] if draft is None else [draft]


def _idle(floor: Floor, command: m.TimerDue, now: int, ask: Ask) -> Drafts:
    return messages.idle_over(floor, command, now)


def _link(floor: Floor, command: m.TimerDue, now: int, ask: Ask) -> Drafts:
    return links.unreachable(floor, command, now)


def _not_before(floor: Floor, command: m.TimerDue, now: int, ask: Ask) -> Drafts:
    waits = floor.entries.get(EntryId(_number(command.subject)))
    return [] if waits is None else pause_over(waits, command.set_position, now)


def _dial(floor: Floor, command: m.TimerDue, now: int, ask: Ask) -> Drafts:
    return legs.timed_out(floor, LegId(_number(command.subject)), command.set_position, now)


DUE: Final[dict[str, Callable[[Floor, m.TimerDue, int, Ask], Drafts]]] = {
    "wrapup": _wrapup,
    "ring": _offer,
    "connect": _offer,
    "wait": _entry,
    "backoff": _entry,
    "add": _entry,
    "idle": _idle,
    "link": _link,
    "rate": _agent,
    "rona": _agent,
    "certificate": _agent,
    "step": _step,
    "not_before": _not_before,
    "dial": _dial,
}
"""Kind of timer to what follows; those of plugins' machines go to them."""
