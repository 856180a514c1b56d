"""When an event counts: where its source puts it, if that can be believed."""

from typing import Final

from cckit.core.events import Stamp
from cckit.core.instant import HOUR

BELIEVED_US: Final = 3653 * 24 * HOUR
"""Ten years: further from when it was heard, an instant is a broken clock's, not a late report's.

One such instant would stretch a report over centuries of empty intervals.
"""

FURTHEST: Final = 2**63 - 1
"""What a canonical integer can say."""


def instant_of(stamp: Stamp) -> tuple[int, int]:
    """The instant that an event counts at, and how far it was moved from what was said."""
    recorded, said = stamp.recorded_at, stamp.occurred_at
    if said is None:
        return recorded, 0
    apart = abs(said - recorded)
    return (said, 0) if apart <= BELIEVED_US else (recorded, min(apart, FURTHEST))
