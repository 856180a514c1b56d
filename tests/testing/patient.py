"""A small plugin of all parts: who waits half a minute is moved up, and told so."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from cckit.core import (
    AgentId,
    AnyProcess,
    Candidate,
    Canonical,
    Command,
    ContactClosed,
    ContactId,
    Draft,
    Floor,
    Machine,
    QueueEntered,
    QueueLeft,
    Ranking,
    Recorded,
    Refused,
    ReportArrived,
    SetPriority,
    Waiting,
    Wake,
    event,
)
from cckit.core.instant import SECOND
from cckit.hooks import PolicyHooks, RegisterHooks, hookimpl

AFTER_US = 30 * SECOND


@event("patience.tried", version=1)
class PatienceTried:
    """Somebody has waited long."""

    ahead: int
    """How many entries there are, this one included."""


@attrs.define
class Wait:
    since: int | None = None


def decide(
    state: Wait, command: Wake, now: int, ask: object, floor: Floor
) -> Sequence[Draft] | Refused:
    return (Draft(command.stream, PatienceTried(len(floor.entries))),)


def evolve(state: Wait, recorded: Recorded[Any]) -> None:
    envelope, data = recorded
    state.since = envelope.recorded_at if isinstance(data, QueueEntered) else None


def machine(after_us: int = AFTER_US) -> Machine:
    def due(state: Wait) -> int | None:
        return None if state.since is None else state.since + after_us

    seen = (QueueEntered, QueueLeft, PatienceTried)
    return Machine("patience", (), seen, Wait, decide, evolve, due, reads_floor=True)


class MovesUp:
    """Moves who waited long up, and has those who left come once more."""

    name = "patience.up"
    types: tuple[type, ...] = (PatienceTried, ContactClosed)

    def __init__(self, comes_back: bool = False) -> None:
        self.comes_back = comes_back

    def initial(self) -> list[int]:
        return []

    def apply(self, state: list[int], recorded: Recorded[Any]) -> Sequence[Command]:
        envelope, data = recorded
        if isinstance(data, PatienceTried):
            return (SetPriority(ContactId(envelope.stream[8:]), 5, "waited long"),)
        if self.comes_back and not state:
            state.append(envelope.position)
            return (ReportArrived("voice", "again"),)
        return ()


class Patient(RegisterHooks, PolicyHooks):
    """All of it, and a policy that takes the last name first."""

    version = "7"

    def __init__(self, comes_back: bool = False, ranks: bool = True) -> None:
        self.comes_back = comes_back
        self.ranks = ranks
        self.after_us = AFTER_US

    @hookimpl
    def cckit_configure(self, settings: Mapping[str, Canonical]) -> None:
        after = settings.get("after_us", AFTER_US)
        assert isinstance(after, int)
        self.after_us = after

    @hookimpl
    def cckit_register_events(self) -> Sequence[type]:
        return (PatienceTried,)

    @hookimpl
    def cckit_register_machines(self) -> Sequence[Machine]:
        return (machine(self.after_us),)

    @hookimpl
    def cckit_register_processes(self) -> Sequence[AnyProcess]:
        return (MovesUp(self.comes_back),)

    @hookimpl
    def cckit_rank_agents(
        self, contact: Waiting, candidates: Sequence[Candidate]
    ) -> Ranking | None:
        agents: list[AgentId] = sorted((one.agent for one in candidates), reverse=True)
        return Ranking(agents, "last name first") if self.ranks else None
