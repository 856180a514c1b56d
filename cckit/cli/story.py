"""The words of ``cckit explain``: a contact's story, and the reasons of a decision."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from cckit.core.events import Recorded
from cckit.core.explain import CHOSEN, EXCLUDED, Considered, Explanation, WaitExplanation
from cckit.core.facts import OfferMade
from cckit.core.instant import SECOND
from cckit.core.reports import Zone
from cckit.shell.logs.stories import Moment, Story, Wait

from .logs import fields
from .table import percent
from .text import span_text
from .words import EXCLUDED as REASONS
from .words import STRATEGIES, say

AGENTS_SHOWN: Final = 10
NAMES_SHOWN: Final = 8
"""To people; --json has all."""
BEST: Final = {
    "longest_idle": "has waited longest",
    "least_occupied": "was occupied least",
    "round_robin": "is next in turn",
    "fewest_contacts": "had the fewest contacts",
    "least_talk_time": "has talked least",
    "best_skill": "has the highest levels",
    "random": "has the lower number",
}
"""What the winner of a strategy is."""
TIES: Final = {
    "idle_since": "who was idle longer goes first",
    "agent": "the agents' order decides",
}


def clock(zone: Zone, at: int) -> str:
    """``09:12:03``, civil time of a zone."""
    return zone.local(at).strftime("%H:%M:%S")


def story_lines(story: Story, zone: Zone) -> list[str]:
    """A contact's events, a line each, with the time since the first."""
    first = _at(story.events[0])
    day = zone.local(first).strftime("%Y-%m-%d")
    lines = [f"Contact {story.contact}, {day}, {zone.name}"]
    for recorded in story.events:
        envelope = recorded[0]
        since = span_text(_at(recorded) - first)
        words = _said(recorded, story.contact)
        lines.append(f"  {clock(zone, _at(recorded))}  +{since:<8}  {words}  [{envelope.position}]")
    return lines


def story_json(story: Story) -> dict[str, Any]:
    """The story in the shape that scripts rely on."""
    steps = [
        {
            "position": envelope.position,
            "recorded_at": envelope.recorded_at,
            "type": envelope.type,
            "text": _said((envelope, data), story.contact),
        }
        for envelope, data in story.events
    ]
    return {"contact": story.contact, "steps": steps}


def _said(recorded: Recorded[Any], contact: str) -> str:
    """An event in words; what another contact says of this one begins with that one's name."""
    envelope, data = recorded
    words = say(data, envelope.type)
    kind, _, name = envelope.stream.partition("/")
    return words if kind != "contact" or name == contact else f"contact {name} {words}"


def _at(recorded: Recorded[Any]) -> int:
    return recorded[0].recorded_at


def moment_lines(moment: Moment, zone: Zone) -> list[str]:
    """A decision in words: who, why, against whom, and whether deciding again says the same."""
    (envelope, data), found = moment
    at = envelope.recorded_at
    lines = [
        f"Offer {data.offer}: contact {data.contact} was offered to agent {data.agent} "
        f"on {zone.local(at):%Y-%m-%d} at {clock(zone, at)} ({zone.name}),",
        f"in its round {data.round}, to be answered by {clock(zone, data.due)}. "
        f"Position {envelope.position}.",
        "",
        f"Why: {why(data, at)}",
        f"Rule: {data.policy}, {STRATEGIES.get(data.policy, data.policy)}.",
        "",
        *_able(found.agents, data, at),
        *_unable(found.agents),
        "",
        _again(found, envelope.position - 1),
    ]
    return lines


def why(data: OfferMade, at: int) -> str:
    """Which difference decided, in the units of the strategy."""
    if data.hook:
        plugin, first, reason = data.hook
        return f"the plugin {plugin} put {first} first: {reason}."
    if data.runner_up is None or data.runner_key is None:
        return f"no other agent could have had it: {key_text(data.policy, data.key, at)}."
    won, lost = (key_text(data.policy, key, at) for key in (data.key, data.runner_key))
    if data.key == data.runner_key:
        tie = TIES.get(data.tie or "", data.tie or "the agents' order")
        return f"{data.agent} and {data.runner_up} are equal ({won}); {tie}."
    best = BEST.get(data.policy, "comes first")
    return f"{data.agent} {best}: {won}; the next, {data.runner_up}, {lost}."


def key_text(policy: str, key: int, at: int) -> str:
    """What a strategy's number says, at an instant."""
    if policy == "longest_idle":
        return f"idle {long_text(at - key)}"
    if policy == "least_occupied":
        return f"occupied {percent(key)} of the time"
    if policy == "fewest_contacts":
        return "1 contact" if key == 1 else f"{key:,} contacts"
    if policy == "least_talk_time":
        return f"{long_text(key)} of talk"
    if policy == "best_skill":
        return f"levels that add to {-key}"
    if policy == "round_robin":
        return f"last offered {key}" if key else "never offered anything"
    return f"number {key}"


def long_text(us: int) -> str:
    """A length of time in words: ``3 min 12 s``."""
    seconds = max(0, us) // SECOND
    hours, minutes = seconds // 3600, seconds // 60 % 60
    parts = [(hours, "h"), (minutes, "min"), (seconds % 60, "s")]
    said = [f"{n} {unit}" for n, unit in parts if n]
    return " ".join(said[:2]) or "less than 1 s"


def _able(agents: Sequence[Considered], data: OfferMade | None, at: int) -> list[str]:
    able = [one for one in agents if one.verdict != EXCLUDED]
    if not able:
        return ["Nobody could have it."]
    lines = [f"Could have had it ({len(able)}):"]
    for one in able[:AGENTS_SHOWN]:
        key = "" if one.key is None or data is None else key_text(data.policy, one.key, at)
        mark = "  chosen" if one.verdict == CHOSEN else ""
        lines.append(f"  {one.rank:>3}.  {one.agent:<12} {key}{mark}".rstrip())
    more = len(able) - AGENTS_SHOWN
    return lines if more <= 0 else [*lines, f"  and {more:,} more; --json has them all"]


def _unable(agents: Sequence[Considered]) -> list[str]:
    """Who could not, a line a reason, in the order in which reasons are looked at."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in agents:
        if one.verdict == EXCLUDED:
            found.setdefault((one.reason, one.detail), []).append(one.agent)
    if not found:
        return []
    order = {reason: n for n, reason in enumerate(REASONS)}
    lines = [f"Could not ({sum(map(len, found.values()))}):"]
    for reason, detail in sorted(found, key=lambda one: (order.get(one[0], 99), one)):
        names = found[reason, detail]
        more = len(names) - NAMES_SHOWN
        shown = ", ".join(names[:NAMES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
        words = REASONS.get(reason, reason)
        words = f"{words} ({detail})" if detail else words
        lines.append(f"  {len(names):>4} {words}: {shown}")
    return lines


def _again(found: Explanation, before: int) -> str:
    start = f"Folded to position {before} and decided again"
    if found.reproduced:
        return f"{start}: the same, field by field."
    other = "nobody" if found.again is None else f"agent {found.again.agent}"
    return (
        f"{start}, it would be {other}: this log was written by other code, or by a hook that "
        "is not in the record."
    )


def moment_json(moment: Moment, zone: Zone) -> dict[str, Any]:
    """The decision in the shape that scripts rely on."""
    found = moment.explanation
    return {
        "offer": moment.made[1].offer,
        "position": moment.made[0].position,
        "record": fields(moment.made[1]),
        "reproduced": found.reproduced,
        "again": None if found.again is None else fields(found.again),
        "agents": [one._asdict() for one in found.agents],
        "why": why(moment.made[1], moment.made[0].recorded_at),
        "text": moment_lines(moment, zone),
    }


def wait_lines(wait: Wait, zone: Zone) -> list[str]:
    """Why nobody had a contact at an instant."""
    when = f"at {clock(zone, wait.at)} on {zone.local(wait.at):%Y-%m-%d} ({zone.name})"
    found = wait.explanation
    if found is None:
        state = wait.phase or "not there: it had not come yet, or had ended"
        return [f"Contact {wait.contact} was not waiting {when}: it was {state}."]
    need = f", needing {found.need}" if found.need else ""
    lines = [
        f"Contact {wait.contact} was waiting in queue {found.queue} {when}{need},",
        f"since {clock(zone, found.since)}, for {long_text(found.at - found.since)}.",
        "",
        f"Why nobody: {why_nobody(found)}",
        "",
    ]
    if any(one.verdict != EXCLUDED for one in found.agents):
        lines += _able(found.agents, None, found.at)
    return [*lines, *_unable(found.agents)]


def why_nobody(found: WaitExplanation) -> str:
    """The one reason that explains most."""
    if found.offered:
        return f"it is offered to {', '.join(found.offered)} already."
    able = [one.agent for one in found.agents if one.verdict != EXCLUDED]
    if able:
        return f"{', '.join(able)} could have it; the floor was about to offer it."
    if not found.staffed:
        return "nobody who could serve it is signed in."
    line = f"it is number {found.place} of {found.waiting} in line" if found.place else "it waits"
    rest = Counter(one.reason for one in found.agents if one.reason != "not_member")
    parts = [f"{rest[word]} {said}" for word, said in REASONS.items() if rest[word]]
    return f"{line}, and of the agents of the queue {', '.join(parts)}."


def wait_json(wait: Wait, zone: Zone) -> dict[str, Any]:
    """The same in the shape that scripts rely on."""
    found = wait.explanation
    fields_ = {} if found is None else found._asdict() | {"why": why_nobody(found)}
    if found is not None:
        fields_["agents"] = [one._asdict() for one in found.agents]
        fields_["staffed"] = found.staffed
    head = {"contact": wait.contact, "at": wait.at, "phase": wait.phase}
    return head | {"wait": fields_ or None, "text": wait_lines(wait, zone)}
