"""When somebody may be called: windows of the week, or windows given as instants.

Pure: the same windows and the same instant give the same answer in every run. Civil times are
turned into instants by the zone's own rules (PEP 495: of a time that comes twice the first
is meant, one that is skipped moves on by what was skipped).
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

import attrs

from cckit.core import MINUTE, Instant

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)
_WEEK: Final = 7


@attrs.frozen(slots=True)
class Weekly:
    """The same hours on some days of every week."""

    days: frozenset[int]
    """0 is Monday."""
    begin: time
    end: time
    """Midnight is the end of the day."""


@attrs.frozen(slots=True)
class Windows:
    """When calling is allowed. Without any window it always is."""

    zone: tzinfo = UTC
    weekly: tuple[Weekly, ...] = ()
    listed: tuple[tuple[Instant, Instant], ...] = ()
    """From the first up to and without the second, sorted: instead of the weekly ones."""

    def holds(self, at: Instant) -> bool:
        """Tell whether calling is allowed at an instant."""
        return self.next(at) == at

    def next(self, at: Instant) -> Instant | None:
        """The first instant from ``at`` on when calling is allowed; None if there is none."""
        if not self.weekly and not self.listed:
            return at
        found = (max(at, begin) for begin, end in self._around(at) if end > at)
        return min(found, default=None)

    def _around(self, at: Instant) -> Iterator[tuple[Instant, Instant]]:
        if self.listed:
            yield from self.listed
            return
        today = (_EPOCH + at * _US).astimezone(self.zone).date()
        for ahead in range(-1, _WEEK + 1):
            day = today + timedelta(days=ahead)
            for window in self.weekly:
                if day.weekday() in window.days:
                    yield self._instants(day, window)

    def _instants(self, day: date, window: Weekly) -> tuple[Instant, Instant]:
        last = day + timedelta(days=1) if window.end == time(0) else day
        return self._instant(day, window.begin), self._instant(last, window.end)

    def _instant(self, day: date, at: time) -> Instant:
        return Instant((datetime.combine(day, at, self.zone) - _EPOCH) // _US)


@attrs.frozen(slots=True)
class Rules:
    """What a center promises, and how hard it tries."""

    windows: Windows = Windows()
    ahead_us: int = 30 * 24 * 60 * MINUTE
    """How far ahead a callback may be agreed."""
    late_us: int = 240 * MINUTE
    """How long after its instant a scheduled callback may still begin; then it expires."""
    kept_us: int = 15 * MINUTE
    """How long after its instant a connection still keeps the promise."""
    lane: int = 1
    """Where a scheduled callback waits when it is due."""


def refusal(rules: Rules, due: Instant, now: int) -> tuple[str, str] | None:
    """Why nobody can be promised to be called at ``due``: a word and what is wrong."""
    if due < now:
        return "past", "that time has passed"
    if due > now + rules.ahead_us:
        days = rules.ahead_us // (24 * 60 * MINUTE)
        return "too_far", f"that is more than {days} days ahead"
    if not rules.windows.holds(due):
        return "closed", "nobody is called at that time"
    return None


def possible(rules: Rules, due: Instant, now: int) -> Instant | None:
    """The next instant that can be promised instead; None if there is none.

    ``due`` itself if that can be kept, else the first one after it, and after ``now``.
    """
    found = rules.windows.next(Instant(max(due, now)))
    if found is not None and found > now + rules.ahead_us:
        found = rules.windows.next(Instant(now))
    return found if found is not None and found <= now + rules.ahead_us else None


def said(rules: Rules, at: Instant) -> str:
    """An instant for people: civil time in the zone of the windows, to the second."""
    civil = (_EPOCH + at * _US).astimezone(rules.windows.zone)
    text = civil.replace(microsecond=0, tzinfo=None).isoformat(" ")
    return f"{text} {rules.windows.zone}"
