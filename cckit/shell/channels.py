"""The lifecycle of adapters: each listens in a task of its own and gets its orders.

Who is on the line is asked when a connection is there (again), when it is not known what
became of an order, and every 30 seconds; the floor settles what differs.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import trio

from cckit.core.commands import (
    Command,
    ReportCleared,
    ReportFailed,
    ReportLink,
    ReportSessions,
    ReportStatus,
)
from cckit.core.errors import Refused
from cckit.core.events import SYSTEM, Actor, Draft, Envelope, Recorded
from cckit.core.facts import (
    ContactCreated,
    GapClosed,
    GapOpened,
    LegOrdered,
    MessageSent,
    OfferMade,
    PluginFailed,
)
from cckit.core.ids import CENTER, ContactId
from cckit.core.instant import Instant
from cckit.hooks import Channel
from cckit.hooks.channel import FAILED, UNKNOWN, Reconciling, Result

from .archive import Archive
from .clock import Clock
from .people import People
from .people.access import Access
from .replies import Reply
from .writer import Writer

ERASED: Final = "erased"
"""The cause of an order that failed since what it needs was erased before it went out."""
SHUT: Final = "not_shown"
"""The cause of an order that failed since the center would not show what it needs."""
RESULT_S: Final = 10
SESSIONS_S: Final = 30
PURPOSE: Final = "to carry out the order"
BRINGS: Final = ("dial", "join", "monitor")
"""Orders that bring somebody in: who does not come is cleared."""

Do = Callable[..., Awaitable[Reply]]


class ChannelPort:
    """The center as one channel sees it."""

    def __init__(self, plugin: str, channel: Channel, writer: Writer, clock: Clock) -> None:
        self.plugin = plugin
        self.channel = channel
        self.do: Do | None = None
        """The center's; nothing is asked before it is there."""
        self._actor = Actor("adapter", channel.name)
        self._writer = writer
        self._clock = clock

    async def report(
        self, command: Command, *, ref: str, number: int, occurred_at: Instant | None = None
    ) -> Reply:
        """Pass on a fact; returns when it is durable."""
        request = f"{self._actor.id}:{ref}:{number}"
        assert self.do is not None
        reply = await self.do(command, actor=self._actor, request=request, occurred_at=occurred_at)
        if type(command) is ReportLink and command.up:
            await self.reconcile()
        return reply

    async def lost(self, from_at: Instant, until: Instant, counts: Mapping[str, int]) -> None:
        """Say that facts were dropped since there was no room for them."""
        facts = GapOpened(f"buffer {self._actor.id}"), GapClosed(from_at, until, dict(counts))
        drafts = tuple(Draft(CENTER, fact) for fact in facts)
        self._writer.check_open()
        await self._writer.durable(self._writer.record(drafts, self._actor))

    async def reconcile(self) -> None:
        """Ask who is on the line, and let the floor settle what differs.

        What is recorded from now on is newer than the answer, so it is left alone.
        """
        if self.do is None or not isinstance(self.channel, Reconciling):
            return
        as_of = self._clock.now()
        found = await self.channel.sessions()
        if found is not None:
            legs, strangers = tuple(found.legs), tuple(found.strangers)
            command = ReportSessions(self._actor.id, as_of, legs, strangers)
            await self.do(command, actor=self._actor)

    async def keep_reconciled(self) -> None:
        while True:
            await trio.sleep(SESSIONS_S)
            await self.reconcile()


class Orders:
    """Hands a channel its orders: in clear where they name somebody, and asks what became.

    Whom an order names is shown to the channel that needs it, and that is in the access
    ledger before. An order about somebody whose key is destroyed fails instead, with cause
    ``erased``: it may have waited for the channel while the person was erased.
    """

    def __init__(
        self, port: ChannelPort, access: Access, people: People, archive: Archive, writer: Writer
    ) -> None:
        self._channel = port.channel
        self._port = port
        self._access = access
        self._people = people
        self._archive = archive
        self._writer = writer

    async def order(self, batch: Sequence[Recorded[Any]]) -> None:
        """As the channel's own."""
        ready = [one for one in [await self._in_clear(one) for one in batch] if one is not None]
        if not ready:
            return
        results: Sequence[Result] | None = None
        with trio.move_on_after(RESULT_S) as scope:
            results = await self._channel.order(ready)
        if scope.cancelled_caught:
            await self._port.reconcile()
            return
        orders = {recorded[0].position: recorded for recorded in ready}
        for position, outcome, cause in results or ():
            if outcome == FAILED and position in orders:
                self._fail(*orders[position], cause or "carrier")
        if any(result.outcome == UNKNOWN for result in results or ()):
            await self._port.reconcile()

    async def _in_clear(self, recorded: Recorded[Any]) -> Recorded[Any] | None:
        """An order with what it needs to be carried out; None if it failed for that."""
        envelope, data = recorded
        if type(data) not in (LegOrdered, MessageSent):
            return recorded
        if self._people.is_gone(data):
            self._fail(envelope, data, ERASED)
            return None
        clear = await self._shown(recorded)
        if isinstance(clear, Refused):
            self._fail(envelope, data, SHUT)
            return None
        if type(clear) is LegOrdered and clear.role == "customer" and clear.order == "dial":
            return await self._with_address(envelope, clear)
        return envelope, clear

    async def _shown(self, recorded: Recorded[Any]) -> Any:
        component = f"channel/{self._channel.name}"
        return await self._access.unmask(
            recorded, actor=SYSTEM, purpose=PURPOSE, component=component
        )

    async def _with_address(self, envelope: Envelope, data: LegOrdered) -> Recorded[Any] | None:
        """Whoever is called back without an address is called where they came from."""
        if data.address is not None:
            return envelope, data
        found = await self._archive.positions(stream=envelope.stream)
        async for [created] in self._archive.at(found[:1], (ContactCreated,)):
            if self._people.is_gone(created[1]):
                self._fail(envelope, data, ERASED)
                return None
            clear = await self._shown(created)
            if not isinstance(clear, Refused):
                number = clear.to if clear.direction == "out" else clear.from_
                data = LegOrdered(data.leg, data.order, data.role, number, data.due)
        return envelope, data

    def _fail(self, envelope: Envelope, data: Any, cause: str) -> None:
        kind = type(data)
        report: Any = None
        if kind is OfferMade:
            report = ReportFailed(data.offer, cause)
        elif kind is LegOrdered and data.order in BRINGS:
            report = ReportCleared(data.leg, cause)
        elif kind is MessageSent:
            contact = ContactId(envelope.stream.removeprefix("contact/"))
            report = ReportStatus(contact, str(envelope.position), "failed")
        if report is not None and self._writer.accepts():
            actor = Actor("adapter", self._channel.name)
            self._writer.act(report, actor, cause=envelope.position)
            self._writer.nudge()


async def run_channel(port: ChannelPort, writer: Writer) -> None:
    """Let a channel listen until cancelled; if it raises, it is named and ends."""
    channel = port.channel
    try:
        if not isinstance(channel, Reconciling):
            await channel.run(port)
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(port.keep_reconciled)
            await channel.run(port)
            nursery.cancel_scope.cancel()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the plugin's
        first: BaseException = error
        while isinstance(first, ExceptionGroup):
            first = first.exceptions[0]
        name, hook = type(first).__name__, f"channel/{channel.name}"
        failed: Any = PluginFailed(port.plugin, hook, name, True)
        if writer.accepts():
            writer.record((Draft(CENTER, failed),), SYSTEM)
            writer.nudge()
