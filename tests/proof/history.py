"""Logs for witnesses: some leaves, a key, and checkpoints with proofs of any sizes."""

from cckit.core import merkle
from cckit.core.note import COSIGNATURE, ED25519, Note
from cckit.core.tlog import Checkpoint
from cckit.core.witness import Submission
from cckit.hooks.signing import Signer

KEY = Signer("log.example/day", ED25519, bytes(range(32)))
WITNESS = Signer("witness.example/w", COSIGNATURE, bytes(range(1, 33)))
NOON = 1_774_504_800
"""Seconds since 1970."""


class History:
    """One telling of a log; ``told`` makes two of them that differ from ``fork`` on."""

    def __init__(self, size: int, told: str = "so", fork: int = 0, key: Signer = KEY) -> None:
        words = (told if n >= fork else "so" for n in range(size))
        self.leaves = [merkle.leaf_hash(f"{n} {word}".encode()) for n, word in enumerate(words)]
        self.key = key

    def read(self, level: int, index: int) -> bytes:
        return merkle.root_of(self.leaves[index << level : (index + 1) << level])

    def head(self, size: int) -> Checkpoint:
        return Checkpoint(self.key.name, size, merkle.root_of(self.leaves[:size]))

    def note(self, size: int) -> bytes:
        return self.signed(self.head(size).text())

    def signed(self, text: str) -> bytes:
        return Note(text, (self.key.sign_note(text),)).pack()

    def growth(self, old: int, size: int) -> tuple[bytes, ...]:
        return merkle.consistency_proof(old, size, self.read) if old else ()

    def submission(self, old: int, size: int) -> bytes:
        return Submission(old, self.growth(old, size), self.note(size)).pack()
