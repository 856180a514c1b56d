"""Proofs out of a log: which events, their paths, and the checkpoint that signs the root.

A proof is held against its checkpoint before it is given, with the event as the log has it:
tiles that were spoilt or forged give an error, never a proof that does not hold.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgpack

from cckit.core.codec import Codec
from cckit.core.errors import ConfigError, FormatError, ProofError
from cckit.core.merkle import check_inclusion, inclusion_proof, leaf_hash
from cckit.core.note import Note
from cckit.core.redaction import entries
from cckit.core.registry import Registry
from cckit.core.tlog import Checkpoint, Proof
from cckit.hooks.store import Store
from cckit.stores.tiles import Tiles

STREAM = 3
"""Of an expanded event: where its stream stands."""


class Proved(NamedTuple):
    """An event, and the proof that the log holds it."""

    event: bytes
    """Expanded."""
    proof: Proof


class NotCoveredError(ProofError):
    """No checkpoint covers the event yet: it can be proved later."""


def prove(store: Store, tiles: Tiles, positions: Sequence[int]) -> Iterator[Proved]:
    """Prove that the log holds the events at some positions, ascending.

    :raises NotCoveredError: no checkpoint is over them.
    :raises ConfigError: the log has no such position.
    :raises FormatError: the tiles are spoilt.
    """
    head = store.head().position
    note = tiles.checkpoint()
    signed = None if note is None else Checkpoint.parse(Note.parse(note).text)
    for position in positions:
        if head is None or position > head:
            has = "is empty" if head is None else f"ends at {head}"
            raise ConfigError(f"position {position}", f"the log {has}", "name one that it has")
        if note is None or signed is None or position >= signed.size:
            covered = "there is none" if signed is None else f"it covers {signed.size} events"
            what = f"no checkpoint is over it: {covered}"
            raise NotCoveredError(f"position {position}", what, "sign one: `cckit checkpoint`")
        event = event_at(store, position)
        hashes = inclusion_proof(position, signed.size, tiles.read)
        try:
            check_inclusion(leaf_hash(event), position, signed.size, hashes, signed.root)
        except ProofError as error:
            what = f"their path to position {position} does not lead to the checkpoint's root"
            remedy = "verify the log; delete tile in it, then sign: tiles are made again"
            raise FormatError(tiles.path, what, remedy) from error
        yield Proved(event, Proof(position, hashes, note))


def event_at(store: Store, position: int) -> bytes:
    """The expanded event at a position that the log has.

    :raises ConfigError: it was taken out of the log.
    :raises StoreError: it can't be read.
    """
    frame = next(iter(store.read(position, 1)))
    found = entries(_codec, frame)[position - frame.first]
    if not found:
        what = "its event was taken out of this log: only its hash is left"
        raise ConfigError(f"position {position}", what, "prove it from a copy that has it")
    return found


def positions_of(store: Store, stream: str) -> list[int]:
    """The positions of a stream's events, ascending.

    :raises StoreError: the log can't be read.
    """
    found = []
    name = stream.encode()
    for frame in store.read():
        if name in frame.body:
            for offset, leaf in enumerate(entries(_codec, frame)):
                if name in leaf and msgpack.unpackb(leaf, use_list=False)[STREAM] == stream:
                    found.append(frame.first + offset)
    return found


_codec = Codec(Registry(()))
