"""Bodies back to recorded events, trusting the chain.

Two ways. All of a body: its events are unpacked in one call, their data in a second one,
and both are worked on as columns. Some types of it: names stay bytes until one is wanted,
so what is skipped costs little more than finding its end.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, repeat
from operator import call
from typing import Any, Final, NamedTuple

import msgpack

from .errors import FormatError
from .events import Actor, Envelope, Recorded, Stamp
from .registry import Reader, Registry
from .schema import Build, Unknown, unpack

DECLARED: Final = "schema.declared"
ACTORS_MAX: Final = 10_000
STORED_DECLARED: Final = DECLARED.encode()
UNREADABLE: Final = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    msgpack.exceptions.UnpackException,
)

new: Final[Callable[..., Any]] = tuple.__new__
"""Makes a named tuple in a third of the time that its own constructor takes."""


class Wanted(NamedTuple):
    """What a filter looks for."""

    names: frozenset[bytes | int]
    """As stored; ``schema.declared`` is always among them, since it is always learned."""
    declarations: bool
    """They are not only learned, but asked for."""


class Reading:
    """Reads bodies with the types of one registry."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._readers = _Readers(registry)
        self._actors = _Actors()
        self._stored_readers = _StoredReaders(registry)
        self._stored_actors = _StoredActors()
        self._wanted: dict[tuple[type, ...], Wanted] = {}

    def events(
        self, body: bytes, first: int, types: tuple[type, ...] | None
    ) -> list[Recorded[Any]]:
        """See ``Codec.events``."""
        try:
            return self._all(body, first) if types is None else self._some(body, first, types)
        except UNREADABLE as error:
            refuse_redacted(body, first, error)
            remedy = "verify the log with its events"
            raise FormatError(f"frame at {first}", f"unreadable body: {error}", remedy) from error

    def _all(self, body: bytes, first: int) -> list[Recorded[Any]]:
        # Column by column: what a loop would do an event runs inside C.
        stamps, events = self._stamps(unpack(body))
        flat = list(chain.from_iterable(events))
        if not flat:
            return []
        streams, stream_versions, names, versions, datas = zip(*flat, strict=True)
        if DECLARED in names:
            self._admit(event for event in flat if event[2] == DECLARED)
        read = map(self._readers.__getitem__, zip(names, versions, strict=True))
        kinds, builds = zip(*read, strict=True)
        each = [stamp for stamp, some in zip(stamps, events, strict=True) for _ in some]
        columns = (each, range(first, first + len(flat)), streams, stream_versions, kinds)
        return _built(zip(*columns, strict=True), builds, datas)

    def _stamps(self, decisions: Any) -> tuple[Iterable[Stamp], Sequence[tuple[Any, ...]]]:
        """The stamps of decisions, and their events as they are stored."""
        if not decisions:
            return (), ()
        at, occurred_at, kinds, actors, causes, correlations, requests, events = zip(
            *decisions, strict=True
        )
        who = map(self._actors.__getitem__, zip(kinds, actors, strict=True))
        columns = (at, who, occurred_at, causes, correlations, requests)
        return map(new, repeat(Stamp), zip(*columns, strict=True)), events

    def _some(self, body: bytes, first: int, types: tuple[type, ...]) -> list[Recorded[Any]]:
        wanted = self._wanted.get(types) or self._look_for(types)
        names = wanted.names
        hits = []
        position = first
        for decision in msgpack.unpackb(body, use_list=False, raw=True):
            for event in decision[7]:
                if event[2] in names:
                    hits.append((position, decision, event))
                position += 1
        return self._found(hits, wanted) if hits else []

    def _found(self, hits: Sequence[Any], wanted: Wanted) -> list[Recorded[Any]]:
        places, builds, datas = [], [], []
        last = stamp = None
        readers, actors = self._stored_readers, self._stored_actors
        for position, decision, (stream, stream_version, name, version, data) in hits:
            if name == STORED_DECLARED:
                self._admit([(stream, stream_version, DECLARED, version, data)])
                if not wanted.declarations:
                    continue
            kind, build = readers[name, version]
            if decision is not last:
                last = decision
                at, occurred_at, actor_kind, actor, cause, correlation, request, _ = decision
                if correlation is not None:
                    correlation = correlation.decode()
                who = actors[actor_kind, actor]
                stamp = new(Stamp, (at, who, occurred_at, cause, correlation, request))
            places.append((stamp, position, stream.decode(), stream_version, kind))
            builds.append(build)
            datas.append(data)
        return _built(places, builds, datas) if datas else []

    def _admit(self, events: Iterable[tuple[Any, ...]]) -> None:
        for _, _, name, version, data in events:
            self.registry.admit(self._readers[name, version].build(unpack(data)))

    def _look_for(self, types: tuple[type, ...]) -> Wanted:
        asked = self.registry.names(types)
        # Of an event that was taken out only a hash stands there, and the third of a hash's
        # bytes is a number: it is hit, and can't be unpacked, so no reader passes over it.
        names = frozenset((*(name.encode() for name in asked | {DECLARED}), *range(256)))
        found = self._wanted[types] = Wanted(names, DECLARED in asked)
        return found


def refuse_redacted(body: bytes, first: int, error: BaseException) -> None:
    """:raises FormatError: the body lacks events; a state folded without them would be false."""
    try:
        events = [event for decision in unpack(body) for event in decision[7]]
    except (*UNREADABLE, RecursionError):
        return
    if any(type(event) is bytes for event in events):
        what = "events were taken out of it, so nothing can be made of this log but proofs"
        remedy = "take the log that it is a redacted copy of"
        raise FormatError(f"frame at {first}", what, remedy) from error


class _Readers(dict[tuple[str, int], Reader]):
    """How to read each stored version, found once."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def __missing__(self, key: tuple[str, int]) -> Reader:
        reader = self[key] = self._registry.reader(*key)
        return reader


class _StoredReaders(dict[tuple[bytes, int], Reader]):
    """The same by names as they are stored, for types that somebody asks for by class."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def __missing__(self, key: tuple[bytes, int]) -> Reader:
        name, version = key
        reader = self._registry.reader(name.decode(), version)
        if reader.kind.cls is Unknown:
            what = f"version {version} is newer than its class"
            raise FormatError(reader.kind.name, what, "read the log with a newer cckit")
        self[key] = reader
        return reader


class _Actors(dict[tuple[str, str], Actor]):
    """The same few act again and again."""

    def __missing__(self, key: tuple[str, str]) -> Actor:
        if len(self) >= ACTORS_MAX:
            self.clear()
        actor = self[key] = Actor(*key)
        return actor


class _StoredActors(dict[tuple[bytes, bytes], Actor]):
    """The same by names as they are stored."""

    def __missing__(self, key: tuple[bytes, bytes]) -> Actor:
        if len(self) >= ACTORS_MAX:
            self.clear()
        kind, name = key
        actor = self[key] = Actor(kind.decode(), name.decode())
        return actor


def _built(
    places: Iterable[tuple[Any, ...]], builds: Sequence[Build], datas: Sequence[bytes]
) -> list[Recorded[Any]]:
    """Envelopes and events; the data of all is unpacked as one array."""
    packed = b"\xdd" + len(datas).to_bytes(4, "big") + b"".join(datas)
    envelopes = map(new, repeat(Envelope), places)
    return list(zip(envelopes, map(call, builds, unpack(packed)), strict=True))
