"""What agents ask for themselves, or somebody for them."""

from cckit.core.events import InClear, Number
from cckit.core.ids import AgentId, ContactId, OfferId, SubjectId
from cckit.core.instant import Instant, Span

from .making import command


@command
class LogIn:
    agent: AgentId
    channels: tuple[str, ...] = ("voice",)
    device: InClear[str] | None = None


@command
class LogOut:
    agent: AgentId
    why: str = ""


@command
class SetReady:
    agent: AgentId


@command
class SetNotReady:
    agent: AgentId
    reason: str
    due: Instant | None = None
    """When it is to end: for others to see, nobody is made ready by it."""


@command
class AcceptOffer:
    offer: OfferId


@command
class RejectOffer:
    offer: OfferId
    reason: str = ""


@command
class EndWrapup:
    agent: AgentId
    contact: ContactId
    codes: tuple[str, ...] = ()


@command
class ExtendWrapup:
    agent: AgentId
    contact: ContactId
    by_us: Span


@command
class Dial:
    """Call somebody, as an agent."""

    agent: AgentId
    to: Number
    subject: SubjectId | None = None
    channel: str = "voice"
    contact: ContactId | None = None
    """Drawn by the shell where None."""
