"""From one row of a call-record file to one visit, or to the reason why not.

A row is imported, ignored or refused. What contradicts itself without being refused is
imported by the mapping's rules and listed: nothing is put right in silence.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple

from cckit.core.edges import EXACT_MAX, NAME_CHARS, TEXT_BYTES
from cckit.core.errors import ConfigError
from cckit.core.instant import HOUR, Instant
from cckit.core.reports.zone import Zone

from .mapping import MIDNIGHT, SINCE_EPOCH, Mapping, Meaning, TimeColumn, TimeRule, Untidy, Value
from .times import DAY, Civil, Unreadable, instants, number_of, quoted
from .vocabulary import UNMAPPED, WORDS, is_word

EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
HALF_DAY: Final = 12 * HOUR
FIRST: Final = Instant(-(2**62))


class Problem(NamedTuple):
    """Something about a row that a reader should know."""

    row: int
    """Data rows count from 1."""
    reason: str
    """A word of the code or of the mapping, then what is the matter."""


class Visit(NamedTuple):
    """One contact of the file. Instants are the source's; what is unknown is None."""

    row: int
    contact: str
    """32 hex digits: SHA-256(mapping id, source id), its first half."""
    ref: str
    """The source id: the cells of the key, joined by ``/``."""
    channel: str
    direction: str
    entry_point: str
    queue: str
    priority: int
    agent: str | None
    """The source's name: a number takes its place before anything is stored."""
    service: tuple[Instant, Instant] | None
    created: Instant
    queued: Instant
    connected: Instant | None
    ended: Instant | None
    meaning: Meaning
    flags: tuple[str, ...]


class Refusal(Exception):
    """This row is not imported; the text says why."""


class Ignore(Exception):
    """The mapping does not want this row."""


class Rows:
    """Reads the rows of one file in order; what it found lies in the counters."""

    def __init__(self, mapping: Mapping, zone: Zone, header: Sequence[str], file: str) -> None:
        self.mapping = mapping
        self.zone = zone
        self.rows = 0
        self.imported = 0
        self.ignored = 0
        self.refused = 0
        self.problems: list[Problem] = []
        self._width = len(header)
        self._index = _index(mapping, header, file)
        self._seen: dict[str, int] = {}
        self._days: dict[str, date] = {}
        self._anchor = FIRST
        """When the last row began: tells the two halves of a repeated hour apart."""

    def visits(self, rows: Iterator[list[str] | Refusal]) -> Iterator[Visit]:
        """The visits of all rows that are imported; a row may come refused."""
        for cells in rows:
            if not cells:
                continue  # A blank line is no row.
            self.rows += 1
            try:
                if isinstance(cells, Refusal):
                    raise cells
                visit = self._visit(cells)
            except Refusal as refusal:
                self.refused += 1
                self._list(str(refusal))
            except Ignore:
                self.ignored += 1
            else:
                self.imported += 1
                yield visit

    def _list(self, reason: str) -> None:
        self.problems.append(Problem(self.rows, reason))

    def _visit(self, cells: list[str]) -> Visit:
        mapping = self.mapping
        if len(cells) != self._width:
            raise Refusal(f"width: {len(cells)} cells, the header has {self._width}")
        word = self._cell(cells, mapping.outcome)
        outcome = None if word is None else mapping.outcomes.get(word)
        if outcome is None:
            what = f"{quoted(word)} of column {mapping.outcome}"
            raise Refusal(f"outcome: {what} {UNMAPPED}")
        if outcome.meaning is None:
            raise Ignore
        ref, contact = self._key(cells)
        flags: set[str] = {"coarse"} if mapping.coarse else set()
        times = self._times(cells, flags)
        for rule in mapping.untidy:
            if _meets(rule, word, times, self._cells_of(cells, rule)):
                self._apply(rule, flags)
        created, queued = _pick(mapping.created, times), _pick(mapping.queued, times)
        connected = _pick(outcome.connected, times)
        ended = _pick(outcome.ended, times)
        if outcome.connected is not None and connected is None:
            raise Refusal("connected: answered, but no instant says when")
        created, queued = self._begin(created, queued, flags)
        self._order(created, queued, connected, ended, flags)
        agent, service = None, None
        if outcome.connected is not None and mapping.agent is not None:
            agent = self._cell(cells, mapping.agent)
            service = self._service(times) if agent is not None else None
        priority = self._value(cells, mapping.priority, "priority")
        self._seen[ref] = self.rows
        return Visit(
            self.rows,
            contact,
            ref,
            self._text(cells, mapping.channel, "channel"),
            self._text(cells, mapping.direction, "direction"),
            self._text(cells, mapping.entry_point, "entry_point", TEXT_BYTES),
            self._text(cells, mapping.queue, "queue"),
            int(priority),
            agent,
            service,
            created,
            queued,
            connected,
            ended,
            outcome.meaning,
            tuple(sorted(flags)),
        )

    # --- cells ----------------------------------------------------------------------------

    def _cell(self, cells: list[str], column: str) -> str | None:
        text = cells[self._index[column]].strip()
        if text in self.mapping.null or text in self.mapping.nulls.get(column, ()):
            return None
        return text

    def _cells_of(self, cells: list[str], rule: Untidy) -> dict[str, str | None]:
        columns = (*rule.absent, *rule.present, *rule.equals, *rule.above)
        return {column: self._cell(cells, column) for column in columns}

    def _value(self, cells: list[str], value: Value, name: str) -> str:
        if value.column is None:
            return value.constant or ""
        cell = self._cell(cells, value.column)
        if value.values is None:
            if cell is None and name != "entry_point":
                raise Refusal(f"{name}: column {value.column} is empty")
            if cell is not None and name in WORDS and not is_word(cell, WORDS[name]):
                raise Refusal(f"{name}: {quoted(cell)} of column {value.column} can't be one")
            return cell or ""
        if cell is None or cell not in value.values:
            raise Refusal(f"{name}: {quoted(cell)} of column {value.column} {UNMAPPED}")
        return value.values[cell]

    def _text(self, cells: list[str], value: Value, name: str, longest: int = NAME_CHARS) -> str:
        """A text that is stored; ``longest`` is in bytes of UTF-8."""
        text = self._value(cells, value, name)
        size = len(text.encode())
        if size > longest:
            raise Refusal(f"{name}: {size} bytes, {longest} are the most")
        return text

    def _key(self, cells: list[str]) -> tuple[str, str]:
        parts = []
        for column in self.mapping.key:
            cell = self._cell(cells, column)
            if cell is None:
                raise Refusal(f"key: column {column} is empty")
            parts.append(cell)
        ref = "/".join(parts)
        if len(ref) > 200:
            raise Refusal("key: longer than 200 characters")
        if ref in self._seen:
            raise Refusal(f"duplicate: the key {ref} is that of row {self._seen[ref]}")
        digest = hashlib.sha256(f"{self.mapping.id}\n{ref}".encode()).digest()
        return ref, digest[:16].hex()

    # --- times ----------------------------------------------------------------------------

    def _times(self, cells: list[str], flags: set[str]) -> dict[str, Instant | None]:
        times: dict[str, Instant | None] = {}
        anchor: Instant | None = None
        for column in self.mapping.times:
            cell = self._cell(cells, column.column)
            at = None
            if cell is not None:
                try:
                    at = self._instant(cells, column, cell, times, anchor, flags)
                    if at is not None and not 0 <= at <= EXACT_MAX:
                        raise Unreadable(f"{quoted(cell)} lies before 1970 or after 2255")
                except Unreadable as problem:
                    raise Refusal(f"time: column {column.column}: {problem}") from None
            times[column.column] = at
            if anchor is None:
                anchor = at
        if anchor is not None:
            self._anchor = anchor
        return times

    def _instant(
        self,
        cells: list[str],
        column: TimeColumn,
        cell: str,
        times: dict[str, Instant | None],
        anchor: Instant | None,
        flags: set[str],
    ) -> Instant | None:
        if column.read is not None:
            return self._local(self._dated(cells, column.read(cell)), anchor, flags)
        length = number_of(cell, column.unit_us)
        if column.since == SINCE_EPOCH:
            return Instant(length)
        if column.since == MIDNIGHT:
            if length >= DAY and self.mapping.midnight != "count_on":
                raise Unreadable(f"{cell} lies past midnight, and day.midnight does not allow it")
            return self._local(Civil(self._day(cells), length, None), anchor, flags)
        begin = times[column.since or ""]
        return None if begin is None else Instant(begin + length)

    def _dated(self, cells: list[str], civil: Civil) -> Civil:
        if civil.us_of_day is None:
            raise Unreadable("the format reads no time of day")
        return civil if civil.day is not None else civil._replace(day=self._day(cells))

    def _day(self, cells: list[str]) -> date:
        mapping = self.mapping
        if mapping.day is None or mapping.day_format is None:
            raise Unreadable("no column holds the date; name it under [day]")
        cell = self._cell(cells, mapping.day)
        if cell is None:
            raise Unreadable(f"column {mapping.day} is empty")
        if cell not in self._days:
            day = mapping.day_format(cell).day
            if day is None:
                raise Unreadable("day.format reads no date")
            self._days[cell] = day
        return self._days[cell]

    def _local(self, civil: Civil, anchor: Instant | None, flags: set[str]) -> Instant:
        if civil.day is None or civil.us_of_day is None:
            raise Unreadable("no date or no time of day")
        found = self._found(civil.day, civil.us_of_day, civil.offset_us)
        wraps = self.mapping.midnight == "next_day" and anchor is not None
        if wraps and found[0] < (anchor or 0) - HALF_DAY:
            found = self._found(civil.day, civil.us_of_day + DAY, civil.offset_us)
        if len(found) == 1:
            return found[0]
        first, second = found
        if anchor is not None:
            return min(found, key=lambda one: abs(one - anchor))
        if first < self._anchor <= second:
            return second
        flags.add("ambiguous")
        self._list("ambiguous: the clocks showed this time twice; taken as the first")
        return first

    def _found(self, day: date, us: int, offset: int | None) -> tuple[Instant, ...]:
        if offset is not None:
            return (Instant((day.toordinal() - EPOCH_DAY) * DAY + us - offset),)
        found = instants(self.zone, day, us)
        if not found:
            raise Unreadable(f"the clocks of {self.zone.name} never showed this time")
        return found

    # --- rules ----------------------------------------------------------------------------

    def _apply(self, rule: Untidy, flags: set[str]) -> None:
        if rule.then == "refuse":
            raise Refusal(rule.reason)
        if rule.then == "ignore":
            raise Ignore
        if rule.then == "list":
            self._list(rule.reason)
        if rule.flag is not None:
            flags.add(rule.flag)

    def _begin(
        self, created: Instant | None, queued: Instant | None, flags: set[str]
    ) -> tuple[Instant, Instant]:
        if created is None and queued is None:
            raise Refusal("created: no instant says when it began")
        if created is not None and queued is not None:
            return created, queued
        flags.add("partial")
        self._list("partial: one of created and queued is unknown; the other stands for it")
        at = created if created is not None else queued
        if at is None:
            raise AssertionError("one of the two is known")
        return at, at

    def _order(
        self,
        created: Instant,
        queued: Instant,
        connected: Instant | None,
        ended: Instant | None,
        flags: set[str],
    ) -> None:
        at, last = created, "created"
        steps = (("queued", queued), ("connected", connected), ("ended", ended))
        for name, instant in steps:
            if instant is None:
                continue
            if instant < at:
                flags.add("clamped")
                self._list(f"clamped: {name} lies {at - instant} us before {last}")
            at, last = max(at, instant), name
        if ended is None:
            flags.add("partial")
            self._list("open: no instant says when it ended; it is left open")

    def _service(self, times: dict[str, Instant | None]) -> tuple[Instant, Instant] | None:
        if self.mapping.service is None:
            return None
        begin, end = (_pick(rule, times) for rule in self.mapping.service)
        return None if begin is None or end is None else (begin, end)


def _index(mapping: Mapping, header: Sequence[str], file: str) -> dict[str, int]:
    index: dict[str, int] = {}
    for n, name in enumerate(header):
        if name in index:
            what = f"the column {name!r} stands twice in the header"
            raise ConfigError(f"{file}: line 1", what, "give each column a name of its own")
        index[name] = n
    for column, key in mapping.columns.items():
        if column not in index:
            raise ConfigError(
                f"{file}: line 1",
                f"has no column {column!r}, which the mapping names at {key}",
                f"correct the mapping; the columns are {', '.join(header)}",
            )
    return index


def _pick(rule: TimeRule | None, times: dict[str, Instant | None]) -> Instant | None:
    if rule is None:
        return None
    found = [at for column in rule.columns if (at := times[column]) is not None]
    if not found:
        return None
    return found[0] if rule.pick == "first" else max(found)


def _meets(
    rule: Untidy, word: str | None, times: dict[str, Instant | None], cells: dict[str, str | None]
) -> bool:
    """Whether all conditions of a rule hold for a row."""
    if rule.outcomes and word not in rule.outcomes:
        return False
    if any(cells[column] is not None for column in rule.absent):
        return False
    if any(cells[column] is None for column in rule.present):
        return False
    if any(cells[column] != text for column, text in rule.equals.items()):
        return False
    if any(not _above(cells[column], least) for column, least in rule.above.items()):
        return False
    if rule.before is not None:
        one, other = (_pick(half, times) for half in rule.before)
        if one is None or other is None or one >= other:
            return False
    if rule.same is not None:
        one, other = (_pick(half, times) for half in rule.same)
        if one is None or one != other:
            return False
    return True


def _above(cell: str | None, least: int) -> bool:
    return cell is not None and cell.isascii() and cell.isdigit() and int(cell[:18]) > least
