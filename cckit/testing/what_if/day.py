"""What a recorded day is made of: everything that nobody on the floor decided.

A contact's story is cut into *stages*: in its flow, in a wait, in a talk. What people and
lines did is kept with the stage that it happened in, and when: counted from the stage's
begin. So a talk that begins later under another policy still lasts as long, and whoever
gave up after a minute gives up after a minute. What an agent did with an offer is kept
with the offer, what agents and the administration did by the clock is kept with the clock.
"""

from typing import Any, Final, NamedTuple

import attrs

from cckit.core.commands import Dial, Recall, ReportArrived
from cckit.core.events import Actor
from cckit.core.facts import OfferMade
from cckit.core.ids import AgentId, ContactId, QueueId, Stream

FLOW, WAIT, TALK, AWAY, BACK, IDLE = range(6)
"""What a stage is: ``AWAY`` a place is kept, ``BACK`` the customer there is back again,
``IDLE`` nobody serves a conversation until somebody writes."""
STAGES: Final = 6
WAITS: Final = frozenset({WAIT, BACK})
"""Stages in which a customer is on the line and may lose patience."""
ACCEPTED, REJECTED, FAILED, RANG_OUT = "accepted", "rejected", "failed", "rang out"
"""What an agent did with an offer; None is that it was taken back before."""


class Input(NamedTuple):
    """Something that came from outside."""

    at: int
    """An instant; within a stage, an offer or a wrap-up microseconds after its begin."""
    order: int
    """Its place in the log: what comes first at one instant."""
    command: Any
    """To be sent as it is, or what it stands for (``roles``)."""
    actor: Actor


Setter = tuple[Stream, type, int]
"""The n-th event of a type in a stream, from 0: what set a timer."""


class Fired(NamedTuple):
    """When a timer was proposed that led to something."""

    after_us: int
    """Since the event that set it."""
    order: int


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Stage:
    """A piece of a contact's story."""

    kind: int
    at: int
    inputs: list[Input] = attrs.field(factory=list)
    until: int | None = None
    """When the next one began, or it closed; None: the log ends before."""
    gave_up: bool = False
    """A wait that the customer ended."""
    queue: QueueId | None = None


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Wrapup:
    """What an agent still had to do after a talk."""

    at: int
    due: int
    inputs: list[Input] = attrs.field(factory=list)
    until: int | None = None
    by_timer: bool = False


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Dialed:
    """Somebody who was called, and what their line reported."""

    at: int
    inputs: list[Input] = attrs.field(factory=list)


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Offered:
    """An offer as it was made, and what its agent and the line did with it."""

    at: int
    made: OfferMade
    alert: Input | None = None
    answer: Input | None = None
    """Accepted, rejected or failed, by whoever said so."""
    outcome: str | None = None
    bridge: Input | None = None
    """Both hear each other, or the connection failed; counted from the acceptance."""
    answered_at: int = 0
    until: int = 0
    """When it came to nothing, or its contact ended; 0: the log ends before."""
    never: bool = False
    """The time for connecting ran out."""
    back: Input | None = None
    """Ready again after it rang out; counted from then."""


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Story:
    """One contact."""

    contact: ContactId
    arrival: ReportArrived | Recall | Dial | None
    """How it begins; None: what is done in another contact begins it."""
    at: int
    order: int
    actor: Actor
    stages: list[Stage] = attrs.field(factory=list)
    offers: list[Offered] = attrs.field(factory=list)
    wrapups: list[Wrapup] = attrs.field(factory=list)
    dialed: list[Dialed] = attrs.field(factory=list)
    closed: bool = False

    def stage(self, kind: int, n: int) -> Stage | None:
        """The n-th stage of a kind, from 0."""
        for stage in self.stages:
            if stage.kind == kind:
                if n == 0:
                    return stage
                n -= 1
        return None

    def offer_to(self, agent: AgentId, n: int) -> Offered | None:
        """The n-th offer to an agent, from 0."""
        for offer in self.offers:
            if offer.made.agent == agent:
                if n == 0:
                    return offer
                n -= 1
        return None


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Day:
    """A log, taken apart."""

    kind: str
    """``live``, ``simulated`` or ``imported``."""
    stories: list[Story]
    """By order of arrival."""
    inputs: list[Input]
    """By the clock: agents, configuration; by (at, order)."""
    fired: dict[Setter, list[Fired]]
    """What set timers to when they were proposed."""
    first: int
    last: int
    """Instants of the first and the last event."""
    unmodelled: dict[str, int]
    """Types of events that began a decision which this does not know to make again."""

    @property
    def whole(self) -> bool:
        """Whether every contact had ended when the log did."""
        return all(story.closed for story in self.stories)


NEW: Final = 1 << 62
"""Where what the log does not know stands among what happens at one instant: last."""
