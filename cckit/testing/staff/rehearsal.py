"""A plan, played: the production floor with as many agents as each interval is to have.

Where an interval has fewer agents than the one before, those with the highest numbers log
out; who is talking leaves after that call. Where it has more, they log in at its first
instant. The agents of the last interval stay until nobody waits.
"""

from collections.abc import Sequence
from typing import NamedTuple

import attrs

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.events import Actor
from cckit.core.ids import AgentId, EntryId, Stream
from cckit.core.instant import Instant
from cckit.core.reports.zone import Buckets
from cckit.core.settings import QueueSettings
from cckit.testing.traffic import Traffic
from cckit.testing.world import World


class Post(NamedTuple):
    """How many agents are there from an instant on."""

    at: Instant
    agents: int


@attrs.define
class Played:
    """What happened to those who came in one interval, and how busy its agents were."""

    entered: int = 0
    answered: int = 0
    in_time: int = 0
    """Answered within the target's time."""
    abandoned: int = 0
    waited_us: int = 0
    """By those who were answered."""
    busy_us: int = 0
    """Talk and wrap-up that fell into the interval."""


def rehearse(
    traffic: Traffic, posts: Sequence[Post], intervals: Buckets, within_us: int, seed: int
) -> list[Played]:
    """Play traffic against a plan; one of ``Played`` for each interval.

    ``posts`` rise in time, the first at the traffic's start. Rings and connections take no
    time, and wrap-up counts as talk: whoever is served keeps an agent for the handling time.

    .. versionadded:: 0.3
    """
    world = World(seed, traffic=traffic)
    for queue in traffic.queues:
        world.queue(queue, QueueSettings(wrapup_us=0))
    crew = _Crew(world, max(post.agents for post in posts))
    for post in posts:
        world.run(post.at)
        crew.set(post.agents)
    world.run()
    return _counted(world, intervals, within_us)


class _Crew:
    """The agents of a plan; the first so many of them are there."""

    def __init__(self, world: World, most: int) -> None:
        self._world = world
        self._width = len(str(most))
        self._employed: list[AgentId] = []
        self._there = 0

    def set(self, agents: int) -> None:
        """Have this many from now on."""
        for number in range(self._there, agents):
            if number == len(self._employed):
                self._employed.append(self._world.agent(f"{number + 1:0{self._width}d}"))
            else:  # Who still talks is logged in, and only stays.
                self._do(number, c.LogIn)
                self._do(number, c.SetReady)
        for number in range(agents, self._there):
            self._do(number, c.LogOut)
        self._there = agents

    def _do(self, number: int, command: type[c.LogIn | c.SetReady | c.LogOut]) -> None:
        agent = self._employed[number]
        self._world.do(command(agent), Actor("agent", agent))


def _counted(world: World, intervals: Buckets, within_us: int) -> list[Played]:
    """Count each visit in the interval in which it began, and work where it was done."""
    found = [Played() for _ in intervals.rows]
    place: dict[EntryId, Played] = {}
    connected: dict[Stream, int] = {}
    types = (f.QueueEntered, f.QueueLeft, f.ContactConnected, f.ContactClosed)
    for envelope, data in world.events(types):
        at = envelope.recorded_at
        if isinstance(data, f.QueueEntered):
            number = intervals.find(at)
            if number >= 0:
                place[data.entry] = found[number]
                found[number].entered += 1
        elif isinstance(data, f.QueueLeft):
            _left(place.pop(data.entry, None), data, within_us)
        elif isinstance(data, f.ContactConnected):
            connected[envelope.stream] = at
        else:
            for number, part in intervals.clip(connected.pop(envelope.stream, at), at):
                found[number].busy_us += part
    return found


def _left(played: Played | None, data: f.QueueLeft, within_us: int) -> None:
    if played is None:
        return
    if data.reason == "answered":
        played.answered += 1
        played.in_time += data.wait_us <= within_us
        played.waited_us += data.wait_us
    else:
        played.abandoned += data.reason == "abandoned"
