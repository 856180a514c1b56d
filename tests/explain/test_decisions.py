"""What an explanation states is what decided: void it, and the decision is another one.

Offers of simulated days, drawn by seed. The log is walked once; at an offer the floor is
copied, and what the explanation says made the difference is taken away in the copy.
"""

from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

import attrs

from cckit.core import snapshot
from cckit.core.agent import Agent
from cckit.core.ask import OPEN
from cckit.core.engine import Engine
from cckit.core.events import Recorded
from cckit.core.explain import CHOSEN, EXCLUDED, explain, reason_against
from cckit.core.facts import OfferMade
from cckit.core.floor import Floor
from cckit.core.instant import SECOND
from cckit.core.queue import Entry
from cckit.core.routing import offer_entry
from cckit.shell.logs.stories import Moment, moments
from cckit.testing.draws import Uniform
from cckit.testing.staffing import Shift
from cckit.testing.world import World
from tests.what_if.days import STRATEGIES, world

SLOW = Shift(
    5, answer=Uniform(2 * SECOND, 25 * SECOND), unanswered=0.05, skills={"he": 2, "billing": 1}
)
MORE = Shift(5, skills={"he": 3}, answer=Uniform(SECOND, 4 * SECOND))
OTHERS = Shift(3, queues=("service",), answer=Uniform(SECOND, 4 * SECOND))
PER_DAY = 25


def day(seed: int) -> World:
    """A day with time between the calls, so that several agents are idle."""
    strategy = STRATEGIES[seed % len(STRATEGIES)]
    return world(seed, strategy, per_hour=110, shifts=(SLOW, MORE, OTHERS))


def drawn(recorded: World, seed: int) -> tuple[frozenset[int], list[Recorded[Any]]]:
    """Some offers of a day, by seed, and all of its events."""
    log = list(recorded.events())
    offers = [data.offer for _, data in log if isinstance(data, OfferMade)]
    return frozenset(Random(seed).sample(offers, min(PER_DAY, len(offers)))), log


def copied(engine: Engine) -> Floor:
    """The floor once more, to be changed."""
    again = Engine()
    snapshot.load(again, deepcopy(snapshot.dump(engine)))
    return again.floor


def decided(floor: Floor, entry: Entry, now: int) -> OfferMade | None:
    """What a changed floor decides."""
    floor.rebuild()
    draft = offer_entry(floor, floor.entries[entry.id], now, OPEN)
    data = None if draft is None else draft[1]
    return data if isinstance(data, OfferMade) else None


def made_equal(one: Agent, other: Agent) -> None:
    """Give one agent all that a strategy looks at of another."""
    one.idle_since = other.idle_since
    one.contacts, one.talk_us, one.last_offer = other.contacts, other.talk_us, other.last_offer
    one.busy_us, one.ready_us, one.changed_at = other.busy_us, other.ready_us, other.changed_at
    one.profile, one.skills = dict(other.profile), dict(other.skills)


def allowed(floor: Floor, entry: Entry, agent: Agent, now: int) -> list[str]:
    """Take away each reason that is stated, until none is left; return them in order."""
    voided: list[str] = []
    while (reason := reason_against(floor, floor.entries[entry.id], agent, now)) is not None:
        assert reason not in voided, f"{reason} is stated though it does not hold"
        voided.append(reason)
        void(floor, floor.entries[entry.id], agent, reason)
        floor.rebuild()
    return voided


def void(floor: Floor, entry: Entry, agent: Agent, reason: str) -> None:
    """Let one reason not hold."""
    if reason == "not_member":
        queue = entry.group.queue
        agents = (*queue.settings.agents, agent.id)
        queue.settings = attrs.evolve(queue.settings, agents=agents)
    elif reason == "logged_out":
        agent.logged_in = True
        agent.on = (entry.group.channel,)
    elif reason == "not_ready":
        agent.ready = True
    elif reason == "next_status":
        agent.next_status = ""
    elif reason == "channel":
        agent.on = (*agent.on, entry.group.channel)
    elif reason == "capacity":
        agent.slots.clear()
        agent.used = 0
    elif reason == "skill":
        agent.profile = agent.profile | {name: 5 for name, _ in entry.group.need.atoms}
        agent.skills = dict(agent.profile)
    elif reason == "backoff":
        (entry.barred or {}).pop(agent.id, None)
    else:
        raise AssertionError(f"nobody knows how to void {reason!r}")


def test_the_explanation_names_who_was_chosen_and_what_it_states_is_what_decided(
    tier: Callable[[int, int, int], int], publish: Callable[[str], None]
) -> None:
    wanted, seen, equalled, lifted, seed = tier(60, 1_000, 20_000), 0, 0, 0, 0
    while seen < wanted:
        seed += 1
        offers, log = drawn(day(seed), seed)
        engine = Engine()
        for moment in moments(log, offers, engine):
            seen += 1
            told = f"seed {seed}, offer {moment.made[1].offer}"
            named(moment, told)
            equalled += equal_changes_or_ties(engine, moment, told)
            lifted += void_makes_eligible(engine, moment, told)
    assert equalled > seen // 4
    assert lifted > seen // 2
    publish(
        f"explanations: {seen:,} offers, each names who was chosen; {equalled:,} differences made "
        f"equal and {lifted:,} exclusions voided, each with the effect that was stated"
    )


def named(moment: Moment, told: str) -> None:
    found, made = moment.explanation, moment.made[1]
    assert found.reproduced, told
    (chosen,) = [one for one in found.agents if one.verdict == CHOSEN]
    assert (chosen.agent, chosen.key, chosen.rank) == (made.agent, made.key, 1), told


def equal_changes_or_ties(engine: Engine, moment: Moment, told: str) -> bool:
    """Make the stated difference equal; True where there was one."""
    envelope, made = moment.made
    if made.runner_up is None or made.tie is not None or made.policy == "random":
        return False
    floor = copied(engine)
    made_equal(floor.agents[made.runner_up], floor.agents[made.agent])
    again = decided(floor, floor.entries[made.entry], envelope.recorded_at)
    assert again is not None, told
    assert again.agent != made.agent or again.tie is not None, told
    return True


def void_makes_eligible(engine: Engine, moment: Moment, told: str) -> bool:
    """Void the exclusion of one excluded agent; True where there was one."""
    (envelope, made), found = moment
    out = [one for one in found.agents if one.verdict == EXCLUDED]
    if not out:
        return False
    one = out[made.offer % len(out)]
    floor = copied(engine)
    agent, entry = floor.agents[one.agent], floor.entries[made.entry]
    voided = allowed(floor, entry, agent, envelope.recorded_at)
    assert voided[0] == one.reason, told
    again = decided(floor, entry, envelope.recorded_at)
    assert again is not None, told
    assert again.eligible > made.eligible, told
    best(agent)
    taken = decided(floor, entry, envelope.recorded_at)
    if made.policy != "random":
        assert taken is not None, told
        assert taken.agent == one.agent or taken.tie is not None, told
    return True


def best(agent: Agent) -> None:
    """Let every strategy but a hash like this agent best."""
    agent.idle_since = agent.contacts = agent.talk_us = agent.last_offer = agent.busy_us = 0
    agent.profile = dict.fromkeys(("billing", "he"), 5)
    agent.skills = dict(agent.profile)


def test_a_decision_that_names_another_one_is_seen() -> None:
    """A planted fault: the runner-up is written down as the one who was chosen."""
    offers, log = drawn(day(2), 2)
    engine = Engine()
    for recorded in log:
        envelope, made = recorded
        if isinstance(made, OfferMade) and made.runner_up is not None:
            record: Any = made
            wrong = attrs.evolve(record, agent=made.runner_up)
            assert not explain(engine.floor, (envelope, wrong)).reproduced
            return
        engine.fold(recorded)
    raise AssertionError(f"of {len(offers)} offers none had two who could have it")
