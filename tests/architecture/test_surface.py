"""What others build on changes only on purpose."""

import importlib
import importlib.util
import inspect
from pathlib import Path
from types import ModuleType

import pytest

from cckit.core.commands import COMMANDS
from cckit.core.facts import FACTS

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("surface", HERE / "surface.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_public_names_and_signatures_are_those_written_down(tool: ModuleType) -> None:
    written = (HERE / "surface.txt").read_text("utf-8")
    assert tool.surface() == written, "a change on purpose? run: nox -s surface"


def test_a_star_import_brings_all_public_names(tool: ModuleType) -> None:
    scope: dict[str, object] = {}
    exec("from cckit import *", scope)
    names = importlib.import_module("cckit").__all__
    assert names == sorted(tool.exported("cckit"))
    assert set(names) <= set(scope)


def test_every_exported_name_is_there_and_says_what_it_is(tool: ModuleType) -> None:
    said_by_their_names = {*COMMANDS, *FACTS}
    silent = []
    for module_name in tool.MODULES:
        module = importlib.import_module(module_name)
        for name in tool.exported(module_name):
            thing = getattr(module, name)
            if not (inspect.isclass(thing) or inspect.isfunction(thing)):
                continue
            if thing not in said_by_their_names and not thing.__doc__:
                silent.append(f"{module_name}.{name}")
    assert not silent, f"without a docstring: {silent}"
