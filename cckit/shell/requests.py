"""Requests that were carried out, so that a repeat gets the first reply.

A request is 16 bytes of SHA-256(actor, id) and 8 of SHA-256(what was sent). The last ten
minutes are in memory, first in first out; older ones are found in the views. A refused
command is not here: its repeat is decided anew.
"""

from collections import deque
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from operator import attrgetter
from typing import Any, Final

import attrs
import msgpack

from cckit.core.events import Actor, Draft, Recorded
from cckit.core.instant import MINUTE, Instant

KEPT_US: Final = 10 * MINUTE
KEY_SIZE: Final = 16
BODY_SIZE: Final = 8


Known = tuple[bytes, int]
"""A request that led to events, 24 bytes, and the position of the first of them."""


@cache
def _reader(cls: Any) -> Callable[[Any], tuple[Any, ...]]:
    """How to read what a command or an event says, in an order that depends on nothing."""
    names = [field.name for field in attrs.fields(cls)]
    kind = getattr(cls, "__event__", None)
    name = cls.__name__ if kind is None else kind.name
    maps = any(str(field.type).startswith("dict[") for field in attrs.fields(cls))
    if maps or len(names) < 2:
        return lambda thing: (name, *[_sorted(getattr(thing, field)) for field in names])
    read = attrgetter(*names)
    return lambda thing: (name, read(thing))


def _class(thing: Any) -> Any:
    return type(thing)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: value[key] for key in sorted(value)}
    return value


def _other(value: object) -> object:
    """A sealed value, or one that no event can hold: then encoding refuses it anyway."""
    return repr(value)


class Requests:
    """Key to request and first position."""

    def __init__(self) -> None:
        self.known: dict[bytes, bytes] = {}
        """Key to the rest of the request and 8 bytes of position: there can be 100,000."""
        self.others = False
        """There are requests in the log that are not in memory any more."""
        self.indexed = 0
        """The views know all requests before this position, so they may be forgotten."""
        self._pack: Callable[[Any], bytes] = msgpack.Packer(default=_other).pack
        self._fifo: deque[tuple[int, int, list[bytes]]] = deque()

    def key(self, actor: Actor, request: str) -> bytes:
        """16 bytes that stand for who asked under which id."""
        return sha256(self._pack((*actor, request))).digest()[:KEY_SIZE]

    def command_digest(self, command: object) -> bytes:
        """8 bytes that stand for a command as it was sent."""
        return sha256(self._pack(_reader(_class(command))(command))).digest()[:BODY_SIZE]

    def drafts_digest(self, drafts: Sequence[Draft], encoded: Sequence[bytes] = ()) -> bytes:
        """8 bytes that stand for ready events as they were sent.

        ``encoded``: the data of all of them, or nothing where one may be personal; which
        of the two depends on their types alone.
        """
        if encoded:
            named = [name for stream, data in drafts for name in (stream, data.__event__[0])]
            return sha256(self._pack(named) + b"".join(encoded)).digest()[:BODY_SIZE]
        parts = [(stream, _reader(_class(data))(data)) for stream, data in drafts]
        return sha256(self._pack(parts)).digest()[:BODY_SIZE]

    def request(self, actor: Actor, id: str, command: object) -> bytes:
        """24 bytes that stand for a request: its key, then its body."""
        return self.key(actor, id) + self.command_digest(command)

    def find(self, request: bytes) -> Known | None:
        """What is in memory of a request, by the key that it begins with."""
        key = request[:KEY_SIZE]
        rest = self.known.get(key)
        if rest is None:
            return None
        return key + rest[:BODY_SIZE], int.from_bytes(rest[BODY_SIZE:])

    def add(self, request: bytes, position: int) -> bytes:
        """Note a request that led to events; answers with its key."""
        key = request[:KEY_SIZE]
        self.known[key] = request[KEY_SIZE:] + position.to_bytes(8)
        return key

    def keep(self, recorded_at: Instant, end: int, keys: list[bytes]) -> None:
        """The keys of a frame that ends before ``end``; forgets what is too old."""
        if keys:
            self._fifo.append((recorded_at, end, keys))
        fifo = self._fifo
        while fifo and fifo[0][0] < recorded_at - KEPT_US and fifo[0][1] <= self.indexed:
            self.others = True
            for key in fifo.popleft()[2]:
                self.known.pop(key, None)

    def overdue(self, now: Instant) -> bool:
        """Whether something waits only for the views before it may be forgotten."""
        return bool(self._fifo) and self._fifo[0][0] < now - KEPT_US

    def learn(self, batch: list[Recorded[Any]]) -> None:
        """Take the requests of events read from the log."""
        last = None
        for envelope, _ in batch:
            stamp = envelope.stamp
            if stamp is not last and stamp.request is not None:
                last = stamp
                position = envelope.position
                keys = [self.add(stamp.request, position)]
                self.keep(Instant(stamp.recorded_at), position + 1, keys)
