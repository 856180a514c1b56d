"""Tiles: the same tree however it grew, found again after reopening, never trusted blindly."""

import random
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cckit.core.errors import FormatError, HistoryError, StoreError, UsageError
from cckit.core.frame import Frame
from cckit.core.merkle import check_inclusion, inclusion_proof, leaf_hash, root_of
from cckit.core.tlog import Checkpoint, entries_path, tile_path, unpack_entries
from cckit.stores.memory import MemoryStore
from cckit.stores.tiles import Tiles

ORIGIN, LOG_ID = "center", bytes(range(16))


def leaf(position: int) -> bytes:
    return b"event %d " % position * (position % 3 + 1)


@pytest.fixture(autouse=True)
def _leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the frames of ``Log`` would hold."""

    def hashes(_: object, frame: Frame) -> list[bytes]:
        told = b"" if frame.body == b"body" else frame.body
        return [leaf_hash(leaf(n) + told) for n in range(frame.first, frame.end)]

    monkeypatch.setattr("cckit.stores.history.leaf_hashes", hashes)


class Log(MemoryStore):
    """A log whose frames say no more than how many events they hold."""

    def __init__(self, origin: str = ORIGIN, log_id: bytes = LOG_ID) -> None:
        super().__init__(origin, log_id)
        self.claim()

    def add(self, count: int, body: bytes = b"body") -> bytes:
        """Append a frame; its chain."""
        head = self.head()
        first = 0 if head.position is None else head.position + 1
        frame = Frame.make(head.chain, first, count, 0, head.epoch, body)
        assert self.append(frame, head) is None
        return frame.chain


def grown(path: Path, sizes: list[int], log: Log | None = None) -> tuple[Tiles, Log]:
    """Tiles of frames of these sizes, saved after each."""
    log = Log() if log is None else log
    tiles = Tiles.open(path, log, write=True)
    for count in sizes:
        chain = log.add(count)
        tiles.grow([leaf(n) for n in range(tiles.size, tiles.size + count)], chain)
        tiles.save()
    return tiles, log


def files(path: Path) -> dict[str, bytes]:
    return {
        p.relative_to(path).as_posix(): p.read_bytes()
        for p in sorted(path.rglob("*"))
        if p.is_file() and p.name != "lock"
    }


def signed(tiles: Tiles, size: int | None = None) -> bytes:
    """A checkpoint with a line that looks like a signature; nobody checks it here."""
    size = tiles.size if size is None else size
    text = Checkpoint(ORIGIN, size, tiles.root_at(size)).text()
    return f"{text}\n— {ORIGIN} {'A' * 90}==\n".encode()


def roots(count: int) -> bytes:
    return root_of(leaf_hash(leaf(n)) for n in range(count))


@settings(max_examples=25)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=8))
def test_what_grew_in_steps_is_what_grew_at_once(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("tiles")
    tiles, _ = grown(folder / "steps", sizes)
    at_once, _ = grown(folder / "once", [sum(sizes)])
    total = sum(sizes)
    assert tiles.size == at_once.size == total
    assert tiles.root() == at_once.root() == roots(total)
    assert list(tiles.entries(0, total)) == [leaf(n) for n in range(total)]
    tiles.save_checkpoint(signed(tiles))
    steps, once = files(folder / "steps"), files(folder / "once")
    assert {name: steps[name] for name in once if name != "edge"} == {
        name: once[name] for name in once if name != "edge"
    }
    tiles.close(), at_once.close()


@pytest.mark.parametrize("count", [1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 66_000])
def test_the_files_are_where_the_format_puts_them(tmp_path: Path, count: int) -> None:
    tiles, log = grown(tmp_path, [min(count, 16_384)])
    while tiles.size < count:
        step = min(count - tiles.size, 16_384)
        tiles.grow([leaf(n) for n in range(tiles.size, tiles.size + step)], log.add(step))
    tiles.save()
    found = files(tmp_path)
    del found["edge"]
    expected = {}
    hashes = [leaf_hash(leaf(n)) for n in range(count)]
    level = 0
    while hashes:
        for index in range(-(-len(hashes) // 256)):
            part = hashes[index * 256 : index * 256 + 256]
            expected[tile_path(level, index, len(part))] = b"".join(part)
        hashes = [
            root_of_nodes(hashes[index * 256 : index * 256 + 256])
            for index in range(len(hashes) // 256)
        ]
        level += 1
    for index in range(-(-count // 256)):
        width = min(256, count - index * 256)
        name = entries_path(index, width)
        assert unpack_entries(found.pop(name)) == tuple(
            leaf(n) for n in range(index * 256, index * 256 + width)
        )
    assert {n: c for n, c in found.items() if ".p/" not in n or n in expected} == expected
    tiles.close()


def root_of_nodes(hashes: list[bytes]) -> bytes:
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2], strict=True)
        hashes = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return hashes[0]


def test_any_event_is_proved_from_the_tiles_at_any_size(tmp_path: Path) -> None:
    tiles, _ = grown(tmp_path, [300, 1, 900, 77])
    draw = random.Random(5)
    reader = Tiles.open(tmp_path, _, write=False)
    for _n in range(200):
        size = draw.randint(1, tiles.size)
        index = draw.randrange(size)
        proof = inclusion_proof(index, size, reader.read)
        check_inclusion(leaf_hash(leaf(index)), index, size, proof, roots(size))
    assert reader.root_at(301) == roots(301)
    with pytest.raises(UsageError):
        reader.root_at(tiles.size + 1)
    tiles.close()


@settings(max_examples=25)
@given(st.lists(st.integers(1, 600), min_size=1, max_size=5), st.integers(1, 600))
def test_reopened_tiles_go_on_and_hash_only_the_tail(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], more: int
) -> None:
    path = tmp_path_factory.mktemp("tiles")
    tiles, log = grown(path, sizes)
    tiles.close()
    again = Tiles.open(path, log, write=True)
    assert (again.rebuilt, again.size) == (None, sum(sizes))
    again.grow([leaf(n) for n in range(again.size, again.size + more)], log.add(more))
    again.save()
    assert again.root() == roots(sum(sizes) + more)
    again.close()
    reader = Tiles.open(path, log)
    assert reader.root() == roots(sum(sizes) + more)
    assert list(reader.entries(0, reader.size)) == [leaf(n) for n in range(reader.size)]


def test_what_was_not_saved_is_not_there_after_reopening(tmp_path: Path) -> None:
    tiles, log = grown(tmp_path, [300])
    tiles.grow([leaf(n) for n in range(300, 2000)], log.add(1700))
    tiles.close()
    again = Tiles.open(tmp_path, log, write=True)
    assert (again.size, again.root(), again.rebuilt) == (300, roots(300), None)
    again.close()


def test_only_one_builds(tmp_path: Path) -> None:
    tiles, log = grown(tmp_path, [3])
    with pytest.raises(StoreError, match="builds these tiles already"):
        Tiles.open(tmp_path, log, write=True)
    Tiles.open(tmp_path, log)
    tiles.close()
    Tiles.open(tmp_path, log, write=True).close()


def test_who_reads_changes_nothing(tmp_path: Path) -> None:
    tiles, log = grown(tmp_path, [3])
    reader = Tiles.open(tmp_path, log)
    for change in (
        reader.save,
        lambda: reader.grow([b""], b""),
        lambda: reader.save_checkpoint(b""),
    ):
        with pytest.raises(UsageError, match="for reading"):
            change()
    tiles.close()


def test_no_tiles_are_read_as_an_empty_tree(tmp_path: Path) -> None:
    log = Log()
    reader = Tiles.open(tmp_path / "none", log)
    assert (reader.size, reader.root(), reader.checkpoint()) == (0, sha256().digest(), None)
    assert list(reader.checkpoints()) == list(reader.entries(0, 0)) == []
    assert not (tmp_path / "none").exists()


# --- foreign and spoilt ---------------------------------------------------------------------


def rebuilt(path: Path, log: Log) -> str:
    """Why the tiles are made anew; readers are told the same."""
    with pytest.raises(FormatError) as refused:
        Tiles.open(path, log)
    tiles = Tiles.open(path, log, write=True)
    assert tiles.size == 0
    assert tiles.checkpoint() is None
    assert tiles.rebuilt == refused.value.what
    assert Tiles.open(path, log).size == 0
    tiles.close()
    return refused.value.what


def test_tiles_of_another_log_are_made_anew(tmp_path: Path) -> None:
    tiles, _ = grown(tmp_path, [300])
    tiles.save_checkpoint(signed(tiles))
    tiles.close()
    other = Log("elsewhere", bytes(16))
    other.add(300)
    assert rebuilt(tmp_path, other) == "they are of another log, center"
    assert len(list(tmp_path.glob("checkpoints.before-1/*"))) == 1
    assert list(tmp_path.glob("tile/*")) == []


def test_tiles_of_another_past_are_made_anew(tmp_path: Path) -> None:
    tiles, _ = grown(tmp_path, [300])
    tiles.close()
    other = Log()
    other.add(300, b"else")
    assert rebuilt(tmp_path, other) == "the log has another past up to position 299"


def test_tiles_from_the_future_are_made_anew(tmp_path: Path) -> None:
    tiles, _ = grown(tmp_path, [300, 20])
    tiles.close()
    other = Log()
    other.add(300)
    assert rebuilt(tmp_path, other) == "they hold 320 events, and the log has 300"


@pytest.mark.parametrize("name", ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"])
@pytest.mark.parametrize("how", ["gone", "short", "changed"])
def test_a_spoilt_right_edge_is_made_anew(tmp_path: Path, name: str, how: str) -> None:
    tiles, log = grown(tmp_path, [300])
    tiles.close()
    file = tmp_path / name
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(content if how == "changed" else content[:-1])
    assert rebuilt(tmp_path, log) == "their right edge is spoilt"


def test_a_spoilt_edge_is_made_anew(tmp_path: Path) -> None:
    tiles, log = grown(tmp_path, [300])
    tiles.save_checkpoint(signed(tiles))
    tiles.close()
    whole = (tmp_path / "edge").read_bytes()
    for content in (b"", whole[:-1], whole.replace(b"300", b"0300"), whole + b"\n", b"\xff"):
        (tmp_path / "edge").write_bytes(content)
        assert rebuilt(tmp_path, log) == "they are of another log, "
        tiles, _ = grown(tmp_path, [], log)
        tiles.grow([leaf(n) for n in range(300)], log.head().chain)
        tiles.save()
        tiles.save_checkpoint(signed(tiles))
        tiles.close()
    (tmp_path / "edge").unlink()
    again = Tiles.open(tmp_path, log, write=True)
    assert again.rebuilt == "they have no edge"
    again.close()


def refused(path: Path, log: Log) -> str:
    """Why the tiles are not made anew; what lies there is as it was."""
    before = files(path)
    with pytest.raises(HistoryError) as told:
        Tiles.open(path, log, write=True)
    assert files(path) == before
    assert "another history" in told.value.what
    assert "cckit restore LOG --origin NAME" in told.value.remedy
    return told.value.what.partition(": ")[2]


def test_no_second_history_is_begun_over_a_checkpoint_of_the_first(tmp_path: Path) -> None:
    tiles, log = grown(tmp_path, [300, 20, 5])
    for size in (300, 320):
        tiles.save_checkpoint(signed(tiles, size))
    tiles.close()
    older, fork, foreign = Log(), Log(), Log(log_id=bytes(16))
    older.add(300)
    fork.add(300)
    fork.add(100, b"else")
    foreign.add(400, b"else")
    lacking = "its checkpoint is of 320 events, and the log has 300"
    assert refused(tmp_path, older) == lacking
    assert refused(tmp_path, fork) == "its checkpoint of 320 events has another root"
    assert refused(tmp_path, foreign) == "its checkpoint of 300 events has another root"
    (tmp_path / "edge").unlink()
    assert refused(tmp_path, older) == lacking
    (tmp_path / "checkpoint").unlink()
    assert refused(tmp_path, older) == lacking
    assert rebuilt_over(tmp_path, log) is None


@pytest.mark.parametrize("alone", [False, True])
def test_what_was_set_aside_is_still_signed(tmp_path: Path, alone: bool) -> None:
    tiles, log = grown(tmp_path, [300, 20])
    tiles.save_checkpoint(signed(tiles))
    tiles.close()
    if alone:
        next(tmp_path.glob("checkpoints/*")).unlink()
    (tmp_path / "tile/0/001.p/64").unlink()
    assert rebuilt_over(tmp_path, log) == "their right edge is spoilt"
    assert not (tmp_path / "checkpoint").exists()
    older = Log()
    older.add(300)
    assert refused(tmp_path, older) == "its checkpoint is of 320 events, and the log has 300"


def rebuilt_over(path: Path, log: Log) -> str | None:
    """Why the tiles are made anew over a log that all checkpoints fit."""
    tiles = Tiles.open(path, log, write=True)
    tiles.close()
    return tiles.rebuilt


def test_a_spoilt_full_tile_is_said_to_be_so(tmp_path: Path) -> None:
    tiles, log = grown(tmp_path, [700])
    tiles.close()
    (tmp_path / "tile/0/000").write_bytes(b"short")
    (tmp_path / "tile/entries/000").write_bytes(b"\xff\xff")
    (tmp_path / "tile/entries/001").unlink()
    reader = Tiles.open(tmp_path, log)
    for ask in (
        lambda: reader.read(0, 3),
        lambda: list(reader.entries(0, 5)),
        lambda: list(reader.entries(256, 257)),
    ):
        with pytest.raises(FormatError):
            ask()


# --- checkpoints ----------------------------------------------------------------------------


def test_all_checkpoints_are_kept(tmp_path: Path) -> None:
    tiles, log = grown(tmp_path, [])
    notes = []
    for _ in range(6):
        tiles.grow([leaf(n) for n in range(tiles.size, tiles.size + 14_000)], log.add(14_000))
        tiles.save()
        notes.append(signed(tiles))
        tiles.save_checkpoint(notes[-1])
    assert tiles.checkpoint() == notes[-1]
    assert list(tiles.checkpoints()) == notes
    tiles.close()
    assert list(Tiles.open(tmp_path, log).checkpoints()) == notes
    assert len(list(tmp_path.glob("checkpoints/*"))) == 2


def test_a_checkpoint_that_was_cut_off_is_forgotten(tmp_path: Path) -> None:
    tiles, log = grown(tmp_path, [10])
    tiles.save_checkpoint(signed(tiles))
    tiles.save_checkpoint(signed(tiles, 7))
    (file,) = tmp_path.glob("checkpoints/*")
    whole = file.read_bytes()
    notes = list(tiles.checkpoints())
    tiles.close()
    for cut in range(len(notes[0]) + 1, len(whole)):
        file.write_bytes(whole[:cut])
        assert list(Tiles.open(tmp_path, log).checkpoints()) == notes[:1]
        again = Tiles.open(tmp_path, log, write=True)
        assert file.read_bytes() == notes[0] + b"\n"
        again.save_checkpoint(notes[1])
        assert list(again.checkpoints()) == notes
        again.close()


def test_a_checkpoint_over_what_is_not_durable_is_refused(tmp_path: Path) -> None:
    tiles, log = grown(tmp_path, [10])
    tiles.grow([leaf(10)], log.add(1))
    with pytest.raises(UsageError, match="of 11 events, and they hold 10"):
        tiles.save_checkpoint(signed(tiles))
    tiles.save()
    tiles.save_checkpoint(signed(tiles))
    with pytest.raises(UsageError, match="another root"):
        tiles.save_checkpoint(signed(tiles).replace(b"\n11\n", b"\n10\n"))
    with pytest.raises(UsageError, match="another log"):
        tiles.save_checkpoint(signed(tiles).replace(b"center\n", b"elsewhere\n"))
    with pytest.raises(UsageError, match="is none"):
        tiles.save_checkpoint(b"no note")
    assert tiles.checkpoint() == signed(tiles)
    tiles.close()


def test_parts_go_when_their_tile_is_full(tmp_path: Path) -> None:
    tiles, _ = grown(tmp_path, [100, 100, 100])
    assert sorted(p.name for p in (tmp_path / "tile/0/000.p").iterdir()) == ["100", "200"]
    tiles.save_checkpoint(signed(tiles))
    assert not (tmp_path / "tile/0/000.p").exists()
    assert not (tmp_path / "tile/entries/000.p").exists()
    assert (tmp_path / "tile/0/001.p/44").exists()
    tiles.close()


def test_an_event_that_was_taken_out_keeps_its_hash(tmp_path: Path) -> None:
    log = Log()
    tiles = Tiles.open(tmp_path, log, write=True)
    left = [b"" if n in (7, 256, 299) else leaf(n) for n in range(300)]
    tiles.grow(left, log.add(300), [leaf_hash(leaf(n)) for n in range(300)])
    tiles.save()
    tiles.close()
    again = Tiles.open(tmp_path, log, write=True)
    assert (again.rebuilt, again.size, again.root()) == (None, 300, roots(300))
    assert list(again.entries(0, 300)) == left
    again.close()
