"""The traffic of a log: its arrivals, its patience, its handling, met once more.

What was seen is used as it was: when they came, where to, how long the answered talked,
when the others gave up. What was not seen is drawn, by seed: how long the answered would
have waited, above their wait, from the Kaplan-Meier curve of the whole log; how long
those who gave up would have talked, from the talks in their queue.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final
from zoneinfo import ZoneInfo

import attrs

from cckit.core import facts as f
from cckit.core.errors import ConfigError
from cckit.core.events import Envelope, Recorded
from cckit.core.ids import QueueId, Stream
from cckit.core.instant import Instant, Span
from cckit.core.reports.source_clock import instant_of

from .draws import Observed, stream
from .survival import Survival
from .traffic import Arrival

TYPES: Final = (
    f.ContactCreated,
    f.QueueEntered,
    f.QueueLeft,
    f.ContactConnected,
    f.ContactAgentLeft,
    f.ContactClosed,
    f.AgentWrapupStarted,
    f.AgentWrapupEnded,
)
GAVE_UP: Final = "abandoned"
MODEL: Final = (
    "patience of the answered drawn above their wait from the Kaplan-Meier curve, "
    "exponential beyond it; handling of the lost drawn from the answered"
)


@attrs.define
class Seen:
    """What a log knows of one contact's first visit."""

    at: int
    entry_point: str
    queue: QueueId | None = None
    need: str | None = None
    priority: int = 0
    lane: int = 0
    entered: int = 0
    wait_us: int | None = None
    gave_up: bool = False
    connected: int | None = None
    talk_us: int | None = None
    wrapup_from: int | None = None
    wrapup_us: int | None = None


class Recording:
    """Reads a log; ``apply`` takes the events of ``TYPES`` in order."""

    def __init__(self) -> None:
        self.contacts: dict[Stream, Seen] = {}
        """In order of arrival in the log."""
        self.last = 0
        self._apply: dict[type, Callable[[Envelope, Any, int], None]] = {
            f.ContactCreated: self._created,
            f.QueueEntered: self._entered,
            f.QueueLeft: self._left,
            f.ContactConnected: self._connected,
            f.ContactAgentLeft: self._talked,
            f.ContactClosed: self._talked,
            f.AgentWrapupStarted: self._wrapup,
            f.AgentWrapupEnded: self._wrapped,
        }

    def apply(self, recorded: Recorded[Any]) -> None:
        envelope, data = recorded
        at, _ = instant_of(envelope.stamp)
        self.last = max(self.last, at)
        self._apply[type(data)](envelope, data, at)

    def _created(self, envelope: Envelope, data: f.ContactCreated, at: int) -> None:
        self.contacts[envelope.stream] = Seen(at, data.entry_point)

    def _entered(self, envelope: Envelope, data: f.QueueEntered, at: int) -> None:
        seen = self.contacts.get(envelope.stream)
        if seen is None or seen.queue is not None:
            return
        seen.queue, seen.entered = data.queue, max(at, seen.at)
        seen.need = data.steps[0] if data.steps and data.steps[0] else None
        seen.priority, seen.lane = data.priority, data.lane

    def _left(self, envelope: Envelope, data: f.QueueLeft, at: int) -> None:
        seen = self.contacts.get(envelope.stream)
        if seen is not None and seen.wait_us is None:
            seen.wait_us, seen.gave_up = data.wait_us, data.reason == GAVE_UP

    def _connected(self, envelope: Envelope, data: f.ContactConnected, at: int) -> None:
        seen = self.contacts.get(envelope.stream)
        if seen is not None and seen.connected is None:
            seen.connected = at

    def _talked(
        self, envelope: Envelope, data: f.ContactAgentLeft | f.ContactClosed, at: int
    ) -> None:
        seen = self.contacts.get(envelope.stream)
        if seen is not None and seen.connected is not None and seen.talk_us is None:
            seen.talk_us = max(0, at - seen.connected)

    def _wrapup(self, envelope: Envelope, data: f.AgentWrapupStarted, at: int) -> None:
        seen = self.contacts.get(Stream("contact/" + data.contact))
        if seen is not None:
            seen.wrapup_from = at

    def _wrapped(self, envelope: Envelope, data: f.AgentWrapupEnded, at: int) -> None:
        seen = self.contacts.get(Stream("contact/" + data.contact))
        if seen is not None and seen.wrapup_from is not None:
            seen.wrapup_us = at - seen.wrapup_from

    def traffic(self, start: Instant, zone: ZoneInfo, where: str, source: str) -> "RecordedTraffic":
        """Return the customers that were seen.

        :raises ConfigError: the log at ``where`` has no visit, or no answered one.
        """
        visits = [seen for seen in self.contacts.values() if seen.queue is not None]
        if not any(seen.talk_us is not None for seen in visits):
            remedy = "name a log in which somebody was answered"
            raise ConfigError(where, "holds no answered visit to draw handling from", remedy)
        visits.sort(key=lambda seen: seen.at)
        curve = Survival.fit((waited(seen, self.last), seen.gave_up) for seen in visits)
        end = Instant(visits[-1].at + 1)
        return RecordedTraffic(start, end, zone, tuple(visits), curve, self.last, source)


def waited(seen: Seen, last: int) -> int:
    """Return how long a visit was seen to wait; who still waits does so to the end."""
    return max(0, last - seen.entered) if seen.wait_us is None else max(0, seen.wait_us)


@attrs.frozen
class RecordedTraffic:
    """Traffic of a log."""

    start: Instant
    end: Instant
    zone: ZoneInfo
    visits: tuple[Seen, ...]
    """By time of arrival."""
    curve: Survival
    last: int
    source: str

    @property
    def queues(self) -> tuple[str, ...]:
        return tuple(sorted({seen.queue for seen in self.visits if seen.queue is not None}))

    def arrivals(self, seed: int) -> Iterator[Arrival]:
        """Yield the customers; what the log does not know of them is drawn."""
        patience, handling = stream(seed, "recorded patience"), stream(seed, "recorded handling")
        talks = self._talks()
        for seen in self.visits:
            wait = waited(seen, self.last)
            queue = seen.queue or QueueId("")
            talk = seen.talk_us
            if talk is None:
                talk = talks.get(queue, talks[None]).draw(handling)
            yield Arrival(
                Instant(seen.at),
                queue,
                Span(seen.entered - seen.at),
                Span(wait) if seen.gave_up else self.curve.draw(patience, wait),
                Span(talk),
                None if seen.wrapup_us is None else Span(seen.wrapup_us),
                seen.need,
                seen.priority,
                seen.lane,
                seen.entry_point,
            )

    def _talks(self) -> dict[QueueId | None, Observed]:
        """Return the talks of each queue, and of all under None."""
        found: dict[QueueId | None, list[int]] = {None: []}
        for seen in self.visits:
            if seen.talk_us is not None:
                found[None].append(seen.talk_us)
                found.setdefault(seen.queue, []).append(seen.talk_us)
        return {queue: Observed(tuple(talks)) for queue, talks in found.items()}


def read(events: Iterable[Recorded[Any]]) -> Recording:
    """Read the events of a log, in order."""
    recording = Recording()
    for recorded in events:
        recording.apply(recorded)
    return recording
