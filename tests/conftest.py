"""What all tests share: where things lie, and hypothesis without chance.

``HYPOTHESIS_PROFILE=fresh`` draws new examples, as a long run should; every failure
prints what repeats it.
"""

import os
from pathlib import Path

import hypothesis
import pytest

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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave torture out, unless asked for: what takes hours belongs to no ordinary run."""
    if "CCKIT_TORTURE" in os.environ:
        return
    hours = [item for item in items if item.get_closest_marker("torture")]
    if hours:
        config.hook.pytest_deselected(items=hours)
        items[:] = [item for item in items if item not in hours]


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
