"""``cckit backup``: a whole copy of a log, also while a center writes it."""

from pathlib import Path

from cckit.core.errors import ConfigError
from cckit.core.verify import Verdict
from cckit.shell.logs.moving import back_up_log
from cckit.stores.backup import back_up_keys
from cckit.stores.beside import keys_beside

from .codes import GOOD
from .options import Json
from .output import console, print_json, progress
from .text import plain


def backup(
    log: Path,
    to: Path,
    /,
    *,
    keys: Path | None = None,
    json: Json = False,
) -> int:
    """Copy a log, also while a center writes it; the copy is whole and closed, or not there.

    It ends at the head that the log has when the copy begins. Every frame is checked on
    its way: a broken log is not copied. The keys of people are not copied unless they are
    asked for.

    :param log: the log, NAME.db. It is only read.
    :param to: the copy, OTHER.db; it must not exist.
    :param keys: also copy NAME.keys, to this file in another folder. Keep it for less long
        than an erasure may take: whoever has it reads who was erased since.
    :param json: print {events, frames, head, keys: null | {file, kek}}.
    """
    source = Path(keys_beside(log))
    if keys is not None:
        _check_apart(source, to, keys)
    with progress("copying") as tell:
        found = back_up_log(log, to, tell)
    kek = None if keys is None else _copy_keys(source, keys, to)
    if json:
        copied = None if keys is None else {"file": str(keys), "kek": kek}
        print_json(
            {"events": found.events, "frames": found.frames, "head": found.head.hex()}
            | {"keys": copied}
        )
    else:
        _print(found, to, keys, kek)
    return GOOD


def _copy_keys(source: Path, keys: Path, log: Path) -> bool:
    """Copy the keys after the log, which alone would pass for a whole backup."""
    try:
        return back_up_keys(source, keys)
    except BaseException:
        log.unlink()
        raise


def _check_apart(source: Path, to: Path, keys: Path) -> None:
    """:raises ConfigError: there are no keys, or they would lie beside the copied log."""
    if not source.exists():
        raise ConfigError("--keys", f"there is no {source}", "leave it out")
    if keys.exists():
        raise ConfigError(f"--keys {keys}", "exists already", "name a file that does not exist yet")
    if keys.parent.resolve() == to.parent.resolve():
        what = "lies beside the copied log: who has both reads everything"
        raise ConfigError(f"--keys {keys}", what, "name a file in another place")


def _print(found: Verdict, to: Path, keys: Path | None, kek: bool | None) -> None:
    out = console()
    out.print(f"{plain(str(to))} holds the log, whole and closed", markup=False)
    out.print(f"  events {found.events:,}   frames {found.frames:,}")
    out.print(f"  head {found.head.hex()}")
    if keys is None:
        out.print("  keys of people: not copied; without them personal fields stay closed")
        return
    out.print(f"{plain(str(keys))} holds the keys of people", markup=False)
    out.print("  keep it apart from the log, and for less long than an erasure may take:")
    out.print("  whoever has it reads people who are erased from now on")
    if kek:
        out.print("  it holds the key-encryption key, too: whoever has it needs nothing else")
    else:
        out.print("  it needs the key-encryption key, which is kept elsewhere: back that up, too")
