"""What reading a log keeps in mind: the decision at hand, and contacts that go on."""

from typing import Any, NamedTuple

import attrs

from cckit.core.events import Actor, Recorded
from cckit.core.ids import AgentId, LegId

from .day import Dialed, Offered, Stage, Story, Wrapup


class Step(NamedTuple):
    """A decision being read."""

    at: int
    order: int
    actor: Actor
    events: tuple[Recorded[Any], ...]

    def find(self, kind: type) -> Recorded[Any] | None:
        """The first event of a type."""
        for recorded in self.events:
            if type(recorded[1]) is kind:
                return recorded
        return None


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Open:
    """A contact that has not ended yet, or is still wrapped up."""

    story: Story
    leg: LegId
    stage: Stage
    offers: dict[int, Offered] = attrs.field(factory=dict)
    """Its live offers, and the accepted one."""
    wrapups: dict[AgentId, Wrapup] = attrs.field(factory=dict)
    """By who still has to do something after it."""
    dialed: Dialed | None = None
    dialing: LegId | None = None
    dials: str = ""
    """The role of who is being called."""
    steps: tuple[str, ...] = ()
    """What it needed where it entered a queue last."""
    agents: list[AgentId] = attrs.field(factory=list)
    """Who talks in it, the one who answers for it first."""
    others: list[LegId] = attrs.field(factory=list)
    """Legs beyond the customer's and the agent's."""
    about: "Open | None" = None
    """Of a consultation, the contact that it is about."""

    def place(self, leg: LegId) -> int | None:
        """Which of the other legs it is, from 0; None is none of them."""
        return self.others.index(leg) if leg in self.others else None
