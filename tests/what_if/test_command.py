"""``cckit what-if``."""

from pathlib import Path

import pytest

from tests.command import Run

from .days import write

POLICY = """
[[queue]]
id = "service"
strategy = "fewest_contacts"
"""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("days") / "day.db", 2)


def test_with_nothing_changed_nothing_is_changed(run: Run, log: Path) -> None:
    done = run("what-if", log, "--json")
    assert done.code == 0
    assert done.json["changed"] == []
    assert done.json["considered_otherwise"] == 0
    assert done.json["kind"] == "simulated"
    shown = run("what-if", log).out
    assert shown.startswith("SIMULATED: what if: nothing changed;")
    assert "decisions as recorded: 0 changed." in shown


def test_a_policy_changes_decisions_and_says_why(run: Run, log: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY, "utf-8")
    done = run("what-if", log, "--policy", policy, "--seeds", 2, "--json")
    assert done.code == 0
    assert len(done.json["changed"]) == done.json["changed_by_seed"][0] > 0
    assert all(one["reason"] for one in done.json["changed"])
    figures = {(one["queue"], one["name"]): one for one in done.json["figures"]}
    level = figures[None, "sl.offered"]
    assert level["low"] <= level["mean"] <= level["high"]
    assert level["seeds"] == 2
    assert {"sl.answered", "sl.pq", "asa", "abandoned", "occupancy"} <= {n for _, n in figures}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--without", "nobody"), "no agent 'nobody'"),
        (("--add-agents", 1, "--like", "nobody"), "no agent 'nobody'"),
        (("--seeds", 0), "0 is out of range"),
        (("--policy", "absent.toml"), "can't be read"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    run: Run, log: Path, options: tuple[object, ...], said: str
) -> None:
    done = run("what-if", log, *options)
    assert done.code == 2
    assert said in done.err
