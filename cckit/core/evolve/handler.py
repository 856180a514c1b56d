"""What an event's handler is."""

from collections.abc import Callable
from typing import Any

from cckit.core.events import Envelope
from cckit.core.floor import Floor

Handler = Callable[[Floor, Envelope, Any], None]


def nothing(floor: Floor, envelope: Envelope, data: Any) -> None:
    """A fact that moves no machine."""
