"""The shape of an event: written in the log as ``name:type``, and compiled to functions.

The grammar of a type::

    type     = ["personal "] shape
    shape    = ("int" | "bool" | "str" | "bytes" | "{" shape "}") ("[]" | "?")*

``str[]`` is a tuple of texts, ``{int}`` a map from text to integers, ``int?`` an integer
or null. An ``int`` is an int64. A personal value is stored sealed or as null, whatever
its shape, so that erasing the key erases the value.

Data is the positional array of the fields. Encoding and decoding run per event, so both
are generated source: attribute reads and exact type tests in a row, one pack, and on the
way back a plain twin whose class is swapped (see ``events``).
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Final, NamedTuple, TypeAlias, Union, get_args, get_origin

import attrs
import msgpack

from .errors import FormatError, UsageError
from .events import PERSONAL, EventKind, Sealed, kind_of

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1
STR_MAX: Final = 16 * 1024
"""Bytes of a text in UTF-8."""
BIN_MAX: Final = 32 * 1024
EXT_MAX: Final = 32_768
ARRAY_MAX: Final = 1024
MAP_MAX: Final = 256
SEALED: Final = 1
"""The only msgpack extension in a log."""
SCALARS: Final[Mapping[str, type]] = {"int": int, "bool": bool, "str": str, "bytes": bytes}

Encode: TypeAlias = Callable[[Any], bytes]
"""Of an event: its canonical data bytes."""
Build: TypeAlias = Callable[[Sequence[Any]], Any]
"""Of the positional array: the event. Trusts it."""
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


class Schema(NamedTuple):
    """One version of one event type, compiled."""

    kind: EventKind
    fields: tuple[Field, ...]
    encode: Encode
    build: Build


@attrs.frozen(slots=True)
class Unknown:
    """An event whose class is not loaded, read by the schema that its log declares.

    .. versionadded:: 0.1
    """

    name: str
    version: int
    fields: Mapping[str, Any]
    """In stored order."""


# --- reading types ------------------------------------------------------------------------


def shape_of(annotation: Any) -> Shape:
    """The shape that a field's annotation means.

    :raises TypeError: an annotation outside of the grammar.
    """
    annotation = getattr(annotation, "__supertype__", annotation)
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        if PERSONAL in args[1:]:
            return Shape(PERSONAL, _union(a for a in get_args(args[0]) if a is not Sealed))
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


def fits(shape: Shape) -> Test:
    """A test of exact types: a bool is no int, a subclass is not its base.

    Sizes of texts are tested after packing, where they are known.
    """
    base, inner = shape
    if base == PERSONAL:
        return lambda v: v is None or type(v) is Sealed
    if inner is None:
        return _INT if base == "int" else _exactly(SCALARS[base])
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
    if inner.base == "str":
        return not values or {*map(type, values)} == _ONLY_STR
    return all(map(test, values))


def _INT(value: Any) -> bool:
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
    return {k: value[k] for k in sorted(value)} if len(value) > 1 else value


# --- the generated functions --------------------------------------------------------------


def foreign_schema(name: str, version: int, fields: tuple[Field, ...]) -> Schema:
    """The compiled schema of a version without a class: its events are ``Unknown``."""
    kind = EventKind(name, version, Unknown)
    names = tuple(f.name for f in fields)
    pack = compile_values(kind, fields)

    def build(values: Sequence[Any]) -> Unknown:
        return Unknown(name, version, dict(zip(names, values, strict=True)))

    return Schema(kind, fields, lambda event: pack(tuple(event.fields.values())), build)


def schema_of(cls: type) -> Schema:
    """The compiled schema of an event class.

    :raises TypeError: the class is no event, or a field of it can't be stored.
    """
    kind, fields = kind_of(cls), fields_of(cls)
    attributes = tuple(a.name for a in attrs.fields(cls))
    return Schema(
        kind, fields, _generate_encode(kind, fields, attributes), _generate_build(cls, attributes)
    )


_SCALAR_TESTS: Final = {
    "int": "type({0}) is int and MIN <= {0} <= MAX",
    "bool": "({0} is True or {0} is False)",
    "str": "type({0}) is str",
    "bytes": "type({0}) is bytes",
    PERSONAL: "({0} is None or type({0}) is Sealed)",
}


def compile_values(kind: EventKind, fields: tuple[Field, ...]) -> Callable[[Sequence[Any]], bytes]:
    """Generate the encoding of positional values, for a reader without the class.

    It raises as ``encode`` does, and ValueError for another number of values.
    """
    names = [f"v{n}" for n in range(len(fields))]
    reads = f"    {', '.join(names)}, = event\n" if names else "    () = event\n"
    return _generate(kind, fields, reads, tuple)


def _generate_encode(
    kind: EventKind, fields: tuple[Field, ...], attributes: Sequence[str]
) -> Encode:
    reads = "".join(f"    v{n} = event.{a}\n" for n, a in enumerate(attributes))
    return _generate(
        kind, fields, reads, lambda event: tuple(getattr(event, a) for a in attributes)
    )


def _generate(
    kind: EventKind, fields: tuple[Field, ...], reads: str, values: Callable[[Any], tuple[Any, ...]]
) -> Encode:
    scope: dict[str, Any] = {
        "MIN": INT_MIN,
        "MAX": INT_MAX,
        "Sealed": Sealed,
        "PACK": msgpack.Packer(default=_pack_sealed).pack,
        "MISFIT": lambda event: _misfit(kind, fields, values(event)),
        "LARGE": lambda event: _refuse_large(kind, fields, values(event)),
    }
    tests, items = [], []
    for n, field in enumerate(fields):
        tests.append(_test_source(f"v{n}", field.shape, scope))
        order = ordered(field.shape)
        scope[f"order_v{n}"] = order
        items.append(f"v{n}" if order is None else f"order_v{n}(v{n})")
    source = (
        "def encode(event):\n"
        f"{reads}"
        f"    if not ({' and '.join(tests) or 'True'}):\n"
        "        raise MISFIT(event)\n"
        "    try:\n"
        f"        data = PACK([{', '.join(items)}])\n"
        "    except ValueError:\n"
        "        raise MISFIT(event) from None\n"
        f"    if len(data) > {STR_MAX}:\n"
        "        LARGE(event)\n"
        "    return data\n"
    )
    exec(source, scope)
    encode: Encode = scope["encode"]
    return encode


def _test_source(v: str, shape: Shape, scope: dict[str, Any]) -> str:
    base, inner = shape
    if base in _SCALAR_TESTS:
        return _SCALAR_TESTS[base].format(v)
    if base == "?" and inner is not None and inner.base in _SCALAR_TESTS:
        return f"({v} is None or {_SCALAR_TESTS[inner.base].format(v)})"
    scope[f"fits_{v}"] = fits(shape)
    empty = {"[]": f"{v} == ()", "{}": f"{v} == {{}}", "?": f"{v} is None"}[base]
    return f"({empty} or fits_{v}({v}))"


def _generate_build(cls: Any, attributes: Sequence[str]) -> Build:
    names = [f"v{n}" for n in range(len(attributes))]
    unpack = f"    {', '.join(names)}, = values\n" if names else "    () = values\n"
    writes = "".join(f"    event.{a} = {v}\n" for a, v in zip(attributes, names, strict=True))
    source = (
        "def build(values):\n"
        f"{unpack}"
        "    event = NEW(PLAIN)\n"
        f"{writes}"
        "    event.__class__ = CLASS\n"
        "    return event\n"
    )
    scope: dict[str, Any] = {"NEW": object.__new__, "PLAIN": cls.__plain__, "CLASS": cls}
    exec(source, scope)
    build: Build = scope["build"]
    return build


# --- faults -------------------------------------------------------------------------------


def _misfit(kind: EventKind, fields: tuple[Field, ...], values: Sequence[Any]) -> UsageError:
    """Which field does not fit; its value stays out of the message, it may be personal."""
    for field, value in zip(fields, values, strict=True):
        where = f"{kind.name} version {kind.version}, field {field.name}"
        if not fits(field.shape)(value):
            if field.shape.base == PERSONAL:
                return UsageError(where, "a personal value that is not sealed", "open a key file")
            what = f"a value of type {type(value).__name__} does not fit {field.shape}"
            return UsageError(where, what, "pass the exact type, integers within 64 bits")
        try:
            msgpack.packb(value, default=_pack_sealed)
        except UnicodeEncodeError:
            return UsageError(where, "text that UTF-8 can't hold", "remove lone surrogates")
        except ValueError as error:
            return UsageError(where, str(error), "seal it by the vault")
    return UsageError(
        f"{kind.name} version {kind.version}", "data that can't be packed", "report it"
    )


def _refuse_large(kind: EventKind, fields: tuple[Field, ...], values: Sequence[Any]) -> None:
    for field, value in zip(fields, values, strict=True):
        what = _too_large(value)
        if what is not None:
            where = f"{kind.name} version {kind.version}, field {field.name}"
            raise UsageError(where, what, "store it outside and its hash here")


def _too_large(value: Any) -> str | None:
    if isinstance(value, str) and len(value.encode()) > STR_MAX:
        return f"text over {STR_MAX} bytes"
    if isinstance(value, bytes) and len(value) > BIN_MAX:
        return f"bytes over {BIN_MAX}"
    if isinstance(value, Sealed) and len(_pack_sealed(value).data) > EXT_MAX:
        return f"a sealed value over {EXT_MAX} bytes"
    if isinstance(value, dict):
        return next((w for i in value.items() for v in i if (w := _too_large(v))), None)
    if isinstance(value, tuple):
        return next((w for v in value if (w := _too_large(v))), None)
    return None


# --- msgpack ------------------------------------------------------------------------------


def _pack_sealed(value: Any) -> msgpack.ExtType:
    if type(value) is not Sealed:
        raise TypeError(f"{type(value).__name__} can't be stored")
    parts = (value.subject, value.key, value.nonce, value.ciphertext, value.digest)
    if not (_INT(value.key) and all(type(p) is bytes for n, p in enumerate(parts) if n != 1)):
        raise ValueError("a sealed value of other types")
    if (len(value.subject), len(value.nonce), len(value.digest)) != (16, 12, 32):
        raise ValueError("a sealed value of other sizes")
    return msgpack.ExtType(SEALED, msgpack.packb(parts))


def _unpack_ext(code: int, data: bytes) -> Sealed:
    if code != SEALED:
        raise ValueError(f"extension {code}; a log has only {SEALED}")
    parts = msgpack.unpackb(data, use_list=False)
    if type(parts) is not tuple or len(parts) != 5:
        raise ValueError("a sealed value without its five parts")
    sealed = Sealed(*parts)
    if _pack_sealed(sealed).data != data:
        raise ValueError("a sealed value that is not canonical")
    return sealed


def unpack(data: bytes) -> Any:
    """Read msgpack: arrays as tuples, extension 1 as ``Sealed``.

    :raises ValueError: no msgpack, bytes left over, or another extension.
    """
    return msgpack.unpackb(data, use_list=False, ext_hook=_unpack_ext)
