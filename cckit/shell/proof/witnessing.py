"""Ask a witness to cosign a checkpoint (C2SP tlog-witness), as a client over HTTP."""

from collections.abc import Callable, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

import attrs

from cckit.core.errors import ConfigError, FormatError, PeerError, ProofError
from cckit.core.note import Note, Signature, VKey, open_note, parse_signatures
from cckit.core.tlog import Checkpoint, decimal
from cckit.core.witness import CONFLICT, FORBIDDEN, NOT_FOUND, UNPROCESSABLE, Submission
from cckit.hooks.signing import verify

TIMEOUT_S: Final = 30
ANSWER_MAX: Final = 100_000
"""Bytes of an answer."""
_GOOD: Final = 200
_TRIES: Final = 3
_REMEDIES: Final = {
    FORBIDDEN: "give the witness this log's public key",
    NOT_FOUND: "ask its operator to witness this log",
    UNPROCESSABLE: "the log that it saw before is another one: find out which is true",
}

Prove = Callable[[int], Sequence[bytes]]
"""Of a size: the consistency proof from there to the checkpoint."""


class OtherSizeError(PeerError):
    """The witness has cosigned a checkpoint of another size last: prove from there."""

    def __init__(self, where: str, size: int) -> None:
        super().__init__(where, f"it cosigned a tree of {size} last", "prove from that size on")
        self.size = size


def cosign(url: str, old_size: int, proof_hashes: Sequence[bytes], checkpoint: bytes) -> bytes:
    """Submit one checkpoint; gives the witness's lines, which nobody has checked yet.

    ``url``: what comes before ``/add-checkpoint``. ``old_size``: of the checkpoint that the
    witness cosigned last, 0 if none is known; ``proof_hashes`` leads from there.

    :raises OtherSizeError: it cosigned another size last, which is told.
    :raises PeerError: it refuses, or can't be asked.
    :raises ConfigError: no such address can be.
    """
    body = Submission(old_size, tuple(proof_hashes), checkpoint).pack()
    status, answer = _post(url, body)
    if status == _GOOD:
        return answer
    if status == CONFLICT:
        raise OtherSizeError(url, _size(url, answer))
    said = answer.decode("utf-8", "replace").strip()[:200]
    remedy = _REMEDIES.get(status, "look into the witness's own log")
    raise PeerError(url, f"the witness answered {status}: {said}", remedy)


def witnessed(url: str, key: VKey, checkpoint: bytes, prove: Prove, old_size: int = 0) -> bytes:
    """The checkpoint with this witness's cosignature, which is checked, under it.

    Where the witness has cosigned another size than ``old_size`` last, the proof is made
    from there: it knows best.

    :raises PeerError: it refuses, can't be asked, has seen a longer log, or its answer
        holds no cosignature of ``key``.
    """
    note = Note.parse(checkpoint)
    size = Checkpoint.parse(note.text).size
    for _ in range(_TRIES):
        try:
            answer = cosign(url, old_size, prove(old_size) if old_size else (), checkpoint)
        except OtherSizeError as error:
            if error.size > size:
                what = f"it has cosigned {error.size} events, and this log has {size}"
                remedy = "this log was rolled back, or is a copy: find the longer one"
                raise PeerError(url, what, remedy) from error
            old_size = error.size
        else:
            return attrs.evolve(
                note, signatures=(*note.signatures, _cosignature(url, key, note, answer))
            ).pack()
    raise PeerError(url, "others submit checkpoints of this log too", "try again")


def _cosignature(url: str, key: VKey, note: Note, answer: bytes) -> Signature:
    try:
        lines = attrs.evolve(note, signatures=parse_signatures(answer)).pack()
        _, (found,) = open_note(lines, [key], verify)
    except (FormatError, ProofError) as error:
        what = f"its answer holds no cosignature of {key.name}: {error.what}"
        raise PeerError(url, what, "check the witness's public key") from error
    return found


def _post(url: str, body: bytes) -> tuple[int, bytes]:
    parts = urlsplit(url)
    kinds = {"http": HTTPConnection, "https": HTTPSConnection}
    if parts.scheme not in kinds or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError(url, "no address of a witness", "give http://HOST:PORT or https://HOST")
    try:
        link = kinds[parts.scheme](parts.hostname, parts.port, timeout=TIMEOUT_S)
        try:
            link.request("POST", parts.path.rstrip("/") + "/add-checkpoint", body)
            answer = link.getresponse()
            return answer.status, answer.read(ANSWER_MAX)
        finally:
            link.close()
    except (OSError, HTTPException, ValueError) as error:
        what = f"the witness can't be asked ({error})"
        raise PeerError(url, what, "see that it runs and can be reached") from error


def _size(url: str, answer: bytes) -> int:
    try:
        return decimal(answer.decode("ascii").removesuffix("\n"), url)
    except (UnicodeDecodeError, FormatError) as error:
        raise PeerError(url, "its answer names no size", "is it a witness?") from error
