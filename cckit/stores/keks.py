"""Where key-encryption keys (KEKs) are kept: the embedded ways.

``KekFile`` is NAME.kek beside NAME.keys: one line a KEK, its number and 64 hex digits. There
is one but for the moment of an exchange, when there are two. The file is small on purpose: a
backup leaves it out by one pattern, ``*.kek``, and then holds nothing that an erasure would
have to reach. What is written over is not gone from flash; that is why a backup must not
have had it.
"""

import os
from collections.abc import Mapping
from typing import Any, Final

import apsw

from cckit.core.errors import FormatError
from cckit.hooks.vault import KEY_SIZE

from .connection import disk_errors
from .folder import UNBORN, sync
from .private import check_private
from .unborn import write_private

_REMEDY: Final = "bring the KEK file that belongs to these keys"
_TABLE: Final = "CREATE TABLE IF NOT EXISTS kek(number INTEGER PRIMARY KEY, secret BLOB) STRICT"


class KekFile:
    """KEKs in a file of their own, for its owner alone to read.

    .. versionadded:: 0.2
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(path)

    def read(self) -> Mapping[int, bytes]:
        """The KEKs that there are, by number.

        :raises ConfigError: others may read it.
        :raises FormatError: it is no KEK file.
        :raises StoreError: the disk failed.
        """
        with disk_errors(self.path, _REMEDY):
            try:
                with open(self.path, encoding="ascii", errors="replace") as file:
                    check_private(self.path)
                    lines = file.read().splitlines()
            except FileNotFoundError:
                return {}
        return dict(self._parsed(line) for line in lines)

    def _parsed(self, line: str) -> tuple[int, bytes]:
        number, _, secret = line.partition(" ")
        try:
            found = int(number), bytes.fromhex(secret)
        except ValueError:
            found = 0, b""
        if found[0] < 1 or len(found[1]) != KEY_SIZE:
            raise FormatError(self.path, "is no KEK file of cckit", _REMEDY)
        return found

    def add(self, number: int, kek: bytes) -> None:
        """Keep one more KEK, durably.

        :raises StoreError: the disk failed.
        """
        self._write({**self.read(), number: kek})

    def destroy(self, number: int) -> None:
        """Keep a KEK no longer; the bytes of the old file are written over.

        :raises StoreError: the disk failed.
        """
        kept = {n: kek for n, kek in self.read().items() if n != number}
        self._write(kept)

    def _write(self, keks: Mapping[int, bytes]) -> None:
        text = "".join(f"{number} {kek.hex()}\n" for number, kek in sorted(keks.items()))
        unborn = self.path + UNBORN
        with disk_errors(self.path, _REMEDY):
            if os.path.exists(unborn):
                _overwrite(unborn)
                os.unlink(unborn)
            before = None
            if os.path.exists(self.path):
                before = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                write_private(self.path, text.encode("ascii"))
                if before is not None:
                    _zero(before)
            finally:
                if before is not None:
                    os.close(before)


def _overwrite(path: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        _zero(file)
    finally:
        os.close(file)


def _zero(file: int) -> None:
    os.pwrite(file, bytes(os.fstat(file).st_size), 0)
    sync(file)


def kek_file_beside(keys: str) -> KekFile:
    """The KEK file that belongs to a key file: NAME.kek beside NAME.keys."""
    return KekFile(keys.removesuffix(".keys") + ".kek")


class KeksInMemory:
    """KEKs beside keys in memory; both are gone with their connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._execute = connection.execute
        self._execute(_TABLE)

    def read(self) -> Mapping[int, bytes]:
        """The KEKs that there are, by number."""
        rows: Any = self._execute("SELECT number, secret FROM kek")
        return dict(rows)

    def add(self, number: int, kek: bytes) -> None:
        """Keep one more KEK."""
        self._execute("INSERT OR REPLACE INTO kek VALUES (?, ?)", (number, kek))

    def destroy(self, number: int) -> None:
        """Keep a KEK no longer."""
        self._execute("DELETE FROM kek WHERE number = ?", (number,))
