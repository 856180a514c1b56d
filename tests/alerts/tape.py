"""The machine of alerts on its own, in virtual time: facts in, alerts out."""

from collections.abc import Sequence
from typing import Any

from cckit.core import CENTER, SYSTEM, Envelope, Instant, Refused, Stamp, Stream, Wake, kind_of
from cckit.core.ask import OPEN
from cckit_alerts.machine import Acknowledge, machine
from cckit_alerts.policy import Rule


class Tape:
    """Feeds one machine as the engine would: what is due first, then the fact."""

    def __init__(self, *rules: Rule) -> None:
        self.machine = machine(rules)
        self.state = self.machine.initial()
        self.position = 0
        self.now = 0
        self.said: list[tuple[int, str, Any]] = []
        """When, stream and fact of each alert."""

    def happen(self, at: int, stream: str, *facts: Any) -> None:
        """Something happens, in one decision."""
        self.wait(at)
        for fact in facts:
            self._evolve(stream, fact)

    def wait(self, until: int) -> None:
        """Let time pass; a state is woken once for an instant."""
        woken = -1
        assert self.machine.due is not None
        while (due := self.machine.due(self.state)) is not None and due <= until and due != woken:
            self.now, woken = max(self.now, due), due
            self._decide(Wake(CENTER, due))
        self.now = until

    def acknowledge(self, alert: str, by: str = "") -> Refused | None:
        return self._decide(Acknowledge(alert, by))

    def _decide(self, command: Any) -> Refused | None:
        answer: Sequence[Any] | Refused
        answer = self.machine.decide(self.state, command, Instant(self.now), OPEN, SYSTEM)
        if isinstance(answer, Refused):
            return answer
        for stream, fact in answer:
            self.said.append((self.now, stream, fact))
            self._evolve(stream, fact)
        return None

    def _evolve(self, stream: str, fact: Any) -> None:
        stamp = Stamp(self.now, SYSTEM)
        kind = kind_of(type(fact))
        envelope = Envelope(stamp, self.position, Stream(stream), self.position, kind)
        self.position += 1
        if type(fact) in self.machine.seen:
            self.machine.evolve(self.state, (envelope, fact))

    def words(self) -> list[tuple[int, str]]:
        """When, and which fact, by the last word of its class."""
        return [
            (at, type(fact).__name__.removeprefix("Alert").lower()) for at, _, fact in self.said
        ]
