"""Bundles that somebody has made to deceive: each is refused, by its own words and exit code."""

import hashlib
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any
from zipfile import ZIP_DEFLATED

import msgpack
import pytest

from cckit.cli import verify_bundle as verifier
from cckit.core import merkle
from cckit.core.note import ED25519
from cckit.hooks.signing import P, Signer
from tests.proof.small_log import (
    DISCLOSED,
    FIRST,
    FORGED,
    HISTORY,
    KEY,
    OF_A,
    OF_QUEUE,
    OF_RANGE,
    OTHER,
    WITNESSES,
    SmallLog,
    changed,
    judged,
    keys,
    members,
    packed,
    renamed,
    verdicts,
    with_member,
    words,
    zipped,
)

Tier = Callable[[int, int, int], int]
Publish = Callable[[str], None]
LOG = SmallLog()
GOOD = LOG.bundle(OF_A)
REFUTED, UNPROVABLE = verifier.REFUTED, verifier.UNPROVABLE


def run(data: bytes, folder: Path, *more: str) -> int:
    file = folder / "b.zip"
    file.write_bytes(data)
    return verifier.verify_bundle(file, key=more or (KEY.vkey.text(),))


# --- what the file is -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK",
        b"PK\x03\x04" + bytes(26),
        b"SQLite format 3\x00" + bytes(4000),
        b"\xff" * 4000,
        GOOD[:-1],
        GOOD[: len(GOOD) // 2],
        GOOD + b"\x00",
        b"\x00" + GOOD,
        GOOD + GOOD,
        GOOD[:-2] + b"\x01\x00!",
    ],
    ids=range(11),
)
def test_what_is_no_bundle_or_cut_off_or_doubled_is_bad_input(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"should be stands|cut off|is compressed"):
        verifier.Bundle(data)
    assert run(data, tmp_path) == 2


@pytest.mark.parametrize("name", [*members(GOOD)])
def test_a_member_that_is_missing_renamed_or_senseless_is_bad_input(name: str) -> None:
    found = members(GOOD)
    without = {key: data for key, data in found.items() if key != name}
    for other in (without, {**without, "../" + name: found[name]}):
        with pytest.raises(ValueError, match="should be stands"):
            verifier.Bundle(zipped(other))
    senseless = with_member(GOOD, name, b"x" * 99)
    if name == "proof.bin":  # Any bytes are some hashes.
        assert verdicts(senseless) == FORGED
    else:
        with pytest.raises(ValueError, match=r"Expecting value|checkpoint that is no|cut off"):
            verifier.Bundle(senseless)


@pytest.mark.parametrize("name", ["x", "../checkpoint", "/etc/passwd", "a\\b", "proof.bin", "zz"])
def test_a_member_too_many_is_bad_input(name: str) -> None:
    for place in range(7):
        found = [*members(GOOD).items()]
        if (name, b"x") not in found:
            found.insert(place, (name, b"x"))
        data = raw_zip(found)
        with pytest.raises(ValueError, match=r"should be stands|after its members"):
            verifier.Bundle(data)


def raw_zip(found: list[tuple[str, bytes]]) -> bytes:
    """A zip of members in any order, also twice."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *args, **more: None)
        return zipped(_Twice(found))


class _Twice(dict[str, bytes]):
    """Members of which two may have one name."""

    def __init__(self, found: list[tuple[str, bytes]]) -> None:
        super().__init__(found)
        self._found = found

    def items(self) -> Any:
        return self._found


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    bomb = zipped({**members(GOOD), "events.bin": bytes(50_000_000)}, ZIP_DEFLATED)
    assert len(bomb) < 60_000
    with pytest.raises(ValueError, match="or it is compressed"):
        verifier.Bundle(bomb)
    assert run(bomb, tmp_path) == 2


def test_more_than_an_auditor_can_hold_is_not_read(tmp_path: Path) -> None:
    huge = tmp_path / "huge.zip"
    with huge.open("wb") as file:
        file.truncate(verifier.SIZE_MAX + 1)
    assert verifier.verify_bundle(huge, key=(KEY.vkey.text(),)) == 2


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 900_000,
        b'["cckit bundle 1", "contact"]',
        b'["cckit bundle 2", "contact", "a"]',
        b'["cckit bundle 1", "contact", 7]',
        b'["cckit bundle 1", "contact", "a", "b"]',
        b'["cckit bundle 1", "range", 0, 1.5]',
        b'["cckit bundle 1", "range", 0, true]',
        b'["cckit bundle 1", "everything"]',
        b'["cckit bundle 1", ["contact"], "a"]',
        b'["cckit bundle 1","contact","a"]',
        b'["cckit bundle 1", "contact", "\\u0061"]',
        b'{"contact": "a"}',
        b'"contact"',
        b"7",
        b"null",
        b"[]",
        b"NaN",
        b"[" + b"9" * 5_000 + b"]",
        b"\xff",
        b"",
    ],
    ids=range(20),
)
def test_a_question_of_no_form_is_bad_input(text: bytes, tmp_path: Path) -> None:
    assert run(with_member(GOOD, "bundle.json", text), tmp_path) == 2


@pytest.mark.parametrize(
    "events",
    [
        b"",
        b"\x00",
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x01\xc0",
        b"\x00\x01\x00\x00" + bytes(65_536),
        packed([b"\x91" * 60_000]),
        packed([b"\xdd\xff\xff\xff\xff"]),
        packed([b"\xdc\xff\xff" + b"\xc0" * 65_000]),
        packed([LOG.leaves[0], LOG.leaves[0]]),
        packed([LOG.leaves[1], LOG.leaves[0]]),
        packed([changed(LOG.leaves[0], 0, -1)]),
        packed([changed(LOG.leaves[0], 3, None)]),
        packed([LOG.leaves[0] + b"\x00"]),
        packed([LOG.leaves[0][:-1]]),
    ],
    ids=range(14),
)
def test_events_of_no_form_are_bad_input(events: bytes, tmp_path: Path) -> None:
    assert run(with_member(GOOD, "events.bin", events), tmp_path) == 2


@pytest.mark.parametrize(
    "text",
    [b'[["a"]]', b"[1]", b'[[1, "f", "00", 5]]', b"[ ]", b'{"a": 1}', b"x", b"{}"],
    ids=range(7),
)
def test_disclosures_of_no_form_are_bad_input(text: bytes, tmp_path: Path) -> None:
    assert run(with_member(GOOD, "disclosed.json", text), tmp_path) == 2


# --- who signed -----------------------------------------------------------------------------


def test_without_a_key_a_bundle_is_consistent_and_its_signer_not_checked(tmp_path: Path) -> None:
    report = verifier.Bundle(GOOD).judge({}, {}, 0)
    assert report["verdict"] == UNPROVABLE
    assert report["claims"]["signature"]["what"].startswith("consistent, signer not checked")
    assert report["claims"]["completeness"]["verdict"] == verifier.PROVED
    (tmp_path / "b.zip").write_bytes(GOOD)
    assert verifier.verify_bundle(tmp_path / "b.zip") == 3


def test_another_key_than_who_signed_proves_nothing(tmp_path: Path) -> None:
    assert verdicts(GOOD, OTHER) == {"signature": UNPROVABLE}
    assert "no given key signed log.example/day" in words(GOOD, "signature", OTHER)
    assert run(GOOD, tmp_path, OTHER.vkey.text()) == 3


def test_who_signs_a_forged_log_with_a_key_of_their_own_proves_nothing() -> None:
    forged = SmallLog(renamed(HISTORY, 5, reason="abandoned"), key=OTHER)
    assert verdicts(forged.bundle(OF_A)) == {"signature": UNPROVABLE}


def test_a_signature_under_another_root_is_refuted() -> None:
    forged = SmallLog(renamed(HISTORY, 5, reason="abandoned"))
    signature = LOG.checkpoint().rpartition(b"\n\n")[2]
    note = forged.checkpoint().rpartition(b"\n\n")[0] + b"\n\n" + signature
    assert verdicts(forged.bundle(OF_A, checkpoint=note)) == {"signature": REFUTED}


def test_the_key_of_another_log_does_not_sign_for_this_one() -> None:
    """An auditor of two logs gives both keys; each speaks for its own origin alone."""
    elsewhere = Signer("log.example/night", ED25519, bytes(range(9, 41)))
    log = SmallLog()
    log.key = elsewhere
    ours, theirs = LOG.checkpoint(), log.checkpoint()
    line = elsewhere.sign_note(ours.decode().split("\n\n")[0] + "\n").line().encode()
    crossed = ours.split(b"\n\n")[0] + b"\n\n" + line
    data = LOG.bundle(OF_A, checkpoint=crossed)
    assert verdicts(data, KEY, elsewhere) == {"signature": UNPROVABLE}
    assert verdicts(log.bundle(OF_A, checkpoint=theirs), KEY, elsewhere) == {}


def test_keys_of_small_order_or_another_kind_are_no_keys(tmp_path: Path) -> None:
    for y in (0, 1, P - 1):
        raw = b"\x01" + y.to_bytes(32, "little")
        id = hashlib.sha256(b"log.example/day\n" + raw).digest()[:4]
        text = f"log.example/day+{id.hex()}+{b64encode(raw).decode()}"
        note = LOG.checkpoint().rpartition(b"\n\n")[0] + b"\n\n"
        forged = id + raw[1:] + bytes(32)
        note += "— log.example/day ".encode() + b64encode(forged) + b"\n"
        data = LOG.bundle(OF_A, checkpoint=note)
        assert run(data, tmp_path, text) == 1
    assert run(GOOD, tmp_path, WITNESSES[0].vkey.text()) == 2
    assert run(GOOD, tmp_path, "nonsense") == 2


def test_a_quorum_is_of_witnesses_that_the_auditor_knows() -> None:
    one, both = LOG.bundle(OF_A, witnesses=WITNESSES[:1]), LOG.bundle(OF_A, witnesses=WITNESSES)
    assert judged(both, quorum=2)["verdict"] == verifier.PROVED
    assert judged(one, quorum=2)["claims"]["witnesses"] == {
        "verdict": UNPROVABLE,
        "what": "1 of 2 witnesses cosigned",
    }
    assert judged(GOOD, quorum=1)["verdict"] == UNPROVABLE
    twice = LOG.checkpoint(witnesses=(WITNESSES[0], WITNESSES[0]))
    data = LOG.bundle(OF_A, checkpoint=twice)
    assert judged(data, quorum=2)["verdict"] == UNPROVABLE


def test_a_forged_cosignature_refutes() -> None:
    note = LOG.checkpoint(witnesses=WITNESSES)
    lines = note.split(b"\n")
    raw = bytearray(verifier.unbase64(lines[-2].split(b" ")[2].decode()))
    raw[10] ^= 1  # A second of its time.
    lines[-2] = b" ".join([*lines[-2].split(b" ")[:2], b64encode(bytes(raw))])
    report = judged(LOG.bundle(OF_A, checkpoint=b"\n".join(lines)), quorum=1)
    assert report["claims"]["witnesses"]["verdict"] == REFUTED


def test_a_quorum_below_zero_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(GOOD)
    assert verifier.verify_bundle(tmp_path / "b.zip", key=(KEY.vkey.text(),), quorum=-1) == 2


# --- what is in the log ---------------------------------------------------------------------


def test_a_proof_of_another_log_leads_to_another_root() -> None:
    other = SmallLog(renamed(HISTORY, 20, part=1))
    proof = members(other.bundle(OF_A))["proof.bin"]
    assert verdicts(with_member(GOOD, "proof.bin", proof)) == FORGED
    assert verdicts(with_member(GOOD, "checkpoint", other.checkpoint())) == FORGED


def test_a_checkpoint_from_the_future_or_the_past_does_not_fit() -> None:
    older = LOG.bundle(OF_A, size=LOG.size - 3)
    assert verdicts(older) == {}
    assert verdicts(with_member(older, "checkpoint", LOG.checkpoint())) == FORGED
    assert verdicts(with_member(GOOD, "checkpoint", LOG.checkpoint(LOG.size - 3))) == FORGED
    too_old = with_member(GOOD, "checkpoint", LOG.checkpoint(FIRST + 2))
    assert verdicts(too_old) == FORGED
    assert words(too_old, "inclusion").startswith(f"position {FIRST + 5}")


@pytest.mark.parametrize("change", [b"", b"\x00" * 32, b"\x00"])
def test_hashes_too_many_or_too_few_are_refuted(change: bytes) -> None:
    proof = members(GOOD)["proof.bin"]
    other = proof + change if change else proof[:-32]
    assert verdicts(with_member(GOOD, "proof.bin", other)) == FORGED
    assert verdicts(with_member(GOOD, "proof.bin", b"")) == FORGED


def test_an_older_checkpoint_must_be_the_beginning_of_the_newer() -> None:
    good = LOG.bundle(OF_RANGE, older=FIRST - 1)
    assert verdicts(good) == {}
    assert f"which grew from that of {FIRST - 1}" in words(good, "inclusion")
    forged = SmallLog(renamed(HISTORY, 0, kind="simulated"))
    for older in (forged.checkpoint(FIRST + 1), LOG.checkpoint(0)):
        data = with_member(LOG.bundle(OF_RANGE, older=FIRST + 1), "older", older)
        assert verdicts(data) == FORGED
    unsigned = SmallLog(key=OTHER).checkpoint(FIRST - 1)
    assert verdicts(with_member(good, "older", unsigned)) == {"signature": UNPROVABLE}
    assert verdicts(LOG.bundle(OF_RANGE, older=LOG.size)) == {}
    later = with_member(LOG.bundle(OF_RANGE, size=FIRST + 12), "older", LOG.checkpoint())
    assert verdicts(later) == FORGED


OTHERWISE: dict[int, Any] = {
    1: 5, 2: 5, 3: "contact/b", 4: 9, 5: "contact.opened", 6: 2, 7: "agent", 8: "anna", 9: 3,
    10: "a", 11: bytes(24), 12: b"\x93\xa1a\xa1b\xa1c",
}  # fmt: skip


def unnoticed(data: bytes) -> set[str]:
    """The fields of an event that can be changed without the verifier's noticing."""
    found = set()
    events = {head[0]: leaf for leaf in leaves(data) if (head := msgpack.unpackb(leaf))}
    at = FIRST + 5
    for place, value in OTHERWISE.items():
        other = {**events, at: changed(events[at], place, value)}
        report = judged(with_member(data, "events.bin", packed(other)))
        if report["claims"]["inclusion"]["verdict"] == verifier.PROVED:
            found.add(verifier.Event._fields[place])
    return found


def leaves(data: bytes) -> list[bytes]:
    found, at = [], 0
    events = members(data)["events.bin"]
    while at < len(events):
        end = at + 4 + int.from_bytes(events[at : at + 4], "big")
        found.append(events[at + 4 : end])
        at = end
    return found


def test_every_field_of_an_event_is_proved() -> None:
    assert unnoticed(GOOD) == set()


@pytest.mark.planted("B leaf without actor or time")
def test_a_leaf_that_leaves_out_actor_and_time_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(leaf: bytes) -> bytes:
        fields = msgpack.unpackb(leaf)
        fields[1] = fields[7] = fields[8] = None
        return merkle.leaf_hash(msgpack.packb(fields))

    def digest(data: bytes) -> Any:
        if data[:1] == b"\x00":
            fields = msgpack.unpackb(data[1:])
            fields[1] = fields[7] = fields[8] = None
            data = b"\x00" + msgpack.packb(fields)
        return hashlib.sha256(data)

    data = SmallLog(leaf_hash=forgetful).bundle(OF_A)
    assert verdicts(data) == FORGED, "whoever hashes whole leaves sees it at once"
    monkeypatch.setattr(verifier, "sha256", digest)
    assert verdicts(data) == {}
    assert unnoticed(data) == {"at", "kind", "by"}


def test_swapped_or_reordered_events_are_refused() -> None:
    events = LOG.pick(OF_A)
    a, other = FIRST + 1, FIRST + 5
    swapped = {**events, a: changed(events[other], 0, a), other: changed(events[a], 0, other)}
    assert verdicts(with_member(GOOD, "events.bin", packed(swapped)))["inclusion"] == REFUTED
    with pytest.raises(ValueError, match="stands twice, or out of order"):
        verifier.Bundle(with_member(GOOD, "events.bin", packed([*events.values()][::-1])))
    moved = packed(sorted(events.values(), key=len))
    with pytest.raises(ValueError, match="stands twice, or out of order"):
        verifier.Bundle(with_member(GOOD, "events.bin", moved))


# --- every bit ------------------------------------------------------------------------------


def test_every_bit_of_a_bundle_counts(tier: Tier, publish: Publish) -> None:
    step, refused = tier(5, 1, 1), 0
    for bit in range(0, 8 * len(GOOD), step):
        spoilt = bytearray(GOOD)
        spoilt[bit // 8] ^= 1 << bit % 8
        with pytest.raises((ValueError, TypeError, LookupError)):
            verifier.Bundle(bytes(spoilt))
        refused += 1
    publish(f"bundle: {refused:,} of {8 * len(GOOD):,} bits flipped, all refused")


def test_every_bit_of_a_member_counts_when_its_checksum_is_mended(
    tier: Tier, publish: Publish
) -> None:
    """Signatures of keys that are not given say nothing, good or bad; all else must hold."""
    found, draw, count = members(GOOD), Random(1), 0
    for name, content in found.items():
        bits = range(8 * len(content))
        for bit in sorted(draw.sample(bits, min(len(bits), tier(400, 10_000, 10**9)))):
            spoilt = bytearray(content)
            spoilt[bit // 8] ^= 1 << bit % 8
            count += 1
            try:
                whole = verifier.Bundle(zipped({**found, name: bytes(spoilt)}))
            except (ValueError, TypeError, LookupError):
                continue
            # Signatures are over the checkpoint alone, and take their time.
            claims = whole.judge(keys(KEY) if name == "checkpoint" else {}, {}, 0)["claims"]
            judged_by = claims if name == "checkpoint" else [*claims][1:]
            assert any(claims[one]["verdict"] != verifier.PROVED for one in judged_by), (name, bit)
    publish(f"bundle: {count:,} bits flipped under a right checksum, none proved")


def test_random_members_never_make_it_stumble(tier: Tier, publish: Publish) -> None:
    draw, count = Random(7), tier(300, 10_000, 1_000_000)
    seeds = [LOG.bundle(q, disclosed=DISCLOSED if q is OF_A else ()) for q in (OF_A, OF_QUEUE)]
    for _ in range(count):
        data = draw.choice(seeds)
        found = members(data)
        name = draw.choice([*found])
        content = bytearray(found[name])
        for _ in range(draw.randrange(1, 4)):
            at = draw.randrange(len(content) + 1)
            content[at : at + draw.randrange(4)] = draw.randbytes(draw.randrange(4))
        forged = zipped({**found, name: bytes(content)})
        same = bytes(content) == found[name]
        try:
            report = verifier.Bundle(forged).judge({}, {}, 0)
        except (ValueError, TypeError, LookupError, RecursionError):
            continue
        proved = [one["verdict"] for one in report["claims"].values()].count(verifier.PROVED)
        assert same or name == "checkpoint" or proved < 4, (name, bytes(content))
    publish(f"bundle: {count:,} random changes, only declared errors")
