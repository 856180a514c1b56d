"""A contact: from its arrival to its one closing.

``MOVES`` is the whole machine; what is not in it is a bug of ours.
"""

from enum import IntEnum
from typing import Final

import attrs

from . import facts as f
from .ids import LegId, QueueId, Stream, SubjectId

Phase = IntEnum("Phase", "NEW QUEUED CONNECTING TALKING CLOSED", start=0)
NEW, QUEUED, CONNECTING, TALKING, CLOSED = Phase

MOVES: Final[dict[tuple[Phase, type], Phase]] = {
    (NEW, f.QueueEntered): QUEUED,
    (QUEUED, f.QueueLeft): NEW,
    (QUEUED, f.OfferAccepted): CONNECTING,
    (CONNECTING, f.ContactConnected): TALKING,
    (CONNECTING, f.ContactConnectFailed): QUEUED,
    (TALKING, f.QueueLeft): TALKING,
    (NEW, f.ContactClosed): CLOSED,
    (QUEUED, f.ContactClosed): CLOSED,
    (CONNECTING, f.ContactClosed): CLOSED,
    (TALKING, f.ContactClosed): CLOSED,
    # An imported log has no offers and need not have queues.
    (NEW, f.ContactConnected): TALKING,
    (QUEUED, f.ContactConnected): TALKING,
    (CONNECTING, f.QueueLeft): NEW,
}


NO_LEG: Final = LegId(0)


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Contact:
    """Slotted; ``evolve`` alone writes it."""

    stream: Stream
    channel: str
    leg: LegId
    """The customer's, 0 once it has cleared."""
    subject: SubjectId | None
    phase: Phase = NEW
    entry: int = 0
    """Its live queue entry, or 0."""
    offer: int = 0
    """The offer that was accepted, or 0."""
    queue: QueueId | None = None
    """Where it waited last: its settings say how its agent wraps up."""
    agent: str | None = None
    """Who serves it."""
    agent_leg: LegId = NO_LEG
    held: bool = False
    since: int = 0
    """When it connected."""

    @property
    def id(self) -> str:
        return self.stream[8:]
