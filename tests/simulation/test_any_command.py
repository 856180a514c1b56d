"""Any command that passes the edge is decided or refused: nothing raises, nothing breaks."""

from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from cckit.core.commands import COMMANDS, Route
from cckit.core.engine import Engine
from cckit.core.errors import Refused
from cckit.core.events import SYSTEM
from cckit.core.ids import QueueId
from cckit.core.instant import HOUR, SECOND, Instant
from cckit.core.invariants import check_all
from cckit.core.settings import QueueSettings
from cckit.testing import Exponential, Process, Processes, Rate, Shift, Staffing, World
from cckit.testing.strategies import commands
from cckit.testing.world import START


def busy_floor() -> tuple[list[Any], list[str], list[int], Instant]:
    """A log in the middle of a small day, and the names and numbers that it knows."""
    end = Instant(START + HOUR)
    process = Process(
        QueueId("service"),
        (Rate(START, end, 200.0),),
        Exponential(200 * SECOND),
        Exponential(90 * SECOND),
        wrapup_permille=200,
    )
    shift = Shift(3, skills={"he": 2}, answer=Exponential(8 * SECOND), unanswered=0.2)
    world = World(
        4,
        traffic=Processes(START, end, ZoneInfo("UTC"), (process,)),
        staffing=Staffing((shift,), {"service": QueueSettings(max_wait_us=400 * SECOND)}),
    )
    world.run(Instant(START + HOUR // 3))
    floor = world.engine.floor
    contacts = [contact.id for contact in floor.contacts.values()]
    names = ["service", "voice", "he >= 2", "ring", "wrapup", *floor.agents, *contacts]
    numbers = [*floor.legs, *floor.offers, *floor.entries, 1]
    return list(world.events()), names, numbers, world.now


LOG, NAMES, NUMBERS, NOW = busy_floor()


@settings(max_examples=400)
@given(st.lists(commands(*COMMANDS, names=NAMES, numbers=NUMBERS), min_size=1, max_size=8))
def test_whatever_is_sent_is_decided_or_refused(sent: list[Any]) -> None:
    engine = Engine()
    for recorded in LOG:
        engine.fold(recorded)
    for n, command in enumerate(sent):
        before = engine.position
        answer = engine.act(command, SYSTEM, NOW + n)
        if isinstance(answer, Refused):
            assert engine.position == before
            assert answer.reason
            assert answer.what
            assert answer.remedy
        while engine.unrouted:
            engine.act(Route(), SYSTEM, NOW + n)
        check_all(engine.floor)
