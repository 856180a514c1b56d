"""A morning written by hand, and zones from the tzdata package."""

from collections.abc import Callable
from functools import cache
from importlib import resources

import pytest
import tzdata  # type: ignore[import-untyped]

from cckit.core import facts as f
from cckit.core.events import Actor
from cckit.core.ids import AgentId, ContactId, EntryId, LegId, OfferId, QueueId, SubjectId
from cckit.core.instant import MINUTE, SECOND, Instant, Span
from cckit.core.reports import PROJECTIONS, Folding, Parameters, Source, Zone
from cckit.testing.projections import Tape

START = 918_460_800 * SECOND
"""1999-02-08T08:00:00Z, 10:00 in Jerusalem."""


@cache
def read_zone(name: str) -> Zone:
    data = resources.files("tzdata.zoneinfo").joinpath(*name.split("/")).read_bytes()
    return Zone.of(name, data, tzdata.IANA_VERSION)


@pytest.fixture(scope="session")
def zone() -> Callable[[str], Zone]:
    """A zone by name."""
    return read_zone


class Morning(Tape):
    """Events of a small center, in words."""

    def __init__(self, kind: str = "live") -> None:
        super().__init__()
        self.entries = 0
        self.add("center", f.RunStarted(1, kind, None, None, False, {}), at=START)

    def arrive(self, name: str, at: int, queue: str | None = "help", **more: int) -> "Morning":
        """A call comes in, and waits if a queue is named."""
        leg, subject = LegId(1), SubjectId("s" + name)
        created = f.ContactCreated("voice", "in", leg, subject, None, None, "main", name)
        self.add("contact/" + name, created, at=at, **more)  # type: ignore[arg-type]
        return self if queue is None else self.enqueue(name, at, queue, **more)

    def enqueue(self, name: str, at: int, queue: str = "help", **more: int) -> "Morning":
        self.entries += 1
        n = self.entries
        entered = f.QueueEntered(EntryId(n), QueueId(queue), n, Instant(at), 0, 0, ())
        self.add("contact/" + name, entered, at=at, **more)  # type: ignore[arg-type]
        return self

    def leave(self, name: str, at: int, reason: str, close: str | None = None) -> "Morning":
        """A wait ends unanswered, and the contact with it unless ``close`` is empty."""
        datas: list[object] = [f.QueueLeft(EntryId(1), reason, Span(0))]
        if close != "":
            datas.append(f.ContactClosed(close or reason, "queue", "customer"))
        self.add("contact/" + name, *datas, at=at)
        return self

    def offer(self, name: str, agent: str, offer: int, at: int) -> "Morning":
        made = f.OfferMade(
            OfferId(offer),
            EntryId(1),
            ContactId(name),
            AgentId(agent),
            1,
            Instant(at + 20 * SECOND),
            "longest_idle",
            b"",
            0,
            1,
            {},
            0,
        )
        self.add("contact/" + name, made, at=at)
        return self

    def answer(self, name: str, agent: str, at: int, offer: int | None = None) -> "Morning":
        """An agent is connected."""
        entry = EntryId(1)
        fence = None if offer is None else OfferId(offer)
        datas: list[object] = [] if fence is None else [f.OfferAccepted(fence)]
        datas.append(f.ContactConnected(AgentId(agent), entry, fence, LegId(2)))
        datas.append(f.QueueLeft(entry, "answered", Span(0)))
        self.add("contact/" + name, *datas, at=at)
        return self

    def hold(self, name: str, at: int, until: int) -> "Morning":
        self.add("contact/" + name, f.LegHeld(LegId(1), "agent"), at=at)
        self.add("contact/" + name, f.LegRetrieved(LegId(1), "agent"), at=until)
        return self

    def hang_up(
        self, name: str, agent: str, at: int, wrapup: int | None = None, reason: str = "completed"
    ) -> "Morning":
        """A conversation ends; its agent wraps up until an instant, if one is given."""
        left = f.ContactAgentLeft(AgentId(agent), "customer")
        closed = f.ContactClosed(reason, "talk", "customer")
        self.add("contact/" + name, left, closed, at=at)
        if wrapup is not None:
            started = f.AgentWrapupStarted(ContactId(name), Instant(wrapup))
            self.add("agent/" + agent, started, at=at)
            ended = f.AgentWrapupEnded(ContactId(name), "agent", ())
            self.add("agent/" + agent, ended, at=wrapup, actor=Actor("agent", agent))
        return self

    def log_in(self, agent: str, at: int) -> "Morning":
        self.add("agent/" + agent, f.AgentLoggedIn(None, ("voice",)), at=at)
        self.add("agent/" + agent, f.AgentReady(), at=at)
        return self

    def log_out(self, agent: str, at: int) -> "Morning":
        self.add("agent/" + agent, f.AgentLoggedOut("end of shift"), at=at)
        return self

    def in_order(self) -> "Morning":
        """Put all events in the order of their instants, as a log would have them."""
        self.events.sort(key=lambda recorded: recorded[0].recorded_at)
        self.events = [(e._replace(position=n), data) for n, (e, data) in enumerate(self.events)]
        return self

    def folded(self) -> Folding:
        folding = Folding(PROJECTIONS)
        folding.feed(self.events)
        return folding

    def parameters(self, zone: str = "Asia/Jerusalem", **more: object) -> Parameters:
        last = self.events[-1][0]
        source = Source(last.position, bytes(32), last.recorded_at)
        return Parameters(zone=read_zone(zone), source=source, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def morning() -> Callable[..., Morning]:
    """A new tape with ``run.started`` on it."""
    return Morning


@pytest.fixture
def small_day() -> Morning:
    """Two agents, six calls: two answered, one late, one abandoned, one refused, one waits."""
    day = Morning().log_in("7", START).log_in("8", START)
    day.arrive("a", START + MINUTE).offer("a", "7", 1, START + MINUTE)
    day.answer("a", "7", START + MINUTE + 5 * SECOND, 1)
    day.hold("a", START + 2 * MINUTE, START + 3 * MINUTE)
    day.hang_up("a", "7", START + 4 * MINUTE, START + 5 * MINUTE)
    day.arrive("b", START + 10 * MINUTE).offer("b", "8", 2, START + 10 * MINUTE)
    stream, at = "contact/b", START + 10 * MINUTE + 20 * SECOND
    day.add(stream, f.OfferAlerting(OfferId(2), LegId(3)), f.OfferExpired(OfferId(2)), at=at)
    day.add("agent/8", f.AgentNotReady("rona", "system"), at=at)
    day.offer("b", "7", 3, at).answer("b", "7", at + 3 * SECOND, 3)
    day.hang_up("b", "7", START + 40 * MINUTE, START + 41 * MINUTE)
    day.arrive("c", START + 12 * MINUTE).leave("c", START + 13 * MINUTE, "abandoned")
    day.arrive("d", START + 45 * MINUTE, None)
    day.add("contact/d", f.ContactClosed("blocked", "full", "system"), at=START + 45 * MINUTE)
    day.arrive("e", START + 50 * MINUTE, "sales")
    day.log_out("8", START + 55 * MINUTE)
    return day
