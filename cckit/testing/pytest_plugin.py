"""Fixtures for pytest: simulated centers by seed, and the seed of whatever fails."""

from collections.abc import Callable, Generator
from functools import partial
from hashlib import sha256
from typing import Any

import pytest

from .world import World

SEED: pytest.StashKey[int] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("cckit")
    group.addoption(
        "--cckit-seed",
        type=int,
        default=None,
        help="seed of every simulated world; without it each test has its own, by its name",
    )


@pytest.fixture
def cckit_seed(request: pytest.FixtureRequest) -> int:
    """Return the seed of this test: that of its name, or ``--cckit-seed``."""
    given: int | None = request.config.getoption("--cckit-seed")
    name = request.node.nodeid.encode()
    seed = int.from_bytes(sha256(name).digest()[:4]) if given is None else given
    request.node.stash[SEED] = seed
    return seed


@pytest.fixture
def world(cckit_seed: int) -> Callable[..., World]:
    """Make simulated centers: ``world(traffic=…, staffing=…)``; ``seed=`` overrides the test's.

    .. versionadded:: 0.1
    """

    def make(*, seed: int = cckit_seed, **wishes: Any) -> World:
        return World(seed, **wishes)

    return make


@pytest.fixture
def run_center(cckit_seed: int) -> Callable[..., Any]:
    """Run a whole center in virtual time by the test's seed: ``run_center(main, config)``.

    .. versionadded:: 0.1
    """
    from . import center  # trio is not loaded for those who do not ask.

    return partial(center.run_center, seed=cckit_seed)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    seed = item.stash.get(SEED, None)
    if report.failed and seed is not None:
        report.sections.append(("cckit", f"seed {seed}: repeat it with --cckit-seed {seed}"))
    return report
