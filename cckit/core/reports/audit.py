"""Who did what? A row an event, without its content."""

import struct
from typing import Any, Final

import attrs

from cckit.core.events import Recorded
from cckit.core.facts import FACTS
from cckit.core.projection import Canonical

from .log_facts import LogFactsOf
from .report import Column, Parameters, Report, States, Table, cut
from .words import Words

ROW: Final = struct.Struct("<qqqqIIIII")
"""position, recorded_at, occurred_at, cause, actor's kind and id, type, version, stream."""
NULL: Final = -(2**63)
COLUMNS: Final = (
    Column("position", "int"),
    Column("recorded_at", "instant", "event"),
    Column("occurred_at", "instant"),
    Column("actor_kind", "text"),
    Column("actor", "text"),
    Column("type", "text"),
    Column("version", "int"),
    Column("stream", "text"),
    Column("cause", "int"),
)


@attrs.define(slots=True, weakref_slot=False)
class AuditTable:
    """Packed rows in log order."""

    words: Words = attrs.field(factory=Words)
    rows: bytearray = attrs.field(factory=bytearray)


class Audit:
    """Every event's envelope as a projection.

    ``types`` are the facts of the core unless others are given, as for plugins' events.

    .. versionadded:: 0.1
    """

    name = "log.audit"
    version = 1

    def __init__(self, types: tuple[type, ...] = FACTS) -> None:
        self.types: tuple[type, ...] = types

    def initial(self) -> AuditTable:
        return AuditTable()

    def apply(self, state: AuditTable, recorded: Recorded[Any]) -> None:
        envelope = recorded[0]
        stamp, kind, code = envelope.stamp, envelope.kind, state.words.code
        state.rows += ROW.pack(
            envelope.position,
            stamp.recorded_at,
            NULL if stamp.occurred_at is None else stamp.occurred_at,
            NULL if stamp.cause is None else stamp.cause,
            code(stamp.actor[0]),
            code(stamp.actor[1]),
            code(kind.name),
            kind.version,
            code(envelope.stream),
        )

    def dump(self, state: AuditTable) -> Canonical:
        return {"words": state.words.dump(), "rows": bytes(state.rows)}


def table(states: States, parameters: Parameters) -> Table:
    """Rows in log order; the range is of recorded_at."""
    audit: AuditTable = states[Audit.name]
    texts = audit.words.texts
    packed = list(ROW.iter_unpack(audit.rows))
    ends = [packed[0][1], packed[-1][1]] if packed else []
    range_, buckets = cut("audit", parameters, "all", ends)
    rows = [
        (
            *(c[0], c[1]),
            None if c[2] == NULL else c[2],
            *(texts[c[4]], texts[c[5]], texts[c[6]], c[7], texts[c[8]]),
            None if c[3] == NULL else c[3],
        )
        for c in packed
        if buckets.find(c[1]) >= 0
    ]
    return Table(COLUMNS, rows, range_)


AUDIT: Final = Report("audit", (Audit(), LogFactsOf()), None, table)
