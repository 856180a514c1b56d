"""The plugin in a living center: the first admin, roles as facts, denials in the log."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, trio_test

from cckit import Actor, Config, ConfigError, Draft, Refused, Stored, open_center
from cckit.core import facts as f
from cckit.core.commands import (
    AcceptOffer,
    Close,
    Enqueue,
    LogIn,
    ReportArrived,
    ReportBridged,
    SetPermission,
    SetReady,
)
from cckit.core.ids import CENTER as STREAM
from cckit.core.ids import AgentId, ContactId, OfferId, QueueId
from cckit.core.instant import Instant
from cckit.shell.clock import VirtualClock
from cckit.testing.plugins import check_plugin

ANNA, ROOT = Actor("agent", "anna"), Actor("admin", "root")
LOG_IN = LogIn(AgentId("anna"))
CENTER = """
[center]
plugins = ["permissions"]
[agents.anna]
[permissions]
first_admin = "root"
"""


async def events(center, *types: type) -> list:
    return [one async for batch in center.read(types=types) for one in batch]


@trio_test
async def test_the_first_admin_is_made_by_the_system_in_the_first_run(tmp_path: Path) -> None:
    path = tmp_path / "center.db"
    for _ in range(2):
        async with open_center(Config.parse(CENTER), log=path) as center:
            [(envelope, data)] = await events(center, f.PermissionChanged)
            assert data == f.PermissionChanged("root", "admin", True)
            assert envelope.actor.kind == "system"


@trio_test
async def test_all_is_denied_until_a_role_is_given_and_again_when_it_is_taken() -> None:
    async with open_center(Config.parse(CENTER)) as center:
        denied = await center.do(LOG_IN, actor=ANNA)
        assert isinstance(denied, Refused)
        assert denied.reason == "access.refused"
        given = await center.do(SetPermission("anna", "agent"), actor=ROOT)
        assert isinstance(given, Stored)
        assert isinstance(await center.do(LOG_IN, actor=ANNA), Stored)
        await center.do(SetPermission("anna", "agent", False), actor=ROOT)
        again = await center.do(LogIn(AgentId("anna")), actor=ANNA)
        assert isinstance(again, Refused)
        assert again.reason == "access.refused" and "holds no role" in again.what
        assert center.state.roles == {"root": ("admin",), "anna": ()}


@trio_test
async def test_a_center_that_would_deny_everybody_does_not_open(tmp_path: Path) -> None:
    alone, path = Config(plugins=("permissions",)), tmp_path / "center.db"
    with pytest.raises(ConfigError, match="first_admin"):
        async with open_center(alone, log=path):
            pass
    async with open_center(Config.parse(CENTER), log=path):
        pass
    async with open_center(alone, log=path) as center:
        assert center.state.roles == {"root": ("admin",)}


@trio_test
async def test_only_roles_that_there_are_are_given_to_ids_of_actors() -> None:
    text = CENTER + '[permissions.roles.auditor]\nany = ["Deflect"]'
    async with open_center(Config.parse(text)) as center:
        unknown = await center.do(SetPermission("anna", "nosuchrole"), actor=ROOT)
        assert isinstance(unknown, Refused)
        assert unknown.reason == "permission.unknown_role"
        assert "admin, agent, auditor, supervisor" in unknown.remedy
        wrong = await center.do(SetPermission("agent/anna", "agent"), actor=ROOT)
        assert isinstance(wrong, Refused)
        assert wrong.where == "SetPermission.who"
        for role in ("agent", "auditor"):
            assert isinstance(await center.do(SetPermission("anna", role), actor=ROOT), Stored)


@trio_test
async def test_nobody_gives_themselves_a_role() -> None:
    async with open_center(Config.parse(CENTER)) as center:
        for kind in ("agent", "supervisor", "admin"):
            refused = await center.do(SetPermission("eve", "admin"), actor=Actor(kind, "eve"))
            assert isinstance(refused, Refused)
        assert center.state.roles == {"root": ("admin",)}


@trio_test
async def test_who_is_no_person_of_the_center_gives_no_role() -> None:
    async with open_center(Config.parse(CENTER)) as center:
        for kind in ("customer", "adapter", "timer", "nobody", "Admin"):
            refused = await center.do(SetPermission("eve", "admin"), actor=Actor(kind, "eve"))
            assert isinstance(refused, Refused)
        assert center.state.roles == {"root": ("admin",)}
        # There are no actors of the last two kinds: nothing is written of them.
        assert len(await events(center, f.AccessRefused)) == 3


@trio_test
async def test_nobody_records_a_role_for_themselves() -> None:
    role = Draft(STREAM, f.PermissionChanged("eve", "admin", True))
    async with open_center(Config.parse(CENTER)) as center:
        for kind in ("agent", "supervisor", "admin", "customer", "timer"):
            refused = await center.record(role, actor=Actor(kind, "eve"), request="1")
            assert isinstance(refused, Refused) and refused.reason == "access.refused"
        assert center.state.roles == {"root": ("admin",)}
        [*_, (_, data)] = await events(center, f.AccessRefused)
        assert (data.action, data.object, data.purpose) == ("Record", "center", None)
        assert isinstance(await center.record(role, actor=ROOT), Stored)
        assert center.state.roles["eve"] == ("admin",)


@trio_test
async def test_an_agent_handles_her_own_contacts_and_no_others() -> None:
    text = CENTER.replace("[agents.anna]", "[agents.anna]\n[agents.ben]\n[queues.help]")
    ben, line = Actor("agent", "ben"), Actor("adapter", "line")
    async with open_center(Config.parse(text)) as center:
        for who in ("anna", "ben"):
            await center.do(SetPermission(who, "agent"), actor=ROOT)
        await center.do(LOG_IN, actor=ANNA)
        await center.do(SetReady(AgentId("anna")), actor=ANNA)
        contact = ContactId("x")
        await center.do(ReportArrived("voice", contact=contact), actor=line)
        await center.do(Enqueue(contact, QueueId("help")))
        [offer] = [OfferId(offer) for offer in center.state.offers]
        assert isinstance(await center.do(AcceptOffer(offer), actor=ben), Refused)
        assert isinstance(await center.do(AcceptOffer(offer), actor=ANNA), Stored)
        await center.do(ReportBridged(offer), actor=line)
        assert isinstance(await center.do(Close(contact), actor=ben), Refused)
        assert isinstance(await center.do(Close(contact), actor=ANNA), Stored)
        late = await center.do(Close(contact), actor=ANNA)
        assert isinstance(late, Refused) and late.reason == "contact.unknown"


@trio_test
async def test_a_denial_is_stored_and_its_repeat_decided_anew() -> None:
    async with open_center(Config.parse(CENTER)) as center:
        await center.do(LOG_IN, actor=ANNA, request="1")
        [(envelope, data)] = await events(center, f.AccessRefused)
        assert (data.actor, data.action, data.object, data.n) == (
            *("anna", "LogIn", "agent/anna"),
            1,
        )
        assert envelope.actor == ANNA
        await center.do(SetPermission("anna", "agent"), actor=ROOT)
        assert isinstance(await center.do(LOG_IN, actor=ANNA, request="1"), Stored)


@trio_test
async def test_ten_denials_a_minute_are_written_and_the_rest_counted(
    autojump_clock: MockClock,
) -> None:
    clock = VirtualClock(Instant(1_700_000_040_000_000))
    async with open_center(Config.parse(CENTER), clock=clock) as center:
        for _ in range(25):
            assert isinstance(await center.do(LOG_IN, actor=ANNA), Refused)
        await trio.sleep(60)
        await center.do(LOG_IN, actor=ANNA)
        written = [data.n for _, data in await events(center, f.AccessRefused)]
    assert written == [1] * 10 + [16]
    assert sum(written) == 26


@pytest.fixture
def autojump_clock() -> MockClock:
    return MockClock(autojump_threshold=0)


@trio_test
async def test_adapters_are_not_asked_for_a_role() -> None:
    async with open_center(Config.parse(CENTER)) as center:
        arrived = await center.do(ReportArrived("voice"), actor=Actor("adapter", "line"))
        assert isinstance(arrived, Stored)


@pytest.mark.parametrize(
    ("table", "path"),
    [
        ("[permissions]\nadmin = 'root'", r"permissions\.admin"),
        ("[permissions]\nfirst_admin = ''", r"permissions\.first_admin"),
        ("[permissions.roles.x]\nsome = ['SetReady']", r"permissions\.roles\.x\.some"),
        ("[permissions.roles.x]\nown = ['set ready']", r"permissions\.roles\.x\.own"),
        ("[permissions.teams.x]\nleads = 'dana'", r"permissions\.teams\.x\.leads"),
    ],
)
@trio_test
async def test_a_mistake_in_the_table_is_named(table: str, path: str) -> None:
    config = Config.parse(f"[center]\nplugins = ['permissions']\n{table}")
    with pytest.raises(ConfigError, match=path):
        async with open_center(config):
            pass


def test_it_is_a_plugin() -> None:
    assert check_plugin("permissions")[-1] == "answers_purely"
