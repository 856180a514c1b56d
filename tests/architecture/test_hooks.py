"""Every hook says how its answers are folded, what a failure means, and since when."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPECIFICATIONS = sorted(
    path
    for name in ("register", "policy", "factory")
    if (path := ROOT / "cckit" / "hooks" / f"{name}.py").is_file()
)


def hooks() -> dict[str, str]:
    """Name of each hook specification to its docstring."""
    return {
        node.name: ast.get_docstring(node) or ""
        for path in SPECIFICATIONS
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("cckit_")
    }


def names_of_tests() -> set[str]:
    return {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_there_is_a_file_of_specifications_for_each_kind() -> None:
    assert [path.stem for path in SPECIFICATIONS] == ["factory", "policy", "register"]


@pytest.mark.parametrize("name", hooks())
def test_the_hook_is_documented(name: str) -> None:
    text = " ".join(hooks()[name].split())
    assert re.search(r"\b(Register|Policy|Factory)\b[,:]", text), "says its kind"
    assert re.search(r"\b(collected|one answer|all answers|exactly one|named plugin)\b", text), (
        "says how answers are folded"
    )
    assert re.search(r"\b(fails )?(open|closed)\b[.:]", text, re.IGNORECASE), (
        "says what follows when a plugin fails"
    )
    assert ".. versionadded::" in text


@pytest.mark.parametrize("name", hooks())
def test_the_hook_has_a_test_of_its_own_name(name: str) -> None:
    assert f"test_hook_{name}" in names_of_tests()
