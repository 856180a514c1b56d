"""What a projection promises, as a function that takes one; and a tape to play to it.

``check_projection`` needs no pytest: it raises ``AssertionError`` that says which promise is
broken. Each promise is proved by a broken projection that it must catch
(``tests/testing/test_projections.py``).
"""

import copy
from collections.abc import Iterable, Sequence
from typing import Any

from cckit.core.codec import canonical
from cckit.core.events import SYSTEM, Actor, Envelope, Recorded, Stamp, kind_of
from cckit.core.ids import Stream
from cckit.core.projection import AnyProjection, Canonical


class Tape:
    """Events written by hand, in log order: positions and stream versions are dense.

    .. versionadded:: 0.1
    """

    def __init__(self) -> None:
        self.events: list[Recorded[Any]] = []
        self._versions: dict[str, int] = {}

    def add(
        self,
        stream: str,
        *datas: Any,
        at: int,
        occurred_at: int | None = None,
        actor: Actor = SYSTEM,
        cause: int | None = None,
        correlation: str | None = None,
    ) -> "Tape":
        """Write one decision: ``datas`` in one stream at one instant (microseconds)."""
        stamp = Stamp(at, actor, occurred_at, cause, correlation)
        for data in datas:
            version = self._versions.get(stream, 0)
            self._versions[stream] = version + 1
            kind = kind_of(type(data))
            envelope = Envelope(stamp, len(self.events), Stream(stream), version, kind)
            self.events.append((envelope, data))
        return self


def fold(projection: AnyProjection, events: Iterable[Recorded[Any]]) -> Any:
    """The state after some events, of which the projection sees those it reads.

    .. versionadded:: 0.1
    """
    state = projection.initial()
    for recorded in events:
        if type(recorded[1]) in projection.types:
            projection.apply(state, recorded)
    return state


def check_projection(projection: AnyProjection, events: Sequence[Recorded[Any]]) -> None:
    """Check what every projection promises, on some events in log order.

    It has a name and a version; it reads event classes only; a fresh state shares nothing
    with another; folding again gives the same dump, as does folding on from a copy of the
    state at any position (any split into batches); a dump is canonical and changes nothing;
    events are left as they were.

    :raises AssertionError: the promise that is broken, in words.

    .. versionadded:: 0.1
    """
    _check_names(projection)
    before = [repr(recorded) for recorded in events]
    empty = _dump(projection, projection.initial())
    whole = _dump(projection, fold(projection, events))
    _hold([repr(r) for r in events] == before, "apply changes the events that it is given")
    _hold(
        _dump(projection, projection.initial()) == empty,
        "initial() returns a state that an earlier fold has changed: make a new one",
    )
    _hold(
        _dump(projection, fold(projection, events)) == whole,
        "a second fold of the same events gives another dump: apply reads more than the events",
    )
    _check_dump(projection, events, whole)
    _check_splits(projection, events, whole)


def _check_names(projection: AnyProjection) -> None:
    name = projection.name
    _hold("." in str(name), f"name {name!r} is not thing.measure")
    version = projection.version
    _hold(type(version) is int and version >= 1, f"version {version!r} is not 1 or more")
    _hold(isinstance(projection.types, tuple), "types is no tuple: its order must be fixed")
    for cls in projection.types:
        try:
            kind_of(cls)
        except (TypeError, AttributeError) as error:
            raise AssertionError(f"types holds {cls!r}, which is no event class") from error


def _check_dump(projection: AnyProjection, events: Sequence[Recorded[Any]], whole: bytes) -> None:
    state = projection.initial()
    step = _step(events)
    for n, recorded in enumerate(events):
        if type(recorded[1]) in projection.types:
            projection.apply(state, recorded)
        if n % step == 0:
            _dump(projection, state)
    again = _dump(projection, state)
    _hold(again == whole, "dump changes the state: it must only read")
    _hold(_dump(projection, state) == again, "two dumps of one state differ")


def _check_splits(projection: AnyProjection, events: Sequence[Recorded[Any]], whole: bytes) -> None:
    """Go on from a copy of the state, and beside a second fold, at up to 16 positions."""
    for at in range(0, len(events) + 1, _step(events)):
        state = copy.deepcopy(fold(projection, events[:at]))
        fold(projection, events[: at // 2])
        for recorded in events[at:]:
            if type(recorded[1]) in projection.types:
                projection.apply(state, recorded)
        _hold(
            _dump(projection, state) == whole,
            f"a fold that goes on from a copy at event {at} gives another dump:"
            " something is kept beside the state",
        )


def _step(events: Sequence[Recorded[Any]]) -> int:
    """So that about 16 positions are tried."""
    return max(1, len(events) // 16)


def _dump(projection: AnyProjection, state: Any) -> bytes:
    dump: Canonical = projection.dump(state)
    try:
        return canonical(dump)
    except Exception as error:
        raise AssertionError(f"dump is not canonical: {error}") from error


def _hold(holds: bool, promise: str) -> None:
    if not holds:
        raise AssertionError(promise)
