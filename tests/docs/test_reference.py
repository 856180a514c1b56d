"""docs/reference is what the code says."""

import subprocess
import sys
from pathlib import Path

from cckit.core.imports import mapping, times

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
