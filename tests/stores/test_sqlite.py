"""What the SQLite store refuses before it writes, and what its file looks like."""

import os
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import apsw
import pytest

from cckit.core.errors import FormatError, StoreError, UsageError
from cckit.core.frame import FORMAT, Frame, first_previous
from cckit.hooks.store import Head
from cckit.stores import connection, file
from cckit.stores.connection import check_sqlite
from cckit.stores.file import APPLICATION_ID
from cckit.stores.sqlite import BATCH_FRAMES, SqliteStore
from cckit.testing.stores import fill

LOG_ID = bytes(range(16))
NOBODY = 65_534


def make(path: Path, frames: int = 0) -> list[Frame]:
    """A closed log at a path; its frames."""
    store = SqliteStore.open(path, create=True, origin="o", log_id=LOG_ID)
    written = fill(store, frames)
    store.close()
    return written


def listing(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def refusal(path: Path, read_only: bool) -> StoreError:
    """Why a file is refused; nothing is written or left beside it."""
    before = listing(path.parent)
    with pytest.raises(StoreError) as refused:
        SqliteStore.open(path, read_only=read_only)
    assert listing(path.parent) == before
    assert refused.value.where == str(path)
    return refused.value


def set_pragma(path: Path, name: str, value: int) -> None:
    connection = apsw.Connection(str(path))
    connection.pragma(name, value)
    connection.close()


# --- refused ------------------------------------------------------------------------------

BOTH = pytest.mark.parametrize("read_only", [True, False], ids=["reading", "writing"])


@BOTH
def test_a_log_that_is_not_there_is_refused(tmp_path: Path, read_only: bool) -> None:
    assert refusal(tmp_path / "log.db", read_only).what == "there is no such log"


@BOTH
@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),
        (b"not a log\n", "is not an SQLite file"),
        (b"SQLite format 2\x00" + bytes(4096), "is not an SQLite file"),
        (b"SQLite format 3\x00", "is cut off after 16 bytes"),
        (bytes(100_000), "is not an SQLite file"),
    ],
)
def test_a_file_that_is_no_database_is_refused(
    tmp_path: Path, read_only: bool, content: bytes, what: str
) -> None:
    path = tmp_path / "log.db"
    path.write_bytes(content)
    error = refusal(path, read_only)
    assert isinstance(error, FormatError)
    assert error.what == what


@BOTH
def test_a_folder_is_refused(tmp_path: Path, read_only: bool) -> None:
    with pytest.raises(StoreError, match="can't be opened"):
        SqliteStore.open(tmp_path, read_only=read_only)


@BOTH
def test_a_foreign_database_is_refused(tmp_path: Path, read_only: bool) -> None:
    path = tmp_path / "log.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE frame(position INTEGER PRIMARY KEY, bytes BLOB)")
    connection.close()
    assert refusal(path, read_only).what == "is an SQLite file of another program (id 0x00000000)"


@BOTH
@pytest.mark.parametrize("version", [0, FORMAT + 1, 99])
def test_a_log_of_another_format_is_refused(tmp_path: Path, read_only: bool, version: int) -> None:
    path = tmp_path / "log.db"
    make(path, 2)
    set_pragma(path, "user_version", version)
    error = refusal(path, read_only)
    assert error.what == f"is a log of format {version}; this version reads format {FORMAT}"


@pytest.mark.planted("S newer format opened")
def test_a_newer_log_that_is_opened_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "log.db")
    set_pragma(tmp_path / "log.db", "user_version", FORMAT + 1)
    read = file.read_header
    blind = lambda path: read(path)._replace(user_version=FORMAT)  # noqa: E731
    monkeypatch.setattr(file, "read_header", blind)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        refusal(tmp_path / "log.db", False)


@BOTH
def test_a_log_cut_off_anywhere_is_refused(tmp_path: Path, read_only: bool) -> None:
    path = tmp_path / "log.db"
    make(path, 30)
    content = path.read_bytes()
    cuts = [*range(0, 600, 7), *range(600, len(content), 997), len(content) - 1]
    for size in cuts:
        path.write_bytes(content[:size])
        assert isinstance(refusal(path, read_only), FormatError), f"cut to {size} bytes"
    path.write_bytes(content[: len(content) // 2])
    expected = f"is cut off: {len(content) // 2} of {len(content)} bytes are there"
    assert refusal(path, read_only).what == expected


@BOTH
def test_the_main_file_alone_of_an_open_log_is_refused(tmp_path: Path, read_only: bool) -> None:
    path = tmp_path / "log.db"
    store = SqliteStore.open(path, create=True, origin="o", log_id=LOG_ID)
    fill(store, 3)
    alone = tmp_path / "copy" / "log.db"
    alone.parent.mkdir()
    alone.write_bytes(path.read_bytes())
    error = refusal(alone, read_only)
    assert error.what == "was not closed"
    assert error.remedy == f"bring {alone}-wal and put it beside the log"
    Path(f"{alone}-wal").write_bytes(Path(f"{path}-wal").read_bytes())
    copy = SqliteStore.open(alone, read_only=read_only)
    assert copy.head() == store.head()
    copy.close()
    store.close()


def test_a_broken_last_frame_is_not_written_after(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    last = make(path, 3)[-1]
    spoilt = last.pack()[:-1] + bytes([last.chain[-1] ^ 1])
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE frame SET bytes = ? WHERE position = ?", (spoilt, last.first))
    connection.close()
    with pytest.raises(FormatError, match=f"the frame at {last.first} does not have the hash"):
        SqliteStore.open(path)
    reader = SqliteStore.open(path, read_only=True)
    assert [frame.is_whole() for frame in reader.read()] == [True, True, False]
    reader.close()


def test_a_frame_in_another_row_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    frames = make(path, 3)
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE frame SET position = 99 WHERE position = ?", (frames[-1].first,))
    connection.close()
    reader = SqliteStore.open(path, read_only=True)
    with pytest.raises(FormatError, match=f"holds a frame that says it is at {frames[-1].first}"):
        list(reader.read())
    reader.close()


def test_a_new_log_takes_no_name_that_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    path.write_text("dear diary")
    with pytest.raises(StoreError, match="there is a file of this name"):
        SqliteStore.open(path, create=True, origin="o", log_id=LOG_ID)
    assert path.read_text() == "dear diary"


def test_a_new_log_needs_a_name_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="give origin and log_id"):
        SqliteStore.open(tmp_path / "log.db", create=True)
    with pytest.raises(UsageError, match="one line of text as origin"):
        SqliteStore.open(tmp_path / "log.db", create=True, origin="a\nb", log_id=LOG_ID)
    with pytest.raises(StoreError, match="the lock file can't be opened"):
        SqliteStore.open(tmp_path / "no" / "log.db", create=True, origin="o", log_id=LOG_ID)


@pytest.mark.parametrize("version", ["3.7.0", "3.50.4", "3.51.2", "3.52.0"])
def test_an_sqlite_that_loses_data_is_refused(
    tmp_path: Path, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.db"
    make(path)
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: version)
    with pytest.raises(StoreError, match=f"SQLite {version} can corrupt a log"):
        SqliteStore.open(path)


@pytest.mark.parametrize("version", ["3.51.3", "3.53.0", "3.54.1", "4.0.0"])
def test_a_good_sqlite_is_taken(version: str) -> None:
    check_sqlite(version)


# --- the file -----------------------------------------------------------------------------


def test_the_file_is_as_written_down(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    frames = make(path, 4)
    assert sorted(listing(tmp_path)) == ["log.db", "log.db.lock"]
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    assert connection.pragma("application_id") == APPLICATION_ID == int.from_bytes(b"CCKT", "big")
    assert connection.pragma("user_version") == FORMAT
    assert connection.pragma("journal_mode") == "wal"
    assert dict(connection.execute("SELECT name, value FROM meta").fetchall()) == {
        "origin": "o",
        "log_id": LOG_ID,
        "epoch": 1,
        "clean_end": frames[-1].chain,
        "continues": None,
    }
    rows = connection.execute("SELECT position, bytes FROM frame ORDER BY position").fetchall()
    assert rows == [(frame.first, frame.pack()) for frame in frames]
    connection.close()


def test_a_writing_connection_is_set_as_written_down(tmp_path: Path) -> None:
    path = str(tmp_path / "log.db")
    make(Path(path))
    writing = connection.connect(path, connection.Mode.WRITE)
    found = {
        name: writing.pragma(name)
        for name in ("synchronous", "wal_autocheckpoint", "fullfsync", "checkpoint_fullfsync")
    }
    assert found == {
        "synchronous": 2,
        "wal_autocheckpoint": 0,
        "fullfsync": 1,
        "checkpoint_fullfsync": 1,
    }
    assert writing.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, -1) == 1
    writing.close()


def test_the_same_frames_give_the_same_file(tmp_path: Path) -> None:
    one, two = tmp_path / "one.db", tmp_path / "two.db"
    make(one, 300)
    make(two, 300)
    assert sha256(one.read_bytes()).digest() == sha256(two.read_bytes()).digest()


def test_a_path_may_hold_any_sign(tmp_path: Path) -> None:
    folder = tmp_path / "שלום ?mode=ro&x%20#1"
    folder.mkdir()
    frames = make(folder / "a b%.db", 2)
    reader = SqliteStore.open(folder / "a b%.db", read_only=True)
    assert [frame.chain for frame in reader.read()] == [frame.chain for frame in frames]
    reader.close()


def test_a_long_read_goes_through_many_transactions(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    frames = make(path, 2 * BATCH_FRAMES + 5)
    reader = SqliteStore.open(path, read_only=True)
    assert [f.first for f in reader.read()] == [f.first for f in frames]
    assert [f.first for f in reader.read(0, BATCH_FRAMES + 1)] == [
        f.first for f in frames[: BATCH_FRAMES + 1]
    ]
    reader.close()


def test_a_wal_that_has_grown_is_moved_into_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PASSIVE_PAGES", 10)
    monkeypatch.setattr(connection, "TRUNCATE_BYTES", 40 * 4096)
    path = tmp_path / "log.db"
    store = SqliteStore.open(path, create=True, origin="o", log_id=LOG_ID)
    fill(store, 400)
    assert Path(f"{path}-wal").stat().st_size < 60 * 4120
    assert path.stat().st_size > 50 * 4096
    store.close()


def test_a_reader_in_the_way_only_makes_the_wal_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PASSIVE_PAGES", 10)
    monkeypatch.setattr(connection, "TRUNCATE_BYTES", 40 * 4096)
    monkeypatch.setattr(connection, "BUSY_MS", 1)
    path = tmp_path / "log.db"
    store = SqliteStore.open(path, create=True, origin="o", log_id=LOG_ID)
    fill(store, 5)
    other = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM frame").fetchall()
    fill(store, 400)
    assert Path(f"{path}-wal").stat().st_size > 100 * 4120
    other.close()
    head = store.head()
    store.close()
    reader = SqliteStore.open(path, read_only=True)
    assert reader.head() == head
    reader.close()


def test_a_log_is_not_claimed_while_its_file_would_go_on_saying_that_it_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUSY_MS", 1)
    path = tmp_path / "log.db"
    make(path, 3)
    other = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM frame").fetchall()
    store = SqliteStore.open(path)
    with pytest.raises(StoreError, match="a reader holds an old state"):
        store.claim()
    assert store.failed
    store.close()
    other.close()
    again = SqliteStore.open(path)
    assert again.claim() == 3
    again.close()


# --- where nothing can be written ---------------------------------------------------------


@pytest.fixture
def as_nobody(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Drop root's rights, which no mode of a file stops; they come back after the test."""
    parents = [p for p in (tmp_path, *tmp_path.parents) if p.stat().st_mode & 0o55 != 0o55]
    modes = [(p, p.stat().st_mode) for p in parents]
    for parent, mode in modes:
        parent.chmod(mode | 0o55)
    is_root = os.geteuid() == 0

    def drop() -> None:
        if is_root:
            os.setresuid(NOBODY, NOBODY, 0)

    yield drop
    if is_root:
        os.setresuid(0, 0, 0)
    for parent, mode in modes:
        parent.chmod(mode)


@pytest.mark.skipif(not hasattr(os, "setresuid") or sys.platform != "linux", reason="needs Linux")
@pytest.mark.parametrize("mode", [0o555, 0o755], ids=["folder", "file"])
def test_a_log_is_read_where_nothing_can_be_written(
    tmp_path: Path, as_nobody: Callable[[], None], mode: int
) -> None:
    folder = tmp_path / "media"
    folder.mkdir()
    path = folder / "log.db"
    frames = make(path, 3)
    path.chmod(0o444)
    (folder / "log.db.lock").chmod(0o444)
    folder.chmod(mode)
    before = listing(folder)
    as_nobody()
    reader = SqliteStore.open(path, read_only=True)
    assert [frame.chain for frame in reader.read()] == [frame.chain for frame in frames]
    assert reader.head() == Head(frames[-1].end - 1, frames[-1].chain, 1)
    reader.close()
    with pytest.raises(StoreError):
        SqliteStore.open(path)
    assert listing(folder) == before


@pytest.mark.skipif(not hasattr(os, "setresuid") or sys.platform != "linux", reason="needs Linux")
def test_an_unclosed_log_is_refused_where_nothing_can_be_written(
    tmp_path: Path, as_nobody: Callable[[], None]
) -> None:
    folder = tmp_path / "media"
    folder.mkdir()
    path = folder / "log.db"
    store = SqliteStore.open(path, create=True, origin="o", log_id=LOG_ID)
    fill(store, 3)
    for name in ("log.db", "log.db-wal", "log.db-shm"):
        (folder / name).chmod(0o444)
    folder.chmod(0o555)
    as_nobody()
    with pytest.raises(FormatError) as refused:
        SqliteStore.open(path, read_only=True)
    assert refused.value.remedy == f"copy both {path} and {path}-wal to a writable folder"
    os.setresuid(os.getuid(), os.getuid(), 0)
    store.close()


def test_reading_a_closed_log_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    frames = make(path, 3)
    before = listing(tmp_path)
    reader = SqliteStore.open(path, read_only=True)
    assert [frame.chain for frame in reader.read()] == [frame.chain for frame in frames]
    assert listing(tmp_path) == before
    reader.close()
    assert listing(tmp_path) == before


def test_a_reader_of_a_closed_log_notices_the_writer_who_comes(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    frames = make(path, 3)
    reader = SqliteStore.open(path, read_only=True)
    reading = reader.read()
    assert next(reading).chain == frames[0].chain
    assert reader.closed_at == frames[-1].chain
    store = SqliteStore.open(path)
    frames += fill(store, 2 * BATCH_FRAMES)
    seen = [frame.chain for frame in reader.read()]
    assert seen == [frame.chain for frame in frames]
    assert reader.head() == store.head()
    assert reader.closed_at is None
    store.close()
    again = SqliteStore.open(path)
    frames += fill(again, 1)
    assert [frame.chain for frame in reader.read()] == [frame.chain for frame in frames]
    again.close()
    reader.close()


def test_what_was_read_while_a_writer_came_and_went_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.db"
    make(path, 3)
    reader = SqliteStore.open(path, read_only=True)
    batch = reader._read_batch

    def slow(at: int, limit: int) -> tuple[list[tuple[int, bytes]], bool]:
        found = batch(at, limit)
        if len(found[0]) == 3:
            store = SqliteStore.open(path)
            fill(store, 4)
            store.close()
        return found

    monkeypatch.setattr(reader, "_read_batch", slow)
    assert len(list(reader.read())) == 7
    reader.close()


def test_a_reader_goes_on_when_the_file_it_saw_is_torn_by_a_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.db"
    frames = make(path, 3)
    reader = SqliteStore.open(path, read_only=True)
    batch = reader._read_batch

    def torn(at: int, limit: int) -> tuple[list[tuple[int, bytes]], bool]:
        if len(frames) > 3:
            return batch(at, limit)
        writer = SqliteStore.open(path)
        frames.extend(fill(writer, 4))
        writer.close()
        raise apsw.CorruptError("database disk image is malformed")

    monkeypatch.setattr(reader, "_read_batch", torn)
    assert [frame.chain for frame in reader.read()] == [frame.chain for frame in frames]
    reader.close()


def test_a_file_that_is_torn_with_no_writer_near_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.db"
    make(path, 3)
    reader = SqliteStore.open(path, read_only=True)

    def torn(at: int, limit: int) -> tuple[list[tuple[int, bytes]], bool]:
        raise apsw.CorruptError("database disk image is malformed")

    monkeypatch.setattr(reader, "_read_batch", torn)
    with pytest.raises(StoreError, match="a read failed"):
        list(reader.read())
    assert reader.failed
    reader.close()


@pytest.mark.parametrize("read_only", [True, False], ids=["reading", "writing"])
@pytest.mark.parametrize("how", ["unmarked", "torn"])
def test_a_file_that_a_writer_changes_meanwhile_is_not_called_unclosed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_only: bool, how: str
) -> None:
    path = tmp_path / "log.db"
    make(path, 3)
    writers: list[SqliteStore] = []

    closed_at = file._closed_at

    def writer_comes(_: str) -> None:
        monkeypatch.setattr(file, "_closed_at", closed_at)
        writer = SqliteStore.open(path)
        writer.claim()
        writers.append(writer)
        if how == "torn":
            raise apsw.CorruptError("database disk image is malformed")

    monkeypatch.setattr(file, "_closed_at", writer_comes)
    store = SqliteStore.open(path, read_only=read_only, take_over=True)
    assert store.head().epoch == 2
    store.close()
    writers[0].close()


def test_an_empty_log_begins_with_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    make(path)
    reader = SqliteStore.open(path, read_only=True)
    assert reader.head() == Head(None, first_previous("o", LOG_ID), 1)
    assert reader.closed_at == first_previous("o", LOG_ID)
    reader.close()


def test_a_store_that_failed_says_ever_after_what_was_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.db"
    make(path, 3)
    store = SqliteStore.open(path)

    def damaged() -> None:
        raise apsw.CorruptError("database disk image is malformed")

    monkeypatch.setattr(store, "_read_head", damaged)
    with pytest.raises(StoreError, match="claiming the log failed"):
        store.claim()
    for again in (store.claim, store.head):
        with pytest.raises(StoreError, match=r"poisoned this store: .*image is malformed"):
            again()
    store.close()
