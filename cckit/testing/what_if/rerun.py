"""A day once more, through the production engine.

What the log knows comes when it came: by the clock, or counted from what it followed.
Whatever happens again is answered as it was answered then; what never happened is drawn.
So with nothing changed nothing is drawn, and every decision comes out as it is recorded.

What comes first at one instant is told by the log: each input and each timer has the place
of the decision that it led to; then comes what the log does not know.
"""

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.engine import Engine
from cckit.core.errors import ConfigError, Refused
from cckit.core.events import SYSTEM, TIMER, Actor, Decision, Draft, Envelope, Recorded
from cckit.core.ids import CENTER, AgentId, ContactId, OfferId, Stream, contact_stream
from cckit.core.leg import CUSTOMER, EXTERNAL
from cckit.core.rules import RULES
from cckit.core.timer import Timer
from cckit.testing.staffing import Shift

from .answering import LINE, at_once, by_shift
from .chance import Chance
from .day import (
    ACCEPTED,
    AWAY,
    BACK,
    FLOW,
    IDLE,
    NEW,
    REJECTED,
    TALK,
    WAIT,
    Day,
    Fired,
    Input,
    Offered,
    Stage,
    Story,
)
from .live import Live, Remembered, Ringing
from .roles import ROLES, Called, WrapupEnds, WrapupExtends, customer_gone

FAR: Final = 2**63 - 1
FIRST: Final = -1
LAST: Final = NEW - 1
BATCH: Final = 1500
"""Events between two looks at the invariants, as many as a simulated frame has."""
LATE_US: Final = 1_000_000
"""How late a running center may propose a timer: what comes later was set by something else."""
ROUTE: Final = c.Route()
UNACCEPTED: Final = (
    f.OfferExpired, f.OfferRescinded, f.OfferRejected, f.OfferFailed, f.ContactConnectFailed
)  # fmt: skip

Feed = Callable[[Sequence[Recorded[Any]]], None]
Told = Callable[[Live, f.OfferMade, int], None]


class Rerun:
    """One run of a day.

    :param inputs: by the clock, in order; see ``Plan``.
    :param shifts: how agents answer who are not of the log.
    :param feed: is given the events, in batches.
    """

    def __init__(
        self,
        day: Day,
        inputs: Sequence[Input],
        chance: Chance,
        seed: int,
        *,
        shifts: dict[str, Shift],
        feed: Feed,
    ) -> None:
        self.now = 0
        self.seed = seed
        self.lives: dict[str, Live] = {}
        self.ended: list[Live] = []
        self.refused: dict[str, int] = {}
        """Reason to number of inputs that this floor did not want."""
        self.told: Told = lambda live, made, at: None
        """Is told each offer before it is answered."""
        stories, last = day.stories, day.last
        hooked = any(offer.made.hook for story in stories for offer in story.offers)
        self.engine = Engine(Remembered(self.lives, hooked))
        self.engine.checks_each = False
        self._chance, self._shifts, self._last, self._feed = chance, shifts, last, feed
        self._day, self._late_us = day, LATE_US if day.kind == "live" else 0
        self._given = _ordered(stories, inputs, last)
        self._begun = {story.contact: story for story in stories if story.arrival is None}
        """What begins because of what is done in another contact."""
        self._final = [one for one in inputs if _leaves(one, last)]
        self._agenda: list[tuple[int, int, int, Callable[..., None], Any, Any]] = []
        self._n = count().__next__
        self._setters = frozenset(kind for _, kind, _ in day.fired)
        """Types of events whose timers led to something."""
        self._counts: dict[tuple[Stream, type], int] = {}
        self._fired: dict[int, tuple[int, list[Fired]]] = {}
        """Position of an event that set timers to when it came and when those were proposed."""
        self._rang_out: Ringing | None = None
        self._unfed: list[Recorded[Any]] = []
        self._sees: dict[type, Callable[[Envelope, Any], None]] = {
            f.QueueEntered: self._entered,
            f.QueuePlaceKept: self._kept,
            f.QueueResumed: self._resumed,
            f.QueueLeft: self._left,
            f.ContactCreated: self._created,
            f.ContactConnected: self._connected,
            f.ContactIdled: self._idled,
            f.ContactClosed: self._closed,
            f.LegOrdered: self._ordered,
            f.OfferMade: self._offered,
            f.OfferAccepted: self._accepted,
            **dict.fromkeys(UNACCEPTED, self._unaccepted),
            f.AgentWrapupStarted: self._wrapup,
            f.AgentNotReady: self._not_ready,
        }

    def run(self) -> None:
        """Let the day pass: until nothing is left to happen, if it is whole."""
        if not self._day.whole:
            self._pass(self._last)
            for one in self._final:
                self._act(one.command, one.actor)
        else:
            self._pass(FAR)
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
            timer = timer_until(at if at < until else until, alive)
            if timer is not None:
                when, rank = self._when(timer, at)
                if (when, rank) < (at, order) and when <= until:
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

    def _when(self, timer: Timer, at: int) -> tuple[int, int]:
        """When a timer is proposed, and its place at that instant.

        :param at: when what is not a timer comes next.
        """
        due = timer[0]
        found = self._fired.get(timer[1])
        if found is not None:
            began, fired = found
            for after_us, order in fired:
                if due <= began + after_us <= due + self._late_us:
                    return began + after_us, order
        return due, LAST if due == at and self._leads_on(timer) else FIRST

    def _leads_on(self, timer: Timer) -> bool:
        """Whether something would follow from a timer of which nothing is recorded.

        Then what is recorded of its instant came before, and stopped it.
        """
        subject = f"{timer[3]} {timer[4]}" if timer[4] else str(timer[3])
        command = c.TimerDue(timer[2], subject, timer[1])
        engine = self.engine
        decided = RULES[c.TimerDue](engine.floor, command, timer[0], engine.ask, TIMER)
        return isinstance(decided, Refused) or bool(decided)

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
        sees, fired, setters = self._sees, self._day.fired, self._setters
        for envelope, data in recorded:
            kind = type(data)
            if kind in setters:
                key = (envelope.stream, kind)
                n = self._counts.get(key, 0)
                self._counts[key] = n + 1
                known = fired.get((*key, n))
                if known is not None:
                    self._fired[envelope.position] = (self.now, known)
            see = sees.get(kind)
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
        self._begin(live, FLOW)
        self._act(story.arrival, story.actor)

    def _created(self, envelope: Envelope, data: f.ContactCreated) -> None:
        story = self._begun.get(ContactId(envelope.stream[8:]))
        if story is not None:
            live = self.lives[story.contact] = Live(story)
            self._begin(live, FLOW)

    def _idled(self, envelope: Envelope, data: f.ContactIdled) -> None:
        live = self.lives.get(envelope.stream[8:])
        if live is not None:
            self._begin(live, IDLE)

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
        if live.token == token:
            self._for_contact(live, one)

    def _for_contact(self, live: Live, one: Input) -> None:
        """Send what was meant for a contact, to whoever has the role in it now."""
        contact = self.engine.floor.contacts.get(contact_stream(live.story.contact))
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
        if live is not None:
            live.queue = data.queue
            self._wait(live, WAIT)

    def _wait(self, live: Live, kind: int) -> None:
        stage = self._begin(live, kind)
        if stage is None:
            self._impatient(live, live.token, 0)
        elif not stage.gave_up:
            seen = (self._last if stage.until is None else stage.until) - stage.at
            self._push(self.now + seen, NEW, self._outwaited, live, (live.token, seen))

    def _outwaited(self, live: Live, more: tuple[int, int]) -> None:
        """Somebody waits longer than was seen: how much longer is drawn."""
        token, seen = more
        if live.token == token:
            self._impatient(live, token, seen)

    def _impatient(self, live: Live, token: int, seen: int) -> None:
        n = live.counts[WAIT] + live.counts[BACK]
        patience = self._chance.patience(self.seed, live.story.contact, n, seen)
        if patience is not None:
            one = Input(0, NEW, customer_gone("normal"), LINE)
            self._push(live.began + patience, NEW, self._input, live, (token, one))

    def _kept(self, envelope: Envelope, data: f.QueuePlaceKept) -> None:
        live = self.lives.get(envelope.stream[8:])
        if live is not None and not live.away:
            live.away = True
            self._begin(live, AWAY)

    def _resumed(self, envelope: Envelope, data: f.QueueResumed) -> None:
        live = self.lives.get(envelope.stream[8:])
        if live is None:
            return
        live.away = False
        self._wait(live, BACK)
        contact = self.engine.floor.contacts[envelope.stream]
        ringing = live.ringing.get(OfferId(contact.offer))
        if ringing is not None and (
            ringing.answers is not ringing.twin or ringing.answers.bridge is None
        ):
            self._connect(live, OfferId(contact.offer), ringing)

    def _left(self, envelope: Envelope, data: f.QueueLeft) -> None:
        live = self.lives.get(envelope.stream[8:])
        if live is not None and data.reason == "dequeued":
            self._begin(live, FLOW)

    def _connected(self, envelope: Envelope, data: f.ContactConnected) -> None:
        live = self.lives.get(envelope.stream[8:])
        if live is not None and self._begin(live, TALK) is None:
            contact, n = live.story.contact, live.counts[TALK]
            talk = self._chance.talk(self.seed, contact, n, live.queue)
            one = Input(0, NEW, customer_gone("normal"), LINE)
            self._push(self.now + talk, NEW, self._input, live, (live.token, one))

    def _closed(self, envelope: Envelope, data: f.ContactClosed) -> None:
        live = self.lives.pop(envelope.stream[8:], None)
        if live is not None:
            self.ended.append(live)

    def _ordered(self, envelope: Envelope, data: f.LegOrdered) -> None:
        """A customer is called: their line does what it did, or what another one did."""
        live = self.lives.get(envelope.stream[8:])
        if live is None or data.order != "dial" or data.role not in (CUSTOMER, EXTERNAL):
            return
        n = live.dialed
        live.dialed = n + 1
        known = n < len(live.story.dialed)
        found = (
            live.story.dialed[n] if known else self._chance.called(self.seed, live.story.contact, n)
        )
        for one in (Input(0, NEW, Called("established"), LINE),) if found is None else found.inputs:
            order = one.order if known else NEW
            self._push(self.now + one.at, order, self._line, live, (data.leg, one))

    def _line(self, live: Live, more: tuple[int, Input]) -> None:
        leg, one = more
        contact = self.engine.floor.contacts.get(contact_stream(live.story.contact))
        if contact is not None and contact.dialing is not None and contact.dialing.id == leg:
            self._for_contact(live, one)

    # --- offers -----------------------------------------------------------------------

    def _offered(self, envelope: Envelope, made: f.OfferMade) -> None:
        live = self.lives.get(made.contact)
        if live is None:
            return
        self.told(live, made, self.now)
        n = live.per_agent.get(made.agent, 0)
        live.per_agent[made.agent] = n + 1
        live.offers += 1
        twin = live.story.offer_to(made.agent, n)
        answers = self._answers(live, made, n, twin)
        live.ringing[made.offer] = Ringing(made.agent, n, answers, twin)
        alert = answers.alert if twin is None else twin.alert
        if alert is not None:
            order = NEW if twin is None else alert.order
            self._push(self.now + alert.at, order, self._alert, live, (made.offer, alert.actor))
        if answers.answer is not None:
            order = answers.answer.order if answers is twin else NEW
            self._push(self.now + answers.answer.at, order, self._answer, live, made.offer)

    def _answers(self, live: Live, made: f.OfferMade, n: int, twin: Offered | None) -> Offered:
        """How this offer is answered: as it was, or as another one was."""
        if twin is not None and twin.outcome is not None:
            return twin
        shift, contact = self._shifts.get(made.agent), live.story.contact
        if shift is not None:
            dice = self._chance.dice(self.seed, contact, f"shift {made.agent} {n}")
            found = by_shift(shift, made, dice)
            if found is not None:
                return found
        seen = -1 if twin is None or not twin.until else twin.until - twin.at
        drawn = self._chance.answer(self.seed, contact, made.agent, n, seen)
        return drawn if drawn is not None else at_once(made)

    def _alert(self, live: Live, more: tuple[OfferId, Actor]) -> None:
        if more[0] in live.ringing:
            self._act(c.ReportAlerting(more[0]), more[1])

    def _answer(self, live: Live, offer: OfferId) -> None:
        ringing = live.ringing.get(offer)
        if ringing is None or ringing.answers.answer is None:
            return
        what, actor = ringing.answers.answer.command, ringing.answers.answer.actor
        mine = Actor("agent", ringing.agent) if actor.kind == "agent" else actor
        if ringing.answers.outcome == ACCEPTED:
            if what is not None:
                self._act(what(offer), actor)
            else:
                said = c.AcceptOffer if actor.kind == "agent" else c.ReportAnswered
                self._act(said(offer), mine)
        elif ringing.answers.outcome == REJECTED:
            self._act(c.RejectOffer(offer, what), mine)
        else:
            self._act(c.ReportFailed(offer, what), actor)

    def _accepted(self, envelope: Envelope, data: f.OfferAccepted) -> None:
        live = self.lives.get(envelope.stream[8:])
        ringing = None if live is None else live.ringing.get(data.offer)
        if live is None or ringing is None:
            return
        own = ringing.answers is ringing.twin and ringing.answers.bridge is not None
        if own or not live.away:  # Else the customer is called first.
            self._connect(live, data.offer, ringing)

    def _connect(self, live: Live, offer: OfferId, ringing: Ringing) -> None:
        """Let both hear each other as long after the answer as they did."""
        answers = ringing.answers
        own = answers is ringing.twin
        at_once = answers.answer is not None and answers.answer.command is not None
        if own and (answers.never or at_once):
            return
        if answers.bridge is not None:
            bridge = answers.bridge
            order = bridge.order if own else NEW
        else:
            seen = answers.until - answers.answered_at if answers.until else -1
            contact, agent = live.story.contact, ringing.agent
            wait = self._chance.connect(self.seed, contact, agent, ringing.n, seen)
            bridge, order = Input(wait, NEW, None, LINE), NEW
        self._push(self.now + bridge.at, order, self._bridge, live, (offer, bridge))

    def _bridge(self, live: Live, more: tuple[OfferId, Input]) -> None:
        offer, bridge = more
        if offer not in live.ringing or live.story.contact not in self.lives:
            return
        if bridge.command is None:
            self._act(c.ReportBridged(offer), bridge.actor)
        else:
            self._act(c.ReportFailed(offer, bridge.command), bridge.actor)

    def _unaccepted(self, envelope: Envelope, data: Any) -> None:
        live = self.lives.get(envelope.stream[8:])
        ringing = None if live is None else live.ringing.pop(data.offer, None)
        if type(data) is f.OfferExpired:
            self._rang_out = ringing

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
            for one in twin.inputs:
                self._push(self.now + one.at, one.order, self._wraps, (agent, data.contact), one)
            return
        length = self._chance.wrapup(self.seed, data.contact, n)
        if length is not None:
            one = Input(0, NEW, WrapupEnds(), Actor("agent", agent))
            self._push(self.now + length, NEW, self._wraps, (agent, data.contact), one)

    def _wraps(self, which: tuple[AgentId, ContactId], one: Input) -> None:
        agent, contact = which
        actor = Actor("agent", agent) if one.actor.kind == "agent" else one.actor
        if type(one.command) is WrapupEnds:
            self._act(c.EndWrapup(agent, contact, one.command.codes), actor)
        elif type(one.command) is WrapupExtends:
            self._act(c.ExtendWrapup(agent, contact, one.command.by_us), actor)

    def _not_ready(self, envelope: Envelope, data: f.AgentNotReady) -> None:
        ringing, self._rang_out = self._rang_out, None
        if data.reason != "rona" or ringing is None:
            return
        agent = AgentId(envelope.stream[6:])
        shift, twin = self._shifts.get(agent), ringing.twin
        if twin is not None and ringing.answers is twin:
            back = twin.back
            if back is not None:
                self._push(self.now + back.at, back.order, self._back, agent, back.actor)
            return
        after = None if shift is None else shift.back_after_us
        if after is None:
            after = self._chance.back(self.seed, str(ringing.answers.made.contact), agent)
        self._push(self.now + after, NEW, self._back, agent, Actor("agent", agent))

    def _back(self, agent: AgentId, actor: Actor) -> None:
        found = self.engine.floor.agents[agent]
        if found.logged_in and not found.ready and found.reason == "rona":
            self._act(c.SetReady(agent), actor)


def _ordered(
    stories: Sequence[Story], inputs: Sequence[Input], last: int
) -> list[tuple[int, int, Story | Input]]:
    """All that comes by the clock, the next one last."""
    found: list[tuple[int, int, Story | Input]] = [
        (one.at, one.order, one) for one in stories if one.arrival is not None
    ]
    found += [(one.at, one.order, one) for one in inputs if not _leaves(one, last)]
    found.sort(key=lambda one: one[:2], reverse=True)
    return found


def _leaves(one: Input, last: int) -> bool:
    """A log-out with which the recording ends, so that nobody knows when it was due."""
    return one.at >= last and type(one.command) is c.LogOut
