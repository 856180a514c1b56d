"""Which alerts stand, and how long each stood."""

from typing import Any, Final

import attrs

from cckit.core import Canonical, ConfigApplied, Recorded
from cckit.core.ids import CENTER
from cckit.core.reports import Column, LogFactsOf, Parameters, Report, Table
from cckit.core.reports.report import States, cut
from cckit.core.schema import unpack

from .events import AlertAcknowledged, AlertCleared, AlertRaised, AlertRepeated

PLAIN: Final = "warning"


@attrs.define(slots=True, weakref_slot=False)
class Alert:
    """One alert, from raised to cleared."""

    id: str
    """What ``Acknowledge`` takes."""
    rule: str
    about: str
    """The stream of what it is about."""
    severity: str
    raised_at: int
    value: int
    """As it was said last."""
    limit: int
    repeated: int = 0
    acknowledged_at: int | None = None
    acknowledged_by: str | None = None
    cleared_at: int | None = None


@attrs.define(slots=True, weakref_slot=False)
class Alerts:
    """All alerts in the order in which they were raised."""

    rows: list[Alert] = attrs.field(factory=list)
    live: dict[str, Alert] = attrs.field(factory=dict)
    """Those that stand, by id."""
    severities: dict[str, str] = attrs.field(factory=dict)
    """By rule, as configured last."""


class AlertTable:
    """Alerts as a projection; ``live`` is the table that a supervisor looks at."""

    name = "alerts"
    version = 1
    types: tuple[type, ...] = (
        AlertRaised,
        AlertRepeated,
        AlertAcknowledged,
        AlertCleared,
        ConfigApplied,
    )

    def initial(self) -> Alerts:
        return Alerts()

    def apply(self, state: Alerts, recorded: Recorded[Any]) -> None:
        envelope, data = recorded
        if isinstance(data, ConfigApplied):
            if data.kind == "alerts":
                state.severities = _severities(unpack(data.data))
            return
        about, now = envelope.stream, envelope.recorded_at
        id = data.rule if about == CENTER else f"{data.rule} {about}"
        if isinstance(data, AlertRaised):
            severity = state.severities.get(data.rule.partition(" ")[0], PLAIN)
            row = Alert(id, data.rule, about, severity, now, data.value, data.limit)
            state.rows.append(row)
            state.live[id] = row
            return
        alert = state.live[id]
        if isinstance(data, AlertRepeated):
            alert.repeated, alert.value = data.n, data.value
        elif isinstance(data, AlertAcknowledged):
            alert.acknowledged_at = now
            alert.acknowledged_by = data.by or envelope.actor.id
        else:
            alert.cleared_at = now
            del state.live[id]

    def dump(self, state: Alerts) -> Canonical:
        rows = [list(attrs.astuple(row)) for row in state.rows]
        return [rows, dict(sorted(state.severities.items()))]


def _severities(table: Any) -> dict[str, str]:
    return {name: rule.get("severity", PLAIN) for name, rule in table.items()}


COLUMNS: Final = (
    Column("alert", "text"),
    Column("rule", "text"),
    Column("about", "text"),
    Column("severity", "text"),
    Column("raised_at", "instant", "arrival"),
    Column("value", "int"),
    Column("limit", "int"),
    Column("repeated", "int"),
    Column("acknowledged_at", "instant"),
    Column("acknowledged_by", "text"),
    Column("cleared_at", "instant"),
)


def rows(states: States, parameters: Parameters) -> Table:
    """A row per alert, in the order in which they were raised, which dates them."""
    alerts: Alerts = states[AlertTable.name]
    range_, buckets = cut("alerts", parameters, "all", (row.raised_at for row in alerts.rows))
    found = [attrs.astuple(row) for row in alerts.rows if buckets.find(row.raised_at) >= 0]
    return Table(COLUMNS, found, range_)


ALERTS: Final = Report("alerts", (AlertTable(), LogFactsOf()), None, rows)
