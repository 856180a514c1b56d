"""How a command is made: frozen, slotted, and silent about people."""

from typing import Any, Final, TypeVar, dataclass_transform

import attrs

from cckit.core.events import freeze

C = TypeVar("C")
PEOPLES: Final = frozenset({"from_", "to", "device", "name", "body", "files", "values"})
"""Fields of commands that say something of people."""


def _hidden(value: object) -> str:
    """How what is said of people shows in a repr, which ends in logs and traces."""
    return "None" if value is None else "…"


def _hide(cls: type, fields: list[Any]) -> list[Any]:
    return [one.evolve(repr=_hidden) if one.name in PEOPLES else one for one in fields]


@dataclass_transform(frozen_default=True, field_specifiers=(attrs.field,))
def command(cls: type[C]) -> type[C]:
    plain: Any = attrs.define(
        cls, slots=True, unsafe_hash=True, weakref_slot=False, field_transformer=_hide
    )
    if any(isinstance(field.default, attrs.Factory) for field in attrs.fields(plain)):  # type: ignore[arg-type]
        return attrs.frozen(cls, slots=True, weakref_slot=False, field_transformer=_hide)
    return freeze(plain)
