"""What an adapter to a switch, a mail server or a chat is.

It passes on facts as reports and carries out orders, which are durable events, in
position order and again from its checkpoint after a crash; fences keep a repeated order
from acting twice.

Personal values in an order are sealed (``Sealed``), and a channel is given no key. So an
order to dial out names whom to call by ``leg.ordered.address``, which is not opened for a
channel yet.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from cckit.core.commands import Command
from cckit.core.events import Recorded
from cckit.core.instant import Instant


class Port(Protocol):
    """The center, as a channel sees it."""

    async def report(
        self, command: Command, *, ref: str, number: int, occurred_at: Instant | None = None
    ) -> object:
        """Pass on a fact; returns when it is durable.

        ``ref`` and ``number`` are the source's name and count of it: the same ones again
        are the same fact, and get the first answer.
        """
        ...


class Channel(Protocol):
    """One adapter.

    .. versionadded:: 0.1
    """

    name: str
    """Stable: facts and the checkpoint carry it."""
    orders: tuple[type, ...]
    """The event classes that it carries out."""

    async def run(self, port: Port) -> None:
        """Listen to the outside until cancelled."""
        ...

    async def order(self, batch: Sequence[Recorded[Any]]) -> None:
        """Carry out durable orders, never empty, by their fences; see the module's head."""
        ...
