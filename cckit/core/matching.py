"""Who fits what, as integer bitsets: the cost does not grow with those who wait.

Two spaces of bits. *Numbers* stand for agents for ever; they count who is excluded and
why. *Places* stand for the order of idleness: an agent takes the next place when it
turns idle, so among any set of agents the lowest bit is the longest idle. A bit in a
skill's set may be stale (the agent has a later place by now): only the places in
``open`` count, and every search starts from there.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from .agent import Agent
from .ids import AgentId, EntryId, QueueId
from .lines import Lines, bits, places
from .need import Atom, Need, parse
from .queue import Entry, Group, Queue, Rank
from .settings import ACCEPT

SPARE: Final = 1024


class Held(dict[Atom, int]):
    """What is had to the places of those who have it: kept while a group asks, else looked up."""

    def __init__(self, look_up: Callable[[Atom], int]) -> None:
        super().__init__()
        self.look_up = look_up

    def __missing__(self, key: Atom) -> int:
        return self.look_up(key)


class Index(Lines):
    """Derived from the tables; a snapshot does not hold it."""

    def __init__(self, entries: dict[EntryId, Entry]) -> None:
        super().__init__()
        self.entries = entries
        self.agents: list[Agent] = []
        self.by_id: dict[AgentId, Agent] = {}
        self.at: dict[int, Agent] = {}
        """Place to agent: everybody who is logged in and ready, in order of idleness."""
        self.top = 0
        self.last: Agent | None = None
        self.open: dict[str, int] = {}
        """Channel to the places of those who could take one more now."""
        self.held = Held(self._places_of)
        """(skill, level) or (queue, 0) to the places of those who have it."""
        self.asking: dict[Atom, int] = {}
        """How many groups ask for what ``held`` keeps."""
        self.able: dict[Atom, int] = {}
        """(skill, level) to the numbers of those who have it, ready or not."""
        self.having: dict[int, list[Atom]] = {}
        """Number to the keys of ``able`` that the agent is in."""
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
        """Take in a queue, or its changed settings: it costs its own members only."""
        before = self.members.get(queue.id, 0)
        if "*" in queue.settings.agents:
            here = (1 << len(self.agents)) - 1
        else:
            known = map(self.by_id.get, map(AgentId, queue.settings.agents))
            here = bits([agent.number for agent in known if agent is not None])
        self.members[queue.id] = here
        key = (queue.id, 0)
        for number in places(before ^ here):
            agent = self.agents[number]
            agent.fits = agent.known = 0
            if key in self.held:
                place = 1 << agent.place if agent.place else 0
                if here >> number & 1:
                    agent.keys.append(key)
                    self.held[key] |= place
                else:
                    agent.keys.remove(key)
                    self.held[key] &= ~place
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
        self.held.update((key, bits(at)) for key, at in found.items())
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
            if not agents:
                self.track(found)
                gone = self.number(found)
                if gone is not None:
                    self.untrack(gone)
        return found

    def probe(self, queue: Queue, channel: str, text: str) -> Group:
        """Make a group of nobody, to ask who could serve it: nobody waits in it."""
        return Group(-1, queue, channel, parse(text))

    def join(self, entry: Entry) -> None:
        """Put an entry into the line of its group."""
        group = entry.group
        if group.number < 0:
            group = entry.group = self._at_hand(group)
        if not group.line:
            if group.agents:
                self.track(group)
            self.begin(group)
        group.add(entry)

    def _at_hand(self, group: Group) -> Group:
        """The group with this key that is in use: another may have been made since."""
        return self.group(group.queue, group.channel, group.need.text, group.agents, group.calls)

    def part(self, entry: Entry) -> None:
        """Take an entry out of the line of its group."""
        group = entry.group
        group.remove(entry)
        if not group.line:
            self.end(group)
            if group.agents:
                self.untrack(group)

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

    def track(self, group: Group) -> None:
        """Keep the sets of those who have what a group asks for."""
        asking = self.asking
        for key in (*group.need.atoms, (group.queue.id, 0)):
            asking[key] = asking.get(key, 0) + 1
            if key not in self.held:
                self.held[key] = self._places_of(key)
                for agent in self._holders(key):
                    agent.keys.append(key)

    def untrack(self, group: Group) -> None:
        """Let go of the sets that no other group asks for."""
        asking = self.asking
        for key in (*group.need.atoms, (group.queue.id, 0)):
            asking[key] -= 1
            if not asking[key]:
                del asking[key], self.held[key]
                for agent in self._holders(key):
                    agent.keys.remove(key)

    def _holders(self, key: Atom) -> Iterator[Agent]:
        name, level = key
        for number in places(self.able.get(key, 0) if level else self.members.get(name, 0)):
            agent = self.agents[number]
            if self.holds(agent, key):
                yield agent

    def _places_of(self, key: Atom) -> int:
        return bits([agent.place for agent in self._holders(key) if agent.place])

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
