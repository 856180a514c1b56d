"""A switch that is not there: sessions, ringing, answers and hang-ups, all drawn from a seed.

It is pure, so it can stand behind an adapter (``LoopChannel``) or be driven step by step. It
takes the orders that a channel is given and gives what it would tell in return, each fact
with its source ref, its number and the instant at which it happens. What it knows is its
sessions: who is on the line, under which of our names.
"""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from random import Random
from typing import Any, Final, NamedTuple

import attrs

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.events import Envelope
from cckit.core.ids import LegId, OfferId, Stream
from cckit.core.instant import SECOND
from cckit.core.leg import CUSTOMER

ORDERS: Final[tuple[type, ...]] = (
    f.ContactCreated,
    f.OfferMade,
    f.OfferAlerting,
    f.OfferAccepted,
    f.OfferRejected,
    f.OfferExpired,
    f.OfferRescinded,
    f.OfferFailed,
    f.ContactConnected,
    f.ContactConnectFailed,
    f.ContactAgentLeft,
    f.ContactClosed,
    f.LegOrdered,
    f.LegAdopted,
    f.MessageSent,
)
"""What a switch acts on: orders, and the events that give its sessions our names."""
ABILITIES: Final = frozenset({"dial", "join", "hold", "retrieve", "clear", "send"})
ENDED: Final = (
    f.OfferRejected,
    f.OfferExpired,
    f.OfferRescinded,
    f.OfferFailed,
    f.ContactConnectFailed,
)


class Fact(NamedTuple):
    """Something that happens at the switch, and what is reported of it."""

    at: int
    ref: str
    number: int
    command: Any


@attrs.define(slots=True, eq=False)
class Session:
    """Somebody on the line."""

    ref: str
    contact: Stream | None = None
    leg: int = 0
    """Our name for it; 0 while it has none."""
    offer: int = 0
    agent: str = ""
    number: int = 0
    """Facts told of it so far."""


class Switch:
    """Deterministic by its seed and by what is asked of it, in order.

    :param answers: of a thousand phones that ring, how many are picked up.
    :param quick: everything happens at once, and is answered.

    .. versionadded:: 0.3
    """

    def __init__(self, seed: int, answers: int = 800, *, quick: bool = False) -> None:
        self.random = Random(seed)
        self.answers = answers
        self.quick = quick
        self.live: dict[str, Session] = {}
        self.facts: list[tuple[int, int, Session, Any]] = []
        self.told = 0
        """Facts so far, which breaks ties in time."""

    # --- what people do ---------------------------------------------------------------

    def call_in(self, now: int, ref: str, channel: str = "voice", **more: Any) -> None:
        """Somebody calls."""
        session = self.live[ref] = Session(ref)
        self._tell(now, session, c.ReportArrived(channel, ref=ref, **more))

    def hang_up(self, now: int, ref: str) -> bool:
        """Somebody goes; False if they are gone."""
        session = self.live.get(ref)
        if session is None:
            return False
        self._end(now, session, "normal")
        return True

    def restart(self) -> None:
        """Lose every session, and what was about to be told."""
        self.live.clear()
        self.facts.clear()

    def lose_all_but_customers(self) -> None:
        """Lose the sessions of agents and of who was called for them, all at once."""
        for ref, session in list(self.live.items()):
            if session.agent not in ("", CUSTOMER):
                del self.live[ref]

    # --- what it tells ----------------------------------------------------------------

    def next_at(self) -> int | None:
        """When the next fact happens."""
        return self.facts[0][0] if self.facts else None

    def until(self, now: int) -> Iterator[Fact]:
        """Take what has happened by now, in order."""
        while self.facts and self.facts[0][0] <= now:
            at, _, session, command = heappop(self.facts)
            if type(command) is c.ReportCleared:
                command = c.ReportCleared(LegId(session.leg), command.cause)
                if not session.leg:
                    continue  # It never had a name: nobody misses it.
            elif self.live.get(session.ref) is not session:
                continue  # It ended before.
            session.number += 1
            yield Fact(at, session.ref, session.number, command)

    def sessions(self) -> tuple[tuple[LegId, ...], tuple[str, ...]]:
        """List who is on the line: our names, and its own for those without."""
        legs = sorted(one.leg for one in self.live.values() if one.leg)
        # What rings for an offer has no name yet, but is no stranger.
        strangers = sorted(o.ref for o in self.live.values() if not o.leg and not o.offer)
        return tuple(map(LegId, legs)), tuple(strangers)

    def _tell(self, at: int, session: Session, command: Any) -> None:
        self.told += 1
        heappush(self.facts, (at, self.told, session, command))

    def _end(self, now: int, session: Session, cause: str) -> None:
        if self.live.pop(session.ref, None) is not None:
            self._tell(now, session, c.ReportCleared(LegId(0), cause))

    def _soon(self, most_s: int) -> int:
        return 0 if self.quick else self.random.randrange(most_s * SECOND)

    # --- what it is told to do --------------------------------------------------------

    def order(self, now: int, envelope: Envelope, data: Any) -> None:
        """Carry out one durable event; anything that it does not act on is nothing to it."""
        kind = type(data)
        if kind is f.ContactCreated:
            self._named(data.ref, envelope.stream, data.leg)
        elif kind is f.LegAdopted:
            self._named(data.ref, None, data.leg)
        elif kind is f.OfferMade:
            self._ring(now, envelope.stream, data)
        elif kind is f.OfferAlerting:
            self._named(f"o{data.offer}", envelope.stream, data.leg)
        elif kind is f.OfferAccepted:
            self._accepted(now, data.offer)
        elif kind is f.ContactConnected and data.offer is not None:
            self._named(f"o{data.offer}", envelope.stream, data.leg)
        elif kind in ENDED:
            self._drop(now, (self.live.get(f"o{data.offer}"),))
        elif kind is f.ContactClosed:
            self._drop(now, [one for one in self.live.values() if one.contact == envelope.stream])
        elif kind is f.ContactAgentLeft:
            here = [one for one in self.live.values() if one.contact == envelope.stream]
            self._drop(now, [one for one in here if one.agent == data.agent])
        elif kind is f.LegOrdered:
            self._leg(now, envelope.stream, data)

    def _named(self, ref: str, contact: Stream | None, leg: int) -> None:
        session = self.live.get(ref)
        if session is not None and leg:
            session.contact = contact
            session.leg = leg

    def _drop(self, now: int, sessions: Iterable[Session | None]) -> None:
        for session in sessions:
            if session is not None:
                self._end(now, session, "normal")

    def _ring(self, now: int, contact: Stream, made: f.OfferMade) -> None:
        ref = f"o{made.offer}"
        session = self.live[ref] = Session(ref, contact, 0, made.offer, made.agent)
        at = now + self._soon(2)
        offer = OfferId(made.offer)
        fate = 0 if self.quick else self.random.randrange(1000)
        if fate >= 950:
            self._tell(at, session, c.ReportFailed(offer, "unobtainable"))
            return
        self._tell(at, session, c.ReportAlerting(offer))
        if fate < self.answers:
            self._tell(at + self._soon(12), session, c.ReportAnswered(offer))

    def _accepted(self, now: int, offer: OfferId) -> None:
        session = self.live.get(f"o{offer}")
        if session is None:
            return
        if not self.quick and self.random.randrange(1000) < 50:
            self._tell(now + self._soon(2), session, c.ReportFailed(offer, "carrier"))
        else:
            self._tell(now + self._soon(2), session, c.ReportBridged(offer))

    def _leg(self, now: int, contact: Stream, data: f.LegOrdered) -> None:
        ref = self._ref_of(data.leg)
        if data.order == "clear":
            self._drop(now, (self.live.get(ref),))
        elif data.order in ("hold", "retrieve"):
            session = self.live.get(ref)
            if session is not None:
                report = c.ReportHeld if data.order == "hold" else c.ReportRetrieved
                self._tell(now + self._soon(1), session, report(data.leg))
        elif data.order in ("dial", "join", "monitor"):
            self._dial(now, contact, data, ref)

    def _ref_of(self, leg: int) -> str:
        found = (one.ref for one in self.live.values() if one.leg == leg)
        return next(found, f"l{leg}")

    def _dial(self, now: int, contact: Stream, data: f.LegOrdered, ref: str) -> None:
        session = self.live.get(ref)
        if session is not None:  # Who is on the line already is joined to somebody.
            session.contact = contact
            return
        session = self.live[ref] = Session(ref, contact, data.leg)
        session.agent = (data.role or "").removeprefix("agent/")
        at = now + self._soon(2)
        if data.order == "dial":
            if not self.quick and self.random.randrange(1000) >= self.answers:
                session.number += 1
                self.live.pop(ref)
                cause = self.random.choice(("busy", "no_answer"))
                self._tell(at, session, c.ReportCleared(data.leg, cause))
                return
            self._tell(at, session, c.ReportDelivered(data.leg))
            at += self._soon(10)
        self._tell(at, session, c.ReportEstablished(data.leg))
