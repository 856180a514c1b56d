"""The words of ``cckit explain``: a contact's story, and the reasons of a decision."""

from typing import Any, Final

from cckit.core.events import Recorded
from cckit.core.explain import CHOSEN, EXCLUDED, Considered
from cckit.core.facts import OfferMade
from cckit.core.reports import Zone
from cckit.shell.logs.stories import Moment, Story

from .logs import fields
from .table import percent
from .text import span_text
from .words import EXCLUDED as REASONS
from .words import STRATEGIES, excluded, say

AGENTS_SHOWN: Final = 20
"""To people; --json has all."""


def clock(zone: Zone, at: int) -> str:
    """``09:12:03``, civil time of a zone."""
    return zone.local(at).strftime("%H:%M:%S")


def story_lines(story: Story, zone: Zone) -> list[str]:
    """A contact's events, a line each, with the time since the first."""
    first = _at(story.events[0])
    day = zone.local(first).strftime("%Y-%m-%d")
    lines = [f"Contact {story.contact}, {day}, {zone.name}"]
    for recorded in story.events:
        envelope, data = recorded
        since = span_text(_at(recorded) - first)
        words = say(data, envelope.type)
        lines.append(f"  {clock(zone, _at(recorded))}  +{since:<8}  {words}  [{envelope.position}]")
    return lines


def story_json(story: Story) -> dict[str, Any]:
    """The story in the shape that scripts rely on."""
    steps = [
        {
            "position": envelope.position,
            "recorded_at": envelope.recorded_at,
            "type": envelope.type,
            "text": say(data, envelope.type),
        }
        for envelope, data in story.events
    ]
    return {"contact": story.contact, "steps": steps}


def record_lines(made: Recorded[OfferMade], zone: Zone) -> list[str]:
    """What the decision itself recorded, in words."""
    envelope, data = made
    rule = STRATEGIES.get(data.policy, data.policy)
    lines = [
        f"Offer {data.offer}, made at {clock(zone, envelope.recorded_at)} on "
        f"{zone.local(envelope.recorded_at):%Y-%m-%d}, position {envelope.position}.",
        f"Contact {data.contact} was offered to agent {data.agent}, in its round {data.round}, "
        f"to be answered by {clock(zone, data.due)}.",
        f"The rule of its queue is {data.policy}: {rule}. "
        f"Its key was {key_text(data.policy, data.key, zone)}; the least wins.",
    ]
    if data.runner_up is not None:
        runner_key = "" if data.runner_key is None else key_text(data.policy, data.runner_key, zone)
        tie = f" The tie was broken by {_tie(data.tie)}." if data.tie else ""
        lines.append(
            f"{data.eligible} agents could have had it; next was agent {data.runner_up}, "
            f"{runner_key}.{tie}"
        )
    elif data.eligible == 1:
        lines.append("No other agent could have had it.")
    if data.hook:
        plugin, first, reason = data.hook
        lines.append(f"The plugin {plugin} put agent {first} first: {reason}.")
    lines.append(f"Could not have it: {excluded(data.excluded)}.")
    return lines


def key_text(policy: str, key: int, zone: Zone) -> str:
    """What a strategy's number says."""
    if policy == "longest_idle":
        return f"idle since {clock(zone, key)}"
    if policy == "least_occupied":
        return f"occupied {percent(key)}"
    if policy == "fewest_contacts":
        return f"{key} contacts"
    if policy == "least_talk_time":
        return f"{span_text(key)} of talk"
    if policy == "best_skill":
        return f"levels that add to {-key}"
    return f"number {key}"


def _tie(tie: str) -> str:
    return {"idle_since": "who was idle longer", "agent": "the agents' order"}.get(tie, tie)


def _at(recorded: Recorded[Any]) -> int:
    return recorded[0].recorded_at


def moment_lines(moment: Moment, zone: Zone) -> list[str]:
    """A decision in words: what it recorded, and what deciding again says."""
    found = moment.explanation
    before = moment.made[0].position - 1
    lines = record_lines(moment.made, zone)
    if found.reproduced:
        lines.append(f"Folded to position {before} and decided again: the same, field by field.")
    else:
        other = "nobody" if found.again is None else f"agent {found.again.agent}"
        lines.append(
            f"Folded to position {before} and decided again, it would be {other}: "
            "this log was written by other code, or by a hook that is not in the record."
        )
    lines.append("All agents, as the decision saw them:")
    lines += [f"  {_considered(one, moment, zone)}" for one in found.agents[:AGENTS_SHOWN]]
    more = len(found.agents) - AGENTS_SHOWN
    return lines if more <= 0 else [*lines, f"  and {more:,} more; --json has them all"]


def _considered(one: Considered, moment: Moment, zone: Zone) -> str:
    if one.verdict == EXCLUDED:
        return f"{one.agent}  –   {REASONS.get(one.reason, one.reason)}"
    key = "" if one.key is None else key_text(moment.made[1].policy, one.key, zone)
    chosen = ", chosen" if one.verdict == CHOSEN else ""
    return f"{one.agent}  {one.rank}.  {key}{chosen}"


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
        "text": moment_lines(moment, zone),
    }
