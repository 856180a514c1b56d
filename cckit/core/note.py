"""Signed notes: text that keys have signed, as C2SP's signed-note and tlog-cosignature say.

A note is text that ends in a newline, a blank line, and lines of signatures::

    — NAME base64(key id + signature)

The blank line is the last one: text may hold others. The key id, 4 bytes of a hash, only
helps to find the key: it proves nothing. Signatures of unknown keys are ignored, so that a
log can rotate its key and witnesses can add theirs; a bad one of a known key makes the whole
note bad.

What is parsed here is what ``pack`` would write, byte for byte: two texts never mean the
same note. Nothing here knows cryptography; whoever opens a note hands in ``verify``.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final, TypeAlias

import attrs

from .errors import FormatError, ProofError, UnknownSignerError, UsageError

ED25519: Final = 0x01
"""The algorithm of a log's key: Ed25519 over the text (RFC 8032)."""
COSIGNATURE: Final = 0x04
"""The algorithm of a witness's key: Ed25519 over a time and the text."""
NOTE_MAX: Final = 1_000_000
"""Bytes of a note."""
SIGNATURES_MAX: Final = 16
TIME_MAX: Final = 2**63 - 1
"""Seconds since 1970 in a cosignature."""

Verify: TypeAlias = Callable[[bytes, bytes, bytes], bool]
"""Of (public key, message, signature): whether Ed25519 accepts it."""

_ALGORITHMS: Final = {ED25519: 64, COSIGNATURE: 8 + 64}
_KEY_SIZE: Final = 32
_ID_SIZE: Final = 4
_DASH: Final = "— "
_REMEDY: Final = "ask for the original: not one byte of it may change"


def encode64(data: bytes) -> str:
    """Base64 as RFC 4648, section 4, has it."""
    return b64encode(data).decode("ascii")


def decode64(text: str, where: str) -> bytes:
    """The bytes that ``encode64`` writes so, and not otherwise.

    :raises FormatError: another text; even bits that mean nothing must be those.
    """
    try:
        found = b64decode(text, validate=True)
    except ValueError:
        found = b""
    if encode64(found) != text:
        raise FormatError(where, "no base64 in its one canonical form", _REMEDY)
    return found


def is_key_name(name: str) -> bool:
    """Whether a key may have this name: some text without blanks, ``+`` and control bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return bool(name) and not any(c == "+" or c.isspace() or c < " " for c in name)


def key_name_fault(name: str) -> str | None:
    """Why no key is made with this name; None if one may be.

    Narrower than ``is_key_name``, which reads what others have signed: what does not print,
    such as the marks that turn the direction of text, makes one name look like another one.
    The origin of a log, which is the name of its key, may have none of it either.
    """
    if not name:
        return "the name is empty"
    if any(c.isspace() for c in name):
        return f"the name {name!a} has a blank, which ends a name in a signed note"
    if "+" in name:
        return f"the name {name!a} has a +, which ends a name in a public key"
    if not name.isprintable():
        odd = next(c for c in name if not c.isprintable())
        return f"the name {name!a} has U+{ord(odd):04X}, which does not print"
    return None


@attrs.frozen
class VKey:
    """A public key with its name: whom a signature is believed.

    .. versionadded:: 0.2
    """

    name: str
    algorithm: int
    """1 signs checkpoints, 4 cosigns them."""
    public_key: bytes
    """32 bytes."""

    def __attrs_post_init__(self) -> None:
        fault = _key_fault(self.name, self.algorithm, self.public_key)
        if fault is not None:
            raise UsageError("key", fault, "give a name without blanks and an Ed25519 key")

    @classmethod
    def parse(cls, text: str) -> "VKey":
        """Read ``name+key id in hex+base64(algorithm + public key)``.

        :raises FormatError: another text, an unknown algorithm, or an id that is not the
            key's.
        """
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        key = decode64(encoded, "public key")
        fault = _key_fault(name, key[0] if key else 0, key[1:])
        if fault is not None:
            raise FormatError("public key", fault, "give the text as `cckit keys` prints it")
        found = cls(name, key[0], key[1:])
        if found.key_id.hex() != key_id:
            what = f"its id is {found.key_id.hex()}, not {key_id[:8]!r}"
            raise FormatError("public key", what, "a part of it was changed: ask for it again")
        return found

    def text(self) -> str:
        """The text that ``parse`` reads."""
        key = encode64(bytes([self.algorithm]) + self.public_key)
        return f"{self.name}+{self.key_id.hex()}+{key}"

    @property
    def key_id(self) -> bytes:
        """4 bytes: SHA-256(name + newline + algorithm + public key), cut."""
        return key_id(self.name, self.algorithm, self.public_key)


def key_id(name: str, algorithm: int, public_key: bytes) -> bytes:
    """What a signature line says of its key: 4 bytes that find it and prove nothing."""
    return sha256(name.encode() + b"\n" + bytes([algorithm]) + public_key).digest()[:_ID_SIZE]


def _key_fault(name: str, algorithm: int, public_key: bytes) -> str | None:
    if not is_key_name(name):
        return "its name is empty or has a blank, a + or a control character"
    if algorithm not in _ALGORITHMS:
        return f"algorithm {algorithm}; this version knows 1, Ed25519, and 4, a cosignature"
    if len(public_key) != _KEY_SIZE:
        return f"a key of {len(public_key)} bytes; Ed25519 has {_KEY_SIZE}"
    return None


@attrs.frozen
class Signature:
    """One line under a note. It says nothing until the key is known and has checked it."""

    name: str
    key_id: bytes
    """4 bytes."""
    signature: bytes
    """64 bytes of Ed25519; a cosignature has the time, 8 bytes, before them."""

    def line(self) -> str:
        """The line, with its newline."""
        return f"{_DASH}{self.name} {encode64(self.key_id + self.signature)}\n"

    @property
    def time(self) -> int:
        """Of a cosignature: when the witness saw the text, in seconds since 1970."""
        return int.from_bytes(self.signature[:8], "big")


def parse_signatures(data: bytes) -> tuple[Signature, ...]:
    """Read lines of signatures alone, as a witness answers them; at least one.

    :raises FormatError: another text, or more than 16 lines.
    """
    return _signatures(_text(data))


@attrs.frozen
class Note:
    """Text and the signatures under it.

    .. versionadded:: 0.2
    """

    text: str
    """With its final newline."""
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, data: bytes) -> "Note":
        """Read a note, believing none of its signatures: see ``open_note``.

        :raises FormatError: no note, or one larger than 1,000,000 bytes or 16 signatures.
        """
        found = _text(data)
        split = found.rfind("\n\n")
        if split < 0:
            raise FormatError("note", "no blank line before signatures", _REMEDY)
        return cls(found[: split + 1], _signatures(found[split + 2 :]))

    def pack(self) -> bytes:
        """The bytes that ``parse`` reads.

        :raises UsageError: they would be another note's, or none.
        """
        lines = "".join(signature.line() for signature in self.signatures)
        try:
            data = f"{self.text}\n{lines}".encode()
            same = Note.parse(data) == self
        except (FormatError, UnicodeEncodeError):
            same = False
        if not same:
            what = "a text or a signature that no note can hold"
            raise UsageError("note", what, "end the text in a newline, and sign it 1 to 16 times")
        return data


def open_note(
    data: bytes, keys: Sequence[VKey], verify: Verify
) -> tuple[Note, tuple[Signature, ...]]:
    """Read a note and check every signature of a known key.

    Gives the note and one signature of each known key that signed, in the note's order:
    whoever wants a quorum counts them.

    :raises FormatError: no note.
    :raises ProofError: a known key's signature does not hold, so that nothing of it does.
    :raises UnknownSignerError: no known key has signed it.
    :raises UsageError: two different keys with one name and id.
    """
    note = Note.parse(data)
    known = _by_name(keys)
    found: dict[VKey, Signature] = {}
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        if not _holds(key, note.text, signature.signature, verify):
            what = f"the signature of {key.name} does not hold"
            raise ProofError("note", what, "trust nothing of it, and ask whoever sent it")
        found.setdefault(key, signature)
    if not found:
        what = f"none of its {len(note.signatures)} signatures is of a key that was given"
        raise UnknownSignerError("note", what, "give the public key of who should have signed it")
    return note, tuple(found.values())


def cosigned_text(time: int, text: str) -> bytes:
    """What a witness signs: a time in seconds since 1970, and a note's text.

    C2SP tlog-cosignature, ``cosignature/v1``.

    :raises UsageError: a time before 1970 or beyond 63 bits.
    """
    if not 0 <= time <= TIME_MAX:
        raise UsageError("cosignature", f"the time {time}", "give seconds since 1970")
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def _by_name(keys: Iterable[VKey]) -> dict[tuple[str, bytes], VKey]:
    known: dict[tuple[str, bytes], VKey] = {}
    for key in keys:
        if known.setdefault((key.name, key.key_id), key) != key:
            what = f"two keys have the name {key.name} and the id {key.key_id.hex()}"
            raise UsageError("keys", what, "give only the one that you trust")
    return known


def _holds(key: VKey, text: str, signature: bytes, verify: Verify) -> bool:
    if len(signature) != _ALGORITHMS[key.algorithm]:
        return False
    if key.algorithm == ED25519:
        return verify(key.public_key, text.encode(), signature)
    time = int.from_bytes(signature[:8], "big")
    if time > TIME_MAX:
        return False
    return verify(key.public_key, cosigned_text(time, text), signature[8:])


def _text(data: bytes) -> str:
    if len(data) > NOTE_MAX:
        raise FormatError("note", f"{len(data)} bytes; {NOTE_MAX} is the most", _REMEDY)
    try:
        found = data.decode()
    except UnicodeDecodeError as error:
        raise FormatError("note", "its bytes are no UTF-8", _REMEDY) from error
    if any(c < " " and c != "\n" for c in found):
        raise FormatError("note", "a control character", _REMEDY)
    return found


def _signatures(lines: str) -> tuple[Signature, ...]:
    if not lines.endswith("\n"):
        raise FormatError("note", "no signature, or one whose line does not end", _REMEDY)
    found = lines[:-1].split("\n")
    if len(found) > SIGNATURES_MAX:
        what = f"{len(found)} signatures; {SIGNATURES_MAX} is the most"
        raise FormatError("note", what, _REMEDY)
    return tuple(_signature(line) for line in found)


def _signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not is_key_name(name):
        raise FormatError("note", "a line that is no signature", _REMEDY)
    packed = decode64(encoded, "signature")
    if len(packed) <= _ID_SIZE:
        raise FormatError("signature", "it is empty", _REMEDY)
    return Signature(name, packed[:_ID_SIZE], packed[_ID_SIZE:])
