"""The JSON form is canonical."""

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from cckit.core.render import fingerprint, render_json
from cckit.core.reports import Document

Make = Callable[..., Document]


def test_a_report_is_header_and_rows(make: Make) -> None:
    read = json.loads(render_json(make()))
    assert set(read) == {"header", "rows"}
    assert read["rows"][0]["sl.offered"] == {"numerator": 1, "denominator": 3, "ppm": 333_333}
    assert read["rows"][1]["queue"] is None


def test_keys_are_sorted_and_nothing_is_padded(make: Make) -> None:
    text = render_json(make("תור")).decode()
    read = json.loads(text)
    again = json.dumps(read, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert text == again + "\n"
    assert "תור" in text


def test_there_are_integers_only(make: Make) -> None:
    def refuse(text: str) -> Any:
        raise AssertionError(f"a float: {text}")

    json.loads(render_json(make()), parse_float=refuse, parse_constant=refuse)


def test_the_fingerprint_is_of_these_bytes(make: Make) -> None:
    assert fingerprint(make()) == sha256(render_json(make())).hexdigest()
