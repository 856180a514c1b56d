"""The views beside a log, made smaller or anew. The log is read, and never changed.

Views grow by what is thrown away in them: old snapshots, above all. Both jobs hold the
right to write the log meanwhile, so they are refused while a center has it open.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from cckit.core.errors import FormatError

from .beside import lock_beside, views_beside
from .connection import Mode, connect, disk_errors, read_header
from .file import mode_beside_writer
from .folder import UNBORN
from .lock import WriterLock
from .sqlite import SqliteStore
from .views import APPLICATION_ID, Views

Progress = Callable[[int], None]


class Look(NamedTuple):
    """What the views of a log are now."""

    path: str
    size: int
    """Bytes of the file; 0 where there is none."""
    free: int
    """Bytes of it that hold nothing."""
    indexed: int
    """How many events of the log they know."""
    events: int
    """How many it has."""


def look(log: str | os.PathLike[str]) -> Look:
    """Say what the views beside a log are; nothing is written.

    :raises FormatError: the file is none of ours.
    :raises StoreError: the log can't be read, or the disk failed.

    .. versionadded:: 0.2
    """
    store = SqliteStore.open(log, read_only=True)
    try:
        head = store.head().position
    finally:
        store.close()
    events = 0 if head is None else head + 1
    path = path_of(log)
    if not os.path.exists(path):
        return Look(path, 0, 0, 0, events)
    with disk_errors(path, "delete it: it is made again from the log"):
        if read_header(path).application_id != APPLICATION_ID:
            raise FormatError(path, "holds no views of cckit", "bring what is there away")
        connection = connect(path, mode_beside_writer(path) if _wal(path) else Mode.IMMUTABLE)
        try:
            reached: Any = connection.execute("SELECT position FROM reached").get
            pages: int = connection.pragma("freelist_count")
            size: int = connection.pragma("page_size")
        finally:
            connection.close()
        indexed = 0 if reached is None else reached + 1
        return Look(path, os.path.getsize(path), pages * size, indexed, events)


def compact(log: str | os.PathLike[str], progress: Progress = lambda _: None) -> Look:
    """Make the views as small as what they hold; they know the whole log afterwards.

    :raises StoreError: a center has the log open, or the disk failed.

    .. versionadded:: 0.2
    """
    with _alone(log) as store:
        views = Views.open(path_of(log), store)
        try:
            views.follow(store, progress)
            views.compact()
        finally:
            views.close()
    return look(log)


def rebuild(log: str | os.PathLike[str], progress: Progress = lambda _: None) -> Look:
    """Make the views anew from the log; only where reactors go on is kept.

    They are made beside the old ones and take their place at the end. Snapshots are not
    made, so the next center folds the log from its start.

    :raises StoreError: a center has the log open, or the disk failed.

    .. versionadded:: 0.2
    """
    path = path_of(log)
    with _alone(log) as store:
        old = Views.open(path, store)
        kept = old.checkpoints()
        old.close()
        new = Views.open(path + UNBORN, store, fresh=True)
        try:
            new.follow(store, progress)
            for row in kept:
                new.save_projection(*row)
        finally:
            new.close()
        with disk_errors(path, "make room, and try again"):
            os.replace(path + UNBORN, path)
    return look(log)


def path_of(log: str | os.PathLike[str]) -> str:
    """Where the views of a log lie."""
    return views_beside(log)


@contextmanager
def _alone(log: str | os.PathLike[str]) -> Iterator[SqliteStore]:
    """The log for reading, while nobody else may write it."""
    store = SqliteStore.open(log, read_only=True)
    try:
        lock = WriterLock(lock_beside(log))
        lock.take()
        try:
            yield store
        finally:
            lock.withdraw()
    finally:
        store.close()


def _wal(path: str) -> bool:
    return os.path.exists(path + "-wal")
