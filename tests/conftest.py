"""What all tests share: where things lie, and hypothesis without chance.

``HYPOTHESIS_PROFILE=fresh`` draws new examples, as a long run should; every failure
prints what repeats it.

A harness asks ``tier`` how much to do: little in an ordinary run, more with
``CCKIT_TIER=fast``, which is what ``.ci/run`` sets, and for hours with ``CCKIT_TIER=long``.
What it counted it hands to ``publish``; the end of the run prints it.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.command import Done, Run

ROOT = Path(__file__).parents[1]

# One health check looks at the clock, the other at how much an example draws, which differs
# between Pythons: neither says anything about cckit.
QUIET = [hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large]

hypothesis.settings.register_profile(
    "fixed",
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=QUIET,
)
hypothesis.settings.register_profile(
    "fresh", deadline=None, print_blob=True, max_examples=1000, suppress_health_check=QUIET
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))


COUNTS = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def tier() -> Callable[[int, int, int], int]:
    """Of three amounts (ordinary, fast, long) the one of this run."""
    name = os.environ.get("CCKIT_TIER", "")
    index = ("", "fast", "long").index(name)
    return lambda ordinary, fast, long: (ordinary, fast, long)[index]


@pytest.fixture(scope="session")
def publish(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Print one line of what was counted, at the end of the run."""
    lines = pytestconfig.stash.setdefault(COUNTS, [])
    return lines.append


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what was counted here to whoever shares the tests out."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["counted"] = session.config.stash.get(COUNTS, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take in what one of the processes that share the tests has counted."""
    counted = getattr(node, "workeroutput", {}).get("counted", [])
    node.config.stash.setdefault(COUNTS, []).extend(counted)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    lines = config.stash.get(COUNTS, [])
    if lines:
        terminalreporter.section("counted")
        for line in lines:
            terminalreporter.write_line(line)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave torture out, unless asked for: what takes hours belongs to no ordinary run."""
    if "CCKIT_TORTURE" in os.environ:
        return
    hours = [item for item in items if item.get_closest_marker("torture")]
    if hours:
        config.hook.pytest_deselected(items=hours)
        items[:] = [item for item in items if item not in hours]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Calls the command ``cckit``; what it printed and its exit code."""
    from cckit.cli.main import main

    def command(*arguments: object) -> Done:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return Done(code, *capsys.readouterr())

    return command


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder that holds pyproject.toml."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recorded real days, beside the checkout."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("../shared/data is absent: put the recorded days beside the checkout")
    return folder
