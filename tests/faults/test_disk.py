"""A disk that fails, at every single operation: poisoned at once, whole after reopening."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import apsw
import pytest

from cckit.core.errors import StoreError, UsageError
from cckit.core.frame import Frame
from cckit.hooks.store import Head
from cckit.stores import connection
from cckit.stores.sqlite import SqliteStore
from cckit.testing.faults import WRITES, FailingDisk

LOG_ID = bytes(16)


@pytest.fixture
def disk() -> Iterator[FailingDisk]:
    layer = FailingDisk("failing")
    yield layer
    layer.close()


def next_frame(head: Head) -> Frame:
    first = 0 if head.position is None else head.position + 1
    return Frame.make(head.chain, first, 1, first, head.epoch, b"%d" % first * 900)


def work(store: SqliteStore, acks: list[bytes]) -> None:
    """Claim, append eight frames with checkpoints between them, and close."""
    store.claim()
    for _ in range(8):
        frame = next_frame(store.head())
        assert store.append(frame, store.head()) is None
        acks.append(frame.chain)
    store.close()


@pytest.mark.parametrize(
    ("kind", "error"),
    [*((kind, apsw.IOError) for kind in WRITES), ("write", apsw.FullError)],
    ids=lambda v: v if isinstance(v, str) else v.__name__,
)
def test_no_operation_that_fails_loses_or_halves_anything(
    folder: Path,
    disk: FailingDisk,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    error: type[apsw.Error],
) -> None:
    monkeypatch.setattr(connection, "PASSIVE_PAGES", 4)
    monkeypatch.setattr(connection, "TRUNCATE_BYTES", 10 * 4096)
    poisoned = 0
    for fail_at in count():
        path = folder / f"{fail_at}.db"
        SqliteStore.open(path, create=True, origin="o", log_id=LOG_ID).close()
        store = SqliteStore.open(path, vfs=disk.name)
        acks: list[bytes] = []
        disk.fail_after(fail_at, (kind,), error)
        try:
            work(store, acks)
        except StoreError as raised:
            assert store.failed
            assert raised.where == str(path)
            poisoned += 1
        failures = disk.failed
        expected = Head(None, bytes(32), 1)
        with pytest.raises(StoreError if failures else UsageError):
            store.append(next_frame(expected), expected)
        store.close()
        # After the error nothing more was tried on that connection: no sync again.
        assert disk.failed == failures
        disk.heal()
        disk.failed = 0
        again = SqliteStore.open(path)
        found = [frame.chain for frame in again.read()]
        assert found[: len(acks)] == acks
        assert len(found) <= len(acks) + 1
        again.claim()
        frame = next_frame(again.head())
        assert again.append(frame, again.head()) is None
        again.close()
        if failures == 0:
            break
    assert poisoned == fail_at > 0


def test_the_shim_sees_a_sync_before_each_acknowledgement(folder: Path, disk: FailingDisk) -> None:
    store = SqliteStore.open(
        folder / "log.db", create=True, origin="o", log_id=LOG_ID, vfs=disk.name
    )
    store.claim()
    for _ in range(5):
        disk.seen.clear()
        store.append(next_frame(store.head()), store.head())
        kinds = [operation.split()[0] for operation in disk.seen]
        assert "sync" in kinds
        assert all(operation.endswith("-wal") for operation in disk.seen)
    store.close()
