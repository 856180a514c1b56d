"""The check of channels finds each promise broken, and nothing in one that keeps them."""

from collections.abc import Sequence
from typing import Any

import pytest
import trio

from cckit.core import facts as f
from cckit.core.commands import ReportLink
from cckit.core.events import Recorded
from cckit.core.instant import Instant
from cckit.hooks import Port, Sessions
from cckit.hooks.channel import Result
from cckit.testing import channels as checks
from cckit.testing import check_channel
from cckit.testing.loop import LoopChannel, Outside
from cckit.testing.switch import ABILITIES, Fact


def test_the_reference_keeps_all_promises_in_every_scene() -> None:
    assert check_channel(LoopChannel) == (
        "clean",
        *checks.SCENES,
        "late",
        "dropped",
        "doubled",
        "reordered",
    )


class CantHold(LoopChannel):
    abilities = ABILITIES - {"hold", "retrieve"}


def test_what_a_channel_does_not_declare_is_refused() -> None:
    checks._Scene(CantHold).play()


class OneNumber(LoopChannel):
    """1: it bears the number of no fact but the first."""

    async def _pass_on(self, port: Port, fact: Fact) -> None:
        await super()._pass_on(port, fact._replace(number=1))


class Sorts(LoopChannel):
    """1: it puts in order what the source tells."""

    def __init__(self, outside: Outside) -> None:
        super().__init__(outside)
        hear = outside.hear
        outside.hear = lambda: sorted(hear(), key=lambda fact: (-fact.number, fact.ref))  # type: ignore[method-assign]


class NamesLate(LoopChannel):
    """2: it asks the switch first, and knows the session when the reply is there."""

    def __init__(self, outside: Outside) -> None:
        super().__init__(outside)
        self.known: set[int] = set()

    async def order(self, batch: Sequence[Recorded[Any]]) -> Sequence[Result]:
        results = await super().order(batch)
        await trio.sleep(3)
        self.known |= {data.offer for _, data in batch if type(data) is f.OfferMade}
        return results

    async def _pass_on(self, port: Port, fact: Fact) -> None:
        offer = getattr(fact.command, "offer", None)
        if offer is None or offer in self.known:
            await super()._pass_on(port, fact)


class Repeats(LoopChannel):
    """3: it carries out what it is handed, also again."""

    def _carry_out(self, recorded: Recorded[Any]) -> Result:
        self.outside.take(*recorded)
        return Result(recorded[0].position)


class Hangs(LoopChannel):
    """4: it waits for an answer for as long as that takes."""

    async def order(self, batch: Sequence[Recorded[Any]]) -> Sequence[Result]:
        await trio.sleep(30)
        return await super().order(batch)


class SkipsResults(LoopChannel):
    """4: of some orders it never says what became of them."""

    async def order(self, batch: Sequence[Recorded[Any]]) -> Sequence[Result]:
        return (await super().order(batch))[1:]


class ListsNobody(LoopChannel):
    """5: it says that nobody is on the line."""

    async def sessions(self) -> Sessions:
        return Sessions(())


class HangsOnce(LoopChannel):
    """5: the first time that it is asked who is there it waits for ever."""

    asked = 0

    async def sessions(self) -> Sessions | None:
        self.asked += 1
        if self.asked == 1:
            await trio.sleep_forever()
        return await super().sessions()


class StumblesAtTheList(LoopChannel):
    """7: it raises the first time that it is asked who is there."""

    asked = 0

    async def sessions(self) -> Sessions | None:
        self.asked += 1
        if self.asked == 1:
            raise ValueError("no list")
        return await super().sessions()


class StumblesAtAnOrder(LoopChannel):
    """7: it raises at one offer, and never again."""

    stumbled = False

    async def order(self, batch: Sequence[Recorded[Any]]) -> Sequence[Result]:
        if not self.stumbled and [type(data) for _, data in batch] == [f.OfferMade]:
            self.stumbled = True
            raise ValueError("no order")
        return await super().order(batch)


class TellsNoLoss(LoopChannel):
    """6: a lost connection is its own affair."""

    async def _listen(self, port: Port, send: "trio.MemorySendChannel[Fact]") -> None:
        at = Instant(self.outside.now())
        await port.report(ReportLink(self.name, True, at), ref="link", number=at)
        while True:
            for fact in self.outside.hear() if self.outside.up else ():
                send.send_nowait(fact)
            await trio.sleep(1)


class HangsUp(LoopChannel):
    """6: with its connection it drops the calls."""

    async def sessions(self) -> Sessions | None:
        if not self.outside.up:
            self.outside.switch.live.clear()
        return await super().sessions()

    async def _listen(self, port: Port, send: "trio.MemorySendChannel[Fact]") -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(super()._listen, port, send)
            while True:
                await self.sessions()
                await trio.sleep(1)


class Trusts(LoopChannel):
    """7: what comes is a fact."""

    async def _pass_on(self, port: Port, fact: Fact) -> None:
        if isinstance(fact.command, bytes):
            fact.command.decode()
        await super()._pass_on(port, fact)


class KeepsAll(LoopChannel):
    """8: what does not fit is kept all the same."""

    async def run(self, port: Port) -> None:
        send, receive = trio.open_memory_channel[Fact](1 << 30)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listen, port, send)
            async for fact in receive:
                await self._pass_on(port, fact)


class DropsSilently(LoopChannel):
    """8: what does not fit was never there."""

    async def run(self, port: Port) -> None:
        class Mute:
            report = port.report

            async def lost(self, *counts: Any) -> None:
                """Nobody hears of it."""

        await super().run(Mute())


class Boasts(LoopChannel):
    """9: it says that it can hold, and does not."""

    def _carry_out(self, recorded: Recorded[Any]) -> Result:
        if getattr(recorded[1], "order", "") == "hold":
            return Result(recorded[0].position)
        return super()._carry_out(recorded)


BROKEN = (
    OneNumber, Sorts, NamesLate, Repeats, Hangs, SkipsResults, ListsNobody, TellsNoLoss, HangsUp,
    Trusts, KeepsAll, DropsSilently, Boasts, HangsOnce, StumblesAtTheList, StumblesAtAnOrder,
)  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN, ids=lambda cls: cls.__name__)
def test_a_broken_promise_is_found_and_named(broken: type[LoopChannel]) -> None:
    promise = (broken.__doc__ or "")[0]
    with pytest.raises(AssertionError) as found:
        check_channel(broken)
    said = str(found.value)
    assert said[0] == promise or (broken is DropsSilently and said[0] == "2"), said


def test_each_of_the_nine_promises_is_broken_by_somebody() -> None:
    assert {int((broken.__doc__ or "")[0]) for broken in BROKEN} == set(range(1, 10))
