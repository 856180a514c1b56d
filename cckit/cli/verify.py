"""``cckit verify``: is the log whole?"""

from pathlib import Path

from cckit.core.errors import ConfigError
from cckit.core.note import VKey
from cckit.core.verify import Verdict
from cckit.shell.proof.checking import verify_log
from cckit.shell.proof.proofcheck import ProofVerdict, verify_tiles

from .codes import GOOD, NO, UNPROVABLE
from .options import Json
from .output import console, print_json, progress
from .text import plain


def verify(
    log: Path,
    /,
    *,
    events: bool = False,
    proof: bool = False,
    key: tuple[str, ...] = (),
    json: Json = False,
) -> int:
    """Check a log: headers, chain, dense positions; exit 0 if all hold, 1 if not.

    Exit 2 says that there is nothing to check: no log of ours, a newer one, or one that
    was not closed. Exit 3: it is a redacted copy, and no checkpoint beside it proves it.

    :param log: the log, NAME.db. It is only read.
    :param events: also decode every event and hold it to its schema and canonical form.
    :param proof: also build the tree again, and compare each tile and checkpoint beside it.
    :param key: a public key of the log, to check with --proof who signed its checkpoints;
        may be given more than once. Exit 3 if there are some that no such key signed.
    :param json: print {ok, events, frames, head, error: null | {position, reason},
        redacted, rooted}: frames that their leaves alone prove, and how many events a
        checkpoint's root speaks for. With --proof also proof: null | {ok, tiles,
        checkpoints, signed, error}.
    """
    if key and not proof:
        raise ConfigError("--key", "what it signed is not looked at", "add --proof")
    keys = tuple(VKey.parse(text) for text in key)
    with progress("verifying") as tell:
        found = verify_log(log, events=events, progress=tell)
    tiles = verify_tiles(log, keys) if proof and found.ok else None
    if json:
        asked = {"proof": None if tiles is None else tiles._asdict()} if proof else {}
        print_json({**as_json(found), **asked})
    else:
        _print(found, log, events)
        if tiles is not None:
            _print_tiles(tiles, bool(keys))
    if not found.ok or (tiles is not None and not tiles.ok):
        return NO
    unsigned = tiles is not None and bool(keys) and tiles.signed < tiles.checkpoints
    return GOOD if found.proved and not unsigned else UNPROVABLE


def as_json(found: Verdict) -> dict[str, object]:
    """The verdict in the shape that scripts rely on."""
    error = found.error
    return {
        "ok": found.ok,
        "events": found.events,
        "frames": found.frames,
        "head": found.head.hex(),
        "error": None if error is None else {"position": error.position, "reason": error.reason},
        "redacted": found.redacted,
        "rooted": found.rooted,
    }


def _print(found: Verdict, log: Path, events: bool) -> None:
    out = console()
    checked = "headers, chain, positions" + (", every event" if events else "")
    if found.error is None:
        out.print(f"{plain(str(log))} is whole: {checked}", markup=False)
    else:
        where, why = found.error
        out.print(f"{plain(str(log))} is NOT whole at position {where}: {plain(why)}", markup=False)
        out.print("what stands before it holds; restore the log from a copy")
    if found.redacted:
        _print_redacted(found)
    out.print(f"  events {found.events:,}   frames {found.frames:,}")
    out.print(f"  head {found.head.hex()}")


def _print_tiles(found: ProofVerdict, keys: bool) -> None:
    say = console().print
    if found.error is not None:
        say(plain(f"  its tiles are NOT those of the log: {found.error}"), markup=False)
        return
    say(f"  {found.tiles:,} tiles and {found.checkpoints:,} checkpoints are those of the log")
    if keys:
        say(f"  {found.signed:,} of the checkpoints are signed by a key that was given")
    else:
        say("  who signed the checkpoints is not looked at without --key")


def _print_redacted(found: Verdict) -> None:
    say = console().print
    say(f"  {found.redacted} frames are redacted: they are proved by their leaves alone")
    if found.proved:
        say(f"  and the {found.rooted} leaves have the root of the checkpoint beside the log")
        say("  (who signed that is not looked at here: cckit check)")
    elif found.rooted is None:
        say("  and there is NO checkpoint beside the log to hold them to: bring NAME.tiles")
    else:
        say(f"  and the checkpoint beside the log speaks only of the first {found.rooted} events")
