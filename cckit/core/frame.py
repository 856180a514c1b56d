"""Frames: one group commit each, chained by SHA-256.

Stored bytes are header (64, big-endian), body and chain (32)::

    previous 32 | format u16 | flags u16 | count u32 | first u64 | committed_at i64 | epoch u64

``chain = SHA-256(header + body)`` and the next frame's ``previous``; its stored copy
shows a flipped bit in the newest frame too. The first ``previous`` names the log, so no
frame fits into another one. A frame holds whole decisions, never a part of one.
"""

from hashlib import sha256
from struct import Struct
from struct import error as StructError
from typing import Final

import attrs
import msgpack

from .errors import FormatError, UsageError

FORMAT: Final = 1
HEADER: Final = Struct(">32sHHIQqQ")
REDACTED: Final = 1
"""The flag of a frame in which hashes stand for some events, see ``redaction.py``."""
CHAIN_SIZE: Final = 32
FRAME_MAX: Final = 16 * 1024 * 1024
"""Bytes of a stored frame."""
EVENTS_MAX: Final = 16_384
"""Events of a frame."""
POSITION_MAX: Final = 2**63 - 1

_pack_header = HEADER.pack
_FRINGE: Final = HEADER.size + CHAIN_SIZE


@attrs.frozen(slots=True, weakref_slot=False)
class Frame:
    """One group commit of 1 to 16,384 events.

    .. versionadded:: 0.1
    """

    previous: bytes
    """Chain of the frame before, or the log's first previous hash."""
    format: int
    flags: int
    """0, or ``REDACTED``."""
    count: int
    """How many events the body holds."""
    first: int
    """Position of the first of them."""
    committed_at: int
    """Our clock, in microseconds."""
    epoch: int
    """Of the writer."""
    body: bytes
    chain: bytes
    """SHA-256 of header and body."""

    @classmethod
    def make(
        cls,
        previous: bytes,
        first: int,
        count: int,
        committed_at: int,
        epoch: int,
        body: bytes,
        flags: int = 0,
    ) -> "Frame":
        """Chain a body to the frame before it.

        :raises UsageError: more than 16 MiB or 16,384 events, or none; a number that the
            header can't hold.
        """
        size = len(body) + _FRINGE
        if not 0 < count <= EVENTS_MAX or size > FRAME_MAX or len(previous) != CHAIN_SIZE:
            remedy = "commit 1 to 16,384 events in at most 16 MiB"
            raise UsageError(f"frame at {first}", f"{count} events in {size} bytes", remedy)
        try:
            header = _pack_header(previous, FORMAT, flags, count, first, committed_at, epoch)
        except StructError as error:
            raise UsageError(f"frame at {first}", str(error), "stay within 64 bits") from error
        chain = sha256(header + body).digest()
        return cls(previous, FORMAT, flags, count, first, committed_at, epoch, body, chain)

    @classmethod
    def parse(cls, stored: bytes) -> "Frame":
        """Read stored bytes, trusting the chain; ``is_whole`` checks it.

        :raises FormatError: too short or long, another format, unknown flags, or counts
            that no log has.
        """
        size = len(stored)
        if not _FRINGE < size <= FRAME_MAX:
            raise FormatError("frame", f"{size} bytes are no frame", "restore the log from a copy")
        previous, format_, flags, count, first, committed_at, epoch = HEADER.unpack_from(stored)
        fault = header_fault(format_, flags, count, first)
        if fault is not None:
            raise FormatError(f"frame at {first}", *fault)
        body = bytes(stored[HEADER.size : size - CHAIN_SIZE])
        chain = bytes(stored[size - CHAIN_SIZE :])
        return cls(previous, format_, flags, count, first, committed_at, epoch, body, chain)

    @property
    def end(self) -> int:
        """The position after its last event: the next frame's first."""
        return self.first + self.count

    def header(self) -> bytes:
        """The 64 bytes that are hashed before the body."""
        return _pack_header(
            self.previous,
            self.format,
            self.flags,
            self.count,
            self.first,
            self.committed_at,
            self.epoch,
        )

    def pack(self) -> bytes:
        """The bytes to store, the same in every store."""
        return b"".join((self.header(), self.body, self.chain))

    def is_whole(self) -> bool:
        """Whether the chain is that of header and body; of a redacted frame it never is."""
        return sha256(self.header() + self.body).digest() == self.chain


def header_fault(format_: int, flags: int, count: int, first: int) -> tuple[str, str] | None:
    """What is wrong with a header, and the remedy; None if nothing is."""
    if format_ != FORMAT:
        return f"format {format_}; this version reads format {FORMAT}", "read it with a newer cckit"
    if flags & ~REDACTED:
        return f"unknown flags {flags:#06x}", "read it with a newer cckit"
    if not 0 < count <= EVENTS_MAX or first + count > POSITION_MAX:
        return f"{count} events from position {first}", "restore the log from a copy"
    return None


def first_origin(origin: str, continues: bytes | None) -> str:
    """The name that a log began under: its first frame is chained to that one.

    ``continues``: canonical bytes of ``[[origin, size, chain], …]``, the logs that this one
    goes on from, the oldest first; None where it never changed its name.

    :raises FormatError: bytes that are no such list.
    """
    return continued(continues)[0][0] if continues is not None else origin


def continued(continues: bytes | None) -> list[tuple[str, int, bytes]]:
    """What a log goes on from, the oldest first: origin, size and head of each.

    :raises FormatError: bytes that are no such list.
    """
    if continues is None:
        return []
    try:
        found = [(origin, size, chain) for origin, size, chain in msgpack.unpackb(continues)]
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        what = "names what it goes on from in a way that no log does"
        raise FormatError("log", what, "restore it from a copy") from error
    kinds = [(type(origin), type(size), type(chain)) for origin, size, chain in found]
    if not found or set(kinds) != {(str, int, bytes)}:
        what = "names what it goes on from in a way that no log does"
        raise FormatError("log", what, "restore it from a copy")
    return found


def first_previous(origin: str, log_id: bytes) -> bytes:
    """What the first frame of a log is chained to.

    :raises UsageError: an origin that is empty or holds a line break, or a log id that
        has not 16 bytes.
    """
    if not origin or not origin.isprintable() or len(log_id) != 16:
        remedy = "give one line of text as origin and 16 bytes as log id"
        raise UsageError("log", f"origin {origin!r}, log id of {len(log_id)} bytes", remedy)
    return sha256(b"cckit log 1\n" + origin.encode() + b"\n" + log_id).digest()
