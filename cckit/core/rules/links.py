"""Connections lost and found: what was going on, who is blamed, and what is done about it.

Nobody invents when something ended while nobody listened: ``leg.lost`` says when it was last
known to live and when it was found missing. What follows a lost leg is what follows one that
was cleared, put down to the switch.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from cckit.core import agent as a
from cckit.core import commands as m
from cckit.core import contact as c
from cckit.core import facts as f
from cckit.core import leg as lg
from cckit.core import offer as o
from cckit.core.ask import Ask
from cckit.core.errors import Refused
from cckit.core.events import SYSTEM, Actor, Pair
from cckit.core.floor import Floor
from cckit.core.ids import CENTER, AgentId, EntryId, LegId, OfferId, Stream, contact_stream
from cckit.core.instant import Instant
from cckit.core.link import CARRIES, GRACE_US, UNREACHABLE, UNREACHABLE_US, Link

from . import contacts, offers
from .agents import take_back, unknown
from .endings import goes, off_hold, part_ends
from .targets import again_steps

Drafts = list[Pair]
WHAT = ("desk", "device")
LOST = "switch_lost"
CONSULT_OF: Final = "consult_of"
NEEDS: Final[dict[type, str]] = {f.MessageSent: "send", f.QueuePlaceKept: "dial"}
"""Facts that are an order, or a promise of one."""
STRANGERS_MAX = 256
"""Adopted at a time; the next list of sessions names the rest again."""


# --- adapters --------------------------------------------------------------------------------


def link(floor: Floor, command: m.ReportLink, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    wrong = _not_theirs(command.adapter, actor)
    if wrong is not None:
        return wrong
    known = floor.links.get(command.adapter)
    if command.up is (known is None or known.up):
        return []
    seen = Instant(min(now, now if command.seen_at is None else command.seen_at))
    changed = (CENTER, f.AdapterLinkChanged(command.adapter, command.up, seen))
    if command.up or (known is not None and known.gap):
        return [changed]
    return [changed, (CENTER, f.GapOpened(f"link {command.adapter}"))]


def _not_theirs(adapter: str, actor: Actor) -> Refused | None:
    if adapter and (actor.kind != "adapter" or actor.id == adapter):
        return None
    what = f"{actor.id!r} does not speak for {adapter!r}"
    return Refused("adapter.not_yours", f"adapter {adapter!r}", what, "name the adapter that asks")


NOT_REFUSED: Final = frozenset(
    (
        m.ReportArrived,
        m.ReportAlerting,
        m.ReportAnswered,
        m.ReportFailed,
        m.ReportBridged,
        m.ReportHeld,
        m.ReportRetrieved,
        m.ReportCleared,
        m.ReportDelivered,
        m.ReportEstablished,
        m.ReportMessage,
        m.ReportStatus,
        m.ReportLink,
        m.ReportAgentLink,
        m.ReportSessions,
        m.TimerDue,
        m.Route,
    )
)
"""What has happened, or follows: a report, a timer and routing are never refused."""


def beyond(floor: Floor, command: object, drafts: Iterable[Pair], ask: Ask) -> Refused | None:
    """Refuse a request that would order an adapter to do what it can't.

    Asked only where an adapter says what it can do, of all that the request leads to, also
    what a plugin's rule or a consultation begins. A place is kept only where its customer can
    be called, so what routing and timers order later was looked at here. What else follows
    without a request (a message at the next step of a wait, who is cleared since others are
    gone) goes out, and what an adapter can't is the failed result of that order.
    """
    if type(command) in NOT_REFUSED:
        return None
    about: dict[Stream, Stream] = {}
    for stream, fact in drafts:
        if type(fact) is f.ContactLinked and fact.kind == CONSULT_OF:
            about[stream] = contact_stream(fact.other)
        order = _ordered(fact)
        if order:
            contact = floor.contacts.get(stream)
            if contact is not None and contact.consult_of:
                about[stream] = contact_stream(contact.consult_of)
            contact = floor.contacts.get(about.get(stream, stream))
            adapter = contact.adapter if contact is not None else ""
            if not ask.able(adapter, order):
                what = f"{adapter or 'no adapter'} can't {order}"
                remedy = "ask for what the channel declares"
                return Refused("adapter.unable", stream, what, remedy)
    return None


def _ordered(fact: object) -> str:
    """What an adapter has to be able to, now or later, for this fact; empty is nothing."""
    return fact.order if type(fact) is f.LegOrdered else NEEDS.get(type(fact), "")


# --- agents ----------------------------------------------------------------------------------


def agent_link(
    floor: Floor, command: m.ReportAgentLink, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    agent = floor.agents.get(command.agent)
    if agent is None:
        return unknown(command.agent)
    if command.what not in WHAT:
        what = f"{command.what!r} is no part of an agent's place"
        return Refused("agent.bad_link", agent.stream, what, f"use {' or '.join(WHAT)}")
    if not agent.logged_in or command.up is (command.what not in agent.lost):
        return []
    if command.up:
        still = agent.lost_due if len(agent.lost) > 1 else 0
        due = Instant(still) if still else None
        return [(agent.stream, f.AgentLinkChanged(command.what, True, due))]
    due = Instant(agent.lost_due or now + UNREACHABLE_US)
    ringing = [slot.offer for slot in agent.slots.values() if slot.phase is a.RESERVED]
    lost = (agent.stream, f.AgentLinkChanged(command.what, False, due))
    return [*take_back(floor, ringing, "link_lost"), lost]


def unreachable(floor: Floor, command: m.TimerDue, now: int) -> Drafts:
    """Let others serve: the agent is out of reach, and what was said there is not heard.

    What the lost part does not carry goes on: a phone talks on without a desk.
    """
    agent = floor.agents.get(AgentId(command.subject))
    if agent is None or agent.lost_by != command.set_position or not 0 < agent.lost_due <= now:
        return []
    drafts: Drafts = [(agent.stream, f.AgentNotReady(UNREACHABLE, "system"))]
    if agent.next_status == "logged_out":  # It is wanted as before.
        drafts.append((agent.stream, f.AgentNextStatusSet("logged_out", agent.next_reason)))
    head = _Head(floor)
    for contact_id, slot in agent.slots.items():
        contact = floor.contacts.get(contact_stream(contact_id))
        if contact is None or slot.phase is not a.BUSY:
            continue
        if CARRIES.get(contact.channel, "desk") in agent.lost:
            drafts += _without(floor, head, contact, (agent.id,), UNREACHABLE, now)
    return list(_once(drafts))


def _once(drafts: Iterable[Pair]) -> Iterator[Pair]:
    """Leave out what befalls a contact or an offer that this decision has ended before.

    Its parts all read the same floor, in which nothing has ended yet.
    """
    over: set[str] = set()
    ended: set[int] = set()
    for stream, fact in drafts:
        if type(fact) in (f.OfferFailed, f.OfferRescinded):
            if fact.offer in ended:
                continue
            ended.add(fact.offer)
        about = getattr(fact, "contact", None)
        if stream in over or (about is not None and contact_stream(about) in over):
            continue
        if type(fact) is f.ContactClosed:
            over.add(stream)
        yield stream, fact


class _Head:
    """Gives out entries of one decision, whose parts all read the same floor."""

    def __init__(self, floor: Floor) -> None:
        self.next = floor.next_id()
        self.came: dict[str, int] = {}

    def id(self) -> int:
        self.next += 1
        return self.next - 1

    def entered(self, floor: Floor, contact: c.Contact) -> Pair | None:
        """Put a contact whose agent is lost before all who wait; it has waited before.

        None where it never waited: nobody else is known who could serve.
        """
        queue = floor.queues.get(contact.queue) if contact.queue else None
        if queue is None:
            return None
        came = self.came[queue.id] = self.came.get(queue.id, 0) + 1
        entered = f.QueueEntered(
            EntryId(self.id()),
            queue.id,
            queue.n + came,
            Instant(contact.waited),
            contact.priority,
            max(1, contact.lane),
            tuple(again_steps(floor, contact, queue, None)),
        )
        return (contact.stream, entered)


def _without(
    floor: Floor,
    head: _Head,
    contact: c.Contact,
    lost: Sequence[str],
    why: str,
    now: int,
    gone: Sequence[LegId] = (),
) -> Drafts:
    """End the parts of agents who are lost: others talk on, or the customer is next in line.

    Those who are lost together are looked at together: each alone would leave the contact to
    the others. A consultation that loses everybody ends; so does one about the contact, for
    who asked is not there.

    :param gone: legs that are lost, too, and so are not to be cleared.
    """
    left = [agent for agent in contact.serving() if agent not in lost]
    if contact.consult_of and not left:
        return goes(floor, contact, "system", now)
    consult = floor.contacts.get(contact_stream(contact.consult)) if contact.consult else None
    drafts = [] if consult is None else goes(floor, consult, "system", now)
    for agent in reversed([agent for agent in contact.serving() if agent in lost]):
        drafts += part_ends(floor, contact, agent, why, now)
    if left:
        return drafts
    drafts += off_hold(contact)
    for leg in contact.more():
        if leg.kind == lg.EXTERNAL and leg.id not in gone:
            drafts.append((contact.stream, f.LegOrdered(leg.id, "clear")))
    entered = head.entered(floor, contact)
    closed = (contact.stream, f.ContactClosed("failed", "system", "system"))
    return [*drafts, closed if entered is None else entered]


# --- reconciliation --------------------------------------------------------------------------


def sessions(
    floor: Floor, command: m.ReportSessions, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    wrong = _not_theirs(command.adapter, actor)
    if wrong is not None:
        return wrong
    if command.as_of > now:
        what = f"nobody knows at {now} what lives at {command.as_of}"
        where = f"adapter {command.adapter!r}"
        return Refused("adapter.bad_as_of", where, what, "say when the list was asked for")
    link = floor.links.get(command.adapter, Link())
    head = _Head(floor)
    lost = list(_once(_lost(floor, command, link, head, now, ask)))
    found = list(_strangers(floor, command, link, head, now))
    drafts = lost + found
    if link.up and link.gap:
        counts = {
            "adopted": sum(type(fact) is f.LegAdopted for _, fact in found),
            "lost": sum(type(fact) is f.LegLost for _, fact in lost),
        }
        until = Instant(max(link.gap, command.as_of))
        drafts.append((CENTER, f.GapClosed(Instant(link.gap), until, counts)))
    return drafts


def _lost(
    floor: Floor, command: m.ReportSessions, link: Link, head: _Head, now: int, ask: Ask
) -> Iterator[Pair]:
    """What follows each leg that the adapter had, and has no more."""
    adapter, as_of, alive = command.adapter, command.as_of, frozenset(command.legs)
    gone: dict[c.Contact, list[LegId]] = {}
    for contact in sorted(floor.contacts.values(), key=lambda one: one.stream):
        known = [leg for leg, by, at in _legs(contact) if by == adapter and at <= as_of]
        missing = [leg for leg in known if leg not in alive]
        if missing:
            gone[contact] = missing
    for offer in sorted(floor.offers.values(), key=lambda offer: offer.id):
        rang = offer.adapter == adapter and 0 < offer.rang_at <= as_of
        if rang and offer.leg not in alive and floor.contacts[offer.contact] not in gone:
            yield from offers.lost(floor, offer, LOST)
    for contact, legs in gone.items():
        yield from _legs_lost(floor, head, contact, legs, link, now, ask)


def _legs(contact: c.Contact) -> Iterator[tuple[LegId, str, int]]:
    """Yield the live legs: which, which adapter's, since when."""
    if contact.leg:
        yield contact.leg, contact.adapter, contact.there
    if contact.agent_leg and contact.phase is c.TALKING:
        yield contact.agent_leg, contact.agent_adapter, contact.since
    for leg in contact.more():
        if leg.phase in (lg.CONNECTED, lg.HOLD):
            yield leg.id, leg.adapter, leg.since


def _legs_lost(
    floor: Floor,
    head: _Head,
    contact: c.Contact,
    gone: list[LegId],
    link: Link,
    now: int,
    ask: Ask,
) -> Iterator[Pair]:
    since = {leg: at for leg, _, at in _legs(contact)}

    def seen(leg: LegId) -> Instant:
        return Instant(max(at for at in (since[leg], link.seen, floor.left_at) if at <= now))

    def blamed(drafts: Drafts | Refused) -> Iterator[Pair]:
        """Put what follows down to the switch, which has lost them."""
        assert not isinstance(drafts, Refused)
        for stream, fact in drafts:
            if type(fact) is f.LegCleared:
                yield stream, f.LegLost(fact.leg, seen(fact.leg), Instant(now))
            elif type(fact) is f.ContactClosed:
                yield stream, f.ContactClosed("failed", LOST, "system")
            elif type(fact) is f.ContactAgentLeft:
                yield stream, f.ContactAgentLeft(fact.agent, LOST)
            elif type(fact) is f.QueueLeft:
                yield stream, f.QueueLeft(fact.entry, "cancelled", fact.wait_us)
            else:
                yield stream, fact

    if contact.leg in gone:  # The others end with it.
        gone = [contact.leg]
    agents = _agents_of(contact, gone)
    for leg in gone:
        if leg in agents:
            yield contact.stream, f.LegLost(leg, seen(leg), Instant(now))
        else:
            report = m.ReportCleared(leg, LOST)
            yield from blamed(contacts.cleared(floor, report, now, ask, SYSTEM))
    if agents:
        yield from _without(floor, head, contact, tuple(agents.values()), LOST, now, gone)


def _agents_of(contact: c.Contact, legs: Iterable[LegId]) -> dict[LegId, str]:
    """Whose these legs are, of those that are of agents who talk."""
    found = {}
    for leg_id in legs:
        leg = contact.other(leg_id)
        if leg_id == contact.agent_leg and contact.agent is not None:
            found[leg_id] = contact.agent
        elif leg is not None and leg.kind == lg.AGENT:
            found[leg_id] = leg.who
    return found


def _strangers(
    floor: Floor, command: m.ReportSessions, link: Link, head: _Head, now: int
) -> Iterator[Pair]:
    """Name what nobody knows; clear it when nobody has claimed it for a while."""
    ours = {
        str(leg): leg
        for leg in command.legs
        if leg not in floor.legs and leg not in floor.ringing and floor.was_given(leg)
    }
    known = {stranger.leg: ref for ref, stranger in link.strangers.items()}
    alive = {known.get(leg, ref) for ref, leg in ours.items()} | set(command.strangers)
    for ref in sorted(alive - link.strangers.keys())[:STRANGERS_MAX]:
        leg = ours.get(ref) or LegId(head.id())
        yield CENTER, f.LegAdopted(leg, command.adapter, ref)
    for ref, stranger in sorted(link.strangers.items()):
        if ref not in alive:
            if stranger.at <= command.as_of:
                last = Instant(max(stranger.at, min(link.seen, now)))
                yield CENTER, f.LegLost(stranger.leg, last, Instant(now))
        elif not stranger.ordered and stranger.at + GRACE_US <= now:
            yield CENTER, f.LegOrdered(stranger.leg, "clear")


def recovered(floor: Floor) -> Drafts:
    """Take back what rang when the process ended: nobody knows whether it rings still.

    What was accepted is settled by its own timer, or by the list of sessions.
    """
    ringing = [one.id for one in floor.offers.values() if one.phase is not o.ACCEPTED]
    return take_back(floor, map(OfferId, sorted(ringing)), "recovery")
