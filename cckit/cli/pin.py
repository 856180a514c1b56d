"""``cckit pin``: what everything has come to, written into a log that no center has open."""

from pathlib import Path

from cckit.shell.proof.pinning import pin_log

from .codes import GOOD, NO
from .options import Json
from .output import console, print_json, progress
from .text import plain


def pin(
    log: Path,
    /,
    *,
    plugin: tuple[str, ...] = (),
    json: Json = False,
) -> int:
    """Write counts, and a digest of each projection, at the end of a log; audit compares them.

    A center pins by itself after each civil day. This is for a log that no center has open:
    imported, simulated, or at rest. Exit 1 says that a projection raised and is not pinned.

    :param log: the log, NAME.db. It is written to.
    :param plugin: pin the projections of this installed plugin, too; may be given more than
        once.
    :param json: print {position, head, counted, pinned: {name: {version, digest}}, failed}.
    """
    with progress("pinning") as tell:
        found = pin_log(log, plugin, tell)
    pinned = {
        one.projection: {"version": one.n, "digest": one.digest.hex()} for one in found.pinned
    }
    if json:
        print_json(
            {
                "position": found.position,
                "head": found.head,
                "counted": found.counted,
                "pinned": pinned,
                "failed": found.failed,
            }
        )
        return NO if found.failed else GOOD
    out = console()
    out.print(f"pinned at position {found.position}; the log ends at {found.head}")
    for name, one in pinned.items():
        out.print(plain(f"  {name}  version {one['version']}  {one['digest']}"), markup=False)
    for name, why in found.failed.items():
        out.print(plain(f"  {name} is NOT pinned: it {why}"), markup=False)
    return NO if found.failed else GOOD
