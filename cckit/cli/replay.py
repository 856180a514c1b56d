"""``cckit replay``: every projection from zero, and a digest for each."""

from pathlib import Path

from cckit.core.reports import PROJECTIONS
from cckit.shell.folding import fold

from .logs import open_log
from .main import GOOD
from .options import Json, Whole
from .output import console, print_json, progress


def replay(
    log: Path,
    /,
    *,
    at: Whole | None = None,
    json: Json = False,
) -> int:
    """Rebuild every projection from position 0 and print a digest for each.

    The same log gives the same digests, on every machine and Python.

    :param log: the log, NAME.db. It is only read.
    :param at: fold the events 0 to this position; all of them unless given.
    :param json: print {position, head, projections: {name: {version, digest}}}.
    """
    store = open_log(log)
    try:
        with progress("replaying", (store.head().position or 0) + 1) as tell:
            folding, source = fold(store, PROJECTIONS, at=at, progress=tell)
    finally:
        store.close()
    digests = folding.digests()
    if json:
        head = source.chain.hex()
        print_json({"position": source.position, "head": head, "projections": digests})
        return GOOD
    out = console()
    out.print(f"position {'none' if source.position is None else source.position}")
    out.print(f"head     {source.chain.hex()}")
    width = max(map(len, digests), default=0)
    for name, one in digests.items():
        out.print(f"{name:<{width}}  version {one['version']}  {one['digest']}")
    return GOOD
