"""What the whole floor writes: hand-over, promises, messages, modes, faults."""

from typing import Any, Protocol

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.channel import ChannelSettings
from cckit.core.events import SYSTEM, Actor, Decision, Draft
from cckit.core.ids import CENTER, AgentId, ContactId, LegId, OfferId, QueueId, SubjectId
from cckit.core.instant import HOUR, MINUTE, SECOND, Instant
from cckit.core.settings import QueueSettings

HELP, SECOND_LINE = QueueId("care"), QueueId("second")
DORA, EMIL = AgentId("dora"), AgentId("emil")
LINE, BOSS, ADMIN = Actor("adapter", "line"), Actor("supervisor", "boss"), Actor("admin", "root")
ZOE = SubjectId("0f" * 16)


class Pen(Protocol):
    """Goes on writing a log."""

    engine: Any
    now: Instant

    def do(self, command: Any, actor: Actor = SYSTEM) -> Decision: ...


def whole_floor(pen: Pen) -> None:
    """Everything that the floor learned after 0.2, as adapters, agents and supervisors do it."""
    _employ(pen)
    _hand_over(pen)
    _promise(pen)
    _write(pen)
    _relax(pen)
    _fail(pen)


def _employ(pen: Pen) -> None:
    settings = QueueSettings(
        agents=(DORA, EMIL), estimator="les", steps=("he >= 3 for_us=30000000", "he >= 1")
    )
    pen.do(c.ApplyConfig("queue", HELP, settings.pack()), ADMIN)
    pen.do(c.ApplyConfig("queue", SECOND_LINE, QueueSettings(agents=(EMIL,)).pack()), ADMIN)
    chat = ChannelSettings(calls=False, cost=20, maximum=5, idle_us=HOUR)
    pen.do(c.ApplyConfig("channel", "chat", chat.pack()), ADMIN)
    for agent, level in ((DORA, 3), (EMIL, 2)):
        pen.do(c.SetProfile(agent, {"he": level}, {"voice": 100, "chat": 20}), ADMIN)
        pen.do(c.LogIn(agent, ("chat", "voice")), Actor("agent", agent))
        pen.do(c.SetReady(agent), Actor("agent", agent))
    window = (pen.now, Instant(pen.now + 24 * HOUR))
    pen.do(c.SetCertification(EMIL, "he", *window), ADMIN)


def _hand_over(pen: Pen) -> None:
    """Identify, consult, talk in threes, and leave; then a blind transfer."""
    first = _talks(pen, "threes", HELP)
    pen.do(c.Identify(first, ZOE, "questions", 2), Actor("agent", DORA))
    pen.do(c.GiveConsent(first, "recording", True, "asked"), Actor("agent", DORA))
    pen.do(c.Consult(first, "agent", EMIL, ContactId("c0" * 16)), Actor("agent", DORA))
    _answers(pen)
    pen.do(c.Conference(first), Actor("agent", DORA))
    pen.do(c.LeaveContact(first, DORA), Actor("agent", DORA))
    _wrapped(pen, DORA, first)
    pen.do(c.Transfer(first, "queue", SECOND_LINE), Actor("agent", EMIL))
    _wrapped(pen, EMIL, first)
    _answers(pen)
    pen.do(c.Close(first), BOSS)
    _wrapped(pen, EMIL, first)


def _promise(pen: Pen) -> None:
    """A place is kept while nobody is free; the phone rings, and they are back."""
    for agent in (DORA, EMIL):
        pen.do(c.SetNotReady(agent, "training"), Actor("agent", agent))
    leg = _arrives(pen, "kept")
    kept = ContactId("kept" * 8)
    pen.do(c.Enqueue(kept, HELP))
    pen.do(c.KeepPlace(kept))
    pen.do(c.ReportCleared(leg), LINE)
    pen.do(c.SetReady(DORA), Actor("agent", DORA))
    [offer] = pen.engine.floor.offers
    pen.do(c.ReportAlerting(OfferId(offer)), LINE)
    dialed = pen.do(c.AcceptOffer(OfferId(offer)), Actor("agent", DORA))
    [called] = [data.leg for _, data in dialed.recorded if isinstance(data, f.LegOrdered)]
    pen.do(c.ReportDelivered(called), LINE)
    pen.do(c.ReportEstablished(called), LINE)
    pen.do(c.ReportBridged(OfferId(offer)), LINE)
    pen.do(c.Close(kept), BOSS)
    _wrapped(pen, DORA, kept)


def _write(pen: Pen) -> None:
    """A chat that idles, is written to again, and is merged with what came before."""
    chat = ContactId("chat" * 8)
    leg = _arrives(pen, "chat", "chat")
    pen.do(c.ReportMessage(chat, "m1"), LINE)
    offered = pen.do(c.Enqueue(chat, HELP))
    [made] = [data for _, data in offered.recorded if isinstance(data, f.OfferMade)]
    me = Actor("agent", made.agent)
    pen.do(c.AcceptOffer(made.offer), me)
    pen.do(c.Send(chat, template="hello"), me)
    pen.do(c.ReportStatus(chat, "m2", "read"), LINE)
    pen.do(c.Link(chat, ContactId("kept" * 8)), me)
    pen.do(c.LeaveContact(chat, made.agent), me)
    _wrapped(pen, made.agent, chat)
    pen.do(c.ReportCleared(leg), LINE)
    pen.do(c.Merge(SubjectId("1f" * 16), ZOE), ADMIN)


def _relax(pen: Pen) -> None:
    """Somebody waits until less is needed, and is told how long it will be."""
    pen.do(c.SetMode("queue/care", "overload", Instant(pen.now + HOUR), "a storm"), BOSS)
    pen.do(c.SetMode("queue/care", "normal", why="it is over"), BOSS)
    pen.do(c.SetNotReady(DORA, "lunch"), Actor("agent", DORA))
    slow = ContactId("slow" * 8)
    _arrives(pen, "slow")
    pen.do(c.Enqueue(slow, HELP))
    pen.do(c.Estimate(slow))
    pen.now = Instant(pen.now + MINUTE)
    pen.do(c.SetReady(EMIL), Actor("agent", EMIL))
    _answers(pen)
    pen.do(c.Close(slow), BOSS)
    _wrapped(pen, EMIL, slow)


def _fail(pen: Pen) -> None:
    """The line is lost with a caller on it, a desk too, and a stranger is found."""
    seen = pen.now
    _arrives(pen, "lost")
    pen.do(c.ReportLink("line", False, Instant(seen)), LINE)
    pen.do(c.ReportLink("line", True), LINE)
    as_of = Instant(pen.now + MINUTE)
    pen.now = Instant(as_of + SECOND)
    pen.do(c.ReportSessions("line", as_of, (), ("stranger-1",)), LINE)
    pen.do(c.ReportAgentLink(DORA, "desk", False), LINE)
    pen.do(c.ReportAgentLink(DORA, "desk", True), LINE)
    for agent in (DORA, EMIL):
        pen.do(c.LogOut(agent), Actor("agent", agent))


def gaps(now: int) -> list[Draft]:
    """What only a shell records."""
    return [
        Draft(CENTER, f.GapOpened("the disk was full")),
        Draft(CENTER, f.GapClosed(Instant(now), Instant(now + SECOND), {"calls": 3})),
    ]


# --- words --------------------------------------------------------------------------------


def _arrives(pen: Pen, name: str, channel: str = "voice") -> LegId:
    contact = ContactId((name * 8)[:32])
    came = pen.do(c.ReportArrived(channel, "door", contact=contact), LINE)
    leg: LegId = came.recorded[0][1].leg
    return leg


def _talks(pen: Pen, name: str, queue: QueueId) -> ContactId:
    _arrives(pen, name)
    contact = ContactId((name * 8)[:32])
    pen.do(c.Enqueue(contact, queue))
    _answers(pen)
    return contact


def _answers(pen: Pen) -> None:
    """Whoever is asked takes it."""
    offer = OfferId(max(pen.engine.floor.offers))
    agent = Actor("agent", pen.engine.floor.offers[offer].agent)
    pen.do(c.ReportAlerting(offer), LINE)
    pen.do(c.AcceptOffer(offer), agent)
    pen.do(c.ReportBridged(offer), LINE)


def _wrapped(pen: Pen, agent: AgentId, contact: ContactId) -> None:
    slot = pen.engine.floor.agents[agent].slots.get(contact)
    if slot is not None:
        pen.do(c.EndWrapup(agent, contact), Actor("agent", agent))
