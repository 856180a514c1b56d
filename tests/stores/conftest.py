"""Logs on a disk that can be made to fail."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cckit.stores.memory import MemoryStore
from cckit.stores.sqlite import SqliteStore
from cckit.testing.faults import FailingDisk

LOG_ID = bytes(range(16))


@pytest.fixture
def disk(request: pytest.FixtureRequest) -> Iterator[FailingDisk]:
    """A file layer of its own for each test."""
    layer = FailingDisk(f"failing-{request.node.name}")
    yield layer
    layer.close()


@pytest.fixture
def open_sqlite(tmp_path: Path, disk: FailingDisk) -> Callable[[str], SqliteStore]:
    """Open the log of a name, or make it; the disk is well again."""

    def make(name: str) -> SqliteStore:
        disk.heal()
        path = tmp_path / f"{name}.db"
        new = not path.exists()
        return SqliteStore.open(
            path, create=new, take_over=True, origin=name, log_id=LOG_ID, vfs=disk.name
        )

    return make


@pytest.fixture
def open_memory() -> Callable[[str], MemoryStore]:
    """Open the log of a name, or make it."""
    logs: dict[str, MemoryStore] = {}

    def make(name: str) -> MemoryStore:
        return logs.setdefault(name, MemoryStore(name, LOG_ID)).reopen()

    return make
