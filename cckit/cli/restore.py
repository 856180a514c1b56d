"""``cckit restore``: a copy came back; whoever was erased since is erased again."""

from functools import partial
from pathlib import Path
from typing import IO

import trio

from cckit.shell.logs.appearing import refuse_existing
from cckit.shell.logs.moving import write_file
from cckit.shell.logs.restoring import erasures as erasures_of
from cckit.shell.logs.restoring import pack_ledger, restore_log
from cckit.stores.beside import keys_beside

from .codes import GOOD
from .options import Json
from .output import console, print_json
from .text import plain


def restore(
    log: Path,
    /,
    *,
    origin: str | None = None,
    erasures: Path | None = None,
    forget_lost: bool = False,
    save: Path | None = None,
    keys: Path | None = None,
    json: Json = False,
) -> int:
    """Let a log be opened again after it, or its key file, was restored from a copy.

    Whoever was erased after the copy was made is erased again, and each of it is an event.
    A log and keys that agree are left as they are.

    :param log: the log, NAME.db; no center may have it open.
    :param origin: what a log that lost its tail is called from now on; its old name has
        signed another history.
    :param erasures: a ledger of erasures that was kept elsewhere, for where the log and its
        keys are both old copies.
    :param forget_lost: erase everybody whose keys are not here, since their key file is lost
        for good; without it they are only counted, and nothing is done.
    :param save: do nothing but write that ledger, ids alone, to this file.
    :param keys: the key file; NAME.keys unless given.
    :param json: print {origin, erased, lost}; with --save {saved, file}.
    """
    if save is not None:
        return _save(log, save, json)
    beside = Path(keys_beside(log)) if keys is None else keys

    job = partial(
        restore_log, log, keys=beside, origin=origin, ledger=erasures, forget_lost=forget_lost
    )
    done = trio.run(job)
    if json:
        told = {"origin": done.origin, "erased": list(done.erased), "lost": list(done.lost)}
        print_json(told)
        return GOOD
    out = console()
    if done.origin is not None:
        out.print(f"the log goes on as {plain(done.origin)}", markup=False)
    for subject in done.erased:
        out.print(f"{subject} is erased again", markup=False)
    for subject in done.lost:
        out.print(f"{subject} is forgotten: the keys are lost", markup=False)
    if not done.erased:
        out.print("nobody had to be erased again")
    return GOOD


def _save(log: Path, out: Path, json: bool) -> int:
    refuse_existing(out)
    known = erasures_of(log)

    def write(file: IO[bytes]) -> None:
        file.write(pack_ledger(known).encode())

    write_file(out, write)
    if json:
        print_json({"saved": len(known), "file": str(out)})
    else:
        console().print(f"{len(known)} erasures are in {plain(str(out))}", markup=False)
    return GOOD
