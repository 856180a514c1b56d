"""Overload: a queue where too many wait, or too long, is switched, and back, by its limits.

One state of the whole center, for the queues that have limits. Nothing is polled: what the
limits speak of changes by events, but for the wait of the head of the line, and that has a
timer. Nothing here overrides what somebody else switched; who says ``normal`` is left alone
until the queue was relieved once.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import attrs

from cckit.core import (
    CENTER,
    TIMER,
    Ask,
    Draft,
    EntryId,
    Instant,
    Machine,
    QueueEntered,
    QueueId,
    QueueLeft,
    Recorded,
    Wake,
)
from cckit.core.facts import ModeChanged, QueuePlaceKept, QueueResumed
from cckit.core.mode import NORMAL, OVERLOAD

from .policy import GAPS, Overload, ql_us, relieved, too_much

Limits = Mapping[str, Overload]
WHY: Final = "overload limits"
SEEN: Final = (QueueEntered, QueueLeft, QueuePlaceKept, QueueResumed, ModeChanged)


@attrs.define
class Load:
    """One queue; ``evolve`` alone writes it."""

    line: dict[EntryId, int] = attrs.field(factory=dict)
    """Entry of who is on the line to since when, in the order of entering."""
    served: deque[int] = attrs.field(factory=lambda: deque(maxlen=GAPS + 1))
    """When the last of them entered service, since somebody last waited without a break."""
    at: int = 0
    """When it was last looked at."""
    since: int | None = None
    """Since when it is overloaded by our word."""
    theirs: int | None = None
    """Until when somebody else said so, 0 is until they end it."""
    rests: bool = False
    """Somebody called it normal: it is left alone until it was relieved."""

    def expected_us(self, now: int) -> int:
        """What somebody who comes now would wait."""
        head = now - next(iter(self.line.values())) if self.line else 0
        return max(head, ql_us(len(self.line), self.served))


@attrs.define
class State:
    """The queues that have limits; ``evolve`` alone writes it."""

    queues: dict[str, Load]
    entries: dict[EntryId, tuple[str, int]] = attrs.field(factory=dict)
    """Live entry to its queue, and since when it waits."""


def initial(limits: Limits) -> State:
    return State({queue: Load() for queue in limits})


def evolve(limits: Limits, state: State, recorded: Recorded[Any]) -> None:
    """Take in a fact. Nothing else writes the state."""
    envelope, data = recorded
    now = envelope.recorded_at
    if isinstance(data, ModeChanged):
        word, _, queue = data.scope.partition("/")
        load = state.queues.get(queue) if word == "queue" else None
        if load is not None and data.mode in (OVERLOAD, NORMAL):
            _switched(load, data, envelope.actor == TIMER and data.why.startswith(WHY), now)
        return
    if isinstance(data, QueueEntered):
        if data.queue not in state.queues:
            return
        state.entries[data.entry] = (data.queue, data.since)
    known = state.entries.get(data.entry)
    if known is None:
        return
    queue, since = known
    load = state.queues[queue]
    if isinstance(data, QueueEntered | QueueResumed):
        load.line[data.entry] = since
    else:
        load.line.pop(data.entry, None)
    if isinstance(data, QueueLeft):
        del state.entries[data.entry]
        if data.reason == "answered":
            load.served.append(now)
    if not load.line:
        load.served.clear()  # A gap in which nobody waited says nothing of how fast we are.
    load.at = now
    if load.rests and relieved(limits[queue], len(load.line), load.expected_us(now)):
        load.rests = False


def _switched(load: Load, data: ModeChanged, ours: bool, now: int) -> None:
    until = data.until or 0
    on = data.mode == OVERLOAD and (not until or until > now)
    load.at = now
    if ours:
        load.since = now if on else None
        return
    load.since = None
    load.theirs = until if on else None
    load.rests = not on


# --- due and decide -------------------------------------------------------------------------


def due(limits: Limits, state: State) -> int | None:
    """When a queue is next to be switched, or looked at."""
    instants = (_due(limits[queue], load) for queue, load in state.queues.items())
    return min((instant for instant in instants if instant is not None), default=None)


def _due(limits: Overload, load: Load) -> int | None:
    waiting, expected = len(load.line), load.expected_us(load.at)
    if load.since is not None:
        left = relieved(limits, waiting, expected)
        return max(load.at, load.since + limits.at_least_us) if left else None
    if load.theirs == 0 or load.rests:
        return None
    free_at = load.theirs or 0
    if too_much(limits, waiting, expected):
        return max(load.at, free_at)
    if limits.enter_wait_us is None or not load.line:
        return None
    return max(free_at, next(iter(load.line.values())) + limits.enter_wait_us)


def decide(limits: Limits, state: State, wake: Wake, now: Instant, ask: Ask) -> Sequence[Draft]:
    """Switch what is due, and say by which number. Reads only."""
    drafts = []
    for queue, load in state.queues.items():
        at = _due(limits[queue], load)
        if at is None or at > wake.due:
            continue
        waiting, expected = len(load.line), load.expected_us(max(now, wake.due))
        why = f"{WHY}: {waiting} wait, {expected // 1_000_000} s expected"
        until: Instant | None = None
        if load.since is not None:
            if not relieved(limits[queue], waiting, expected):
                continue  # The head of the line waited on meanwhile.
            until = now
        drafts.append(Draft(CENTER, ModeChanged(f"queue/{QueueId(queue)}", OVERLOAD, until, why)))
    return drafts


def machine(limits: Limits) -> Machine:
    """The machine as the engine takes it."""
    return Machine(
        "hours.overload",
        (),
        SEEN,
        partial(initial, limits),
        partial(decide, limits),
        partial(evolve, limits),
        partial(due, limits),
        lambda recorded: CENTER,
    )
