"""Text from a log or a file, made safe for a terminal.

A name in a log may hold control characters: bytes that move the cursor, colour the screen
or turn the direction of writing would let it forge the lines around it.
"""

import json
from typing import Any, Final

BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
BREAKS: Final = frozenset("\u2028\u2029\ufeff")


def plain(text: str) -> str:
    """Escape C0, C1 (so every ANSI sequence), DEL, marks of direction, and lone surrogates."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(letter) for letter in text)


def _escape(letter: str) -> str:
    code = ord(letter)
    control = code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000
    return f"\\u{code:04x}" if control or letter in BIDI or letter in BREAKS else letter


def plain_json(value: Any, indent: int | None = None) -> str:
    """JSON that is safe on a terminal and means the same: what is escaped stays JSON."""
    separators = (",", ":") if indent is None else None
    text = json.dumps(
        value,
        ensure_ascii=False,
        sort_keys=indent is not None,
        indent=indent,
        separators=separators,
    )
    return "\n".join(plain(line) for line in text.split("\n"))


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


def span_text(us: int) -> str:
    """A length of time for people: ``45 s``, ``3:07``, ``1:02:33``."""
    seconds = abs(us) // 1_000_000
    sign = "-" if us < 0 else ""
    if seconds < 60:
        return f"{sign}{seconds} s"
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{sign}{hour}:{minute:02}:{second:02}" if hour else f"{sign}{minute}:{second:02}"
