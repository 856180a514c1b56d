"""The Merkle tree of a log as files: NAME.tiles, in the layout of C2SP tlog-tiles.

``tile/L/N`` holds 256 hashes of level 8*L, ``tile/entries/N`` the 256 events below
``tile/0/N``; the newest of each level lie beside as ``.p/W``, cut off after W. Those are the
right edge of the tree, and all that is needed to let it grow: whoever opens the folder
hashes what the log has since, and nothing of what it had before. ``edge`` says which log
the tiles are of, how many events they hold, and the chain of the log there. ``checkpoint``
is the newest signed one, ``checkpoints`` has all of them (``signed.py``).

Tiles are durable before ``edge`` names them, and ``edge`` is before a checkpoint over it
is written: a power cut leaves a checkpoint over tiles that are there. The chain at the
edge stands for all events before it, and the root over the edge for all hashes, so tiles
of another log, of another past of it, or with a spoilt edge are noticed. They are made
anew, for tiles are derived from the log; but only if every checkpoint that was signed under
its name is still over it (``history.py``), and those are set aside. Who changes a tile that
is full already changes no proof into a false one: a proof is held against its checkpoint
before it is given.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import sleep
from typing import Final

from cckit.core.errors import FormatError, StoreError, UsageError
from cckit.core.merkle import EMPTY, HASH_SIZE, root_at
from cckit.core.note import Note
from cckit.core.tlog import (
    HEIGHT,
    TILE_WIDTH,
    Checkpoint,
    entries_path,
    tile_path,
    unpack_entries,
)
from cckit.hooks.store import Store

from .connection import disk_errors
from .edge import FULL, Edge, File, RightEdge, subtree
from .folder import Folder, sync_file
from .history import check_history
from .lock import WriterLock
from .signed import Signed
from .views import is_past

PENDING_MAX: Final = 256
"""Full tiles that are kept in memory until they are written."""
CACHED: Final = 64
"""Tiles kept in memory for reading."""

EDGE: Final = "edge"
LOCK: Final = "lock"

_REMEDY: Final = "delete tile in it, then sign: tiles are made again, checkpoints never"


class Tiles:
    """The tree of one log on disk, for one builder and any number of readers.

    .. versionadded:: 0.2
    """

    def __init__(self, folder: Folder, edge: Edge, lock: WriterLock | None) -> None:
        self.path = folder.path
        self.rebuilt: str | None = None
        """Why what lay there was thrown away; None if nothing was."""
        self._folder = folder
        self._lock = lock
        self._edge = edge
        self._right = RightEdge()
        self._signed = Signed(folder)
        self._newest: bytes | None = None
        self._pending: dict[str, bytes] = {}
        """Full tiles that are not written yet."""
        self._done: list[str] = []
        """Folders of parts whose tile has become full, to be removed."""
        self._saved: dict[str, int] = {}
        """The widths of the partial tiles that are written."""
        self._cache: dict[str, bytes] = {}
        self._durable = edge.size
        """Events that the saved edge speaks for."""
        self._failed = False

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        store: Store,
        *,
        write: bool = False,
        take_over: bool = False,
        folder: Folder | None = None,
    ) -> "Tiles":
        """Open the tiles of a log; with ``write`` to build them, where need be anew.

        ``take_over`` goes past the lock of another builder, who must see by itself that the
        log is no longer its own. ``folder`` is the file layer, for tests that cut the power.

        :raises FormatError: to read, they are not of this log, or not of its past.
        :raises HistoryError: to build, a checkpoint that was signed under this log's name
            is not over this log.
        :raises StoreError: somebody else builds them, or the disk failed.
        """
        files = Folder(path) if folder is None else folder
        with disk_errors(files.path, _REMEDY):
            if not write:
                return cls._open_reader(files, store)
            if not os.path.isdir(files.path):
                os.makedirs(files.path)
                sync_file(os.path.dirname(files.path))
            lock = _lock(files.path, take_over)
            try:
                return cls._open_builder(files, store, lock)
            except BaseException:
                lock.release()
                raise

    @classmethod
    def _open_reader(cls, files: Folder, store: Store) -> "Tiles":
        while True:
            edge = _edge(files, store)
            tiles = cls(files, edge, None)
            fault = tiles._fault(store)
            if fault is None:
                return tiles
            if _edge(files, store) == edge:  # Else a builder went on meanwhile: look again.
                raise FormatError(files.path, fault, _REMEDY)

    @classmethod
    def _open_builder(cls, files: Folder, store: Store, lock: WriterLock) -> "Tiles":
        stored = files.read(EDGE)
        tiles = cls(files, _edge(files, store), lock)
        fault = tiles._fault(store)
        if fault is None and stored is None and tiles._signed.newest() is not None:
            fault = "they have no edge"
        if fault is not None or stored is None:
            check_history(files.path, tiles._signed.ever(), store)
        if fault is not None:
            tiles._throw_away()
            tiles = cls(files, _start(store), lock)
            tiles.rebuilt = fault
        tiles._signed.mend()
        return tiles

    def _fault(self, store: Store) -> str | None:
        """Take up the right edge, and say what is wrong with it."""
        edge = self._edge
        if edge == _start(store):
            return None
        if (edge.origin, edge.log_id) != (store.origin, store.log_id):
            return f"they are of another log, {edge.origin}"
        head = store.head().position
        events = 0 if head is None else head + 1
        if edge.size > events:
            return f"they hold {edge.size} events, and the log has {events}"
        if not is_past(store, edge.size - 1, edge.chain):
            return f"the log has another past up to position {edge.size - 1}"
        right = RightEdge.taken(edge.size, self._part)
        if right is None or right.root() != edge.root:
            return "their right edge is spoilt"
        self._right = right
        self._saved = {name: width for name, width, _ in right.parts()}
        newest = self._newest = self._signed.newest()
        return None if newest is None else self._fault_of(newest, self.size)

    def _part(self, cut_off: str, whole: str) -> bytes | None:
        """A tile that was cut off, or the whole one that a builder has put in its place."""
        found = self._folder.read(cut_off)
        return self._folder.read(whole) if found is None else found

    # --- reading --------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Events in the tree."""
        return self._right.size

    @property
    def chain(self) -> bytes:
        """Of the log where the tiles end; empty where there are none."""
        return self._edge.chain

    def root(self) -> bytes:
        """The root of the tree as it stands."""
        return self._right.root()

    def root_at(self, size: int) -> bytes:
        """The root of the first ``size`` events.

        :raises UsageError: the tiles hold less.
        :raises StoreError: a tile is gone, or the disk failed.
        """
        self._check_size(size)
        return self.root() if size == self.size else root_at(size, self.read)

    def read(self, level: int, index: int) -> bytes:
        """The root of the complete subtree of 2**level events, number index.

        :raises UsageError: the tiles do not reach so far.
        :raises StoreError: a tile is gone, or the disk failed.
        """
        self._check_size((index + 1) << level)
        tile_level, depth = divmod(level, HEIGHT)
        tile, offset = divmod(index << depth, TILE_WIDTH)
        stored = self._tile(tile_level, tile)
        return subtree(stored[offset * HASH_SIZE : (offset + (1 << depth)) * HASH_SIZE])

    def entries(self, first: int, end: int) -> Iterator[bytes]:
        """The expanded events of the positions from ``first`` up to ``end``, without it.

        :raises UsageError: the tiles do not reach so far.
        :raises StoreError: a tile is gone or spoilt, or the disk failed.
        """
        self._check_size(end)
        while first < end:
            index, offset = divmod(first, TILE_WIDTH)
            if index == self.size // TILE_WIDTH:
                found: Sequence[bytes] = self._right.entries
            else:
                found = unpack_entries(self._stored(entries_path(index)))
            part = found[offset : offset + end - first]
            if not part:
                raise FormatError(self.path, f"the events of tile {index} are spoilt", _REMEDY)
            yield from part
            first += len(part)

    def _tile(self, level: int, index: int) -> bytes:
        if index == self.size >> (HEIGHT * (level + 1)):
            return bytes(self._right.hashes[level])
        name = tile_path(level, index)
        found = self._cache.get(name)
        if found is None:
            found = self._stored(name)
            if len(found) != FULL:
                raise FormatError(self.path, f"{name} is spoilt", _REMEDY)
            if len(self._cache) >= CACHED:
                self._cache.clear()
            self._cache[name] = found
        return found

    def _stored(self, name: str) -> bytes:
        found = self._pending.get(name)
        if found is None:
            with disk_errors(self.path, _REMEDY):
                found = self._folder.read(name)
        if found is None:
            raise FormatError(self.path, f"{name} is gone", _REMEDY)
        return found

    def _check_size(self, size: int) -> None:
        if not 0 <= size <= self.size:
            what = f"hold {self.size} events, and not {size}"
            raise UsageError(self.path, what, "let them grow first")

    # --- growing --------------------------------------------------------------------------

    def grow(self, leaves: Sequence[bytes], chain: bytes, hashes: Sequence[bytes] = ()) -> None:
        """Add the expanded events of whole frames; ``chain`` is that of the last frame.

        ``hashes``: of their leaves, where an event was taken out of the log and is ``b""``.
        They are durable with the next ``save``.

        :raises UsageError: opened for reading.
        :raises StoreError: the disk failed, now or before.
        """
        self._check_builder()
        self._failed = True  # If this is interrupted, what grew by half must not be saved.
        for name, content in self._right.grow(leaves, hashes):
            self._pending[name] = content
            if self._saved.pop(name, 0):
                self._done.append(f"{name}.p")
            sleep(0)  # Whoever waits for the interpreter goes first.
        self._failed = False
        self._edge = self._edge._replace(size=self.size, chain=chain)
        if len(self._pending) > PENDING_MAX:
            self._write(())

    def save(self) -> None:
        """Make what grew durable: first the tiles, then the edge that names them.

        :raises UsageError: opened for reading.
        :raises StoreError: the disk failed, now or before.
        """
        self._check_builder()
        changed = [part for part in self._right.parts() if self._saved.get(part[0]) != part[1]]
        self._write((f"{name}.p/{width}", content) for name, width, content in changed)
        self._saved.update((name, width) for name, width, _ in changed)
        self._edge = self._edge._replace(root=self.root())
        with self._disk():
            self._folder.put([(EDGE, self._edge.pack())])
        self._durable = self.size

    def _write(self, parts: Iterable[File]) -> None:
        with self._disk():
            self._folder.put((*self._pending.items(), *parts))
        self._pending.clear()

    # --- checkpoints ----------------------------------------------------------------------

    def checkpoint(self) -> bytes | None:
        """The newest signed checkpoint over these tiles; None if none has been written."""
        return self._newest

    def checkpoints(self) -> Iterator[bytes]:
        """All signed checkpoints over these tiles, oldest first.

        :raises StoreError: the disk failed.
        """
        with disk_errors(self.path, _REMEDY):
            yield from self._signed.all()

    def save_checkpoint(self, note: bytes) -> None:
        """Keep a signed checkpoint of a tree that is durable here.

        The parts of tiles that have become full are removed: older checkpoints can be
        proved with the full ones.

        :raises UsageError: opened for reading, or it is not of these tiles.
        :raises StoreError: the disk failed, now or before.
        """
        self._check_builder()
        fault = self._fault_of(note, self._durable)
        if fault is not None:
            raise UsageError(self.path, fault, "save the tiles, then sign what they hold")
        with self._disk():
            self._signed.keep(note, self._durable)
            for done in self._done:
                self._folder.clear(done)
                self._folder.remove_folder(done)
        self._newest = note
        self._done.clear()

    def _fault_of(self, note: bytes, size: int) -> str | None:
        """Why a checkpoint can't be over the first ``size`` events here; None if it can."""
        try:
            found = Checkpoint.parse(Note.parse(note).text)
        except FormatError as error:
            return f"their checkpoint is none: {error.what}"
        if found.origin != self._edge.origin:
            return f"their checkpoint is of another log, {found.origin}"
        if found.size > size:
            return f"their checkpoint is of {found.size} events, and they hold {size}"
        if found.root != self.root_at(found.size):
            return f"their checkpoint of {found.size} events has another root"
        return None

    def _throw_away(self) -> None:
        """Begin anew: first no checkpoint is over the tiles, then no tile is left."""
        self._signed.set_aside()
        self._folder.remove(EDGE)
        self._folder.sync_folder("")
        self._folder.clear("tile")

    # --- the end --------------------------------------------------------------------------

    def close(self) -> None:
        """Let another one build. What was not saved is hashed again from the log."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _check_builder(self) -> None:
        if self._lock is None:
            raise UsageError(self.path, "are opened for reading", "open them with write=True")
        if self._failed:
            what = "an earlier error stopped them"
            raise StoreError(self.path, what, "open them again")

    @contextmanager
    def _disk(self) -> Iterator[None]:
        """A step that changes files; after an error none is taken again."""
        try:
            with disk_errors(self.path, "look at the disk, then open them again"):
                yield
        except BaseException:
            self._failed = True
            raise


def _start(store: Store) -> Edge:
    """The edge of no tiles."""
    return Edge(store.origin, store.log_id, 0, b"", EMPTY)


def _edge(files: Folder, store: Store) -> Edge:
    """The edge as it was saved; that of no tiles if none was."""
    stored = files.read(EDGE)
    if stored is None:
        return _start(store)
    found = Edge.parse(stored)
    if found is None:
        # No log has this: the tiles are found to be foreign.
        return Edge("", b"", 0, b"", EMPTY)
    return found


def _lock(path: str, take_over: bool) -> WriterLock:
    """The right to build the tiles of one folder.

    :raises StoreError: somebody else has it.
    """
    lock = WriterLock(os.path.join(path, LOCK), "builds these tiles")
    lock.take(take_over)
    return lock
