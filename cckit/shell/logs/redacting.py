"""A copy of a log without what its erased people said: for archives, and to hand on.

The log is only read. The copy has its name, its id and its head, so checkpoints and proofs
of the log hold for it. Nobody can report from it or go on with it, for it lacks events.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from cckit.core.codec import Codec
from cckit.core.errors import ConfigError, FormatError
from cckit.core.facts import SubjectErased
from cckit.core.merkle import Frontier
from cckit.core.note import Note
from cckit.core.redaction import erased_at, gone_by, leaf_hashes, readable, redact
from cckit.core.registry import Registry
from cckit.core.tlog import Checkpoint
from cckit.core.transfer import LogName
from cckit.core.verify import Verdict
from cckit.hooks.store import Store
from cckit.stores.backup import write_log
from cckit.stores.beside import tiles_beside
from cckit.stores.connection import disk_errors, sync_folder
from cckit.stores.folder import Folder
from cckit.stores.signed import ALL, NEWEST
from cckit.stores.sqlite import SqliteStore

from .appearing import refuse_existing


class Redacted(NamedTuple):
    """What a redaction came to."""

    subjects: int
    """People erased in this log."""
    events: int
    """Events that were taken out."""
    frames: int
    """Frames that they stood in."""
    found: Verdict
    """Of the copy."""


def redact_log(
    log: str | os.PathLike[str],
    out: str | os.PathLike[str],
    progress: Callable[[int], None] = lambda _: None,
) -> Redacted:
    """Write a copy in which hashes stand for what is sealed for erased people.

    ``progress`` is told the position of each frame.

    The checkpoints of the log lie beside the copy, durable before it has its name; what
    fails leaves neither.

    :raises StoreError: there is no such log, it is not whole, or ``out`` exists.
    :raises ConfigError: ``out`` is the log, or tiles lie beside it.

    .. versionadded:: 0.2
    """
    if os.path.abspath(log) == os.path.abspath(out):
        raise ConfigError("--out", "is the log itself", "name a file that does not exist yet")
    refuse_existing(Path(tiles_beside(out)))
    store = SqliteStore.open(log, read_only=True)
    events = frames = 0
    try:
        signed = _checkpoints(log)  # Before the head: none is of more than the copy holds.
        head = store.head()
        end = 0 if head.position is None else head.position + 1
        codec = Codec(Registry((SubjectErased,)))
        erased = erased_at(
            (envelope, data)
            for frame in store.read()
            for envelope, data in readable(codec, frame, (SubjectErased,))
        )
        gone = gone_by(erased)

        def left() -> Iterator[bytes]:
            nonlocal events, frames
            for frame in store.read():
                if frame.first >= end:
                    return
                progress(frame.first)
                if not frame.flags and not frame.is_whole():
                    what = f"is not whole at position {frame.first}"
                    raise FormatError(str(log), what, "see `cckit verify`; restore it from a copy")
                redacted, count = redact(frame, codec, gone)
                events, frames = events + count, frames + bool(count)
                yield redacted.pack()

        name = LogName(store.origin, store.log_id, store.continues)
        with _beside(out, signed) as write:
            found = write_log(out, name, left(), str(log), epoch=head.epoch, ready=write)
    finally:
        store.close()
    return Redacted(len(erased), events, frames, found)


def _checkpoints(log: str | os.PathLike[str]) -> list[tuple[str, bytes]]:
    """What was signed, as files of a folder of tiles; their entries hold what is taken out."""
    source = Folder(tiles_beside(log))
    with disk_errors(source.path, "look at the disk"):
        names = [NEWEST]  # First, so that it is among the others, too.
        names += [f"{ALL}/{name}" for name in source.names(ALL)]
        read = ((name, source.read(name)) for name in names)
        return [(name, content) for name, content in read if content is not None]


@contextmanager
def _beside(
    out: str | os.PathLike[str], files: list[tuple[str, bytes]]
) -> Iterator[Callable[[], None]]:
    """What writes a folder of tiles beside a log; it is removed again if the block fails."""
    target = Folder(tiles_beside(out))
    made = False

    def write() -> None:
        nonlocal made
        if files:
            target.make_folder("")
            made = True
            target.put(files)
            sync_folder(target.path)

    try:
        yield write
    except BaseException:
        if made:
            target.clear()
            target.remove_folder("")
        raise


def rooted(store: Store, log: str | os.PathLike[str]) -> int | None:
    """Hold all leaves of a log to the newest checkpoint beside it; how many those were.

    None where there is no checkpoint. Who signed it is not looked at: ``cckit check``.

    :raises FormatError: the leaves have another root, or the checkpoint is of another log.
    """
    file = Path(tiles_beside(log), NEWEST)
    if not file.is_file():
        return None
    checkpoint = Checkpoint.head_of(Note.parse(file.read_bytes()).text)[0]
    if checkpoint.origin != store.origin:
        what = f"is of another log, {checkpoint.origin}"
        raise FormatError(str(file), what, "bring the checkpoints of this log")
    frontier, codec = Frontier(), Codec(Registry(()))
    for frame in store.read():
        hashes = leaf_hashes(codec, frame)
        frontier.extend(hashes[: checkpoint.size - frontier.size])
        if frontier.size == checkpoint.size:
            break
    if frontier.size < checkpoint.size:
        what = f"speaks of {checkpoint.size} events, and the log has {frontier.size}"
        raise FormatError(str(file), what, "bring the log that goes as far")
    if frontier.root() != checkpoint.root:
        what = f"has another root than the {checkpoint.size} leaves of the log"
        raise FormatError(str(file), what, "one of the two was changed: compare with a copy")
    return checkpoint.size
