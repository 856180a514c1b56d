"""What happens on ``import cckit`` and ``cckit --version``, before anything is asked."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("trio", "cyclopts", "rich", "cryptography", "apsw")

LOADED = """
import sys
sys.argv = ["cckit", "--version"]
from cckit.cli.main import main
try:
    code = main()
except SystemExit as stop:
    code = stop.code
print("code", code or 0)
print("loaded", *sorted({name.partition(".")[0] for name in sys.modules}))
"""


def python(source: str, path: Path | None = None) -> "subprocess.CompletedProcess[str]":
    before = "" if path is None else f"import sys; sys.path.insert(0, {str(path)!r})\n"
    return subprocess.run([sys.executable, "-c", before + source], capture_output=True, text=True)


def test_the_version_is_told_without_loading_what_is_slow_to_load() -> None:
    done = python(LOADED)
    assert done.returncode == 0, done.stderr
    version, code, loaded = done.stdout.splitlines()[-3:]
    assert version.split()[-1] == "0.3.0"
    assert code == "code 0"
    assert not set(HEAVY) & set(loaded.split()), loaded


def test_the_words_of_the_core_are_there_without_trio() -> None:
    done = python("import sys, cckit.core; print('trio' in sys.modules)")
    assert done.stdout.strip() == "False", done.stderr


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """The metadata of the unrelated distribution that installs a folder of our name."""
    info = tmp_path / "cckit-0.3.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cckit\nVersion: 0.3.3\n")
    return tmp_path


def test_the_foreign_distribution_of_our_name_is_named_at_import(foreign: Path) -> None:
    done = python("import cckit", foreign)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "'cckit' 0.3.3" in last
    assert "uninstall" in last


def test_without_the_foreign_distribution_import_says_nothing() -> None:
    done = python("import cckit")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
