"""The command line, run in this process, and small logs to run it on."""

from pathlib import Path

import pytest

from cckit.cli.main import main
from tests.command import Done as Done
from tests.command import Run as Run

IMPORTS = Path(__file__).parents[1] / "imports"

TRAFFIC = """
start = 2026-03-02T08:00:00
zone = "Asia/Jerusalem"
hours = 1

[[arrivals]]
queue = "service"
per_hour = 60
patience = { kind = "exponential", mean_s = 120 }
handling = { kind = "exponential", mean_s = 150 }
"""

STAFFING = """
[[queue]]
id = "service"
wrapup_s = 10

[[shift]]
agents = 2
"""


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with traffic.toml, staffing.toml, calls.csv and mapping.toml."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "traffic.toml").write_text(TRAFFIC, "utf-8")
    (folder / "staffing.toml").write_text(STAFFING, "utf-8")
    calls = (IMPORTS / "support.csv").read_text("utf-8")
    (folder / "calls.csv").write_bytes(calls.encode("cp1252"))
    (folder / "mapping.toml").write_bytes((IMPORTS / "support.toml").read_bytes())
    return folder


@pytest.fixture(scope="session")
def simulated(files: Path) -> Path:
    """A log of a simulated hour."""
    out = files / "simulated.db"
    staffing, traffic = files / "staffing.toml", files / "traffic.toml"
    command = ["simulate", traffic, "--staffing", staffing, "--log", out, "--seed", 3]
    assert main([str(part) for part in command]) == 0
    return out


@pytest.fixture(scope="session")
def imported(files: Path) -> Path:
    """A log of a few call records."""
    out = files / "imported.db"
    command = ["import", "calls", files / "calls.csv", "--mapping", files / "mapping.toml"]
    assert main([str(part) for part in [*command, "--log", out]]) == 0
    return out
