"""An agent, in stream ``agent/ID``."""

from cckit.core.events import Personal, event
from cckit.core.ids import AgentId, ContactId
from cckit.core.instant import Instant


@event("agent.profile_set", version=1)
class AgentProfileSet:
    name: Personal[str] | None
    budget: int
    """Of capacity; 100 unless set."""
    channels: dict[str, int]
    """Channel to the cost of one contact."""
    skills: dict[str, int]
    """Skill to level, 1 to 5; a language is a skill."""


@event("agent.logged_in", version=1)
class AgentLoggedIn:
    device: Personal[str] | None
    channels: tuple[str, ...]


@event("agent.logged_out", version=1)
class AgentLoggedOut:
    why: str


@event("agent.ready", version=1)
class AgentReady:
    pass


@event("agent.not_ready", version=1)
class AgentNotReady:
    reason: str
    by: str
    """agent, supervisor, system (rona)."""
    due: Instant | None = None


@event("agent.next_status_set", version=1)
class AgentNextStatusSet:
    """What the agent will be when the last slot frees."""

    status: str
    """``not_ready`` or ``logged_out``."""
    reason: str


@event("agent.wrapup_started", version=1)
class AgentWrapupStarted:
    contact: ContactId
    due: Instant


@event("agent.wrapup_extended", version=1)
class AgentWrapupExtended:
    contact: ContactId
    due: Instant


@event("agent.wrapup_ended", version=1)
class AgentWrapupEnded:
    contact: ContactId
    by: str
    """agent, timer or supervisor."""
    codes: tuple[str, ...]


@event("agent.link_changed", version=1)
class AgentLinkChanged:
    """The agent's desk or device was lost, or is back."""

    what: str
    """``desk`` or ``device``."""
    up: bool
    due: Instant | None = None
    """When the agent counts as unreachable, unless it is back before."""


@event("certification.changed", version=1)
class CertificationChanged:
    """In stream ``agent/ID``: a skill counts only from ``from_at`` and before ``until``."""

    agent: AgentId
    skill: str
    from_at: Instant
    until: Instant
