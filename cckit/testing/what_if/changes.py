"""Which decisions come out otherwise, and why.

A rerun is told each offer as it is made, before anything follows from it, and looks at the
floor as it is then. So the reason is that of the first decision about a contact that
differs: what comes after it differs because it did.
"""

from typing import Any, Final, NamedTuple

import attrs

from cckit.core.explain import reason_against
from cckit.core.facts import OfferMade
from cckit.core.floor import Floor
from cckit.core.routing import key_of

from .day import Offered, Story
from .live import Live
from .scenario import Plan


class Chosen(NamedTuple):
    """What was decided."""

    at: int
    agent: str
    policy: str
    round: int
    key: int
    offer: int

    @classmethod
    def of(cls, at: int, made: OfferMade) -> "Chosen":
        return cls(at, made.agent, made.policy, made.round, made.key, made.offer)


class Change(NamedTuple):
    """The first decision about a contact that differs."""

    contact: str
    n: int
    """The n-th offer of the contact, from 1."""
    old: Chosen | None
    """None: it was not offered so often."""
    new: Chosen | None
    reason: str


BY_ID: Final = "round_robin"
"""A strategy whose key is the id of an offer."""


class Changes:
    """Compares the offers of a rerun with the recorded ones.

    :param last: what comes after the recording is compared with nothing.
    """

    def __init__(self, floor: Floor, plan: Plan, last: int) -> None:
        self.found: dict[str, Change] = {}
        """By contact, in order of the run."""
        self.otherwise = 0
        """Offers to the same agent at the same instant, but against others."""
        self.offers = 0
        self._floor, self._plan, self._last = floor, plan, last

    def told(self, live: Live, made: OfferMade, at: int) -> None:
        """Take an offer of the rerun."""
        if at > self._last:
            return
        self.offers += 1
        contact = made.contact
        if contact in self.found:
            return
        offers = live.story.offers
        old = offers[live.offers] if live.offers < len(offers) else None
        if old is not None and old.at == at and old.made == made:
            return
        if old is None:
            reason = _once_more(live.story, made)
            self._add(contact, live.offers, None, Chosen.of(at, made), reason)
        elif old.at == at and old.made.agent == made.agent:
            self.otherwise += not same(old.made, made)
        else:
            was, new = Chosen.of(old.at, old.made), Chosen.of(at, made)
            self._add(contact, live.offers, was, new, self._why(old, made, at))

    def missing(self, live: Live | None, story: Story, why: str) -> None:
        """Take a contact that was offered less often than is recorded."""
        n = 0 if live is None else live.offers
        if story.contact in self.found or n >= len(story.offers):
            return
        old = story.offers[n]
        self._add(story.contact, n, Chosen.of(old.at, old.made), None, why)

    def _add(self, contact: str, n: int, old: Chosen | None, new: Chosen | None, why: str) -> None:
        self.found[contact] = Change(contact, n + 1, old, new, why)

    def _why(self, old: Offered, made: OfferMade, at: int) -> str:
        before, now = old.made, made
        if before.agent in self._plan.removed:
            return f"{before.agent} is not signed in under this staffing"
        if before.agent == now.agent:
            return self._when(old, made, at)
        agent = self._floor.agents.get(before.agent)
        entry = self._floor.entries.get(made.entry)
        if agent is None or entry is None:
            return f"{before.agent} is not there"
        reason = reason_against(self._floor, entry, agent, at)
        if before.policy != now.policy:
            start = f"strategy changed from {before.policy} to {now.policy}"
            if reason is not None:
                return start
            key = key_of(entry)(agent, entry, at)
            return f"{start}: key {now.key} of {now.agent} < {key} of {before.agent}"
        if now.agent in self._plan.added:
            return f"{now.agent} is there as well"
        if reason is not None:
            when = "by then" if at >= old.at else "then"
            return f"{before.agent} is {WORDS.get(reason, reason)} {when}, after other decisions"
        key = key_of(entry)(agent, entry, at)
        return (
            f"other decisions came before: by {now.policy}, "
            f"key {now.key} of {now.agent} < {key} of {before.agent}"
        )

    def _when(self, old: Offered, made: OfferMade, at: int) -> str:
        """Why the same agent gets it at another instant."""
        sooner = "earlier" if at < old.at else "only later"
        return f"{made.agent} is free for it {sooner}, after other decisions"


WORDS: Final = {
    "not_member": "no member of the queue",
    "logged_out": "signed out",
    "not_ready": "not ready",
    "next_status": "about to leave",
    "channel": "not on this channel",
    "capacity": "busy",
    "skill": "without the skill",
    "certificate": "without a valid certificate",
    "link": "out of reach",
    "backoff": "offered it just before",
    "rate": "at the limit of offers a minute",
}


def _once_more(story: Story, made: OfferMade) -> str:
    if not story.offers:
        return f"{made.agent} is free before the customer gives up"
    return "the offers before it came to nothing more often"


def same(one: OfferMade, other: OfferMade) -> bool:
    """Whether two records of a decision say the same, ids apart."""
    again: Any = other
    without: dict[str, Any] = {"offer": one.offer, "entry": one.entry}
    if one.policy == BY_ID and one.offer != other.offer:
        without |= {"key": one.key, "runner_key": one.runner_key}
    return bool(attrs.evolve(again, **without) == one)
