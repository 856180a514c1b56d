"""What commands say of people, whoever sends them: hidden everywhere, whosever it is."""

from collections.abc import Callable
from typing import Any, Final, get_args

import attrs
import pytest
from trio.testing import trio_test

from cckit import AgentSettings, Center, Config, QueueSettings, Refused, Stored, open_center
from cckit.core import CENTER, Machine, Number
from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.commands import COMMANDS, DRAWN, said_in, sayings
from cckit.core.errors import PluginError
from cckit.core.events import PERSONAL, Sealed
from cckit.core.ids import AgentId, ContactId, QueueId, Stream, SubjectId, contact_stream
from cckit.core.shapes import fields_of
from cckit.hooks import RegisterHooks, Relay, hookimpl
from cckit.shell.plugins import load
from cckit.stores.sqlite import SqliteStore
from cckit.testing.world import World
from cckit_callback.machine import RequestCallback
from cckit_callback.plugin import Plugin as Callback
from tests.shown import shown

ANNA: Final = AgentId("anna")
X, Y = ContactId("x"), ContactId("y")
HELP: Final = QueueId("help")
SECRET: Final = "+972541112233"
NUMBER: Final = "+972549998877"
CONFIG: Final = Config(
    queues={"help": QueueSettings()},
    agents={"anna": AgentSettings(channels={"voice": 50, "chat": 10})},
    plugins=("callback",),
)

Ready = Callable[[Center, str | None], Any]


async def come(center: Center, channel: str, number: str | None) -> Any:
    return await good(center, c.ReportArrived(channel, contact=X, from_=number))


async def good(center: Center, asked: Any, **sender: Any) -> Any:
    reply = await center.do(asked, **sender)
    assert isinstance(reply, Stored), reply
    return reply


async def chatting(center: Center, number: str | None) -> None:
    await come(center, "chat", number)
    await good(center, c.LogIn(ANNA, ("voice", "chat")))
    await good(center, c.SetReady(ANNA))
    reply = await good(center, c.Enqueue(X, HELP))
    await good(center, c.AcceptOffer(reply.offer))


async def talking(center: Center, number: str | None) -> None:
    await come(center, "voice", number)
    await good(center, c.LogIn(ANNA, ("voice", "chat")))
    await good(center, c.SetReady(ANNA))
    reply = await good(center, c.Enqueue(X, HELP))
    offer = reply.offer
    await good(center, c.ReportAlerting(offer))
    await good(center, c.AcceptOffer(offer))
    await good(center, c.ReportBridged(offer))


async def waiting(center: Center, number: str | None) -> None:
    await come(center, "voice", number)
    await good(center, c.Enqueue(X, HELP))
    await good(center, c.LogIn(ANNA, ("voice", "chat")))


SAYING: Final[dict[str, tuple[Ready, Any]]] = {
    "message": (chatting, c.ReportMessage(X, "m1", body=SECRET)),
    "files": (chatting, c.ReportMessage(X, "m1", files=(SECRET,))),
    "send": (chatting, c.Send(X, SECRET)),
    "attributes": (talking, c.SetAttributes(X, {"call me at": SECRET})),
    "transfer": (talking, c.Transfer(X, "external", SECRET)),
    "consult": (talking, c.Consult(X, "external", SECRET)),
    "move": (chatting, c.MoveChannel(X, "voice", to=SECRET)),
    "dial": (waiting, c.Dial(ANNA, SECRET)),
    "callback": (waiting, RequestCallback(contact_stream(X), number=SECRET)),
}
"""What is said, each once it can be."""


def opened(log: Any, **more: Any) -> Any:
    return open_center(CONFIG, log=log, plugins={"callback": Callback()}, **more)


async def sealed(center: Center, after: int = 0) -> list[tuple[Any, str, Sealed]]:
    found = []
    async for batch in center.read(after):
        for recorded in batch:
            for field in fields_of(type(recorded[1])):
                value = getattr(recorded[1], field.name, None)
                if type(value) is Sealed:
                    found.append((recorded, field.name, value))
    return found


# --- every command, by its shape ------------------------------------------------------------


def test_a_repr_of_no_command_shows_what_it_says_of_people() -> None:
    for name, (_, asked) in SAYING.items():
        assert said_in(asked), name
        assert SECRET not in repr(asked), name
    assert "5" not in repr(c.SetProfile(ANNA, name="555")).partition("name")[2]


def test_whatever_leads_to_a_personal_field_is_marked_in_its_command() -> None:
    """Fields of commands that bear the name of a personal field of an event are personal."""
    personal = {
        field.name for cls in f.FACTS for field in fields_of(cls) if field.shape.base == PERSONAL
    } | {"to", "number"}
    unmarked = {
        (cls.__name__, field.name)
        for cls in COMMANDS
        for field in fields_of(cls)
        if field.name in personal
        and field.name not in {one.field.rstrip("_") for one in sayings(cls)}
    }
    assert not unmarked


def test_what_begins_a_contact_may_leave_its_id_to_chance() -> None:
    left = {
        cls: field.name
        for cls in COMMANDS
        for field in attrs.fields(cls)
        if field.default is None and ContactId in get_args(field.type)
    }
    assert left == DRAWN


def test_an_agent_or_a_queue_is_no_secret() -> None:
    assert said_in(c.Transfer(X, "queue", "help")) == ()
    assert said_in(c.Consult(X, "agent", "anna")) == ()


def test_a_plugin_whose_command_shows_a_number_is_not_loaded() -> None:
    @attrs.frozen
    class Say:
        number: Number | None = None
        stream: Stream = CENTER

    class Says(RegisterHooks):
        @hookimpl
        def cckit_register_machines(self) -> Any:
            return [Machine("says", (Say,), (), dict, lambda *_: (), lambda *_: None)]

    plugins = {"says": Says()}
    with pytest.raises(PluginError, match="@command"):
        load(Config(), plugins, Relay(plugins, lambda: 0))


# --- where there are no keys ------------------------------------------------------------------


@trio_test
@pytest.mark.parametrize("what", SAYING)
async def test_without_keys_it_is_refused(tmp_path: Any, what: str) -> None:
    ready, asked = SAYING[what]
    store = SqliteStore.open(str(tmp_path / "a.db"), create=True, origin="center", log_id=bytes(16))
    async with opened(store) as center:
        await ready(center, None)
        end = center.position
        reply = await center.do(asked, request="1")
        assert isinstance(reply, Refused) and reply.reason == "subject.no_keys"
        assert SECRET not in repr(reply)
        assert center.position == end
    store.close()


# --- where there are ----------------------------------------------------------------------------


@trio_test
@pytest.mark.parametrize("number", [NUMBER, None])
@pytest.mark.parametrize("what", SAYING)
async def test_it_is_sealed_for_one_person_and_nowhere_else(
    tmp_path: Any, what: str, number: str | None
) -> None:
    ready, asked = SAYING[what]
    log = tmp_path / "center.db"
    async with opened(log) as center:
        await ready(center, number)
        end = center.position
        reply = await good(center, asked, request="1")
        assert SECRET not in repr(reply)
        again = await good(center, asked, request="1")
        assert again.positions == reply.positions
        said = await sealed(center, end)
        assert said, "nothing was kept of it"
        [whose] = {value.subject.hex() for _, _, value in said}
        for recorded, field, _ in said:
            clear = getattr(await shown(center, recorded), field)
            assert clear in (SECRET, (SECRET,), {"call me at": SECRET})
        contact = center.state.contacts.get(contact_stream(X))
        assert contact is not None
        if what != "dial":
            assert contact.subject == whose
        await good(center, c.Erase(SubjectId(whose), "asked"))
        erased = await center.erased(SubjectId(whose))
        assert erased is not None and erased.keys == 1
        for recorded, field, _ in said:
            assert getattr(await shown(center, recorded), field) is None
    for path in tmp_path.iterdir():
        assert SECRET.encode() not in path.read_bytes(), path


@trio_test
async def test_who_is_called_is_known_by_the_number(tmp_path: Any) -> None:
    async with opened(tmp_path / "center.db") as center:
        await waiting(center, SECRET)
        known = center.state.contacts[contact_stream(X)].subject
        dialed = await good(center, c.Dial(ANNA, SECRET))
        assert dialed.fact(f.ContactCreated).subject == known
        asked = RequestCallback(contact_stream(X), number=NUMBER)
        requested = (await good(center, asked)).recorded[0][1]
        assert requested.subject == known
        assert requested.number.subject.hex() == known


class Calls:
    """A process that calls somebody when anna turns ready, and one that fails."""

    name = "calls"
    types = (f.AgentReady, f.AgentLoggedOut)

    def initial(self) -> None:
        return None

    def apply(self, state: None, recorded: Any) -> Any:
        if isinstance(recorded[1], f.AgentLoggedOut):
            raise RuntimeError(SECRET)
        return [c.Dial(ANNA, SECRET), c.Recall(None, HELP, subject=SubjectId("cd" * 16))]


class Calling(RegisterHooks):
    @hookimpl
    def cckit_register_processes(self) -> Any:
        return [Calls()]


@trio_test
async def test_what_a_process_says_is_sealed_and_its_failure_says_nothing(tmp_path: Any) -> None:
    plugins = {"callback": Callback(), "calling": Calling()}
    async with open_center(CONFIG, log=tmp_path / "center.db", plugins=plugins) as center:
        await good(center, c.LogIn(ANNA))
        await good(center, c.SetReady(ANNA))
        # What comes after it is durable after what the process asked for.
        await good(center, c.SetNotReady(ANNA, "home"))
        created = [one async for b in center.read(types=(f.ContactCreated,)) for one in b]
        dialed, recalled = created
        assert len(dialed[0].stream) == len(recalled[0].stream) == len("contact/") + 32
        assert (await shown(center, dialed)).to == SECRET
        await good(center, c.LogOut(ANNA))
        await good(center, c.SetPriority(ContactId(recalled[0].stream[8:]), 1))
        failed = [d async for b in center.read(types=(f.PluginFailed,)) for _, d in b]
        assert SECRET not in repr(failed)
    for path in tmp_path.iterdir():
        assert SECRET.encode() not in path.read_bytes(), path


@trio_test
async def test_without_keys_a_process_says_nothing_of_people(tmp_path: Any) -> None:
    store = SqliteStore.open(str(tmp_path / "a.db"), create=True, origin="center", log_id=bytes(16))
    plugins = {"callback": Callback(), "calling": Calling()}
    async with open_center(CONFIG, log=store, plugins=plugins) as center:
        await good(center, c.LogIn(ANNA))
        await good(center, c.SetReady(ANNA))
        await good(center, c.SetNotReady(ANNA, "home"))
        [failed] = [d async for b in center.read(types=(f.PluginFailed,)) for _, d in b]
        assert failed.error == "a command that can't be: subject.no_keys"
    store.close()


def test_in_a_simulated_world_nothing_is_said_of_anybody() -> None:
    world = World(1, plugins={"calling": Calling()})
    world.do(c.ApplyConfig("queue", "help", QueueSettings().pack()))
    world.do(c.SetProfile(ANNA))
    world.do(c.LogIn(ANNA))
    world.do(c.SetReady(ANNA))
    world.flush()
    created = [data for _, data in world.events() if isinstance(data, f.ContactCreated)]
    assert [data.to for data in created] == [None, None]


@trio_test
async def test_a_refused_command_leaves_nobody(tmp_path: Any) -> None:
    refused = [
        c.Transfer(X, "external", " "),
        c.Dial(AgentId("nobody"), SECRET),
        c.Send(X, SECRET),
        c.SetAttributes(ContactId("gone"), {"a": SECRET}),
    ]
    async with opened(tmp_path / "center.db") as center:
        await talking(center, None)
        end = center.position
        for asked in refused:
            reply = await center.do(asked)
            assert isinstance(reply, Refused) and SECRET not in repr(reply)
        assert center.position == end
        assert not center._parts.people.pending


@trio_test
async def test_what_is_said_after_identifying_is_sealed_for_that_person(tmp_path: Any) -> None:
    async with opened(tmp_path / "center.db") as center:
        await chatting(center, NUMBER)
        caller = center.state.contacts[contact_stream(X)].subject
        assert caller is not None
        known = SubjectId("ab" * 16)
        before = await good(center, c.ReportMessage(X, "1", body=SECRET))
        await good(center, c.Identify(X, known, "pin", 2))
        after = await good(center, c.ReportMessage(X, "2", body=SECRET))
        first, second = before.recorded[0], after.recorded[0]
        assert first[1].body.subject.hex() == caller
        assert second[1].body.subject.hex() == known
        await good(center, c.Erase(known, "asked"))
        await center.erased(known)
        assert (await shown(center, first)).body == SECRET
        assert (await shown(center, second)).body is None


@trio_test
async def test_a_contact_of_nobody_known_becomes_somebodys(tmp_path: Any) -> None:
    async with opened(tmp_path / "center.db") as center:
        await chatting(center, None)
        first = await good(center, c.ReportMessage(X, "1", body=SECRET))
        kinds = [type(data) for _, data in first.recorded]
        assert kinds == [f.ContactIdentified, f.MessageReceived, f.SubjectKeyMade]
        assert first.fact(f.ContactIdentified).level == 0
        more = await good(center, c.ReportMessage(X, "2", body=SECRET))
        assert [type(data) for _, data in more.recorded] == [f.MessageReceived]
