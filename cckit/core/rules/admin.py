"""Configuration, profiles, permissions."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final

import msgpack

from cckit.core import commands as m
from cckit.core import facts as f
from cckit.core.ask import Ask
from cckit.core.channel import CALL
from cckit.core.errors import Refused
from cckit.core.events import Actor, Pair
from cckit.core.floor import Floor
from cckit.core.hours import wrong_hours
from cckit.core.ids import CENTER, QueueId, agent_stream
from cckit.core.mode import wrong_mode
from cckit.core.settings import QueueSettings

from .limits import wrong_channel, wrong_offers, wrong_skill
from .queue_settings import wrong_queue
from .waiting import cycle

Drafts = list[Pair]
MAX_BUDGET = 10_000


def apply_config(
    floor: Floor, command: m.ApplyConfig, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    where = f"config/{command.kind}/{command.id}"
    wrong = WRONG.get(command.kind)
    what = wrong(command.id, command.data, floor) if wrong is not None else None
    if what is not None:
        remedy = f"see the reference of {command.kind} settings"
        return Refused(f"config.bad_{command.kind}", where, what, remedy)
    if command.kind == "queue":
        settings = QueueSettings.unpack(command.data)
        refused = cycle(QueueId(command.id), settings, floor.queues)
        if refused is not None:
            return refused
    digest = sha256(command.data).digest()
    if floor.configs.get((command.kind, command.id)) == digest:
        return []
    return [(CENTER, f.ConfigApplied(command.kind, command.id, digest, command.data))]


def _wrong_queue(id: str, data: bytes, floor: Floor) -> str | None:
    try:
        settings = QueueSettings.unpack(data)
    except (TypeError, KeyError, ValueError, msgpack.UnpackException) as error:
        return f"the settings are unreadable: {error}"
    wrong = wrong_queue(settings)
    if wrong is not None:
        return wrong
    if settings.pack() != data:
        return "the settings are not the canonical msgpack of a map of all of them"
    return None


WRONG: Final[Mapping[str, Callable[[str, bytes, Floor], str | None]]] = {
    "queue": _wrong_queue,
    "mode": lambda id, data, floor: wrong_mode(id, data),
    "calendar": lambda id, data, floor: wrong_hours(id, data),
    "channel": wrong_channel,
    "skill": wrong_skill,
    "offers": wrong_offers,
}
"""Kind of configuration to what is wrong with its id and content; others are not ours."""


def set_profile(
    floor: Floor, command: m.SetProfile, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    stream = agent_stream(command.agent)
    if not command.agent:
        return Refused("agent.no_id", stream, "the agent has no id", "name one")
    for skill, level in command.skills.items():
        if not 1 <= level <= 5:
            what = f"the level of {skill!r} is {level}"
            return Refused("agent.bad_level", stream, what, "use 1 to 5")
    if not 0 < command.budget <= MAX_BUDGET:
        what = f"the budget is {command.budget}"
        return Refused("agent.bad_budget", stream, what, f"use 1 to {MAX_BUDGET}")
    own = {name: floor.channels.get(name, CALL).cost for name in command.channels}
    costs = {name: cost or own[name] for name, cost in command.channels.items()}
    for channel, cost in costs.items():
        if not 0 < cost <= command.budget:
            what = f"a contact of {channel!r} costs {cost} of {command.budget}"
            return Refused("agent.bad_cost", stream, what, "use 1 to the budget")
    skills = dict(sorted(command.skills.items()))
    channels = dict(sorted(costs.items()))
    profile = f.AgentProfileSet(command.name, command.budget, channels, skills)
    return [(stream, profile)]


def set_permission(
    floor: Floor, command: m.SetPermission, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    if not command.who or not command.role:
        what = "a permission needs who and which role"
        return Refused("permission.incomplete", "center", what, "name both")
    if (command.role in floor.roles.get(command.who, ())) is command.given:
        return []
    return [(CENTER, f.PermissionChanged(command.who, command.role, command.given))]
