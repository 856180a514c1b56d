"""Where a log may be written, and by whom."""

import fcntl
import os
from pathlib import Path

import pytest

from cckit.core.errors import StoreError
from cckit.stores import sqlite
from cckit.stores.lock import (
    WriterLock,
    check_file_system,
    file_system,
    kind_from_mount,
    kind_from_mountinfo,
)
from cckit.stores.sqlite import SqliteStore

MOUNTINFO = r"""22 1 252:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:26 / /srv rw,relatime shared:15 - nfs4 host:/srv rw,vers=4.2
31 30 252:1 / /srv/local rw - xfs /dev/vdb rw
32 22 0:27 / /mnt/with\040blank rw master:1 propagate_from:2 - fuse.sshfs host:/ rw
33 22 0:28 / /over rw - tmpfs none rw
34 22 0:29 / /over rw - ceph none rw
"""
MOUNT = """/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse)
//me@host/share on /Volumes/A share (smbfs, nodev, nosuid, mounted by me)
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/a/log.db", "ext4"),
        ("/srv/log.db", "nfs4"),
        ("/srvlocal/log.db", "ext4"),
        ("/srv/local/deep/log.db", "xfs"),
        ("/mnt/with blank/log.db", "fuse.sshfs"),
        ("/over/log.db", "ceph"),
    ],
)
def test_linux_says_what_a_path_lies_on(path: str, kind: str) -> None:
    assert kind_from_mountinfo(MOUNTINFO, path) == kind


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/Users/a/log.db", "apfs"), ("/Volumes/A share/log.db", "smbfs"), ("relative", "")],
)
def test_macos_says_what_a_path_lies_on(path: str, kind: str) -> None:
    assert kind_from_mount(MOUNT, path) == kind


def test_this_system_says_what_a_path_lies_on(tmp_path: Path) -> None:
    assert file_system(str(tmp_path / "not there yet.db"))


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "ceph"])
def test_a_log_is_not_written_over_a_network(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.db"
    SqliteStore.open(path, create=True, origin="o", log_id=bytes(16)).close()
    monkeypatch.setattr(sqlite, "file_system", lambda _: kind)
    with pytest.raises(StoreError) as refused:
        SqliteStore.open(path)
    assert refused.value.what == f"is on {kind}, whose locks and syncs can't be trusted"
    with pytest.raises(StoreError):
        SqliteStore.open(tmp_path / "new.db", create=True, origin="o", log_id=bytes(16))
    assert not (tmp_path / "new.db").exists()
    SqliteStore.open(path, read_only=True).close()


@pytest.mark.parametrize("kind", ["9p", "fuse.sshfs", "fuse", "virtiofs"])
def test_a_log_on_a_container_s_disk_is_written_with_a_warning(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.db"
    monkeypatch.setattr(sqlite, "file_system", lambda _: kind)
    store = SqliteStore.open(path, create=True, origin="o", log_id=bytes(16))
    assert store.warnings == (
        f"{path}: is on {kind}; what it promises about syncs depends on the host",
    )
    store.close()


@pytest.mark.parametrize("kind", ["ext4", "xfs", "apfs", "tmpfs", ""])
def test_a_local_disk_needs_no_warning(kind: str) -> None:
    assert check_file_system("log.db", kind) is None


def test_a_lock_ends_with_who_holds_it(tmp_path: Path) -> None:
    path = str(tmp_path / "log.db.lock")
    one, two = WriterLock(path), WriterLock(path)
    one.take()
    with pytest.raises(StoreError, match=rf"this process \(pid {os.getpid()}\)"):
        two.take()
    one.release()
    three = WriterLock(path)
    three.take()
    assert Path(path).read_text() == f"{os.getpid()}\n"
    three.release()
    three.release()


def test_a_lock_is_passed_by_only_when_asked_to(tmp_path: Path) -> None:
    path = str(tmp_path / "log.db.lock")
    with open(path, "w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        lock = WriterLock(path)
        lock.take(pass_by=True)
        lock.release()
        with pytest.raises(StoreError, match="pid unknown"):
            WriterLock(path).take()


def test_who_withdraws_leaves_nothing_that_was_not_there(tmp_path: Path) -> None:
    path = tmp_path / "log.db.lock"
    lock = WriterLock(str(path))
    lock.take()
    lock.withdraw()
    assert not path.exists()
    path.write_text("12\n")
    lock = WriterLock(str(path))
    lock.take()
    lock.withdraw()
    assert path.exists()


def test_a_lock_that_was_taken_away_locks_nobody_out_and_nobody_twice(tmp_path: Path) -> None:
    path = str(tmp_path / "log.db.lock")
    one = WriterLock(path)
    one.take()
    waiting = WriterLock(path)
    one.withdraw()
    waiting.take()
    with pytest.raises(StoreError):
        WriterLock(path).take()
    waiting.release()


def test_a_refused_open_leaves_no_lock_behind(tmp_path: Path) -> None:
    path, lock = tmp_path / "log.db", tmp_path / "log.db.lock"
    store = SqliteStore.open(path, create=True, origin="o", log_id=bytes(16))
    store.claim()
    store.close()
    assert lock.exists()
    lock.unlink()
    with pytest.raises(StoreError):
        SqliteStore.open(path, create=True, origin="o", log_id=bytes(16))
    assert not lock.exists()
    SqliteStore.open(path).close()  # As of a center that finds the log was imported.
    assert not lock.exists()
