"""What can be asked of the floor, and what can be reported to it.

A *request* may be refused; a *report* (a name that starts with ``Report``) says what
happened outside and is never refused as late: the loser of a race becomes
``fact.superseded``. All are frozen; ids that the shell draws may be None.
"""

from typing import Any, Final, TypeVar, dataclass_transform, get_args

import attrs

from .events import freeze
from .ids import AgentId, ContactId, LegId, OfferId, QueueId, SubjectId
from .instant import Instant, Span

C = TypeVar("C")
PEOPLES: Final = frozenset({"from_", "to", "device", "name"})
"""Fields of commands that say something of people."""


def _hidden(value: object) -> str:
    """How what is said of people shows in a repr, which ends in logs and traces."""
    return "None" if value is None else "…"


def _hide(cls: type, fields: list[Any]) -> list[Any]:
    return [one.evolve(repr=_hidden) if one.name in PEOPLES else one for one in fields]


@dataclass_transform(frozen_default=True, field_specifiers=(attrs.field,))
def _command(cls: type[C]) -> type[C]:
    plain: Any = attrs.define(
        cls, slots=True, unsafe_hash=True, weakref_slot=False, field_transformer=_hide
    )
    if any(isinstance(field.default, attrs.Factory) for field in attrs.fields(plain)):  # type: ignore[arg-type]
        return attrs.frozen(cls, slots=True, weakref_slot=False, field_transformer=_hide)
    return freeze(plain)


# --- customers and adapters ---------------------------------------------------------------


@_command
class ReportArrived:
    """Someone is there: a call rings, a chat opens."""

    channel: str
    entry_point: str = ""
    ref: str = ""
    direction: str = "in"
    subject: SubjectId | None = None
    from_: str | None = None
    """The caller's number; the shell turns it into a subject and seals it."""
    to: str | None = None
    contact: ContactId | None = None
    """Drawn by the shell where None."""


@_command
class ReportAlerting:
    """The agent's device rings."""

    offer: OfferId
    leg: LegId | None = None


@_command
class ReportAnswered:
    """The agent's device was picked up: the same as accepting."""

    offer: OfferId


@_command
class ReportFailed:
    """An offer's leg could not be reached, or the connection failed."""

    offer: OfferId
    cause: str


@_command
class ReportBridged:
    """Customer and agent hear each other."""

    offer: OfferId


@_command
class ReportHeld:
    leg: LegId


@_command
class ReportRetrieved:
    leg: LegId


@_command
class ReportCleared:
    """A leg is gone."""

    leg: LegId
    cause: str = "normal"


# --- the contact --------------------------------------------------------------------------


@_command
class Enqueue:
    """Put a contact into a queue."""

    contact: ContactId
    queue: QueueId
    priority: int = 0
    lane: int = 0
    need: str | None = None
    """``billing >= 3 and he >= 2``; None is what the queue needs, "" is anyone."""
    since: Instant | None = None
    """Where its wait counts from; None is now."""


@_command
class Dequeue:
    """Take a waiting contact out of its queue; it stays on the line."""

    contact: ContactId


@_command
class SetPriority:
    contact: ContactId
    priority: int
    why: str = ""


@_command
class Deflect:
    """Send away a contact that is not yet connected."""

    contact: ContactId
    reason: str = "deflected"
    """``deflected``, ``spam`` or ``blocked``."""
    why: str = ""


@_command
class Close:
    """End a contact for both sides."""

    contact: ContactId


@_command
class Hold:
    contact: ContactId


@_command
class Retrieve:
    contact: ContactId


# --- agents -------------------------------------------------------------------------------


@_command
class LogIn:
    agent: AgentId
    channels: tuple[str, ...] = ("voice",)
    device: str | None = None


@_command
class LogOut:
    agent: AgentId
    why: str = ""


@_command
class SetReady:
    agent: AgentId


@_command
class SetNotReady:
    agent: AgentId
    reason: str


@_command
class AcceptOffer:
    offer: OfferId


@_command
class RejectOffer:
    offer: OfferId
    reason: str = ""


@_command
class LeaveContact:
    """An agent leaves the conversation; the last one to leave ends it."""

    contact: ContactId
    agent: AgentId


@_command
class EndWrapup:
    agent: AgentId
    contact: ContactId
    codes: tuple[str, ...] = ()


@_command
class ExtendWrapup:
    agent: AgentId
    contact: ContactId
    by_us: Span


# --- administration -----------------------------------------------------------------------


@_command
class ApplyConfig:
    kind: str
    id: str
    data: bytes
    """Canonical msgpack of a map; for ``queue`` see ``QueueSettings``."""


@_command
class SetProfile:
    agent: AgentId
    skills: dict[str, int] = attrs.field(factory=dict)
    channels: dict[str, int] = attrs.field(factory=lambda: {"voice": 100})
    budget: int = 100
    name: str | None = None


@_command
class SetPermission:
    who: str
    """The id of an actor: ``anna``, not ``agent/anna``."""
    role: str
    """One that a plugin judges by."""
    given: bool = True


@_command
class Erase:
    """Destroy the keys of somebody, so that nobody can read what the log says of them."""

    subject: SubjectId
    ground: str
    """Who asked and by which right, or ``rule:NAME`` of a retention rule."""


@_command
class SetHold:
    """Forbid erasing, or allow it again."""

    scope: str
    """``subject/ID``, or ``center`` for everybody."""
    on: bool
    ground: str


# --- the shell itself ---------------------------------------------------------------------


@_command
class TimerDue:
    """An instant that an event set has come."""

    kind: str
    subject: str
    set_position: int


@_command
class Route:
    """Go on matching where the last decision reached its bound of offers."""


Command = (
    ReportArrived
    | ReportAlerting
    | ReportAnswered
    | ReportFailed
    | ReportBridged
    | ReportHeld
    | ReportRetrieved
    | ReportCleared
    | Enqueue
    | Dequeue
    | SetPriority
    | Deflect
    | Close
    | Hold
    | Retrieve
    | LogIn
    | LogOut
    | SetReady
    | SetNotReady
    | AcceptOffer
    | RejectOffer
    | LeaveContact
    | EndWrapup
    | ExtendWrapup
    | ApplyConfig
    | SetProfile
    | SetPermission
    | Erase
    | SetHold
    | TimerDue
    | Route
)

COMMANDS: Final[tuple[type, ...]] = get_args(Command)
