"""What is promised for which kind of case, and which contacts belong together. Pure."""

from collections.abc import Mapping
from typing import Final

import attrs

from cckit.core.instant import DAY

RESPONSE: Final = "response"
RESOLUTION: Final = "resolution"
CLOCKS: Final = (RESPONSE, RESOLUTION)


@attrs.frozen
class Kind:
    """What is promised for one kind of case."""

    response_us: int = 0
    """Until an agent first speaks or writes to the customer; 0 is not promised."""
    resolution_us: int = 0
    """Until it is resolved, waiting for the customer apart; 0 is not promised."""
    reopen_us: int = 7 * DAY
    """How long a contact of the same person opens it again."""


@attrs.frozen
class Rules:
    """How cases work in a center."""

    kinds: Mapping[str, Kind] = attrs.field(factory=dict)
    """Empty: any kind, nothing promised."""
    window_us: int = DAY
    """Two contacts of one person, with the same entry point and no longer apart, are one matter."""
    open_for: tuple[str, ...] = ()
    """Channels whose contacts open a case by themselves, where the person is known."""
    merge: tuple[str, ...] = ()
    """Channels on which a contact that waits is dropped when the person's matter is served
    on another one."""
    kind: str = "general"
    """Of the cases that open by themselves."""

    def kind_of(self, name: str) -> Kind:
        return self.kinds.get(name, _PLAIN)


_PLAIN: Final = Kind()
