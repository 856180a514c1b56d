"""The one file that draws ids and randomness."""

import random
import secrets
from typing import Protocol

from cckit.core.ids import ContactId, SubjectId


class Entropy(Protocol):
    """Where random bytes come from."""

    def draw(self, size: int) -> bytes:
        """``size`` random bytes."""
        ...


class SystemEntropy:
    """The operating system's."""

    def draw(self, size: int) -> bytes:
        return secrets.token_bytes(size)


class SeededEntropy:
    """The same bytes for the same seed: for tests and simulations, never for keys that matter."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def draw(self, size: int) -> bytes:
        return self._random.randbytes(size)


def contact_id(entropy: Entropy) -> ContactId:
    """A new contact's id: 16 random bytes as hex."""
    return ContactId(entropy.draw(16).hex())


def subject_id(entropy: Entropy) -> SubjectId:
    """A person whom no key file can recognise: 16 random bytes as hex."""
    return SubjectId(entropy.draw(16).hex())
