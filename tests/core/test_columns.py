"""A frame encoded by columns has the bytes of one encoded event by event, or is refused so."""

from typing import Any

import pytest
from hypothesis import given, settings

from cckit.core.codec import Codec
from cckit.core.errors import UsageError
from cckit.core.events import SYSTEM, Actor, Decision, Envelope, Sealed, Stamp, kind_of
from cckit.core.facts import FACTS, AgentNotReady, ContactCreated, LegHeld, OfferMade, QueueEntered
from cckit.core.ids import Stream
from cckit.core.registry import Registry
from cckit.testing.strategies import decisions

HERE = Stream("contact/1")


def one_by_one(codec: Codec, given_: list[Decision]) -> bytes:
    return codec.pack_fields([codec.decision_fields(decision) for decision in given_])


def said(pack: Any, given_: list[Decision]) -> bytes | str:
    try:
        packed: bytes = pack(given_)
    except UsageError as error:
        return str(error)
    return packed


@settings(max_examples=300)
@given(decisions(*FACTS, most=8))
def test_columns_give_the_same_bytes(given_: list[Decision]) -> None:
    codec, plain = Codec(Registry(FACTS)), Codec(Registry(FACTS))
    first = said(codec.pack, given_)
    assert first == said(lambda g: one_by_one(plain, g), given_)
    assert said(codec.pack, given_) == first  # Its actors are known by now.


def decision(*datas: Any, stream: Any = HERE, stamp: Stamp | None = None) -> Decision:
    stamp = stamp or Stamp(1, SYSTEM)
    recorded = tuple(
        (Envelope(stamp, n, stream, n, kind_of(type(data))), data) for n, data in enumerate(datas)
    )
    return Decision(stamp, recorded)


def offer(**more: Any) -> OfferMade:
    fields: dict[str, Any] = {
        "offer": 1, "entry": 1, "contact": "c", "agent": "a", "round": 1, "due": 1, "policy": "p",
        "policy_hash": b"", "step": 0, "eligible": 1, "excluded": {"b": 1, "a": 2}, "key": 0,
    }  # fmt: skip
    return OfferMade(**{**fields, **more})


SEALED = Sealed(bytes(16), 0, bytes(12), bytes(16), bytes(32))
CREATED = ("voice", "in", 1, None, SEALED, None, "", "")

FINE = [
    decision(*[LegHeld(n, "agent") for n in (0, 127, 128, 2**63 - 1, -(2**63))]),
    decision(offer(), offer(excluded={}), offer(hook=("p", "a", "why")), offer(tie="agent")),
    decision(ContactCreated(*CREATED), ContactCreated(*CREATED[:4], None, *CREATED[5:])),
    decision(LegHeld(1, "x"), stream="contact/é"),
    decision(AgentNotReady("lunch", "agent", 2**62), stamp=Stamp(1, SYSTEM, None, 7)),
    decision(LegHeld(1, "a" * 2000)),
]
WRONG = [
    decision(LegHeld(1, "x"), LegHeld(True, "x")),
    decision(LegHeld(2**63, "x")),
    decision(LegHeld(-(2**63) - 1, "x")),
    decision(LegHeld(2**64, "x")),
    decision(LegHeld(1, None)),
    decision(LegHeld(None, "x")),
    decision(LegHeld(1, "\ud800")),
    decision(LegHeld(1.0, "x")),
    decision(offer(excluded=())),
    decision(offer(excluded=None)),
    decision(offer(excluded={"a": True})),
    decision(offer(hook={})),
    decision(offer(hook=("a", 1))),
    decision(QueueEntered(1, "q", 1, 1, 0, 0, None)),
    decision(QueueEntered(1, "q", 1, 1, 0, 0, {})),
    decision(ContactCreated("voice", "in", 1, None, "+49", None, "", "")),
    decision(LegHeld(1, "x"), stream=b"contact/1"),
    decision(LegHeld(1, "x"), stream="contact/\ud800"),
    decision(LegHeld(1, "x"), stamp=Stamp(True, SYSTEM)),
    decision(LegHeld(1, "x"), stamp=Stamp(2**63, SYSTEM)),
    decision(LegHeld(1, "x"), stamp=Stamp(1, Actor("agent", 7))),
    decision(LegHeld(1, "x"), stamp=Stamp(1, SYSTEM, None, -1)),
    decision(LegHeld(1, "x"), stamp=Stamp(1, SYSTEM, None, True)),
    decision(LegHeld(1, "x"), stamp=Stamp(1, SYSTEM, None, None, None, b"short")),
    decision(LegHeld(1, "x"), stamp=Stamp(None, SYSTEM)),
]


@pytest.mark.parametrize("good", FINE)
def test_what_fits_is_packed_alike(good: Decision) -> None:
    codec, plain = Codec(Registry(FACTS)), Codec(Registry(FACTS))
    codec.pack([decision(LegHeld(1, "x"))])  # The actor is known.
    assert codec.pack([good]) == one_by_one(plain, [good])


@pytest.mark.parametrize("wrong", WRONG)
def test_what_does_not_fit_is_refused_in_the_same_words(wrong: Decision) -> None:
    codec, plain = Codec(Registry(FACTS)), Codec(Registry(FACTS))
    codec.pack([decision(LegHeld(1, "x"))])
    told = said(codec.pack, [decision(LegHeld(3, "y")), wrong])
    assert isinstance(told, str)
    assert told == said(lambda g: one_by_one(plain, g), [wrong])
