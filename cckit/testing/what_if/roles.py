"""Commands whose ids another run gives: who they are for is said by role.

A recorded command may name a leg or an agent; in another run the leg has another id and
another agent may talk. These stand for it, and are made anew from the floor as it is.
"""

from functools import cache
from typing import Any, Final, NamedTuple

from cckit.core import commands as c
from cckit.core.contact import Contact
from cckit.core.ids import AgentId, ContactId, LegId
from cckit.core.instant import Span


class CustomerGone(NamedTuple):
    """The customer hangs up."""

    cause: str


class AgentGone(NamedTuple):
    """The line of the agent who talks is gone."""

    cause: str


class AgentLeaves(NamedTuple):
    """An agent who talks leaves."""

    place: int = 0
    """Which one, the agent who answers for the contact first."""


class OtherGone(NamedTuple):
    """One who is there beside customer and agent hangs up."""

    place: int
    cause: str


class OtherTold(NamedTuple):
    """Such a one is on hold, or back."""

    place: int
    held: bool


class Told(NamedTuple):
    """A side is on hold, or back."""

    held: bool
    customer: bool


class Called(NamedTuple):
    """The line of who is being called: a customer, or somebody outside."""

    what: str
    """delivered, established or gone."""
    cause: str = "normal"


class WrapupEnds(NamedTuple):
    codes: tuple[str, ...] = ()


class WrapupExtends(NamedTuple):
    by_us: Span


customer_gone = cache(CustomerGone)
"""One of each cause, for a hundred thousand of them."""


def _gone(contact: Contact, role: CustomerGone) -> Any:
    return c.ReportCleared(contact.leg, role.cause) if contact.leg else None


def _agent_gone(contact: Contact, role: AgentGone) -> Any:
    return c.ReportCleared(contact.agent_leg, role.cause) if contact.agent_leg else None


def _leaves(contact: Contact, role: AgentLeaves) -> Any:
    agents = contact.serving()
    if not agents:
        return None
    agent = agents[min(role.place, len(agents) - 1)]
    return c.LeaveContact(ContactId(contact.id), AgentId(agent))


def _other(contact: Contact, place: int) -> LegId | None:
    others = list(contact.others or ())
    return LegId(others[place]) if place < len(others) else None


def _other_gone(contact: Contact, role: OtherGone) -> Any:
    leg = _other(contact, role.place)
    return None if leg is None else c.ReportCleared(leg, role.cause)


def _other_told(contact: Contact, role: OtherTold) -> Any:
    leg = _other(contact, role.place)
    return None if leg is None else (c.ReportHeld if role.held else c.ReportRetrieved)(leg)


def _told(contact: Contact, role: Told) -> Any:
    leg: LegId = contact.leg if role.customer else contact.agent_leg
    return (c.ReportHeld if role.held else c.ReportRetrieved)(leg) if leg else None


def _called(contact: Contact, role: Called) -> Any:
    leg = contact.dialing
    if leg is None:
        return None
    if role.what == "gone":
        return c.ReportCleared(leg.id, role.cause)
    return (c.ReportDelivered if role.what == "delivered" else c.ReportEstablished)(leg.id)


ROLES: Final[dict[type, Any]] = {
    CustomerGone: _gone,
    AgentGone: _agent_gone,
    AgentLeaves: _leaves,
    OtherGone: _other_gone,
    OtherTold: _other_told,
    Told: _told,
    Called: _called,
}
"""Role to what it is now; None where nobody has that role."""
