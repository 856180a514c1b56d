"""Why an offer was made: decide it again, and look at everyone who was not chosen.

The floor is folded up to the event before the offer. What a hook answered then stands in
the record and is answered again, so no plugin is asked. If the second decision is not the
first, both are shown: then the log was written by other code than this.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from .agent import Agent
from .ask import Candidate, Open, Ranking, Waiting
from .events import Recorded
from .facts import OfferMade
from .floor import Floor
from .ids import AgentId
from .queue import Entry
from .routing import key_of, offer_entry

CHOSEN: Final = "chosen"
ELIGIBLE: Final = "eligible"
EXCLUDED: Final = "excluded"


class Considered(NamedTuple):
    """One agent, as the decision saw it."""

    agent: AgentId
    verdict: str
    """``chosen``, ``eligible`` or ``excluded``."""
    reason: str = ""
    """Why excluded: not_member, logged_out, not_ready, next_status, channel, capacity,
    skill or backoff; the first that holds."""
    key: int | None = None
    """What the strategy computed, for those not excluded."""
    rank: int | None = None
    """From 1, by that key; a hook may have chosen otherwise."""


class Explanation(NamedTuple):
    """A decision, made twice, and everyone it considered."""

    made: OfferMade
    again: OfferMade | None
    """What the same floor decides now; None is no offer."""
    agents: tuple[Considered, ...]
    """The chosen one, the eligible by rank, the excluded by reason and id."""

    @property
    def reproduced(self) -> bool:
        return self.again == self.made


class _Recorded(Open):
    """Ranks as the hook did when the offer was made: its first two are in the record."""

    def __init__(self, made: OfferMade) -> None:
        self.made = made
        self.ranks = made.hook is not None

    def rank_agents(self, waiting: Waiting, candidates: Sequence[Candidate]) -> Ranking | None:
        if self.made.hook is None:
            return None
        plugin, first, reason = self.made.hook
        second = self.made.runner_up
        return Ranking([AgentId(first), *([second] if second else [])], reason, plugin)


def explain(floor: Floor, recorded: Recorded[OfferMade]) -> Explanation:
    """Explain an offer on the floor as it was when it was decided.

    :param floor: folded up to the event before the offer's, and no further.

    .. versionadded:: 0.1
    """
    envelope, made = recorded
    now = envelope.recorded_at
    entry = floor.entries[made.entry]
    draft = offer_entry(floor, entry, now, _Recorded(made))
    again = None if draft is None else draft[1]
    return Explanation(made, again, _considered(floor, entry, made, now))


def _considered(floor: Floor, entry: Entry, made: OfferMade, now: int) -> tuple[Considered, ...]:
    key = key_of(entry)
    fit: list[tuple[int, int, str, Agent]] = []
    out: list[Considered] = []
    for agent in floor.index.agents:
        reason = reason_against(floor, entry, agent, now)
        if reason is None:
            fit.append((key(agent, entry, now), agent.idle_since, agent.id, agent))
        else:
            out.append(Considered(agent.id, EXCLUDED, reason))
    fit.sort(key=lambda found: found[:3])
    eligible = [
        Considered(agent.id, CHOSEN if agent.id == made.agent else ELIGIBLE, "", value, rank)
        for rank, (value, _, _, agent) in enumerate(fit, 1)
    ]
    eligible.sort(key=lambda c: (c.verdict != CHOSEN, c.rank))
    out.sort(key=lambda c: (c.reason, c.agent))
    return (*eligible, *out)


def reason_against(floor: Floor, entry: Entry, agent: Agent, now: int) -> str | None:
    """The first reason why an agent can't be offered an entry; None if it can."""
    group = entry.group
    if not floor.index.holds(agent, (group.queue.id, 0)):
        return "not_member"
    if not agent.logged_in:
        return "logged_out"
    if not agent.ready:
        return "not_ready"
    if agent.next_status:
        return "next_status"
    if group.channel not in agent.on:
        return "channel"
    if not agent.can_take(group.channel):
        return "capacity"
    if not group.need.fits(agent.skills):
        return "skill"
    if entry.keeps_from(agent.id, now):
        return "backoff"
    return None
