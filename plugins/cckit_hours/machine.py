"""Closings by calendars, overload by limits, and what is offered to those who wait.

*Closings*: one state of the whole center. A *track* is one mode of one scope, as one calendar
has it: spans of instants, of which each is said once, by ``mode.changed``, when it begins — or
when the log is opened in the midst of it. Nothing here overrides what somebody else switched:
a mode that others set stands until they end it, or until its instant; who says ``normal`` in a
closed time has opened until the next closing.

Calendars are civil time. Where the clock was set back between two runs, timers move, and a
closing must not: the instant that is waited for differs then by a microsecond, which arms
another timer, for the right one.

*Overload*: one state, too, for the queues that have limits. Nothing is polled: what the limits
speak of changes by events, but for the wait of the head of the line, and that has a timer. Who
says ``normal`` in an overload is left alone until the queue was relieved once.

*Offers*: who waits is offered a callback, once for each mode that begins.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import attrs

from cckit.core import (
    CENTER,
    TIMER,
    Ask,
    Canonical,
    ClockStepped,
    ConfigApplied,
    ContactClosed,
    Draft,
    EntryId,
    Floor,
    Instant,
    LegOrdered,
    Machine,
    QueueEntered,
    QueueId,
    QueueLeft,
    Recorded,
    Refused,
    RunStarted,
    Stream,
    Wake,
)
from cckit.core.facts import ModeChanged, QueuePlaceKept, QueueResumed
from cckit.core.hours import CALENDAR, RENEWED_US, Calendar, Hours, Interval, resolve
from cckit.core.mode import CLOSED, DEFAULTS, HOLIDAY, NORMAL, OVERLOAD
from cckit.core.reports import Zone

from .events import ModeCallbackOffered
from .policy import GAPS, Overload, applied, ql_us, relieved, too_much

Calendars = Mapping[str, tuple[Calendar, Zone]]
Key = tuple[str, str, str]
"""Calendar, scope, mode."""
WHY: Final = "calendar "
"""What a switch of ours says, and the calendar's name."""
SEEN: Final = (RunStarted, ClockStepped, ConfigApplied, ModeChanged)


@attrs.define
class Track:
    """One mode of one scope; ``evolve`` alone writes it."""

    spans: tuple[Interval, ...] = ()
    ends: list[int] = attrs.field(factory=list)
    applied_at: int = 0
    handled: int = 0
    """What ends by here is said, or over."""
    said: int = 0
    """Until when it is on by our word; 0 if it is not."""
    wrong: bool = False
    """What was said is not what the calendar says since it was applied."""
    theirs: int | None = None
    """Until when somebody else put it on, 0 is until they end it; None if nobody did."""

    def next(self) -> Interval | None:
        """The next span to be said."""
        if self.theirs == 0:
            return None
        n = bisect_right(self.ends, max(self.handled, self.theirs or 0))
        return self.spans[n] if n < len(self.spans) else None

    def on_until(self, end: int, now: int) -> bool:
        """Whether the calendar has it on now, up to that end."""
        n = bisect_left(self.ends, end)
        return n < len(self.ends) and self.ends[n] == end and self.spans[n][0] <= now

    def due(self) -> int | None:
        """When something is to be said."""
        if self.wrong:
            return self.applied_at
        span = self.next()
        return None if span is None else span[0]


@attrs.define
class State:
    """All tracks; ``evolve`` alone writes it."""

    tracks: dict[Key, Track] = attrs.field(factory=dict)
    ends: dict[str, int] = attrs.field(factory=dict)
    """Calendar to the end of its expansion."""
    steps: int = 0
    """0 and 1 in turn, with each step of the clock."""


def dump(state: State) -> Canonical:
    """Tracks, the ends of the expansions, and steps."""
    tracks = [
        [*key, [list(span) for span in one.spans], *attrs.astuple(one)[2:]]
        for key, one in state.tracks.items()
    ]
    return [tracks, [[name, end] for name, end in state.ends.items()], state.steps]


def load(dumped: Any) -> State:
    """Make the state that ``dump`` saw."""
    tracks, ends, steps = dumped
    state = State(ends=dict(ends), steps=steps)
    for calendar, scope, mode, spans, *rest in tracks:
        state.tracks[calendar, scope, mode] = Track(spans, [end for _, end in spans], *rest)
    return state


# --- evolve ---------------------------------------------------------------------------------


def evolve(state: State, recorded: Recorded[Any]) -> None:
    """Take in a fact. Nothing else writes the state."""
    envelope, data = recorded
    now = envelope.recorded_at
    if isinstance(data, ModeChanged):
        ours = envelope.actor == TIMER and data.why.startswith(WHY)
        for (name, scope, mode), track in state.tracks.items():
            if scope == data.scope and data.mode in (mode, NORMAL):
                if ours and data.why == WHY + name:
                    _said(track, data.until or 0, now)
                elif not ours:
                    _switched(track, data, now)
    elif isinstance(data, ConfigApplied):
        if data.kind == CALENDAR:
            _apply(state, data.id, Hours.unpack(data.data), now)
    elif isinstance(data, RunStarted):
        for track in state.tracks.values():
            track.handled = max(track.handled, now)
    else:
        state.steps ^= 1


def _said(track: Track, until: int, now: int) -> None:
    track.said = until if until > now else 0
    track.wrong = False
    track.handled = max(track.handled, until)
    track.theirs = None


def _switched(track: Track, data: ModeChanged, now: int) -> None:
    """Somebody else switched: what they want holds, for the span that we are in as well."""
    until = data.until or 0
    over = data.mode == NORMAL or 0 < until <= now
    track.said = 0
    track.wrong = False
    track.theirs = None if over else until
    track.handled = max(track.handled, now)
    n = bisect_right(track.ends, track.handled)
    if over and n < len(track.spans) and track.spans[n][0] <= now:
        track.handled = track.spans[n][1]


def _apply(state: State, name: str, hours: Hours, now: int) -> None:
    state.ends[name] = hours.until
    spans = {CLOSED: hours.closed, HOLIDAY: hours.holidays}
    for scope in hours.scopes:
        for mode in spans:
            state.tracks.setdefault((name, scope, mode), Track())
    for key, track in list(state.tracks.items()):
        calendar, scope, mode = key
        if calendar != name:
            continue
        track.spans = spans[mode] if scope in hours.scopes else ()
        track.ends = [end for _, end in track.spans]
        track.applied_at = now
        # What is said already, or was opened by somebody, is so under the new calendar too.
        track.handled = track.handled if track.on_until(track.handled, now) else now
        track.wrong = track.said > now and not track.on_until(track.said, now)
        if not track.spans and track.said <= now:
            del state.tracks[key]


# --- due and decide -------------------------------------------------------------------------


def due(calendars: Calendars, state: State) -> int | None:
    """The next closing, or the instant when a calendar is to be expanded further."""
    instants = [track.due() for track in state.tracks.values()]
    instants += [state.ends[name] - RENEWED_US for name in calendars if state.ends.get(name)]
    known = [instant for instant in instants if instant is not None]
    return min(known) + state.steps if known else None


def decide(
    calendars: Calendars, state: State, wake: Wake, now: Instant, ask: Ask
) -> Sequence[Draft]:
    """Say all that is due by now. Reads only."""
    drafts: list[Draft] = []
    for name, (calendar, zone) in calendars.items():
        if state.ends.get(name) and state.ends[name] - RENEWED_US <= wake.due:
            drafts.append(Draft(CENTER, applied(name, resolve(calendar, zone, now))))
    for (name, scope, mode), track in state.tracks.items():
        until = _until(track, wake.due, now)
        if until is not None:
            drafts.append(Draft(CENTER, ModeChanged(scope, mode, until, WHY + name)))
    return drafts


def _until(track: Track, due_at: int, now: int) -> Instant | None:
    """Until when a mode is to be said to be on; now, where it is to end; None is nothing."""
    span = track.next()
    if span is not None and span[0] <= due_at:
        return Instant(span[1])
    return Instant(now) if track.wrong and track.applied_at <= due_at else None


def closing_machine(calendars: Calendars) -> Machine:
    """The machine as the engine takes it."""
    return Machine(
        "hours",
        (),
        SEEN,
        State,
        partial(decide, calendars),
        evolve,
        partial(due, calendars),
        lambda recorded: CENTER,
        dump=dump,
        load=load,
    )


# --- overload -------------------------------------------------------------------------------

Limits = Mapping[str, Overload]
LIMITS: Final = "overload limits"
"""What a switch of ours says, and the numbers."""
LINES: Final = (QueueEntered, QueueLeft, QueuePlaceKept, QueueResumed, ModeChanged)


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
class Loads:
    """The queues that have limits; ``evolve`` alone writes it."""

    queues: dict[str, Load]
    entries: dict[EntryId, tuple[str, int]] = attrs.field(factory=dict)
    """Live entry to its queue, and since when it waits."""


def _dump_loads(state: Loads) -> Canonical:
    """Queues, then entries; each line in the order of entering."""
    return [
        [
            [name, [[*pair] for pair in one.line.items()], [*one.served], *attrs.astuple(one)[2:]]
            for name, one in state.queues.items()
        ],
        [[entry, *where] for entry, where in state.entries.items()],
    ]


def _load_loads(dumped: Any) -> Loads:
    """Make the state that ``_dump_loads`` saw."""
    queues, entries = dumped
    return Loads(
        {
            name: Load(dict(line), deque(served, maxlen=GAPS + 1), *rest)
            for name, line, served, *rest in queues
        },
        {entry: (queue, since) for entry, queue, since in entries},
    )


def _no_loads(limits: Limits) -> Loads:
    return Loads({queue: Load() for queue in limits})


def _evolve_loads(limits: Limits, state: Loads, recorded: Recorded[Any]) -> None:
    """Take in a fact. Nothing else writes the state."""
    envelope, data = recorded
    now = envelope.recorded_at
    if isinstance(data, ModeChanged):
        word, _, queue = data.scope.partition("/")
        load = state.queues.get(queue) if word == "queue" else None
        if load is not None and data.mode in (OVERLOAD, NORMAL):
            _load_switched(load, data, envelope.actor == TIMER and data.why.startswith(LIMITS), now)
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


def _load_switched(load: Load, data: ModeChanged, ours: bool, now: int) -> None:
    until = data.until or 0
    on = data.mode == OVERLOAD and (not until or until > now)
    load.at = now
    if ours:
        load.since = now if on else None
        return
    load.since = None
    load.theirs = until if on else None
    load.rests = not on


def _next_switch(limits: Limits, state: Loads) -> int | None:
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


def _decide_loads(
    limits: Limits, state: Loads, wake: Wake, now: Instant, ask: Ask
) -> Sequence[Draft]:
    """Switch what is due, and say by which number. Reads only."""
    drafts = []
    for queue, load in state.queues.items():
        at = _due(limits[queue], load)
        if at is None or at > wake.due:
            continue
        waiting, expected = len(load.line), load.expected_us(max(now, wake.due))
        why = f"{LIMITS}: {waiting} wait, {expected // 1_000_000} s expected"
        until: Instant | None = None
        if load.since is not None:
            if not relieved(limits[queue], waiting, expected):
                continue  # The head of the line waited on meanwhile.
            until = now
        drafts.append(Draft(CENTER, ModeChanged(f"queue/{QueueId(queue)}", OVERLOAD, until, why)))
    return drafts


def overload_machine(limits: Limits) -> Machine:
    """The machine as the engine takes it."""
    return Machine(
        "hours.overload",
        (),
        LINES,
        partial(_no_loads, limits),
        partial(_decide_loads, limits),
        partial(_evolve_loads, limits),
        partial(_next_switch, limits),
        lambda recorded: CENTER,
        dump=_dump_loads,
        load=_load_loads,
    )


# --- who waits is offered a callback --------------------------------------------------------


@attrs.frozen
class OfferCallback:
    """Ask somebody who waits whether to be called back; sent by the process."""

    stream: Stream
    """``contact/ID``."""
    mode: str


@attrs.define
class Offered:
    """What one contact was offered."""

    modes: list[str] = attrs.field(factory=list)
    closed: bool = False


def _evolve_offered(state: Offered, recorded: Recorded[Any]) -> None:
    """Take in a fact. Nothing else writes the state."""
    data = recorded[1]
    if isinstance(data, ContactClosed):
        state.closed = True
    else:
        state.modes.append(data.mode)


def _decide_offer(
    state: Offered, command: OfferCallback, now: Instant, ask: Ask, floor: Floor
) -> Sequence[Draft] | Refused:
    """Offer it, with the announcement of the mode, to who is still on the line."""
    contact = floor.contacts.get(command.stream)
    if contact is None or not contact.entry or not contact.leg:
        what = "nobody waits on this line"
        return Refused("mode.nobody_waits", command.stream, what, "it may have ended")
    if command.mode in state.modes:
        return ()
    offered = [Draft(command.stream, ModeCallbackOffered(command.mode))]
    if command.mode not in DEFAULTS:
        what = f"there is no mode {command.mode!r}"
        return Refused("mode.unknown", command.stream, what, f"use {', '.join(DEFAULTS)}")
    message = floor.modes.rules(command.mode, contact.queue or QueueId("")).message
    if message:
        offered.append(Draft(command.stream, LegOrdered(contact.leg, "play", message)))
    return offered


def waiting_machine() -> Machine:
    """The machine as the engine takes it."""
    return Machine(
        "hours.waiting",
        (OfferCallback,),
        (ModeCallbackOffered, ContactClosed),
        Offered,
        _decide_offer,
        _evolve_offered,
        reads_floor=True,
        over=lambda state: bool(state.closed),
        dump=attrs.astuple,
        load=lambda dumped: Offered(list(dumped[0]), dumped[1]),
    )
