"""Who switched the center or a queue to what, when, until when and why.

A row is one switch. It ends at its instant, or when the same mode of that scope is switched
again, or all of the scope's by ``normal``; the one that ends it says so in its own row.
"""

from typing import Any, Final

import attrs

from cckit.core.events import Recorded
from cckit.core.facts import ModeChanged
from cckit.core.mode import NORMAL
from cckit.core.projection import Canonical

from .log_facts import LogFactsOf
from .report import Column, Parameters, Report, States, Table, cut


@attrs.define(slots=True, weakref_slot=False)
class Switch:
    """One switch."""

    at: int
    scope: str
    mode: str
    until: int | None
    """As it was said; None is until somebody ends it."""
    ended_at: int | None
    """None is not yet, by all that the log says."""
    why: str
    by_kind: str
    by: str


@attrs.define(slots=True, weakref_slot=False)
class Switches:
    """All switches in order."""

    rows: list[Switch] = attrs.field(factory=list)
    on: dict[tuple[str, str], Switch] = attrs.field(factory=dict)
    """(scope, mode) to the switch that is on."""


class ModesOf:
    """Switches as a projection."""

    name = "center.modes"
    version = 1
    types: tuple[type, ...] = (ModeChanged,)

    def initial(self) -> Switches:
        return Switches()

    def apply(self, state: Switches, recorded: Recorded[Any]) -> None:
        envelope, data = recorded
        now, actor = envelope.recorded_at, envelope.actor
        until = data.until
        row = Switch(now, data.scope, data.mode, until, until, data.why, actor.kind, actor.id)
        for key, before in list(state.on.items()):
            if key[0] == data.scope and data.mode in (key[1], NORMAL):
                ends = before.ended_at
                before.ended_at = now if ends is None or ends > now else ends
                del state.on[key]
        if data.mode != NORMAL:
            state.on[data.scope, data.mode] = row
        else:
            row.ended_at = None
        state.rows.append(row)

    def dump(self, state: Switches) -> Canonical:
        return [list(attrs.astuple(row)) for row in state.rows]


COLUMNS: Final = (
    Column("at", "instant", "arrival"),
    Column("scope", "text"),
    Column("mode", "text"),
    Column("until", "instant"),
    Column("ended_at", "instant"),
    Column("why", "text"),
    Column("by_kind", "text"),
    Column("by", "text"),
)


def rows(states: States, parameters: Parameters) -> Table:
    """A row per switch, in order; dated by when it was."""
    switches: Switches = states[ModesOf.name]
    range_, buckets = cut("modes", parameters, "all", (row.at for row in switches.rows))
    found = [attrs.astuple(row) for row in switches.rows if buckets.find(row.at) >= 0]
    return Table(COLUMNS, found, range_)


MODES: Final = Report("modes", (ModesOf(), LogFactsOf()), None, rows)
