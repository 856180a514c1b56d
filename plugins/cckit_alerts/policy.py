"""What is watched, how high it is, and when that is too much. Pure.

A kind is *timed* or a *level*. What is timed begins and ends with events, and its value is
how long it has lasted. A level is a number of the center or a queue that goes up and down;
two limits, and how long each must hold, keep it from flapping.

The service level at risk is the share, in permille, of those who were served within the
time, of the last who were served or left too late and of those who wait too long already:
both parts are known without asking anybody to the end of a day. Who leaves within the time
counts on neither side (as in the definition ``sl.offered`` of who excludes them).

A *watch* is one alert that there is or may be. Of what is timed there is one while it lasts;
of a level there is always one. Only the machine's ``evolve`` writes them, by the functions
here.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from heapq import heapify, heappop, heappush
from itertools import islice, takewhile
from typing import Any, Final

import attrs

from cckit.core import CENTER, Canonical, EntryId, Stream

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


# --- what is watched ------------------------------------------------------------------------

Phase = IntEnum("Phase", "CALM RAISED ACKNOWLEDGED", start=0)
CALM, RAISED, ACKNOWLEDGED = Phase
Rules = Mapping[str, Rule]
"""By name."""


@attrs.define
class Watch:
    """One alert that there is or may be."""

    rule: str
    """Its name in the configuration."""
    name: str
    """What its facts call it: with its queue, where the rule is for each."""
    stream: Stream
    """What it is about."""
    phase: Phase = CALM
    since: int | None = None
    """Since when that lasts which is timed; None of a level, and of what has ended."""
    over_at: int | None = None
    """When a level went over its limit, or will if nothing happens."""
    breach_at: int | None = None
    """When it is to be raised."""
    clear_at: int | None = None
    """When it is to be cleared."""
    repeat_at: int | None = None
    repeated: int = 0
    raised_at: int = 0

    @property
    def id(self) -> str:
        """What an embedder calls the alert."""
        return self.name if self.stream == CENTER else f"{self.name} {self.stream}"

    def due(self) -> int | None:
        """When something is to be said of it."""
        if self.phase is CALM:
            return self.breach_at
        if self.clear_at is not None or self.phase is ACKNOWLEDGED:
            return self.clear_at
        return self.repeat_at


@attrs.define
class Contact:
    """What scopes need to know of one contact."""

    queue: str = ""
    agents: list[str] = attrs.field(factory=list)
    """Who talks to its customer, the first one first."""
    since: int = 0
    """Since when it waits."""


@attrs.define
class State:
    """Slotted; ``evolve`` alone writes it."""

    watches: dict[str, Watch] = attrs.field(factory=dict)
    """By the id of the alert."""
    heap: list[tuple[int, str]] = attrs.field(factory=list, eq=False)
    """(due, id), the next one first; there may be some that are out of date."""
    contacts: dict[Stream, Contact] = attrs.field(factory=dict)
    lines: dict[str, dict[EntryId, int]] = attrs.field(factory=dict)
    """Scope to who waits on the line there, in the order of entering, and since when."""
    entries: dict[EntryId, str] = attrs.field(factory=dict)
    """Live entry to its queue."""
    kept: dict[EntryId, bool] = attrs.field(factory=dict)
    """Those who kept their place: their wait says nothing of the service."""
    ended: dict[str, deque[bool]] = attrs.field(factory=dict)
    """Alert of a service level to whether the last were served in time."""
    down: dict[str, int] = attrs.field(factory=dict)
    """Adapter to since when its connection is lost."""
    faults: dict[str, int] = attrs.field(factory=dict)
    """Alert to how many faults there were since all was quiet."""
    failed_at: int = 0
    run_position: int = -1
    stays: frozenset[str] = frozenset()
    """Rules of levels: their watches are there for ever."""

    def first(self) -> int | None:
        """When something is next due."""
        return self.heap[0][0] if self.heap else None

    def ready(self, until: int) -> Iterator[Watch]:
        """What is due up to an instant; a walk down the heap as far as that is true."""
        found, places = set(), [0]
        while places:
            place = places.pop()
            if place < len(self.heap) and self.heap[place][0] <= until:
                found.add(self.heap[place])
                places += (2 * place + 1, 2 * place + 2)
        for at, id in sorted(found):
            watch = self.watches.get(id)
            if watch is not None and watch.due() == at:
                yield watch

    def put(self, watch: Watch) -> None:
        """Keep a watch after a change; forget it if there is nothing to be said any more."""
        if watch.phase is CALM and watch.since is None and watch.rule not in self.stays:
            self.watches.pop(watch.id, None)
            return
        self.watches[watch.id] = watch
        due = watch.due()
        if due is not None:
            heappush(self.heap, (due, watch.id))

    def prune(self) -> None:
        """Take off the top of the heap what is out of date."""
        heap = self.heap
        while heap:
            at, id = heap[0]
            watch = self.watches.get(id)
            if watch is not None and watch.due() == at:
                return
            heappop(heap)

    def shift(self, step: int) -> None:
        """Move what is open with a clock that went back: it waits as long as it would have."""
        for watch in self.watches.values():
            for name in ("since", "over_at", "breach_at", "clear_at", "repeat_at"):
                at = getattr(watch, name)
                setattr(watch, name, None if at is None else max(0, at + step))
            watch.raised_at = max(0, watch.raised_at + step)
        for line in self.lines.values():
            line.update({entry: max(0, since + step) for entry, since in line.items()})
        for contact in self.contacts.values():
            contact.since = max(0, contact.since + step)
        self.failed_at = max(0, self.failed_at + step)
        self.order()

    def order(self) -> None:
        """Make the heap anew."""
        self.heap = [(d, w.id) for w in self.watches.values() if (d := w.due()) is not None]
        heapify(self.heap)


def dump(state: State) -> Canonical:
    """All but the heap, which follows from the watches."""
    return [
        [
            [one.rule, one.name, one.stream, int(one.phase), *attrs.astuple(one)[4:]]
            for one in state.watches.values()
        ],
        [[stream, *attrs.astuple(one)] for stream, one in state.contacts.items()],
        [[scope, [[*pair] for pair in line.items()]] for scope, line in state.lines.items()],
        [[*pair] for pair in state.entries.items()],
        [*state.kept],
        [[id, ended.maxlen, [*ended]] for id, ended in state.ended.items()],
        [[*pair] for pair in state.down.items()],
        [[*pair] for pair in state.faults.items()],
        state.failed_at,
        state.run_position,
        sorted(state.stays),
    ]


def load(dumped: Any) -> State:
    """Make the state that ``dump`` saw."""
    watches, contacts, lines, entries, kept, ended, down, faults, *plain = dumped
    failed_at, run_position, stays = plain
    made = [Watch(rule, name, stream, Phase(p), *rest) for rule, name, stream, p, *rest in watches]
    state = State(
        {watch.id: watch for watch in made},
        [],
        {stream: Contact(queue, [*who], since) for stream, queue, who, since in contacts},
        {scope: dict(line) for scope, line in lines},
        dict(entries),
        dict.fromkeys(kept, True),
        {id: deque(last, maxlen=most) for id, most, last in ended},
        dict(down),
        dict(faults),
        failed_at,
        run_position,
        frozenset(stays),
    )
    state.order()
    return state


def start(rules: Rules) -> State:
    """The state of an empty log: a watch for each level of one scope."""
    state = State(stays=frozenset(n for n, rule in rules.items() if rule.kind not in TIMED))
    for rule in rules.values():
        if rule.kind not in TIMED and rule.scope != EVERY_QUEUE:
            level_watch(state, rule, rule.name)
    return state


def level_watch(state: State, rule: Rule, name: str) -> Watch:
    """The watch of a level, made where there is none yet."""
    watch = state.watches.get(name)
    if watch is None:
        watch = state.watches[name] = Watch(rule.name, name, CENTER)
        if rule.kind == SLA_AT_RISK:
            state.ended[name] = deque(maxlen=rule.of)
    return watch


# --- what is timed --------------------------------------------------------------------------


def within(rule: Rule, contact: Contact | None, stream: Stream) -> bool:
    """Whether something is in the scope of a rule."""
    word, _, id_ = rule.scope.partition("/")
    if word == "center":
        return True
    if contact is None:
        return rule.scope == stream
    if word == "queue":
        return bool(contact.queue) and id_ in ("*", contact.queue)
    return id_ in contact.agents


def begin(state: State, rule: Rule, stream: Stream, since: int) -> None:
    """Something begins that must not last too long; where it goes on, it was never over."""
    fresh = Watch(rule.name, rule.name, stream)
    watch = state.watches.get(fresh.id, fresh)
    watch.since = since
    watch.breach_at = since + rule.limit
    if watch.clear_at is not None and watch.breach_at <= watch.clear_at:
        watch.clear_at = None
    state.put(watch)


def end(state: State, rule: Rule, stream: Stream, now: int) -> None:
    """It is over."""
    watch = state.watches.get(Watch(rule.name, rule.name, stream).id)
    if watch is None or watch.since is None:
        return
    watch.since = watch.breach_at = None
    watch.clear_at = now
    state.put(watch)


# --- levels ---------------------------------------------------------------------------------


def look(state: State, rule: Rule, watch: Watch, scope: str, now: int) -> None:
    """Compare a level with its limits, after something happened to it."""
    value = level(state, rule, watch, scope, now)
    at = now if over(rule, value) else None
    if rule.kind == SLA_AT_RISK:
        at = _at_risk(state, rule, watch, scope, now)
    if at is not None and at <= now and watch.over_at is not None:
        at = min(at, watch.over_at)
    watch.over_at = at
    watch.breach_at = None if at is None else at + rule.for_us
    if rule.kind == ROUTER_FAULT:
        watch.clear_at = None if state.down else state.failed_at + rule.quiet_us
    elif not calm(rule, value):
        watch.clear_at = None
    elif watch.clear_at is None:
        watch.clear_at = now + rule.for_us
    state.put(watch)


def level(state: State, rule: Rule, watch: Watch, scope: str, now: int) -> int:
    """The value of a level."""
    line = state.lines.get(scope, {})
    if rule.kind == QUEUE_LENGTH:
        return len(line)
    if rule.kind == ROUTER_FAULT:
        return state.faults.get(watch.id, 0) + len(state.down)
    ended = state.ended[watch.id]
    return permille(sum(ended), len(ended), late(rule, line.values(), now))


def _at_risk(state: State, rule: Rule, watch: Watch, scope: str, now: int) -> int | None:
    """When the service level is, or will be if nothing happens, under its limit."""
    ended, line = state.ended[watch.id], state.lines.get(scope, {})
    needed = late_enough(rule, sum(ended), len(ended))
    if needed == 0:
        return now
    if len(line) < needed:
        return None
    return max(now, max(islice(line.values(), needed)) + rule.within_us)


def scope_of(watch: Watch, rule: Rule) -> str:
    """What a level is of: the queue in its name, where the rule is for each."""
    return watch.name.partition(" ")[2] or rule.scope
