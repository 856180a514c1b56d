"""Civil time from zone bytes: intervals of a report are civil, not steps of 24 hours.

A zone is the content of a TZif file (RFC 8536), read by the shell and handed in, so that a
report depends on these bytes and on no machine's own zone data. A bucket is all the instants
with one civil label and one offset: a day has 46 to 50 half-hours where clocks move, a
repeated half-hour stands twice with its two offsets, and a day that a zone skipped has none.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from typing import Final
from zoneinfo import ZoneInfo

import attrs

from cckit.core.errors import ConfigError
from cckit.core.instant import HOUR, MINUTE, SECOND

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
DAY: Final = 24 * HOUR
LONGEST_DAY: Final = 50 * HOUR
"""More than any civil day; Alaska had one of 48 h in 1867."""
EARLIEST: Final = -62_135_000_000 * SECOND
LATEST: Final = 253_402_000_000 * SECOND
"""What civil dates can say: the years 1 to 9999."""
MAGIC: Final = b"TZif"
HEADER: Final = struct.Struct(">4xc15x6I")
"""Magic, version, unused; counts of UTC and standard marks, leaps, times, types, letters."""
LOCAL: Final = struct.Struct(">iBB")
"""A kind of local time: seconds ahead of UTC, 1 in summer, where its name begins."""
VERSIONS: Final = (b"\0", b"2", b"3", b"4")
STEPS: Final = ("5", "10", "15", "20", "30", "60", "day", "all")
"""Lengths of intervals: minutes, a civil day, or the whole range."""
INTERVALS_MAX: Final = 40_000
"""More than a year of quarters of an hour; what is longer nobody reads, and fills the memory."""
DAYS_MAX: Final = 4_000
"""Ten years; of days, a report is asked for whole."""


@attrs.frozen(slots=True, eq=False)
class Zone:
    """A time zone from the bytes of its file."""

    name: str
    """As tzdata has it: ``Asia/Jerusalem``."""
    data: bytes
    """The TZif file."""
    iana: str
    """The version of the data, ``2026a``."""
    info: ZoneInfo

    @classmethod
    def of(cls, name: str, data: bytes, iana: str) -> "Zone":
        """Read a zone's bytes.

        :raises ConfigError: they are not a TZif file.
        """
        remedy = "take the file of that name from the tzdata package"
        refusal = ConfigError(f"zone {name}", "its bytes are no TZif file", remedy)
        if not _is_whole(data):
            raise refusal
        try:
            info = ZoneInfo.from_file(BytesIO(data), key=name)
            for month in range(1, 13):  # Its footer may name an offset of more than a day.
                datetime(2500, month, 1, tzinfo=info).utcoffset()
        except (
            ValueError,
            EOFError,
            IndexError,
            OverflowError,
            AssertionError,
            struct.error,
        ) as error:
            raise refusal from error
        return cls(name, data, iana, info)

    @property
    def sha256(self) -> str:
        """Of the file, as lower-case hex."""
        return sha256(self.data).hexdigest()

    def local(self, at: int) -> datetime:
        """The civil time of an instant, with its offset; to the microsecond.

        Of one that civil dates cannot say, that of the last or first one that they can.
        """
        at = max(EARLIEST, min(at, LATEST))
        return (EPOCH + timedelta(microseconds=at)).astimezone(self.info)

    def offset_us(self, at: int) -> int:
        """What civil time is ahead of UTC by."""
        offset = self.local(at).utcoffset() or timedelta(0)
        return (offset.days * 86_400 + offset.seconds) * SECOND

    def text(self, at: int) -> str:
        """``1999-02-08T07:30:00.000000+02:00``; the fraction only where there is one.

        An instant that civil dates cannot say is its number, as ``2305843009213693952us``.
        """
        return self.local(at).isoformat() if EARLIEST <= at <= LATEST else f"{at}us"


def _is_whole(data: bytes) -> bool:
    """Everything that the file's counts and numbers point to is in it (RFC 8536, 3.1 to 3.3).

    ``zoneinfo`` believes them: a damaged file can keep it busy for ever, or crash it.
    """
    at = 0
    for width in (4, 8):
        if data[at : at + 4] != MAGIC or len(data) < at + HEADER.size:
            return False
        version, utc, standard, leaps, times, types, letters = HEADER.unpack_from(data, at)
        kinds = at + HEADER.size + times * width
        local = kinds + times
        names = local + types * LOCAL.size
        at = names + letters + leaps * (width + 4) + standard + utc
        if len(data) < at or version not in VERSIONS or not types:
            return False
        if max(data[kinds:local], default=0) >= types:
            return False
        for n in range(types):
            offset, summer, name = LOCAL.unpack_from(data, local + n * LOCAL.size)
            if abs(offset) >= DAY // SECOND or summer > 1:
                return False
            if b"\0" not in data[names + name : names + letters]:
                return False
        if version == VERSIONS[0]:
            return True
    return data[at : at + 1] == b"\n" and b"\n" in data[at + 1 :]


@attrs.frozen(slots=True)
class Bucket:
    """One interval of a report."""

    label: str
    """Civil: ``1999-02-08T07:30+02:00``, ``1999-02-08`` for a day, ``all`` for a range."""
    at: int
    """Its first instant."""
    length_us: int


class Buckets:
    """The intervals of a range, and where an instant falls."""

    __slots__ = ("_ends", "_index", "_starts", "rows")

    def __init__(self, pieces: list[tuple[int, int, str]]) -> None:
        """Pieces are (start, end, label), in order, without holes; a label may return."""
        numbers: dict[str, int] = {}
        self.rows: list[Bucket] = []
        self._starts = [start for start, _, _ in pieces]
        self._ends = [end for _, end, _ in pieces]
        self._index: list[int] = []
        for start, end, label in pieces:
            number = numbers.setdefault(label, len(numbers))
            self._index.append(number)
            if number == len(self.rows):
                self.rows.append(Bucket(label, start, end - start))
            else:
                seen = self.rows[number]
                self.rows[number] = attrs.evolve(seen, length_us=seen.length_us + end - start)

    def find(self, at: int) -> int:
        """The number of the bucket that an instant falls into, -1 outside the range."""
        i = bisect_right(self._starts, at) - 1
        return self._index[i] if i >= 0 and at < self._ends[i] else -1

    def clip(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The part of [start, end) in each bucket, as (number, microseconds)."""
        i = max(0, bisect_right(self._starts, start) - 1)
        while i < len(self._starts) and self._starts[i] < end:
            part = min(end, self._ends[i]) - max(start, self._starts[i])
            if part > 0:
                yield self._index[i], part
            i += 1


def buckets(zone: Zone, from_: int, to: int, step: str) -> Buckets:
    """Cut [from_, to) into civil intervals: ``15``, ``30``, ``60`` …, ``day`` or ``all``.

    Intervals at the edges are cut off where the range is.

    :raises ConfigError: an unknown step, instants beyond civil dates, or too many intervals.
    """
    if step not in STEPS:
        allowed = ", ".join(STEPS)
        raise ConfigError("interval", f"{step!r} is no interval", f"take one of {allowed}")
    if not EARLIEST <= from_ <= to <= LATEST:
        what = f"from {said(zone, from_)} to {said(zone, to)} is no range of civil time"
        raise ConfigError("range", what, "give instants of the years 1 to 9999, the first first")
    if step == "all":
        return Buckets([(from_, to, "all")] if from_ < to else [])
    _refuse_too_many(zone, from_, to, step)
    width = HOUR if step == "day" else int(step) * MINUTE
    pieces = []
    at = from_
    while at < to:
        offset = zone.offset_us(at)
        civil = at + offset
        end = at + width - civil % width
        if zone.offset_us(end - 1) != offset:
            end = _change(zone, at, end)
        label = _label(zone, civil - civil % width, offset, day=step == "day")
        pieces.append((at, min(end, to), label))
        at = end
    return Buckets(pieces)


def said(zone: Zone, at: int) -> str:
    """An instant for a message; also of one that civil dates can't say."""
    if EARLIEST <= at <= LATEST:
        return zone.text(at)
    return "before the year 1" if at < 0 else "after the year 9999"


def _refuse_too_many(zone: Zone, from_: int, to: int, step: str) -> None:
    width, most = (DAY, DAYS_MAX) if step == "day" else (int(step) * MINUTE, INTERVALS_MAX)
    count = -(-(to - from_) // width)
    if count > most:
        what = (
            f"from {zone.text(from_)} to {zone.text(to)} there would be about {count:,} intervals, "
            f"and {most:,} are the most"
        )
        remedy = "give --from and --to, or a longer --interval; --interval all is one row"
        raise ConfigError("range", what, remedy)


def _label(zone: Zone, civil: int, offset: int, *, day: bool) -> str:
    days, rest = divmod(civil, DAY)
    text = date.fromordinal(EPOCH_DAY + days).isoformat()
    if day:
        return text
    minutes = rest // MINUTE
    sign, ahead = ("-", -offset) if offset < 0 else ("+", offset)
    hours, seconds = divmod(ahead // SECOND, 3600)
    label = f"{text}T{minutes // 60:02}:{minutes % 60:02}{sign}{hours:02}:{seconds // 60:02}"
    return label if seconds % 60 == 0 else f"{label}:{seconds % 60:02}"


def _change(zone: Zone, low: int, high: int) -> int:
    """The first whole second in (low, high) with another offset than low's."""
    offset = zone.offset_us(low)
    low, high = low // SECOND, -(-high // SECOND)
    while high - low > 1:
        middle = (low + high) // 2
        if zone.offset_us(middle * SECOND) == offset:
            low = middle
        else:
            high = middle
    return high * SECOND


def civil_days(zone: Zone, first: int, last: int) -> tuple[int, int]:
    """The whole civil days around two instants: a midnight before and one after."""
    first, last = (max(EARLIEST, min(at, LATEST)) for at in (first, last))
    before = _edge(zone, first - LONGEST_DAY, first)
    return max(EARLIEST, before), min(_edge(zone, last, last + LONGEST_DAY, after=True), LATEST)


def _edge(zone: Zone, low: int, high: int, *, after: bool = False) -> int:
    """The midnight at or before high, or with ``after`` the first one after low."""
    day = zone.local(low if after else high).date()
    low, high = low // SECOND, high // SECOND
    while high - low > 1:
        middle = (low + high) // 2
        civil = zone.local(middle * SECOND).date()
        if civil > day or (civil == day and not after):
            high = middle
        else:
            low = middle
    return high * SECOND
