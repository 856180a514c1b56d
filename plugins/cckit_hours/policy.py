"""When a queue is overloaded, when it is not any more, and how a calendar is applied. Pure.

A queue is overloaded when so many wait on the line, or when who comes now would wait so
long; it is relieved when both are below their lower limits, and not before ``at_least_us``.
The gap between the limits, and that time, keep it from going to and fro.

What somebody would wait is the larger of two: the wait so far of the head of the line, and
(who waits + 1) times the mean of the last 20 gaps between two who entered service (Ibrahim
and Whitt 2009, doi 10.1287/msom.1080.0223, the estimator QL).
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final

import attrs

from cckit.core import ConfigApplied
from cckit.core.hours import CALENDAR, Hours

STAY: Final = "stay"
DEFLECTED: Final = "deflect"
CALLBACK: Final = "callback"
WAITING: Final = (STAY, DEFLECTED, CALLBACK)
"""What becomes of those who wait when a mode begins; or ``overflow QUEUE``."""
GAPS: Final = 20


@attrs.frozen(slots=True)
class Overload:
    """The limits of one queue; None is no limit."""

    enter_length: int | None = None
    leave_length: int | None = None
    enter_wait_us: int | None = None
    leave_wait_us: int | None = None
    at_least_us: int = 60_000_000


def ql_us(waiting: int, served: Sequence[int]) -> int:
    """What one more would wait, from the instants of the last who entered service."""
    if len(served) < 2:
        return 0
    gap = max(0, served[-1] - served[0]) // (len(served) - 1)
    return (waiting + 1) * gap


def too_much(limits: Overload, waiting: int, expected_us: int) -> bool:
    """Whether a queue is to be called overloaded."""
    long = limits.enter_length is not None and waiting >= limits.enter_length
    slow = limits.enter_wait_us is not None and expected_us >= limits.enter_wait_us
    return long or slow


def relieved(limits: Overload, waiting: int, expected_us: int) -> bool:
    """Whether an overloaded queue may be called normal again."""
    short = limits.leave_length is None or waiting <= limits.leave_length
    fast = limits.leave_wait_us is None or expected_us <= limits.leave_wait_us
    return short and fast


def applied(name: str, hours: Hours) -> ConfigApplied:
    """The fact that a calendar was expanded."""
    data = hours.pack()
    return ConfigApplied(CALENDAR, name, sha256(data).digest(), data)


def comes_back(rules: Mapping[str, str | None]) -> list[str]:
    """The way on which who overflows would come back; empty if there is none.

    :param rules: a mode's id to the queue that it sends to, if any. A mode without a queue sends
        from every queue but the one that it sends to, unless that queue has its own.
    """
    found = [(id, target) for id, target in rules.items() if target]
    names = {id.partition(" ")[2] for id, _ in found} | {target for _, target in found}
    onward: dict[str, set[str]] = {name: set() for name in names - {""}}
    for id, target in found:
        mode, _, queue = id.partition(" ")
        for name in [queue] if queue else onward:
            if name != target and (queue or f"{mode} {name}" not in rules):
                onward[name].add(target)
    ways = [[name] for name in sorted(onward)]
    while ways:
        way = ways.pop()
        for name in sorted(onward[way[-1]]):
            if name == way[0]:
                return [*way, name]
            if name not in way:
                ways.append([*way, name])
    return []
