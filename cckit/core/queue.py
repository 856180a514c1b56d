"""Queues, and the entries that wait in them.

Entries of one queue that need the same on the same channel form a *group*. Within a
group the order never changes with time, so a sorted list holds it: lane first, then where
the wait counts from less a head start per step of priority, then age, then id. Who is
written in, taken out or counted is found by bisection.

A wait goes through *steps* (``step.py``); each may need something else, which is another
group. Between groups only their first ones are compared, by what their queue weighs.
"""

from bisect import bisect_left, insort
from enum import IntEnum
from typing import Final

import attrs

from . import facts as f
from .ids import AgentId, EntryId, QueueId, Stream
from .need import Need
from .settings import QueueSettings
from .step import Step

Phase = IntEnum("Phase", "WAITING OFFERED TAKEN LEFT VIRTUAL DIALING", start=0)
WAITING, OFFERED, TAKEN, LEFT, VIRTUAL, DIALING = Phase

MOVES: Final[dict[tuple[Phase, type], Phase]] = {
    (WAITING, f.OfferMade): OFFERED,
    (OFFERED, f.OfferMade): OFFERED,  # One more of a round that asks several at once.
    (OFFERED, f.OfferAccepted): TAKEN,
    (OFFERED, f.OfferRejected): WAITING,
    (OFFERED, f.OfferExpired): WAITING,
    (OFFERED, f.OfferRescinded): WAITING,
    (OFFERED, f.OfferFailed): WAITING,
    (TAKEN, f.ContactConnectFailed): WAITING,
    (WAITING, f.QueueLeft): LEFT,
    (OFFERED, f.QueueLeft): LEFT,
    (TAKEN, f.QueueLeft): LEFT,
    # A place is kept while its customer is away.
    (WAITING, f.QueuePlaceKept): VIRTUAL,
    (VIRTUAL, f.QueuePlaceKept): VIRTUAL,
    (VIRTUAL, f.OfferMade): OFFERED,
    (VIRTUAL, f.LegOrdered): DIALING,
    (TAKEN, f.LegOrdered): TAKEN,
    (DIALING, f.LegCleared): VIRTUAL,
    (DIALING, f.QueueResumed): WAITING,
    # Who never hung up and does not want to be called any more waits on.
    (VIRTUAL, f.QueueResumed): WAITING,
    (OFFERED, f.QueueResumed): OFFERED,
    (TAKEN, f.QueueResumed): TAKEN,
    (VIRTUAL, f.QueueLeft): LEFT,
    (DIALING, f.QueueLeft): LEFT,
}
AWAY: Final[dict[tuple[Phase, type], Phase]] = {
    (OFFERED, f.OfferRejected): VIRTUAL,
    (OFFERED, f.OfferExpired): VIRTUAL,
    (OFFERED, f.OfferRescinded): VIRTUAL,
    (OFFERED, f.OfferFailed): VIRTUAL,
    (TAKEN, f.ContactConnectFailed): VIRTUAL,
}
"""Where an entry comes back to whose customer is away: instead of what ``MOVES`` says."""

Rank = tuple[int, int, int, EntryId]
"""(-lane, since less the head start, since, entry): the least is next."""


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Queue:
    """One queue and how it works."""

    id: QueueId
    settings: QueueSettings
    policy_hash: bytes
    """SHA-256 of the configuration in force."""
    n: int = 0
    """How many entries it has had."""
    live: int = 0
    served: "dict[str, Served]" = attrs.Factory(dict)
    """Channel and need to those who were served last; only where the queue estimates."""
    hits: list[int] = attrs.Factory(list)
    """1 for each of the last estimates that held, 0 for one that did not."""
    dialing: int = 0
    """Customers who are being called before an agent is."""


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Served:
    """Who entered service of late, of those who need the same."""

    wait_us: int = 0
    """How long the last one had waited."""
    at: list[int] = attrs.Factory(list)
    """When each of the last 21 did."""


def served_key(channel: str, need: str) -> str:
    return f"{channel} {need}"


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Promise:
    """What is kept for a customer who hung up: to be called when it is their turn."""

    first: str
    """Who is called first: ``agent`` or ``customer``."""
    tries: int = 0
    """Calls in vain."""
    not_before: int = 0
    """Out of line until then; 0 is in line."""
    position: int = 0
    """Of the event that set ``not_before``."""


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Entry:
    """One wait; ``evolve`` alone writes it."""

    id: EntryId
    contact: Stream
    group: "Group"
    rank: Rank
    since: int
    """Where its wait counts from; no event but ``queue.entered`` sets it."""
    phase: Phase = WAITING
    round: int = 0
    """How many offers it has had that did not fail while connecting."""
    due: int = 0
    """When it leaves by itself; 0 is never."""
    position: int = 0
    """Of the event that set ``due``."""
    offers: tuple[int, ...] = ()
    """Its live offers, the oldest first; once taken, the accepted one."""
    asked: tuple[str, ...] = ()
    """Whom this round has asked, where a round may ask several."""
    again: tuple[str, ...] = ()
    """Whom such a round had asked when connecting failed: they come first in the next."""
    add_at: int = 0
    """From when a round that grows may ask one more."""
    add_by: int = 0
    """Position of the event that set ``add_at``."""
    in_line: bool = False
    """Whether its rank is its place in the group's line."""
    steps: tuple[Step, ...] = ()
    """What holds one after the other; none is one need, to the end."""
    step: int = 0
    """Which one holds now, from 0."""
    step_due: int = 0
    """When that ends; 0 is never."""
    step_position: int = 0
    """Of the event that set ``step_due``."""
    told: tuple[int, int, int] | None = None
    """When its wait was estimated last, and the least and most that was left then."""
    barred: dict[str, int] | None = None
    """Agent to the instant until which this pair is backed off."""
    barred_by: dict[str, int] | None = None
    """Agent to the position of the event that backed the pair off."""
    failures: dict[str, int] | None = None
    """Agent to how often this pair was backed off; 0 if only connecting failed, once."""
    promise: Promise | None = None
    """While its customer is away, and is to be called."""

    @property
    def offer(self) -> int:
        """Its oldest live offer, or the accepted one; 0 if there is none."""
        return self.offers[0] if self.offers else 0

    @property
    def next_round(self) -> int:
        """The round that its next offer belongs to."""
        return self.round if self.offers else self.round + 1

    def wants_more(self) -> bool:
        """Tell whether its round, which asks somebody already, may ask one more."""
        settings = self.group.queue.settings
        if settings.strategy == "parallel":
            return not settings.at_once or len(self.offers) < settings.at_once
        return settings.strategy == "progressive"

    def keeps_from(self, agent: str, now: int) -> bool:
        """Tell whether it is not for this agent now: backed off, or asked in this round."""
        barred = self.barred
        if barred and barred.get(agent, 0) > now:
            return True
        return bool(self.asked) and (self.add_at > now or agent in self.asked)

    def steps_left(self) -> tuple[str, ...]:
        """What it needs from now on, as text: another wait may go on with it."""
        if self.steps:
            return tuple(step.text() for step in self.steps[self.step :])
        group = self.group
        if not group.need.text and not group.agents:
            return ()
        return (Step(group.need.text, agents=group.agents).text(),)

    @property
    def priority(self) -> int:
        head_start = self.group.queue.settings.head_start_us
        return (self.since - self.rank[1]) // head_start if head_start else 0


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Group:
    """Entries that need the same: they differ in rank only."""

    number: int
    """Its bit in the sets of groups; -1 for a few named agents, who know it themselves."""
    queue: Queue
    channel: str
    need: Need
    agents: tuple[AgentId, ...] = ()
    """Only these; none is everybody of the queue."""
    calls: bool = False
    """Customers who are away and called before an agent is: they wait apart from those who
    are there, for nobody is kept free for them."""
    line: list[Rank] = attrs.Factory(list)
    """Who waits, the next one first."""

    @property
    def key(self) -> "GroupKey":
        return (self.queue.id, self.channel, self.need.text, self.agents, self.calls)

    @property
    def count(self) -> int:
        """How many wait."""
        return len(self.line)

    def add(self, entry: Entry) -> None:
        """Put an entry into the line, in its place."""
        entry.in_line = True
        insort(self.line, entry.rank)

    def remove(self, entry: Entry) -> None:
        """Take an entry out of the line."""
        entry.in_line = False
        del self.line[bisect_left(self.line, entry.rank)]

    def ahead(self, rank: Rank) -> int:
        """Count who goes before this rank."""
        return bisect_left(self.line, rank)

    @property
    def head(self) -> Rank:
        """The next one; somebody must wait."""
        return self.line[0]


GroupKey = tuple[QueueId, str, str, tuple[AgentId, ...], bool]
"""Queue, channel, need, agents, calls."""


def rank(entry: EntryId, lane: int, since: int, priority: int, head_start_us: int) -> Rank:
    """Place an entry within its group."""
    return (-lane, since - priority * head_start_us if priority else since, since, entry)
