"""What is done when a run starts, and with those who wait when a mode begins.

A calendar is expanded and applied when a run starts, if it, its zone file or the version of
the zone data changed, or if what the log has soon ends. One that was taken out of the
configuration is taken back.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from cckit.core import (
    ApplyConfig,
    ConfigApplied,
    ContactId,
    Deflect,
    EntryId,
    QueueEntered,
    QueueId,
    QueueLeft,
    Recorded,
    RunStarted,
    Stream,
)
from cckit.core.commands import Overflow
from cckit.core.facts import ModeChanged, QueuePlaceKept, QueueResumed
from cckit.core.hours import CALENDAR, NO_HOURS, RENEWED_US, Calendar, Hours, resolve
from cckit.core.mode import NORMAL, WHY, Modes, ModeSettings
from cckit.core.reports import Zone
from cckit.core.settings import overflow_of

from .machine import OfferCallback
from .policy import DEFLECTED, STAY

Known = dict[str, tuple[bytes, int]]
"""Calendar to its digest and the end of its expansion; a digest that is empty: taken back."""


class Applying:
    """Applies calendars and what modes do, when a run starts."""

    name = "hours"
    types: tuple[type, ...] = (RunStarted, ConfigApplied)

    def __init__(
        self, calendars: Mapping[str, tuple[Calendar, Zone]], modes: Mapping[str, ModeSettings]
    ) -> None:
        self._calendars = calendars
        self._modes = modes

    def initial(self) -> Known:
        return {}

    def apply(self, state: Known, recorded: Recorded[Any]) -> Sequence[Any]:
        envelope, data = recorded
        if isinstance(data, ConfigApplied):
            if data.kind == CALENDAR:
                hours = Hours.unpack(data.data)
                state[data.id] = (hours.digest, hours.until)
            return ()
        now = envelope.recorded_at
        commands = [ApplyConfig("mode", id, self._modes[id].pack()) for id in sorted(self._modes)]
        for name, (calendar, zone) in sorted(self._calendars.items()):
            digest, until = state.get(name, (b"", 0))
            if digest != calendar.digest(zone) or until - RENEWED_US <= now:
                hours = resolve(calendar, zone, now)
                commands.append(ApplyConfig(CALENDAR, name, hours.pack()))
        gone = [name for name, (digest, _) in state.items() if digest]
        return [
            *commands,
            *(
                ApplyConfig(CALENDAR, name, NO_HOURS.pack())
                for name in sorted(gone)
                if name not in self._calendars
            ),
        ]

    def dump(self, state: Known) -> Any:
        return [[name, *state[name]] for name in sorted(state)]

    def load(self, dumped: Any) -> Known:
        return {name: (digest, until) for name, digest, until in dumped}


@attrs.define
class Line:
    """Who waits on the line, and which modes are on."""

    waiting: dict[Stream, tuple[QueueId, EntryId, int]] = attrs.field(factory=dict)
    """Contact to its queue, entry and lane; in the order of entering."""
    kept: dict[Stream, tuple[QueueId, EntryId, int]] = attrs.field(factory=dict)
    """Those who hung up and kept their place."""
    modes: Modes = attrs.field(factory=Modes)


class Clearing:
    """Sends those who wait where the mode that begins wants them."""

    name = "hours.waiting"
    types: tuple[type, ...] = (QueueEntered, QueueLeft, QueuePlaceKept, QueueResumed, ModeChanged)

    def __init__(self, waiting: Mapping[str, str], modes: Mapping[str, ModeSettings]) -> None:
        self._waiting = waiting
        self._settings = dict(modes)

    def initial(self) -> Line:
        return Line(modes=Modes(settings=self._settings))

    def apply(self, state: Line, recorded: Recorded[Any]) -> Sequence[Any]:
        envelope, data = recorded
        stream = envelope.stream
        if isinstance(data, QueueEntered):
            state.waiting[stream] = (data.queue, data.entry, data.lane)
        elif isinstance(data, QueueLeft):
            for table in (state.waiting, state.kept):
                if stream in table and table[stream][1] == data.entry:
                    del table[stream]
        elif isinstance(data, QueuePlaceKept):
            if stream in state.waiting:
                state.kept[stream] = state.waiting.pop(stream)
        elif isinstance(data, QueueResumed):
            if stream in state.kept:
                state.waiting[stream] = state.kept.pop(stream)
        else:
            return self._switched(state, data, envelope.recorded_at)
        return ()

    def _switched(self, state: Line, data: ModeChanged, now: int) -> Sequence[Any]:
        queues = dict.fromkeys(queue for queue, _, _ in state.waiting.values())
        before = {queue: state.modes.of(queue, now) for queue in queues}
        state.modes.change(data.scope, data.mode, data.until or 0, now)
        begun = {queue: state.modes.of(queue, now) for queue in queues}
        commands: list[Any] = []
        for stream, (queue, _, lane) in state.waiting.items():
            mode = begun[queue]
            if mode in (NORMAL, before[queue]) or lane >= state.modes.rules(mode, queue).lane:
                continue
            rule = self._waiting.get(f"{mode} {queue}", self._waiting.get(mode, STAY))
            commands += _command(ContactId(stream[8:]), rule, mode)
        return commands

    def dump(self, state: Line) -> Any:
        tables = [[[key, *row] for key, row in one.items()] for one in (state.waiting, state.kept)]
        on = [[scope, *pair] for scope, modes in state.modes.on.items() for pair in modes.items()]
        return [*tables, on]

    def load(self, dumped: Any) -> Line:
        state = self.initial()
        for table, rows in zip((state.waiting, state.kept), dumped[:2], strict=True):
            table.update({Stream(row[0]): tuple(row[1:]) for row in rows})
        for scope, mode, until in dumped[2]:
            state.modes.on.setdefault(scope, {})[mode] = until
        return state


def _command(contact: ContactId, rule: str, mode: str) -> Sequence[Any]:
    target = overflow_of(rule)
    if target is not None:
        return (Overflow(contact, target),)
    if rule == DEFLECTED:
        return (Deflect(contact, "deflected", WHY.get(mode, mode)),)
    return () if rule == STAY else (OfferCallback(Stream(f"contact/{contact}"), mode),)
