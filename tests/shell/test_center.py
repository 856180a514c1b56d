"""Opening, doing, recording, reading and closing, in memory and on disk."""

from typing import Any

import attrs
import pytest
import trio
from trio.testing import trio_test

from cckit import (
    Actor,
    AgentSettings,
    Config,
    ConfigError,
    Draft,
    QueueSettings,
    Refused,
    Stored,
    StoreError,
    Superseded,
    Unknown,
    UsageError,
    open_center,
)
from cckit.core import facts as f
from cckit.core.codec import Codec
from cckit.core.commands import (
    AcceptOffer,
    Enqueue,
    LogIn,
    ReportArrived,
    ReportBridged,
    ReportCleared,
    SetReady,
)
from cckit.core.engine import Engine
from cckit.core.events import SYSTEM
from cckit.core.frame import Frame
from cckit.core.ids import CENTER, ContactId, Stream, contact_stream
from cckit.core.registry import Registry
from cckit.shell.clock import VirtualClock
from cckit.stores.memory import MemoryStore
from tests.shown import shown

from .conftest import START

ANNA = Actor("agent", "anna")
LINE = Actor("adapter", "line")


async def types(center: Any, from_position: int = 0) -> list[type]:
    return [type(data) async for batch in center.read(from_position) for _, data in batch]


async def offered(center: Any) -> tuple[str, int]:
    """A contact that was just offered to anna: its id, and the offer."""
    await center.do(LogIn("anna"), actor=ANNA)
    await center.do(SetReady("anna"), actor=ANNA)
    arrived = await center.do(ReportArrived("voice"), actor=LINE)
    contact = arrived.contact
    queued = await center.do(Enqueue(contact, "support"), actor=LINE)
    return contact, queued.recorded[-1][1].offer


@trio_test
async def test_a_run_begins_with_schemas_then_itself_then_configuration(log, config) -> None:
    async with open_center(config, log=log.again()) as center:
        found = await types(center)
    schemas = found.index(f.RunStarted)
    assert found[:schemas] == [f.SchemaDeclared] * len(f.FACTS)
    assert found[schemas:] == [
        f.RunStarted,
        f.ConfigApplied,
        f.ConfigApplied,
        f.AgentProfileSet,
        f.AgentProfileSet,
    ]


@trio_test
async def test_the_second_run_declares_and_applies_nothing_again(log, config) -> None:
    async with open_center(config, log=log.again()) as center:
        end = center.position
    async with open_center(config, log=log.again()) as center:
        assert await types(center, end) == [f.RunStarted]
        batches = [batch async for batch in center.read(end)]
    assert batches[0][0][1].epoch == 2


@trio_test
async def test_only_what_changed_is_applied(log, config) -> None:
    async with open_center(config, log=log.again()) as center:
        end = center.position
    changed = attrs.evolve(
        config,
        queues={"support": QueueSettings(ring_us=9_000_000), "sales": QueueSettings()},
        agents={**config.agents, "ben": AgentSettings(skills={"he": 3})},
    )
    async with open_center(changed, log=log.again()) as center:
        found = [data async for batch in center.read(end) for _, data in batch]
    assert [type(data) for data in found[1:]] == [
        f.ConfigApplied,
        f.ConfigApplied,
        f.AgentProfileSet,
    ]
    assert [data.id for data in found[1:3]] == ["sales", "support"]


@trio_test
async def test_a_reply_names_what_was_stored(log, config) -> None:
    async with open_center(config, log=log.again()) as center:
        end = center.position
        reply = await center.do(LogIn("anna"), actor=ANNA)
        assert isinstance(reply, Stored)
        assert reply.positions == (end,)
        assert reply.recorded[0][1] == f.AgentLoggedIn(None, ("voice",))
        assert center.position == end + 1


@trio_test
async def test_state_survives_a_reopening(log, config) -> None:
    async with open_center(config, log=log.again()) as center:
        contact, offer = await offered(center)
        versions = dict(center.state.versions)
    async with open_center(config, log=log.again()) as center:
        assert contact_stream(contact) in center.state.contacts
        stream = contact_stream(contact)
        # What rang is taken back, for nobody knows whether it rings, and offered anew.
        assert center.state.versions[stream] == versions[stream] + 2
        [again] = center.state.offers
        assert again > offer
        accepted = await center.do(AcceptOffer(again), actor=ANNA)
        assert isinstance(accepted, Stored)


@trio_test
async def test_a_refusal_stores_nothing(log, config) -> None:
    async with open_center(config, log=log.again()) as center:
        end = center.position
        reply = await center.do(SetReady("nobody"))
        assert isinstance(reply, Refused)
        assert reply.reason == "agent.unknown"
        assert center.position == end


@pytest.mark.parametrize(
    "command",
    [LogIn(""), LogIn(5), SetReady("x" * 4000), Enqueue("c", "q", priority=2**70), "no command"],
    ids=["no id", "wrong type", "too long", "huge", "no command"],
)
@trio_test
async def test_bad_input_is_refused_and_named(command: Any) -> None:
    async with open_center(Config()) as center:
        end = center.position
        reply = await center.do(command)
        assert isinstance(reply, Refused)
        assert reply.where and reply.what and reply.remedy
        assert center.position == end


@trio_test
@pytest.mark.parametrize(
    "sent",
    [
        {"actor": None},
        {"request": 5},
        {"request": "\udc80"},
        {"request": ""},
        {"occurred_at": 2**61},
        {"occurred_at": -1},
    ],
)
async def test_a_sender_that_can_not_be_is_refused_and_stores_nothing(config, sent: Any) -> None:
    async with open_center(config) as center:
        end = center.position
        granted = f.AccessGranted("a", "b", "c", "d", "e", "f")
        for reply in (
            await center.do(LogIn("anna"), **sent),
            await center.record(Draft(CENTER, granted), **sent),
        ):
            assert isinstance(reply, Refused)
            assert reply.where == next(iter(sent))
        assert center.position == end


@trio_test
async def test_a_late_report_is_superseded(log, config) -> None:
    async with open_center(config, log=log.again()) as center:
        contact, offer = await offered(center)
        leg = center.state.contacts[contact_stream(contact)].leg
        gone = await center.do(ReportCleared(leg), actor=LINE)
        assert isinstance(gone, Stored)
        late = await center.do(ReportBridged(offer), actor=LINE)
        assert isinstance(late, Superseded)
        assert late.by_position in gone.positions
        assert late.positions == (gone.positions[-1] + 1,)


@trio_test
async def test_ready_facts_are_stored_together(log, config) -> None:
    async with open_center(config, log=log.again()) as center:
        end = center.position
        granted = f.AccessGranted("a", "read", "log", "event", "1", "audit")
        reply = await center.record(Draft(CENTER, granted), Draft(CENTER, granted))
        assert isinstance(reply, Stored)
        assert reply.positions == (end, end + 1)
        stamps = {id(envelope.stamp) for envelope, _ in reply.recorded}
        assert len(stamps) == 1


@trio_test
async def test_a_fact_that_does_not_fit_is_an_error_and_leaves_no_trace(log, config) -> None:
    async with open_center(config, log=log.again()) as center:
        end = center.position
        good = f.AccessGranted("a", "read", "log", "event", "1", "audit")
        bad: Any = f.AccessGranted("a", 5, "log", "event", "1", "audit")  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="action"):
            await center.record(Draft(CENTER, good), Draft(CENTER, bad))
        assert center.position == end
        reply = await center.record(Draft(CENTER, good))
        assert isinstance(reply, Stored)
        assert reply.positions == (end,)
    async with open_center(config, log=log.again()) as center:
        assert (await types(center))[end : end + 2] == [f.AccessGranted, f.RunStarted]


@trio_test
async def test_reading_by_position_stream_type_and_time(log, config) -> None:
    async with open_center(config, log=log.again()) as center:
        first = await center.do(LogIn("anna"))
        second = await center.do(LogIn("ben"))
        third = await center.do(SetReady("anna"))

        async def positions(*span: int, **wanted: Any) -> tuple[int, ...]:
            batches = [batch async for batch in center.read(*span, **wanted)]
            return tuple(envelope.position for batch in batches for envelope, _ in batch)

        at = first.recorded[0][0].recorded_at
        after = third.recorded[0][0].recorded_at + 1
        login = first.positions[0]
        assert await positions(login, login + 2) == (*first.positions, *second.positions)
        assert await positions(login, stream=Stream("agent/anna")) == (
            *first.positions,
            *third.positions,
        )
        assert await positions(types=[f.AgentReady]) == third.positions
        assert await positions(login, types=[f.AgentLoggedIn], stream=Stream("agent/ben")) == (
            second.positions
        )
        found = await positions(from_at=at, until_at=after)
        assert found[-3:] == (*first.positions, *second.positions, *third.positions)
        assert await positions(from_at=after) == ()


@trio_test
async def test_two_centers_live_in_one_process(config) -> None:
    async with open_center(config) as one, open_center(config) as other:
        end = other.position
        await one.do(LogIn("anna"))
        assert other.position == end
        assert not other.state.agents["anna"].logged_in


@trio_test
async def test_a_second_writer_is_refused_while_the_first_lives(tmp_path, config) -> None:
    path = tmp_path / "center.db"
    async with open_center(config, log=path) as center:
        with pytest.raises(StoreError):
            async with open_center(config, log=path):
                pass
        assert isinstance(await center.do(LogIn("anna")), Stored)


@trio_test
async def test_who_is_taken_over_stops_and_stores_nothing_more(tmp_path, config) -> None:
    path = tmp_path / "center.db"
    async with (
        open_center(config, log=path) as old,
        open_center(config, log=path, take_over=True) as new,
    ):
        reply = await old.do(LogIn("anna"))
        assert isinstance(reply, Unknown)
        with pytest.raises(StoreError, match="another writer"):
            await old.do(LogIn("anna"))
        assert not new.state.agents["anna"].logged_in
        assert isinstance(await new.do(LogIn("ben")), Stored)
    async with open_center(config, log=path) as center:
        assert f.AgentLoggedIn in await types(center)


@trio_test
async def test_a_refused_configuration_opens_nothing_and_stores_nothing(log, config) -> None:
    wrong = attrs.evolve(config, queues={"support": QueueSettings(need="billing >=")})
    with pytest.raises(ConfigError, match=r"queues\.support"):
        async with open_center(wrong, log=log.again()):
            pass
    async with open_center(config, log=log.again()) as center:
        assert (await types(center)).count(f.RunStarted) == 1


@trio_test
async def test_a_log_that_is_not_live_is_not_written(config) -> None:
    registry = Registry(f.FACTS)
    started = f.RunStarted(1, "simulated", None, 7, False, {})
    drafts = [Draft(CENTER, data) for data in (*registry.declarations(), started)]
    decision = Engine().record(drafts, SYSTEM, 0)
    store = MemoryStore("center", bytes(16))
    store.claim()
    head = store.head()
    body = Codec(registry).pack([decision])
    store.append(Frame.make(head.chain, 0, len(drafts), 0, head.epoch, body), head)
    with pytest.raises(UsageError, match="simulated"):
        async with open_center(config, log=store.reopen()):
            pass
    assert store.head().position == len(drafts) - 1


@trio_test
async def test_a_closed_center_takes_nothing(config) -> None:
    async with open_center(config) as center:
        pass
    with pytest.raises(UsageError, match="closed"):
        await center.do(LogIn("anna"))


@trio_test
async def test_what_was_decided_before_the_end_is_stored(log, config) -> None:
    """A caller that is cancelled leaves its command: it may be stored."""
    async with open_center(config, log=log.again()) as center:
        end = center.position
        with trio.CancelScope() as scope:
            scope.cancel()
            await center.do(LogIn("anna"), actor=ANNA, request="1")
        assert scope.cancelled_caught
        again = await center.do(LogIn("anna"), actor=ANNA, request="1")
        assert isinstance(again, Stored)
        assert again.positions == (end,)


@trio_test
async def test_an_error_of_the_block_comes_out_bare(config) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with open_center(config):
            raise KeyError("mine")


@trio_test
async def test_numbers_are_sealed_and_open_again(log, config) -> None:
    async with open_center(config, log=log.again()) as center:
        arrived = await center.do(ReportArrived("voice", from_="+972500000", to="100"))
        again = await center.do(ReportArrived("voice", from_="+972500000"))
        created, second = arrived.recorded[0], again.recorded[0]
        assert type(created[1].from_) is not str
        assert (await shown(center, created)).from_ == "+972500000"
        assert (await shown(center, created)).to == "100"
        assert created[1].subject == second[1].subject
    async with open_center(config, log=log.again()) as center:
        if log.path is not None:
            assert (await shown(center, created)).from_ == "+972500000"
            third = await center.do(ReportArrived("voice", from_="+972500000"))
            assert third.recorded[0][1].subject == created[1].subject
            assert b"+972500000" not in log.path.read_bytes()


@trio_test
async def test_a_hidden_number_is_somebody_all_the_same(config) -> None:
    async with open_center(config) as center:
        one = await center.do(ReportArrived("voice", to="100"))
        other = await center.do(ReportArrived("voice", to="100"))
        assert one.recorded[0][1].subject != other.recorded[0][1].subject
        assert (await shown(center, other.recorded[0])).to == "100"


@trio_test
async def test_the_id_of_a_contact_is_never_used_again(log, config, autojump_clock) -> None:
    clock = VirtualClock(START)
    named = ReportArrived("voice", contact=ContactId("call-1"))
    async with open_center(config, log=log.again(), clock=clock) as center:
        first = await center.do(named)
        await center.do(ReportCleared(first.fact(f.ContactCreated).leg))
        at_once = await center.do(named)
        await trio.sleep(3600)
        await center.do(ReportArrived("voice"))  # Forgets what ended long ago.
        later = await center.do(named)
        for answer in (at_once, later):
            assert isinstance(answer, Refused)
            assert answer.reason == "contact.exists"
        other = await center.do(ReportArrived("voice", contact=ContactId("call-2")))
        assert isinstance(other, Stored)
        read = [r async for batch in center.read(stream=contact_stream("call-1")) for r in batch]
    assert [envelope.stream_version for envelope, _ in read] == list(range(len(read)))
