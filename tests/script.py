"""Random days of a small floor, for hypothesis: what people do, in any order.

A ``Player`` carries out acts as the writer does: due timers first or, where it is ``late``,
only when they are asked for. After each decision ``saw`` is told what was recorded.
"""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.ask import OPEN, Ask
from cckit.core.certificate import SkillSettings
from cckit.core.channel import ChannelSettings
from cckit.core.contact import CONNECTING, NEW, QUEUED, TALKING
from cckit.core.engine import Engine
from cckit.core.errors import Refused
from cckit.core.events import SYSTEM, TIMER, Decision, Draft, Recorded
from cckit.core.ids import CENTER, AgentId, ContactId, OfferId, QueueId
from cckit.core.instant import SECOND, Instant, Span
from cckit.core.routing import STRATEGIES
from cckit.core.settings import OfferSettings, QueueSettings
from tests.stage import START

AGENTS = ("ann", "bob", "cy", "dee", "eli")
QUEUES = ("help", "vip")
NEEDS = (None, "", "he", "he >= 3 and not en", "(he or en >= 2) and not (fr or he >= 5)")
PROFILES = (
    {"voice": 100},
    {"voice": 100, "chat": 20},
    {"voice": 60, "chat": 40},
    {"chat": 50},
    {"voice": 0, "chat": 0, "email": 0},
    {"voice": 50, "email": 30},
)
SKILLS = st.dictionaries(st.sampled_from(["he", "en", "fr"]), st.integers(1, 5))
CHANNEL = st.sampled_from(["voice", "voice", "chat", "email"])
TIERS = st.sampled_from([{}, {"bob": 0, "dee": 1}, {"ann": 2, "bob": 2, "cy": 1}])
WINDOW = st.tuples(st.sampled_from([-5, 0, 1, 4]), st.sampled_from([1, 3, 10, 60]))
"""From when, and for how long, in seconds."""
LIMITS = st.builds(
    OfferSettings,
    backoff_us=st.sampled_from([SECOND, 5 * SECOND]),
    a_minute=st.sampled_from([0, 1, 3, 10]),
)
CHANNELS = st.sampled_from(
    [
        ("voice", ChannelSettings(maximum=1)),
        ("voice", ChannelSettings(maximum=1, interrupts=("email", "chat"))),
        ("chat", ChannelSettings(False, 20, 2)),
        ("email", ChannelSettings(False, 40, 2)),
        ("chat", ChannelSettings(False, 20, 5, ("email",))),
    ]
)
SETTINGS = st.builds(
    QueueSettings,
    strategy=st.sampled_from([*sorted(STRATEGIES), "parallel", "parallel", "progressive"]),
    then=st.sampled_from(sorted(STRATEGIES)),
    tiers=TIERS,
    at_once=st.sampled_from([0, 2, 3]),
    add_us=st.sampled_from([SECOND, 4 * SECOND]),
    agents=st.sampled_from([("*",), ("*",), ("*",), ("ann", "cy"), ()]),
    need=st.sampled_from(["", "", "he", "en >= 2"]),
    wrapup_us=st.sampled_from([0, 4 * SECOND]),
    rona_after=st.sampled_from([0, 1, 2]),
    max_wait_us=st.sampled_from([0, 0, 30 * SECOND]),
    head_start_us=st.sampled_from([0, 7 * SECOND]),
)
AGENT = st.sampled_from(AGENTS).map(AgentId)
WHICH = st.integers(0, 9)
TIMES = st.sampled_from([0, 1, SECOND, SECOND, 5 * SECOND, 21 * SECOND])
ACTS: st.SearchStrategy[tuple[Any, ...]] = st.one_of(
    st.tuples(
        st.just("come"),
        st.sampled_from(QUEUES),
        CHANNEL,
        st.sampled_from(NEEDS),
        st.integers(-1, 2),
        st.sampled_from([0, 0, 0, 1, 2]),
    ),
    st.tuples(st.sampled_from(["go on", "go on", "go on", "reject", "fail", "hang up"]), WHICH),
    st.tuples(st.sampled_from(["dequeue", "close", "raise"]), WHICH),
    st.tuples(st.sampled_from(["ready", "ready", "break", "out", "in", "done", "more"]), AGENT),
    st.tuples(st.just("pass"), TIMES),
    st.tuples(st.just("pass"), TIMES),
    st.tuples(st.just("learn"), AGENT, SKILLS, st.sampled_from(PROFILES)),
    st.tuples(st.just("configure"), st.sampled_from(QUEUES), SETTINGS),
    st.tuples(st.just("certify"), AGENT, st.sampled_from(["he", "en"]), WINDOW),
    st.tuples(st.just("limit"), LIMITS),
    st.tuples(st.just("channel"), CHANNELS),
    st.tuples(st.just("need"), st.sampled_from(["he", "en"]), st.booleans()),
    st.tuples(st.just("again"), WHICH),
)
STAFFS = st.lists(st.tuples(SKILLS, st.sampled_from(PROFILES)), min_size=2, max_size=5)

Saw = Callable[[tuple[Recorded[Any], ...]], None]


class Player:
    """An engine under a script."""

    def __init__(
        self, saw: Saw = lambda recorded: None, *, late: bool = False, ask: Ask = OPEN
    ) -> None:
        self.engine = Engine(ask)
        self.now = START
        self.late = late
        self.log: list[Recorded[Any]] = []
        self.sent: list[Any] = []
        self.n = 0
        self._saw = saw
        self.record(f.RunStarted(1, "simulated", None, 0, False, {}))

    def staff(self, staff: list[tuple[dict[str, int], dict[str, int]]]) -> None:
        """Agents who log in and turn ready at the same instant, the last id first."""
        for agent, (skills, costs) in reversed(list(zip(AGENTS, staff, strict=False))):
            self.send(c.SetProfile(AgentId(agent), skills, costs))
            self.send(c.LogIn(AgentId(agent), tuple(sorted(costs))))
            self.send(c.SetReady(AgentId(agent)))

    def record(self, *facts: Any) -> None:
        """Take in facts of the center as one decision."""
        drafts = [Draft(CENTER, fact) for fact in facts]
        self._keep(self.engine.record(drafts, SYSTEM, self.now))

    def send(self, command: Any) -> Decision | Refused:
        self.sent.append(command)
        if not self.late:
            self.fire(self.now)
        decided = self.engine.act(command, SYSTEM, self.now)
        self._keep(decided)
        return decided

    def _keep(self, decided: Decision | Refused | None) -> None:
        if isinstance(decided, Decision) and decided.recorded:
            self.log += decided.recorded
            self._saw(decided.recorded)
        for _ in range(1000):
            if not self.engine.unrouted:
                return
            self._keep_route(self.engine.act(c.Route(), SYSTEM, self.now))
        raise AssertionError("matching never ends")

    def _keep_route(self, decided: Decision | Refused) -> None:
        assert isinstance(decided, Decision)
        if decided.recorded:
            self.log += decided.recorded
            self._saw(decided.recorded)

    def fire(self, until: int) -> None:
        """Propose what is due, each at its instant or, if that has passed, now."""
        for _ in range(1000):
            due = self.engine.next_due()
            if due is None or due[0] > until:
                assert self.engine.fire(until, TIMER) is None
                return
            self.now = max(self.now, due[0])
            self._keep(self.engine.fire(self.now, TIMER))
        raise AssertionError("timers never end")

    def play(self, act: tuple[Any, ...]) -> None:
        """Carry out one act."""
        what, *more = act
        if what == "come":
            self._come(*more)
        elif what == "pass":
            until = self.now + more[0]
            if not self.late:
                self.fire(until)
            self.now = until
        elif what == "configure":
            self.send(c.ApplyConfig("queue", more[0], more[1].pack()))
        elif what == "learn":
            self.send(c.SetProfile(*more))
        elif what == "certify":
            agent, skill, (begin, length) = more
            start = self.now + begin * SECOND
            window = Instant(start), Instant(start + length * SECOND)
            self.send(c.SetCertification(agent, skill, *window))
        elif what == "limit":
            self.send(c.ApplyConfig("offers", "center", more[0].pack()))
        elif what == "channel":
            name, rule = more[0]
            self.send(c.ApplyConfig("channel", name, rule.pack()))
        elif what == "need":
            self.send(c.ApplyConfig("skill", more[0], SkillSettings(more[1]).pack()))
        elif what == "again":
            self.send(self.sent[-1 - more[0] % len(self.sent)])
        elif isinstance(more[0], int):
            self._with_contact(what, more[0])
        else:
            self._with_agent(what, more[0])

    def _come(self, queue: str, channel: str, need: str | None, priority: int, lane: int) -> None:
        self.n += 1
        contact = ContactId(f"x{self.n}")
        self.send(c.ReportArrived(channel, contact=contact))
        self.send(c.Enqueue(contact, QueueId(queue), priority, lane, need))

    def _with_contact(self, what: str, which: int) -> None:
        contacts = list(self.engine.floor.contacts.values())
        if not contacts:
            return
        contact = contacts[which % len(contacts)]
        entry = self.engine.floor.entries.get(contact.entry)
        offer = OfferId(contact.offer or (entry.offer if entry is not None else 0))
        commands: dict[str, Any] = {
            "reject": c.RejectOffer(self._other(entry, which) or offer),
            "fail": c.ReportFailed(offer, "busy"),
            "hang up": c.ReportCleared(contact.leg),
            "dequeue": c.Dequeue(ContactId(contact.id)),
            "close": c.Close(ContactId(contact.id)),
            "raise": c.SetPriority(ContactId(contact.id), 2),
        }
        if what in commands:
            self.send(commands[what])
        elif contact.phase is NEW:
            self.send(c.Enqueue(ContactId(contact.id), QueueId("help")))
        elif contact.phase is QUEUED and offer:
            rings = self.engine.floor.offers[offer].leg
            self.send(c.AcceptOffer(offer) if rings else c.ReportAlerting(offer))
        elif contact.phase is CONNECTING:
            self.send(c.ReportBridged(offer))
        elif contact.phase is TALKING:
            self.send(c.ReportCleared(contact.leg))

    def _other(self, entry: Any, which: int) -> OfferId | None:
        """One of the offers of a round that asks several."""
        offers = entry.offers if entry is not None else ()
        return OfferId(offers[which % len(offers)]) if offers else None

    def _with_agent(self, what: str, agent: AgentId) -> None:
        found = self.engine.floor.agents.get(agent)
        if found is None:
            return
        if what in ("done", "more"):
            for contact in list(found.slots):
                done = c.EndWrapup(agent, ContactId(contact))
                more = c.ExtendWrapup(agent, ContactId(contact), Span(SECOND))
                self.send(done if what == "done" else more)
            return
        commands: dict[str, Any] = {
            "ready": c.SetReady(agent),
            "break": c.SetNotReady(agent, "lunch"),
            "out": c.LogOut(agent),
            "in": c.LogIn(agent, tuple(sorted(found.costs))),
        }
        self.send(commands[what])
