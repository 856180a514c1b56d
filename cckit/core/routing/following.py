"""What follows at once from what just evolved, and what an agent takes next."""

from collections.abc import Iterable, Iterator
from typing import Final

from cckit.core.agent import BUSY, NOTHING, Agent, asked_by
from cckit.core.ask import Ask
from cckit.core.channel import INTERRUPT
from cckit.core.events import Pair
from cckit.core.facts import AgentLoggedOut, AgentNotReady, LegHeld, LegRetrieved
from cckit.core.floor import Floor
from cckit.core.ids import contact_stream
from cckit.core.queue import Entry, Group, Rank

from .choosing import apart, enough_called, offer_entry
from .stepping import deserted, ended, next_step

MAX_OFFERS: Final = 256


def follow(floor: Floor, now: int, ask: Ask) -> Iterator[Pair]:
    """What follows at once from what just evolved, one draft at a time.

    The caller lets the floor evolve on each draft before it asks for the next. Who is to
    leave leaves; a step that is over ends; who came back to a queue is offered to those
    idle, best rank first; who was freed takes what waits, as much as fits. After
    ``MAX_OFFERS`` the rest is left to ``Route``.
    """
    seeking, freed = floor.seeking, floor.freed
    for agent in tuple(freed):
        if agent.slots:
            yield from _interruptions(floor, agent)
        elif agent.next_status:
            yield _leaving(agent)
    for entry in tuple(seeking):
        if entry.steps:
            yield from _step_on(floor, entry, now)
    made = 0
    for entry in _in_order(floor, seeking, now) if len(seeking) > 1 else tuple(seeking):
        while made < MAX_OFFERS:
            ahead = _ahead(floor, entry, freed, now) if freed else None
            draft = offer_entry(floor, ahead or entry, now, ask)
            if draft is not None:
                made += 1
                yield draft
            if draft is None or (ahead is None and not entry.in_line):
                break
    for agent in tuple(freed):
        while made < MAX_OFFERS:
            entry_for = best_entry(floor, agent, now)
            draft = None if entry_for is None else offer_entry(floor, entry_for, now, ask)
            if draft is None:
                break
            made += 1
            yield draft
    # Who came to wait may be alone there; ``Route`` looks.
    alone = bool(seeking) and floor.index.leaves_empty
    floor.unrouted = floor.unrouted or made >= MAX_OFFERS or alone
    seeking.clear()
    freed.clear()


def _ahead(floor: Floor, entry: Entry, freed: Iterable[Agent], now: int) -> Entry | None:
    """What waits before an entry for one of those who were freed with it."""
    found = (best_entry(floor, agent, now) for agent in freed)
    first = _in_order(floor, {entry, *(other for other in found if other is not None)}, now)[0]
    return None if first is entry else first


def _in_order(floor: Floor, entries: Iterable[Entry], now: int) -> list[Entry]:
    """Sort entries of any groups: who goes first is first."""
    order = floor.index.order
    return sorted(entries, key=lambda entry: order(entry.group, entry.rank, now))


def _step_on(floor: Floor, entry: Entry, now: int) -> Iterator[Pair]:
    """Let steps that are over end, before anybody is looked for."""
    contact = floor.contacts[entry.contact]
    on: Entry | None = entry
    while on is not None and ended(floor, on, now):
        yield from next_step(floor, on, now)
        on = floor.entries.get(contact.entry)


def _interruptions(floor: Floor, agent: Agent) -> Iterator[Pair]:
    """Put on hold what an accepted call goes before, and take back what it went before."""
    waiting = agent.waiting() if agent.mixed else NOTHING
    for contact_id, slot in tuple(agent.slots.items()):
        waits = slot.channel in waiting
        if slot.phase is not BUSY or slot.held is waits:
            continue
        contact = floor.contacts[contact_stream(contact_id)]
        if waits and not contact.held:
            yield contact.stream, LegHeld(contact.leg, INTERRUPT)
        elif not waits:
            yield contact.stream, LegRetrieved(contact.leg, INTERRUPT)


def _leaving(agent: Agent) -> Pair:
    if agent.next_status == "logged_out":
        return (agent.stream, AgentLoggedOut(agent.next_reason))
    return (agent.stream, AgentNotReady(agent.next_reason, asked_by(agent.next_by)))


def best_entry(floor: Floor, agent: Agent, now: int) -> Entry | None:
    """What an agent should take next: of the groups it could serve, the first in order."""
    if not agent.open:
        return None
    index = floor.index
    channel, able = "", False
    best: Rank | None = None
    for group in index.lines_for(agent):
        if group.channel != channel:
            channel = group.channel
            able = agent.can_take(channel)
        if not able or (group.calls and enough_called(group, index.candidates(group))):
            continue
        rank = group.line[0]
        if floor.entries[rank[3]].keeps_from(agent.id, now):
            free = _next_open(floor, agent, group, now)
            if free is None:
                continue
            rank = free
        rank = index.order(group, rank, now)
        if best is None or rank < best:
            best = rank
    return None if best is None else floor.entries[best[3]]


def _next_open(floor: Floor, agent: Agent, group: Group, now: int) -> Rank | None:
    """The first entry of a group that is not kept from this agent."""
    for rank in group.line:
        if not floor.entries[rank[3]].keeps_from(agent.id, now):
            return rank
    return None


def unmatched(floor: Floor, now: int) -> Entry | None:
    """The best entry that waits beside a free agent who could serve it, if any."""
    index = floor.index
    best: Rank | None = None
    for group in index.lines():
        mask = index.candidates(group)
        if not mask or enough_called(group, mask):
            continue
        for rank in group.line:
            if mask & ~apart(floor, floor.entries[rank[3]], now):
                rank = index.order(group, rank, now)
                if best is None or rank < best:
                    best = rank
                break
    return None if best is None else floor.entries[best[3]]


def pending(floor: Floor, now: int) -> bool:
    """Tell whether ``Route`` has something to do: to offer somebody, or to let go."""
    return unmatched(floor, now) is not None or deserted(floor) is not None
