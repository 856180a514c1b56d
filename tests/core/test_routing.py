"""Each decision of the routing against a plain model that scans every agent.

The model knows the tables only: no index, no places, no groups. It looks at the floor as
it stood just before the offer, which a second engine folds from the log.
"""

from collections import Counter
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core import matching
from cckit.core.agent import Agent
from cckit.core.engine import Engine
from cckit.core.events import Recorded
from cckit.core.floor import Floor
from cckit.core.ids import AgentId
from cckit.core.instant import MINUTE, SECOND
from cckit.core.invariants import check_all
from cckit.core.need import Tree
from cckit.core.queue import Entry
from cckit.core.routing import STRATEGIES
from cckit.core.settings import OfferSettings, QueueSettings
from tests.plain import has_room, skills_of
from tests.script import ACTS, AGENTS, SETTINGS, STAFFS, Player
from tests.stage import START, Stage


def has(tree: Tree | None, skills: dict[str, int]) -> bool:
    if tree is None:
        return True
    word, rest = tree
    if isinstance(rest, int):
        return skills.get(word, 0) >= rest
    parts = [has(part, skills) for part in rest]
    return {"and": all(parts), "or": any(parts), "not": not parts[0]}[word]


def excluded(floor: Floor, agent: Agent, entry: Entry, now: int) -> str:
    """The first reason why an agent can't have an entry; empty if it can."""
    queue, channel = entry.group.queue, entry.group.channel
    tree = entry.group.need.tree
    fits = has(tree, skills_of(floor, agent, now))
    reasons = {
        "not_member": agent.id not in queue.settings.agents and "*" not in queue.settings.agents,
        "logged_out": not agent.logged_in,
        "not_ready": not agent.ready,
        "next_status": bool(agent.next_status),
        "channel": channel not in agent.on,
        "capacity": channel not in agent.costs
        or not has_room(
            [(slot.channel, slot.cost) for slot in agent.slots.values()],
            agent.budget,
            channel,
            agent.costs[channel],
            floor.channels,
        ),
        "skill": not fits and not has(tree, agent.profile),
        "certificate": not fits,
        "backoff": (entry.barred or {}).get(agent.id, 0) > now or agent.id in entry.asked,
        "rate": floor.offering.a_minute
        and len([at for at in agent.offered_at if at > now - MINUTE]) >= floor.offering.a_minute,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def key(agent: Agent, entry: Entry, round_: int, now: int) -> int:
    """What the entry's strategy makes of an agent; least wins."""
    settings = entry.group.queue.settings
    strategy = settings.strategy
    if strategy in ("parallel", "progressive"):
        tier = settings.tiers.get(agent.id, 100) if settings.tiers or entry.again else 0
        place = (tier - 101 * (agent.id in entry.again)) << 54
        return place + single(settings.then, agent, entry, round_, now)
    return single(strategy, agent, entry, round_, now)


def single(strategy: str, agent: Agent, entry: Entry, round_: int, now: int) -> int:
    if strategy == "least_occupied":
        ready = agent.ready_us + (0 if agent.slots else now - agent.changed_at)
        return agent.busy_us * 10**6 // (agent.busy_us + ready) if agent.busy_us + ready else 0
    if strategy == "random":
        seed = entry.group.queue.policy_hash + f"{entry.id}/{round_}/{agent.id}".encode()
        return int.from_bytes(sha256(seed).digest()[:6], "big")
    skills = {skill for skill, _ in entry.group.need.atoms}
    return {
        "longest_idle": agent.idle_since,
        "round_robin": agent.last_offer,
        "fewest_contacts": agent.contacts,
        "least_talk_time": agent.talk_us,
        "best_skill": -sum(agent.skills.get(skill, 0) for skill in skills),
    }[strategy]


class Model:
    """Folds what was recorded, and checks each offer against a scan of the tables."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.offers = 0

    def saw(self, recorded: tuple[Recorded[Any], ...]) -> None:
        for envelope, data in recorded:
            if type(data) is f.OfferMade:
                self.offers += 1
                self.check(data, envelope.stamp.recorded_at)
            self.engine.fold((envelope, data))

    def check(self, made: f.OfferMade, now: int) -> None:
        floor = self.engine.floor
        entry = floor.entries[made.entry]
        agents = floor.agents.values()
        reasons = {agent.id: excluded(floor, agent, entry, now) for agent in agents}
        counts = Counter(reason for reason in reasons.values() if reason)
        assert made.excluded == counts
        assert made.eligible + sum(made.excluded.values()) == len(agents)
        able = sorted(
            (key(agent, entry, made.round, now), agent.idle_since, agent.id)
            for agent in agents
            if not reasons[agent.id]
        )
        assert (made.eligible, made.round) == (len(able), entry.round + (not entry.offers))
        assert (made.key, made.agent) == (able[0][0], able[0][2])
        second = able[1] if len(able) > 1 else (None, 0, None)
        assert (made.runner_key, made.runner_up) == (second[0], second[2])
        tie = second[0] == able[0][0]
        by = "idle_since" if second[1] != able[0][1] else "agent"
        longest = made.policy == "longest_idle"
        assert made.tie == (("agent" if longest else by) if tie else None)
        self.check_line(entry, floor.agents[made.agent], now)

    def check_line(self, entry: Entry, agent: Agent, now: int) -> None:
        """Nobody of the same group, open to this agent, was passed over."""
        for other in self.engine.floor.entries.values():
            early = other.add_at > now or other is entry or other.group is not entry.group
            if other.in_line and not early:
                out = excluded(self.engine.floor, agent, other, now)
                assert other.rank > entry.rank or out


@settings(max_examples=250)
@given(STAFFS, SETTINGS, SETTINGS, st.lists(ACTS, max_size=60))
def test_every_offer_is_what_a_plain_scan_would_make(
    staff: list[Any], help_: QueueSettings, vip: QueueSettings, acts: list[tuple[Any, ...]]
) -> None:
    model = Model()
    player = Player(model.saw)
    player.play(("configure", "help", help_))
    player.play(("configure", "vip", vip))
    player.staff(staff)
    for act in acts:
        player.play(act)
        check_all(player.engine.floor)


@settings(max_examples=60)
@given(STAFFS, SETTINGS, st.lists(ACTS, max_size=60))
def test_giving_out_the_places_again_changes_no_decision(
    staff: list[Any], help_: QueueSettings, acts: list[tuple[Any, ...]]
) -> None:
    """A day with few spare places, against the same day with many."""
    logs = []
    for spare in (1024, -15):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(matching, "SPARE", spare)
            player = Player()
            player.play(("configure", "help", help_))
            player.play(("configure", "vip", help_))
            player.staff(staff)
            for act in acts:
                player.play(act)
            logs.append(player.log)
    assert logs[0] == logs[1]


def test_the_random_days_do_make_offers_by_every_strategy() -> None:
    """The model above is not vacuous."""
    seen: Counter[str] = Counter()
    ties: Counter[str | None] = Counter()
    for strategy in sorted(STRATEGIES):
        model = Model()
        player = Player(model.saw)
        player.play(("configure", "help", QueueSettings(strategy=strategy, wrapup_us=0)))
        player.staff([({"he": 3}, {"voice": 100}), ({"he": 5}, {"voice": 100})] * 2)
        for n in range(30):
            player.play(("come", "help", "voice", "he >= 2", 0, 0))
            for _ in range(n % 4):
                player.play(("go on", 0))
            player.play(("hang up", n))
            for what in ("break", "ready"):
                player.play((what, AgentId(AGENTS[n % 4])))
            player.play(("pass", n * SECOND))
        seen[strategy] += model.offers
        ties.update(data.tie for _, data in player.log if type(data) is f.OfferMade)
    assert set(seen) == set(STRATEGIES)
    assert min(seen.values()) >= 30
    assert min(ties[None], ties["idle_since"], ties["agent"]) > 0


# --- each strategy in words ---------------------------------------------------------------


def played(strategy: str) -> Stage:
    """Anne has had a long talk, bob two short ones; cleo is new and last in line."""
    stage = Stage().queue(strategy=strategy, wrapup_us=0)
    stage.agent("anne", {"he": 2})
    stage.wait(SECOND)
    stage.call("a")
    stage.talk("a")
    stage.agent("bob", {"he": 5})
    for n in range(2):
        stage.call(f"b{n}")
        stage.talk(f"b{n}")
        stage.wait(10 * SECOND)
        stage.facts(hang_up(stage, f"b{n}"))
    stage.wait(60 * SECOND)
    stage.facts(hang_up(stage, "a"))
    stage.wait(SECOND)
    return stage.agent("cleo", {"he": 3})


def hang_up(stage: Stage, contact: str) -> Any:
    return c.ReportCleared(stage.contact(contact).leg)


@pytest.mark.parametrize(
    ("strategy", "order"),
    [
        ("longest_idle", ["bob", "anne", "cleo"]),
        ("round_robin", ["cleo", "anne", "bob"]),
        ("fewest_contacts", ["cleo", "anne", "bob"]),
        ("least_talk_time", ["cleo", "bob", "anne"]),
        ("least_occupied", ["cleo", "bob", "anne"]),
        ("best_skill", ["bob", "cleo", "anne"]),
    ],
)
def test_a_strategy_prefers_whom_its_name_says(strategy: str, order: list[str]) -> None:
    stage = played(strategy)
    for n, agent in enumerate(order):
        stage.call(f"x{n}", need="he")
        assert stage.rings(f"x{n}") == agent


def test_random_spreads_over_all_and_is_the_same_each_time() -> None:
    def chosen() -> list[str]:
        stage = Stage().set("offers", "center", OfferSettings(a_minute=0))
        stage.queue(strategy="random", wrapup_us=0)
        for agent in ("anne", "bob", "cleo"):
            stage.agent(agent)
        found = []
        for n in range(60):
            leg = stage.call(f"x{n}")
            found.append(stage.rings(f"x{n}"))
            stage.facts(c.ReportCleared(leg))
        return found

    once, twice = chosen(), chosen()
    assert once == twice
    assert min(Counter(once).values()) > 10


def test_of_equally_idle_agents_the_smaller_id_is_first_whatever_the_order_of_login() -> None:
    for order in (["anne", "bob", "cleo"], ["cleo", "bob", "anne"], ["bob", "cleo", "anne"]):
        stage = Stage().queue()
        for agent in order:
            stage.agent(agent)
        for n, agent in enumerate(("anne", "bob", "cleo")):
            stage.call(f"x{n}")
            assert stage.rings(f"x{n}") == agent
        assert stage.all(f.OfferMade)[0].tie == "agent"
        assert stage.now == START


def test_who_comes_back_does_not_take_the_freed_agent_from_who_waits_ahead() -> None:
    stage = Stage().queue().agent("anne")
    stage.call("x")
    stage.call("y", priority=5)
    stage.call("z")
    failed = stage.answer("x")
    stage.facts(c.ReportFailed(failed, "gone"))
    assert [stage.rings(one) for one in "xyz"] == ["", "anne", ""]
