"""Every bit of a stored frame, every cut, and forgeries whose chains were computed anew."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest

from cckit.core import frame as frames_module
from cckit.core import verify as verify_module
from cckit.core.codec import Codec
from cckit.core.facts import FACTS
from cckit.core.frame import CHAIN_SIZE, HEADER, Frame, first_previous
from cckit.core.merkle import leaf_hash, root_of
from cckit.core.registry import Registry
from cckit.core.verify import verify
from tests.core.test_verify import DECLARED, LOG_ID, ORIGIN, Log, contact

Publish = Callable[[str], None]


def large() -> Log:
    """A log whose second of three frames has 6 kB."""
    return Log().put(*(contact(n) for n in range(30))).put(contact(99))


def missed(stored: Sequence[bytes]) -> Iterator[int]:
    """The bits of the second frame that can be flipped without being found at its place."""
    target = bytearray(stored[1])
    for bit in range(len(target) * 8):
        target[bit // 8] ^= 1 << bit % 8
        verdict = verify([stored[0], bytes(target), *stored[2:]], ORIGIN, LOG_ID)
        if verdict.error is None or verdict.error.position != DECLARED:
            yield bit
        target[bit // 8] ^= 1 << bit % 8


def test_every_flipped_bit_of_a_frame_of_6_kb_is_found_at_its_place(publish: Publish) -> None:
    stored = [frame.pack() for frame in large().frames]
    assert 5_000 < len(stored[1]) < 7_000
    assert list(missed(stored)) == []
    # Where it is the newest frame, only its own stored chain shows a flip.
    assert list(missed(stored[:2])) == []
    publish(f"bit flips in a frame: {len(stored[1]) * 8:,} of {len(stored[1]) * 8:,} found, twice")


def test_a_frame_cut_at_any_byte_is_found(publish: Publish) -> None:
    stored = [frame.pack() for frame in large().frames]
    for size in range(len(stored[1])):
        cut = [stored[0], stored[1][:size], stored[2]]
        assert not verify(cut, ORIGIN, LOG_ID).ok, f"cut at {size}"
    publish(f"cuts in a frame: {len(stored[1]):,} of {len(stored[1]):,} found")


# --- a forger who computes the chain anew ---------------------------------------------------


def chained(bodies: Sequence[tuple[bytes, int]]) -> list[Frame]:
    """Frames of these bodies, as if they had always been so."""
    made: list[Frame] = []
    for body, count in bodies:
        previous = made[-1].chain if made else first_previous(ORIGIN, LOG_ID)
        made.append(Frame.make(previous, made[-1].end if made else 0, count, 5, 1, body))
    return made


def root(frames: Sequence[Frame]) -> bytes:
    codec = Codec(Registry(FACTS))
    leaves = [leaf for frame in frames for leaf in codec.leaves(frame.body, frame.first)]
    return root_of([leaf_hash(leaf) for leaf in leaves])


FORGERIES: dict[str, Callable[[list[Any]], list[Any]]] = {
    "swapped": lambda bodies: [bodies[0], *bodies[2:0:-1], *bodies[3:]],
    "dropped": lambda bodies: [*bodies[:2], *bodies[3:]],
    "doubled": lambda bodies: [*bodies[:2], bodies[1], *bodies[2:]],
    "inserted": lambda bodies: [*bodies[:2], (Codec(Registry(FACTS)).pack([]), 1), *bodies[2:]],
    "cut off": lambda bodies: bodies[:-1],
}


@pytest.mark.parametrize("name", FORGERIES)
def test_what_a_new_chain_hides_the_signed_root_shows(name: str) -> None:
    log = Log()
    for n in range(8):
        log.put(contact(n))
    bodies = [(frame.body, frame.count) for frame in log.frames]
    forged = chained(FORGERIES[name](bodies))
    assert verify([frame.pack() for frame in forged], ORIGIN, LOG_ID).ok  # The chain is sound.
    assert root(forged) != root(log.frames)


# --- planted --------------------------------------------------------------------------------


@pytest.mark.planted("B chain over the body only")
def test_a_chain_that_leaves_out_the_header_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def of_the_body(data: bytes) -> Any:
        return hashlib.sha256(data[HEADER.size :])

    for module in (frames_module, verify_module):
        monkeypatch.setattr(module, "sha256", of_the_body)
    log = large()
    stored = [frame.pack() for frame in log.frames]
    assert verify(stored, ORIGIN, LOG_ID).ok
    assert all(a.chain == b.previous for a, b in pairwise(log.frames))
    bits = list(missed(stored))
    assert bits and all(bit < HEADER.size * 8 for bit in bits)
    assert len(stored[1]) > HEADER.size + CHAIN_SIZE
