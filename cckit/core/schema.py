"""Events to bytes and back, by functions generated from their fields.

Data is the positional array of the fields. Encoding and decoding run per event, so both
are generated source: attribute reads and exact type tests in a row, one pack, and on the
way back a plain twin whose class is swapped (see ``events``).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import attrs
import msgpack

from .errors import UsageError
from .events import PERSONAL, EventKind, Sealed, kind_of
from .shapes import INT_MAX, Field, Shape, fields_of, fits, is_int64, ordered

STR_MAX: Final = 16 * 1024
"""Bytes of a text in UTF-8."""
BIN_MAX: Final = 32 * 1024
EXT_MAX: Final = 32_768
SEALED: Final = 1
"""The only msgpack extension in a log."""

Encode: TypeAlias = Callable[[Any], bytes]
"""Of an event: its canonical data bytes."""
Build: TypeAlias = Callable[[Sequence[Any]], Any]
"""Of the positional array: the event. Trusts it."""


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
    "int": "type({0}) is int and {0} <= MAX",  # msgpack refuses what is below MIN.
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
        "MAX": INT_MAX,
        "Sealed": Sealed,
        "PACK": msgpack.Packer(default=pack_sealed).pack,
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
        "    except (ValueError, TypeError, OverflowError):\n"
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
            msgpack.packb(value, default=pack_sealed)
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
    if isinstance(value, Sealed) and len(pack_sealed(value).data) > EXT_MAX:
        return f"a sealed value over {EXT_MAX} bytes"
    if isinstance(value, dict):
        return next((w for i in value.items() for v in i if (w := _too_large(v))), None)
    if isinstance(value, tuple):
        return next((w for v in value if (w := _too_large(v))), None)
    return None


# --- msgpack ------------------------------------------------------------------------------


def pack_sealed(value: Any) -> msgpack.ExtType:
    if type(value) is not Sealed:
        raise TypeError(f"{type(value).__name__} can't be stored")
    parts = (value.subject, value.key, value.nonce, value.ciphertext, value.digest)
    if not (is_int64(value.key) and all(type(p) is bytes for n, p in enumerate(parts) if n != 1)):
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
    if pack_sealed(sealed).data != data:
        raise ValueError("a sealed value that is not canonical")
    return sealed


def unpack(data: bytes) -> Any:
    """Read msgpack: arrays as tuples, extension 1 as ``Sealed``.

    :raises ValueError: no msgpack, bytes left over, or another extension.
    """
    return msgpack.unpackb(data, use_list=False, ext_hook=_unpack_ext)
