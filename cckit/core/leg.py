"""A leg of a contact, or its session: who is on the line, in words of CSTA (ECMA-269).

The two legs of a plain contact, the customer's and its agent's, are numbers of the contact:
what they do follows from its phase and from ``held``. A ``Leg`` is kept for whatever is more
than that: who is being dialed, who was joined to a conference, who listens. CSTA's *queued* is
a contact parked in a queue; its *fail* is the cause of a clearing.
"""

from enum import IntEnum
from typing import Final

import attrs

from . import facts as f
from .ids import LegId

Phase = IntEnum("Phase", "NULL INITIATED ALERTING CONNECTED HOLD", start=0)
NULL, INITIATED, ALERTING, CONNECTED, HOLD = Phase

MOVES: Final[dict[tuple[Phase, type], Phase]] = {
    (NULL, f.LegOrdered): INITIATED,
    (INITIATED, f.LegDelivered): ALERTING,
    (INITIATED, f.LegEstablished): CONNECTED,
    (ALERTING, f.LegEstablished): CONNECTED,
    (INITIATED, f.ContactConnected): CONNECTED,
    (ALERTING, f.ContactConnected): CONNECTED,
    (CONNECTED, f.LegHeld): HOLD,
    (HOLD, f.LegRetrieved): CONNECTED,
    (INITIATED, f.LegCleared): NULL,
    (ALERTING, f.LegCleared): NULL,
    (CONNECTED, f.LegCleared): NULL,
    (HOLD, f.LegCleared): NULL,
    # What routing and arriving do to the two legs that a contact keeps as numbers.
    (NULL, f.ContactCreated): CONNECTED,
    (NULL, f.OfferMade): INITIATED,
    (INITIATED, f.OfferAlerting): ALERTING,
    (NULL, f.LegAdopted): CONNECTED,
    (CONNECTED, f.LegLost): NULL,
    (HOLD, f.LegLost): NULL,
}

CUSTOMER: Final = "customer"
EXTERNAL: Final = "external"
AGENT: Final = "agent"
SUPERVISOR: Final = "supervisor"


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Leg:
    """Slotted; ``evolve`` alone writes it."""

    id: LegId
    role: str
    """``customer``, ``external``, ``agent/ID`` or ``supervisor/ID``."""
    phase: Phase = NULL
    due: int = 0
    """When it must have answered; 0 is never."""
    position: int = 0
    """Of the event that set ``due``."""
    since: int = 0
    """When it answered."""
    adapter: str = ""
    """Who reported that, and so has its session."""

    @property
    def kind(self) -> str:
        """The first word of its role."""
        return self.role.partition("/")[0]

    @property
    def who(self) -> str:
        """The agent or supervisor of its role; empty for the others."""
        return self.role.partition("/")[2]
