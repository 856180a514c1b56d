"""Where in a log some streams, types and positions stand, without reading all of it twice.

The index of the views knows. Where there is none the log is read once, and what does not
hold one of the names is passed over unopened.
"""

from collections.abc import Iterator
from heapq import merge
from typing import Final

from cckit.core.bundle import Wanted
from cckit.core.frame import REDACTED, Frame
from cckit.hooks.store import Store
from cckit.stores.views import Views

MANY: Final = 64
"""Names; more of them stand in most frames, so that all are read."""


def frames_of(store: Store, views: Views | None, wanted: Wanted) -> Iterator[Frame]:
    """The frames that hold what is wanted, in order, and maybe others.

    ``views`` must be of this log; they have to know as much of it as is asked about.

    :raises StoreError: the log or the views can't be read.
    """
    names = [*wanted.streams, *wanted.types]
    if len(names) > MANY:
        return store.read()
    if views is None:
        return _scanned(store, [name.encode() for name in names], wanted.positions)
    return _indexed(store, views, wanted)


def _scanned(store: Store, names: list[bytes], positions: range) -> Iterator[Frame]:
    for frame in store.read():
        inside = frame.first < positions.stop and positions.start < frame.end
        # What was taken out of a frame has no name any more: its reader has to know.
        if inside or frame.flags & REDACTED or any(name in frame.body for name in names):
            yield frame


def _indexed(store: Store, views: Views, wanted: Wanted) -> Iterator[Frame]:
    places: set[int] = set()
    for stream in wanted.streams:
        places.update(views.positions(stream=stream))
    for type_ in wanted.types:
        places.update(views.positions(type=type_))
    end = 0
    for position in merge(sorted(places), wanted.positions):
        if position >= end:
            frame = next(store.read(position, 1))
            end = frame.end
            yield frame
