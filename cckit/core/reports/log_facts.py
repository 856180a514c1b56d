"""What the log says about itself: its kind, and what was untidy in it."""

from collections.abc import Callable
from typing import Any, Final

import attrs

from cckit.core import facts as f
from cckit.core.events import Recorded
from cckit.core.projection import Canonical


@attrs.define(slots=True, weakref_slot=False)
class LogFacts:
    """Counts of the whole log up to a position."""

    kind: str | None = None
    """live, imported or simulated; null in a log without a run."""
    source: str | None = None
    seed: int | None = None
    runs: int = 0
    superseded: int = 0
    """Reports that came too late."""
    quarantined: dict[str, int] = attrs.field(factory=dict)
    """Reason to number of reports that made no sense."""
    clock_steps: int = 0
    broken: int = 0
    """Invariants that a decision would have broken."""


def _run(state: LogFacts, recorded: Recorded[f.RunStarted]) -> None:
    _, data = recorded
    state.runs += 1
    state.kind, state.source, state.seed = data.kind, data.source, data.seed


def _superseded(state: LogFacts, recorded: Recorded[f.FactSuperseded]) -> None:
    state.superseded += 1


def _quarantined(state: LogFacts, recorded: Recorded[f.FactQuarantined]) -> None:
    reason = recorded[1].reason
    state.quarantined[reason] = state.quarantined.get(reason, 0) + 1


def _stepped(state: LogFacts, recorded: Recorded[f.ClockStepped]) -> None:
    state.clock_steps += 1


def _broken(state: LogFacts, recorded: Recorded[f.InvariantBroken]) -> None:
    state.broken += 1


APPLY: Final[dict[type, Callable[[LogFacts, Recorded[Any]], None]]] = {
    f.RunStarted: _run,
    f.FactSuperseded: _superseded,
    f.FactQuarantined: _quarantined,
    f.ClockStepped: _stepped,
    f.InvariantBroken: _broken,
}


class LogFactsOf:
    """The log's own facts as a projection.

    .. versionadded:: 0.1
    """

    name = "log.facts"
    version = 1
    types: tuple[type, ...] = tuple(APPLY)

    def initial(self) -> LogFacts:
        return LogFacts()

    def apply(self, state: LogFacts, recorded: Recorded[Any]) -> None:
        APPLY[type(recorded[1])](state, recorded)

    def dump(self, state: LogFacts) -> Canonical:
        fields: dict[str, Canonical] = attrs.asdict(state)
        return fields
