"""``cckit keys``, ``checkpoint``, ``follow --once``, ``prove`` and ``check``: good and bad."""

import json
import random
import shutil
import stat
from pathlib import Path
from typing import NamedTuple

import pytest

from cckit.core.note import Note, VKey
from cckit.core.tlog import Checkpoint, Proof
from cckit.hooks.signing import Signer
from cckit.stores.folder import Folder
from cckit.stores.signed import Signed
from cckit.stores.sqlite import SqliteStore

from .conftest import Run

ORIGIN = "cckit.simulated"


class Place(NamedTuple):
    """A log with its key."""

    log: Path
    key: Path
    vkey: str
    contact: str


def new_key(run: Run, path: Path, name: str = ORIGIN) -> str:
    done = run("keys", "new", name, "-o", path, "--json")
    assert done.code == 0, done.err
    (made,) = done.json["keys"]
    return str(made["vkey"])


@pytest.fixture
def place(run: Run, simulated: Path, tmp_path: Path) -> Place:
    """A signed log."""
    log = Path(shutil.copy(simulated, tmp_path / "day.db"))
    vkey = new_key(run, tmp_path / "key")
    assert run("checkpoint", log, "--key", tmp_path / "key").code == 0
    lines = run("log", log, "--type", "contact.closed", "--json").out.splitlines()
    contact = json.loads(lines[0])["stream"].removeprefix("contact/")
    return Place(log, tmp_path / "key", vkey, contact)


@pytest.fixture
def proof(run: Run, place: Place) -> Path:
    """A proof of position 100, its event beside it."""
    path = place.log.with_name("p.tlog-proof")
    assert run("prove", place.log, "--position", 100, "-o", path).code == 0
    return path


# --- keys -----------------------------------------------------------------------------------


def test_a_new_key_is_for_its_owner_alone(run: Run, tmp_path: Path) -> None:
    done = run("keys", "new", "day", "-o", tmp_path / "key")
    assert done.code == 0
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    signer = Signer.parse((tmp_path / "key").read_text().strip())
    assert VKey.parse(done.out.strip()) == signer.vkey
    assert run("keys", "show", tmp_path / "key").out == done.out
    assert "PRIVATE" not in done.out + done.err


def test_a_witness_has_a_key_of_its_own_kind(run: Run, tmp_path: Path) -> None:
    done = run("keys", "new", "w", "-o", tmp_path / "key", "--witness")
    assert VKey.parse(done.out.strip()).algorithm == 4


def test_no_key_is_written_over(run: Run, tmp_path: Path) -> None:
    new_key(run, tmp_path / "key")
    before = (tmp_path / "key").read_bytes()
    done = run("keys", "new", "day", "-o", tmp_path / "key")
    assert done.code == 2
    assert "is there already" in done.err
    assert (tmp_path / "key").read_bytes() == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "0 keys"),
        ("nothing", "no PRIVATE+KEY"),
        ("twice", "one of them twice"),
        ("two names", "several names"),
    ],
)
def test_a_file_of_no_keys_is_bad_input(run: Run, tmp_path: Path, content: str, said: str) -> None:
    draw = random.Random(1).randbytes
    one, other = (Signer.generate(name, draw).text() for name in "ab")
    texts = {"twice": f"{one}\n{one}\n", "two names": f"{one}\n{other}\n"}
    (tmp_path / "key").write_text(texts.get(content, content))
    (tmp_path / "key").chmod(0o600)
    done = run("keys", "show", tmp_path / "key")
    assert done.code == 2
    assert said in done.err
    assert one.split("+")[-1] not in done.err


def test_a_key_that_others_may_read_is_refused(run: Run, tmp_path: Path) -> None:
    new_key(run, tmp_path / "key")
    (tmp_path / "key").chmod(0o640)
    done = run("keys", "show", tmp_path / "key")
    assert done.code == 2
    assert "others may read it (mode 0640)" in done.err


def test_old_and_new_key_sign_until_the_exchange_ends(run: Run, place: Place) -> None:
    rotated = run("keys", "rotate", place.key, "--json")
    assert rotated.json["keys"][0]["vkey"] == place.vkey
    new = rotated.json["keys"][1]["vkey"]
    assert run("keys", "rotate", place.key).code == 2
    both = run("checkpoint", place.log, "--key", place.key, "--json").json["checkpoint"]
    assert [s.key_id for s in Note.parse(both.encode()).signatures] == [
        VKey.parse(text).key_id for text in (place.vkey, new)
    ]
    path = place.log.with_name("p.tlog-proof")
    assert run("prove", place.log, "--position", 3, "-o", path).code == 0
    for keys in ([place.vkey], [new], [place.vkey, new]):
        given = [part for text in keys for part in ("--key", text)]
        assert run("check", path, *given).code == 0
    finished = run("keys", "rotate", place.key, "--finish", "--json")
    assert [k["vkey"] for k in finished.json["keys"]] == [new]
    assert run("keys", "rotate", place.key, "--finish").code == 2
    assert stat.S_IMODE(place.key.stat().st_mode) == 0o600


# --- checkpoints ----------------------------------------------------------------------------


def test_a_checkpoint_is_signed_alike_each_time(run: Run, place: Place) -> None:
    first = run("checkpoint", place.log, "--key", place.key, "--json").json
    shutil.rmtree(place.log.with_suffix(".tiles"))
    again = run("checkpoint", place.log, "--key", place.key, "--json").json
    assert again == first
    note = Note.parse(first["checkpoint"].encode())
    found = Checkpoint.parse(note.text)
    assert (found.origin, found.size, found.root.hex()) == (
        first["origin"],
        first["size"],
        first["root"],
    )
    assert run("follow", place.log, "--key", place.key, "--once", "--json").json == first


def test_a_key_of_another_log_signs_nothing(run: Run, place: Place, tmp_path: Path) -> None:
    new_key(run, tmp_path / "other", "elsewhere")
    for command in ("checkpoint", "follow"):
        done = run(command, place.log, "--key", tmp_path / "other")
        assert done.code == 2
        assert "is of 'elsewhere', and the log's origin is 'cckit.simulated'" in done.err


def test_a_witness_and_its_key_come_together(run: Run, place: Place) -> None:
    done = run("checkpoint", place.log, "--key", place.key, "--witness", "http://localhost:1")
    assert done.code == 2
    assert "come together" in done.err


def test_foreign_tiles_are_made_anew_and_said_to_be(
    run: Run, place: Place, imported: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copy(imported, tmp_path / "other.db"))
    new_key(run, tmp_path / "key2", "cckit.imported")
    shutil.copytree(place.log.with_suffix(".tiles"), tmp_path / "other.tiles")
    done = run("prove", other, "--position", 1, "-o", tmp_path / "p")
    assert done.code == 2
    assert "they are of another log, cckit.simulated" in done.err
    done = run("checkpoint", other, "--key", tmp_path / "key2")
    assert done.code == 0
    assert "they are of another log, cckit.simulated; they are made anew" in done.err
    assert list(Signed(Folder(tmp_path / "other.tiles")).all())
    assert run("prove", other, "--position", 1, "-o", tmp_path / "p").code == 0


def test_a_log_in_the_place_of_one_that_was_signed_is_not_signed(
    run: Run, place: Place, files: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.db"
    traffic, staffing = files / "traffic.toml", files / "staffing.toml"
    made = run("simulate", traffic, "--staffing", staffing, "--log", other, "--seed", 4)
    assert made.code == 0, made.err
    shutil.copytree(place.log.with_suffix(".tiles"), tmp_path / "other.tiles")
    before = {p: p.read_bytes() for p in (tmp_path / "other.tiles").rglob("*") if p.is_file()}
    for command in (("checkpoint", other), ("follow", other, "--once")):
        done = run(*command, "--key", place.key)
        assert done.code == 1
        assert done.out == ""
        assert "this key signed another history of this log" in done.err
        assert "cckit restore LOG --origin NAME" in done.err
    after = {p: p.read_bytes() for p in (tmp_path / "other.tiles").rglob("*") if p.is_file()}
    assert after == before


# --- proofs that hold -----------------------------------------------------------------------


def test_a_position_is_proved(run: Run, place: Place, proof: Path) -> None:
    done = run("check", proof, "--key", place.vkey, "--json")
    assert done.code == 0
    assert done.json["verdict"] == "proved"
    assert done.json["signed_by"] == [ORIGIN]
    (event,) = done.json["events"]
    assert event["position"] == event["event"]["position"] == 100
    assert run("check", proof, "--key", place.vkey, "--log", place.log).code == 0


def test_the_event_can_be_given_by_file_or_in_hex(run: Run, place: Place, proof: Path) -> None:
    beside = proof.with_name("p.event")
    event = beside.read_bytes()
    elsewhere = beside.rename(proof.with_name("elsewhere"))
    assert run("check", proof, "--key", place.vkey, "--event", elsewhere).code == 0
    assert run("check", proof, "--key", place.vkey, "--event", event.hex()).code == 0
    done = run("check", proof, "--key", place.vkey, "--event", "nowhere")
    assert done.code == 2
    done = run("check", proof, "--key", place.vkey)
    assert done.code == 3
    assert "no event was given" in done.out


def test_an_event_that_lies_beside_the_proof_is_not_written_over(run: Run, place: Place) -> None:
    beside = place.log.with_name("p.event")
    beside.write_text("of another proof")
    done = run("prove", place.log, "--position", 100, "-o", place.log.with_name("p.tlog-proof"))
    assert done.code == 2
    assert "p.event: exists already" in done.err
    assert beside.read_text() == "of another proof"
    assert not place.log.with_name("p.tlog-proof").exists()


@pytest.mark.parametrize("what", ["--position", "--contact"])
@pytest.mark.parametrize("step", ["write", "sync", "rename"])
def test_a_disk_that_fails_leaves_no_proof_at_all(
    run: Run, place: Place, monkeypatch: pytest.MonkeyPatch, what: str, step: str
) -> None:
    """It fails when one file is written, and the next is not."""
    before = sorted(place.log.parent.iterdir())
    true, done_well = getattr(Folder, step), []

    def fail(*arguments: object) -> None:
        if done_well:
            raise OSError(28, "No space left on device")
        done_well.append(true(*arguments))

    monkeypatch.setattr(Folder, step, fail)
    wanted = 100 if what == "--position" else place.contact
    done = run("prove", place.log, what, wanted, "-o", place.log.with_name("p"))
    assert len(done_well) == 1
    assert done.code == 2
    assert "No space left on device" in done.err
    assert sorted(place.log.parent.iterdir()) == before


def test_a_contact_is_proved_wholly(run: Run, place: Place) -> None:
    folder = place.log.with_name("proofs")
    written = run("prove", place.log, "--contact", place.contact, "-o", folder, "--json").json
    shown = run("log", place.log, "--stream", f"contact/{place.contact}", "--json").out
    positions = [json.loads(line)["position"] for line in shown.splitlines()]
    assert written["positions"] == positions
    assert len(written["files"]) == 2 * len(positions)
    done = run("check", folder, "--key", place.vkey, "--json")
    assert done.code == 0
    events = [row["event"] for row in done.json["events"]]
    assert [event["position"] for event in events] == positions
    assert [event["stream_version"] for event in events] == list(range(len(events)))
    assert (done.json["level"], done.json["lacking"]) == ("included", None)
    assert run("check", folder, "--key", place.vkey).out.endswith(
        f"{folder}: PROVED, signed by {ORIGIN}\n{len(events)} events are in the log; "
        "whether there are others this does not show (see cckit bundle)\n"
    )


@pytest.mark.parametrize("version", [0, 1])
def test_a_contact_of_which_an_event_was_taken_out_is_not_proved(
    run: Run, place: Place, tmp_path: Path, version: int
) -> None:
    folder = tmp_path / "proofs"
    written = run("prove", place.log, "--contact", place.contact, "-o", folder, "--json").json
    at = written["positions"][version]
    for name in (f"{at}.tlog-proof", f"{at}.event"):
        (folder / name).unlink()
    done = run("check", folder, "--key", place.vkey, "--json")
    assert (done.code, done.json["verdict"]) == (3, "not provable")
    assert done.json["lacking"] == (
        f"version {version} of contact/{place.contact} is not among them"
    )
    assert {row["verdict"] for row in done.json["events"]} == {"proved"}
    done = run("check", folder, "--key", place.vkey)
    assert "NOT PROVABLE: version" in done.out
    assert "PROVED," not in done.out


# --- proofs that do not ---------------------------------------------------------------------


def test_without_a_key_nothing_is_proved(run: Run, proof: Path) -> None:
    done = run("check", proof, "--json")
    assert done.code == 3
    assert done.json["verdict"] == "not provable"
    assert "not checked: no key was given" in done.json["events"][0]["reason"]


def test_a_wrong_key_proves_nothing(run: Run, proof: Path, tmp_path: Path) -> None:
    other = new_key(run, tmp_path / "other")
    done = run("check", proof, "--key", other)
    assert done.code == 3
    assert "none of its 1 signatures is of a key that was given" in done.out


def test_a_proof_of_another_log_is_bad_input(run: Run, proof: Path, tmp_path: Path) -> None:
    other = new_key(run, tmp_path / "other", "elsewhere")
    done = run("check", proof, "--key", other)
    assert done.code == 2
    assert "is of the log 'cckit.simulated', and the key is of elsewhere" in done.err


def test_another_event_is_refuted(run: Run, place: Place, proof: Path) -> None:
    beside = proof.with_name("p.event")
    event = beside.read_bytes()
    for changed in (event[:-1] + b"\x00", event[:-1], b"", bytes([event[0], 99]) + event[2:]):
        beside.write_bytes(changed)
        done = run("check", proof, "--key", place.vkey)
        assert done.code == 1, changed
        assert "REFUTED" in done.out


def test_every_byte_of_a_proof_counts(run: Run, place: Place, proof: Path) -> None:
    whole = proof.read_bytes()
    draw = random.Random(4)
    for _ in range(100):
        at = draw.randrange(len(whole))
        changed = bytearray(whole)
        changed[at] ^= 1 << draw.randrange(8)
        proof.write_bytes(changed)
        done = run("check", proof, "--key", place.vkey)
        assert done.code in (1, 2, 3), bytes(changed)
        assert "PROVED," not in done.out
    for at in range(0, len(whole), 3):
        proof.write_bytes(whole[:at])
        assert run("check", proof, "--key", place.vkey).code == 2


def test_a_bad_signature_of_the_key_refutes(run: Run, place: Place, proof: Path) -> None:
    found = Proof.parse(proof.read_bytes())
    note = Note.parse(found.checkpoint)
    forged = note.text.replace("\n", "\n1", 1)  # A log that is longer.
    data = forged + found.checkpoint.decode()[len(note.text) :]
    proof.write_bytes(Proof(found.index, found.hashes, data.encode()).pack())
    done = run("check", proof, "--key", place.vkey)
    assert done.code == 1
    assert "REFUTED" in done.out


def test_a_checkpoint_that_was_signed_again_proves_nothing(
    run: Run, place: Place, proof: Path, tmp_path: Path
) -> None:
    other = Signer.generate(ORIGIN, random.Random(9).randbytes)
    found = Proof.parse(proof.read_bytes())
    text = Note.parse(found.checkpoint).text
    note = Note(text, (other.sign_note(text),)).pack()
    proof.write_bytes(Proof(found.index, found.hashes, note).pack())
    assert run("check", proof, "--key", place.vkey).code == 3


def test_two_proofs_in_one_are_bad_input(run: Run, place: Place, proof: Path) -> None:
    proof.write_bytes(proof.read_bytes() * 2)
    done = run("check", proof, "--key", place.vkey)
    assert done.code == 2
    assert "holds more than one proof" in done.err


def test_a_position_that_is_proved_twice_is_bad_input(
    run: Run, place: Place, proof: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("100", "copy"):
        shutil.copy(proof, folder / f"{name}.tlog-proof")
    done = run("check", folder, "--key", place.vkey)
    assert done.code == 2
    assert "position 100 is proved twice" in done.err


def beginning(log: Path, path: Path) -> int:
    """Make a log of the first half of the frames of another one; how many events it has."""
    store = SqliteStore.open(log, read_only=True)
    frames = list(store.read())
    half = SqliteStore.open(path, create=True, origin=store.origin, log_id=store.log_id)
    half.claim()
    for frame in frames[: len(frames) // 2]:
        assert half.append(frame, half.head()) is None
    half.close()
    store.close()
    return frames[len(frames) // 2].first


def test_a_checkpoint_from_the_future_is_bad_input(
    run: Run, place: Place, proof: Path, tmp_path: Path
) -> None:
    events = beginning(place.log, tmp_path / "half.db")
    done = run("check", proof, "--key", place.vkey, "--log", tmp_path / "half.db")
    assert done.code == 2
    assert f"half.db has {events}" in done.err
    shutil.copytree(place.log.with_suffix(".tiles"), tmp_path / "half.tiles")
    done = run("prove", tmp_path / "half.db", "--position", 3, "-o", tmp_path / "p")
    assert done.code == 2
    assert f"and the log has {events}" in done.err


def test_a_copy_with_another_history_refutes(
    run: Run, place: Place, files: Path, tmp_path: Path
) -> None:
    beginning(place.log, tmp_path / "half.db")
    assert run("checkpoint", tmp_path / "half.db", "--key", place.key).code == 0
    proof = tmp_path / "half.tlog-proof"
    assert run("prove", tmp_path / "half.db", "--position", 3, "-o", proof).code == 0
    assert run("check", proof, "--key", place.vkey, "--log", place.log).code == 0
    other = tmp_path / "other.db"
    rest = ("--staffing", files / "staffing.toml", "--log", other, "--seed", 4)
    assert run("simulate", files / "traffic.toml", *rest).code == 0
    done = run("check", proof, "--key", place.vkey, "--log", other)
    assert done.code == 1
    assert "is not over the beginning of" in done.err


# --- what can't be proved -------------------------------------------------------------------


def test_nothing_is_proved_without_a_checkpoint(run: Run, simulated: Path, tmp_path: Path) -> None:
    log = Path(shutil.copy(simulated, tmp_path / "day.db"))
    done = run("prove", log, "--position", 3, "-o", tmp_path / "p")
    assert done.code == 3
    assert "no checkpoint is over it" in done.err
    assert not (tmp_path / "p").exists()


def test_what_is_not_there_is_bad_input(run: Run, place: Place, tmp_path: Path) -> None:
    for arguments, said in (
        (["--position", 10**9], "the log ends at"),
        (["--contact", "nobody"], "the log has no contact 'nobody'"),
        ([], "what is to be proved?"),
        (["--position", 1, "--contact", place.contact], "what is to be proved?"),
    ):
        done = run("prove", place.log, *arguments, "-o", tmp_path / "p")
        assert done.code == 2, arguments
        assert said in done.err
    (tmp_path / "there").write_text("mine")
    done = run("prove", place.log, "--position", 1, "-o", tmp_path / "there")
    assert done.code == 2
    assert (tmp_path / "there").read_text() == "mine"


def test_a_spoilt_tile_gives_no_proof(run: Run, place: Place, tmp_path: Path) -> None:
    tile = place.log.with_suffix(".tiles") / "tile/0/000"
    content = bytearray(tile.read_bytes())
    content[100 * 32] ^= 1
    tile.write_bytes(content)
    done = run("prove", place.log, "--position", 101, "-o", tmp_path / "p")
    assert done.code == 2
    assert "does not lead to the checkpoint's root" in done.err
    assert not (tmp_path / "p").exists()


# --- verify --proof -------------------------------------------------------------------------


def test_tiles_and_checkpoints_are_held_to_the_log(run: Run, place: Place) -> None:
    done = run("verify", place.log, "--proof", "--key", place.vkey, "--json")
    assert done.code == 0
    found = done.json["proof"]
    assert found["ok"] is True
    assert found["error"] is None
    assert (found["checkpoints"], found["signed"]) == (1, 1)
    files = [p for p in place.log.with_suffix(".tiles").glob("tile/**/*") if p.is_file()]
    assert found["tiles"] == len(files)
    assert "proof" not in run("verify", place.log, "--json").json
    assert "checkpoints are those of the log" in run("verify", place.log, "--proof").out


def test_any_tile_that_was_changed_is_found(run: Run, place: Place) -> None:
    for tile in sorted(place.log.with_suffix(".tiles").glob("tile/**/*")):
        if not tile.is_file():
            continue
        whole = tile.read_bytes()
        changed = bytearray(whole)
        changed[len(whole) // 2] ^= 1
        tile.write_bytes(changed)
        done = run("verify", place.log, "--proof", "--json")
        assert done.code == 1, tile
        assert done.json["proof"]["error"]
        assert "NOT those of the log" in run("verify", place.log, "--proof").out
        tile.write_bytes(whole)
    assert run("verify", place.log, "--proof").code == 0


def test_a_checkpoint_that_another_key_signed_is_not_proved(
    run: Run, place: Place, tmp_path: Path
) -> None:
    other = new_key(run, tmp_path / "other")
    done = run("verify", place.log, "--proof", "--key", other, "--json")
    assert done.code == 3
    assert (done.json["proof"]["ok"], done.json["proof"]["signed"]) == (True, 0)
    assert run("verify", place.log, "--key", other).code == 2


def test_a_checkpoint_over_something_else_is_found(run: Run, place: Place) -> None:
    tiles = place.log.with_suffix(".tiles")
    for name in ("checkpoint", "checkpoints/000000000000"):
        file = tiles / name
        whole = file.read_bytes()
        for old, new in ((b"\n", b"\n1"), (ORIGIN.encode() + b"\n", b"elsewhere\n")):
            file.write_bytes(whole.replace(old, new, 1))
            assert run("verify", place.log, "--proof", "--key", place.vkey).code == 1
        file.write_bytes(whole)
