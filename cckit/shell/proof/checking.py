"""A log on disk, checked from its first byte to its last without writing to it."""

import os
from collections.abc import Callable, Iterator

from cckit.core.errors import FormatError, StoreError
from cckit.core.frame import HEADER
from cckit.core.strict import Fault
from cckit.core.verify import Verdict, verify
from cckit.shell.logs.redacting import rooted
from cckit.stores.sqlite import SqliteStore


def verify_log(
    path: str | os.PathLike[str],
    *,
    events: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> Verdict:
    """Check headers, chain and dense positions, and with ``events`` every event.

    ``progress`` is told the position of each frame. The leaves of a redacted log are held
    to the checkpoint beside it; where there is none, it is not ``proved``.

    :raises StoreError: there is no such log, it is not ours or newer, or was not closed.

    .. versionadded:: 0.1
    """
    store = SqliteStore.open(path, read_only=True)
    rows = _Rows(store, progress)
    try:
        found = verify(rows.frames(), store.first_origin, store.log_id, events=events)
        if found.ok and found.redacted and rows.fault is None:
            found = _by_leaves(found, store, path)
    finally:
        store.close()
    if not found.ok:
        return found
    if rows.fault is not None:
        return found._replace(ok=False, error=rows.fault)
    if store.closed_at is not None and store.closed_at != found.head:
        fault = Fault(found.events, "the log was closed at another head: its last frames are gone")
        return found._replace(ok=False, error=fault)
    return found


def _by_leaves(found: Verdict, store: SqliteStore, path: str | os.PathLike[str]) -> Verdict:
    try:
        return found._replace(rooted=rooted(store, path))
    except FormatError as error:
        return found._replace(ok=False, error=Fault(0, f"{error.where}: {error.what}"))


class _Rows:
    """The stored frames; what keeps them from being read ends them, as a fault."""

    def __init__(self, store: SqliteStore, progress: Callable[[int], None]) -> None:
        self.fault: Fault | None = None
        self._store = store
        self._progress = progress

    def frames(self) -> Iterator[bytes]:
        at = 0
        try:
            for position, stored in self._store.read_bytes():
                at = position
                if len(stored) > HEADER.size and HEADER.unpack_from(stored)[4] != position:
                    self.fault = Fault(position, "the row's position is not that of its frame")
                    return
                self._progress(position)
                yield stored
        except StoreError as error:
            self.fault = Fault(at, f"can't be read on: {error.what}")
