"""The questions that decide puts to policy, as one Protocol.

The hooks' relay answers them in a running center, ``Open`` where no plugin is loaded.
Answers are pure; what influenced a decision is stored in its events, so replay asks
nobody.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from .events import Actor
from .ids import AgentId, ContactId, QueueId
from .instant import Instant, Span


class Verdict(NamedTuple):
    """Whether someone may do something, and by which rule."""

    allowed: bool
    reason: str = ""
    plugin: str = ""


class Waiting(NamedTuple):
    """What a ranking may know of the contact that waits."""

    contact: ContactId
    queue: QueueId
    channel: str
    priority: int
    since: Instant
    need: str
    """The requirement as text, ``billing >= 3 and he >= 2``; empty is anyone."""


class Candidate(NamedTuple):
    """An agent who may be offered a contact."""

    agent: AgentId
    idle_since: Instant
    key: int
    """What the queue's strategy computed; least is best."""
    level: int
    """Sum of the agent's levels in the needed skills."""
    talk_us: Span
    contacts: int


class Ranking(NamedTuple):
    """An answer to ``rank_agents``: agents in order, best first, and why."""

    agents: Sequence[AgentId]
    reason: str
    plugin: str = ""


class Ask(Protocol):
    """What decide may ask. Every answer is a pure function of its arguments."""

    guarded: bool
    """An authorize hook is loaded."""
    ranks: bool
    """A ranking hook is loaded."""
    bounded: bool
    """A channel says what it can do."""

    def able(self, adapter: str, order: str) -> bool:
        """Tell whether an adapter carries out such orders; "" is any of them."""
        ...

    def authorize(self, actor: Actor, roles: Sequence[str], action: str, target: str) -> Verdict:
        """May ``actor``, who holds ``roles``, do ``action`` to ``target``?"""
        ...

    def rank_agents(self, waiting: Waiting, candidates: Sequence[Candidate]) -> Ranking | None:
        """Order 1 to 64 candidates, or None to keep the strategy's order."""
        ...


class Open:
    """No policy plugin: all is allowed, the strategy's order stands."""

    guarded: bool = False
    ranks: bool = False
    bounded: bool = False

    def able(self, adapter: str, order: str) -> bool:
        return True

    def authorize(self, actor: Actor, roles: Sequence[str], action: str, target: str) -> Verdict:
        return Verdict(True)

    def rank_agents(self, waiting: Waiting, candidates: Sequence[Candidate]) -> Ranking | None:
        return None


OPEN = Open()
