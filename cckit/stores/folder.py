"""A folder whose files appear whole: after a power cut a file is there as it was meant, or not.

A file is written under another name, synced, and given its own name; then its folder is
synced, so that the name is durable, too. Several files share these steps: all are written,
all synced, all named. Only ``append`` changes a file in place; who reads it must expect
that its end was cut off.

The six operations that touch the disk are methods of their own, so that a test can record
them and replay what a power cut would have left.
"""

import fcntl
import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

UNBORN: Final = ".new"
"""What follows a name until the file is whole."""


class Folder:
    """Small files under one path; names are relative, with slashes."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(path)

    # --- reading --------------------------------------------------------------------------

    def read(self, name: str) -> bytes | None:
        """What a file holds; None if there is none."""
        try:
            with open(self._at(name), "rb") as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def has(self, name: str) -> bool:
        """Whether there is such a file or folder."""
        return os.path.exists(self._at(name))

    def is_folder(self, name: str) -> bool:
        """Whether there is such a folder; the empty name is this one."""
        return os.path.isdir(self._at(name))

    def names(self, name: str = "") -> list[str]:
        """What lies in a folder, sorted; nothing if there is none."""
        try:
            return sorted(os.listdir(self._at(name)))
        except (FileNotFoundError, NotADirectoryError):
            return []

    # --- writing --------------------------------------------------------------------------

    def put(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Make files or replace them, each whole; they are durable when this returns."""
        names = []
        folders: dict[str, None] = {}
        for name, content in files:
            self._make(os.path.dirname(name), folders)
            self.write(name + UNBORN, content)
            names.append(name)
        for name in names:
            self.sync(name + UNBORN)
        for name in names:
            self.rename(name + UNBORN, name)
        for folder in folders:
            self.sync_folder(folder)

    def append(self, name: str, content: bytes) -> None:
        """Add to the end of a file that is there; durable when this returns."""
        self.write(name, content, append=True)
        self.sync(name)

    def clear(self, name: str = "") -> None:
        """Remove what lies in a folder, and folders in it, but not the folder itself."""
        for one in self.names(name):
            inner = os.path.join(name, one)
            if self.is_folder(inner):
                self.clear(inner)
                self.remove_folder(inner)
            else:
                self.remove(inner)

    def _make(self, name: str, folders: dict[str, None]) -> None:
        """Make a folder and those above it, and note which have to be synced."""
        if name not in folders and not self.is_folder(name):
            if name:
                self._make(os.path.dirname(name), folders)
            self.make_folder(name)
        folders[name] = None

    # --- what touches the disk ------------------------------------------------------------

    def write(self, name: str, content: bytes, append: bool = False) -> None:
        """Make a file, or add to one, without any promise about its durability."""
        with open(self._at(name), "ab" if append else "wb") as file:
            file.write(content)

    def sync(self, name: str) -> None:
        """Make a file's bytes durable."""
        sync_file(self._at(name))

    def rename(self, name: str, to: str) -> None:
        os.replace(self._at(name), self._at(to))

    def make_folder(self, name: str) -> None:
        os.mkdir(self._at(name))

    def sync_folder(self, name: str) -> None:
        """Make the names in a folder durable."""
        sync_file(self._at(name))

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is no error."""
        with suppress(FileNotFoundError):
            os.unlink(self._at(name))

    def remove_folder(self, name: str) -> None:
        os.rmdir(self._at(name))

    def _at(self, name: str) -> str:
        return os.path.join(self.path, name) if name else self.path


def sync_file(path: str) -> None:
    """Have the disk keep what a file or a folder holds; on macOS past the disk's own cache."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        sync(file)
    finally:
        os.close(file)


def sync(file: int) -> None:
    """As ``sync_file``, of a file that is open."""
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is None:
        os.fsync(file)
    else:
        fcntl.fcntl(file, full)
