"""The history that a log's key has signed: never a second one under the same name.

Tiles can be made again from the log, signed checkpoints can't. Where both lie side by side
and do not agree, the log was exchanged for another one or for an older copy of itself, and
one more checkpoint would sign what earlier ones refute.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from cckit.core.codec import Codec
from cckit.core.errors import FormatError, HistoryError
from cckit.core.merkle import EMPTY, Frontier
from cckit.core.note import Note
from cckit.core.redaction import leaf_hashes
from cckit.core.registry import Registry
from cckit.core.tlog import Checkpoint
from cckit.hooks.store import Store

_WHAT: Final = "this key signed another history of this log"
_REMEDY: Final = (
    "bring the log that was signed; or let this one go on under a new name: "
    "cckit restore LOG --origin NAME"
)


def check_history(where: str, notes: Iterable[bytes], store: Store) -> None:
    """Hold every checkpoint that was signed under a log's name to the log alone.

    ``notes`` of other names, and those that are none, say nothing of this log.

    :raises HistoryError: one has more events than the log, or another root.
    :raises StoreError: the log can't be read.
    """
    signed: dict[int, set[bytes]] = {}
    for one in _checkpoints(notes):
        if one.origin == store.origin:
            signed.setdefault(one.size, set()).add(one.root)
    sizes = sorted(signed)
    for size, root in _roots(store, sizes):
        if signed[size] != {root}:
            what = f"{_WHAT}: its checkpoint of {size} events has another root"
            raise HistoryError(where, what, _REMEDY)
    head = store.head().position
    events = 0 if head is None else head + 1
    if sizes and sizes[-1] > events:
        what = f"{_WHAT}: its checkpoint is of {sizes[-1]} events, and the log has {events}"
        raise HistoryError(where, what, _REMEDY)


def _checkpoints(notes: Iterable[bytes]) -> Iterator[Checkpoint]:
    for note in notes:
        try:
            yield Checkpoint.parse(Note.parse(note).text)
        except FormatError:
            continue  # It was never signed so; what is spoilt refutes nothing.


def _roots(store: Store, sizes: Iterable[int]) -> Iterator[tuple[int, bytes]]:
    """The root at each of the sizes, ascending, that the log reaches."""
    codec, tree, wanted = Codec(Registry(())), Frontier(), iter(sizes)
    size = next(wanted, None)
    if size == 0:
        yield 0, EMPTY
        size = next(wanted, None)
    if size is None:
        return
    for frame in store.read():
        hashes = leaf_hashes(codec, frame)
        while size is not None and size <= frame.end:
            tree.extend(hashes[tree.size - frame.first : size - frame.first])
            yield size, tree.root()
            size = next(wanted, None)
        if size is None:
            return
        tree.extend(hashes[tree.size - frame.first :])
