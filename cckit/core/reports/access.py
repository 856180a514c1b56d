"""Who read, heard or took away what, and what for? The access ledger, refusals included."""

import struct
from typing import Any, Final

import attrs

from cckit.core.events import Recorded
from cckit.core.facts import AccessGranted, AccessRefused
from cckit.core.projection import Canonical

from .log_facts import LogFactsOf
from .report import Column, Parameters, Report, States, Table, cut
from .words import Words

ROW: Final = struct.Struct("<qqqIIIIIII")
"""position, recorded_at, times; actor's kind and id, action, object, its kind, purpose,
component. Of a refusal component is 0."""
COLUMNS: Final = (
    Column("position", "int"),
    Column("recorded_at", "instant", "event"),
    Column("answer", "text"),
    Column("actor_kind", "text"),
    Column("actor", "text"),
    Column("action", "text"),
    Column("object", "text"),
    Column("object_kind", "text"),
    Column("purpose", "text"),
    Column("component", "text"),
    Column("times", "int"),
)


@attrs.define(slots=True, weakref_slot=False)
class LedgerTable:
    """Packed rows in log order."""

    words: Words = attrs.field(factory=Words)
    rows: bytearray = attrs.field(factory=bytearray)


class Ledger:
    """``access.granted`` and ``access.refused`` as a projection.

    .. versionadded:: 0.2
    """

    name = "access.ledger"
    version = 1
    types: tuple[type, ...] = (AccessGranted, AccessRefused)

    def initial(self) -> LedgerTable:
        return LedgerTable()

    def apply(self, state: LedgerTable, recorded: Recorded[Any]) -> None:
        envelope, data = recorded
        code = state.words.code
        granted = type(data) is AccessGranted
        state.rows += ROW.pack(
            envelope.position,
            envelope.stamp.recorded_at,
            1 if granted else data.n,
            # A refusal can count for another actor than whose refusal it stands beside.
            code(envelope.actor.kind if envelope.actor.id == data.actor else None),
            code(data.actor),
            code(data.action),
            code(data.object),
            code(data.kind if granted else None),
            code(data.purpose),
            code(data.component if granted else None),
        )

    def dump(self, state: LedgerTable) -> Canonical:
        return {"words": state.words.dump(), "rows": bytes(state.rows)}


def table(states: States, parameters: Parameters) -> Table:
    """Rows in log order; the range is of recorded_at. ``times`` of a refusal is how many it
    stands for."""
    ledger: LedgerTable = states[Ledger.name]
    texts = ledger.words.texts
    packed = list(ROW.iter_unpack(ledger.rows))
    ends = [packed[0][1], packed[-1][1]] if packed else []
    range_, buckets = cut("access", parameters, "all", ends)
    rows = [
        (
            *(c[0], c[1], "granted" if c[9] else "refused"),
            *(texts[code] for code in c[3:10]),
            c[2],
        )
        for c in packed
        if buckets.find(c[1]) >= 0
    ]
    return Table(COLUMNS, rows, range_)


ACCESS: Final = Report("access", (Ledger(), LogFactsOf()), None, table)
