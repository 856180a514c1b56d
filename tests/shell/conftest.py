"""A center in memory and on disk, and stores that fail when told to."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from cckit import AgentSettings, Config, QueueSettings, open_center
from cckit.core.errors import StoreError
from cckit.core.instant import Instant
from cckit.shell.clock import VirtualClock
from cckit.shell.entropy import SeededEntropy
from cckit.stores.memory import MemoryStore

START = Instant(1_700_000_000_000_000)


class Log:
    """One log that can be opened again, in memory or on disk."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.store = MemoryStore("center", bytes(16))

    def again(self) -> Any:
        return self.path if self.path is not None else self.store.reopen()


@pytest.fixture(params=["memory", "sqlite"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Log:
    return Log(None if request.param == "memory" else tmp_path / "center.db")


@pytest.fixture
def config() -> Config:
    """One queue and two agents."""
    return Config(
        queues={"support": QueueSettings()},
        agents={"anna": AgentSettings(), "ben": AgentSettings()},
    )


@pytest.fixture
def virtual(config: Config) -> Callable[..., open_center]:
    """Opens a center under the trio clock of the test, with seeded ids."""

    def make(settings: Config = config, **options: Any) -> open_center:
        options.setdefault("clock", VirtualClock(START))
        options.setdefault("entropy", SeededEntropy(7))
        return open_center(settings, **options)

    return make


class Faulty(MemoryStore):
    """A store in memory that counts its frames and can be broken."""

    def __init__(self) -> None:
        super().__init__("center", bytes(16))
        self.appended: list[int] = []
        self.broken = False
        self.before: Callable[[], None] | None = None

    def append(self, frame: Any, expected: Any) -> Any:
        if self.before is not None:
            self.before()
        if self.broken:
            raise StoreError("log", "the disk is gone", "reopen the log")
        self.appended.append(frame.count)
        return super().append(frame, expected)


@pytest.fixture
def faulty() -> Faulty:
    return Faulty()


@pytest.fixture
def autojump_clock() -> MockClock:
    """Time that passes while nothing happens; the run of the test is under it."""
    return MockClock(autojump_threshold=0)


@pytest.fixture
def mock_clock() -> MockClock:
    """Time that only the test moves."""
    return MockClock()
