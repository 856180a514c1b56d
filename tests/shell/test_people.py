"""Who the log speaks about: keys that are made when they are needed, and not before."""

from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock, trio_test

from cckit import Center, Config, Draft, Refused, Stored, UsageError, open_center
from cckit.core import facts as f
from cckit.core.commands import Deflect, LogIn, ReportArrived, SetProfile
from cckit.core.ids import AgentId, ContactId, Stream, SubjectId, contact_stream
from cckit.core.instant import MINUTE, SECOND
from cckit.hooks import FactoryHooks, Store, hookimpl
from cckit.stores.memory import MemoryStore
from cckit.stores.sqlite import SqliteStore
from tests.shown import shown

KNOWN = ContactId("known")
PERSONAL = [
    ReportArrived("voice", from_="+972500000"),
    ReportArrived("voice", to="100"),
    SetProfile(AgentId("zoe"), {}, name="Zoe"),
    LogIn(AgentId("anna"), device="sip:anna"),
]


async def made(center: Center) -> list[f.SubjectKeyMade]:
    return [r[1] async for b in center.read(types=(f.SubjectKeyMade,)) for r in b]


@trio_test
async def test_a_key_is_stored_with_the_event_that_it_sealed(log, config: Config) -> None:
    async with open_center(config, log=log.again()) as center:
        first = await center.do(ReportArrived("voice", from_="+972500000"))
        assert [type(data) for _, data in first.recorded] == [f.ContactCreated, f.SubjectKeyMade]
        assert len({id(envelope.stamp) for envelope, _ in first.recorded}) == 1
        again = await center.do(ReportArrived("voice", from_="+972500000"))
        assert [type(data) for _, data in again.recorded] == [f.ContactCreated]


@trio_test
@pytest.mark.parametrize(
    "refused",
    [
        ReportArrived("voice", from_="+972500000", contact=KNOWN),
        ReportArrived("voice", to="100", contact=KNOWN),
        SetProfile(AgentId("zoe"), {}, channels={"voice": 200}, budget=100, name="Zoe"),
        LogIn(AgentId("nobody"), device="sip:nobody"),
    ],
)
async def test_a_refused_command_leaves_no_key(log, config: Config, refused: Any) -> None:
    async with open_center(config, log=log.again()) as center:
        await center.do(ReportArrived("voice", contact=KNOWN))
        end = center.position
        assert isinstance(await center.do(refused), Refused)
        assert center.position == end
        assert not center._parts.people.pending
    async with open_center(config, log=log.again()) as center:
        assert await made(center) == []
        stored = await center.do(ReportArrived("voice", from_="+972500000"))
        assert isinstance(stored, Stored)
        assert len(await made(center)) == 1


@trio_test
async def test_a_subject_that_is_no_id_of_ours_is_refused_before_the_floor(config: Config) -> None:
    async with open_center(config) as center:
        engine, end = center._writer.engine, center.position
        reply = await center.do(ReportArrived("voice", from_="1", subject=SubjectId("x")))
        assert isinstance(reply, Refused)
        assert reply.reason == "command.unusable"
        assert center._writer.engine is engine
        assert center.position == end


# --- a log without a key file ---------------------------------------------------------------


class Opening(FactoryHooks):
    """Opens any URL as one log in memory, of which nobody can know that it is."""

    def __init__(self) -> None:
        self.store = MemoryStore("center", bytes(16))

    @hookimpl
    def cckit_open_store(self, url: str) -> Store | None:
        return self.store.reopen()


@trio_test
@pytest.mark.parametrize("command", PERSONAL)
async def test_without_keys_what_is_personal_is_refused(config: Config, command: Any) -> None:
    plugins = {"any": Opening()}
    async with open_center(config, log="any://log", plugins=plugins) as center:
        engine, end = center._writer.engine, center.position
        reply = await center.do(command, request="1")
        assert isinstance(reply, Refused)
        assert reply.reason == "subject.no_keys"
        assert reply.where.startswith(type(command).__name__)
        assert "keys=" in reply.remedy
        assert (center.position, center._writer.engine) == (end, engine)
        unknown = await center.do(ReportArrived("voice"))
        assert isinstance(unknown, Stored)
        assert (await shown(center, unknown.recorded[0])) == unknown.recorded[0][1]


@trio_test
async def test_without_keys_a_personal_fact_is_refused_too(tmp_path: Path, config: Config) -> None:
    store = SqliteStore.open(str(tmp_path / "a.db"), create=True, origin="center", log_id=bytes(16))
    logged_in = f.AgentLoggedIn("sip:anna", ("voice",))
    async with open_center(config, log=store) as center:
        end = center.position
        reply = await center.record(Draft(Stream("agent/anna"), logged_in))
        assert isinstance(reply, Refused)
        assert (reply.reason, reply.where) == ("subject.no_keys", "agent.logged_in.device")
        assert center.position == end
    store.close()


@trio_test
async def test_any_log_can_be_given_keys(tmp_path: Path, config: Config) -> None:
    plugins, keys = {"any": Opening()}, tmp_path / "mine.keys"
    arrived = ReportArrived("voice", from_="+972500000")
    async with open_center(config, log="any://log", keys=keys, plugins=plugins) as center:
        first = await center.do(arrived, request="1")
    assert keys.exists()
    async with open_center(config, log="any://log", keys=keys, plugins=plugins) as center:
        again = await center.do(arrived, request="1")
        assert again.positions == first.positions
        assert (await shown(center, again.recorded[0])).from_ == "+972500000"
    async with open_center(config, log="any://log", plugins=plugins) as center:
        with pytest.raises(UsageError, match="no key file"):
            await shown(center, again.recorded[0])


@trio_test
async def test_the_keys_of_a_path_can_lie_elsewhere(tmp_path: Path, config: Config) -> None:
    keys = tmp_path / "elsewhere"
    async with open_center(config, log=tmp_path / "a.db", keys=keys) as center:
        await center.do(ReportArrived("voice", from_="+972500000"))
    assert keys.exists()
    assert not (tmp_path / "a.keys").exists()


# --- ready facts ----------------------------------------------------------------------------


@trio_test
@pytest.mark.parametrize(
    "data",
    [
        f.AccessGranted("a", "b", "c", "d", "e", 5),  # type: ignore[arg-type]
        f.AgentLoggedIn("sip:anna", ["voice"]),  # type: ignore[arg-type]
        f.AgentLoggedIn(1.5, ("voice",)),  # type: ignore[arg-type]
    ],
)
async def test_a_fact_that_does_not_fit_never_touches_the_floor(config: Config, data: Any) -> None:
    async with open_center(config) as center:
        engine = center._writer.engine
        with pytest.raises(UsageError):
            await center.record(Draft(Stream("agent/anna"), data))
        assert center._writer.engine is engine


@trio_test
@pytest.mark.parametrize("stream", [None, 5, [], "\udc80", "x" * 1025])
async def test_a_stream_that_is_no_name_never_touches_the_floor(
    config: Config, stream: Any
) -> None:
    async with open_center(config) as center:
        engine = center._writer.engine
        for data in (
            f.AccessGranted("a", "b", "c", "d", "e", "f"),
            f.AgentLoggedIn("sip:anna", ("voice",)),
        ):
            with pytest.raises(UsageError, match="its stream is no name"):
                await center.record(Draft(stream, data))
        assert center._writer.engine is engine


# --- what is forgotten ----------------------------------------------------------------------


@trio_test
async def test_who_called_and_went_is_forgotten_by_the_floor(
    virtual, log, autojump_clock: MockClock
) -> None:
    async with virtual(log=log.again()) as center:
        people = set()
        for n in range(30):
            name = ContactId(f"k{n}")
            arrived = await center.do(ReportArrived("voice", from_=f"05{n}", contact=name))
            people.add(arrived.fact(f.ContactCreated).subject)
            await center.do(Deflect(name))
        assert sum(s.startswith("subject/") for s in center.state.versions) == 30
        await trio.sleep(10 * MINUTE / SECOND + 20)
        await center.do(LogIn(AgentId("anna")))
        assert not any(s.startswith(("subject/", "contact/")) for s in center.state.versions)
        for n, subject in enumerate(people):
            stream = Stream(f"subject/{subject}")
            note = f.AccessGranted("a", "b", "c", "d", "e", str(n))
            grown = await center.record(Draft(stream, note))
            assert [envelope.stream_version for envelope, _ in grown.recorded] == [1]


@trio_test
async def test_a_reply_that_lacks_what_is_asked_says_what_it_wrote(config: Config) -> None:
    async with open_center(config) as center:
        arrived = await center.do(ReportArrived("voice", contact=KNOWN))
        assert arrived.contact == KNOWN
        assert arrived.recorded[0][0].stream == contact_stream(KNOWN)
        with pytest.raises(UsageError, match="it led to no OfferMade") as none:
            arrived.offer  # noqa: B018
        assert none.value.remedy == "it wrote contact.created"
        with pytest.raises(UsageError, match="it led to no AgentLoggedIn"):
            arrived.fact(f.AgentLoggedIn)
        logged_in = await center.do(LogIn(AgentId("anna")))
        with pytest.raises(UsageError, match="it wrote about no contact") as none:
            logged_in.contact  # noqa: B018
        assert none.value.remedy == "it wrote agent.logged_in"
