"""What each strategy makes of an agent: an integer, the least wins.

``ordered``, ``parallel`` and ``progressive`` stand on another strategy (``then``): its key
comes after the agent's tier, and both after whether a round that failed while connecting
had asked the agent. All three are one integer, so the record of an offer stays a key that
is the least.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Final

from cckit.core.agent import Agent
from cckit.core.queue import Entry
from cckit.core.settings import SEVERAL

Key = Callable[[Agent, Entry, int], int]


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
    text = f"{entry.id}/{entry.next_round}/{agent.id}".encode()
    return int.from_bytes(sha256(entry.group.queue.policy_hash + text).digest()[:6])


TIER: Final = 1 << 54
"""More than any strategy's key: an instant, an id (epochs to a million), 48 bits of a hash."""
MAX_TIER: Final = 99
LAST: Final = MAX_TIER + 1
"""The tier of who has none."""
AGAIN: Final = TIER * (LAST + 1)

STRATEGIES: Final[dict[str, Key]] = {
    "longest_idle": longest_idle,
    "least_occupied": least_occupied,
    "round_robin": round_robin,
    "fewest_contacts": fewest_contacts,
    "least_talk_time": least_talk_time,
    "best_skill": best_skill,
    "random": random,
}

TIERED: Final = ("ordered", *sorted(SEVERAL))
"""Strategies that stand on another one."""
NAMES: Final = (*STRATEGIES, *TIERED)
"""All that a queue may name."""


def key_of(entry: Entry) -> Key:
    """How the entry's queue orders agents now."""
    group, settings = entry.group, entry.group.queue.settings
    stands = settings.strategy in TIERED
    then = STRATEGIES[settings.then if stands else settings.strategy]
    tiers = settings.tiers if stands else {}
    if group.agents:  # A step that names agents asks them in its own order.
        tiers = {agent: n for n, agent in enumerate(group.agents)}
    again = entry.again
    if not tiers and not again:
        return then

    def tiered(agent: Agent, entry: Entry, now: int) -> int:
        place = tiers.get(agent.id, LAST) * TIER + then(agent, entry, now)
        return place - AGAIN if agent.id in again else place

    return tiered
