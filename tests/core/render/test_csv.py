"""The CSV form reads back, and no cell of it is a formula."""

import csv
import io
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cckit.core.render import csv_header, fingerprint, render_csv
from cckit.core.reports import Document

Make = Callable[..., Document]
BOM = b"\xef\xbb\xbf"


def read(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_it_starts_with_a_mark_and_ends_every_line_with_crlf(listed: Make) -> None:
    assert render_csv(listed("a")) == (
        BOM + b"type,start,flags\r\na,1999-02-08T10:00:00+02:00,coarse gap\r\n"
    )


def test_null_is_empty_and_empty_text_is_quoted(listed: Make) -> None:
    lines = render_csv(listed(None, "")).split(b"\r\n")
    assert lines[1:3] == [b",,coarse gap", b'"",1999-02-08T10:00:00+02:00,coarse gap']


def test_a_ratio_takes_three_columns(make: Make) -> None:
    rows = read(render_csv(make()))
    start = rows[0].index("sl.offered.numerator")
    names = ["sl.offered.numerator", "sl.offered.denominator", "sl.offered.ppm"]
    assert rows[0][start : start + 3] == names
    assert rows[1][start : start + 3] == ["1", "3", "333333"]
    assert rows[2][start : start + 3] == ["", "", ""]
    assert rows[1][rows[0].index("asa.mean_us")] == "14000000"


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\0x", "=HYPERLINK()"]
)
def test_text_that_starts_like_a_formula_is_defused(listed: Make, text: str) -> None:
    assert read(render_csv(listed(text)))[1][0] == "'" + text
    assert read(render_csv(listed(text), raw=True))[1][0] == text


def test_numbers_below_zero_are_no_text(make: Make) -> None:
    assert b"'" not in render_csv(make())


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_every_text_reads_back(listed: Make, text: str) -> None:
    assert read(render_csv(listed(text), raw=True))[1][0] == text


def test_a_header_may_stand_before_the_rows(make: Make) -> None:
    lines = render_csv(make(), with_header=True).decode("utf-8-sig").split("\r\n")
    comments = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# "))
    assert json.loads(comments["chain"]) == "ab" * 32
    assert comments["json_sha256"] == fingerprint(make())
    assert lines[len(comments)].startswith("interval,")


def test_the_header_beside_it_names_the_json(make: Make) -> None:
    found = json.loads(csv_header(make()))
    assert found["json_sha256"] == fingerprint(make())
    assert found["position"] == 12
