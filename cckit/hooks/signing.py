"""Ed25519 (RFC 8032): the keys that sign checkpoints and cosign them.

A private key is text, ``PRIVATE+KEY+name+key id+base64(algorithm + seed)``, as Go's
``sumdb/note`` writes it. Signing draws nothing, so a checkpoint that is lost is signed
again to the same bytes.

Libraries differ in what they accept beside honest signatures (Chalkias, Garillot,
Nikolaenko, "Taming the many EdDSAs", 2020). What they differ in is refused here first: a
scalar S of L or more, a point written with y of p or more, and points of small order, under
which one signature holds for any message.

``cryptography`` is imported when it is first needed, for it takes its time.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import attrs

from cckit.core.errors import FormatError, UsageError
from cckit.core.note import (
    COSIGNATURE,
    ED25519,
    Signature,
    VKey,
    cosigned_text,
    decode64,
    encode64,
    key_id,
    key_name_fault,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

P: Final = 2**255 - 19
"""The field's prime."""
L: Final = 2**252 + 27742317777372353535851937790883648493
"""The order of the base point."""
SMALL_ORDER: Final = frozenset(
    (
        0,
        1,
        P - 1,
        2707385501144840649318225287225658788936804267575313519463743609750303402022,
        55188659117513257062467267217118295137698188065244968500265048394206261417927,
    )
)
"""y of the eight points whose order divides 8; 2 and 3 have two points each."""

SEED_SIZE: Final = 32
_PREFIX: Final = "PRIVATE+KEY+"
_Y: Final = (1 << 255) - 1
_POINT_SIZE: Final = 32
_SIGNATURE_SIZE: Final = 64


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the key's holder has signed the message; strict, and False for anything odd."""
    if len(public_key) != _POINT_SIZE or len(signature) != _SIGNATURE_SIZE:
        return False
    point, scalar = signature[:_POINT_SIZE], signature[_POINT_SIZE:]
    if not (_is_sound(public_key) and _is_sound(point)):
        return False
    if int.from_bytes(scalar, "little") >= L:
        return False
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _is_sound(point: bytes) -> bool:
    """Whether a point is written in its one form and has no small order."""
    y = int.from_bytes(point, "little") & _Y
    return y < P and y not in SMALL_ORDER


@attrs.frozen
class Signer:
    """A private key with its name.

    .. versionadded:: 0.2
    """

    name: str
    """Of a log's key: the log's origin."""
    algorithm: int
    """1 signs checkpoints, 4 cosigns them: a witness's."""
    seed: bytes = attrs.field(repr=False)
    """32 bytes, the secret."""
    _key: "Ed25519PrivateKey" = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        fault = key_name_fault(self.name)
        if fault is not None:
            remedy = "give letters, digits, dots and hyphens"
            raise UsageError("private key", fault, remedy)
        if self.algorithm not in (ED25519, COSIGNATURE) or len(self.seed) != SEED_SIZE:
            what = "an unknown algorithm, or a seed of another size"
            raise UsageError("private key", what, f"give {SEED_SIZE} bytes")
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        object.__setattr__(self, "_key", Ed25519PrivateKey.from_private_bytes(self.seed))

    @classmethod
    def generate(
        cls, name: str, draw: Callable[[int], bytes], algorithm: int = ED25519
    ) -> "Signer":
        """Make a key of 32 bytes that ``draw`` gives.

        :raises UsageError: a name that no key can have.
        """
        return cls(name, algorithm, draw(SEED_SIZE))

    @classmethod
    def parse(cls, text: str) -> "Signer":
        """Read the text of a private key.

        :raises FormatError: another text; it never quotes what it read.
        """
        remedy = "give the whole text as `cckit keys` wrote it"
        where = "private key"
        name, _, rest = text.removeprefix(_PREFIX).partition("+")
        id_text, _, encoded = rest.partition("+")
        if not text.startswith(_PREFIX) or key_name_fault(name) is not None:
            raise FormatError(where, "no PRIVATE+KEY with a name", remedy)
        key = decode64(encoded, where)
        if len(key) != 1 + SEED_SIZE or key[0] not in (ED25519, COSIGNATURE):
            raise FormatError(where, "no Ed25519 key of 32 bytes", remedy)
        found = cls(name, key[0], key[1:])
        if found.vkey.key_id.hex() != id_text:
            raise FormatError(where, "its id is another key's", remedy)
        return found

    def text(self) -> str:
        """The text that ``parse`` reads. It is the secret: keep it in a file of its own."""
        secret = encode64(bytes([self.algorithm]) + self.seed)
        return f"{_PREFIX}{self.name}+{self.vkey.key_id.hex()}+{secret}"

    @property
    def vkey(self) -> VKey:
        """The public key, to be given to everybody who is to check."""
        return VKey(self.name, self.algorithm, self._key.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """64 bytes over the message; the same each time."""
        return self._key.sign(message)

    def sign_note(self, text: str) -> Signature:
        """The signature line of a log's key under a note's text.

        :raises UsageError: this is a witness's key.
        """
        return self._line(ED25519, self.sign(text.encode()))

    def cosign(self, text: str, time: int) -> Signature:
        """The signature line of a witness's key under a note's text.

        ``time``: in seconds since 1970.

        :raises UsageError: this is a log's key, or there is no such time.
        """
        signed = self.sign(cosigned_text(time, text))
        return self._line(COSIGNATURE, time.to_bytes(8, "big") + signed)

    def _line(self, algorithm: int, signature: bytes) -> Signature:
        if algorithm != self.algorithm:
            what = f"a key of algorithm {self.algorithm} signs nothing of algorithm {algorithm}"
            raise UsageError(self.name, what, "use a log's key for one, a witness's for the other")
        public = self.vkey.public_key
        return Signature(self.name, key_id(self.name, algorithm, public), signature)
