"""Every bug of the list is planted by one test, and no test plants another."""

import ast
from pathlib import Path

from tests.faults.recall import PLANTED

MARK = "pytest.mark.planted"


def marks(file: Path) -> list[str]:
    """The names in the marks of a file's tests."""
    tree = ast.parse(file.read_text("utf-8"))
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [ast.literal_eval(call.args[0]) for call in calls if ast.unparse(call.func) == MARK]


def test_each_bug_is_planted_once(root: Path) -> None:
    found = [name for file in sorted((root / "tests").rglob("test_*.py")) for name in marks(file)]
    assert sorted(found) == sorted(PLANTED)


def test_there_are_thirty() -> None:
    assert len(set(PLANTED)) == len(PLANTED) == 30


def test_a_mark_is_read(tmp_path: Path) -> None:
    file = tmp_path / "test_x.py"
    file.write_text('@pytest.mark.planted("K stale epoch")\ndef test_x(): ...\n')
    assert marks(file) == [PLANTED[9]] == ["K stale epoch"]
