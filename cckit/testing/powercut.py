"""Power cuts: what a disk may hold when its power goes, at every moment of a recording.

A ``Recorder`` lies between SQLite and the disk and keeps every operation on every file of
one folder, in one order, those of our own code too. A ``Disk`` is fed with them again and
tells apart what is durable from what is only written. A power cut leaves of the latter
whatever it likes; the ``variants``:

``none``, ``all``, ``prefix``, ``subset``
    of what was written to a file since its last sync, each whole;
``torn``
    the last write reached the disk in some sectors of 512 bytes and not in others;
``garbage``
    one sector, 512 or 4,096 bytes, that was being written holds bytes that nobody wrote,
    also where it held older, synced ones: no powersafe overwrite, SQLite's ``psow=0``;
``names``
    a part of what was done to the folder: made, renamed and deleted names become durable
    in their order, as in a journal, and only ``sync_folder`` makes sure of them. A sync
    of a file does not.

What a variant leaves open, such as what becomes of the other files, is drawn by seed, so
that (recording, index, variant, seed) names one image exactly.

The model is that of Pillai et al., "All File Systems Are Not Created Equal" (OSDI 2014),
with sectors that may be destroyed, as SQLite's "Powersafe Overwrite" describes them.
"""

import os
from collections.abc import Callable, Iterator
from errno import EIO
from random import Random
from types import TracebackType
from typing import Any, Final, NamedTuple

import apsw

from .faults import Layer, Operation

SECTORS: Final = (512, 4096)
TORN: Final = 512


class Mark(NamedTuple):
    """Something the recorded program said between two operations on the disk."""

    word: str
    value: Any = None


Recording = list[Operation | Mark]


class Recorder(Layer):
    """Records what is done to the files of one folder while it is entered.

    SQLite's draws are seeded meanwhile, so that the same program leaves the same recording.
    Files that end in ``.lock`` hold nothing and are left out.
    """

    def __init__(self, folder: str | os.PathLike[str], seed: int = 0) -> None:
        self.recording: Recording = []
        self._folder = os.path.realpath(folder)
        self._draw = Random(seed)
        self._saved: dict[str, Any] = {}
        self._files: dict[int, str] = {}
        self._ends: dict[int, int] = {}
        self._syncs_left: int | None = None

    def fail_sync(self, n: int) -> None:
        """Let ``n`` more syncs through; the next one fails, once, and loses what it was for.

        The pages stay in memory and are clean, as on ext4: readers see them, later syncs
        don't write them (Rebello et al., "Can Applications Recover from fsync Failures?",
        USENIX ATC 2020).
        """
        self._syncs_left = n

    @property
    def failed(self) -> bool:
        """Whether the sync that was to fail has failed."""
        return self._syncs_left is not None and self._syncs_left < 0

    def mark(self, word: str, value: Any = None) -> None:
        """Note what the program now knows or was told."""
        self.recording.append(Mark(word, value))

    def before(self, operation: Operation) -> None:
        name = self._name(operation.path)
        if name is None:
            return
        to = self._name(operation.to) or "" if operation.to else ""
        operation = operation._replace(path=name, to=to)
        if operation.kind == "sync" and self._syncs_left is not None:
            self._syncs_left -= 1
            if self._syncs_left == -1:
                self.recording.append(operation._replace(kind="drop"))
                raise apsw.IOError("planted: the sync failed")
        self.recording.append(operation)

    def randomness(self, count: int) -> bytes:
        return self._draw.randbytes(count)

    def __enter__(self) -> "Recorder":
        super().__init__("recorder", default=True)
        apsw.randomness(0)  # It is seeded anew, from us.
        replaced: dict[str, Callable[..., Any]] = {
            "open": self._open,
            "write": self._write,
            "pwrite": self._pwrite,
            "fsync": self._fsync,
            "rename": self._rename,
            "replace": self._rename,
            "unlink": self._unlink,
            "remove": self._unlink,
        }
        for word, function in replaced.items():
            self._saved[word] = getattr(os, word)
            setattr(os, word, function)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for word, function in self._saved.items():
            setattr(os, word, function)
        self.close()
        apsw.randomness(0)

    def _name(self, path: str) -> str | None:
        """The name in our folder; empty for the folder itself, None for what is elsewhere."""
        real = os.path.abspath(path)
        if real == self._folder:
            return ""
        folder, name = os.path.split(real)
        return name if folder == self._folder and not name.endswith(".lock") else None

    def _open(self, path: Any, flags: int, *more: Any, **named: Any) -> int:
        new = bool(flags & os.O_CREAT) and not os.path.exists(path)
        file: int = self._saved["open"](path, flags, *more, **named)
        self._files[file], self._ends[file] = os.fspath(path), 0
        if new:
            self.before(Operation("create", os.fspath(path)))
        return file

    def _write(self, file: int, data: bytes) -> int:
        if file in self._files:
            self.before(Operation("write", self._files[file], self._ends[file], data))
            self._ends[file] += len(data)
        done: int = self._saved["write"](file, data)
        return done

    def _pwrite(self, file: int, data: bytes, offset: int) -> int:
        if file in self._files:
            self.before(Operation("write", self._files[file], offset, data))
        done: int = self._saved["pwrite"](file, data, offset)
        return done

    def _fsync(self, file: int) -> None:
        path = self._files.get(file)
        if path is not None:
            kind = "sync_folder" if self._name(path) == "" else "sync"
            try:
                self.before(Operation(kind, path))
            except apsw.IOError as error:
                raise OSError(EIO, str(error)) from error
        self._saved["fsync"](file)

    def _rename(self, path: Any, to: Any) -> None:
        self._gone(os.fspath(to))
        self.before(Operation("rename", os.fspath(path), to=os.fspath(to)))
        self._saved["rename"](path, to)

    def _unlink(self, path: Any) -> None:
        self._gone(os.fspath(path))
        self.before(Operation("delete", os.fspath(path)))
        self._saved["unlink"](path)

    def _gone(self, path: str) -> None:
        """Who has a file open that loses its name goes on with that file."""
        for file, name in self._files.items():
            if name == path:
                self._files[file] = gone(path)


def gone(name: str) -> str:
    """What the file that last had this name is called, once it has it no more."""
    return f"{name} (gone)"


class _File:
    """One file: what is durable of it, and what is not yet."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.generation = 0
        self.durable = b""
        self.pending: list[tuple[int, Operation]] = []

    def sync(self) -> None:
        if self.pending:
            self.durable = _after(self.durable, [one for _, one in self.pending])
            self.pending.clear()
            self.generation += 1


class Damage(NamedTuple):
    """What became of the last write that reached the disk."""

    kind: str
    size: int
    seed: int


class Part(NamedTuple):
    """What a power cut left of one file."""

    key: tuple[Any, ...]
    """Equal keys, equal bytes."""
    durable: bytes
    kept: tuple[Operation, ...]
    damage: Damage | None

    def data(self) -> bytes:
        """The bytes, made when they are asked for."""
        if self.damage is None:
            return _after(self.durable, self.kept)
        *whole, last = self.kept
        return _damaged(_after(self.durable, whole), last, self.damage)


Image = dict[str, Part]
"""What a power cut left of a folder, by name."""


class Disk:
    """What is durable, and what is not yet, after some operations."""

    def __init__(self) -> None:
        self._live: dict[str, _File] = {}
        self._named: dict[str, _File] = {}  # By the names that are durable.
        self._moves: list[tuple[Operation, _File]] = []  # Of names, not durable yet.
        self._files = 0

    def do(self, index: int, operation: Operation) -> None:
        """Carry out one operation, the ``index``-th of the recording."""
        kind, path = operation.kind, operation.path
        if kind == "sync_folder":
            self._named = self._names(len(self._moves))
            self._moves.clear()
        elif kind == "create":
            self._files += 1
            self._live[path] = _File(self._files)
            self._moves.append((operation, self._live[path]))
        elif path not in self._live:
            return  # Deleted, but still open: nothing that is done to it matters.
        elif kind in ("write", "truncate"):
            self._live[path].pending.append((index, operation))
        elif kind == "sync":
            self._live[path].sync()
        elif kind == "drop":
            self._live[path].pending.clear()
        elif kind == "rename":
            if operation.to in self._live:
                self._live[gone(operation.to)] = self._live[operation.to]
            file = self._live[operation.to] = self._live.pop(path)
            self._moves.append((operation, file))
        else:
            file = self._live[gone(path)] = self._live.pop(path)
            self._moves.append((operation, file))

    def _names(self, moves: int) -> dict[str, _File]:
        names = dict(self._named)
        for operation, file in self._moves[:moves]:
            if operation.kind != "create":
                names.pop(operation.path, None)
            if operation.kind != "delete":
                names[operation.to or operation.path] = file
        return names

    def variants(self, chances: int) -> Iterator[str]:
        """Everything that a power cut may leave now; ``chances`` draws where there are many."""
        yield "none"
        yield "all"
        for n in range(1, len(self._moves)):
            yield f"names {n}"
        for name, file in self._live.items():
            if not file.pending:
                continue
            for n in range(len(file.pending)):
                yield f"prefix {n} {name}"
                yield f"torn {n} {name}"
                for size in SECTORS:
                    yield f"garbage{size} {n} {name}"
            for n in range(chances):
                yield f"subset {n} {name}"

    def cut(self, variant: str, draw: Random) -> Image:
        """What a power cut leaves, by one of ``variants``."""
        kind, _, rest = variant.partition(" ")
        number, _, name = rest.partition(" ")
        focus = self._live.get(name)
        moves = len(self._moves)
        if kind in ("none", "names"):
            moves = 0 if kind == "none" else int(number)
        elif kind != "all" and draw.random() < 0.5:
            moves = draw.randrange(moves + 1)
        image = {}
        for found, file in sorted(self._names(moves).items()):
            if kind in ("none", "all"):
                image[found] = _keep(file, len(file.pending) if kind == "all" else 0)
            elif file is focus:
                image[found] = _focused(file, kind, int(number), draw)
            elif _database(found) == _database(name):
                image[found] = _drawn(file, draw)
            else:
                image[found] = _keep(file, draw.choice((0, len(file.pending))))
        return image


def _database(name: str) -> str:
    """Whose file it is, be it its journal."""
    return name.partition("-")[0]


def _keep(file: _File, n: int) -> Part:
    return _part(file, file.pending[:n], None)


def _part(file: _File, kept: list[tuple[int, Operation]], damage: Damage | None) -> Part:
    key = (file.number, file.generation, tuple(index for index, _ in kept), damage)
    return Part(key, file.durable, tuple(one for _, one in kept), damage)


def _drawn(file: _File, draw: Random) -> Part:
    """One of none, all, a prefix or a subset, as it falls."""
    pending = file.pending
    if not pending:
        return _keep(file, 0)
    chance = draw.randrange(4)
    if chance == 3:
        return _part(file, [one for one in pending if draw.random() < 0.5], None)
    return _keep(file, (0, len(pending), draw.randrange(len(pending) + 1))[chance])


def _focused(file: _File, kind: str, number: int, draw: Random) -> Part:
    """The part of the file that a variant is about."""
    pending = file.pending
    if kind == "prefix":
        return _keep(file, number)
    if kind == "subset":
        return _part(file, [one for one in pending if draw.random() < 0.5], None)
    before = pending[:number]
    if kind != "torn" and draw.random() < 0.5:
        # What was written before it may still be on its way, too.
        before = [one for one in before if draw.random() < 0.5]
    size = int(kind.removeprefix("garbage")) if kind != "torn" else TORN
    return _part(file, [*before, pending[number]], Damage(kind, size, draw.getrandbits(32)))


def _after(data: bytes, operations: Any) -> bytes:
    """A file's bytes after some writes and truncations; holes are zeros."""
    if not operations:
        return data
    found = bytearray(data)
    for one in operations:
        size = one.offset if one.kind == "truncate" else one.offset + len(one.data)
        if len(found) < size:
            found.extend(bytes(size - len(found)))
        if one.kind == "truncate":
            del found[size:]
        else:
            found[one.offset : size] = one.data
    return bytes(found)


def _damaged(data: bytes, last: Operation, damage: Damage) -> bytes:
    """A file's bytes after a write that the power cut hit."""
    whole = _after(data, [last])
    if last.kind == "truncate":
        return whole
    draw = Random(damage.seed)
    end = last.offset + len(last.data)
    sectors = range(last.offset // damage.size, (end - 1) // damage.size + 1)
    found = bytearray(whole)
    if damage.kind == "torn":
        old = data + bytes(max(0, len(whole) - len(data)))
        for sector in sectors:
            if draw.random() < 0.5:
                span = slice(sector * damage.size, (sector + 1) * damage.size)
                found[span] = old[span]
        return bytes(found)
    start = draw.choice(sectors) * damage.size
    span = slice(start, min(start + damage.size, len(found)))
    found[span] = draw.randbytes(span.stop - span.start)
    return bytes(found)


class Cut(NamedTuple):
    """One power cut: what repeats it, and what it left."""

    seed: int
    at: int
    """How many operations and marks came before."""
    variant: str
    image: Image


def cut_at(recording: Recording, seed: int, at: int, variant: str) -> Cut:
    """One cut again, as ``cuts`` made it."""
    disk = Disk()
    for index, one in enumerate(recording[:at]):
        if isinstance(one, Operation):
            disk.do(index, one)
    return Cut(seed, at, variant, disk.cut(variant, Random(f"{seed} {at} {variant}")))


def cuts(
    recording: Recording, seed: int, chances: int, most: int | None = None, start: int = 0
) -> Iterator[Cut]:
    """Power cuts at each index of a recording, in order.

    ``chances``: subsets that are drawn of each file at each index. ``most``: about how many
    cuts, drawn from all of them; None is all. ``start``: cut only after so many.
    """
    share = 1.0 if most is None else most / max(1, _count(recording, chances, start))
    disk = Disk()
    for at, one in enumerate(recording, 1):
        if isinstance(one, Operation):
            disk.do(at - 1, one)
        if at < start:
            continue
        luck = Random(f"{seed} {at}")
        for variant in disk.variants(chances):
            if luck.random() < share:
                draw = Random(f"{seed} {at} {variant}")
                yield Cut(seed, at, variant, disk.cut(variant, draw))


def _count(recording: Recording, chances: int, start: int) -> int:
    disk, found = Disk(), 0
    for at, one in enumerate(recording, 1):
        if isinstance(one, Operation):
            disk.do(at - 1, one)
        if at >= start:
            found += sum(1 for _ in disk.variants(chances))
    return found
