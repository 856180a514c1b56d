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
from cckit.core.instant import HOUR
from cckit.core.mode import wrong_mode
from cckit.core.need import parse
from cckit.core.routing import MAX_TIER, NAMES, STRATEGIES
from cckit.core.settings import QueueSettings

from .limits import wrong_channel, wrong_offers, wrong_skill
from .waiting import cycle, wrong_waiting

Drafts = list[Pair]
MAX_BUDGET = 10_000
MAX_AT_ONCE = 1000
SPANS: Final = (
    "ring_us", "connect_us", "wrapup_us", "max_wait_us", "rona_back_us", "head_start_us"
)  # fmt: skip


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
    for name in ("strategy", "need", "then"):
        if type(getattr(settings, name)) is not str:
            return f"{name} is {getattr(settings, name)!r}, allowed is text"
    if not all(type(agent) is str and agent for agent in settings.agents):
        return f"agents are {settings.agents!r}, allowed are agent ids and '*'"
    wrong = _wrong_strategy(settings)
    if wrong is not None:
        return wrong
    for name in SPANS:
        value = getattr(settings, name)
        if type(value) is not int or not 0 <= value <= 24 * HOUR:
            return f"{name} is {value!r}, allowed are 0 to {24 * HOUR} us"
    if settings.ring_us == 0 or settings.connect_us == 0:
        return "ring_us and connect_us must not be 0"
    if type(settings.rona_after) is not int or not 0 <= settings.rona_after <= 1000:
        return f"rona_after is {settings.rona_after!r}, allowed are 0 (never) to 1000"
    if type(settings.rona_returns) is not int or not 0 <= settings.rona_returns <= 1000:
        return f"rona_returns is {settings.rona_returns!r}, allowed are 0 to 1000"
    try:
        parse(settings.need)
    except ValueError as error:
        return str(error)
    wrong = wrong_waiting(settings)
    if wrong is not None:
        return wrong
    if settings.pack() != data:
        return "the settings are not the canonical msgpack of a map of all of them"
    return None


def _wrong_strategy(settings: QueueSettings) -> str | None:
    if settings.strategy not in NAMES:
        return f"there is no strategy {settings.strategy!r}; there are {', '.join(NAMES)}"
    if settings.then not in STRATEGIES:
        return f"then is {settings.then!r}, allowed are {', '.join(STRATEGIES)}"
    tiers = settings.tiers
    if type(tiers) is not dict:
        return f"tiers are {tiers!r}, allowed is a map of agents to whole numbers"
    for agent, tier in tiers.items():
        if type(agent) is not str or type(tier) is not int or not 0 <= tier <= MAX_TIER:
            return f"the tier of {agent!r} is {tier!r}, allowed are 0 to {MAX_TIER}"
    if settings.strategy == "ordered" and not tiers:
        return "strategy 'ordered' without tiers orders nobody: give agents their tiers"
    if type(settings.at_once) is not int or not 0 <= settings.at_once <= MAX_AT_ONCE:
        return f"at_once is {settings.at_once!r}, allowed are 0 (all) to {MAX_AT_ONCE}"
    if type(settings.add_us) is not int or not 0 < settings.add_us <= HOUR:
        return f"add_us is {settings.add_us!r}, allowed are 1 to {HOUR} us"
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
