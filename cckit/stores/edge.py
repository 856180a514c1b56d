"""The right edge of a tree in tiles: what is not full yet, and how full tiles come off it.

Nothing here touches a disk. Of each level the hashes of one tile are kept, and the events
of one bundle; that is all a tree needs to grow by any number of events.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from cckit.core.errors import FormatError
from cckit.core.merkle import HASH_SIZE, Frontier, leaf_hash
from cckit.core.tlog import (
    HEIGHT,
    TILE_WIDTH,
    entries_path,
    pack_entries,
    tile_path,
    unpack_entries,
)

FULL: Final = TILE_WIDTH * HASH_SIZE
"""Bytes of a full tile."""
PAIR: Final = 2 * HASH_SIZE

_TITLE: Final = "cckit tiles 1"

File = tuple[str, bytes]
"""A name and what it holds."""


class Edge(NamedTuple):
    """Where the tiles end."""

    origin: str
    log_id: bytes
    size: int
    """Events; at the end of a frame."""
    chain: bytes
    """Of that frame."""
    root: bytes
    """Of the tree of this size."""

    def pack(self) -> bytes:
        root = b64encode(self.root).decode()
        fields = (_TITLE, self.origin, self.log_id.hex(), self.size, self.chain.hex(), root)
        return "".join(f"{field}\n" for field in fields).encode()

    @classmethod
    def parse(cls, stored: bytes) -> "Edge | None":
        """The edge that was stored; None of bytes that ``pack`` did not make."""
        try:
            title, origin, log_id, size, chain, root = stored.decode().split("\n")[:-1]
            found = cls(
                origin, bytes.fromhex(log_id), int(size), bytes.fromhex(chain), b64decode(root)
            )
        except ValueError:
            return None
        return found if title == _TITLE and found.pack() == stored else None


class RightEdge:
    """The tiles that are not full."""

    def __init__(self) -> None:
        self.size = 0
        """Events in the tree."""
        self.hashes = [bytearray()]
        """Of each level the tile that is not full."""
        self.entries: list[bytes] = []
        """The events of the bundle that is not full."""

    @classmethod
    def taken(cls, size: int, part: Callable[[str, str], bytes | None]) -> "RightEdge | None":
        """The edge of a tree of this size, from its files; None if one is gone or cut off.

        ``part`` reads a file that was cut off, or the whole one that has replaced it.
        """
        found = cls()
        found.size, found.hashes = size, []
        for level in range(max(1, -(-size.bit_length() // HEIGHT))):
            index, width = divmod(size >> (HEIGHT * level), TILE_WIDTH)
            tile: bytes | None = b""
            if width:
                tile = part(tile_path(level, index, width), tile_path(level, index))
            if tile is None or len(tile) < width * HASH_SIZE:
                return None
            found.hashes.append(bytearray(tile[: width * HASH_SIZE]))
        index, width = divmod(size, TILE_WIDTH)
        bundle: bytes | None = b""
        if width:
            bundle = part(entries_path(index, width), entries_path(index))
        if bundle is None:
            return None
        try:
            found.entries = list(unpack_entries(bundle)[:width])
        except FormatError:
            return None
        return found if found._is_whole() else None

    def _is_whole(self) -> bool:
        """Whether the hashes are those of the events; one that was taken out says nothing."""
        pairs = zip(self.entries, range(0, len(self.hashes[0]), HASH_SIZE), strict=False)
        return len(self.entries) * HASH_SIZE == len(self.hashes[0]) and all(
            not entry or leaf_hash(entry) == self.hashes[0][at : at + HASH_SIZE]
            for entry, at in pairs
        )

    def grow(self, leaves: Sequence[bytes], hashes: Sequence[bytes] = ()) -> Iterator[File]:
        """Add events; the tiles and bundles that become full by them.

        ``hashes``: of their leaves, where an event is not there any more (``b""``).
        """
        self.hashes[0] += b"".join(hashes) if hashes else leaf_hashes(leaves)
        self.entries += leaves
        yield from self._cut_entries()
        yield from self._cut_hashes(0)
        self.size += len(leaves)

    def _cut_entries(self) -> Iterator[File]:
        entries, index = self.entries, self.size // TILE_WIDTH
        whole = len(entries) // TILE_WIDTH * TILE_WIDTH
        for at in range(0, whole, TILE_WIDTH):
            yield entries_path(index), pack_entries(entries[at : at + TILE_WIDTH])
            index += 1
        del entries[:whole]

    def _cut_hashes(self, level: int) -> Iterator[File]:
        """Take full tiles off the edge of a level, and put what is above them on the next."""
        edge, index = self.hashes[level], self.size >> (HEIGHT * (level + 1))
        whole = len(edge) // FULL * FULL
        if not whole:
            return
        above = bytearray()
        for at in range(0, whole, FULL):
            tile = bytes(edge[at : at + FULL])
            yield tile_path(level, index), tile
            above += subtree(tile)
            index += 1
        del edge[:whole]
        if len(self.hashes) == level + 1:
            self.hashes.append(bytearray())
        self.hashes[level + 1] += above
        yield from self._cut_hashes(level + 1)

    def parts(self) -> Iterator[tuple[str, int, bytes]]:
        """Of each tile and bundle that is not full: its name when full, its width, itself."""
        for level, edge in enumerate(self.hashes):
            index, width = divmod(self.size >> (HEIGHT * level), TILE_WIDTH)
            if width:
                yield tile_path(level, index), width, bytes(edge)
        index, width = divmod(self.size, TILE_WIDTH)
        if width:
            yield entries_path(index), width, pack_entries(self.entries)

    def root(self) -> bytes:
        """The root of the tree."""
        frontier = Frontier()
        for level in range(len(self.hashes) - 1, -1, -1):
            edge, at = self.hashes[level], 0
            for depth in range(HEIGHT - 1, -1, -1):
                width = HASH_SIZE << depth
                if len(edge) & width:
                    node = subtree(bytes(edge[at : at + width]))
                    frontier.append(node, HEIGHT * level + depth)
                    at += width
        return frontier.root()


def leaf_hashes(leaves: Sequence[bytes]) -> bytes:
    """The hashes of expanded events, joined."""
    return b"".join([sha256(b"\x00" + leaf).digest() for leaf in leaves])


def subtree(hashes: bytes) -> bytes:
    """The root over joined hashes of one level, as many as a power of two."""
    while len(hashes) > HASH_SIZE:
        nodes = range(0, len(hashes), PAIR)
        hashes = b"".join([sha256(b"\x01" + hashes[at : at + PAIR]).digest() for at in nodes])
    return hashes
