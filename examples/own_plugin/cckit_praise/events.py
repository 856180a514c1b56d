"""The facts of praise, in the contact's stream."""

from cckit.core import AgentId, event


@event("praise.given", version=1)
class PraiseGiven:
    """A customer liked how an agent helped."""

    agent: AgentId
    stars: int
    """From 1."""
