"""A contact and its messages, in stream ``contact/ID``."""

from cckit.core.events import Personal, event
from cckit.core.ids import AgentId, ContactId, EntryId, LegId, OfferId, SubjectId
from cckit.core.instant import Instant


@event("contact.created", version=1)
class ContactCreated:
    channel: str
    direction: str
    """``in``, ``out``, or ``internal``: an agent consults somebody about another contact."""
    leg: LegId
    """The customer's, of an internal one the consulting agent's; 0 while there is none."""
    subject: SubjectId | None
    from_: Personal[str] | None
    to: Personal[str] | None
    entry_point: str
    ref: str
    """The source's name for it."""


@event("contact.connected", version=1)
class ContactConnected:
    agent: AgentId
    entry: EntryId | None
    offer: OfferId | None
    leg: LegId
    """The agent's."""


@event("contact.connect_failed", version=1)
class ContactConnectFailed:
    offer: OfferId | None
    cause: str


@event("contact.agent_left", version=1)
class ContactAgentLeft:
    agent: AgentId
    why: str


@event("contact.closed", version=1)
class ContactClosed:
    reason: str
    """completed, abandoned, deflected, overflowed, timed_out, blocked, failed …"""
    phase: str
    """Where it stood: flow, queue, ring, connect, talk or hold; for blocked and failed
    the word that says why."""
    by: str
    """customer, agent, supervisor, timer, system or adapter."""


@event("contact.identified", version=1)
class ContactIdentified:
    """It is known who this is."""

    subject: SubjectId
    method: str
    """``number``, ``pin``, ``questions``, ``agent`` …"""
    level: int
    """How sure: 0 claimed, 1 likely, 2 verified, 3 verified twice."""


@event("contact.attributes_set", version=1)
class ContactAttributesSet:
    """What is known of the matter; a name that comes again is replaced."""

    values: Personal[dict[str, str]] | None


@event("contact.consent_recorded", version=1)
class ContactConsentRecorded:
    kind: str
    """``recording``, ``callback``, ``marketing`` …"""
    given: bool
    basis: str
    """Who said so, or by which rule."""


@event("contact.linked", version=1)
class ContactLinked:
    """This contact belongs with another one."""

    other: ContactId
    kind: str
    """consult_of, callback_of, moved_from, same_matter or reopened."""
    matter: str
    """The id of the first contact of the matter."""


@event("contact.transferred", version=1)
class ContactTransferred:
    """An agent hands the contact on."""

    kind: str
    """``blind`` or ``consult``."""
    from_agent: AgentId
    to_kind: str
    """agent, queue or external."""
    to: Personal[str] | None
    """The address outside; an agent or a queue stands in the ``queue.entered`` beside it."""


@event("contact.conferenced", version=1)
class ContactConferenced:
    """All these hear each other."""

    legs: tuple[LegId, ...]


@event("contact.idled", version=1)
class ContactIdled:
    """Nobody serves the conversation; a message wakes it until it is over."""

    due: Instant
    """When it closes."""


@event("message.received", version=1)
class MessageReceived:
    ext_id: str
    """The source's id of it."""
    author: str
    """``customer``, or who else writes there."""
    body: Personal[str] | None
    files: Personal[tuple[str, ...]] | None
    """References of what came with it."""


@event("message.sent", version=1)
class MessageSent:
    """An order to the channel; the actor wrote it."""

    body: Personal[str] | None
    template: str | None = None


@event("message.status_set", version=1)
class MessageStatusSet:
    """What became of a message that was sent."""

    ext_id: str
    status: str
    """sent, delivered, read or failed."""
