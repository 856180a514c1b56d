"""What each event does to the floor. Nothing else writes to it.

One handler a type, found by a dict (107 ns; the seventh case of a ``match`` costs six
times as much). A handler trusts the event: decide has checked, and a move that is in no
``MOVES`` table raises KeyError, which is our bug.
"""

from collections.abc import Callable
from typing import Any, Final

from . import agent as a
from . import contact as c
from . import facts as f
from . import offer as o
from . import queue as q
from .agent import Agent, Slot
from .events import Envelope
from .floor import Floor
from .ids import AgentId, LegId, OfferId, QueueId
from .settings import QueueSettings
from .timer import Timer

BACKOFF_US: Final = 5_000_000
BACKOFF_MAX_US: Final = 60_000_000

Handler = Callable[[Floor, Envelope, Any], None]


# --- the log itself -----------------------------------------------------------------------


def run_started(floor: Floor, envelope: Envelope, data: f.RunStarted) -> None:
    floor.epoch = data.epoch
    floor.kind = data.kind
    floor.run_position = envelope.position


def clock_stepped(floor: Floor, envelope: Envelope, data: f.ClockStepped) -> None:
    step = data.to_at - data.from_at
    if envelope.position != floor.run_position + 1 or step >= 0:
        return  # Within a run our time never goes back, whatever the wall clock does.
    for offer in floor.offers.values():
        offer.due += step if offer.due else 0
    for contact in floor.contacts.values():
        contact.since += step if contact.since else 0
    for agent in floor.agents.values():
        if agent.logged_in:  # Else whoever turns idle now would stand before the idle.
            agent.idle_since += step
            agent.changed_at += step
        for slot in agent.slots.values():
            slot.since += step if slot.since else 0
            slot.due += step if slot.due else 0
    for entry in floor.entries.values():
        entry.due += step if entry.due else 0
        if entry.barred:
            entry.barred = {who: until + step for who, until in entry.barred.items()}
    floor.timers.shift(step)
    floor.forget_at = floor.fired_to = 0


def config_applied(floor: Floor, envelope: Envelope, data: f.ConfigApplied) -> None:
    floor.configs[data.kind, data.id] = data.hash
    if data.kind != "queue":
        return
    settings = QueueSettings.unpack(data.data)
    queue = floor.queues.get(QueueId(data.id))
    if queue is None:
        queue = q.Queue(QueueId(data.id), settings, data.hash)
        floor.queues[queue.id] = queue
    queue.settings = settings
    queue.policy_hash = data.hash
    floor.index.requeue(queue, floor.queues)
    floor.unrouted = True


def hold_changed(floor: Floor, envelope: Envelope, data: f.HoldChanged) -> None:
    if data.on:
        floor.holds[data.scope] = data.ground
    else:
        floor.holds.pop(data.scope, None)


def erasure_started(floor: Floor, envelope: Envelope, data: f.SubjectErasureStarted) -> None:
    floor.erasing[envelope.stream] = data.ground


def subject_erased(floor: Floor, envelope: Envelope, data: f.SubjectErased) -> None:
    floor.erasing.pop(envelope.stream, None)


def permission_changed(floor: Floor, envelope: Envelope, data: f.PermissionChanged) -> None:
    roles = set(floor.roles.get(data.who, ()))
    roles.add(data.role) if data.given else roles.discard(data.role)
    floor.roles[data.who] = tuple(sorted(roles))


def nothing(floor: Floor, envelope: Envelope, data: Any) -> None:
    """A fact that moves no machine."""


# --- contact, legs, queue -----------------------------------------------------------------


def contact_created(floor: Floor, envelope: Envelope, data: f.ContactCreated) -> None:
    stream = envelope.stream
    contact = c.Contact(stream, data.channel, data.leg, data.subject)
    floor.contacts[stream] = contact
    floor.legs[data.leg] = contact
    floor.took_id(data.leg)
    floor.created += 1
    floor.touched[contact] = None


def queue_entered(floor: Floor, envelope: Envelope, data: f.QueueEntered) -> None:
    contact = floor.contacts[envelope.stream]
    contact.phase = c.MOVES[contact.phase, f.QueueEntered]
    queue = floor.queues.get(data.queue)
    if queue is None:  # Imported: nobody configured it.
        queue = q.Queue(data.queue, QueueSettings(), b"")
        floor.queues[data.queue] = queue
        floor.index.requeue(queue, floor.queues)
    queue.n = data.n
    queue.live += 1
    steps = data.steps
    group = floor.index.group(queue, contact.channel, steps[0] if steps else "")
    rank = q.rank(data.entry, data.lane, data.since, data.priority, queue.settings.head_start_us)
    entry = q.Entry(data.entry, envelope.stream, group, rank, data.since)
    floor.entries[data.entry] = entry
    contact.entry = data.entry
    contact.queue = data.queue
    floor.took_id(data.entry)
    group.add(entry)
    floor.index.waiting |= 1 << group.number
    if data.due:
        entry.due = data.due
        entry.position = envelope.position
        timer = Timer(data.due, envelope.position, "wait", data.entry)
        floor.timers.add(timer, envelope.stamp.recorded_at)
    floor.touched[contact] = floor.touched[entry] = floor.seeking[entry] = None


def priority_changed(floor: Floor, envelope: Envelope, data: f.QueuePriorityChanged) -> None:
    entry = floor.entries[data.entry]
    group = entry.group
    settings = group.queue.settings
    waiting = entry.in_line
    if waiting:
        group.remove(entry)
    entry.rank = q.rank(
        entry.id, -entry.rank[0], entry.since, data.priority, settings.head_start_us
    )
    if waiting:
        group.add(entry)
    floor.touched[entry] = None


def queue_left(floor: Floor, envelope: Envelope, data: f.QueueLeft) -> None:
    contact = floor.contacts[envelope.stream]
    contact.phase = c.MOVES[contact.phase, f.QueueLeft]
    entry = floor.entries.pop(data.entry)
    group = entry.group
    if entry.phase is q.WAITING:
        group.remove(entry)
        if not group.count:
            floor.index.waiting &= ~(1 << group.number)
    elif entry.phase is q.OFFERED:
        floor.touched[floor.offers[OfferId(entry.offer)]] = None
    entry.phase = q.MOVES[entry.phase, f.QueueLeft]
    group.queue.live -= 1
    contact.entry = 0
    floor.touched.pop(entry, None)
    floor.seeking.pop(entry, None)
    floor.touched[contact] = None


def contact_connected(floor: Floor, envelope: Envelope, data: f.ContactConnected) -> None:
    contact = floor.contacts[envelope.stream]
    contact.phase = c.MOVES[contact.phase, f.ContactConnected]
    now = envelope.stamp.recorded_at
    contact.agent = data.agent
    contact.agent_leg = data.leg
    contact.since = now
    if data.leg:
        floor.legs[data.leg] = contact
        floor.ringing.pop(data.leg, None)
        floor.took_id(data.leg)
    if data.offer is None:
        return  # Imported: agents are names only.
    offer = floor.offers[data.offer]
    offer.due = 0
    offer.position = envelope.position
    agent = floor.agents[data.agent]
    slot = agent.slots[contact.id]
    slot.phase = a.MOVES[slot.phase, f.ContactConnected]
    slot.since = now
    agent.contacts += 1
    floor.touched[contact] = floor.touched[agent] = None


def connect_failed(floor: Floor, envelope: Envelope, data: f.ContactConnectFailed) -> None:
    contact = floor.contacts[envelope.stream]
    contact.phase = c.MOVES[contact.phase, f.ContactConnectFailed]
    offer = floor.offers[contact.offer]
    _end_offer(floor, envelope, offer, f.ContactConnectFailed)
    _free(floor, floor.agents[offer.agent], contact, f.ContactConnectFailed)
    contact.offer = 0
    _return_entry(floor, envelope, offer, f.ContactConnectFailed, barred=True)
    floor.touched[contact] = None


def agent_left(floor: Floor, envelope: Envelope, data: f.ContactAgentLeft) -> None:
    contact = floor.contacts[envelope.stream]
    now = envelope.stamp.recorded_at
    floor.legs.pop(contact.agent_leg, None)
    contact.agent_leg = LegId(0)
    contact.agent = None
    agent = floor.agents.get(data.agent)
    offer = floor.offers.get(OfferId(contact.offer))
    if agent is None or offer is None:
        return
    _end_offer(floor, envelope, offer, f.ContactAgentLeft)
    contact.offer = 0
    agent.talk_us += max(0, now - contact.since)
    slot = agent.slots[contact.id]
    if a.MOVES[slot.phase, f.ContactAgentLeft] is a.FREE:
        _release(floor, agent, contact.id, envelope)
    floor.touched[agent] = None


def contact_closed(floor: Floor, envelope: Envelope, data: f.ContactClosed) -> None:
    stream = envelope.stream
    contact = floor.contacts.pop(stream)
    if contact.offer and contact.phase is c.NEW:  # It went while connecting.
        offer = floor.offers[contact.offer]
        _end_offer(floor, envelope, offer, f.ContactClosed)
        _free(floor, floor.agents[offer.agent], contact, f.ContactClosed)
    contact.phase = c.MOVES[contact.phase, f.ContactClosed]
    legs = floor.legs
    legs.pop(contact.leg, None)
    legs.pop(contact.agent_leg, None)
    floor.closed += 1
    floor.closed_at.append((envelope.stamp.recorded_at, stream))
    floor.touched[contact] = None


def key_made(floor: Floor, envelope: Envelope, data: f.SubjectKeyMade) -> None:
    floor.met_at.append((envelope.stamp.recorded_at, envelope.stream))


def leg_cleared(floor: Floor, envelope: Envelope, data: f.LegCleared) -> None:
    contact = floor.legs.pop(data.leg)
    if contact.leg == data.leg:
        contact.leg = LegId(0)
    floor.touched[contact] = None


def leg_held(floor: Floor, envelope: Envelope, data: f.LegHeld) -> None:
    floor.contacts[envelope.stream].held = True


def leg_retrieved(floor: Floor, envelope: Envelope, data: f.LegRetrieved) -> None:
    floor.contacts[envelope.stream].held = False


# --- offers -------------------------------------------------------------------------------


def offer_made(floor: Floor, envelope: Envelope, data: f.OfferMade) -> None:
    entry = floor.entries[data.entry]
    entry.phase = q.MOVES[entry.phase, f.OfferMade]
    entry.round = data.round
    entry.offer = data.offer
    group = entry.group
    group.remove(entry)
    if not group.count:
        floor.index.waiting &= ~(1 << group.number)
    position = envelope.position
    offer = o.Offer(data.offer, entry.contact, data.entry, data.agent, data.due, position)
    floor.offers[data.offer] = offer
    floor.took_id(data.offer)
    agent = floor.agents[data.agent]
    cost = agent.costs[group.channel]
    if not agent.used:
        _begin_work(agent, envelope.stamp.recorded_at)
    agent.slots[data.contact] = Slot(cost, data.offer)
    agent.used += cost
    agent.last_offer = data.offer
    floor.index.refresh(agent)
    timer = Timer(data.due, position, "ring", data.offer)
    floor.timers.add(timer, envelope.stamp.recorded_at)
    touched = floor.touched
    touched[offer] = touched[entry] = touched[agent] = None


def offer_alerting(floor: Floor, envelope: Envelope, data: f.OfferAlerting) -> None:
    offer = floor.offers[data.offer]
    offer.phase = o.MOVES[offer.phase, f.OfferAlerting]
    offer.leg = data.leg
    floor.ringing[data.leg] = offer
    floor.took_id(data.leg)
    floor.touched[offer] = None


def offer_accepted(floor: Floor, envelope: Envelope, data: f.OfferAccepted) -> None:
    offer = floor.offers[data.offer]
    offer.phase = o.MOVES[offer.phase, f.OfferAccepted]
    entry = floor.entries[offer.entry]
    entry.phase = q.MOVES[entry.phase, f.OfferAccepted]
    contact = floor.contacts[offer.contact]
    contact.phase = c.MOVES[contact.phase, f.OfferAccepted]
    contact.offer = offer.id
    agent = floor.agents[offer.agent]
    slot = agent.slots[contact.id]
    slot.phase = a.MOVES[slot.phase, f.OfferAccepted]
    agent.missed = 0
    now = envelope.stamp.recorded_at
    offer.position = envelope.position
    offer.due = now + entry.group.queue.settings.connect_us
    floor.timers.add(Timer(offer.due, envelope.position, "connect", offer.id), now)
    touched = floor.touched
    touched[offer] = touched[entry] = touched[contact] = touched[agent] = None


def offer_rejected(floor: Floor, envelope: Envelope, data: f.OfferRejected) -> None:
    _unaccepted(floor, envelope, data.offer, f.OfferRejected, barred=True)


def offer_expired(floor: Floor, envelope: Envelope, data: f.OfferExpired) -> None:
    floor.agents[floor.offers[data.offer].agent].missed += 1
    floor.expired_position = envelope.position
    _unaccepted(floor, envelope, data.offer, f.OfferExpired, barred=True)


def offer_rescinded(floor: Floor, envelope: Envelope, data: f.OfferRescinded) -> None:
    _unaccepted(floor, envelope, data.offer, f.OfferRescinded, barred=False)


def offer_failed(floor: Floor, envelope: Envelope, data: f.OfferFailed) -> None:
    _unaccepted(floor, envelope, data.offer, f.OfferFailed, barred=True)


def _unaccepted(
    floor: Floor, envelope: Envelope, offer_id: OfferId, kind: type, barred: bool
) -> None:
    offer = floor.offers[offer_id]
    _end_offer(floor, envelope, offer, kind)
    _free(floor, floor.agents[offer.agent], floor.contacts[offer.contact], kind)
    _return_entry(floor, envelope, offer, kind, barred)


def _end_offer(floor: Floor, envelope: Envelope, offer: o.Offer, kind: type) -> None:
    offer.phase = o.MOVES[offer.phase, kind]
    del floor.offers[offer.id]
    floor.touched.pop(offer, None)
    if offer.leg:
        floor.ringing.pop(offer.leg, None)
    floor.ended[offer.id] = (envelope.position, offer.contact, offer.leg)
    floor.ended_at.append((envelope.stamp.recorded_at, offer.id))


def _free(floor: Floor, agent: Agent, contact: c.Contact, kind: type) -> None:
    """End a slot that never got to a conversation: the place in line stays."""
    slot = agent.slots.pop(contact.id)
    slot.phase = a.MOVES[slot.phase, kind]
    agent.used -= slot.cost
    if agent.over:
        agent.over = max(0, agent.used - agent.budget)
    floor.index.refresh(agent)
    floor.touched[agent] = floor.freed[agent] = None


def _return_entry(
    floor: Floor, envelope: Envelope, offer: o.Offer, kind: type, barred: bool
) -> None:
    """Put an entry back to its old place; keep it from this agent for a while."""
    entry = floor.entries[offer.entry]
    entry.phase = q.MOVES[entry.phase, kind]
    entry.offer = 0
    entry.rank = (*entry.rank[:3], entry.id)
    entry.group.add(entry)
    floor.index.waiting |= 1 << entry.group.number
    floor.touched[entry] = floor.seeking[entry] = None
    if kind is f.ContactConnectFailed:
        entry.round -= 1  # It does not count, and the same agents come first.
        if entry.due:
            floor.timers.add(Timer(entry.due, entry.position, "wait", entry.id), entry.due)
    if barred:
        if entry.failures is None:
            entry.failures = {}
        failures = entry.failures.get(offer.agent)
        if failures is None and kind is f.ContactConnectFailed:
            entry.failures[offer.agent] = 0
            return  # Once is bad luck; twice, and the pair is kept apart.
        failures = failures or 0
        entry.failures[offer.agent] = failures + 1
        now = envelope.stamp.recorded_at
        until = now + min(BACKOFF_US << min(failures, 4), BACKOFF_MAX_US)
        entry.barred = {k: v for k, v in (entry.barred or {}).items() if v > now}
        entry.barred[offer.agent] = until
        entry.barred_by = {k: v for k, v in (entry.barred_by or {}).items() if k in entry.barred}
        entry.barred_by[offer.agent] = envelope.position
        timer = Timer(until, envelope.position, "backoff", entry.id)
        floor.timers.add(timer, now)


# --- agents -------------------------------------------------------------------------------


def _agent_of(floor: Floor, envelope: Envelope) -> Agent:
    agent_id = AgentId(envelope.stream[6:])
    agent = floor.agents.get(agent_id)
    if agent is None:
        agent = Agent(agent_id, len(floor.agents))
        floor.agents[agent_id] = agent
        floor.index.add(agent, floor.queues)
    floor.touched[agent] = None
    return agent


def profile_set(floor: Floor, envelope: Envelope, data: f.AgentProfileSet) -> None:
    agent = _agent_of(floor, envelope)
    agent.budget = data.budget
    agent.over = max(0, agent.used - data.budget)  # What is at hand keeps its cost.
    agent.costs = dict(data.channels)
    agent.skills = dict(data.skills)
    floor.index.add(agent, floor.queues)
    floor.unrouted = True


def logged_in(floor: Floor, envelope: Envelope, data: f.AgentLoggedIn) -> None:
    agent = _agent_of(floor, envelope)
    agent.logged_in = True
    agent.ready = False
    agent.reason = "logged_in"
    agent.on = data.channels
    agent.next_status = agent.next_reason = ""
    floor.index.status(agent)


def logged_out(floor: Floor, envelope: Envelope, data: f.AgentLoggedOut) -> None:
    agent = _agent_of(floor, envelope)
    _stop_ready(agent, envelope.stamp.recorded_at)
    agent.logged_in = agent.ready = False
    agent.on = ()
    agent.next_status = agent.next_reason = agent.reason = ""
    floor.index.status(agent)


def ready(floor: Floor, envelope: Envelope, data: f.AgentReady) -> None:
    agent = _agent_of(floor, envelope)
    now = envelope.stamp.recorded_at
    was_ready = agent.ready
    agent.ready = True
    agent.reason = ""
    agent.missed = 0
    agent.next_status = agent.next_reason = ""
    floor.index.status(agent)
    if not was_ready:
        if not agent.used:
            agent.changed_at = now
        _idle(floor, agent, envelope)
    else:
        floor.freed[agent] = None


def not_ready(floor: Floor, envelope: Envelope, data: f.AgentNotReady) -> None:
    agent = _agent_of(floor, envelope)
    _stop_ready(agent, envelope.stamp.recorded_at)
    agent.ready = False
    agent.reason = data.reason
    agent.next_status = agent.next_reason = ""
    floor.index.status(agent)


def next_status_set(floor: Floor, envelope: Envelope, data: f.AgentNextStatusSet) -> None:
    agent = _agent_of(floor, envelope)
    agent.next_status = data.status
    agent.next_reason = data.reason
    agent.next_by = envelope.stamp.actor[0]
    floor.index.status(agent)


def wrapup_started(floor: Floor, envelope: Envelope, data: f.AgentWrapupStarted) -> None:
    agent = _agent_of(floor, envelope)
    slot = agent.slots[data.contact]
    slot.phase = a.MOVES[slot.phase, f.AgentWrapupStarted]
    _set_wrapup(floor, envelope, agent, slot, data)


def wrapup_extended(floor: Floor, envelope: Envelope, data: f.AgentWrapupExtended) -> None:
    agent = _agent_of(floor, envelope)
    slot = agent.slots[data.contact]
    slot.phase = a.MOVES[slot.phase, f.AgentWrapupExtended]
    _set_wrapup(floor, envelope, agent, slot, data)


def _set_wrapup(
    floor: Floor,
    envelope: Envelope,
    agent: Agent,
    slot: Slot,
    data: f.AgentWrapupStarted | f.AgentWrapupExtended,
) -> None:
    slot.due = data.due
    slot.position = envelope.position
    timer = Timer(data.due, envelope.position, "wrapup", agent.id, data.contact)
    floor.timers.add(timer, envelope.stamp.recorded_at)


def wrapup_ended(floor: Floor, envelope: Envelope, data: f.AgentWrapupEnded) -> None:
    agent = _agent_of(floor, envelope)
    slot = agent.slots[data.contact]
    slot.phase = a.MOVES[slot.phase, f.AgentWrapupEnded]
    _release(floor, agent, data.contact, envelope)


def _release(floor: Floor, agent: Agent, contact: str, envelope: Envelope) -> None:
    """End a slot after a conversation: the agent goes to the end of the line."""
    agent.used -= agent.slots.pop(contact).cost
    if agent.over:
        agent.over = max(0, agent.used - agent.budget)
    now = envelope.stamp.recorded_at
    agent.busy_us += max(0, now - agent.changed_at)
    agent.changed_at = now
    _idle(floor, agent, envelope)


def _idle(floor: Floor, agent: Agent, envelope: Envelope) -> None:
    """Send the agent to the end of the line; only becoming free or ready does that."""
    agent.idle_since = envelope.stamp.recorded_at
    agent.idle_by = envelope.kind.cls
    floor.freed[agent] = None
    if agent.ready:
        floor.index.place(agent)
    else:
        floor.index.refresh(agent)


def _begin_work(agent: Agent, now: int) -> None:
    agent.ready_us += max(0, now - agent.changed_at)
    agent.changed_at = now


def _stop_ready(agent: Agent, now: int) -> None:
    if agent.ready and not agent.used:
        agent.ready_us += max(0, now - agent.changed_at)
        agent.changed_at = now


EVOLVE: Final[dict[type, Handler]] = {
    **dict.fromkeys(f.FACTS, nothing),
    f.RunStarted: run_started,
    f.ClockStepped: clock_stepped,
    f.ConfigApplied: config_applied,
    f.PermissionChanged: permission_changed,
    f.HoldChanged: hold_changed,
    f.SubjectErasureStarted: erasure_started,
    f.SubjectErased: subject_erased,
    f.SubjectKeyMade: key_made,
    f.ContactCreated: contact_created,
    f.ContactConnected: contact_connected,
    f.ContactConnectFailed: connect_failed,
    f.ContactAgentLeft: agent_left,
    f.ContactClosed: contact_closed,
    f.LegHeld: leg_held,
    f.LegRetrieved: leg_retrieved,
    f.LegCleared: leg_cleared,
    f.QueueEntered: queue_entered,
    f.QueuePriorityChanged: priority_changed,
    f.QueueLeft: queue_left,
    f.OfferMade: offer_made,
    f.OfferAlerting: offer_alerting,
    f.OfferAccepted: offer_accepted,
    f.OfferRejected: offer_rejected,
    f.OfferExpired: offer_expired,
    f.OfferRescinded: offer_rescinded,
    f.OfferFailed: offer_failed,
    f.AgentProfileSet: profile_set,
    f.AgentLoggedIn: logged_in,
    f.AgentLoggedOut: logged_out,
    f.AgentReady: ready,
    f.AgentNotReady: not_ready,
    f.AgentNextStatusSet: next_status_set,
    f.AgentWrapupStarted: wrapup_started,
    f.AgentWrapupExtended: wrapup_extended,
    f.AgentWrapupEnded: wrapup_ended,
}
