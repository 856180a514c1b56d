"""What a log shows to others: checkpoints, tiles and proofs, as C2SP writes them.

A checkpoint is the text of a signed note: the log's origin, how many leaves its tree has,
and the root. Tiles are the tree in files of 256 hashes, entries bundles its leaves, so that
whoever has the files can make any proof. A proof for one leaf is a text with the path to the
root and the checkpoint that signs the root.

All texts have one form: what ``parse`` reads, ``text`` or ``pack`` writes, byte for byte.
"""

from collections.abc import Iterable
from struct import Struct
from typing import Final

import attrs

from .errors import FormatError, UsageError
from .merkle import HASH_SIZE
from .note import NOTE_MAX, decode64, encode64
from .note import cosigned_text as cosigned_text

SIZE_MAX: Final = 2**63 - 1
"""Leaves of a tree."""
TILE_WIDTH: Final = 256
"""Hashes of a full tile, entries of a full bundle."""
HEIGHT: Final = 8
"""Levels of the tree between two levels of tiles."""
PATH_MAX: Final = 63
"""Hashes of a proof."""

_LENGTH: Final = Struct(">H")
_ENTRY_MAX: Final = 0xFFFF
_PROOF: Final = "c2sp.org/tlog-proof@v1"
_LEVEL_MAX: Final = 63
_REMEDY: Final = "ask for the original: not one byte of it may change"


def decimal(text: str, where: str) -> int:
    """A number from 0 to 2**63 - 1 without leading zeros.

    :raises FormatError: another text.
    """
    plain = text.isascii() and text.isdigit() and len(text) <= 19
    if not plain or (text[0] == "0" and text != "0") or int(text) > SIZE_MAX:
        raise FormatError(where, f"{text[:20]!r} is no number in its one form", _REMEDY)
    return int(text)


def hash_of_line(line: str, where: str) -> bytes:
    """A hash of 32 bytes, written in base64.

    :raises FormatError: another text.
    """
    found = decode64(line, where)
    if len(found) != HASH_SIZE:
        raise FormatError(where, f"a hash of {len(found)} bytes instead of {HASH_SIZE}", _REMEDY)
    return found


# --- checkpoints ----------------------------------------------------------------------------


@attrs.frozen
class Checkpoint:
    """The tree of one log at one size: what its key signs, and witnesses cosign.

    .. versionadded:: 0.2
    """

    origin: str
    """The log's name, one line."""
    size: int
    """Leaves: events with positions from 0 to ``size - 1``."""
    root: bytes
    """32 bytes."""

    def text(self) -> str:
        """Three lines with their newlines, to be signed.

        :raises UsageError: an origin of no or several lines, no size, no root.
        """
        one_line = self.origin.isprintable() and self.origin
        if not one_line or not 0 <= self.size <= SIZE_MAX or len(self.root) != HASH_SIZE:
            what = f"origin {self.origin!r}, size {self.size}, root of {len(self.root)} bytes"
            raise UsageError("checkpoint", what, "give a line, a size and 32 bytes")
        return f"{self.origin}\n{self.size}\n{encode64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read a note's text: three lines and no more.

        :raises FormatError: another text.
        """
        found, more = cls.head_of(text)
        if more:
            what = "lines after the root, which nobody could check"
            raise FormatError("checkpoint", what, _REMEDY)
        return found

    @classmethod
    def head_of(cls, text: str) -> tuple["Checkpoint", tuple[str, ...]]:
        """Read a text of another's log: the checkpoint, and the extension lines after it.

        :raises FormatError: no checkpoint, or an empty line.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() or not all(lines):
            what = "not three lines or more, each ended by a newline"
            raise FormatError("checkpoint", what, _REMEDY)
        origin, size, root, *more = lines
        if not origin.isprintable():
            raise FormatError("checkpoint", "an origin that can't be printed", _REMEDY)
        where = "checkpoint"
        return cls(origin, decimal(size, where), hash_of_line(root, where)), tuple(more)


# --- tiles ----------------------------------------------------------------------------------


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Where a tile of hashes lies: ``tile/0/x001/067``, a partial one with ``.p/TILE_WIDTH``.

    ``level`` counts tiles, each ``HEIGHT`` levels of the tree. The width of the partial tile
    of a tree is floor(size / 256**level) mod 256.

    :raises UsageError: there can be no such tile.
    """
    if not 0 <= level <= _LEVEL_MAX:
        raise UsageError("tile", f"level {level}", f"levels go from 0 to {_LEVEL_MAX}")
    return f"tile/{level}/{_number(index)}{_partial(width)}"


def entries_path(index: int, width: int = TILE_WIDTH) -> str:
    """Where a bundle of entries lies: those of tile ``index`` of level 0.

    :raises UsageError: there can be no such bundle.
    """
    return f"tile/entries/{_number(index)}{_partial(width)}"


def _number(index: int) -> str:
    """Three digits a folder, an ``x`` before all but the last: 1234067 is x001/x234/067."""
    if not 0 <= index <= SIZE_MAX:
        raise UsageError("tile", f"number {index}", f"tiles count from 0 to {SIZE_MAX}")
    text = f"{index % 1000:03}"
    while index := index // 1000:
        text = f"x{index % 1000:03}/{text}"
    return text


def _partial(width: int) -> str:
    if not 0 < width <= TILE_WIDTH:
        raise UsageError("tile", f"a width of {width}", f"a tile has 1 to {TILE_WIDTH} hashes")
    return "" if width == TILE_WIDTH else f".p/{width}"


def pack_entries(entries: Iterable[bytes]) -> bytes:
    """A bundle: each entry behind its length, u16.

    :raises UsageError: an entry of more than 65,535 bytes.
    """
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > _ENTRY_MAX:
            what = f"an entry of {len(entry)} bytes"
            raise UsageError("entries", what, f"{_ENTRY_MAX} is the most")
        parts += (_LENGTH.pack(len(entry)), entry)
    return b"".join(parts)


def unpack_entries(data: bytes) -> tuple[bytes, ...]:
    """The entries of a bundle, at most 256.

    :raises FormatError: bytes left over or missing, or more entries.
    """
    found: list[bytes] = []
    at = 0
    while at < len(data):
        start = at + _LENGTH.size
        at = start + int.from_bytes(data[at:start], "big")
        if at > len(data) or len(found) == TILE_WIDTH:
            what = f"cut off after {len(found)} entries, or longer than {TILE_WIDTH}"
            raise FormatError("entries", what, "build the tiles anew from the log")
        found.append(data[start:at])
    return tuple(found)


# --- proofs ---------------------------------------------------------------------------------


@attrs.frozen
class Proof:
    """A proof for one leaf, as C2SP's tlog-proof@v1 writes it; files end in ``.tlog-proof``.

    .. versionadded:: 0.2
    """

    index: int
    """The leaf: the event's position."""
    hashes: tuple[bytes, ...]
    """From the leaf's sibling up to below the root."""
    checkpoint: bytes
    """The signed note whose root they lead to, verbatim."""

    def pack(self) -> bytes:
        """The text that ``parse`` reads.

        :raises UsageError: no index, a hash that has not 32 bytes, or too many.
        """
        fits = len(self.hashes) <= PATH_MAX and all(len(h) == HASH_SIZE for h in self.hashes)
        if not fits or not 0 <= self.index < SIZE_MAX or not self.checkpoint:
            what = f"leaf {self.index}, {len(self.hashes)} hashes"
            raise UsageError("proof", what, f"give at most {PATH_MAX} hashes of {HASH_SIZE} bytes")
        lines = [_PROOF, f"index {self.index}", *map(encode64, self.hashes), "", ""]
        return "\n".join(lines).encode() + self.checkpoint

    @classmethod
    def parse(cls, data: bytes) -> "Proof":
        """Read a proof, believing nothing of it: check its path and its checkpoint.

        :raises FormatError: another text; a line of extra data, too, since nothing would
            vouch for it.
        """
        head, blank, checkpoint = data[: 2 * NOTE_MAX].partition(b"\n\n")
        try:
            title, index, *hashes = head.decode("ascii").split("\n")
        except (ValueError, UnicodeDecodeError) as error:
            raise FormatError("proof", "no lines of a proof", _REMEDY) from error
        word, _, number = index.partition(" ")
        if title != _PROOF or word != "index" or not blank or not checkpoint:
            what = f"no {_PROOF} with an index and a checkpoint"
            raise FormatError("proof", what, _REMEDY)
        if len(hashes) > PATH_MAX or len(checkpoint) > NOTE_MAX:
            raise FormatError("proof", "more than any proof holds", _REMEDY)
        path = tuple(hash_of_line(line, "proof") for line in hashes)
        return cls(decimal(number, "proof"), path, checkpoint)
