"""Whatever is wrong in a log is found, with its position."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cckit.core.codec import Codec
from cckit.core.events import SYSTEM, Decision, Envelope, Stamp, event, kind_of
from cckit.core.facts import FACTS, ContactClosed, OfferAccepted, QueueLeft
from cckit.core.frame import HEADER, Frame, first_previous
from cckit.core.ids import EntryId, OfferId, Stream
from cckit.core.instant import Span
from cckit.core.registry import Registry
from cckit.core.verify import Verdict, verify

ORIGIN, LOG_ID = "example.org/center", bytes(range(16))
REGISTRY = Registry(FACTS)
CODEC = Codec(REGISTRY)
DECLARED = len(REGISTRY.declarations())


class Log:
    """Frames in a row; each stream's versions are counted."""

    def __init__(self, codec: Codec = CODEC) -> None:
        self.codec = codec
        self.frames: list[Frame] = []
        self.versions: dict[str, int] = {}
        self.put([("center", d) for d in codec.registry.declarations()])

    @property
    def end(self) -> int:
        return self.frames[-1].end if self.frames else 0

    @property
    def head(self) -> bytes:
        return self.frames[-1].chain if self.frames else first_previous(ORIGIN, LOG_ID)

    def put(self, *decisions: list[tuple[str, Any]]) -> "Log":
        stamp = Stamp(1_000, SYSTEM)
        made, position = [], self.end
        for contents in decisions:
            recorded = []
            for stream, data in contents:
                version = self.versions.get(stream, 0)
                self.versions[stream] = version + 1
                place = Envelope(stamp, position, Stream(stream), version, kind_of(type(data)))
                recorded.append((place, data))
                position += 1
            made.append(Decision(stamp, tuple(recorded)))
        return self.put_body(self.codec.pack(made), position - self.end)

    def put_body(self, body: bytes, count: int, **changed: int) -> "Log":
        fields = {"first": self.end, "committed_at": 5, "epoch": 1} | changed
        self.frames.append(Frame.make(self.head, count=count, body=body, **fields))
        return self

    def put_raw(self, *events: Any, **changed: Any) -> "Log":
        """A decision of our own making, with any of its parts changed."""
        parts: dict[str, Any] = dict.fromkeys(("occurred", "cause", "correlation", "request"))
        parts = {"at": 1, "kind": "system", "actor": "cckit", **parts} | changed
        order = ("at", "occurred", "kind", "actor", "cause", "correlation", "request")
        decision = [*(parts[name] for name in order), events]
        return self.put_body(msgpack.packb([decision]), len(events))

    def verdict(self, *, events: bool = True) -> Verdict:
        return verify([f.pack() for f in self.frames], ORIGIN, LOG_ID, events=events)


def contact(n: int) -> list[tuple[str, Any]]:
    stream = f"contact/{n:016x}"
    return [
        (stream, OfferAccepted(OfferId(n))),
        (stream, QueueLeft(EntryId(n), "answered", Span(17_000_000))),
        (stream, ContactClosed("completed", "talk", "customer")),
    ]


def test_an_empty_log_is_whole() -> None:
    empty = Verdict(True, 0, 0, first_previous(ORIGIN, LOG_ID), 0, None)
    assert verify([], ORIGIN, LOG_ID, events=True) == empty


def test_a_whole_log_is_found_whole() -> None:
    log = Log().put(contact(1), contact(2)).put(contact(3))
    assert log.verdict() == Verdict(True, DECLARED + 9, 3, log.head, 1, None)
    assert log.verdict(events=False) == log.verdict()


def three() -> list[bytes]:
    log = Log().put(contact(1)).put(contact(2))
    return [f.pack() for f in log.frames]


@pytest.mark.parametrize(
    ("order", "position"),
    [((0, 2, 1), DECLARED), ((0, 2), DECLARED), ((0, 1, 1), DECLARED + 3), ((1, 2), 0)],
)
def test_frames_swapped_dropped_or_doubled_are_found(order: tuple[int, ...], position: int) -> None:
    stored = three()
    verdict = verify([stored[n] for n in order], ORIGIN, LOG_ID)
    assert verdict.error is not None
    assert verdict.error.position == position


def test_another_log_s_frames_are_not_ours() -> None:
    verdict = verify(three(), "example.org/other", LOG_ID)
    assert verdict.error == (0, "the frame is not chained to the one before it")


def test_a_frame_made_anew_does_not_fit_the_one_after_it() -> None:
    stored = three()
    old = Frame.parse(stored[1])
    forged = Frame.make(old.previous, old.first, old.count, 6, old.epoch, old.body)
    verdict = verify([stored[0], forged.pack(), stored[2]], ORIGIN, LOG_ID)
    assert verdict.error == (DECLARED + 3, "the frame is not chained to the one before it")


def test_a_hole_in_the_positions_is_found() -> None:
    log = Log()
    log.put_body(CODEC.pack([]) + b"x", 1, first=log.end + 1)
    reason = f"a frame that begins at position {DECLARED + 1} stands here"
    assert log.verdict(events=False).error == (DECLARED, reason)


def test_an_epoch_that_goes_back_is_found() -> None:
    log = Log()
    log.put_body(b"x", 1, epoch=4).put_body(b"x", 1, epoch=3)
    assert log.verdict(events=False).error == (log.end - 1, "the epoch goes back from 4 to 3")


def test_another_format_is_found_though_its_chain_holds() -> None:
    stored = bytearray(three()[0])
    stored[32:34] = (9).to_bytes(2, "big")
    stored[-32:] = sha256(stored[:-32]).digest()
    verdict = verify([bytes(stored)], ORIGIN, LOG_ID)
    assert verdict.error == (0, "format 9; this version reads format 1")
    assert HEADER.size == 64


# --- what only --events sees: the chain holds in all of these -------------------------------

LEFT = ["contact/1", 0, "queue.left", 1, msgpack.packb([1, "answered", 5])]


def left(**changed: Any) -> list[Any]:
    names = ("stream", "version", "type", "schema", "data")
    return list((dict(zip(names, LEFT, strict=True)) | changed).values())


PLANTED: list[tuple[Callable[[Log], Log], str]] = [
    (lambda log: log.put_body(b"\xc1", 1), "the body is no msgpack"),
    (lambda log: log.put_body(b"\x91", 1), "the body is no msgpack"),
    (lambda log: log.put_body(b"\xdc\x00\x00", 1), "the body is not canonical"),
    (lambda log: log.put_body(b"\x80", 1), "the body is not canonical"),
    (lambda log: log.put_body(msgpack.packb([[]]), 1), "a decision without its eight parts"),
    (lambda log: log.put_raw(left(), left(version=1), at=1.0), "recorded_at is no instant"),
    (lambda log: log.put_raw(left(), occurred=2**63), "occurred_at is no instant"),
    (lambda log: log.put_raw(left(), actor=5), "the actor is no pair of names"),
    (lambda log: log.put_raw(left(), cause=-1), "the cause is no position"),
    (lambda log: log.put_raw(left(), correlation=b"x"), "the correlation is no name"),
    (lambda log: log.put_raw(left(), request=b"x"), "the request has not 24 bytes"),
    (lambda log: log.put_body(CODEC.pack([Decision(Stamp(1, SYSTEM), ())]), 1), "without events"),
    (lambda log: log.put_raw(left()[:4]), "an event without its five parts"),
    (lambda log: log.put_raw(left(stream=5)), "an event of other types"),
    (lambda log: log.put_raw(left(data="text")), "an event of other types"),
    (lambda log: log.put_raw(left(version=1)), "stream version 1 after -1"),
    (lambda log: log.put_raw(left(version=False)), "stream version False after -1"),
    (lambda log: log.put_raw(left(), left(version=2)), "stream version 2 after 0"),
    (lambda log: log.put_raw(left(schema=2)), "queue.left version 2 is used before it is declared"),
    (lambda log: log.put_raw(left(type={})), "an event type without name and version"),
    (lambda log: log.put_raw(left(schema=None)), "an event type without name and version"),
    (lambda log: log.put_raw(left(data=b"\xc1")), "queue.left: the data does not fit its schema"),
    (
        lambda log: log.put_raw(left(data=msgpack.packb([1, "answered"]))),
        "queue.left: the data does not fit its schema",
    ),
    (
        lambda log: log.put_raw(left(data=msgpack.packb([1, "answered", 5.0]))),
        "field wait_us: a value of type float does not fit int",
    ),
    (
        lambda log: log.put_raw(left(data=msgpack.packb([2**63, "answered", 5]))),
        "field entry: a value of type int does not fit int",
    ),
    (
        lambda log: log.put_raw(left(data=b"\x93\xcc\x01\xa1x\x05")),
        "queue.left: the data is not canonical",
    ),
    (
        lambda log: log.put_raw(left(data=msgpack.packb([msgpack.ExtType(2, b""), "x", 5]))),
        "queue.left: the data does not fit its schema",
    ),
    (
        lambda log: log.put_raw(
            ["center", DECLARED, "recovery.reconciled", 1, b"\x91\x82\xa1b\x01\xa1a\x01"]
        ),
        "recovery.reconciled: the data is not canonical",
    ),
    (
        lambda log: log.put_raw(
            ["center", DECLARED, "recovery.reconciled", 1, b"\x91\x82\xa1a\x01\xa1a\x01"]
        ),
        "recovery.reconciled: the data is not canonical",
    ),
    (
        lambda log: log.put_raw(
            ["center", DECLARED, "schema.declared", 1, msgpack.packb(["queue.left", 1, ["x:int"]])]
        ),
        "queue.left: version 1 is declared in two ways",
    ),
    (
        lambda log: log.put_raw(
            ["center", DECLARED, "schema.declared", 1, msgpack.packb(["a.b", 1, ["x:float"]])]
        ),
        "schema: 'float' is no type",
    ),
    (lambda log: log.put_body(CODEC.pack([]), 1), "the header counts 1 events, the body 0"),
]


@pytest.mark.parametrize(("plant", "reason"), PLANTED)
def test_a_planted_fault_inside_a_frame_is_found(plant: Callable[[Log], Log], reason: str) -> None:
    log = plant(Log())
    assert log.verdict(events=False).ok
    error = log.verdict().error
    assert error is not None
    assert DECLARED <= error.position <= DECLARED + 1
    assert reason in error.reason


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.binary(), inner),
)


@settings(max_examples=30)
@given(st.binary() | ANYTHING.map(msgpack.packb))
def test_foreign_bytes_with_a_true_chain_are_a_verdict_and_no_exception(body: bytes) -> None:
    assert not Log().put_body(body or b"x", 1).verdict().ok


@settings(max_examples=30)
@given(st.lists(ANYTHING, min_size=8, max_size=8), st.lists(ANYTHING, min_size=5, max_size=5))
def test_foreign_values_in_the_right_places_are_a_verdict(parts: list[Any], fields: Any) -> None:
    for body in ([parts], [[1, None, "system", "cckit", None, None, None, [fields]]]):
        assert not Log().put_body(msgpack.packb(body), 1).verdict().ok


def test_position_0_declares_the_schema_of_schemas() -> None:
    declarations = [("center", d) for d in REGISTRY.declarations()]
    log = Log()
    log.frames.clear()
    log.versions.clear()
    log.put(declarations[1:])
    assert log.verdict().error == (0, "position 0 does not declare the schema of schemas")


def test_an_event_is_declared_before_it_is_used_even_in_one_frame() -> None:
    @event("thing.seen", version=1)
    class Seen:
        size: int

    codec = Codec(Registry((Seen,)))
    first, second = codec.registry.declarations()
    good, bad = Log(codec), Log(codec)
    good.frames.clear()
    bad.frames.clear()
    good.versions.clear()
    bad.versions.clear()
    good.put([("center", first), ("center", second), ("thing/1", Seen(1))])
    bad.put([("center", first), ("thing/1", Seen(1)), ("center", second)])
    assert good.verdict().ok
    assert bad.verdict().error == (1, "thing.seen version 1 is used before it is declared")


def test_an_expanded_event_over_65535_bytes_is_found() -> None:
    @event("thing.seen", version=1)
    class Seen:
        parts: tuple[bytes, ...]

    log = Log(Codec(Registry((Seen,))))
    log.put_raw(["thing/1", 0, "thing.seen", 1, msgpack.packb([[bytes(32_760), bytes(32_760)]])])
    error = log.verdict().error
    assert error is not None
    assert error.reason.startswith("an expanded event of 655")
