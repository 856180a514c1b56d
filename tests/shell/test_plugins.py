"""Processes, reactors, channels and machines of a plugin, in a living center."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock, trio_test

from cckit import (
    Actor,
    Config,
    Draft,
    PluginError,
    QueueSettings,
    Refused,
    Stored,
    StoreError,
    Unknown,
    UsageError,
    open_center,
)
from cckit.core import facts as f
from cckit.core.commands import (
    Enqueue,
    LogIn,
    LogOut,
    ReportArrived,
    SetNotReady,
    SetProfile,
    SetReady,
)
from cckit.core.engine import Machine
from cckit.core.events import Sealed, event
from cckit.core.ids import CENTER, AgentId, QueueId, Stream
from cckit.core.instant import HOUR, MINUTE, SECOND, Instant
from cckit.hooks import RegisterHooks, hookimpl
from cckit.shell.clock import VirtualClock
from cckit.shell.entropy import SeededEntropy
from tests.shown import shown

START = 1_700_000_000_000_000
ANNA, BEN = AgentId("anna"), AgentId("ben")


async def collected(center: Any, *types: type, start: int = 0) -> list[Any]:
    return [one async for batch in center.read(start, types=types) for one in batch]


# --- processes ----------------------------------------------------------------------------


class ReadyAtOnce(RegisterHooks):
    """A process: who logs in is set ready."""

    name, types = "ready_at_once", (f.AgentLoggedIn,)

    def initial(self) -> list[str]:
        return []

    def apply(self, state: list[str], recorded: Any) -> Sequence[Any]:
        agent = recorded[0].stream.removeprefix("agent/")
        state.append(agent)
        return (SetReady(AgentId(agent)),)

    @hookimpl
    def cckit_register_processes(self) -> Sequence[Any]:
        return (self,)


@trio_test
async def test_a_process_continues_a_story_before_anybody_else(log, config) -> None:
    async with open_center(config, log=log.again(), plugins={"p": ReadyAtOnce()}) as center:
        logged_in = await center.do(LogIn(ANNA))
        assert center.state.agents[ANNA].ready
        cause = logged_in.positions[0]
        [(envelope, _)] = await collected(center, f.AgentReady) or [
            (await anext(center.subscribe(cause, [f.AgentReady])))[0]
        ]
        assert envelope.actor == Actor("process", "ready_at_once")
        assert envelope.cause == cause
        assert envelope.request is not None


class Names(ReadyAtOnce):
    """A process whose commands lead to events whenever they are decided: who logs in is named."""

    name = "names"

    def apply(self, state: list[str], recorded: Any) -> Sequence[Any]:
        agent = AgentId(recorded[0].stream.removeprefix("agent/"))
        state.append(agent)
        return (
            SetProfile(AgentId("zoe"), {}, {"voice": 100}, 100, name=f"Zoe of {agent}"),
            ReportArrived("voice", from_="+972500000"),
        )


def caused(batch: Sequence[Any]) -> list[tuple[str, int | None]]:
    """What processes led to, and what led them to it."""
    return [(e.type, e.cause) for e, _ in batch if e.actor.kind == "process"]


@pytest.mark.parametrize("gap_us", [0, 5 * MINUTE, 24 * HOUR])
@trio_test
async def test_a_process_repeats_nothing_however_late_a_reopening_is(
    tmp_path: Path, virtual, gap_us: int
) -> None:
    log = tmp_path / "center.db"  # What is personal needs a key file, also later.
    async with virtual(log=log, plugins={"p": Names()}) as center:
        cause = (await center.do(LogIn(ANNA), request="1")).positions[0]
    for n in range(1, 4):
        clock, entropy = VirtualClock(Instant(START + n * gap_us)), SeededEntropy(7 + n)
        plugins = {"p": Names()}
        async with virtual(log=log, clock=clock, entropy=entropy, plugins=plugins) as center:
            led_to = await collected(center, f.AgentProfileSet, f.ContactCreated)
            assert caused(led_to) == [("agent.profile_set", cause), ("contact.created", cause)]


@trio_test
async def test_what_a_process_says_about_people_is_sealed(virtual) -> None:
    async with virtual(plugins={"p": Names()}) as center:
        await center.do(LogIn(ANNA))
        created, profile = f.ContactCreated, f.AgentProfileSet
        while not (found := await collected(center, created)):
            await trio.lowlevel.checkpoint()
        assert type(found[0][1].from_) is Sealed
        assert (await shown(center, found[0])).from_ == "+972500000"
        named = (await collected(center, profile))[-1]
        assert (await shown(center, named)).name == "Zoe of anna"
        assert await collected(center, f.PluginFailed) == []


@trio_test
async def test_what_a_crash_left_undone_is_done_at_the_next_open(faulty, virtual) -> None:
    async with virtual(log=faulty, plugins={"p": ReadyAtOnce()}) as center:
        frames = len(faulty.appended)

        def after_one() -> None:
            faulty.broken = len(faulty.appended) > frames

        faulty.before = after_one
        assert isinstance(await center.do(LogIn(ANNA)), Stored)  # Its own frame is durable.
    async with virtual(log=faulty.reopen(), plugins={"p": ReadyAtOnce()}) as center:
        ready = (await anext(center.subscribe(0, [f.AgentReady])))[0]
    assert ready[0].stream == "agent/anna"


@trio_test
async def test_a_process_sees_nothing_from_before_the_run_that_loaded_it(log, config) -> None:
    async with open_center(config, log=log.again()) as center:
        await center.do(LogIn(ANNA))
    async with open_center(config, log=log.again(), plugins={"p": ReadyAtOnce()}) as center:
        await center.do(LogIn(BEN))
        await center.record(Draft(CENTER, f.AccessGranted("a", "b", "c", "d", "e", "f")))
        assert not center.state.agents[ANNA].ready
        assert center.state.agents[BEN].ready


class Cascade(ReadyAtOnce):
    """A process that answers its own commands for ever."""

    name, types = "cascade", (f.AgentLoggedIn, f.AgentLoggedOut)

    def apply(self, state: list[str], recorded: Any) -> Sequence[Any]:
        agent = AgentId(recorded[0].stream.removeprefix("agent/"))
        return (LogOut(agent) if type(recorded[1]) is f.AgentLoggedIn else LogIn(agent),)


class Raises(ReadyAtOnce):
    name = "raises"

    def apply(self, state: list[str], recorded: Any) -> Sequence[Any]:
        raise RuntimeError("planted")


class Answers(ReadyAtOnce):
    """A process that answers with what it is given."""

    name = "answers"

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def apply(self, state: list[str], recorded: Any) -> Sequence[Any]:
        return self.answer


class Breaks(ReadyAtOnce):
    name = "breaks"

    def initial(self) -> list[str]:
        raise RuntimeError("planted")


LARGE = SetProfile(AgentId("x"), {f"{'s' * 100}{n}": 1 for n in range(250)}, {}, 100)
CANT = "a command that can't be: "


@pytest.mark.parametrize(
    ("plugin", "error", "events"),
    [
        (Cascade(), "a cascade deeper than 16", 17),
        (Raises(), "RuntimeError", 1),
        (Breaks(), "RuntimeError", 1),
        (Answers(SetReady(ANNA)), "answered SetReady", 1),
        (Answers(None), "answered NoneType", 1),
        (Answers([None]), CANT + "command.unknown", 1),
        (Answers("ab"), CANT + "command.unknown", 1),
        (Answers([SetReady("")]), CANT + "command.out_of_range", 1),
        (Answers([LARGE, LogOut(ANNA)]), None, 1),
    ],
    ids=lambda value: getattr(value, "name", None),
)
@trio_test
async def test_a_process_that_misbehaves_is_named_and_suspended(
    plugin: Any, error: str | None, events: int, log, config
) -> None:
    for n in range(2):  # The log remembers, and names it once.
        async with open_center(config, log=log.again(), plugins={"p": plugin}) as center:
            await center.do(LogIn(BEN if n else ANNA))
            failed = [d for _, d in await collected(center, f.PluginFailed)] or [
                (await anext(center.subscribe(0, [f.PluginFailed])))[0][1]
            ]
            error = error or failed[0].error
            assert failed == [f.PluginFailed("p", f"process {plugin.name}", error, True)]
            changes = await collected(center, f.AgentLoggedIn, f.AgentLoggedOut)
            assert len(changes) == events + n
            assert isinstance(await center.do(SetNotReady(ANNA, "x")), Stored | Refused)


class Mended(ReadyAtOnce):
    name, version = "raises", "2"


@trio_test
async def test_another_version_of_a_suspended_process_begins_anew(log, config) -> None:
    async with open_center(config, log=log.again(), plugins={"p": Raises()}) as center:
        await center.do(LogIn(ANNA))
    mended = Mended()
    async with open_center(config, log=log.again(), plugins={"p": mended}) as center:
        await center.do(LogIn(BEN))
        assert center.state.agents[BEN].ready
        assert len(await collected(center, f.PluginFailed)) == 1


class Later(ReadyAtOnce):
    """A process that cannot read the past."""

    name, version = "raises", "3"

    def apply(self, state: list[str], recorded: Any) -> Sequence[Any]:
        if recorded[0].stream == "agent/anna":
            raise RuntimeError("planted")
        return super().apply(state, recorded)


@trio_test
async def test_a_process_that_raises_over_the_past_is_named_and_the_center_opens(
    log, config
) -> None:
    async with open_center(config, log=log.again(), plugins={"p": Mended()}) as center:
        await center.do(LogIn(ANNA))
        for n in range(5):
            await center.record(Draft(CENTER, f.AccessGranted("a", "b", "c", "d", "e", str(n))))
    async with open_center(config, log=log.again(), plugins={"p": Later()}) as center:
        assert isinstance(await center.do(LogIn(BEN)), Stored)
        assert not center.state.agents[BEN].ready
        failed = [data for _, data in await collected(center, f.PluginFailed)]
    assert failed == [f.PluginFailed("p", "process raises", "RuntimeError", True)]


# --- reactors -----------------------------------------------------------------------------


class Notes(RegisterHooks):
    """A reactor that notes what it saw."""

    name, types = "notes", (f.AgentLoggedIn,)

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.fails = False

    async def react(self, batch: Sequence[Any]) -> None:
        if self.fails:
            raise RuntimeError("planted")
        self.seen += [envelope.position for envelope, _ in batch]

    @hookimpl
    def cckit_register_reactors(self) -> Sequence[Any]:
        return (self,)


async def settle() -> None:
    await trio.testing.wait_all_tasks_blocked(0.05)


@trio_test
async def test_a_reactor_goes_on_from_its_checkpoint(tmp_path, config) -> None:
    path = tmp_path / "center.db"
    first, second = Notes(), Notes()
    async with open_center(config, log=path, plugins={"notes": first}) as center:
        one = await center.do(LogIn(ANNA))
        await center.follow(Watermark())
        while not first.seen:
            await trio.lowlevel.checkpoint()
        await settle()
    async with open_center(config, log=path, plugins={"notes": second}) as center:
        two = await center.do(LogIn(BEN))
        while not second.seen:
            await trio.lowlevel.checkpoint()
    assert tuple(first.seen) == one.positions
    assert tuple(second.seen) == two.positions


@trio_test
async def test_a_reactor_that_raised_sees_the_batch_again_in_the_next_run(tmp_path, config) -> None:
    path = tmp_path / "center.db"
    first, second = Notes(), Notes()
    first.fails = True
    async with open_center(config, log=path, plugins={"notes": first}) as center:
        one = await center.do(LogIn(ANNA))
        failed = (await anext(center.subscribe(0, [f.PluginFailed])))[0][1]
        assert failed == f.PluginFailed("notes", "reactor/notes", "RuntimeError", True)
        assert isinstance(await center.do(LogIn(BEN)), Stored)
    async with open_center(config, log=path, plugins={"notes": second}) as center:
        while len(second.seen) < 2:
            await trio.lowlevel.checkpoint()
    assert second.seen[0] == one.positions[0]


class Watermark:
    """A projection: how many have logged in."""

    name, version, types = "test.logins", 1, (f.AgentLoggedIn,)

    def initial(self) -> dict[str, int]:
        return {"n": 0}

    def apply(self, state: dict[str, int], recorded: Any) -> None:
        state["n"] += 1

    def dump(self, state: dict[str, int]) -> Any:
        return state


@trio_test
async def test_a_follower_folds_what_was_and_what_comes(log, config) -> None:
    async with open_center(config, log=log.again()) as center:
        await center.do(LogIn(ANNA))
        follower = await center.follow(Watermark())
        assert follower.dump() == {"n": 1}
        await center.do(LogIn(BEN))
        await follower.reach(center.position)
        assert follower.dump() == {"n": 2}


class Brittle(Watermark):
    """A projection that raises at the second login."""

    name = "test.brittle"

    def apply(self, state: dict[str, int], recorded: Any) -> None:
        if state["n"]:
            raise RuntimeError("planted")
        super().apply(state, recorded)


@trio_test
async def test_a_projection_that_raises_ends_its_follower_alone(log, config) -> None:
    async with open_center(config, log=log.again()) as center:
        brittle, sound = await center.follow(Brittle()), await center.follow(Watermark())
        await center.do(LogIn(ANNA))
        await brittle.reach(center.position)
        logged_in = await center.do(LogIn(BEN))
        says = f"projection test.brittle: raised RuntimeError at position {logged_in.positions[0]}"
        with pytest.raises(PluginError, match=says):
            await brittle.reach(center.position)
        with pytest.raises(PluginError, match=says):
            brittle.dump()
        with pytest.raises(PluginError, match=says):
            await center.follow(Brittle())
        await sound.reach(center.position)
        assert sound.dump() == {"n": 2}


@trio_test
async def test_who_follows_a_store_that_failed_is_told_and_the_center_stands(
    faulty, virtual
) -> None:
    async with virtual(log=faulty, plugins={"notes": Notes()}) as center:
        follower = await center.follow(Watermark())
        faulty.broken = True
        assert isinstance(await center.do(LogIn(ANNA)), Unknown)
        with pytest.raises(StoreError, match="the disk is gone"):
            await follower.reach(center.position + 1)
        assert follower.dump() == {"n": 0}


@trio_test
async def test_who_waits_for_a_follower_is_told_of_the_end(virtual) -> None:
    async with virtual() as center:
        follower = await center.follow(Watermark())
    with pytest.raises(UsageError, match="is closed"):
        await follower.reach(follower.position + 1)


# --- channels -----------------------------------------------------------------------------


class Line(RegisterHooks):
    """A channel that reports two calls, one of them twice, and notes its orders."""

    name, orders = "line", (f.ContactCreated,)

    def __init__(self) -> None:
        self.replies: list[Any] = []
        self.ordered: list[str] = []

    async def run(self, port: Any) -> None:
        for ref, number in (("a", 1), ("a", 1), ("b", 1)):
            arrived = ReportArrived("voice", ref=ref)
            self.replies.append(await port.report(arrived, ref=ref, number=number))
        await trio.sleep_forever()

    async def order(self, batch: Sequence[Any]) -> None:
        self.ordered += [data.ref for _, data in batch]

    @hookimpl
    def cckit_register_channels(self) -> Sequence[Any]:
        return (self,)


@trio_test
async def test_a_channel_reports_each_fact_once_and_gets_its_orders(config) -> None:
    line = Line()
    async with open_center(config, plugins={"line": line}) as center:
        while len(line.ordered) < 2:
            await trio.lowlevel.checkpoint()
        created = await collected(center, f.ContactCreated)
    assert [data.ref for _, data in created] == ["a", "b"]
    assert created[0][0].actor == Actor("adapter", "line")
    assert [reply.positions for reply in line.replies] == [
        (created[0][0].position,),
        (created[0][0].position,),
        (created[1][0].position,),
    ]
    assert line.ordered == ["a", "b"]


# --- machines and events ------------------------------------------------------------------


@event("light.switched", version=1)
class LightSwitched:
    on: bool


@attrs.frozen
class Switch:
    stream: Stream


class Lights(RegisterHooks):
    """A machine: a light that is on or off."""

    @hookimpl
    def cckit_register_events(self) -> Sequence[type]:
        return (LightSwitched,)

    @hookimpl
    def cckit_register_machines(self) -> Sequence[Machine]:
        def decide(state: dict[str, bool], command: Switch, now: int, ask: Any) -> Any:
            return (Draft(command.stream, LightSwitched(not state["on"])),)

        def evolve(state: dict[str, bool], recorded: Any) -> None:
            state["on"] = recorded[1].on

        return (
            Machine("light", (Switch,), (LightSwitched,), lambda: {"on": False}, decide, evolve),
        )


@trio_test
async def test_a_plugins_machine_decides_and_survives_a_reopening(log, config) -> None:
    hall = Switch(Stream("light/hall"))
    async with open_center(config, log=log.again(), plugins={"lights": Lights()}) as center:
        assert (await center.do(hall)).recorded[0][1] == LightSwitched(True)
        assert (await center.do(hall)).recorded[0][1] == LightSwitched(False)
        assert (await center.do(hall)).recorded[0][1] == LightSwitched(True)
    async with open_center(config, log=log.again(), plugins={"lights": Lights()}) as center:
        assert (await center.do(hall)).recorded[0][1] == LightSwitched(False)


class Faulted(Lights):
    """A machine that raises: ``decide`` where told, ``evolve`` at one kind of event."""

    def __init__(self, decides: bool = True, at: tuple[type, ...] = ()) -> None:
        self.decides = decides
        self.at = at

    @hookimpl
    def cckit_register_machines(self) -> Sequence[Machine]:
        [light] = super().cckit_register_machines()

        def decide(*asked: Any) -> Any:
            if not self.decides:
                raise RuntimeError("planted")
            return light.decide(*asked)

        def evolve(state: Any, recorded: Any) -> None:
            if type(recorded[1]) in self.at:
                raise RuntimeError("planted")
            if type(recorded[1]) is LightSwitched:
                light.evolve(state, recorded)

        return (light._replace(seen=(*light.seen, *self.at), decide=decide, evolve=evolve),)


def failures(*suspended: bool) -> list[f.PluginFailed]:
    return [f.PluginFailed("lights", "machine light", "RuntimeError", one) for one in suspended]


async def reasons(center: Any, command: Any, n: int) -> list[str]:
    replies = [await center.do(command) for _ in range(n)]
    return [reply.reason if isinstance(reply, Refused) else "stored" for reply in replies]


@trio_test
async def test_a_machine_that_raises_is_named_then_suspended_and_the_floor_stands(config) -> None:
    hall = Switch(Stream("light/hall"))
    async with open_center(config, plugins={"lights": Faulted(decides=False)}) as center:
        assert await reasons(center, hall, 5) == ["plugin.failed"] * 3 + ["plugin.suspended"] * 2
        assert isinstance(await center.do(LogIn(ANNA)), Stored)
        found = await collected(center, f.PluginFailed, f.InvariantBroken)
        assert [data for _, data in found] == failures(False, False, True)


@trio_test
async def test_a_machine_can_not_keep_an_agent_from_being_ready(log, config) -> None:
    hall = Switch(Stream("light/hall"))
    at_ready = Faulted(at=(f.AgentReady,))
    async with open_center(config, log=log.again(), plugins={"lights": at_ready}) as center:
        assert isinstance(await center.do(hall), Stored)
        await center.do(LogIn(ANNA))
        assert await reasons(center, SetReady(ANNA), 4) == ["plugin.failed"] * 3 + ["stored"]
        assert center.state.agents[ANNA].ready
        found = await collected(center, f.PluginFailed, f.InvariantBroken)
        assert [data for _, data in found] == failures(False, False, True)
    # Over its past it raises at once, so it is suspended from the beginning.
    async with open_center(config, log=log.again(), plugins={"lights": at_ready}) as center:
        assert center.state.agents[ANNA].ready
        assert await reasons(center, hall, 1) == ["plugin.suspended"]
        found = await collected(center, f.PluginFailed, f.InvariantBroken)
        assert [data for _, data in found] == failures(False, False, True, True)


@trio_test
async def test_a_machine_that_raises_at_a_timer_does_not_stop_the_timer(
    virtual, autojump_clock: MockClock
) -> None:
    config = Config(queues={"support": QueueSettings(max_wait_us=5 * SECOND)})
    async with virtual(config, plugins={"lights": Faulted(at=(f.QueueLeft,))}) as center:
        arrived = await center.do(ReportArrived("voice"))
        await center.do(Enqueue(arrived.contact, QueueId("support")))
        await trio.sleep(60)
        assert len(await collected(center, f.QueueLeft)) == 1
        found = await collected(center, f.PluginFailed, f.InvariantBroken)
        assert [data for _, data in found] == failures(False, False, True)
