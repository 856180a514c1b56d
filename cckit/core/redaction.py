"""Frames out of which events were taken: in each one's place stands the hash of its leaf.

The frame keeps its header, but for flag 1, and its stored chain, which then nobody can
compute again: what is left of it is proved by its leaves alone, against the root of a
checkpoint. All other frames stay as they are. Destroying keys (``hooks/vault.py``) makes
values unreadable; this takes their ciphertext away, too.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import attrs
import msgpack

from .codec import Codec
from .errors import FormatError
from .events import Envelope, Recorded, Sealed
from .frame import REDACTED, Frame
from .merkle import HASH_SIZE, leaf_hash
from .schema import unpack

Gone = Callable[[int, Sealed], bool]
"""(position, sealed value) to whether its key was destroyed."""

UNREADABLE: Final = (ValueError, TypeError, msgpack.exceptions.UnpackException)
_pack: Final[Callable[[Any], bytes]] = msgpack.packb


class Place(NamedTuple):
    """One event of a body, or what stands for it."""

    position: int
    stamp: tuple[Any, ...]
    """The decision's first seven fields."""
    event: tuple[Any, ...] | bytes
    """As stored; of an event that was taken out, the hash of its leaf."""


def places(frame: Frame) -> list[Place]:
    """The events of a frame, redacted or not, in order.

    :raises FormatError: bytes that no codec wrote.
    """
    found: list[Place] = []
    try:
        for *stamp, events in unpack(frame.body):
            for event in events:
                found.append(Place(frame.first + len(found), tuple(stamp), event))
    except UNREADABLE as error:
        what = f"unreadable body: {error}"
        raise FormatError(f"frame at {frame.first}", what, "verify the log") from error
    return found


def hollow_fault(body: bytes, count: int) -> str | None:
    """What is wrong with the form of a redacted body; None if nothing is."""
    try:
        decisions = unpack(body)
        if _pack(decisions) != body:
            return "the body is not canonical"
        events = [event for decision in decisions for event in decision[7]]
    except (*UNREADABLE, IndexError):
        return "the body is no msgpack"
    if len(events) != count:
        return f"the header counts {count} events, the body {len(events)}"
    hashes = [event for event in events if type(event) is bytes]
    if not hashes:
        return "a frame that says it is redacted, and nothing is missing"
    if any(len(hash_) != HASH_SIZE for hash_ in hashes):
        return "what stands for an event is no hash"
    if any(type(event) is not bytes and type(event) is not tuple for event in events):
        return "an event of other types"
    return None


def redact(frame: Frame, codec: Codec, gone: Gone) -> tuple[Frame, int]:
    """A frame without the events that hold a value that is gone, and how many those were.

    A frame that holds none is given back as it is.

    :raises FormatError: bytes that no codec wrote.
    """
    found = places(frame)
    out = [place.position for place in found if _is_gone(place, gone)]
    if not out:
        return frame, 0
    body, taken, at = [], set(out), frame.first
    for *stamp, events in unpack(frame.body):
        kept = []
        for event in events:
            kept.append(_leaf_hash(codec, found[at - frame.first]) if at in taken else event)
            at += 1
        body.append((*stamp, kept))
    return attrs.evolve(frame, flags=REDACTED, body=_pack(body)), len(out)


def leaf_hashes(codec: Codec, frame: Frame) -> list[bytes]:
    """The hashes of the leaves of a frame, also of what was taken out of it.

    :raises FormatError: bytes that no codec wrote.
    """
    if not frame.flags & REDACTED:
        return [leaf_hash(leaf) for leaf in codec.leaves(frame.body, frame.first)]
    return [_leaf_hash(codec, place) for place in places(frame)]


def entries(codec: Codec, frame: Frame) -> list[bytes]:
    """The expanded events of a frame; of one that was taken out of it nothing is left.

    :raises FormatError: bytes that no codec wrote.
    """
    if not frame.flags & REDACTED:
        return codec.leaves(frame.body, frame.first)
    return [
        b"" if type(place.event) is bytes else codec.leaves(_alone(place), place.position)[0]
        for place in places(frame)
    ]


def readable(
    codec: Codec, frame: Frame, types: tuple[type, ...] | None = None
) -> Iterator[Recorded[Any]]:
    """The events that are left of a frame, redacted or not; see ``Codec.events``.

    :raises FormatError, StoreError: see there.
    """
    if not frame.flags & REDACTED:
        yield from codec.events(frame.body, frame.first, types)
        return
    for place in places(frame):
        if type(place.event) is not bytes:
            yield from codec.events(_alone(place), place.position, types)


def erased_at(events: Iterator[tuple[Envelope, Any]]) -> Mapping[bytes, int]:
    """Whose keys were destroyed and where that stands, from ``subject.erased`` events."""
    return {bytes.fromhex(e.stream.partition("/")[2]): e.position for e, _ in events}


def gone_by(erased: Mapping[bytes, int]) -> Gone:
    """What an erasure took: whatever was sealed for that person before it."""

    def gone(position: int, sealed: Sealed) -> bool:
        return position < erased.get(sealed.subject, -1)

    return gone


def _is_gone(place: Place, gone: Gone) -> bool:
    if isinstance(place.event, bytes):
        return False
    return any(gone(place.position, value) for value in _sealed(unpack(place.event[4])))


def _sealed(value: Any) -> Iterator[Sealed]:
    if type(value) is Sealed:
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _sealed(one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from _sealed(one)


def _leaf_hash(codec: Codec, place: Place) -> bytes:
    if isinstance(place.event, bytes):
        return place.event
    return leaf_hash(codec.leaves(_alone(place), place.position)[0])


def _alone(place: Place) -> bytes:
    """A body of one event."""
    return _pack([(*place.stamp, [place.event])])
