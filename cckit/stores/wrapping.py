"""What wraps people's keys: a key-encryption key (KEK), and its exchange for the next one.

A wrapped key is a nonce (12) and AES-256-GCM of the key, bound to subject and key number.
``meta`` of the key file names the KEK that all its keys are wrapped under, by number.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from cckit.core.errors import CckitError, FormatError, StoreError
from cckit.hooks.vault import KEY_SIZE, NONCE_SIZE, Draw, Keks, Key

_REMEDY: Final = "give the KEK that it was made with"


class Wrapping:
    """One KEK in use.

    ``keks`` keeps it; None where the caller does, and then it is never exchanged.
    """

    def __init__(
        self, where: str, keks: Keks | None, draw: Draw, number: int, secret: bytes
    ) -> None:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self.number = number
        self.keks = keks
        self._where = where
        self._draw = draw
        self._invalid = InvalidTag
        self._aes = AESGCM(secret)

    @classmethod
    def found(
        cls,
        where: str,
        meta: Mapping[str, bytes],
        draw: Draw,
        kek: bytes | None,
        keks: Keks | None,
    ) -> "Wrapping":
        """The KEK that a key file names; a file without ``meta`` gets its first one.

        :raises FormatError: nobody has it.
        :raises StoreError: who keeps it fails.
        """
        number = int.from_bytes(meta.get("number", b"\x01"), "big")
        if kek is not None or keks is None:
            assert kek is not None
            return cls(where, None, draw, number, kek)
        with _asking(where):
            known = keks.read()
            if "kek" in meta and not known:  # Format 1, which kept it inside.
                keks.add(number, meta["kek"])
            elif not meta:
                # Its making was cut after the KEK was kept: see `check_no_kek`.
                number = max(known, default=number)
                if not known:
                    keks.add(number, draw(KEY_SIZE))
            known = keks.read()
        if number in known:
            return cls(where, keks, draw, number, known[number])
        if any(other > number for other in known):
            what = "is a copy from before an erasure, which destroyed its KEK"
            raise FormatError(where, what, "bring the key file of today")
        raise FormatError(where, "needs its KEK", _REMEDY)

    def next(self) -> "Wrapping":
        """A new KEK, kept durably; the same one where it can't be exchanged.

        :raises StoreError: it can't be kept.
        """
        if self.keks is None:
            return self
        number, secret = self.number + 1, self._draw(KEY_SIZE)
        with _asking(self._where):
            self.keks.add(number, secret)
        return Wrapping(self._where, self.keks, self._draw, number, secret)

    def destroy_others(self) -> None:
        """Have every other KEK destroyed: of an exchange that ended, or was cut.

        :raises StoreError: it can't be done now.
        """
        if self.keks is not None:
            with _asking(self._where):
                for number in sorted(self.keks.read()):
                    if number != self.number:
                        self.keks.destroy(number)

    def wrap(self, subject: bytes, key: Key) -> bytes:
        """Put the KEK around a key."""
        nonce = self._draw(NONCE_SIZE)
        return nonce + self._aes.encrypt(nonce, key.secret, _bound(subject, key.number))

    def unwrap(self, subject: bytes, number: int, wrapped: Any) -> bytes:
        """Take the KEK off a key.

        :raises FormatError: it was wrapped under another one, or changed.
        """
        nonce, secret = wrapped[:NONCE_SIZE], wrapped[NONCE_SIZE:]
        try:
            return self._aes.decrypt(nonce, secret, _bound(subject, number))
        except (self._invalid, ValueError) as error:
            what = "holds a key that was changed or wrapped under another KEK"
            raise FormatError(self._where, what, _REMEDY) from error


def check_no_kek(where: str, keks: Keks) -> None:
    """Refuse to make a key file whose KEK is there already: another one needs that KEK.

    :raises FormatError: there is a KEK.
    :raises StoreError: who keeps it fails.
    """
    with _asking(where):
        known = keks.read()
    if known:
        remedy = "bring the key file; if it is lost for good, see `cckit restore`"
        raise FormatError(where, "is not here, and its KEK is", remedy)


@contextmanager
def _asking(where: str) -> Iterator[None]:
    """Ask whoever keeps KEKs, who may be a plugin; whatever it raises is its failure."""
    try:
        yield
    except CckitError:
        raise
    except Exception as error:
        what = f"who keeps its KEK fails ({type(error).__name__})"
        raise StoreError(where, what, "look at the service that keeps it") from error


def _bound(subject: bytes, number: int) -> bytes:
    return b"cckit-kek" + subject + number.to_bytes(8, "big")
