"""A disk that fails when told to: a file layer of SQLite over the real one."""

from typing import Any, Final

import apsw

BASE: Final = "unix"
"""The layer below, on Linux and on macOS."""
WRITES: Final = ("write", "sync", "truncate")
"""What changes a file or makes it durable."""


class FailingDisk:
    """Registers itself with SQLite as ``name`` until ``close``; with ``default`` for all files.

    ``fail_after(n)`` lets ``n`` more operations of the named kinds through, and then every
    one of them fails, as on a disk that is gone or full.

    .. versionadded:: 0.1
    """

    def __init__(self, name: str, default: bool = False) -> None:
        self.name = name
        self.seen: list[str] = []
        """``kind path`` of each operation that changes something, in order."""
        self.failed = 0
        """How many operations were failed."""
        self._left: int | None = None
        self._kinds: tuple[str, ...] = WRITES
        self._error: type[apsw.Error] = apsw.IOError
        self._vfs = _Vfs(self, default)

    def fail_after(
        self, n: int, kinds: tuple[str, ...] = WRITES, error: type[apsw.Error] = apsw.IOError
    ) -> None:
        """Fail all operations of these kinds but the next ``n``; ``apsw.FullError`` is ENOSPC."""
        self._left, self._kinds, self._error = n, kinds, error

    def heal(self) -> None:
        """Let everything through again."""
        self._left = None

    def close(self) -> None:
        """Take the layer away; no connection may use it any more."""
        self._vfs.unregister()

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
    def __init__(self, disk: FailingDisk, default: bool) -> None:
        self._disk = disk
        super().__init__(disk.name, BASE, default)

    def xOpen(self, name: Any, flags: list[int]) -> "_File":
        return _File(self._disk, name, flags)


class _File(apsw.VFSFile):
    def __init__(self, disk: FailingDisk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        super().__init__(BASE, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.pass_through("write", self._path)
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        self._disk.pass_through("sync", self._path)
        super().xSync(flags)

    def xTruncate(self, size: int) -> None:
        self._disk.pass_through("truncate", self._path)
        super().xTruncate(size)
