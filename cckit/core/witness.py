"""What a witness is asked, and when it may cosign (C2SP tlog-witness).

A log shows each checkpoint to the witness, with a proof that it continues the one that the
witness cosigned last. A witness that cosigns nothing else makes two lies visible that no
log alone can rule out: a history that was rolled back, and one that is told differently to
different people. Here is the judgement alone; who keeps the last checkpoint must compare
and replace it as one, durably, before anybody sees the cosignature.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import attrs

from .errors import FormatError, ProofError, UnknownSignerError, UsageError
from .merkle import EMPTY, HASH_SIZE, check_consistency
from .note import NOTE_MAX, Note, Signature, Verify, VKey, encode64, open_note
from .tlog import PATH_MAX, SIZE_MAX, Checkpoint, decimal, hash_of_line

BAD_REQUEST, FORBIDDEN, NOT_FOUND, CONFLICT, UNPROCESSABLE = 400, 403, 404, 409, 422
"""What HTTP calls the refusals of the protocol."""

SUBMISSION_MAX: Final = NOTE_MAX + 4096
"""Bytes of a request: a note, and up to 63 hashes before it."""
_REMEDY: Final = "send `old SIZE`, hashes, a blank line and a checkpoint"


@attrs.frozen
class Submission:
    """A request to ``add-checkpoint``."""

    old_size: int
    """Of the checkpoint that this witness cosigned last; 0 if there is none."""
    hashes: tuple[bytes, ...]
    """The consistency proof from there on."""
    checkpoint: bytes
    """The signed note, verbatim."""

    def pack(self) -> bytes:
        """The body of the request.

        :raises UsageError: no size, more than 63 hashes, or one that has not 32 bytes.
        """
        fits = len(self.hashes) <= PATH_MAX and all(len(h) == HASH_SIZE for h in self.hashes)
        if not fits or not 0 <= self.old_size <= SIZE_MAX:
            what = f"old size {self.old_size}, {len(self.hashes)} hashes"
            raise UsageError("add-checkpoint", what, f"give at most {PATH_MAX} hashes")
        lines = [f"old {self.old_size}", *map(encode64, self.hashes), "", ""]
        return "\n".join(lines).encode() + self.checkpoint

    @classmethod
    def parse(cls, data: bytes) -> "Submission":
        """Read the body of a request, believing nothing of it.

        :raises FormatError: another text.
        """
        head, blank, checkpoint = data[: SUBMISSION_MAX + 1].partition(b"\n\n")
        where = "add-checkpoint"
        if not blank or not checkpoint or len(data) > SUBMISSION_MAX or not head.isascii():
            raise FormatError(where, "not the lines of a request", _REMEDY)
        old, *hashes = head.decode("ascii").split("\n")
        word, _, size = old.partition(" ")
        if word != "old" or len(hashes) > PATH_MAX:
            raise FormatError(where, f"no old size, or over {PATH_MAX} hashes", _REMEDY)
        path = tuple(hash_of_line(line, where) for line in hashes)
        return cls(decimal(size, where), path, checkpoint)


@attrs.frozen
class Refusal:
    """Why a checkpoint is not cosigned."""

    status: int
    """HTTP's: see above."""
    what: str
    """In words, for the log's operator."""
    size: int = 0
    """With ``CONFLICT``: of the checkpoint that was cosigned last."""
    signed: bytes = b""
    """With ``UNPROCESSABLE``: the note as the log's key signed it. If its history is another
    one, this and what was cosigned are together the evidence."""


@attrs.frozen
class Accepted:
    """What may be cosigned as soon as it is kept in place of ``Submission.old_size``."""

    checkpoint: Checkpoint
    text: str
    """What is cosigned, extension lines and all."""
    signatures: tuple[Signature, ...]
    """Those of the log's known keys."""
    before: Checkpoint | None
    """What it continues: the one cosigned last, None if there was none."""


def judge(
    asked: Submission,
    latest: Callable[[str], Checkpoint | None],
    keys: Mapping[str, Sequence[VKey]],
    verify: Verify,
) -> Accepted | Refusal:
    """Whether a checkpoint continues the one that was cosigned last.

    ``latest`` gives that of an origin, ``keys`` has the keys of each log. Signatures come
    first, so that nobody without a log's key learns what was cosigned.
    """
    try:
        found, _ = Checkpoint.head_of(Note.parse(asked.checkpoint).text)
    except FormatError as error:
        return Refusal(BAD_REQUEST, f"{error.where}: {error.what}")
    trusted = keys.get(found.origin)
    if trusted is None:
        return Refusal(NOT_FOUND, f"no log {found.origin} is witnessed here")
    try:
        note, signatures = open_note(asked.checkpoint, trusted, verify)
    except UnknownSignerError:
        return Refusal(FORBIDDEN, "no known key of the log has signed it")
    except ProofError as error:
        return Refusal(FORBIDDEN, error.what)
    before = latest(found.origin)
    refusal = _continues(asked, found, before or Checkpoint(found.origin, 0, EMPTY))
    if refusal is None:
        return Accepted(found, note.text, signatures, before)
    if refusal.status == UNPROCESSABLE:
        return attrs.evolve(refusal, signed=Note(note.text, signatures).pack())
    return refusal


def _continues(asked: Submission, found: Checkpoint, known: Checkpoint) -> Refusal | None:
    """Why one checkpoint does not continue another; None if it does."""
    if asked.old_size > found.size:
        return Refusal(BAD_REQUEST, f"old size {asked.old_size} is above {found.size}")
    if asked.old_size != known.size:
        what = f"{known.size} was cosigned last, not {asked.old_size}"
        return Refusal(CONFLICT, what, known.size)
    if found.size == 0 and found.root != EMPTY:
        return Refusal(UNPROCESSABLE, "an empty tree has another root")
    if known.size == 0:
        if asked.hashes:
            return Refusal(UNPROCESSABLE, "a proof from an empty tree has no hashes")
        return None
    try:
        check_consistency(known.size, found.size, asked.hashes, known.root, found.root)
    except ProofError as error:
        return Refusal(UNPROCESSABLE, f"{error.where}: {error.what}")
    return None
