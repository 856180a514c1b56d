"""The floor: tables of small machines, and what is derived from them for speed.

Only ``evolve`` writes here. ``dump`` gives the tables as canonical data, ``load`` makes
the same floor of them, index and timers included; a snapshot is that and no more.
"""

from collections import deque
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Final

from .agent import Agent
from .certificate import FOREVER, SkillSettings, next_edge, skills_at
from .channel import DEFAULTS, ChannelSettings
from .contact import IDLE, Contact
from .ids import (
    EPOCH_SHIFT,
    AgentId,
    ContactId,
    EntryId,
    QueueId,
    Stream,
    SubjectId,
    contact_stream,
)
from .link import Link
from .matching import Index
from .mode import Modes
from .offer import ACCEPTED, Offer
from .queue import DIALING, TAKEN, Entry, Queue
from .settings import OfferSettings
from .timer import MACHINE, Timer, Timers

VERSION: Final = 3
"""Of the tables; a snapshot of another one is thrown away."""

KEEP_US: Final = 600_000_000
"""How long what has ended is remembered, to tell a late report from a wrong one."""


LAST_AGENTS_MAX: Final = 65_536
"""Of how many people it is remembered who talked to them last."""

FORGET_EACH_US: Final = 10_000_000


ABOUT_AGENTS: Final = frozenset({"rate", "rona", "certificate", "link"})


def agent_timers(agent: Agent, now: int) -> Iterator[Timer]:
    """Yield the timers that an agent waits for, wrap-ups apart."""
    if agent.rested and agent.rested >= now:
        yield Timer(agent.rested, agent.rested_by, "rate", agent.id)
    if agent.lost_due:
        yield Timer(agent.lost_due, agent.lost_by, "link", agent.id)
    if agent.due_by:
        yield Timer(agent.due, agent.due_by, "rona", agent.id)
    yield from certificate_timers(agent, now)


def certificate_timers(agent: Agent, now: int) -> Iterator[Timer]:
    """Yield the timers of the edges that lie ahead."""
    for skill, records in agent.certificates.items():
        for one in records:
            for edge in one[:2]:
                if edge > now:
                    yield Timer(edge, one.position, "certificate", agent.id, skill)


class Floor:
    """Everything that decide may read."""

    def __init__(self) -> None:
        self.now = 0
        """When the last event was recorded."""
        self.epoch = 0
        self.n = 0
        """How many core ids were given out."""
        self.kind = ""
        self.left_at = 0
        """When the last event of the run before was recorded."""
        self.links: dict[str, Link] = {}
        """Adapter to its connection, once there was something to say of it."""
        self.run_position = -1
        """Of the last ``run.started``."""
        self.contacts: dict[Stream, Contact] = {}
        self.entries: dict[EntryId, Entry] = {}
        self.offers: dict[int, Offer] = {}
        self.agents: dict[str, Agent] = {}
        self.queues: dict[QueueId, Queue] = {}
        self.roles: dict[str, tuple[str, ...]] = {}
        """Who holds which roles, sorted."""
        self.configs: dict[tuple[str, str], bytes] = {}
        """(kind, id) to the hash of the configuration in force."""
        self.modes = Modes()
        self.holds: dict[str, str] = {}
        """Scope of each legal hold to its ground."""
        self.erasing: dict[str, str] = {}
        """Stream of each person whose erasure is not finished to its ground."""
        self.merged: dict[str, tuple[str, ...]] = {}
        """Subjects that are one person: see ``same_person``."""
        self.last_agents: dict[SubjectId, AgentId] = {}
        """Person to who talked to them last, for queues that prefer that agent."""
        self.promised: dict[SubjectId, Stream] = {}
        """Person to the contact whose place is kept for them."""
        self.gave_up: dict[SubjectId, tuple[int, QueueId, int, ContactId]] = {}
        """Who gave up, and until when they may wait on: (until, queue, since, contact)."""
        self.versions: dict[Stream, int] = {}
        """Stream to its next version, for streams that may still grow."""
        self.unrouted = False
        """A queue or a profile changed: who waits may fit someone idle; ``Route`` looks."""
        self.created = 0
        self.closed = 0
        self.ended: dict[int, tuple[int, Stream, int]] = {}
        """Offer to the position that ended it, its contact and its leg, for ``KEEP_US``."""
        self.ended_at: deque[tuple[int, int]] = deque()
        self.closed_at: deque[tuple[int, Stream]] = deque()
        self.met_at: deque[tuple[int, Stream]] = deque()
        """When somebody's key was made: there are as many people as callers."""
        self.forget_at = 0
        self.fired_to = 0
        """Every timer due up to here has been proposed; a later back-off still holds."""
        self.expired_position = -1
        """Of the last ``offer.expired``."""
        self.overflowed = (-1, 0)
        """Position of the last ``queue.left`` by overflow, and since when that entry waited."""
        self.legs: dict[int, Contact] = {}
        self.ringing: dict[int, Offer] = {}
        """Legs of offers, until they are a contact's."""
        self.channels: dict[str, ChannelSettings] = dict(DEFAULTS)
        self.skills: dict[str, SkillSettings] = {}
        self.offering = OfferSettings()
        self.edges: list[tuple[int, AgentId]] = []
        """A heap: when what an agent may be offered changes by itself."""
        self.edge_at = FOREVER
        """The first of them: up to here the index is right."""
        self.index = Index(self.entries)
        self.timers = Timers()
        self.machine_due: dict[tuple[str, Stream], Timer] = {}
        """A plugin's machine and its state to the timer that it set last."""
        self.seeking: dict[Entry, None] = {}
        """Entries that the current decision put into a queue, or back."""
        self.freed: dict[Agent, None] = {}
        """Agents whom the current decision freed or made ready."""
        self.bereft: dict[Contact, None] = {}
        """Contacts that lost the other side of a consultation in the current decision, or
        that have gone on over another channel."""
        self.touched: dict[Contact | Entry | Offer | Agent, None] = {}
        """What the current decision wrote to; the invariants look at these."""

    def next_id(self) -> int:
        """The id that the next thing will get: larger than all before."""
        return (self.epoch << EPOCH_SHIFT) + self.n + 1

    def took_id(self, given: int) -> None:
        """Note that an event gave out an id."""
        n = given & ((1 << EPOCH_SHIFT) - 1)
        if n > self.n:
            self.n = n

    def was_given(self, given: int) -> bool:
        """Tell whether an id may have existed, though nothing is known of it now."""
        return 0 < given >> EPOCH_SHIFT <= self.epoch and given < self.next_id()

    def talked(self, subject: SubjectId, agent: AgentId) -> None:
        """Remember who talked to somebody; the oldest is forgotten."""
        last = self.last_agents
        last.pop(subject, None)
        last[subject] = agent
        if len(last) > LAST_AGENTS_MAX:
            del last[next(iter(last))]

    def forget(self, now: int) -> None:
        """Let go of what ended ``KEEP_US`` ago."""
        before = now - KEEP_US
        self.forget_at = now + FORGET_EACH_US
        ended_at, closed_at = self.ended_at, self.closed_at
        while ended_at and ended_at[0][0] < before:
            self.ended.pop(ended_at.popleft()[1], None)
        while closed_at and closed_at[0][0] < before:
            self.versions.pop(closed_at.popleft()[1], None)
        while self.met_at and self.met_at[0][0] < before:
            person = self.met_at.popleft()[1]
            if self.versions.get(person) == 1:  # Nobody else writes there.
                del self.versions[person]

    # --- what changes by itself -------------------------------------------------------

    def advance(self, now: int) -> None:
        """Bring the index up to date with the time: certificates and rests begin and end.

        Whoever may be offered more from now on is looked at in this decision, or by
        ``Route`` if this one comes to nothing.
        """
        while self.edges and self.edges[0][0] <= now:
            at, name = heappop(self.edges)
            agent = self.agents[name]
            if at == agent.edge_at:
                self.refit(agent, now)
            elif at == agent.rested:
                agent.resting = False
                self.index.status(agent)
            else:  # It was moved since.
                continue
            self.freed[agent] = None
            self.unrouted = True
        self.edge_at = self.edges[0][0] if self.edges else FOREVER

    def refit(self, agent: Agent, now: int) -> None:
        """Take in what of an agent's profile counts now, and whether it rests."""
        agent.resting = agent.rested > now
        agent.skills = skills_at(agent.profile, agent.certificates, self.skills, now)
        self.index.add(agent, self.queues)
        self.index.status(agent)
        at = next_edge(agent.certificates, now)
        if at != agent.edge_at:
            agent.edge_at = at
            self.look_again(agent, at)

    def look_again(self, agent: Agent, at: int) -> None:
        """Note when a skill of an agent's begins or ceases to count, or its rest is over."""
        if at < FOREVER:
            heappush(self.edges, (at, agent.id))
            self.edge_at = self.edges[0][0]

    def refit_all(self, now: int) -> None:
        """Take in what may be different of every agent, and note anew when to look again."""
        self.edges.clear()
        self.edge_at = FOREVER
        for agent in self.agents.values():
            agent.edge_at = FOREVER
            self.refit(agent, now)
            if agent.resting:
                self.look_again(agent, agent.rested)

    def alive(self, timer: Timer) -> bool:
        """Tell whether what set this timer still waits for it."""
        kind, subject = timer[2], timer[3]
        if kind == "ring" or kind == "connect":
            offer = self.offers.get(subject)
            return offer is not None and offer.position == timer[1]
        if kind == "wrapup":
            agent = self.agents.get(subject)
            slot = agent.slots.get(timer[4]) if agent else None
            return slot is not None and slot.position == timer[1]
        if kind == "idle":
            idle = self.contacts.get(contact_stream(subject))
            return (
                idle is not None and idle.phase is IDLE and idle.idle_position == timer[1]
            )
        if kind == "dial":
            contact = self.legs.get(subject)
            leg = contact.other(subject) if contact is not None else None
            return leg is not None and leg.position == timer[1]
        if kind in ABOUT_AGENTS:
            return self._waits(self.agents.get(subject), timer)
        if kind == MACHINE:
            return self.machine_due.get((subject, Stream(timer[4]))) == timer
        entry = self.entries.get(subject)
        if entry is None:
            return False
        if kind == "step":
            return entry.step_position == timer[1]
        if kind == "wait":
            return entry.position == timer[1] and entry.phase is not TAKEN
        if kind == "not_before":
            promise = entry.promise
            return promise is not None and promise.not_before > 0 and promise.position == timer[1]
        if kind == "add":
            return entry.add_by == timer[1] and entry.in_line
        return entry.barred_by is not None and timer[1] in entry.barred_by.values()

    def _waits(self, agent: Agent | None, timer: Timer) -> bool:
        """Tell whether an agent's timer of a certificate, a rest or a return still counts."""
        if agent is None:
            return False
        if timer[2] == "rate":
            return agent.rested_by == timer[1]
        if timer[2] == "link":
            return agent.lost_due > 0 and agent.lost_by == timer[1]
        if timer[2] == "rona":
            return agent.due_by == timer[1]
        records = agent.certificates.get(timer[4], ())
        return any(timer[1] == one.position and timer[0] in one[:2] for one in records)

    def next_timer(self) -> Timer | None:
        return self.timers.first(self.alive)

    def rebuild(self) -> None:
        """Derive index, legs and timers from the tables."""
        self.ringing = {o.leg: o for o in self.offers.values() if o.leg}
        self.index = Index(self.entries)
        self.index.rule(self.queues)
        self.timers = Timers()
        self.legs = {}
        for contact in self.contacts.values():
            for leg in (contact.leg, contact.agent_leg, *(other.id for other in contact.more())):
                if leg:
                    self.legs[leg] = contact
                    self.ringing.pop(leg, None)
        for agent in sorted(self.agents.values(), key=lambda a: a.number):
            agent.place = 0
            self.index.add(agent, self.queues)
        self.refit_all(self.now)
        for agent in sorted(self.agents.values(), key=lambda a: (a.idle_since, a.id)):
            if agent.logged_in and agent.ready:
                self.index.place(agent)
        self._rebuild_entries()
        self._rebuild_promised()
        self._rebuild_timers()

    def _rebuild_entries(self) -> None:
        for entry in self.entries.values():
            old = entry.group
            entry.group = self.index.group(
                old.queue, old.channel, old.need.text, old.agents, old.calls
            )
            if entry.in_line:
                self.index.join(entry)

    def _rebuild_promised(self) -> None:
        self.promised = {}
        for queue in self.queues.values():
            queue.dialing = 0
        for entry in self.entries.values():
            subject = self.contacts[entry.contact].subject
            if entry.promise is not None and subject is not None:
                self.promised[subject] = entry.contact
            if entry.phase is DIALING:
                entry.group.queue.dialing += 1

    def _rebuild_timers(self) -> None:
        found = list(self.machine_due.values())
        for one in self.contacts.values():
            if one.phase is IDLE:
                found.append(Timer(one.idle_due, one.idle_position, "idle", one.id))
            for leg in one.more():
                if leg.due:
                    found.append(Timer(leg.due, leg.position, "dial", leg.id))
        for offer in self.offers.values():
            if offer.due:
                kind = "connect" if offer.phase is ACCEPTED else "ring"
                found.append(Timer(offer.due, offer.position, kind, offer.id))
        for agent in self.agents.values():
            for contact, slot in agent.slots.items():
                if slot.due:
                    found.append(Timer(slot.due, slot.position, "wrapup", agent.id, contact))
            found.extend(agent_timers(agent, self.now))
        for entry in self.entries.values():
            if entry.due:
                found.append(Timer(entry.due, entry.position, "wait", entry.id))
            if entry.step_due:
                found.append(Timer(entry.step_due, entry.step_position, "step", entry.id))
            if entry.promise is not None and entry.promise.not_before:
                kept = entry.promise
                found.append(Timer(kept.not_before, kept.position, "not_before", entry.id))
            if entry.add_at:
                found.append(Timer(entry.add_at, entry.add_by, "add", entry.id))
            for agent_id, until in (entry.barred or {}).items():
                set_by = (entry.barred_by or {})[agent_id]
                if until != FOREVER:
                    found.append(Timer(until, set_by, "backoff", entry.id))
        self.timers.heap = sorted(found)

    def agent(self, agent: AgentId) -> Agent | None:
        return self.agents.get(agent)
