"""Whom a command speaks of, and what it says of them.

A command says something of a person in the fields that its class marks (``InClear``). Whose
that is follows from the command alone wherever it can, for the digest of a request must not
depend on the floor: its own ``subject``, the agent that it names and nothing else, the number
of somebody who comes or is called. Else it is the person of the contact it is about.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final

import attrs

from cckit.core.commands import DRAWN, ReportArrived, said_in
from cckit.core.events import PERSONAL
from cckit.core.ids import AgentId, ContactId, Stream, agent_stream, contact_stream
from cckit.core.registry import Registry

_OF: Final = ("of", "stream")
"""Fields in which a plugin's command may name ``contact/ID`` or ``subject/ID``."""


def is_personal(command: Any) -> bool:
    """Whether a command says something of a person that has to be sealed."""
    return bool(said_in(command))


def digested(command: Any) -> Any:
    """What a request's digest is made of: nothing that is said of a person.

    Where somebody is known by a number, their subject stands for it.
    """
    said = said_in(command)
    if not said:
        return command
    if type(command) is ReportArrived:
        return command if command.subject is None else with_(command, from_=None, to=None)
    return with_(command, **{one.field: "" for one in said})


def completed(command: Any, draw: Callable[[], ContactId]) -> Any:
    """A command with the id of the contact that it begins, drawn if it names none."""
    field = DRAWN.get(type(command))
    if field is None or getattr(command, field) is not None:
        return command
    return with_(command, **{field: draw()})


def begun_by(command: Any) -> Stream | None:
    """The contact that a command begins, if it begins one and names it."""
    field = DRAWN.get(type(command))
    name = None if field is None else getattr(command, field)
    return None if name is None else contact_stream(name)


def about(command: Any) -> Stream | None:
    """The stream of whom a command is about: ``contact/ID`` or ``subject/ID``; None is neither."""
    cls: Any = type(command)
    if "contact" in _names(cls) and DRAWN.get(cls) != "contact":
        named = command.contact
        return None if named is None else contact_stream(named)
    for field in _OF:
        stream = getattr(command, field, None)
        if isinstance(stream, str) and stream.startswith(("contact/", "subject/")):
            return Stream(stream)
    return None


def agent_of(command: Any) -> Stream | None:
    """The agent of whom a command speaks; None if it could speak of somebody else."""
    names = _names(_class(command))
    if "agent" not in names or names & {"subject", "contact"}:
        return None
    return agent_stream(AgentId(command.agent))


def takes_subject(command: Any) -> bool:
    """Whether a command can say itself of whom it speaks, and has not."""
    return "subject" in _names(_class(command)) and command.subject is None


def number_of(command: Any) -> str | None:
    """The number by which the person of a command is known; None if it says none."""
    if type(command) is ReportArrived:
        number: str | None = command.to if command.direction == "out" else command.from_
        return number
    return next((getattr(command, one.field) for one in said_in(command) if one.is_number), None)


def personal_fields(registry: Registry) -> dict[type, tuple[str, ...]]:
    """Event class to the attributes that hold personal values; others are left out."""
    found = {}
    for cls, schema in registry.by_class.items():
        pairs = zip(attrs.fields(cls), schema.fields, strict=True)
        names = tuple(a.name for a, field in pairs if field.shape.base == PERSONAL)
        if names:
            found[cls] = names
    return found


def with_(thing: Any, **changes: Any) -> Any:
    """A copy with other values."""
    return attrs.evolve(thing, **changes)


def _class(command: Any) -> Any:
    return type(command)


@cache
def _names(cls: Any) -> frozenset[str]:
    return frozenset(field.name for field in attrs.fields(cls))
