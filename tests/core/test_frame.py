"""The bytes of a frame, and what is no frame."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cckit.core.errors import FormatError, UsageError
from cckit.core.frame import EVENTS_MAX, FRAME_MAX, Frame, first_previous

ORIGIN, LOG_ID = "example.org/center", bytes(range(16))
START = first_previous(ORIGIN, LOG_ID)


def test_the_first_previous_hash_names_the_log() -> None:
    named = sha256(b"cckit log 1\nexample.org/center\n" + LOG_ID).digest()
    assert first_previous(ORIGIN, LOG_ID) == named


def test_the_stored_bytes_are_header_body_and_chain() -> None:
    frame = Frame.make(START, 7, 2, -3, 5, b"body")
    header = (
        START
        + (1).to_bytes(2, "big")
        + (0).to_bytes(2, "big")
        + (2).to_bytes(4, "big")
        + (7).to_bytes(8, "big")
        + (-3).to_bytes(8, "big", signed=True)
        + (5).to_bytes(8, "big")
    )
    assert len(header) == 64
    assert frame.pack() == header + b"body" + sha256(header + b"body").digest()
    assert frame.end == 9


@given(
    st.integers(0, 2**62),
    st.integers(1, EVENTS_MAX),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 2**64 - 1),
    st.binary(min_size=1),
)
def test_a_frame_comes_back_as_it_was_stored(
    first: int, count: int, at: int, epoch: int, body: bytes
) -> None:
    frame = Frame.make(START, first, count, at, epoch, body)
    again = Frame.parse(frame.pack())
    assert again == frame
    assert again.is_whole()


def test_every_flipped_bit_is_seen() -> None:
    stored = Frame.make(START, 0, 1, 0, 1, b"some body").pack()
    for bit in range(len(stored) * 8):
        bent = bytearray(stored)
        bent[bit // 8] ^= 1 << bit % 8
        try:
            whole = Frame.parse(bytes(bent)).is_whole()
        except FormatError:
            continue
        assert not whole, f"bit {bit}"


def header_with(**changed: int) -> bytes:
    fields = {"format": 1, "flags": 0, "count": 1, "first": 0} | changed
    return (
        START
        + fields["format"].to_bytes(2, "big")
        + fields["flags"].to_bytes(2, "big")
        + fields["count"].to_bytes(4, "big")
        + fields["first"].to_bytes(8, "big")
        + bytes(16)
    )


@pytest.mark.parametrize(
    ("stored", "what"),
    [
        (b"", "0 bytes are no frame"),
        (bytes(96), "96 bytes are no frame"),
        (bytes(FRAME_MAX + 1), "16777217 bytes are no frame"),
        (header_with(format=2) + bytes(40), "format 2; this version reads format 1"),
        (header_with(flags=2) + bytes(40), "unknown flags 0x0002"),
        (header_with(count=0) + bytes(40), "0 events from position 0"),
        (header_with(count=EVENTS_MAX + 1) + bytes(40), "16385 events from position 0"),
        (header_with(first=2**63) + bytes(40), "1 events from position 9223372036854775808"),
    ],
)
def test_bytes_that_are_no_frame_are_refused(stored: bytes, what: str) -> None:
    with pytest.raises(FormatError) as caught:
        Frame.parse(stored)
    assert caught.value.what == what


@pytest.mark.parametrize(
    ("count", "first", "body"),
    [(0, 0, b"x"), (EVENTS_MAX + 1, 0, b"x"), (1, 0, bytes(FRAME_MAX)), (1, -1, b"x")],
)
def test_a_frame_beyond_the_limits_is_not_made(count: int, first: int, body: bytes) -> None:
    with pytest.raises(UsageError):
        Frame.make(START, first, count, 0, 1, body)


@pytest.mark.parametrize(
    ("origin", "log_id"), [("", LOG_ID), ("two\nlines", LOG_ID), ("short", b"id")]
)
def test_a_log_has_an_origin_of_one_line_and_an_id_of_16_bytes(origin: str, log_id: bytes) -> None:
    with pytest.raises(UsageError):
        first_previous(origin, log_id)
