"""Types and style: the same tools that an editor runs, as tests."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("cckit", "plugins", "adapters", "examples", "tests", "docs", "noxfile.py")


def run(*command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def present(*names: str) -> list[str]:
    return [name for name in names if (ROOT / name).exists()]


@pytest.mark.long
def test_mypy_strict_finds_nothing() -> None:
    run("mypy", "--no-error-summary")


def test_ruff_finds_nothing() -> None:
    run("ruff", "check", "--quiet", "--output-format=concise", *present(*SOURCES))


def test_flake8_async_finds_nothing() -> None:
    """It takes long, so it is shown only what has something to do with trio."""
    folders = present("cckit", "plugins", "adapters", "examples")
    files = [f for name in folders for f in (ROOT / name).rglob("*.py")]
    words = re.compile(r"\basync |\btrio\b")
    run("flake8_async", *(str(f) for f in files if words.search(f.read_text("utf-8"))))


def test_a_planted_clock_is_found_by_ruff() -> None:
    source = "import time\n\n\ndef now() -> float:\n    return time.time()\n"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "ruff", "check", "--quiet"),
            *("--stdin-filename", str(ROOT / "cckit" / "shell" / "planted.py"), "-"),
        ],
        cwd=ROOT,
        input=source,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "TID251" in done.stdout
