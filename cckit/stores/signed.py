"""The signed checkpoints over the tiles of a log: the newest one, and all there were."""

from collections.abc import Iterator
from typing import Final

from .folder import Folder

NEWEST: Final = "checkpoint"
ALL: Final = "checkpoints"
BEFORE: Final = "checkpoints.before-"
"""What was signed over tiles that were thrown away: evidence, if anybody asks."""
GROUP: Final = 65_536
"""Events of the log whose checkpoints share a file."""


class Signed:
    """Notes beside tiles. Whether they are of those tiles is not asked here."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def newest(self) -> bytes | None:
        """The note that was kept last."""
        return self._folder.read(NEWEST)

    def all(self) -> Iterator[bytes]:
        """All notes, oldest first; one whose end was cut off is left out."""
        for name in self._folder.names(ALL):
            yield from _notes(self._folder.read(f"{ALL}/{name}") or b"")

    def aside(self) -> Iterator[bytes]:
        """All notes that were set aside."""
        for name in self._folder.names():
            if name.startswith(BEFORE):
                parts = [f"{name}/{one}" for one in self._folder.names(name)] or [name]
                for part in parts:
                    # A newest one that had no others beside it is a file by itself.
                    yield from _notes((self._folder.read(part) or b"") + b"\n")

    def ever(self) -> Iterator[bytes]:
        """Every note that lies there, in no order."""
        newest = self.newest()
        if newest is not None:
            yield newest
        yield from self.all()
        yield from self.aside()

    def keep(self, note: bytes, size: int) -> None:
        """Add a note on a tree of ``size``; it is the newest, durably."""
        name = f"{ALL}/{size // GROUP:012}"
        if not self._folder.has(name):
            self._folder.put([(name, b"")])
        self._folder.append(name, note + b"\n")
        self._folder.put([(NEWEST, note)])

    def mend(self) -> None:
        """Cut off what a power cut left of the last note that was added."""
        for name in self._folder.names(ALL)[-1:]:
            stored = self._folder.read(f"{ALL}/{name}") or b""
            whole = b"".join(note + b"\n" for note in _notes(stored))
            if whole != stored:
                self._folder.put([(f"{ALL}/{name}", whole)])

    def set_aside(self) -> None:
        """Let none be the newest, and keep those there were under another name."""
        n = 1 + sum(name.startswith(BEFORE) for name in self._folder.names())
        if self._folder.names(ALL):
            self._folder.rename(ALL, f"{BEFORE}{n}")
            self._folder.remove(NEWEST)
        elif self._folder.has(NEWEST):
            self._folder.rename(NEWEST, f"{BEFORE}{n}")


def _notes(stored: bytes) -> list[bytes]:
    """The whole notes of a file: each is a text, a blank line, signatures, a blank line."""
    parts = stored.split(b"\n\n")[:-1]
    return [b"%b\n\n%b\n" % pair for pair in zip(parts[::2], parts[1::2], strict=False)]
