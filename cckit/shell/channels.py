"""The lifecycle of adapters: each listens in a task of its own and gets its orders.

Who is on the line is asked when a connection is there (again), when it is not known what
became of an order, and every 30 seconds; the floor settles what differs. It is asked from a
task of ours, so that an adapter which reports a connection goes on reading at once. What an
adapter raises is named and costs what it was asked for, no more: see ``run_channel``.
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
    FactFlagged,
    GapClosed,
    GapOpened,
    LegOrdered,
    MessageSent,
    OfferMade,
)
from cckit.core.ids import CENTER, ContactId
from cckit.core.instant import Instant
from cckit.hooks import Channel
from cckit.hooks.channel import FAILED, UNKNOWN, Reconciling, Result

from .archive import Archive
from .clock import Clock
from .people import People
from .people.access import Access
from .reactors import blame
from .replies import Reply
from .writer import Writer

ERASED: Final = "erased"
"""The cause of an order that failed since what it needs was erased before it went out."""
SHUT: Final = "not_shown"
"""The cause of an order that failed since the center would not show what it needs."""
RESULT_S: Final = 10
SESSIONS_S: Final = 30
FAILURES: Final = 8
"""Orders in a row that a channel may fail to take before it is suspended."""
PURPOSE: Final = "to carry out the order"
BRINGS: Final = ("dial", "join", "monitor")
"""Orders that bring somebody in: who does not come is cleared."""

FLAG: Final = "order_failed:"
"""Before an order, in the flags of what it was about: it failed, and nothing else follows."""

Do = Callable[..., Awaitable[Reply]]


class ChannelPort:
    """The center as one channel sees it."""

    def __init__(self, plugin: str, channel: Channel, writer: Writer, clock: Clock) -> None:
        self.plugin = plugin
        self.channel = channel
        self.hook = f"channel/{channel.name}"
        """Under which it is named when it fails."""
        self.do: Do | None = None
        """The center's; nothing is asked before it is there."""
        self._ask = trio.Event()
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
            self.ask_soon()
        return reply

    async def lost(self, from_at: Instant, until: Instant, counts: Mapping[str, int]) -> None:
        """Say that facts were dropped since there was no room for them."""
        facts = GapOpened(f"buffer {self._actor.id}"), GapClosed(from_at, until, dict(counts))
        drafts = tuple(Draft(CENTER, fact) for fact in facts)
        self._writer.check_open()
        await self._writer.durable(self._writer.record(drafts, self._actor))

    def ask_soon(self) -> None:
        """Have ``keep_reconciled`` ask who is on the line now."""
        self._ask.set()

    async def keep_reconciled(self) -> None:
        """Ask who is on the line, and let the floor settle what differs, until cancelled.

        A list that fails, or takes over 10 seconds, is asked for again after 1, 2, 4 …
        seconds, at most 30. It is named once, until there is a list again.
        """
        failed = 0
        while True:
            pause = min(SESSIONS_S, 1 << min(failed - 1, 5)) if failed else SESSIONS_S
            with trio.move_on_after(pause):
                await self._ask.wait()
            self._ask = trio.Event()
            error = await self._reconcile()
            if error is not None and not failed:
                blame(self._writer, self.plugin, self.hook, error, suspended=False)
            failed = 0 if error is None else failed + 1

    async def _reconcile(self) -> Exception | None:
        """Ask once; what went wrong with the channel, if anything did.

        What is recorded from now on is newer than the answer, so it is left alone.
        """
        assert isinstance(self.channel, Reconciling)
        if self.do is None:
            return None
        as_of = self._clock.now()
        try:
            with trio.fail_after(RESULT_S):
                found = await self.channel.sessions()
            if found is None:
                return None
            legs, strangers = tuple(found.legs), tuple(found.strangers)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the plugin's
            return error
        if self._writer.accepts():  # The center may have closed while the channel was asked.
            command = ReportSessions(self._actor.id, as_of, legs, strangers)
            await self.do(command, actor=self._actor)
        return None


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
        self._failed = 0
        """Orders in a row that the channel raised at."""

    async def order(self, batch: Sequence[Recorded[Any]]) -> None:
        """As the channel's own."""
        ready = [one for one in [await self._in_clear(one) for one in batch] if one is not None]
        if not ready:
            return
        if len(ready) > 1 and await self._carry_out(ready) is None:
            self._failed = 0
            return
        # Whose fault it is shows one by one; fences keep what is done from acting twice.
        for recorded in ready:
            await self._alone(recorded)

    async def _alone(self, recorded: Recorded[Any]) -> None:
        """Hand out one order; what the channel raises at has failed, and the next one is due.

        :raises Exception: the channel's own, when it raised at ``FAILURES`` in a row.
        """
        error = await self._carry_out([recorded])
        if error is None:
            self._failed = 0
            return
        self._failed += 1
        self._fail(*recorded, "carrier")
        if self._failed >= FAILURES:
            raise error
        blame(self._writer, self._port.plugin, self._port.hook, error, suspended=False)

    async def _carry_out(self, ready: Sequence[Recorded[Any]]) -> Exception | None:
        """Hand out orders and see to what became of them; what the channel raised."""
        results: Sequence[Result] = ()
        with trio.move_on_after(RESULT_S) as scope:
            try:
                results = tuple(await self._channel.order(ready) or ())
                outcomes = [(result.position, result.outcome, result.cause) for result in results]
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the plugin's
                return error
        if scope.cancelled_caught:
            self._port.ask_soon()
            return None
        orders = {recorded[0].position: recorded for recorded in ready}
        for position, outcome, cause in outcomes:
            if outcome == FAILED and position in orders:
                self._fail(*orders[position], cause or "carrier")
        if any(outcome == UNKNOWN for _, outcome, _ in outcomes):
            self._port.ask_soon()
        return None

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
        actor, why = Actor("adapter", self._channel.name), envelope.position
        if not self._writer.accepts():
            return
        report: Any = None
        if kind is OfferMade:
            report = ReportFailed(data.offer, cause)
        elif kind is LegOrdered and data.order in BRINGS:
            report = ReportCleared(data.leg, cause)
        elif kind is LegOrdered:
            alive = envelope.stream in self._writer.engine.floor.contacts
            stream = envelope.stream if alive else CENTER
            flagged: Any = FactFlagged((FLAG + data.order,))
            self._writer.record((Draft(stream, flagged),), actor, cause=why)
            self._writer.nudge()
        elif kind is MessageSent:
            contact = ContactId(envelope.stream.removeprefix("contact/"))
            report = ReportStatus(contact, str(envelope.position), "failed")
        if report is not None:
            self._writer.act(report, actor, cause=why)
            self._writer.nudge()


async def run_channel(port: ChannelPort, writer: Writer) -> None:
    """Let a channel listen until cancelled.

    If ``run`` raises, the channel is named, and it listens no more before the next start:
    what it heard is its own. An order at which it raises has failed, and so has a list of
    sessions; both are named, and the channel goes on.
    """
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
        blame(writer, port.plugin, port.hook, error, suspended=True)
