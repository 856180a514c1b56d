"""How a command is made: frozen, slotted, and silent about people."""

from functools import cache
from typing import (
    Annotated,
    Any,
    Final,
    NamedTuple,
    TypeVar,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

import attrs

from cckit.core.events import NUMBER, PERSONAL, When, freeze

C = TypeVar("C")
_ALIASES: Final = ("InClear", "Number", "Personal", PERSONAL)
"""What marks an annotation that is still text."""


class Saying(NamedTuple):
    """A field of a command that says something of a person."""

    field: str
    is_number: bool
    """Who it is may be known by it."""
    when: When | None
    """Only where another field has this value; None is always."""


@cache
def sayings(cls: Any) -> tuple[Saying, ...]:
    """The fields of a command class that say something of a person, in order."""
    hints = get_type_hints(cls, include_extras=True)
    return tuple(
        Saying(
            field.name,
            NUMBER in marks,
            next((mark for mark in marks if isinstance(mark, When)), None),
        )
        for field in attrs.fields(cls)
        if PERSONAL in (marks := _marks(hints[field.name]))
    )


def said_in(command: Any) -> tuple[Saying, ...]:
    """What of that this command says: fields that are None or empty say nothing."""
    cls: Any = type(command)
    return tuple(
        one
        for one in sayings(cls)
        if getattr(command, one.field) not in _NOTHING
        and (one.when is None or getattr(command, one.when.field) == one.when.value)
    )


_NOTHING: Final[tuple[Any, ...]] = (None, (), {})


def _marks(annotation: Any) -> tuple[Any, ...]:
    """What an annotation is marked with, also inside ``X | None``."""
    if get_origin(annotation) is Annotated:
        return get_args(annotation)[1:]
    return tuple(mark for member in get_args(annotation) for mark in _marks(member))


def _is_said(annotation: Any) -> bool:
    if isinstance(annotation, str):
        return any(alias in annotation for alias in _ALIASES)
    return PERSONAL in _marks(annotation)


def _hidden(value: object) -> str:
    """How what is said of people shows in a repr, which ends in logs and traces."""
    return "None" if value is None else "…"


def _hide(cls: type, fields: list[Any]) -> list[Any]:
    return [one.evolve(repr=_hidden) if _is_said(one.type) else one for one in fields]


@dataclass_transform(frozen_default=True, field_specifiers=(attrs.field,))
def command(cls: type[C]) -> type[C]:
    """Make a class a command: what is sent to a center, and decided by a machine.

    A field that says something of a person is annotated ``InClear[...]``, or ``Number`` if
    the person is known by it: such a value shows in no repr, and see there. Whom it is said of
    is the command's ``subject``, else the person of its contact (``contact``, or a stream in
    ``of`` or ``stream``), else who has the number; of a field ``agent`` alone, the agent.

    .. versionadded:: 0.3
    """
    plain: Any = attrs.define(
        cls, slots=True, unsafe_hash=True, weakref_slot=False, field_transformer=_hide
    )
    if any(isinstance(field.default, attrs.Factory) for field in attrs.fields(plain)):  # type: ignore[arg-type]
        return attrs.frozen(cls, slots=True, weakref_slot=False, field_transformer=_hide)
    return freeze(plain)
