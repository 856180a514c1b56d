"""Rules of retention: which of them holds, who is due, and what a center does about it."""

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, trio_test

from cckit import AgentSettings, Config, ConfigError, QueueSettings, Stored, open_center
from cckit.core import facts as f
from cckit.core.commands import Deflect, Enqueue, LogIn, LogOut, ReportArrived, SetHold
from cckit.core.events import PERSONAL
from cckit.core.ids import AgentId, QueueId, Stream
from cckit.core.instant import MINUTE, SECOND, Instant
from cckit.core.reports import Folding
from cckit.core.retention import DAY, PeopleKept, Rule, Sort, due, rule_of
from cckit.core.retention import People as Kept
from cckit.shell.clock import VirtualClock
from cckit.shell.entropy import SeededEntropy
from cckit.stores.memory import MemoryStore

START = Instant(1_700_000_000_000_000)
CHAT = Sort("contact", "chat", ("help",))
VOICE = Sort("contact", "voice", ("orders",))
ANNA = AgentId("anna")


# --- which rule holds -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "sort", "name", "days"),
    [
        ([Rule("all", 30)], CHAT, "all", 30),
        ([Rule("all", 30), Rule("chats", 90, channel="chat")], CHAT, "chats", 90),
        ([Rule("all", 30, precedence=1), Rule("chats", 90, channel="chat")], CHAT, "all", 30),
        ([Rule("all", 30), Rule("orders", 7, queue="orders", precedence=5)], VOICE, "orders", 7),
        ([Rule("all", 30), Rule("orders", 7, queue="orders", precedence=5)], CHAT, "all", 30),
        ([Rule("all", 30), Rule("law", 1825, least=True, queue="orders")], VOICE, "all", 1825),
        ([Rule("all", 30), Rule("law", 1825, least=True, queue="orders")], CHAT, "all", 30),
        ([Rule("all", 3000), Rule("law", 1825, least=True)], VOICE, "all", 3000),
        ([Rule("a", 30), Rule("b", 30)], CHAT, "b", 30),
    ],
)
def test_the_highest_wish_holds_and_the_law_lengthens_it(
    rules: list[Rule], sort: Sort, name: str, days: int
) -> None:
    for order in (rules, rules[::-1]):
        found = rule_of(order, sort)
        assert found is not None
        assert (found[0].name, found[1]) == (name, days)


def test_without_a_wish_that_fits_everything_is_kept() -> None:
    assert rule_of([], CHAT) is None
    assert rule_of([Rule("law", 5, least=True)], CHAT) is None
    assert rule_of([Rule("voice", 5, channel="voice")], CHAT) is None
    assert rule_of([Rule("agents", 5, kind="agent")], CHAT) is None


RULES = st.lists(
    st.builds(
        Rule,
        name=st.sampled_from("abcdef"),
        days=st.integers(0, 40),
        least=st.booleans(),
        channel=st.sampled_from([None, "chat", "voice"]),
        queue=st.sampled_from([None, "help", "orders"]),
        precedence=st.integers(0, 3),
    ),
    max_size=6,
    unique_by=lambda rule: rule.name,
)


def kept(*ends: tuple[str, Sort, int]) -> Kept:
    state = Kept()
    for subject, sort, at in ends:
        state.keyed.add(subject)
        state.end(subject, sort, at)
    return state


@given(RULES, st.integers(0, 60), st.integers(0, 60), st.integers(0, 120), st.booleans())
def test_nobody_is_due_before_the_law_nor_under_hold(
    rules: list[Rule], chat: int, voice: int, today: int, hold: bool
) -> None:
    state = kept(("s", CHAT, chat * DAY), ("s", VOICE, voice * DAY))
    found = due(rules, state, today * DAY, {"subject/s"} if hold else ())
    assert not (hold and found.due)
    everyone = found.due + found.held
    for one in everyone:
        assert one.at <= today * DAY
        assert one.rule in {rule.name for rule in rules if not rule.least}
        for sort, end in ((CHAT, chat), (VOICE, voice)):
            for law in (rule for rule in rules if rule.least and rule.fits(sort)):
                assert end + law.days <= today
    if not everyone and all(rule_of(rules, sort) for sort in (CHAT, VOICE)):
        assert any(
            end + rule_of(rules, sort)[1] > today  # type: ignore[index]
            for sort, end in ((CHAT, chat), (VOICE, voice))
        )


def test_who_has_no_keys_or_is_on_the_line_is_not_due() -> None:
    state = kept(("s", CHAT, 0), ("t", CHAT, 0))
    state.keyed.discard("t")
    rules = [Rule("all", 1)]
    assert [one.subject for one in due(rules, state, DAY).due] == ["s"]
    assert due(rules, state, DAY - 1).due == ()
    assert due(rules, state, DAY, {"center"}).held == due(rules, state, DAY).due


# --- the file -------------------------------------------------------------------------------


def test_the_rules_stand_in_the_file() -> None:
    text = """
    [[retention]]
    name = "chats"
    channel = "chat"
    keep = 90
    precedence = 2

    [[retention]]
    name = "orders-law"
    queue = "orders"
    at_least = 1825

    [[retention]]
    name = "staff"
    kind = "agent"
    keep = 365
    """
    assert Config.parse(text).retention == (
        Rule("chats", 90, channel="chat", precedence=2),
        Rule("orders-law", 1825, least=True, queue="orders"),
        Rule("staff", 365, kind="agent"),
    )


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[retention]\nname='a'\nkeep=1", "retention"),
        ("[[retention]]\nkeep=1", "retention[1].name"),
        ("[[retention]]\nname='a'", "retention[1]"),
        ("[[retention]]\nname='a'\nkeep=1\nat_least=2", "retention[1]"),
        ("[[retention]]\nname='a'\nkeep=-1", "retention[1].keep"),
        ("[[retention]]\nname='a'\nkeep=99999", "retention[1].keep"),
        ("[[retention]]\nname='a'\nkeep=1.5", "retention[1].keep"),
        ("[[retention]]\nname='a'\nkeep=1\nkind='dog'", "retention[1].kind"),
        ("[[retention]]\nname='a'\nkeep=1\nkind='agent'\nqueue='q'", "retention[1].queue"),
        ("[[retention]]\nname='a'\nat_least=1\nprecedence=3", "retention[1].precedence"),
        ("[[retention]]\nname='a'\nkeep=1\ncolour=3", "retention[1].colour"),
        ("[[retention]]\nname='a'\nkeep=1\n[[retention]]\nname='a'\nkeep=2", "retention[2].name"),
    ],
)
def test_each_mistake_names_its_place(text: str, where: str) -> None:
    with pytest.raises(ConfigError) as found:
        Config.parse(text)
    assert found.value.where == f"CENTER.toml: {where}"
    assert found.value.remedy


@pytest.mark.parametrize(
    ("rule", "where", "what"),
    [
        (Rule("law", 1825, least=True, queue="order"), "queue", "a queue 'order'"),
        (Rule("law", 1825, least=True, channel="voise"), "channel", "a channel 'voise'"),
    ],
)
@trio_test
async def test_a_law_about_what_is_nowhere_is_refused_and_not_in_the_log(
    rule: Rule, where: str, what: str, tmp_path: Any
) -> None:
    log = tmp_path / "center.db"
    async with center_of(log=log):
        pass
    with pytest.raises(ConfigError) as found:
        async with center_of(attrs.evolve(RULED, retention=(Rule("all", 90), rule)), log=log):
            pass
    assert found.value.where == f"CENTER.toml: retention[2].{where}"
    assert what in found.value.what
    assert "orders" in found.value.remedy or "chat, voice" in found.value.remedy
    async with center_of(log=log) as center:
        kinds = [d.kind async for b in center.read(types=(f.ConfigApplied,)) for _, d in b]
    assert kinds.count("retention") == 1


@trio_test
async def test_a_law_may_name_a_queue_that_only_the_log_has_still(tmp_path: Any) -> None:
    log = tmp_path / "center.db"
    async with center_of(log=log):
        pass
    law = Rule("law", 1825, least=True, queue="orders", channel="chat")
    async with center_of(Config(retention=(law,)), log=log) as center:
        assert center.state.queues


# --- a center, for years --------------------------------------------------------------------


@pytest.fixture
def autojump_clock() -> MockClock:
    return MockClock(autojump_threshold=0)


RULED = Config(
    queues={"help": QueueSettings(), "orders": QueueSettings()},
    agents={"anna": AgentSettings(channels={"voice": 100, "chat": 30})},
    retention=(
        Rule("chats", 90, channel="chat"),
        Rule("calls", 365, channel="voice"),
        Rule("orders-law", 1825, least=True, queue="orders"),
    ),
)


def center_of(config: Config = RULED, **options: Any) -> open_center:
    options.setdefault("clock", VirtualClock(START))
    return open_center(config, entropy=SeededEntropy(7), **options)


async def call(center: Any, channel: str, number: str, queue: str | None = None) -> str:
    """Somebody comes, perhaps waits in a queue, and goes; who it was."""
    arrived = await center.do(ReportArrived(channel, from_=number))
    assert isinstance(arrived, Stored), arrived
    if queue is not None:
        await center.do(Enqueue(arrived.contact, QueueId(queue)))
    ended = await center.do(Deflect(arrived.contact))
    assert isinstance(ended, Stored), ended
    subject: str = arrived.fact(f.ContactCreated).subject  # type: ignore[assignment]
    return subject


async def erased(center: Any) -> list[tuple[int, str, str]]:
    """(days since the start, subject, ground) of each erasure, in order."""
    return [
        ((e.recorded_at - START) // DAY, e.stream.partition("/")[2], data.ground)
        async for batch in center.read(types=(f.SubjectErasureStarted,))
        for e, data in batch
    ]


@trio_test
async def test_over_six_years_everybody_goes_by_their_rule(
    autojump_clock: MockClock, publish: Callable[[str], None]
) -> None:
    store = MemoryStore("center", bytes(16))
    who: dict[str, str] = {}
    for day in (0, 80, 88, 168, 363, 1823, 2190):
        clock = VirtualClock(Instant(START + day * DAY + day * MINUTE))
        async with center_of(log=store.reopen(), clock=clock) as center:
            if day == 0:
                who["chat"] = await call(center, "chat", "1")
                who["voice"] = await call(center, "voice", "2")
                who["order"] = await call(center, "chat", "3", "orders")
            if day == 80:
                who["late"] = await call(center, "chat", "4")
                assert await call(center, "chat", "1") == who["chat"]
            await trio.sleep(3.2 * DAY / SECOND)
            found = await erased(center)
    assert sorted(found[:2]) == sorted((170, who[one], "rule:chats") for one in ("chat", "late"))
    publish(f"retention: {len(found)} people erased in 6 years, 0 early, 0 late")
    assert found[2:] == [(365, who["voice"], "rule:calls"), (1825, who["order"], "rule:chats")]


@trio_test
async def test_a_hold_defers_and_its_end_runs_what_was_deferred(
    autojump_clock: MockClock,
) -> None:
    week = Config(retention=(Rule("week", 7),))
    async with center_of(week) as center:
        who = await call(center, "chat", "1")
        other = await call(center, "chat", "2")
        await center.do(SetHold(f"subject/{who}", True, "a lawsuit"))
        await trio.sleep(12.5 * DAY / SECOND)
        assert await erased(center) == [(7, other, "rule:week")]
        await center.do(SetHold(f"subject/{who}", False, "it is settled"))
        await trio.sleep(60)
        assert await erased(center) == [(7, other, "rule:week"), (12, who, "rule:week")]


@trio_test
async def test_it_looks_when_it_opens_and_what_was_due_meanwhile_goes(
    autojump_clock: MockClock, tmp_path: Any
) -> None:
    log = tmp_path / "center.db"
    async with center_of(log=log) as center:
        who = await call(center, "chat", "1")
    later = VirtualClock(Instant(START + 100 * DAY))
    async with center_of(log=log, clock=later, quiet=True) as center:
        await trio.sleep(2 * DAY / SECOND)
        assert await erased(center) == []
    later = VirtualClock(Instant(START + 104 * DAY))
    async with center_of(log=log, clock=later) as center:
        await trio.sleep(60)
        assert await erased(center) == [(104, who, "rule:chats")]


@trio_test
async def test_a_clock_that_is_years_ahead_erases_nobody_within_a_day(
    autojump_clock: MockClock, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    log, ahead = tmp_path / "center.db", 8 * 365 * DAY

    async def run(at: int, seconds: float) -> list[tuple[int, str, str]]:
        async with center_of(log=log, clock=VirtualClock(Instant(START + at))) as center:
            await trio.sleep(seconds)
            return await erased(center)

    async with center_of(log=log) as center:
        who = await call(center, "chat", "1")
    assert await run(ahead, 3600) == []
    assert "1 people are due, but the log says nothing of the 7 days" in caplog.text
    assert await run(ahead + 3600 * SECOND, 22 * 3600) == []
    assert await run(DAY, 3 * DAY / SECOND) == []
    assert await run(89 * DAY, 1.5 * DAY / SECOND) == [(90, who, "rule:chats")]


@trio_test
async def test_the_rules_are_in_the_log_and_so_is_their_end(
    autojump_clock: MockClock, tmp_path: Any
) -> None:
    log = tmp_path / "center.db"
    seen = []
    for config in (RULED, RULED, Config(), Config()):
        async with center_of(config, log=log) as center:
            async for batch in center.read(types=(f.ConfigApplied,)):
                seen = [data for _, data in batch if data.kind == "retention"]
    assert [one.id for one in seen] == ["center", "center"]
    assert b"orders-law" in seen[0].data
    assert b"orders-law" not in seen[1].data


# --- the projection -------------------------------------------------------------------------


@trio_test
async def test_what_is_known_of_people_folds_from_the_log(autojump_clock: MockClock) -> None:
    async with center_of(Config(queues=RULED.queues, agents=RULED.agents)) as center:
        who = await call(center, "voice", "1", "orders")
        open_ = await center.do(ReportArrived("chat", from_="2"))
        await center.do(LogIn(ANNA, device="sip:anna"))
        await center.do(LogOut(ANNA))
        folding = Folding((PeopleKept(),))
        async for batch in center.read():
            folding.feed(batch)
    state = folding.states["retention.people"]
    assert list(state.ended[who]) == [Sort("contact", "voice", ("orders",))]
    assert state.busy() == {open_.fact(f.ContactCreated).subject}
    anna = state.agents[Stream("agent/anna")]
    assert list(state.ended[anna]) == [Sort("agent")]
    assert state.keyed == {who, anna, *state.busy()}
    assert PERSONAL not in str(PeopleKept().dump(state))
