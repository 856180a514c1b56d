"""A center with callbacks in virtual time, driven step by step."""

from typing import Any, TypeVar

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.errors import Refused
from cckit.core.events import Actor, Decision
from cckit.core.ids import AgentId, ContactId, LegId, OfferId, QueueId, Stream, SubjectId
from cckit.core.instant import Instant
from cckit.core.invariants import check_all
from cckit.core.settings import QueueSettings
from cckit.testing.world import World
from cckit_callback.plugin import Plugin

LINE = Actor("adapter", "line")
T = TypeVar("T")


class Desk:
    """One queue ``help``, one agent at most, and whoever calls."""

    def __init__(self, callback: dict[str, Any] | None = None, **settings: Any) -> None:
        self.world = World(plugins={"callback": Plugin()}, settings={"callback": callback or {}})
        self.world.queue("help", QueueSettings(**settings))

    @property
    def now(self) -> Instant:
        return self.world.now

    @property
    def floor(self) -> Any:
        return self.world.engine.floor

    def do(self, command: Any, actor: Actor = LINE) -> Decision:
        answer = self.world.do(command, actor)
        assert isinstance(answer, Decision), answer
        check_all(self.floor)
        return answer

    def refused(self, command: Any) -> Refused:
        position = self.world.engine.position
        answer = self.world.do(command, LINE)
        assert isinstance(answer, Refused), answer
        assert answer.what and answer.remedy
        assert self.world.engine.position == position
        return answer

    def wait(self, us: int) -> None:
        self.world.run(Instant(self.now + us))
        check_all(self.floor)

    def call(self, contact: str, subject: str | None = None, queue: str = "help") -> Stream:
        """Somebody calls and waits."""
        who = None if subject is None else SubjectId(subject)
        self.do(c.ReportArrived("voice", contact=ContactId(contact), subject=who))
        self.do(c.Enqueue(ContactId(contact), QueueId(queue)))
        return Stream(f"contact/{contact}")

    def hang_up(self, stream: str) -> None:
        self.do(c.ReportCleared(self.floor.contacts[stream].leg))

    def ready(self) -> None:
        """Anne logs in and turns ready, or is ready again."""
        anne = AgentId("anne")
        self.do(c.SetProfile(anne))
        self.do(c.LogIn(anne))
        self.do(c.SetReady(anne))

    def accept(self) -> Any:
        """Anne answers what rings; gives the contact."""
        [offer] = [OfferId(one) for one in self.floor.offers]
        contact = self.floor.contacts[self.floor.offers[offer].contact]
        self.do(c.ReportAlerting(offer))
        self.do(c.AcceptOffer(offer))
        return contact

    def ringing(self) -> LegId:
        """The leg of the one customer who is called."""
        [leg] = [one.dialing.id for one in self.floor.contacts.values() if one.dialing]
        return LegId(leg)

    def busy(self) -> None:
        """Anne takes it, and the customer is busy."""
        self.accept()
        self.do(c.ReportCleared(self.ringing(), "busy"))

    def talk(self) -> Any:
        """Anne takes it, the customer answers, and they talk."""
        contact = self.accept()
        self.do(c.ReportEstablished(self.ringing()))
        self.do(c.ReportBridged(OfferId(contact.offer)))
        return contact

    def all(self, kind: type[T]) -> list[T]:
        return [data for _, data in self.world.events((kind,))]

    def told(self, *kinds: type) -> list[Any]:
        """What the log says of callbacks, in order, with the stream."""
        found = self.world.events()
        return [
            (envelope.stream, data)
            for envelope, data in found
            if envelope.type.startswith("callback.") and (not kinds or type(data) in kinds)
        ]

    @property
    def closings(self) -> list[tuple[str, str]]:
        return [(data.reason, data.phase) for data in self.all(f.ContactClosed)]
