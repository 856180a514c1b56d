"""The lifecycle of adapters: each listens in a task of its own and gets its orders."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from cckit.core.commands import Command, ReportCleared, ReportFailed
from cckit.core.events import SYSTEM, Actor, Draft, Envelope, Recorded
from cckit.core.facts import PluginFailed
from cckit.core.ids import CENTER
from cckit.core.instant import Instant
from cckit.hooks import Channel

from .people import People
from .replies import Reply
from .writer import Writer

ERASED: Final = "erased"
"""The cause of an order that failed since what it needs was erased before it went out."""

Do = Callable[..., Awaitable[Reply]]


class ChannelPort:
    """The center as one channel sees it."""

    def __init__(self, name: str, do: Do) -> None:
        self._actor = Actor("adapter", name)
        self._do = do

    async def report(
        self, command: Command, *, ref: str, number: int, occurred_at: Instant | None = None
    ) -> Reply:
        """Pass on a fact; returns when it is durable."""
        request = f"{self._actor.id}:{ref}:{number}"
        return await self._do(command, actor=self._actor, request=request, occurred_at=occurred_at)


class Orders:
    """Hands a channel its orders, less those that name somebody whose key is destroyed.

    Such an order fails instead, with cause ``erased``: it may have waited for the channel
    while the person was erased.
    """

    def __init__(self, channel: Channel, people: People, writer: Writer) -> None:
        self._channel = channel
        self._people = people
        self._writer = writer

    async def order(self, batch: Sequence[Recorded[Any]]) -> None:
        """As the channel's own."""
        left = [recorded for recorded in batch if not self._people.is_gone(recorded[1])]
        for envelope, data in batch:
            if self._people.is_gone(data):
                self._fail(envelope, data)
        if left:
            await self._channel.order(left)

    def _fail(self, envelope: Envelope, data: Any) -> None:
        offer, leg = getattr(data, "offer", None), getattr(data, "leg", None)
        if offer is not None:
            self._writer.act(ReportFailed(offer, ERASED), SYSTEM, cause=envelope.position)
        elif leg is not None:
            self._writer.act(ReportCleared(leg, ERASED), SYSTEM, cause=envelope.position)
        self._writer.nudge()


async def run_channel(plugin: str, channel: Channel, do: Do, writer: Writer) -> None:
    """Let a channel listen until cancelled; if it raises, it is named and ends."""
    try:
        await channel.run(ChannelPort(channel.name, do))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the plugin's
        failed: Any = PluginFailed(plugin, f"channel/{channel.name}", type(error).__name__, True)
        if writer.accepts():
            writer.record((Draft(CENTER, failed),), SYSTEM)
            writer.nudge()
