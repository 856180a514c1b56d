"""What is personal is sealed before it is written, each person under keys of their own.

A sealed value is AES-256-GCM (NIST SP 800-38D) of a salt of 16 bytes and the value's
canonical bytes. The associated data are the canonical bytes of ``[log id, position, type,
version, field, subject, key number]``, so that a sealed value fits no other place. SHA-256
of the plaintext stands beside it: a disclosure can be checked without AES, and GCM alone
does not bind a ciphertext to one key (Dodis et al., "Fast Message Franking", CRYPTO 2018).
Destroying a key erases the value; the bytes of the log, and every hash over them, stay.

``cryptography`` is imported when the first vault is made, for it takes its time.
"""

from collections.abc import Callable, Collection, Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

import attrs
import msgpack

from cckit.core.codec import canonical
from cckit.core.errors import FormatError, UsageError
from cckit.core.events import PERSONAL, Envelope, Sealed, kind_of
from cckit.core.ids import Stream, SubjectId
from cckit.core.shapes import fields_of

NONCE_SIZE: Final = 12
SALT_SIZE: Final = 16
KEY_SIZE: Final = 32
SUBJECT_SIZE: Final = 16

Draw: TypeAlias = Callable[[int], bytes]
"""So many random bytes: the shell's entropy, or a seeded one in a simulation."""
SubjectOf: TypeAlias = Callable[[Stream, Any], SubjectId | None]
"""Whom the personal fields of an event in a stream are about; None is nobody known."""

_CIPHERS_KEPT: Final = 4096


class Key(NamedTuple):
    """One key of one person."""

    number: int
    """From 1; a person gets the next one after an erasure."""
    secret: bytes
    """32 bytes."""


class Salted(NamedTuple):
    """A personal value as it was sealed: both together have the digest that the log holds.

    .. versionadded:: 0.2
    """

    salt: bytes
    """16 bytes."""
    value: bytes
    """Its canonical bytes, in msgpack."""


class Vault(Protocol):
    """Who holds the keys of people. Kept apart from the log, and backed up for less long."""

    def key(self, subject: bytes) -> Key | None:
        """The newest key of a person, to seal with; None for whom there is none."""
        ...

    def find(self, subject: bytes, number: int) -> bytes | None:
        """One key of a person, to open with; None if it is destroyed."""
        ...


class Keks(Protocol):
    """Who keeps the key-encryption keys (KEKs) of one log, elsewhere than its key file.

    A backup of the key file is worth nothing without the KEK of its day. So each erasure
    takes a new KEK into use and has the one before destroyed. Each method returns when
    what it does is durable, and raises ``StoreError`` where it can't be done. They are
    called from the thread that writes, one at a time.

    .. versionadded:: 0.2
    """

    def read(self) -> Mapping[int, bytes]:
        """The KEKs that there are: number, from 1, to 32 bytes. None in the beginning."""
        ...

    def add(self, number: int, kek: bytes) -> None:
        """Keep one more KEK."""
        ...

    def destroy(self, number: int) -> None:
        """Keep a KEK no longer, in no copy of any kind; one that is not there is gone."""
        ...


def commitment(subject: bytes, key: Key) -> bytes:
    """What ``subject.key_made`` logs: it commits to a key without showing it.

    SHA-256("cckit-dek" + subject + key number + key), the number as 8 bytes, big-endian.
    """
    return sha256(b"cckit-dek" + subject + key.number.to_bytes(8, "big") + key.secret).digest()


def subject_bytes(subject: SubjectId) -> bytes:
    """The 16 bytes that a subject's id writes as hex.

    :raises UsageError: another text.
    """
    try:
        found = bytes.fromhex(subject)
    except ValueError:
        found = b""
    if len(found) != SUBJECT_SIZE or found.hex() != subject:
        what = "a subject's id that is not 16 bytes in lower-case hex"
        raise UsageError("subject", what, "take the ids that the vault gives")
    return found


class Sealing:
    """Seals and opens the personal values of one log.

    .. versionadded:: 0.1
    """

    def __init__(self, vault: Vault, log_id: bytes, draw: Draw) -> None:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._aes = AESGCM
        self._invalid = InvalidTag
        self._vault = vault
        self._log_id = log_id
        self._draw = draw
        self._ciphers: dict[tuple[bytes, int], AESGCM] = {}

    def seal(
        self, subject: bytes, value: Any, position: int, type: str, version: int, field: str
    ) -> Sealed:
        """Encrypt one value for one place in the log.

        :raises UsageError: there is no key for this person, or no such value in a log.
        """
        key = self._vault.key(subject)
        if key is None:
            remedy = "let the vault make the subject, or pass None"
            raise UsageError(f"{type}, field {field}", "nobody holds a key for its subject", remedy)
        nonce, salt = self._draw(NONCE_SIZE), self._draw(SALT_SIZE)
        plain = salt + canonical(value)
        bound = canonical([self._log_id, position, type, version, field, subject, key.number])
        secret = self._cipher(subject, key).encrypt(nonce, plain, bound)
        return Sealed(subject, key.number, nonce, secret, sha256(plain).digest())

    def open(self, sealed: Sealed, position: int, type: str, version: int, field: str) -> Any:
        """Decrypt one value; None if its key is destroyed.

        :raises FormatError: it was changed, or belongs elsewhere.
        """
        found = self.salted(sealed, position, type, version, field)
        return None if found is None else msgpack.unpackb(found.value, use_list=False)

    def salted(
        self, sealed: Sealed, position: int, type: str, version: int, field: str
    ) -> Salted | None:
        """Decrypt one value with its salt, to show what its digest is of; else as ``open``.

        :raises FormatError: see ``open``.

        .. versionadded:: 0.2
        """
        secret = self._vault.find(sealed.subject, sealed.key)
        if secret is None:
            return None
        where, subject = f"{type} at {position}, field {field}", sealed.subject
        bound = canonical([self._log_id, position, type, version, field, subject, sealed.key])
        cipher = self._cipher(subject, Key(sealed.key, secret))
        try:
            plain = cipher.decrypt(sealed.nonce, sealed.ciphertext, bound)
        except (self._invalid, ValueError) as error:
            what = "a sealed value that was changed or belongs elsewhere"
            raise FormatError(
                f"{type} at {position}, {field}", what, "see `cckit verify`"
            ) from error
        if sha256(plain).digest() != sealed.digest:
            what = "a sealed value whose digest is another's"
            raise FormatError(where, what, "see `cckit verify`")
        return Salted(plain[:SALT_SIZE], plain[SALT_SIZE:])

    def forget(self, subjects: Collection[bytes]) -> None:
        """Drop what is kept in memory of the keys of people who are erased."""
        for place in [place for place in self._ciphers if place[0] in subjects]:
            del self._ciphers[place]

    def _cipher(self, subject: bytes, key: Key) -> Any:
        place = (subject, key.number)
        found = self._ciphers.get(place)
        if found is None:
            if len(self._ciphers) >= _CIPHERS_KEPT:
                self._ciphers.clear()
            found = self._ciphers[place] = self._aes(key.secret)
        return found

    # --- whole events ---------------------------------------------------------------------

    def sealer(self, subject_of: SubjectOf) -> Callable[[int, Stream, Any], Any]:
        """What the engine calls on each event before it is encoded.

        The events' own field ``subject`` comes first, then ``subject_of``. It raises
        UsageError for a personal value about nobody.
        """

        def seal(position: int, stream: Stream, data: Any) -> Any:
            personal = _personal(type(data))
            changed = {}
            for attribute, field in personal:
                value = getattr(data, attribute)
                if value is None or type(value) is Sealed:
                    continue
                name, version, _ = kind_of(type(data))
                who = getattr(data, "subject", None) or subject_of(stream, data)
                if who is None:
                    what = "a personal value about nobody that is known"
                    raise UsageError(
                        f"{name}, field {field}", what, "name its subject, or pass None"
                    )
                subject = subject_bytes(who)
                changed[attribute] = self.seal(subject, value, position, name, version, field)
            return attrs.evolve(data, **changed) if changed else data

        return seal

    def opened(self, envelope: Envelope, data: Any) -> Any:
        """An event with its personal values in clear; what is erased is None.

        :raises FormatError: see ``open``.
        """
        changed = {}
        for attribute, field in _personal(type(data)):
            value = getattr(data, attribute)
            if type(value) is Sealed:
                place = (envelope.position, envelope.type, envelope.schema_version, field)
                changed[attribute] = self.open(value, *place)
        return attrs.evolve(data, **changed) if changed else data


def _personal(cls: type) -> tuple[tuple[str, str], ...]:
    """Attribute and stored name of each personal field of an event class."""
    found: tuple[tuple[str, str], ...] | None = cls.__dict__.get("__personal__")
    if found is None:
        pairs = zip(attrs.fields(cls), fields_of(cls), strict=True)
        found = tuple((a.name, f.name) for a, f in pairs if f.shape.base == PERSONAL)
        type.__setattr__(cls, "__personal__", found)
    return found
