"""The connection to an outside system: up or down, and what was found there that is nobody's."""

from typing import Final

import attrs

from .ids import LegId
from .instant import SECOND

UNREACHABLE_US: Final = 20 * SECOND
"""How long an agent's desk or device may be lost before others are to serve."""
UNREACHABLE: Final = "unreachable"
"""Why such an agent is not ready."""
GRACE_US: Final = 30 * SECOND
"""How long a session that nobody knows is left alone: its arrival may be on the way."""
CARRIES: Final = {"voice": "device", "video": "device"}
"""What of an agent's place carries a channel; the desk carries all others.

A desk phone talks on when the desk is lost, for its device is there. Of an agent who talks
through the browser, desk and device are one: whoever notices reports both as lost.
"""


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Stranger:
    """A session that an adapter found and this log did not know."""

    leg: LegId
    """The name that it was given."""
    at: int
    """When it was found."""
    ordered: bool = False
    """Whether it was ordered to be cleared."""


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Link:
    """Slotted; ``evolve`` alone writes it."""

    up: bool = True
    seen: int = 0
    """Until when it was known to be up, when it was lost last."""
    gap: int = 0
    """From when on something may have happened that nobody told; 0 is nothing."""
    strangers: dict[str, Stranger] = attrs.Factory(dict)
    """By the adapter's name for them."""
