"""A center in virtual time: the production engine, simulated people, one plain loop.

What happens next is the earlier of two things: a timer of the floor, or an entry in the
agenda of people and lines (someone arrives, gives up, picks up, has said all). At the
same instant the floor's timers come first, then the agenda in the order of writing. All
chance comes from the seed (``draws``), and all of it is whole microseconds before the
engine sees any. So the same seed, traffic and staffing give the same log, to the byte.

The loop runs seven decisions a call: no closures, no objects but the commands, tuples in
one heap, a list of bound methods by small number.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.ask import OPEN, Ask
from cckit.core.codec import canonical
from cckit.core.engine import Engine, InvariantBroken, MachineFailed
from cckit.core.errors import Refused, UsageError
from cckit.core.events import SYSTEM, Actor, Decision, Draft, Envelope, Recorded
from cckit.core.ids import (
    CENTER,
    AgentId,
    ContactId,
    LegId,
    OfferId,
    QueueId,
    contact_stream,
)
from cckit.core.instant import Instant, Span
from cckit.core.offer import ACCEPTED
from cckit.core.queue import WAITING
from cckit.core.routing.estimate import expected_of
from cckit.core.settings import QueueSettings
from cckit.hooks.store import Store
from cckit.stores.memory import MemoryStore

from .draws import digest, stream
from .logbook import FRAME_DECISIONS, Logbook
from .staffing import Shift, Staffing, Worker
from .traffic import Arrival, Callback, Traffic

if TYPE_CHECKING:
    from .plugged import Batch, Plugged, Settings

ORIGIN: Final = "cckit.simulated"
START: Final = Instant(1_767_225_600_000_000)
"""2026-01-01T00:00:00Z, where nothing says otherwise."""
FAR: Final = Instant(2**63 - 1)
VOICE: Final = "voice"
LINE: Final = Actor("adapter", "world")
"""Reports what happens on the lines."""
FLOW: Final = Actor("process", "world")
"""Sends who arrived to a queue."""
ADMIN: Final = Actor("admin", "world")

ROUTE: Final = c.Route()

ARRIVE, ENQUEUE, GIVE_UP, PICK_UP, BRIDGE, SAID_ALL, WRAPPED, BACK, BEGIN, LEAVE, SEND = range(11)
REACHED: Final = 11
UNOFFERED: Final = (
    f.OfferExpired, f.OfferRescinded, f.OfferRejected, f.OfferFailed, f.ContactConnectFailed
)  # fmt: skip

Progress = Callable[[int, Instant], None]
"""Told now and then how many customers have arrived, and what time it is."""


class Caller:
    """A customer on the line."""

    __slots__ = ("arrival", "away", "contact", "leg", "offer", "talking")

    def __init__(self, contact: ContactId, leg: LegId, arrival: Arrival) -> None:
        self.contact = contact
        self.leg = leg
        self.arrival = arrival
        self.offer = 0
        """The live offer, 0 if there is none."""
        self.talking = False
        self.away = False
        """They hung up, and are to be called."""


class World:
    """A center and its people, by seed.

    :param store: where the log goes; memory unless given. It must be empty.
    :param traffic, staffing: who comes and who works; both may also come step by step,
        by ``queue``, ``agent``, ``arrive`` and ``do``.
    :param plugins: name to instance, as ``open_center`` takes them; ``settings`` are their
        tables. Their machines, processes and policies run, reactors and channels do not. There
        are no keys, so what is personal must be None. They are asked instead of ``ask``.

    .. versionadded:: 0.1
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        traffic: Traffic | None = None,
        staffing: Staffing | None = None,
        store: Store | None = None,
        start: Instant = START,
        ask: Ask = OPEN,
        kinds: Sequence[type] = (),
        progress: Progress | None = None,
        plugins: Mapping[str, object] | None = None,
        settings: "Settings | None" = None,
    ) -> None:
        self.seed = seed
        self.now = start if traffic is None else traffic.start
        self.store = MemoryStore(ORIGIN, log_id(seed)) if store is None else store
        self._plugged = plugged = self._plug(plugins, settings or {})
        if plugged is None:
            self.engine = Engine(ask=ask)
        else:
            self.engine = Engine(plugged.relay, plugged.machines, plugged.seal)
        self.engine.checks_each = False  # Once a frame, before it is stored.
        self._decide = self.engine.act
        self._floor = self.engine.floor
        self.callers: dict[str, Caller] = {}
        """Who is on the line."""
        self.arrived = 0
        if plugged is None:
            self._book = Logbook(self.store, kinds)
        else:
            self._book = Logbook(self.store, (*kinds, *plugged.events), plugged.upcasters)
        self._names = digest(seed, "contacts")
        self._add, self._pending = self._book.add, self._book.pending
        self._agenda: list[tuple[int, int, int, Any, Any]] = []
        """(instant, order, what, whom, more): a heap."""
        self._order = count().__next__
        self._customers: Iterator[Arrival] = iter(())
        self._workers: dict[AgentId, Worker] = {}
        self._actors: dict[AgentId, Actor] = {}
        self._working: set[AgentId] = set()
        self._resident: list[AgentId] = []
        """Agents without hours, who stay until nothing is left to happen."""
        self._wrapups: dict[ContactId, Span] = {}
        """How long the agent will need after each talk that goes on."""
        self._answer, self._connect = stream(seed, "answer"), stream(seed, "connect")
        self._unanswered = stream(seed, "unanswered")
        self._answers = stream(seed, "answers to callbacks")
        self.keeps: Callable[[ContactId, str], Any] = c.KeepPlace
        """How somebody is promised to be called: contact and who is called first."""
        self._progress = progress
        self._does: list[Callable[[Any, Any], object]] = [
            self._arrive,
            self._enqueue,
            self._give_up,
            self._pick_up,
            self._bridge,
            self._said_all,
            self._wrapped,
            self._back,
            self._begin,
            self._leave,
            self._act,
            self._reached,
        ]
        self._sees: dict[type, Callable[[Envelope, Any], None]] = {
            f.OfferMade: self._offered,
            **dict.fromkeys(UNOFFERED, self._offer_ended),
            f.ContactConnected: self._connected,
            f.ContactClosed: self._closed,
            f.AgentWrapupStarted: self._wrapup,
            f.AgentNotReady: self._not_ready,
            f.LegOrdered: self._called,
        }
        self._open(traffic, staffing)

    # --- setting up -------------------------------------------------------------------

    def _plug(self, plugins: Mapping[str, object] | None, settings: "Settings") -> "Plugged | None":
        if not plugins:
            return None
        from .plugged import Plugged  # Only who has plugins pays for loading this.

        def decide(command: Any, actor: Actor, **stamp: Any) -> Decision | Refused:
            decision = self.engine.act(command, actor, self.now, **stamp)
            if type(decision) is Decision and decision[1]:
                self._add(decision)
            return decision

        def now() -> Instant:
            return self.now

        return Plugged(self.seed, plugins, settings, now, decide, self._routed, self._note)

    @property
    def _boss(self) -> Actor:
        """Who sets the world up: as in a center, nobody who needs a role."""
        return SYSTEM if self.engine.ask.guarded else ADMIN

    def _open(self, traffic: Traffic | None, staffing: Staffing | None) -> None:
        self._note(*self._book.codec.registry.missing())
        sources = [part.source for part in (traffic, staffing) if part is not None]
        source = "; ".join(sources) or "a world, step by step"
        guarded = self.engine.ask.guarded
        epoch = self._book.epoch
        versions = {} if self._plugged is None else self._plugged.versions
        self._record(f.RunStarted(epoch, "simulated", source, self.seed, guarded, versions))
        for command, actor in () if self._plugged is None else self._plugged.setting_up():
            self.do(command, actor)
        if traffic is not None:  # Reports take their days from it.
            names = () if self._plugged is None else self._plugged.names
            named = canonical({"name": "world", "plugins": names, "zone": traffic.zone.key})
            self.do(c.ApplyConfig("center", "world", named), self._boss)
        if staffing is not None:
            for name in staffing.queues or (traffic.queues if traffic is not None else ()):
                self.queue(name, staffing.settings(name))
            for worker in staffing.workers():
                self._employ(worker, traffic)
        if traffic is not None:
            self._customers = traffic.arrivals(self.seed)
            self._next_customer()

    def queue(self, queue: str, settings: QueueSettings | None = None) -> QueueId:
        """Open a queue, or change it."""
        packed = (settings or QueueSettings()).pack()
        self.do(c.ApplyConfig("queue", queue, packed), self._boss)
        return QueueId(queue)

    def agent(self, agent: str, shift: Shift | None = None) -> AgentId:
        """Employ an agent, who logs in and turns ready now and stays."""
        worker = Worker(AgentId(agent), shift or Shift(1))
        self._employ(worker, None)
        self._begin(worker.agent, None)
        return worker.agent

    def arrive(self, arrival: Arrival) -> None:
        """Let a customer come at ``arrival.at``."""
        heappush(self._agenda, (arrival.at, self._order(), ARRIVE, arrival, True))

    def later(self, at: Instant, command: Any, actor: Actor = ADMIN) -> None:
        """Send a command when it is ``at``."""
        heappush(self._agenda, (at, self._order(), SEND, command, actor))

    def react(self, kind: type, reaction: Callable[[Envelope, Any], None]) -> None:
        """Let somebody outside react to each event of a class, after the people of the world.

        ``reaction`` may ``do`` at once or ``later``: a switch that answers ``leg.ordered``, a
        customer who is called back.
        """
        before = self._sees.get(kind)

        def both(envelope: Envelope, data: Any) -> None:
            if before is not None:
                before(envelope, data)
            reaction(envelope, data)

        self._sees[kind] = both

    def _employ(self, worker: Worker, traffic: Traffic | None) -> None:
        agent, shift = worker
        self._workers[agent] = worker
        self._actors[agent] = Actor("agent", agent)
        self.do(c.SetProfile(agent, shift.skills, shift.channels), self._boss)
        if traffic is None:
            return
        if shift.begins is None:
            self._resident.append(agent)
        for begin, end in shift.spans(traffic.start, traffic.end, traffic.zone):
            heappush(self._agenda, (begin, self._order(), BEGIN, agent, None))
            if shift.begins is not None:
                heappush(self._agenda, (end, self._order(), LEAVE, agent, None))

    # --- the loop ---------------------------------------------------------------------

    def run(self, until: Instant | None = None) -> None:
        """Let time pass until nothing is left to happen, or up to and with ``until``."""
        try:
            self._pass(FAR if until is None else until)
        except (InvariantBroken, MachineFailed) as broken:
            broken.add_note(f"seed {self.seed}, at {self.now}")
            raise
        if until is not None:
            self.now = max(self.now, until)
        elif self._resident:
            self.now = Instant(self.engine.floor.now)
            for agent in self._resident:
                self._leave(agent, None)
            self._resident.clear()
            self._pass(FAR)
        self.flush()

    def _pass(self, until: Instant) -> None:
        agenda, does, engine, pending = self._agenda, self._does, self.engine, self._pending
        timer_until, alive = engine.floor.timers.until, engine.floor.alive
        while True:
            at = agenda[0][0] if agenda else FAR
            timer = timer_until(at if at < until else until, alive)
            if timer is not None:
                self.now = max(self.now, Instant(timer[0]))
                decision = engine.fire(self.now)
                if type(decision) is Decision and decision[1]:
                    self._keep(decision)
            elif at > until or not agenda:
                return
            else:
                _, _, what, whom, more = heappop(agenda)
                self.now = at  # type: ignore[assignment]
                does[what](whom, more)
            if len(pending) >= FRAME_DECISIONS:
                self.flush()

    def do(
        self, command: Any, actor: Actor = ADMIN, at: Instant | None = None
    ) -> Decision | Refused:
        """Send one command now, or let time pass until ``at`` and send it then."""
        if at is not None:
            self.run(at)
        answer = self._act(command, actor)
        if len(self._pending) >= FRAME_DECISIONS:
            self.flush()
        return answer

    def _act(self, command: Any, actor: Actor) -> Decision | Refused:
        """Decide, keep what was decided, and let people see it."""
        decision = self._decide(command, actor, self.now)
        if type(decision) is Decision and decision[1]:
            self._keep(decision)
        return decision

    def _must(self, command: Any, actor: Actor) -> Decision:
        """Decide what nobody can refuse and nobody reacts to."""
        decision = self._decide(command, actor, self.now)
        if type(decision) is not Decision:
            raise self._refused(command, decision)
        if decision[1]:
            self._add(decision)
            if self._plugged is not None:
                self._see(self._plugged.continued(decision[1])[len(decision[1]) :])
        return decision

    def _refused(self, command: Any, answer: Any) -> UsageError:
        where = f"seed {self.seed}, at {self.now}, {type(command).__name__}"
        return UsageError(where, str(answer), "set the world up so that this can be done")

    def _keep(self, decision: Decision) -> None:
        recorded: Batch = decision[1]
        self._add(decision)
        if self._floor.unrouted:
            recorded = self._routed(recorded)
        if self._plugged is not None:
            recorded = self._plugged.continued(recorded)
        self._see(recorded)

    def _see(self, recorded: "Batch") -> None:
        """Let people and lines react."""
        sees = self._sees
        for envelope, data in recorded:
            kind = type(data)
            if kind in sees:
                sees[kind](envelope, data)

    def _routed(self, recorded: "Batch") -> "Batch":
        """Go on matching, as after a change of many agents; return all that was recorded."""
        while self.engine.unrouted:
            more = self.engine.act(ROUTE, SYSTEM, self.now)
            if isinstance(more, Refused):
                raise self._refused(ROUTE, more)
            if more[1]:
                self._add(more)
                recorded = (*recorded, *more[1])
        return recorded

    def _record(self, *facts: Any) -> None:
        """Record what is so, and let processes hear of it."""
        recorded = self._note(*facts)
        if self._plugged is not None:
            self._see(self._plugged.continued(recorded))

    def _note(self, *facts: Any) -> "Batch":
        drafts = tuple(Draft(CENTER, fact) for fact in facts)
        decision = self.engine.record(drafts, SYSTEM, self.now)
        self._add(decision)
        return decision.recorded

    def flush(self) -> None:
        """Store what was decided since the last frame.

        :raises InvariantBroken: a bug of ours; nothing of it is stored.
        """
        self.engine.check()
        self._book.flush(self.now, self.engine.position)
        if self._progress is not None:
            self._progress(self.arrived, self.now)

    def events(self, types: tuple[type, ...] | None = None) -> Iterator[Recorded[Any]]:
        """Yield what is in the log, decoded from its bytes."""
        self.flush()
        return self._book.events(types)

    # --- customers --------------------------------------------------------------------

    def _next_customer(self) -> None:
        arrival = next(self._customers, None)
        if arrival is not None:
            heappush(self._agenda, (arrival[0], self._order(), ARRIVE, arrival, None))

    def _arrive(self, arrival: Arrival, alone: Any) -> None:
        if alone is None:
            self._next_customer()
        self.arrived += 1
        name = sha256(self._names + str(self.arrived).encode())
        contact = ContactId(name.hexdigest()[:32])
        command = c.ReportArrived(arrival.channel, arrival.entry_point, contact=contact)
        caller = self.callers[contact] = Caller(contact, LegId(0), arrival)
        caller.leg = self._must(command, LINE)[1][0][1].leg
        if arrival.flow_us:
            at = self.now + arrival.flow_us
            heappush(self._agenda, (at, self._order(), ENQUEUE, caller, None))
        else:
            self._enqueue(caller, None)

    def _enqueue(self, caller: Caller, _: Any) -> None:
        if caller.contact not in self.callers:
            return  # A plugin sent it away.
        arrival = caller.arrival
        queue, need = arrival.queue, arrival.need
        command = c.Enqueue(caller.contact, queue, arrival.priority, arrival.lane, need)
        answer = self._act(command, FLOW)
        if type(answer) is not Decision and self._plugged is None:
            raise self._refused(command, answer)  # Else a process was faster.
        if arrival.callback is not None and self._takes(caller, arrival.callback):
            return
        self._wait(caller)

    def _wait(self, caller: Caller) -> None:
        """Let somebody on the line lose patience."""
        patience_us = caller.arrival.patience_us
        if patience_us is not None and not caller.talking:
            at = self.now + patience_us
            heappush(self._agenda, (at, self._order(), GIVE_UP, caller, caller.leg))

    def _give_up(self, caller: Caller, leg: LegId) -> None:
        if caller.leg == leg and not caller.talking and caller.contact in self.callers:
            self._act(c.ReportCleared(caller.leg), LINE)

    def _said_all(self, caller: Caller, _: Any) -> None:
        if caller.contact in self.callers:
            self._act(c.ReportCleared(caller.leg), LINE)

    # --- customers who are called back ------------------------------------------------

    def _takes(self, caller: Caller, callback: Callback) -> bool:
        """Tell whether somebody who is to wait too long hangs up, to be called."""
        contact = self._floor.contacts.get(contact_stream(caller.contact))
        entry = None if contact is None else self._floor.entries.get(contact.entry)
        if caller.talking or entry is None or entry.phase is not WAITING:
            return False
        expected = expected_of(self._floor, entry, self.now)
        if expected is None or expected.high_us <= callback.over_us:
            return False
        kept = self._act(self.keeps(caller.contact, callback.first), LINE)
        if type(kept) is not Decision:
            return False
        caller.away = True
        if caller.contact in self.callers and not caller.talking:
            self._act(c.ReportCleared(caller.leg), LINE)
        return True

    def _called(self, envelope: Envelope, data: f.LegOrdered) -> None:
        caller = self.callers.get(envelope.stream[8:])
        if caller is None or data.order != "dial" or caller.arrival.callback is None:
            return
        callback = caller.arrival.callback
        if self._answers.random() * 1000 < callback.answer_permille:
            at = self.now + (callback.answer.draw(self._answers) or 0)
            heappush(self._agenda, (at, self._order(), REACHED, caller, data.leg))

    def _reached(self, caller: Caller, leg: LegId) -> None:
        """Let somebody answer: the agent who waits is there, or they wait again."""
        contact = self._floor.legs.get(leg)
        if contact is None or caller.contact not in self.callers:
            return
        caller.away, caller.leg = False, leg
        self._act(c.ReportEstablished(leg), LINE)
        offer = self._floor.offers.get(OfferId(caller.offer))
        if offer is not None and offer.phase is ACCEPTED:
            self._join(caller, offer.id, offer.agent)
        elif caller.contact in self.callers:
            self._wait(caller)

    def _closed(self, envelope: Envelope, data: f.ContactClosed) -> None:
        self.callers.pop(envelope.stream[8:], None)

    # --- agents -----------------------------------------------------------------------

    def _begin(self, agent: AgentId, _: Any) -> None:
        self._working.add(agent)
        channels = tuple(self._workers[agent].shift.channels)
        self._act(c.LogIn(agent, channels), self._actors[agent])
        self._act(c.SetReady(agent), self._actors[agent])

    def _leave(self, agent: AgentId, _: Any) -> None:
        self._working.discard(agent)
        self._act(c.LogOut(agent), self._actors[agent])

    def _back(self, agent: AgentId, _: Any) -> None:
        if agent in self._working:
            self._act(c.SetReady(agent), self._actors[agent])

    def _not_ready(self, envelope: Envelope, data: f.AgentNotReady) -> None:
        agent = AgentId(envelope.stream[6:])
        worker = self._workers.get(agent)
        if data.reason == "rona" and worker is not None:
            at = self.now + worker.shift.back_after_us
            heappush(self._agenda, (at, self._order(), BACK, agent, None))

    def _offered(self, envelope: Envelope, made: f.OfferMade) -> None:
        caller, worker = self.callers.get(made.contact), self._workers.get(made.agent)
        if caller is None or worker is None:
            return
        caller.offer = made.offer
        self._must(c.ReportAlerting(made.offer), LINE)
        shift = worker.shift
        if shift.unanswered and self._unanswered.random() < shift.unanswered:
            return
        delay = shift.answer.draw(self._answer)
        if delay == 0:
            self._pick_up(caller, made)
        elif delay is not None:
            heappush(self._agenda, (self.now + delay, self._order(), PICK_UP, caller, made))

    def _pick_up(self, caller: Caller, made: f.OfferMade) -> None:
        if made.offer not in self._floor.offers:  # Another phone was picked up, or they went.
            return
        caller.offer = made.offer
        if caller.away or caller.arrival.channel != VOICE:
            self._act(c.AcceptOffer(made.offer), self._actors[made.agent])
            if caller.away or caller.talking:
                return
        self._must(c.AcceptOffer(made.offer), self._actors[made.agent])
        self._join(caller, made.offer, made.agent)

    def _join(self, caller: Caller, offer: OfferId, agent: AgentId) -> None:
        """Let agent and customer hear each other."""
        delay = self._workers[agent].shift.connect.draw(self._connect)
        if delay == 0:
            self._act(c.ReportBridged(offer), LINE)
        elif delay is not None:
            heappush(self._agenda, (self.now + delay, self._order(), BRIDGE, caller, offer))

    def _bridge(self, caller: Caller, offer: OfferId) -> None:
        if caller.offer == offer and caller.contact in self.callers:
            self._act(c.ReportBridged(offer), LINE)

    def _offer_ended(self, envelope: Envelope, data: Any) -> None:
        caller = self.callers.get(envelope.stream[8:])
        if caller is not None and caller.offer == data.offer:
            caller.offer = 0

    def _connected(self, envelope: Envelope, data: f.ContactConnected) -> None:
        caller = self.callers.get(envelope.stream[8:])
        if caller is not None:
            caller.talking = True
            arrival = caller.arrival
            if arrival.wrapup_us is not None:
                self._wrapups[caller.contact] = arrival.wrapup_us
            at = self.now + arrival.handling_us
            heappush(self._agenda, (at, self._order(), SAID_ALL, caller, None))

    def _wrapup(self, envelope: Envelope, data: f.AgentWrapupStarted) -> None:
        wrapup = self._wrapups.pop(data.contact, None)
        if wrapup is not None and self.now + wrapup < data.due:
            agent = AgentId(envelope.stream[6:])
            heappush(self._agenda, (self.now + wrapup, self._order(), WRAPPED, agent, data.contact))

    def _wrapped(self, agent: AgentId, contact: ContactId) -> None:
        self._act(c.EndWrapup(agent, contact), self._actors[agent])


def log_id(seed: int) -> bytes:
    """Return the log id of a simulation: 16 bytes."""
    return digest(seed, "log id")[:16]
