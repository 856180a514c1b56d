"""The steps of a wait, weights and preferred agents, against a list that is scanned.

The model knows what was recorded and the agents' tables. It keeps each wait with its steps
in a plain list, finds out by itself which step holds and who could serve it, and looks at
every offer and every step that ends as it stood just before.
"""

from random import Random
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.agent import Agent
from cckit.core.engine import Engine
from cckit.core.events import Recorded
from cckit.core.ids import AgentId, ContactId, EntryId, OfferId, QueueId, SubjectId
from cckit.core.instant import SECOND
from cckit.core.need import parse
from cckit.core.queue import WAITING
from cckit.core.snapshot import dump
from cckit.core.step import Step
from tests.stage import Stage

AGENTS = ("anne", "bob", "cleo", "dan")
SKILLS = {"anne": {"he": 4, "en": 2}, "bob": {"he": 2}, "cleo": {"en": 5}, "dan": {}}
WEIGHTS = {"help": 1, "gold": 3, "vast": 1}
HEAD_START = 10 * SECOND
WAITS = (
    None,
    ("anyone",),
    ("he >= 3 for_us=7000000", "he for_us=9000000 priority=2", "anyone"),
    ("not he for_us=5000000 skip=unstaffed", "he or en"),
    ("en >= 5 agents=cleo for_us=6000000 skip=unstaffed", "anyone priority=-1"),
    ("agents=anne,dan for_us=4000000", "he >= 2 queue=gold for_us=8000000", "anyone queue=vast"),
)


class Wait:
    """One wait as the model sees it."""

    def __init__(self, data: f.QueueEntered, now: int) -> None:
        self.data = data
        self.steps = tuple(map(Step.parse, data.steps)) or (Step(),)
        self.at = 0
        self.began = now
        self.priority = data.priority
        self.offers: set[int] = set()
        self.taken = False

    @property
    def step(self) -> Step:
        return self.steps[self.at]

    def order(self, now: int) -> tuple[int, int, int, int]:
        """Least first: as the documentation says it."""
        waited = now - self.data.since + self.priority * HEAD_START
        lane, since = self.data.lane, self.data.since
        return (-lane, -WEIGHTS[self.data.queue] * waited, since, self.data.entry)


class Model:
    """Every wait in a list."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.waits: dict[EntryId, Wait] = {}
        self.offers: dict[OfferId, Wait] = {}
        self.seen = {"offers": 0, "relaxed": 0, "moved": 0, "skipped": 0}

    def could(self, agent: Agent, wait: Wait) -> bool:
        """Tell whether the agent, signed in, could ever serve the step that holds."""
        return could(agent, wait.step)

    def free(self, agent: Agent, wait: Wait, now: int) -> bool:
        entry = self.engine.floor.entries[wait.data.entry]
        return (
            self.could(agent, wait)
            and agent.ready
            and not agent.next_status
            and not agent.slots
            and (entry.barred or {}).get(agent.id, 0) <= now
        )

    def saw(self, recorded: Recorded[Any]) -> None:
        envelope, data = recorded
        now = envelope.stamp.recorded_at
        if isinstance(data, f.QueueEntered):
            self.waits[data.entry] = Wait(data, now)
        elif isinstance(data, f.QueueLeft):
            left = self.waits.pop(data.entry)
            self.seen["moved"] += data.reason == "overflowed"
            assert data.wait_us == now - left.data.since
        elif isinstance(data, f.QueuePriorityChanged):
            self.waits[data.entry].priority = data.priority
        elif isinstance(data, f.QueueRequirementRelaxed):
            self.relaxed(data, now)
        elif isinstance(data, f.OfferMade):
            self.made(data, now)
        elif isinstance(data, f.OfferRejected | f.OfferExpired | f.OfferFailed | f.OfferRescinded):
            self.offers.pop(data.offer).offers.discard(data.offer)
        elif isinstance(data, f.OfferAccepted):
            self.offers[data.offer].taken = True
        elif isinstance(data, f.ContactConnectFailed):
            wait = self.offers.pop(OfferId(data.offer or 0))
            wait.taken, wait.offers = False, set()
        self.engine.fold(recorded)

    def relaxed(self, data: f.QueueRequirementRelaxed, now: int) -> None:
        wait = self.waits[data.entry]
        over = now >= wait.began + wait.step.for_us
        assert over or (wait.step.skip_unstaffed and not self.staffed(wait.step))
        for skipped in wait.steps[wait.at + 1 : data.step]:
            assert skipped.skip_unstaffed and not self.staffed(skipped)
            self.seen["skipped"] += 1
        self.seen["skipped"] += not over
        wait.at, wait.began = data.step, now
        last = data.step == len(wait.steps) - 1
        assert last or not (wait.step.skip_unstaffed and not self.staffed(wait.step))
        assert data.due == (now + wait.step.for_us if wait.step.for_us else None)
        assert wait.step.queue in (None, wait.data.queue)
        self.seen["relaxed"] += 1

    def staffed(self, step: Step) -> bool:
        agents = self.engine.floor.agents.values()
        return any(agent.logged_in and could(agent, step) for agent in agents)

    def made(self, data: f.OfferMade, now: int) -> None:
        """Check that nobody whom this agent could take went before."""
        wait = self.waits[data.entry]
        agent = self.engine.floor.agents[data.agent]
        assert self.free(agent, wait, now)
        assert data.step == wait.at
        assert not self.overdue(wait, now - 1)  # What is due at the same instant comes next.
        for other in self.waits.values():
            # A back-off that ends at the same instant comes next.
            if other is not wait and not other.offers and self.free(agent, other, now - 1):
                assert other.order(now) > wait.order(now)
        wait.offers.add(data.offer)
        self.offers[data.offer] = wait
        self.seen["offers"] += 1

    def overdue(self, wait: Wait, now: int) -> bool:
        return wait.at + 1 < len(wait.steps) and 0 < wait.began + wait.step.for_us <= now

    def check(self, now: int) -> None:
        """Look at everybody who waits, after all that was due has been done."""
        floor = self.engine.floor
        assert set(floor.entries) == set(self.waits)
        for wait in self.waits.values():
            entry = floor.entries[wait.data.entry]
            assert (entry.step, entry.priority) == (wait.at, wait.priority)
            assert (entry.group.need.text, entry.group.agents) == (wait.step.need, wait.step.agents)
            if entry.phase is WAITING:
                assert not self.overdue(wait, now)
                assert not any(self.free(agent, wait, now) for agent in floor.agents.values())


def could(agent: Agent, step: Step) -> bool:
    named = not step.agents or agent.id in step.agents
    return named and parse(step.need).fits(agent.skills)


class Act(NamedTuple):
    what: str
    who: int
    how: int


ACTS = st.builds(
    Act,
    st.sampled_from(
        ["come"] * 5 + ["pass"] * 4 + ["ready", "away", "in", "out", "answer", "reject", "hang up"]
        + ["overflow", "priority", "end"]
    ),
    st.integers(0, 30),
    st.integers(0, 30),
)  # fmt: skip


def staged() -> Stage:
    stage = Stage()
    for queue, weight in WEIGHTS.items():
        stage.queue(
            queue, weight=weight, head_start_us=HEAD_START, wrapup_us=0, sticky_us=3 * SECOND
        )
    for agent in AGENTS:
        stage.agent(agent, SKILLS[agent])
    return stage


def play(stage: Stage, act: Act, n: int) -> None:
    """One thing that happens, as far as it can."""
    floor = stage.engine.floor
    agent = AgentId(AGENTS[act.who % 4])
    contacts = sorted(floor.contacts)
    contact = ContactId(contacts[act.who % len(contacts)][8:]) if contacts else ContactId("")
    offer = stage.offer(contact) if contacts else OfferId(0)
    if act.what == "come":
        name = ContactId(f"c{n}")
        person = SubjectId(f"s{act.who % 3}")
        stage.facts(c.ReportArrived("voice", contact=name, subject=person))
        queue = QueueId(("help", "gold")[act.who % 2])
        prefer = (AgentId(AGENTS[act.how % 4]),) if act.how % 5 == 4 else ()
        steps = WAITS[act.how % len(WAITS)]
        asked = c.Enqueue(name, queue, act.how % 3, int(act.how == 30), steps=steps, prefer=prefer)
        stage.facts(asked)
    elif act.what == "pass":
        stage.wait(act.how * SECOND)
    elif act.what in ("ready", "away", "in", "out"):
        command = {
            "ready": c.SetReady(agent),
            "away": c.SetNotReady(agent, "break"),
            "in": c.LogIn(agent),
            "out": c.LogOut(agent),
        }[act.what]
        stage.do(command)
    elif offer and act.what in ("answer", "reject"):
        if act.what == "reject":
            stage.do(c.RejectOffer(offer))
        elif stage.contact(contact).phase.name == "QUEUED":
            stage.talk(contact)
    elif contacts:
        command = {
            "hang up": c.ReportCleared(stage.contact(contact).leg),
            "end": c.Close(contact),
            "overflow": c.Overflow(contact, QueueId("vast")),
            "priority": c.SetPriority(contact, act.how % 7 - 3),
        }.get(act.what)
        if command is not None:
            stage.do(command)


@settings(max_examples=30)
@given(st.lists(ACTS, max_size=50))
def test_steps_weights_and_preferred_agents_are_what_a_scanned_list_makes_of_them(
    acts: list[Act],
) -> None:
    follow(acts)


def follow(acts: list[Act]) -> Model:
    stage, model = staged(), Model()
    at = 0
    for n, act in enumerate(acts):
        play(stage, act, n)
        for recorded in stage.log[at:]:
            model.saw(recorded)
        at = len(stage.log)
        model.check(stage.now)
    same = dump(stage.engine)
    assert dump(stage.folded()) == same == dump(stage.loaded())
    return model


def test_the_random_days_do_relax_move_and_skip(tier: Any) -> None:
    """The model above is not vacuous."""
    seen = {"offers": 0, "relaxed": 0, "moved": 0, "skipped": 0}
    for seed in range(tier(4, 40, 4000)):
        random = Random(seed)
        whats = ["come"] * 6 + ["pass"] * 4 + ["ready"] * 2
        whats += ["away", "in", "out", "answer", "reject", "hang up", "end", "end", "overflow"]
        acts = [
            Act(random.choice(whats), random.randrange(31), random.randrange(31))
            for _ in range(120)
        ]
        for what, count in follow(acts).seen.items():
            seen[what] += count
    assert min(seen.values()) >= 3, seen
