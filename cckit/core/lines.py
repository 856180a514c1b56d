"""Who waits for what: groups of those who need the same, and their lines.

A group is a bit: ``agent.fits`` against ``waiting``. Groups come and go with needs: the
number of one that nobody waits in is given to another in the end, so sets stay as wide as
the floor is. Groups of a few named agents are short-lived and have no bit; those agents
know them.
"""

from collections.abc import Iterator
from typing import Final

from .ids import AgentId
from .queue import Group, GroupKey

IDLE_MAX: Final = 4096
"""Groups that are kept though nobody waits in them."""
CHANGES_MAX: Final = 16_384
"""Changed groups that agents take in one by one; who is further behind looks at all."""


class Lines:
    """Groups by number and by need, and those in which somebody waits."""

    def __init__(self) -> None:
        self.groups: list[Group] = []
        """By number."""
        self.by_need: dict[GroupKey, Group] = {}
        self.idle: dict[Group, None] = {}
        """Groups with a number in which nobody waits, the longest first."""
        self.changed: list[int] = []
        """Numbers of groups as they came, of which agents take in what they don't know."""
        self.forgotten = 0
        """How many changes came before those in ``changed``."""
        self.named: dict[Group, None] = {}
        """Groups of named agents: only those in which somebody waits."""
        self.asked: dict[AgentId, dict[Group, None]] = {}
        """Agent to those of ``named`` that name it."""
        self.waiting = 0
        """A bit for each group with someone waiting."""

    def number(self, group: Group) -> Group | None:
        """Give a group a bit: a new one, or that of who has long been without anybody.

        :returns: whose bit it was, which is a group no more.
        """
        idle = self.idle
        old = None
        if len(idle) > IDLE_MAX:
            old = next(iter(idle))
            del idle[old], self.by_need[old.key]
            group.number, old.number = old.number, -1
            self.groups[group.number] = group
        else:
            group.number = len(self.groups)
            self.groups.append(group)
        self.by_need[group.key] = group
        idle[group] = None
        if len(self.changed) >= CHANGES_MAX:
            self.forgotten += len(self.changed)
            self.changed.clear()
        self.changed.append(group.number)
        return old

    def begin(self, group: Group) -> None:
        """Note that somebody comes to a group in which nobody waited."""
        if group.agents:
            self.by_need[group.key] = group
            self.named[group] = None
            for agent in group.agents:
                self.asked.setdefault(agent, {})[group] = None
        else:
            del self.idle[group]
            self.waiting |= 1 << group.number

    def end(self, group: Group) -> None:
        """Note that the last one left a group."""
        if group.agents:
            del self.by_need[group.key], self.named[group]
            for agent in group.agents:
                asked = self.asked[agent]
                del asked[group]
                if not asked:
                    del self.asked[agent]
        else:
            self.idle[group] = None
            self.waiting &= ~(1 << group.number)

    def lines(self) -> Iterator[Group]:
        """Yield the groups in which somebody waits."""
        for number in places(self.waiting):
            yield self.groups[number]
        yield from self.named


def bits(at: list[int]) -> int:
    """The set of these places; one pass, where adding bit by bit copies the set each time."""
    if not at:
        return 0
    found = bytearray(max(at) // 8 + 1)
    for place in at:
        found[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(found, "little")


def places(mask: int) -> Iterator[int]:
    """The set bits, lowest (longest idle) first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
