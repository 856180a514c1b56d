"""A case: open, waiting for somebody, resolved, closed; and the clocks of what was promised.

The response clock runs until an agent first speaks or writes to the customer, the
resolution clock until the case is resolved. Both stand while it waits for the customer.
Resolved, it is reopened for as long as its kind says, and then closed for good.
"""

from collections.abc import Sequence
from enum import IntEnum
from functools import partial
from typing import Any, Final

import attrs

from cckit.core import (
    Ask,
    Canonical,
    ContactId,
    Draft,
    InClear,
    Instant,
    Machine,
    Recorded,
    Refused,
    Span,
    Stream,
    SubjectId,
    Wake,
    command,
)

from . import events as e
from .policy import CLOCKS, RESOLUTION, RESPONSE, Rules

Phase = IntEnum("Phase", "NEW OPEN CUSTOMER SECOND_LINE SUPPLIER RESOLVED CLOSED", start=0)
NEW, OPEN, CUSTOMER, SECOND_LINE, SUPPLIER, RESOLVED, CLOSED = Phase
WAITING: Final = (CUSTOMER, SECOND_LINE, SUPPLIER)
NAMES: Final = {phase.name.lower(): phase for phase in Phase if phase is not NEW}

MOVES: Final[dict[tuple[Phase, tuple[type, str]], Phase]] = {
    (NEW, (e.CaseOpened, "")): OPEN,
    **{(OPEN, (e.CaseStateSet, one.name.lower())): one for one in WAITING},
    **{(one, (e.CaseStateSet, "open")): OPEN for one in (*WAITING, RESOLVED)},
    **{
        (one, (e.CaseStateSet, other.name.lower())): other
        for one in WAITING
        for other in WAITING
        if one is not other
    },
    **{(one, (e.CaseStateSet, "resolved")): RESOLVED for one in (OPEN, *WAITING)},
    **{(one, (e.CaseStateSet, "closed")): CLOSED for one in (OPEN, *WAITING, RESOLVED)},
}
"""What is not in it is refused."""


# --- what can be asked ----------------------------------------------------------------------


@command
class OpenCase:
    """Write a matter down."""

    stream: Stream
    """``case/ID``, an id of the caller's."""
    matter: ContactId
    """Its first contact."""
    kind: str = "general"
    owner: str = ""


@command
class ChangeCase:
    """Say what is known of it."""

    stream: Stream
    subject: SubjectId | None = None
    """Whom it is about: under their key it is sealed; without it nothing can be said."""
    fields: InClear[dict[str, str]] | None = None
    note: InClear[str] | None = None


@command
class SetCase:
    """Say where it stands."""

    stream: Stream
    state: str
    """open, customer, second_line, supplier, resolved or closed."""
    basis: str = ""


@command
class StopClock:
    """Say that what was promised was done; sent by the process that follows the contacts."""

    stream: Stream
    clock: str = RESPONSE


COMMANDS: Final = (OpenCase, ChangeCase, SetCase, StopClock)
Command = OpenCase | ChangeCase | SetCase | StopClock | Wake
Decision = Sequence[Draft] | Refused


# --- the state ------------------------------------------------------------------------------


@attrs.define
class Clock:
    """One promise of time."""

    state: str
    due: int | None
    left_us: int


@attrs.define
class Case:
    """One matter; ``evolve`` alone writes it."""

    phase: Phase = NEW
    kind: str = ""
    clocks: dict[str, Clock] = attrs.field(factory=dict)
    resolved_at: int = 0
    reopen_us: int = 0
    """How long it can be reopened once it is resolved."""


# --- deciding -------------------------------------------------------------------------------


def decide(rules: Rules, case: Case, command: Command, now: int, ask: Ask) -> Decision:
    stream = command.stream
    if isinstance(command, OpenCase):
        return _open(rules, case, command, now)
    if isinstance(command, Wake):
        return _due(case, command)
    if case.phase is NEW:
        return Refused("case.unknown", stream, "there is no such case", "open it first")
    if isinstance(command, StopClock):
        clock = case.clocks.get(command.clock)
        if clock is None or clock.state not in ("running", "paused"):
            return ()
        return (Draft(stream, _ended(command.clock, clock, "met", now)),)
    if case.phase is CLOSED:
        return Refused("case.wrong_state", stream, "the case is closed", "open a new one")
    if isinstance(command, ChangeCase):
        if not command.fields and not command.note:
            return ()
        if command.subject is None:
            what = "nobody is named whom it is about"
            return Refused("case.no_subject", stream, what, "name the subject: their key seals it")
        fields = dict(sorted(command.fields.items())) if command.fields else None
        return (Draft(stream, e.CaseChanged(command.subject, fields, command.note)),)
    return _set(rules, case, command, now)


def _open(rules: Rules, case: Case, command: OpenCase, now: int) -> Decision:
    stream = command.stream
    if not stream.startswith("case/") or len(stream) < len("case/x"):
        return Refused("case.bad_id", stream, "a case's stream is case/ID", "name it so")
    if case.phase is not NEW:
        return Refused("case.exists", stream, "this case is there", "take another id")
    if rules.kinds and command.kind not in rules.kinds:
        what = f"there is no kind {command.kind!r}"
        known = ", ".join(sorted(rules.kinds))
        return Refused("case.unknown_kind", stream, what, f"use {known}, or configure it")
    kind = rules.kind_of(command.kind)
    reopen = Span(kind.reopen_us)
    opened = Draft(stream, e.CaseOpened(command.matter, command.kind, command.owner, reopen))
    promised = {RESPONSE: kind.response_us, RESOLUTION: kind.resolution_us}
    return [
        opened,
        *(
            Draft(stream, e.CaseClockSet(name, "running", Instant(now + us), Span(us)))
            for name, us in promised.items()
            if us
        ),
    ]


def _set(rules: Rules, case: Case, command: SetCase, now: int) -> Decision:
    stream = command.stream
    target = NAMES.get(command.state)
    if target is None:
        what = f"a case is not {command.state!r}"
        return Refused("case.unknown_state", stream, what, f"use {', '.join(NAMES)}")
    if target is case.phase:
        return ()
    if (case.phase, (e.CaseStateSet, command.state)) not in MOVES:
        what = f"the case is {case.phase.name.lower()}"
        return Refused("case.wrong_state", stream, what, "open it again first")
    moved = Draft(stream, e.CaseStateSet(command.state, command.basis))
    return [moved, *_clocks(rules, case, target, stream, now)]


def _clocks(rules: Rules, case: Case, target: Phase, stream: Stream, now: int) -> list[Draft]:
    """What the clocks do when a case goes on to another state."""
    found: list[Draft] = []
    for name in CLOCKS:
        clock = case.clocks.get(name)
        if clock is None:
            continue
        fact: e.CaseClockSet | None = None
        if clock.state in ("running", "paused") and target in (RESOLVED, CLOSED):
            fact = _ended(name, clock, "met" if target is RESOLVED else "cancelled", now)
        elif clock.state == "running" and target is CUSTOMER:
            fact = e.CaseClockSet(name, "paused", None, Span(_left(clock, now)))
        elif clock.state == "paused" and target is not CUSTOMER:
            fact = _running(name, clock.left_us, now)
        elif case.phase is RESOLVED and target is OPEN and name == RESOLUTION:
            fact = _running(name, rules.kind_of(case.kind).resolution_us, now)
        if fact is not None:
            found.append(Draft(stream, fact))
    return found


def _running(name: str, left_us: int, now: int) -> e.CaseClockSet:
    return e.CaseClockSet(name, "running", Instant(now + left_us), Span(left_us))


def _ended(name: str, clock: Clock, state: str, now: int) -> e.CaseClockSet:
    return e.CaseClockSet(name, state, None, Span(_left(clock, now)))


def _left(clock: Clock, now: int) -> int:
    return clock.left_us if clock.due is None else max(0, clock.due - now)


def _due(case: Case, wake: Wake) -> Decision:
    """A promise was broken, or the time to reopen is over."""
    found = [
        Draft(wake.stream, e.CaseClockSet(name, "breached", None, Span(0)))
        for name, clock in sorted(case.clocks.items())
        if clock.due is not None and clock.due <= wake.due
    ]
    if case.phase is RESOLVED and case.resolved_at + case.reopen_us <= wake.due:
        found.append(Draft(wake.stream, e.CaseStateSet("closed", "timer")))
    return found


# --- evolving -------------------------------------------------------------------------------


def evolve(case: Case, recorded: Recorded[Any]) -> None:
    envelope, data = recorded
    if isinstance(data, e.CaseOpened):
        case.phase = MOVES[case.phase, (e.CaseOpened, "")]
        case.kind = data.kind
        case.reopen_us = data.reopen_us
    elif isinstance(data, e.CaseStateSet):
        case.phase = MOVES[case.phase, (e.CaseStateSet, data.state)]
        case.resolved_at = envelope.recorded_at if case.phase is RESOLVED else 0
    elif isinstance(data, e.CaseClockSet):
        case.clocks[data.clock] = Clock(data.state, data.due, data.left_us)


def due(case: Case) -> int | None:
    """The next instant at which a promise breaks, or the case is closed for good."""
    dues = [clock.due for clock in case.clocks.values() if clock.due is not None]
    if case.phase is RESOLVED:
        dues.append(case.resolved_at + case.reopen_us)
    return min(dues, default=None)


def dump(case: Case) -> Canonical:
    clocks = [[name, *attrs.astuple(clock)] for name, clock in sorted(case.clocks.items())]
    return [int(case.phase), case.kind, case.resolved_at, case.reopen_us, clocks]


def load(kept: Any) -> Case:
    phase, kind, resolved_at, reopen_us, clocks = kept
    named = {name: Clock(*rest) for name, *rest in clocks}
    return Case(Phase(phase), kind, named, resolved_at, reopen_us)


def machine(rules: Rules) -> Machine:
    """All cases of a center, a state each: what is closed stays known, so no id comes again."""
    return Machine(
        "cases",
        COMMANDS,
        (e.CaseOpened, e.CaseChanged, e.CaseStateSet, e.CaseClockSet),
        Case,
        partial(decide, rules),
        evolve,
        due,
        dump=dump,
        load=load,
    )
