"""Folds of the log: pure, deterministic, rebuildable from position 0."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

from .events import Recorded

Canonical: TypeAlias = (
    "None | bool | int | str | bytes | Sequence[Canonical] | Mapping[str, Canonical]"
)
"""What has exactly one encoding: no floats, no sets, maps with text keys."""

S = TypeVar("S")


class Projection(Protocol[S]):
    """A fold over the events of some types.

    Its digest is the SHA-256 of the canonical encoding of ``dump``.
    """

    name: str
    """Stable, ``thing.measure``; with ``version`` it names a digest for ever."""
    version: int
    types: tuple[type, ...]
    """The event classes it reads; no other event is decoded."""

    def initial(self) -> S: ...

    def apply(self, state: S, recorded: Recorded[Any]) -> None:
        """Fold one event into the state, in place."""
        ...

    def dump(self, state: S) -> Canonical:
        """The whole state, in an order that depends on nothing but the log."""
        ...


AnyProjection: TypeAlias = Projection[Any]
Fold: TypeAlias = Callable[[Any, Recorded[Any]], None]
