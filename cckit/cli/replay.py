"""``cckit replay``: every projection from zero, and a digest for each."""

import sys
from collections.abc import Sequence
from pathlib import Path

from cckit.core.projection import AnyProjection
from cckit.core.registry import Upcaster
from cckit.core.reports import PROJECTIONS
from cckit.shell.logs.folding import PluginsNamed, fold

from .codes import GOOD
from .logs import open_log
from .options import Json, Whole
from .output import console, print_json, progress
from .text import plain


def replay(
    log: Path,
    /,
    *,
    at: Whole | None = None,
    plugin: tuple[str, ...] = (),
    json: Json = False,
) -> int:
    """Rebuild every projection from position 0 and print a digest for each.

    The same log gives the same digests, on every machine and Python.

    :param log: the log, NAME.db. It is only read.
    :param at: fold the events 0 to this position; all of them unless given.
    :param plugin: rebuild the projections of this installed plugin, too; may be given more
        than once.
    :param json: print {position, head, projections: {name: {version, digest}}}.
    """
    projections: tuple[AnyProjection, ...] = PROJECTIONS
    kinds: tuple[type, ...] = ()
    upcasters: tuple[Upcaster, ...] = ()
    if plugin:
        from cckit.shell.logs.brought import brought_by

        more, kinds, upcasters = brought_by(plugin)
        projections += more
    store = open_log(log)
    try:
        with progress("replaying", (store.head().position or 0) + 1) as tell:
            named = PluginsNamed()
            wanted = (*projections, named)
            folding, source = fold(
                store, wanted, at=at, kinds=kinds, upcasters=upcasters, progress=tell
            )
    finally:
        store.close()
    digests = folding.digests()
    del digests[named.name]
    _note(folding.states[named.name].get("plugins", "").split(), plugin)
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


def _note(named: Sequence[str], given: Sequence[str]) -> None:
    left = [name for name in named if name not in given]
    if left:
        some = " ".join(f"--plugin {name}" for name in left)
        print(plain(f"not rebuilt: what plugins fold; add {some}"), file=sys.stderr)
