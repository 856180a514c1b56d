"""The rows of the segment table: packed when closed, slotted while open.

Closed rows are packed into one ``bytearray``, 103 bytes each, their texts coded by
``Words``; open rows hang on their subject. So a day of 200,000 contacts, a million rows,
takes some hundred megabytes, and its canonical dump is one copy.
"""

import struct
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import attrs

from .words import Words

PHASES: Final = (
    "ivr",
    "queue",
    "ring",
    "talk",
    "hold",
    "consult",
    "wrapup",
    "customer_turn",
    "agent_turn",
    "callback_wait",
    "clock",
)
IVR, QUEUE, RING, TALK, HOLD, CONSULT, WRAPUP = range(7)
KINDS: Final = ("contact", "callback", "lead", "case")
FLAGS: Final = ("clamped", "coarse", "gap", "partial", "unqueued", "ambiguous")
FLAG_BITS: Final = {word: 1 << i for i, word in enumerate(FLAGS)}
CLAMPED: Final = FLAG_BITS["clamped"]
PARTIAL: Final = FLAG_BITS["partial"]
VOICE_COST: Final = 100
NO_OFFER: Final = -1
ROW: Final = struct.Struct("<BIIIBIIIIIIIIIqqqqqIqB")
"""kind to flags, in the order of ``Segment``."""
NOT_HANDLED: Final = frozenset({"held", "retrieved"})
"""How a talk or hold ends that the same conversation goes on after."""


class Segment(NamedTuple):
    """One row. Times are microseconds UTC; ``end`` and what goes with it null while open."""

    kind: str
    subject: str
    seg: int
    """In log order, from 1."""
    visit: int
    """1, 2 … at each queue.entered; 0 before any."""
    phase: str
    channel: str | None
    direction: str | None
    queue: str | None
    matter: str | None
    campaign: str | None
    customer: str | None
    agent: str | None
    team: str | None
    site: str | None
    offer: int | None
    start: int
    end: int | None
    start_pos: int
    end_pos: int | None
    ended: str | None
    weight: int
    """What it costs its agent, in units of the agent's budget (100); 0 without an agent."""
    flags: tuple[str, ...]


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Open:
    """A row that has begun."""

    seg: int
    visit: int
    phase: int
    queue: int
    agent: int
    offer: int
    weight: int
    start: int
    start_pos: int
    flags: int


@attrs.define(slots=True, weakref_slot=False)
class Subject:
    """A contact as far as its rows need it; texts are codes."""

    code: int
    at: int
    """Its last instant."""
    channel: int = 0
    channel_name: str = ""
    direction: int = 0
    matter: int = 0
    customer: int = 0
    queue: int = 0
    seg: int = 0
    visit: int = 0
    flags: int = 0
    closed_at: int | None = None
    """recorded_at of contact.closed."""
    present: list[str] = attrs.field(factory=list)
    """Agents in the conversation."""
    rows: list[Open] = attrs.field(factory=list)
    """Open ones, oldest first."""


@attrs.define(slots=True, weakref_slot=False)
class SegmentTable:
    """What the fold knows at a position."""

    words: Words = attrs.field(factory=Words)
    closed: bytearray = attrs.field(factory=bytearray)
    subjects: dict[str, Subject] = attrs.field(factory=dict)
    closing: list[str] = attrs.field(factory=list)
    """Closed contacts whose wrap-up may still begin."""
    failed: dict[str, None] = attrs.field(factory=dict)
    """Contacts that closed as failed: all their visits are errors."""
    costs: dict[str, dict[str, int]] = attrs.field(factory=dict)
    """Agent to channel to cost."""
    clamped: int = 0
    """Instants that went back, or were not believed."""
    skew_us: int = 0
    """The furthest that one of them was moved."""
    orphans: int = 0
    """Endings of what never began, or was over."""

    def __len__(self) -> int:
        return len(self.closed) // ROW.size + sum(len(s.rows) for s in self.subjects.values())

    def rows(self) -> Iterator[Segment]:
        """Closed rows in the order they closed, then open ones by subject's arrival."""
        texts = self.words.texts
        for packed in ROW.iter_unpack(self.closed):
            yield _segment(packed, texts, closed=True)
        for subject in self.subjects.values():
            for row in subject.rows:
                yield _segment(columns(subject, row, 0, -1, 0), texts, closed=False)


def columns(subject: Subject, row: Open, end: int, end_pos: int, ended: int) -> tuple[int, ...]:
    return (
        0,  # Every subject is a contact until callbacks, leads and cases have machines.
        subject.code,
        row.seg,
        row.visit,
        row.phase,
        subject.channel,
        subject.direction,
        row.queue,
        subject.matter,
        0,
        subject.customer,
        row.agent,
        0,
        0,
        row.offer,
        row.start,
        end,
        row.start_pos,
        end_pos,
        ended,
        row.weight,
        row.flags,
    )


def _segment(c: tuple[Any, ...], texts: list[str | None], *, closed: bool) -> Segment:
    return Segment(
        KINDS[c[0]],
        texts[c[1]] or "",
        c[2],
        c[3],
        PHASES[c[4]],
        texts[c[5]],
        texts[c[6]],
        texts[c[7]],
        texts[c[8]],
        texts[c[9]],
        texts[c[10]],
        texts[c[11]],
        texts[c[12]],
        texts[c[13]],
        None if c[14] == NO_OFFER else c[14],
        c[15],
        c[16] if closed else None,
        c[17],
        c[18] if closed else None,
        texts[c[19]],
        c[20],
        flag_words(c[21]),
    )


def flag_words(bits: int) -> tuple[str, ...]:
    """Flags in the order of ``FLAGS``."""
    return tuple(word for word, bit in FLAG_BITS.items() if bits & bit)
