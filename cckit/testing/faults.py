"""A disk that fails when told to: a file layer of SQLite over the real one."""

import os
from typing import Any, Final, NamedTuple

import apsw

BASE: Final = "unix"
"""The layer below, on Linux and on macOS."""
WRITES: Final = ("write", "sync", "truncate")
"""What changes a file or makes it durable."""
_JOURNAL: Final = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL


class Operation(NamedTuple):
    """One operation on a disk."""

    kind: str
    """``create``, ``write``, ``truncate``, ``sync``, ``delete``, ``rename`` or
    ``sync_folder``; ``drop`` is a sync that failed."""
    path: str
    offset: int = 0
    """Of a write; the size that a truncation leaves."""
    data: bytes = b""
    """What is written."""
    to: str = ""
    """The new name of what is renamed; for ``sync_folder`` nothing is."""


class Layer:
    """Registers itself with SQLite as ``name`` until ``close``; with ``default`` for all files.

    ``before`` is told of each operation that changes something, right before it is done;
    if it raises an ``apsw.Error``, the operation fails with that and is not done.
    """

    def __init__(self, name: str, default: bool = False) -> None:
        self.name = name
        self._vfs = _Vfs(self, default)

    def before(self, operation: Operation) -> None:
        """Look at an operation, or fail it."""

    def randomness(self, count: int) -> bytes | None:
        """What SQLite's generator is seeded with; None leaves that to the system."""
        return None

    def close(self) -> None:
        """Take the layer away; no connection may use it any more."""
        self._vfs.unregister()


class FailingDisk(Layer):
    """A layer that ``fail_after(n)`` lets ``n`` more operations of the named kinds through.

    Then every one of them fails, as on a disk that is gone or full.

    .. versionadded:: 0.1
    """

    def __init__(self, name: str, default: bool = False) -> None:
        self.seen: list[str] = []
        """``kind path`` of each operation that changes something, in order."""
        self.failed = 0
        """How many operations were failed."""
        self._left: int | None = None
        self._kinds: tuple[str, ...] = WRITES
        self._error: type[apsw.Error] = apsw.IOError
        super().__init__(name, default)

    def fail_after(
        self, n: int, kinds: tuple[str, ...] = WRITES, error: type[apsw.Error] = apsw.IOError
    ) -> None:
        """Fail all operations of these kinds but the next ``n``; ``apsw.FullError`` is ENOSPC."""
        self._left, self._kinds, self._error = n, kinds, error

    def heal(self) -> None:
        """Let everything through again."""
        self._left = None

    def before(self, operation: Operation) -> None:
        if operation.kind in WRITES:
            self.pass_through(operation.kind, operation.path)

    def pass_through(self, kind: str, path: str) -> None:
        """Count one operation.

        :raises apsw.Error: it is one that fails.
        """
        if self._left is not None and kind in self._kinds:
            if self._left == 0:
                self.failed += 1
                raise self._error(f"planted: {kind}")
            self._left -= 1
        self.seen.append(f"{kind} {path}")


class _Vfs(apsw.VFS):
    def __init__(self, layer: Layer, default: bool) -> None:
        self._layer = layer
        super().__init__(layer.name, BASE, default)

    def xOpen(self, name: Any, flags: list[int]) -> "_File":
        return _File(self._layer, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self._layer.before(Operation("delete", filename))
        super().xDelete(filename, syncdir)
        if syncdir:
            self._layer.before(Operation("sync_folder", filename))

    def xRandomness(self, count: int) -> bytes:
        given = self._layer.randomness(count)
        return super().xRandomness(count) if given is None else given


class _File(apsw.VFSFile):
    def __init__(self, layer: Layer, name: Any, flags: list[int]) -> None:
        self._layer = layer
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        creates = bool(flags[0] & apsw.SQLITE_OPEN_CREATE)
        if creates and not os.path.exists(self._path):
            layer.before(Operation("create", self._path))
        # With its first sync the layer below makes the name of a journal durable, too.
        self._unnamed = creates and bool(flags[0] & _JOURNAL)
        super().__init__(BASE, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._layer.before(Operation("write", self._path, offset, data))
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        self._layer.before(Operation("sync", self._path))
        super().xSync(flags)
        if self._unnamed:
            self._unnamed = False
            self._layer.before(Operation("sync_folder", self._path))

    def xTruncate(self, size: int) -> None:
        self._layer.before(Operation("truncate", self._path, size))
        super().xTruncate(size)
