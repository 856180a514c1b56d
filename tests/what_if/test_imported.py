"""An imported log has no offers and no agents: arrivals, waits and talks are used."""

from pathlib import Path

import pytest

from tests.command import Run

IMPORTS = Path(__file__).parents[1] / "imports"
STAFFING = """
[[shift]]
agents = 3
"""


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from cckit.cli.main import main

    folder = tmp_path_factory.mktemp("imported")
    (folder / "calls.csv").write_bytes(
        (IMPORTS / "support.csv").read_text("utf-8").encode("cp1252")
    )
    (folder / "mapping.toml").write_bytes((IMPORTS / "support.toml").read_bytes())
    (folder / "staffing.toml").write_text(STAFFING, "utf-8")
    mapping, log = folder / "mapping.toml", folder / "calls.db"
    command = ["import", "calls", folder / "calls.csv", "--mapping", mapping, "--log", log]
    assert main([str(part) for part in command]) == 0
    return log


def test_it_says_that_a_staffing_is_needed(run: Run, imported: Path) -> None:
    done = run("what-if", imported)
    assert done.code == 2
    assert "does not say who was there" in done.err
    assert "--staffing" in done.err


def test_its_customers_meet_the_staffing(run: Run, imported: Path) -> None:
    staffing = imported.parent / "staffing.toml"
    done = run("what-if", imported, "--staffing", staffing, "--json")
    assert done.code == 0
    assert "the log was imported" in done.json["model"]
    figures = {(one["queue"], one["name"]): one for one in done.json["figures"]}
    arrived = figures[None, "arrived"]
    assert arrived["mean"] == arrived["recorded"] > 0
    assert figures[None, "A"]["mean"] > 0
    assert done.json["not_modelled"] == {}
