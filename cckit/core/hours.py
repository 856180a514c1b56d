"""Hours: a calendar in civil time, and what it comes to in instants.

A calendar says when a center, or some of its queues, are open: for each day of the week,
with holidays and days that have other hours. ``resolve`` expands it from the bytes of a zone
file into the instants between which it is closed. The result goes into the log, with the
digest of these bytes, as configuration of kind ``calendar``: what was open when never again
depends on anybody's zone data.

Two kinds of time are kept apart: ``closed`` is from one closing to the next opening, and
``holidays`` are the civil days, or their parts, that are closed because they are holidays.

Where clocks move: a civil time that a day skips is the instant of the leap; of one that comes
twice, opening takes the first and closing the last.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import attrs
import msgpack

from .events import Recorded
from .facts import ConfigApplied
from .ids import CENTER
from .instant import HOUR, SECOND
from .projection import Canonical

if TYPE_CHECKING:
    from .reports.zone import Zone

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES: Final = 24 * 60
CALENDAR: Final = "calendar"
"""The kind of configuration that a resolved calendar is."""
AHEAD_DAYS: Final = 400
"""How far ahead a calendar is expanded."""
RENEWED_US: Final = 35 * 24 * HOUR
"""How long before its end it is expanded again."""
SPANS_MAX: Final = 20_000

Minutes = tuple[int, int]
"""From and up to, in minutes of a civil day: 0 to 1440."""
Interval = tuple[int, int]
"""From and up to, in microseconds."""


@attrs.frozen(slots=True)
class SpecialDay:
    """A day with hours of its own; a holiday is closed, but for its hours."""

    open: tuple[Minutes, ...] = ()
    holiday: bool = False
    name: str = ""


@attrs.frozen(slots=True)
class Calendar:
    """When something is open, in civil time.

    .. versionadded:: 0.3
    """

    name: str
    zone: str
    scopes: tuple[str, ...] = (CENTER,)
    """``center``, or ``queue/ID`` of each."""
    week: tuple[tuple[Minutes, ...], ...] = ((),) * 7
    """For each day from Monday its hours: rising, apart from each other."""
    days: Mapping[str, SpecialDay] = attrs.field(factory=dict)
    """``2026-12-25`` to what is special about it."""

    def on(self, day: date) -> SpecialDay:
        """The hours of a day."""
        special = self.days.get(day.isoformat())
        return special if special is not None else SpecialDay(self.week[day.weekday()])

    def digest(self, zone: "Zone") -> bytes:
        """32 bytes that are others if the calendar, the zone file or its version are."""
        days = {
            day: [list(map(list, one.open)), one.holiday, one.name]
            for day, one in sorted(self.days.items())
        }
        week = [list(map(list, hours)) for hours in self.week]
        told = [self.name, self.zone, list(self.scopes), week, days, zone.sha256, zone.iana]
        return sha256(msgpack.packb(told)).digest()


@attrs.frozen(slots=True)
class Hours:
    """A calendar as it stands in the log: what was closed when, in instants.

    .. versionadded:: 0.3
    """

    zone: str
    sha256: str
    """Of the zone file, lower-case hex."""
    iana: str
    """The version of the zone data, ``2026a``."""
    digest: bytes
    """Of the calendar that it was made of."""
    scopes: tuple[str, ...]
    from_at: int
    until: int
    """The instants that it speaks of: from a midnight up to another."""
    closed: tuple[Interval, ...] = ()
    """From a closing up to the next opening: rising, apart."""
    holidays: tuple[Interval, ...] = ()
    """What of that is holiday: rising, apart."""

    def pack(self) -> bytes:
        """Canonical msgpack of a map."""
        packed: bytes = msgpack.packb(dict(sorted(attrs.asdict(self).items())))
        return packed

    @classmethod
    def unpack(cls, data: bytes) -> "Hours":
        """:raises TypeError, ValueError: no map of these keys."""
        fields: dict[str, Any] = msgpack.unpackb(data, use_list=False)
        return cls(**fields)

    def mode(self, at: int) -> str:
        """``holiday``, ``closed`` or ``open`` at an instant that it speaks of."""
        for word, spans in (("holiday", self.holidays), ("closed", self.closed)):
            if any(begin <= at < end for begin, end in spans):
                return word
        return "open"


NO_HOURS: Final = Hours("UTC", "", "", b"", (), 0, 0)
"""Of a calendar that was taken away."""


def resolve(calendar: Calendar, zone: "Zone", now: int, days: int = AHEAD_DAYS) -> Hours:
    """Expand a calendar from the civil day of ``now``, ``days`` ahead. Pure.

    :param zone: the zone of that name.
    :param days: 1 to 4,000.
    """
    first = zone.local(now).date()
    every = [first + timedelta(days=n) for n in range(days)]
    begin, until = (at(zone, day, 0) for day in (first, first + timedelta(days=days)))
    closed = _between(begin, until, _joined(_open(calendar, zone, every)))
    holidays = _joined(
        (at(zone, day, 0), at(zone, day + timedelta(days=1), 0))
        for day in every
        if calendar.on(day).holiday
    )
    return Hours(
        zone.name,
        zone.sha256,
        zone.iana,
        calendar.digest(zone),
        calendar.scopes,
        begin,
        until,
        tuple(span for span in closed if not _within(span, holidays)),
        tuple(_common(closed, holidays)),
    )


def at(zone: "Zone", day: date, minute: int, *, last: bool = False) -> int:
    """The instant of a civil time; of one that comes twice, the first, or the ``last``.

    Of one that a day skips, the instant when the clocks leap.
    """
    ahead = timedelta(minutes=minute)
    civil = datetime(day.year, day.month, day.day) + ahead
    folds = (1, 0) if last else (0, 1)
    found, other = (_instant(civil.replace(tzinfo=zone.info, fold=fold)) for fold in folds)
    if zone.local(found).replace(tzinfo=None) == civil:
        return found
    return _leap(zone, min(found, other), max(found, other))


def _instant(civil: datetime) -> int:
    since = civil.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * SECOND


def _leap(zone: "Zone", low: int, high: int) -> int:
    """The second in (low, high] from which on the offset is another one than low's."""
    offset = zone.offset_us(low)
    while high - low > SECOND:
        middle = (low + high) // 2 // SECOND * SECOND
        if zone.offset_us(middle) == offset:
            low = middle
        else:
            high = middle
    return high


def _open(calendar: Calendar, zone: "Zone", days: Sequence[date]) -> Iterator[Interval]:
    for day in days:
        for begin, end in calendar.on(day).open:
            yield at(zone, day, begin), at(zone, day, end, last=end < DAY_MINUTES)


def _joined(spans: Iterator[Interval]) -> list[Interval]:
    """Spans in rising order, those that touch made one, the empty ones left out."""
    found: list[Interval] = []
    for begin, end in spans:
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif end > begin:
            found.append((begin, end))
    return found


def _between(begin: int, until: int, spans: Sequence[Interval]) -> list[Interval]:
    """What lies between the spans."""
    edges = [begin, *(edge for span in spans for edge in span), until]
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]


def _common(some: Sequence[Interval], others: Sequence[Interval]) -> Iterator[Interval]:
    for begin, end in some:
        for other, last in others:
            if max(begin, other) < min(end, last):
                yield max(begin, other), min(end, last)


def _within(span: Interval, others: Sequence[Interval]) -> bool:
    return any(begin <= span[0] and span[1] <= end for begin, end in others)


def wrong_hours(id: str, data: bytes) -> str | None:
    """Say what is wrong with a resolved calendar, if anything."""
    if not id:
        return "the calendar has no name"
    try:
        hours = Hours.unpack(data)
    except (TypeError, ValueError, msgpack.UnpackException) as error:
        return f"it is unreadable: {type(error).__name__}"
    for name, kind in (("zone", str), ("sha256", str), ("iana", str), ("digest", bytes)):
        if type(getattr(hours, name)) is not kind:
            return f"{name} is {getattr(hours, name)!r}, allowed is {kind.__name__}"
    if type(hours.scopes) is not tuple or any(type(one) is not str for one in hours.scopes):
        return f"scopes are {hours.scopes!r}, allowed is a list of text"
    for name in ("closed", "holidays"):
        what = _wrong_spans(getattr(hours, name))
        if what is not None:
            return f"{name}: {what}"
    ends = (hours.from_at, hours.until)
    if any(type(one) is not int for one in ends) or not 0 <= ends[0] <= ends[1] < 2**63:
        return f"from_at and until are {ends!r}, allowed are instants, the first first"
    if hours.pack() != data:
        return "it is not the canonical msgpack of a map of all its parts"
    return None


def _wrong_spans(spans: Any) -> str | None:
    if type(spans) is not tuple or len(spans) > SPANS_MAX:
        return f"allowed is a list of at most {SPANS_MAX:,} pairs"
    edge = -1
    for span in spans:
        if type(span) is not tuple or [type(one) for one in span] != [int, int]:
            return f"{span!r} is no pair of instants"
        if not edge < span[0] < span[1] < 2**63:
            return f"{span!r} is reversed, or overlaps the one before"
        edge = span[1]
    return None


class Calendars:
    """The calendars in force, by name, as a projection; their packed form."""

    name = "center.calendars"
    version = 1
    types: tuple[type, ...] = (ConfigApplied,)

    def initial(self) -> dict[str, bytes]:
        return {}

    def apply(self, state: dict[str, bytes], recorded: Recorded[ConfigApplied]) -> None:
        _, data = recorded
        if data.kind == CALENDAR and Hours.unpack(data.data).scopes:
            state[data.id] = data.data
        elif data.kind == CALENDAR:
            state.pop(data.id, None)

    def dump(self, state: dict[str, bytes]) -> Canonical:
        return dict(sorted(state.items()))


__all__ = [
    "CALENDAR",
    "Calendars",
    "Calendar",
    "Hours",
    "SpecialDay",
    "at",
    "resolve",
    "wrong_hours",
]
