"""A day on the floor that everything befalls, drawn from one seed, then healed.

People use every command there is; the switch's facts are dropped, doubled, delayed and so
reordered; its connection is lost, desks are lost, the process restarts. After that the list
of sessions is told, everybody hangs up, and all must have ended once. The engine is the
production one, so every decision is held to the invariants; each restart and the end fold
the log from 0 and must come to the same floor.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush
from random import Random
from typing import Any, Final

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.contact import QUEUED, TALKING
from cckit.core.engine import Engine, InvariantBroken
from cckit.core.errors import Refused
from cckit.core.events import SYSTEM, Actor, Decision, Draft, Recorded
from cckit.core.ids import CENTER, AgentId, ContactId, LegId, OfferId, QueueId, SubjectId
from cckit.core.instant import HOUR, MINUTE, SECOND, Instant, Span
from cckit.core.invariants import Breach, check_all
from cckit.core.rules.links import recovered
from cckit.core.settings import QueueSettings
from cckit.core.snapshot import dump, load
from cckit.testing.switch import Switch

START: Final = 1_000_000 * SECOND
LENGTH_US: Final = 12 * MINUTE
HEALED_US: Final = 3 * HOUR
"""By then everything must have ended."""
AGENTS: Final = ("anna", "ben", "carl", "dana")
QUEUES: Final = ("help", "sales", "care")
LINE: Final = Actor("adapter", "line")
LANGUAGES: Final = ("he", "en")
NEEDS: Final = (None, None, "", "he >= 2", "he or en")
STRATEGIES: Final = (
    "longest_idle", "least_occupied", "round_robin", "fewest_contacts", "least_talk_time",
    "best_skill", "random", "ordered", "parallel", "progressive",
)  # fmt: skip
OFFER_ENDS: Final = (
    f.OfferAccepted, f.OfferRejected, f.OfferExpired, f.OfferRescinded, f.OfferFailed,
)  # fmt: skip

Act = Callable[["Schedule"], Any]


class Broken(AssertionError):
    """Something that must hold does not; it names the seed that shows it."""


class Schedule:
    """One seed's floor, and the world around it."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.engine = self.fresh_engine()
        self.now = START
        self.log: list[Recorded[Any]] = []
        self.switch = Switch(seed)
        self.later: list[tuple[int, int, Callable[[], None]]] = []
        self.count = 0
        self.epoch = 0
        self.faults = True
        self.linked = True
        self.orders: list[Recorded[Any]] = []
        self.sent: list[tuple[Any, Actor]] = []
        self.refused = 0
        self.kinds: Counter[type] = Counter()

    # --- the center -------------------------------------------------------------------

    def send(self, command: Any, actor: Actor = SYSTEM) -> Decision | Refused:
        """Carry out a command as the writer does."""
        self.kinds[type(command)] += 1
        if len(self.sent) < 200 and type(command) is not c.ReportArrived:
            self.sent.append((command, actor))
        decided = self.engine.act(command, actor, self.now)
        self.keep(decided)
        self.route()
        return decided

    def route(self) -> None:
        for _ in range(500):
            if not self.engine.unrouted:
                return
            self.keep(self.engine.act(c.Route(), SYSTEM, self.now))
        raise Broken(f"seed {self.seed}: matching never ends")

    def keep(self, decided: Decision | Refused | None) -> None:
        if isinstance(decided, Refused):
            self.refused += 1
        if not isinstance(decided, Decision):
            return
        self.log += decided.recorded
        for recorded in decided.recorded:
            if self.linked:
                self.switch.order(self.now, *recorded)
            else:
                self.orders.append(recorded)
            if type(recorded[1]) is f.ContactCreated:
                self.flow(ContactId(recorded[0].stream[8:]), recorded[1])

    def flow(self, contact: ContactId, created: f.ContactCreated) -> None:
        if created.direction == "in":
            self.after(2 * SECOND, lambda: self.send(self.enqueue(contact)))

    def start(self) -> None:
        """Begin a run: on a new log, or on what the last one left."""
        self.epoch += 1
        drafts: list[Any] = [(CENTER, f.RunStarted(self.epoch, "simulated", None, 0, False, {}))]
        self.record(drafts)
        if self.epoch > 1:
            counts = {"contacts": len(self.engine.floor.contacts)}
            rang = recovered(self.engine.floor)
            self.record([(CENTER, f.RecoveryReconciled(counts)), *rang])

    def record(self, drafts: Sequence[Any]) -> None:
        self.keep(self.engine.record([Draft(*one) for one in drafts], SYSTEM, self.now))
        self.route()

    def restart(self) -> None:
        """The process dies and is back: what was in flight is lost, or comes late."""
        self.engine = self.same(loaded=self.random.random() < 0.5)
        self.later = [one for one in self.later if self.random.random() < 0.8]
        self.later.sort()
        self.start()
        self.tell_sessions()

    def fresh_engine(self) -> Engine:
        return Engine(version_of=lambda stream: sum(e.stream == stream for e, _ in self.log))

    def same(self, *, loaded: bool = False) -> Engine:
        """The floor again, from the log or from a snapshot: it must be the same."""
        again = self.fresh_engine()
        for recorded in self.log:
            again.fold(recorded)
        was, now = dump(self.engine), dump(again)
        if was != now:
            raise Broken(f"seed {self.seed}: the log folds to another floor: {first(was, now)}")
        if loaded:
            again = self.fresh_engine()
            load(again, now)
            if dump(again) != now:
                raise Broken(f"seed {self.seed}: a snapshot loads another floor")
        return again

    # --- time -------------------------------------------------------------------------

    def after(self, most_us: int, act: Callable[[], Any]) -> None:
        self.at(self.now + self.random.randrange(most_us + 1), act)

    def at(self, at: int, act: Callable[[], Any]) -> None:
        self.count += 1
        heappush(self.later, (at, self.count, act))

    def play(self) -> None:
        """Live through it all.

        :raises Broken: naming the seed.
        """
        try:
            self.begin()
            self.until(START + LENGTH_US)
            self.heal()
            self.until(self.now + HEALED_US)
            self.check_ended()
        except (Breach, InvariantBroken, KeyError) as error:
            raise Broken(f"seed {self.seed}: {error!r}") from error

    def until(self, end: int) -> None:
        for n in range(100_000):
            timer = self.engine.next_due()
            here = min(
                self.later[0][0] if self.later else end + 1,
                self.switch.next_at() or end + 1,
                timer[0] if timer is not None else end + 1,
            )
            if here > end:
                self.now = end
                return
            self.now = max(self.now, here)
            while (decided := self.engine.fire(self.now)) is not None:
                self.keep(decided)
                self.route()
            self.step()
            if n % 50 == 0:
                check_all(self.engine.floor)
        raise Broken(f"seed {self.seed}: it never ends")

    def step(self) -> None:
        for fact in self.switch.until(self.now):
            self.pass_on(fact.command, fact.ref)
        if self.later and self.later[0][0] <= self.now:
            heappop(self.later)[2]()

    # --- faults -----------------------------------------------------------------------

    def pass_on(self, report: Any, ref: str) -> None:
        """What the switch tells, as the network brings it: late, twice, or never."""
        if type(report) is c.ReportArrived:
            subject = SubjectId(f"s{ref[-1]}")
            report = c.ReportArrived(
                report.channel, "", ref, subject=subject, contact=ContactId(f"c{ref}")
            )
        if not self.faults:
            self.send(report, LINE)
            return
        fate = self.random.random()
        if not self.linked or fate < 0.06:
            return
        self.after(self.slow(), lambda: self.send(report, LINE))
        if fate < 0.16:
            self.after(2 * self.slow(), lambda: self.send(report, LINE))

    def slow(self) -> int:
        return 40 * SECOND if self.random.random() < 0.2 else SECOND // 2

    def lose_link(self) -> None:
        if not self.linked:
            return
        self.linked, since = False, Instant(self.now)
        self.after(5 * SECOND, lambda: self.send(c.ReportLink("line", False, since), LINE))
        self.after(90 * SECOND, self.find_link)

    def find_link(self) -> None:
        if self.linked:
            return
        self.linked = True
        for recorded in self.orders:
            self.switch.order(self.now, *recorded)
        self.orders.clear()
        self.send(c.ReportLink("line", True), LINE)
        self.tell_sessions()

    def lose_switch(self) -> None:
        self.switch.restart()
        self.tell_sessions()

    def lose_phones(self) -> None:
        self.switch.lose_all_but_customers()
        self.tell_sessions()

    def tell_sessions(self) -> None:
        if self.linked:
            legs, strangers = self.switch.sessions()
            self.send(c.ReportSessions("line", Instant(self.now), legs, strangers), LINE)

    def lose_desk(self) -> None:
        agent, what = AgentId(self.one(AGENTS)), self.one(("desk", "device"))
        self.send(c.ReportAgentLink(agent, what, False), LINE)
        self.after(40 * SECOND, lambda: self.send(c.ReportAgentLink(agent, what, True), LINE))

    # --- a day ------------------------------------------------------------------------

    def one(self, things: Sequence[Any]) -> Any:
        return things[self.random.randrange(len(things))]

    def begin(self) -> None:
        self.start()
        for queue in QUEUES:
            self.send(self.configure(queue))
        for agent in map(AgentId, AGENTS):
            self.send(self.profile(agent))
            self.send(c.LogIn(agent, ("voice", "chat")), Actor("agent", agent))
            self.send(c.SetReady(agent), Actor("agent", agent))
        for n in range(self.random.randrange(6, 14)):
            self.at(START + self.random.randrange(LENGTH_US), lambda n=n: self.call(n))
        for _ in range(self.random.randrange(40, 90)):
            act = ACTS[self.one(NAMES)]
            self.at(START + self.random.randrange(LENGTH_US), lambda act=act: self.do(act))
        for weather, odds in (
            (self.restart, 0.7),
            (self.lose_link, 0.5),
            (self.lose_switch, 0.2),
            (self.lose_desk, 0.6),
            (self.lose_phones, 0.3),
        ):
            while self.random.random() < odds:
                self.at(START + self.random.randrange(LENGTH_US), weather)
                odds /= 2
        for at in range(START, START + LENGTH_US, 30 * SECOND):
            self.at(at, self.tell_sessions)

    def call(self, n: int) -> None:
        channel = self.one(("voice", "voice", "voice", "chat"))
        self.switch.call_in(self.now, f"r{n}", channel)
        self.after(6 * MINUTE, lambda: self.switch.hang_up(self.now, f"r{n}"))

    def do(self, act: Act) -> None:
        command = act(self)
        if command is not None:
            kind = self.one(("supervisor", "system"))
            self.send(command, Actor(kind, "boss"))
            if self.random.random() < 0.05:
                self.send(*self.one(self.sent))

    def configure(self, queue: str) -> Any:
        pick = self.one
        settings = QueueSettings(
            strategy=pick(STRATEGIES),
            agents=pick((("*",), ("*",), ("anna", "ben"), ("carl", "dana", "anna"))),
            ring_us=pick((5, 20)) * SECOND,
            wrapup_us=pick((0, 5, 30)) * SECOND,
            rona_after=pick((1, 2)),
            rona_back_us=pick((0, 30)) * SECOND,
            max_wait_us=pick((0, 0, 120)) * SECOND,
            head_start_us=pick((0, 60)) * SECOND,
            weight=pick((1, 1, 3)),
            sticky_us=pick((0, 600)) * SECOND,
            capacity=pick((0, 0, 4)),
            estimator=pick(("", "les", "ql")),
            leave_empty=pick(("accept", "accept", "deflect")),
            callback_tries=pick((1, 3)),
            callback_pause_us=30 * SECOND,
            callback_ring_us=15 * SECOND,
            resume_us=pick((0, 300)) * SECOND,
            at_once=pick((0, 2)),
            add_us=pick((2, 10)) * SECOND,
            tiers=pick(({}, {"anna": 1, "ben": 2})),
            steps=pick(((), (), ("he >= 2 for_us=10000000", "he or en for_us=20000000", ""))),
        )
        return c.ApplyConfig("queue", queue, settings.pack())

    def profile(self, agent: AgentId) -> Any:
        skills = {language: self.random.randrange(1, 6) for language in LANGUAGES}
        return c.SetProfile(agent, skills, {"voice": 100, "chat": self.one((20, 40))})

    def enqueue(self, contact: ContactId) -> Any:
        since = self.one((None, None, Instant(self.now - 20 * SECOND)))
        queue, priority, lane = self.one(QUEUES), self.one((-1, 0, 0, 3)), self.one((0, 0, 0, 2))
        return c.Enqueue(contact, QueueId(queue), priority, lane, self.one(NEEDS), since)

    def contact(self, *phases: Any) -> ContactId:
        floor = self.engine.floor
        open_ = [x.id for x in floor.contacts.values() if not phases or x.phase in phases]
        return ContactId(self.one(open_) if open_ else "nobody")

    def agent(self) -> AgentId:
        return AgentId(self.one(AGENTS))

    def offer(self) -> OfferId:
        offers = list(self.engine.floor.offers) or [1]
        return OfferId(self.one(offers))

    def fresh(self) -> ContactId:
        self.count += 1
        return ContactId(f"n{self.count}")

    def target(self) -> tuple[str, str]:
        kind = self.one(("agent", "agent", "queue", "external"))
        return kind, {"agent": self.agent(), "queue": self.one(QUEUES)}.get(kind, "+4930")

    # --- healing ----------------------------------------------------------------------

    def heal(self) -> None:
        """Let no fault come any more, tell what is, and let everybody go home."""
        self.faults = False
        for agent in map(AgentId, AGENTS):
            for what in ("desk", "device"):
                self.send(c.ReportAgentLink(agent, what, True), LINE)
        self.find_link()
        for at in range(0, 10 * MINUTE, 30 * SECOND):
            self.at(self.now + at, self.tell_sessions)
        self.at(self.now + 2 * MINUTE, self.all_hang_up)
        self.at(self.now + 4 * MINUTE, self.give_up)
        self.at(self.now + 6 * MINUTE, self.all_hang_up)
        self.at(self.now + 8 * MINUTE, self.give_up)

    def all_hang_up(self) -> None:
        for ref in [one for one in self.switch.live if one.startswith("r")]:
            self.switch.hang_up(self.now, ref)

    def give_up(self) -> None:
        """Nobody is called any more, and what has no line is closed by hand."""
        for contact in list(self.engine.floor.contacts.values()):
            entry = self.engine.floor.entries.get(contact.entry)  # type: ignore[call-overload]
            which = ContactId(contact.id)
            if contact.stream not in self.engine.floor.contacts:
                continue
            if entry is not None and entry.promise is not None:
                self.send(c.Cancel(which))
            elif contact.phase is TALKING:
                self.send(c.Close(which))
            else:
                self.send(c.Deflect(which))

    def check_ended(self) -> None:
        """Everything that began has ended, once; the log alone says the same."""
        floor = self.engine.floor
        check_all(floor)
        self.same(loaded=True)
        facts = [data for _, data in self.log]
        kinds = Counter(map(type, facts))
        made = sorted(data.offer for data in facts if type(data) is f.OfferMade)
        ended = sorted(data.offer for data in facts if type(data) in OFFER_ENDS)
        slots = {agent.id: list(agent.slots) for agent in floor.agents.values() if agent.slots}
        streams = Counter(e.stream for e, data in self.log if type(data) is f.ContactClosed)
        for wrong in (
            floor.contacts and f"contacts are open: {list(floor.contacts.values())}",
            floor.entries and f"entries are live: {list(floor.entries)}",
            floor.offers and f"offers are live: {list(floor.offers)}",
            floor.legs and f"legs are live: {list(floor.legs)}",
            slots and f"agents have slots: {slots}",
            made != ended and "an offer did not end once",
            kinds[f.QueueEntered] != kinds[f.QueueLeft] and "a wait did not end once",
            kinds[f.ContactCreated] != len(streams) and "a contact was not closed",
            set(streams.values()) - {1} and "a contact was closed twice",
            kinds[f.AgentWrapupStarted] != kinds[f.AgentWrapupEnded] and "a wrap-up goes on",
        ):
            if wrong:
                raise Broken(f"seed {self.seed}: {wrong}")


def first(one: Any, other: Any) -> str:
    """Where two dumps differ."""
    for key in one:
        if one[key] != other[key]:
            return f"{key}: {one[key]!r} and {other[key]!r}"
    return "nowhere"


def acts() -> Iterator[tuple[str, Act]]:
    """Everything people may ask for, about whatever is there, or is not."""

    def talking(make: Callable[[ContactId], Any]) -> Act:
        return lambda s: make(s.contact(TALKING))

    def waiting(make: Callable[[ContactId], Any]) -> Act:
        return lambda s: make(s.contact(QUEUED))

    def anybody(make: Callable[[AgentId], Any]) -> Act:
        return lambda s: make(s.agent())

    yield "Enqueue", lambda s: s.enqueue(s.contact())
    yield "Dequeue", waiting(c.Dequeue)
    yield "SetPriority", lambda s: c.SetPriority(s.contact(QUEUED), s.one((-2, 0, 5)), "asked")
    yield "Deflect", lambda s: c.Deflect(s.contact(), s.one(("deflected", "spam")))
    yield "Close", talking(c.Close)
    yield "Hold", talking(c.Hold)
    yield "Retrieve", talking(c.Retrieve)
    yield "LeaveContact", lambda s: c.LeaveContact(s.contact(TALKING), s.agent())
    yield "KeepPlace", lambda s: c.KeepPlace(s.contact(QUEUED), s.one(("agent", "customer")))
    yield "DialBack", waiting(lambda x: c.DialBack(x, Span(10 * SECOND)))
    yield (
        "Recall",
        lambda s: c.Recall(s.contact(), QueueId(s.one(QUEUES)), contact=s.fresh()),
    )
    yield "Cancel", waiting(c.Cancel)
    yield "Overflow", lambda s: c.Overflow(s.contact(QUEUED), QueueId(s.one(QUEUES)))
    yield "Estimate", waiting(c.Estimate)
    yield (
        "Identify",
        lambda s: c.Identify(s.contact(), SubjectId(f"s{s.random.randrange(9)}"), "pin", 2),
    )
    yield "SetAttributes", lambda s: c.SetAttributes(s.contact(), {})
    yield "Link", lambda s: c.Link(s.contact(), s.contact())
    yield "Send", talking(c.Send)
    yield (
        "MoveChannel",
        lambda s: c.MoveChannel(
            s.contact(), s.one(("chat", "voice")), QueueId(s.one(QUEUES)), None, s.fresh()
        ),
    )
    yield "Transfer", lambda s: c.Transfer(s.contact(TALKING), *s.target())
    yield "Consult", lambda s: c.Consult(s.contact(TALKING), *s.target(), s.fresh())
    yield "CompleteTransfer", talking(c.CompleteTransfer)
    yield "CancelConsult", talking(c.CancelConsult)
    yield "Conference", talking(c.Conference)
    yield "Assign", lambda s: c.Assign(s.contact(QUEUED), s.agent())
    yield "Pull", lambda s: c.Pull(s.contact(), s.one((None, QueueId(s.one(QUEUES)))))
    yield "LogIn", anybody(lambda x: c.LogIn(x, ("voice", "chat")))
    yield "LogOut", anybody(lambda x: c.LogOut(x, "home"))
    yield "SetReady", anybody(c.SetReady)
    yield "SetNotReady", anybody(lambda x: c.SetNotReady(x, "lunch"))
    yield "AcceptOffer", lambda s: c.AcceptOffer(s.offer())
    yield "RejectOffer", lambda s: c.RejectOffer(s.offer())
    yield "EndWrapup", lambda s: wrapup(s, lambda a, x: c.EndWrapup(a, x))
    yield "ExtendWrapup", lambda s: wrapup(s, lambda a, x: c.ExtendWrapup(a, x, Span(SECOND)))
    yield "Dial", lambda s: c.Dial(s.agent(), "+4930", contact=s.fresh())
    yield "ApplyConfig", lambda s: s.configure(s.one(QUEUES))
    yield "SetProfile", lambda s: s.profile(s.agent())
    yield "SetPermission", lambda s: c.SetPermission("boss", "supervisor", s.one((True, False)))
    yield "Erase", lambda s: None  # The engine has no keys: shell/people erases.
    yield "SetHold", lambda s: c.SetHold("center", s.one((True, False)), "court")
    yield (
        "SetMode",
        lambda s: c.SetMode(
            s.one(("center", "queue/help")),
            s.one(("normal", "closed", "overload", "emergency")),
            Instant(s.now + 90 * SECOND),
        ),
    )
    yield (
        "SetCertification",
        lambda s: c.SetCertification(
            s.agent(),
            s.one(LANGUAGES),
            Instant(s.now + s.one((-60, 30)) * SECOND),
            Instant(s.now + 120 * SECOND),
        ),
    )
    yield "Merge", lambda s: c.Merge(SubjectId("s1"), SubjectId("s2"))
    yield "GiveConsent", lambda s: c.GiveConsent(s.contact(), "recording", True, "asked")
    yield "ReportMessage", lambda s: c.ReportMessage(s.contact(), f"m{s.random.randrange(30)}")
    yield (
        "ReportStatus",
        lambda s: c.ReportStatus(s.contact(), f"m{s.random.randrange(30)}", "read"),
    )
    yield "ReportHeld", lambda s: c.ReportHeld(leg(s))
    yield "ReportRetrieved", lambda s: c.ReportRetrieved(leg(s))
    yield "again", lambda s: None if not s.sent else s.one(s.sent)[0]


def wrapup(s: Schedule, make: Callable[[AgentId, ContactId], Any]) -> Any:
    agents = s.engine.floor.agents.values()
    found = [(agent.id, contact) for agent in agents for contact in agent.slots]
    return make(*s.one(found)) if found else None


def leg(s: Schedule) -> LegId:
    return LegId(s.one(list(s.engine.floor.legs) or [1]))


ACTS: Final[dict[str, Act]] = dict(acts())
NAMES: Final = tuple(ACTS)
