"""Two subjects that are one person: told, kept and erased together."""

from typing import Any, Final

import pytest
from trio.testing import trio_test

from cckit import Center, Config, QueueSettings, Refused, Stored, open_center
from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.events import SYSTEM
from cckit.core.ids import ContactId, SubjectId, contact_stream, subject_stream
from cckit.core.instant import DAY
from cckit.core.retention import People, PeopleKept, Rule, Sort, due
from cckit.core.same_person import part, same, unite
from tests.shown import shown

CONFIG: Final = Config(queues={"help": QueueSettings()})
NUMBERS: Final = ("+972541111111", "+972542222222", "+972543333333")
NOBODY: Final = SubjectId("ab" * 16)


async def good(center: Center, asked: Any) -> Any:
    reply = await center.do(asked)
    assert isinstance(reply, Stored), reply
    return reply


async def met(center: Center) -> list[Any]:
    """Somebody under each number: the events that say so."""
    return [(await good(center, c.ReportArrived("voice", from_=n))).recorded[0] for n in NUMBERS]


def test_merging_is_the_same_whatever_the_order() -> None:
    for pairs in ([("a", "b"), ("b", "c")], [("c", "b"), ("a", "c")], [("a", "c"), ("a", "b")]):
        groups: dict[str, tuple[str, ...]] = {}
        for one, other in pairs:
            unite(groups, one, other)
        assert groups == dict.fromkeys("abc", ("a", "b", "c"))
        part(groups, "b")
        assert (same(groups, "a"), same(groups, "b")) == (("a", "c"), ("b",))
        part(groups, "a")
        assert groups == {}


@trio_test
async def test_an_erasure_of_one_reaches_the_other(tmp_path: Any) -> None:
    async with open_center(CONFIG, log=tmp_path / "center.db") as center:
        told = await met(center)
        first, second, _ = (data.subject for _, data in told)
        await good(center, c.Merge(first, second))
        assert (await good(center, c.Merge(second, first))).recorded == ()
    async with open_center(CONFIG, log=tmp_path / "center.db") as center:
        await good(center, c.Erase(second, "asked"))
        for one in (first, second):
            erased = await center.erased(one)
            assert erased is not None and erased.keys == 1
        values = [(await shown(center, one)).from_ for one in told]
        assert values == [None, None, NUMBERS[2]]
        assert center.state.merged == {}


@trio_test
async def test_a_hold_of_one_keeps_the_other() -> None:
    async with open_center(CONFIG) as center:
        first, second, _ = (data.subject for _, data in await met(center))
        await good(center, c.Merge(first, second))
        await good(center, c.SetHold(subject_stream(first), True, "a court"))
        refused = await center.do(c.Erase(second, "asked"))
        assert isinstance(refused, Refused) and refused.reason == "subject.held"


@trio_test
async def test_whoever_asks_is_told_what_is_known_under_each_id() -> None:
    async with open_center(CONFIG) as center:
        first, second, third = (data.subject for _, data in await met(center))
        await good(center, c.Merge(first, second))
        told = await center.disclose(second, actor=SYSTEM, purpose="asked", how="access")
        clear = {data.from_ for _, data in told.events if isinstance(data, f.ContactCreated)}
        assert clear == set(NUMBERS[:2])
        assert subject_stream(first) in told.streams
        assert subject_stream(third) not in told.streams


@trio_test
@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (lambda one: c.Merge(one, NOBODY), "subject.unknown"),
        (lambda one: c.Merge(NOBODY, one), "subject.unknown"),
        (lambda one: c.Merge(one, one), "subject.bad_merge"),
        (lambda one: c.Merge(one, SubjectId("Noa")), "subject.no_id"),
        (lambda one: c.Identify(ContactId("x"), SubjectId("Noa"), "pin"), "subject.no_id"),
    ],
)
async def test_who_is_nobody_is_not_merged(asked: Any, reason: str) -> None:
    async with open_center(CONFIG) as center:
        [one, *_] = await met(center)
        end = center.position
        refused = await center.do(asked(one[1].subject))
        assert isinstance(refused, Refused) and refused.reason == reason
        assert center.position == end


def test_nothing_is_kept_shorter_since_it_was_merged() -> None:
    """A rule that erases old data would reach what is new under the other id."""
    rules = [Rule("old", 30)]
    people = People(keyed={"a", "b"})
    people.end("a", Sort("contact", "voice", ()), 0)
    people.end("b", Sort("contact", "voice", ()), 20 * DAY)
    assert [one.subject for one in due(rules, people, 40 * DAY).due] == ["a"]
    unite(people.merged, "a", "b")
    assert due(rules, people, 40 * DAY).due == ()
    assert [one.subject for one in due(rules, people, 60 * DAY).due] == ["a", "b"]
    held = due(rules, people, 60 * DAY, {subject_stream("a")})
    assert (held.due, [one.subject for one in held.held]) == ((), ["a", "b"])


@trio_test
async def test_who_is_identified_is_kept_as_long_as_the_contact() -> None:
    async with open_center(CONFIG) as center:
        [(_, one), *_] = await met(center)
        contact = (await good(center, c.ReportArrived("chat"))).contact
        await good(center, c.Identify(contact, one.subject, "pin", 2))
        await good(center, c.ReportCleared(center.state.contacts[contact_stream(contact)].leg))
        kept, state = PeopleKept(), People()
        async for batch in center.read(types=kept.types):
            for recorded in batch:
                kept.apply(state, recorded)
        assert Sort("contact", "chat", ()) in state.ended[one.subject]
