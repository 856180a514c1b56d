"""The tiles beside a log, held to the log: every tile, every event in them, every checkpoint.

The tree is built once more from the log alone, and what comes out is compared with what
lies there. Nothing is written, and nothing that lies there is believed.
"""

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cckit.core.codec import Codec
from cckit.core.errors import CckitError, FormatError, UnknownSignerError
from cckit.core.frame import REDACTED
from cckit.core.note import Note, VKey, open_note
from cckit.core.redaction import entries, leaf_hashes
from cckit.core.registry import Registry
from cckit.core.tlog import Checkpoint
from cckit.hooks.signing import verify
from cckit.hooks.store import Store
from cckit.stores.beside import tiles_beside
from cckit.stores.edge import File, RightEdge
from cckit.stores.folder import Folder
from cckit.stores.signed import Signed
from cckit.stores.sqlite import SqliteStore
from cckit.stores.tiles import Tiles


class ProofVerdict(NamedTuple):
    """What was found of the tiles of a log.

    .. versionadded:: 0.2
    """

    ok: bool
    tiles: int
    """Files of hashes and of events that were compared."""
    checkpoints: int
    """Whose roots the log has."""
    signed: int
    """Of those, how many a key that was given has signed."""
    error: str | None
    """The first fault."""


def verify_tiles(path: str | os.PathLike[str], keys: Sequence[VKey] = ()) -> ProofVerdict:
    """Hold the tiles and checkpoints beside a log to it, and signatures to ``keys``.

    :raises StoreError: there is no such log, it is not ours or newer, or was not closed.

    .. versionadded:: 0.2
    """
    store = SqliteStore.open(path, read_only=True)
    try:
        return _Check(store, Folder(tiles_beside(path)), keys).verdict()
    finally:
        store.close()


class _Check:
    def __init__(self, store: Store, folder: Folder, keys: Sequence[VKey]) -> None:
        self._store = store
        self._folder = folder
        self._keys = keys
        self._right = RightEdge()
        self._tiles = self._checkpoints = self._signed = 0

    def verdict(self) -> ProofVerdict:
        error: str | None = None
        try:
            tiles = Tiles.open(self._folder.path, self._store, folder=self._folder)
            wanted = self._wanted()
            self._grow(tiles.size, wanted)
        except CckitError as fault:
            error = fault.what
        counts = (self._tiles, self._checkpoints, self._signed)
        return ProofVerdict(error is None, *counts, error)

    def _wanted(self) -> dict[int, list[tuple[bytes, Checkpoint]]]:
        """The checkpoints by size."""
        found: dict[int, list[tuple[bytes, Checkpoint]]] = {}
        signed = Signed(self._folder)
        newest = signed.newest()
        notes = (*signed.all(), *(() if newest is None else (newest,)))
        for note in dict.fromkeys(notes):
            checkpoint = Checkpoint.parse(Note.parse(note).text)
            if checkpoint.origin != self._store.origin:
                raise _wrong(f"a checkpoint is of another log, {checkpoint.origin}")
            found.setdefault(checkpoint.size, []).append((note, checkpoint))
        return found

    def _grow(self, size: int, wanted: dict[int, list[tuple[bytes, Checkpoint]]]) -> None:
        codec, last = Codec(Registry(())), max(wanted, default=0)
        for frame in self._store.read():
            if frame.first >= max(size, last):
                break
            hashes = leaf_hashes(codec, frame) if frame.flags & REDACTED else ()
            self._compare(self._right.grow(entries(codec, frame), hashes), size)
            for note, checkpoint in wanted.pop(frame.end, ()):
                self._judge(note, checkpoint)
            if frame.end == size:
                parts = self._right.parts()
                self._compare(((f"{name}.p/{width}", part) for name, width, part in parts), size)
        if wanted:
            raise _wrong(f"a checkpoint is of {min(wanted)} events, and no frame ends there")

    def _compare(self, files: Iterator[File], size: int) -> None:
        for name, content in files:
            if self._right.size > size:
                continue  # A checkpoint may be all that is left of what lay there.
            whole = name.partition(".p/")[0]
            found = self._folder.read(name) or (self._folder.read(whole) or b"")[: len(content)]
            if found != content:
                raise _wrong(f"{name} is not what the log gives")
            self._tiles += 1

    def _judge(self, note: bytes, checkpoint: Checkpoint) -> None:
        if self._right.root() != checkpoint.root:
            raise _wrong(f"the checkpoint of {checkpoint.size} events has another root")
        self._checkpoints += 1
        if self._keys:
            try:
                open_note(note, self._keys, verify)
            except UnknownSignerError:
                return
            self._signed += 1


def _wrong(what: str) -> FormatError:
    remedy = "find out who changed it; the log makes tiles again, but no checkpoints"
    return FormatError("tiles", what, remedy)
