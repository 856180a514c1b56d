"""No number and no state is made of what is personal: erasing changes none of them."""

from functools import lru_cache
from typing import Any

import trio
from hypothesis import given
from hypothesis import strategies as st

from cckit import Center, Config, Draft
from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core import snapshot
from cckit.core.codec import canonical
from cckit.core.engine import Engine
from cckit.core.events import Recorded
from cckit.core.ids import AgentId, ContactId, QueueId, contact_stream
from cckit.core.instant import Instant
from cckit.core.reports import PROJECTIONS, Folding
from cckit.shell.people import personal_fields
from cckit.testing.center import run_center

CONFIG = Config.parse("[queues.help]")
Three = tuple[Recorded[Any], Recorded[Any], Recorded[Any]]
"""One event sealed, in clear, and after the erasure."""


@lru_cache(maxsize=1)
def log() -> list[Three]:
    """A small day, every personal field of the core in it, some more than once."""

    async def main(center: Center) -> list[Three]:
        anna = AgentId("anna")
        await center.do(c.SetProfile(anna, {}, {"voice": 100}, 100, name="Anna Canary"))
        await center.do(c.LogIn(anna, ("voice",), device="sip:anna"))
        await center.do(c.SetReady(anna))
        for n in range(6):
            contact = ContactId(f"c{n}")
            arrived = c.ReportArrived(
                "voice", ref=f"r{n}", contact=contact, from_=f"+97250{n % 3}", to="100"
            )
            reply = await center.do(arrived)
            await center.do(c.Enqueue(contact, QueueId("help")))
            leg = reply.recorded[0][1].leg
            dialled = f.LegOrdered(leg, "dial", address="+97250")
            await center.record(Draft(contact_stream(contact), dialled))
            await trio.sleep(30)
            if n % 2:
                await center.do(c.ReportCleared(leg))
        fields = personal_fields(center._parts.codec.registry)
        found: list[Three] = []
        async for batch in center.read():
            for envelope, data in batch:
                clear = center._parts.people.opened((envelope, data))
                names = fields.get(type(data), ())
                bare = center._parts.people.opened((envelope, data))
                for name in names:
                    bare = _without(bare, name)
                found.append(((envelope, data), (envelope, clear), (envelope, bare)))
        return found

    return run_center(main, CONFIG, seed=7)


def _without(data: Any, name: str) -> Any:
    import attrs

    return attrs.evolve(data, **{name: None})


def outcome(events: list[Recorded[Any]]) -> tuple[bytes, ...]:
    """What every projection and the floor come to."""
    folding = Folding(PROJECTIONS)
    folding.feed([one for one in events if isinstance(one[1], folding.types)])
    engine = Engine()
    for one in events:
        engine.fold(one)
    floor = snapshot.dump(engine)
    assert floor is not None
    states = folding.states
    return (canonical(floor), *(canonical(p.dump(states[p.name])) for p in PROJECTIONS))


def test_the_log_holds_every_personal_field_of_the_core() -> None:
    differing = {type(sealed[1]) for sealed, clear, _ in log() if sealed[1] != clear[1]}
    assert differing == {f.ContactCreated, f.AgentProfileSet, f.AgentLoggedIn, f.LegOrdered}
    erased = [bare for _, clear, bare in log() if clear[1] != bare[1]]
    assert len(erased) > 12


@given(st.lists(st.integers(0, 2), min_size=200, max_size=200))
def test_sealed_opened_or_erased_gives_the_same_numbers(choice: list[int]) -> None:
    events = log()
    assert len(events) <= len(choice)
    mixed = [three[which] for three, which in zip(events, choice, strict=False)]
    assert outcome(mixed) == outcome([three[0] for three in events])


def test_the_day_has_numbers_at_all() -> None:
    whole = [three[0] for three in log()]
    assert outcome(whole) != outcome(whole[: len(whole) // 2])
    assert Instant(0) < whole[-1][0].recorded_at
