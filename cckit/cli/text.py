"""Text from a log or a file, made safe for a terminal.

A name in a log may hold control characters: bytes that move the cursor, colour the screen
or turn the direction of writing would let it forge the lines around it.
"""

import json
from typing import Any, Final

from cckit.core.instant import instant_text as instant_text

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


def span_text(us: int) -> str:
    """A length of time for people: ``45 s``, ``3:07``, ``1:02:33``."""
    seconds = abs(us) // 1_000_000
    sign = "-" if us < 0 else ""
    if seconds < 60:
        return f"{sign}{seconds} s"
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{sign}{hour}:{minute:02}:{second:02}" if hour else f"{sign}{minute}:{second:02}"
