"""Nobody learns who is known, or was, before the log says that they asked."""

from pathlib import Path
from typing import Any

import pytest
from trio.testing import trio_test

from cckit import Center, Config, Refused, Stored, UsageError, open_center
from cckit.core import facts as f
from cckit.core.commands import Erase, ReportArrived
from cckit.core.events import Actor
from cckit.core.ids import SubjectId

from .test_ledger import BEN, DANA, NUMBER, Guard, facts

NOBODY = SubjectId("ab" * 16)
GROUND = "her letter of May"


async def erased(center: Center) -> SubjectId:
    reply = await center.do(ReportArrived("voice", from_=NUMBER))
    assert isinstance(reply, Stored)
    created: Any = next(data for _, data in reply.recorded if type(data) is f.ContactCreated)
    await center.do(Erase(created.subject, GROUND), actor=DANA)
    await center.erased(created.subject)
    assert type(created.subject) is str
    return SubjectId(created.subject)


async def told(center: Center, subject: SubjectId, actor: Actor) -> Refused:
    answer = await center.disclose(subject, actor=actor, purpose="a letter")
    assert isinstance(answer, Refused)
    return answer


@trio_test
async def test_who_may_not_ask_learns_nothing_of_who_is_known() -> None:
    async with open_center(Config(), plugins={"guard": Guard()}) as center:
        gone = await erased(center)
        answers = [await told(center, one, BEN) for one in (gone, NOBODY)]
        assert [(one.reason, one.what) for one in answers] == [
            (answers[0].reason, answers[0].what)
        ] * 2
        refused = [one for one in await facts(center, f.AccessRefused) if one.actor == BEN.id]
        assert {(one.action, one.object) for one in refused} == {
            ("Export", f"subject/{gone}"),
            ("Export", f"subject/{NOBODY}"),
        }


@trio_test
async def test_who_asks_for_somebody_unknown_or_erased_is_in_the_log() -> None:
    async with open_center(Config(), plugins={"guard": Guard()}) as center:
        gone = await erased(center)
        answers = [await told(center, one, DANA) for one in (gone, NOBODY)]
        assert [one.reason for one in answers] == ["subject.erased", "subject.unknown"]
        assert GROUND not in repr(answers)
        assert [one.object for one in await facts(center, f.AccessGranted)] == [
            f"subject/{gone}",
            f"subject/{NOBODY}",
        ]
        assert await facts(center, f.DataDisclosed) == []


@trio_test
async def test_a_search_meets_nobody(tmp_path: Path) -> None:
    async with open_center(Config(), log=tmp_path / "a.db") as center:
        reply = await center.do(ReportArrived("voice", from_=NUMBER))
        assert isinstance(reply, Stored)
        found = await center.find_subject(NUMBER, actor=DANA, purpose="a letter")
        assert found == next(
            data.subject for _, data in reply.recorded if type(data) is f.ContactCreated
        )
        keys = center._parts.people._keys
        assert keys is not None
        for n in range(3):
            none = await center.find_subject(str(n), actor=DANA, purpose="a letter")
            assert isinstance(none, Refused)
            assert none.reason == "subject.unknown"
        assert keys._met == keys._signs == {}
    for number in (NUMBER, "0"):
        with pytest.raises(UsageError, match="is closed"):
            await center.find_subject(number, actor=DANA, purpose="a letter")
