"""Who fits what, as integer bitsets: the cost does not grow with those who wait.

Two spaces of bits. *Numbers* stand for agents for ever; they count who is excluded and
why. *Places* stand for the order of idleness: an agent takes the next place when it
turns idle, so among any set of agents the lowest bit is the longest idle. A bit in a
skill's set may be stale (the agent has a later place by now): only the places in
``open`` count, and every search starts from there.

The other direction is a bit a group: ``agent.fits`` against ``waiting``.
"""

from collections.abc import Iterator
from typing import Final

from .agent import Agent
from .ids import AgentId, EntryId, QueueId
from .need import Atom, parse
from .queue import Entry, Group, Queue

SPARE: Final = 1024


class Index:
    """Derived from the tables; a snapshot does not hold it."""

    def __init__(self, entries: dict[EntryId, Entry]) -> None:
        self.entries = entries
        self.agents: list[Agent] = []
        self.at: dict[int, Agent] = {}
        """Place to agent: everybody who is logged in and ready, in order of idleness."""
        self.top = 0
        self.last: Agent | None = None
        self.open: dict[str, int] = {}
        """Channel to the places of those who could take one more now."""
        self.held: dict[Atom, int] = {}
        """(skill, level) or (queue, 0) to the places of those who have it."""
        self.groups: list[Group] = []
        self.by_need: dict[tuple[str, str, str], Group] = {}
        self.waiting = 0
        """A bit for each group with someone waiting."""
        self.logged_in = 0
        self.ready = 0
        self.leaving = 0
        self.on: dict[str, int] = {}
        self.free: dict[str, int] = {}
        self.members: dict[str, int] = {}

    # --- agents ---------------------------------------------------------------------

    def add(self, agent: Agent, queues: dict[QueueId, Queue]) -> None:
        """Take in an agent, or its changed profile."""
        if agent.number == len(self.agents):
            self.agents.append(agent)
        bit = 1 << agent.number
        for queue in queues.values():
            before = self.members.get(queue.id, 0)
            member = is_member(agent.id, queue)
            self.members[queue.id] = before | bit if member else before & ~bit
        agent.fits = agent.known = 0
        agent.keys = [key for key in self.held if self.holds(agent, key)]
        if agent.place:
            place = 1 << agent.place
            for key in self.held:
                self.held[key] &= ~place
            for key in agent.keys:
                self.held[key] |= place
        self.refresh(agent)

    def requeue(self, queue: Queue, queues: dict[QueueId, Queue]) -> None:
        """Take in a queue, or its changed settings."""
        for agent in self.agents:
            self.add(agent, queues)
        self.members.setdefault(queue.id, 0)

    def status(self, agent: Agent) -> None:
        """Take in that the agent logged in or out, or changed its readiness."""
        bit = 1 << agent.number
        self.logged_in = self.logged_in | bit if agent.logged_in else self.logged_in & ~bit
        self.ready = self.ready | bit if agent.ready else self.ready & ~bit
        self.leaving = self.leaving | bit if agent.next_status else self.leaving & ~bit
        for channel in set(agent.on) | set(self.on):
            on = self.on.get(channel, 0)
            self.on[channel] = on | bit if channel in agent.on else on & ~bit
        if not agent.ready and agent.place:
            self.leave(agent)
        self.refresh(agent)

    def refresh(self, agent: Agent) -> None:
        """Take in what the agent could take now."""
        number = 1 << agent.number
        place = 1 << agent.place if agent.place else 0
        open_, free = self.open, self.free
        for channel in agent.on or self.open:
            if place and agent.can_take(channel):
                open_[channel] = open_.get(channel, 0) | place
            elif channel in open_:
                open_[channel] &= ~place
            cost = agent.costs.get(channel)
            if cost is not None and agent.used + cost <= agent.budget:
                free[channel] = free.get(channel, 0) | number
            elif channel in free:
                free[channel] &= ~number

    def leave(self, agent: Agent) -> None:
        """Take the agent out of the order of idleness."""
        place = 1 << agent.place
        for channel in self.open:
            self.open[channel] &= ~place
        del self.at[agent.place]
        agent.place = 0
        if self.last is agent:
            self.last = None

    def place(self, agent: Agent) -> None:
        """Put an agent that has just turned idle behind all others.

        Of two that turned idle at the same instant the smaller id goes first.
        """
        if agent.place:
            self.leave(agent)
        if self.top > SPARE + 4 * len(self.agents):
            self.compact()
        last = self.last
        if last is not None and last.idle_since == agent.idle_since and last.id > agent.id:
            self.squeeze(agent)
            return
        self.top += 1
        self._put(agent, self.top)
        self.last = agent

    def squeeze(self, agent: Agent) -> None:
        """Put an agent before those with its idle instant and a larger id."""
        since = agent.idle_since
        same = [a for a in self.at.values() if a.idle_since == since]
        for other in same:
            self.leave(other)
        for other in sorted([*same, agent], key=lambda a: a.id):
            self.top += 1
            self._put(other, self.top)
            self.last = other

    def compact(self) -> None:
        """Give out the places again, from 1, in the same order."""
        order = [self.at[place] for place in sorted(self.at)]
        self.at.clear()
        found: dict[Atom, list[int]] = {key: [] for key in self.held}
        for place, agent in enumerate(order, 1):
            agent.place = place
            self.at[place] = agent
            for key in agent.keys:
                found[key].append(place)
        self.held = {key: bits(at) for key, at in found.items()}
        self.open = {
            channel: bits([a.place for a in order if a.can_take(channel)]) for channel in self.open
        }
        self.top = len(order)
        self.last = order[-1] if order else None

    def _put(self, agent: Agent, place: int) -> None:
        agent.place = place
        self.at[place] = agent
        bit = 1 << place
        held = self.held
        for key in agent.keys:
            held[key] |= bit
        self.refresh(agent)

    # --- needs ----------------------------------------------------------------------

    def group(self, queue: Queue, channel: str, text: str) -> Group:
        """The group of what waits in this queue and needs this."""
        key = (queue.id, channel, text)
        found = self.by_need.get(key)
        if found is None:
            found = Group(len(self.groups), queue, channel, parse(text), self.entries)
            self.groups.append(found)
            self.by_need[key] = found
            for atom in found.need.atoms:
                self.track(atom)
            self.track((queue.id, 0))
        return found

    def track(self, key: Atom) -> None:
        """Begin to keep the set of those who have this."""
        if key in self.held:
            return
        mask = 0
        for agent in self.agents:
            if self.holds(agent, key):
                agent.keys.append(key)
                if agent.place:
                    mask |= 1 << agent.place
        self.held[key] = mask

    def holds(self, agent: Agent, key: Atom) -> bool:
        name, level = key
        if level:
            return agent.skills.get(name, 0) >= level
        return bool(self.members.get(name, 0) >> agent.number & 1)

    def candidates(self, group: Group) -> int:
        """The places of those who could be offered this group's next entry now."""
        mask = self.open.get(group.channel, 0)
        if mask:
            mask &= self.held[group.queue.id, 0]
            if mask and group.need.tree is not None:
                mask = group.need.mask(self.held.__getitem__, mask)
        return mask

    def suits(self, agent: Agent) -> int:
        """A bit for each group that the agent could serve, were it idle."""
        if agent.known < len(self.groups):
            skills = agent.skills
            for group in self.groups[agent.known :]:
                tree = group.need.tree
                if tree is not None:
                    skill, level = tree
                    if isinstance(level, int):  # Most needs are one skill.
                        if skills.get(skill, 0) < level:
                            continue
                    elif not group.need.fits(skills):
                        continue
                member = self.members.get(group.queue.id, 0) >> agent.number & 1
                if member and group.channel in agent.costs:
                    agent.fits |= 1 << group.number
            agent.known = len(self.groups)
        return agent.fits

    def excluded(self, group: Group, fitting: int, barred: int) -> dict[str, int]:
        """Count those who could not have it by the first reason that holds.

        :param fitting: how many could take it, back-off apart.
        :param barred: how many of those are in back-off.
        """
        channel = group.channel
        everyone = len(self.agents)
        here = self.members.get(group.queue.id, 0)
        rest = here.bit_count()
        counts = {"not_member": everyone - rest} if rest != everyone else {}
        willing = here & self.logged_in & self.ready & ~self.leaving & self.on.get(channel, 0)
        if willing != here:
            rest = self._unwilling(here, channel, counts)
        left = (willing & self.free.get(channel, 0)).bit_count()
        if left != rest:
            counts["capacity"] = rest - left
        if left != fitting:
            counts["skill"] = left - fitting
        if barred:
            counts["backoff"] = barred
        return counts

    def _unwilling(self, here: int, channel: str, counts: dict[str, int]) -> int:
        """Count who is away, by the first reason; return how many are not."""
        rest = here.bit_count()
        for reason, keep in (
            ("logged_out", self.logged_in),
            ("not_ready", self.ready),
            ("next_status", ~self.leaving),
            ("channel", self.on.get(channel, 0)),
        ):
            here &= keep
            left = here.bit_count()
            if left != rest:
                counts[reason] = rest - left
                rest = left
        return rest


def is_member(agent: AgentId, queue: Queue) -> bool:
    """Tell whether the queue's settings name this agent, or all."""
    agents = queue.settings.agents
    return agent in agents or "*" in agents


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
