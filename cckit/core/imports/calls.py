"""A file of call records as the decisions of a log.

Facts are appended, not commands: nothing is offered, no agent's state is invented, and
what the source does not know is null. All events are sorted by (time, verb, row content),
so the order of the rows does not matter; ids come from the mapping and the source's key,
agents are numbered in the order in which they first serve. The same file and mapping
give the same bytes.
"""

import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator
from io import StringIO
from itertools import pairwise
from typing import Any, Final, NamedTuple

from cckit.core.errors import FormatError
from cckit.core.events import SYSTEM, Actor, Decision, Draft, Envelope, Stamp, kind_of
from cckit.core.facts import (
    ContactClosed,
    ContactConnected,
    ContactCreated,
    FactFlagged,
    LegCleared,
    QueueEntered,
    QueueLeft,
)
from cckit.core.ids import (
    EPOCH_SHIFT,
    AgentId,
    EntryId,
    LegId,
    QueueId,
    Stream,
    contact_stream,
)
from cckit.core.instant import Instant, Span
from cckit.core.reports.zone import Zone

from .mapping import Mapping
from .rows import Problem, Refusal, Rows, Visit

CREATED, QUEUED, CONNECTED, ENDED = range(4)
"""The verbs in the order in which they stand at one instant."""

EVERY: Final = 1000
"""Rows between two reports of progress."""


class Imported(NamedTuple):
    """What was found in a file: ``rows`` is the sum of the next three."""

    rows: int
    imported: int
    ignored: int
    refused: int
    problems: tuple[Problem, ...]
    """By row; also of rows that were imported all the same."""
    visits: tuple[Visit, ...]
    """In the order of the file."""


class _Legs(NamedTuple):
    """The core ids of a contact that has begun."""

    customer: LegId
    entry: EntryId | None
    agent: LegId | None


def log_id(content: bytes, mapping: bytes) -> bytes:
    """The 16 bytes that name the log of a file read by a mapping."""
    both = hashlib.sha256(content).digest() + hashlib.sha256(mapping).digest()
    return hashlib.sha256(b"cckit import calls\n" + both).digest()[:16]


def read_calls(
    content: bytes,
    mapping: Mapping,
    zone: Zone,
    file: str,
    progress: Callable[[int], None] = lambda _: None,
) -> Imported:
    """Read a whole file; ``progress`` is told every 1,000 rows how many were read.

    :raises FormatError: bytes that are not text in the mapping's encoding, or not CSV.
    :raises ConfigError: a column of the mapping that the file does not have.

    .. versionadded:: 0.1
    """
    text = _decode(content, mapping.encoding, file)
    lines = csv.reader(StringIO(text, newline=""), delimiter=mapping.delimiter, strict=True)
    visits = []
    try:
        header = [name.strip() for name in next(lines, [])]
        if not header:
            raise FormatError(f"{file}: line 1", "the file is empty", "give a CSV with a header")
        rows = Rows(mapping, zone, header, file)
        for visit in rows.visits(_cells(lines)):
            visits.append(visit)
            if rows.rows % EVERY == 0:
                progress(rows.rows)
    except csv.Error as problem:
        where = f"{file}: line {lines.line_num}"
        raise FormatError(where, f"is no CSV: {problem}", "quote cells as RFC 4180 says") from None
    problems = sorted([*rows.problems, *_overlaps(visits)], key=lambda problem: problem.row)
    return Imported(
        rows.rows, rows.imported, rows.ignored, rows.refused, tuple(problems), tuple(visits)
    )


def _cells(lines: Any) -> Iterator[list[str] | Refusal]:
    """The rows of a CSV reader; one with a cell that is too long for it is refused alone.

    :raises csv.Error: any other fault, after which nothing says where rows begin.
    """
    while True:
        before = lines.line_num
        try:
            cells = next(lines)
        except StopIteration:
            return
        except csv.Error as problem:
            if lines.line_num > before + 1 or "field limit" not in str(problem):
                raise
            yield Refusal(f"cell: longer than {csv.field_size_limit()} characters")
        else:
            yield cells


def _decode(content: bytes, encoding: str, file: str) -> str:
    try:
        return content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise FormatError(
            f"{file}: line {line}",
            f"byte {problem.start} is not {encoding}",
            "correct the file, or name its encoding in the mapping under file.encoding",
        ) from None


def _overlaps(visits: Iterable[Visit]) -> list[Problem]:
    """Services that began before the agent's last one had ended."""
    services = sorted(
        (visit.agent, *visit.service, visit.row)
        for visit in visits
        if visit.agent is not None and visit.service is not None
    )
    found = []
    for (agent, _, end, row), (next_agent, begin, _, next_row) in pairwise(services):
        if agent == next_agent and begin < end:
            found.append(Problem(next_row, f"overlap: its agent was still serving row {row}"))
    return found


def decisions(
    imported: Imported, mapping: Mapping, opening: Iterable[Draft], epoch: int
) -> Iterator[Decision]:
    """All decisions of the log, one for what befell a contact at one instant.

    ``opening`` comes before the first contact: schemas, run.started, the configuration.

    .. versionadded:: 0.1
    """
    order = _in_order(imported.visits)
    source = Actor("adapter", mapping.id)
    numbers = _numbers(order, mapping)
    begin = Instant(order[0][0] if order else 0)
    log = _Log(begin)
    for draft in opening:
        yield log.decision(SYSTEM, begin, None, (draft,))
    floor = _Floor(epoch, numbers)
    for at, verb, _, visit in order:
        drafts = floor.facts(verb, visit)
        said = (visit.created, visit.queued, visit.connected, visit.ended)[verb]
        yield log.decision(source, Instant(at), said, drafts)


def _in_order(visits: Iterable[Visit]) -> list[tuple[int, int, str, Visit]]:
    """(instant, verb, contact, visit) of all that happened, sorted.

    An instant before the contact's last one counts as that one.
    """
    order: list[tuple[int, int, str, Visit]] = []
    for visit in visits:
        at: int = visit.created
        steps = (visit.created, visit.queued, visit.connected, visit.ended)
        for verb, instant in enumerate(steps):
            if instant is None or (verb == QUEUED and visit.meaning.left is None):
                continue
            at = max(at, instant)
            order.append((at, verb, visit.contact, visit))
    order.sort(key=lambda step: step[:3])
    return order


def _numbers(order: Iterable[tuple[int, int, str, Visit]], mapping: Mapping) -> dict[str, AgentId]:
    """Agents by the order in which they first serve: names go nowhere."""
    names = dict.fromkeys(
        visit.agent for _, verb, _, visit in order if verb == CONNECTED and visit.agent is not None
    )
    width = max(3, len(str(len(names))))
    return {name: AgentId(f"{n:0{width}}") for n, name in enumerate(names, 1)} | {
        "": AgentId(mapping.agent_unknown)
    }


class _Log:
    """Places of events: positions, stream versions, time that never goes back."""

    def __init__(self, begin: Instant) -> None:
        self._now: int = begin
        self._position = 0
        self._versions: dict[Stream, int] = {}

    def decision(
        self, actor: Actor, at: Instant, said: Instant | None, drafts: tuple[Draft, ...]
    ) -> Decision:
        """``at`` is what the rules made of the instant that the source ``said``."""
        self._now = max(self._now, at)
        stamp = Stamp(self._now, actor, occurred_at=said)
        recorded: list[tuple[Envelope, Any]] = []
        for stream, data in drafts:
            version = self._versions.get(stream, 0)
            self._versions[stream] = version + 1
            kind = kind_of(type(data))
            recorded.append((Envelope(stamp, self._position, stream, version, kind), data))
            self._position += 1
        return Decision(stamp, tuple(recorded))


class _Floor:
    """What importing has to remember: counters, and the ids of open contacts."""

    def __init__(self, epoch: int, numbers: dict[str, AgentId]) -> None:
        self._last = epoch << EPOCH_SHIFT
        self._numbers = numbers
        self._entered: dict[str, int] = {}
        self._open: dict[str, _Legs] = {}

    def _next(self) -> int:
        self._last += 1
        return self._last

    def facts(self, verb: int, visit: Visit) -> tuple[Draft, ...]:
        """The facts of one verb, in the contact's stream."""
        stream = contact_stream(visit.contact)
        make = (self._created, self._queued, self._connected, self._ended)[verb]
        return tuple(Draft(stream, data) for data in make(visit))

    def _created(self, visit: Visit) -> list[Any]:
        legs = _Legs(LegId(self._next()), None, None)
        self._open[visit.contact] = legs
        created = ContactCreated(
            channel=visit.channel,
            direction=visit.direction,
            leg=legs.customer,
            subject=None,
            from_=None,
            to=None,
            entry_point=visit.entry_point,
            ref=visit.ref,
        )
        return [created, FactFlagged(visit.flags)] if visit.flags else [created]

    def _queued(self, visit: Visit) -> list[Any]:
        entry = EntryId(self._next())
        self._open[visit.contact] = self._open[visit.contact]._replace(entry=entry)
        n = self._entered.get(visit.queue, 0) + 1
        self._entered[visit.queue] = n
        since = Instant(max(visit.created, visit.queued))
        return [QueueEntered(entry, QueueId(visit.queue), n, since, visit.priority, 0, ())]

    def _connected(self, visit: Visit) -> list[Any]:
        leg = LegId(self._next())
        legs = self._open[visit.contact]._replace(agent=leg)
        self._open[visit.contact] = legs
        agent = self._numbers["" if visit.agent is None else visit.agent]
        return [ContactConnected(agent, legs.entry, None, leg), *self._left(visit, legs)]

    def _ended(self, visit: Visit) -> list[Any]:
        legs = self._open.pop(visit.contact)
        meaning = visit.meaning
        made: list[Any] = [] if legs.agent is not None else self._left(visit, legs)
        made.append(LegCleared(legs.customer, "normal", meaning.by))
        if legs.agent is not None:
            made.append(LegCleared(legs.agent, "normal", meaning.by))
        made.append(ContactClosed(meaning.closed, meaning.phase, meaning.by))
        return made

    def _left(self, visit: Visit, legs: _Legs) -> list[QueueLeft]:
        if legs.entry is None or visit.meaning.left is None:
            return []
        begin = max(visit.created, visit.queued)
        end = visit.ended if visit.connected is None else visit.connected
        wait = Span(0 if end is None else max(0, end - begin))
        return [QueueLeft(legs.entry, visit.meaning.left, wait)]
