"""A log as it travels: events as JSON lines, as CloudEvents, or its frames as they are.

JSON lines and CloudEvents are read from the schemas that the log itself declares, each
event in the version that stands there, so that they need no class, and nothing is lifted
or left out: bytes are lower-case hex, and a personal value stays sealed, with all of its
parts. Who knows the declared schema makes the stored bytes from a line again.

A file of frames is ::

    "cckit frames 1\\n" | u16 + origin | log id (16) | u16 + the logs that it continues
    u32 + stored frame, for each in order | u32 0 | chain of the last frame (32)

with big-endian numbers. Its end names the head, so that a file cut between two frames is
no shorter log. Reading is bounded: nothing longer than a frame is ever asked for.
"""

from collections.abc import Callable, Iterator
from hashlib import sha256
from json import dumps
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import attrs

from .errors import FormatError, UsageError
from .events import Envelope, Recorded, Sealed
from .frame import CHAIN_SIZE, FRAME_MAX, HEADER, first_origin, first_previous
from .instant import instant_text
from .schema import Unknown
from .verify import Verdict

MAGIC: Final = b"cckit frames 1\n"
_ANY_FORMAT: Final = b"cckit frames "
_LEAST: Final = HEADER.size + CHAIN_SIZE
_AGAIN: Final = "export the frames again"

_YEAR_1, _YEAR_10000 = -62_135_596_800_000_000, 253_402_300_800_000_000
"""RFC 3339 has years of four digits."""
_DIGITS: Final = 19
"""Of the highest position: text of this length sorts as the numbers do."""

Read = Callable[[int], bytes]
"""So many bytes of a file; fewer only at its end."""


# --- events ---------------------------------------------------------------------------------


def json_line(recorded: Recorded[Any]) -> str:
    """One event with its whole envelope, as one line of JSON.

    Decode it by a registry without classes, ``Registry(())``, so that it is not lifted.

    .. versionadded:: 0.2
    """
    envelope, data = recorded
    return _dump({**envelope_json(envelope), "data": _fields(data)})


def envelope_json(envelope: Envelope) -> dict[str, Any]:
    """An envelope as every JSON of ours has it; bytes as hex.

    .. versionadded:: 0.2
    """
    request = envelope.request
    return {
        "position": envelope.position,
        "recorded_at": envelope.recorded_at,
        "occurred_at": envelope.occurred_at,
        "stream": envelope.stream,
        "stream_version": envelope.stream_version,
        "type": envelope.type,
        "version": envelope.schema_version,
        "actor": {"kind": envelope.actor.kind, "id": envelope.actor.id},
        "cause": envelope.cause,
        "correlation": envelope.correlation,
        "request": None if request is None else request.hex(),
    }


def cloud_event(recorded: Recorded[Any], origin: str) -> str:
    """One event as a CloudEvent in structured JSON, on one line (CloudEvents 1.0.2).

    ``id`` is the position, ``source`` the log's origin as a URI reference, ``subject`` the
    stream, ``time`` our clock. The position is the ``sequence`` (its extension wants text
    that sorts) and other parts of the envelope are extensions, too; what is null is left
    out, as is an instant that RFC 3339 can't write.

    .. versionadded:: 0.2
    """
    envelope, data = recorded
    attributes = {
        "specversion": "1.0",
        "id": str(envelope.position),
        "source": quote(origin, safe="/"),
        "type": envelope.type,
        "time": _time(envelope.recorded_at),
        "subject": envelope.stream or None,
        "datacontenttype": "application/json",
        "sequence": f"{envelope.position:0{_DIGITS}}",
        "streamversion": str(envelope.stream_version),
        "schemaversion": str(envelope.schema_version),
        "actorkind": envelope.actor.kind or None,
        "actorid": envelope.actor.id or None,
        "occurredtime": None if envelope.occurred_at is None else _time(envelope.occurred_at),
        "cause": None if envelope.cause is None else str(envelope.cause),
        "correlation": envelope.correlation or None,
        "request": None if envelope.request is None else envelope.request.hex(),
    }
    known = {name: value for name, value in attributes.items() if value is not None}
    return _dump({**known, "data": _fields(data)})


def _time(at: int) -> str | None:
    return instant_text(at) if _YEAR_1 <= at < _YEAR_10000 else None


def _fields(data: Any) -> dict[str, Any]:
    """The fields of an event by their stored names, in stored order."""
    if isinstance(data, Unknown):
        return {name: _value(value) for name, value in data.fields.items()}
    names = [field.name for field in attrs.fields(type(data))]
    return {name.rstrip("_"): _value(getattr(data, name)) for name in names}


def _value(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Sealed):
        names = [field.name for field in attrs.fields(Sealed)]
        return {"sealed": {name: _value(getattr(value, name)) for name in names}}
    if isinstance(value, tuple):
        return [_value(one) for one in value]
    if isinstance(value, dict):
        return {key: _value(one) for key, one in value.items()}
    return value


def _dump(value: Any) -> str:
    return dumps(value, ensure_ascii=False, separators=(",", ":"))


# --- frames ---------------------------------------------------------------------------------


class LogName(NamedTuple):
    """What tells a log from every other one.

    .. versionadded:: 0.2
    """

    origin: str
    log_id: bytes
    """16 bytes."""
    continues: bytes | None = None
    """What it goes on from, see ``frame.continued``; None if it never changed its name."""

    @property
    def first_origin(self) -> str:
        """The name that its first frame is chained to.

        :raises FormatError: ``continues`` is of another form.
        """
        return first_origin(self.origin, self.continues)


def pack_start(name: LogName) -> bytes:
    """The first bytes of a file of frames.

    :raises UsageError: a name that no log has.
    """
    first_previous(name.origin, name.log_id)
    texts = [name.origin.encode(), name.continues or b""]
    if max(map(len, texts)) > 0xFFFF:
        raise UsageError("log", "its name is too long to be written", "give a shorter origin")
    origin, continues = (len(text).to_bytes(2) + text for text in texts)
    return b"".join((MAGIC, origin, name.log_id, continues))


def pack_frame(stored: bytes) -> bytes:
    """One stored frame as it stands in a file of frames."""
    return len(stored).to_bytes(4) + stored


def pack_end(head: bytes) -> bytes:
    """The last bytes of a file of frames, which name the head: 32 bytes of chain."""
    return bytes(4) + head


class FramesFile:
    """Reads a file of frames from its first byte to its last.

    The bytes are whole if ``frames`` ends without an error; whether the frames are those
    of one log, ``verify`` says.

    .. versionadded:: 0.2
    """

    def __init__(self, read: Read, where: str) -> None:
        """Read the start.

        :raises FormatError: no file of frames, a newer one, or one that is cut off.
        """
        self._read = read
        self._where = where
        self._at = 0
        self.name = self._start()

    def _start(self) -> LogName:
        magic = self._read(len(MAGIC))
        if magic != MAGIC:
            if not magic or MAGIC.startswith(magic):
                raise self._refusal("is empty or cut off before its first frame", _AGAIN)
            if magic.startswith(_ANY_FORMAT):
                raise self._refusal("is a file of frames in another format", "use a newer cckit")
            remedy = "name a file that `cckit export --format frames` wrote"
            raise self._refusal("is no file of frames", remedy)
        self._at = len(magic)
        origin = self._take(int.from_bytes(self._take(2)))
        log_id = self._take(16)
        continues = self._take(int.from_bytes(self._take(2)))
        try:
            name = LogName(origin.decode(), log_id, continues or None)
            for called in (name.origin, name.first_origin):
                first_previous(called, log_id)
        except (UnicodeDecodeError, UsageError, FormatError) as error:
            raise self._refusal("names its log in a way that no log has", _AGAIN) from error
        return name

    def frames(self) -> Iterator[bytes]:
        """The stored frames in order, once.

        :raises FormatError: cut off, a length that no frame has, another head at the end,
            or bytes after it.
        """
        chain = first_previous(self.name.first_origin, self.name.log_id)
        while size := int.from_bytes(self._take(4)):
            if not _LEAST < size <= FRAME_MAX:
                what = f"has a length of {size} at byte {self._at - 4}, which no frame has"
                raise self._refusal(what, _AGAIN)
            stored = self._take(size)
            chain = stored[-CHAIN_SIZE:]
            yield stored
        if self._take(CHAIN_SIZE) != chain:
            raise self._refusal("ends with another head than that of its last frame", _AGAIN)
        if self._read(1):
            raise self._refusal(f"has more after its end at byte {self._at}", _AGAIN)

    def _take(self, size: int) -> bytes:
        taken = self._read(size) if size else b""
        self._at += len(taken)
        if len(taken) != size:
            raise self._refusal(f"is cut off after {self._at} bytes", "bring the whole file")
        return taken

    def _refusal(self, what: str, remedy: str) -> FormatError:
        return FormatError(self._where, what, remedy)


def why_not(stored: bytes, found: Verdict) -> str:
    """What is wrong with the frame that ended a ``verify``, seen from those before it."""
    assert found.error is not None
    previous, _, _, _, first, *_ = HEADER.unpack_from(stored.ljust(HEADER.size, b"\0"))
    chain = stored[-CHAIN_SIZE:]
    if chain == found.head:
        return f"has the frame before position {found.events} twice"
    if previous == found.head or sha256(stored[:-CHAIN_SIZE]).digest() != chain:
        return f"is not whole at position {found.error.position}: {found.error.reason}"
    if first > found.events:
        return f"has position {first} where {found.events} follows: frames lack or changed places"
    if first < found.events:
        return f"goes back from position {found.events} to {first}"
    if not found.frames:
        return "has frames of another log than it names"
    return f"has a frame at position {first} that was not written after those before it"
