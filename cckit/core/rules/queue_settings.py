"""What a queue's settings may say: who may be asked and how, and numbers within bounds."""

from collections.abc import Mapping
from typing import Final

from cckit.core.instant import HOUR
from cckit.core.need import parse
from cckit.core.routing import MAX_TIER, NAMES, STRATEGIES
from cckit.core.settings import QueueSettings

from .waiting import MAX_CAPACITY, MAX_WEIGHT, wrong_waiting

DAY: Final = 24 * HOUR
BOUNDS: Final[Mapping[str, tuple[int, int]]] = {
    "ring_us": (1, DAY),
    "connect_us": (1, DAY),
    "wrapup_us": (0, DAY),
    "rona_after": (0, 1000),
    "rona_back_us": (0, DAY),
    "rona_returns": (0, 1000),
    "max_wait_us": (0, DAY),
    "head_start_us": (0, DAY),
    "weight": (1, MAX_WEIGHT),
    "sticky_us": (0, DAY),
    "prefer_us": (1, DAY),
    "capacity": (0, MAX_CAPACITY),
    "expected_max_us": (0, DAY),
    "callback_tries": (1, 100),
    "callback_pause_us": (0, DAY),
    "callback_ring_us": (1, DAY),
    "resume_us": (0, DAY),
    "at_once": (0, 1000),
    "add_us": (1, HOUR),
}
"""Setting that is a whole number to the least and the most that it may be."""


def wrong_queue(settings: QueueSettings) -> str | None:
    """What is wrong with the settings, in words; None if nothing is."""
    for name in ("strategy", "need", "then"):
        if type(getattr(settings, name)) is not str:
            return f"{name} is {getattr(settings, name)!r}, allowed is text"
    if not all(type(agent) is str and agent for agent in settings.agents):
        return f"agents are {settings.agents!r}, allowed are agent ids and '*'"
    for name, (low, high) in BOUNDS.items():
        value = getattr(settings, name)
        if type(value) is not int or not low <= value <= high:
            return f"{name} is {value!r}, allowed are {low} to {high}"
    try:
        parse(settings.need)
    except ValueError as error:
        return str(error)
    return _wrong_strategy(settings) or wrong_waiting(settings)


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
    return None
