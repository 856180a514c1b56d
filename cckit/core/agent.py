"""An agent: logged in or not, ready or not, and one slot for each contact at hand.

A slot is reserved by an offer, connecting once accepted, busy once connected, in wrap-up
after the agent's own part ended; then it is gone. It holds its channel's cost out of the
agent's budget all that time.
"""

from enum import IntEnum
from typing import Final

import attrs

from . import facts as f
from .certificate import FOREVER, Certificate
from .channel import CALL, DEFAULTS, Channels, heaviest, interrupted
from .ids import AgentId, OfferId, Stream, agent_stream

Phase = IntEnum("Phase", "RESERVED CONNECTING BUSY WRAPUP FREE", start=0)
RESERVED, CONNECTING, BUSY, WRAPUP, FREE = Phase

NOTHING: Final = frozenset[str]()
MOVES: Final[dict[tuple[Phase, type], Phase]] = {
    (RESERVED, f.OfferAccepted): CONNECTING,
    (CONNECTING, f.ContactConnected): BUSY,
    (BUSY, f.ContactConnected): BUSY,  # Whom one consulted gets the customer.
    (BUSY, f.AgentWrapupStarted): WRAPUP,
    (WRAPUP, f.AgentWrapupExtended): WRAPUP,
    (WRAPUP, f.AgentWrapupEnded): FREE,
    (RESERVED, f.OfferRejected): FREE,
    (RESERVED, f.OfferExpired): FREE,
    (RESERVED, f.OfferRescinded): FREE,
    (RESERVED, f.OfferFailed): FREE,
    (CONNECTING, f.ContactConnectFailed): FREE,
    (CONNECTING, f.ContactClosed): FREE,
    (CONNECTING, f.LegCleared): FREE,
    (BUSY, f.ContactAgentLeft): FREE,
    (WRAPUP, f.ContactAgentLeft): WRAPUP,
}


def asked_by(kind: str) -> str:
    """Whom a status is put down to: the agent, a supervisor, or the system."""
    return kind if kind in ("agent", "supervisor") else "system"


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Slot:
    """An agent's part in one contact."""

    cost: int
    offer: OfferId
    """The offer that it came of; 0 where there was none: called out, consulted, taken over."""
    phase: Phase = RESERVED
    since: int = 0
    due: int = 0
    """End of wrap-up."""
    position: int = 0
    """Of the event that set ``due``."""
    channel: str = "voice"
    held: bool = False
    """It waits for something that goes first."""


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Agent:
    """Slotted; ``evolve`` alone writes it."""

    id: AgentId
    number: int
    """Its bit in the sets of all agents."""
    stream: Stream = attrs.field(init=False)
    logged_in: bool = False
    ready: bool = False
    reason: str = ""
    """Why not ready."""
    due: int = 0
    """When not being ready was to end, 0 if nobody said; see ``due_by``."""
    due_by: int = 0
    """Position of the event that lets it end then by itself; 0: it was only announced."""
    returned: int = 0
    """How often it came back by itself since it answered last."""
    lost: tuple[str, ...] = ()
    """Its desk or device, while that can't be reached."""
    lost_due: int = 0
    """When it counts as out of reach; 0 once it does."""
    lost_by: int = 0
    """Position of the event that set ``lost_due``."""
    next_status: str = ""
    """``not_ready`` or ``logged_out`` when the last slot frees."""
    next_reason: str = ""
    next_by: str = ""
    """The kind of actor that asked for it."""
    on: tuple[str, ...] = ()
    """Channels logged in for."""
    budget: int = 100
    costs: dict[str, int] = attrs.Factory(lambda: {"voice": 100})
    profile: dict[str, int] = attrs.Factory(dict)
    """Skill to level, as the profile says."""
    certificates: dict[str, tuple[Certificate, ...]] = attrs.Factory(dict)
    """Skill to when it counts."""
    skills: dict[str, int] = attrs.Factory(dict)
    """What of the profile counts now."""
    channels: Channels = DEFAULTS
    """The floor's."""
    slots: dict[str, Slot] = attrs.Factory(dict)
    """Contact to what the agent has to do with it."""
    used: int = 0
    """Of the budget: the sum of the slots' costs, without what is interrupted."""
    mixed: bool = False
    """Whether something at hand goes before something else at hand."""
    over: int = 0
    """How far that may exceed a budget which was lowered meanwhile, until slots free."""
    offered_at: list[int] = attrs.Factory(list)
    """Of the last minute's offers, no more than are allowed in one."""
    rested: int = 0
    """Until when there are no more, for there were as many as are allowed."""
    rested_by: int = 0
    """Position of the event that set ``rested``."""
    idle_since: int = 0
    """Set by becoming ready and by the end of a contact, by nothing else."""
    idle_by: type = f.AgentReady
    """The event that set it."""
    missed: int = 0
    """Unanswered offers in a row."""
    contacts: int = 0
    talk_us: int = 0
    busy_us: int = 0
    ready_us: int = 0
    changed_at: int = 0
    """When it last turned ready, or busy."""
    last_offer: int = 0
    place: int = 0
    """Its bit in the order of idleness; 0 while it has none."""
    keys: list[tuple[str, int]] = attrs.Factory(list)
    """What the index tracks of its skills and queues."""
    resting: bool = False
    """Whether ``rested`` lies ahead."""
    edge_at: int = FOREVER
    """When a certificate begins or ends next, as far as the floor looked."""
    open: bool = False
    """Whether the index has it open for something."""
    fits: int = 0
    """A bit for each group that it could serve, as far as ``known``."""
    known: int = 0

    def __attrs_post_init__(self) -> None:
        self.stream = agent_stream(self.id)

    @property
    def available(self) -> bool:
        """Tell whether it could be offered anything now, were there room."""
        return self.ready and not (self.next_status or self.resting or self.lost)

    def can_take(self, channel: str) -> bool:
        """Tell whether it could be offered a contact of this channel now."""
        return self.available and channel in self.on and self.has_room(channel)

    def has_room(self, channel: str) -> bool:
        """Tell whether one more of this channel fits beside what is at hand."""
        cost = self.costs.get(channel)
        if cost is None:
            return False
        slots = self.slots
        if not slots:
            return cost <= self.budget
        channels = self.channels
        rule = channels.get(channel, CALL)
        mixed = self.mixed
        same = 0
        for slot in slots.values():
            other = slot.channel
            if other == channel:
                same += 1
            elif other in rule.interrupts or channel in channels.get(other, CALL).interrupts:
                mixed = True
        if same and same >= rule.maximum > 0:
            return False
        if not mixed:  # Nothing makes room for anything.
            return self.used + cost <= self.budget
        totals = self.totals()
        if channel in interrupted((*totals, channel), channels):
            return False  # It would have to wait from the first moment.
        totals[channel] = totals.get(channel, 0) + cost
        return heaviest(totals, channels) <= self.budget

    def totals(self) -> dict[str, int]:
        """Channel to the cost of all that is at hand, what is interrupted too."""
        found: dict[str, int] = {}
        for slot in self.slots.values():
            found[slot.channel] = found.get(slot.channel, 0) + slot.cost
        return found

    def count(self) -> None:
        """Take in what is at hand, after that or what it costs has changed."""
        slots = self.slots
        self.mixed = False
        if not slots:
            self.used = self.over = 0
            return
        if len(slots) == 1:
            (only,) = slots.values()
            self.used = only.cost
        else:
            totals = self.totals()
            waiting = interrupted(totals, self.channels) if len(totals) > 1 else NOTHING
            self.used = sum(cost for channel, cost in totals.items() if channel not in waiting)
            self.mixed = not waiting.isdisjoint(totals)
        if self.over:
            self.exceed()

    def exceed(self) -> None:
        """Let what is at hand exceed the budget, and nothing more."""
        self.over = max(0, heaviest(self.totals(), self.channels) - self.budget)

    def waiting(self) -> set[str]:
        """The channels whose contacts wait for one that was accepted."""
        here = (slot.channel for slot in self.slots.values() if slot.phase is not RESERVED)
        return interrupted(here, self.channels)
