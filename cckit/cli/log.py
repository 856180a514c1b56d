"""``cckit log``: the events, one a line."""

import sys
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final

import attrs
from cyclopts import Parameter

from cckit.core.codec import Codec
from cckit.core.errors import ConfigError
from cckit.core.events import Recorded, kind_of
from cckit.core.facts import FACTS
from cckit.hooks.store import Store

from .codes import GOOD
from .logs import admit, as_json, events, fields, instant_of, new_codec, open_log
from .options import Json
from .streams import pause
from .text import instant_text, plain, plain_json

POLL_S: Final = 0.2
"""Between two looks at a log that is followed."""


@attrs.frozen
class Wanted:
    """Which events are shown."""

    stream: str | None
    types: tuple[str, ...]
    first: int
    last: int | None
    from_at: int | None
    to_at: int | None

    def __contains__(self, recorded: Recorded[Any]) -> bool:
        envelope = recorded[0]
        at = envelope.stamp.recorded_at
        return (
            (self.stream is None or envelope.stream == self.stream)
            and (not self.types or envelope.type in self.types)
            and (self.from_at is None or at >= self.from_at)
            and (self.to_at is None or at < self.to_at)
        )

    def classes(self) -> tuple[type, ...] | None:
        """The classes to decode; None decodes all, as for types that no class knows."""
        known = {kind_of(cls).name: cls for cls in FACTS}
        if not self.types or any(name not in known for name in self.types):
            return None
        return tuple(known[name] for name in self.types)


def log(
    log: Path,
    /,
    *,
    stream: str | None = None,
    type: tuple[str, ...] = (),
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    to: str | None = None,
    follow: bool = False,
    json: Json = False,
) -> int:
    """Print the events of a log, one a line.

    A line is: position, instant in UTC, stream@version, type@version, actor, data as
    JSON, and cause=POSITION where the event has one. Control characters are escaped.

    Times are UTC, printed and given, unless a given one has an offset of its own. Where no
    event matches, standard error says so.

    :param log: the log, NAME.db. It is only read.
    :param stream: only this stream: contact/ID, agent/ID or center.
    :param type: only this type, such as queue.left; may be given more than once.
    :param from_: the first position, or an instant such as 2026-01-31T09:00:00Z.
    :param to: the last position, or the instant before which events were recorded.
    :param follow: go on with what is appended, until interrupted.
    :param json: print each event as one line of JSON, with its whole envelope.
    """
    first, from_at = bound(from_, "--from")
    last, to_at = bound(to, "--to")
    wanted = Wanted(stream, type, first or 0, last, from_at, to_at)
    _refuse_backwards(wanted, from_, to)
    shown = False
    store = open_log(log)
    try:
        codec = new_codec()
        _refuse_undeclared(store, codec, type)
        for recorded in _read(store, codec, wanted, follow):
            shown = True
            sys.stdout.write((json_line if json else line)(recorded) + "\n")
            if follow:
                sys.stdout.flush()
        if not shown:
            print(_nothing(store.head().position, wanted), file=sys.stderr)
    except KeyboardInterrupt:
        if not follow:
            raise
    finally:
        store.close()
    return GOOD


def _refuse_backwards(wanted: Wanted, from_: str | None, to: str | None) -> None:
    first, until = wanted.from_at, wanted.to_at
    positions = wanted.last is not None and wanted.last < wanted.first
    if positions or (first is not None and until is not None and until <= first):
        raise ConfigError("--to", f"{to} lies before --from {from_}", "give the earlier as --from")


def _refuse_undeclared(store: Store, codec: Codec, types: tuple[str, ...]) -> None:
    """Refuse a type of which no event can be in the log: it was mistyped."""
    if types:
        admit(store, codec)
    known = codec.registry.declared_names()
    for name in types:
        if name not in known:
            near = get_close_matches(name, known, 3) or sorted(known)
            what = f"the log declares no type {plain(name)!r}"
            raise ConfigError("--type", what, f"take one of its types, such as {', '.join(near)}")


def _nothing(head: int | None, wanted: Wanted) -> str:
    """Why no event was printed: a wrong word, or a position that the log has not reached."""
    of = f" of stream {plain(wanted.stream)!r}" if wanted.stream is not None else ""
    has = "it is empty" if head is None else f"it has the positions 0 to {head}"
    return f"cckit log: no event{of} matches; {has}"


def line(recorded: Recorded[Any]) -> str:
    """One event as a line for people and for grep."""
    envelope, data = recorded
    parts = (
        str(envelope.position),
        instant_text(envelope.recorded_at),
        f"{envelope.stream}@{envelope.stream_version}",
        f"{envelope.type}@{envelope.schema_version}",
        f"{envelope.actor.kind}/{envelope.actor.id}",
        plain_json(fields(data)),
        *(() if envelope.cause is None else (f"cause={envelope.cause}",)),
    )
    return plain(" ".join(parts))


def json_line(recorded: Recorded[Any]) -> str:
    """One event as a line of JSON."""
    return plain_json(as_json(recorded))


def bound(text: str | None, option: str) -> tuple[int | None, int | None]:
    """A position or an instant."""
    if text is None:
        return None, None
    if text.isascii() and text.isdigit():
        if len(text) > 18:
            raise ConfigError(option, f"{text[:20]}… is no position", "give a smaller number")
        return int(text), None
    return None, instant_of(text, option)


def _read(store: Store, codec: Codec, wanted: Wanted, follow: bool) -> Iterator[Recorded[Any]]:
    at = wanted.first
    types = wanted.classes()
    while True:
        # Asked for before the look: what is appended meanwhile must not be jumped over.
        head = store.head().position
        last = -1 if head is None else head
        for recorded in events(store, codec, at, types):
            position = recorded[0].position
            if wanted.last is not None and position > wanted.last:
                return
            last = max(last, position)
            if recorded in wanted:
                yield recorded
        if not follow or (wanted.last is not None and last >= wanted.last):
            return
        at = max(at, last + 1)
        pause(POLL_S)
