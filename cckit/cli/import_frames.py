"""``cckit import frames``: a file of frames becomes the log that it was."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from cckit.core.errors import ConfigError
from cckit.shell.logs.moving import Brought, import_frames

from .codes import GOOD
from .options import Json
from .output import console, print_json, progress
from .text import plain


def frames(
    file: Annotated[Path, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    log: Path,
    events: bool = False,
    json: Json = False,
) -> int:
    """Make a log from a file of frames: bytes, chain, origin and log id are the same.

    A file that is cut off, doubled, out of order, or of several logs is refused, and
    nothing is stored.

    :param file: what `cckit export --format frames` wrote; - is standard input.
    :param log: the log to write, NAME.db; it must not exist.
    :param events: also hold every event to its schema and canonical form.
    :param json: print {origin, log_id, events, frames, head}.
    """
    with progress("reading") as tell:
        if str(file) == "-":
            brought = import_frames(
                sys.stdin.buffer, "standard input", log, events=events, progress=tell
            )
        else:
            brought = _from_file(file, log, events, tell)
    if json:
        print_json(as_json(brought))
    else:
        _print(brought, log)
    return GOOD


def as_json(brought: Brought) -> dict[str, object]:
    """The result in the shape that scripts rely on."""
    name, found = brought
    return {
        "origin": name.origin,
        "log_id": name.log_id.hex(),
        "events": found.events,
        "frames": found.frames,
        "head": found.head.hex(),
    }


def _from_file(file: Path, log: Path, events: bool, tell: Callable[[int], None]) -> Brought:
    try:
        with open(file, "rb") as opened:
            return import_frames(opened, str(file), log, events=events, progress=tell)
    except OSError as error:
        what = f"can't be read: {error.strerror}"
        raise ConfigError(str(file), what, "name a file that exists and is yours") from error


def _print(brought: Brought, log: Path) -> None:
    out = console()
    name, found = brought
    out.print(f"{plain(str(log))} is the log of {plain(name.origin)}", markup=False)
    out.print(f"  events {found.events:,}   frames {found.frames:,}")
    out.print(f"  head {found.head.hex()}")
