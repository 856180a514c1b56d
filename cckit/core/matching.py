"""Who fits what, as integer bitsets: the cost does not grow with those who wait.

Two spaces of bits. *Numbers* stand for agents for ever; they count who is excluded and
why. *Places* stand for the order of idleness: an agent takes the next place when it
turns idle, so among any set of agents the lowest bit is the longest idle. A bit in a
skill's set may be stale (the agent has a later place by now): only the places in
``open`` count, and every search starts from there.

The other direction is a bit a group: ``agent.fits`` against ``waiting``. Groups come and
go with needs: the number of one that nobody waits in is given to another in the end, so
sets stay as wide as the floor is. Groups of a few named agents are short-lived and have no
bit; those agents know them.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from .agent import Agent
from .ids import AgentId, EntryId, QueueId
from .need import Atom, Need, parse
from .queue import Entry, Group, GroupKey, Queue, Rank
from .settings import ACCEPT

SPARE: Final = 1024
IDLE_MAX: Final = 4096
"""Groups that are kept though nobody waits in them."""
CHANGES_MAX: Final = 16_384
"""Changed groups that agents take in one by one; who is further behind looks at all."""


class Index:
    """Derived from the tables; a snapshot does not hold it."""

    def __init__(self, entries: dict[EntryId, Entry]) -> None:
        self.entries = entries
        self.agents: list[Agent] = []
        self.by_id: dict[AgentId, Agent] = {}
        self.at: dict[int, Agent] = {}
        """Place to agent: everybody who is logged in and ready, in order of idleness."""
        self.top = 0
        self.last: Agent | None = None
        self.open: dict[str, int] = {}
        """Channel to the places of those who could take one more now."""
        self.held: dict[Atom, int] = {}
        """(skill, level) or (queue, 0) to the places of those who have it."""
        self.able: dict[Atom, int] = {}
        """(skill, level) to the numbers of those who have it, ready or not."""
        self.having: dict[int, list[Atom]] = {}
        """Number to the keys of ``able`` that the agent is in."""
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
        self.weighted = False
        """Whether the queues' weights differ."""
        self.leaves_empty = False
        """Whether some queue lets go of those whom nobody signed in could serve."""
        self.logged_in = 0
        self.ready = 0
        self.leaving = 0
        self.lost = 0
        """Numbers of those whose desk or device can't be reached."""
        self.resting = 0
        """Numbers of those who had as many offers as they may have for now."""
        self.lapsed = 0
        """Numbers of those of whose skills some do not count now."""
        self.on: dict[str, int] = {}
        self.free: dict[str, int] = {}
        self.members: dict[str, int] = {}

    # --- agents ---------------------------------------------------------------------

    def add(self, agent: Agent, queues: dict[QueueId, Queue]) -> None:
        """Take in an agent, or its changed profile."""
        if agent.number == len(self.agents):
            self.agents.append(agent)
            self.by_id[agent.id] = agent
        bit = 1 << agent.number
        lapsed = agent.skills != agent.profile
        self.lapsed = self.lapsed | bit if lapsed else self.lapsed & ~bit
        able = self.able
        for atom in self.having.get(agent.number, ()):
            able[atom] &= ~bit
        having = [(skill, n) for skill, top in agent.profile.items() for n in range(1, top + 1)]
        for atom in having:  # A certificate may come.
            able[atom] = able.get(atom, 0) | bit
        self.having[agent.number] = having
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
        self.rule(queues)

    def rule(self, queues: dict[QueueId, Queue]) -> None:
        """Take in what the queues say together of weights and of letting go."""
        rules = [one.settings for one in queues.values()]
        self.weighted = any(one.weight != 1 for one in rules)
        self.leaves_empty = any(one.leave_empty != ACCEPT for one in rules)

    def status(self, agent: Agent) -> None:
        """Take in that the agent logged in or out, or changed its readiness."""
        bit = 1 << agent.number
        self.logged_in = self.logged_in | bit if agent.logged_in else self.logged_in & ~bit
        self.ready = self.ready | bit if agent.ready else self.ready & ~bit
        self.leaving = self.leaving | bit if agent.next_status else self.leaving & ~bit
        self.lost = self.lost | bit if agent.lost else self.lost & ~bit
        self.resting = self.resting | bit if agent.resting else self.resting & ~bit
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
        on = agent.on
        available = place and on and agent.available
        agent.open = False
        for channel in on or open_:
            room = agent.has_room(channel)
            if room and available:
                open_[channel] = open_.get(channel, 0) | place
                agent.open = True
            elif channel in open_:
                open_[channel] &= ~place
            if room:
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

    def group(
        self,
        queue: Queue,
        channel: str,
        text: str,
        agents: tuple[AgentId, ...] = (),
        calls: bool = False,
    ) -> Group:
        """The group of what waits in this queue and needs this."""
        key = (queue.id, channel, text, agents, calls)
        found = self.by_need.get(key)
        if found is None:
            found = Group(-1, queue, channel, parse(text), agents, calls)
            for atom in found.need.atoms:
                self.track(atom)
            self.track((queue.id, 0))
            if not agents:
                self.by_need[key] = found
                self._number(found)
        return found

    def probe(self, queue: Queue, channel: str, text: str) -> Group:
        """Make a group of nobody, to ask who could serve it: nobody waits in it."""
        made = Group(-1, queue, channel, parse(text))
        for atom in (*made.need.atoms, (queue.id, 0)):
            self.track(atom)
        return made

    def prepare(self, need: Need) -> None:
        """Keep the sets of who has what, before somebody waits for it."""
        for atom in need.atoms:
            if atom not in self.held:
                self.track(atom)

    def _number(self, group: Group) -> None:
        """Give a group a bit: a new one, or that of who has long been without anybody."""
        idle = self.idle
        if len(idle) > IDLE_MAX:
            old = next(iter(idle))
            del idle[old], self.by_need[old.key]
            group.number, old.number = old.number, -1
            self.groups[group.number] = group
        else:
            group.number = len(self.groups)
            self.groups.append(group)
        idle[group] = None
        if len(self.changed) >= CHANGES_MAX:
            self.forgotten += len(self.changed)
            self.changed.clear()
        self.changed.append(group.number)

    def join(self, entry: Entry) -> None:
        """Put an entry into the line of its group."""
        group = entry.group
        if group.number < 0:
            group = entry.group = self._at_hand(group)
        if not group.line:
            if group.agents:
                self.by_need[group.key] = group
                self.named[group] = None
                for agent in group.agents:
                    self.asked.setdefault(agent, {})[group] = None
            else:
                del self.idle[group]
                self.waiting |= 1 << group.number
        group.add(entry)

    def _at_hand(self, group: Group) -> Group:
        """The group with this key that is in use: another may have been made since."""
        return self.group(group.queue, group.channel, group.need.text, group.agents, group.calls)

    def part(self, entry: Entry) -> None:
        """Take an entry out of the line of its group."""
        group = entry.group
        group.remove(entry)
        if group.line:
            return
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

    def lines_for(self, agent: Agent) -> list[Group]:
        """Those that the agent could serve, were it idle."""
        bits = self.suits(agent) & self.waiting
        groups = self.groups
        found = []
        while bits:
            low = bits & -bits
            bits ^= low
            found.append(groups[low.bit_length() - 1])
        if self.asked:
            named = self.asked.get(agent.id, ())
            found += [group for group in named if self.suit(agent, group)]
        return found

    def order(self, group: Group, rank: Rank, now: int) -> Rank:
        """What decides between entries of different groups: the least goes first.

        Lane, then ``weight * (now - since + priority * head_start_us)``, since, entry.
        While all queues weigh the same, ``now`` makes no difference, and the rank is that.
        """
        if not self.weighted:
            return rank
        return (rank[0], group.queue.settings.weight * (rank[1] - now), rank[2], rank[3])

    def track(self, key: Atom) -> None:
        """Begin to keep the set of those who have this."""
        if key in self.held:
            return
        name, level = key
        found = []
        for number in places(self.able.get(key, 0) if level else self.members.get(name, 0)):
            agent = self.agents[number]
            if self.holds(agent, key):
                agent.keys.append(key)
                if agent.place:
                    found.append(agent.place)
        self.held[key] = bits(found)

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
            if mask and group.agents:
                mask &= self._places(group.agents)
            if mask and group.need.tree is not None:
                mask = group.need.mask(self.held.__getitem__, mask)
        return mask

    def _places(self, agents: Sequence[AgentId]) -> int:
        mask = 0
        for one in agents:
            agent = self.by_id.get(one)
            if agent is not None and agent.place:
                mask |= 1 << agent.place
        return mask

    def suits(self, agent: Agent) -> int:
        """A bit for each group that the agent could serve, were it idle."""
        known, changed = agent.known - self.forgotten, self.changed
        if known < len(changed):
            fits = agent.fits
            for number in changed[known:] if known >= 0 else range(len(self.groups)):
                bit = 1 << number
                fits = fits | bit if self.suit(agent, self.groups[number]) else fits & ~bit
            agent.fits = fits
            agent.known = self.forgotten + len(changed)
        return agent.fits

    def suit(self, agent: Agent, group: Group) -> bool:
        """Tell whether the agent could serve this group, were it idle."""
        if group.channel not in agent.costs:
            return False
        tree = group.need.tree
        if tree is not None:
            skill, level = tree
            if isinstance(level, int):  # Most needs are one skill.
                if agent.skills.get(skill, 0) < level:
                    return False
            elif not group.need.fits(agent.skills):
                return False
        return bool(self.members.get(group.queue.id, 0) >> agent.number & 1)

    def could(self, queue: Queue, channel: str, need: Need, agents: Sequence[AgentId] = ()) -> int:
        """The numbers of those who could ever serve this, signed in or not."""
        mask = self.members.get(queue.id, 0)
        if agents:
            known = [self.by_id[one].number for one in agents if one in self.by_id]
            mask &= bits(known)
        if mask and need.tree is not None:
            able = self.able
            mask = need.mask(lambda atom: able.get(atom, 0), mask)
        while mask:  # Nearly always the first one serves the channel.
            low = mask & -mask
            if channel in self.agents[low.bit_length() - 1].costs:
                return mask
            mask ^= low
        return 0

    def staffed(
        self, queue: Queue, channel: str, need: Need, agents: Sequence[AgentId] = ()
    ) -> bool:
        """Tell whether somebody signed in for the channel could ever serve this."""
        mask = self.could(queue, channel, need, agents)
        return bool(mask & self.logged_in & self.on.get(channel, 0))

    def excluded(
        self, group: Group, fitting: int, barred: int, entry: Entry | None = None, now: int = 0
    ) -> dict[str, int]:
        """Count those who could not have it by the first reason that holds.

        :param fitting: how many could take it, back-off apart.
        :param barred: how many of those are in back-off.
        :param entry: whose back-offs those are; None, if there are none.
        """
        channel = group.channel
        everyone = len(self.agents)
        here = self.members.get(group.queue.id, 0)
        if group.agents:
            here &= bits([self.by_id[one].number for one in group.agents if one in self.by_id])
        rest = here.bit_count()
        counts = {"not_member": everyone - rest} if rest != everyone else {}
        willing = here & self.logged_in & self.ready & ~self.leaving & self.on.get(channel, 0)
        willing &= ~self.lost
        if willing != here:
            rest = self._unwilling(here, channel, counts)
        free = willing & self.free.get(channel, 0)
        left = free.bit_count()
        if left != rest:
            counts["capacity"] = rest - left
        if left != fitting:
            few = free & (self.lapsed | self.resting)
            later = self._later(group, few, entry, now) if few else {}
            skill = left - fitting - sum(later.values())
            if skill:
                counts["skill"] = skill
            counts.update(later)
        if barred:
            counts["backoff"] = counts.get("backoff", 0) + barred
        return counts

    def _later(self, group: Group, few: int, entry: Entry | None, now: int) -> dict[str, int]:
        """Count, of agents of whom some skill does not count now or who rest, why they can't."""
        counts: dict[str, int] = {}
        for number in places(few):
            agent = self.agents[number]
            if not group.need.fits(agent.skills):
                reason = "certificate" if group.need.fits(agent.profile) else ""
            elif not agent.resting:
                continue
            else:
                reason = "backoff" if entry and entry.keeps_from(agent.id, now) else "rate"
            if reason:
                counts[reason] = counts.get(reason, 0) + 1
        return counts

    def _unwilling(self, here: int, channel: str, counts: dict[str, int]) -> int:
        """Count who is away, by the first reason; return how many are not."""
        rest = here.bit_count()
        for reason, keep in (
            ("logged_out", self.logged_in),
            ("not_ready", self.ready),
            ("next_status", ~self.leaving),
            ("link", ~self.lost),
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
