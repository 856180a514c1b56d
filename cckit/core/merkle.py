"""The Merkle tree over a log's events: RFC 6962, section 2.1, with SHA-256.

A leaf is SHA-256(00 + bytes), a node SHA-256(01 + left + right), the root of no leaf
SHA-256(""). The prefixes keep a node from passing as a leaf. A tree of n leaves has at its
left the largest complete subtree that is smaller than n, so that a tree that grows keeps
every complete subtree: the few on its right edge, the *frontier*, are all that appending
needs, and a proof is a list of subtrees that the reader does not hold.

A *subtree* [start, end) is one that also stands in every larger tree: start is a multiple
of the least power of two that is not below its width (IETF draft-ietf-plants-merkle-tree-
certs, section 4). A whole tree is the subtree [0, size), so that one rule checks both.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Final, TypeAlias

from .errors import ProofError, UsageError

HASH_SIZE: Final = 32
EMPTY: Final = sha256(b"").digest()
"""The root of a tree without leaves."""

Read: TypeAlias = Callable[[int, int], bytes]
"""Of (level, index): the root of the complete subtree of 2**level leaves, number index."""


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of one leaf, here of an expanded event."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node above two others."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The complete subtrees at the right edge of a tree that grows; at most 63 hashes.

    .. versionadded:: 0.2
    """

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        """Go on from where a tree of ``size`` leaves stood.

        :raises UsageError: hashes that no tree of this size has.
        """
        if size < 0 or len(hashes) != size.bit_count() or not _are_hashes(hashes):
            what = f"{len(hashes)} hashes are not the frontier of {size} leaves"
            raise UsageError("frontier", what, "give one of 32 bytes for each bit of the size")
        self.size = size
        """How many leaves it stands for."""
        self._hashes = list(hashes)

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """Roots of its complete subtrees, largest first: one for each bit of the size."""
        return tuple(self._hashes)

    def append(self, hash: bytes, level: int = 0) -> None:
        """Add a leaf, or a whole subtree of 2**level leaves, by its hash.

        :raises UsageError: a subtree that does not start here.
        """
        width = 1 << level
        if self.size & (width - 1):
            what = f"a subtree of {width} leaves can't start at {self.size}"
            raise UsageError("frontier", what, "add smaller ones first")
        hashes, full = self._hashes, self.size >> level
        while full & 1:
            hash = node_hash(hashes.pop(), hash)
            full >>= 1
        hashes.append(hash)
        self.size += width

    def extend(self, leaf_hashes: Iterable[bytes]) -> None:
        """Add leaves in order."""
        hashes, size, hash_of = self._hashes, self.size, sha256
        for hash in leaf_hashes:
            full = size
            while full & 1:
                hash = hash_of(b"\x01" + hashes.pop() + hash).digest()
                full >>= 1
            hashes.append(hash)
            size += 1
        self.size = size

    def root(self) -> bytes:
        """The root of the tree as it stands; ``EMPTY`` of no leaf."""
        return _joined(self._hashes)


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """The root of the tree over these leaves, in order."""
    frontier = Frontier()
    frontier.extend(leaf_hashes)
    return frontier.root()


# --- making proofs --------------------------------------------------------------------------


def root_at(size: int, read: Read) -> bytes:
    """The root of the first ``size`` leaves."""
    return _range_root(0, size, read)


def inclusion_proof(index: int, size: int, read: Read) -> tuple[bytes, ...]:
    """What shows that leaf ``index`` is in the tree of ``size``: hashes from leaf to root.

    RFC 6962, section 2.1.1.

    :raises UsageError: no such leaf.
    """
    if not 0 <= index < size:
        raise UsageError("proof", f"no leaf {index} in a tree of {size}", "ask from 0 on")
    return tuple(_path(index, index + 1, 0, size, read))


def consistency_proof(size1: int, size2: int, read: Read) -> tuple[bytes, ...]:
    """What shows that the tree of ``size1`` is the beginning of that of ``size2``.

    RFC 6962, section 2.1.2; empty for equal sizes.

    :raises UsageError: size1 is 0, of which nothing can be proved, or more than size2.
    """
    return subtree_consistency_proof(0, size1, size2, read)


def subtree_consistency_proof(start: int, end: int, size: int, read: Read) -> tuple[bytes, ...]:
    """What shows that the subtree [start, end) is a part of the tree of ``size``.

    :raises UsageError: it is empty, not in the tree, or starts where no subtree does.
    """
    if not is_subtree(start, end) or end > size:
        what = f"[{start}, {end}) is no subtree of a tree of {size}"
        raise UsageError("proof", what, "start at a multiple of its width, rounded up to 2**n")
    return tuple(_path(start, end, 0, size, read))


def range_proof(start: int, end: int, size: int, read: Read) -> tuple[bytes, ...]:
    """What shows that the leaves [start, end) are in the tree of ``size``, none left out.

    The complete subtrees before ``start``, largest first, then those from ``end`` on. Who
    holds all leaves of the range can compute the root from them: see ``check_range``.

    :raises UsageError: an empty range, or one that is not in the tree.
    """
    if not 0 <= start < end <= size:
        what = f"no leaves [{start}, {end}) in a tree of {size}"
        raise UsageError("proof", what, "ask for a part of the tree")
    outside = (*_pieces(0, start), *_pieces(end, size))
    return tuple(read(level, index) for level, index in outside)


def is_subtree(start: int, end: int) -> bool:
    """Whether [start, end) is a subtree of every tree that has so many leaves."""
    return 0 <= start < end and start & ((1 << (end - start - 1).bit_length()) - 1) == 0


def _path(start: int, end: int, low: int, high: int, read: Read) -> list[bytes]:
    """What lies outside of a subtree, from the deepest up to below the root of [low, high).

    The subtree may reach over the middle, from ``low`` on: then what is left of the middle
    belongs to both trees, and of what is right of it the reader's root says nothing, so
    that at the bottom the hash of the common part comes first (RFC 6962's SUBPROOF).
    """
    found: list[bytes] = []
    known = True
    while (start, end) != (low, high):
        middle = low + _split(high - low)
        if end <= middle:
            found.append(_range_root(middle, high, read))
            high = middle
        else:
            found.append(_range_root(low, middle, read))
            known = known and start >= middle
            start, low = max(start, middle), middle
    if not known:
        found.append(_range_root(low, high, read))
    return found[::-1]


def _split(width: int) -> int:
    """The largest power of two that is smaller than a width of 2 or more."""
    return 1 << ((width - 1).bit_length() - 1)


def _pieces(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Level and index of the largest complete subtrees that cover [start, end), in order."""
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        yield level, start >> level
        start += 1 << level


def _range_root(start: int, end: int, read: Read) -> bytes:
    """The root of a subtree, from those that are complete."""
    return _joined([read(level, index) for level, index in _pieces(start, end)])


def _joined(hashes: Sequence[bytes]) -> bytes:
    """The root above complete subtrees, largest first."""
    if not hashes:
        return EMPTY
    root = hashes[-1]
    for left in hashes[-2::-1]:
        root = node_hash(left, root)
    return root


# --- checking them --------------------------------------------------------------------------


def check_inclusion(
    leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Hold an inclusion proof against a root that is trusted.

    RFC 9162, section 2.1.3.2.

    :raises ProofError: the leaf is not proved to be there.
    """
    check_subtree_inclusion(leaf_hash, index, 0, size, proof, root)


def check_subtree_inclusion(
    leaf_hash: bytes, index: int, start: int, end: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Hold an inclusion proof against the root of the subtree [start, end).

    :raises ProofError: the leaf is not proved to be there.
    """
    where = f"inclusion of leaf {index} in [{start}, {end})"
    if not is_subtree(start, end) or not start <= index < end:
        raise _refuted(where, "there is no such leaf or no such subtree")
    _check_hashes(where, (leaf_hash, *proof))
    _climb(where, (index - start, index - start, end - start - 1), leaf_hash, proof, root)


def check_consistency(
    size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes
) -> None:
    """Hold a consistency proof against the roots of an older and a newer tree.

    RFC 9162, section 2.1.4.2. Equal sizes want equal roots and no hash. A ``size1`` of 0 is
    an error: anything grows from nothing, so nothing would be proved.

    :raises ProofError: the older tree is not proved to be the beginning of the newer one.
    """
    if size1 < 1:
        where = f"consistency of {size1} with {size2}"
        raise _refuted(where, "of a tree without leaves nothing is proved")
    check_subtree_consistency(0, size1, size2, proof, root1, root2)


def check_subtree_consistency(
    start: int, end: int, size: int, proof: Sequence[bytes], root1: bytes, root2: bytes
) -> None:
    """Hold a proof against the roots of the subtree [start, end) and of a tree of ``size``.

    The empty subtree is a part of any tree, so its proof says nothing: whoever relies on a
    subtree refuses an empty one first.

    :raises ProofError: the subtree is not proved to be a part of the tree.
    """
    where = f"consistency of [{start}, {end}) with a tree of {size}"
    _check_hashes(where, proof)
    if 0 <= start == end <= size and not proof and root1 == EMPTY:
        return
    if not is_subtree(start, end) or end > size:
        raise _refuted(where, "there is no such subtree")
    first, last, top = start, end - 1, size - 1
    while first != last and (last == top or last & 1):
        first, last, top = first >> 1, last >> 1, top >> 1
    if first == last:  # The subtree is complete, or is the tree: its root is the first hash.
        _climb(where, (first, last, top), root1, proof, root2)
        return
    if not proof:
        raise _refuted(where, "hashes are missing")
    _climb(where, (first, last, top), proof[0], proof[1:], root2, root1)


def check_range(
    leaf_hashes: Sequence[bytes], start: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Hold all leaves from ``start`` on, and the subtrees around them, against a root.

    :raises ProofError: they are not proved to be the leaves of these positions.
    """
    end = start + len(leaf_hashes)
    where = f"leaves [{start}, {end}) in a tree of {size}"
    if not 0 <= start < end <= size:
        raise _refuted(where, "there are no such leaves")
    _check_hashes(where, (*leaf_hashes, *proof))
    before, after = start.bit_count(), [level for level, _ in _pieces(end, size)]
    if len(proof) != before + len(after):
        raise _refuted(where, f"{len(proof)} hashes instead of {before + len(after)}")
    frontier = Frontier(start, proof[:before])
    frontier.extend(leaf_hashes)
    for level, hash in zip(after, proof[before:], strict=True):
        frontier.append(hash, level)
    if frontier.root() != root:
        raise _refuted(where, "its root is another")


def _climb(
    where: str,
    place: tuple[int, int, int],
    seed: bytes,
    proof: Sequence[bytes],
    root: bytes,
    part: bytes | None = None,
) -> None:
    """Hash from a node up to the root, on the way also to the root of the part under it.

    ``place``: at the node's level, the indexes of the part's first and last node and of the
    tree's last. ``part``: the root that the part must have; None if it is ``seed``.

    :raises ProofError: a hash too few or too many, or another root.
    """
    first, last, top = place
    lower = upper = seed
    for hash in proof:
        if not top:
            raise _refuted(where, "hashes are left over")
        if last & 1 or last == top:
            if first < last:
                lower = node_hash(hash, lower)
            upper = node_hash(hash, upper)
            while not last & 1:  # At the right edge a node without sibling goes up as it is.
                first, last, top = first >> 1, last >> 1, top >> 1
        else:
            upper = node_hash(upper, hash)
        first, last, top = first >> 1, last >> 1, top >> 1
    if top:
        raise _refuted(where, "hashes are missing")
    if upper != root or (part is not None and lower != part):
        raise _refuted(where, "its root is another")


def _are_hashes(values: Iterable[bytes]) -> bool:
    return all(len(value) == HASH_SIZE for value in values)


def _check_hashes(where: str, values: Iterable[bytes]) -> None:
    if not _are_hashes(values):
        raise _refuted(where, f"a hash that has not {HASH_SIZE} bytes")


def _refuted(where: str, what: str) -> ProofError:
    return ProofError(where, what, "ask its maker for another proof, and trust nothing until then")
