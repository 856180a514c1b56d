"""Listening, whispering, barging in and taking over, one state of the whole center.

Media is the adapter's: ``leg.ordered`` (monitor, ``supervisor/ID``) asks it for a leg, and
``supervision.mode_set`` says who is to hear whom on it. Permission and record are the
floor's: the commands are judged by the authorize hook, and that somebody heard a customer
stands in the log as ``access.granted``, like every access to what is personal.

Supervision ends by itself: when the contact ends, or the supervisor's leg clears.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs

from cckit.core import (
    CENTER,
    SECOND,
    AccessGranted,
    Actor,
    AgentId,
    Ask,
    Canonical,
    ContactAgentLeft,
    ContactClosed,
    ContactConnected,
    ContactId,
    Draft,
    Floor,
    Instant,
    LegCleared,
    LegId,
    LegOrdered,
    Machine,
    Recorded,
    Refused,
    Stream,
    contact_stream,
)
from cckit.core.access import PEOPLE
from cckit.core.leg import CONNECTED
from cckit.core.rules.endings import part_ends

from .events import SupervisionModeSet
from .policy import (
    BARGE,
    LISTEN,
    MODES,
    NONE,
    TAKE_OVER,
    WHISPER,
    Phase,
    cannot_take_over,
    not_talking,
)

MOVES: Final[dict[tuple[Phase, type], Phase]] = {
    (LISTEN, LegCleared): NONE,
    (WHISPER, LegCleared): NONE,
    (BARGE, LegCleared): NONE,
    (LISTEN, ContactClosed): NONE,
    (WHISPER, ContactClosed): NONE,
    (BARGE, ContactClosed): NONE,
    (TAKE_OVER, ContactClosed): NONE,
    (TAKE_OVER, ContactAgentLeft): NONE,
}
"""How it ends by itself. ``supervision.mode_set`` goes to the mode that it names: ``NEXT``."""

ANSWER_US: Final = 30 * SECOND
"""How long a supervisor's own phone may ring."""

NEXT: Final[Mapping[Phase, tuple[Phase, ...]]] = {
    NONE: (LISTEN, WHISPER, BARGE),
    LISTEN: (WHISPER, BARGE, TAKE_OVER, NONE),
    WHISPER: (LISTEN, BARGE, TAKE_OVER, NONE),
    BARGE: (LISTEN, WHISPER, TAKE_OVER, NONE),
    TAKE_OVER: (),
}


@attrs.frozen
class Monitor:
    """Listen to a contact, or change how: ``listen``, ``whisper`` or ``barge``."""

    contact: ContactId
    supervisor: str
    mode: str = "listen"
    stream: Stream = CENTER


@attrs.frozen
class StopMonitor:
    """Listen no more."""

    contact: ContactId
    supervisor: str
    stream: Stream = CENTER


@attrs.frozen
class TakeOver:
    """Be the agent of a contact that one supervises; its agent wraps up."""

    contact: ContactId
    supervisor: str
    stream: Stream = CENTER


@attrs.define
class Ear:
    """One supervisor at one contact."""

    phase: Phase = NONE
    leg: int = 0


Ears = dict[str, Ear]
"""By supervisor."""


@attrs.define
class State:
    """Contacts that somebody supervises; ``evolve`` alone writes it."""

    contacts: dict[Stream, Ears] = attrs.field(factory=dict)

    def ear(self, stream: Stream, supervisor: str) -> Ear | None:
        """A supervisor at a contact, if there is one."""
        return self.contacts.get(stream, {}).get(supervisor)


def dump(state: State) -> Canonical:
    """Each contact, and who is there how."""
    return [
        [stream, [[who, int(ear.phase), ear.leg] for who, ear in ears.items()]]
        for stream, ears in state.contacts.items()
    ]


def load(dumped: Any) -> State:
    """Make the state that ``dump`` saw."""
    return State(
        {
            Stream(stream): {who: Ear(Phase(phase), leg) for who, phase, leg in ears}
            for stream, ears in dumped
        }
    )


# --- evolve ---------------------------------------------------------------------------------


def evolve(state: State, recorded: Recorded[Any]) -> None:
    """Take in a fact. Nothing else writes the state."""
    envelope, data = recorded
    stream = envelope.stream
    if isinstance(data, SupervisionModeSet):
        ears = state.contacts.setdefault(stream, {})
        ear = ears.setdefault(data.supervisor, Ear())
        mode = Phase[data.mode.upper()]
        if mode not in NEXT[ear.phase]:
            raise KeyError((ear.phase, mode))
        ear.phase = mode
        if mode is NONE:
            _gone(state, stream, data.supervisor)
        return
    ears = state.contacts.get(stream, {})
    if isinstance(data, LegOrdered):
        kind, _, who = (data.role or "").partition("/")
        if data.order == "monitor" and kind == "supervisor" and who in ears:
            ears[who].leg = data.leg
        return
    for supervisor, ear in list(ears.items()):
        if _is_over(supervisor, ear, data):
            ear.phase = MOVES[ear.phase, type(data)]
            _gone(state, stream, supervisor)


def _is_over(supervisor: str, ear: Ear, data: Any) -> bool:
    if isinstance(data, LegCleared):
        return ear.phase is not TAKE_OVER and data.leg == ear.leg
    if isinstance(data, ContactAgentLeft):
        return ear.phase is TAKE_OVER and data.agent == supervisor
    return isinstance(data, ContactClosed)


def _gone(state: State, stream: Stream, supervisor: str) -> None:
    ears = state.contacts[stream]
    del ears[supervisor]
    if not ears:
        del state.contacts[stream]


# --- decide ---------------------------------------------------------------------------------

Command = Monitor | StopMonitor | TakeOver
Decision = Sequence[Draft] | Refused


def decide(
    state: State, command: Command, now: Instant, ask: Ask, floor: Floor, actor: Actor
) -> Decision:
    """Carry out a command, or say why not. Reads only.

    The record of who listened names the supervisor, so people speak only for themselves.
    """
    if actor.kind in PEOPLE and command.supervisor not in ("", actor.id):
        what = f"{actor.id!r} can't listen as {command.supervisor!r}"
        where = contact_stream(command.contact)
        return Refused("supervision.not_you", where, what, "name yourself as the supervisor")
    return DECIDE[type(command)](state, command, now, floor)


def _monitor(state: State, asked: Monitor, now: Instant, floor: Floor) -> Decision:
    stream = contact_stream(asked.contact)
    contact = floor.contacts.get(stream)
    if asked.mode not in MODES:
        what = f"{asked.mode!r} is no way to listen"
        return Refused("supervision.bad_mode", stream, what, f"use {', '.join(MODES)}")
    if not asked.supervisor:
        what = "nobody is named who listens"
        return Refused("supervision.no_supervisor", stream, what, "name the supervisor")
    wrong = not_talking(contact, stream)
    if wrong is not None or contact is None:
        return wrong if wrong is not None else ()
    ear = state.ear(stream, asked.supervisor)
    mode = SupervisionModeSet(asked.supervisor, asked.mode)
    if ear is not None and ear.phase is MODES[asked.mode]:
        return ()
    if (ear is not None and ear.phase is TAKE_OVER) or contact.agent == asked.supervisor:
        what = f"{asked.supervisor!r} is its agent"
        return Refused("supervision.has_it", stream, what, "go on as its agent")
    if ear is not None:
        return [Draft(stream, mode)]
    role, due = f"supervisor/{asked.supervisor}", Instant(now + ANSWER_US)
    return [
        Draft(stream, mode),
        Draft(stream, LegOrdered(LegId(floor.next_id()), "monitor", role, None, due)),
        Draft(
            CENTER,
            AccessGranted(
                asked.supervisor, "Listen", "supervision", "contact", stream, "supervision"
            ),
        ),
    ]


def _stop(state: State, asked: StopMonitor, now: Instant, floor: Floor) -> Decision:
    stream = contact_stream(asked.contact)
    ear = state.ear(stream, asked.supervisor)
    if ear is None or ear.phase is TAKE_OVER:
        return _not_there(stream, asked.supervisor)
    cleared = Draft(stream, LegOrdered(LegId(ear.leg), "clear"))
    return [Draft(stream, SupervisionModeSet(asked.supervisor, "none")), cleared]


def _take_over(state: State, asked: TakeOver, now: Instant, floor: Floor) -> Decision:
    stream, supervisor = contact_stream(asked.contact), asked.supervisor
    contact = floor.contacts.get(stream)
    wrong = not_talking(contact, stream)
    if wrong is not None or contact is None:
        return wrong if wrong is not None else ()
    ear = state.ear(stream, supervisor)
    if ear is not None and ear.phase is TAKE_OVER:
        return ()
    leg = contact.other(ear.leg) if ear is not None else None
    if ear is None or leg is None or leg.phase is not CONNECTED:
        return _not_there(stream, supervisor)
    wrong = cannot_take_over(floor, contact, supervisor)
    if wrong is not None:
        return wrong
    agent, mine = AgentId(supervisor), LegId(ear.leg)
    left = part_ends(floor, contact, contact.agent or "", "taken_over", now)
    return [
        Draft(stream, SupervisionModeSet(supervisor, "take_over")),
        Draft(stream, LegOrdered(mine, "join", f"agent/{supervisor}")),
        Draft(stream, ContactConnected(agent, None, None, mine)),
        *(Draft(*pair) for pair in left),
    ]


def _not_there(stream: Stream, supervisor: str) -> Refused:
    what = f"{supervisor!r} is not on the line of this contact"
    remedy = "monitor it first, and go on when the leg is established"
    return Refused("supervision.not_there", stream, what, remedy)


DECIDE: Final[Mapping[type, Callable[[State, Any, Instant, Floor], Decision]]] = {
    Monitor: _monitor,
    StopMonitor: _stop,
    TakeOver: _take_over,
}


def machine() -> Machine:
    """The machine as the engine takes it."""
    seen = (SupervisionModeSet, LegOrdered, LegCleared, ContactAgentLeft, ContactClosed)
    return Machine(
        "supervision",
        (Monitor, StopMonitor, TakeOver),
        seen,
        State,
        decide,
        evolve,
        key=lambda recorded: CENTER,
        reads_floor=True,
        reads_actor=True,
        dump=dump,
        load=load,
    )
