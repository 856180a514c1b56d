"""Configuration, profiles, permissions, modes, personal data."""

import attrs

from cckit.core.events import InClear
from cckit.core.ids import AgentId, SubjectId
from cckit.core.instant import Instant

from .making import command


@command
class ApplyConfig:
    kind: str
    id: str
    data: bytes
    """Canonical msgpack of a map; for ``queue`` see ``QueueSettings``."""


@command
class SetProfile:
    agent: AgentId
    skills: dict[str, int] = attrs.field(factory=dict)
    channels: dict[str, int] = attrs.field(factory=lambda: {"voice": 100})
    """Channel to what one contact costs of the budget; 0 is what the channel says."""
    budget: int = 100
    name: InClear[str] | None = None


@command
class SetPermission:
    who: str
    """The id of an actor: ``anna``, not ``agent/anna``."""
    role: str
    """One that a plugin judges by."""
    given: bool = True


@command
class Erase:
    """Destroy the keys of somebody, so that nobody can read what the log says of them."""

    subject: SubjectId
    ground: str
    """Who asked and by which right, or ``rule:NAME`` of a retention rule."""


@command
class SetHold:
    """Forbid erasing, or allow it again."""

    scope: str
    """``subject/ID``, or ``center`` for everybody."""
    on: bool
    ground: str


@command
class SetMode:
    """Switch how a queue, or the whole center, works."""

    scope: str
    """``center`` or ``queue/ID``."""
    mode: str
    """emergency, overload, holiday, closed or normal."""
    until: Instant | None = None
    why: str = ""


@command
class SetCertification:
    """Let a skill of an agent count from one instant to another."""

    agent: AgentId
    skill: str
    from_at: Instant
    until: Instant


@command
class Merge:
    """Say that two subjects are one person."""

    subject: SubjectId
    into: SubjectId
