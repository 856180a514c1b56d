"""Signed notes and keys: what is read has one form, and whom a note is believed."""

from collections.abc import Callable
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cckit.core import FormatError, ProofError, UnknownSignerError, UsageError, note
from cckit.core.note import COSIGNATURE, ED25519, Note, Signature, VKey, open_note
from cckit.hooks.signing import Signer, verify

# The example of C2SP's signed-note.
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = (
    "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ON"
    "ncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()

ALICE = Signer("log.example/a", ED25519, bytes(range(32)))
BOB = Signer("witness.example/b", COSIGNATURE, bytes(range(1, 33)))
TEXT = "log.example/a\n7\nand, after a blank line:\n\nmore\n"
SIGNED = Note(TEXT, (ALICE.sign_note(TEXT), BOB.cosign(TEXT, 1_700_000_000)))


def test_the_example_of_the_specification_is_opened() -> None:
    found, signatures = open_note(EXAMPLE, [VKey.parse(EXAMPLE_KEY)], verify)
    assert (found.text, len(signatures)) == ("This is an example message.\n", 1)
    assert found.pack() == EXAMPLE and VKey.parse(EXAMPLE_KEY).text() == EXAMPLE_KEY


def test_a_note_is_opened_by_the_keys_that_signed_it() -> None:
    found, signatures = open_note(SIGNED.pack(), [BOB.vkey, ALICE.vkey], verify)
    assert found == SIGNED and signatures == SIGNED.signatures
    assert signatures[1].time == 1_700_000_000


def test_a_signature_counts_once_a_key() -> None:
    again = BOB.cosign(TEXT, 1_700_000_001)
    data = Note(TEXT, (*SIGNED.signatures, again)).pack()
    assert open_note(data, [BOB.vkey], verify)[1] == (SIGNED.signatures[1],)


def test_the_text_ends_at_the_last_blank_line() -> None:
    assert Note.parse(SIGNED.pack()).text == TEXT
    assert Note.parse(b"\n\n" + ALICE.sign_note("\n").line().encode()).text == "\n"


def test_an_unknown_key_is_ignored_and_alone_proves_nothing() -> None:
    stranger = Signer("log.example/a", ED25519, bytes(32))
    with_stranger = Note(TEXT, (stranger.sign_note(TEXT), *SIGNED.signatures)).pack()
    assert open_note(with_stranger, [ALICE.vkey], verify)[1] == SIGNED.signatures[:1]
    with pytest.raises(UnknownSignerError, match="none of its 3 signatures"):
        open_note(with_stranger, [Signer("c", ED25519, bytes(32)).vkey], verify)
    with pytest.raises(UnknownSignerError):
        open_note(with_stranger, [], verify)


def forged() -> bytes:
    """A note with a good signature of one known key, and a bad one of another."""
    bad = Signature(BOB.name, BOB.vkey.key_id, bytes(72))
    return Note(TEXT, (SIGNED.signatures[0], bad)).pack()


def test_a_bad_signature_of_a_known_key_makes_the_note_bad() -> None:
    assert open_note(forged(), [ALICE.vkey], verify)
    with pytest.raises(ProofError, match=r"of witness\.example/b does not hold"):
        open_note(forged(), [ALICE.vkey, BOB.vkey], verify)


@pytest.mark.planted("M bad known signature")
def test_a_reader_that_skips_bad_signatures_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = note._by_name

    def planted(keys: list[VKey]) -> dict[tuple[str, bytes], VKey]:
        signed = {(s.name, s.key_id): s.signature for s in Note.parse(forged()).signatures}
        known = sound(keys)
        return {at: key for at, key in known.items() if note._holds(key, TEXT, signed[at], verify)}

    monkeypatch.setattr(note, "_by_name", planted)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        test_a_bad_signature_of_a_known_key_makes_the_note_bad()


def test_a_bad_second_signature_of_a_known_key_counts_too() -> None:
    bad = Signature(ALICE.name, ALICE.vkey.key_id, bytes(64))
    with pytest.raises(ProofError):
        open_note(Note(TEXT, (SIGNED.signatures[0], bad)).pack(), [ALICE.vkey], verify)


def test_a_cosignature_is_no_signature_of_a_log() -> None:
    log = VKey(BOB.name, ED25519, BOB.vkey.public_key)
    time = (1_700_000_000).to_bytes(8, "big")
    for line in (
        Signature(log.name, log.key_id, SIGNED.signatures[1].signature),
        Signature(log.name, log.key_id, SIGNED.signatures[1].signature[8:]),
        Signature(BOB.name, BOB.vkey.key_id, time + BOB.sign(TEXT.encode())),
        Signature(BOB.name, BOB.vkey.key_id, b"\xff" * 8 + BOB.sign(TEXT.encode())),
    ):
        with pytest.raises(ProofError, match="does not hold"):
            open_note(Note(TEXT, (line,)).pack(), [log, BOB.vkey], verify)


def test_two_keys_that_can_not_be_told_apart_are_refused() -> None:
    class Twin(VKey):
        key_id = ALICE.vkey.key_id

    twins = [Twin("log.example/a", ED25519, bytes(32)), ALICE.vkey]
    with pytest.raises(UsageError, match="two keys have the name"):
        open_note(SIGNED.pack(), twins, verify)
    assert open_note(SIGNED.pack(), [ALICE.vkey, ALICE.vkey], verify)


GOOD = SIGNED.pack()
LINE = ALICE.sign_note(TEXT).line()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n",
        b"text\n\n",
        GOOD[:-1],
        GOOD + b"\n",
        GOOD + b"more\n",
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.replace(b"more", b"mo\tre"),
        GOOD.replace(b"more", b"mo\x00re"),
        GOOD.replace(b"more", b"mo\xffre"),
        GOOD.replace("— ".encode(), b"- "),
        GOOD.replace("— log".encode(), "—  log".encode()),
        GOOD.replace(b"example/a ", b"example/a  "),
        GOOD.replace(b"log.example/a ", b"log+example/a "),
        GOOD.replace(b"log.example/a ", "log\u00a0example/a ".encode()),
        GOOD.replace(b"=\n", b"\n"),
        GOOD.replace(b"=\n", b"==\n"),
        b"text\n\n" + "— a \n".encode(),
        b"text\n\n" + "— a AAAA\n".encode(),  # Three bytes, not even a key id.
        b"text\n\n" + "— a AAAAAA==\n".encode(),  # A key id and no signature.
        b"text\n\n" + "— a AAAAAAB=\n".encode(),  # Bits beyond the last byte.
        b"text\n\n" + (17 * LINE).encode(),
        b"x" * 1_000_000 + b"\n\n" + LINE.encode(),
    ],
)
def test_what_is_no_note_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        Note.parse(data)


def test_sixteen_signatures_are_read() -> None:
    assert len(Note.parse(b"text\n\n" + (16 * LINE).encode()).signatures) == 16


def test_signatures_alone_are_read_as_a_witness_sends_them() -> None:
    lines = "".join(signature.line() for signature in SIGNED.signatures)
    assert note.parse_signatures(lines.encode()) == SIGNED.signatures
    for data in (b"", b"\n", lines.encode()[:-1], b"\n" + lines.encode()):
        with pytest.raises(FormatError):
            note.parse_signatures(data)


@pytest.mark.parametrize("text", ["", "no newline", "tab\t\n", "\ud800\n"])
def test_a_text_that_no_note_can_hold_is_not_packed(text: str) -> None:
    with pytest.raises(UsageError, match="end the text in a newline"):
        Note(text, SIGNED.signatures).pack()
    with pytest.raises(UsageError):
        Note(TEXT, ()).pack()


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_a_note_of_one_form_or_none(tail: bytes) -> None:
    for data in (tail, b"t\n\n" + tail, GOOD + tail, GOOD[: len(tail)], tail + b"\n\n" + GOOD):
        try:
            found = Note.parse(data)
        except FormatError:
            continue
        assert found.pack() == data


def test_no_bit_of_a_note_can_change() -> None:
    """Either it is refused, or a line has become a stranger's and no longer counts."""
    for bit in range(8 * len(GOOD)):
        changed = bytearray(GOOD)
        changed[bit // 8] ^= 1 << (bit % 8)
        try:
            found, signatures = open_note(bytes(changed), [ALICE.vkey, BOB.vkey], verify)
        except (FormatError, ProofError):
            continue
        assert (found.text, len(signatures)) == (TEXT, 1), bit


# --- public keys ----------------------------------------------------------------------------


def test_a_key_id_is_that_of_the_specification() -> None:
    key = ALICE.vkey
    packed = b"log.example/a\n\x01" + key.public_key
    assert key.key_id == sha256(packed).digest()[:4]
    assert VKey.parse(key.text()) == key and VKey.parse(BOB.vkey.text()) == BOB.vkey


def with_name(name: str) -> str:
    return EXAMPLE_KEY.replace("example.com/foo", name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "a+b",
        "a+b+c",
        with_name(""),
        with_name("a b"),
        with_name("another"),
        EXAMPLE_KEY.replace("530d903a", "530D903A"),
        EXAMPLE_KEY.replace("530d903a", "530d903b"),
        EXAMPLE_KEY.replace("530d903a", "530d903"),
        EXAMPLE_KEY.replace("+Aeky", "+Aekz"),
        EXAMPLE_KEY.replace("+Aeky", "+Beky"),
        EXAMPLE_KEY[:-1],
        EXAMPLE_KEY + "=",
        EXAMPLE_KEY + "\n",
        "a+00000000+",
        "a+00000000+AQ==",
    ],
)
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        VKey.parse(text)


@pytest.mark.parametrize(
    "make",
    [
        lambda: VKey("", ED25519, bytes(32)),
        lambda: VKey("a+b", ED25519, bytes(32)),
        lambda: VKey("a b", ED25519, bytes(32)),
        lambda: VKey("a\x01b", ED25519, bytes(32)),
        lambda: VKey("\ud800", ED25519, bytes(32)),
        lambda: VKey("a", 2, bytes(32)),
        lambda: VKey("a", ED25519, bytes(33)),
        lambda: note.cosigned_text(-1, TEXT),
        lambda: note.cosigned_text(2**63, TEXT),
    ],
)
def test_what_can_be_no_key_is_a_mistake_of_the_caller(make: Callable[[], object]) -> None:
    with pytest.raises(UsageError):
        make()
