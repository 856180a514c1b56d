"""Whom to offer what, and why.

Two questions, never a poll. *Who takes this entry?* is asked when one enters, returns or
changes. *What does this agent take?* is asked when one is freed, readies or changes. The
rest follows from I8: whoever waits has nobody idle who fits, so a freed agent competes
with nobody and a new entry competes with nobody.

A strategy gives each candidate an integer; the least wins, ties go to the longest idle,
then to the smaller id.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Final, NamedTuple

from .agent import Agent
from .ask import Ask, Candidate, Waiting
from .events import Draft
from .facts import OfferMade
from .floor import Floor
from .ids import AgentId, ContactId, EntryId, OfferId, Stream
from .instant import Instant, Span
from .matching import places
from .queue import Entry, Group, Rank

MAX_CANDIDATES: Final = 64
MAX_OFFERS: Final = 256

Key = Callable[[Agent, "Seeker", int], int]


class Seeker(NamedTuple):
    """An entry that looks for an agent; it may not be in the tables yet."""

    entry: EntryId
    contact: Stream
    group: Group
    round: int
    rank: Rank
    barred: dict[str, int] | None = None


class Pick(NamedTuple):
    """Who was chosen, against whom, and by what."""

    agent: Agent
    eligible: int
    key: int
    runner_up: AgentId | None = None
    runner_key: int | None = None
    tie: str | None = None
    hook: tuple[str, ...] | None = None


def longest_idle(agent: Agent, seeker: Seeker, now: int) -> int:
    return agent.idle_since


def least_occupied(agent: Agent, seeker: Seeker, now: int) -> int:
    """Share of ready time spent busy since the first login, in parts per million."""
    ready_us = agent.ready_us + (0 if agent.used else max(0, now - agent.changed_at))
    total = agent.busy_us + ready_us
    return agent.busy_us * 1_000_000 // total if total else 0


def round_robin(agent: Agent, seeker: Seeker, now: int) -> int:
    """The id of the agent's last offer: ids only grow."""
    return agent.last_offer


def fewest_contacts(agent: Agent, seeker: Seeker, now: int) -> int:
    return agent.contacts


def least_talk_time(agent: Agent, seeker: Seeker, now: int) -> int:
    return agent.talk_us


def best_skill(agent: Agent, seeker: Seeker, now: int) -> int:
    return -seeker.group.need.level(agent.skills)


def random(agent: Agent, seeker: Seeker, now: int) -> int:
    """48 bits of SHA-256 over the policy, the entry, the round and the agent."""
    text = f"{seeker.entry}/{seeker.round}/{agent.id}".encode()
    return int.from_bytes(sha256(seeker.group.queue.policy_hash + text).digest()[:6])


STRATEGIES: Final[dict[str, Key]] = {
    "longest_idle": longest_idle,
    "least_occupied": least_occupied,
    "round_robin": round_robin,
    "fewest_contacts": fewest_contacts,
    "least_talk_time": least_talk_time,
    "best_skill": best_skill,
    "random": random,
}


def seeker_of(entry: Entry) -> Seeker:
    """An entry of the tables, as it looks for an agent in its next round."""
    return Seeker(
        entry.id, entry.contact, entry.group, entry.round + 1, entry.rank, entry.barred
    )


def offer_entry(
    floor: Floor,
    seeker: Seeker,
    now: int,
    ask: Ask,
    offer: OfferId,
    without: Agent | None = None,
) -> Draft | None:
    """Offer an entry to the best agent who is idle and fits, or to nobody yet.

    :param without: an agent whom this decision takes out.
    """
    index = floor.index
    mask = fitting = index.candidates(seeker.group)
    if without is not None:
        fitting = mask = mask & ~(1 << without.place)
    barred = _barred(floor, seeker, now)
    mask &= ~barred
    if not mask:
        return None
    pick = _choose(floor, seeker, mask, now, ask)
    extra = 0
    excluded = index.excluded(
        seeker.group, extra, fitting.bit_count(), (fitting & barred).bit_count()
    )
    return _draft(seeker, pick, excluded, now, offer)


def offer_agent(
    floor: Floor,
    agent: Agent,
    now: int,
    ask: Ask,
    offer: OfferId,
    used: int,
    without: int = 0,
) -> list[Draft]:
    """Offer a freed agent what it should take: as much as its budget holds.

    :param used: how much of the budget is taken once this decision is made.
    :param without: an entry that this decision takes out, or that it just refused.
    """
    drafts: list[Draft] = []
    taken = {without}
    bits = floor.index.suits(agent) & floor.index.waiting
    while bits and len(drafts) < MAX_OFFERS:
        found = _best_entry(floor, agent, bits, used, now, taken)
        if found is None:
            break
        seeker = seeker_of(found)
        others = floor.index.candidates(seeker.group) & ~(1 << agent.place)
        fitting = others.bit_count()
        pick = Pick(agent, 1, STRATEGIES[seeker.group.queue.settings.strategy](agent, seeker, now))
        excluded = floor.index.excluded(seeker.group, 1 << agent.number, fitting + 1, fitting)
        drafts.append(_draft(seeker, pick, excluded, now, OfferId(offer + len(drafts))))
        taken.add(found.id)
        used += agent.costs[seeker.group.channel]
    return drafts


def _best_entry(
    floor: Floor, agent: Agent, bits: int, used: int, now: int, taken: set[int]
) -> Entry | None:
    best: Rank | None = None
    groups = floor.index.groups
    while bits:
        low = bits & -bits
        bits ^= low
        group = groups[low.bit_length() - 1]
        if group.channel not in agent.on or used + agent.costs[group.channel] > agent.budget:
            continue
        rank = group.heap[0]
        entry = floor.entries[rank[3]]
        if rank[3] in taken or (entry.barred and entry.barred.get(agent.id, 0) > now):
            free = _next_open(floor, agent, group, now, taken)
            if free is None:
                continue
            rank = free
        if best is None or rank < best:
            best = rank
    return None if best is None else floor.entries[best[3]]


def _next_open(
    floor: Floor, agent: Agent, group: Group, now: int, taken: set[int]
) -> Rank | None:
    """The first entry of a group that is not kept from this agent."""
    for rank in sorted(group.waiting.values()):
        barred = floor.entries[rank[3]].barred
        if rank[3] not in taken and not (barred and barred.get(agent.id, 0) > now):
            return rank
    return None


def _barred(floor: Floor, seeker: Seeker, now: int) -> int:
    mask = 0
    for agent_id, until in (seeker.barred or {}).items():
        if until > now:
            place = floor.agents[agent_id].place
            mask |= 1 << place if place else 0
    return mask


def _choose(floor: Floor, seeker: Seeker, mask: int, now: int, ask: Ask) -> Pick:
    strategy = seeker.group.queue.settings.strategy
    at = floor.index.at
    eligible = mask.bit_count()
    if ask.ranks and eligible > 1:
        pick = _ranked(floor, seeker, mask, now, ask)
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
        found = (key(agent, seeker, now), place, agent)
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


def _ranked(
    floor: Floor, seeker: Seeker, mask: int, now: int, ask: Ask
) -> Pick | None:
    """Ask the ranking hook; an answer that names nobody who may have it is passed over."""
    group = seeker.group
    key = STRATEGIES[group.queue.settings.strategy]
    agents = [floor.index.at[place] for place in places(mask)][:MAX_CANDIDATES]
    candidates = tuple(
        Candidate(
            agent.id,
            Instant(agent.idle_since),
            key(agent, seeker, now),
            group.need.level(agent.skills),
            Span(agent.talk_us),
            agent.contacts,
        )
        for agent in agents
    )
    head_start = group.queue.settings.head_start_us
    ahead = seeker.rank[2] - seeker.rank[1]
    waiting = Waiting(
        ContactId(seeker.contact[8:]),
        group.queue.id,
        group.channel,
        ahead // head_start if head_start else 0,
        Instant(seeker.rank[2]),
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


def _draft(
    seeker: Seeker, pick: Pick, excluded: dict[str, int], now: int, offer: OfferId
) -> Draft:
    queue = seeker.group.queue
    settings = queue.settings
    return Draft(
        seeker.contact,
        OfferMade(
            offer,
            seeker.entry,
            ContactId(seeker.contact[8:]),
            pick.agent.id,
            seeker.round,
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
        ),
    )


def unmatched(floor: Floor, now: int) -> Entry | None:
    """The best entry that waits beside a free agent who could serve it, if any."""
    best: Entry | None = None
    for group in floor.index.groups:
        mask = floor.index.candidates(group) if group.waiting else 0
        if not mask:
            continue
        for rank in sorted(group.waiting.values()):
            entry = floor.entries[rank[3]]
            if mask & ~_barred(floor, seeker_of(entry), now):
                if best is None or rank < best.rank:
                    best = entry
                break
    return best
