"""An agent's slots: begun by an offer, freed by its end or by the end of the agent's part."""

from cckit.core import agent as a
from cckit.core import contact as c
from cckit.core.agent import Agent, Slot
from cckit.core.events import Envelope
from cckit.core.floor import Floor


def take(floor: Floor, agent: Agent, contact: str, slot: Slot, now: int) -> None:
    """Begin a slot. What comes without an offer was not held to the budget: it exceeds it."""
    if not agent.used:
        begin_work(agent, now)
    agent.slots[contact] = slot
    agent.count()
    if not slot.offer:
        agent.exceed()
    floor.index.refresh(agent)
    floor.touched[agent] = None


def free(floor: Floor, agent: Agent, contact: c.Contact, kind: type) -> None:
    """End a slot that never got to a conversation: the place in line stays."""
    slot = agent.slots.pop(contact.id)
    slot.phase = a.MOVES[slot.phase, kind]
    agent.count()
    floor.index.refresh(agent)
    floor.touched[agent] = floor.freed[agent] = None


def release(floor: Floor, agent: Agent, contact: str, envelope: Envelope) -> None:
    """End a slot after a conversation: the agent goes to the end of the line."""
    del agent.slots[contact]
    agent.count()
    now = envelope.stamp.recorded_at
    agent.busy_us += max(0, now - agent.changed_at)
    agent.changed_at = now
    idle(floor, agent, envelope)


def idle(floor: Floor, agent: Agent, envelope: Envelope) -> None:
    """Send the agent to the end of the line; only becoming free or ready does that."""
    agent.idle_since = envelope.stamp.recorded_at
    agent.idle_by = envelope.kind.cls
    floor.freed[agent] = None
    if agent.ready:
        floor.index.place(agent)
    else:
        floor.index.refresh(agent)


def begin_work(agent: Agent, now: int) -> None:
    if agent.ready:  # Who is not may still call out.
        agent.ready_us += max(0, now - agent.changed_at)
    agent.changed_at = now
