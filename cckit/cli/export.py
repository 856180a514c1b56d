"""``cckit export``: a log as lines of JSON, as CloudEvents, or as its frames."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Annotated, Literal

from cyclopts import Parameter

from cckit.core.errors import ConfigError
from cckit.core.transfer import cloud_event, json_line
from cckit.hooks.store import Store
from cckit.shell.logs.moving import Span, exported_events, exported_frames, write_file

from .codes import GOOD
from .log import bound
from .logs import open_log
from .options import Json
from .output import print_json, progress
from .text import plain

Form = Literal["jsonl", "cloudevents", "frames"]


def export(
    log: Path,
    /,
    *,
    format: Form = "jsonl",
    out: Annotated[Path, Parameter(name=["--out", "-o"], allow_leading_hyphen=True)] = Path("-"),
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    to: str | None = None,
    json: Json = False,
) -> int:
    """Write a log out, up to the head that it has now; the same log gives the same bytes.

    What is personal stays sealed. ``jsonl`` is every event with its whole envelope, by the
    field names that the log declares; ``cloudevents`` is CloudEvents 1.0, one a line;
    ``frames`` is the log itself, for `cckit import frames`.

    :param log: the log, NAME.db. It is only read.
    :param format: jsonl, cloudevents or frames.
    :param out: the file to write, which must not exist; - is standard output.
    :param from_: the first position, or an instant such as 2026-01-31T09:00:00Z.
    :param to: the last position, or the instant before which events were recorded.
    :param json: with a file, print {file, bytes}.
    """
    span = _span(from_, to)
    if format == "frames" and span != Span():
        what = "frames are the whole log: a part of it is chained to nothing"
        raise ConfigError("--from, --to", what, "leave them out, or take another format")
    whole = str(out) == "-"
    if whole and json:
        raise ConfigError("--json", "standard output is for the events", "name a file by -o")
    store = open_log(log)
    try:
        head = store.head().position
        with progress("writing", None if head is None else head + 1) as tell:
            pieces = _pieces(store, format, span, tell)
            size = _write_out(pieces) if whole else _write_file(pieces, out)
    finally:
        store.close()
    if json:
        print_json({"file": str(out), "bytes": size})
    return GOOD


def _span(from_: str | None, to: str | None) -> Span:
    first, from_at = bound(from_, "--from")
    last, until_at = bound(to, "--to")
    if (last is not None and last < (first or 0)) or (
        from_at is not None and until_at is not None and until_at <= from_at
    ):
        raise ConfigError("--to", f"{to} lies before --from {from_}", "give the earlier as --from")
    return Span(first or 0, last, from_at, until_at)


def _pieces(store: Store, form: Form, span: Span, tell: Callable[[int], None]) -> Iterator[bytes]:
    if form == "frames":
        yield from exported_frames(store, tell)
        return
    for recorded in exported_events(store, span, tell):
        text = json_line(recorded) if form == "jsonl" else cloud_event(recorded, store.origin)
        # What could move a cursor is escaped: in JSON that changes no value.
        yield plain(text).encode() + b"\n"


def _write_out(pieces: Iterator[bytes]) -> int:
    sys.stdout.flush()
    return _write(pieces, sys.stdout.buffer)


def _write_file(pieces: Iterator[bytes], out: Path) -> int:
    size = 0

    def write(file: IO[bytes]) -> None:
        nonlocal size
        size = _write(pieces, file)

    write_file(out, write)
    return size


def _write(pieces: Iterator[bytes], file: IO[bytes]) -> int:
    size = 0
    for piece in pieces:
        size += file.write(piece)
    file.flush()
    return size
