"""Commands, settings and events as dicts of JSON or TOML.

cattrs reads and writes them: it forbids keys that it does not know and names the path of
a fault. In JSON, bytes are lower-case hex, tuples are arrays, and a sealed value shows
only whose it is, ``{"sealed": subject}``.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin

import attrs
import cattrs
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError, IterableValidationError
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from .commands import COMMANDS
from .edges import UNKNOWN, WRONG_TYPE, check
from .errors import ConfigError, Refused
from .events import PERSONAL, Sealed
from .schema import Unknown
from .shapes import unsealed

T = TypeVar("T")

UNKNOWN_FIELD: Final = "command.unknown_field"
MISSING_FIELD: Final = "command.missing_field"


class Misfit(ValueError):
    """A value of another type than its field."""


def read_command(name: str, fields: object, commands: Sequence[type] = COMMANDS) -> Any | Refused:
    """A command from a class name and a dict of its fields.

    .. versionadded:: 0.1
    """
    cls = next((c for c in commands if c.__name__ == name), None)
    if cls is None:
        return Refused(UNKNOWN, "command", f"there is no command {name!r:.80}", "see the commands")
    try:
        command: Any = _converter().structure(fields, cls)
    except (ClassValidationError, Misfit) as error:
        reason, path, what, remedy = _first_fault(error, "")
        return Refused(reason, name + path, what, remedy)
    return check(command) or command


def read_settings(cls: type[T], fields: object, where: str) -> T:
    """Settings from a dict of TOML or JSON; ``where`` names the file and the table.

    :raises ConfigError: a key that there is not or that is missing, a value of another
        type.

    .. versionadded:: 0.1
    """
    try:
        return _converter().structure(fields, cls)
    except (ClassValidationError, Misfit) as error:
        _, path, what, remedy = _first_fault(error, "")
        raise ConfigError(where + path, what, remedy) from error


def event_fields(data: Any) -> dict[str, Any]:
    """The fields of an event under their stored names, as JSON has them.

    .. versionadded:: 0.1
    """
    fields: dict[str, Any] = _converter().unstructure(data)
    return fields


def event_from(cls: type[T], fields: Mapping[str, Any]) -> T:
    """An event from its fields in JSON; the reverse of ``event_fields``.

    :raises ConfigError: fields that are not those of the event; a sealed value, which
        JSON does not hold.

    .. versionadded:: 0.1
    """
    return read_settings(cls, fields, cls.__name__)


# --- how cattrs reads and writes ------------------------------------------------------------


@cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(
        forbid_extra_keys=True, unstruct_collection_overrides={tuple: list}
    )
    for scalar in (int, bool, str):
        converter.register_structure_hook(scalar, _exactly(scalar))
    converter.register_structure_hook(bytes, _from_hex)
    converter.register_unstructure_hook(bytes, bytes.hex)
    converter.register_unstructure_hook(Sealed, lambda sealed: {"sealed": sealed.subject.hex()})
    converter.register_unstructure_hook(Unknown, lambda u: converter.unstructure(dict(u.fields)))
    converter.register_structure_hook_factory(_is_personal, lambda t: _open(converter, t))
    converter.register_structure_hook_factory(
        _of(tuple), lambda t: _inside(converter, t, (list, tuple), "a list")
    )
    converter.register_structure_hook_factory(
        _of(dict), lambda t: _inside(converter, t, (dict,), "a table")
    )
    converter.register_structure_hook_factory(attrs.has, lambda t: _object(converter, t))
    converter.register_unstructure_hook_factory(_has_fields, lambda t: _fields(converter, t))
    return converter


def _exactly(scalar: type) -> Callable[[Any, Any], Any]:
    def structure(value: Any, _: Any) -> Any:
        if type(value) is not scalar:
            raise Misfit(f"{scalar.__name__}, not {type(value).__name__}")
        return value

    return structure


def _from_hex(value: Any, _: Any) -> bytes:
    try:
        read = bytes.fromhex(value)
    except (TypeError, ValueError) as error:
        raise Misfit("lower-case hex") from error
    if read.hex() != value:
        raise Misfit("lower-case hex")
    return read


def _of(generic: type) -> Callable[[Any], bool]:
    def of(annotation: Any) -> bool:
        origin: Any = get_origin(annotation)
        return origin is generic

    return of


def _is_personal(annotation: Any) -> bool:
    return get_origin(annotation) is Annotated and PERSONAL in get_args(annotation)[1:]


def _open(converter: cattrs.Converter, annotation: Any) -> Callable[[Any, Any], Any]:
    inner: Any = reduce(or_, unsealed(get_args(annotation)[0]))
    return lambda value, _: converter.structure(value, inner)


def _inside(
    converter: cattrs.Converter, annotation: Any, allowed: tuple[type, ...], name: str
) -> Callable[[Any, Any], Any]:
    items = get_args(annotation)

    def structure(value: Any, _: Any) -> Any:
        if type(value) not in allowed:
            raise Misfit(f"{name}, not {type(value).__name__}")
        if allowed == (dict,):
            return {
                converter.structure(k, items[0]): converter.structure(v, items[1])
                for k, v in value.items()
            }
        return tuple(converter.structure(item, items[0]) for item in value)

    return structure


def _object(converter: cattrs.Converter, cls: type) -> Callable[[Any, Any], Any]:
    inner: Callable[[Any, Any], Any] = make_dict_structure_fn(
        cls, converter, _cattrs_forbid_extra_keys=True, **_stored_names(cls)
    )

    def structure(value: Any, annotation: Any) -> Any:
        if type(value) is not dict:
            raise Misfit(f"a table, not {type(value).__name__}")
        return inner(value, annotation)

    return structure


def _has_fields(cls: Any) -> bool:
    return attrs.has(cls) and cls not in (Sealed, Unknown)


def _fields(converter: cattrs.Converter, cls: type) -> Callable[[Any], Any]:
    return make_dict_unstructure_fn(cls, converter, **_stored_names(cls))


def _stored_names(cls: type) -> dict[str, Any]:
    return {
        a.name: override(rename=a.name.rstrip("_"))
        for a in attrs.fields(cls)
        if a.name.endswith("_")
    }


# --- what went wrong ------------------------------------------------------------------------


def _first_fault(error: BaseException, path: str) -> tuple[str, str, str, str]:
    """Reason, path, what and remedy of the first fault in a tree of them."""
    if isinstance(error, ForbiddenExtraKeysError):
        key = min(map(str, error.extra_fields))
        fields = ", ".join(a.name.rstrip("_") for a in attrs.fields(error.cl))
        return UNKNOWN_FIELD, f"{path}.{key}"[:200], "there is no such field", f"use {fields}"
    if isinstance(error, ClassValidationError):
        noted, rest = error.group_exceptions()
        if noted:
            inner, note = noted[0]
            return _first_fault(inner, f"{path}.{note.name.rstrip('_')}")
        return _first_fault(rest[0], path)
    if isinstance(error, IterableValidationError):
        return _first_fault(error.exceptions[0], path)
    if isinstance(error, KeyError):
        return MISSING_FIELD, path, "the field is missing", "give it a value"
    if isinstance(error, Misfit):
        return WRONG_TYPE, path, f"expected {error}", "give a value of that type"
    return WRONG_TYPE, path, f"a {type(error).__name__}", "give a value of the field's type"
