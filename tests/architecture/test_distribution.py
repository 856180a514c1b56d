"""One distribution, three source roots: what is packed is what lies in the folders."""

import importlib.metadata
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built by the backend that is installed: no network."""
    out = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("*.whl")
    return zipfile.ZipFile(built)


def features() -> list[str]:
    """``plugins/cckit_x`` and ``adapters/cckit_x``, as pyproject.toml writes them."""
    return sorted(
        p.parent.relative_to(ROOT).as_posix()
        for kind in ("plugins", "adapters")
        for p in (ROOT / kind).glob("cckit_*/__init__.py")
    )


def test_the_wheel_packs_the_core_and_every_feature_folder(project: dict[str, Any]) -> None:
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(packages) == sorted(["cckit", *features()])


def test_every_feature_has_one_entry_point_and_every_entry_point_a_feature(
    project: dict[str, Any],
) -> None:
    points = project["project"]["entry-points"]["cckit"]
    assert points == {
        folder.split("/cckit_")[1]: f"{folder.split('/')[1]}.plugin:Plugin" for folder in features()
    }


def test_import_linter_looks_at_every_feature(project: dict[str, Any]) -> None:
    names = {folder.split("/")[1] for folder in features()}
    linter = project["tool"]["importlinter"]
    contracts = {c["id"]: c for c in linter["contracts"]}
    assert set(linter["root_packages"]) == {"cckit", *names}
    assert set(contracts["plugins"]["source_modules"]) == names
    assert set(contracts["unknown"]["forbidden_modules"]) == names
    assert set(contracts["apart"]["modules"]) == names


def test_what_is_installed_is_this_tree(project: dict[str, Any]) -> None:
    installed = importlib.metadata.distribution("cckit-sdk")
    assert installed.version == project["project"]["version"]
    groups = {(p.group, p.name, p.value) for p in installed.entry_points}
    expected = {
        (group, name, value)
        for group, points in project["project"]["entry-points"].items()
        for name, value in points.items()
    } | {("console_scripts", n, v) for n, v in project["project"]["scripts"].items()}
    assert groups == expected, "install again: pip install -c constraints.txt -e '.[all]'"


def test_every_entry_point_loads() -> None:
    for point in importlib.metadata.distribution("cckit-sdk").entry_points:
        assert callable(point.load()) or point.group == "pytest11", point


def test_the_wheel_holds_every_source_file_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    packed = {n for n in wheel.namelist() if ".dist-info/" not in n}
    roots = [(ROOT / "cckit", ROOT), *((ROOT / f, (ROOT / f).parent) for f in features())]
    lying = {
        p.relative_to(base).as_posix()
        for folder, base in roots
        for p in folder.rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }
    assert packed == lying


def test_the_wheel_names_its_licence_its_types_and_its_command(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    assert "cckit/py.typed" in names
    assert any(n.endswith(".dist-info/licenses/LICENSE") for n in names)
    (points,) = (n for n in names if n.endswith(".dist-info/entry_points.txt"))
    assert b"cckit = cckit.cli.main:main" in wheel.read(points)


def test_the_wheel_needs_only_the_base_libraries(wheel: zipfile.ZipFile) -> None:
    (metadata,) = (n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
    needs = {
        line.removeprefix("Requires-Dist: ").split(";")[0].rstrip("0123456789.,!=><*")
        for line in wheel.read(metadata).decode().splitlines()
        if line.startswith("Requires-Dist: ") and "extra ==" not in line
    }
    assert needs == {
        "apsw",
        "attrs",
        "cattrs",
        "cryptography",
        "msgpack",
        "pluggy",
        "trio",
        "tzdata",
    }


def test_every_pin_allows_what_the_project_asks(project: dict[str, Any]) -> None:
    """A new dependency without a pin would be installed in any version."""
    pinned = {
        line.split("==")[0].strip().lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    }
    asked = list(project["project"]["dependencies"])
    for extra in project["project"]["optional-dependencies"].values():
        asked += extra
    names = {a.split(">")[0].split("[")[0].strip() for a in asked} - {"cckit-sdk"}
    assert names <= pinned, names - pinned
