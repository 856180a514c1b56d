"""What an audit finds, in bounded memory: all are counted, the first of a kind are listed."""

from collections.abc import Sequence
from typing import Any, Final

import attrs

LISTED: Final = 1000
"""Findings of a kind that are shown; more are only counted."""
TEXT_MAX: Final = 512
"""Characters of a text that is quoted from the log."""


@attrs.frozen(slots=True)
class Finding:
    """One thing at one place.

    .. versionadded:: 0.2
    """

    kind: str
    """Stable, ``thing.happened``."""
    position: int
    at: int
    """recorded_at there, microseconds."""
    told: dict[str, Any]
    """Its own fields: integers, text, booleans, null, and maps of those."""

    def as_json(self) -> dict[str, Any]:
        """One map; names that end in ``_at`` are instants, in ``_us`` lengths of time."""
        return {"position": self.position, "at": self.at, **self.told}


class Findings:
    """Findings by kind, in the order of a table that is fixed beforehand."""

    def __init__(self, kinds: Sequence[str]) -> None:
        self._counts = dict.fromkeys(kinds, 0)
        self._first: dict[str, list[Finding]] = {kind: [] for kind in kinds}

    def add(self, kind: str, position: int, at: int, /, **told: Any) -> None:
        """Count it, and keep it if it is among the first."""
        self._counts[kind] += 1
        if len(self._first[kind]) < LISTED:
            shown = {name: _short(value) for name, value in told.items()}
            self._first[kind].append(Finding(kind, position, at, shown))

    def __len__(self) -> int:
        return sum(self._counts.values())

    def listed(self, kind: str) -> list[Finding]:
        """The first of a kind, by position."""
        return sorted(self._first[kind], key=lambda found: found.position)

    def as_json(self) -> dict[str, Any]:
        """``{kind: {"count", "first": […]}}`` of the kinds that were found."""
        return {
            kind: {"count": n, "first": [found.as_json() for found in self.listed(kind)]}
            for kind, n in self._counts.items()
            if n
        }


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > TEXT_MAX:
        return value[:TEXT_MAX] + "…"
    if isinstance(value, bytes):
        return _short(value.hex())
    if isinstance(value, dict):
        return {_short(name): _short(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_short(one) for one in value]
    return value
