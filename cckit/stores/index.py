"""Which streams, types, instants and requests a run of frames holds.

Bodies are unpacked down to the array of an event: a decision is
``[recorded_at, occurred_at, actor_kind, actor, cause, correlation, request, [event, …]]``
and an event ``[stream, stream_version, type, schema_version, data]``; data stays bytes.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

import msgpack

from cckit.core.errors import FormatError
from cckit.core.frame import EVENTS_MAX, Frame
from cckit.core.reading import refuse_redacted

KEY_SIZE: Final = 16
"""Bytes of a request's digest that stand for its key; the other 8 for its command."""


class Chunk:
    """What some frames hold, by offset from the position of the first."""

    def __init__(self, first: int) -> None:
        self._first = first
        self.instants: list[int] = []
        """``recorded_at`` of each event."""
        self.streams: dict[str, list[int]] = defaultdict(list)
        """Stream to offsets."""
        self.versions: dict[str, int] = {}
        """Stream to its last version."""
        self.types: dict[str, list[int]] = defaultdict(list)
        """Stored name to offsets."""
        self.requests: list[tuple[bytes, bytes, int, int]] = []
        """Key, rest of the digest, first position and number of events."""

    def add(self, frame: Frame) -> None:
        """Sort in one frame.

        :raises FormatError: its body is no list of decisions, or not of ``count`` events.
        """
        streams, versions, types = self.streams, self.versions, self.types
        offset = start = frame.first - self._first
        try:
            for at, _, _, _, _, _, request, events in msgpack.unpackb(frame.body):
                if request is not None:
                    place = (self._first + offset, len(events))
                    self.requests.append((request[:KEY_SIZE], request[KEY_SIZE:], *place))
                for stream, version, type_, _, _ in events:
                    streams[stream].append(offset)
                    versions[stream] = version
                    types[type_].append(offset)
                    offset += 1
                self.instants.extend([at] * len(events))
        except (ValueError, TypeError) as error:
            refuse_redacted(frame.body, frame.first, error)
            what = f"its body is no list of decisions ({error})"
            raise FormatError(f"frame at {frame.first}", what, "see `cckit verify`") from error
        if offset - start != frame.count:
            what = f"holds {offset - start} events and says {frame.count}"
            raise FormatError(f"frame at {frame.first}", what, "see `cckit verify --events`")


def chunks(frames: Iterable[Frame]) -> Iterator[list[Frame]]:
    """Gather frames up to 16,384 events."""
    gathered: list[Frame] = []
    events = 0
    for frame in frames:
        if gathered and events + frame.count > EVENTS_MAX:
            yield gathered
            gathered, events = [], 0
        gathered.append(frame)
        events += frame.count
    if gathered:
        yield gathered
