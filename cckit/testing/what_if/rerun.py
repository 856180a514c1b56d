"""A day once more, through the production engine.

What the log knows comes when it came: by the clock, or counted from what it followed.
Whatever happens again is answered as it was answered then; what never happened is drawn.
So with nothing changed nothing is drawn, and every decision comes out as it is recorded.

What comes first at one instant is told by the log: each input has the place of the decision
that it led to, each timer that of the decision that it led to. What the log does not know
comes after what it knows, but a timer that led to nothing comes first.
"""

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any, Final

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.ask import Candidate, Open, Ranking, Waiting
from cckit.core.engine import Engine
from cckit.core.errors import ConfigError, Refused
from cckit.core.events import SYSTEM, Actor, Decision, Draft, Envelope, Recorded
from cckit.core.ids import CENTER, AgentId, ContactId, OfferId, Stream, contact_stream
from cckit.testing.draws import AT_ONCE
from cckit.testing.staffing import Shift

from .chance import Chance
from .day import (
    ACCEPTED,
    FLOW,
    NEW,
    RANG_OUT,
    REJECTED,
    TALK,
    WAIT,
    Fired,
    Input,
    Offered,
    Stage,
    Story,
    Wrapup,
)
from .roles import ROLES, WrapupEnds, WrapupExtends, customer_gone

FAR: Final = 2**63 - 1
LINE: Final = Actor("adapter", "world")
FIRST: Final = -1
BATCH: Final = 1500
"""Events between two looks at the invariants, as many as a simulated frame has."""
ROUTE: Final = c.Route()
UNACCEPTED: Final = (
    f.OfferExpired, f.OfferRescinded, f.OfferRejected, f.OfferFailed, f.ContactConnectFailed
)  # fmt: skip

Feed = Callable[[Sequence[Recorded[Any]]], None]
Told = Callable[["Live", f.OfferMade, int], None]


class Live:
    """A contact of this run, beside its recorded story."""

    __slots__ = (
        "answers",
        "began",
        "counts",
        "offer",
        "offers",
        "per_agent",
        "queue",
        "story",
        "talking",
        "token",
        "wrapups",
    )  # fmt: skip

    def __init__(self, story: Story) -> None:
        self.story = story
        self.token = 0
        """Grows with each stage: what belongs to an earlier one is void."""
        self.counts = [0, 0, 0]
        self.began = 0
        self.offer = 0
        """The live or accepted offer."""
        self.answers: Offered | None = None
        """How that is answered."""
        self.offers = 0
        self.per_agent: dict[str, int] = {}
        self.wrapups = 0
        self.talking = False
        self.queue: str | None = None


class Remembered(Open):
    """Ranks as a hook did, where it is recorded what it answered."""

    def __init__(self, lives: dict[str, Live], ranks: bool) -> None:
        self.ranks = ranks
        self._lives = lives

    def rank_agents(self, waiting: Waiting, candidates: Sequence[Candidate]) -> Ranking | None:
        live = self._lives.get(waiting.contact)
        if live is None or live.offers >= len(live.story.offers):
            return None
        made = live.story.offers[live.offers].made
        if made.hook is None:
            return None
        plugin, first, reason = made.hook
        order = [AgentId(first), *([made.runner_up] if made.runner_up else [])]
        return Ranking(order, reason, plugin)


class Rerun:
    """One run of a day.

    :param inputs: by the clock, in order; see ``Day``.
    :param last: when the recording ends; who logs out then stays until nothing is left.
    :param shifts: how agents answer who are not of the log.
    :param feed: is given the events, in batches.
    """

    def __init__(
        self,
        stories: Sequence[Story],
        inputs: Sequence[Input],
        chance: Chance,
        seed: int,
        *,
        last: int,
        shifts: dict[str, Shift],
        feed: Feed,
    ) -> None:
        self.now = 0
        self.seed = seed
        self.lives: dict[str, Live] = {}
        self.ended: list[Live] = []
        self.refused: dict[str, int] = {}
        """Reason to number of inputs that this floor did not want."""
        hooked = any(offer.made.hook for story in stories for offer in story.offers)
        self.engine = Engine(Remembered(self.lives, hooked))
        self.engine.checks_each = False
        self._chance, self._shifts, self._last = chance, shifts, last
        self._feed = feed
        self.told: Told = lambda live, made, at: None
        """Is told each offer before it is answered."""
        self._given = _ordered(stories, inputs, last)
        self._final = [one for one in inputs if _leaves(one, last)]
        self._agenda: list[tuple[int, int, int, Callable[..., None], Any, Any]] = []
        self._n = count().__next__
        self._fired: dict[int, Fired] = {}
        """Position of an event that set a timer to how late that will be."""
        self._rang_out: tuple[Live, Offered] | None = None
        self._wrapping: dict[str, Wrapup] = {}
        self._unfed: list[Recorded[Any]] = []
        self._sees: dict[type, Callable[[Envelope, Any], None]] = {
            f.QueueEntered: self._entered,
            f.QueueLeft: self._left,
            f.ContactConnected: self._connected,
            f.ContactClosed: self._closed,
            f.OfferMade: self._offered,
            f.OfferAccepted: self._accepted,
            **dict.fromkeys(UNACCEPTED, self._unaccepted),
            f.AgentWrapupStarted: self._wrapup,
            f.AgentWrapupExtended: self._extended,
            f.AgentNotReady: self._not_ready,
        }

    def run(self, until: int | None) -> None:
        """Let the day pass; until nothing is left to happen where ``until`` is None."""
        self._pass(FAR if until is None else until)
        if until is None:
            self.now = max(self.now, self._last)
            for one in self._final:
                self._act(one.command, one.actor)
            self._pass(FAR)
        self._flush()

    # --- the loop ---------------------------------------------------------------------

    def _pass(self, until: int) -> None:
        agenda, given, floor = self._agenda, self._given, self.engine.floor
        timer_until, alive = floor.timers.until, floor.alive
        while True:
            at, order = given[-1][:2] if given else (FAR, NEW)
            reacts = bool(agenda) and agenda[0][:2] < (at, order)
            if reacts:
                at, order = agenda[0][:2]
            timer = timer_until(min(at, until), alive)
            if timer is not None:
                fired = self._fired.get(timer[1])
                when, rank = (timer[0], FIRST) if fired is None else (timer[0] + fired[0], fired[1])
                if (when, rank) < (at, order) and when <= until:
                    self._fired.pop(timer[1], None)
                    self.now = max(self.now, when)
                    decision = self.engine.fire(self.now)
                    if type(decision) is Decision and decision[1]:
                        self._keep(decision)
                    continue
            if at > until or at == FAR:
                return
            self.now = max(self.now, at)
            if reacts:
                _, _, _, do, whom, more = heappop(agenda)
                do(whom, more)
            else:
                one = given.pop()[2]
                self._arrive(one) if isinstance(one, Story) else self._by_clock(one)

    def _push(self, at: int, order: int, do: Callable[..., None], whom: Any, more: Any) -> None:
        heappush(self._agenda, (at, order, self._n(), do, whom, more))

    def _act(self, command: Any, actor: Actor) -> Decision | Refused:
        decision = self.engine.act(command, actor, self.now)
        if type(decision) is Decision:
            if decision[1]:
                self._keep(decision)
        elif isinstance(decision, Refused):
            self.refused[decision.reason] = self.refused.get(decision.reason, 0) + 1
        return decision

    def _keep(self, decision: Decision) -> None:
        recorded = decision[1]
        while self.engine.floor.unrouted:
            more = self.engine.act(ROUTE, SYSTEM, self.now)
            if type(more) is Decision:
                recorded += more[1]
        self._unfed += recorded
        if len(self._unfed) >= BATCH:
            self._flush()
        sees = self._sees
        for envelope, data in recorded:
            see = sees.get(type(data))
            if see is not None:
                see(envelope, data)

    def _flush(self) -> None:
        """Check the invariants of what was touched, and hand on what was decided."""
        self.engine.check()
        self._feed(self._unfed)
        self._unfed = []

    # --- what comes by the clock ------------------------------------------------------

    def _by_clock(self, one: Input) -> None:
        if isinstance(one.command, f.RunStarted):
            draft = Draft(CENTER, one.command)
            self._keep(self.engine.record((draft,), SYSTEM, self.now))
            return
        answer = self._act(one.command, one.actor)
        if isinstance(answer, Refused) and isinstance(one.command, c.ApplyConfig):
            raise ConfigError(answer.where, answer.what, answer.remedy)

    def _arrive(self, story: Story) -> None:
        live = self.lives[story.contact] = Live(story)
        self._act(story.arrival, story.actor)
        self._begin(live, FLOW)

    # --- a contact's stages -----------------------------------------------------------

    def _begin(self, live: Live, kind: int) -> Stage | None:
        """Begin a stage: what it holds will come as long after its begin as it did."""
        n = live.counts[kind]
        live.counts[kind] = n + 1
        live.token = token = live.token + 1
        live.began = now = self.now
        stage = live.story.stage(kind, n)
        if stage is not None:
            for one in stage.inputs:
                self._push(now + one.at, one.order, self._input, live, (token, one))
        return stage

    def _input(self, live: Live, more: tuple[int, Input]) -> None:
        token, one = more
        if live.token != token:
            return
        contact = self.engine.floor.contacts.get(_stream(live))
        if contact is None:
            return
        role = ROLES.get(type(one.command))
        command = one.command if role is None else role(contact, one.command)
        if command is None:
            return
        actor = one.actor
        if actor.kind == "agent" and contact.agent is not None:
            actor = Actor("agent", contact.agent)
        self._act(command, actor)

    def _entered(self, envelope: Envelope, data: f.QueueEntered) -> None:
        live = self.lives.get(envelope.stream[8:])
        if live is None:
            return
        stage = self._begin(live, WAIT)
        live.queue = data.queue
        if stage is None:
            self._impatient(live, live.token, 0)
            return
        if stage.fired is not None:
            self._fired[envelope.position] = stage.fired
        if not stage.gave_up:
            seen = (self._last if stage.until is None else stage.until) - stage.at
            at = self.now + seen
            self._push(at, NEW, self._outwaited, live, (live.token, seen))

    def _outwaited(self, live: Live, more: tuple[int, int]) -> None:
        """Somebody waits longer than was seen: how much longer is drawn."""
        token, seen = more
        if live.token == token:
            self._impatient(live, token, seen)

    def _impatient(self, live: Live, token: int, seen: int) -> None:
        story = live.story
        patience = self._chance.patience(self.seed, story.contact, live.counts[WAIT], seen)
        if patience is not None:
            one = Input(0, NEW, customer_gone("normal"), LINE)
            self._push(live.began + patience, NEW, self._input, live, (token, one))

    def _left(self, envelope: Envelope, data: f.QueueLeft) -> None:
        live = self.lives.get(envelope.stream[8:])
        if live is not None and data.reason == "dequeued":
            self._begin(live, FLOW)

    def _connected(self, envelope: Envelope, data: f.ContactConnected) -> None:
        live = self.lives.get(envelope.stream[8:])
        if live is None:
            return
        if self._begin(live, TALK) is None:
            contact, n = live.story.contact, live.counts[TALK]
            talk = self._chance.talk(self.seed, contact, n, live.queue)
            one = Input(0, NEW, customer_gone("normal"), LINE)
            self._push(self.now + talk, NEW, self._input, live, (live.token, one))

    def _closed(self, envelope: Envelope, data: f.ContactClosed) -> None:
        live = self.lives.pop(envelope.stream[8:], None)
        if live is not None:
            self.ended.append(live)

    # --- offers -----------------------------------------------------------------------

    def _offered(self, envelope: Envelope, made: f.OfferMade) -> None:
        live = self.lives.get(made.contact)
        if live is None:
            return
        self.told(live, made, self.now)
        n = live.per_agent.get(made.agent, 0)
        live.per_agent[made.agent] = n + 1
        live.offers += 1
        live.offer = made.offer
        twin = live.story.offer_to(made.agent, n)
        if twin is not None and twin.rang is not None:
            self._fired[envelope.position] = twin.rang
        live.answers = answers = self._answers(live, made, n, twin)
        offer = made.offer
        alert = answers.alert if twin is None else twin.alert
        if alert is not None:
            order = NEW if twin is None else alert.order
            self._push(self.now + alert.at, order, self._alert, live, (offer, alert.actor))
        if answers.answer is not None:
            order = answers.answer.order if answers is twin else NEW
            self._push(self.now + answers.answer.at, order, self._answer, live, (offer, answers))

    def _answers(self, live: Live, made: f.OfferMade, n: int, twin: Offered | None) -> Offered:
        """How this offer is answered: as it was, or as another one was."""
        if twin is not None and twin.outcome is not None:
            return twin
        shift = self._shifts.get(made.agent)
        contact = live.story.contact
        if shift is not None:
            dice = self._chance.dice(self.seed, contact, f"shift {made.agent} {n}")
            found = _by_shift(shift, made, dice)
            if found is not None:
                return found
        seen = -1 if twin is None or not twin.until else twin.until - twin.at
        drawn = self._chance.answer(self.seed, contact, made.agent, n, seen)
        return drawn if drawn is not None else _at_once(made)

    def _alert(self, live: Live, more: tuple[OfferId, Actor]) -> None:
        if live.offer == more[0]:
            self._act(c.ReportAlerting(more[0]), more[1])

    def _answer(self, live: Live, more: tuple[OfferId, Offered]) -> None:
        offer, answers = more
        if live.offer != offer or answers.answer is None:
            return
        what, actor = answers.answer.command, answers.answer.actor
        made = self.engine.floor.offers[offer]
        mine = Actor("agent", made.agent) if actor.kind == "agent" else actor
        if answers.outcome == ACCEPTED:
            if what is not None:
                self._act(what(offer), actor)
            else:
                said = c.AcceptOffer if actor.kind == "agent" else c.ReportAnswered
                self._act(said(offer), mine)
        elif answers.outcome == REJECTED:
            self._act(c.RejectOffer(offer, what), mine)
        else:
            self._act(c.ReportFailed(offer, what), actor)

    def _accepted(self, envelope: Envelope, data: f.OfferAccepted) -> None:
        live = self.lives.get(envelope.stream[8:])
        if live is None or live.offer != data.offer or live.answers is None:
            return
        answers = live.answers
        agent = self.engine.floor.offers[data.offer].agent
        n = live.per_agent[agent] - 1
        twin = live.story.offer_to(agent, n)
        if answers is twin:
            if answers.connected is not None:
                self._fired[envelope.position] = answers.connected
                return
            if answers.answer is not None and answers.answer.command is not None:
                return
        if answers.bridge is not None:
            bridge = answers.bridge
            order = bridge.order if answers is twin else NEW
        else:
            seen = answers.until - answers.answered_at if answers.until else -1
            wait = self._chance.connect(self.seed, live.story.contact, agent, n, seen)
            bridge, order = Input(wait, NEW, None, LINE), NEW
        self._push(self.now + bridge.at, order, self._bridge, live, (data.offer, bridge))

    def _bridge(self, live: Live, more: tuple[OfferId, Input]) -> None:
        offer, bridge = more
        if live.offer != offer or live.story.contact not in self.lives:
            return
        if bridge.command is None:
            self._act(c.ReportBridged(offer), bridge.actor)
        else:
            self._act(c.ReportFailed(offer, bridge.command), bridge.actor)

    def _unaccepted(self, envelope: Envelope, data: Any) -> None:
        live = self.lives.get(envelope.stream[8:])
        if live is None or live.offer != data.offer or live.answers is None:
            return
        answers = live.answers
        live.offer, live.answers = 0, None
        if answers.barred is not None and answers.made.contact == live.story.contact:
            self._fired[envelope.position] = answers.barred
        if type(data) is f.OfferExpired:
            self._rang_out = (live, answers)

    # --- agents -----------------------------------------------------------------------

    def _wrapup(self, envelope: Envelope, data: f.AgentWrapupStarted) -> None:
        live = self.lives.get(data.contact)
        if live is None:
            return
        n = live.wrapups
        live.wrapups = n + 1
        agent = AgentId(envelope.stream[6:])
        if n < len(live.story.wrapups):
            twin = live.story.wrapups[n]
            if twin.fired is not None:
                self._fired[envelope.position] = twin.fired
                self._wrapping[data.contact] = twin
            for one in twin.inputs:
                self._push(self.now + one.at, one.order, self._wraps, (agent, data.contact), one)
            return
        length = self._chance.wrapup(self.seed, data.contact, n)
        if length is not None:
            one = Input(0, NEW, WrapupEnds(), Actor("agent", agent))
            self._push(self.now + length, NEW, self._wraps, (agent, data.contact), one)

    def _extended(self, envelope: Envelope, data: f.AgentWrapupExtended) -> None:
        twin = self._wrapping.get(data.contact)
        if twin is not None and twin.fired is not None:
            self._fired[envelope.position] = twin.fired

    def _wraps(self, which: tuple[AgentId, ContactId], one: Input) -> None:
        agent, contact = which
        actor = Actor("agent", agent) if one.actor.kind == "agent" else one.actor
        if type(one.command) is WrapupEnds:
            self._act(c.EndWrapup(agent, contact, one.command.codes), actor)
        elif type(one.command) is WrapupExtends:
            self._act(c.ExtendWrapup(agent, contact, one.command.by_us), actor)

    def _not_ready(self, envelope: Envelope, data: f.AgentNotReady) -> None:
        rang, self._rang_out = self._rang_out, None
        if data.reason != "rona" or rang is None:
            return
        live, answers = rang
        agent = AgentId(envelope.stream[6:])
        shift = self._shifts.get(agent)
        back = answers.back if answers.made.contact == live.story.contact else None
        if back is not None:
            self._push(self.now + back.at, back.order, self._back, agent, back.actor)
        elif shift is not None:
            at = self.now + shift.back_after_us
            self._push(at, NEW, self._back, agent, Actor("agent", agent))
        elif answers.made.contact != live.story.contact:
            at = self.now + self._chance.back(self.seed, live.story.contact, agent)
            self._push(at, NEW, self._back, agent, Actor("agent", agent))

    def _back(self, agent: AgentId, actor: Actor) -> None:
        found = self.engine.floor.agents[agent]
        if found.logged_in and not found.ready and found.reason == "rona":
            self._act(c.SetReady(agent), actor)


def _ordered(
    stories: Sequence[Story], inputs: Sequence[Input], last: int
) -> list[tuple[int, int, Story | Input]]:
    """All that comes by the clock, the next one last."""
    found: list[tuple[int, int, Story | Input]] = [(one.at, one.order, one) for one in stories]
    found += [(one.at, one.order, one) for one in inputs if not _leaves(one, last)]
    found.sort(key=lambda one: one[:2], reverse=True)
    return found


def _leaves(one: Input, last: int) -> bool:
    """A log-out with which the recording ends, so that nobody knows when it was due."""
    return one.at >= last and type(one.command) is c.LogOut


def _stream(live: Live) -> Stream:
    return contact_stream(live.story.contact)


def _by_shift(shift: Shift, made: f.OfferMade, random: Random) -> Offered | None:
    """How an agent of a staffing answers; None where it does not say."""
    if shift.answer == AT_ONCE and not shift.unanswered:
        return None
    alert = Input(0, NEW, None, LINE)
    if shift.unanswered and random.random() < shift.unanswered:
        return Offered(0, made, alert, outcome=RANG_OUT)
    delay = shift.answer.draw(random)
    connect = shift.connect.draw(random)
    if delay is None or connect is None:
        return Offered(0, made, alert, outcome=RANG_OUT)
    answer = Input(delay, NEW, None, Actor("agent", made.agent))
    return Offered(0, made, alert, answer, ACCEPTED, Input(connect, NEW, None, LINE))


def _at_once(made: f.OfferMade) -> Offered:
    answer = Input(0, NEW, None, Actor("agent", made.agent))
    alert = Input(0, NEW, None, LINE)
    return Offered(0, made, alert, answer, ACCEPTED, Input(0, NEW, None, LINE))
