"""The kinds of alerts, and the numbers that they compare. Pure.

A kind is *timed* or a *level*. What is timed begins and ends with events, and its value is
how long it has lasted. A level is a number of the center or a queue that goes up and down;
two limits, and how long each must hold, keep it from flapping.

The service level at risk is the share, in permille, of those who were served within the
time, of the last who were served or left too late and of those who wait too long already:
both parts are known without asking anybody to the end of a day. Who leaves within the time
counts on neither side (as in the definition ``sl.offered`` of who excludes them).
"""

from collections.abc import Iterable
from itertools import takewhile
from typing import Final

import attrs

LONG_CALL: Final = "long_call"
LONG_WAIT: Final = "long_wait"
LONG_HOLD: Final = "long_hold"
CALLBACK_OVERDUE: Final = "callback_overdue"
AGENT_MISSING: Final = "agent_missing"
QUEUE_LENGTH: Final = "queue_length"
SLA_AT_RISK: Final = "sla_at_risk"
ROUTER_FAULT: Final = "router_fault"
TIMED: Final = (LONG_CALL, LONG_WAIT, LONG_HOLD, CALLBACK_OVERDUE, AGENT_MISSING)
LEVELS: Final = (QUEUE_LENGTH, SLA_AT_RISK, ROUTER_FAULT)
KINDS: Final = (*TIMED, *LEVELS)
SEVERITIES: Final = ("info", "warning", "critical")
MISSING: Final = ("rona", "unreachable")
"""Reasons for which an agent who is set aside is missing."""
EVERY_QUEUE: Final = "queue/*"


@attrs.frozen(slots=True)
class Rule:
    """One rule for alerts."""

    name: str
    kind: str
    limit: int
    """Microseconds of a timed kind; callers, permille or faults of a level."""
    clear: int = 0
    """What a level must come back to."""
    scope: str = "center"
    """``center``, ``queue/ID``, ``queue/*`` for each, ``agent/ID``."""
    for_us: int = 0
    """How long a level must hold, to raise as to clear."""
    repeat_us: int = 0
    """After how long an alert that nobody acknowledged is repeated; 0 is never."""
    severity: str = "warning"
    within_us: int = 20_000_000
    """Of ``sla_at_risk``: within which wait somebody is to be served."""
    of: int = 50
    """Of ``sla_at_risk``: of how many who left last."""
    reasons: tuple[str, ...] = MISSING
    """Of ``agent_missing``."""
    quiet_us: int = 600_000_000
    """Of ``router_fault``: how long nothing must fail."""


def over(rule: Rule, value: int) -> bool:
    """Whether a level is to raise."""
    return value < rule.limit if rule.kind == SLA_AT_RISK else value >= rule.limit


def calm(rule: Rule, value: int) -> bool:
    """Whether a level may clear."""
    return value >= rule.clear if rule.kind == SLA_AT_RISK else value <= rule.clear


def permille(good: int, ended: int, late: int) -> int:
    """The share of those who were served in time."""
    return 1000 if not ended + late else good * 1000 // (ended + late)


def late_enough(rule: Rule, good: int, ended: int) -> int:
    """How many must wait too long for a service level to be under its limit; 0 if it is.

    There must be ``rule.of`` of them, for a share of a few says nothing.
    """
    few = max(0, rule.of - ended)
    if rule.limit <= 0:
        return few
    # good * 1000 // (ended + late) < limit, so good * 1000 < limit * (ended + late).
    needed = good * 1000 // rule.limit + 1 - ended
    return max(few, needed, 0)


def late(rule: Rule, line: Iterable[int], now: int) -> int:
    """How many of a line wait too long; given is since when, the first come first."""
    return sum(1 for _ in takewhile(lambda since: since + rule.within_us <= now, line))
