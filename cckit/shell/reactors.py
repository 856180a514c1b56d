"""Reactors and channels' orders: durable events out, at least once, from a checkpoint.

The checkpoint is kept in the views, after the batch was handled; a crash between the two
hands out the batch again. Where the views were deleted it begins at the run that first
loaded the plugin.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from cckit.core.errors import StoreError
from cckit.core.events import SYSTEM, Draft, Recorded
from cckit.core.facts import PluginFailed
from cckit.core.ids import CENTER

from .archive import Archive
from .feed import Feed, Subscription
from .writer import Writer

React = Callable[[Sequence[Recorded[Any]]], Awaitable[None]]


class Outlet(NamedTuple):
    """Somebody of a plugin who acts on durable events."""

    plugin: str
    name: str
    """Stable: ``reactor/NAME`` or ``channel/NAME``."""
    types: tuple[type, ...]
    react: React


async def run_outlet(
    outlet: Outlet, since: int, feed: Feed, archive: Archive, writer: Writer
) -> None:
    """Feed one outlet until cancelled; if it raises, it is named and ends.

    ``since``: where to begin if there is no checkpoint.
    """
    start = await archive.checkpoint(outlet.name)
    subscription = Subscription(feed, since if start is None else start, outlet.types)
    while True:
        try:
            batch = await anext(subscription)
        except (StopAsyncIteration, StoreError):
            return  # The log ended here; the center says itself why.
        try:
            await outlet.react(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the plugin's
            blame(writer, outlet.plugin, outlet.name, error, suspended=True)
            return
        archive.save_checkpoint(outlet.name, subscription.position)


def blame(
    writer: Writer, plugin: str, hook: str, error: BaseException, *, suspended: bool
) -> None:
    """Name a plugin that failed: of what it raised only the class, for the rest may be personal."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if writer.accepts():
        failed: Any = PluginFailed(plugin, hook, type(error).__name__, suspended)
        writer.record((Draft(CENTER, failed),), SYSTEM)
        writer.nudge()
