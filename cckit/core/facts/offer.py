"""An offer, in the stream of its contact; each starts with its id, the fence."""

from cckit.core.events import event
from cckit.core.ids import AgentId, ContactId, EntryId, LegId, OfferId
from cckit.core.instant import Instant


@event("offer.made", version=1)
class OfferMade:
    """A routing decision: whom, by which rule, and against whom."""

    offer: OfferId
    """Its fence."""
    entry: EntryId
    contact: ContactId
    agent: AgentId
    round: int
    due: Instant
    policy: str
    """The queue's strategy."""
    policy_hash: bytes
    """SHA-256 of the queue's configuration that decided."""
    step: int
    eligible: int
    """How many agents could have had it."""
    excluded: dict[str, int]
    """Why the others could not, each counted by the first reason that holds."""
    key: int
    """What the strategy computed for the winner; least wins."""
    runner_up: AgentId | None = None
    runner_key: int | None = None
    tie: str | None = None
    """How a tie was broken: ``idle_since`` or ``agent``."""
    hook: tuple[str, ...] | None = None
    """Plugin, its answer's first agent, its reason."""


@event("offer.alerting", version=1)
class OfferAlerting:
    offer: OfferId
    leg: LegId


@event("offer.accepted", version=1)
class OfferAccepted:
    offer: OfferId


@event("offer.rejected", version=1)
class OfferRejected:
    offer: OfferId
    reason: str


@event("offer.expired", version=1)
class OfferExpired:
    offer: OfferId


@event("offer.rescinded", version=1)
class OfferRescinded:
    offer: OfferId
    reason: str


@event("offer.failed", version=1)
class OfferFailed:
    offer: OfferId
    cause: str
