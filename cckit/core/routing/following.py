"""What follows at once from what just evolved, and what an agent takes next."""

from collections.abc import Iterable, Iterator
from typing import Final

from cckit.core.agent import Agent, asked_by
from cckit.core.ask import Ask
from cckit.core.events import Pair
from cckit.core.facts import AgentLoggedOut, AgentNotReady
from cckit.core.floor import Floor
from cckit.core.ids import EntryId
from cckit.core.queue import Entry, Group, Rank

from .choosing import barred, offer_entry

MAX_OFFERS: Final = 256


def follow(floor: Floor, now: int, ask: Ask) -> Iterator[Pair]:
    """What follows at once from what just evolved, one draft at a time.

    The caller lets the floor evolve on each draft before it asks for the next. Who is to
    leave leaves; who came back to a queue is offered to those idle, best rank first; who
    was freed takes what waits, as much as fits. After ``MAX_OFFERS`` the rest is left to
    ``Route``.
    """
    seeking, freed = floor.seeking, floor.freed
    for agent in freed:
        if agent.next_status and not agent.slots:
            yield _leaving(agent)
    made = 0
    for entry in sorted(seeking, key=rank_of) if len(seeking) > 1 else tuple(seeking):
        while made < MAX_OFFERS:
            ahead = _ahead(floor, entry, freed, now) if freed else None
            draft = offer_entry(floor, ahead or entry, now, ask)
            if draft is not None:
                made += 1
                yield draft
            if ahead is None or draft is None:
                break
    for agent in tuple(freed):
        while made < MAX_OFFERS:
            entry_for = best_entry(floor, agent, now)
            draft = None if entry_for is None else offer_entry(floor, entry_for, now, ask)
            if draft is None:
                break
            made += 1
            yield draft
    floor.unrouted = floor.unrouted or made >= MAX_OFFERS
    seeking.clear()
    freed.clear()


def _ahead(floor: Floor, entry: Entry, freed: Iterable[Agent], now: int) -> Entry | None:
    """What waits before an entry for one of those who were freed with it."""
    found = (best_entry(floor, agent, now) for agent in freed)
    ahead = [other for other in found if other is not None and other.rank < entry.rank]
    return min(ahead, key=rank_of, default=None)


def rank_of(entry: Entry) -> Rank:
    return entry.rank


def _leaving(agent: Agent) -> Pair:
    if agent.next_status == "logged_out":
        return (agent.stream, AgentLoggedOut(agent.next_reason))
    return (agent.stream, AgentNotReady(agent.next_reason, asked_by(agent.next_by)))


def best_entry(floor: Floor, agent: Agent, now: int) -> Entry | None:
    """What an agent should take next: of the groups it could serve, the least rank."""
    if agent.used >= agent.budget:
        return None
    index = floor.index
    bits = index.suits(agent) & index.waiting
    channel, able = "", False
    best: Rank | None = None
    while bits:
        low = bits & -bits
        bits ^= low
        group = index.groups[low.bit_length() - 1]
        if group.channel != channel:
            channel = group.channel
            able = agent.can_take(channel)
        if not able:
            continue
        rank = group.heap[0]
        barred = floor.entries[EntryId(rank[3])].barred
        if barred and barred.get(agent.id, 0) > now:
            free = _next_open(floor, agent, group, now)
            if free is None:
                continue
            rank = free
        if best is None or rank < best:
            best = rank
    return None if best is None else floor.entries[EntryId(best[3])]


def _next_open(floor: Floor, agent: Agent, group: Group, now: int) -> Rank | None:
    """The first entry of a group that is not kept from this agent."""
    for rank in group.in_order():
        barred = floor.entries[EntryId(rank[3])].barred
        if not (barred and barred.get(agent.id, 0) > now):
            return rank
    return None


def unmatched(floor: Floor, now: int) -> Entry | None:
    """The best entry that waits beside a free agent who could serve it, if any."""
    best: Entry | None = None
    for group in floor.index.groups:
        mask = floor.index.candidates(group) if group.count else 0
        if not mask:
            continue
        for rank in group.in_order():
            entry = floor.entries[EntryId(rank[3])]
            if mask & ~barred(floor, entry, now):
                if best is None or rank < best.rank:
                    best = entry
                break
    return best
