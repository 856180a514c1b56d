"""The library and the one-file verifier of bundles read keys, signatures and notes alike.

They share no line of code, so that what one of them gets wrong the other one shows.
"""

from collections.abc import Callable
from random import Random

import pytest

from cckit.cli import verify_bundle as apart
from cckit.core import FormatError
from cckit.core.note import COSIGNATURE, ED25519, Note
from cckit.core.tlog import Checkpoint
from cckit.hooks.signing import SMALL_ORDER, L, P, Signer, verify

from .history import KEY, WITNESS, History

SEED = 20_261_121
MESSAGE = b"a message"


def both(public: bytes, message: bytes, signature: bytes) -> bool:
    """What both say."""
    ours = verify(public, message, signature)
    assert apart.is_signature(public, message, signature) is ours, (public, message, signature)
    return ours


def test_honest_signatures_hold_for_both_and_changed_ones_for_none(
    tier: Callable[[int, int, int], int],
) -> None:
    random = Random(SEED)
    for number in range(tier(10, 200, 5_000)):
        signer = Signer("a", ED25519, random.randbytes(32))
        message = random.randbytes(number % 100)
        parts = [signer.vkey.public_key, message, signer.sign(message)]
        assert both(*parts)
        at = random.choice([0, 2] if not message else [0, 1, 2])
        changed = bytearray(parts[at])
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
        parts[at] = bytes(changed)
        assert not both(*parts)


def test_odd_points_and_scalars_are_refused_by_both() -> None:
    key, good = KEY.vkey.public_key, KEY.sign(MESSAGE)
    scalar = int.from_bytes(good[32:], "little")
    for more in (L, 2 * L, 1 << 255):
        assert not both(key, MESSAGE, good[:32] + (scalar + more).to_bytes(32, "little"))
    for y in (*SMALL_ORDER, *(P + n for n in range(19))):
        for sign in (0, 1 << 255):
            point = (y | sign).to_bytes(32, "little")
            assert not both(point, MESSAGE, point + bytes(32))
            assert not both(key, MESSAGE, point + good[32:])
    for size in (0, 31, 33):
        assert not both(key[:size].ljust(size, b"x"), MESSAGE, good)
        assert not both(key, MESSAGE, good[: 2 * size].ljust(2 * size, b"x"))


NOTE = Note.parse(History(9).note(9))
SIGNED = Note(NOTE.text, (*NOTE.signatures, WITNESS.cosign(NOTE.text, 1_774_504_800))).pack()


def ours(data: bytes) -> tuple[str, int, bytes] | None:
    try:
        found = Checkpoint.parse(Note.parse(data).text)
    except FormatError:
        return None
    return found.origin, found.size, found.root


def theirs(data: bytes) -> tuple[str, int, bytes] | None:
    try:
        found = apart.checkpoint_of(data)
    except ValueError:
        return None
    return found.origin, found.size, found.root


def test_a_checkpoint_means_the_same_to_both_whatever_is_done_to_it(
    tier: Callable[[int, int, int], int], publish: Callable[[str], None]
) -> None:
    random = Random(SEED)
    pieces = [b"\n", b"\n\n", b" ", b"=", b"0", b"+", b"\x00", b"\r\n", b"\xff", b"\xc2\xa0"]
    pieces += ["— ".encode(), SIGNED, SIGNED[20:60], SIGNED.split(b"\n")[-2] + b"\n"]
    assert ours(SIGNED) == theirs(SIGNED) is not None
    read = 0
    tries = tier(3_000, 30_000, 2_000_000)
    for _ in range(tries):
        data = bytearray(SIGNED)
        for _ in range(random.randint(1, 3)):
            start = random.randrange(len(data) + 1)
            end = random.choice([start, start + 1, start + random.randrange(40)])
            data[start:end] = random.choice([b"", random.choice(pieces), random.randbytes(1)])
        found = ours(bytes(data))
        assert theirs(bytes(data)) == found, bytes(data)
        read += found is not None
    assert read
    publish(f"two readers of checkpoints agree: {tries:,} changed, {read:,} still one, seed {SEED}")


@pytest.mark.parametrize("signer", [KEY, WITNESS])
def test_a_public_key_means_the_same_to_both(signer: Signer) -> None:
    found = signer.vkey
    read = apart.key_of(found.text(), signer.algorithm)
    assert read == ((found.name, found.key_id), found.public_key)
    other = COSIGNATURE if signer.algorithm == ED25519 else ED25519
    with pytest.raises(ValueError):
        apart.key_of(found.text(), other)
