"""The power goes while tiles are built: no checkpoint stays that is over what is not there.

One run of a notary is recorded, operation by operation, with the log's own writes and syncs
in the same order. Then the power goes after any of them, and what the disk may have kept is
opened again.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import msgpack
import pytest

from cckit.core.codec import Codec
from cckit.core.errors import CckitError
from cckit.core.facts import AccessGranted
from cckit.core.frame import Frame
from cckit.core.merkle import leaf_hash, root_of
from cckit.core.note import open_note
from cckit.core.registry import Registry
from cckit.core.tlog import Checkpoint, entries_path, pack_entries, tile_path
from cckit.hooks.signing import Signer, verify
from cckit.shell.proof.notary import Notary
from cckit.stores.edge import RightEdge, subtree
from cckit.stores.folder import Folder
from cckit.stores.memory import MemoryStore
from cckit.stores.tiles import Tiles

from .disk import Disk, ModelFolder, Op

ORIGIN, LOG_ID = "center", bytes(range(16))
SIGNER = Signer.generate(ORIGIN, random.Random(3).randbytes)
CODEC = Codec(Registry((AccessGranted,)))
DATA = CODEC.encode(AccessGranted("agent/anna", "listen", "recording", "contact", "1", "why"))
CHOICES = ("none", "all", "some")


def body(count: int) -> bytes:
    events = [["contact/1", n, "access.granted", 1, DATA] for n in range(count)]
    packed: bytes = msgpack.packb([[5, None, "system", "", None, None, None, events]])
    return packed


class History:
    """A log that is known from its first frame to its last, and its tree at any size."""

    def __init__(self, sizes: list[int]) -> None:
        store = self.store(0)
        self.frames: list[Frame] = []
        self.leaves: list[bytes] = []
        for count in sizes:
            head = store.head()
            frame = Frame.make(head.chain, len(self.leaves), count, 5, head.epoch, body(count))
            assert store.append(frame, head) is None
            self.frames.append(frame)
            self.leaves += CODEC.leaves(frame.body, frame.first)
        self.hashes = [leaf_hash(leaf) for leaf in self.leaves]
        self._roots: dict[int, bytes] = {}
        self._tiles: dict[int, list[tuple[str, bytes]]] = {}

    def store(self, frames: int) -> MemoryStore:
        """A log that holds the first frames."""
        found = MemoryStore(ORIGIN, LOG_ID)
        found.claim()
        for frame in self.frames[:frames] if frames else ():
            assert found.append(frame, found.head()) is None
        return found

    def root(self, size: int) -> bytes:
        if size not in self._roots:
            self._roots[size] = root_of(self.hashes[:size])
        return self._roots[size]

    def tiles(self, size: int) -> list[tuple[str, bytes]]:
        """The tiles that the format asks for over so many events."""
        if size not in self._tiles:
            self._tiles[size] = list(self._files(size))
        return self._tiles[size]

    def _files(self, size: int) -> Iterator[tuple[str, bytes]]:
        level, hashes = 0, self.hashes[:size]
        while hashes:
            for at in range(0, len(hashes), 256):
                part = hashes[at : at + 256]
                yield tile_path(level, at // 256, len(part)), b"".join(part)
            whole = range(0, len(hashes) // 256 * 256, 256)
            level, hashes = level + 1, [subtree(b"".join(hashes[at : at + 256])) for at in whole]
        for at in range(0, size, 256):
            part = self.leaves[at : min(at + 256, size)]
            yield entries_path(at // 256, len(part)), pack_entries(part)


@pytest.fixture(scope="module")
def history() -> History:
    draw = random.Random(11)
    return History([draw.choice((1, 1, 2, 30, 130, 300)) for _ in range(24)])


def recorded(
    history: History,
    path: Path,
    settle: Callable[[Callable[[], None]], Callable[[], None]],
    openings: int = 6,
) -> list[Op]:
    """What a notary does to the disk behind a writer that is sometimes killed."""
    ops: list[Op] = []
    disk = Disk()
    draw = random.Random(5)

    def do(what: str, *arguments: int) -> None:
        ops.append(Op(what, arguments))
        getattr(disk, what)(*arguments)

    written = 0
    while written < len(history.frames):
        store = history.store(written)
        tiles = Tiles.open(path, store, write=True, folder=ModelFolder(str(path), disk, ops.append))
        notary = Notary(store, tiles, [SIGNER], settle(lambda: do("sync_log")))
        for frame in history.frames[written : written + len(history.frames) // openings]:
            written += 1
            do("write_log", written)
            assert store.append(frame, store.head()) is None
            if draw.random() < 0.7:
                do("sync_log")
            if draw.random() < 0.7:
                while notary.grow():
                    pass
                notary.sign()
        tiles.close()
    return ops


def fault_after(history: History, path: Path, ops: list[Op], draw: random.Random) -> str | None:
    """What is wrong with what a power cut after these operations leaves; None if nothing is."""
    disk = Disk()
    for what, arguments in ops:
        getattr(disk, what)(*arguments)
    disk.cut(draw, draw.choice(CHOICES))
    folder = ModelFolder(str(path), disk)
    events = history.frames[disk.log - 1].end if disk.log else 0
    signed = 0
    note = folder.read("checkpoint")
    if note is not None:
        try:
            found = Checkpoint.parse(open_note(note, [SIGNER.vkey], verify)[0].text)
        except CckitError as error:
            return f"a checkpoint is none: {error}"
        signed = found.size
        if signed > events:
            return f"a checkpoint is of {signed} events, and the log has {events}"
        if found.root != history.root(signed):
            return "a checkpoint has another root"
        for name, content in history.tiles(signed):
            whole = name.partition(".p/")[0]
            stored = folder.read(name) or (folder.read(whole) or b"")[: len(content)]
            if stored != content:
                return f"a checkpoint is over {name}, which is not there"
    try:
        tiles = Tiles.open(path, history.store(disk.log), write=True, folder=folder)
    except CckitError as error:
        return f"they do not open: {error}"
    try:
        if tiles.rebuilt is not None or tiles.size < signed:
            return f"they are hashed from zero: {tiles.rebuilt}"
        notary = Notary(history.store(disk.log), tiles, [SIGNER])
        while notary.grow():
            pass
        notary.sign()
        if tiles.root() != history.root(events):
            return "they grow into another tree"
        return None
    finally:
        tiles.close()


def faults(
    history: History, path: Path, ops: list[Op], images: int, until: int = 10**9
) -> list[str]:
    """What went wrong in so many power cuts, spread over all operations."""
    found = []
    for seed in range(images):
        draw = random.Random(seed)
        fault = fault_after(history, path, ops[: draw.randint(0, len(ops))], draw)
        if fault is not None:
            found.append(f"seed {seed}: {fault}")
            if len(found) == until:
                break
    return found


def honest(settle: Callable[[], None]) -> Callable[[], None]:
    return settle


def test_no_power_cut_leaves_a_checkpoint_over_what_is_not_there(
    history: History,
    tmp_path: Path,
    tier: Callable[[int, int, int], int],
    publish: Callable[[str], None],
) -> None:
    ops = recorded(history, tmp_path, honest)
    images = tier(600, 4_000, 1_000_000)
    assert faults(history, tmp_path, ops, images) == []
    publish(f"power cuts of tiles: {images:,} images of {len(ops)} operations, 0 faults")


@pytest.mark.planted("P frontier not saved")
def test_a_frontier_that_is_not_saved_is_noticed(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as planted:
        planted.setattr(RightEdge, "parts", lambda self: iter(()))
        ops = recorded(history, tmp_path, honest, openings=1)
    found = faults(history, tmp_path, ops, 600, until=5)
    assert len(found) == 5
    assert all("which is not there" in one or "right edge" in one for one in found), found


@pytest.mark.planted("P checkpoint past durable head")
def test_a_checkpoint_past_the_durable_head_is_noticed(history: History, tmp_path: Path) -> None:
    def trusting(_: Callable[[], None]) -> Callable[[], None]:
        return lambda: None  # What a killed writer wrote is believed to be on disk.

    ops = recorded(history, tmp_path, trusting)
    found = faults(history, tmp_path, ops, 600, until=5)
    assert len(found) == 5
    assert all("and the log has" in one for one in found), found


@pytest.mark.parametrize("lie", ["sync", "sync_folder"])
def test_a_sync_that_lies_is_noticed(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    """Else the disk of these tests would forgive what a real one does not."""
    with monkeypatch.context() as planted:
        planted.setattr(ModelFolder, lie, lambda self, name: None)
        ops = recorded(history, tmp_path, honest)
    assert faults(history, tmp_path, ops, 600, until=3)


def test_the_edge_named_before_its_tiles_is_noticed(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = Folder.put

    def backwards(self: Folder, files: object) -> None:
        listed = list(files)  # type: ignore[call-overload]
        for name, content in listed:
            self._make("/".join(name.split("/")[:-1]), {})
            self.write(name, content)  # In place, and synced one by one.
        for name, _ in reversed(listed):
            self.sync(name)

    with monkeypatch.context() as planted:
        planted.setattr(ModelFolder, "put", backwards)
        ops = recorded(history, tmp_path, honest)
    assert Folder.put is put
    assert faults(history, tmp_path, ops, 600, until=3)
