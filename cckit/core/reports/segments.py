"""The segment table: one subject in one phase, folded from the log.

A row opens and closes by the events in ``APPLY`` and by nothing else.
``queue`` goes on while an offer rings beside it, so a wait includes its ring. Instants are
the source's where it has a clock that can be believed; one that lies before its subject's
previous instant is moved up to it. The rows that a moved instant touches are flagged
``clamped``: no length is negative.

A contact is forgotten once nothing of it can still open: its wrap-up begins in the decision
that closes it.
"""

from collections.abc import Callable
from typing import Any, Final

import attrs

from cckit.core import facts as f
from cckit.core.events import Envelope, Recorded
from cckit.core.projection import Canonical

from .segment_table import (
    CLAMPED,
    CONSULT,
    FLAG_BITS,
    HOLD,
    IVR,
    NO_OFFER,
    PARTIAL,
    QUEUE,
    RING,
    ROW,
    TALK,
    VOICE_COST,
    WRAPUP,
    Open,
    SegmentTable,
    Subject,
    columns,
)
from .source_clock import instant_of

INTERNAL: Final = "internal"

# --- opening and closing ------------------------------------------------------------------


def _instant(table: SegmentTable, subject: Subject, envelope: Envelope) -> tuple[int, int]:
    """The event's instant on its subject's time line, and the flag if it was moved."""
    at, moved = instant_of(envelope.stamp)
    if at < subject.at:
        moved = max(moved, subject.at - at)
        at = subject.at
    subject.at = at
    if not moved:
        return at, 0
    table.clamped += 1
    table.skew_us = max(table.skew_us, moved)
    return at, CLAMPED


def _start(
    table: SegmentTable,
    subject: Subject,
    phase: int,
    at: int,
    position: int,
    flags: int,
    agent: str | None = None,
    offer: int | None = None,
) -> None:
    subject.seg += 1
    weight = 0
    if agent is not None:
        costs = table.costs.get(agent)
        weight = VOICE_COST if costs is None else costs.get(subject.channel_name, VOICE_COST)
    subject.rows.append(
        Open(
            subject.seg,
            subject.visit,
            phase,
            subject.queue,
            table.words.code(agent),
            NO_OFFER if offer is None else offer,
            weight,
            at,
            position,
            subject.flags | flags,
        )
    )


def _end(
    table: SegmentTable,
    subject: Subject,
    which: Callable[[Open], bool],
    at: int,
    position: int,
    ended: str,
    flags: int,
) -> list[Open]:
    """Close the open rows that fit, oldest first, and return them."""
    rows = [row for row in subject.rows if which(row)]
    if rows:
        subject.rows = [row for row in subject.rows if not which(row)]
        code = table.words.code(ended)
        for row in rows:
            row.flags |= flags
            table.closed += ROW.pack(*columns(subject, row, at, position, code))
    return rows


def _is_ring(row: Open) -> bool:
    return row.phase == RING


def _is_ivr(row: Open) -> bool:
    return row.phase == IVR


def _is_waiting(row: Open) -> bool:
    return row.phase == QUEUE or row.phase == RING


def _is_before_talk(row: Open) -> bool:
    return row.phase <= RING


def _is_talk(row: Open) -> bool:
    return row.phase == TALK


def _is_hold(row: Open) -> bool:
    return row.phase == HOLD


def _is_conversation(row: Open) -> bool:
    return TALK <= row.phase <= CONSULT


def _is_all_but_wrapup(row: Open) -> bool:
    return row.phase != WRAPUP


# --- one function an event ----------------------------------------------------------------


def _known(table: SegmentTable, envelope: Envelope) -> Subject | None:
    """The subject of an event that only ends something, counted if there is none."""
    subject = table.subjects.get(envelope.stream[8:])
    if subject is None:
        table.orphans += 1
    return subject


def _contact(table: SegmentTable, envelope: Envelope) -> Subject:
    """The subject of an event that starts something in a contact's stream.

    One that was never created gets its rows all the same, flagged ``partial``.
    """
    name = envelope.stream[8:]
    subject = table.subjects.get(name)
    if subject is None:
        at, _ = instant_of(envelope.stamp)
        subject = Subject(table.words.code(name), at, flags=PARTIAL)
        subject.matter = table.words.code(envelope.stamp.correlation)
        table.subjects[name] = subject
    return subject


def _created(table: SegmentTable, recorded: Recorded[f.ContactCreated]) -> None:
    envelope, data = recorded
    if table.closing:
        _forget(table, envelope.stamp.recorded_at)
    subject = _contact(table, envelope)
    at, flags = _instant(table, subject, envelope)
    subject.flags &= ~PARTIAL
    subject.channel = table.words.code(data.channel)
    subject.channel_name = data.channel
    subject.direction = table.words.code(data.direction)
    subject.customer = table.words.code(data.subject)
    _start(table, subject, IVR, at, envelope.position, flags)


def _entered(table: SegmentTable, recorded: Recorded[f.QueueEntered]) -> None:
    envelope, data = recorded
    subject = _contact(table, envelope)
    at, flags = _instant(table, subject, envelope)
    _end(table, subject, _is_ivr, at, envelope.position, "queued", flags)
    subject.visit += 1
    subject.queue = table.words.code(data.queue)
    _start(table, subject, QUEUE, at, envelope.position, flags)


def _left(table: SegmentTable, recorded: Recorded[f.QueueLeft]) -> None:
    envelope, data = recorded
    known = envelope.stream[8:] in table.subjects
    subject = _contact(table, envelope)
    if not known:  # Only its end tells of this visit: it began its own length before.
        subject.visit = 1
        _start(table, subject, QUEUE, subject.at - data.wait_us, envelope.position, 0)
    at, flags = _instant(table, subject, envelope)
    _end(table, subject, _is_waiting, at, envelope.position, data.reason, flags)


def _made(table: SegmentTable, recorded: Recorded[f.OfferMade]) -> None:
    envelope, data = recorded
    subject = _contact(table, envelope)
    at, flags = _instant(table, subject, envelope)
    _start(table, subject, RING, at, envelope.position, flags, data.agent, data.offer)


def _unmade(word: str) -> Callable[[SegmentTable, Recorded[Any]], None]:
    def ended(table: SegmentTable, recorded: Recorded[Any]) -> None:
        envelope, data = recorded
        subject = _known(table, envelope)
        if subject is None:
            return
        at, flags = _instant(table, subject, envelope)
        offer = data.offer

        def is_it(row: Open) -> bool:
            return row.phase == RING and row.offer == offer

        # A connection that failed without an offer's id can only be of the one that rang.
        _end(
            table, subject, _is_ring if offer is None else is_it, at, envelope.position, word, flags
        )

    return ended


def _connected(table: SegmentTable, recorded: Recorded[f.ContactConnected]) -> None:
    envelope, data = recorded
    subject = _contact(table, envelope)
    at, flags = _instant(table, subject, envelope)
    _end(table, subject, _is_before_talk, at, envelope.position, "answered", flags)
    subject.present.append(data.agent)
    # A contact between agents is a consultation.
    phase = CONSULT if table.words.texts[subject.direction] == INTERNAL else TALK
    _start(table, subject, phase, at, envelope.position, flags, data.agent, data.offer)


def _swap(
    is_before: Callable[[Open], bool], after: int, word: str
) -> Callable[[SegmentTable, Recorded[Any]], None]:
    def swapped(table: SegmentTable, recorded: Recorded[Any]) -> None:
        envelope, _ = recorded
        subject = _known(table, envelope)
        if subject is None:
            return
        at, flags = _instant(table, subject, envelope)
        texts = table.words.texts
        for row in _end(table, subject, is_before, at, envelope.position, word, flags):
            offer = None if row.offer == NO_OFFER else row.offer
            _start(table, subject, after, at, envelope.position, flags, texts[row.agent], offer)

    return swapped


def _agent_left(table: SegmentTable, recorded: Recorded[f.ContactAgentLeft]) -> None:
    envelope, data = recorded
    subject = _known(table, envelope)
    if subject is None:
        return
    at, flags = _instant(table, subject, envelope)
    if data.agent in subject.present:
        subject.present.remove(data.agent)
    why = data.why or "agent_left"
    if not subject.present:
        _end(table, subject, _is_conversation, at, envelope.position, why, flags)
        return
    agent = table.words.code(data.agent)

    def is_theirs(row: Open) -> bool:
        return _is_conversation(row) and row.agent == agent

    _end(table, subject, is_theirs, at, envelope.position, why, flags)


def _closed(table: SegmentTable, recorded: Recorded[f.ContactClosed]) -> None:
    envelope, data = recorded
    subject = _known(table, envelope)
    if subject is None:
        return
    at, flags = _instant(table, subject, envelope)
    _end(table, subject, _is_all_but_wrapup, at, envelope.position, data.reason, flags)
    subject.present.clear()
    if data.reason == "failed":
        table.failed[envelope.stream[8:]] = None
    subject.closed_at = envelope.stamp.recorded_at
    table.closing.append(envelope.stream[8:])


def _forget(table: SegmentTable, now: int) -> None:
    """Drop closed contacts once the decision that closed them is over.

    One that is wrapped up still is dropped when that ends.
    """
    kept = []
    for name in table.closing:
        subject = table.subjects.get(name)
        if subject is None or subject.closed_at is None:
            continue
        if subject.closed_at >= now:
            kept.append(name)
        elif not subject.rows:
            del table.subjects[name]
    table.closing = kept


def _wrapup_subject(table: SegmentTable, name: str, envelope: Envelope) -> Subject:
    subject = table.subjects.get(name)
    if subject is None:
        subject = Subject(table.words.code(name), envelope.stamp.recorded_at, flags=PARTIAL)
        subject.closed_at = envelope.stamp.recorded_at
        table.subjects[name] = subject
        table.closing.append(name)
    return subject


def _wrapup_started(table: SegmentTable, recorded: Recorded[f.AgentWrapupStarted]) -> None:
    envelope, data = recorded
    subject = _wrapup_subject(table, data.contact, envelope)
    at, flags = _instant(table, subject, envelope)
    _start(table, subject, WRAPUP, at, envelope.position, flags, envelope.stream[6:])


def _wrapup_ended(table: SegmentTable, recorded: Recorded[f.AgentWrapupEnded]) -> None:
    envelope, data = recorded
    subject = _wrapup_subject(table, data.contact, envelope)
    at, flags = _instant(table, subject, envelope)
    agent = table.words.code(envelope.stream[6:])

    def is_it(row: Open) -> bool:
        return row.phase == WRAPUP and row.agent == agent

    _end(table, subject, is_it, at, envelope.position, data.by, flags)
    if subject.closed_at is not None and not subject.rows:
        table.closing.append(data.contact)
    _forget(table, envelope.stamp.recorded_at)


def _flagged(table: SegmentTable, recorded: Recorded[f.FactFlagged]) -> None:
    """Flag what is open of a contact, and all that opens later."""
    envelope, data = recorded
    subject = _contact(table, envelope)
    for word in data.flags:
        subject.flags |= FLAG_BITS.get(word, 0)  # A word of a later version is not counted here.
    for row in subject.rows:
        row.flags |= subject.flags


def _profile(table: SegmentTable, recorded: Recorded[f.AgentProfileSet]) -> None:
    envelope, data = recorded
    table.costs[envelope.stream[6:]] = dict(data.channels)


APPLY: Final[dict[type, Callable[[SegmentTable, Recorded[Any]], None]]] = {
    f.ContactCreated: _created,
    f.ContactConnected: _connected,
    f.ContactConnectFailed: _unmade("connect_failed"),
    f.ContactAgentLeft: _agent_left,
    f.ContactClosed: _closed,
    f.LegHeld: _swap(_is_talk, HOLD, "held"),
    f.LegRetrieved: _swap(_is_hold, TALK, "retrieved"),
    f.QueueEntered: _entered,
    f.QueueLeft: _left,
    f.OfferMade: _made,
    f.OfferRejected: _unmade("rejected"),
    f.OfferExpired: _unmade("expired"),
    f.OfferRescinded: _unmade("rescinded"),
    f.OfferFailed: _unmade("failed"),
    f.AgentWrapupStarted: _wrapup_started,
    f.AgentWrapupEnded: _wrapup_ended,
    f.AgentProfileSet: _profile,
    f.FactFlagged: _flagged,
}


class Segments:
    """The segment table as a projection.

    .. versionadded:: 0.1
    """

    name = "contact.segments"
    version = 1
    types: tuple[type, ...] = tuple(APPLY)

    def initial(self) -> SegmentTable:
        return SegmentTable()

    def apply(self, state: SegmentTable, recorded: Recorded[Any]) -> None:
        APPLY[type(recorded[1])](state, recorded)

    def dump(self, state: SegmentTable) -> Canonical:
        return {
            "words": state.words.dump(),
            "closed": bytes(state.closed),
            "subjects": {
                name: (*attrs.astuple(s, recurse=False)[:-1], [attrs.astuple(r) for r in s.rows])
                for name, s in state.subjects.items()
            },
            "closing": tuple(state.closing),
            "failed": tuple(state.failed),
            "costs": state.costs,
            "clamped": state.clamped,
            "skew_us": state.skew_us,
            "orphans": state.orphans,
        }
