"""The one door: a command in, recorded events out, and the state that they make.

``act`` decides by the command's rule, gives each event its place, seals what is personal
and lets the floor evolve; then routing adds what follows at once, on the floor as it has
become; then the invariants are checked on what was touched. It never waits and reads no clock:
the shell's writer and the simulated world drive the same engine.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from . import commands as m
from . import facts as f
from .access import LISTED, OURS, PEOPLE, RECORD, Asked, Refusals, denial, listed, target_of
from .ask import OPEN, Ask, Verdict
from .errors import CckitError, Refused, raised
from .events import (
    TIMER,
    Actor,
    Decision,
    Draft,
    Envelope,
    EventKind,
    Pair,
    Recorded,
    Stamp,
    kind_of,
)
from .evolve import EVOLVE, Handler, nothing
from .floor import Floor
from .ids import CENTER, Stream
from .instant import Instant
from .invariants import NO_MOVE, STEP_CHECKS, Breach, check
from .machine import Machine as Machine
from .machine import MachineFailed as MachineFailed
from .machine import Machines
from .routing import follow, pending
from .rules import RULES, timers
from .rules.endings import settle
from .rules.links import beyond
from .timer import MACHINE

Seal = Callable[[int, Stream, Any], Any]
"""(position, stream, event) to the event with every personal value sealed."""

new = tuple.__new__
"""Makes a named tuple in a third of the time that its own constructor takes."""


class InvariantBroken(Exception):
    """A bug of ours: this decision must not reach the log, and the state is spoiled.

    Make a new engine from the log, then record ``invariant.broken``.
    """

    def __init__(self, rule: str, command: str, detail: str) -> None:
        super().__init__(f"{rule} broken by {command}: {detail}")
        self.rule = rule
        self.command = command


class Engine:
    """A center's whole state, and how it changes.

    :param ask: the policy answers.
    :param machines: what plugins add.
    :param seal: seals personal values; without it they must be None.
    :param version_of: the next version of a stream of which nothing is remembered.
    """

    def __init__(
        self,
        ask: Ask = OPEN,
        machines: Sequence[Machine] = (),
        seal: Seal | None = None,
        version_of: Callable[[Stream], int] = lambda stream: 0,
    ) -> None:
        self.ask = ask
        self.seal = seal
        self.version_of = version_of
        self.checks_each = True
        """Check after each decision; else the caller checks before each frame."""
        self.floor = Floor()
        self.position = 0
        """Of the next event."""
        self.now = 0
        self.machines = Machines(machines)
        self.states = self.machines.states
        """What plugins' machines have folded: machine and stream to state."""
        self.table = _Table(self.machines.after)
        self.folds = {c: self.machines.after(c, handler) for c, handler in EVOLVE.items()}
        """As ``table``, without the rules about a step: a log is as it is."""
        self.refusals = Refusals()
        self.reason = ""
        """Why the last denial that was recorded is one: its sender is told, the log is not."""

    # --- deciding -------------------------------------------------------------------

    def act(
        self,
        command: Any,
        actor: Actor,
        now: int,
        *,
        occurred_at: int | None = None,
        request: bytes | None = None,
        cause: int | None = None,
        correlation: str | None = None,
        before: Sequence[Draft] = (),
        also: Sequence[Draft] = (),
    ) -> Decision | Refused:
        """Decide on a command and carry it out in memory.

        A decision without events changed nothing. ``now`` must not go back. ``before`` and
        ``also`` are stored with what the command leads to, the one ahead of it, the other
        after it, and not at all where it leads to nothing.

        :raises InvariantBroken: see there.
        :raises MachineFailed: see there.
        """
        if self.floor.edge_at <= now:
            self.floor.advance(now)
        if self.ask.guarded and not listed(actor[0], type(command).__name__):
            targets = (target_of(command, self.floor, actor[1]),)
            denied = self._denied(type(command).__name__, targets, actor, now)
            if denied is not None:
                return denied
        try:
            rule = RULES.get(type(command))
            drafts: Sequence[Pair] | Refused
            if rule is None:
                drafts = self.machines.decide(command, now, self.ask, self.floor, actor)
            elif rule is timers.due and command.kind == MACHINE:
                drafts = self.machines.wake(command, now, self.ask, self.floor, actor)
            else:
                drafts = rule(self.floor, command, now, self.ask, actor)
        except (CckitError, MachineFailed):
            raise
        except Exception as error:
            raise InvariantBroken("decide", type(command).__name__, raised(error)) from error
        if isinstance(drafts, Refused):
            return drafts
        if self.ask.bounded:
            refused = beyond(self.floor, command, drafts, self.ask)
            if refused is not None:
                return refused
        if drafts and (also or before):
            drafts = [*before, *drafts, *also]
        stamp = new(Stamp, (now, actor, occurred_at, cause, correlation, request))
        return self._commit(drafts, stamp, type(command).__name__)

    def record(
        self,
        drafts: Sequence[Draft],
        actor: Actor,
        now: int,
        *,
        occurred_at: int | None = None,
        request: bytes | None = None,
        cause: int | None = None,
        correlation: str | None = None,
    ) -> Decision:
        """Take in facts that need no deciding, as one decision.

        :raises InvariantBroken: see there.
        :raises MachineFailed: see there.
        """
        if self.floor.edge_at <= now:
            self.floor.advance(now)
        stamp = new(Stamp, (now, actor, occurred_at, cause, correlation, request))
        return self._commit(drafts, stamp, "record")

    def _commit(self, drafts: Sequence[Pair], stamp: Stamp, what: str) -> Decision:
        floor = self.floor
        recorded: list[Recorded[Any]] = []
        if not drafts:
            floor.unrouted = floor.unrouted and pending(floor, stamp[0])
            return new(Decision, (stamp, ()))
        if floor.forget_at <= stamp[0]:  # Before the first event of an instant, as ``fold``.
            floor.forget(stamp[0])
        try:
            self._evolve(drafts, stamp, recorded)
            self.now = floor.now = stamp[0]
            while floor.bereft:
                self._evolve(settle(floor, stamp[0]), stamp, recorded)
            if floor.seeking or floor.freed:
                self._evolve(follow(floor, stamp[0], self.ask), stamp, recorded)
            if floor.unrouted:
                floor.unrouted = pending(floor, stamp[0])
            if self.checks_each:
                check(floor)
        except Breach as breach:
            raise InvariantBroken(breach.rule, what, breach.detail) from breach
        except (CckitError, MachineFailed):
            raise
        except Exception as error:
            no_move = isinstance(error, KeyError) and recorded
            rule = NO_MOVE.get(type(recorded[-1][1]), "evolve") if no_move else "evolve"
            raise InvariantBroken(rule, what, raised(error)) from error
        return new(Decision, (stamp, tuple(recorded)))

    def _evolve(self, drafts: Iterable[Pair], stamp: Stamp, recorded: list[Recorded[Any]]) -> None:
        """Give each draft its place and let the floor evolve on it before the next."""
        floor = self.floor
        versions = floor.versions
        table = self.table
        seal = self.seal
        position = self.position
        for stream, data in drafts:
            try:
                version = versions[stream]
            except KeyError:
                new_contact = type(data) is f.ContactCreated
                version = 0 if new_contact else self.version_of(stream)
            versions[stream] = version + 1
            if seal is not None:
                data = seal(position, stream, data)
            kind, handler = table[type(data)]
            envelope = new(Envelope, (stamp, position, stream, version, kind))
            recorded.append((envelope, data))
            handler(floor, envelope, data)
            position += 1
        self.position = position

    def check(self) -> None:
        """Check what the decisions since the last time have touched.

        Only for who turned ``checks_each`` off: the simulated world checks once a frame.

        :raises InvariantBroken: see there.
        """
        try:
            check(self.floor)
        except Breach as breach:
            raise InvariantBroken(breach.rule, "frame", breach.detail) from breach

    def may_not_record(
        self, drafts: Sequence[Draft], actor: Actor, now: int
    ) -> Decision | Refused | None:
        """What denies an actor to record these facts, which no rule looks at; None if none does.

        ``record`` itself asks nobody.
        """
        if not self.ask.guarded or listed(actor[0], RECORD):
            return None
        streams = dict.fromkeys(str(stream) for stream, _ in drafts)
        return self._denied(RECORD, tuple(streams) or (str(CENTER),), actor, now)

    def may_not_access(self, asked: Asked, actor: Actor, now: int) -> Decision | Refused | None:
        """What denies an actor to see, hear or take something away; None if nothing does."""
        kind = actor[0]
        if kind not in LISTED and (kind in OURS or not self.ask.guarded):
            return None
        return self._denied(asked.action, (asked.target,), actor, now, asked.purpose)

    def _denied(
        self,
        action: str,
        targets: Sequence[str],
        actor: Actor,
        now: int,
        purpose: str | None = None,
    ) -> Decision | Refused | None:
        for target in targets:
            if actor[0] in PEOPLE:
                roles = self.floor.roles.get(actor[1], ())
                verdict = self.ask.authorize(actor, roles, action, target)
            else:
                verdict = Verdict(False, f"no {actor[0]} may do that")
            if not verdict.allowed:
                return self._refuse(action, target, actor, now, verdict.reason, purpose)
        return None

    def _refuse(
        self,
        action: str,
        target: str,
        actor: Actor,
        now: int,
        reason: str,
        purpose: str | None,
    ) -> Decision | Refused:
        facts = self.refusals.facts(actor, action, target, now, purpose)
        if not facts:
            return denial(actor, action, target, reason)
        self.reason = reason
        # Without the request: a refused command's repeat is decided anew.
        return self.record([Draft(CENTER, fact) for fact in facts], actor, now)

    # --- replaying ------------------------------------------------------------------

    def fold(self, recorded: Recorded[Any]) -> None:
        """Take in one event of the log, in order."""
        envelope, data = recorded
        floor = self.floor
        if floor.edge_at <= envelope.stamp[0]:
            floor.advance(envelope.stamp[0])
        if floor.forget_at <= envelope.stamp[0]:
            floor.forget(envelope.stamp[0])
        floor.versions[envelope.stream] = envelope.stream_version + 1
        handler = self.folds.get(type(data))
        if handler is None:
            handler = self.folds[type(data)] = self.machines.after(type(data), nothing)
        handler(floor, envelope, data)
        floor.touched.clear()
        floor.seeking.clear()
        floor.freed.clear()
        floor.bereft.clear()
        self.position = envelope.position + 1
        self.now = floor.now = envelope.stamp[0]

    @property
    def unrouted(self) -> bool:
        """Whether a ``Route`` command must follow before any other."""
        return self.floor.unrouted

    # --- time -----------------------------------------------------------------------

    def next_due(self) -> tuple[Instant, m.TimerDue] | None:
        """The earliest instant that something waits for, and what to propose then."""
        timer = self.floor.next_timer()
        if timer is None:
            return None
        subject = f"{timer[3]} {timer[4]}" if timer[4] else str(timer[3])
        return Instant(timer[0]), m.TimerDue(timer[2], subject, timer[1])

    def fire(self, now: int, actor: Actor = TIMER) -> Decision | Refused | None:
        """Propose the earliest timer if it is due; None if none is.

        A timer is proposed once: what does not want to wait any more lets it go.
        """
        timer = self.floor.timers.until(now, self.floor.alive)
        if timer is None:
            self.floor.fired_to = now
            return None
        self.floor.timers.drop(timer)
        subject = f"{timer[3]} {timer[4]}" if timer[4] else str(timer[3])
        return self.act(m.TimerDue(timer[2], subject, timer[1]), actor, now, cause=timer[1])


class _Table(dict[type, tuple[EventKind, Handler]]):
    """What to do with each event class: plugins' classes are found when they come."""

    def __init__(self, after: Callable[[type, Handler], Handler]) -> None:
        self.after = after

    def __missing__(self, cls: type) -> tuple[EventKind, Handler]:
        handler = self.after(cls, _checked(cls, EVOLVE.get(cls, nothing)))
        found = self[cls] = (kind_of(cls), handler)
        return found


def _checked(cls: type, handler: Handler) -> Handler:
    """Follow a handler by the rule about its step, where there is one."""
    rule = STEP_CHECKS.get(cls)
    if rule is None:
        return handler

    def both(floor: Floor, envelope: Envelope, data: Any) -> None:
        handler(floor, envelope, data)
        rule(floor, envelope, data)

    return both
