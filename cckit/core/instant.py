"""Time is an argument: integer microseconds since the epoch, UTC.

Integers are exact in JSON and JavaScript (below 2^53) and on every machine. A field
that ends in ``_us`` is a length; ``due``, ``since``, ``until`` and ``*_at`` are instants.
"""

from typing import Final, NewType

Instant = NewType("Instant", int)
"""Microseconds since 1970-01-01T00:00:00Z."""

Span = NewType("Span", int)
"""A length of time in microseconds."""

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR


def instant_text(at: int) -> str:
    """An instant as RFC 3339 in UTC, to the microsecond: ``2026-01-01T09:00:00.000000Z``."""
    days, us = divmod(at, 86_400_000_000)
    seconds, us = divmod(us, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    year, month, day = _civil(days)
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{us:06}Z"


def _civil(days: int) -> tuple[int, int, int]:
    """Days since 1970 to a date, for any year (Hinnant, chrono-compatible date algorithms)."""
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year_of_era + era * 400 + (month <= 2), month, day
