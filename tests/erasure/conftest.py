"""Time that jumps, and folders for files that come and go by the hundred."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from trio.testing import MockClock


@pytest.fixture
def autojump_clock() -> MockClock:
    """Time passes when nothing else happens."""
    return MockClock(autojump_threshold=0.01)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: whose power is cut here is no disk."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as name:
        yield Path(name)
