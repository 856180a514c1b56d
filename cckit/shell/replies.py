"""What the sender of a command hears, once it is durable."""

from typing import Any, NamedTuple, TypeVar

from cckit.core.errors import Refused, UsageError
from cckit.core.events import Recorded
from cckit.core.facts import OfferMade
from cckit.core.ids import ContactId, OfferId

T = TypeVar("T")


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

    @property
    def contact(self) -> ContactId:
        """The id of the first contact that it wrote about.

        :raises UsageError: it wrote about none.
        """
        for envelope, _ in self.recorded:
            kind, _, name = envelope.stream.partition("/")
            if kind == "contact":
                return ContactId(name)
        raise UsageError("reply", "it wrote about no contact", f"it wrote {self._names()}")

    @property
    def offer(self) -> OfferId:
        """The first offer that it made.

        :raises UsageError: it made none: nobody is free, or nobody waits.
        """
        return self.fact(OfferMade).offer

    def fact(self, kind: type[T]) -> T:
        """The first event of a kind that it led to: ``queued.fact(OfferMade).offer``.

        :raises UsageError: it led to none.
        """
        for _, data in self.recorded:
            if isinstance(data, kind):
                return data
        raise UsageError("reply", f"it led to no {kind.__name__}", f"it wrote {self._names()}")

    def _names(self) -> str:
        return ", ".join(envelope.type for envelope, _ in self.recorded) or "nothing"


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
