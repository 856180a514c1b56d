"""The vectors of transparency-dev/merkle: trees of 1 to 8 leaves, right and tampered with."""

import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cckit.core import ProofError, merkle

VECTORS = 518
Place = tuple[int, int, int]


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


@pytest.mark.planted("M size1 = 0")
def test_the_vectors_catch_a_check_that_proves_what_grew_from_nothing(
    vectors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = merkle.check_consistency

    def planted(size1: int, size2: int, proof: list[bytes], root1: bytes, root2: bytes) -> None:
        if size1:
            sound(size1, size2, proof, root1, root2)

    monkeypatch.setattr(merkle, "check_consistency", planted)
    _, found = wrong(vectors)
    assert any("size1 is zero and does not equal size2" in line for line in found)


@pytest.mark.planted("M surplus hashes")
def test_the_vectors_catch_a_check_that_stops_at_the_root(
    vectors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = merkle._climb

    def planted(where: str, place: Place, seed: bytes, proof: list[bytes], *roots: bytes) -> None:
        sound(where, place, seed, proof[: needed(place)], *roots)

    monkeypatch.setattr(merkle, "_climb", planted)
    _, found = wrong(vectors)
    assert any("trailing root" in line for line in found)


def needed(place: Place) -> int:
    """How many hashes lead from a node to the root."""
    _, last, top = place
    count = 0
    while top:
        count += last & 1 or last < top
        last, top = last >> 1, top >> 1
    return count
