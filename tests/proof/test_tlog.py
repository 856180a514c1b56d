"""Checkpoints, tiles and proofs: one text for each meaning, one meaning for each text."""

from collections.abc import Callable
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cckit.core import FormatError, UsageError, tlog
from cckit.core.tlog import Checkpoint, Proof, entries_path, tile_path

ROOT = sha256(b"root").digest()
TEXT = Checkpoint("example.com/log", 7, ROOT).text()
HASHES = tuple(sha256(bytes([n])).digest() for n in range(3))
PROOF = Proof(5, HASHES, TEXT.encode() + "\n— example.com/log AAAAAAA=\n".encode())


def test_a_checkpoint_is_three_lines() -> None:
    assert "example.com/log\n7\n" + tlog.encode64(ROOT) + "\n" == TEXT
    assert Checkpoint.parse(TEXT) == Checkpoint("example.com/log", 7, ROOT)


@given(st.text(max_size=20), st.integers(-1, 2**64), st.binary(max_size=40) | st.just(ROOT))
def test_a_checkpoint_that_can_be_written_is_read_as_it_was(
    origin: str, size: int, root: bytes
) -> None:
    made = Checkpoint(origin, size, root)
    try:
        text = made.text()
    except UsageError:
        return
    assert Checkpoint.parse(text) == made


SIZES = ["", "-1", "+1", "07", "00", "7 ", " 7", "7_0", "٧", "1e3", "9223372036854775808", 40 * "9"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        TEXT[:-1],
        TEXT + "\n",
        "\n" + TEXT,
        TEXT + "extension\n",
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("example", "exam\x01ple"),
        TEXT.replace("=\n", "\n"),
        "example.com/log\n7\n" + tlog.encode64(ROOT[:-1]) + "\n",
        "example.com/log\n7\n",
        *(TEXT.replace("\n7\n", f"\n{size}\n") for size in SIZES),
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        Checkpoint.parse(text)


def test_a_log_of_others_may_say_more_than_we_read() -> None:
    found, more = Checkpoint.head_of(TEXT + "one\ntwo\n")
    assert (found, more) == (Checkpoint.parse(TEXT), ("one", "two"))
    with pytest.raises(FormatError):
        Checkpoint.head_of(TEXT + "\ntwo\n")


# --- tiles ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "index", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 67, 256, "tile/0/067"),
        (1, 999, 1, "tile/1/999.p/1"),
        (0, 1000, 256, "tile/0/x001/000"),
        (2, 1234067, 255, "tile/2/x001/x234/067.p/255"),
        (63, 1_000_000_000, 256, "tile/63/x001/x000/x000/000"),
    ],
)
def test_a_tile_lies_where_the_specification_says(
    level: int, index: int, width: int, path: str
) -> None:
    assert tile_path(level, index, width) == path
    assert entries_path(index, width) == "tile/entries/" + path.split("/", 2)[2]


@pytest.mark.parametrize(
    "make",
    [
        lambda: tile_path(-1, 0),
        lambda: tile_path(64, 0),
        lambda: tile_path(0, -1),
        lambda: tile_path(0, 0, 0),
        lambda: tile_path(0, 0, 257),
        lambda: entries_path(2**63),
        lambda: tlog.pack_entries([bytes(65_536)]),
        lambda: Checkpoint("", 0, ROOT).text(),
        lambda: Checkpoint("two\nlines", 0, ROOT).text(),
        lambda: Checkpoint("a", -1, ROOT).text(),
        lambda: Checkpoint("a", 0, b"").text(),
        lambda: Proof(-1, HASHES, b"x").pack(),
        lambda: Proof(0, (b"",), b"x").pack(),
        lambda: Proof(0, HASHES * 22, b"x").pack(),
        lambda: Proof(0, HASHES, b"").pack(),
    ],
)
def test_what_can_not_be_written_is_a_mistake_of_the_caller(make: Callable[[], object]) -> None:
    with pytest.raises(UsageError):
        make()


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_a_bundle_gives_back_its_entries(entries: list[bytes]) -> None:
    packed = tlog.pack_entries(entries)
    assert tlog.unpack_entries(packed) == tuple(entries)


@given(st.binary(max_size=100))
def test_any_bytes_are_a_bundle_of_one_form_or_none(data: bytes) -> None:
    try:
        entries = tlog.unpack_entries(data)
    except FormatError:
        return
    assert tlog.pack_entries(entries) == data


def test_a_bundle_cut_off_is_refused() -> None:
    packed = tlog.pack_entries([b"first", b"second"])
    whole = (0, 7, 15)
    for cut in set(range(len(packed))) - set(whole):
        with pytest.raises(FormatError):
            tlog.unpack_entries(packed[:cut])


def test_the_largest_entry_and_no_entry_too_many_are_read() -> None:
    largest = [bytes(65_535)]
    assert list(tlog.unpack_entries(tlog.pack_entries(largest))) == largest
    with pytest.raises(FormatError):
        tlog.unpack_entries(tlog.pack_entries([b""] * 257))


# --- proofs ---------------------------------------------------------------------------------


def test_a_proof_is_read_as_it_was_written() -> None:
    assert Proof.parse(PROOF.pack()) == PROOF
    assert PROOF.pack().startswith(b"c2sp.org/tlog-proof@v1\nindex 5\n")
    alone = Proof(0, (), PROOF.checkpoint)
    assert Proof.parse(alone.pack()) == alone


GOOD = PROOF.pack()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GOOD[: GOOD.index(b"\n\n")],
        GOOD[: GOOD.index(b"\n\n") + 2],
        GOOD.replace(b"@v1", b"@v2"),
        GOOD.replace(b"index 5", b"index 05"),
        GOOD.replace(b"index 5", b"index -5"),
        GOOD.replace(b"index 5", b"index  5"),
        GOOD.replace(b"index 5", b"extra AAAA\nindex 5"),
        GOOD.replace(b"index 5\n", b""),
        GOOD.replace(b"index 5", b"\xffndex 5"),
        GOOD.replace(b"=\n", b"==\n", 1),
        GOOD.replace(b"=\n", b"=\n" + 64 * (tlog.encode64(ROOT) + "\n").encode(), 1),
        GOOD + bytes(2_000_000),
    ],
)
def test_what_is_no_proof_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        Proof.parse(data)


@given(st.binary(max_size=100), st.integers(0, len(GOOD)))
def test_any_bytes_are_a_proof_of_one_form_or_none(noise: bytes, at: int) -> None:
    for data in (noise, GOOD[:at] + noise, GOOD[:at] + noise + GOOD[at:]):
        try:
            found = Proof.parse(data)
        except FormatError:
            continue
        assert found.pack() == data
