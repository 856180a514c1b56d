"""What befell each contact? A row per visit, and one for a contact that had none."""

from collections.abc import Iterator

import attrs

from .log_facts import LogFactsOf
from .report import SEGMENTS, Column, Parameters, Report, States, Table, cut
from .segment_table import FLAGS, Segment, SegmentTable
from .segments import Segments
from .visits import OUTCOMES, TURNED_AWAY

COLUMNS = (
    Column("contact", "text"),
    Column("visit", "int"),
    Column("queue", "text"),
    Column("channel", "text"),
    Column("direction", "text"),
    Column("start", "instant", "arrival"),
    Column("wait_us", "us", "arrival"),
    Column("end", "instant", "arrival"),
    Column("talk_us", "us", "arrival"),
    Column("agent", "text"),
    Column("ended", "text"),
    Column("outcome", "text"),
    Column("flags", "flags"),
)


@attrs.define(slots=True, weakref_slot=False)
class Story:
    """One visit as its segments tell it."""

    first: Segment
    waited: Segment | None = None
    end: int = 0
    open: bool = False
    talk_us: int = 0
    agent: str | None = None
    flags: set[str] = attrs.field(factory=set)


def table(states: States, parameters: Parameters) -> Table:
    """Rows sorted by contact and visit; open ones are cut off at as_of, their end is null."""
    segments: SegmentTable = states[SEGMENTS]
    as_of = parameters.source.as_of
    stories = _stories(segments, as_of)
    instants = [_start(story) for story in stories.values()]
    range_, buckets = cut("contacts", parameters, "all", instants)
    rows = [
        _row(contact, visit, story, as_of, failed=contact in segments.failed)
        for (contact, visit), story in sorted(stories.items(), key=lambda item: item[0])
        if buckets.find(_start(story)) >= 0
    ]
    return Table(COLUMNS, rows, range_)


def _stories(segments: SegmentTable, as_of: int) -> dict[tuple[str, int], Story]:
    stories: dict[tuple[str, int], Story] = {}
    for row in _by_contact(segments):
        key = (row.subject, row.visit)
        story = stories.get(key)
        if story is None:
            story = stories[key] = Story(row)
        end = max(row.start, as_of) if row.end is None else row.end
        if row.phase == "wrapup":
            continue  # It is the agent's time, not the contact's.
        story.open = story.open or row.end is None
        story.end = max(story.end, end)
        story.flags.update(row.flags)
        if row.phase == "queue":
            story.waited = row
        elif row.phase == "talk":
            story.talk_us += end - row.start
            story.agent = row.agent
    for contact, visit in list(stories):
        if visit == 0 and (contact, 1) in stories:
            del stories[contact, 0]
    return stories


def _by_contact(segments: SegmentTable) -> Iterator[Segment]:
    yield from sorted(segments.rows(), key=lambda row: (row.subject, row.seg))


def _start(story: Story) -> int:
    return story.first.start if story.waited is None else story.waited.start


def _row(contact: str, visit: int, story: Story, as_of: int, *, failed: bool) -> tuple[object, ...]:
    waited = story.waited
    row = waited or story.first
    wait = None
    if waited is not None:
        wait = (max(waited.start, as_of) if waited.end is None else waited.end) - waited.start
    return (
        contact,
        visit,
        row.queue,
        row.channel,
        row.direction,
        _start(story),
        wait,
        None if story.open else story.end,
        story.talk_us,
        story.agent,
        row.ended,
        _outcome(row, failed=failed),
        [flag for flag in FLAGS if flag in story.flags],
    )


def _outcome(row: Segment, *, failed: bool) -> str | None:
    if row.phase == "queue":
        if row.end is None:
            return None
        return "E" if failed else OUTCOMES.get(row.ended or "", "E")
    return "N" if row.phase == "ivr" and row.visit == 0 and row.ended in TURNED_AWAY else None


CONTACTS = Report("contacts", (Segments(), LogFactsOf()), None, table)
