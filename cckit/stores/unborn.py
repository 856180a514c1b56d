"""Files made under another name, which get their own once they are whole and durable.

Whoever dies meanwhile leaves ``NAME.new``, which the next one takes away: the callers see to it
that no two of them make one file at once.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import apsw

from .connection import Mode, Wal, connect, sync_folder
from .folder import UNBORN, sync

_BESIDE: Final = ("", "-wal", "-shm", "-journal", ".new", ".new-wal", ".new-shm")
"""What a copy that was killed may leave, which begins as an empty log under another name."""


@contextmanager
def unborn_database(
    path: str, vfs: str | None = None, *, private: bool = False
) -> Iterator[apsw.Connection]:
    """A connection to an empty database, to be laid out; then it gets its name.

    ``private``: readable by its owner alone.

    :raises apsw.Error: the disk failed.
    """
    unborn = path + UNBORN
    if os.path.exists(unborn):
        os.unlink(unborn)  # Left by a process that died right here.
    if private:
        os.close(new_private(unborn))
    connection = connect(unborn, Mode.CREATE, vfs)
    try:
        yield connection
        Wal(connection).finish()
    finally:
        connection.close()
    os.rename(unborn, path)
    sync_folder(path)


@contextmanager
def unborn_copy(path: str) -> Iterator[str]:
    """Another name for a database, to be filled and synced; of one that fails nothing is left."""
    unborn = path + UNBORN
    _remove(unborn)
    try:
        yield unborn
        os.rename(unborn, path)
    except BaseException:
        _remove(unborn)
        raise
    sync_folder(path)


def write_private(path: str, content: bytes) -> None:
    """Make or replace a small file that its owner alone can read; it is durable on return.

    :raises FileExistsError: ``NAME.new`` is still there; take it away first.
    """
    unborn = path + UNBORN
    file = new_private(unborn)
    try:
        os.write(file, content)
        sync(file)
    finally:
        os.close(file)
    os.rename(unborn, path)
    sync_folder(path)


def new_private(path: str) -> int:
    """A file made with rights for its owner alone, from its first byte on; open for writing."""
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)


def _remove(path: str) -> None:
    for suffix in _BESIDE:
        if os.path.lexists(path + suffix):
            os.unlink(path + suffix)
