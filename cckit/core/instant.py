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
