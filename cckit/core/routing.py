"""Whom to offer what, and why.

Two questions, never a poll. *Who takes this entry?* is asked when one entered or came
back. *What does this agent take?* is asked when one was freed or turned ready. The rest
follows from I8: whoever waits has nobody idle who fits. ``follow`` asks both in the
decision that gives the cause, on the floor as its events have made it, and sees each
offer before it makes the next.

A strategy gives each candidate an integer; the least wins, ties go to the longest idle,
then to the smaller id.
"""

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import Final, NamedTuple

from .agent import Agent, asked_by
from .ask import Ask, Candidate, Waiting
from .events import Pair
from .facts import AgentLoggedOut, AgentNotReady, OfferMade
from .floor import Floor
from .ids import AgentId, ContactId, EntryId, OfferId
from .instant import Instant, Span
from .matching import places
from .queue import WAITING, Entry, Group, Rank

MAX_CANDIDATES: Final = 64
MAX_OFFERS: Final = 256

Key = Callable[[Agent, Entry, int], int]


class Pick(NamedTuple):
    """Who was chosen, against whom, and by what."""

    agent: Agent
    eligible: int
    key: int
    runner_up: AgentId | None = None
    runner_key: int | None = None
    tie: str | None = None
    hook: tuple[str, ...] | None = None


def longest_idle(agent: Agent, entry: Entry, now: int) -> int:
    return agent.idle_since


def least_occupied(agent: Agent, entry: Entry, now: int) -> int:
    """Share of ready time spent busy since the first login, in parts per million."""
    ready_us = agent.ready_us + (0 if agent.used else max(0, now - agent.changed_at))
    total = agent.busy_us + ready_us
    return agent.busy_us * 1_000_000 // total if total else 0


def round_robin(agent: Agent, entry: Entry, now: int) -> int:
    """The id of the agent's last offer: ids only grow."""
    return agent.last_offer


def fewest_contacts(agent: Agent, entry: Entry, now: int) -> int:
    return agent.contacts


def least_talk_time(agent: Agent, entry: Entry, now: int) -> int:
    return agent.talk_us


def best_skill(agent: Agent, entry: Entry, now: int) -> int:
    return -entry.group.need.level(agent.skills)


def random(agent: Agent, entry: Entry, now: int) -> int:
    """48 bits of SHA-256 over the policy, the entry, the round and the agent."""
    text = f"{entry.id}/{entry.round + 1}/{agent.id}".encode()
    return int.from_bytes(sha256(entry.group.queue.policy_hash + text).digest()[:6])


STRATEGIES: Final[dict[str, Key]] = {
    "longest_idle": longest_idle,
    "least_occupied": least_occupied,
    "round_robin": round_robin,
    "fewest_contacts": fewest_contacts,
    "least_talk_time": least_talk_time,
    "best_skill": best_skill,
    "random": random,
}


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


def offer_entry(floor: Floor, entry: Entry, now: int, ask: Ask) -> Pair | None:
    """Offer a waiting entry to the best agent who is idle and fits, or to nobody yet."""
    if entry.phase is not WAITING:
        return None
    fitting = floor.index.candidates(entry.group)
    if not fitting:
        return None
    barred = _barred(floor, entry, now) if entry.barred else 0
    mask = fitting & ~barred
    if not mask:
        return None
    pick = _choose(floor, entry, mask, now, ask)
    excluded = floor.index.excluded(
        entry.group, fitting.bit_count(), (fitting & barred).bit_count() if barred else 0
    )
    return _draft(floor, entry, pick, excluded, now)


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


def _barred(floor: Floor, entry: Entry, now: int) -> int:
    mask = 0
    for agent_id, until in (entry.barred or {}).items():
        if until > now:
            place = floor.agents[agent_id].place
            mask |= 1 << place if place else 0
    return mask


def _choose(floor: Floor, entry: Entry, mask: int, now: int, ask: Ask) -> Pick:
    strategy = entry.group.queue.settings.strategy
    at = floor.index.at
    eligible = mask.bit_count()
    if ask.ranks:
        pick = _ranked(floor, entry, mask, now, ask)
        if pick is not None:
            return pick
    if strategy == "longest_idle":
        low = mask & -mask
        agent = at[low.bit_length() - 1]
        rest = mask ^ low
        if not rest:
            return Pick(agent, 1, agent.idle_since)
        second = at[(rest & -rest).bit_length() - 1]
        tie = "agent" if second.idle_since == agent.idle_since else None
        return Pick(agent, eligible, agent.idle_since, second.id, second.idle_since, tie)
    key = STRATEGIES[strategy]
    first: tuple[int, int, Agent] | None = None
    next_: tuple[int, int, Agent] | None = None
    for place in places(mask):
        agent = at[place]
        found = (key(agent, entry, now), place, agent)
        if first is None or found < first:
            first, next_ = found, first
        elif next_ is None or found < next_:
            next_ = found
    assert first is not None
    if next_ is None:
        return Pick(first[2], 1, first[0])
    return Pick(first[2], eligible, first[0], next_[2].id, next_[0], _tie(first, next_))


def _tie(first: tuple[int, int, Agent], second: tuple[int, int, Agent]) -> str | None:
    if first[0] != second[0]:
        return None
    return "idle_since" if first[2].idle_since != second[2].idle_since else "agent"


def _ranked(floor: Floor, entry: Entry, mask: int, now: int, ask: Ask) -> Pick | None:
    """Ask the ranking hook about the longest idle, the first in line.

    An answer that names nobody who may have it is passed over.
    """
    group = entry.group
    key = STRATEGIES[group.queue.settings.strategy]
    agents = [floor.index.at[place] for place in places(mask)][:MAX_CANDIDATES]
    candidates = tuple(
        Candidate(
            agent.id,
            Instant(agent.idle_since),
            key(agent, entry, now),
            group.need.level(agent.skills),
            Span(agent.talk_us),
            agent.contacts,
        )
        for agent in agents
    )
    waiting = Waiting(
        ContactId(entry.contact[8:]),
        group.queue.id,
        group.channel,
        entry.priority,
        Instant(entry.since),
        group.need.text,
    )
    ranking = ask.rank_agents(waiting, candidates)
    if ranking is None:
        return None
    known = {candidate.agent: candidate for candidate in candidates}
    order = [known[agent] for agent in ranking.agents if agent in known]
    if not order:
        return None
    hook = (ranking.plugin, order[0].agent, ranking.reason)
    winner = floor.agents[order[0].agent]
    if len(order) == 1:
        return Pick(winner, mask.bit_count(), order[0].key, hook=hook)
    second = order[1]
    return Pick(winner, mask.bit_count(), order[0].key, second.agent, second.key, hook=hook)


def _draft(floor: Floor, entry: Entry, pick: Pick, excluded: dict[str, int], now: int) -> Pair:
    queue = entry.group.queue
    settings = queue.settings
    made = OfferMade(
        OfferId(floor.next_id()),
        entry.id,
        ContactId(entry.contact[8:]),
        pick.agent.id,
        entry.round + 1,
        Instant(now + settings.ring_us),
        settings.strategy,
        queue.policy_hash,
        0,
        pick.eligible,
        excluded,
        pick.key,
        pick.runner_up,
        pick.runner_key,
        pick.tie,
        pick.hook,
    )
    return (entry.contact, made)


def unmatched(floor: Floor, now: int) -> Entry | None:
    """The best entry that waits beside a free agent who could serve it, if any."""
    best: Entry | None = None
    for group in floor.index.groups:
        mask = floor.index.candidates(group) if group.count else 0
        if not mask:
            continue
        for rank in group.in_order():
            entry = floor.entries[EntryId(rank[3])]
            if mask & ~_barred(floor, entry, now):
                if best is None or rank < best.rank:
                    best = entry
                break
    return best
