"""An offer: a contact for an agent, with a fence, an expiry and exactly one ending."""

from enum import IntEnum
from typing import Final

import attrs

from . import facts as f
from .ids import AgentId, EntryId, OfferId, Stream

Phase = IntEnum("Phase", "MADE ALERTING ACCEPTED ENDED", start=0)
MADE, ALERTING, ACCEPTED, ENDED = Phase

MOVES: Final[dict[tuple[Phase, type], Phase]] = {
    (MADE, f.OfferAlerting): ALERTING,
    (MADE, f.OfferAccepted): ACCEPTED,
    (ALERTING, f.OfferAccepted): ACCEPTED,
    (MADE, f.OfferRejected): ENDED,
    (ALERTING, f.OfferRejected): ENDED,
    (ALERTING, f.OfferExpired): ENDED,
    (MADE, f.OfferRescinded): ENDED,
    (ALERTING, f.OfferRescinded): ENDED,
    (MADE, f.OfferFailed): ENDED,
    (ALERTING, f.OfferFailed): ENDED,
    # Its agent's part is over, or never began.
    (ACCEPTED, f.ContactConnectFailed): ENDED,
    (ACCEPTED, f.ContactAgentLeft): ENDED,
    (ACCEPTED, f.ContactClosed): ENDED,
}


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Offer:
    """Slotted; ``evolve`` alone writes it."""

    id: OfferId
    contact: Stream
    entry: EntryId
    agent: AgentId
    due: int
    """When it expires; once accepted, when connecting must be done."""
    position: int
    """Of the event that set ``due``."""
    leg: int = 0
    rang_at: int = 0
    """Since when that leg alerts."""
    adapter: str = ""
    """Who reported that, and so has its session."""
    phase: Phase = MADE
