"""What customers and adapters report: it happened, and is never refused as late."""

from cckit.core.events import InClear, Number
from cckit.core.ids import AgentId, ContactId, LegId, OfferId, SubjectId
from cckit.core.instant import Instant

from .making import command


@command
class ReportArrived:
    """Someone is there: a call rings, a chat opens."""

    channel: str
    entry_point: str = ""
    ref: str = ""
    direction: str = "in"
    subject: SubjectId | None = None
    from_: Number | None = None
    """The caller's number; the shell turns it into a subject and seals it."""
    to: InClear[str] | None = None
    contact: ContactId | None = None
    """Drawn by the shell where None."""


@command
class ReportAlerting:
    """The agent's device rings."""

    offer: OfferId
    leg: LegId | None = None


@command
class ReportAnswered:
    """The agent's device was picked up: the same as accepting."""

    offer: OfferId


@command
class ReportFailed:
    """An offer's leg could not be reached, or the connection failed."""

    offer: OfferId
    cause: str


@command
class ReportBridged:
    """Customer and agent hear each other."""

    offer: OfferId


@command
class ReportHeld:
    leg: LegId


@command
class ReportRetrieved:
    leg: LegId


@command
class ReportCleared:
    """A leg is gone."""

    leg: LegId
    cause: str = "normal"


@command
class ReportDelivered:
    """The far end of an ordered leg rings."""

    leg: LegId


@command
class ReportEstablished:
    """The far end of an ordered leg answered."""

    leg: LegId


@command
class ReportMessage:
    """Somebody wrote."""

    contact: ContactId
    ext_id: str
    """The source's id of it; the same one again is the same message."""
    author: str = "customer"
    body: InClear[str] | None = None
    files: InClear[tuple[str, ...]] = ()


@command
class ReportStatus:
    """What became of a message that was sent."""

    contact: ContactId
    ext_id: str
    status: str
    """sent, delivered, read or failed."""


@command
class ReportLink:
    """The connection to an outside system went, or came back."""

    adapter: str
    up: bool
    seen_at: Instant | None = None
    """When it was last known to be otherwise; None is now."""


@command
class ReportAgentLink:
    """An agent's desk or device was lost, or is back."""

    agent: AgentId
    what: str
    """``desk`` or ``device``."""
    up: bool


@command
class ReportSessions:
    """All live sessions of an adapter, for reconciliation."""

    adapter: str
    as_of: Instant
    """What is newer than this is left alone."""
    legs: tuple[LegId, ...] = ()
    """Those that have our names."""
    strangers: tuple[str, ...] = ()
    """The adapter's names of those that have none."""


@command
class GiveConsent:
    contact: ContactId
    kind: str
    given: bool
    basis: str
