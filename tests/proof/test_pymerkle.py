"""A second opinion on trees: pymerkle, which others wrote, from the same RFC.

It is under the GPL, so it is only an oracle here: nothing that we distribute imports it.
"""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cckit.core import merkle

pymerkle = pytest.importorskip(
    "pymerkle", reason="pymerkle is absent: pip install -c constraints.txt -e '.[dev]'"
)

SEED = 20_261_121


class Both:
    """One log of random leaves, kept by pymerkle and by us."""

    def __init__(self, size: int, random: Random) -> None:
        entries = [random.randbytes(random.randrange(100)) for _ in range(size)]
        self.theirs = pymerkle.InmemoryTree.init_from_entries(entries)
        self.leaves = [merkle.leaf_hash(entry) for entry in entries]

    def read(self, level: int, index: int) -> bytes:
        return merkle.root_of(self.leaves[index << level : (index + 1) << level])

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """Their path counts leaves from 1 and begins with the leaf itself."""
        return path(self.theirs.prove_inclusion(index + 1, size), self.leaves[index])


def path(proof: Any, leaf: bytes) -> tuple[bytes, ...]:
    first, *rest = proof.path
    assert first == leaf
    return tuple(rest)


def test_roots_and_proofs_are_those_of_pymerkle(
    tier: Callable[[int, int, int], int], publish: Callable[[str], None]
) -> None:
    random = Random(SEED)
    trees = tier(20, 200, 5_000)
    for _ in range(trees):
        both = Both(random.randint(1, 600), random)
        size = len(both.leaves)
        for part in {1, size, random.randint(1, size), random.randint(1, size)}:
            root = merkle.root_of(both.leaves[:part])
            assert root == merkle.root_at(part, both.read) == both.theirs.get_root(part)
            index = random.randrange(part)
            proof = merkle.inclusion_proof(index, part, both.read)
            assert proof == both.inclusion(index, part)
            merkle.check_inclusion(both.leaves[index], index, part, proof, root)
            known = merkle.consistency_proof(part, size, both.read)
            merkle.check_consistency(part, size, known, root, both.theirs.get_root(size))
    publish(f"trees of random sizes as pymerkle has them: {trees:,}, seed {SEED}")


def test_nothing_that_is_distributed_names_it(root: Path) -> None:
    folders = ("cckit", "plugins", "adapters", "examples")
    files = [file for folder in folders for file in (root / folder).rglob("*.py")]
    assert files and not [f for f in files if "pymerkle" in f.read_text("utf-8")]
