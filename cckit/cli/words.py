"""Events in words: what befell a contact, and why an offer was made."""

from collections.abc import Callable
from typing import Any, Final

from cckit.core import facts as f
from cckit.core.schema import Unknown

from .text import span_text

Say = Callable[[Any], str]

EXCLUDED: Final = {
    "not_member": "not a member of the queue",
    "logged_out": "logged out",
    "not_ready": "not ready",
    "next_status": "about to leave",
    "link": "out of reach",
    "channel": "not on this channel",
    "capacity": "busy",
    "skill": "without the skill",
    "certificate": "without a valid certificate",
    "backoff": "offered it just before",
    "rate": "at the limit of offers a minute",
    "hook": "left out by a plugin",
}
"""Why an agent could not have an offer: each is counted by the first that holds."""

STRATEGIES: Final = {
    "longest_idle": "whoever has been idle longest",
    "least_occupied": "whoever was occupied least",
    "round_robin": "whoever's turn it is",
    "fewest_contacts": "whoever had the fewest contacts",
    "least_talk_time": "whoever talked least",
    "best_skill": "whoever has the highest levels",
    "random": "whoever the dice name, by hash",
    "ordered": "whoever stands in the first tier, and there by another strategy",
    "parallel": "several at once, the first who answers takes it",
    "progressive": "one more after each interval, the first who answers takes it",
}


def _created(data: f.ContactCreated) -> str:
    where = f" at {data.entry_point}" if data.entry_point else ""
    ref = f", there called {data.ref}" if data.ref else ""
    return f"comes {data.direction} by {data.channel}{where}{ref}"


def _entered(data: f.QueueEntered) -> str:
    need = f", and needs {data.steps[0]}" if data.steps and data.steps[0] else ""
    rank = f", with priority {data.priority}" if data.priority else ""
    lane = f", in lane {data.lane}" if data.lane else ""
    return f"enters queue {data.queue}, as its number {data.n}{rank}{lane}{need}"


def _made(data: f.OfferMade) -> str:
    others = "the only one who could" if data.eligible == 1 else f"chosen of {data.eligible}"
    return f"is offered to agent {data.agent}, {others} (offer {data.offer}, round {data.round})"


def _wrapup_ended(data: f.AgentWrapupEnded) -> str:
    codes = f" with {', '.join(data.codes)}" if data.codes else ""
    return f"its wrap-up ends, by {data.by}{codes}"


SAY: Final[dict[type, Say]] = {
    f.ContactCreated: _created,
    f.FactFlagged: lambda data: f"its source is untidy: {', '.join(data.flags)}",
    f.QueueEntered: _entered,
    f.QueuePriorityChanged: lambda data: f"has priority {data.priority} now: {data.why or '–'}",
    f.QueueLeft: lambda data: f"leaves the queue, {data.reason}, after {span_text(data.wait_us)}",
    f.OfferMade: _made,
    f.OfferAlerting: lambda data: "the agent's device rings",
    f.OfferAccepted: lambda data: "the offer is accepted",
    f.OfferRejected: lambda data: f"the offer is rejected: {data.reason or 'no reason given'}",
    f.OfferExpired: lambda data: "nobody answers: the offer expires",
    f.OfferRescinded: lambda data: f"the offer is taken back: {data.reason}",
    f.OfferFailed: lambda data: f"the offer fails: {data.cause}",
    f.ContactConnected: lambda data: f"talks with agent {data.agent}",
    f.ContactConnectFailed: lambda data: f"the connection fails: {data.cause}",
    f.ContactAgentLeft: lambda data: f"agent {data.agent} leaves: {data.why}",
    f.LegHeld: lambda data: f"is put on hold, by {data.by}",
    f.LegRetrieved: lambda data: f"is taken back from hold, by {data.by}",
    f.LegCleared: lambda data: f"leg {data.leg} is cleared: {data.cause}, by {data.by}",
    f.ContactClosed: lambda data: f"ends: {data.reason} ({data.phase}), by {data.by}",
    f.AgentWrapupStarted: lambda data: "the agent wraps up",
    f.AgentWrapupExtended: lambda data: "its wrap-up is extended",
    f.AgentWrapupEnded: _wrapup_ended,
    f.FactSuperseded: lambda data: f"too late to count: {data.fact}",
}


def say(data: Any, name: str) -> str:
    """An event in words; one of a plugin by its name."""
    words = SAY.get(type(data))
    if words is not None:
        return words(data)
    fields = f" {dict(data.fields)}" if isinstance(data, Unknown) else ""
    return f"{name}{fields}"


def excluded(counts: dict[str, int]) -> str:
    """``3 busy, 1 logged out``; ``nobody`` of none."""
    order = [*EXCLUDED, *sorted(set(counts) - set(EXCLUDED))]
    some = [f"{counts[word]} {EXCLUDED.get(word, word)}" for word in order if counts.get(word)]
    return ", ".join(some) or "nobody"
