"""``cckit replay``: digests that depend on nothing but the log."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Run


def test_the_shape_is_kept(run: Run, simulated: Path) -> None:
    found = run("replay", simulated, "--json").json
    assert sorted(found) == ["head", "position", "projections"]
    head = run("verify", simulated, "--json").json
    assert found["head"] == head["head"]
    assert found["position"] == head["events"] - 1
    for name, one in found["projections"].items():
        assert "." in name
        assert sorted(one) == ["digest", "version"]
        assert len(bytes.fromhex(one["digest"])) == 32


def test_a_position_ends_it(run: Run, simulated: Path) -> None:
    whole = run("replay", simulated, "--json").json
    half = run("replay", simulated, "--at", whole["position"] // 2, "--json").json
    assert half["position"] == whole["position"] // 2
    assert half["projections"] != whole["projections"]
    assert run("replay", simulated, "--at", whole["position"], "--json").json == whole
    assert run("replay", simulated, "--at", 0, "--json").json["position"] == 0


@pytest.mark.parametrize("at", ["-1", "999999", "x", "1.5"])
def test_a_position_that_is_none_is_bad_input(run: Run, simulated: Path, at: str) -> None:
    done = run("replay", simulated, f"--at={at}")
    assert done.code == 2
    assert done.out == ""


def test_hash_seeds_change_nothing(run: Run, simulated: Path) -> None:
    expected = run("replay", simulated, "--json").out
    for seed in ("0", "1", "2"):
        done = subprocess.run(
            [sys.executable, "-m", "cckit.cli", "replay", str(simulated), "--json"],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout) == (0, expected), done.stderr


def test_what_an_installed_plugin_folds_is_rebuilt_by_name(run: Run, simulated: Path) -> None:
    plain = run("replay", simulated, "--json").json
    more = run("replay", simulated, "--plugin", "permissions", "--json")
    assert more.code == 0
    assert set(plain["projections"]) <= set(more.json["projections"])


def test_a_plugin_that_is_not_installed_is_bad_input(run: Run, simulated: Path) -> None:
    done = run("replay", simulated, "--plugin", "nothing")
    assert done.code == 2
    assert "'nothing' is no installed plugin" in done.err
