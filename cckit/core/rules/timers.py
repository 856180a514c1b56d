"""What follows when an instant has come; of one that is gone, nothing."""

from .. import commands as m
from .. import facts as f
from .. import offer as o
from .. import queue as q
from ..agent import WRAPUP
from ..ask import Ask
from ..errors import Refused
from ..events import Actor, Draft
from ..floor import Floor
from ..ids import AgentId, OfferId
from ..routing import offer_entry, seeker_of
from .agents import wrapped_up
from .contacts import timed_out
from .offers import connect_failed, unaccepted

Drafts = list[Draft]


def due(floor: Floor, command: m.TimerDue, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    kind = command.kind
    if kind == "wrapup":
        return _wrapup(floor, command, now, ask)
    if kind == "ring" or kind == "connect":
        return _offer(floor, command, now, ask)
    if kind == "wait" or kind == "backoff":
        return _entry(floor, command, now, ask)
    what = f"there is no timer of kind {kind!r}"
    return Refused("timer.unknown", kind, what, "only the shell proposes timers")


def _wrapup(floor: Floor, command: m.TimerDue, now: int, ask: Ask) -> Drafts:
    words = command.subject.split(" ")
    for n in range(1, len(words)):  # Both ids may have spaces of their own.
        agent = floor.agents.get(AgentId(" ".join(words[:n])))
        contact = " ".join(words[n:])
        slot = agent.slots.get(contact) if agent is not None else None
        if agent is None or slot is None or slot.phase is not WRAPUP:
            continue
        if slot.position == command.set_position and slot.due <= now:
            return wrapped_up(floor, agent, contact, "timer", (), now, ask)
    return []


def _number(subject: str) -> int:
    """The id that a timer is about; 0 is nothing's."""
    return int(subject) if len(subject) < 20 and subject.isascii() and subject.isdigit() else 0


def _offer(floor: Floor, command: m.TimerDue, now: int, ask: Ask) -> Drafts | Refused:
    offer = floor.offers.get(_number(command.subject))
    if offer is None or offer.position != command.set_position or offer.due > now:
        return []
    if offer.phase is o.ACCEPTED:
        return connect_failed(floor, offer, "timeout", now, ask)
    if offer.phase is o.MADE:  # It never rang: not the agent's failing.
        ended = Draft(offer.contact, f.OfferFailed(offer.id, "not_alerted"))
        return unaccepted(floor, offer, ended, now, ask)
    missed = floor.agents[offer.agent].missed + 1
    settings = floor.entries[offer.entry].group.queue.settings
    rona = missed >= settings.rona_after > 0
    ended = Draft(offer.contact, f.OfferExpired(offer.id))
    return unaccepted(floor, offer, ended, now, ask, rona)


def _entry(floor: Floor, command: m.TimerDue, now: int, ask: Ask) -> Drafts:
    entry = floor.entries.get(_number(command.subject))
    if entry is None:
        return []
    if command.kind == "wait" and entry.phase is q.TAKEN:
        return []
    if command.kind == "wait":
        if entry.position != command.set_position or entry.due > now:
            return []
        return timed_out(floor, entry, now, ask)
    if entry.phase is not q.WAITING:
        return []
    offer = offer_entry(floor, seeker_of(entry), now, ask, OfferId(floor.next_id()))
    return [] if offer is None else [offer]
