"""``cckit prove``: hand out events with the proof that the log holds them."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from cckit.core.errors import ConfigError
from cckit.core.ids import ContactId, contact_stream
from cckit.hooks.store import Store
from cckit.shell.logs.appearing import appearing, refuse_existing
from cckit.shell.proof.proving import NotCoveredError, Proved, positions_of
from cckit.shell.proof.proving import prove as proofs
from cckit.stores.beside import tiles_beside
from cckit.stores.connection import disk_errors
from cckit.stores.folder import Folder
from cckit.stores.tiles import Tiles

from .codes import GOOD, UNPROVABLE
from .logs import open_log
from .main import say
from .options import Json, Whole
from .output import console, print_json
from .text import plain

PROOF, EVENT = ".tlog-proof", ".event"


def prove(
    log: Path,
    /,
    *,
    contact: str | None = None,
    position: Whole | None = None,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    json: Json = False,
) -> int:
    """Write proofs that events are in a log, for somebody who checks them elsewhere.

    Of one position: FILE, a proof as C2SP's tlog-proof@v1, and beside it FILE.event, the
    event's bytes, which the proof speaks of. Of a contact: a folder with POSITION.tlog-proof
    and POSITION.event of each of its events. `cckit check` checks both, and so does any tool
    that knows the format. Exit 3 if no checkpoint covers the events yet.

    :param log: the log, NAME.db, with NAME.tiles beside it. Both are only read.
    :param contact: the id of a contact: all of its events.
    :param position: one event.
    :param output: the file or folder to write; it must not exist.
    :param json: print {size, positions, files}.
    """
    if (contact is None) == (position is None):
        raise ConfigError("prove", "what is to be proved?", "give --contact or --position")
    store = open_log(log)
    try:
        tiles = Tiles.open(tiles_beside(log), store)
        wanted = [position] if position is not None else _of_contact(store, contact or "")
        try:
            found = list(proofs(store, tiles, wanted))
        except NotCoveredError as error:
            say(error)
            return UNPROVABLE
    finally:
        store.close()
    names = _write(found, output, folder=contact is not None)
    if json:
        positions = [one.proof.index for one in found]
        print_json({"positions": positions, "files": names})
    else:
        what = "1 event" if len(found) == 1 else f"{len(found)} events"
        console().print(f"{what} proved: {plain(str(output))}", markup=False)
    return GOOD


def _of_contact(store: Store, contact: str) -> list[int]:
    stream = contact_stream(ContactId(contact))
    found = positions_of(store, stream)
    if not found:
        remedy = "take the id that the log has after contact/"
        raise ConfigError("--contact", f"the log has no contact {plain(contact)!r}", remedy)
    return found


def _write(found: list[Proved], output: Path, *, folder: bool) -> list[str]:
    """Write proofs and events, all of them or none; the names of the files.

    :raises ConfigError: something of that name is there.
    :raises StoreError: the disk failed.
    """
    files = []
    for event, proof in found:
        name = f"{proof.index}{PROOF}" if folder else output.name
        files += [(name, proof.pack()), (name.removesuffix(PROOF) + EVENT, event)]
    refuse_existing(output)
    with disk_errors(str(output), "make room there, or name another place"):
        if folder:
            with appearing(output) as path:
                Folder(path).put(files)
        else:
            _write_two(files, output.parent)
    return [str((output if folder else output.parent) / name) for name, _ in files]


def _write_two(files: list[tuple[str, bytes]], where: Path) -> None:
    """Write a proof and its event; no proof is ever there without the event."""
    proof, event = (where / name for name, _ in files)
    refuse_existing(event)
    with appearing(proof) as first, appearing(event) as second:  # The second gets its name first.
        for path, (_, content) in zip((first, second), files, strict=True):
            Folder(path.parent).put([(path.name, content)])
