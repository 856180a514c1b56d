"""``cckit views``: what lies beside a log and can be made from it."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from cckit.core.errors import ConfigError
from cckit.stores.compaction import Look, compact, look, rebuild

from .codes import GOOD
from .options import Json
from .output import console, print_json, progress
from .text import plain


def views(
    log: Path,
    /,
    *,
    compact_: Annotated[bool, Parameter(name="--compact")] = False,
    rebuild_: Annotated[bool, Parameter(name="--rebuild")] = False,
    json: Json = False,
) -> int:
    """Look at the views beside a log, make them smaller, or make them anew.

    The log itself is only read: it is never compacted.

    :param log: the log, NAME.db, which no center has open.
    :param compact_: give the room of what was thrown away in them back to the disk.
    :param rebuild_: make them anew from the log; only where reactors go on is kept.
    :param json: print {file, bytes, free, indexed, events, before: bytes}.
    """
    if compact_ and rebuild_:
        raise ConfigError("--compact, --rebuild", "are both given", "new views are small: rebuild")
    before = now = look(log)
    if compact_ or rebuild_:
        with progress("indexing", before.events) as tell:
            now = (rebuild if rebuild_ else compact)(log, tell)
    if json:
        print_json(as_json(now, before))
    else:
        _print(now, before)
    return GOOD


def as_json(now: Look, before: Look) -> dict[str, object]:
    """The views in the shape that scripts rely on."""
    return {
        "file": now.path,
        "bytes": now.size,
        "free": now.free,
        "indexed": now.indexed,
        "events": now.events,
        "before": before.size,
    }


def _print(now: Look, before: Look) -> None:
    out = console()
    out.print(plain(now.path), markup=False)
    out.print(f"  {now.indexed:,} of {now.events:,} events are indexed")
    was = "" if before.size == now.size else f" (before: {before.size:,})"
    out.print(f"  {now.size:,} bytes{was}, {now.free:,} of them free")
