"""Every code block of every page is run, each page from top to bottom.

A page has a temporary folder of its own, and one namespace for its Python. What a block
does follows from its language and its first line:

- ``python`` is executed; with ``# name.py`` as its first line it is saved under that name.
- ``toml``, ``csv`` and ``json`` with ``# name.ext`` first are saved. ``json`` without is
  what the shell block before it printed; ``…`` is any value, and keys may be left out.
- ``shell`` is run by bash and must end well. ``console`` shows commands after ``$`` and
  below them what they print; a line ``…`` stands for any lines.
- ``text`` is not code, and ``mermaid`` is drawn from the tables of the machines.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sybil import Document, Example, Region, Sybil
from sybil.parsers.markdown.lexers import RawFencedCodeBlockLexer
from sybil.parsers.markdown.skip import SkipParser

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "ARCHITECTURE.md"]
PAGES += sorted(
    page for name in ("docs", "examples", "plugins") for page in (ROOT / name).rglob("*.md")
)
NAMED = re.compile(r"# ([\w./-]+\.(?:py|toml|csv|json))\n")
FENCES = RawFencedCodeBlockLexer(re.compile(r"(?P<language>[\w-]*)[^\n]*\n"))
LANGUAGES = {"console", "csv", "json", "mermaid", "python", "shell", "text", "toml"}


class Page:
    """Runs the blocks of one page in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        self.printed = ""
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(folder),
            "COLUMNS": "100",
            "NO_COLOR": "1",
        }

    def parse(self, document: Document) -> Iterator[Region]:
        for lexed in FENCES(document):
            block = (str(lexed.lexemes["language"]), str(lexed.lexemes["source"]))
            yield Region(lexed.start, lexed.end, block, self.evaluate)

    def evaluate(self, example: Example) -> str | None:
        language, source = example.parsed
        assert language in LANGUAGES, f"a block of {language!r} would not be run"
        named = NAMED.match(source)
        if named and language in ("python", "toml", "csv", "json"):
            target = self.folder / named.group(1)
            target.parent.mkdir(parents=True, exist_ok=True)
            # The name is for the reader and for us: CSV and JSON have no comments.
            target.write_text(source[named.end() :], "utf-8")
            return None
        run = getattr(self, f"run_{language}", None)
        return run(source, example) if run else None

    def run_python(self, source: str, example: Example) -> None:
        # A traceback then shows the line of the page.
        exec(compile("\n" * example.line + source, example.path, "exec"), self.namespace)

    def run_toml(self, source: str, example: Example) -> None:
        tomllib.loads(source)

    def run_shell(self, source: str, example: Example) -> str | None:
        done = self.bash("set -euo pipefail\n" + source)
        self.printed = done.stdout
        if done.returncode:
            return f"ended with {done.returncode}\n{done.stdout}{done.stderr}"
        return None

    def run_console(self, source: str, example: Example) -> str | None:
        for command, expected in sessions(source):
            done = self.bash(command)
            self.printed = done.stdout + done.stderr
            if not matches(expected, self.printed):
                return f"$ {command}\nexpected:\n{expected}\nprinted:\n{self.printed}"
        return None

    def run_json(self, source: str, example: Example) -> str | None:
        shown, printed = json.loads(source), json.loads(self.printed)
        if not contains(shown, printed):
            return f"printed:\n{self.printed}"
        return None

    def bash(self, script: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )


def sessions(source: str) -> list[tuple[str, str]]:
    """Each command of a console block with the lines below it."""
    found: list[tuple[str, str]] = []
    for line in source.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        elif found and found[-1][0].endswith("\\"):
            found[-1] = (found[-1][0] + "\n" + line.removeprefix("> "), "")
        else:
            command, expected = found[-1]
            found[-1] = (command, expected + line.rstrip() + "\n")
    return found


def matches(expected: str, printed: str) -> bool:
    """Line by line; ``…`` alone is any lines, inside a line any text."""
    if not expected.strip():
        return True
    pattern = ""
    for line in expected.strip().splitlines():
        if line.strip() == "…":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(re.escape(part) for part in line.rstrip().split("…")) + r"[ ]*\n"
    return re.fullmatch(pattern, printed.strip() + "\n") is not None


def contains(shown: Any, printed: Any) -> bool:
    """Whether ``printed`` has all that is shown; the text ``…`` is any value."""
    if shown == "…":
        return True
    if isinstance(shown, dict):
        return isinstance(printed, dict) and all(
            k in printed and contains(v, printed[k]) for k, v in shown.items()
        )
    if isinstance(shown, list):
        more = bool(shown) and shown[-1] == "…"
        items = shown[:-1] if more else shown
        return (
            isinstance(printed, list)
            and (more or len(items) == len(printed))
            and len(items) <= len(printed)
            and all(contains(s, p) for s, p in zip(items, printed, strict=False))
        )
    return bool(shown == printed)


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_block_of_the_page_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # Whoever runs pytest by its path has not switched the environment on.
    here = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", os.pathsep.join((here, os.environ["PATH"])))
    # The examples of the tree and the recorded days lie where a page says they lie.
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    sybil = Sybil(parsers=[Page(tmp_path).parse, SkipParser()])
    for example in sybil.parse(page).examples():
        example.evaluate()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    broken = [
        link
        for link in links
        if not re.match(r"[a-z]+:", link) and not (page.parent / link).exists()
    ]
    assert not broken, broken


def test_the_page_on_plugins_shows_the_plugin_of_the_examples() -> None:
    page = (ROOT / "docs" / "how-to" / "write-a-plugin.md").read_text("utf-8")
    shown = re.findall(r"```python\n# (cckit_praise/\w+\.py)\n(.+?)```", page, re.DOTALL)
    assert {name.split("/")[1] for name, _ in shown} == {
        file.name for file in (ROOT / "examples/own_plugin/cckit_praise").glob("*.py")
    }
    for name, source in shown:
        assert source == (ROOT / "examples" / "own_plugin" / name).read_text("utf-8"), name


def test_the_readme_points_to_tests_that_are_there() -> None:
    named = re.findall(r"`(tests/[\w./]+)`", (ROOT / "README.md").read_text("utf-8"))
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_a_block_that_fails_is_a_failing_test(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nassert 1 == 2\n```\n")
    sybil = Sybil(parsers=[Page(tmp_path).parse])
    with pytest.raises(AssertionError):
        for example in sybil.parse(page).examples():
            example.evaluate()


def test_a_console_that_prints_something_else_is_a_failing_test(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```console\n$ echo one; echo two\none\nthree\n```\n")
    sybil = Sybil(parsers=[Page(tmp_path).parse])
    with pytest.raises(Exception, match="expected"):
        for example in sybil.parse(page).examples():
            example.evaluate()


def test_dots_stand_for_what_is_left_out() -> None:
    assert matches("one\n…\nfour\n", "one\ntwo\nthree\nfour\n")
    assert matches("head … end\n", "head 123 end\n")
    assert not matches("one\n…\nfour\n", "one\ntwo\n")
    assert contains({"a": "…", "b": [1, "…"]}, {"a": 5, "b": [1, 2, 3], "c": 0})
    assert not contains({"a": [1]}, {"a": [1, 2]})
