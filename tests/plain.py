"""What the floor computes fast, computed slowly: by trying everything."""

from collections.abc import Mapping

from cckit.core.agent import Agent
from cckit.core.channel import ChannelSettings
from cckit.core.floor import Floor

Channels = Mapping[str, ChannelSettings]
Slots = list[tuple[str, int]]
"""Channel and cost of each contact at hand."""


def counted(slots: Slots, channels: Channels) -> int:
    """What counts while all of them are there."""
    rules = [channels[name].interrupts if name in channels else () for name, _ in slots]
    return sum(cost for name, cost in slots if not any(name in rule for rule in rules))


def worst(slots: Slots, channels: Channels) -> int:
    """The most that counts in any way that some of them end."""
    subsets = range(1 << len(slots))
    return max(
        counted([slot for n, slot in enumerate(slots) if mask >> n & 1], channels)
        for mask in subsets
    )


def has_room(slots: Slots, budget: int, channel: str, cost: int, channels: Channels) -> bool:
    """Tell whether one more fits: now, whatever ends, within the maximum, and not to wait."""
    rule = channels.get(channel, ChannelSettings())
    if rule.maximum and sum(name == channel for name, _ in slots) >= rule.maximum:
        return False
    if any(channel in channels[name].interrupts for name, _ in slots if name in channels):
        return False
    return worst([*slots, (channel, cost)], channels) <= budget


def skills_of(floor: Floor, agent: Agent, now: int) -> dict[str, int]:
    """What of a profile counts at an instant."""
    found = {}
    for skill, level in agent.profile.items():
        records = agent.certificates.get(skill)
        if records is not None:
            counts = any(now in range(one.from_at, one.until) for one in records)
        else:
            counts = skill not in floor.skills or not floor.skills[skill].certificate
        if counts:
            found[skill] = level
    return found
