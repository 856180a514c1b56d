"""A backup is whole, whatever the writer does meanwhile and however the backup ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import apsw
import pytest

from cckit import StoreError
from cckit.core.errors import FormatError
from cckit.core.frame import Frame
from cckit.shell.logs.moving import back_up_log
from cckit.stores.backup import back_up, back_up_keys
from cckit.stores.keys import Keys
from cckit.stores.sqlite import SqliteStore

from .conftest import NUMBERS, broken, rows, small

if TYPE_CHECKING:
    from .conftest import Run

WRITER = """
import sys
from cckit.core.frame import Frame
from cckit.stores.sqlite import SqliteStore
store = SqliteStore.open(sys.argv[1], create=True, origin="hammered", log_id=bytes(16))
epoch = store.claim()
for n in range(20_000):  # A bound: whoever forgets us must not fill the disk.
    head = store.head()
    first = 0 if head.position is None else head.position + 1
    body = bytes([n % 251 + 1]) * (1 + n * 7919 % 1_000)
    store.append(Frame.make(head.chain, first, 1 + n % 5, n, epoch, body), head)
    if n == 100:
        print("going", flush=True)
sys.stdin.readline()
"""

COPY = "import sys; from cckit.shell.logs.moving import back_up_log; back_up_log(*sys.argv[1:])"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: what is killed here is no disk."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(dir=memory) as name:
        yield Path(name)


@pytest.fixture
def hammered(folder: Path) -> Iterator[Path]:
    """A log that another process writes as fast as it can, until the end of the test."""
    log = folder / "hammered.db"
    command = [sys.executable, "-c", WRITER, str(log)]
    pipe = subprocess.PIPE
    writer = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
    assert writer.stdin is not None and writer.stdout is not None
    writer.stdout.readline()
    yield log
    failed = writer.poll()
    writer.kill()
    writer.wait()
    writer.stdin.close()
    writer.stdout.close()
    assert failed is None, "a backup never makes the writer fail"


def is_whole(run: "Run", copy: Path) -> int:
    """Check a copy as an auditor would; how many events it has."""
    done = run("verify", copy, "--json")
    assert done.code == 0, done.out + done.err
    store = SqliteStore.open(copy, read_only=True)
    assert store.closed_at == store.head().chain
    store.close()
    connection = apsw.Connection(f"file:{copy}?immutable=1", flags=apsw.SQLITE_OPEN_URI | 1)
    assert connection.pragma("integrity_check") == "ok"
    connection.close()
    return int(done.json["events"])


def test_a_copy_made_while_another_process_writes_is_whole(
    run: "Run", hammered: Path, folder: Path
) -> None:
    before = 0
    for n in range(3):
        copy = folder / f"{n}.db"
        look = SqliteStore.open(hammered, read_only=True)
        had = look.head().position
        look.close()
        done = run("backup", hammered, copy, "--json")
        assert done.code == 0, done.err
        events = is_whole(run, copy)
        assert had is not None
        assert events > had >= before
        assert done.json["events"] == events
        before = had
        copied = list(rows(copy))
        live = list(rows(hammered))[: len(copied)]
        assert copied == live
        assert sorted(os.listdir(folder)) == sorted(
            [f"{m}.db" for m in range(n + 1)]
            + [f"hammered.db{suffix}" for suffix in ("", "-wal", "-shm", ".lock")]
        )


def test_a_backup_that_is_killed_leaves_no_half_log_and_the_next_one_tidies_up(
    run: "Run", hammered: Path, folder: Path
) -> None:
    copy = folder / "copy.db"
    command = [sys.executable, "-c", COPY, str(hammered), str(copy)]
    killed = 0
    unborn = Path(f"{copy}.new")
    while killed < 5:
        process = subprocess.Popen(command)
        while not unborn.exists() and process.poll() is None and not copy.exists():
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        if copy.exists():  # It was faster than we.
            is_whole(run, copy)
            copy.unlink()
        else:
            killed += 1
    assert run("backup", hammered, copy).code == 0
    is_whole(run, copy)
    left = {name for name in os.listdir(folder) if name.startswith("copy")}
    assert left - {"copy.db.lock"} == {"copy.db"}


def test_a_backup_that_is_cancelled_leaves_nothing(golden: Path, tmp_path: Path) -> None:
    def stop(position: int) -> None:
        if position > 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up_log(golden, tmp_path / "copy.db", stop)
    assert os.listdir(tmp_path) == []


def test_a_disk_that_fails_leaves_nothing_and_says_so(
    golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(StoreError, match="No space left"):
        back_up_log(golden, tmp_path / "copy.db")
    assert os.listdir(tmp_path) == []


def test_a_long_log_is_copied_in_several_transactions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: "Run"
) -> None:
    monkeypatch.setattr("cckit.stores.backup.BATCH_BYTES", 300)
    memory = small(50)
    back_up(memory, tmp_path / "copy.db")
    assert list(rows(tmp_path / "copy.db")) == [frame.pack() for frame in memory.read()]
    assert is_whole(run, tmp_path / "copy.db") == 50 * 51 // 2


def test_what_is_appended_after_the_start_is_not_copied(tmp_path: Path) -> None:
    memory = small(5)
    reader = memory.reader()

    def append(_: int) -> None:
        head = memory.head()
        assert head.position is not None
        frame = Frame.make(head.chain, head.position + 1, 1, 0, 1, b"late")
        assert memory.append(frame, head) is None

    found = back_up(reader, tmp_path / "copy.db", append)
    assert (found.events, found.frames) == (15, 5)
    assert len(list(memory.read())) == 10


def test_a_broken_log_is_not_copied(run: "Run", golden: Path, tmp_path: Path) -> None:
    log = broken(golden, tmp_path)
    done = run("backup", log, tmp_path / "copy.db")
    assert done.code == 2
    assert "is not whole at position 0" in done.err
    assert os.listdir(tmp_path) == ["broken.db"]


def test_a_closed_log_without_its_tail_is_not_copied(golden: Path, tmp_path: Path) -> None:
    log = tmp_path / "short.db"
    log.write_bytes(golden.read_bytes())
    connection = apsw.Connection(str(log))
    connection.execute("DELETE FROM frame WHERE position = (SELECT max(position) FROM frame)")
    connection.close()
    with pytest.raises(FormatError, match="was closed at another head"):
        back_up_log(log, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_an_existing_file_is_not_written_over(run: "Run", golden: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken.db"
    taken.write_bytes(b"mine")
    assert run("backup", golden, taken).code == 2
    assert run("backup", golden, golden).code == 2
    assert taken.read_bytes() == b"mine"
    assert run("backup", tmp_path / "absent.db", tmp_path / "copy.db").code == 2
    assert os.listdir(tmp_path) == ["taken.db"]


# --- keys -----------------------------------------------------------------------------------


def test_keys_are_copied_only_when_asked_for_and_never_beside_the_log(
    run: "Run", lived: Path, tmp_path: Path
) -> None:
    told = run("backup", lived, tmp_path / "copy.db", "--json")
    assert told.json["keys"] is None
    assert os.listdir(tmp_path) == ["copy.db"]
    beside = run("backup", lived, tmp_path / "2.db", "--keys", tmp_path / "2.keys")
    assert beside.code == 2
    assert "lies beside the copied log" in beside.err
    assert os.listdir(tmp_path) == ["copy.db"]


def test_where_the_keys_can_not_be_copied_no_log_is(
    run: "Run", lived: Path, tmp_path: Path
) -> None:
    done = run("backup", lived, tmp_path / "copy.db", "--keys", tmp_path / "none" / "copy.keys")
    assert done.code == 2
    assert os.listdir(tmp_path) == []


def test_a_copy_of_the_keys_needs_the_kek_that_is_kept_elsewhere(
    run: "Run", lived: Path, tmp_path: Path
) -> None:
    (tmp_path / "vault").mkdir()
    keys = tmp_path / "vault" / "copy.keys"
    done = run("backup", lived, tmp_path / "copy.db", "--keys", keys)
    assert done.code == 0, done.err
    assert "for less long than an erasure may take" in done.out
    assert "key-encryption key, which is kept elsewhere" in done.out
    assert os.listdir(tmp_path / "vault") == ["copy.keys"]
    assert keys.stat().st_mode & 0o777 == 0o600
    kek = lived.with_suffix(".kek").read_text("ascii").split()[1]
    assert bytes.fromhex(kek) not in keys.read_bytes()
    store = SqliteStore.open(lived, read_only=True)
    with pytest.raises(StoreError):
        Keys.open(keys, store.log_id, os.urandom)
    opened = Keys.open(keys, store.log_id, os.urandom, kek=bytes.fromhex(kek))
    for number in NUMBERS:
        subject = bytes.fromhex(opened.subject(number))
        assert not opened.is_new(opened.subject(number))
        assert opened.key(subject) is not None
    opened.close()
    store.close()


def test_a_key_that_was_destroyed_is_in_no_later_copy(lived: Path, tmp_path: Path) -> None:
    source = tmp_path / "source.keys"
    back_up_keys(lived.with_suffix(".keys"), source)
    connection = apsw.Connection(str(source))
    wrapped: Any = connection.execute("SELECT wrapped FROM key LIMIT 1").get
    assert wrapped in source.read_bytes()
    connection.execute("DELETE FROM key")  # As careless as can be: nothing is overwritten.
    connection.close()
    back_up_keys(source, tmp_path / "later.keys")
    assert wrapped not in (tmp_path / "later.keys").read_bytes()


def test_a_foreign_file_is_no_key_file(golden: Path, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no key file"):
        back_up_keys(golden, tmp_path / "copy.keys")
    assert os.listdir(tmp_path) == []
