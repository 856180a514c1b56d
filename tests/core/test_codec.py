"""One encoding: it comes back as it was, and what does not fit is named."""

from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cckit.core.codec import EXPANDED_MAX, Codec, canonical, digest
from cckit.core.errors import FormatError, UsageError
from cckit.core.events import SYSTEM, Decision, Envelope, Personal, Sealed, Stamp, event, kind_of
from cckit.core.facts import (
    FACTS,
    AgentLoggedIn,
    AgentReady,
    OfferAccepted,
    QueueLeft,
    RecoveryReconciled,
    SchemaDeclared,
)
from cckit.core.ids import OfferId, Stream
from cckit.core.registry import Registry
from cckit.testing.strategies import decisions, events

STREAM = Stream("contact/1")


def codec(*kinds: type) -> Codec:
    return Codec(Registry(kinds or FACTS))


def decision(*datas: Any, first: int = 0, **stamped: Any) -> Decision:
    stamp = Stamp(1_000, SYSTEM, **stamped)
    return Decision(
        stamp,
        tuple(
            (Envelope(stamp, first + n, STREAM, n, kind_of(type(data))), data)
            for n, data in enumerate(datas)
        ),
    )


def test_the_body_is_the_documented_array() -> None:
    body = codec().pack([decision(OfferAccepted(OfferId(7)), occurred_at=900)])
    event_ = ["contact/1", 0, "offer.accepted", 1, msgpack.packb([7])]
    assert body == msgpack.packb([[1_000, 900, "system", "cckit", None, None, None, [event_]]])


@settings(max_examples=50)
@given(decisions(*(cls for cls in FACTS if cls is not SchemaDeclared)))
def test_decisions_come_back_as_they_were(made: list[Decision]) -> None:
    here = codec()
    body = here.pack(made)
    assert here.unpack(body, 0) == made
    assert here.events(body, 0) == [r for d in made for r in d.recorded]
    assert here.leaves(body, 0) == [here.expand(r) for d in made for r in d.recorded]


@pytest.mark.parametrize("cls", FACTS, ids=lambda cls: str(cls.__name__))
def test_every_fact_has_one_encoding(cls: type) -> None:
    here = codec()

    @settings(max_examples=20)
    @given(events(cls))
    def holds(data: Any) -> None:
        packed = here.encode(data)
        again = here.decode(*kind_of(cls)[:2], packed)
        assert again == data
        assert type(again) is cls
        assert here.encode(again) == packed
        assert msgpack.packb(msgpack.unpackb(packed)) == packed

    holds()


@settings(max_examples=50)
@given(decisions(OfferAccepted, QueueLeft, AgentReady), st.integers(0, 2**40))
def test_a_filter_keeps_place_and_order(made: list[Decision], first: int) -> None:
    here = codec()
    body = here.pack(made)
    wanted = (QueueLeft, AgentReady)
    every = here.events(body, first)
    assert [e.position - first for e, _ in every] == list(range(len(every)))
    assert here.events(body, first, wanted) == [r for r in every if type(r[1]) in wanted]


def test_what_is_filtered_out_is_not_decoded() -> None:
    body = codec().pack([decision(OfferAccepted(OfferId(7)), AgentReady())])
    broken = body.replace(msgpack.packb([7]), b"\xc1\xc1")
    assert len(codec().events(broken, 0, (AgentReady,))) == 1
    with pytest.raises(FormatError):
        codec().events(broken, 0)


def test_a_declaration_makes_the_events_after_it_readable() -> None:
    @event("thing.seen", version=1)
    class Seen:
        size: int

    writer = codec(Seen)
    body = writer.pack([decision(*writer.registry.declarations(), Seen(5))])
    reader = codec(QueueLeft)
    assert reader.events(body, 0)[-1][1].fields == {"size": 5}
    filtered = codec(QueueLeft)
    assert filtered.events(body, 0, (QueueLeft,)) == []
    assert filtered.registry.declared("thing.seen", 1) is not None


def test_an_event_newer_than_its_wanted_class_is_not_skipped_in_silence() -> None:
    @event("queue.left", version=2)
    class Newer:
        size: int

    writer = codec(Newer)
    body = writer.pack([decision(*writer.registry.declarations(), Newer(5))])
    with pytest.raises(FormatError, match="version 2 is newer than its class"):
        codec().events(body, 0, (QueueLeft,))


def test_maps_are_sorted_whatever_order_they_were_made_in() -> None:
    here = codec()
    there = RecoveryReconciled({"b": 1, "a": 2, "é": 3})
    other = RecoveryReconciled({"é": 3, "a": 2, "b": 1})
    assert here.encode(there) == here.encode(other) == msgpack.packb([{"a": 2, "b": 1, "é": 3}])


SEALED = Sealed(b"s" * 16, 1, b"n" * 12, b"c" * 32, b"d" * 32)


def test_a_sealed_value_is_extension_1() -> None:
    inner = msgpack.packb([b"s" * 16, 1, b"n" * 12, b"c" * 32, b"d" * 32])
    packed = codec().encode(AgentLoggedIn(SEALED, ()))
    assert packed == msgpack.packb([msgpack.ExtType(1, inner), []])


@event("thing.seen", version=1)
class Thing:
    text: str
    size: int
    many: tuple[int, ...] = ()
    named: dict[str, str] = {}  # noqa: RUF012 - never written to
    number: Personal[str] | None = None


BAD = [
    (Thing("x", True), "thing.seen version 1, field size", "type bool does not fit int"),
    (Thing("x", 2**63), "thing.seen version 1, field size", "type int does not fit int"),
    (Thing("x", 1.5), "thing.seen version 1, field size", "type float"),  # type: ignore[arg-type]
    (Thing("\ud800", 1), "thing.seen version 1, field text", "UTF-8"),
    (Thing("x", 1, (1, None)), "thing.seen version 1, field many", "tuple"),  # type: ignore[arg-type]
    (Thing("x", 1, (), {"\udfff": "a"}), "thing.seen version 1, field named", "UTF-8"),
    (Thing("x" * 16_385, 1), "thing.seen version 1, field text", "16384"),
    (Thing("x", 1, (), {"a": "é" * 8_193}), "thing.seen version 1, field named", "16384"),
    (Thing("x", 1, number="+972"), "thing.seen version 1, field number", "not sealed"),
    (
        Thing("x", 1, number=Sealed(b"short", 1, b"", b"", b"")),
        "thing.seen version 1, field number",
        "other sizes",
    ),
]


@pytest.mark.parametrize(("data", "where", "what"), BAD)
def test_a_value_that_does_not_fit_is_named_with_its_field(
    data: Thing, where: str, what: str
) -> None:
    with pytest.raises(UsageError) as caught:
        codec(Thing).encode(data)
    assert caught.value.where == where
    assert what in caught.value.what
    assert "+972" not in str(caught.value)


def test_after_a_refusal_the_next_event_is_encoded_as_if_nothing_had_been() -> None:
    here = codec(Thing)
    before = here.encode(Thing("x", 1))
    with pytest.raises(UsageError):
        here.encode(Thing("x", 1, (), {"a": "b", "\udfff": "a"}))
    assert here.encode(Thing("x", 1)) == before


def test_an_expanded_event_has_at_most_65535_bytes() -> None:
    here = codec(Thing)
    parts = {str(n): "x" * 16_000 for n in range(4)}
    base = decision(Thing("x", 1, (), parts))
    room = EXPANDED_MAX - len(here.expand(base.recorded[0]))
    fits = decision(Thing("x" * (room - 1), 1, (), parts))
    assert len(here.expand(fits.recorded[0])) == EXPANDED_MAX
    here.pack([fits])
    with pytest.raises(UsageError, match="65536 bytes"):
        here.pack([decision(Thing("x" * room, 1, (), parts))])


@pytest.mark.parametrize(
    "stamped",
    [
        {"occurred_at": 1.0},
        {"occurred_at": 2**63},
        {"cause": -1},
        {"cause": True},
        {"correlation": 5},
        {"correlation": "x" * 1_025},
        {"correlation": "\ud800"},
        {"request": b"short"},
    ],
)
def test_a_stamp_that_does_not_fit_is_refused(stamped: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        codec().pack([decision(AgentReady(), **stamped)])


@pytest.mark.parametrize("stream", ["contact/\ud800", "contact/" + "x" * 1_024, 5, b"contact/1"])
def test_a_stream_that_is_no_name_is_refused_before_a_frame_is_made(stream: Any) -> None:
    at = Envelope(Stamp(0, SYSTEM), 0, stream, 0, kind_of(AgentReady))
    with pytest.raises(UsageError):
        codec().decision_fields(Decision(at.stamp, ((at, AgentReady()),)))


@given(st.binary(max_size=200))
def test_foreign_bytes_are_refused_with_their_place(body: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        codec().events(b"\x91" + body, 12)
    assert caught.value.where == "frame at 12"


def test_an_event_with_fields_left_over_is_refused() -> None:
    body = codec().pack([decision(OfferAccepted(OfferId(7)))])
    longer = body.replace(b"\xc4\x02" + msgpack.packb([7]), b"\xc4\x03" + msgpack.packb([7, 7]))
    with pytest.raises(FormatError):
        codec().events(longer, 0)


@pytest.mark.parametrize("value", [1.0, {1}, {1: 2}, 2**63, [object()], "\ud800", bytearray(b"x")])
def test_what_has_no_canonical_encoding_is_refused(value: Any) -> None:
    with pytest.raises(UsageError):
        canonical(value)


def test_a_canonical_value_is_sorted_all_the_way_down() -> None:
    assert canonical({"b": [{"d": 1, "c": 2}], "a": (True, None)}) == msgpack.packb(
        {"a": [True, None], "b": [{"c": 2, "d": 1}]}
    )
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})


def test_a_log_that_declares_a_fact_otherwise_is_not_read() -> None:
    body = codec().pack([decision(SchemaDeclared("queue.left", 1, ("entry:str",)))])
    with pytest.raises(Exception, match="QueueLeft differs from version 1"):
        codec().events(body, 0)
