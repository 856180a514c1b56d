"""The keys of people as their commitments show them; nothing is written, nobody is opened."""

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import apsw

from cckit.core.errors import FormatError
from cckit.hooks.vault import Keks, Key, commitment

from .connection import connect, disk_errors
from .file import mode_beside_writer
from .keks import kek_file_beside
from .keyfile import FORMAT, REMEDY, check_header, read_meta
from .wrapping import Wrapping


class Committed(NamedTuple):
    """A key of somebody, as its commitment shows it."""

    subject: bytes
    number: int
    at: int
    """Position of its ``subject.key_made``; -1 for a key of an older format."""
    commitment: bytes


def committed(
    path: str | os.PathLike[str],
    log_id: bytes,
    *,
    kek: bytes | None = None,
    keks: Keks | None = None,
) -> Iterator[Committed]:
    """Every key in a key file, by subject and number; also while a center has it open.

    ``kek``, ``keks``: as ``Keys.open`` takes them.

    :raises FormatError: foreign, newer, of another log, or without its KEK.
    :raises StoreError: the disk failed.
    """
    place = os.path.abspath(path)
    with disk_errors(place, REMEDY):
        at = "at" if check_header(place) >= FORMAT else "-1"
        connection = connect(place, mode_beside_writer(place))
        try:
            yield from _committed(connection, place, at, log_id, kek, keks)
        finally:
            connection.close()


def _committed(
    connection: apsw.Connection,
    where: str,
    at: str,
    log_id: bytes,
    kek: bytes | None,
    keks: Keks | None,
) -> Iterator[Committed]:
    # One transaction: the KEK that is named is that of the keys that are read.
    with connection:
        meta = read_meta(connection)
        rows: Any = connection.execute(
            f"SELECT subject, number, wrapped, {at} FROM key ORDER BY subject, number"
        ).fetchall()
    if not meta:
        return
    if meta["log_id"] != log_id:
        raise FormatError(where, "belongs to another log", REMEDY)
    kek = kek or meta.get("kek")
    wrapping = Wrapping.found(where, meta, _nothing, kek, keks or kek_file_beside(where))
    for subject, number, wrapped, position in rows:
        key = Key(number, wrapping.unwrap(subject, number, wrapped))
        yield Committed(subject, number, position, commitment(subject, key))


def _nothing(size: int) -> bytes:
    raise AssertionError(f"{size} random bytes for keys that are only read")
