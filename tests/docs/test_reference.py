"""docs/reference is what the code says."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_reference_is_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr + "write it anew: nox -s docs"
