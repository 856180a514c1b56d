"""The programs in examples/ do what they say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def run(folder: Path, *command: str, path: Path = EXAMPLES) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_minimal_example_is_twenty_lines_and_ends_in_a_report(tmp_path: Path) -> None:
    program = EXAMPLES / "minimal.py"
    lines = [line for line in program.read_text("utf-8").splitlines() if line.strip()]
    assert len(lines) <= 20
    assert "sl.offered" in run(tmp_path, str(program))


def test_the_readme_shows_the_minimal_example() -> None:
    source = (EXAMPLES / "minimal.py").read_text("utf-8")
    assert f"```python\n{source}```" in (ROOT / "README.md").read_text("utf-8")


def test_a_strategy_of_ones_own_decides_and_says_why(tmp_path: Path) -> None:
    printed = run(tmp_path, str(EXAMPLES / "custom_strategy.py"))
    assert printed == "offered to anna because of least_talk anna talked least\n"


def test_two_more_agents_meet_the_same_customers(tmp_path: Path) -> None:
    six, eight = run(tmp_path, str(EXAMPLES / "simulated_day.py")).splitlines()
    assert six.startswith("6 agents: ") and eight.startswith("8 agents: ")
    assert six.split(" of ")[1].split()[0] == eight.split(" of ")[1].split()[0]


@pytest.mark.long
def test_the_plugin_to_start_from_passes_its_tests(tmp_path: Path) -> None:
    own = EXAMPLES / "own_plugin"
    printed = run(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(own), path=own)
    assert " passed" in printed


def test_the_simulated_morning_is_the_same_on_every_machine(tmp_path: Path) -> None:
    printed = run(tmp_path, str(EXAMPLES / "simulated_day.py"))
    assert printed == (
        "6 agents: 25 of 166 gave up, mean wait 34 s\n8 agents: 9 of 166 gave up, mean wait 11 s\n"
    )
