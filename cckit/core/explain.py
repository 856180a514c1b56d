"""Why an offer was made, and why none is: decide it again, and look at everyone.

The floor is folded up to the event before the offer. What a hook answered then stands in
the record and is answered again, so no plugin is asked. If the second decision is not the
first, both are shown: then the log was written by other code than this.

Of a wait, the floor is folded up to the instant that is asked about.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from .agent import BUSY, CONNECTING, RESERVED, WRAPUP, Agent
from .ask import Candidate, Open, Ranking, Waiting
from .events import Recorded
from .facts import OfferMade
from .floor import Floor
from .ids import AgentId, OfferId
from .instant import Instant
from .queue import Entry
from .routing import key_of, offer_entry
from .routing.choosing import MAX_CANDIDATES

CHOSEN: Final = "chosen"
ELIGIBLE: Final = "eligible"
EXCLUDED: Final = "excluded"
DOING: Final = {
    RESERVED: "ringing",
    CONNECTING: "connecting",
    BUSY: "talking",
    WRAPUP: "wrapping up",
}
"""What an agent does with a contact that takes up capacity."""


class Considered(NamedTuple):
    """One agent, as the decision saw it."""

    agent: AgentId
    verdict: str
    """``chosen``, ``eligible`` or ``excluded``."""
    reason: str = ""
    """Why excluded: not_member, logged_out, not_ready, next_status, link, channel, capacity,
    skill, certificate, backoff, round (it asks one more only later), rate or hook; the first
    that holds."""
    key: int | None = None
    """What the strategy computed, for those not excluded."""
    rank: int | None = None
    """From 1, by that key; a hook may have chosen otherwise."""
    detail: str = ""
    """More of the reason: why not ready, or what they are busy with: ringing, connecting,
    talking or wrapping up. Of who is eligible: how many a hook left out, where the record
    does not name them."""


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


class WaitExplanation(NamedTuple):
    """Why nobody has who waits."""

    queue: str
    channel: str
    need: str
    """What an agent must have now; empty is nothing more."""
    since: Instant
    at: Instant
    place: int
    """In line among those who need the same, from 1; 0: it is offered to somebody."""
    waiting: int
    """How many are in that line."""
    offered: tuple[AgentId, ...]
    """To whom it is offered, or who has taken it."""
    agents: tuple[Considered, ...]
    """Who could be offered it now, by rank, then the excluded by reason and id."""

    @property
    def staffed(self) -> bool:
        """Whether anybody signed in could serve it, were they free."""
        away = ("not_member", "logged_out", "channel", "skill", "certificate")
        return any(one.reason not in away for one in self.agents)


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
        named = [AgentId(first), *([second] if second else [])]
        others = [one.agent for one in candidates if one.agent not in named]
        left_out = self.made.excluded.get("hook", 0)
        return Ranking([*named, *others[: max(0, len(others) - left_out)]], reason, plugin)


def explain(floor: Floor, recorded: Recorded[OfferMade]) -> Explanation:
    """Explain an offer on the floor as it was when it was decided.

    :param floor: folded up to the event before the offer's, and no further.

    .. versionadded:: 0.1
    """
    envelope, made = recorded
    now = envelope.recorded_at
    floor.advance(now)
    entry = floor.entries[made.entry]
    draft = offer_entry(floor, entry, now, _Recorded(made))
    again = None if draft is None else draft[1]
    agents = _considered(floor, entry, made.agent, now)
    return Explanation(made, again, _hooked(floor, made, agents))


def explain_wait(floor: Floor, entry: Entry, at: int) -> WaitExplanation:
    """Explain why nobody is offered a waiting entry, on the floor as it is at that instant.

    .. versionadded:: 0.3
    """
    group = entry.group
    offers = (floor.offers.get(OfferId(offer)) for offer in entry.offers)
    return WaitExplanation(
        group.queue.id,
        group.channel,
        group.need.text,
        Instant(entry.since),
        Instant(at),
        group.ahead(entry.rank) + 1 if entry.in_line else 0,
        group.count,
        tuple(offer.agent for offer in offers if offer is not None),
        _considered(floor, entry, "", at),
    )


def _considered(floor: Floor, entry: Entry, chosen: str, now: int) -> tuple[Considered, ...]:
    key = key_of(entry)
    fit: list[tuple[int, int, str, Agent]] = []
    out: list[Considered] = []
    for agent in floor.index.agents:
        reason = reason_against(floor, entry, agent, now)
        if reason is None:
            fit.append((key(agent, entry, now), agent.idle_since, agent.id, agent))
        else:
            detail = _detail(agent, reason)
            out.append(Considered(agent.id, EXCLUDED, reason, detail=detail))
    fit.sort(key=lambda found: found[:3])
    eligible = [
        Considered(agent.id, CHOSEN if agent.id == chosen else ELIGIBLE, "", value, rank)
        for rank, (value, _, _, agent) in enumerate(fit, 1)
    ]
    eligible.sort(key=lambda c: (c.verdict != CHOSEN, c.rank))
    out.sort(key=lambda c: (c.reason, c.agent))
    return (*eligible, *out)


def _hooked(
    floor: Floor, made: OfferMade, agents: tuple[Considered, ...]
) -> tuple[Considered, ...]:
    """Exclude whom the hook left out: of those it was asked about, the record names two."""
    left_out = made.excluded.get("hook", 0)
    if not left_out:
        return agents
    able = [one.agent for one in agents if one.verdict != EXCLUDED]
    able.sort(key=lambda agent: floor.agents[agent].place)  # As the hook was asked.
    named = (made.agent, made.runner_up)
    others = [agent for agent in able[:MAX_CANDIDATES] if agent not in named]
    if left_out < len(others):
        detail = f"a plugin left out {left_out} of {len(others)} like this one"
        return tuple(
            one._replace(detail=detail) if one.agent in others else one for one in agents
        )
    found = [
        Considered(one.agent, EXCLUDED, "hook") if one.agent in others else one for one in agents
    ]
    found.sort(key=lambda one: (one.reason, one.agent if one.reason else ""))
    return tuple(found)


def _detail(agent: Agent, reason: str) -> str:
    if reason == "not_ready":
        return agent.reason
    if reason == "next_status":
        return agent.next_reason or agent.next_status.replace("_", " ")
    if reason == "capacity":
        return ", ".join(sorted({DOING[slot.phase] for slot in agent.slots.values()}))
    return ""


def reason_against(floor: Floor, entry: Entry, agent: Agent, now: int) -> str | None:
    """The first reason why an agent can't be offered an entry; None if it can."""
    group = entry.group
    if not floor.index.holds(agent, (group.queue.id, 0)):
        return "not_member"
    if group.agents and agent.id not in group.agents:
        return "not_member"
    if not agent.logged_in:
        return "logged_out"
    if not agent.ready:
        return "not_ready"
    if agent.next_status:
        return "next_status"
    if agent.lost:
        return "link"
    if group.channel not in agent.on:
        return "channel"
    if not agent.has_room(group.channel):
        return "capacity"
    if not group.need.fits(agent.skills):
        return "certificate" if group.need.fits(agent.profile) else "skill"
    if entry.keeps_from(agent.id, now):
        known = agent.id in entry.asked or (entry.barred or {}).get(agent.id, 0) > now
        return "backoff" if known else "round"
    if agent.resting:
        return "rate"
    return None
