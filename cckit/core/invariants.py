"""What must always hold, checked on what a decision touched before anything is stored.

A breach is a bug of ours. Each rule has the number it goes by in the documentation of
the floor, and a planted bug among the tests that it catches.
"""

from collections.abc import Callable
from typing import Any, Final

from . import agent as a
from . import contact as c
from . import facts as f
from . import offer as o
from . import queue as q
from .agent import Agent, Slot
from .certificate import skills_at
from .channel import interrupted
from .contact import Contact
from .events import Envelope
from .floor import Floor
from .ids import contact_stream
from .instant import MINUTE
from .leg import AGENT, CONNECTED, EXTERNAL, Leg
from .offer import Offer
from .queue import Entry, Promise
from .routing import apart, ended, enough_called, unmatched
from .same_person import same

FREEING: Final = frozenset({f.AgentReady, f.AgentWrapupEnded, f.ContactAgentLeft})


class Breach(Exception):
    """An invariant does not hold."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule
        self.detail = detail


def check(floor: Floor) -> None:
    """Check what the events evolved since the last check have touched.

    :raises Breach: naming the first rule that does not hold.
    """
    touched = floor.touched
    for machine in touched:
        CHECKS[type(machine)](floor, machine)
    touched.clear()
    if floor.created != len(floor.contacts) + floor.closed:
        raise Breach("I22", "contacts created are not those open and closed")


def check_all(floor: Floor) -> None:
    """Check every machine of the floor: at snapshots and in tests.

    :raises Breach: naming the first rule that does not hold.
    """
    for table in (floor.contacts, floor.entries, floor.offers, floor.agents):
        for machine in table.values():
            CHECKS[type(machine)](floor, machine)
    for queue in floor.queues.values():
        live = sum(1 for e in floor.entries.values() if e.group.queue is queue)
        if live != queue.live:
            raise Breach("I22", f"queue {queue.id}: {queue.live} live, {live} found")
    check_promises(floor)
    check_timers(floor)
    waits = unmatched(floor, floor.fired_to)
    if waits is not None:
        raise Breach("I8", f"entry {waits.id} waits beside a free agent who could serve")


def check_promises(floor: Floor) -> None:
    """Nobody's place is kept twice, under whatever id; only ``check_all`` looks at all."""
    kept: dict[str, str] = {}
    for entry in floor.entries.values():
        subject = floor.contacts[entry.contact].subject
        if entry.promise is None or subject is None:
            continue
        for one in same(floor.merged, subject):
            if kept.setdefault(one, entry.contact) != entry.contact:
                raise Breach("I21", f"{kept[one]} and {entry.contact} are kept for one person")
        if floor.promised.get(subject) != entry.contact:
            raise Breach("I21", f"{entry.contact} is kept for somebody, and nobody knows it")


def check_timers(floor: Floor) -> None:
    """Whatever has a due has the timer that ends it; only ``check_all`` can afford to look."""
    kept = {timer[1] for lane in floor.timers.lanes.values() for timer in lane}
    kept.update(timer[1] for timer in floor.timers.heap)
    waits: list[Offer | Entry | Slot | Promise | Leg] = [o for o in floor.offers.values() if o.due]
    waits += [entry for entry in floor.entries.values() if entry.due and entry.phase is not q.TAKEN]
    kept_ = (entry.promise for entry in floor.entries.values())
    waits += [promise for promise in kept_ if promise is not None and promise.not_before]
    waits += [leg for contact in floor.contacts.values() for leg in contact.more() if leg.due]
    waits += [slot for agent in floor.agents.values() for slot in agent.slots.values() if slot.due]
    for thing in waits:
        if thing.position not in kept:
            raise Breach("I14", f"{thing} waits for an instant that no timer knows")
    for entry in floor.entries.values():
        waits_on = entry.in_line and not entry.offers and entry.step_due > floor.fired_to
        if waits_on and entry.step_position not in kept:
            raise Breach("I14", f"entry {entry.id}: no timer ends step {entry.step}")
        if 0 < entry.step_due <= floor.fired_to and ended(floor, entry, floor.fired_to):
            raise Breach("I14", f"entry {entry.id}: step {entry.step} is over and goes on")


def check_contact(floor: Floor, contact: Contact) -> None:
    phase = contact.phase
    if contact.consult or contact.consult_of:
        _both_sides(floor, contact)
    if phase is c.TALKING:
        if floor.kind != "imported":
            _both_there(floor, contact)
    elif phase is c.QUEUED:
        entry = floor.entries.get(contact.entry)
        if entry is None or entry.contact != contact.stream or entry.phase is q.TAKEN:
            raise Breach("I3", f"{contact.stream} is queued without an entry that waits")
        if not contact.leg and entry.promise is None:
            raise Breach("I3", f"{contact.stream} waits without a live leg")
    elif phase is c.CONNECTING:
        dialing = contact.dialing
        if dialing is not None and dialing.due:
            return
        offer = floor.offers.get(contact.offer)
        if offer is None or offer.phase is not o.ACCEPTED or not offer.due:
            raise Breach("I14", f"{contact.stream} connects without a timer")
    elif contact.entry or (contact.offer and (phase is c.NEW or contact.offer in floor.offers)):
        raise Breach("I18", f"{contact.stream} is {phase.name.lower()} and owns entry or offer")


def _both_sides(floor: Floor, contact: Contact) -> None:
    """A consultation does not outlive the contact that it is about, nor is it of two."""
    if contact.phase is c.CLOSED:
        left = contact_stream(contact.consult)
    elif contact.consult_of and contact_stream(contact.consult_of) not in floor.contacts:
        left = contact.stream
    else:
        consult = floor.contacts.get(contact_stream(contact.consult))
        if contact.consult and (consult is None or consult.consult_of != contact.id):
            raise Breach("I18", f"{contact.stream} is consulted about in a contact that is gone")
        return
    if left in floor.contacts:
        raise Breach("I18", f"{left} goes on about a contact that has closed")


def _both_there(floor: Floor, contact: Contact) -> None:
    legs = floor.legs
    if not contact.leg or contact.leg not in legs:
        raise Breach("I4", f"{contact.stream} talks without two live legs")
    if contact.others and _with_others(floor, contact):
        return
    if not (contact.agent_leg and contact.agent):
        raise Breach("I4", f"{contact.stream} talks without two live legs")
    if contact.agent_leg not in legs:
        raise Breach("I13", f"{contact.stream} talks on after its agent's leg ended")
    _busy_with(floor, contact, contact.agent)


def _busy_with(floor: Floor, contact: Contact, agent: str) -> None:
    slot = floor.agents[agent].slots.get(contact.stream[8:])
    if slot is None or slot.phase is not a.BUSY:
        raise Breach("I5", f"{contact.stream} talks to {agent}, who is not busy with it")


def _with_others(floor: Floor, contact: Contact) -> bool:
    """Check a conference; tell whether it is a talk with nobody but somebody outside."""
    outside = False
    for leg in contact.more():
        if floor.legs.get(leg.id) is not contact:
            raise Breach("I13", f"{contact.stream} keeps leg {leg.id}, which is not its own")
        if leg.kind == AGENT and leg.phase >= CONNECTED:
            _busy_with(floor, contact, leg.who)
        outside = outside or (leg.kind == EXTERNAL and leg.phase >= CONNECTED)
    return outside and contact.agent is None


def check_entry(floor: Floor, entry: Entry) -> None:
    if entry.rank[2] != entry.since:
        raise Breach("I10", f"entry {entry.id}: since was changed")
    if entry.step + 1 < len(entry.steps) and not entry.step_due:
        raise Breach("I14", f"entry {entry.id}: step {entry.step} never ends")
    phase = entry.phase
    if phase is q.WAITING:
        if not entry.in_line:
            raise Breach("I3", f"entry {entry.id} waits in no group")
        _nobody_free(floor, entry)
    elif phase is q.VIRTUAL or phase is q.DIALING:
        _kept_rightly(floor, entry)
    elif not entry.offers or not all(offer in floor.offers for offer in entry.offers):
        raise Breach("I3", f"entry {entry.id} is {phase.name.lower()} without an offer")
    elif phase is q.TAKEN and len(entry.offers) > 1:
        raise Breach("I2", f"entry {entry.id} was accepted, and rings elsewhere")
    elif entry.in_line is not (phase is q.OFFERED and entry.wants_more()):
        raise Breach("I3", f"entry {entry.id} is {phase.name.lower()} and waits, or the reverse")
    elif entry.in_line:
        _nobody_free(floor, entry)


def _kept_rightly(floor: Floor, entry: Entry) -> None:
    """A place that is kept is in line, pauses, or its customer is called, once."""
    promise, dialing = entry.promise, floor.contacts[entry.contact].dialing
    if promise is None or entry.offers:
        raise Breach("I3", f"entry {entry.id} is kept for nobody, or offered")
    called = entry.phase is q.DIALING
    if called is not (dialing is not None):
        raise Breach("I21", f"entry {entry.id} is {entry.phase.name.lower()}: called, or not")
    if called and not (dialing is not None and dialing.due):
        raise Breach("I14", f"entry {entry.id}: a phone rings for ever")
    if entry.in_line is (called or bool(promise.not_before)):
        raise Breach("I14", f"entry {entry.id} is kept, and neither waits nor pauses")
    if entry.in_line:
        _nobody_free(floor, entry)


def _nobody_free(floor: Floor, entry: Entry) -> None:
    mask = floor.index.candidates(entry.group)
    if not mask or floor.unrouted or enough_called(entry.group, mask):
        return
    if entry.barred or entry.asked:
        mask &= ~apart(floor, entry, floor.fired_to)
    if mask:
        raise Breach("I8", f"entry {entry.id} waits beside a free agent who could serve")


def check_offer(floor: Floor, offer: Offer) -> None:
    if offer.phase is o.ENDED:
        raise Breach("I1", f"offer {offer.id} has ended and is still there")
    entry = floor.entries.get(offer.entry)
    agent = floor.agents[offer.agent]
    slot = agent.slots.get(offer.contact[8:])
    if slot is None or slot.offer != offer.id:
        raise Breach("I7", f"offer {offer.id} has no slot of its agent")
    if offer.phase is o.ACCEPTED:
        return
    if entry is None or entry.phase is not q.OFFERED or offer.id not in entry.offers:
        raise Breach("I3", f"offer {offer.id}: its entry is not offered")
    if slot.phase is not a.RESERVED:
        raise Breach("I7", f"offer {offer.id}: the agent is not reserved")
    if not floor.contacts[offer.contact].leg and entry.promise is None:
        raise Breach("I3", f"offer {offer.id}: nobody is there to be served")
    if not offer.due:
        raise Breach("I14", f"offer {offer.id} never expires")


def check_agent(floor: Floor, agent: Agent) -> None:
    used = 0
    waiting = _interrupted(floor, agent) if len(agent.slots) > 1 else ()
    for contact, slot in agent.slots.items():
        if slot.channel not in waiting:
            used += slot.cost
        phase = slot.phase
        if phase is a.WRAPUP:
            if not slot.due:
                raise Breach("I14", f"{agent.id} wraps up for ever")
            continue
        if not slot.offer:
            _named(floor, agent, contact, slot)
            continue
        offer = floor.offers.get(slot.offer)
        if offer is None or offer.agent != agent.id:
            raise Breach("I5", f"{agent.id}: a slot for {contact} that no offer names")
        if phase is a.RESERVED and (not agent.ready or agent.next_status):
            raise Breach("I7", f"{agent.id} is away, and {contact} rings there")
        if (phase is a.RESERVED) is (offer.phase is o.ACCEPTED):
            raise Breach("I2", f"{agent.id}: slot {phase.name}, offer {offer.phase.name}")
    allowed = agent.budget + agent.over
    if used != agent.used or used > allowed:
        raise Breach("I6", f"{agent.id}: {agent.used} used, {used} counted, {allowed} allowed")
    if not agent.logged_in:
        if agent.slots or agent.ready:
            raise Breach("I18", f"{agent.id} is logged out and owns something")
        return
    if agent.ready is not bool(agent.place):
        raise Breach("I11", f"{agent.id}: ready without a place in line, or the reverse")
    if agent.idle_by not in FREEING:
        raise Breach("I11", f"{agent.id} lost its place in line by {agent.idle_by.__name__}")
    last = floor.index.last
    if last is not None and agent.place and agent.idle_since > last.idle_since:
        raise Breach("I11", f"{agent.id} is not in line where its idle time puts it")
    if agent.next_status and not agent.slots:
        raise Breach("I16", f"{agent.id} has nothing at hand and did not leave")
    if agent.ready and agent.open:
        _nothing_waits(floor, agent)


def _interrupted(floor: Floor, agent: Agent) -> set[str]:
    """The channels that something at hand goes before."""
    return interrupted({slot.channel for slot in agent.slots.values()}, floor.channels)


def _named(floor: Floor, agent: Agent, contact_id: str, slot: Slot) -> None:
    """A slot that came of no offer belongs to a contact which names the agent."""
    contact = floor.contacts.get(contact_stream(contact_id))
    named = contact is not None and (
        contact.agent == agent.id or any(leg.who == agent.id for leg in contact.more())
    )
    if not named or slot.phase not in (a.CONNECTING, a.BUSY):
        raise Breach("I5", f"{agent.id}: a slot for {contact_id} that nothing names")


def _nothing_waits(floor: Floor, agent: Agent) -> None:
    """An idle agent sees no entry of its groups that is not kept from it."""
    if agent.next_status or floor.unrouted:
        return
    for group in floor.index.lines_for(agent):
        if agent.can_take(group.channel):
            if enough_called(group, floor.index.candidates(group)):
                continue
            for rank in group.line:
                entry_id = rank[3]
                if not floor.entries[entry_id].keeps_from(agent.id, floor.fired_to):
                    raise Breach("I8", f"{agent.id} is idle while entry {entry_id} waits")


# --- rules about a step: checked as soon as the event has evolved ------------------------------


def check_made(floor: Floor, envelope: Envelope, data: f.OfferMade) -> None:
    entry = floor.entries[data.entry]
    group = entry.group
    now = envelope.stamp.recorded_at
    if group.line and group.line[0] < entry.rank:
        for rank in group.line[: group.ahead(entry.rank)]:
            ahead = floor.entries[rank[3]]
            if not ahead.keeps_from(data.agent, floor.fired_to):
                raise Breach("I9", f"entry {entry.id} was offered before entry {ahead.id}")
    if entry.barred and entry.barred.get(data.agent, 0) > now:
        raise Breach("I19", f"entry {entry.id} was offered to {data.agent} within its back-off")
    agent = floor.agents[data.agent]
    if agent.used > agent.budget:  # Only what was at hand before may exceed a lowered budget.
        raise Breach("I6", f"{agent.id}: {agent.used} used of {agent.budget} by a new offer")
    most = floor.channels[group.channel].maximum if group.channel in floor.channels else 0
    slots = agent.slots.values()
    if 0 < most < len(slots) and sum(slot.channel == group.channel for slot in slots) > most:
        raise Breach("I6", f"{agent.id}: more than {most} of {group.channel} at once")
    most = floor.offering.a_minute
    offered = agent.offered_at
    if 0 < most < len(offered) and len([at for at in offered if at > now - MINUTE]) > most:
        raise Breach("I19", f"{agent.id}: more than {most} offers within a minute")
    if agent.certificates or floor.skills:
        _certified(floor, agent, entry, now)


def _certified(floor: Floor, agent: Agent, entry: Entry, now: int) -> None:
    """What is needed counts at the instant of the offer, whatever the index says."""
    counts = skills_at(agent.profile, agent.certificates, floor.skills, now)
    if not entry.group.need.fits(counts):
        raise Breach("I20", f"entry {entry.id} was offered to {agent.id}, whose skill has lapsed")


def check_not_ready(floor: Floor, envelope: Envelope, data: f.AgentNotReady) -> None:
    if data.reason == "rona" and floor.expired_position != envelope.position - 1:
        raise Breach("I15", "an agent was set aside for an offer that did not ring out")


def check_entered(floor: Floor, envelope: Envelope, data: f.QueueEntered) -> None:
    position, since = floor.overflowed
    if position == envelope.position - 1 and since != data.since and floor.kind != "imported":
        raise Breach("I10", f"entry {data.entry} overflowed and waits anew")


def check_expired(floor: Floor, envelope: Envelope, data: f.OfferExpired) -> None:
    """Who can't be reached has not let it ring out: such an offer failed."""
    for machine in floor.touched:
        if type(machine) is Agent and machine.last_offer == data.offer and machine.lost:
            raise Breach("I15", f"offer {data.offer} rang out where nobody could hear it")


def check_left(floor: Floor, envelope: Envelope, data: f.QueueLeft) -> None:
    if data.wait_us < 0:
        raise Breach("I22", f"entry {data.entry} waited {data.wait_us} us")


def check_closed(floor: Floor, envelope: Envelope, data: f.ContactClosed) -> None:
    if data.reason != "abandoned":
        return
    # What was touched last stands last, as a rule.
    contacts = (x for x in reversed(floor.touched) if type(x) is Contact)
    contact = next((x for x in contacts if x.stream == envelope.stream), None)
    if data.phase in ("talk", "hold") or (contact is not None and contact.since):
        raise Breach("I17", "a contact that was connected is not abandoned")


def check_ready(floor: Floor, envelope: Envelope, data: f.AgentReady) -> None:
    if floor.agents[envelope.stream[6:]].next_status:
        raise Breach("I16", f"{envelope.stream} turned ready and still wants to leave")


def check_next_status(floor: Floor, envelope: Envelope, data: f.AgentNextStatusSet) -> None:
    agent = floor.agents[envelope.stream[6:]]
    if (agent.next_status, agent.next_reason) != (data.status, data.reason):
        raise Breach("I16", f"{agent.id}: the last next status did not win")


STEP_CHECKS: Final[dict[type, Callable[[Floor, Envelope, Any], None]]] = {
    f.OfferMade: check_made,
    f.AgentNotReady: check_not_ready,
    f.OfferExpired: check_expired,
    f.QueueEntered: check_entered,
    f.QueueLeft: check_left,
    f.ContactClosed: check_closed,
    f.AgentReady: check_ready,
    f.AgentNextStatusSet: check_next_status,
}

NO_MOVE: Final[dict[type, str]] = {
    f.OfferMade: "I3",
    f.OfferAlerting: "I2",
    f.OfferAccepted: "I2",
    f.OfferRejected: "I1",
    f.OfferExpired: "I1",
    f.OfferRescinded: "I1",
    f.OfferFailed: "I1",
    f.ContactConnected: "I2",
    f.ContactConnectFailed: "I2",
    f.ContactAgentLeft: "I5",
    f.ContactClosed: "I17",
    f.QueueLeft: "I22",
    f.LegCleared: "I4",
    f.LegLost: "I4",
    f.LegOrdered: "I21",
    f.QueuePlaceKept: "I3",
    f.QueueResumed: "I3",
    f.AgentWrapupStarted: "I5",
    f.AgentWrapupExtended: "I12",
    f.AgentWrapupEnded: "I12",
}
"""What is broken by an event that no machine can follow: it has ended, or never began."""

CHECKS: Final[dict[type, Callable[[Floor, Any], None]]] = {
    Contact: check_contact,
    Entry: check_entry,
    Offer: check_offer,
    Agent: check_agent,
}
