"""The tracked files: nothing of one machine, nothing half done."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = {".cfg", ".csv", ".html", ".json", ".md", ".py", ".toml", ".txt", ".yml", ".yaml", ""}


def tracked() -> list[Path]:
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if done.returncode:  # An unpacked source archive has no git.
        hidden = {".git", ".venv", ".nox", "__pycache__"}
        return [p for p in ROOT.rglob("*") if p.is_file() and not hidden & set(p.parts)]
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def texts() -> list[tuple[Path, str]]:
    return [(p, p.read_text("utf-8")) for p in tracked() if p.suffix in TEXT]


HOSTS = re.compile(
    r"python"
    r"hosted|py"
    r"pi\.(org|python)|registry\.npm"
    r"js|deb\.deb"
    r"ian\.org|--(extra-)?index"
    r"-url",
    re.IGNORECASE,
)
HOMES = re.compile(r"(?<![\w.])/(home|Users|root)" r"/\w{2,}")


@pytest.mark.parametrize("pattern", [HOSTS, HOMES], ids=["package index", "home folder"])
def test_no_tracked_file_names(pattern: re.Pattern[str]) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path, text in texts()
        for match in pattern.finditer(text)
    ]
    assert not found, found


def test_what_a_file_points_to_is_part_of_the_project() -> None:
    """A reader of the repository must be able to open every document that is named."""
    documents = re.compile(r"\b([A-Z]{5,})\.md\b")
    known = {p.name for p in tracked() if p.suffix == ".md"} | {"README.md"}
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path, text in texts()
        for match in documents.finditer(text)
        if match.group() not in known
    ]
    assert not found, found


def test_no_tracked_file_names_a_folder_of_this_machine() -> None:
    here = {str(ROOT), str(Path.home()), sys.prefix, sys.base_prefix}
    general = {"/", "/usr", "/usr/local", "/tmp", "/nonexistent"}
    found = [
        f"{path.relative_to(ROOT)}: {folder}"
        for path, text in texts()
        for folder in here - general
        if re.search(r"(?<![\w.])" + re.escape(folder) + r"\b", text)
    ]
    assert not found, found


def test_the_constraints_pin_versions_and_nothing_else() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pin = re.compile(r"[a-z0-9-]+==[0-9][\w.]*( ; .+)?")
    assert [line for line in lines if not pin.fullmatch(line)] == []


def test_there_is_no_lock_file_with_addresses() -> None:
    names = {path.name for path in tracked()}
    assert not names & {"uv.lock", "poetry.lock", "Pipfile.lock", "package-lock.json"}


def test_every_change_note_says_its_kind() -> None:
    kinds = re.compile(r"[\w-]+\.(feature|fix|removal|doc)\.md|\.gitignore|README\.md")
    names = [p.name for p in (ROOT / "newsfragments").iterdir()]
    assert [n for n in names if not kinds.fullmatch(n)] == []


def test_nothing_is_left_to_do_in_the_code() -> None:
    """What is owed is an issue, not a comment."""
    words = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|NotImplemented" r"Error)\b")
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path, text in texts()
        if path.suffix == ".py"
        for match in words.finditer(text)
    ]
    assert not found, found


def test_the_names_say_something() -> None:
    empty = {"utils", "util", "helpers", "helper", "manager", "base", "misc", "common"}
    names = [p.relative_to(ROOT) for p in tracked() if p.suffix == ".py" and p.stem in empty]
    assert not names, names
