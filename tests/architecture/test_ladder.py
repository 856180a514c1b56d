"""The ladder of rungs, and what must stay pure.

The contracts of whole packages are import-linter's, in pyproject.toml. What follows from
file names (a plugin's pure files) is found here, so that a new plugin is held too.
"""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import cckit

ROOT = Path(__file__).parents[2]
RUNGS = ("core", "hooks", "stores", "shell", "testing", "cli")
PURE_WORDS = ("events", "machine", "policy", "process", "reports", "settings", "wire")
EFFECTS = ("reactor", "channel", "store", "recorder", "directory", "vault")
"""The trio half of a plugin, each named after the Protocol that it fulfils."""
IMPURE = {
    "asyncio",
    "concurrent",
    "logging",
    "multiprocessing",
    "os",
    "pathlib",
    "random",
    "secrets",
    "select",
    "signal",
    "socket",
    "sqlite3",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "uuid",
    "apsw",
    "pluggy",
    "trio",
}


def plugin_folders() -> list[Path]:
    roots = (ROOT / "plugins", ROOT / "adapters", ROOT / "examples" / "own_plugin")
    return sorted(p.parent for r in roots if r.is_dir() for p in r.glob("cckit_*/__init__.py"))


def imported(file: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything that a file imports, relative names with dots."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")


def lint_imports(root: Path) -> "subprocess.CompletedProcess[str]":
    program = "from importlinter.cli import lint_imports_command as c; c()"
    paths = os.pathsep.join(str(root / name) for name in (".", "plugins"))
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": paths, "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )


def test_every_import_contract_is_kept() -> None:
    run = lint_imports(ROOT)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("file", "planted", "contract"),
    [
        ("cckit/core/timer.py", "import time", "The core has no I/O"),
        ("cckit/core/queue.py", "import cckit.hooks.relay", "A rung imports only"),
        ("cckit/stores/memory.py", "import trio", "know nothing of trio"),
        ("plugins/cckit_permissions/policy.py", "import cckit.shell.clock", "A plugin knows"),
    ],
)
def test_a_planted_import_breaks_its_contract(
    tmp_path: Path, file: str, planted: str, contract: str
) -> None:
    for name in ("cckit", "plugins"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / file).open("a", encoding="utf-8") as source:
        source.write(f"\n{planted}\n")
    run = lint_imports(tmp_path)
    broken = [line for line in run.stdout.splitlines() if line.endswith("BROKEN")]
    assert run.returncode == 1
    assert [line for line in broken if contract in line], run.stdout


def test_the_ladder_stands_in_the_docstring_of_the_package() -> None:
    text = cckit.__doc__ or ""
    places = [text.find(f"``cckit.{rung}``") for rung in RUNGS]
    assert -1 not in places, f"cckit.__doc__ draws the rungs {RUNGS}"
    assert places == sorted(places), "the lowest rung stands first"


def test_the_rungs_are_the_folders_of_the_package() -> None:
    folders = {p.parent.name for p in (ROOT / "cckit").glob("*/__init__.py")}
    assert folders == set(RUNGS)


@pytest.mark.parametrize("folder", plugin_folders(), ids=lambda p: p.name)
def test_the_pure_files_of_a_plugin_import_nothing_impure(folder: Path) -> None:
    broken = [
        f"{file.relative_to(ROOT)}:{line} imports {name}"
        for file in sorted(folder.glob("*.py"))
        if file.stem in PURE_WORDS
        for line, name in imported(file)
        if name.split(".")[0] in IMPURE or name.startswith(("cckit.shell", "cckit.stores"))
    ]
    assert not broken, broken


@pytest.mark.parametrize("folder", plugin_folders(), ids=lambda p: p.name)
def test_a_plugin_imports_no_other_plugin_and_no_rung_above_the_doors(folder: Path) -> None:
    above = ("cckit.shell", "cckit.stores", "cckit.cli")
    broken = [
        f"{file.relative_to(ROOT)}:{line} imports {name}"
        for file in sorted(folder.rglob("*.py"))
        for line, name in imported(file)
        if name.startswith(above)
        or (name.startswith("cckit_") and name.split(".")[0] != folder.name)
    ]
    assert not broken, broken


@pytest.mark.parametrize("folder", plugin_folders(), ids=lambda p: p.name)
def test_a_plugin_has_the_files_that_every_plugin_has(folder: Path) -> None:
    missing = [
        n
        for n in ("__init__.py", "plugin.py", "py.typed", "README.md")
        if not (folder / n).is_file()
    ]
    assert not missing, f"{folder.name} lacks {missing}"


@pytest.mark.parametrize("folder", plugin_folders(), ids=lambda p: p.name)
def test_a_plugin_uses_the_file_names_that_every_plugin_uses(folder: Path) -> None:
    known = {"__init__", "plugin", *PURE_WORDS, *EFFECTS}
    own = sorted(file.name for file in folder.glob("*.py") if file.stem not in known)
    assert not own, f"{own}: who knows one plugin should know all; use one of {sorted(known)}"


def test_simulations_draw_only_from_a_seeded_generator() -> None:
    """The functions of ``random`` share one hidden state; ``Random(seed)`` does not."""
    broken = []
    for file in sorted((ROOT / "cckit" / "testing").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                broken += [f"{file.name}:{node.lineno}" for a in node.names if a.name == "random"]
            elif isinstance(node, ast.ImportFrom) and node.module == "random":
                broken += [f"{file.name}:{node.lineno}" for a in node.names if a.name != "Random"]
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "Random":
                broken += [] if node.args else [f"{file.name}:{node.lineno} without a seed"]
    assert not broken, broken


def test_the_simulated_world_reads_no_clock() -> None:
    broken = [
        f"{file.name}:{line} imports {name}"
        for file in sorted((ROOT / "cckit" / "testing").rglob("*.py"))
        for line, name in imported(file)
        if name in ("time", "uuid", "secrets", "asyncio")
    ]
    assert not broken, broken
