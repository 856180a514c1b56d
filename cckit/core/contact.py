"""A contact: from its arrival to its one closing.

``MOVES`` is the whole machine; what is not in it is a bug of ours.
"""

from enum import IntEnum
from typing import Final

import attrs

from . import facts as f
from .ids import EntryId, LegId, QueueId, Stream, SubjectId
from .leg import AGENT, CUSTOMER, EXTERNAL, Leg
from .leg import CONNECTED as ANSWERED

Phase = IntEnum("Phase", "NEW QUEUED CONNECTING TALKING CLOSED IDLE", start=0)
NEW, QUEUED, CONNECTING, TALKING, CLOSED, IDLE = Phase

MOVES: Final[dict[tuple[Phase, type], Phase]] = {
    (NEW, f.QueueEntered): QUEUED,
    (QUEUED, f.QueueLeft): NEW,
    (QUEUED, f.OfferAccepted): CONNECTING,
    (CONNECTING, f.ContactConnected): TALKING,
    (CONNECTING, f.ContactConnectFailed): QUEUED,
    (TALKING, f.QueueLeft): TALKING,
    (NEW, f.ContactClosed): CLOSED,
    (QUEUED, f.ContactClosed): CLOSED,
    (CONNECTING, f.ContactClosed): CLOSED,
    (TALKING, f.ContactClosed): CLOSED,
    # Messages: a conversation that nobody serves until somebody writes again.
    (TALKING, f.ContactIdled): IDLE,
    (IDLE, f.QueueEntered): QUEUED,
    (IDLE, f.ContactIdled): IDLE,  # Somebody wrote, and no queue is known to wait in.
    (IDLE, f.ContactClosed): CLOSED,
    # Whoever talked hands the contact on: it goes where the rest of the decision says.
    (TALKING, f.ContactTransferred): NEW,
    (TALKING, f.QueueEntered): QUEUED,  # Pulled, or its agent was lost: nobody is left in it.
    (TALKING, f.ContactConnected): TALKING,  # One more agent, in a conference.
    # A dial: somebody is called, and nobody waits meanwhile.
    (NEW, f.LegOrdered): CONNECTING,
    (CONNECTING, f.LegEstablished): TALKING,  # Somebody outside answered.
    (CONNECTING, f.QueueEntered): QUEUED,  # Nobody outside did.
    # An imported log has no offers and need not have queues.
    (NEW, f.ContactConnected): TALKING,
    (QUEUED, f.ContactConnected): TALKING,
    (CONNECTING, f.QueueLeft): NEW,
}


NO_LEG: Final = LegId(0)
NO_ENTRY: Final = EntryId(0)


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Contact:
    """Slotted; ``evolve`` alone writes it."""

    stream: Stream
    channel: str
    leg: LegId
    """The customer's, 0 once it has cleared."""
    subject: SubjectId | None
    phase: Phase = NEW
    entry: EntryId = NO_ENTRY
    """Its live queue entry, or 0."""
    offer: int = 0
    """The offer that was accepted, or 0."""
    queue: QueueId | None = None
    """Where it waited last: its settings say how its agent wraps up."""
    waited: int = 0
    """Since when it waited there."""
    lane: int = 0
    """In which lane it waited there."""
    priority: int = 0
    """With which priority it waited there."""
    steps: tuple[str, ...] = ()
    """What it needed there, step by step."""
    agent: str | None = None
    """Who serves it."""
    agent_leg: LegId = NO_LEG
    adapter: str = ""
    """Who reported that the customer is there, and so has the session; empty: nobody."""
    there: int = 0
    """Since when the customer is."""
    agent_adapter: str = ""
    """Who reported that the agent's leg is bridged."""
    held: bool = False
    since: int = 0
    """When it connected."""
    level: int = 0
    """How sure it is who the customer is."""
    matter: str = ""
    """The first contact of its matter; empty is itself."""
    moved_from: str = ""
    """The contact on another channel that this one goes on with."""
    moved: bool = False
    """It goes on over another channel, and so is over here."""
    last_agent: str = ""
    """Who served it last."""
    idle_due: int = 0
    """When it closes, unless somebody writes before; 0 is never."""
    idle_position: int = 0
    """Of the event that set ``idle_due``."""
    said: tuple[str, ...] = ()
    """The source's ids of the last messages, so that one told twice is known."""
    past: tuple[str, ...] = ()
    """Agents whose part in it is over, in order."""
    consult: str = ""
    """The contact in which its agent consults somebody about it, while that is open."""
    consult_of: str = ""
    """For such a contact the one that it is about; its customer's leg is the agent's."""
    dialing: Leg | None = None
    """Who is being called for it: the customer, or somebody outside."""
    others: dict[int, Leg] | None = None
    """Legs beyond the two: of a conference, of somebody outside, of who listens."""

    @property
    def id(self) -> str:
        return self.stream[8:]

    def other(self, leg: int) -> Leg | None:
        """Find a leg that is neither the customer's nor the agent's."""
        if self.dialing is not None and self.dialing.id == leg:
            return self.dialing
        return self.others.get(leg) if self.others else None

    def serving(self) -> tuple[str, ...]:
        """Who talks in it, the agent who answers for it first."""
        first = (self.agent,) if self.agent is not None else ()
        if not self.others:
            return first
        return (*first, *(leg.who for leg in self.others.values() if leg.kind == AGENT))

    def keep(self, leg: Leg) -> None:
        """Take in a leg: as the one being dialed until it has answered, else with the others."""
        if leg.kind in (CUSTOMER, EXTERNAL) and leg.phase < ANSWERED:
            self.dialing = leg
            return
        if self.others is None:
            self.others = {}
        self.others[leg.id] = leg

    def drop(self, leg: int) -> None:
        """Let go of a leg that is neither the customer's nor the agent's."""
        if self.dialing is not None and self.dialing.id == leg:
            self.dialing = None
        elif self.others is not None:
            self.others.pop(leg, None)
            self.others = self.others or None

    def more(self) -> tuple[Leg, ...]:
        """All legs that are neither the customer's nor the agent's."""
        dialing = (self.dialing,) if self.dialing is not None else ()
        return (*dialing, *self.others.values()) if self.others else dialing
