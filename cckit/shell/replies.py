"""What the sender of a command hears, once it is durable."""

from typing import Any, NamedTuple

from cckit.core.errors import Refused
from cckit.core.events import Recorded


class Stored(NamedTuple):
    """It was carried out, and is on disk.

    .. versionadded:: 0.1
    """

    recorded: tuple[Recorded[Any], ...]
    """What it led to, in order; empty if there was nothing to do."""

    @property
    def positions(self) -> tuple[int, ...]:
        """Where its events stand in the log."""
        return tuple(envelope.position for envelope, _ in self.recorded)


class Superseded(NamedTuple):
    """A report that came too late: something else had happened before.

    .. versionadded:: 0.1
    """

    by_position: int
    """The event that won."""
    recorded: tuple[Recorded[Any], ...]
    """``fact.superseded``, and what follows from it."""

    @property
    def positions(self) -> tuple[int, ...]:
        """Where its events stand in the log."""
        return tuple(envelope.position for envelope, _ in self.recorded)


class Unknown(NamedTuple):
    """It may be stored or not: repeat it with the same request id after reopening.

    .. versionadded:: 0.1
    """

    where: str
    what: str
    remedy: str


Reply = Stored | Superseded | Refused | Unknown
