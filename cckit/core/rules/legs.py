"""What becomes of a leg that was ordered: it rings, answers, or does not.

What an answer or a failure leads to depends on whose leg it is: one row a role.
"""

from collections.abc import Callable, Mapping
from typing import Final

from cckit.core import commands as m
from cckit.core import contact as c
from cckit.core import facts as f
from cckit.core import leg as lg
from cckit.core.ask import Ask
from cckit.core.errors import Refused
from cckit.core.events import Actor, Pair
from cckit.core.floor import Floor
from cckit.core.ids import AgentId, LegId
from cckit.core.leg import Leg

from . import callbacks
from .endings import part_ends
from .transfers import outside_failed

Drafts = list[Pair]

Answered = Callable[[Floor, c.Contact, Leg, int], Drafts]
"""(floor, contact, leg, now): what follows ``leg.established``."""
Gone = Callable[[Floor, c.Contact, Leg, str, str, int], Drafts]
"""(floor, contact, leg, cause, by, now): what follows ``leg.cleared``."""

CAUSES: Final = frozenset({"busy", "no_answer", "rejected", "unobtainable", "switch_lost"})
"""Of failures that a contact's closing repeats; the rest is the ``carrier``'s."""


def delivered(
    floor: Floor, command: m.ReportDelivered, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    found = _found(floor, command.leg)
    if not isinstance(found, tuple):
        return found
    contact, leg = found
    if leg is None or leg.phase is not lg.INITIATED:
        return []  # Told twice, or later than the answer: nothing new.
    return [(contact.stream, f.LegDelivered(leg.id))]


def established(
    floor: Floor, command: m.ReportEstablished, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    found = _found(floor, command.leg)
    if not isinstance(found, tuple):
        return found
    contact, leg = found
    if leg is None or leg.phase not in (lg.INITIATED, lg.ALERTING):
        return []
    answer = (contact.stream, f.LegEstablished(leg.id))
    return [answer, *ANSWERED[leg.kind](floor, contact, leg, now)]


def _found(floor: Floor, leg: LegId) -> tuple[c.Contact, Leg | None] | Drafts | Refused:
    contact = floor.legs.get(leg)
    if contact is not None:
        return contact, contact.other(leg)
    if floor.was_given(leg):
        return []
    return unknown(leg)


def unknown(leg: LegId) -> Refused:
    what = "this log never knew such a leg"
    return Refused("leg.unknown", f"leg {leg}", what, "use the id the events gave it")


def gone(floor: Floor, contact: c.Contact, leg: Leg, cause: str, by: str, now: int) -> Drafts:
    """Clear a leg that is neither the customer's nor the agent's, and what follows."""
    cleared = (contact.stream, f.LegCleared(leg.id, cause, by))
    table = FAILED if leg.phase < lg.CONNECTED else LEFT
    return [cleared, *table[leg.kind](floor, contact, leg, cause, by, now)]


def timed_out(floor: Floor, leg_id: LegId, set_position: int, now: int) -> Drafts:
    """Nobody answered in time; of a leg that is gone or has answered, nothing."""
    contact = floor.legs.get(leg_id)
    leg = contact.other(leg_id) if contact is not None else None
    if contact is None or leg is None or leg.position != set_position or not 0 < leg.due <= now:
        return []
    return gone(floor, contact, leg, "no_answer", "timer", now)


# --- one row a role ---------------------------------------------------------------------------


def _customer_answered(floor: Floor, contact: c.Contact, leg: Leg, now: int) -> Drafts:
    """Who was called out to is there: agent and customer talk, or they wait as before."""
    if contact.entry:
        return callbacks.answered(contact)
    if contact.phase is not c.CONNECTING or contact.agent is None:
        return []
    agent = AgentId(contact.agent)
    return [(contact.stream, f.ContactConnected(agent, None, None, contact.agent_leg))]


def _customer_failed(
    floor: Floor, contact: c.Contact, leg: Leg, cause: str, by: str, now: int
) -> Drafts:
    """Nobody was ever there who could have given up: such a contact failed, by its cause."""
    if contact.entry:
        return callbacks.failed(floor, contact, cause, by, now)
    if contact.phase is not c.CONNECTING:
        return []
    return [(contact.stream, f.ContactClosed("failed", _why(cause), "system"))]


def _outside_answered(floor: Floor, contact: c.Contact, leg: Leg, now: int) -> Drafts:
    """Who was handed on is there; what the two say is no longer ours. A consultation talks."""
    if contact.consult_of:
        return []
    return [(contact.stream, f.ContactClosed("completed", "talk", "agent"))]


def _outside_failed(
    floor: Floor, contact: c.Contact, leg: Leg, cause: str, by: str, now: int
) -> Drafts:
    if contact.consult_of:
        return [(contact.stream, f.ContactClosed("failed", _why(cause), "system"))]
    return outside_failed(floor, contact, _why(cause), now)


def _outside_left(
    floor: Floor, contact: c.Contact, leg: Leg, cause: str, by: str, now: int
) -> Drafts:
    """Who was outside hung up: that ends a consultation, but no conference."""
    if contact.agent is not None or contact.phase is not c.TALKING:
        return []
    return [(contact.stream, f.ContactClosed("completed", "talk", "adapter"))]


def _agent_left(
    floor: Floor, contact: c.Contact, leg: Leg, cause: str, by: str, now: int
) -> Drafts:
    """One of several agents hung up: the others talk on."""
    return part_ends(floor, contact, leg.who, "left", now)


def _why(cause: str) -> str:
    return cause if cause in CAUSES else "carrier"


def _nothing_more(floor: Floor, contact: c.Contact, leg: Leg, now: int) -> Drafts:
    return []


def _nothing_else(
    floor: Floor, contact: c.Contact, leg: Leg, cause: str, by: str, now: int
) -> Drafts:
    return []


ANSWERED: Final[Mapping[str, Answered]] = {
    lg.CUSTOMER: _customer_answered,
    lg.EXTERNAL: _outside_answered,
    lg.AGENT: _nothing_more,
    lg.SUPERVISOR: _nothing_more,
}

FAILED: Final[Mapping[str, Gone]] = {
    lg.CUSTOMER: _customer_failed,
    lg.EXTERNAL: _outside_failed,
    lg.AGENT: _nothing_else,
    lg.SUPERVISOR: _nothing_else,
}

LEFT: Final[Mapping[str, Gone]] = {
    lg.EXTERNAL: _outside_left,
    lg.AGENT: _agent_left,
    lg.SUPERVISOR: _nothing_else,
}
"""A customer who answered is the contact's own: ``contacts.cleared`` ends that leg."""
