"""``cckit doctor`` and ``cckit plugins``, and how the command starts."""

import subprocess
import sys
from pathlib import Path

import pytest

from cckit.cli.main import main
from cckit.shell import health

from .conftest import Run


def test_the_version_loads_nothing_heavy() -> None:
    source = (
        "import sys; from cckit.cli.main import main; code = main(['--version'])\n"
        "print(code, sorted({'trio', 'cyclopts', 'rich', 'apsw'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert done.stdout.split("\n")[1:] == ["0 []", ""], done.stderr
    assert done.stdout.startswith("cckit 0.")


@pytest.mark.parametrize("missing", ["cyclopts", "rich"])
def test_a_missing_extra_is_named_with_what_installs_it(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["doctor"]) == 2
    err = capsys.readouterr().err
    assert f"needs {missing}, which is not installed" in err
    assert "pip install 'cckit-sdk[cli]'" in err


def test_each_command_is_listed_with_what_it_does(run: Run) -> None:
    done = run("--help")
    assert done.code == 0
    for name in ("demo", "simulate", "import", "report", "verify", "replay", "explain", "log"):
        assert f" {name} " in done.out


@pytest.mark.parametrize("command", ["frobnicate", "verify", "log", "report", "explain"])
def test_a_command_line_that_makes_no_sense_is_bad_input(run: Run, command: str) -> None:
    done = run(command)
    assert done.code == 2
    assert done.out == ""
    assert done.err != ""


def test_the_doctor_finds_this_machine_well(run: Run, simulated: Path) -> None:
    done = run("doctor", simulated, "--json")
    assert done.code == 0
    assert done.json["ok"] is True
    checks = {check["name"]: check for check in done.json["checks"]}
    assert {"python", "name", "sqlite", "zones", "extra cli", "place", "log"} <= set(checks)
    assert all(sorted(check) == ["found", "name", "remedy", "state"] for check in checks.values())


def test_the_doctor_names_what_is_wrong(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text.db").write_text("no log", "utf-8")
    done = run("doctor", tmp_path / "text.db", "--json")
    assert done.code == 1
    bad = [check for check in done.json["checks"] if check["state"] == "bad"]
    assert [check["name"] for check in bad] == ["log"]
    assert "is not an SQLite file" in bad[0]["found"]


def test_the_doctor_knows_the_foreign_distribution_of_our_name(
    monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    class Foreign:
        version = "0.3.3"

    monkeypatch.setattr(health, "distribution", lambda name: Foreign)
    done = run("doctor", "--json")
    assert done.code == 1
    (bad,) = [check for check in done.json["checks"] if check["state"] == "bad"]
    assert "unrelated distribution cckit 0.3.3" in bad["found"]
    assert "pip uninstall cckit" in bad["remedy"]


def test_plugins_are_listed_without_being_loaded(run: Run) -> None:
    before = set(sys.modules)
    done = run("plugins", "--json")
    assert done.code == 0
    for plugin in done.json["plugins"]:
        assert sorted(plugin) == ["distribution", "name", "object", "version"]
        assert plugin["object"].partition(":")[0] not in set(sys.modules) - before


def test_the_package_is_the_command() -> None:
    asked = [sys.executable, "-m", "cckit", "--version"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout.split()[0]) == (0, "cckit")
