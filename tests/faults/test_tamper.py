"""Whoever changes the file of a log is found out, with the place; and nothing worse happens.

That every flipped bit of a frame is found is tested on the frames (test_bits.py);
here it is the file on the disk.
"""

import random
from pathlib import Path

import apsw
import pytest

from cckit.core.errors import StoreError
from cckit.core.frame import Frame
from cckit.shell.proof.checking import verify_log
from cckit.stores.sqlite import SqliteStore
from cckit.testing.stores import fill

SEED = 20_261_121


@pytest.fixture
def log(folder: Path) -> tuple[Path, list[Frame]]:
    path = folder / "log.db"
    store = SqliteStore.open(path, create=True, origin="o", log_id=bytes(16))
    frames = fill(store, 40)
    store.close()
    return path, frames


def run(path: Path, statement: str, *values: object) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(statement, values)
    connection.close()


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_an_untouched_log_is_found_good(log: tuple[Path, list[Frame]]) -> None:
    path, frames = log
    verdict = verify_log(path)
    assert (verdict.ok, verdict.events, verdict.head) == (True, frames[-1].end, frames[-1].chain)


def test_a_flipped_bit_in_a_stored_frame_is_found_at_its_place(
    log: tuple[Path, list[Frame]],
) -> None:
    path, frames = log
    draw = random.Random(SEED)
    for _ in range(150):
        frame = draw.choice(frames)
        stored = frame.pack()
        bit = draw.randrange(8 * len(stored))
        update = "UPDATE frame SET bytes = ? WHERE position = ?"
        run(path, update, flipped(stored, bit), frame.first)
        verdict = verify_log(path)
        assert verdict.error is not None, f"seed {SEED}: bit {bit} of the frame at {frame.first}"
        assert verdict.error.position == frame.first
        run(path, update, stored, frame.first)
    assert verify_log(path).ok


def test_a_flipped_bit_anywhere_in_the_file_is_found_or_changes_nothing(
    log: tuple[Path, list[Frame]],
) -> None:
    path, frames = log
    content = path.read_bytes()
    draw = random.Random(SEED)
    outcomes = {"found": 0, "refused": 0, "slack": 0}
    # The header and the first pages hold what names a log; the rest is drawn.
    bits = [*range(8 * 100), *(draw.randrange(8 * len(content)) for _ in range(800))]
    for bit in bits:
        path.write_bytes(flipped(content, bit))
        try:
            verdict = verify_log(path)
        except StoreError:
            outcomes["refused"] += 1
            continue
        if verdict.ok:
            assert verdict.head == frames[-1].chain, f"seed {SEED}: bit {bit}"
        outcomes["slack" if verdict.ok else "found"] += 1
    assert min(outcomes.values()) > 0


@pytest.mark.parametrize(
    ("statement", "position"),
    [
        ("DELETE FROM frame WHERE position = (SELECT max(position) FROM frame)", 96),
        ("DELETE FROM frame WHERE position = 0", 0),
        ("DELETE FROM frame WHERE position = 10", 10),
        ("UPDATE frame SET position = 1000 WHERE position = 10", 10),
        ("DELETE FROM frame", 0),
    ],
    ids=["tail", "first", "middle", "moved", "all"],
)
def test_frames_taken_away_from_a_closed_log_are_missed(
    log: tuple[Path, list[Frame]], statement: str, position: int
) -> None:
    path, frames = log
    assert frames[-1].first == 96
    run(path, statement)
    verdict = verify_log(path)
    assert verdict.error is not None
    assert verdict.error.position == position


def test_two_frames_that_change_places_are_found(log: tuple[Path, list[Frame]]) -> None:
    path, frames = log
    one, two = frames[3], frames[4]
    for frame, place in ((one, two.first), (two, one.first)):
        run(path, "UPDATE frame SET bytes = ? WHERE position = ?", frame.pack(), place)
    verdict = verify_log(path)
    assert verdict.error is not None
    assert verdict.error.position == one.first


@pytest.mark.parametrize("name", ["origin", "log_id"])
def test_a_log_under_another_name_is_found(log: tuple[Path, list[Frame]], name: str) -> None:
    path, _ = log
    value: object = "another" if name == "origin" else bytes([9] * 16)
    run(path, "UPDATE meta SET value = ? WHERE name = ?", value, name)
    verdict = verify_log(path)
    assert verdict.error is not None
    assert verdict.error.position == 0


@pytest.mark.parametrize("value", [None, 7, "short", b"short"])
@pytest.mark.parametrize("name", ["origin", "log_id", "epoch"])
def test_a_log_without_a_name_is_refused(
    log: tuple[Path, list[Frame]], name: str, value: object
) -> None:
    path, _ = log
    run(path, "UPDATE meta SET value = ? WHERE name = ?", value, name)
    if (name, value) in (("origin", "short"), ("epoch", 7)):
        return  # Those are names; the test above and the epochs of the frames tell.
    with pytest.raises(StoreError):
        verify_log(path)


def test_a_log_without_its_tables_is_refused(log: tuple[Path, list[Frame]]) -> None:
    path, _ = log
    run(path, "DELETE FROM meta WHERE name = 'epoch'")
    with pytest.raises(StoreError, match="lacks what names a log"):
        verify_log(path)
    run(path, "DROP TABLE meta")
    with pytest.raises(StoreError, match="no such table"):
        verify_log(path)
