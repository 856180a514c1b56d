"""A log or a key file that came back from a copy, held to what was erased meanwhile.

``cckit restore`` is the only way past the guard (``erasing.check_guard``). Whoever was
erased according to the log, to the key file, or to a ledger of erasures that was kept
elsewhere, and is not erased everywhere, is erased again; each of it is an event. A log
that has lost its tail goes on under another name, since its old name has signed another
history. Until all of that is durable the guard goes on refusing, so what was cut off is
done by calling again.
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import trio

from cckit.core.codec import Codec
from cckit.core.errors import ConfigError, FormatError
from cckit.core.events import SYSTEM, Draft
from cckit.core.facts import FACTS, LogRestored, SubjectErasureStarted
from cckit.core.frame import continued
from cckit.core.ids import CENTER, Stream, SubjectId, subject_stream
from cckit.core.registry import Registry
from cckit.hooks import Relay
from cckit.hooks.vault import SUBJECT_SIZE
from cckit.shell.clock import Clock, SystemClock
from cckit.shell.config import Config
from cckit.shell.entropy import Entropy, SystemEntropy
from cckit.shell.files import read_file
from cckit.shell.life import Life, Parts
from cckit.shell.people.erasing import find_undone
from cckit.shell.people.lost import lost_from, refuse_lost
from cckit.shell.plugins import load
from cckit.stores.keyfile import NOTHING, Mark, Memory, make_key_file, remembered
from cckit.stores.sqlite import SqliteStore
from cckit.stores.unlocking import check_kek

from .errand import configured

LOST: Final = "restore: the keys are lost"
"""The ground of an erasure that a lost key file had done already."""
GROUND: Final = "restore: erased before, at position"
"""What the ground of an erasure done again begins with; the position follows."""


class Known(NamedTuple):
    """One line of a ledger of erasures: ids alone, to be kept elsewhere."""

    log_id: bytes
    subject: bytes
    position: int
    """Of the ``subject.erasure_started``."""


class Restored(NamedTuple):
    """What was done."""

    origin: str | None
    """The name that the log goes on under; None: its own."""
    erased: tuple[SubjectId, ...]
    """Who was erased again."""
    lost: tuple[SubjectId, ...]
    """Who was let go, since their keys are lost."""


# --- the ledger of erasures -----------------------------------------------------------------


def erasures(log: Path) -> list[Known]:
    """Everybody whom a log has erased, as the ledger to copy off.

    :raises StoreError: there is no such log, or it can't be read.

    .. versionadded:: 0.2
    """
    store, codec = SqliteStore.open(log, read_only=True), Codec(Registry(FACTS))
    try:
        return [
            Known(store.log_id, _subject(envelope.stream), envelope.position)
            for frame in store.read()
            for envelope, _ in codec.events(frame.body, frame.first, (SubjectErasureStarted,))
        ]
    finally:
        store.close()


def pack_ledger(known: Sequence[Known]) -> str:
    """A ledger of erasures as text: a line of JSON each."""
    rows = (
        {"log_id": one.log_id.hex(), "position": one.position, "subject": one.subject.hex()}
        for one in known
    )
    return "".join(json.dumps(row, sort_keys=True) + "\n" for row in rows)


def read_ledger(path: Path, log_id: bytes) -> list[Known]:
    """The erasures of one log that a ledger names.

    :raises ConfigError: it can't be read.
    :raises FormatError: a line that no ledger has, or of another log.
    """
    content = read_file(path)
    if not path.is_file():
        remedy = "name a file that `cckit restore LOG --save FILE` wrote"
        raise ConfigError(str(path), "is no file, so it names nobody", remedy)
    found = []
    for number, line in enumerate(content.splitlines(), 1):
        where = f"{path}: line {number}"
        try:
            row = json.loads(line)
            one = Known(
                bytes.fromhex(row["log_id"]), bytes.fromhex(row["subject"]), row["position"]
            )
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            remedy = "name a file that `cckit restore LOG --save FILE` wrote"
            raise FormatError(where, "is no line of a ledger of erasures", remedy) from error
        if type(one.position) is not int or one.position < 0 or len(one.subject) != SUBJECT_SIZE:
            raise FormatError(where, "names nobody that can be", "bring the ledger as it was")
        if one.log_id != log_id:
            raise FormatError(where, "is of another log", "bring the ledger of this log")
        found.append(one)
    return found


# --- restoring ------------------------------------------------------------------------------


async def restore_log(
    log: Path,
    *,
    keys: Path,
    origin: str | None = None,
    ledger: Path | None = None,
    forget_lost: bool = False,
    plugins: Mapping[str, object] | None = None,
    clock: Clock | None = None,
    entropy: Entropy | None = None,
) -> Restored:
    """Erase again whom a copy has brought back, and let the log be opened again.

    ``origin``: the name that a log without its tail goes on under. ``ledger``: erasures
    that neither the log nor the keys may know of, as ``erasures`` gave them. ``forget_lost``:
    erase whoever's keys are not here, for good. ``plugins``: instances by name, where the
    center of the log had them from its program.

    Whatever is refused is refused before the log has its new name.

    :raises ConfigError: the log lost its tail and no name is given, or a plugin of its
        configuration is not installed.
    :raises FormatError: a ledger of another log, a key file without its KEK, or keys that
        miss somebody who is not to be let go.
    :raises StoreError: in use, or a disk failed.

    .. versionadded:: 0.2
    """
    clock = SystemClock() if clock is None else clock
    entropy = SystemEntropy() if entropy is None else entropy
    look = partial(_look, log, keys, origin, ledger, plugins, clock, entropy)
    seen, rows, lost, config, had = await trio.to_thread.run_sync(look)
    if not forget_lost:
        refuse_lost(str(log), lost)
    await trio.to_thread.run_sync(make_key_file, keys)  # A new one, where there is none.
    if origin is not None:
        await trio.to_thread.run_sync(_rename, log, origin)
    life = Life(log, keys, had, clock, entropy, False, True, guarded=False)
    parts = await life.begin(config)
    try:
        if origin is not None:
            await _say_where_it_comes_from(parts, log)
        asked = await _to_erase(parts, seen, rows)
        grounds = dict.fromkeys(lost, LOST)
        grounds |= {stream: f"{GROUND} {position}" for stream, position in asked.items()}
        for stream, ground in grounds.items():
            parts.writer.record([Draft(stream, SubjectErasureStarted(ground))], SYSTEM)
        parts.writer.nudge()
        for stream in grounds:
            await parts.erasing.settled(stream)
        if origin is not None:
            await parts.erasing.forget_further()
    finally:
        await life.end()  # noqa: ASYNC102 - it shields what has to be waited for
    return Restored(origin, _ids(asked), _ids(one for one in lost if one not in asked))


def _ids(streams: Iterable[Stream]) -> tuple[SubjectId, ...]:
    return tuple(SubjectId(stream.partition("/")[2]) for stream in streams)


class _Seen(NamedTuple):
    """What a restoring rests on."""

    memory: Memory
    """What the keys remember."""
    rows: Sequence[Known]
    """What the ledger names."""
    lost: Mapping[Stream, int]
    """Whose keys are not here."""
    config: Config
    plugins: Mapping[str, object]
    """All that its center had."""


def _look(
    log: Path,
    keys: Path,
    origin: str | None,
    ledger: Path | None,
    plugins: Mapping[str, object] | None,
    clock: Clock,
    entropy: Entropy,
) -> _Seen:
    """Read all that may refuse a restoring, and write nothing: a name is given for good.

    :raises ConfigError: the log has lost its tail and needs a name.
    """
    store = SqliteStore.open(log, read_only=True)
    try:
        log_id = store.log_id
        memory = remembered(keys, log_id) or Memory(NOTHING, {}, -1)
        if origin is None and not _has_seen(store, memory.mark):
            what = f"has lost its tail: its keys have seen position {memory.mark.position}"
            remedy = "say what it is called from now on: --origin NAME"
            raise ConfigError(str(log), what, remedy)
        lost = lost_from(store, memory)
    finally:
        store.close()
    rows = [] if ledger is None else read_ledger(ledger, log_id)
    config, instances = configured(log, plugins)
    relay = Relay(instances, clock.ticks, logging.getLogger("cckit").warning)
    load(config, instances, relay)
    check_kek(keys, log_id, entropy.draw, relay.open_keks(log_id))
    return _Seen(memory, rows, lost, config, instances)


def _rename(log: Path, origin: str) -> None:
    """Have the log go on under a name that it never had, or has since a try that was cut off.

    :raises UsageError: it had the name before.
    :raises StoreError: in use, or the disk failed.
    """
    store = SqliteStore.open(log)
    try:
        if origin != store.origin:
            store.continue_as(origin)
    finally:
        store.close()


def _has_seen(store: SqliteStore, mark: Mark) -> bool:
    """Whether the log holds what its keys have seen last."""
    if mark.position < 0:
        return True
    return any(
        frame.end - 1 == mark.position and frame.chain == mark.chain
        for frame in store.read(mark.position, 1)
    )


async def _say_where_it_comes_from(parts: Parts, log: Path) -> None:
    store = SqliteStore.open(log, read_only=True)
    try:
        fact = LogRestored(*continued(store.continues)[-1])
    finally:
        store.close()
    said = await parts.archive.positions(type="log.restored")
    known = [one async for batch in parts.archive.at(said, (LogRestored,)) for one in batch]
    if all(data != fact for _, data in known):
        parts.writer.record([Draft(CENTER, fact)], SYSTEM)


async def _to_erase(parts: Parts, seen: Memory, rows: Sequence[Known]) -> dict[Stream, int]:
    """Whose erasure the log or the keys miss, and the position that it had."""
    wanted = {(subject, one.at) for subject, one in seen.erased.items()}
    wanted |= {(one.subject, one.position) for one in rows}
    found: dict[Stream, int] = {}
    for subject, position in sorted(wanted, key=lambda one: (one[1], one[0])):
        stream = subject_stream(subject.hex())
        if not await _is_erased_at(parts, stream, position):
            found[stream] = position
    for subject, one in (await find_undone(parts.archive, seen.erased, -1)).items():
        found.setdefault(subject_stream(subject.hex()), one.at)
    return found


async def _is_erased_at(parts: Parts, stream: Stream, position: int) -> bool:
    """Whether the log has an erasure at a position, or the one that did it again."""
    at = await parts.archive.positions(stream, "subject.erasure_started")
    kinds = (SubjectErasureStarted,)
    begun = [one async for batch in parts.archive.at(at, kinds) for one in batch]
    again = f"{GROUND} {position}"
    return any(e.position == position or data.ground == again for e, data in begun)


def _subject(stream: Stream) -> bytes:
    return bytes.fromhex(stream.partition("/")[2])
