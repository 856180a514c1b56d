"""Were the promises kept? A row per case."""

from typing import Any, Final

import attrs

from cckit.core import Canonical, Recorded, Stream
from cckit.core.facts import ContactLinked
from cckit.core.reports import Column, LogFactsOf, Parameters, Report, Table
from cckit.core.reports.report import States, cut

from . import events as e
from .policy import CLOCKS


@attrs.define(slots=True, weakref_slot=False)
class Row:
    """One case."""

    case: Stream
    kind: str
    owner: str
    opened_at: int
    state: str = "open"
    contacts: int = 1
    reopened: int = 0
    resolved_at: int | None = None
    clocks: dict[str, str] = attrs.field(factory=dict)
    """How each clock stands or ended."""


@attrs.define(slots=True, weakref_slot=False)
class Cases:
    """All cases in the order of their opening."""

    rows: dict[Stream, Row] = attrs.field(factory=dict)
    by_matter: dict[str, Stream] = attrs.field(factory=dict)


class CasesKept:
    """Cases as a projection: ``case.*`` and which contacts were linked."""

    name = "cases.kept"
    version = 1
    types: tuple[type, ...] = (
        e.CaseOpened,
        e.CaseStateSet,
        e.CaseClockSet,
        ContactLinked,
    )

    def initial(self) -> Cases:
        return Cases()

    def apply(self, state: Cases, recorded: Recorded[Any]) -> None:
        envelope, data = recorded
        stream = envelope.stream
        if isinstance(data, e.CaseOpened):
            state.rows[stream] = Row(stream, data.kind, data.owner, envelope.recorded_at)
            state.by_matter[data.matter] = stream
            return
        if isinstance(data, ContactLinked):
            case = state.rows.get(state.by_matter.get(data.matter, Stream("")))
            if case is not None:
                case.contacts += 1
            return
        row = state.rows.get(stream)
        if row is None:
            return
        if isinstance(data, e.CaseStateSet):
            row.reopened += row.state == "resolved" and data.state == "open"
            row.state = data.state
            if data.state in ("open", "resolved"):
                row.resolved_at = envelope.recorded_at if data.state == "resolved" else None
        else:
            row.clocks[data.clock] = data.state

    def dump(self, state: Cases) -> Canonical:
        return [
            [
                *(row.case, row.kind, row.owner, row.opened_at, row.state, row.contacts),
                *(row.reopened, row.resolved_at, [row.clocks.get(name) for name in CLOCKS]),
            ]
            for row in state.rows.values()
        ]


COLUMNS: Final = (
    Column("case", "text"),
    Column("kind", "text"),
    Column("owner", "text"),
    Column("opened_at", "instant", "arrival"),
    Column("state", "text"),
    Column("contacts", "int"),
    Column("reopened", "int"),
    Column("resolved_at", "instant"),
    *(Column(name, "text") for name in CLOCKS),
)


def rows(states: States, parameters: Parameters) -> Table:
    """A row per case, in the order of their opening, which dates them."""
    cases: Cases = states[CasesKept.name]
    range_, buckets = cut("cases", parameters, "all", (r.opened_at for r in cases.rows.values()))
    found = [
        (
            *(row.case, row.kind, row.owner, row.opened_at, row.state, row.contacts),
            *(row.reopened, row.resolved_at, *(row.clocks.get(name) for name in CLOCKS)),
        )
        for row in cases.rows.values()
        if buckets.find(row.opened_at) >= 0
    ]
    return Table(COLUMNS, found, range_)


CASES: Final = Report("cases", (CasesKept(), LogFactsOf()), None, rows)
