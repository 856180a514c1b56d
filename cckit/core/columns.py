"""A whole frame encoded column by column: the same bytes, for a third of the steps.

Who packs hundreds of decisions at once (a simulation, an import) tests the types of a
field for all events of a class together, in loops that run in C. Whatever is not plainly
right gets no verdict here: ``rows`` then answers None, and the events are encoded one by
one, which names what is wrong.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter, itemgetter
from typing import Any, Final, TypeAlias

import attrs
import msgpack

from .events import PERSONAL, Actor, Decision, Sealed
from .registry import Registry
from .schema import STR_MAX, Schema, pack_sealed
from .shapes import INT_MAX, SCALARS, Shape, Test, fits, ordered

Row: TypeAlias = tuple[Any, ...]
Write: TypeAlias = Callable[[Sequence[Any]], list[bytes] | None]
"""Events of one class to their data; None needs a closer look."""

IN_RANGE: Final = 1 << 62
SMALL: Final = 1024
"""Characters of a stream and bytes of data together that surely fit an expanded event."""
NONE: Final = type(None)

_stamp, _stream, _version, _first, _second = map(itemgetter, (0, 2, 3, 0, 1))


class Columns:
    """The columns of the types of one registry."""

    def __init__(self, registry: Registry) -> None:
        schemas = registry.by_class
        self._write = {cls: _writer(cls, schema) for cls, schema in schemas.items()}
        self._name = {cls: schema.kind.name for cls, schema in schemas.items()}
        self._number = {cls: schema.kind.version for cls, schema in schemas.items()}

    def rows(self, decisions: Sequence[Decision], actors: set[Actor]) -> list[Row] | None:
        """The decisions as they are packed, or None where they need a closer look.

        ``actors`` are those that passed before.
        """
        recorded = [event for decision in decisions for event in decision[1]]
        if not recorded:
            return None
        envelopes, datas = zip(*recorded, strict=True)
        classes = list(map(type, datas))
        bodies = self._bodies(classes, datas)
        stamps = list(map(_stamp, decisions))
        streams = list(map(_stream, envelopes))
        if bodies is None or not _plain(stamps, actors) or not _short(streams, bodies):
            return None
        names, numbers = map(self._name.get, classes), map(self._number.get, classes)
        events = list(zip(streams, map(_version, envelopes), names, numbers, bodies, strict=True))
        whole, at = [], 0
        for decision in decisions:
            end = at + len(decision[1])
            whole.append(events[at:end])
            at = end
        ats, who, occurred, causes, correlations, requests = zip(*stamps, strict=True)
        kinds, ids = map(_first, who), map(_second, who)
        return list(
            zip(ats, occurred, kinds, ids, causes, correlations, requests, whole, strict=True)
        )

    def _bodies(self, classes: list[type], datas: Sequence[Any]) -> list[bytes] | None:
        groups: dict[type, list[Any]] = {cls: [] for cls in self._write}
        try:
            for data in datas:
                groups[type(data)].append(data)
        except KeyError:
            return None
        following: dict[type, Callable[[], bytes]] = {}
        for cls, events in groups.items():
            if events:
                written = self._write[cls](events)
                if written is None:
                    return None
                following[cls] = iter(written).__next__
        return [following[cls]() for cls in classes]


def _plain(stamps: list[Any], actors: set[Actor]) -> bool:
    """Whether the stamps hold what most do: known actors, instants, causes, no more."""
    ats, who, occurred, causes, correlations, requests = zip(*stamps, strict=True)
    return (
        set(map(type, ats)) == {int}
        and min(ats) > -IN_RANGE
        and max(ats) < IN_RANGE
        and actors.issuperset(who)
        and correlations.count(None) == requests.count(None) == len(stamps)
        and occurred.count(None) == len(stamps)
        and _positions(causes)
    )


def _positions(causes: tuple[Any, ...]) -> bool:
    given = [cause for cause in causes if cause is not None]
    return not given or (
        set(map(type, given)) == {int} and 0 <= min(given) <= max(given) < IN_RANGE
    )


def _short(streams: list[Any], bodies: list[bytes]) -> bool:
    return (
        set(map(type, streams)) == {str}
        and all(map(str.isascii, streams))
        and max(map(len, streams)) + max(map(len, bodies)) <= SMALL
    )


def _writer(cls: type, schema: Schema) -> Write:
    names = [field.name for field in attrs.fields(cls)]
    kinds = [_kinds(field.shape) for field in schema.fields]
    tests = [fits(field.shape) for field in schema.fields]
    orders = [ordered(field.shape) for field in schema.fields]
    encode = schema.encode
    if not names:
        return lambda events: [encode(event) for event in events]
    get: Callable[[Any], Any] = attrgetter(*names)
    pack = msgpack.Packer(default=pack_sealed).pack

    def write(events: Sequence[Any]) -> list[bytes] | None:
        rows: list[Row] = list(map(get, events))
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) if len(names) > 1 else [rows]
        for n, column in enumerate(columns):
            if not _fitting(column, kinds[n], tests[n]):
                return None
            order = orders[n]
            if order is not None:
                columns[n] = list(map(order, column))
        try:
            packed = list(map(pack, zip(*columns, strict=True)))
        except (ValueError, TypeError, OverflowError):
            return None
        return packed if max(map(len, packed)) <= STR_MAX else None

    return write


def _fitting(column: Sequence[Any], kinds: set[type] | None, test: Test) -> bool:
    """Whether all values of a column fit; integers below the range msgpack refuses."""
    found = set(map(type, column))
    if kinds is None:
        if len(found) == 1 and not any(column):
            return test(column[0])  # None, () or {} in each.
        return all(map(test, column))
    if not found <= kinds:
        return False
    return int not in found or max(filter(None, column), default=0) <= INT_MAX


def _kinds(shape: Shape) -> set[type] | None:
    """The types that a plain field's values have; None for what holds more values."""
    base, inner = shape
    if base == PERSONAL:
        return {NONE, Sealed}
    if inner is None:
        return {SCALARS[base]}
    if base == "?" and inner.inner is None:
        return {NONE, SCALARS[inner.base]}
    return None
