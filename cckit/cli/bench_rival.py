"""The rival: the library ``eventsourcing`` on its own SQLite, used as it is meant to be.

Its events have the fields of ours, its application saves ready events, its notification
log is read to domain events. Imported only where it is measured.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import attrs
from eventsourcing.application import Application
from eventsourcing.domain import DomainEvent
from eventsourcing.utils import register_topic

SECTION: Final = 1000
"""Events read at once."""


class Rival:
    """An application of ``eventsourcing`` over one file."""

    def __init__(self, path: Path) -> None:
        settings = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(path)}
        self._app: Any = Application(env=settings)
        self._classes: dict[type, Any] = {}
        self._versions: dict[str, int] = {}

    def save(self, contents: Sequence[tuple[str, Any]]) -> None:
        """Store ready events, all or nothing, durably."""
        self._app.save(*self.prepared(contents))

    def prepared(self, contents: Sequence[tuple[str, Any]]) -> list[Any]:
        """Its own events with the same fields, each the next one of its stream."""
        made = []
        for stream, data in contents:
            version = self._versions.get(stream, 0) + 1
            self._versions[stream] = version
            cls = self._class_of(type(data))
            fields = {a.name: _plain(getattr(data, a.name)) for a in attrs.fields(type(data))}
            made.append(
                cls(
                    originator_id=UUID(bytes=stream.encode()[-16:].rjust(16, b"\0")),
                    originator_version=version,
                    timestamp=DomainEvent.create_timestamp(),
                    **fields,
                )
            )
        return made

    def save_prepared(self, events: Sequence[Any]) -> None:
        """Store events of its own."""
        self._app.save(*events)

    def replay(self, seen: Callable[[Any], None]) -> int:
        """Give every event of the log as a domain event; answers with their number."""
        app = self._app
        count = 0
        while True:
            section = app.recorder.select_notifications(count + 1, SECTION)
            for notification in section:
                seen(app.mapper.to_domain_event(notification))
            count += len(section)
            if len(section) < SECTION:
                return count

    def close(self) -> None:
        self._app.close()

    def _class_of(self, cls: type) -> Any:
        known = self._classes.get(cls)
        if known is None:
            annotations = {a.name: Any for a in attrs.fields(cls)}
            body = {"__annotations__": annotations, "__module__": f"bench{id(self)}"}
            meta: Any = type(DomainEvent)
            known = self._classes[cls] = meta(cls.__name__, (DomainEvent,), body)
            register_topic(f"bench{id(self)}:{cls.__name__}", known)
        return known


def _plain(value: Any) -> Any:
    """What its JSON holds without a transcoding of its own."""
    if isinstance(value, bytes):
        return value.hex()
    return list(value) if isinstance(value, tuple) else value
