"""The legs of a contact, in its stream: words of CSTA (ECMA-269); each starts with its id."""

from cckit.core.events import Personal, event
from cckit.core.ids import LegId
from cckit.core.instant import Instant


@event("leg.ordered", version=1)
class LegOrdered:
    leg: LegId
    order: str
    """dial, join, hold, retrieve, clear, play, record or monitor."""
    role: str | None = None
    address: Personal[str] | None = None
    due: Instant | None = None


@event("leg.held", version=1)
class LegHeld:
    leg: LegId
    by: str


@event("leg.retrieved", version=1)
class LegRetrieved:
    leg: LegId
    by: str


@event("leg.cleared", version=1)
class LegCleared:
    leg: LegId
    cause: str
    by: str


@event("leg.delivered", version=1)
class LegDelivered:
    """The far end rings."""

    leg: LegId


@event("leg.established", version=1)
class LegEstablished:
    """The far end answered."""

    leg: LegId


@event("leg.lost", version=1)
class LegLost:
    """A leg ended while nobody was listening."""

    leg: LegId
    seen_at: Instant
    """When it was last known to live."""
    found_at: Instant
    """When it was found missing; it ended in between, and no time is invented."""


@event("leg.adopted", version=1)
class LegAdopted:
    """A leg was found that this log did not know."""

    leg: LegId
    adapter: str
    ref: str
    """The adapter's name for it."""
