"""Closings: when a calendar says that something is closed, and for how long.

One state of the whole center. A *track* is one mode of one scope, as one calendar has it:
spans of instants, of which each is said once, by ``mode.changed``, when it begins — or when
the log is opened in the midst of it. Nothing here overrides what somebody else switched: a
mode that others set stands until they end it, or until its instant; who says ``normal`` in a
closed time has opened until the next closing.

Calendars are civil time. Where the clock was set back between two runs, timers move, and a
closing must not: the instant that is waited for differs then by a microsecond, which arms
another timer, for the right one.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import attrs

from cckit.core import (
    CENTER,
    TIMER,
    Ask,
    ClockStepped,
    ConfigApplied,
    Draft,
    Instant,
    Machine,
    Recorded,
    RunStarted,
    Wake,
)
from cckit.core.facts import ModeChanged
from cckit.core.hours import RENEWED_US, Calendar, Hours, Interval, resolve
from cckit.core.mode import CLOSED, HOLIDAY, NORMAL
from cckit.core.reports import Zone

from .process import CALENDAR, applied

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
    theirs: int | None = None
    """Until when somebody else put it on, 0 is until they end it; None if nobody did."""

    def next(self) -> Interval | None:
        """The next span to be said."""
        if self.theirs == 0:
            return None
        n = bisect_right(self.ends, max(self.handled, self.theirs or 0))
        return self.spans[n] if n < len(self.spans) else None

    @property
    def wrong(self) -> bool:
        """Whether what was said is not what the calendar says now."""
        return self.said > self.applied_at and self.said not in self.ends

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
    track.handled = max(track.handled, until)
    track.theirs = None


def _switched(track: Track, data: ModeChanged, now: int) -> None:
    """Somebody else switched: what they want holds, for the span that we are in as well."""
    until = data.until or 0
    over = data.mode == NORMAL or 0 < until <= now
    track.said = 0
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
        track.handled = max(now, track.handled if track.handled in track.ends else 0)
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


def machine(calendars: Calendars) -> Machine:
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
    )
