"""The verifier that stands alone agrees with the code that it does not use."""

import ast
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cckit.cli import verify_bundle as verifier
from cckit.core import merkle
from cckit.core.bundle import tree_proof
from cckit.core.errors import CckitError
from cckit.core.events import EventKind, Sealed
from cckit.core.note import Note, VKey, open_note
from cckit.core.schema import compile_values, pack_sealed, unpack
from cckit.core.shapes import parse_field
from cckit.core.tlog import Checkpoint
from cckit.hooks.signing import SMALL_ORDER, L, P, Signer, verify
from tests.proof.small_log import KEY, OTHER, WITNESSES, SmallLog, keys

FILE = Path(verifier.__file__)
Tier = Callable[[int, int, int], int]
Publish = Callable[[str], None]


# --- the file -------------------------------------------------------------------------------


def test_an_auditor_reads_at_most_400_lines() -> None:
    lines = FILE.read_text("utf-8").splitlines()
    assert len(lines) <= 400
    assert max(map(len, lines)) <= 100


def test_it_imports_the_standard_library_alone_and_nothing_that_reaches_a_network() -> None:
    tree = ast.parse(FILE.read_text("utf-8"), feature_version=(3, 9))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names.add(str(node.module))
    assert names == {
        "__future__", "argparse", "binascii", "bisect", "collections", "hashlib", "json",
        "pathlib", "re", "struct", "sys", "typing",
    }  # fmt: skip


def test_it_runs_without_site_packages_and_says_how_to_be_called() -> None:
    command = [sys.executable, "-I", "-S", str(FILE)]
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0
    assert "--witness-key" in done.stdout
    assert subprocess.run(command, capture_output=True).returncode == 2


# --- Ed25519 --------------------------------------------------------------------------------


def mutated(draw: Random, data: bytes) -> bytes:
    bit = draw.randrange(8 * len(data))
    spoilt = bytearray(data)
    spoilt[bit // 8] ^= 1 << bit % 8
    return bytes(spoilt)


def odd(draw: Random, public: bytes, message: bytes, signature: bytes) -> tuple[bytes, ...]:
    """One of the things that libraries differ in, or a plain forgery."""
    scalar = int.from_bytes(signature[32:], "little")
    small = draw.choice(sorted(SMALL_ORDER)) | draw.randrange(2) << 255
    point = draw.choice([small, P + draw.randrange(19), draw.randrange(1 << 256)])
    return draw.choice(
        [
            (public, message, signature),
            (mutated(draw, public), message, signature),
            (public, mutated(draw, message), signature),
            (public, message, mutated(draw, signature)),
            (public, message, signature[:32] + ((scalar + L) % (1 << 256)).to_bytes(32, "little")),
            (point.to_bytes(32, "little"), message, signature),
            (public, message, point.to_bytes(32, "little") + signature[32:]),
            (point.to_bytes(32, "little"), message, point.to_bytes(32, "little") + bytes(32)),
            (public, message, signature[: draw.randrange(65)]),
        ]
    )


def test_its_ed25519_is_as_strict_as_ours(tier: Tier, publish: Publish) -> None:
    draw, held, count = Random(25519), 0, tier(200, 3_000, 200_000)
    for _ in range(count):
        signer = Signer("x", 1, draw.randbytes(32))
        message = draw.randbytes(draw.randrange(1, 80))
        case = odd(draw, signer.vkey.public_key, message, signer.sign(message))
        found = verifier.is_signature(*case)
        assert found == verify(*case), [part.hex() for part in case]
        held += found
    assert 0 < held < count / 3
    publish(f"bundle verifier: {count:,} signatures judged as hooks/signing.py does")


@pytest.mark.parametrize("y", sorted(SMALL_ORDER))
@pytest.mark.parametrize("sign", [0, 1])
def test_a_key_of_small_order_signs_nothing(y: int, sign: int) -> None:
    weak = (y | sign << 255).to_bytes(32, "little")
    assert verifier.point_of(weak) is None
    assert not verifier.is_signature(weak, b"anything", weak + bytes(32))
    assert not verifier.is_signature(weak, b"anything", (1).to_bytes(32, "little") + bytes(32))


def test_points_in_a_second_encoding_are_none() -> None:
    for y in range(P, 1 << 255):
        assert verifier.point_of(y.to_bytes(32, "little")) is None


# --- the tree -------------------------------------------------------------------------------


def known_roots(
    hashes: list[bytes], positions: list[int], proof: bytes, edge: int
) -> tuple[bytes, bytes, bytes]:
    parts = iter([proof[at : at + 32] for at in range(0, len(proof), 32)])
    leaves = [(at, hashes[at]) for at in positions]
    old, new = verifier.roots(0, len(hashes), leaves, parts, edge)
    return old, new, next(parts, b"")


def test_its_tree_is_that_of_rfc_6962(tier: Tier, publish: Publish) -> None:
    draw, count = Random(6962), tier(400, 10_000, 1_000_000)
    for _ in range(count):
        size = draw.randrange(1, 70)
        hashes = [draw.randbytes(32) for _ in range(size)]

        def read(level: int, n: int, hashes: list[bytes] = hashes) -> bytes:
            return merkle.root_of(hashes[n << level : (n + 1) << level])

        positions = sorted(draw.sample(range(size), draw.randrange(1, size + 1)))
        edge = draw.randrange(size + 1)
        proof = tree_proof(positions, size, read, edge)
        root, before = merkle.root_of(hashes), merkle.root_of(hashes[:edge]) if edge else b""
        assert known_roots(hashes, positions, proof, edge) == (before, root, b"")
        spoilt = hashes.copy()
        at = draw.choice(positions)
        spoilt[at] = mutated(draw, spoilt[at])
        old, new, _ = known_roots(spoilt, positions, proof, edge)
        assert new != root
        assert (old == before) is (at >= edge)
        if proof:
            assert known_roots(hashes, positions, mutated(draw, proof), edge)[1] != root
    publish(f"bundle verifier: {count:,} trees as core/merkle.py has them")


def test_of_one_event_the_proof_has_the_hashes_of_an_inclusion_proof() -> None:
    for size in range(1, 40):
        hashes = [bytes([n]) * 32 for n in range(size)]

        def read(level: int, n: int, hashes: list[bytes] = hashes) -> bytes:
            return merkle.root_of(hashes[n << level : (n + 1) << level])

        for index in range(size):
            proof = tree_proof([index], size, read)
            path = merkle.inclusion_proof(index, size, read)
            assert sorted(proof[at : at + 32] for at in range(0, len(proof), 32)) == sorted(path)


# --- signed notes ---------------------------------------------------------------------------


def ours(note: bytes, known: tuple[VKey, ...]) -> set[tuple[str, bytes]] | None:
    try:
        found, signatures = open_note(note, known, verify)
        Checkpoint.parse(found.text)
    except CckitError as error:
        unsigned = type(error).__name__ == "UnknownSignerError"
        return _readable(note) if unsigned else None
    return {(one.name, one.key_id) for one in signatures}


def _readable(note: bytes) -> set[tuple[str, bytes]] | None:
    try:
        Checkpoint.parse(Note.parse(note).text)
    except CckitError:
        return None
    return set()


def theirs(note: bytes, known: verifier.Keys, kind: int) -> set[tuple[str, bytes]] | None:
    try:
        return set(verifier.signed_by(verifier.checkpoint_of(note), known, kind))
    except ValueError:
        return None


def spoilt_notes(draw: Random, note: bytes) -> bytes:
    at = draw.randrange(len(note))
    piece = draw.choice([b"\n", b"\n\n", b" ", b"+", b"0", b"\x00", b"=", b"\xe2\x80\x94 ", b"A"])
    lines = note.split(b"\n")
    line = draw.randrange(len(lines))
    return draw.choice(
        [
            mutated(draw, note),
            note[:at] + piece + note[at:],
            note[:at] + note[at + 1 :],
            note[:at],
            b"\n".join(lines[:line] + lines[line + 1 :]),
            b"\n".join([*lines[:line], lines[line], *lines[line:]]),
            note + note,
            note,
        ]
    )


@pytest.mark.parametrize("kind", [verifier.SIGNER, verifier.WITNESS])
def test_it_reads_notes_as_we_do(kind: int, tier: Tier, publish: Publish) -> None:
    draw, count = Random(kind), tier(200, 2_000, 500_000)
    signers = (KEY, OTHER) if kind == verifier.SIGNER else WITNESSES
    note = SmallLog().checkpoint(7, WITNESSES)
    held = 0
    for _ in range(count):
        spoilt = spoilt_notes(draw, note)
        found = theirs(spoilt, keys(*signers), kind)
        assert found == ours(spoilt, tuple(one.vkey for one in signers)), spoilt
        held += bool(found)
    assert 0 < held < count / 2
    publish(f"bundle verifier: {count:,} notes read as core/note.py does")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "log",
        "log+00000000+AAAA",
        KEY.vkey.text().replace("log", "gol"),
        KEY.vkey.text() + "=",
        KEY.vkey.text()[:-1],
        WITNESSES[0].vkey.text(),
        "\ud800+1+2",
    ],
)
def test_what_is_no_key_is_bad_input(text: str) -> None:
    with pytest.raises(ValueError, match=r"key|base64|encode"):
        verifier.key_of(text, verifier.SIGNER)


# --- msgpack and types ----------------------------------------------------------------------

SEALED = st.builds(
    Sealed,
    st.binary(min_size=16, max_size=16),
    st.integers(0, 2**63 - 1),
    st.binary(min_size=12, max_size=12),
    st.binary(max_size=300),
    st.binary(min_size=32, max_size=32),
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.sampled_from([0, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**63 - 1])
    | st.sampled_from([-1, -32, -33, -128, -129, -32_768, -32_769, -(2**31) - 1, -(2**63)])
    | st.text(max_size=300)
    | st.binary(max_size=300)
    | SEALED
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=20).map(tuple)
        | st.dictionaries(st.text(max_size=8), inner, max_size=20).map(
            lambda found: {key: found[key] for key in sorted(found)}
        )
    ),
    max_leaves=30,
)


def plain(value: Any) -> Any:
    """A value as the verifier has it."""
    if isinstance(value, Sealed):
        return (value.subject, value.key, value.nonce, value.ciphertext, value.digest)
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value


def pack(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value, default=pack_sealed)
    return packed


@given(VALUES)
def test_it_reads_what_the_log_writes(value: Any) -> None:
    packed = pack(value)
    found = verifier.unpack(packed)
    assert found == plain(value)
    assert repr(found) == repr(plain(value)), "a bool is no int"


@given(VALUES, st.data())
@settings(max_examples=150)
def test_what_it_reads_has_no_other_form(value: Any, data: st.DataObject) -> None:
    packed = bytearray(pack(value))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(packed) - 1))
        packed[at] = data.draw(st.integers(0, 255))
    try:
        found = verifier.unpack(bytes(packed))
    except ValueError:
        return
    assert pack(unpack(bytes(packed))) == packed
    assert plain(unpack(bytes(packed))) == found


@given(st.binary(max_size=60))
@settings(max_examples=300)
def test_no_bytes_make_it_stumble(data: bytes) -> None:
    try:
        found = verifier.unpack(data)
    except ValueError:
        return
    assert pack(unpack(data)) == data
    assert plain(unpack(data)) == found


@pytest.mark.parametrize(
    "packed",
    [
        b"\xdd\xff\xff\xff\xff",  # Four thousand million items.
        b"\xdc\xff\xff",
        b"\xde\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x01",
        b"\xca\x00\x00\x00\x00",
        b"\xcb" + bytes(8),
        b"\xcf\xff" + bytes(7),
        b"\xc7\x11\x02" + bytes(17),
        b"\xd4\x01\x00",
        b"\x91" * 60_000,
        b"\x81\xa1a" * 9_000,
        b"\xc1",
        b"",
        b"\x00\x00",
        b"\x82\xa1b\x00\xa1a\x00",
        b"\x82\xa1a\x00\xa1a\x00",
        b"\x81\x00\x00",
        b"\xa1\xff",
    ],
)
def test_bombs_and_second_forms_are_refused(packed: bytes) -> None:
    with pytest.raises(ValueError):
        verifier.unpack(packed)


SHAPES = (
    "int",
    "bool",
    "str",
    "bytes",
    "int?",
    "str[]",
    "{int}",
    "{str[]}?",
    "int?[]",
    "personal str",
)
OF_SHAPES = SCALARS | st.lists(SCALARS, max_size=3).map(tuple) | st.dictionaries(
    st.text(max_size=3), SCALARS | st.lists(st.text(max_size=3)).map(tuple), max_size=3
).map(lambda found: {key: found[key] for key in sorted(found)})  # fmt: skip


@given(OF_SHAPES, st.sampled_from(SHAPES))
@settings(max_examples=300)
def test_its_types_are_those_of_the_log(value: Any, shape: str) -> None:
    encode = compile_values(EventKind("x", 1, object), (parse_field(f"x:{shape}"),))
    try:
        encode((value,))
        fits = True
    except CckitError:
        fits = False
    assert verifier.fits(plain(value), shape) is fits


def test_base64_has_one_form() -> None:
    assert verifier.unbase64(b64encode(b"abcd").decode()) == b"abcd"
    for text in ("YWJjZB==", "YWJjZA=", "YWJj ZA==", "YWJjZA==\n", "YWJjZA"):
        with pytest.raises(ValueError):
            verifier.unbase64(text)
