"""``cckit redact``: a copy of a log without what was sealed for people who are erased."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from cckit.shell.logs.redacting import redact_log

from .codes import GOOD
from .options import Json
from .output import console, print_json, progress


def redact(
    log: Path,
    /,
    *,
    out: Annotated[Path, Parameter(name=("--out", "-o"))],
    json: Json = False,
) -> int:
    """Write a copy in which a hash stands for each event with a value of somebody erased.

    Checkpoints and proofs of the log hold for the copy, and `cckit verify` says how much of
    it their leaves alone prove. It is for archives and to hand on: reports and a center
    refuse it, for it lacks events.

    :param log: the log, NAME.db. It is only read.
    :param out: the copy; a file that does not exist yet.
    :param json: print {subjects, events, frames, head, file}: people erased, events taken
        out, and frames that they stood in.
    """
    with progress("redacting") as tell:
        done = redact_log(log, out, tell)
    if json:
        print_json(
            {
                "subjects": done.subjects,
                "events": done.events,
                "frames": done.frames,
                "head": done.found.head.hex(),
                "file": str(out),
            }
        )
        return GOOD
    say = console().print
    say(f"{done.events} events of {done.subjects} erased people are taken out", markup=False)
    say(f"{out} has hashes in their place, in {done.frames} frames", markup=False)
    return GOOD
