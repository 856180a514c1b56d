"""The facts of the core: every event that cckit itself writes.

Names and fields are for ever: a changed event is a new version with an upcaster. Streams:
``contact/ID`` (contact, leg, queue and offer events), ``agent/ID``, ``subject/ID``,
``center``. Events of a leg, an entry or an offer start with its id.
"""

from typing import Final, get_args

from .events import Personal, event
from .ids import AgentId, ContactId, EntryId, LegId, OfferId, QueueId, SubjectId
from .instant import Instant, Span

# --- the log itself, in stream "center" ---------------------------------------------------


@event("schema.declared", version=1)
class SchemaDeclared:
    """The shape of one event type. Position 0 declares this one."""

    declared: str
    n: int
    """The declared version."""
    fields: tuple[str, ...]
    """``name:type`` in stored order."""


@event("run.started", version=1)
class RunStarted:
    """A writer opened the log. Core ids of this run carry its epoch."""

    epoch: int
    kind: str
    """``live``, ``imported`` or ``simulated``: one kind a log."""
    source: str | None
    """What was imported or simulated: a digest and a name, no path."""
    seed: int | None
    authorize: bool
    """An authorize hook is loaded; without one all is allowed."""
    versions: dict[str, str]
    """Plugins in load order and the versions of cckit and of what it stands on."""
    continues: dict[str, str] | None = None


@event("clock.stepped", version=1)
class ClockStepped:
    """The wall clock moved against ours by more than a second."""

    from_at: Instant
    to_at: Instant


@event("recovery.reconciled", version=1)
class RecoveryReconciled:
    """What a new run found open in the log."""

    counts: dict[str, int]


@event("config.applied", version=1)
class ConfigApplied:
    """A piece of configuration, whole: the last one of (kind, id) holds."""

    kind: str
    """``queue``, ``center``, ``retention``, ``proof`` or a plugin's name."""
    id: str
    hash: bytes
    """SHA-256 of ``data``."""
    data: bytes
    """Canonical msgpack of a map."""


@event("permission.changed", version=1)
class PermissionChanged:
    who: str
    role: str
    given: bool


@event("access.granted", version=1)
class AccessGranted:
    actor: str
    action: str
    component: str
    kind: str
    object: str
    purpose: str


@event("access.refused", version=1)
class AccessRefused:
    actor: str
    action: str
    object: str
    purpose: str | None
    n: int
    """How many refusals this one stands for. At most 10 a minute an actor are written; what
    is over is counted in one more, with the next refusal of anybody in a later minute."""


@event("plugin.failed", version=1)
class PluginFailed:
    plugin: str
    hook: str
    error: str
    suspended: bool


@event("invariant.broken", version=1)
class InvariantBroken:
    rule: str
    command: str


@event("fact.superseded", version=1)
class FactSuperseded:
    """A report came too late: what it says had already ended otherwise."""

    fact: str
    """The report's name and what it was about."""
    by_position: int
    """The event that won."""


@event("fact.quarantined", version=1)
class FactQuarantined:
    """A report that nobody can resend and that made no sense here."""

    adapter: str
    digest: bytes
    reason: str


@event("fact.flagged", version=1)
class FactFlagged:
    """A contact whose source was untidy, in words of the segments' flags."""

    flags: tuple[str, ...]


@event("data.disclosed", version=1)
class DataDisclosed:
    """What the log knows about somebody was told to them, or given to another center."""

    subject: SubjectId
    how: str
    """``access`` or ``portability``."""
    purpose: str


@event("hold.changed", version=1)
class HoldChanged:
    """Somebody's data must be kept, whatever else asks for its end; or need not any more."""

    scope: str
    """``subject/ID``, or ``center`` for everybody."""
    on: bool
    ground: str


@event("ledger.counted", version=1)
class LedgerCounted:
    """How many there were of everything before this event, so that none can be left out later."""

    kind: str
    """``queue`` (entries by queue), ``type`` (events by type) or ``stream`` (how many have begun,
    by first word)."""
    part: int
    """From 0: a kind with over 256 counters takes several, at successive positions."""
    counters: dict[str, int]


@event("log.restored", version=1)
class LogRestored:
    """This log goes on from a copy of another one that had gone further."""

    origin: str
    """Of the log that was copied."""
    size: int
    """Events that the copy held."""
    chain: bytes
    """Its head."""


@event("projection.pinned", version=1)
class ProjectionPinned:
    """What a projection came to when 0 to ``position`` had been folded."""

    projection: str
    n: int
    """The projection's version."""
    code: bytes
    """SHA-256 of the source of its module."""
    schemas: bytes
    """SHA-256 of the declarations of the types that it reads."""
    zones: bytes
    """SHA-256 of the zone file that it was given; empty if none."""
    position: int
    chain: bytes
    """Of the frame that holds ``position``."""
    digest: bytes
    """SHA-256 of the canonical dump."""


@event("subject.erasure_started", version=1)
class SubjectErasureStarted:
    """In stream ``subject/ID``: from here on nobody may open what is sealed for them."""

    ground: str
    """Who asked and by which right, or ``rule:NAME`` of a retention rule."""


@event("subject.erased", version=1)
class SubjectErased:
    """In stream ``subject/ID``: their keys are gone."""

    ground: str
    keys: int
    """Keys destroyed."""
    coverage: dict[str, int]
    """Place (``keys``, ``lookups``, ``views``, a plugin's name …) to things erased in it."""
    failures: dict[str, str]
    """Place that was not reached, and why."""


@event("subject.key_made", version=1)
class SubjectKeyMade:
    """In stream ``subject/ID``: commits to a key without showing it."""

    commitment: bytes
    """SHA-256("cckit-dek" + subject + key number + key)."""


# --- a contact ----------------------------------------------------------------------------


@event("contact.created", version=1)
class ContactCreated:
    channel: str
    direction: str
    """``in`` or ``out``."""
    leg: LegId
    """The customer's."""
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


# --- its legs -----------------------------------------------------------------------------


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


# --- its wait -----------------------------------------------------------------------------


@event("queue.entered", version=1)
class QueueEntered:
    entry: EntryId
    queue: QueueId
    n: int
    """The n-th entry of its queue, from 1, without holes."""
    since: Instant
    """Where its wait counts from."""
    priority: int
    lane: int
    """2 emergency, 1 reserved, 0 all else: strict."""
    steps: tuple[str, ...]
    """Requirements, ``billing >= 3 and he >= 2``; none is anyone of the queue."""
    place_from: str | None = None
    due: Instant | None = None
    """When it leaves by itself (max wait)."""


@event("queue.priority_changed", version=1)
class QueuePriorityChanged:
    entry: EntryId
    priority: int
    why: str


@event("queue.left", version=1)
class QueueLeft:
    entry: EntryId
    reason: str
    """answered, abandoned, overflowed, timed_out, dequeued, cancelled, blocked …"""
    wait_us: Span


# --- an offer -----------------------------------------------------------------------------


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


# --- an agent -----------------------------------------------------------------------------


@event("agent.profile_set", version=1)
class AgentProfileSet:
    name: Personal[str] | None
    budget: int
    """Of capacity; 100 unless set."""
    channels: dict[str, int]
    """Channel to the cost of one contact."""
    skills: dict[str, int]
    """Skill to level, 1 to 5; a language is a skill."""


@event("agent.logged_in", version=1)
class AgentLoggedIn:
    device: Personal[str] | None
    channels: tuple[str, ...]


@event("agent.logged_out", version=1)
class AgentLoggedOut:
    why: str


@event("agent.ready", version=1)
class AgentReady:
    pass


@event("agent.not_ready", version=1)
class AgentNotReady:
    reason: str
    by: str
    """agent, supervisor, system (rona)."""
    due: Instant | None = None


@event("agent.next_status_set", version=1)
class AgentNextStatusSet:
    """What the agent will be when the last slot frees."""

    status: str
    """``not_ready`` or ``logged_out``."""
    reason: str


@event("agent.wrapup_started", version=1)
class AgentWrapupStarted:
    contact: ContactId
    due: Instant


@event("agent.wrapup_extended", version=1)
class AgentWrapupExtended:
    contact: ContactId
    due: Instant


@event("agent.wrapup_ended", version=1)
class AgentWrapupEnded:
    contact: ContactId
    by: str
    """agent, timer or supervisor."""
    codes: tuple[str, ...]


Fact = (
    SchemaDeclared
    | RunStarted
    | ClockStepped
    | RecoveryReconciled
    | ConfigApplied
    | PermissionChanged
    | AccessGranted
    | AccessRefused
    | PluginFailed
    | InvariantBroken
    | FactSuperseded
    | FactQuarantined
    | FactFlagged
    | DataDisclosed
    | HoldChanged
    | LedgerCounted
    | LogRestored
    | ProjectionPinned
    | SubjectErasureStarted
    | SubjectErased
    | SubjectKeyMade
    | ContactCreated
    | ContactConnected
    | ContactConnectFailed
    | ContactAgentLeft
    | ContactClosed
    | LegOrdered
    | LegHeld
    | LegRetrieved
    | LegCleared
    | QueueEntered
    | QueuePriorityChanged
    | QueueLeft
    | OfferMade
    | OfferAlerting
    | OfferAccepted
    | OfferRejected
    | OfferExpired
    | OfferRescinded
    | OfferFailed
    | AgentProfileSet
    | AgentLoggedIn
    | AgentLoggedOut
    | AgentReady
    | AgentNotReady
    | AgentNextStatusSet
    | AgentWrapupStarted
    | AgentWrapupExtended
    | AgentWrapupEnded
)

FACTS: Final[tuple[type, ...]] = get_args(Fact)
