"""Where a contact may be handed: an agent, a queue, somebody outside; and what that takes.

To an agent the way is a wait like any other, with steps: first only that agent may have it,
for as long as a phone rings; then the one who handed it on, who knows the matter; then whoever
could have had it before. So a busy agent, one who does not answer and one who leaves all
come to the same end, and nobody is lost.
"""

from collections.abc import Sequence
from typing import Final

import attrs

from cckit.core import contact as c
from cckit.core import facts as f
from cckit.core.agent import Agent
from cckit.core.errors import Refused, repeated
from cckit.core.events import Pair
from cckit.core.floor import Floor
from cckit.core.ids import AgentId, EntryId, LegId, QueueId
from cckit.core.instant import MINUTE, SECOND, Instant
from cckit.core.leg import EXTERNAL
from cckit.core.matching import is_member
from cckit.core.need import parse
from cckit.core.queue import Queue
from cckit.core.step import ANYONE, MAX_STEPS, Step, own_steps

from .entering import Wait, enter, queue_named
from .queues import carried

Drafts = list[Pair]

AGENT: Final = "agent"
QUEUE: Final = "queue"
OUTSIDE: Final = "external"

DIAL_US: Final = 30 * SECOND
"""How long somebody outside may let it ring."""
RECALL_US: Final = MINUTE
"""How long who handed a contact on comes first, when that came to nothing."""


# --- is there such a one ----------------------------------------------------------------------


def nobody(address: str | None) -> bool:
    """Tell whether an address names nobody; None is one that is hidden, without keys."""
    return address is not None and not address.strip()


def wrong_target(
    floor: Floor, contact: c.Contact, to_kind: str, to: str | None, by: str
) -> Refused | None:
    """Refuse a target that is nobody, or that nobody could reach, and say what to change.

    :param by: the agent who hands the contact on.
    """
    where = contact.stream
    if to_kind not in (AGENT, QUEUE, OUTSIDE):
        what = f"a contact is not handed to {to_kind!r}"
        return Refused("contact.bad_target", where, what, "say agent, queue or external")
    if nobody(to) or (to is None and to_kind != OUTSIDE):
        return Refused("contact.nobody", where, "this is handed to nobody", f"name the {to_kind}")
    if to is None:
        return None
    if to_kind == QUEUE:
        found = queue_named(floor, where, QueueId(to))
        return found if isinstance(found, Refused) else None
    if to_kind == AGENT:
        return wrong_agent(floor, contact, to, by)
    return None


def wrong_agent(floor: Floor, contact: c.Contact, to: str, by: str) -> Refused | None:
    """Refuse an agent who could not take the contact, however long it waited."""
    agent = floor.agents.get(to)
    where = contact.stream
    if agent is None:
        what = f"there is no agent {repeated(to)}"
        return Refused("agent.unknown", where, what, "name one of yours")
    if to == by:
        what = f"{to} has the contact already"
        return Refused("contact.bad_target", where, what, "name another agent")
    if not agent.logged_in:
        what = f"agent {to!r} is not logged in"
        return Refused("agent.logged_out", where, what, "name another, or a queue")
    if contact.channel not in agent.on:
        what = f"agent {to!r} is not logged in for {contact.channel}"
        return Refused("agent.bad_channel", where, what, "name another, or a queue")
    if home(floor, contact, agent) is None:
        what = f"agent {to!r} belongs to no queue"
        return Refused("agent.no_queue", where, what, "add the agent to a queue, or name a queue")
    return None


def home(floor: Floor, contact: c.Contact, agent: Agent) -> Queue | None:
    """The queue in which a contact can wait for an agent.

    Where it waited last if the agent belongs there, else the agent's first by id.
    """
    last = floor.queues.get(contact.queue) if contact.queue else None
    if last is not None and is_member(agent.id, last):
        return last
    return next((q for _, q in sorted(floor.queues.items()) if is_member(agent.id, q)), None)


# --- the way there ----------------------------------------------------------------------------


def to_agent(
    floor: Floor, contact: c.Contact, to: str, by: str, need: str | None, now: int
) -> Pair:
    """Let a contact wait for one agent, then for ``by``, then as it did, with its old since."""
    queue = home(floor, contact, floor.agents[to])
    assert queue is not None, to
    steps, back = waited_for(floor, contact, queue, need)
    first = Step(for_us=queue.settings.ring_us, agents=(AgentId(to),))
    recall = Step(for_us=RECALL_US, agents=(AgentId(by),))
    return by_name(floor, contact, queue, (first, recall), back, steps, now)


def back_to(floor: Floor, contact: c.Contact, by: str, now: int) -> Pair | None:
    """Let a contact that could not be handed on wait as it did, first for ``by``."""
    agent = floor.agents.get(by)
    last = floor.queues.get(contact.queue) if contact.queue else None
    queue = last or (home(floor, contact, agent) if agent is not None else None)
    if queue is None:
        return None
    steps, back = waited_for(floor, contact, queue, None)
    recall = Step(for_us=RECALL_US, agents=(AgentId(by),))
    return by_name(floor, contact, queue, (recall,), back, steps, now)


def by_name(
    floor: Floor,
    contact: c.Contact,
    queue: Queue,
    first: Sequence[Step],
    back: Queue,
    steps: Sequence[Step],
    now: int,
) -> Pair:
    """Let a contact wait for agents by name in one queue, then as it did, where it did."""
    head, *rest = steps
    moved = head if back is queue else attrs.evolve(head, queue=back.id)
    found = texts((*first, moved, *rest))
    return entered(floor, contact, queue, found, old_since(contact, now), now)


def to_queue(
    floor: Floor,
    contact: c.Contact,
    queue: Queue,
    need: str | None,
    since: int,
    now: int,
    lane: int = 0,
) -> Drafts | Refused:
    """Let a contact wait in a queue, with the steps that it had unless ``need`` is another.

    A queue that takes nobody now refuses, for the customer is on the line already.
    """
    wait = Wait(since, contact.priority, contact.lane or lane)
    steps = again_steps(floor, contact, queue, need)
    drafts = enter(floor, contact, queue, wait, now, steps)
    if isinstance(drafts, Refused) or type(drafts[-1][1]) is f.QueueEntered:
        return drafts
    what = f"queue {queue.id!r} takes nobody now"
    return Refused("queue.closed", contact.stream, what, "name another queue, or an agent")


def outside(contact: c.Contact, leg: int, to: str, now: int) -> Pair:
    """Have somebody outside called for a contact."""
    due = Instant(now + DIAL_US)
    return (contact.stream, f.LegOrdered(LegId(leg), "dial", EXTERNAL, to, due))


def texts(steps: Sequence[Step]) -> tuple[str, ...]:
    return tuple(step.text() for step in steps)


def waited_for(
    floor: Floor, contact: c.Contact, queue: Queue, need: str | None
) -> tuple[tuple[Step, ...], Queue]:
    """What a contact waited for last, and where; ``need`` instead, if that is given.

    Steps that asked agents by name have had their turn. Who has waited nowhere waits for
    what ``queue`` asks.
    """
    back = floor.queues.get(contact.queue) if contact.queue else None
    if back is None:
        back, old = queue, own_steps(queue.settings)
    else:
        old = contact.steps
    steps = [Step.parse(text) for text in old] or [Step()]
    while len(steps) > 1 and steps[0].agents:
        steps.pop(0)
    where = floor.queues.get(steps[0].queue) if steps[0].queue is not None else None
    steps[0] = attrs.evolve(steps[0], queue=None, skip_unstaffed=False)
    if need is not None:
        steps = [Step(parse(need).text)]
    return tuple(steps[2 - MAX_STEPS :]), where or back


def again_steps(
    floor: Floor, contact: c.Contact, queue: Queue, need: str | None
) -> tuple[str, ...]:
    """What a wait goes on with in a queue: what was only the old queue's own stays there."""
    steps, back = waited_for(floor, contact, queue, need)
    found = texts(steps)
    return found if back is queue or need is not None else carried(found, back, queue)


def stored(steps: Sequence[str]) -> tuple[str, ...]:
    """Steps as an event holds them: none where anyone of the queue may have it."""
    return () if tuple(steps) == (ANYONE,) else tuple(steps)


def old_since(contact: c.Contact, now: int) -> int:
    """Where the last wait counted from; now, if there was none."""
    return contact.waited if contact.queue else now


def entered(
    floor: Floor, contact: c.Contact, queue: Queue, steps: Sequence[str], since: int, now: int
) -> Pair:
    """One more wait of a contact: lane and priority stay."""
    max_wait_us = queue.settings.max_wait_us
    fact = f.QueueEntered(
        EntryId(floor.next_id()),
        queue.id,
        queue.n + 1,
        Instant(since),
        contact.priority,
        contact.lane,
        stored(steps),
        None,
        Instant(now + max_wait_us) if max_wait_us else None,
    )
    return (contact.stream, fact)
