"""Events in words: what befell a contact, and why an offer was made.

What is said of people stays sealed, so a story tells that somebody wrote, and not what.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from cckit.core import facts as f
from cckit.core.events import Sealed
from cckit.core.schema import Unknown
from cckit.core.step import Step

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
    "round": "asked only later, as the round grows",
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


ROLES: Final = {
    "customer": "the customer",
    "external": "somebody outside",
    "supervisor": "a supervisor",
}
"""Whom a leg is of; ``agent/anna`` is agent anna."""
ORDERS: Final = {
    "dial": "is being called",
    "join": "is brought in",
    "monitor": "begins to listen",
    "hold": "is to be put on hold",
    "retrieve": "is to be taken back from hold",
    "clear": "is to be cleared",
    "play": "is to hear something",
    "record": "is to be recorded",
}
DIRECTIONS: Final = {"in": "comes in", "out": "goes out", "internal": "begins between agents"}
LINKS: Final = {
    "consult_of": "is a consultation about",
    "callback_of": "calls back",
    "moved_from": "goes on from",
    "reopened": "takes up again",
}
LEVELS: Final = ("claimed", "likely", "verified", "verified twice")
CLOSED: Final = {
    "callback_agreed": "another time was agreed",
    "merged": "it goes on elsewhere",
    "abandoned": "given up",
    "completed": "completed",
    "timed_out": "nobody came in time",
}
LEFT: Final = {
    "callback_failed": "nobody could be called back",
    "overflowed": "to another one",
    "merged": "it goes on elsewhere",
    "timed_out": "waited as long as may be",
}


def _words(code: str) -> str:
    """A code that has no words of its own: ``no_answer`` is ``no answer``."""
    return code.replace("_", " ")


def _created(data: f.ContactCreated) -> str:
    where = f" at {data.entry_point}" if data.entry_point else ""
    ref = f", there called {data.ref}" if data.ref else ""
    comes = DIRECTIONS.get(data.direction, f"comes {data.direction}")
    return f"{comes} by {data.channel}{where}{ref}"


def _entered(data: f.QueueEntered) -> str:
    step = _step(data.steps[0]) if data.steps else Step()
    need = f", and needs {step.need}" if step.need else ""
    whom = f", for {' or '.join(step.agents)} only" if step.agents else ""
    more = len(data.steps) - 1
    later = f", in {more + 1} steps" if more > 0 else ""
    rank = f", with priority {data.priority}" if data.priority else ""
    lane = f", in lane {data.lane}" if data.lane else ""
    place = f", in the place of {data.place_from}" if data.place_from else ""
    number = f"as its number {data.n}"
    return f"enters queue {data.queue}, {number}{rank}{lane}{place}{whom}{need}{later}"


def _step(text: str) -> Step:
    """A step as it is stored; what no center of ours wrote is shown as it is."""
    try:
        return Step.parse(text)
    except ValueError:
        return Step(text)


def _ordered(data: f.LegOrdered) -> str:
    role = data.role or ""
    kind, _, who = role.partition("/")
    whom = f"{kind} {who}" if who else ROLES.get(role, "")
    what = ORDERS.get(data.order, _words(data.order))
    return f"{whom} {what} (leg {data.leg})" if whom else f"leg {data.leg} {what}"


def _transferred(data: f.ContactTransferred) -> str:
    how = "after consulting" if data.kind == "consult" else "at once"
    to = {"agent": "another agent", "queue": "a queue", "external": "somebody outside"}
    return f"agent {data.from_agent} hands it on {how}, to {to.get(data.to_kind, data.to_kind)}"


def _linked(data: f.ContactLinked) -> str:
    how = LINKS.get(data.kind, "belongs to the matter of")
    return f"{how} contact {data.other}"


def _identified(data: f.ContactIdentified) -> str:
    level = LEVELS[data.level] if 0 <= data.level < len(LEVELS) else f"level {data.level}"
    return f"it is known who it is, by {data.method}: {level}"


def _received(data: f.MessageReceived) -> str:
    files = ", with files" if data.files is not None else ""
    return f"the {data.author} writes{files}"


def _sent(data: f.MessageSent) -> str:
    template = f", by template {data.template}" if data.template else ""
    return f"is written to{template}"


def _estimated(data: f.QueueEstimateGiven) -> str:
    low, high = span_text(data.low_us), span_text(data.high_us)
    return f"hears that it will be {low} to {high}, as number {data.n} in line"


def _kept(data: f.QueuePlaceKept) -> str:
    return f"the place is kept: the {data.callback} is called first"


def _consent(data: f.ContactConsentRecorded) -> str:
    said = "agrees to" if data.given else "does not agree to"
    return f"{said} {data.kind}, by {data.basis or 'their word'}"


def _mode(data: f.ModeChanged) -> str:
    why = f": {data.why}" if data.why else ""
    return f"{data.scope} works in mode {data.mode}{why}"


def _closed(data: f.ContactClosed) -> str:
    words = CLOSED.get(data.reason, _words(data.reason))
    return f"ends: {words} ({_words(data.phase)}), by {data.by}"


def _left(data: f.QueueLeft) -> str:
    why = LEFT.get(data.reason, _words(data.reason))
    return f"leaves the queue, {why}, after {span_text(data.wait_us)}"


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
    f.QueueLeft: _left,
    f.QueueRequirementRelaxed: lambda data: f"nobody came: step {data.step + 1} of the wait begins",
    f.QueuePlaceKept: _kept,
    f.QueueResumed: lambda data: "the customer is on the line again, in the old place",
    f.QueueEstimateGiven: _estimated,
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
    f.LegOrdered: _ordered,
    f.LegDelivered: lambda data: f"leg {data.leg} rings",
    f.LegEstablished: lambda data: f"leg {data.leg} is answered",
    f.LegLost: lambda data: f"leg {data.leg} is gone, unseen",
    f.LegAdopted: lambda data: f"leg {data.leg} was found on {data.adapter}",
    f.ContactTransferred: _transferred,
    f.ContactConferenced: lambda data: f"{len(data.legs)} talk together",
    f.ContactIdled: lambda data: "waits for an answer, without an agent",
    f.ContactIdentified: _identified,
    f.ContactAttributesSet: lambda data: "something is noted about it",
    f.ContactConsentRecorded: _consent,
    f.ContactLinked: _linked,
    f.MessageReceived: _received,
    f.MessageSent: _sent,
    f.MessageStatusSet: lambda data: f"message {data.ext_id} was {_words(data.status)}",
    f.ContactClosed: _closed,
    f.ModeChanged: _mode,
    f.AgentWrapupStarted: lambda data: "the agent wraps up",
    f.AgentWrapupExtended: lambda data: "its wrap-up is extended",
    f.AgentWrapupEnded: _wrapup_ended,
    f.FactSuperseded: lambda data: f"too late to count: {data.fact}",
}


def _promised(fields: Mapping[str, Any]) -> str:
    when = "at their turn" if fields["mode"] == "keep" else "at an agreed time"
    return f"is promised a call {when}, the {fields['first']} first"


PLUGINS: Final[dict[str, Callable[[Mapping[str, Any]], str]]] = {
    "callback.requested": _promised,
    "callback.rescheduled": lambda fields: "the call is put off",
    "callback.attempt_ended": lambda it: f"call {it['n']} ended: {_words(it['result'])}",
    "callback.closed": lambda it: f"the promised call is over: {_words(it['reason'])}",
    "supervision.mode_set": lambda it: f"supervisor {it['supervisor']}: {_words(it['mode'])}",
    "mode.callback_offered": lambda it: f"is offered a call instead, in mode {it['mode']}",
}
"""Events of the plugins that come with cckit, by their stored names."""


def say(data: Any, name: str) -> str:
    """An event in words; one of another plugin by its name and its fields."""
    words = SAY.get(type(data))
    if words is not None:
        return words(data)
    found = data.fields if isinstance(data, Unknown) else _fields(data)
    plugin = PLUGINS.get(name)
    if plugin is not None:
        return plugin(found)
    shown = [f"{key} {_shown(value)}" for key, value in found.items() if value is not None]
    return f"{name}: {', '.join(shown)}" if shown else name


def _fields(data: Any) -> Mapping[str, Any]:
    fields = attrs.fields(type(data))
    return {field.name.rstrip("_"): getattr(data, field.name) for field in fields}


def _shown(value: Any) -> str:
    if isinstance(value, Sealed):
        return "sealed"
    if isinstance(value, list | tuple):
        return " ".join(map(_shown, value))
    if isinstance(value, Mapping):
        return " ".join(f"{key}={_shown(one)}" for key, one in value.items())
    return value.hex() if isinstance(value, bytes) else str(value)


def excluded(counts: dict[str, int]) -> str:
    """``3 busy, 1 logged out``; ``nobody`` of none."""
    order = [*EXCLUDED, *sorted(set(counts) - set(EXCLUDED))]
    some = [f"{counts[word]} {EXCLUDED.get(word, word)}" for word in order if counts.get(word)]
    return ", ".join(some) or "nobody"
