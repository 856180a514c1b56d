"""Entering a queue: what the wait needs, whether it can ever be met, who may come in.

A queue that can't keep somebody says what becomes of them: ``overflow QUEUE``,
``deflect``, ``blocked`` or ``callback_only``. All of it is one decision; the wait counts
from where it began.
"""

from collections.abc import Sequence
from typing import NamedTuple

import attrs

from cckit.core import commands as m
from cckit.core import contact as c
from cckit.core import facts as f
from cckit.core.ask import Ask
from cckit.core.errors import Refused, repeated
from cckit.core.events import Actor, Pair
from cckit.core.floor import Floor
from cckit.core.ids import AgentId, EntryId, QueueId, Stream, contact_stream
from cckit.core.instant import Instant, Span
from cckit.core.matching import is_member
from cckit.core.need import parse, possible
from cckit.core.queue import Queue, rank
from cckit.core.routing.estimate import expected
from cckit.core.settings import ACCEPT, CALLBACK_ONLY, DEFLECT, overflow_of
from cckit.core.step import ANYONE, LAST, MAX_PRIORITY, Step, parse_step, read_steps

from .modes import Turned, turned_away

Drafts = list[Pair]
ANYBODY = (Step(),)
EMERGENCY = 2
"""This lane is open while others are not."""


def unknown(stream: str) -> Refused:
    what = "there is no such open contact"
    return Refused("contact.unknown", stream, what, "it may have ended; look at its stream")


def enqueue(floor: Floor, command: m.Enqueue, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    stream = contact_stream(command.contact)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    if contact.phase is not c.NEW:
        what = f"the contact is {contact.phase.name.lower()}"
        return Refused("contact.wrong_state", stream, what, "only a new contact can be queued")
    queue = queue_named(floor, stream, command.queue)
    if isinstance(queue, Refused):
        return queue
    wait = Wait(now if command.since is None else command.since, command.priority, command.lane)
    wrong = out_of_range(stream, wait, now)
    if wrong is not None:
        return wrong
    if command.steps is not None:
        if command.need is not None:
            what = "it names both a need and steps"
            return Refused("queue.bad_steps", stream, what, "make the need the first step")
        return enter(floor, contact, queue, wait, now, command.steps, command.prefer)
    if command.need is None:
        return enter(floor, contact, queue, wait, now, None, command.prefer)
    try:
        need = parse(command.need).text
    except ValueError as error:
        return Refused("queue.bad_need", stream, str(error), "write skill >= level")
    return enter(floor, contact, queue, wait, now, (need,) if need else (), command.prefer)


def queue_named(floor: Floor, stream: Stream, name: QueueId) -> Queue | Refused:
    """Find a queue for a contact."""
    queue = floor.queues.get(name)
    if queue is not None:
        return queue
    known = ", ".join(sorted(floor.queues)) or "none"
    what = f"there is no queue {repeated(name)}; there are {known}"
    return Refused("queue.unknown", stream, what, "configure it, or name another")


def bad_priority(stream: Stream, priority: int) -> Refused | None:
    if -MAX_PRIORITY <= priority <= MAX_PRIORITY:
        return None
    what = f"priority {priority} is out of range"
    return Refused("queue.bad_priority", stream, what, f"use -{MAX_PRIORITY} to {MAX_PRIORITY}")


class Wait(NamedTuple):
    """Where a wait stands among others."""

    since: int
    priority: int = 0
    lane: int = 0


def out_of_range(stream: Stream, wait: Wait, now: int) -> Refused | None:
    wrong = bad_priority(stream, wait.priority)
    if wrong is not None:
        return wrong
    if wait.lane not in (0, 1, 2):
        what = f"there is no lane {wait.lane}"
        return Refused("queue.bad_lane", stream, what, "use 0, 1 (reserved) or 2 (emergency)")
    if not 0 <= wait.since <= now:
        what = "since lies in the future, or before 1970"
        return Refused("queue.bad_since", stream, what, "name an instant that has passed")
    return None


def enter(
    floor: Floor,
    contact: c.Contact,
    queue: Queue,
    wait: Wait,
    now: int,
    steps: Sequence[str] | None = None,
    prefer: Sequence[AgentId] = (),
    promised: bool = False,
) -> Drafts | Refused:
    """Let a contact enter a queue, or what that queue and those behind it do instead.

    The contact must be one that can be queued; what its agents are to do first is the
    caller's.

    :param steps: texts of steps; None are the queue's own, () is anyone.
    :param prefer: agents to wait for first, for the queue's ``prefer_us``.
    :param promised: they are called back, so they enter however full or closed it is.
    :return: facts for the contact's stream, the last of them ``queue.entered`` or
        ``contact.closed``; ``callback_only`` is refused, so that a callback can be offered.

    .. versionadded:: 0.3
    """
    drafts: Drafts = []
    stream = contact.stream
    seen: set[QueueId] = set()
    for entry in range(floor.next_id(), floor.next_id() + len(floor.queues)):
        texts = _steps(floor, contact, queue, steps, prefer)
        if isinstance(texts, Refused):
            return texts
        entered = _entered(queue, EntryId(entry), wait, texts, now)
        drafts.append((stream, entered))
        if promised:
            return drafts
        turned = turned_away(floor, queue.id, wait.lane, now) if floor.modes.on else None
        turned = turned or _turned_away(floor, queue, contact, entered, now)
        if turned is None:
            return drafts
        rule, why, message = turned
        if rule == CALLBACK_ONLY:
            what = f"queue {queue.id!r} takes only callbacks now: {why}"
            return Refused(
                "queue.callback_only", stream, what, "offer a callback, or another queue"
            )
        target = overflow_of(rule)
        seen.add(queue.id)
        next_ = None if target is None or target in seen else floor.queues.get(target)
        if target is not None and next_ is None:
            return drafts  # Nobody is lost because a queue that should help is not there.
        waited = Span(max(0, now - wait.since))
        left = f.QueueLeft(entered.entry, "blocked" if next_ is None else "overflowed", waited)
        drafts.append((stream, left))
        if next_ is None:
            if message and contact.leg:
                drafts.append((stream, f.LegOrdered(contact.leg, "play", message)))
            drafts.append((stream, closed_by(rule, why)))
            return drafts
        queue = next_
    return drafts


def closed_by(rule: str, why: str) -> f.ContactClosed:
    if rule == DEFLECT:
        return f.ContactClosed("deflected", "queue", "system")
    return f.ContactClosed("blocked", why, "system")


def _entered(
    queue: Queue, entry: EntryId, wait: Wait, steps: tuple[str, ...], now: int
) -> f.QueueEntered:
    max_wait_us = queue.settings.max_wait_us
    priority = wait.priority
    if steps and "=" in steps[0]:
        priority += parse_step(steps[0]).priority
    return f.QueueEntered(
        entry,
        queue.id,
        queue.n + 1,
        Instant(wait.since),
        priority,
        wait.lane,
        steps,
        None,
        Instant(now + max_wait_us) if max_wait_us else None,
    )


# --- what the wait needs ------------------------------------------------------------------


def _steps(
    floor: Floor,
    contact: c.Contact,
    queue: Queue,
    given: Sequence[str] | None,
    prefer: Sequence[AgentId],
) -> tuple[str, ...] | Refused:
    """The steps of a wait in one queue, canonical, or why they can't be."""
    settings = queue.settings
    own = settings.steps or ((settings.need,) if settings.need else ())
    texts = own if given is None else given
    if not texts and not prefer and not settings.sticky_us:
        return ()
    try:
        steps = read_steps(tuple(texts) or (ANYONE,))
    except ValueError as error:
        return Refused("queue.bad_steps", contact.stream, str(error), "write the steps anew")
    last = None
    if contact.subject and not contact.past:  # Else who talked to them has just handed them on.
        last = floor.last_agents.get(contact.subject)
    named = any(LAST in step.agents for step in steps)
    if named:
        steps = _with_last(steps, last)
    need = steps[0].need
    if prefer:
        first = Step(need, settings.prefer_us, agents=tuple(prefer), skip_unstaffed=True)
        steps = (first, *steps)
    elif last is not None and settings.sticky_us and not named:
        there = floor.index.staffed(queue, contact.channel, parse(need), (last,))
        sticky = Step(need, settings.sticky_us, agents=(last,))
        steps = (sticky, *steps) if there else steps
    wrong = _impossible(floor, contact, queue, steps, given is not None)
    if wrong is not None:
        return wrong
    return () if steps == ANYBODY else tuple(step.text() for step in steps)


def _with_last(steps: tuple[Step, ...], last: AgentId | None) -> tuple[Step, ...]:
    """Put whom the customer talked to last where the word stands, or leave that step out."""
    found = []
    for step in steps:
        agents = tuple(last if one == LAST else one for one in step.agents)
        named = tuple(dict.fromkeys(one for one in agents if one is not None))
        if named or not step.agents:
            found.append(attrs.evolve(step, agents=named))
    return tuple(found)


def _impossible(
    floor: Floor, contact: c.Contact, queue: Queue, steps: Sequence[Step], given: bool
) -> Refused | None:
    """Refuse what nobody could ever meet."""
    index = floor.index
    met = False
    here = queue
    for step in steps:
        if step.queue is not None:
            if given and step.queue not in floor.queues:
                found = queue_named(floor, contact.stream, step.queue)
                return found if isinstance(found, Refused) else None
            here = floor.queues.get(step.queue, here)
        what = contradiction(step) or _excluded(floor, here, step)
        if what is not None:
            return Refused("queue.impossible_need", contact.stream, what, "change that step")
        met = met or bool(index.could(here, contact.channel, step.what, step.agents))
    if met or not index.members.get(queue.id, 0):
        return None
    needs = " / ".join(step.need or ANYONE for step in steps)
    what = f"no agent of queue {queue.id!r} could ever serve {contact.channel} that needs {needs}"
    remedy = "lower a level, add a step that relaxes, or give an agent of the queue the skill"
    return Refused("queue.impossible_need", contact.stream, what, remedy)


def contradiction(step: Step) -> str | None:
    """What no profile could meet, in words."""
    if possible(step.need):
        return None
    return f"step {step.text()!r} contradicts itself: no agent could have and lack the same"


def _excluded(floor: Floor, queue: Queue, step: Step) -> str | None:
    for agent in step.agents:
        if agent not in floor.agents:
            return f"step {step.text()!r}: there is no agent {agent!r}"
        if not is_member(agent, queue):
            return f"step {step.text()!r}: agent {agent!r} is not in queue {queue.id!r}"
    return None


# --- who may come in ------------------------------------------------------------------------


def _turned_away(
    floor: Floor, queue: Queue, contact: c.Contact, entered: f.QueueEntered, now: int
) -> Turned | None:
    """What becomes of one more in this queue, and why; None if it may come in."""
    rules = queue.settings
    open_ = entered.lane >= EMERGENCY
    channel = contact.channel
    if rules.capacity and queue.live >= rules.capacity and not open_:
        own = floor.entries.get(contact.entry)  # Who waits here takes the own place.
        if queue.live > rules.capacity or own is None or own.group.queue is not queue:
            return Turned(rules.full, "full")
    if rules.join_empty != ACCEPT and not _anybody(floor, queue, channel, entered.steps):
        return Turned(rules.join_empty, "unstaffed")
    if rules.expected_max_us and not open_:
        first = parse_step(entered.steps[0]) if entered.steps else ANYBODY[0]
        place = rank(
            entered.entry, entered.lane, entered.since, entered.priority, rules.head_start_us
        )
        found = expected(floor, queue, channel, first.need, place, now)
        if found is not None and found.wait_us > rules.expected_max_us:
            return Turned(rules.too_long, "long_wait")
    return None


def _anybody(floor: Floor, queue: Queue, channel: str, steps: Sequence[str]) -> bool:
    """Tell whether somebody signed in could serve any of the steps."""
    index = floor.index
    for step in tuple(map(parse_step, steps)) or ANYBODY:
        queue = floor.queues.get(step.queue, queue) if step.queue is not None else queue
        if index.staffed(queue, channel, step.what, step.agents):
            return True
    return False
