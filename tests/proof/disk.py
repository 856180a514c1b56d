"""A disk in memory that loses in a power cut what nobody synced, as POSIX lets it.

A file has bytes that were synced and bytes that are only written; a folder has names that
were synced and changes that are only made. A cut keeps the former, and of the latter any
choice: none, all, the first few, some. Written bytes may be cut off or be there as zeros.
"""

import random
from collections.abc import Callable
from typing import Any, NamedTuple

from cckit.stores.folder import Folder


class Op(NamedTuple):
    """What was done to the disk: a method of ``Disk`` and its arguments."""

    what: str
    arguments: tuple[Any, ...]


class Disk:
    """Files and folders by number; 0 is the root. ``log`` counts the frames of the log."""

    def __init__(self) -> None:
        self.written: dict[int, bytes] = {}
        self.synced: dict[int, bytes] = {}
        self.names: dict[int, dict[str, int]] = {0: {}}
        self.kept: dict[int, dict[str, int]] = {0: {}}
        self.changes: dict[int, list[dict[str, int | None]]] = {0: []}
        self.log = self.log_synced = 0
        self._next = 0

    def find(self, path: str) -> int | None:
        found: int | None = 0
        for name in filter(None, path.split("/")):
            found = None if found is None else self.names.get(found, {}).get(name)
        return found

    def _parent(self, path: str) -> tuple[int, str]:
        folder, _, name = path.rpartition("/")
        found = self.find(folder)
        assert found is not None and found in self.names, f"no folder {folder!r}"
        return found, name

    def _change(self, folder: int, change: dict[str, int | None]) -> None:
        self.changes[folder].append(change)
        _apply(self.names[folder], change)

    def _new(self) -> int:
        self._next += 1
        return self._next

    # --- operations ---------------------------------------------------------------------------

    def write(self, path: str, content: bytes, append: bool) -> None:
        file = self.find(path)
        if file is None:
            folder, name = self._parent(path)
            file = self._new()
            self.written[file] = self.synced[file] = b""
            self._change(folder, {name: file})
        self.written[file] = self.written[file] + content if append else content

    def sync(self, path: str) -> None:
        file = self.find(path)
        assert file is not None
        self.synced[file] = self.written[file]

    def rename(self, path: str, to: str) -> None:
        (folder, name), (other, new) = self._parent(path), self._parent(to)
        assert folder == other, "only names within a folder change at once"
        self._change(folder, {new: self.names[folder][name], name: None})

    def make_folder(self, path: str) -> None:
        folder, name = self._parent(path)
        made = self._new()
        self.names[made], self.kept[made], self.changes[made] = {}, {}, []
        self._change(folder, {name: made})

    def sync_folder(self, path: str) -> None:
        folder = self.find(path)
        assert folder is not None
        self.kept[folder] = dict(self.names[folder])
        self.changes[folder] = []

    def remove(self, path: str) -> None:
        if self.find(path) is not None:
            folder, name = self._parent(path)
            self._change(folder, {name: None})

    def write_log(self, frames: int) -> None:
        self.log = frames

    def sync_log(self) -> None:
        self.log_synced = self.log

    # --- power --------------------------------------------------------------------------------

    def cut(self, draw: random.Random, choice: str) -> None:
        """Lose what was not synced; ``choice`` is ``none`` or ``all`` of it kept, or ``some``."""
        for folder, changes in self.changes.items():
            kept = self.kept[folder]
            for change in _chosen(changes, draw, choice):
                _apply(kept, change)
            self.names[folder], self.changes[folder] = dict(kept), []
        for file, content in self.written.items():
            if content != self.synced[file]:
                self.synced[file] = _torn(self.synced[file], content, draw, choice)
            self.written[file] = self.synced[file]
        bounds = {"none": self.log_synced, "all": self.log}
        self.log = bounds.get(choice, draw.randint(self.log_synced, self.log))
        self.log_synced = self.log


def _apply(names: dict[str, int], change: dict[str, int | None]) -> None:
    for name, node in change.items():
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node


def _chosen(changes: list[Any], draw: random.Random, choice: str) -> list[Any]:
    if choice in ("none", "all"):
        return [] if choice == "none" else changes
    if draw.random() < 0.5:
        return changes[: draw.randint(0, len(changes))]
    return [change for change in changes if draw.random() < 0.5]


def _torn(old: bytes, new: bytes, draw: random.Random, choice: str) -> bytes:
    if choice in ("none", "all"):
        return old if choice == "none" else new
    at = draw.randint(0, len(new))
    return draw.choice((old, new, new[:at], new[:at] + bytes(len(new) - at)))


class ModelFolder(Folder):
    """A folder on such a disk; what is done to it is told to ``tell``."""

    def __init__(self, path: str, disk: Disk, tell: Callable[[Op], None] = lambda _: None) -> None:
        super().__init__(path)  # Only the lock lies there.
        self.disk = disk
        self._tell = tell

    def read(self, name: str) -> bytes | None:
        found = self.disk.find(name)
        return None if found is None else self.disk.written.get(found)

    def has(self, name: str) -> bool:
        return self.disk.find(name) is not None

    def is_folder(self, name: str) -> bool:
        return self.disk.find(name) in self.disk.names

    def names(self, name: str = "") -> list[str]:
        found = self.disk.find(name)
        return [] if found is None else sorted(self.disk.names.get(found, {}))

    def _do(self, what: str, *arguments: Any) -> None:
        self._tell(Op(what, arguments))
        getattr(self.disk, what)(*arguments)

    def write(self, name: str, content: bytes, append: bool = False) -> None:
        self._do("write", name, content, append)

    def sync(self, name: str) -> None:
        self._do("sync", name)

    def rename(self, name: str, to: str) -> None:
        self._do("rename", name, to)

    def make_folder(self, name: str) -> None:
        self._do("make_folder", name)

    def sync_folder(self, name: str) -> None:
        self._do("sync_folder", name)

    def remove(self, name: str) -> None:
        self._do("remove", name)

    def remove_folder(self, name: str) -> None:
        assert not self.names(name)
        self._do("remove", name)
