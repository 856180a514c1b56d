"""The grammar of field types."""

from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cckit.core.errors import FormatError
from cckit.core.events import PERSONAL, Sealed
from cckit.core.facts import FACTS
from cckit.core.ids import AgentId
from cckit.core.shapes import Field, Shape, fields_of, fits, parse_field, parse_shape, shape_of

Number = Annotated[str | Sealed, PERSONAL]
"""As ``Personal[str]`` reads at run time."""


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "int"),
        (AgentId, "str"),
        (bytes | None, "bytes?"),
        (tuple[str, ...], "str[]"),
        (tuple[int | None, ...], "int?[]"),
        (tuple[str, ...] | None, "str[]?"),
        (dict[str, int], "{int}"),
        (dict[str, tuple[bool, ...]] | None, "{bool[]}?"),
        (Number, "personal str"),
        (Number | None, "personal str?"),
    ],
)
def test_an_annotation_is_written_in_the_grammar(annotation: Any, text: str) -> None:
    assert str(shape_of(annotation)) == text
    assert parse_shape(text) == shape_of(annotation)


@pytest.mark.parametrize(
    "annotation", [float, set[int], list[int], int | str, dict[int, str], tuple[int, int], object]
)
def test_what_the_log_can_not_hold_is_refused(annotation: Any) -> None:
    with pytest.raises(TypeError):
        shape_of(annotation)


SHAPES = st.recursive(
    st.sampled_from(("int", "bool", "str", "bytes")).map(Shape),
    lambda inner: st.one_of(
        inner.map(lambda s: Shape("[]", s)),
        inner.map(lambda s: Shape("{}", s)),
        inner.map(lambda s: s if s.base == "?" else Shape("?", s)),
    ),
)


@given(SHAPES)
def test_a_type_that_is_written_reads_as_itself(shape: Shape) -> None:
    assert parse_shape(str(shape)) == shape


@pytest.mark.parametrize(
    "text", ["", "float", "int??", "{int", "[]", "?", "int[] ", "{personal str}", "personal"]
)
def test_other_text_is_no_type(text: str) -> None:
    with pytest.raises(FormatError):
        parse_shape(text)


@pytest.mark.parametrize("text", ["int", ":int", "two words:int", "x:", "1:int"])
def test_other_text_is_no_field(text: str) -> None:
    with pytest.raises(FormatError):
        parse_field(text)


def test_every_fact_is_declared_in_the_grammar() -> None:
    for cls in FACTS:
        assert tuple(parse_field(str(f)) for f in fields_of(cls)) == fields_of(cls)


def test_a_trailing_underscore_is_not_stored() -> None:
    created = next(cls for cls in FACTS if cls.__name__ == "ContactCreated")
    assert Field("from", shape_of(Number | None)) in fields_of(created)


class Whole(int):
    """A subclass is not its base."""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("int", True),
        ("int", Whole(1)),
        ("int", 2**63),
        ("int", -(2**63) - 1),
        ("int", 1.0),
        ("int", None),
        ("bool", 1),
        ("str", b"text"),
        ("bytes", "text"),
        ("bytes", bytearray(b"text")),
        ("str[]", ["text"]),
        ("str[]", ("text", 1)),
        ("int[]", (0,) * 1025),
        ("{int}", {1: 1}),
        ("{int}", {"a": "b"}),
        ("{int}", {str(n): n for n in range(257)}),
        ("{int[]}?", {"a": (1, None)}),
        ("personal str", "open"),
    ],
)
def test_exact_types_and_bounds_are_asked(text: str, value: Any) -> None:
    assert not fits(parse_shape(text))(value)
