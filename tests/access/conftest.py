"""A guarded center in memory and on disk, and the command line in this process."""

from pathlib import Path
from typing import NamedTuple

import pytest
import trio

from cckit import Config, QueueSettings, Stored, open_center
from cckit.core import facts as f
from cckit.core.commands import Deflect, ReportArrived
from cckit.core.ids import SubjectId
from tests.command import Done as Done
from tests.command import Run as Run

NUMBER = "+972541234567"
OTHER = "+972549999999"


class Logged(NamedTuple):
    """A log in which two people called."""

    path: Path
    who: SubjectId
    other: SubjectId


@pytest.fixture
def logged(tmp_path: Path) -> Logged:
    path = tmp_path / "center.db"

    async def day() -> list[SubjectId]:
        people = []
        async with open_center(Config(queues={"help": QueueSettings()}), log=path) as center:
            for number in (NUMBER, OTHER, NUMBER):
                arrived = await center.do(ReportArrived("voice", from_=number, to="100"))
                assert isinstance(arrived, Stored)
                assert isinstance(await center.do(Deflect(arrived.contact)), Stored)
                people.append(arrived.fact(f.ContactCreated).subject)
        assert people[0] == people[2] != people[1]
        return people  # type: ignore[return-value]

    who, other, _ = trio.run(day)
    return Logged(path, who, other)
