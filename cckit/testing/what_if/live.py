"""What a rerun keeps of a contact, beside the engine's own floor."""

from collections.abc import Sequence
from typing import NamedTuple

from cckit.core.ask import Candidate, Open, Ranking, Waiting
from cckit.core.ids import AgentId, OfferId

from .day import STAGES, Offered, Story


class Ringing(NamedTuple):
    """A live offer of this run."""

    agent: AgentId
    n: int
    """Of the offers of this contact to this agent, from 0."""
    answers: Offered
    """How it is answered: its recorded twin, or another offer like it."""
    twin: Offered | None


class Live:
    """A contact of this run, beside its recorded story."""

    __slots__ = (
        "away", "began", "counts", "dialed", "offers", "per_agent", "queue", "ringing", "story",
        "token", "wrapups",
    )  # fmt: skip

    def __init__(self, story: Story) -> None:
        self.story = story
        self.token = 0
        """Grows with each stage: what belongs to an earlier one is void."""
        self.counts = [0] * STAGES
        self.began = 0
        self.away = False
        """A place is kept for it."""
        self.ringing: dict[OfferId, Ringing] = {}
        """Live offers, and the accepted one."""
        self.offers = 0
        self.per_agent: dict[str, int] = {}
        self.wrapups = 0
        self.dialed = 0
        self.queue: str | None = None


class Remembered(Open):
    """Ranks as a hook did, where it is recorded what it answered."""

    def __init__(self, lives: dict[str, Live], ranks: bool) -> None:
        self.ranks = ranks
        self._lives = lives

    def rank_agents(self, waiting: Waiting, candidates: Sequence[Candidate]) -> Ranking | None:
        live = self._lives.get(waiting.contact)
        if live is None or live.offers >= len(live.story.offers):
            return None
        made = live.story.offers[live.offers].made
        if made.hook is None:
            return None
        plugin, first, reason = made.hook
        order = [AgentId(first), *([made.runner_up] if made.runner_up else [])]
        return Ranking(order, reason, plugin)
