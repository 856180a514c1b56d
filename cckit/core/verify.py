"""Whether the bytes of a log are whole: every header, the chain, dense positions.

Pure: frames in order go in, the first fault comes out. With ``events`` every body is
held to its declared schemas and its one encoding, too (``strict``).

A redacted frame keeps a chain that nobody can compute again. It has to stand in its place
and to have the right form; what it says is proved by its leaves alone, so a verdict counts
such frames, and whoever takes it has to look at them.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final, NamedTuple

from .frame import (
    CHAIN_SIZE,
    EVENTS_MAX,
    FORMAT,
    FRAME_MAX,
    HEADER,
    REDACTED,
    first_previous,
    header_fault,
)
from .redaction import hollow_fault
from .strict import Fault, StrictReader

_LEAST: Final = HEADER.size + CHAIN_SIZE


class Verdict(NamedTuple):
    """What was found.

    .. versionadded:: 0.1
    """

    ok: bool
    events: int
    """Events of the frames before the fault, or of all."""
    frames: int
    head: bytes
    """32 bytes: the chain of the last frame that holds."""
    epoch: int
    """Of that frame; 0 in an empty log."""
    error: Fault | None
    redacted: int = 0
    """Frames out of which events were taken; their leaves alone can prove them."""
    redacted_to: int = 0
    """The position after the last of them."""
    rooted: int | None = None
    """Events whose leaves were found to have a checkpoint's root; None: nobody looked."""

    @property
    def proved(self) -> bool:
        """Whether it is whole, and nothing in it stands there unproved."""
        return self.ok and self.redacted_to <= (self.rooted or 0)


def verify(frames: Iterable[bytes], origin: str, log_id: bytes, *, events: bool = False) -> Verdict:
    """Check the stored frames of one log, from its first to its last.

    :raises UsageError: an origin or a log id that no log has.

    .. versionadded:: 0.1
    """
    head = first_previous(origin, log_id)
    strict = StrictReader() if events else None
    position = seen = last_epoch = redacted = redacted_to = 0
    read_header = HEADER.unpack_from
    for stored in frames:
        if not _LEAST < len(stored) <= FRAME_MAX:
            fault = Fault(position, f"{len(stored)} bytes are no frame")
            return Verdict(False, position, seen, head, last_epoch, fault)
        chain = stored[-CHAIN_SIZE:]
        previous, format_, flags, count, first, _, epoch = read_header(stored)
        if not (
            sha256(stored[:-CHAIN_SIZE]).digest() == chain
            and previous == head
            and first == position
            and epoch >= last_epoch
            and format_ == FORMAT
            and flags == 0
            and 0 < count <= EVENTS_MAX
        ):
            reason = _reason(stored, position, head, last_epoch)
            if reason is not None:
                fault = Fault(position, reason)
                return Verdict(False, position, seen, head, last_epoch, fault)
            redacted, redacted_to = redacted + 1, first + count
        if strict is not None:
            body = stored[HEADER.size : -CHAIN_SIZE]
            inside = strict.fault(body, first, count, flags == REDACTED)
            if inside is not None:
                return Verdict(False, position, seen, head, last_epoch, inside)
        head, last_epoch = chain, epoch
        position += count
        seen += 1
    return Verdict(True, position, seen, head, last_epoch, None, redacted, redacted_to)


def _reason(stored: bytes, position: int, head: bytes, last_epoch: int) -> str | None:
    """What is wrong with a frame, its own bytes first, then its place; None if it is redacted."""
    previous, format_, flags, count, first, _, epoch = HEADER.unpack_from(stored)
    redacted = flags == REDACTED
    if not redacted and sha256(stored[:-CHAIN_SIZE]).digest() != stored[-CHAIN_SIZE:]:
        return "the frame's bytes differ from its chain hash"
    words = header_fault(format_, flags, count, first)
    if words is not None:
        return words[0]
    if first != position:
        return f"a frame that begins at position {first} stands here"
    if previous != head:
        return "the frame is not chained to the one before it"
    if epoch < last_epoch:
        return f"the epoch goes back from {last_epoch} to {epoch}"
    return hollow_fault(stored[HEADER.size : -CHAIN_SIZE], count)
