"""Given these facts, when this is asked, then exactly these facts follow.

    waiting = Spec(machine, HERE).given(asked)
    waiting.when(report, at=NOW).then(ended, closed)
    waiting.when(again, at=NOW).then_refused("callback.wrong_state")

A machine is anything with ``initial``, ``decide`` and ``evolve``: a plugin's module, a
``Machine``. Comparison is exact and in order. A fact of another stream than the Spec's is
given and expected as a ``Draft``. ``when`` also holds ``decide`` to leave its state equal.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol

from cckit.core.ask import OPEN, Ask
from cckit.core.errors import Refused
from cckit.core.events import SYSTEM, Actor, Draft, Envelope, Stamp, kind_of
from cckit.core.floor import Floor
from cckit.core.ids import Stream
from cckit.core.instant import Instant

EARLY: Final = Instant(0)


class DecidesAndEvolves(Protocol):
    """What a Spec can hold."""

    @property
    def initial(self) -> Callable[[], Any]: ...
    @property
    def decide(self) -> Callable[..., tuple[Draft, ...] | Refused]: ...
    @property
    def evolve(self) -> Callable[[Any, Any], None]: ...
    @property
    def reads_actor(self) -> bool: ...


class Spec:
    """What a machine does in one stream; every step gives a new Spec.

    :param floor: for a machine that reads the floor when it decides.

    .. versionadded:: 0.1
    """

    def __init__(
        self,
        machine: DecidesAndEvolves,
        stream: Stream,
        *,
        ask: Ask = OPEN,
        actor: Actor = SYSTEM,
        facts: tuple[tuple[Instant, Draft], ...] = (),
        floor: Floor | None = None,
    ) -> None:
        self._machine = machine
        self._floor = floor
        self._stream = stream
        self._ask = ask
        self._actor = actor
        self._facts = facts

    def given(self, *events: Any, at: Instant = EARLY) -> "Spec":
        """Add what had happened, recorded ``at``."""
        more = tuple((at, self._draft(event)) for event in events)
        return Spec(
            self._machine,
            self._stream,
            ask=self._ask,
            actor=self._actor,
            facts=self._facts + more,
            floor=self._floor,
        )

    def state(self) -> Any:
        """Fold what was given."""
        state, versions = self._machine.initial(), dict[Stream, int]()
        for position, (at, draft) in enumerate(self._facts):
            version = versions.get(draft.stream, 0)
            versions[draft.stream] = version + 1
            stamp = Stamp(at, self._actor)
            kind = kind_of(type(draft.data))
            envelope = Envelope(stamp, position, draft.stream, version, kind)
            self._machine.evolve(state, (envelope, draft.data))
        return state

    def when(self, command: Any, *, at: Instant) -> "Outcome":
        """Put one command to the machine.

        :raises AssertionError: decide changed the state, which only evolve may.
        """
        state, same = self.state(), self.state()
        comparable = state == same  # A state without equality can't be held to it.
        more: tuple[Any, ...] = () if self._floor is None else (self._floor,)
        more = (*more, self._actor) if self._machine.reads_actor else more
        answer = self._machine.decide(state, command, at, self._ask, *more)
        if comparable and state != same:
            raise AssertionError(f"decide changed its state from {same!r} to {state!r}")
        return Outcome(self, command, answer)

    def _draft(self, event: Any) -> Draft:
        return event if isinstance(event, Draft) else Draft(self._stream, event)

    def drafts(self, events: tuple[Any, ...]) -> tuple[Draft, ...]:
        """Put events without a stream into the Spec's."""
        return tuple(self._draft(event) for event in events)


class Outcome:
    """What a machine answered."""

    def __init__(self, spec: Spec, command: Any, answer: tuple[Draft, ...] | Refused) -> None:
        self.spec = spec
        self.command = command
        self.answer = answer

    def then(self, *events: Any) -> None:
        """Hold the answer to exactly these facts, in order; none is "nothing is stored".

        :raises AssertionError: it is another one.
        """
        if isinstance(self.answer, Refused):
            raise AssertionError(f"{self.command!r} was refused: {self.answer}")
        expected, found = self.spec.drafts(events), tuple(self.answer)
        if found != expected or [type(d.data) for d in found] != [type(d.data) for d in expected]:
            raise AssertionError(
                f"{self.command!r} led to\n  {_lines(found)}\ninstead of\n  {_lines(expected)}"
            )

    def then_refused(self, reason: str) -> None:
        """Hold the answer to a refusal for exactly this reason.

        :raises AssertionError: it is another reason, or no refusal.
        """
        if not isinstance(self.answer, Refused):
            found = _lines(tuple(self.answer))
            raise AssertionError(f"{self.command!r} was not refused but led to\n  {found}")
        if self.answer.reason != reason:
            raise AssertionError(
                f"{self.command!r} was refused for {self.answer.reason!r} instead of {reason!r}"
            )


def _lines(drafts: tuple[Draft, ...]) -> str:
    return "\n  ".join(f"{draft.stream}: {draft.data!r}" for draft in drafts) or "nothing"
