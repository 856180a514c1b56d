"""What an event is, and what is known about it.

An event is a frozen attrs class with a stored name and a version that we chose::

    @event("callback.requested", version=1)
    class CallbackRequested:
        mode: str

Its fields are ``int``, ``str``, ``bool``, ``bytes``, ``X | None``, ``tuple[X, ...]``,
``dict[str, X]`` or ``Personal[X]``; a trailing underscore (``from_``) is not stored.

What a whole decision shares (who, when, why) stands once in its ``Stamp``. The
``Envelope`` of an event points to it and adds the place in the log.

A frozen ``__init__`` of attrs takes 1.1 us and an event costs 6 us all in. So ``event``
builds a plain slotted class and a frozen subclass of it with no slots of its own; making
an event fills the plain one and then swaps its class, which takes less than half.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final, NamedTuple, NoReturn, TypeVar, dataclass_transform

import attrs

from .ids import Stream
from .instant import Instant

T = TypeVar("T")
D = TypeVar("D")


@attrs.frozen(slots=True)
class Sealed:
    """A personal value, encrypted under its subject's key."""

    subject: bytes
    """16 bytes: the subject's id."""
    key: int
    """Which key of the subject."""
    nonce: bytes
    """12 random bytes."""
    ciphertext: bytes
    """AES-256-GCM of salt (16) and the packed value."""
    digest: bytes
    """SHA-256 of that plaintext, so that a disclosure can be checked."""


PERSONAL: Final = "personal"

Personal = Annotated[T | Sealed, PERSONAL]
"""A value about a person: open up to the writer, ``Sealed`` from there on."""

InClear = Annotated[T, PERSONAL]
"""What a command says of a person, on its way in.

The shell seals it before anything is stored, leaves it out of the request's digest, and
refuses it in a log that has no keys.

.. versionadded:: 0.3
"""

NUMBER: Final = "number"
Number = Annotated[str, PERSONAL, NUMBER]
"""What a command says of a person, and by which that person is known if nothing else says who.

.. versionadded:: 0.3
"""


class When(NamedTuple):
    """Beside ``InClear``: the field says something of a person only where another has a value.

    ``to: Annotated[InClear[str], When("to_kind", "external")]``

    .. versionadded:: 0.3
    """

    field: str
    value: str


class EventKind(NamedTuple):
    """A stored name and version, and the class that they mean here."""

    name: str
    version: int
    cls: type


class Actor(NamedTuple):
    """Who did it."""

    kind: str
    """One of ``ACTOR_KINDS``."""
    id: str
    """Who of them: 1 to 128 characters."""


ACTOR_KINDS: Final = (
    "customer",
    "adapter",
    "agent",
    "supervisor",
    "admin",
    "timer",
    "process",
    "system",
)
SYSTEM: Final = Actor("system", "cckit")
TIMER: Final = Actor("timer", "cckit")


class Stamp(NamedTuple):
    """Who, when and why of one decision; its events share it."""

    recorded_at: int
    """Our clock when it was decided; never goes back within a run."""
    actor: Actor
    occurred_at: int | None = None
    """The source's clock, where it has one."""
    cause: int | None = None
    """Position of the event that led to this one."""
    correlation: str | None = None
    """The matter's first contact."""
    request: bytes | None = None
    """24 bytes: digest of the idempotency key and of the command."""


class Envelope(NamedTuple):
    """An event's place in the log. Positions and stream versions count from 0."""

    stamp: Stamp
    position: int
    stream: Stream
    stream_version: int
    kind: EventKind

    @property
    def type(self) -> str:
        """The stored name."""
        return self.kind.name

    @property
    def schema_version(self) -> int:
        return self.kind.version

    @property
    def recorded_at(self) -> Instant:
        return Instant(self.stamp.recorded_at)

    @property
    def occurred_at(self) -> Instant | None:
        at = self.stamp.occurred_at
        return None if at is None else Instant(at)

    @property
    def actor(self) -> Actor:
        return self.stamp.actor

    @property
    def cause(self) -> int | None:
        return self.stamp.cause

    @property
    def correlation(self) -> str | None:
        return self.stamp.correlation

    @property
    def request(self) -> bytes | None:
        return self.stamp.request


Recorded = tuple[Envelope, D]
"""An event as it stands in the log: its envelope and its data."""


class Draft(NamedTuple):
    """An event that decide proposes."""

    stream: Stream
    data: Any


Pair = tuple[Stream, Any]
"""What a Draft is to those who unpack it. The core's own rules make plain pairs: a seventh
of the time of a named tuple, twelve times a call."""


class Decision(NamedTuple):
    """What one command led to: all of it is stored, or nothing."""

    stamp: Stamp
    recorded: tuple[Recorded[Any], ...]
    """In order; positions are dense."""


def kind_of(cls: type) -> EventKind:
    """The kind of an event class.

    :raises TypeError: the class was not made by ``@event``.
    """
    kind = cls.__dict__.get("__event__")
    if not isinstance(kind, EventKind):
        raise TypeError(
            f"{cls.__qualname__} is not an event; decorate it with @event(name, version=…)"
        )
    return kind


@dataclass_transform(frozen_default=True)
def event(name: str, *, version: int) -> Callable[[type[T]], type[T]]:
    """Make a class an event under a stored name and version.

    ``name`` is ``thing.happened``; both parts are stored in every log for ever.
    """

    def decorate(cls: type[T]) -> type[T]:
        frozen: Any = freeze(attrs.define(cls, slots=True, unsafe_hash=True, weakref_slot=False))
        frozen.__event__ = EventKind(name, version, frozen)
        made: type[T] = frozen
        return made

    return decorate


def _refuse(self: object, name: str, value: object = None) -> NoReturn:
    raise attrs.exceptions.FrozenInstanceError()


def freeze(plain: type[T]) -> type[T]:
    """Make the frozen twin of a plain slotted attrs class without default factories."""
    fields = attrs.fields(plain)  # type: ignore[arg-type]
    scope: dict[str, Any] = {"PLAIN": plain, "NEW": object.__new__}
    parameters = []
    lines = []
    for field in fields:
        if field.default is attrs.NOTHING:
            parameters.append(field.name)
        else:
            scope[f"DEFAULT_{field.name}"] = field.default
            parameters.append(f"{field.name}=DEFAULT_{field.name}")
        lines.append(f"    self.{field.name} = {field.name}\n")
    source = (
        f"def __new__({', '.join(['cls', *parameters])}):\n"
        "    self = NEW(PLAIN)\n"
        f"{''.join(lines)}"
        "    self.__class__ = cls\n"
        "    return self\n"
    )
    exec(source, scope)
    body = {
        "__slots__": (),
        "__new__": scope["__new__"],
        "__init__": object.__init__,
        "__setattr__": _refuse,
        "__delattr__": _refuse,
        "__module__": plain.__module__,
        "__qualname__": plain.__qualname__,
        "__doc__": plain.__doc__,
        "__plain__": plain,
        "__reduce__": lambda self: (type(self), tuple(getattr(self, f.name) for f in fields)),
    }
    return type(plain.__name__, (plain,), body)
