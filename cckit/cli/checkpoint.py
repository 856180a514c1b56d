"""``cckit checkpoint``: sign what a log holds now, and have it cosigned."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cckit.core.errors import ConfigError
from cckit.core.merkle import consistency_proof
from cckit.core.note import Note, VKey
from cckit.core.tlog import Checkpoint
from cckit.shell.proof.notary import Notary, sync_log
from cckit.shell.proof.signers import check_signers, read_signers
from cckit.shell.proof.witnessing import witnessed
from cckit.stores.beside import tiles_beside
from cckit.stores.tiles import Tiles

from .codes import GOOD
from .logs import open_log
from .options import Json
from .output import console, print_json, progress
from .text import plain


def checkpoint(
    log: Path,
    /,
    *,
    key: Path,
    witness: str | None = None,
    witness_key: str | None = None,
    json: Json = False,
) -> int:
    """Build the tree of a log up to its end, in NAME.tiles beside it, and sign it.

    What was built before is not hashed again. Exit 1: a checkpoint in NAME.tiles is of
    another history of this log, so nothing is signed. While a center signs by itself, or `cckit
    follow` does, the tiles are in use and this is refused.

    :param log: the log, NAME.db. It is only read.
    :param key: the file of the log's private keys, as `cckit keys new` wrote it.
    :param witness: the address of a witness that is to cosign, http://HOST:PORT.
    :param witness_key: the public key of the witness, without which it is not believed.
    :param json: print {origin, size, root, checkpoint}.
    """
    if (witness is None) != (witness_key is None):
        what = "the address of a witness and its public key come together"
        raise ConfigError("--witness", what, "give --witness and --witness-key")
    cosigner = None if witness_key is None else VKey.parse(witness_key)
    with notary_of(log, key) as notary:
        note = grown(notary)
        if witness is not None and cosigner is not None:
            note = _cosigned(notary.tiles, note, witness, cosigner)
    if json:
        print_json(as_json(note))
    else:
        console().print(plain_note(note), markup=False, end="")
    return GOOD


@contextmanager
def notary_of(log: Path, key: Path) -> Iterator[Notary]:
    """Somebody who signs a log from outside of its center.

    :raises ConfigError: the keys are not this log's.
    :raises StoreError: no log, or somebody else builds its tiles.
    :raises HistoryError: what was signed of this log is not over it.
    """
    signers = read_signers(key)
    store = open_log(log)
    try:
        check_signers(signers, store.origin, str(key))
        tiles = Tiles.open(tiles_beside(log), store, write=True)
        try:
            if tiles.rebuilt is not None:
                why = plain(f"{tiles.path}: {tiles.rebuilt}; they are made anew")
                print(why, file=sys.stderr)
            yield Notary(store, tiles, signers, lambda: sync_log(store.path))
        finally:
            tiles.close()
    finally:
        store.close()


def grown(notary: Notary) -> bytes:
    """The newest checkpoint, once the tree has grown to the end of the log.

    :raises ConfigError: the log is empty.
    """
    with progress("hashing") as tell:
        while notary.grow():
            tell(notary.tiles.size)
    notary.sign()
    note = notary.tiles.checkpoint()
    if note is None:
        raise ConfigError(notary.tiles.path, "the log is empty", "sign it when it has events")
    return note


def as_json(note: bytes) -> dict[str, object]:
    """A checkpoint in the shape that scripts rely on."""
    found = Checkpoint.parse(Note.parse(note).text)
    return {
        "origin": found.origin,
        "size": found.size,
        "root": found.root.hex(),
        "checkpoint": note.decode(),
    }


def plain_note(note: bytes) -> str:
    """A note for a terminal, line by line."""
    return "".join(f"{plain(line)}\n" for line in note.decode().split("\n")[:-1])


def _cosigned(tiles: Tiles, note: bytes, url: str, key: VKey) -> bytes:
    """The checkpoint with a witness's cosignature, which is kept."""
    signatures = Note.parse(note).signatures
    if any((one.name, one.key_id) == (key.name, key.key_id) for one in signatures):
        return note
    size = Checkpoint.parse(Note.parse(note).text).size
    note = witnessed(url, key, note, lambda old: consistency_proof(old, size, tiles.read))
    tiles.save_checkpoint(note)
    return note
