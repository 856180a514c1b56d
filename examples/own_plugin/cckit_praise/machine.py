"""Praise of one contact. Whatever decides about it is here."""

from collections.abc import Sequence
from functools import partial

import attrs

from cckit.core import (
    AgentId,
    Ask,
    ContactConnected,
    Draft,
    Instant,
    Machine,
    Recorded,
    Refused,
    Stream,
)

from .events import PraiseGiven


@attrs.frozen
class GivePraise:
    """Praise an agent of this contact."""

    stream: Stream
    """``contact/ID``."""
    agent: AgentId
    stars: int


@attrs.define
class Praise:
    """What is known of one contact; only evolve writes it."""

    talked: list[AgentId] = attrs.field(factory=list)
    praised: list[AgentId] = attrs.field(factory=list)


def decide(
    stars_max: int, state: Praise, command: GivePraise, now: Instant, ask: Ask
) -> Sequence[Draft] | Refused:
    """Carry out a command, or say why not. Reads only."""
    here, agent = command.stream, command.agent
    if agent not in state.talked:
        return Refused("praise.stranger", here, f"{agent} did not talk here", "name who did")
    if agent in state.praised:
        return Refused("praise.twice", here, f"{agent} was praised already", "once is enough")
    if not 1 <= command.stars <= stars_max:
        remedy = f"give 1 to {stars_max}"
        return Refused("praise.stars", here, f"{command.stars} stars can't be", remedy)
    return [Draft(here, PraiseGiven(agent, command.stars))]


def evolve(state: Praise, recorded: Recorded[ContactConnected | PraiseGiven]) -> None:
    """Take in a fact. Nothing else writes the state."""
    _, fact = recorded
    if isinstance(fact, PraiseGiven):
        state.praised.append(fact.agent)
    elif fact.agent not in state.talked:
        state.talked.append(fact.agent)


def machine(stars_max: int = 5) -> Machine:
    """The machine as the engine takes it."""
    return Machine(
        "praise",
        (GivePraise,),
        (ContactConnected, PraiseGiven),
        Praise,
        partial(decide, stars_max),
        evolve,
    )
