"""Fold events into projections, all in one pass or batch by batch, to the same states."""

from collections.abc import Iterable, Sequence
from typing import Any

from cckit.core.codec import digest
from cckit.core.events import Recorded
from cckit.core.projection import AnyProjection, Fold


class Folding:
    """Projections being folded: feed events in log order, in batches of any size.

    .. versionadded:: 0.1
    """

    def __init__(self, projections: Sequence[AnyProjection]) -> None:
        self.projections = tuple(projections)
        self.states: dict[str, Any] = {p.name: p.initial() for p in projections}
        """By the projection's name."""
        self._folds: dict[type, list[tuple[Fold, Any]]] = {}
        for projection in self.projections:
            for cls in projection.types:
                fold = (projection.apply, self.states[projection.name])
                self._folds.setdefault(cls, []).append(fold)

    @property
    def types(self) -> tuple[type, ...]:
        """The classes that any of them reads; others need not be decoded."""
        return tuple(self._folds)

    def feed(self, events: Iterable[Recorded[Any]]) -> None:
        """Fold a batch."""
        folds = self._folds
        for recorded in events:
            for apply, state in folds.get(type(recorded[1]), ()):
                apply(state, recorded)

    def digests(self) -> dict[str, dict[str, int | str]]:
        """``{name: {"version", "digest"}}``, digests of the canonical dumps in hex."""
        return {
            p.name: {"version": p.version, "digest": digest(p.dump(self.states[p.name])).hex()}
            for p in sorted(self.projections, key=lambda p: p.name)
        }


def digests(
    events: Iterable[Recorded[Any]], projections: Sequence[AnyProjection]
) -> dict[str, dict[str, int | str]]:
    """Fold everything from zero and name each result.

    .. versionadded:: 0.1
    """
    folding = Folding(projections)
    folding.feed(events)
    return folding.digests()
