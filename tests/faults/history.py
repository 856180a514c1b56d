"""What may not be in a history: several writers' and readers' records against the log.

A record says what a process was about to append, what it was told, or what it saw. From
these and the frames that are left every fault has a name: lost, phantom, double, torn,
misplaced, refused and yet stored, out of real time, not dense, an epoch that goes back;
for a reader a commit that it skipped, or a hole that was filled later.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from cckit.core.frame import Frame

from .brawler import INVOKED, RECORD, REFUSED, SEEN, STORED


class Record(NamedTuple):
    what: bytes
    at: int
    first: int
    end: int
    chain: bytes


def read(path: Path) -> list[Record]:
    """The records of one process; a kill may have cut the last one off."""
    data = path.read_bytes() if path.exists() else b""
    whole = len(data) - len(data) % RECORD.size
    return [Record(*fields) for fields in RECORD.iter_unpack(data[:whole])]


def faults(
    frames: Sequence[Frame], writers: Iterable[list[Record]], readers: Iterable[list[Record]]
) -> list[str]:
    """All that is wrong; nothing if every promise was kept."""
    records = [record for writer in writers for record in writer]
    found = _of_the_log(frames)
    found += _of_the_writers({frame.chain: frame for frame in frames}, records)
    found += _of_time(records)
    for reader in readers:
        found += _of_a_reader(frames, reader)
    return found


def _of_the_log(frames: Sequence[Frame]) -> list[str]:
    found = [f"torn: the frame at {frame.first}" for frame in frames if not frame.is_whole()]
    for before, after in pairwise(frames):
        if after.first != before.end:
            found.append(f"not dense: {before.end} is followed by {after.first}")
        if after.previous != before.chain:
            found.append(f"not chained: the frame at {after.first}")
        if after.epoch < before.epoch:
            found.append(f"the epoch goes back at {after.first}")
    return found


def _of_the_writers(stored: dict[bytes, Frame], records: list[Record]) -> list[str]:
    invoked = {record.chain for record in records if record.what == INVOKED}
    told = Counter(record.chain for record in records if record.what == STORED)
    found = [f"phantom: the frame at {f.first}" for c, f in stored.items() if c not in invoked]
    found += [f"told twice: {n} times" for n in told.values() if n > 1]
    for record in records:
        frame = stored.get(record.chain)
        if record.what == STORED and frame is None:
            found.append(f"lost: what was acknowledged at {record.first}")
        elif record.what == STORED and frame is not None and frame.first != record.first:
            found.append(f"misplaced: {record.first} is at {frame.first}")
        elif record.what == REFUSED and frame is not None:
            found.append(f"refused and yet stored: {record.first}")
    return found


def _of_time(records: list[Record]) -> list[str]:
    """What was acknowledged before another was begun stands before it."""
    begun = {record.chain: record.at for record in records if record.what == INVOKED}
    done = sorted((r.first, begun[r.chain], r.at) for r in records if r.what == STORED)
    found, earliest = [], None
    for first, began, ended in reversed(done):
        if earliest is not None and earliest < began:
            found.append(f"out of real time: {first} began after a later one was acknowledged")
        earliest = ended if earliest is None else min(earliest, ended)
    return found


def _of_a_reader(frames: Sequence[Frame], records: list[Record]) -> list[str]:
    """A prefix of the log, each frame once and in order."""
    seen = [(record.first, record.chain) for record in records if record.what == SEEN]
    found = []
    for (first, chain), frame in zip(seen, frames, strict=False):
        if (first, chain) != (frame.first, frame.chain):
            found.append(f"a reader saw {first} where {frame.first} is")
            break
    if len(seen) > len(frames):
        found.append(f"a reader saw {len(seen) - len(frames)} frames that are not there")
    return found
