"""A channel to the simulated switch, in memory: the reference that ``check_channel`` stands on."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import trio

from cckit.core.commands import ReportLink
from cckit.core.events import Envelope, Recorded
from cckit.core.ids import LegId
from cckit.core.instant import Instant
from cckit.hooks import Port, RegisterHooks, Sessions, hookimpl
from cckit.hooks.channel import DONE, UNKNOWN, Result

from .switch import ABILITIES, ORDERS, Fact, Switch

BUFFER: Final = 256
"""Facts that are kept while the center is slow."""
LOOK_S: Final = 1


class Outside:
    """What an adapter has on its other side: a switch, the line to it, and its clock.

    .. versionadded:: 0.3
    """

    def __init__(self, switch: Switch, now: Callable[[], int]) -> None:
        self.switch = switch
        self.now = now
        """Microseconds since the epoch."""
        self.up = True
        self.noise: list[Fact] = []
        """What comes next though it is no fact."""
        self.heard: list[tuple[str, int]] = []
        """Ref and number of each fact that was taken."""
        self.carried: list[int] = []
        """Positions of the orders that were carried out."""
        self.newest = -1
        """Position of the newest of them: the switch remembers it, an adapter may die."""

    def hear(self) -> list[Fact]:
        """Take what has happened.

        :raises ConnectionError: the line is cut.
        """
        self._connected()
        facts = list(self.switch.until(self.now()))
        self.heard += [(fact.ref, fact.number) for fact in facts]
        noise, self.noise = self.noise, []
        return [*noise, *facts]

    def take(self, envelope: Envelope, data: Any) -> None:
        """Carry out an order, as often as it is told to.

        :raises ConnectionError: the line is cut.
        """
        self._connected()
        self.carried.append(envelope.position)
        self.newest = max(self.newest, envelope.position)
        self.switch.order(self.now(), envelope, data)

    def sessions(self) -> tuple[tuple[LegId, ...], tuple[str, ...]]:
        """List who is on the line: our names, and its own for those without.

        :raises ConnectionError: the line is cut.
        """
        self._connected()
        return self.switch.sessions()

    def _connected(self) -> None:
        if not self.up:
            raise ConnectionError("the line to the switch is cut")


class LoopChannel(RegisterHooks):
    """Passes on what a switch tells and has it do what it is ordered.

    .. versionadded:: 0.3
    """

    name = "line"
    orders = ORDERS
    abilities = ABILITIES

    def __init__(self, outside: Outside) -> None:
        self.outside = outside

    @hookimpl
    def cckit_register_channels(self) -> Sequence[Any]:
        return (self,)

    async def run(self, port: Port) -> None:
        """Listen; whatever does not fit into the buffer is a gap."""
        send, receive = trio.open_memory_channel[Fact](BUFFER)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listen, port, send)
            async for fact in receive:
                await self._pass_on(port, fact)

    async def _pass_on(self, port: Port, fact: Fact) -> None:
        if isinstance(fact.command, bytes):
            return  # No fact, and nobody's: the next one may be.
        at = Instant(fact.at)
        await port.report(fact.command, ref=fact.ref, number=fact.number, occurred_at=at)

    async def _listen(self, port: Port, send: "trio.MemorySendChannel[Fact]") -> None:
        up, seen, dropped = False, Instant(self.outside.now()), 0
        while True:
            if self.outside.up is not up:
                up = self.outside.up
                number = self.outside.now()
                link = ReportLink(self.name, up, seen)
                await port.report(link, ref="link", number=number, occurred_at=Instant(number))
            if up:
                since, seen = seen, Instant(self.outside.now())
                for fact in self.outside.hear():
                    try:
                        send.send_nowait(fact)
                    except trio.WouldBlock:
                        dropped += 1
                if dropped and not send.statistics().current_buffer_used:
                    await port.lost(since, seen, {"facts": dropped})
                    dropped = 0
            await trio.sleep(LOOK_S)

    async def order(self, batch: Sequence[Recorded[Any]]) -> Sequence[Result]:
        return [self._carry_out(recorded) for recorded in batch]

    def _carry_out(self, recorded: Recorded[Any]) -> Result:
        position = recorded[0].position
        try:
            if position > self.outside.newest:
                self.outside.take(*recorded)
        except ConnectionError:
            return Result(position, UNKNOWN)
        return Result(position, DONE)

    async def sessions(self) -> Sessions | None:
        """Who is on the line; nobody knows while the connection is lost."""
        return Sessions(*self.outside.sessions()) if self.outside.up else None
