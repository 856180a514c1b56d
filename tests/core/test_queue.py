"""Who waits where: rank within a group, and the settings of a queue."""

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.ids import ContactId, EntryId, QueueId, Stream
from cckit.core.instant import HOUR, SECOND, Instant
from cckit.core.need import parse
from cckit.core.queue import Entry, Group, Queue, Rank, rank
from cckit.core.settings import QueueSettings
from tests.stage import START, Stage

HELP = QueueId("help")
RANKS = st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(-2, 2))


class Line:
    """One group and those who wait in it."""

    def __init__(self) -> None:
        self.group = Group(0, Queue(HELP, QueueSettings(), b""), "voice", parse(""))

    def enter(self, rank: Rank) -> Entry:
        entry = Entry(EntryId(rank[3]), Stream("contact/x"), self.group, rank, rank[2])
        self.group.add(entry)
        return entry


@given(st.lists(st.one_of(RANKS, st.integers(0, 20)), max_size=200))
def test_the_line_of_a_group_is_who_waits_by_rank(steps: list[Any]) -> None:
    line = Line()
    group = line.group
    model: list[Entry] = []
    taken: list[Entry] = []
    for n, step in enumerate(steps, 1):
        if not isinstance(step, int):
            lane, since, priority = step
            model.append(line.enter(rank(n, lane, since, priority, 3)))
        elif step % 3 == 0 and taken:  # An offer came to nothing: the old place again.
            model.append(taken.pop())
            group.add(model[-1])
        elif step < len(model):
            taken.append(model.pop(step))
            group.remove(taken[-1])
        waiting = sorted(entry.rank for entry in model)
        assert group.line == waiting
        assert group.count == len(model)
        assert [group.ahead(rank) for rank in waiting] == list(range(len(waiting)))
        assert all(entry.in_line for entry in model)
        assert not any(entry.in_line for entry in taken)
        if model:
            assert group.head == waiting[0]


def test_a_place_in_a_long_line_is_found_without_looking_at_the_rest() -> None:
    compared = 0

    class Counting(tuple[int, ...]):
        def __lt__(self, other: tuple[int, ...]) -> bool:
            nonlocal compared
            compared += 1
            return tuple.__lt__(self, other)

    line = Line()
    for n in range(10_000):
        line.enter(Counting(rank(n, 0, n * 7919 % 10_007, 0, 0)))  # type: ignore[arg-type]
    compared = 0
    line.group.remove(line.enter(Counting(rank(10_000, 0, 5_000, 0, 0))))  # type: ignore[arg-type]
    assert compared < 50


def test_lane_goes_before_priority_before_age_before_id() -> None:
    stage = Stage().queue(head_start_us=60 * SECOND)
    stage.call("first")
    stage.call("second")
    stage.wait(59 * SECOND)
    stage.call("urgent", priority=1)
    stage.call("reserved", lane=1)
    stage.call("emergency", lane=2, priority=-100)
    stage.call("old", since=Instant(START - 1))
    stage.agent("anne")
    order = []
    while stage.engine.floor.entries:
        contact = next(x.id for x in stage.engine.floor.contacts.values() if stage.offer(x.id))
        order.append(contact)
        stage.facts(c.Deflect(ContactId(contact)))
    assert order == ["emergency", "reserved", "urgent", "old", "first", "second"]


def test_nobody_starves_within_a_lane_whatever_the_priority() -> None:
    stage = Stage().queue(head_start_us=60 * SECOND)
    stage.call("patient")
    stage.wait(2 * 60 * SECOND + 1)
    stage.call("urgent", priority=2)
    stage.agent("anne")
    assert stage.rings("patient") == "anne"


def test_a_priority_that_changes_moves_the_entry_and_keeps_its_since() -> None:
    stage = Stage().queue()
    stage.call("x")
    stage.wait(SECOND)
    stage.call("y")
    stage.facts(c.SetPriority(ContactId("y"), 1, "vip"))
    entry = stage.engine.floor.entries[stage.contact("y").entry]
    assert (entry.priority, entry.since) == (1, START + SECOND)
    stage.agent("anne")
    assert stage.rings("y") == "anne"


def test_a_priority_set_while_ringing_holds_when_the_offer_comes_to_nothing() -> None:
    stage = Stage().queue().agent("anne")
    stage.call("x")
    stage.call("y")
    stage.facts(c.SetPriority(ContactId("x"), -5))
    stage.facts(c.RejectOffer(stage.offer("x")))
    stage.agent("bob")
    assert (stage.rings("y"), stage.rings("x")) == ("anne", "bob")


@pytest.mark.parametrize("head_start_us", [0, 60 * SECOND])
def test_head_start_of_nothing_makes_priority_nothing(head_start_us: int) -> None:
    stage = Stage().queue(head_start_us=head_start_us)
    stage.call("x")
    stage.wait(SECOND)
    stage.call("y", priority=5)
    stage.agent("anne")
    assert stage.rings("y" if head_start_us else "x") == "anne"


def test_entries_of_a_queue_are_numbered_without_holes() -> None:
    stage = Stage().queue().queue("other")
    for n in range(3):
        stage.call(f"x{n}")
        stage.call(f"y{n}", "other")
    numbers = [(entered.queue, entered.n) for entered in stage.all(f.QueueEntered)]
    assert numbers == [(q, n) for n in (1, 2, 3) for q in ("help", "other")]


def test_equal_needs_share_a_group_however_they_are_written() -> None:
    stage = Stage().queue(need="he>=2  and en")
    stage.call("x")
    stage.call("y", need="en >= 1 and he >= 2")
    stage.call("z", need="(en) and (he>=2)")
    assert len({entry.group for entry in stage.engine.floor.entries.values()}) == 1
    assert {entered.steps for entered in stage.all(f.QueueEntered)} == {("en >= 1 and he >= 2",)}


def test_an_empty_need_is_anyone_and_no_need_is_what_the_queue_needs() -> None:
    stage = Stage().queue(need="he >= 2").agent("anne").agent("bob", {"he": 2}, ready=False)
    stage.call("x")
    stage.call("y", need="")
    assert (stage.rings("x"), stage.rings("y")) == ("", "anne")


# --- settings -----------------------------------------------------------------------------


def packed(**changed: Any) -> bytes:
    fields = msgpack.unpackb(QueueSettings().pack())
    return bytes(msgpack.packb(dict(sorted({**fields, **changed}.items()))))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x00",
        b"\x80",
        b"\xff" * 100,
        b"\x91" * 2000,
        msgpack.packb([1, 2]),
        msgpack.packb({"strategy": "longest_idle"}),
        msgpack.packb({1: 2}),
        b"\x81\xa1\xff\xc0",
        packed() + b"\x00",
        packed(moon=1),
        packed(strategy="moon"),
        packed(strategy=["longest_idle"]),
        packed(strategy=7),
        packed(need=7),
        packed(need=["he"]),
        packed(need="he >="),
        packed(need="(" * 5000),
        packed(agents="anne"),
        packed(agents=7),
        packed(agents=[7]),
        packed(agents=[["anne"]]),
        packed(agents=None),
        packed(agents={"anne": 1}),
        packed(ring_us=0),
        packed(ring_us=-1),
        packed(ring_us=True),
        packed(ring_us=1.5),
        packed(ring_us="20"),
        packed(ring_us=2**63 - 1),
        packed(connect_us=0),
        packed(wrapup_us=24 * HOUR + 1),
        packed(max_wait_us=-1),
        packed(head_start_us=None),
        packed(rona_after=-1),
        packed(rona_after=1001),
        packed(rona_after=True),
    ],
    ids=lambda data: repr(data[:24]),
)
def test_settings_that_make_no_sense_are_refused(data: bytes) -> None:
    stage = Stage()
    assert stage.refused(c.ApplyConfig("queue", "help", data)) == "config.bad_queue"


@given(st.binary(max_size=60))
def test_any_bytes_as_settings_are_taken_or_refused(data: bytes) -> None:
    stage = Stage()
    decided = stage.do(c.ApplyConfig("queue", "help", data))
    assert getattr(decided, "reason", "config.bad_queue") == "config.bad_queue"


def test_the_same_settings_again_are_nothing_new() -> None:
    stage = Stage().queue()
    assert stage.facts(c.ApplyConfig("queue", "help", QueueSettings().pack())) == []


def test_configuration_of_another_kind_is_kept_as_it_is() -> None:
    stage = Stage()
    assert stage.kinds(c.ApplyConfig("center", "main", b"\xc1")) == [f.ConfigApplied]


def test_settings_that_change_reach_those_who_wait_by_going_on_routing() -> None:
    stage = Stage().queue(agents=()).agent("anne").agent("bob")
    stage.call("x")
    stage.wait(SECOND)
    stage.call("y")
    assert not stage.all(f.OfferMade)
    stage.queue(agents=("bob",))
    assert (stage.rings("x"), stage.rings("y")) == ("bob", "")
    stage.queue(agents=("*",))
    assert stage.rings("y") == "anne"


def test_what_rings_goes_on_ringing_under_other_settings() -> None:
    stage = Stage().queue().agent("anne")
    stage.call("x")
    stage.queue(agents=("bob",), ring_us=SECOND)
    offer = stage.offer("x")
    assert stage.engine.floor.offers[offer].due == START + 20 * SECOND
    stage.facts(c.RejectOffer(offer))
    stage.wait(HOUR)
    assert stage.rings("x") == ""


def test_a_wait_is_measured_from_its_since() -> None:
    stage = Stage().queue()
    stage.call("x", since=Instant(START - 5 * SECOND))
    stage.wait(2 * SECOND)
    left = stage.facts(c.Dequeue(ContactId("x")))[0]
    assert left == f.QueueLeft(EntryId(left.entry), "dequeued", 7 * SECOND)
