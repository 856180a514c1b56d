"""What reading a log keeps in mind: the decision at hand, and contacts that go on."""

from typing import Any, NamedTuple

import attrs

from cckit.core.events import Actor, Recorded
from cckit.core.ids import LegId

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
    wrapup: Wrapup | None = None
    dialed: Dialed | None = None
    dialing: LegId | None = None
