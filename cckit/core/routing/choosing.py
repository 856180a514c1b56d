"""To whom an entry is offered, and the record of why."""

from typing import Final, NamedTuple

from cckit.core.agent import Agent
from cckit.core.ask import Ask, Candidate, Waiting
from cckit.core.events import Pair
from cckit.core.facts import LegOrdered, OfferMade
from cckit.core.floor import Floor
from cckit.core.ids import AgentId, ContactId, LegId, OfferId, Stream
from cckit.core.instant import Instant, Span
from cckit.core.leg import CUSTOMER
from cckit.core.lines import places
from cckit.core.queue import Entry, Group

from .strategies import key_of

MAX_CANDIDATES: Final = 64
ALL: Final = -1
"""Every place."""


class Pick(NamedTuple):
    """Who was chosen, against whom, and by what."""

    agent: Agent
    eligible: int
    key: int
    runner_up: AgentId | None = None
    runner_key: int | None = None
    tie: str | None = None
    hook: tuple[str, ...] | None = None
    unnamed: int = 0
    """Whom the hook was asked about and left out."""


def offer_entry(floor: Floor, entry: Entry, now: int, ask: Ask) -> Pair | None:
    """Offer a waiting entry to the best agent who is idle and fits, or to nobody yet.

    Who is away and called first is called instead, while fewer are called than could be taken.
    """
    if not entry.in_line:
        return None
    fitting = floor.index.candidates(entry.group)
    if not fitting:
        return None
    away = apart(floor, entry, now) if entry.barred or entry.asked else 0
    mask = fitting & ~away
    if not mask:
        return None
    if entry.group.calls:
        settings = entry.group.queue.settings
        enough = enough_called(entry.group, mask)
        return None if enough else call(floor, entry.contact, now + settings.callback_ring_us)
    pick = _choose(floor, entry, mask, now, ask)
    barred = (fitting & away).bit_count() if away else 0
    excluded = floor.index.excluded(entry.group, fitting.bit_count(), barred, entry, now)
    if pick.unnamed:
        excluded["hook"] = pick.unnamed
    return _draft(floor, entry, pick, excluded, now)


def enough_called(group: Group, fitting: int) -> bool:
    """Tell whether a queue calls as many as its agents (a bit each) could take now.

    Nobody is kept free for them, so one more might come to the phone for nobody.
    """
    return group.calls and group.queue.dialing >= fitting.bit_count()


def call(floor: Floor, stream: Stream, due: int) -> Pair:
    """Order to call the customer of a contact; no address is where they came from."""
    leg = LegId(floor.next_id())
    return (stream, LegOrdered(leg, "dial", CUSTOMER, None, Instant(due)))


def apart(floor: Floor, entry: Entry, now: int) -> int:
    """The places of those whom an entry is kept from: backed off, or asked in its round."""
    if entry.asked and entry.add_at > now:
        return ALL
    mask = 0
    for agent_id in (*(entry.barred or ()), *entry.asked):
        if entry.keeps_from(agent_id, now):
            place = floor.agents[agent_id].place
            mask |= 1 << place if place else 0
    return mask


def _choose(floor: Floor, entry: Entry, mask: int, now: int, ask: Ask) -> Pick:
    settings = entry.group.queue.settings
    at = floor.index.at
    eligible = mask.bit_count()
    if ask.ranks:
        pick = _ranked(floor, entry, mask, now, ask)
        if pick is not None:
            return pick
    if settings.strategy == "longest_idle" and not entry.group.agents:
        low = mask & -mask
        agent = at[low.bit_length() - 1]
        rest = mask ^ low
        if not rest:
            return Pick(agent, 1, agent.idle_since)
        second = at[(rest & -rest).bit_length() - 1]
        tie = "agent" if second.idle_since == agent.idle_since else None
        return Pick(agent, eligible, agent.idle_since, second.id, second.idle_since, tie)
    key = key_of(entry)
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
    key = key_of(entry)
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
    order = [known.pop(agent) for agent in ranking.agents if agent in known]
    if not order:
        return None
    unnamed = len(known)
    eligible = mask.bit_count() - unnamed
    hook = (ranking.plugin, order[0].agent, ranking.reason)
    winner = floor.agents[order[0].agent]
    if len(order) == 1:
        return Pick(winner, eligible, order[0].key, hook=hook, unnamed=unnamed)
    second = order[1]
    key_ = order[0].key
    return Pick(winner, eligible, key_, second.agent, second.key, None, hook, unnamed)


def _draft(floor: Floor, entry: Entry, pick: Pick, excluded: dict[str, int], now: int) -> Pair:
    queue = entry.group.queue
    settings = queue.settings
    made = OfferMade(
        OfferId(floor.next_id()),
        entry.id,
        ContactId(entry.contact[8:]),
        pick.agent.id,
        entry.next_round,
        Instant(now + settings.ring_us),
        settings.strategy,
        queue.policy_hash,
        entry.step,
        pick.eligible,
        excluded,
        pick.key,
        pick.runner_up,
        pick.runner_key,
        pick.tie,
        pick.hook,
    )
    return (entry.contact, made)
