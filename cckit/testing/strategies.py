"""hypothesis strategies for commands, events and decisions.

Needs ``pip install 'cckit-sdk[testing]'``.
"""

from collections.abc import Sequence
from typing import Any, get_type_hints

import attrs
from hypothesis import strategies as st

from cckit.core.edges import check
from cckit.core.events import (
    PERSONAL,
    Actor,
    Decision,
    Envelope,
    Recorded,
    Sealed,
    Stamp,
    kind_of,
)
from cckit.core.ids import Stream
from cckit.core.shapes import INT_MAX, INT_MIN, Shape, shape_of

Values = st.SearchStrategy[Any]

INTEGERS = st.one_of(
    st.integers(INT_MIN, INT_MAX),
    st.sampled_from((0, 127, 128, 2**32 - 1, 2**32, INT_MAX, -1, -32, -33, INT_MIN)),
)
TEXTS = st.text(max_size=40)
SEALED = st.builds(
    Sealed,
    st.binary(min_size=16, max_size=16),
    st.integers(0, 1 << 32),
    st.binary(min_size=12, max_size=12),
    st.binary(min_size=16, max_size=64),
    st.binary(min_size=32, max_size=32),
)


def values(shape: Shape) -> Values:
    """Values that fit one type of a field; a personal one is sealed or None."""
    base, inner = shape
    if base == PERSONAL:
        return st.none() | SEALED
    if inner is None:
        return _scalars(base)
    if base == "?":
        return st.none() | values(inner)
    if base == "[]":
        return st.lists(values(inner), max_size=20).map(tuple)
    return st.dictionaries(TEXTS, values(inner), max_size=20)


def _scalars(base: str) -> Values:
    match base:
        case "int":
            return INTEGERS
        case "str":
            return TEXTS
        case "bool":
            return st.booleans()
        case _:
            return st.binary(max_size=40)


def events(*classes: type) -> Values:
    """Events of some classes, with any values that the log can hold.

    .. versionadded:: 0.1
    """
    return st.one_of([_events_of(cls) for cls in classes])


def _events_of(cls: type) -> Values:
    return st.tuples(*(values(shape_of(a.type)) for a in attrs.fields(cls))).map(
        lambda drawn: cls(*drawn)
    )


STREAMS = TEXTS.map(lambda text: Stream("contact/" + text))
STAMPS = st.builds(
    Stamp,
    INTEGERS,
    st.builds(Actor, TEXTS, TEXTS),
    st.none() | INTEGERS,
    st.none() | st.integers(0, INT_MAX),
    st.none() | TEXTS,
    st.none() | st.binary(min_size=24, max_size=24),
)


def decisions(*classes: type, most: int = 5) -> st.SearchStrategy[list[Decision]]:
    """Decisions in order from position 0; each stream's versions count from 0.

    .. versionadded:: 0.1
    """
    drawn = st.lists(st.tuples(STREAMS, events(*classes)), min_size=1, max_size=most)
    return st.lists(st.tuples(STAMPS, drawn), min_size=1, max_size=most).map(_placed)


def _placed(drawn: Sequence[tuple[Stamp, Sequence[tuple[Stream, Any]]]]) -> list[Decision]:
    versions: dict[Stream, int] = {}
    position = 0
    placed = []
    for stamp, contents in drawn:
        recorded: list[Recorded[Any]] = []
        for stream, data in contents:
            version = versions.get(stream, 0)
            versions[stream] = version + 1
            place = Envelope(stamp, position, stream, version, kind_of(type(data)))
            recorded.append((place, data))
            position += 1
        placed.append(Decision(stamp, tuple(recorded)))
    return placed


def commands(*classes: type, names: Sequence[str] = (), numbers: Sequence[int] = ()) -> Values:
    """Commands of some classes that pass the check at the edge.

    ``names`` and ``numbers`` are ids that exist: about half of the texts and integers are
    drawn from them, the others are anything.

    .. versionadded:: 0.1
    """
    texts = st.text(min_size=1, max_size=12)
    integers = st.integers(0, 3) | INTEGERS
    known = texts | st.sampled_from(list(names)) if names else texts
    counted = integers | st.sampled_from(list(numbers)) if numbers else integers
    return st.one_of([_commands_of(cls, {"str": known, "int": counted}) for cls in classes])


def _commands_of(cls: Any, scalars: dict[str, Values]) -> Values:
    hints = get_type_hints(cls, include_extras=True)
    fields = {a.name: _drawn(shape_of(hints[a.name]), scalars) for a in attrs.fields(cls)}
    return st.builds(cls, **fields).filter(lambda command: check(command) is None)


def _drawn(shape: Shape, scalars: dict[str, Values]) -> Values:
    base, inner = shape
    if inner is None:
        return scalars[base] if base in scalars else _scalars(base)
    values = _drawn(inner, scalars)
    if base in ("?", PERSONAL):
        return st.none() | values
    if base == "[]":
        return st.lists(values, max_size=3).map(tuple)
    return st.dictionaries(scalars["str"], values, max_size=3)
