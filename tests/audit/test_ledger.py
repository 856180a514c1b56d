"""Counts: each fact counts all before it, and every wrong one is named."""

from typing import Any

import msgpack
import pytest

from cckit.core import facts as f
from cckit.core.frame import Frame
from cckit.core.ledger import NAMES_MAX, PART_MAX, CountCheck, Counts, parts
from cckit.core.schema import unpack

from .conftest import Certify
from .logs import LINE, START, Log


def entered(n: int, queue: str = "help") -> f.QueueEntered:
    return f.QueueEntered((1 << 32) + n, queue, n, START, 0, 0, ())


def day(log: Log, queues: int = 1) -> None:
    for n in range(queues):
        name = "help" if n == 0 else f"q{n:04}"
        counted = f.QueueEntered((1 << 32) + n + 1, name, 1, START, 0, 0, ())
        log.add(counted, stream=f"contact/{n}", actor=LINE)


def counts_of(log: Log) -> Counts:
    counts = Counts()
    for frame in log.frames:
        counts.add_frame(frame, log.codec)
    return counts


def test_what_is_counted() -> None:
    log = Log()
    log.add(entered(1), stream="contact/a", actor=LINE)
    log.add(entered(2), stream="contact/b", actor=LINE)
    log.add(f.AgentReady(), stream="agent/anna")
    counts = counts_of(log)
    assert counts.queue == {"help": 2}
    assert counts.stream == {"center": 1, "contact": 2, "agent": 1}
    assert counts.type["queue.entered"] == 2
    assert counts.events == sum(counts.type.values()) == log.next


def test_two_entries_with_one_number_do_not_hold(certify: Certify) -> None:
    log = Log()
    log.add(entered(1), stream="contact/a", actor=LINE)
    log.add(entered(2), stream="contact/b", actor=LINE)
    twice = log.add(entered(2), stream="contact/c", actor=LINE)
    other = log.add(entered(1), stream="contact/d", actor=LINE)
    log.add(*counts_of(log).facts())
    found = certify(log)
    assert found["verdict"] == "differs"
    assert "the log counts otherwise than its events do" in found["because"]
    wrong = [(one["position"], one["counted"], one["found"]) for one in found["counts"]["first"]]
    assert wrong == [(twice, 2, 3), (other, 1, 3)]
    assert {one["counter"] for one in found["counts"]["first"]} == {"help"}


def test_a_number_that_no_entry_has_does_not_hold(certify: Certify) -> None:
    log = Log()
    log.add(entered(1), stream="contact/a", actor=LINE)
    log.add(entered(3), stream="contact/b", actor=LINE)
    at = log.add(*counts_of(log).facts())
    found = certify(log)
    assert found["verdict"] == "differs"
    (wrong,) = found["counts"]["first"]
    assert (wrong["position"], wrong["counter"]) == (at, "help")
    assert (wrong["counted"], wrong["found"]) == (3, 2)


def test_bytes_and_events_are_counted_alike() -> None:
    log = Log()
    day(log, 3)
    counts = Counts()
    for envelope, data in log.events:
        counts.add(envelope, data)
    assert counts == counts_of(log)


def test_parts_are_sorted_and_bounded() -> None:
    names = {f"q{n:04}": n for n in reversed(range(600))}
    found = parts(names)
    assert [len(part) for part in found] == [PART_MAX, PART_MAX, 88]
    assert [name for part in found for name in part] == sorted(names)
    assert parts({}) == [{}]


def test_long_names_take_more_parts() -> None:
    names = {f"{n:02}" + "é" * 500: n for n in range(60)}
    found = parts(names)
    assert len(found) > 1
    assert max(sum(len(name.encode()) for name in part) for part in found) <= NAMES_MAX
    log = Log()
    log.add(*(f.LedgerCounted("queue", n, part) for n, part in enumerate(found)))


@pytest.mark.parametrize("queues", [0, 1, 256, 257, 600])
def test_what_is_written_is_what_an_audit_counts(queues: int, certify: Certify) -> None:
    log = Log()
    day(log, queues)
    for _ in range(2):
        log.add(*counts_of(log).facts())
        log.add(f.AgentReady(), stream="agent/anna")
    found = certify(log)["counts"]
    assert (found["wrong"], found["first"]) == (0, [])
    assert found["checked"] == 2 * (2 + max(1, -(-queues // 256)))
    assert found["covered"] == log.next - 2


def test_each_fact_counts_the_facts_before_it() -> None:
    log = Log()
    first = counts_of(log).facts()
    assert [fact.kind for fact in first] == ["queue", "stream", "type"]
    assert first[2].counters["ledger.counted"] == 2
    log.add(*first)
    assert counts_of(log).facts()[2].counters["ledger.counted"] == 5


Wrong = tuple[str, int, str | None, int | None, int | None]


@pytest.mark.parametrize(
    ("kind", "change", "wrong"),
    [
        ("queue", {"help": 2}, ("queue", 0, "help", 2, 1)),
        ("queue", {"vip": 1}, ("queue", 0, "vip", 1, None)),
        ("queue", {"help": None}, ("queue", 0, "help", None, 1)),
        ("stream", {"contact": 0}, ("stream", 0, "contact", 0, 1)),
        ("type", {"queue.entered": 7}, ("type", 0, "queue.entered", 7, 1)),
    ],
)
def test_a_wrong_counter_is_named(
    kind: str, change: dict[str, Any], wrong: Wrong, certify: Certify
) -> None:
    log = Log()
    day(log)
    facts = counts_of(log).facts()
    index = [fact.kind for fact in facts].index(kind)
    counters = {**facts[index].counters, **change}
    facts[index] = f.LedgerCounted(kind, 0, {k: v for k, v in counters.items() if v is not None})
    first = log.add(*facts)
    found = certify(log)
    assert found["verdict"] == "differs"
    assert found["because"] == ["the log counts otherwise than its events do"]
    names = ("kind", "part", "counter", "counted", "found")
    told = dict(zip(names, wrong, strict=True))
    assert found["counts"]["first"] == [{"position": first + index, **told}]


def test_a_contact_left_out_shows_in_the_count(certify: Certify) -> None:
    log, other = Log(), Log()
    day(log, 2)
    day(other, 1)  # The same log, had the second contact never been.
    other.add(*counts_of(log).facts())
    assert certify(other)["counts"]["wrong"] > 0


@pytest.mark.parametrize("left_out", [0, 1, 2])
def test_a_part_that_is_missing_is_named(left_out: int, certify: Certify) -> None:
    log = Log()
    day(log, 600)
    facts = counts_of(log).facts()
    assert [fact.part for fact in facts[:3]] == [0, 1, 2]
    del facts[left_out]
    log.add(*facts)
    found = certify(log)["counts"]["first"]
    assert found[0]["kind"] == "queue"
    assert found[0]["counter"] is None


@pytest.mark.parametrize("fact", [("color", 0), ("queue", 1), ("queue", -1)])
def test_a_part_that_nobody_awaits_is_named(fact: tuple[str, int], certify: Certify) -> None:
    log = Log()
    day(log)
    log.add(f.LedgerCounted(*fact, {"help": 1}))
    assert certify(log)["counts"]["wrong"] == 1


def redacted(frame: Frame, log: Log) -> Frame:
    """The frame with only hashes left in the place of its events; its chain is kept."""
    body = [[*d[:7], [b"\0" * 32 for _ in d[7]]] for d in unpack(frame.body)]
    return Frame(
        frame.previous, 1, 1, frame.count, frame.first, frame.committed_at, frame.epoch,
        msgpack.packb(body), frame.chain,
    )  # fmt: skip


def test_what_is_redacted_is_counted_as_what_nobody_knows() -> None:
    log = Log()
    day(log)
    counts = Counts()
    counts.add_frame(redacted(log.frames[-1], log), log.codec)
    assert (counts.events, counts.redacted, counts.type) == (1, 1, {})


@pytest.mark.parametrize(
    ("said", "wrong"),
    [({"help": 1}, 0), ({"help": 3}, 0), ({"help": 4}, 1), ({"help": 0}, 1), ({"vip": 3}, 1)],
)
def test_a_count_is_wrong_where_no_redacted_event_can_explain_it(
    said: dict[str, int], wrong: int
) -> None:
    log = Log()
    day(log)
    log.add(f.LedgerCounted("queue", 0, said))
    check = CountCheck()
    check.redacted(2)
    found = [one for envelope, data in log.events for one in check.take(envelope, data)]
    assert len(found) == wrong
