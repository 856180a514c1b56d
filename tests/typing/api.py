"""How the public surface looks to a type checker. mypy reads this file, nobody runs it."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, assert_type

from cckit import Actor, Center, Config, Refused, Stored, Superseded, Unknown, open_center
from cckit.core import (
    AcceptOffer,
    Candidate,
    Canonical,
    Decision,
    Draft,
    Envelope,
    Instant,
    LogIn,
    OfferMade,
    Projection,
    QueueSettings,
    Ranking,
    Recorded,
    Stream,
    Verdict,
    Waiting,
    event,
)
from cckit.core.ids import AgentId, OfferId
from cckit.hooks import PolicyHooks, RegisterHooks, hookimpl
from cckit.shell.feed import Batch
from cckit.testing import Spec, World


@event("example.happened", version=1)
class Happened:
    what: str
    n: int = 0


def an_event_is_made_from_its_fields() -> None:
    made = Happened("this", n=2)
    assert_type(made, Happened)
    assert_type(made.what, str)
    made.n = 3  # type: ignore[misc]
    Happened(3)  # type: ignore[arg-type]


async def a_center_answers() -> None:
    async with open_center(Config.parse("[queues.service]"), log=None) as center:
        assert_type(center, Center)
        reply = await center.do(LogIn(AgentId("anna")), actor=Actor("agent", "anna"))
        assert_type(reply, Stored | Superseded | Refused | Unknown)
        if isinstance(reply, Stored):
            assert_type(reply.positions, tuple[int, ...])
        elif isinstance(reply, Refused):
            assert_type(reply.reason, str)
        assert_type(center.now, Instant)
        assert_type(center.read(), AsyncIterator[Batch])
        await center.do(LogIn(AgentId("anna")), "anna")  # type: ignore[call-arg,arg-type]


def a_world_is_a_center_in_virtual_time() -> None:
    world = World(7)
    assert_type(world.agent("anna"), AgentId)
    assert_type(world.do(AcceptOffer(OfferId(1))), Decision | Refused)
    assert_type(world.events((OfferMade,)), Iterator[Recorded[Any]])


def a_spec_takes_drafts_and_events(machine: Any) -> None:
    here = Spec(machine, Stream("contact/1"))
    here.given(Happened("this")).when(AcceptOffer(OfferId(1)), at=Instant(0)).then()
    assert_type(Draft(Stream("center"), Happened("this")).stream, Stream)


class Count:
    name = "example.count"
    version = 1
    types: tuple[type, ...] = (Happened,)

    def initial(self) -> list[int]:
        return [0]

    def apply(self, state: list[int], recorded: Recorded[Any]) -> None:
        envelope, _ = recorded
        assert_type(envelope, Envelope)
        state[0] += 1

    def dump(self, state: list[int]) -> Canonical:
        return state[0]


counting: Projection[list[int]] = Count()


class Plugin(RegisterHooks, PolicyHooks):
    @hookimpl
    def cckit_register_events(self) -> Sequence[type]:
        return (Happened,)

    @hookimpl
    def cckit_rank_agents(
        self, contact: Waiting, candidates: Sequence[Candidate]
    ) -> Ranking | None:
        return Ranking([c.agent for c in candidates], "as they come")

    @hookimpl
    def cckit_authorize(
        self, actor: Actor, roles: Sequence[str], action: str, target: str
    ) -> Verdict | None:
        return Verdict("admin" in roles)


settings: bytes = QueueSettings(strategy="best_skill").pack()
