"""The index of bitsets answers as a scan of all agents does, whatever was done to it."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cckit.core import lines
from cckit.core.agent import Agent, Slot
from cckit.core.ids import AgentId, OfferId, QueueId
from cckit.core.lines import places
from cckit.core.matching import SPARE, Index, is_member
from cckit.core.queue import Group, Queue
from cckit.core.settings import QueueSettings

NEEDS = ("", "he >= 2", "not he", "he and not en >= 4", "(he >= 3 or fr) and en")
CHANNELS = ("voice", "chat")
MEMBERS = st.sampled_from([("*",), (), ("a0", "a3"), ("a1", "*")])
SKILLS = st.dictionaries(st.sampled_from(["he", "en", "fr"]), st.integers(1, 5))
COSTS = st.sampled_from([{"voice": 100}, {"voice": 60, "chat": 20}, {"chat": 50}])
WHO = st.integers(0, 5)
STEPS = st.one_of(
    st.tuples(st.just("profile"), WHO, SKILLS, COSTS),
    st.tuples(st.just("in"), WHO, st.sampled_from([("voice",), ("chat",), CHANNELS])),
    st.tuples(st.sampled_from(["ready", "ready", "not ready", "out", "leaving"]), WHO),
    st.tuples(st.sampled_from(["take", "free", "free and idle"]), WHO, st.sampled_from(CHANNELS)),
    st.tuples(st.just("queue"), st.sampled_from(["help", "vip"]), MEMBERS),
    st.tuples(
        st.just("group"),
        st.sampled_from(["help", "vip"]),
        st.sampled_from(CHANNELS),
        st.sampled_from(NEEDS),
    ),
    st.tuples(st.just("pass")),
    st.tuples(st.just("compact")),
)


class Floor:
    """Agents and queues, an index that is told of each change, and the slow answers."""

    def __init__(self) -> None:
        self.index = Index({})
        self.now = 0
        self.queues = {
            QueueId(name): Queue(QueueId(name), QueueSettings(), b"") for name in ("help", "vip")
        }
        self.agents = [Agent(AgentId(f"a{n}"), n) for n in range(6)]
        for queue in self.queues.values():
            self.index.requeue(queue, self.queues)
        for agent in self.agents:
            self.index.add(agent, self.queues)

    def step(self, what: str, *more: Any) -> None:
        if what == "pass":
            self.now += 1
        elif what == "compact":
            self.index.compact()
        elif what == "queue":
            queue = self.queues[more[0]]
            queue.settings = QueueSettings(agents=more[1])
            self.index.requeue(queue, self.queues)
        elif what == "group":
            self.index.group(self.queues[more[0]], more[1], more[2])
        else:
            self.of_agent(self.agents[more[0]], what, *more[1:])

    def of_agent(self, agent: Agent, what: str, *more: Any) -> None:
        if what == "profile" and not agent.slots:
            agent.skills, agent.costs = more
            agent.profile = agent.skills
            self.index.add(agent, self.queues)
        elif what == "in" and not agent.logged_in:
            agent.logged_in, agent.on = True, more[0]
            self.index.status(agent)
        elif what == "ready" and agent.logged_in:
            was_ready, agent.ready, agent.next_status = agent.ready, True, ""
            self.index.status(agent)
            if not was_ready:
                agent.idle_since = self.now
                self.index.place(agent)
        elif what == "not ready" or what == "out":
            agent.ready, agent.next_status = False, ""
            if what == "out":
                agent.logged_in, agent.on = False, ()
            self.index.status(agent)
        elif what == "leaving" and agent.slots:
            agent.next_status = "not_ready"
            self.index.status(agent)
        elif what == "take" and agent.can_take(more[0]):
            slot = Slot(agent.costs[more[0]], OfferId(1), channel=more[0])
            agent.slots[str(len(agent.slots))] = slot
            agent.count()
            self.index.refresh(agent)
        elif what.startswith("free") and agent.slots:
            agent.slots.popitem()
            agent.count()
            if what == "free" or not agent.ready:
                self.index.refresh(agent)
            else:
                agent.idle_since = self.now
                self.index.place(agent)

    def candidates(self, group: Group) -> list[str]:
        """Who could have this group's next entry, the longest idle first."""
        able = [
            agent
            for agent in self.agents
            if agent.logged_in
            and agent.can_take(group.channel)
            and is_member(agent.id, group.queue)
            and group.need.fits(agent.skills)
        ]
        return [agent.id for agent in sorted(able, key=lambda agent: (agent.idle_since, agent.id))]

    def check(self) -> None:
        index = self.index
        ready = [agent for agent in self.agents if agent.ready]
        line = sorted(ready, key=lambda agent: (agent.idle_since, agent.id))
        assert [index.at[place].id for place in sorted(index.at)] == [agent.id for agent in line]
        assert all(index.at[agent.place] is agent for agent in line)
        for group in index.groups:
            mask = index.candidates(group)
            assert [index.at[place].id for place in places(mask)] == self.candidates(group)
            counts = index.excluded(group, mask.bit_count(), 0)
            assert counts == self.recount(group)
            assert sum(counts.values()) + mask.bit_count() == len(self.agents)
            for agent in self.agents:
                could = (
                    is_member(agent.id, group.queue)
                    and group.channel in agent.costs
                    and group.need.fits(agent.skills)
                )
                assert bool(index.suits(agent) >> group.number & 1) is could

    def recount(self, group: Group) -> Counter[str]:
        counts: Counter[str] = Counter()
        for agent in self.agents:
            cost = agent.costs.get(group.channel, agent.budget + 1)
            reasons = (
                ("not_member", not is_member(agent.id, group.queue)),
                ("logged_out", not agent.logged_in),
                ("not_ready", not agent.ready),
                ("next_status", bool(agent.next_status)),
                ("channel", group.channel not in agent.on),
                ("capacity", agent.used + cost > agent.budget),
                ("skill", not group.need.fits(agent.skills)),
            )
            counts.update([reason for reason, holds in reasons if holds][:1])
        return counts


@settings(max_examples=300)
@given(st.lists(STEPS, max_size=50))
def test_the_index_answers_as_a_scan_does(steps: list[tuple[Any, ...]]) -> None:
    floor = Floor()
    for step in steps:
        floor.step(*step)
        floor.check()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_at_one_instant_the_smaller_id_stands_before(order: tuple[int, ...]) -> None:
    floor = Floor()
    floor.step("group", "help", "voice", "")
    floor.step("in", 5, ("voice",))
    floor.step("ready", 5)
    floor.step("pass")
    for n in order:
        floor.step("in", n, ("voice",))
        floor.step("ready", n)
        floor.check()
    assert floor.candidates(floor.index.groups[0]) == ["a5", "a0", "a1", "a2"]


def test_places_are_given_out_again_before_they_grow_without_end() -> None:
    floor = Floor()
    floor.step("group", "help", "voice", "he >= 2")
    floor.step("profile", 0, {"he": 3}, {"voice": 100})
    for n in (0, 1):
        floor.step("in", n, ("voice",))
        floor.step("ready", n)
    for _ in range(3 * SPARE):
        floor.step("pass")
        floor.step("take", 0, "voice")
        floor.step("free and idle", 0, "voice")
    assert floor.index.top <= SPARE + 4 * 6 + 1
    assert max(mask.bit_length() for mask in floor.index.held.values()) <= SPARE + 4 * 6 + 2
    floor.check()


def test_set_bits_come_lowest_first() -> None:
    assert list(places(0)) == []
    assert list(places(0b1010_0001)) == [0, 5, 7]
    assert list(places(1 << 5000 | 1)) == [0, 5000]


def test_who_is_a_member_is_named_or_all_are() -> None:
    queue = Queue(QueueId("help"), QueueSettings(agents=("a1",)), b"")
    assert is_member(AgentId("a1"), queue) and not is_member(AgentId("a2"), queue)
    queue.settings = QueueSettings(agents=("*",))
    assert is_member(AgentId("a2"), queue)


def test_what_nobody_asks_for_any_more_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "IDLE_MAX", 2)
    floor = Floor()
    floor.step("profile", 0, {"he": 3}, {"voice": 100})
    for level in range(1, 6):
        floor.step("group", "help", "voice", f"he >= {level}")
        floor.check()
    asked = [("he", 3), ("he", 4), ("he", 5), ("help", 0)]
    assert sorted(floor.index.held) == asked
    assert floor.agents[0].keys == [("help", 0), ("he", 3)]
    probe = floor.index.probe(floor.queues[QueueId("vip")], "voice", "he >= 2")
    assert not floor.index.candidates(probe)
    assert sorted(floor.index.held) == asked, "who only asks keeps nothing"


def test_a_changed_queue_touches_its_own_members_only() -> None:
    floor = Floor()
    floor.step("group", "help", "voice", "")
    for agent in floor.agents:
        floor.index.suits(agent)
    floor.step("queue", "help", ("a1", "*"))
    assert all(agent.known for agent in floor.agents), "who is in it was in it before"
    floor.step("queue", "help", ("a1",))
    assert [agent.id for agent in floor.agents if agent.known] == ["a1"]
    floor.check()
