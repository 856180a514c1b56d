"""Ed25519: the vectors of RFC 8032, and what is refused before a library is asked."""

from collections.abc import Callable
from random import Random

import pytest

from cckit.core import FormatError, UsageError
from cckit.core.frame import first_previous
from cckit.core.note import COSIGNATURE, ED25519
from cckit.hooks.signing import SMALL_ORDER, L, P, Signer, verify

# RFC 8032, section 7.1: seed, public key, message, signature.
RFC = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
        "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e"
        "458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290"
        "ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]
SIGNER = Signer("log.example/a", ED25519, bytes(range(32)))
MESSAGE = b"a message"


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC)
def test_the_vectors_of_the_rfc_hold(seed: str, public: str, message: str, signature: str) -> None:
    signer = Signer("a", ED25519, bytes.fromhex(seed))
    assert signer.vkey.public_key.hex() == public
    assert signer.sign(bytes.fromhex(message)).hex() == signature
    assert verify(bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature))


def test_no_bit_of_a_signature_a_message_or_a_key_can_change() -> None:
    key, good = SIGNER.vkey.public_key, SIGNER.sign(MESSAGE)
    assert verify(key, MESSAGE, good)
    for at in range(3):
        parts = [key, MESSAGE, good]
        for bit in range(8 * len(parts[at])):
            changed = bytearray(parts[at])
            changed[bit // 8] ^= 1 << (bit % 8)
            assert not verify(*parts[:at], bytes(changed), *parts[at + 1 :])


def test_what_has_another_length_is_refused() -> None:
    key, good = SIGNER.vkey.public_key, SIGNER.sign(MESSAGE)
    for wrong in (good[:-1], good + b"\x00", b""):
        assert not verify(key, MESSAGE, wrong)
    assert not verify(key[:-1], MESSAGE, good)


def test_a_second_form_of_a_signature_is_refused() -> None:
    key, good = SIGNER.vkey.public_key, SIGNER.sign(MESSAGE)
    scalar = int.from_bytes(good[32:], "little")
    other = good[:32] + (scalar + L).to_bytes(32, "little")
    assert not verify(key, MESSAGE, other)


@pytest.mark.parametrize("y", sorted(SMALL_ORDER))
@pytest.mark.parametrize("sign", [0, 1 << 255])
def test_a_key_of_small_order_signs_nothing(y: int, sign: int) -> None:
    key = (y | sign).to_bytes(32, "little")
    for message in (b"%d" % n for n in range(32)):  # One in eight would hold for each key.
        assert not verify(key, message, key + bytes(32))
        assert not verify(key, message, (1).to_bytes(32, "little") + bytes(32))
        assert not verify(SIGNER.vkey.public_key, message, key + bytes(32))


@pytest.mark.parametrize("y", range(19))
def test_a_point_of_y_from_p_on_is_refused(y: int) -> None:
    for sign in (0, 1 << 255):
        key = (P + y | sign).to_bytes(32, "little")
        assert not verify(key, MESSAGE, SIGNER.sign(MESSAGE))
        assert not verify(SIGNER.vkey.public_key, MESSAGE, key + SIGNER.sign(MESSAGE)[32:])


def test_the_points_of_small_order_are_these() -> None:
    """Any point times L has an order that divides 8; from a few of them all eight are found."""
    found: set[int] = set()
    for y in range(2, 40):
        x = x_of(y)
        if x is None:
            continue
        point = times(L, (x, y))
        found |= {times(n, point)[1] for n in range(8)}
    assert found == SMALL_ORDER


Point = tuple[int, int]
D = -121665 * pow(121666, -1, P) % P


def add(a: Point, b: Point) -> Point:
    (x1, y1), (x2, y2) = a, b
    t = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + t, -1, P) % P
    return x, (y1 * y2 + x1 * x2) * pow(1 - t, -1, P) % P


def times(n: int, point: Point) -> Point:
    total = (0, 1)
    while n:
        if n & 1:
            total = add(total, point)
        point, n = add(point, point), n >> 1
    return total


def x_of(y: int) -> int | None:
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    return None if (x * x - square) % P else x


# --- private keys ---------------------------------------------------------------------------


def test_a_private_key_is_read_as_it_was_written() -> None:
    for algorithm in (ED25519, COSIGNATURE):
        signer = Signer.generate("witness.example/w", Random(7).randbytes, algorithm)
        assert Signer.parse(signer.text()) == signer
        assert signer.text().startswith(f"PRIVATE+KEY+witness.example/w+{signer.vkey.key_id.hex()}")
        assert signer.vkey.algorithm == algorithm


def test_the_same_draw_makes_the_same_key() -> None:
    first, again = (Signer.generate("a", Random(3).randbytes) for _ in range(2))
    assert first == again != Signer.generate("a", Random(4).randbytes)


def test_a_key_does_not_show_its_secret() -> None:
    assert "seed" not in repr(SIGNER) and "\\x01" not in repr(SIGNER)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text[len("PRIVATE+KEY+") :],
        lambda text: text + "\n",
        lambda text: text[:-2],
        lambda text: text.replace("log.example/a", "log.example/b"),
        lambda text: text.replace("log.example/a", "log example"),
        lambda text: text.replace("log.example/a", ""),
        lambda text: text.replace("+AQABA", "+AgABA"),
        lambda text: text.replace("+AQABA", "+AQABB"),
    ],
)
def test_what_is_no_private_key_is_refused_without_being_shown(
    change: Callable[[str], str],
) -> None:
    text = change(SIGNER.text())
    with pytest.raises(FormatError) as caught:
        Signer.parse(text)
    assert "AQABA" not in str(caught.value) and "log.example" not in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Signer("a b", ED25519, bytes(32)),
        lambda: Signer("a", 2, bytes(32)),
        lambda: Signer("a", ED25519, bytes(31)),
        lambda: SIGNER.cosign("text\n", 1),
        lambda: Signer("w", COSIGNATURE, bytes(32)).sign_note("text\n"),
    ],
)
def test_a_key_is_used_for_what_it_is_made(make: Callable[[], object]) -> None:
    with pytest.raises(UsageError):
        make()


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", "the name is empty"),
        ("bad name", "'bad name' has a blank"),
        ("no\u00a0break", "has a blank"),
        ("a+b", "'a+b' has a +"),
        ("retnec\u202e", "has U+202E, which does not print"),
        ("cen\u200bter", "has U+200B, which does not print"),
        ("\x07", "has U+0007"),
        ("\ud800", "has U+D800"),
    ],
)
def test_a_name_that_a_key_can_t_have_is_told_its_fault(name: str, fault: str) -> None:
    with pytest.raises(UsageError) as told:
        Signer.generate(name, Random(1).randbytes)
    assert fault in told.value.what
    assert told.value.what.isprintable()


def test_letters_of_any_script_name_a_key() -> None:
    assert Signer.generate("מוקד.example", Random(1).randbytes).vkey.name == "מוקד.example"


@pytest.mark.parametrize("name", ["", "center\u202e", "cen\u200bter", "two\nlines"])
def test_no_log_has_a_name_that_no_key_could_have(name: str) -> None:
    with pytest.raises(UsageError):
        first_previous(name, bytes(16))
