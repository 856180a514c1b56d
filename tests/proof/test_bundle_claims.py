"""Bundles whose events are in the log and do not say what is claimed: each is refused."""

import msgpack
import pytest

from cckit.cli import verify_bundle as verifier
from cckit.core import bundle as b
from cckit.core import merkle
from cckit.core.codec import canonical
from cckit.core.ids import ContactId
from tests.proof.small_log import (
    COUNTED,
    DISCLOSED,
    FIRST,
    FORGED,
    HELP,
    HISTORY,
    OF_A,
    OF_D,
    OF_QUEUE,
    OF_RANGE,
    RECORDING,
    RESTING,
    SALT,
    SmallLog,
    changed,
    closed,
    counted,
    entered,
    judged,
    packed,
    verdicts,
    with_member,
    words,
)

LOG = SmallLog()
GOOD = LOG.bundle(OF_A)
REFUTED, UNPROVABLE = verifier.REFUTED, verifier.UNPROVABLE


# --- types ----------------------------------------------------------------------------------


def test_an_event_without_its_declaration_is_not_provable() -> None:
    events = LOG.pick(OF_A)
    for position in [at for at in events if 0 < at < FIRST]:
        less = {at: leaf for at, leaf in events.items() if at != position}
        data = LOG.bundle(OF_A, events=less)
        assert verdicts(data) == {"schema": UNPROVABLE, **RESTING}
        assert "its type is not declared here" in words(data, "schema")
    headless = {at: leaf for at, leaf in events.items() if at}
    data = LOG.bundle(OF_A, events=headless)
    assert words(data, "schema") == "the first declaration is not here"


def test_renamed_fields_are_not_in_the_log() -> None:
    events = LOG.pick(OF_A)
    at = next(at for at in events if b"contact.closed" in events[at])
    fields = msgpack.unpackb(events[at])
    fields[12] = fields[12].replace(b"phase:str", b"place:str")
    other = {**events, at: msgpack.packb(fields)}
    assert verdicts(with_member(GOOD, "events.bin", packed(other))) == FORGED


@pytest.mark.parametrize(
    "row",
    [
        b"",
        b"\x93\xa9completed\xa4talk",
        canonical(["completed", "talk"]),
        canonical(["completed", "talk", "customer", "x"]),
        canonical(["completed", "talk", 5]),
        b"\x93\xd9\x09completed\xa4talk\xa8customer",
        b"\x93\xc4\x09completed\xa4talk\xa8customer",
    ],
    ids=range(7),
)
def test_a_logged_event_that_is_not_of_its_type_is_refuted(row: bytes) -> None:
    log = SmallLog()
    at = FIRST + 5
    log.leaves[at] = changed(log.leaves[at], 12, row)
    log.hashes[at] = merkle.leaf_hash(log.leaves[at])
    data = log.bundle(OF_A)
    assert verdicts(data) == {"schema": REFUTED, **RESTING}


def test_a_log_whose_declarations_contradict_themselves_is_refuted() -> None:
    for at, fields in ((0, ["x:str", "n:int", "fields:str[]"]), (3, ["what:str"])):
        log = SmallLog()
        head = msgpack.unpackb(log.leaves[at])
        name, n, _ = msgpack.unpackb(head[12])
        first = at + (at > 0)
        log.leaves[first] = changed(log.leaves[first], 12, msgpack.packb([name, n, fields]))
        log.hashes[first] = merkle.leaf_hash(log.leaves[first])
        events = {position: log.leaves[position] for position in range(FIRST)}
        data = log.bundle(b.OfRange(0, FIRST - 1), events=events)
        assert verdicts(data) == {"schema": REFUTED, **RESTING}


# --- completeness ---------------------------------------------------------------------------


def without(question: b.Question, *positions: int, log: SmallLog = LOG) -> bytes:
    events = {at: leaf for at, leaf in log.pick(question).items() if at not in positions}
    return log.bundle(question, events=events)


def test_a_contact_is_complete_from_its_first_event_to_its_end() -> None:
    assert judged(GOOD)["level"] == "counted"
    for at in range(FIRST + 1, FIRST + 5):
        data = without(OF_A, at)
        assert verdicts(data) == {"completeness": REFUTED}
        assert words(data, "completeness") == "contact/a has a hole"
        assert judged(data)["level"] == "included"


def test_the_left_out_last_event_of_a_contact_leaves_its_end_open() -> None:
    data = without(OF_A, FIRST + 5)
    assert verdicts(data) == {"completeness": UNPROVABLE}
    assert words(data, "completeness") == "contact/a is not closed here: more may follow"
    assert verdicts(LOG.bundle(OF_D)) == {"completeness": UNPROVABLE}


def test_events_of_another_contact_are_no_answer() -> None:
    for contact in ("b", "nobody"):
        data = LOG.bundle(b.OfContact(ContactId(contact)), events=LOG.pick(OF_A))
        assert verdicts(data) == {"completeness": REFUTED}
        assert "was not asked for" in words(data, "completeness")


def test_all_entries_of_a_queue_between_two_countings_are_there() -> None:
    data = LOG.bundle(OF_QUEUE)
    assert verdicts(data) == {}
    assert words(data, "completeness").startswith("counted: entries 3 to 4 of help")
    whole = LOG.bundle(b.OfQueue(HELP, None, COUNTED[1]))
    assert words(whole, "completeness").startswith("counted: entries 1 to 4 of help")
    none = LOG.bundle(b.OfQueue(HELP, COUNTED[1], COUNTED[1]))
    assert verdicts(none) == {}
    still_open = LOG.bundle(b.OfQueue(HELP, COUNTED[1], COUNTED[2]))
    assert verdicts(still_open) == {"completeness": UNPROVABLE}


def test_a_left_out_entry_of_a_queue_is_missed() -> None:
    for contact in ("contact/c", "contact/e"):
        out = [at for at, leaf in LOG.pick(OF_QUEUE).items() if contact.encode() in leaf]
        data = without(OF_QUEUE, *out)
        assert verdicts(data) == {"completeness": REFUTED}
        assert words(data, "completeness").startswith("the entries of help are not 3 to 4, each")


def test_a_queue_without_its_countings_is_not_provable() -> None:
    data = without(OF_QUEUE, COUNTED[1])
    assert verdicts(data) == {"completeness": UNPROVABLE}
    assert "does not count the queue help" in words(data, "completeness")
    assert verdicts(without(OF_QUEUE, COUNTED[0])) == {"completeness": REFUTED}
    uncounted = b.OfQueue(HELP, COUNTED[0], FIRST + 3)
    assert verdicts(LOG.bundle(uncounted))["completeness"] == UNPROVABLE


def test_a_part_of_a_count_does_not_hide_entries() -> None:
    """Shown the part that does not name the queue, nobody is led to count from 1."""
    history = list(HISTORY)
    stream, data = history[9]
    history[9:10] = [(stream, type(data)("queue", 0, {"any": 3})), (stream, data)]
    log = SmallLog(tuple(history))
    hidden = b.OfQueue(HELP, FIRST + 9, FIRST + 18)
    assert verdicts(log.bundle(hidden)) == {"completeness": REFUTED}
    empty = b.OfQueue(HELP, None, FIRST + 9)
    assert verdicts(log.bundle(empty)) == {"completeness": UNPROVABLE}


def test_a_number_that_is_doubled_in_the_log_is_refuted() -> None:
    history = (*HISTORY[:14], entered("e", 3), *HISTORY[15:])
    log = SmallLog(history)
    assert verdicts(log.bundle(OF_QUEUE)) == {"completeness": REFUTED}


def test_two_entries_with_one_number_are_not_counted_as_one() -> None:
    """Of a contact that entered twice under one number, another one could be left out."""
    log = SmallLog((*HISTORY[:13], entered("c", 3), *HISTORY[13:]))
    data = log.bundle(b.OfQueue(HELP, COUNTED[0], COUNTED[1] + 1))
    assert verdicts(data) == {"completeness": REFUTED}
    assert words(data, "completeness").startswith("the entries of help are not 3 to 4, each")


def test_entries_that_are_not_numbered_in_their_order_are_refuted() -> None:
    log = SmallLog((*HISTORY[:12], entered("c", 4), HISTORY[13], entered("e", 3), *HISTORY[15:]))
    assert verdicts(log.bundle(OF_QUEUE)) == {"completeness": REFUTED}


def test_a_range_without_one_of_its_positions_is_refuted() -> None:
    good = LOG.bundle(OF_RANGE)
    assert verdicts(good) == {}
    assert judged(good)["level"] == "replayed"
    for at in range(FIRST, FIRST + 10):
        assert verdicts(without(OF_RANGE, at)) == {"completeness": REFUTED}
    for first, last in ((FIRST, 1 << 62), (-5, 3), (9, 3), (1 << 62, 1 << 62)):
        data = LOG.bundle(b.OfRange(first, last), events=LOG.pick(OF_RANGE))
        assert verdicts(data) == {"completeness": REFUTED}


def test_numbers_that_never_end_are_not_counted() -> None:
    log = SmallLog((*HISTORY, counted(help=1 << 62)))
    asked = b.OfQueue(HELP, COUNTED[0], log.size - 1)
    assert verdicts(log.bundle(asked)) == {"completeness": REFUTED}


def test_a_reopened_contact_is_shown_with_what_came_later() -> None:
    log = SmallLog((*HISTORY, closed("a")))
    assert verdicts(log.bundle(OF_A)) == {}


# --- contents -------------------------------------------------------------------------------


def test_what_is_disclosed_is_what_was_sealed() -> None:
    data = LOG.bundle(OF_A, disclosed=DISCLOSED)
    assert verdicts(data) == {}
    opened, recorded = words(data, "contents").split("; ")
    assert opened == f"from at {FIRST + 1} is '+972 3 000 0000'"
    assert recorded == f"recording at {FIRST + 4}: SHA-256 {RECORDING.hex()}"
    position, field, salt, value = DISCLOSED[0]
    for other in (
        (position, field, salt, canonical("+972 3 111 1111")),
        (position, field, bytes(16), value),
        (position, field, SALT[:-1], SALT[-1:] + value),
        (position, field, SALT + value[:1], value[1:]),
        (position, "to", salt, value),
        (position, "entry_point", salt, value),
        (position + 1, field, salt, value),
        (10_000, field, salt, value),
    ):
        forged = LOG.bundle(OF_A, disclosed=(other,))
        assert verdicts(forged) == {"contents": REFUTED}, other
