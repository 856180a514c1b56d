"""``cckit verify``: good, bad, and nothing to check."""

import shutil
from pathlib import Path

import apsw
import pytest

from cckit.stores.sqlite import SqliteStore

from .conftest import Run


def copy(log: Path, folder: Path) -> Path:
    return Path(shutil.copy(log, folder / "copy.db"))


def change(log: Path, statement: str, *values: object) -> None:
    connection = apsw.Connection(str(log))
    connection.execute(statement, values)  # type: ignore[arg-type]
    connection.close()


def frames(log: Path) -> list[tuple[int, bytes]]:
    store = SqliteStore.open(log, read_only=True)
    try:
        return list(store.read_bytes())
    finally:
        store.close()


def test_a_whole_log_is_whole(run: Run, simulated: Path) -> None:
    done = run("verify", simulated, "--events", "--json")
    assert done.code == 0
    found = done.json
    assert sorted(found) == ["error", "events", "frames", "head", "ok", "redacted", "rooted"]
    assert found["ok"] is True
    assert found["error"] is None
    assert found["events"] > 300
    assert found["frames"] == len(frames(simulated))
    assert found["head"] == frames(simulated)[-1][1][-32:].hex()


def test_the_same_is_told_to_people(run: Run, simulated: Path) -> None:
    done = run("verify", simulated)
    assert done.code == 0
    assert "is whole: headers, chain, positions" in done.out


@pytest.mark.parametrize("number", [0, 1, -1], ids=["first", "second", "last"])
@pytest.mark.parametrize("byte", [0, 40, 63, 64, 100, -33, -1])
def test_one_flipped_bit_is_found_and_placed(
    run: Run, simulated: Path, tmp_path: Path, number: int, byte: int
) -> None:
    log = copy(simulated, tmp_path)
    position, stored = frames(log)[number]
    changed = bytearray(stored)
    changed[byte] ^= 1
    change(log, "UPDATE frame SET bytes = ? WHERE position = ?", bytes(changed), position)
    done = run("verify", log, "--json")
    assert done.code == 1
    assert done.json["ok"] is False
    assert done.json["error"]["position"] == position
    assert done.json["events"] == position


def test_a_frame_that_is_gone_is_found(run: Run, simulated: Path, tmp_path: Path) -> None:
    log = copy(simulated, tmp_path)
    second = frames(log)[1][0]
    change(log, "DELETE FROM frame WHERE position = ?", second)
    done = run("verify", log, "--json")
    assert done.code == 1
    assert done.json["error"]["position"] == second


def test_a_tail_that_is_gone_is_found(run: Run, simulated: Path, tmp_path: Path) -> None:
    log = copy(simulated, tmp_path)
    last = frames(log)[-1][0]
    change(log, "DELETE FROM frame WHERE position = ?", last)
    done = run("verify", log, "--json")
    assert done.code == 1
    assert done.json["error"] == {
        "position": last,
        "reason": "the log was closed at another head: its last frames are gone",
    }


def test_a_row_at_another_position_is_found(run: Run, simulated: Path, tmp_path: Path) -> None:
    log = copy(simulated, tmp_path)
    last = frames(log)[-1][0]
    change(log, "UPDATE frame SET position = position + 1 WHERE position = ?", last)
    done = run("verify", log, "--json")
    assert done.code == 1
    assert done.json["error"]["position"] == last + 1


def test_what_is_no_log_is_bad_input(run: Run, simulated: Path, tmp_path: Path) -> None:
    foreign, text, newer, empty = (tmp_path / name for name in "abcd")
    apsw.Connection(str(foreign)).execute("CREATE TABLE t(x)")
    text.write_text("a log", "utf-8")
    empty.write_bytes(b"")
    shutil.copy(simulated, newer)
    change(newer, "PRAGMA user_version = 99")
    for path, said in (
        (foreign, "another program"),
        (text, "is not an SQLite file"),
        (newer, "is a log of format 99"),
        (empty, "is empty"),
        (tmp_path / "none.db", "there is no such log"),
    ):
        done = run("verify", path, "--json")
        assert done.code == 2, path
        assert said in done.err
        assert done.out == ""


def test_a_log_that_is_cut_off_is_bad_input(run: Run, simulated: Path, tmp_path: Path) -> None:
    log = tmp_path / "cut.db"
    log.write_bytes(simulated.read_bytes()[:-5000])
    done = run("verify", log)
    assert done.code == 2
    assert "is cut off" in done.err


def test_a_log_that_was_not_closed_asks_for_its_wal(run: Run, tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "open.db", create=True, origin="o", log_id=bytes(16))
    store.claim()
    log = copy(tmp_path / "open.db", tmp_path)
    done = run("verify", log)
    store.close()
    assert done.code == 2
    assert "was not closed" in done.err
    assert "copy.db-wal" in done.err
