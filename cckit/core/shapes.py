"""The types that a field can have, as the log writes them: ``name:type``.

The grammar of a type::

    type     = ["personal "] shape
    shape    = ("int" | "bool" | "str" | "bytes" | "{" shape "}") ("[]" | "?")*

``str[]`` is a tuple of texts, ``{int}`` a map from text to integers, ``int?`` an integer
or null. An ``int`` is an int64. A personal value is stored sealed or as null, whatever
its shape, so that erasing the key erases the value.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from types import UnionType
from typing import Annotated, Any, Final, NamedTuple, TypeAlias, Union, get_args, get_origin

import attrs

from .errors import FormatError
from .events import PERSONAL, Sealed

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1
ARRAY_MAX: Final = 1024
MAP_MAX: Final = 256
SCALARS: Final[Mapping[str, type]] = {"int": int, "bool": bool, "str": str, "bytes": bytes}

Test: TypeAlias = Callable[[Any], bool]


class Shape(NamedTuple):
    """One type of the grammar."""

    base: str
    """``int``, ``bool``, ``str``, ``bytes``, ``{}``, ``[]``, ``?`` or ``personal``."""
    inner: "Shape | None" = None

    def __str__(self) -> str:
        if self.inner is None:
            return self.base
        if self.base == "{}":
            return f"{{{self.inner}}}"
        return f"personal {self.inner}" if self.base == PERSONAL else f"{self.inner}{self.base}"


class Field(NamedTuple):
    """One field of an event."""

    name: str
    """As stored."""
    shape: Shape

    def __str__(self) -> str:
        return f"{self.name}:{self.shape}"


# --- reading types ------------------------------------------------------------------------


def shape_of(annotation: Any) -> Shape:
    """The shape that a field's annotation means.

    :raises TypeError: an annotation outside of the grammar.
    """
    annotation = getattr(annotation, "__supertype__", annotation)
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        if PERSONAL in args[1:]:
            return Shape(PERSONAL, _union(unsealed(args[0])))
        return shape_of(args[0])
    if origin is Union or origin is UnionType:
        return _union(args)
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
        return Shape("[]", shape_of(args[0]))
    if origin is dict and args[0] is str:
        return Shape("{}", shape_of(args[1]))
    if isinstance(annotation, type) and SCALARS.get(annotation.__name__) is annotation:
        return Shape(annotation.__name__)
    raise TypeError(
        f"{annotation!r} can't be stored; use int, str, bool, bytes, X | None, tuple[X, …]"
    )


def unsealed(annotation: Any) -> tuple[Any, ...]:
    """The types that a personal value has while it is in clear, None among them if it may be."""
    union = get_origin(annotation) in (Union, UnionType)
    members = get_args(annotation) if union else (annotation,)
    return tuple(member for member in members if member is not Sealed)


def _union(members: Iterable[Any]) -> Shape:
    present = list(members)
    others = [m for m in present if m is not type(None)]
    if len(others) != 1:
        raise TypeError(f"{present!r} can't be stored; a field has one type, or one and None")
    shape = shape_of(others[0])
    if len(others) == len(present) or shape.base == "?":
        return shape
    if shape.base == PERSONAL and shape.inner is not None:
        return shape if shape.inner.base == "?" else Shape(PERSONAL, Shape("?", shape.inner))
    return Shape("?", shape)


def parse_shape(text: str) -> Shape:
    """Read a type as it is written in the log.

    :raises FormatError: text outside of the grammar.
    """
    if text.startswith(PERSONAL + " "):
        return Shape(PERSONAL, parse_shape(text.removeprefix(PERSONAL + " ")))
    if text in SCALARS:
        return Shape(text)
    if text.endswith("?") and not text.endswith("??"):
        return Shape("?", _bare(text[:-1]))
    if text.endswith("[]"):
        return Shape("[]", _bare(text[:-2]))
    if text.startswith("{") and text.endswith("}"):
        return Shape("{}", _bare(text[1:-1]))
    raise FormatError("schema", f"{text!r} is no type", "read the log with a newer cckit")


def _bare(text: str) -> Shape:
    shape = parse_shape(text)
    if shape.base == PERSONAL:
        raise FormatError("schema", f"{shape} inside a type", "read the log with a newer cckit")
    return shape


def parse_field(text: str) -> Field:
    """Read ``name:type``.

    :raises FormatError: text outside of the grammar.
    """
    name, colon, shape = text.partition(":")
    if not (colon and name.isidentifier() and name.isascii()):
        raise FormatError("schema", f"{text!r} is no field", "read the log with a newer cckit")
    return Field(name, parse_shape(shape))


def fields_of(cls: type) -> tuple[Field, ...]:
    """The fields of an event class, as they are stored.

    :raises TypeError: a field that can't be stored, or two that are stored alike.
    """
    fields = []
    for a in attrs.fields(cls):
        if isinstance(a.type, str):
            attrs.resolve_types(cls)
            return fields_of(cls)
        try:
            fields.append(Field(a.name.rstrip("_"), shape_of(a.type)))
        except TypeError as error:
            raise TypeError(f"{cls.__qualname__}.{a.name}: {error}") from error
    if len({f.name for f in fields}) < len(fields):
        raise TypeError(f"{cls.__qualname__}: two fields have one stored name")
    return tuple(fields)


# --- what a value must be -----------------------------------------------------------------

_ONLY_STR: Final = {str}
_ONLY_INT: Final = {int}


def fits(shape: Shape) -> Test:
    """A test of exact types: a bool is no int, a subclass is not its base.

    Sizes of texts are tested after packing, where they are known.
    """
    base, inner = shape
    if base == PERSONAL:
        return lambda v: v is None or type(v) is Sealed
    if inner is None:
        return is_int64 if base == "int" else _exactly(SCALARS[base])
    test = fits(inner)
    if base == "?":
        return lambda v: v is None or test(v)
    if base == "[]":
        return lambda v: type(v) is tuple and len(v) <= ARRAY_MAX and _all(test, inner, v)
    return lambda v: (
        type(v) is dict
        and len(v) <= MAP_MAX
        and (not v or {*map(type, v)} == _ONLY_STR)
        and _all(test, inner, v.values())
    )


def _all(test: Test, inner: Shape, values: Collection[Any]) -> bool:
    if not values:
        return True
    if inner.base == "str":
        return {*map(type, values)} == _ONLY_STR
    if inner.base == "int":
        integers = {*map(type, values)} == _ONLY_INT
        return integers and min(values) >= INT_MIN and max(values) <= INT_MAX
    return all(map(test, values))


def is_int64(value: Any) -> bool:
    """Whether this is an integer that the log can hold; a bool is none."""
    return type(value) is int and INT_MIN <= value <= INT_MAX


def _exactly(cls: type) -> Test:
    return lambda v: type(v) is cls


def ordered(shape: Shape) -> Callable[[Any], Any] | None:
    """How to sort the maps in a value; None where there are none."""
    base, inner = shape
    order = ordered(inner) if inner is not None and base != PERSONAL else None
    if base == "{}":
        if order is None:
            return _sort
        sort_inner = order
        return lambda v: {k: sort_inner(v[k]) for k in sorted(v)}
    if order is None:
        return None
    some = order
    return (
        (lambda v: None if v is None else some(v)) if base == "?" else (lambda v: [*map(some, v)])
    )


def _sort(value: dict[str, Any]) -> dict[str, Any]:
    if len(value) < 2:
        return value
    keys = sorted(value)
    return value if keys == [*value] else {key: value[key] for key in keys}


def is_utf8(text: str) -> bool:
    """Whether UTF-8 can hold this text: it has no lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
