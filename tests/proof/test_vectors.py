"""The vectors of transparency-dev/merkle: trees of 1 to 8 leaves, right and tampered with."""

import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cckit.core import ProofError, merkle

from . import planted

VECTORS = 518


def checks(vector: dict[str, Any]) -> Callable[[], None]:
    """The check that a vector is about; its kind is told by its fields."""
    proof = [b64decode(line) for line in vector["proof"] or ()]

    def value(name: str) -> bytes:
        return b64decode(vector[name])

    if "leafIdx" in vector and "treeSize" in vector:
        sizes = vector["leafIdx"], vector["treeSize"]
        return lambda: merkle.check_inclusion(value("leafHash"), *sizes, proof, value("root"))
    if "leafIdx" in vector:
        part = vector["leafIdx"], vector["start"], vector["end"]
        return lambda: merkle.check_subtree_inclusion(
            value("leafHash"), *part, proof, value("root")
        )
    if "start" in vector:
        part = vector["start"], vector["end"], vector["size"]
        return lambda: merkle.check_subtree_consistency(
            *part, proof, value("root1"), value("root2")
        )
    pair = vector["size1"], vector["size2"]
    return lambda: merkle.check_consistency(*pair, proof, value("root1"), value("root2"))


def wrong(folder: Path) -> tuple[int, list[str]]:
    """How many vectors there are, and those on which we disagree."""
    found = []
    paths = sorted(folder.rglob("*.json"))
    for path in paths:
        vector = json.loads(path.read_text("utf-8"))
        try:
            checks(vector)()
            refused = False
        except ProofError:
            refused = True
        if refused is not vector["wantErr"]:
            found.append(f"{path.relative_to(folder)}: {vector['desc']}")
    return len(paths), found


@pytest.fixture
def vectors(shared_data: Path) -> Path:
    folder = shared_data / "merkle-vectors"
    if not folder.is_dir():
        pytest.skip("../shared/data/merkle-vectors is absent: put it beside the checkout")
    return folder


def test_every_vector_is_judged_as_its_makers_do(
    vectors: Path, publish: Callable[[str], None]
) -> None:
    assert wrong(vectors) == (VECTORS, [])
    publish(f"merkle vectors: {VECTORS} of {VECTORS}")


def test_the_vectors_catch_a_check_that_proves_what_grew_from_nothing(
    vectors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted.growth_from_nothing(monkeypatch)
    _, found = wrong(vectors)
    assert any("size1 is zero and does not equal size2" in line for line in found)


def test_the_vectors_catch_a_check_that_stops_at_the_root(
    vectors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted.surplus_hashes(monkeypatch)
    _, found = wrong(vectors)
    assert any("trailing root" in line for line in found)
