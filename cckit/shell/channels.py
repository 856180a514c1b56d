"""The lifecycle of adapters: each listens in a task of its own and gets its orders."""

from collections.abc import Awaitable, Callable
from typing import Any

from cckit.core.commands import Command
from cckit.core.events import SYSTEM, Actor, Draft
from cckit.core.facts import PluginFailed
from cckit.core.ids import CENTER
from cckit.core.instant import Instant
from cckit.hooks import Channel

from .replies import Reply
from .writer import Writer

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


async def run_channel(plugin: str, channel: Channel, do: Do, writer: Writer) -> None:
    """Let a channel listen until cancelled; if it raises, it is named and ends."""
    try:
        await channel.run(ChannelPort(channel.name, do))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the plugin's
        failed: Any = PluginFailed(plugin, f"channel/{channel.name}", type(error).__name__, True)
        if writer.accepts():
            writer.record((Draft(CENTER, failed),), SYSTEM)
            writer.nudge()
