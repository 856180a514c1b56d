"""A log leaves as frames and comes back as it was; what is no whole log is refused."""

import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cckit.core.codec import canonical
from cckit.core.errors import CckitError, FormatError, StoreError, UsageError
from cckit.core.frame import FRAME_MAX
from cckit.core.transfer import MAGIC, FramesFile, LogName, pack_end, pack_frame, pack_start
from cckit.core.verify import verify
from cckit.shell.logs.moving import import_frames
from cckit.stores.memory import MemoryStore
from cckit.stores.sqlite import SqliteStore

from .conftest import file_of, pieces_of, rows, small, stored_in

if TYPE_CHECKING:
    from .conftest import Run


def brought(packed: bytes, folder: Path, events: bool = False) -> Path:
    out = folder / "new.db"
    import_frames(BytesIO(packed), "moved.frames", out, events=events)
    return out


def refused(packed: bytes, folder: Path) -> str:
    """Why a file is not taken in; nothing is there afterwards."""
    with pytest.raises(FormatError) as error:
        brought(packed, folder)
    assert os.listdir(folder) == []
    assert error.value.where == "moved.frames"
    return error.value.what


# --- there and back -------------------------------------------------------------------------


def test_a_log_comes_back_with_its_bytes_hashes_and_name(
    run: "Run", golden: Path, tmp_path: Path
) -> None:
    first, log, second = (tmp_path / name for name in ("1.frames", "new.db", "2.frames"))
    assert run("export", golden, "--format", "frames", "-o", first).code == 0
    told = run("import", "frames", first, "--log", log, "--events", "--json")
    assert told.code == 0
    assert run("export", log, "--format", "frames", "-o", second).code == 0
    assert first.read_bytes() == second.read_bytes()
    assert list(rows(log)) == list(rows(golden))
    verified = run("verify", log, "--events", "--json")
    assert verified.code == 0
    source = SqliteStore.open(golden, read_only=True)
    assert told.json == {
        "origin": source.origin,
        "log_id": source.log_id.hex(),
        "events": verified.json["events"],
        "frames": verified.json["frames"],
        "head": source.head().chain.hex(),
    }
    source.close()


def test_a_log_in_memory_gives_the_same_file_as_on_disk(tmp_path: Path) -> None:
    memory = small()
    log = brought(file_of(memory), tmp_path)
    store = SqliteStore.open(log, read_only=True)
    back = MemoryStore(store.origin, store.log_id)
    back.claim()
    for frame in store.read():
        assert back.append(frame, back.head()) is None
    assert file_of(memory) == file_of(store) == file_of(back)
    store.close()


def test_an_empty_log_is_moved_too(run: "Run", tmp_path: Path) -> None:
    log = brought(file_of(small(0)), tmp_path)
    assert run("verify", log).code == 0
    store = SqliteStore.open(log, read_only=True)
    assert (store.origin, store.log_id, store.head().position) == ("small", bytes(16), None)
    assert file_of(store) == file_of(small(0))
    store.close()


def test_a_log_that_was_moved_is_written_on(tmp_path: Path) -> None:
    log = brought(file_of(small()), tmp_path)
    store = SqliteStore.open(log)
    assert store.claim() == 2  # Above the epoch of every frame.
    store.close()


def test_a_log_that_continues_another_says_so_after_it_was_moved(tmp_path: Path) -> None:
    before = canonical([["small", 3, bytes(32)]])
    named = pack_start(LogName("renamed", bytes(16), before))
    _, *rest = pieces_of(small())
    packed = named + b"".join(rest)
    store = SqliteStore.open(brought(packed, tmp_path), read_only=True)
    assert store.continues == before
    assert file_of(store) == packed
    store.close()


def test_frames_come_from_a_pipe_and_go_to_one(golden: Path, tmp_path: Path) -> None:
    cckit, out = f"{sys.executable} -m cckit.cli", tmp_path / "piped.db"
    line = f"{cckit} export {golden} --format frames | {cckit} import frames - --log {out}"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert list(rows(out)) == list(rows(golden))


# --- what is refused ------------------------------------------------------------------------


def test_a_file_cut_at_any_byte_is_refused(tmp_path: Path) -> None:
    packed = file_of(small(2))
    for size in range(len(packed)):
        with pytest.raises(FormatError, match="cut off"):
            stored_in(packed[:size])
    for size in range(0, len(packed), 41):
        assert "cut off" in refused(packed[:size], tmp_path), size


def test_a_doubled_frame_is_refused(tmp_path: Path) -> None:
    start, one, two, *rest = pieces_of(small())
    packed = b"".join((start, one, two, two, *rest))
    assert refused(packed, tmp_path) == "has the frame before position 3 twice"


def test_frames_in_another_order_are_refused(tmp_path: Path) -> None:
    start, one, two, three, *rest = pieces_of(small())
    packed = b"".join((start, one, three, two, *rest))
    what = "has position 3 where 1 follows: frames lack or changed places"
    assert refused(packed, tmp_path) == what
    back = b"".join((start, one, two, one, three, *rest))
    assert refused(back, tmp_path) == "goes back from position 3 to 0"


def test_frames_of_another_log_are_refused(tmp_path: Path) -> None:
    start, *_ = pieces_of(small())
    _, *rest = pieces_of(small(log_id=bytes(15) + b"\x01"))
    packed = b"".join((start, *rest))
    assert refused(packed, tmp_path) == "has frames of another log than it names"


def test_a_frame_of_another_history_is_refused(tmp_path: Path) -> None:
    start, one, *_ = pieces_of(small())
    _, _, two, end = pieces_of(small(2, log_id=bytes(15) + b"\x01"))
    packed = b"".join((start, one, two, end))
    what = "has a frame at position 1 that was not written after those before it"
    assert refused(packed, tmp_path) == what


def test_a_changed_frame_is_refused(tmp_path: Path) -> None:
    start, one, two, *rest = pieces_of(small())
    changed = bytearray(two)
    changed[80] ^= 1
    packed = b"".join((start, one, bytes(changed), *rest))
    what = "is not whole at position 1: the frame's bytes differ from its chain hash"
    assert refused(packed, tmp_path) == what


def test_a_head_that_is_not_that_of_the_last_frame_is_refused(tmp_path: Path) -> None:
    *pieces, _ = pieces_of(small())
    packed = b"".join((*pieces, pack_end(bytes(32))))
    assert refused(packed, tmp_path) == "ends with another head than that of its last frame"


def test_a_file_without_its_last_frame_is_refused(tmp_path: Path) -> None:
    *pieces, _, end = pieces_of(small())
    packed = b"".join((*pieces, end))
    assert refused(packed, tmp_path) == "ends with another head than that of its last frame"


def test_bytes_after_the_end_are_refused(tmp_path: Path) -> None:
    packed = file_of(small())
    assert refused(packed + b"\0", tmp_path) == f"has more after its end at byte {len(packed)}"
    assert "has more after its end" in refused(packed + packed, tmp_path)


def test_what_is_no_file_of_frames_is_refused(tmp_path: Path) -> None:
    assert refused(b"SQLite format 3\0" + bytes(100), tmp_path) == "is no file of frames"
    newer = MAGIC.replace(b"1", b"2") + bytes(100)
    assert refused(newer, tmp_path) == "is a file of frames in another format"
    assert refused(b"", tmp_path) == "is empty or cut off before its first frame"


def test_a_name_that_no_log_has_is_refused(tmp_path: Path) -> None:
    for origin in (b"\0\0", b"\0\x02\xff\xfe", b"\0\x03a\nb"):
        packed = MAGIC + origin + bytes(16) + b"\0\0" + pack_end(bytes(32))
        assert refused(packed, tmp_path) == "names its log in a way that no log has"
    with pytest.raises(UsageError, match="too long"):
        pack_start(LogName("o" * 65_536, bytes(16)))


def test_a_length_that_no_frame_has_is_not_asked_for(tmp_path: Path) -> None:
    asked = []

    def read(size: int) -> bytes:
        asked.append(size)
        return packed.read(size)

    start, *_ = pieces_of(small())
    for length in (96, FRAME_MAX + 1, 2**32 - 1):
        packed = BytesIO(start + length.to_bytes(4) + bytes(1000))
        with pytest.raises(FormatError, match=f"has a length of {length} at byte"):
            list(FramesFile(read, "a file").frames())
    assert max(asked) < 100


def test_a_log_that_exists_is_not_written_over(run: "Run", golden: Path, tmp_path: Path) -> None:
    log, file = tmp_path / "new.db", tmp_path / "moved.frames"
    log.write_bytes(b"mine")
    file.write_bytes(file_of(small()))
    done = run("import", "frames", file, "--log", log)
    assert done.code == 2
    assert "there is a file of this name" in done.err
    assert log.read_bytes() == b"mine"
    assert sorted(os.listdir(tmp_path)) == ["moved.frames", "new.db"]


def test_with_events_a_body_that_holds_none_is_refused(tmp_path: Path) -> None:
    packed = file_of(small())
    with pytest.raises(FormatError, match="is not whole at position 0"):
        brought(packed, tmp_path, events=True)
    assert os.listdir(tmp_path) == []


def test_a_missing_file_and_a_folder_are_bad_input(run: "Run", tmp_path: Path) -> None:
    for file in (tmp_path / "absent", tmp_path):
        done = run("import", "frames", file, "--log", tmp_path / "new.db")
        assert done.code == 2
        assert "can't be read" in done.err


class Failing(BytesIO):
    """A file on a disk that fails after some bytes."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > 300:
            raise OSError(5, "Input/output error")
        return super().read(size)


def test_a_disk_that_fails_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Input/output error"):
        import_frames(Failing(file_of(small(20))), "moved.frames", tmp_path / "new.db")
    assert os.listdir(tmp_path) == []


@given(st.binary(max_size=400), st.integers(0, 3))
def test_any_bytes_are_frames_or_a_declared_error(noise: bytes, start: int) -> None:
    before = [b"", MAGIC, pack_start(LogName("small", bytes(16))), file_of(small(2))[:-36]]
    try:
        FramesFile(BytesIO(before[start] + noise).read, "a file")
        stored_in(before[start] + noise)
    except CckitError:
        pass


@given(st.data())
def test_a_changed_byte_is_never_taken_for_whole(data: st.DataObject) -> None:
    packed = bytearray(file_of(small(3)))
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at] ^= data.draw(st.integers(1, 255))
    try:
        file = FramesFile(BytesIO(packed).read, "a file")
        found = verify(list(file.frames()), file.name.origin, file.name.log_id)
    except FormatError:
        return
    assert not found.ok


def test_a_frame_is_written_behind_its_length() -> None:
    assert pack_frame(b"abc") == b"\0\0\0\x03abc"
