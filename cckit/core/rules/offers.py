"""Offers: ring, accept, reject, fail, bridge."""

from hashlib import sha256

from cckit.core import commands as m
from cckit.core import contact as c
from cckit.core import facts as f
from cckit.core import offer as o
from cckit.core import queue as q
from cckit.core.ask import Ask
from cckit.core.channel import CALL
from cckit.core.errors import Refused
from cckit.core.events import Actor, Pair
from cckit.core.floor import Floor
from cckit.core.ids import CENTER, LegId, OfferId
from cckit.core.instant import Span
from cckit.core.routing import call

Drafts = list[Pair]


def stale(
    floor: Floor, offer_id: int, fact: str, actor: Actor, leg: LegId | None = None
) -> Drafts | Refused:
    """Answer a report about an offer that is no more, or never was.

    The leg that it speaks of, else the offer's, is ordered to be cleared if nobody has it.
    """
    ended = floor.ended.get(offer_id)
    if ended is not None:
        position, stream, known = ended
        drafts: Drafts = [(stream, f.FactSuperseded(f"{fact} {offer_id}", position))]
        ghost = LegId(leg or known)
        if fact != "ReportFailed" and _is_free(floor, ghost):
            drafts.append((stream, f.LegOrdered(ghost, "clear")))
        return drafts
    if floor.was_given(offer_id):
        digest = sha256(f"{fact} {offer_id}".encode()).digest()
        return [(CENTER, f.FactQuarantined(actor.id, digest, "offer.ended_long_ago"))]
    return unknown(offer_id)


def unknown(offer_id: int) -> Refused:
    what = "this log never made such an offer"
    return Refused("offer.unknown", f"offer {offer_id}", what, "use the id of offer.made")


def not_theirs(offer: o.Offer, actor: Actor) -> Refused | None:
    """Refuse an agent who answers for another; who is no agent may answer for any."""
    if actor.kind != "agent" or actor.id == offer.agent:
        return None
    what = "it was made to another agent"
    return Refused("offer.not_yours", f"offer {offer.id}", what, "answer offers made to you")


def alerting(
    floor: Floor, command: m.ReportAlerting, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    offer = floor.offers.get(command.offer)
    if offer is None:
        return stale(floor, command.offer, "ReportAlerting", actor, command.leg)
    if offer.phase is not o.MADE:
        return []  # Told twice, or later than the answer: nothing new.
    leg = command.leg if command.leg is not None else LegId(floor.next_id())
    if command.leg is not None and not _is_free(floor, leg):
        what = f"leg {leg} is in use, or no id of this log"
        return Refused("leg.not_free", f"offer {offer.id}", what, "name none: the event gives one")
    return [(offer.contact, f.OfferAlerting(offer.id, leg))]


def _is_free(floor: Floor, leg: LegId) -> bool:
    """Tell whether an adapter may use this id: it was given out, and is nobody's now."""
    return leg not in floor.legs and leg not in floor.ringing and floor.was_given(leg)


def accept(
    floor: Floor,
    command: m.AcceptOffer | m.ReportAnswered,
    now: int,
    ask: Ask,
    actor: Actor,
) -> Drafts | Refused:
    offer = floor.offers.get(command.offer)
    if offer is None:
        return stale(floor, command.offer, type(command).__name__, actor)
    refused = not_theirs(offer, actor)
    if refused is not None:
        return refused
    if offer.phase is o.ACCEPTED:
        return []
    entry = floor.entries[offer.entry]
    drafts = _accepted(floor, offer)
    if entry.promise is not None:
        drafts += _called(floor, entry, now)
    contact = floor.contacts[offer.contact]
    if contact.leg and not floor.channels.get(contact.channel, CALL).calls:
        drafts += connected(floor, offer, entry, now)  # There is nothing to bridge.
    return drafts


def reject(
    floor: Floor, command: m.RejectOffer, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    offer = floor.offers.get(command.offer)
    refused = None if offer is None else not_theirs(offer, actor)
    if refused is not None:
        return refused
    if offer is None or offer.phase is o.ACCEPTED:
        if offer is None and not floor.was_given(command.offer):
            return unknown(command.offer)
        what = "the offer has ended, or was accepted"
        return Refused("offer.stale_fence", f"offer {command.offer}", what, "nothing is to be done")
    return [(offer.contact, f.OfferRejected(offer.id, command.reason))]


def failed(
    floor: Floor, command: m.ReportFailed, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    offer = floor.offers.get(command.offer)
    if offer is None:
        return stale(floor, command.offer, "ReportFailed", actor)
    return lost(floor, offer, command.cause)


def lost(floor: Floor, offer: o.Offer, cause: str) -> Drafts:
    """The agent's side of an offer came to nothing."""
    if offer.phase is o.ACCEPTED:
        return connect_failed(floor, offer, cause)
    return [(offer.contact, f.OfferFailed(offer.id, cause))]


def connect_failed(floor: Floor, offer: o.Offer, cause: str) -> Drafts:
    contact = floor.contacts[offer.contact]
    if contact.phase is not c.CONNECTING:
        return []  # They talk already; the end of a leg is what ends that.
    return [(offer.contact, f.ContactConnectFailed(offer.id, cause))]


def bridged(
    floor: Floor, command: m.ReportBridged, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    offer = floor.offers.get(command.offer)
    if offer is None:
        return stale(floor, command.offer, "ReportBridged", actor)
    contact = floor.contacts[offer.contact]
    if contact.phase is c.TALKING:
        return []
    entry = floor.entries[offer.entry]
    stream = offer.contact
    drafts = connected(floor, offer, entry, now)
    dialing = contact.dialing
    if not contact.leg:
        if dialing is None or offer.phase is not o.ACCEPTED:
            digest = sha256(f"ReportBridged {offer.id}".encode()).digest()
            return [(CENTER, f.FactQuarantined(actor.id, digest, "contact.nobody_there"))]
        # That they answered is on the way behind it.
        return [
            (stream, f.LegEstablished(dialing.id)), (stream, f.QueueResumed(entry.id)), *drafts
        ]  # fmt: skip
    if offer.phase is not o.ACCEPTED:  # Its answer is on the way behind it: they talk.
        called = [] if entry.promise is None else _called(floor, entry, now)
        return [*_accepted(floor, offer), *called, *drafts]
    return drafts


def connected(floor: Floor, offer: o.Offer, entry: q.Entry, now: int) -> Drafts:
    """Agent and customer are together: the wait is over."""
    wait = Span(max(0, now - entry.since))
    leg = LegId(offer.leg or floor.next_id())
    stream = offer.contact
    return [
        (stream, f.ContactConnected(offer.agent, entry.id, offer.id, leg)),
        (stream, f.QueueLeft(entry.id, "answered", wait)),
    ]


def _called(floor: Floor, entry: q.Entry, now: int) -> Drafts:
    """What follows when an agent takes somebody whose place was kept: they are called."""
    if floor.contacts[entry.contact].leg:
        return [(entry.contact, f.QueueResumed(entry.id))]  # They never hung up.
    return [call(floor, entry.contact, now + entry.group.queue.settings.callback_ring_us)]


def rescind(entry: q.Entry, reason: str) -> Drafts:
    """Take back the live offers of an entry, if there are any."""
    if entry.phase is not q.OFFERED:
        return []
    return [(entry.contact, f.OfferRescinded(OfferId(one), reason)) for one in entry.offers]


def _accepted(floor: Floor, offer: o.Offer) -> Drafts:
    """One takes it; whoever else is asked in this round is not to answer dead air."""
    stream = offer.contact
    drafts: Drafts = [(stream, f.OfferAccepted(offer.id))]
    for other in floor.entries[offer.entry].offers:
        if other != offer.id:
            drafts.append((stream, f.OfferRescinded(OfferId(other), "answered_elsewhere")))
    return drafts
