"""Reading a log from disk, and its events as text and JSON."""

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Final

import attrs

from cckit.core.codec import Codec
from cckit.core.errors import ConfigError
from cckit.core.events import Recorded, Sealed
from cckit.core.facts import FACTS
from cckit.core.instant import SECOND, Instant
from cckit.core.redaction import readable
from cckit.core.registry import Registry
from cckit.core.schema import Unknown
from cckit.core.transfer import envelope_json
from cckit.core.upcasters import UPCASTERS
from cckit.hooks.store import Store
from cckit.stores.sqlite import SqliteStore

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def open_log(path: Path) -> SqliteStore:
    """A log on disk, for reading only.

    :raises StoreError: there is none, it is not ours, or it was not closed.
    """
    return SqliteStore.open(path, read_only=True)


def new_codec() -> Codec:
    """Reads what the core writes; events of plugins are read by their declarations."""
    return Codec(Registry(FACTS, UPCASTERS))


def events(
    store: Store, codec: Codec, from_position: int = 0, types: tuple[type, ...] | None = None
) -> Iterator[Recorded[Any]]:
    """The events of a log from a position on; declarations are read first, once a codec.

    :raises StoreError: bytes that can't be read.
    """
    if from_position > 0 and not codec.registry.declared_names():
        admit(store, codec)
    for frame in store.read(from_position):
        for recorded in readable(codec, frame, types):
            if recorded[0].position >= from_position:
                yield recorded


def admit(store: Store, codec: Codec) -> None:
    """Learn every type that a log declares, without decoding its other events."""
    for frame in store.read():
        deque(readable(codec, frame, ()), maxlen=0)


def as_json(recorded: Recorded[Any]) -> dict[str, Any]:
    """An event with its whole envelope; bytes as hex."""
    envelope, data = recorded
    return {**envelope_json(envelope), "data": fields(data)}


def fields(data: Any) -> dict[str, Any]:
    """The fields of an event by their stored names, in stored order."""
    if isinstance(data, Unknown):
        return {name: _value(value) for name, value in data.fields.items()}
    found = {}
    for field in attrs.fields(type(data)):
        found[field.name.rstrip("_")] = _value(getattr(data, field.name))
    return found


def _value(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Sealed):
        return {"sealed": value.subject.hex()}
    if isinstance(value, tuple):
        return [_value(one) for one in value]
    if isinstance(value, dict):
        return {key: _value(one) for key, one in value.items()}
    return value


def instant_of(text: str, option: str, zone: tzinfo = UTC) -> Instant:
    """An instant from RFC 3339 text; without an offset it is civil time of a zone.

    A date is its midnight; a time that clocks show twice is the first.

    :raises ConfigError: text that is no time; ``option`` is who asked.
    """
    try:
        at = datetime.fromisoformat(text)
        at = at.replace(tzinfo=zone) if at.tzinfo is None else at
        since: timedelta = at - EPOCH
    except (ValueError, OverflowError):
        remedy = "write 2026-01-31T09:00:00Z or 2026-01-31"
        raise ConfigError(option, f"{text!r} is no time", remedy) from None
    return Instant((since.days * 86_400 + since.seconds) * SECOND + since.microseconds)
