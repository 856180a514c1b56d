"""Two bugs that forged proof formats had, to be planted where checks are to find them."""

from collections.abc import Sequence

import pytest

from cckit.core import merkle

Place = tuple[int, int, int]


def growth_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A consistency check that is content with a size1 of 0."""
    sound = merkle.check_consistency

    def planted(size1: int, size2: int, proof: Sequence[bytes], *roots: bytes) -> None:
        if size1:
            sound(size1, size2, proof, *roots)

    monkeypatch.setattr(merkle, "check_consistency", planted)


def surplus_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that stops at the root, whatever hashes are left."""
    sound = merkle._climb

    def planted(
        where: str, place: Place, seed: bytes, proof: Sequence[bytes], *roots: bytes
    ) -> None:
        sound(where, place, seed, proof[: needed(place)], *roots)

    monkeypatch.setattr(merkle, "_climb", planted)


def needed(place: Place) -> int:
    """How many hashes lead from a node to the root."""
    _, last, top = place
    count = 0
    while top:
        count += last & 1 or last < top
        last, top = last >> 1, top >> 1
    return count
