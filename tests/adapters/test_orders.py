"""What a channel is given: in clear where it must be, with the access in the ledger before."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock, trio_test

from cckit import AgentSettings, Config, QueueSettings, Refused, open_center
from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.ask import Open
from cckit.core.contact import Contact
from cckit.core.events import Actor
from cckit.core.floor import Floor
from cckit.core.ids import AgentId, ContactId, EntryId, LegId, QueueId, contact_stream
from cckit.core.instant import SECOND, Instant
from cckit.core.rules import RULES
from cckit.core.rules.links import NOT_REFUSED, beyond
from cckit.hooks import Port, RegisterHooks, Result, Sessions, hookimpl
from cckit.shell.clock import VirtualClock
from cckit.shell.entropy import SeededEntropy
from cckit.testing.center import START

ANNA, LINE = AgentId("anna"), Actor("adapter", "line")


class Line(RegisterHooks):
    """Keeps what it is ordered, and says of it what it is told to say."""

    name = "line"
    orders: tuple[type, ...] = (f.OfferMade, f.LegOrdered)
    abilities = frozenset({"dial", "join", "clear"})

    def __init__(self, outcome: str = "done", takes_s: float = 0) -> None:
        self.ordered: list[Any] = []
        self.outcome = outcome
        self.takes_s = takes_s
        self.asked = 0
        self.legs: tuple[LegId, ...] = ()

    @hookimpl
    def cckit_register_channels(self) -> Sequence[Any]:
        return (self,)

    async def run(self, port: Port) -> None:
        await trio.sleep_forever()

    async def order(self, batch: Sequence[Any]) -> Sequence[Result]:
        self.ordered += [data for _, data in batch]
        await trio.sleep(self.takes_s)
        return [Result(e.position, self.outcome, "unobtainable") for e, _ in batch]

    async def sessions(self) -> Sessions:
        self.asked += 1
        return Sessions(self.legs)


@pytest.fixture
def clock() -> MockClock:
    return MockClock(autojump_threshold=0)


def center(line: Line, log: Path | None = None) -> open_center:
    return open_center(
        Config(queues={"help": QueueSettings()}, agents={"anna": AgentSettings()}),
        log=log,
        plugins={"line": line},
        clock=VirtualClock(START),
        entropy=SeededEntropy(7),
    )


async def facts(here: Any, *types: type) -> list[Any]:
    return [data async for batch in here.read(0, types=types) for _, data in batch]


async def offered(here: Any) -> ContactId:
    """Somebody calls and rings at anna."""
    await here.do(c.LogIn(ANNA))
    await here.do(c.SetReady(ANNA))
    arrived = await here.do(c.ReportArrived("voice", ref="a", from_="+49301234"), actor=LINE)
    contact = ContactId(arrived.contact)
    await here.do(c.Enqueue(contact, QueueId("help")))
    return contact


@trio_test
async def test_whom_to_dial_comes_in_clear_and_the_access_is_in_the_ledger(
    tmp_path: Path, clock: MockClock
) -> None:
    line = Line()
    async with center(line, tmp_path / "center.db") as here:
        await here.do(c.LogIn(ANNA))
        await here.do(c.Dial(ANNA, "+49307777"))
        await trio.sleep(1)
        dialed = [one for one in line.ordered if getattr(one, "order", "") == "dial"]
        assert [one.address for one in dialed] == ["+49307777"]
        granted = await facts(here, f.AccessGranted)
        assert {(one.component, one.action) for one in granted} == {("channel/line", "Unmask")}
        stored = [one for one in await facts(here, f.LegOrdered) if one.order == "dial"]
        assert stored[0].address != "+49307777"


@trio_test
async def test_who_is_called_back_is_called_where_they_came_from(
    tmp_path: Path, clock: MockClock
) -> None:
    line = Line()
    async with center(line, tmp_path / "center.db") as here:
        await here.do(c.LogIn(ANNA))
        arrived = await here.do(c.ReportArrived("voice", ref="a", from_="+49301234"), actor=LINE)
        contact = ContactId(arrived.contact)
        await here.do(c.Enqueue(contact, QueueId("help")))
        await here.do(c.KeepPlace(contact))
        await here.do(c.ReportCleared(arrived.fact(f.ContactCreated).leg), actor=LINE)
        await here.do(c.DialBack(contact))
        await trio.sleep(1)
        assert [(one.order, one.address) for one in line.ordered if type(one) is f.LegOrdered] == [
            ("dial", "+49301234")
        ]


@trio_test
async def test_an_order_that_failed_is_reported_for_the_channel(clock: MockClock) -> None:
    async with center(Line("failed")) as here:
        await offered(here)
        await trio.sleep(1)
        assert (await facts(here, f.OfferFailed))[0].cause == "unobtainable"


@trio_test
async def test_what_is_not_known_is_settled_by_the_list_and_never_ordered_again(
    clock: MockClock,
) -> None:
    for line in (Line("unknown"), Line(takes_s=60)):
        async with center(line) as here:
            await offered(here)
            await trio.sleep(12)
            assert line.asked == 1
            assert len([one for one in line.ordered if type(one) is f.OfferMade]) == 1


@trio_test
async def test_who_is_on_the_line_is_asked_every_30_seconds_and_settled(clock: MockClock) -> None:
    line = Line()
    async with center(line) as here:
        await here.do(c.ReportArrived("voice", ref="a"), actor=LINE)
        await trio.sleep(31)
        assert line.asked == 1
        lost = (await facts(here, f.LegLost))[0]
        assert lost.seen_at == START
        assert lost.found_at >= Instant(START + 30 * SECOND)
        assert not here.state.contacts


@trio_test
async def test_what_a_channel_can_not_do_is_refused_before_it_is_stored(clock: MockClock) -> None:
    async with center(Line()) as here:
        contact = await offered(here)
        await trio.sleep(0.1)
        offer = next(iter(here.state.offers))
        await here.do(c.AcceptOffer(offer))
        await here.do(c.ReportBridged(offer), actor=LINE)
        held = await here.do(c.Hold(contact))
        assert isinstance(held, Refused)
        assert held.reason == "adapter.unable"
        assert await facts(here, f.LegOrdered) == []


def test_every_report_of_ours_and_nothing_that_is_only_called_like_one_is_never_refused() -> None:
    reports = {kind for kind in RULES if kind.__name__.startswith("Report")}
    assert reports | {c.TimerDue, c.Route} == NOT_REFUSED


class Bounded(Open):
    """The line can join and clear; another channel can all."""

    bounded = True

    def able(self, adapter: str, order: str) -> bool:
        return adapter != "line" or order in ("join", "clear", "hold")


def test_a_command_of_a_plugin_that_is_called_like_a_report_is_refused_as_any() -> None:
    class ReportX:
        """A plugin's."""

    floor = Floor()
    stream = contact_stream(ContactId("1" * 32))
    floor.contacts[stream] = Contact(stream, "voice", LegId(1), None, adapter="line")
    here = contact_stream(ContactId("2" * 32))
    linked = f.ContactLinked(ContactId("1" * 32), "consult_of", "1" * 32)
    dials = (here, f.LegOrdered(LegId(2), "dial", "external", "+49301234"))
    joins = (here, f.LegOrdered(LegId(2), "join", "agent/anna"))
    kept = (stream, f.QueuePlaceKept(EntryId(3), "agent"))
    for drafts, refused in (
        ([dials], False),  # Nobody's contact: the other channel can.
        ([(here, linked), dials], True),
        ([(here, linked), joins], False),
        ([kept], True),
    ):
        found = beyond(floor, ReportX(), drafts, Bounded())
        assert isinstance(found, Refused) is refused
        assert beyond(floor, c.Route(), drafts, Bounded()) is None
    about = Contact(here, "voice", LegId(4), None, consult_of="1" * 32, adapter="phone")
    floor.contacts[here] = about
    assert isinstance(beyond(floor, ReportX(), [dials], Bounded()), Refused)


class Asks(Line):
    """Has its read loop report the link, and needs it to read the answer of ``sessions``."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = trio.Event()

    async def run(self, port: Port) -> None:
        await port.report(c.ReportLink("line", False), ref="link", number=1)
        await port.report(c.ReportLink("line", True), ref="link", number=2)
        self.answer.set()
        await trio.sleep_forever()

    async def sessions(self) -> Sessions:
        await self.answer.wait()
        return await super().sessions()


@trio_test
async def test_who_reports_the_link_reads_on_while_it_is_asked_who_is_there(
    clock: MockClock,
) -> None:
    line = Asks()
    async with center(line) as here:
        await trio.sleep(1)
        assert line.asked == 1
        assert len(await facts(here, f.GapClosed)) == 1


class Fails(Line):
    """Fails to say who is there, as often as it is told to, by hanging or by raising."""

    def __init__(self, *, times: int, hangs: bool) -> None:
        super().__init__()
        self.times = times
        self.hangs = hangs
        self.at: list[float] = []

    async def sessions(self) -> Sessions:
        self.at.append(trio.current_time())
        if len(self.at) <= self.times:
            if self.hangs:
                await trio.sleep_forever()
            raise KeyError("+49301234")
        return await super().sessions()


@pytest.mark.parametrize(("hangs", "error"), [(True, "TooSlowError"), (False, "KeyError")])
@trio_test
async def test_who_can_not_say_who_is_there_is_named_once_and_asked_again_with_growing_pauses(
    clock: MockClock, hangs: bool, error: str
) -> None:
    line = Fails(times=7, hangs=hangs)
    async with center(line) as here:
        await here.do(c.ReportArrived("voice", ref="a"), actor=LINE)
        await trio.sleep(31 + 200)
        assert await facts(here, f.PluginFailed) == [
            f.PluginFailed("line", "channel/line", error, False)
        ]
        assert line.asked
        assert not here.state.contacts
    took = 10 if hangs else 0
    pauses = [b - a - took for a, b in zip(line.at, line.at[1:], strict=False)]
    assert [round(pause) for pause in pauses[:7]] == [1, 2, 4, 8, 16, 30, 30]


class Raises(Line):
    """Raises at some of what it is ordered."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times
        self.raised = 0

    async def order(self, batch: Sequence[Any]) -> Sequence[Result]:
        results = await super().order(batch)
        if self.raised < self.times and any(type(data) is f.OfferMade for _, data in batch):
            self.raised += len(batch) == 1
            raise KeyError("+49301234")
        return results


@trio_test
async def test_an_order_at_which_a_channel_raises_has_failed_and_the_next_one_goes_out(
    clock: MockClock,
) -> None:
    line = Raises(1)
    async with center(line) as here:
        await offered(here)
        await trio.sleep(8)
        assert [one.cause for one in await facts(here, f.OfferFailed)] == ["carrier"]
        assert await facts(here, f.PluginFailed) == [
            f.PluginFailed("line", "channel/line", "KeyError", False)
        ]
        assert len({one.offer for one in line.ordered if type(one) is f.OfferMade}) == 2


@trio_test
async def test_a_channel_that_raises_eight_times_in_a_row_is_suspended(clock: MockClock) -> None:
    line = Raises(1000)
    line.orders = (f.OfferMade,)
    async with center(line) as here:
        await here.do(c.LogIn(ANNA))
        for n in range(10):
            arrived = await here.do(c.ReportArrived("voice", ref=str(n)), actor=LINE)
            await here.do(c.Enqueue(ContactId(arrived.contact), QueueId("help")))
            await here.do(c.SetReady(ANNA))
            await trio.sleep(3)
        failed = await facts(here, f.PluginFailed)
        assert [one.suspended for one in failed] == [False] * 7 + [True]
        assert len(await facts(here, f.OfferFailed)) == 8


class CantHold(Line):
    """Declares that it holds, and fails to."""

    abilities = Line.abilities | {"hold"}

    async def order(self, batch: Sequence[Any]) -> Sequence[Result]:
        held = [e.position for e, data in batch if getattr(data, "order", "") == "hold"]
        return [Result(position, "failed") for position in held]


@trio_test
async def test_a_hold_that_failed_leaves_its_trace_at_the_contact(clock: MockClock) -> None:
    async with center(CantHold()) as here:
        contact = await offered(here)
        await trio.sleep(0.1)
        offer = next(iter(here.state.offers))
        await here.do(c.AcceptOffer(offer))
        await here.do(c.ReportBridged(offer), actor=LINE)
        await here.do(c.Hold(contact))
        await trio.sleep(0.1)
        found = [one async for batch in here.read(0, types=(f.FactFlagged,)) for one in batch]
        [(envelope, flagged)] = found
        assert (envelope.stream, flagged.flags) == (f"contact/{contact}", ("order_failed:hold",))
        assert envelope.stamp.actor == LINE
