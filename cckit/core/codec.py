"""Decisions to the body of a frame and back, in one encoding and no other.

The body is the msgpack array of decisions ::

    [recorded_at, occurred_at?, actor_kind, actor, cause?, correlation?, request?, [event, …]]
    event = [stream, stream_version, type, schema_version, data]

with ``data`` a ``bin`` that holds the positional array of the event's fields, so that a
reader skips what it does not want. Integers are as short as msgpack has them, maps are
sorted by key; there are no floats and no extension but that of sealed values. Who reads
a log whose chain holds may trust its bytes; ``check`` trusts nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from itertools import groupby
from typing import Any, Final

import msgpack

from .errors import FormatError, UsageError
from .events import PERSONAL, Actor, Decision, Envelope, Recorded
from .projection import Canonical
from .reading import UNREADABLE, Reading
from .registry import Registry
from .schema import Encode, unpack
from .shapes import is_int64, is_utf8

EXPANDED_MAX: Final = 65_535
"""Bytes of an expanded event."""
NAME_MAX: Final = 1024
"""Characters of a stream, an actor's id or a correlation."""
REQUEST_SIZE: Final = 24
IN_RANGE: Final = 1 << 62
LONG: Final = 1 << 16
"""Bytes from here on have a header of five bytes in msgpack."""
ACTORS_MAX: Final = 10_000

SURELY_SMALL: Final = EXPANDED_MAX - 5 * (4 * NAME_MAX) - 256
"""Data up to here makes no expanded event too large, whatever its names."""


class Codec:
    """The log's encoding for the types of one registry.

    .. versionadded:: 0.1
    """

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._pack: Callable[[Any], bytes] = msgpack.Packer().pack
        self._encoders = {
            cls: (*schema.kind[:2], schema.encode) for cls, schema in registry.by_class.items()
        }
        self._personal = frozenset(
            cls
            for cls, schema in registry.by_class.items()
            if any(field.shape.base == PERSONAL for field in schema.fields)
        )
        self._actors: set[Actor] = set()
        self._reading = Reading(registry)

    # --- writing --------------------------------------------------------------------------

    def pack(self, decisions: Iterable[Decision]) -> bytes:
        """The body of a frame of whole decisions.

        :raises UsageError: a value that does not fit its field or is too large; it names
            event and field.
        """
        fields = self.decision_fields
        return self.pack_fields([fields(decision) for decision in decisions])

    def pack_fields(self, gathered: list[list[Any]]) -> bytes:
        """The body of a frame of decisions that ``decision_fields`` encoded."""
        return self._pack(gathered)

    def encoded(self, drafts: Sequence[tuple[Any, Any]]) -> list[bytes]:
        """Encode events that are about to be decided; none of them if one may be personal.

        What is personal is sealed by the decision, under the position that it gets.

        :raises UsageError: see ``pack``.
        """
        encoders, personal = self._encoders, self._personal
        packed = []
        for stream, data in drafts:
            check_stream(stream)
            cls = type(data)
            if cls in personal:
                return []
            _, _, encode = encoders.get(cls) or self._encoder(data)
            packed.append(encode(data))
        return packed

    def decision_fields(self, decision: Decision, encoded: Sequence[bytes] = ()) -> list[Any]:
        """Encode one decision, to be gathered into a frame.

        ``encoded``: the data of its first events, where that is known already.

        :raises UsageError: see ``pack``.
        """
        stamp, recorded = decision
        encoders, isascii = self._encoders, str.isascii
        events: list[Any] = []
        known = len(encoded)
        try:
            for (_, _, stream, stream_version, _), data in recorded:
                name, version, encode = encoders.get(type(data)) or self._encoder(data)
                if known and len(events) < known:
                    packed = encoded[len(events)]
                else:
                    packed = encode(data)
                if not isascii(stream) or len(packed) + len(stream) > NAME_MAX:
                    self._refuse_large(recorded[len(events)][0], packed)
                events.append((stream, stream_version, name, version, packed))
        except (TypeError, AttributeError, ValueError) as error:
            remedy = "pass Recorded pairs, their streams as text"
            raise UsageError(
                "decision", f"what is recorded is no event: {error}", remedy
            ) from error
        at, actor, occurred_at, cause, correlation, request = stamp
        fields = [at, occurred_at, *actor, cause, correlation, request, events]
        if (
            actor not in self._actors
            or type(at) is not int
            or not -IN_RANGE < at < IN_RANGE
            or occurred_at is not None
            or cause is not None
            or correlation is not None
            or not (request is None or (type(request) is bytes and len(request) == REQUEST_SIZE))
        ):
            self._admit(fields, actor)
        return fields

    def _admit(self, fields: list[Any], actor: Actor) -> None:
        """Test a stamp, and remember its actor as one that passed."""
        fault = stamp_fault(fields)
        if fault is not None:
            raise UsageError("decision", fault, "see the fields of Stamp")
        if len(self._actors) >= ACTORS_MAX:
            self._actors.clear()
        self._actors.add(actor)

    def encode(self, data: Any) -> bytes:
        """The canonical data of one event.

        :raises UsageError: a value that does not fit its field or is too large.
        """
        return self.registry.of(data).encode(data)

    def expand(self, recorded: Recorded[Any]) -> bytes:
        """The expanded event: what leaves, proofs and exports speak of.

        :raises UsageError: an event lifted from an old version; ``leaves`` has its bytes.
        """
        envelope, data = recorded
        schema = self.registry.of(data)
        if schema.kind[:2] != envelope.kind[:2]:
            what = f"{envelope.type} version {envelope.schema_version} was lifted"
            raise UsageError(f"position {envelope.position}", what, "take it from leaves()")
        return self._expand(envelope, schema.encode(data))

    def _expand(self, envelope: Envelope, data: bytes) -> bytes:
        stamp = envelope.stamp
        return self._pack(
            [
                envelope.position,
                stamp.recorded_at,
                stamp.occurred_at,
                envelope.stream,
                envelope.stream_version,
                envelope.kind.name,
                envelope.kind.version,
                *stamp.actor,
                stamp.cause,
                stamp.correlation,
                stamp.request,
                data,
            ]
        )

    def _encoder(self, data: Any) -> tuple[str, int, Encode]:
        schema = self.registry.of(data)
        return schema.kind.name, schema.kind.version, schema.encode

    def _refuse_large(self, envelope: Envelope, packed: bytes) -> None:
        where = f"{envelope.type} at position {envelope.position}"
        if not is_name(envelope.stream):
            raise UsageError(where, "its stream is no name", f"use at most {NAME_MAX} characters")
        if len(packed) > SURELY_SMALL:
            size = len(self._expand(envelope, packed))
            if size > EXPANDED_MAX:
                raise UsageError(where, f"{size} bytes", "store it outside and its hash here")

    # --- reading, trusting the chain ------------------------------------------------------

    def events(
        self, body: bytes, first: int, types: tuple[type, ...] | None = None
    ) -> list[Recorded[Any]]:
        """The events of a body in order; those of other types are skipped undecoded.

        ``first`` is the position of the body's first event. Declarations in it are
        admitted to the registry.

        :raises FormatError: bytes that no codec wrote, or a version of a wanted type
            that is newer than its class.
        :raises StoreError: a declaration or an old version that the registry refuses.
        """
        return self._reading.events(body, first, types)

    def unpack(
        self, body: bytes, first: int, types: tuple[type, ...] | None = None
    ) -> list[Decision]:
        """The decisions of a body that hold wanted events, each with those alone.

        :raises FormatError, StoreError: see ``events``.
        """
        together = groupby(self.events(body, first, types), key=lambda r: id(r[0].stamp))
        return [_decision(tuple(group)) for _, group in together]

    def decode(self, name: str, version: int, data: bytes) -> Any:
        """One event from its canonical data, lifted where its version is old.

        :raises FormatError: data that no codec wrote, or a type that nobody declared.
        """
        try:
            return self.registry.reader(name, version).build(unpack(data))
        except UNREADABLE as error:
            what = f"unreadable data: {error}"
            raise FormatError(f"{name} version {version}", what, "verify the log") from error

    def leaves(self, body: bytes, first: int) -> list[bytes]:
        """The expanded events of a body, without decoding their data.

        :raises FormatError: bytes that no codec wrote.
        """
        pack, position, found = self._pack, first, []
        try:
            for at, occurred, kind, actor, cause, correlation, request, events in unpack(body):
                who = (kind, actor, cause, correlation, request)
                for stream, stream_version, type_, version, data in events:
                    about = (stream, stream_version, type_, version)
                    found.append(pack((position, at, occurred, *about, *who, data)))
                    position += 1
            return found
        except UNREADABLE as error:
            what = f"unreadable body: {error}"
            raise FormatError(f"frame at {first}", what, "verify the log") from error


def _decision(recorded: tuple[Recorded[Any], ...]) -> Decision:
    return Decision(recorded[0][0].stamp, recorded)


def is_name(value: Any) -> bool:
    """Whether this is text for a stream, an actor or a correlation."""
    return type(value) is str and len(value) <= NAME_MAX and (value.isascii() or is_utf8(value))


def check_stream(stream: Any) -> None:
    """:raises UsageError: no name that a stream can have."""
    if not is_name(stream):
        remedy = f"use text of at most {NAME_MAX} characters"
        raise UsageError("draft", "its stream is no name", remedy)


def stamp_fault(fields: Sequence[Any]) -> str | None:
    """What is wrong with the first seven fields of a stored decision; None if nothing is."""
    at, occurred_at, actor_kind, actor, cause, correlation, request, *_ = fields
    if not is_int64(at):
        return "recorded_at is no instant"
    if occurred_at is not None and not is_int64(occurred_at):
        return "occurred_at is no instant"
    if not (is_name(actor_kind) and is_name(actor)):
        return "the actor is no pair of names"
    if cause is not None and not (is_int64(cause) and cause >= 0):
        return "the cause is no position"
    if correlation is not None and not is_name(correlation):
        return "the correlation is no name"
    if request is not None and not (type(request) is bytes and len(request) == REQUEST_SIZE):
        return f"the request has not {REQUEST_SIZE} bytes"
    return None


# --- values of no event ---------------------------------------------------------------------


def canonical(value: Canonical) -> bytes:
    """The one encoding of a value: maps sorted by key, tuples as arrays.

    :raises UsageError: a float, a set, another class, an integer beyond 64 bits, a map
        with keys that are not text.
    """
    try:
        packed: bytes = msgpack.packb(_ordered(value))
    except ValueError as error:
        raise UsageError("value", str(error), "use text that UTF-8 can hold") from error
    return packed


def digest(value: Canonical) -> bytes:
    """SHA-256 of the canonical encoding, 32 bytes.

    Long bytes in maps are hashed where they lie, without a copy; meanwhile others may run.
    """
    hash_ = sha256()
    _feed(hash_.update, value)
    return hash_.digest()


def _feed(update: Callable[[bytes], None], value: Any) -> None:
    """Give out the canonical encoding of a value piece by piece."""
    if type(value) is bytes and len(value) >= LONG:
        update(b"\xc6" + len(value).to_bytes(4, "big"))
        update(value)
    elif isinstance(value, Mapping) and all(type(key) is str for key in value):
        update(msgpack.Packer().pack_map_header(len(value)))
        for key in sorted(value):
            update(canonical(key))
            _feed(update, value[key])
    else:
        update(canonical(value))


def _ordered(value: Any) -> Any:
    cls = type(value)
    if value is None or cls is str or cls is bytes or cls is bool:
        return value
    if is_int64(value):
        return value
    if isinstance(value, (list, tuple)):
        return [_ordered(item) for item in value]
    if isinstance(value, Mapping):
        if not all(type(key) is str for key in value):
            raise UsageError("value", "a map with keys that are not text", "make its keys text")
        return {key: _ordered(value[key]) for key in sorted(value)}
    what = "an integer beyond 64 bits" if cls is int else f"a {cls.__name__}"
    raise UsageError("value", f"{what} has no canonical encoding", "use int, str, bytes or bool")
