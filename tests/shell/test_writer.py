"""Nothing is seen before it is durable; what gathers is one frame; a failure ends it all."""

import pytest
import trio
from trio.testing import trio_test

from cckit import (
    Actor,
    AgentSettings,
    Config,
    Draft,
    QueueSettings,
    Refused,
    Stored,
    StoreError,
    Unknown,
    UsageError,
    open_center,
)
from cckit.core import facts as f
from cckit.core import snapshot
from cckit.core.commands import Enqueue, LogIn, ReportArrived, Route, SetReady
from cckit.core.engine import Engine, InvariantBroken
from cckit.core.ids import CENTER, AgentId, QueueId, agent_stream
from cckit.hooks import RegisterHooks, hookimpl
from cckit.shell import group
from cckit.shell import writer as writing

ANNA = AgentId("anna")


def granted(n: int) -> Draft:
    return Draft(CENTER, f.AccessGranted("a", "b", "c", "d", "e", str(n)))


@trio_test
async def test_what_gathers_while_a_frame_is_on_its_way_is_the_next_frame(faulty, virtual) -> None:
    async with virtual(log=faulty) as center:
        faulty.appended.clear()

        async def work(n: int) -> None:
            for k in range(10):
                await center.record(granted(n * 10 + k))

        async with trio.open_nursery() as nursery:
            for n in range(100):
                nursery.start_soon(work, n)
        assert sum(faulty.appended) == 1000
        assert len(faulty.appended) <= 25


@trio_test
async def test_a_single_caller_gets_a_frame_for_each_call(faulty, virtual) -> None:
    async with virtual(log=faulty) as center:
        faulty.appended.clear()
        for n in range(20):
            await center.record(granted(n))
        assert faulty.appended == [1] * 20


@trio_test
async def test_nobody_hears_of_an_event_before_it_is_durable(faulty, virtual) -> None:
    heard: list[str] = []

    class Listens(RegisterHooks):
        name, types = "listens", (f.AgentLoggedIn,)

        async def react(self, batch) -> None:
            heard.append("reactor")

        @hookimpl
        def cckit_register_reactors(self):
            return (self,)

    async with virtual(log=faulty, plugins={"listens": Listens()}) as center:
        subscription = center.subscribe(types=[f.AgentLoggedIn])
        state = center.state.agents["anna"]

        async def subscribe() -> None:
            await anext(subscription)
            heard.append("subscriber")

        async def act() -> None:
            await center.do(LogIn(ANNA))
            heard.append("caller")

        async def refused() -> None:
            while not state.logged_in:
                await trio.lowlevel.checkpoint()
            # Already logged in, though nobody may know it yet.
            reply = await center.do(LogIn(ANNA))
            assert isinstance(reply, Refused | Stored)
            heard.append("refused")

        faulty.before = lambda: heard.append("disk")
        async with trio.open_nursery() as nursery:
            for task in (subscribe, act, refused):
                nursery.start_soon(task)
        await trio.testing.wait_all_tasks_blocked()
    assert heard[0] == "disk"
    assert set(heard) == {"disk", "subscriber", "caller", "refused", "reactor"}


@trio_test
async def test_a_failing_store_leaves_requests_unknown_and_stops_the_center(
    faulty, virtual
) -> None:
    replies = []
    async with virtual(log=faulty) as center:
        subscription = center.subscribe()

        async def work(n: int) -> None:
            replies.append(await center.record(granted(n), request=str(n)))

        faulty.broken = True
        async with trio.open_nursery() as nursery:
            for n in range(5):
                nursery.start_soon(work, n)
        assert [type(reply) for reply in replies] == [Unknown] * 5
        assert replies[0].what == "the disk is gone"
        with pytest.raises(StoreError, match="the disk is gone"):
            await center.record(granted(9))
        with pytest.raises(StoreError, match="the disk is gone"):
            await center.do(LogIn(ANNA))
        with pytest.raises(StoreError, match="the disk is gone"):
            await anext(subscription)


@trio_test
async def test_an_unknown_request_can_be_repeated_after_reopening(faulty, virtual) -> None:
    async with virtual(log=faulty) as center:
        faulty.broken = True
        assert isinstance(await center.record(granted(1), request="1"), Unknown)
    async with virtual(log=faulty.reopen()) as center:
        again = await center.record(granted(1), request="1")
        assert isinstance(again, Stored)
        found = [d async for b in center.read(types=[f.AccessGranted]) for _, d in b]
    assert found == [granted(1).data]


@trio_test
async def test_a_decision_is_never_cut_though_frames_are_bounded(
    faulty, virtual, monkeypatch
) -> None:
    async with virtual(log=faulty) as center:
        monkeypatch.setattr(group, "EVENTS_MAX", 8)
        faulty.appended.clear()

        async def work(n: int) -> None:
            reply = await center.record(*[granted(n)] * 3)
            assert isinstance(reply, Stored)
            assert len(reply.positions) == 3

        async with trio.open_nursery() as nursery:
            for n in range(20):
                nursery.start_soon(work, n)
    assert sum(faulty.appended) == 60
    assert max(faulty.appended) <= 8
    assert all(count % 3 == 0 for count in faulty.appended)


@trio_test
async def test_a_decision_larger_than_a_frame_is_an_error(faulty, virtual) -> None:
    async with virtual(log=faulty) as center:
        end = center.position
        with pytest.raises(UsageError, match="larger than a frame"):
            await center.record(*[granted(n) for n in range(16_385)])
        assert center.position == end
        assert isinstance(await center.record(granted(1)), Stored)


@trio_test
async def test_too_much_waiting_for_the_disk_is_refused(faulty, virtual, monkeypatch) -> None:
    monkeypatch.setattr(writing.Writer.__init__, "__kwdefaults__", {"backlog": 3})
    async with virtual(log=faulty) as center:
        replies = []

        async def work(n: int) -> None:
            replies.append(await center.record(granted(n)))

        async with trio.open_nursery() as nursery:
            for n in range(10):
                nursery.start_soon(work, n)
        refused = [reply for reply in replies if isinstance(reply, Refused)]
        assert refused
        assert {reply.reason for reply in refused} == {"center.overloaded"}
        stored = [reply for reply in replies if isinstance(reply, Stored)]
        assert len(stored) + len(refused) == 10


@trio_test
async def test_a_broken_invariant_drops_its_events_and_is_recorded(
    log, config, monkeypatch
) -> None:
    said: list[str] = []
    async with open_center(config, log=log.again()) as center:
        center._writer.say = said.append
        await center.do(LogIn(ANNA))
        sound = snapshot.dump(center._writer.engine)
        act = Engine.act

        def broken(self, command, *rest, **more):
            decided = act(self, command, *rest, **more)  # The state is spoilt by then.
            if type(command) is SetReady:
                raise InvariantBroken("I5", "SetReady", "planted")
            return decided

        with monkeypatch.context() as planted:
            planted.setattr(Engine, "act", broken)
            reply = await center.do(SetReady(ANNA))
        assert isinstance(reply, Refused)
        assert reply.reason == "floor.invariant_broken"
        assert not center.state.agents["anna"].ready
        found = [d async for b in center.read(types=[f.InvariantBroken]) for _, d in b]
        assert found == [f.InvariantBroken("I5", "SetReady")]
        assert "planted" in said[0]
        mended = snapshot.dump(center._writer.engine)
        for key in ("position", "now", "versions"):
            sound.pop(key), mended.pop(key)
        assert mended == sound
        assert isinstance(await center.do(SetReady(ANNA)), Stored)


@trio_test
async def test_whatever_is_raised_before_a_decision_is_kept_is_taken_back(
    virtual, monkeypatch
) -> None:
    async with virtual() as center:
        await center.do(LogIn(ANNA))
        writer, sound = center._writer, snapshot.dump(center._writer.engine)

        def planted(*_: object) -> None:
            raise TypeError("planted")

        with monkeypatch.context() as patch:
            patch.setattr(writer._codec, "decision_fields", planted)
            with pytest.raises(TypeError, match="planted"):
                await center.do(SetReady(ANNA))
            with pytest.raises(TypeError, match="planted"):
                await center.record(granted(1))
        assert snapshot.dump(writer.engine) == sound
        assert isinstance(await center.do(SetReady(ANNA)), Stored)
        assert center.position == writer.engine.position


@trio_test
async def test_a_crash_in_the_center_reaches_who_opened_it(virtual) -> None:
    def crash(batch) -> None:
        raise LookupError("planted")

    replies = []
    with pytest.raises(BaseExceptionGroup) as caught:
        async with trio.open_nursery() as outside:

            async def work(center) -> None:
                replies.append(await center.record(granted(1)))

            async with virtual() as center:
                center._writer.listeners.append(crash)
                outside.start_soon(work, center)
                await trio.sleep_forever()
    assert isinstance(replies[0], Unknown)
    assert caught.group_contains(LookupError, match="planted")


@trio_test
async def test_what_a_listener_raises_is_no_error_of_the_store(virtual) -> None:
    def refuses(batch) -> None:
        raise UsageError("x", "is planted", "take it out")

    with pytest.raises(BaseExceptionGroup) as caught:
        async with trio.open_nursery() as outside, virtual() as center:
            center._writer.listeners.append(refuses)
            outside.start_soon(center.record, granted(1))
            await trio.sleep_forever()
    assert caught.group_contains(UsageError, match="planted")


@trio_test
async def test_a_recorded_profile_serves_who_waits_for_it(virtual) -> None:
    able = AgentSettings(skills={"he": 3})  # Somebody has to be, who is not here.
    queues = {"support": QueueSettings(need="he")}
    config = Config(queues=queues, agents={"anna": AgentSettings(), "bob": able})
    async with virtual(config) as center:
        await center.do(LogIn(ANNA))
        await center.do(SetReady(ANNA))
        arrived = await center.do(ReportArrived("voice"))
        await center.do(Enqueue(arrived.contact, QueueId("support")))
        assert not center.state.offers
        profile = f.AgentProfileSet(None, 100, {"voice": 100}, {"he": 3})
        await center.record(Draft(agent_stream(ANNA), profile))
        assert len(center.state.offers) == 1
        assert center.position == center._writer.engine.position


@trio_test
async def test_routing_that_breaks_an_invariant_is_recorded_once_a_command(
    virtual, monkeypatch
) -> None:
    act = Engine.act

    def broken(self, command, *rest, **more):
        if type(command) is Route:
            raise InvariantBroken("I8", "Route", "planted")
        return act(self, command, *rest, **more)

    monkeypatch.setattr(Engine, "act", broken)
    monkeypatch.setattr(Engine, "unrouted", property(lambda self: True))
    async with virtual() as center:
        before = center.position
        assert isinstance(await center.do(LogIn(ANNA)), Stored)
        assert isinstance(await center.record(granted(1)), Stored)
        batches = center.read(before, types=[f.InvariantBroken])
        found = [d async for b in batches for _, d in b]
    assert found == [f.InvariantBroken("I8", "Route")] * 2


@trio_test
async def test_a_snapshot_is_kept_at_close_and_used_at_open(tmp_path, config, monkeypatch) -> None:
    path = tmp_path / "center.db"
    folded: list[int] = []
    fold = Engine.fold
    monkeypatch.setattr(
        Engine, "fold", lambda self, one: (folded.append(one[0].position), fold(self, one))[1]
    )
    async with open_center(config, log=path) as center:
        await center.do(LogIn(ANNA))
    async with open_center(config, log=path) as center:
        assert center.state.agents["anna"].logged_in
        assert folded == []
    views = path.with_suffix(".views")
    views.unlink()
    async with open_center(config, log=path) as center:
        assert center.state.agents["anna"].logged_in
        assert folded == list(range(len(folded)))
        assert folded


@trio_test
async def test_a_snapshot_of_another_floor_is_thrown_away(tmp_path, config, monkeypatch) -> None:
    path = tmp_path / "center.db"
    async with open_center(config, log=path) as center:
        await center.do(LogIn(ANNA))
    monkeypatch.setattr(snapshot, "digest_of_classes", lambda _: bytes(32))
    folded: list[int] = []
    fold = Engine.fold
    monkeypatch.setattr(
        Engine, "fold", lambda self, one: (folded.append(one[0].position), fold(self, one))[1]
    )
    async with open_center(config, log=path) as center:
        assert center.state.agents["anna"].logged_in
        assert folded


@trio_test
async def test_an_empty_configuration_is_a_center() -> None:
    async with open_center(Config()) as center:
        assert isinstance(await center.record(granted(1), actor=Actor("system", "x")), Stored)
