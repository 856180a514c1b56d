"""Signed checkpoints beside a log, against the tree of its events.

The tree is grown from the log alone, so a checkpoint that comes out was signed over these
events and no others. Who signed it can only be told with public keys: without them names
under a checkpoint are claims.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from cckit.core.errors import FormatError, ProofError, UnknownSignerError
from cckit.core.merkle import Frontier
from cckit.core.note import COSIGNATURE, Note, Verify, VKey, open_note
from cckit.core.tlog import Checkpoint

from .findings import Findings

NAMES_MAX: Final = 64
"""Names of signers that are listed."""
LATE: Final = "checkpoint.late"


class Checkpoints:
    """Feed it the leaves of every frame in order, then ``end``.

    :param origins: the names that this log has signed under; a restored one has several.
    :param notes: all signed checkpoints, oldest first.
    :param keys: public keys of the log and of witnesses that the auditor trusts.

    .. versionadded:: 0.2
    """

    def __init__(
        self,
        origins: Sequence[str],
        notes: Iterable[bytes],
        keys: Sequence[VKey],
        verify: Verify,
        late_us: int,
        found: Findings,
    ) -> None:
        self.compared = self.wrong = self.verified = 0
        self.covered: int | None = None
        """Events under the newest checkpoint that came out."""
        self.first: dict[str, Any] | None = None
        """The first that is wrong, and why."""
        self._origins = frozenset(origins)
        self._notes: Iterator[bytes] = iter(notes)
        self._keys = keys
        self._verify = verify
        self._late_us = late_us
        self._found = found
        self._witnesses: set[str] = set()
        self._claimed: set[str] = set()
        self._tree = Frontier()
        self._size = 0
        """Of the newest checkpoint so far."""
        self._uncovered: tuple[int, int] | None = None
        """The first event since, and when it was recorded."""
        self._at = 0
        self._next: Checkpoint | None = self._advance()

    def feed(self, leaf_hashes: Sequence[bytes], instants: Sequence[int]) -> None:
        """Add events by their leaves' hashes, and when each was recorded."""
        for leaf_hash, at in zip(leaf_hashes, instants, strict=True):
            if self._uncovered is None:
                self._uncovered = (self._tree.size, at)
            self._at = at
            self._tree.append(leaf_hash)
            while self._next is not None and self._next.size <= self._tree.size:
                self._compare(self._next)
                self._next = self._advance()

    def end(self, *, whole: bool) -> None:
        """Judge what is left; ``whole``: the log ends here, so nothing may lie beyond it."""
        while whole and self._next is not None:
            self._fail(self._next.size, "it is of more events than the log has")
            self._next = self._advance()
        self._tell_late()

    def as_json(self, aside: "Checkpoints | None" = None) -> dict[str, Any]:
        """What came of it, and of those that were set aside when tiles were made anew."""
        wrong, first = self.wrong, self.first
        if aside is not None and aside.first is not None:
            wrong += aside.wrong
            told = f"{aside.first['reason']}; it was set aside when tiles were made anew"
            first = first or {**aside.first, "reason": told}
        return {
            "ok": wrong == 0,
            "compared": self.compared + (0 if aside is None else aside.compared),
            "covered": self.covered,
            "wrong": wrong,
            "first": first,
            "verified": self.verified if self._keys else None,
            "witnesses": sorted(self._witnesses)[:NAMES_MAX],
            "claimed": sorted(self._claimed)[:NAMES_MAX],
        }

    def _compare(self, one: Checkpoint) -> None:
        if one.size < self._tree.size:
            self._fail(one.size, "it is of fewer events than the one before it")
            return
        self.compared += 1
        if one.root != self._tree.root():
            self._fail(one.size, "its root is not that of the log's events")
            return
        self.covered = one.size
        self._tell_late()
        self._uncovered = None

    def _tell_late(self) -> None:
        if self._uncovered is not None and self._at - self._uncovered[1] > self._late_us:
            position, at = self._uncovered
            told = {"noticed_at": self._at, "waited_us": self._at - at}
            self._found.add(LATE, position, at, **told)

    def _advance(self) -> Checkpoint | None:
        """The next checkpoint that can be compared; those that are none are counted."""
        for data in self._notes:
            try:
                found = Checkpoint.parse(Note.parse(data).text)
                self._signers(data)
            except (FormatError, ProofError) as error:
                self._fail(None, error.what)
                continue
            if found.origin in self._origins:
                return found
            self._fail(found.size, f"it is of another log, {found.origin}")
        return None

    def _signers(self, data: bytes) -> None:
        """:raises ProofError: a signature of a key that was given does not hold."""
        note = Note.parse(data)
        names = {one.name for one in note.signatures if one.name not in self._origins}
        if self._keys:
            try:
                known = open_note(data, self._keys, self._verify)[1]
            except UnknownSignerError:
                known = ()
            by_id = {(key.name, key.key_id): key for key in self._keys}
            trusted = [by_id[one.name, one.key_id] for one in known]
            self.verified += any(key.name in self._origins for key in trusted)
            held = {key.name for key in trusted if key.algorithm == COSIGNATURE}
            self._witnesses |= held
            names -= held
        if len(self._claimed) < NAMES_MAX:
            self._claimed |= names

    def _fail(self, size: int | None, reason: str) -> None:
        self.wrong += 1
        if self.first is None:
            self.first = {"size": size, "reason": reason}
