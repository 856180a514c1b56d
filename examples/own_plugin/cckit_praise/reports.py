"""Stars by agent. Integers are added; who shows a mean divides once, at the end."""

from cckit.core import Canonical, Recorded

from .events import PraiseGiven

Stars = dict[str, list[int]]
"""Agent to the number of praises, and the sum of stars."""


class PraiseStars:
    """How often, and how much, each agent was praised."""

    name = "praise.stars"
    version = 1
    types: tuple[type, ...] = (PraiseGiven,)

    def initial(self) -> Stars:
        return {}

    def apply(self, state: Stars, recorded: Recorded[PraiseGiven]) -> None:
        _, given = recorded
        row = state.setdefault(given.agent, [0, 0])
        row[0] += 1
        row[1] += given.stars

    def dump(self, state: Stars) -> Canonical:
        return [[agent, *state[agent]] for agent in sorted(state)]
