"""An agent: logged in or not, ready or not, and one slot for each contact at hand.

A slot is reserved by an offer, connecting once accepted, busy once connected, in wrap-up
after the agent's own part ended; then it is gone. It holds its channel's cost out of the
agent's budget all that time.
"""

from enum import IntEnum
from typing import Final

import attrs

from . import facts as f
from .ids import AgentId, OfferId, Stream, agent_stream

Phase = IntEnum("Phase", "RESERVED CONNECTING BUSY WRAPUP FREE", start=0)
RESERVED, CONNECTING, BUSY, WRAPUP, FREE = Phase

MOVES: Final[dict[tuple[Phase, type], Phase]] = {
    (RESERVED, f.OfferAccepted): CONNECTING,
    (CONNECTING, f.ContactConnected): BUSY,
    (BUSY, f.AgentWrapupStarted): WRAPUP,
    (WRAPUP, f.AgentWrapupExtended): WRAPUP,
    (WRAPUP, f.AgentWrapupEnded): FREE,
    (RESERVED, f.OfferRejected): FREE,
    (RESERVED, f.OfferExpired): FREE,
    (RESERVED, f.OfferRescinded): FREE,
    (RESERVED, f.OfferFailed): FREE,
    (CONNECTING, f.ContactConnectFailed): FREE,
    (CONNECTING, f.ContactClosed): FREE,
    (BUSY, f.ContactAgentLeft): FREE,
    (WRAPUP, f.ContactAgentLeft): WRAPUP,
}


def asked_by(kind: str) -> str:
    """Whom a status is put down to: the agent, a supervisor, or the system."""
    return kind if kind in ("agent", "supervisor") else "system"


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Slot:
    """An agent's part in one contact."""

    cost: int
    offer: OfferId
    """The offer that it came of; 0 where there was none: called out, consulted, taken over."""
    phase: Phase = RESERVED
    since: int = 0
    due: int = 0
    """End of wrap-up."""
    position: int = 0
    """Of the event that set ``due``."""


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Agent:
    """Slotted; ``evolve`` alone writes it."""

    id: AgentId
    number: int
    """Its bit in the sets of all agents."""
    stream: Stream = attrs.field(init=False)
    logged_in: bool = False
    ready: bool = False
    reason: str = ""
    """Why not ready."""
    next_status: str = ""
    """``not_ready`` or ``logged_out`` when the last slot frees."""
    next_reason: str = ""
    next_by: str = ""
    """The kind of actor that asked for it."""
    on: tuple[str, ...] = ()
    """Channels logged in for."""
    budget: int = 100
    costs: dict[str, int] = attrs.Factory(lambda: {"voice": 100})
    skills: dict[str, int] = attrs.Factory(dict)
    slots: dict[str, Slot] = attrs.Factory(dict)
    """Contact to what the agent has to do with it."""
    used: int = 0
    """Of the budget: the sum of the slots' costs."""
    over: int = 0
    """How far that may exceed a budget which was lowered meanwhile, until slots free."""
    idle_since: int = 0
    """Set by becoming ready and by the end of a contact, by nothing else."""
    idle_by: type = f.AgentReady
    """The event that set it."""
    missed: int = 0
    """Unanswered offers in a row."""
    contacts: int = 0
    talk_us: int = 0
    busy_us: int = 0
    ready_us: int = 0
    changed_at: int = 0
    """When it last turned ready, or busy."""
    last_offer: int = 0
    place: int = 0
    """Its bit in the order of idleness; 0 while it has none."""
    keys: list[tuple[str, int]] = attrs.Factory(list)
    """What the index tracks of its skills and queues."""
    fits: int = 0
    """A bit for each group that it could serve, as far as ``known``."""
    known: int = 0

    def __attrs_post_init__(self) -> None:
        self.stream = agent_stream(self.id)

    def can_take(self, channel: str) -> bool:
        """Tell whether it could be offered a contact of this channel now."""
        return (
            self.ready
            and not self.next_status
            and channel in self.on
            and self.used + self.costs.get(channel, self.budget + 1) <= self.budget
        )
