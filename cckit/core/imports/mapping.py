"""What the columns of a call-record file mean: the content of ``mapping.toml``.

The reference is ``docs/reference/import.md``; ``examples/real_day/mapping.toml`` is a
commented example. Nothing of any one file is known to the code.
"""

from collections.abc import Mapping as AnyMapping
from typing import Any, Final

import attrs

from cckit.core.edges import ID, Words

from .document import Table
from .times import FIELDS, UNITS, Format, format_of
from .vocabulary import WORDS, is_word

MIDNIGHT: Final = "midnight"
SINCE_EPOCH: Final = "epoch"
THEN: Final = ("list", "flag", "refuse", "ignore")
MIDNIGHT_RULES: Final = ("refuse", "count_on", "next_day")
ENCODINGS: Final = ("utf-8", "utf-16", "latin-1", "cp1252", "cp1255", "iso8859-8")


@attrs.frozen(slots=True)
class Meaning:
    """How an outcome ends a contact, in words of queue.left and contact.closed."""

    left: str | None
    """None: it was never in a queue."""
    closed: str
    phase: str
    by: str


MEANINGS: Final[dict[str, Meaning]] = {
    "answered": Meaning("answered", "completed", "talk", "adapter"),
    "abandoned": Meaning("abandoned", "abandoned", "queue", "customer"),
    "overflowed": Meaning("overflowed", "overflowed", "queue", "system"),
    "timed_out": Meaning("timed_out", "timed_out", "queue", "timer"),
    "dequeued": Meaning("dequeued", "completed", "queue", "customer"),
    "abandoned_flow": Meaning(None, "abandoned", "flow", "customer"),
    "blocked": Meaning(None, "blocked", "full", "system"),
}
IGNORED: Final = "ignored"


@attrs.frozen(slots=True)
class TimeColumn:
    """How a column says an instant."""

    column: str
    since: str | None
    """``midnight``, ``epoch`` or another time column; None where a format says all."""
    unit_us: int
    read: Format | None


@attrs.frozen(slots=True)
class TimeRule:
    """An instant from several columns: the first that is there, or the latest."""

    pick: str
    """``first`` or ``max``."""
    columns: tuple[str, ...]


@attrs.frozen(slots=True)
class Value:
    """A text that is the same in every row, or that a column says."""

    constant: str | None
    column: str | None
    values: dict[str, str] | None
    """What the column's cells stand for; None takes them as they are."""


@attrs.frozen(slots=True)
class Outcome:
    """What one value of the outcome column means."""

    meaning: Meaning | None
    """None: such rows are ignored."""
    connected: TimeRule | None
    ended: TimeRule | None


@attrs.frozen(slots=True)
class Untidy:
    """A condition that rows should not meet, and what becomes of those that do."""

    reason: str
    then: str
    """``list``, ``flag``, ``refuse`` or ``ignore``."""
    flag: str | None
    outcomes: tuple[str, ...]
    """Empty: any."""
    absent: tuple[str, ...]
    present: tuple[str, ...]
    equals: dict[str, str]
    above: dict[str, int]
    before: tuple[TimeRule, TimeRule] | None
    """The first instant lies before the second."""
    same: tuple[TimeRule, TimeRule] | None


@attrs.frozen(slots=True)
class Mapping:
    """A whole mapping file."""

    id: str
    zone: str
    """Name of the zone of every local time."""
    encoding: str
    delimiter: str
    null: tuple[str, ...]
    """Cells that mean: nothing here."""
    nulls: dict[str, tuple[str, ...]]
    """More such cells of single columns."""
    day: str | None
    day_format: Format | None
    midnight: str
    coarse: bool
    """The source counts whole seconds or less finely."""
    times: tuple[TimeColumn, ...]
    key: tuple[str, ...]
    channel: Value
    direction: Value
    entry_point: Value
    queue: Value
    priority: Value
    created: TimeRule
    queued: TimeRule
    agent: str | None
    agent_unknown: str
    """The agent's id where the source names none."""
    service: tuple[TimeRule, TimeRule] | None
    """Begin and end of what one agent can do only once at a time."""
    outcome: str
    outcomes: dict[str, Outcome]
    untidy: tuple[Untidy, ...]
    columns: dict[str, str]
    """Every column that the mapping names, and the key that names it first."""


def read_mapping(document: AnyMapping[str, Any], file: str) -> Mapping:
    """A mapping from its TOML document; ``file`` is its name for error messages.

    :raises ConfigError: a key that is missing, unknown or has a wrong value.

    .. versionadded:: 0.1
    """
    return _Reader(Table(file, document)).mapping()


class _Reader:
    """One pass over the document; remembers which key named which column."""

    def __init__(self, top: Table) -> None:
        self.top = top
        self.columns: dict[str, str] = {}
        self.times: dict[str, TimeColumn] = {}

    def mapping(self) -> Mapping:
        top = self.top
        name, zone = self._word(top, "id", top.text("id"), ID), top.text("zone")
        file, day = top.table("file"), top.table("day")
        times = top.table("times")
        for column in times:
            self.times[column] = self._time(times.table(column), column)
        if not self.times:
            raise top.error("times", "names no column", "say how at least one column tells time")
        contact, outcome = top.table("contact"), top.table("outcome")
        agent = top.table("agent")
        nulls = top.table("null")
        made = Mapping(
            id=name,
            zone=zone,
            encoding=file.choice("encoding", ENCODINGS, "utf-8"),
            delimiter=self._delimiter(file),
            null=file.texts("null", ("",)),
            nulls={self._column(nulls, column): nulls.texts(column) for column in nulls},
            day=self._optional(day, "column"),
            day_format=self._format(day, "format", "%Y-%m-%d"),
            midnight=day.choice("midnight", MIDNIGHT_RULES, "refuse"),
            coarse=UNITS[top.choice("resolution", tuple(UNITS), "s")] >= UNITS["s"],
            times=tuple(self.times.values()),
            key=tuple(self._name(contact, "key", one) for one in contact.texts("key")),
            channel=self._value(contact, "channel", "voice"),
            direction=self._value(contact, "direction", "in"),
            entry_point=self._value(contact, "entry_point", ""),
            queue=self._value(contact, "queue", None),
            priority=self._value(contact, "priority", "0"),
            created=self._rule(contact, "created"),
            queued=self._rule(contact, "queued"),
            agent=self._optional(agent, "column"),
            agent_unknown=self._word(agent, "unknown", agent.text("unknown", "unknown"), ID),
            service=self._pair(agent, "service"),
            outcome=self._name(outcome, "column", outcome.text("column")),
            outcomes=self._outcomes(outcome),
            untidy=tuple(self._untidy(one) for one in top.tables("untidy")),
            columns=self.columns,
        )
        if not made.key:
            raise contact.error("key", "names no column", "name the columns that tell rows apart")
        if made.day is None and any(one.since == MIDNIGHT for one in made.times):
            raise day.error("column", "is missing", "name the column that holds the date")
        for table in (top, file, day, times, contact, outcome, agent, nulls):
            table.done()
        return made

    def _word(self, table: Table, key: str, value: str, words: Words | None) -> str:
        if words is not None and not is_word(value, words):
            raise table.error(key, f"{value!r:.80} can't be", words.remedy)
        return value

    def _delimiter(self, file: Table) -> str:
        value = file.text("delimiter", ",")
        if len(value) != 1 or value in '"\r\n':
            raise file.error("delimiter", f"{value!r} cannot part cells", "give one character")
        return value

    def _name(self, table: Table, key: str, column: str) -> str:
        self.columns.setdefault(column, f"{table.path}.{key}" if table.path else key)
        return column

    def _column(self, table: Table, column: str) -> str:
        return self._name(table, column, column)

    def _optional(self, table: Table, key: str) -> str | None:
        return self._name(table, key, table.text(key)) if table.take(key) is not None else None

    def _format(self, table: Table, key: str, default: str | None = None) -> Format:
        pattern = table.text(key, default)
        try:
            return format_of(pattern)
        except ValueError as problem:
            remedy = "write it of " + " ".join("%" + one for one in FIELDS) + " and plain text"
            raise table.error(key, str(problem), remedy) from None

    def _time(self, table: Table, column: str) -> TimeColumn:
        self.columns.setdefault(column, table.path)
        if table.take("format") is not None:
            made = TimeColumn(column, None, 0, self._format(table, "format"))
        else:
            since = table.choice("since", (MIDNIGHT, SINCE_EPOCH, *self.times), MIDNIGHT)
            unit = UNITS[table.choice("unit", tuple(UNITS))]
            made = TimeColumn(column, since, unit, None)
        table.done()
        return made

    def _value(self, table: Table, key: str, default: str | None) -> Value:
        raw, may = table.take(key), WORDS.get(key)
        if not isinstance(raw, dict):
            return Value(self._word(table, key, table.text(key, default), may), None, None)
        inner = table.table(key)
        column = self._name(inner, "column", inner.text("column"))
        values = None
        if inner.take("values") is not None:
            words = inner.table("values")
            values = {cell: self._word(words, cell, words.text(cell), may) for cell in words}
        inner.done()
        return Value(None, column, values)

    def _rule(self, table: Table, key: str) -> TimeRule:
        rule = self._read_rule(table, key, table.take(key))
        if rule is None:
            raise table.error(key, "is missing", "give a column, {first = […]} or {max = […]}")
        return rule

    def _read_rule(self, table: Table, key: str, raw: Any) -> TimeRule | None:
        if raw is None:
            return None
        pick, columns = "first", raw
        if isinstance(raw, dict) and len(raw) == 1 and next(iter(raw)) in ("first", "max"):
            pick, columns = next(iter(raw.items()))
        if isinstance(columns, str):
            columns = [columns]
        if not isinstance(columns, list) or not columns:
            wanted = "a column, {first = […]} or {max = […]}"
            raise table.error(key, f"{raw!r} is not {wanted}", f"give {wanted}")
        for column in columns:
            if column not in self.times:
                raise table.error(
                    key,
                    f"{column!r} is not under [times]",
                    f"say there how it tells time; known are {', '.join(self.times)}",
                )
        return TimeRule(pick, tuple(columns))

    def _pair(self, table: Table, key: str) -> tuple[TimeRule, TimeRule] | None:
        raw = table.take(key)
        if raw is None:
            return None
        if not isinstance(raw, list) or len(raw) != 2:
            raise table.error(key, f"{raw!r} is no pair of instants", "give [one, other]")
        one, other = (self._read_rule(table, key, half) for half in raw)
        if one is None or other is None:
            raise table.error(key, "is empty", "give [one, other]")
        return one, other

    def _outcomes(self, table: Table) -> dict[str, Outcome]:
        values = table.table("values")
        if not list(values):
            raise table.error("values", "names no outcome", "say what each cell means")
        return {cell: self._outcome(values.table(cell)) for cell in values}

    def _outcome(self, table: Table) -> Outcome:
        means = table.choice("means", (*MEANINGS, IGNORED))
        if means == IGNORED:
            table.done()
            return Outcome(None, None, None)
        connected = self._rule(table, "connected") if means == "answered" else None
        made = Outcome(MEANINGS[means], connected, self._rule(table, "ended"))
        table.done()
        return made

    def _untidy(self, table: Table) -> Untidy:
        equals, above = table.table("equals"), table.table("above")
        flag = table.text("flag", "")
        made = Untidy(
            reason=table.text("reason"),
            then=table.choice("then", THEN, "list"),
            flag=flag or None,
            outcomes=table.texts("outcomes", ()),
            absent=tuple(self._name(table, "absent", one) for one in table.texts("absent", ())),
            present=tuple(self._name(table, "present", one) for one in table.texts("present", ())),
            equals={self._column(equals, one): equals.text(one) for one in equals},
            above={self._column(above, one): above.number(one, 0) for one in above},
            before=self._pair(table, "before"),
            same=self._pair(table, "same"),
        )
        if made.then == "flag" and made.flag is None:
            raise table.error("flag", "is missing", "name the flag")
        table.done()
        return made
