"""The log itself, its runs and what it stands on: in stream ``center``."""

from cckit.core.events import event
from cckit.core.instant import Instant


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
    """A contact whose source was untidy, in words of the segments' flags.

    ``order_failed:hold`` is no such word: an adapter could not hold, or retrieve, play, record
    or clear what it was ordered to. In the center's stream it is of nobody's contact.
    """

    flags: tuple[str, ...]


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


@event("gap.opened", version=1)
class GapOpened:
    """From here on, things may happen that nobody can record."""

    why: str


@event("gap.closed", version=1)
class GapClosed:
    """What happened unrecorded is over; the counts are all that is known of it."""

    from_at: Instant
    until: Instant
    counts: dict[str, int]


@event("adapter.link_changed", version=1)
class AdapterLinkChanged:
    """The connection to an outside system went, or came back."""

    adapter: str
    up: bool
    seen_at: Instant
    """When it was last known to be otherwise."""


@event("mode.changed", version=1)
class ModeChanged:
    """How a queue, or the whole center, works from here on."""

    scope: str
    """``center`` or ``queue/ID``."""
    mode: str
    """emergency, overload, holiday, closed or normal."""
    until: Instant | None
    """When it turns back to normal by itself; null is never."""
    why: str
