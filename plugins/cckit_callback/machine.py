"""All callbacks of a center: promised, put off, attempted, ended. Whatever decides is here.

A callback bears the name of the stream that asked for it, ``contact/ID`` or ``subject/ID``.
The state is one for the whole center, for nobody may be promised two calls: the last word
counts, and ends the one before. Where a contact waits, and who is being called, is the
floor's: a place is kept by ``queue.place_kept``, and a scheduled callback that is due begins
a contact of its own as ``Recall`` does, in the same decision.

Each scheduled callback waits for an instant of its own, to the microsecond, so that each has
a timer of its own.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from functools import partial
from hashlib import sha256
from typing import Any, Final

import attrs

from cckit.core import (
    CENTER,
    SYSTEM,
    Ask,
    Canonical,
    ContactId,
    Draft,
    Floor,
    Instant,
    Machine,
    Number,
    QueueId,
    Recorded,
    Refused,
    Stream,
    SubjectId,
    Wake,
    command,
    contact_stream,
)
from cckit.core.commands import Cancel, Deflect, KeepPlace, Recall
from cckit.core.facts import QueuePlaceKept
from cckit.core.rules import RULES

from . import events as e
from .policy import Rules, possible, refusal, said

Phase = IntEnum("Phase", "WAITING SCHEDULED CONNECTED CLOSED", start=0)
WAITING, SCHEDULED, CONNECTED, CLOSED = Phase

MOVES: Final[dict[tuple[Phase, type], Phase]] = {
    (SCHEDULED, QueuePlaceKept): WAITING,
    (WAITING, QueuePlaceKept): WAITING,
    (WAITING, e.CallbackRescheduled): SCHEDULED,
    (SCHEDULED, e.CallbackRescheduled): SCHEDULED,
    (WAITING, e.CallbackAttemptEnded): WAITING,
    (WAITING, e.CallbackClosed): CLOSED,
    (SCHEDULED, e.CallbackClosed): CLOSED,
    (CONNECTED, e.CallbackClosed): CLOSED,
}
"""What is not in it is a bug of ours. An attempt that ended as ``connected`` goes to CONNECTED."""

MODES: Final = ("keep", "scheduled")
DONE: Final = "connected"
REASONS: Final = ("done", "unreachable", "declined", "cancelled", "expired")


# --- what can be asked ----------------------------------------------------------------------


@command
class RequestCallback:
    """Promise somebody to be called: at their turn (``keep``), or at ``due``."""

    of: Stream
    """``contact/ID``, or ``subject/ID`` for somebody who is not there."""
    mode: str = "keep"
    first: str = "agent"
    due: Instant | None = None
    number: Number | None = None
    """Where to call; None is where they came from."""
    queue: QueueId | None = None
    """None is where the contact waits."""
    subject: SubjectId | None = None
    """None is who the contact is of."""
    stream: Stream = CENTER


@command
class Reschedule:
    """Call at another time; who waits in a queue leaves it."""

    of: Stream
    due: Instant
    stream: Stream = CENTER


@command
class CancelCallback:
    """Take a promise back."""

    of: Stream
    stream: Stream = CENTER


@command
class EndAttempt:
    """They were called, or are connected; sent by the process that follows the call."""

    of: Stream
    n: int
    result: str
    stream: Stream = CENTER


@command
class EndCallback:
    """The contact that kept the promise is over; sent by the same process."""

    of: Stream
    reason: str
    stream: Stream = CENTER


COMMANDS: Final = (RequestCallback, Reschedule, CancelCallback, EndAttempt, EndCallback)
Command = RequestCallback | Reschedule | CancelCallback | EndAttempt | EndCallback | Wake
Seen = e.Event | QueuePlaceKept
Decision = Sequence[Draft] | Refused


# --- the state ------------------------------------------------------------------------------


@attrs.define
class Callback:
    """One promise that is not closed."""

    of: Stream
    subject: SubjectId | None
    mode: str
    first: str
    queue: QueueId | None
    phase: Phase
    due: int = 0
    """When it begins, an instant of its own; 0 while it is no scheduled one."""
    contact: Stream | None = None
    """The contact that is called, or waits; None while none is."""
    begun: int = 0
    """How many contacts were begun for it."""
    tries: int = 0

    @property
    def at(self) -> Stream:
        """Where its facts stand."""
        return self.contact or self.of


@attrs.define
class State:
    """Slotted; ``evolve`` alone writes it."""

    live: dict[Stream, Callback] = attrs.field(factory=dict)
    by_subject: dict[SubjectId, Stream] = attrs.field(factory=dict)
    by_contact: dict[Stream, Stream] = attrs.field(factory=dict)
    """A contact that is called, or will be, to the callback."""
    dues: list[tuple[int, Stream]] = attrs.field(factory=list)
    """Sorted: what is scheduled."""

    def of(self, stream: Stream) -> Callback | None:
        """The live callback of a stream: who asked, or the contact that is called."""
        return self.live.get(self.by_contact.get(stream, stream))


def recall_id(of: Stream, n: int) -> ContactId:
    """The contact that the n-th call of a callback begins, from 1: 32 hex digits.

    SHA-256 of the callback and ``n``: no chance is needed, and a repeat names the same one.
    """
    return ContactId(sha256(f"callback {n} {of}".encode()).hexdigest()[:32])


def due(state: State) -> int | None:
    """When the next scheduled callback begins."""
    return state.dues[0][0] if state.dues else None


# --- evolve ---------------------------------------------------------------------------------


def evolve(state: State, recorded: Recorded[Seen]) -> None:
    """Take in a fact. Nothing else writes the state."""
    envelope, data = recorded
    if isinstance(data, e.CallbackRequested):
        _requested(state, envelope.stream, data)
        return
    one = state.of(envelope.stream)
    if one is None:
        return  # A place that is kept without a promise of ours.
    if isinstance(data, e.CallbackAttemptEnded):
        one.tries = data.n
        one.phase = CONNECTED if data.result == DONE else MOVES[one.phase, type(data)]
        return
    one.phase = MOVES[one.phase, type(data)]
    if isinstance(data, QueuePlaceKept):
        if one.contact != envelope.stream:
            one.begun += 1
        one.contact = envelope.stream
        _no_due(state, one)
    elif isinstance(data, e.CallbackRescheduled):
        one.contact = None
        _set_due(state, one, data.due)
    else:
        _forget(state, one)


def _requested(state: State, stream: Stream, data: e.CallbackRequested) -> None:
    keeps = data.mode == "keep"
    phase = WAITING if keeps else SCHEDULED
    one = Callback(stream, data.subject, data.mode, data.first, data.queue, phase)
    state.live[stream] = one
    if data.subject is not None:
        state.by_subject[data.subject] = stream
    if keeps:
        one.contact = stream
    elif data.due is not None:
        _set_due(state, one, data.due)


def _set_due(state: State, one: Callback, at: int) -> None:
    _no_due(state, one)
    dues, at = state.dues, max(at, 1)  # 0 is none.
    place = bisect_left(dues, (at, Stream("")))
    while place < len(dues) and dues[place][0] == at:
        at += 1
        place += 1
    one.due = at
    dues.insert(place, (at, one.of))
    state.by_contact[contact_stream(recall_id(one.of, one.begun + 1))] = one.of


def _no_due(state: State, one: Callback) -> None:
    if one.due:
        del state.dues[bisect_left(state.dues, (one.due, one.of))]
        one.due = 0


def _forget(state: State, one: Callback) -> None:
    _no_due(state, one)
    del state.live[one.of]
    for n in range(1, one.begun + 2):
        state.by_contact.pop(contact_stream(recall_id(one.of, n)), None)
    if one.subject is not None and state.by_subject.get(one.subject) == one.of:
        del state.by_subject[one.subject]


def dump(state: State) -> Canonical:
    """Callbacks in the order of their promises; the rest follows from them."""
    return [
        [
            *(one.of, one.subject, one.mode, one.first, one.queue, int(one.phase)),
            *(one.due, one.contact, one.begun, one.tries),
        ]
        for one in state.live.values()
    ]


def load(dumped: Any) -> State:
    """Make the state that ``dump`` saw."""
    state = State()
    for row in dumped:
        one = Callback(*row)
        one.phase = Phase(one.phase)
        state.live[one.of] = one
        if one.subject is not None:
            state.by_subject[one.subject] = one.of
        for n in range(1, one.begun + 1 + bool(one.due)):
            state.by_contact[contact_stream(recall_id(one.of, n))] = one.of
        if one.due:
            insort(state.dues, (one.due, one.of))
    return state


# --- decide ---------------------------------------------------------------------------------


def decide(
    rules: Rules, state: State, command: Command, now: Instant, ask: Ask, floor: Floor
) -> Decision:
    """Carry out a command, or say why not. Reads only."""
    if command.stream != CENTER:
        what = "all callbacks have one state"
        return Refused("callback.bad_stream", command.stream, what, "leave stream out; name `of`")
    return DECIDE[type(command)](rules, state, command, now, ask, floor)


def _request(
    rules: Rules, state: State, asked: RequestCallback, now: Instant, ask: Ask, floor: Floor
) -> Decision:
    wrong = _wrong_request(state, asked, floor)
    if wrong is not None:
        return wrong
    contact = floor.contacts.get(asked.of)
    subject = asked.subject or (contact.subject if contact is not None else None)
    if contact is None and subject is None:
        subject = SubjectId(asked.of.partition("/")[2])
    queue = asked.queue or (contact.queue if contact is not None else None)
    if asked.mode == "scheduled":
        wrong = _wrong_due(rules, asked.of, asked.due, now) or _wrong_queue(asked.of, queue, floor)
        if wrong is not None:
            return wrong
    requested = e.CallbackRequested(
        subject, asked.number, asked.mode, asked.first, asked.due, queue
    )
    follows: list[Draft] = []
    if contact is not None and asked.mode == "keep":
        kept = _core(KeepPlace(ContactId(contact.id), asked.first), now, ask, floor)
        if isinstance(kept, Refused):
            return kept
        follows = kept
    elif contact is not None:
        follows = _let_go(asked.of, now, ask, floor)
    before = _last_word(state, subject, follows, now, ask, floor)
    return [*before, Draft(asked.of, requested), *follows]


def _wrong_request(state: State, asked: RequestCallback, floor: Floor) -> Refused | None:
    of = asked.of
    kind, _, id_ = of.partition("/")
    if asked.mode not in MODES:
        remedy = f"use {' or '.join(MODES)}"
        return Refused("callback.bad_mode", of, f"{asked.mode!r} is no way to call back", remedy)
    if asked.first not in ("agent", "customer"):
        what = f"{asked.first!r} can't be called first"
        return Refused("callback.bad_first", of, what, "use agent or customer")
    if kind not in ("contact", "subject") or not id_:
        what = "nobody is called back there"
        return Refused("callback.bad_stream", of, what, "name contact/ID or subject/ID")
    if state.of(of) is not None:
        what = "a callback is promised already"
        return Refused("callback.exists", of, what, "reschedule it, or cancel it first")
    contact = floor.contacts.get(of)
    if contact is None and (kind == "contact" or asked.mode == "keep"):
        what = "there is no such open contact"
        return Refused("callback.unknown_contact", of, what, "name an open one, or its subject/ID")
    if asked.mode == "keep" and asked.due is not None:
        what = "who keeps the place is called at their turn"
        return Refused("callback.bad_due", of, what, "leave due out, or use scheduled")
    if asked.mode == "keep" and contact is not None and asked.queue not in (None, contact.queue):
        what = "the place that is kept is another queue's"
        return Refused("callback.bad_queue", of, what, "leave queue out")
    return None


def _wrong_due(rules: Rules, of: Stream, at: Instant | None, now: Instant) -> Refused | None:
    """Refuse a time when nobody is called, and name the next one that could be agreed."""
    if at is None:
        what = "a scheduled callback needs an instant"
        return Refused("callback.bad_due", of, what, "name due, or use keep")
    wrong = refusal(rules, at, now)
    if wrong is None:
        return None
    instead = possible(rules, at, now)
    remedy = "open a window" if instead is None else f"agree on {said(rules, instead)} ({instead})"
    return Refused(f"callback.{wrong[0]}", of, wrong[1], remedy)


def _wrong_queue(of: Stream, queue: QueueId | None, floor: Floor) -> Refused | None:
    if queue in floor.queues:
        return None
    known = ", ".join(sorted(floor.queues)) or "none"
    what = f"there is no queue {queue!r}; there are {known}"
    return Refused("callback.no_queue", of, what, "name the queue that is to call")


def _last_word(
    state: State,
    subject: SubjectId | None,
    follows: Sequence[Draft],
    now: Instant,
    ask: Ask,
    floor: Floor,
) -> list[Draft]:
    """End what this person was promised before: nobody is called for two.

    Where the floor itself ends the other contact, for it knows both, that is in ``follows``.
    """
    before = state.by_subject.get(subject) if subject is not None else None
    one = state.live.get(before) if before is not None else None
    if one is None or one.phase is CONNECTED:
        return []
    closed = Draft(one.at, e.CallbackClosed("cancelled"))
    if any(draft.stream == one.contact for draft in follows):
        return [closed]
    return [closed, *_cancelled(one, "merged", now, ask, floor)]


def _reschedule(
    rules: Rules, state: State, asked: Reschedule, now: Instant, ask: Ask, floor: Floor
) -> Decision:
    one = _live(state, asked.of)
    if isinstance(one, Refused):
        return one
    wrong = _wrong_due(rules, asked.of, asked.due, now) or _wrong_queue(asked.of, one.queue, floor)
    if wrong is not None:
        return wrong
    drafts = [Draft(one.at, e.CallbackRescheduled(asked.due))]
    if one.contact is None:
        return drafts
    contact = floor.contacts.get(one.contact)
    if contact is None:
        what = "the contact has closed, and the promise ends with it"
        return Refused("callback.wrong_state", asked.of, what, "request another callback")
    if contact.dialing is not None:
        what = "the customer is being called at this moment"
        return Refused("callback.wrong_state", asked.of, what, "wait for the answer")
    return [*drafts, *_let_go(one.contact, now, ask, floor)]


def _cancel(
    rules: Rules, state: State, asked: CancelCallback, now: Instant, ask: Ask, floor: Floor
) -> Decision:
    one = _live(state, asked.of)
    if isinstance(one, Refused):
        return one
    closed = Draft(one.at, e.CallbackClosed("cancelled"))
    return [closed, *_cancelled(one, "cancelled", now, ask, floor)]


def _live(state: State, of: Stream) -> Callback | Refused:
    one = state.of(of)
    if one is None:
        what = "no callback is promised"
        return Refused("callback.unknown", of, what, "it may be closed; look at its stream")
    if one.phase is CONNECTED:
        return Refused("callback.wrong_state", of, "they are connected", "nothing is to be done")
    return one


def _end_attempt(
    rules: Rules, state: State, ended: EndAttempt, now: Instant, ask: Ask, floor: Floor
) -> Decision:
    one = state.of(ended.of)
    if one is None or one.phase is not WAITING or ended.n != one.tries + 1:
        return []
    return [Draft(one.at, e.CallbackAttemptEnded(ended.n, ended.result))]


def _end_callback(
    rules: Rules, state: State, ended: EndCallback, now: Instant, ask: Ask, floor: Floor
) -> Decision:
    one = state.of(ended.of)
    if one is None or one.phase is SCHEDULED:
        return []
    if ended.reason not in REASONS:
        remedy = f"use {', '.join(REASONS)}"
        return Refused("callback.bad_reason", ended.of, "no callback ends so", remedy)
    return [Draft(one.at, e.CallbackClosed(ended.reason))]


def _wake(rules: Rules, state: State, wake: Wake, now: Instant, ask: Ask, floor: Floor) -> Decision:
    """Begin the callback that is due, put it off to the next window, or let it expire."""
    if not state.dues or state.dues[0][0] > wake.due:
        return []
    one = state.live[state.dues[0][1]]
    expired = [Draft(one.at, e.CallbackClosed("expired"))]
    begins = rules.windows.next(now)
    if begins is None or begins > one.due + rules.late_us or one.queue is None:
        return expired
    if begins > now:
        return [Draft(one.at, e.CallbackRescheduled(begins))]
    contact = recall_id(one.of, one.begun + 1)
    kind, _, id_ = one.of.partition("/")
    recall = Recall(
        ContactId(id_) if kind == "contact" else None,
        one.queue,
        one.first,
        rules.lane,
        contact=contact,
        subject=one.subject,
    )
    called = _core(recall, now, ask, floor)
    return expired if isinstance(called, Refused) else called


def _cancelled(one: Callback, reason: str, now: Instant, ask: Ask, floor: Floor) -> list[Draft]:
    """Have the contact that waits for it leave its queue and close, where there is one.

    Whoever is still on the line waits on.
    """
    if one.contact is None:
        return []
    ended = _core(Cancel(ContactId(one.contact[8:]), reason), now, ask, floor)
    return [] if isinstance(ended, Refused) else ended  # They are on the line: let them.


def _let_go(stream: Stream, now: Instant, ask: Ask, floor: Floor) -> list[Draft]:
    """Close a contact that has agreed on another time; one who talks goes on."""
    closed = _core(Deflect(ContactId(stream[8:]), "callback_agreed"), now, ask, floor)
    return [] if isinstance(closed, Refused) else closed


def _core(command: Any, now: Instant, ask: Ask, floor: Floor) -> list[Draft] | Refused:
    """What the floor's own rule answers: its facts belong to the same decision."""
    drafts = RULES[type(command)](floor, command, now, ask, SYSTEM)
    return drafts if isinstance(drafts, Refused) else [Draft(*draft) for draft in drafts]


DECIDE: Final[Mapping[type, Callable[..., Decision]]] = {
    RequestCallback: _request,
    Reschedule: _reschedule,
    CancelCallback: _cancel,
    EndAttempt: _end_attempt,
    EndCallback: _end_callback,
    Wake: _wake,
}


def machine(rules: Rules | None = None) -> Machine:
    """The machine as the engine takes it."""
    return Machine(
        "callback",
        COMMANDS,
        (
            e.CallbackRequested,
            e.CallbackRescheduled,
            e.CallbackAttemptEnded,
            e.CallbackClosed,
            QueuePlaceKept,
        ),
        State,
        partial(decide, rules or Rules()),
        evolve,
        due=due,
        key=lambda recorded: CENTER,
        reads_floor=True,
        dump=dump,
        load=load,
    )
