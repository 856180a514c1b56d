"""docs/reference is what the code says."""

import subprocess
import sys
from pathlib import Path

from cckit.core.imports import mapping, times
from cckit.testing import staffing, traffic

ROOT = Path(__file__).parents[2]


def test_the_reference_is_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr + "write it anew: nox -s docs"


def test_the_page_of_the_mapping_names_every_word_that_a_mapping_may_use() -> None:
    page = (ROOT / "docs" / "reference" / "import.md").read_text("utf-8")
    words = {
        *mapping.ENCODINGS,
        *mapping.MEANINGS,
        *mapping.MIDNIGHT_RULES,
        *mapping.THEN,
        *times.UNITS,
    }
    assert [word for word in sorted(words) if f"`{word}`" not in page] == []


def test_the_pages_of_a_simulation_name_every_key_of_its_files() -> None:
    pages = {
        "traffic": (*traffic.TOP, *traffic.ARRIVALS),
        "staffing": (*staffing.QUEUE, *staffing.SHIFT),
    }
    for name, keys in pages.items():
        page = (ROOT / "docs" / "reference" / f"{name}.md").read_text("utf-8")
        assert [key for key in keys if f"\n| `{key}` | " not in page] == []
    assert "| `wrapup_permille` | whole number, 0 to 999 | `0` |" in (
        ROOT / "docs" / "reference" / "traffic.md"
    ).read_text("utf-8")


def test_the_page_of_reports_shows_a_definition_of_ones_own() -> None:
    page = (ROOT / "docs" / "reference" / "reports.md").read_text("utf-8")
    assert '[[definition]]\nid = "sl.mine@1"\n' in page
