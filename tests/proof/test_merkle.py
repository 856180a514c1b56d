"""The tree against its definition: RFC 6962, section 2.1, written down as it stands there."""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cckit.core import ProofError, UsageError, merkle
from cckit.core.merkle import EMPTY, Frontier, leaf_hash, node_hash, root_of

from . import planted

SIZE = 70
LEAVES = tuple(leaf_hash(b"%d" % n) for n in range(SIZE))


@cache
def mth(start: int, end: int) -> bytes:
    """MTH(D[start:end])."""
    if start == end:
        return EMPTY
    if end - start == 1:
        return LEAVES[start]
    middle = start + split(end - start)
    return node_hash(mth(start, middle), mth(middle, end))


def split(width: int) -> int:
    k = 1
    while 2 * k < width:
        k *= 2
    return k


def path(m: int, start: int, end: int) -> tuple[bytes, ...]:
    """PATH(m, D[start:end])."""
    if end - start == 1:
        return ()
    k = split(end - start)
    if m < k:
        return (*path(m, start, start + k), mth(start + k, end))
    return (*path(m - k, start + k, end), mth(start, start + k))


def subproof(m: int, start: int, end: int, known: bool) -> tuple[bytes, ...]:
    """SUBPROOF(m, D[start:end], known)."""
    if m == end - start:
        return () if known else (mth(start, end),)
    k = split(end - start)
    if m <= k:
        return (*subproof(m, start, start + k, known), mth(start + k, end))
    return (*subproof(m - k, start + k, end, False), mth(start, start + k))


def read(level: int, index: int) -> bytes:
    """Complete subtrees, and no other: a tile holds no others."""
    start, end = index << level, (index + 1) << level
    assert end <= SIZE
    return mth(start, end)


SIZES = range(1, SIZE + 1)
sizes = st.integers(1, SIZE)


def test_hashes_are_those_of_the_rfc() -> None:
    assert EMPTY.hex().startswith("e3b0c44298fc1c14")
    assert leaf_hash(b"").hex().startswith("6e340b9cffb37a98")
    assert leaf_hash(EMPTY + EMPTY) != node_hash(EMPTY, EMPTY)


@pytest.mark.parametrize("size", [0, *SIZES])
def test_a_root_is_that_of_the_definition_however_it_is_made(size: int) -> None:
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.append(leaf)
    assert frontier.size == size and len(frontier.hashes) == size.bit_count()
    assert frontier.root() == root_of(LEAVES[:size]) == mth(0, size)
    assert merkle.root_at(size, read) == mth(0, size)


@pytest.mark.parametrize("size", SIZES)
def test_proofs_are_those_of_the_definition_and_hold(size: int) -> None:
    root = mth(0, size)
    for m in range(size):
        proof = merkle.inclusion_proof(m, size, read)
        assert proof == path(m, 0, size)
        merkle.check_inclusion(LEAVES[m], m, size, proof, root)
        older = merkle.consistency_proof(m + 1, size, read)
        assert older == subproof(m + 1, 0, size, True)
        merkle.check_consistency(m + 1, size, older, mth(0, m + 1), root)


@given(sizes, st.data())
def test_a_tree_goes_on_from_its_frontier(size: int, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, size))
    first = Frontier()
    first.extend(LEAVES[:at])
    again = Frontier(first.size, first.hashes)
    again.extend(LEAVES[at:size])
    assert (again.size, again.root()) == (size, mth(0, size))
    assert first.root() == mth(0, at), "the first one must not have moved"


@given(sizes, st.data())
def test_a_range_of_leaves_is_proved_whole(size: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, size - 1))
    end = data.draw(st.integers(start + 1, size))
    proof = merkle.range_proof(start, end, size, read)
    leaves = LEAVES[start:end]
    merkle.check_range(leaves, start, size, proof, mth(0, size))
    for wrong in (leaves[1:], leaves[:-1], leaves[::-1], (*leaves, LEAVES[0])):
        if wrong != leaves:
            with pytest.raises(ProofError):
                merkle.check_range(wrong, start, size, proof, mth(0, size))
    for moved in (start - 1, start + 1):
        with pytest.raises(ProofError):
            merkle.check_range(leaves, moved, size, proof, mth(0, size))
    for hashes in tampered(proof):
        with pytest.raises(ProofError):
            merkle.check_range(leaves, start, size, hashes, mth(0, size))


@given(sizes, st.data())
def test_a_subtree_is_proved_to_be_a_part(size: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, size - 1))
    end = data.draw(st.integers(start + 1, size))
    if not merkle.is_subtree(start, end):
        with pytest.raises(UsageError):
            merkle.subtree_consistency_proof(start, end, size, read)
        return
    proof = merkle.subtree_consistency_proof(start, end, size, read)
    merkle.check_subtree_consistency(start, end, size, proof, mth(start, end), mth(0, size))
    index = data.draw(st.integers(start, end - 1))
    inner = path(index - start, start, end)
    merkle.check_subtree_inclusion(LEAVES[index], index, start, end, inner, mth(start, end))


def tampered(proof: Sequence[bytes]) -> list[tuple[bytes, ...]]:
    """Each hash changed, left out, doubled or cut, and one too many at each end."""
    found: list[tuple[bytes, ...]] = [(*proof, EMPTY), (EMPTY, *proof)]
    for at, hash in enumerate(proof):
        changed = bytes([hash[0] ^ 1]) + hash[1:]
        for hashes in ((changed,), (), (hash, hash), (hash[:-1],), (hash + b"\x00",)):
            found.append((*proof[:at], *hashes, *proof[at + 1 :]))
    return found


@given(sizes, st.data())
def test_no_other_hashes_prove_an_inclusion(size: int, data: st.DataObject) -> None:
    m = data.draw(st.integers(0, size - 1))
    proof, root = path(m, 0, size), mth(0, size)
    for hashes in tampered(proof):
        with pytest.raises(ProofError):
            merkle.check_inclusion(LEAVES[m], m, size, hashes, root)
    for index in {-1, *range(size + 2)} - {m}:
        with pytest.raises(ProofError):
            merkle.check_inclusion(LEAVES[m], index, size, proof, root)
    with pytest.raises(ProofError):
        merkle.check_inclusion(LEAVES[m - 1] if m else EMPTY, m, size, proof, root)


@given(sizes, st.data())
def test_no_other_hashes_prove_a_growth(size2: int, data: st.DataObject) -> None:
    size1 = data.draw(st.integers(1, size2))
    proof, roots = subproof(size1, 0, size2, True), (mth(0, size1), mth(0, size2))
    for hashes in tampered(proof):
        with pytest.raises(ProofError):
            merkle.check_consistency(size1, size2, hashes, *roots)
    if size1 != size2:
        with pytest.raises(ProofError):
            merkle.check_consistency(size1, size2, proof, *roots[::-1])
    for size in {-1, 0, *range(1, size2 + 2)} - {size1}:
        with pytest.raises(ProofError):
            merkle.check_consistency(size, size2, proof, *roots)


def test_one_history_excludes_another() -> None:
    """A tree of the same size with one other leaf can't be continued to the same root."""
    other = root_of((*LEAVES[:5], leaf_hash(b"another"), *LEAVES[6:40]))
    proof = merkle.consistency_proof(40, SIZE, read)
    with pytest.raises(ProofError):
        merkle.check_consistency(40, SIZE, proof, other, mth(0, SIZE))


def test_equal_sizes_want_equal_roots_and_no_hash() -> None:
    merkle.check_consistency(7, 7, (), mth(0, 7), mth(0, 7))
    assert merkle.consistency_proof(7, 7, read) == ()
    for proof, root in (((), EMPTY), ((EMPTY,), mth(0, 7))):
        with pytest.raises(ProofError):
            merkle.check_consistency(7, 7, proof, mth(0, 7), root)


def test_of_no_leaf_nothing_is_proved() -> None:
    for size2 in (0, 1, 7):
        with pytest.raises(ProofError, match="without leaves"):
            merkle.check_consistency(0, size2, (), EMPTY, mth(0, size2))
    with pytest.raises(ProofError):
        merkle.check_inclusion(EMPTY, 0, 0, (), EMPTY)
    with pytest.raises(ProofError):
        merkle.check_range((), 0, 7, (), mth(0, 7))


@pytest.mark.planted("M size1 = 0")
def test_a_check_that_proves_what_grew_from_nothing_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planted.growth_from_nothing(monkeypatch)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        test_of_no_leaf_nothing_is_proved()


@pytest.mark.planted("M surplus hashes")
def test_a_check_that_stops_at_the_root_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    planted.surplus_hashes(monkeypatch)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        test_equal_sizes_want_equal_roots_and_no_hash()


@pytest.mark.parametrize(
    "make",
    [
        lambda: merkle.inclusion_proof(7, 7, read),
        lambda: merkle.inclusion_proof(-1, 7, read),
        lambda: merkle.consistency_proof(0, 7, read),
        lambda: merkle.consistency_proof(8, 7, read),
        lambda: merkle.range_proof(3, 3, 7, read),
        lambda: merkle.range_proof(3, 8, 7, read),
        lambda: Frontier(3, [EMPTY]),
        lambda: Frontier(1, [b"short"]),
        lambda: Frontier(-1, [EMPTY]),
        lambda: Frontier(3, [EMPTY, EMPTY]).append(EMPTY, 1),
    ],
)
def test_what_can_not_be_asked_is_a_mistake_of_the_caller(make: Callable[[], object]) -> None:
    with pytest.raises(UsageError):
        make()


def test_a_frontier_is_what_later_trees_keep() -> None:
    """No complete subtree of a tree is ever hashed again."""
    for size, more in pairwise(SIZES):
        frontier = Frontier()
        frontier.extend(LEAVES[:size])
        assert set(frontier.hashes) <= {read(level, at) for level, at in complete(more)}


def complete(size: int) -> list[tuple[int, int]]:
    levels = range(size.bit_length())
    return [(level, at) for level in levels for at in range(size >> level)]
