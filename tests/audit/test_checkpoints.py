"""Checkpoints beside a log are held against the tree of its own events."""

from pathlib import Path

import pytest

from cckit.core import facts as f
from cckit.core.merkle import Frontier, leaf_hash
from cckit.core.note import COSIGNATURE, Note, VKey
from cckit.core.tlog import Checkpoint
from cckit.hooks.signing import Signer
from cckit.shell.proof.auditing import audit_log
from cckit.shell.proof.pinning import pin_log
from cckit.stores.folder import Folder
from cckit.stores.signed import Signed
from cckit.stores.sqlite import SqliteStore

from .logs import ANNA, HOUR, Log

LOG_KEY = Signer("center", 1, b"\1" * 32)
WITNESS = Signer("witness.example", COSIGNATURE, b"\2" * 32)
KEYS = (LOG_KEY.vkey, WITNESS.vkey)


def root(log: Log, size: int) -> bytes:
    tree = Frontier()
    for frame in log.frames:
        for leaf in log.codec.leaves(frame.body, frame.first):
            if tree.size < size:
                tree.append(leaf_hash(leaf))
    assert tree.size == size
    return tree.root()


def note(
    log: Log, size: int, *, origin: str = "center", spoilt: bool = False, witness: bool = False
) -> bytes:
    found = bytes(32) if spoilt else root(log, min(size, log.next))
    text = Checkpoint(origin, size, found).text()
    lines = [LOG_KEY.sign_note(text)]
    if witness:
        lines.append(WITNESS.cosign(text, 1_700_000_000))
    return Note(text, tuple(lines)).pack()


def keep(folder: Path, *notes: bytes) -> None:
    tiles = folder / "a.tiles"
    (tiles / "checkpoints").mkdir(parents=True, exist_ok=True)
    signed = Signed(Folder(tiles))
    for one in notes:
        signed.keep(one, 1)


@pytest.fixture
def log() -> Log:
    found = Log()
    for n in range(40):
        found.add(f.AgentReady(), stream=f"agent/{n}", actor=ANNA)
    return found


def save(log: Log, folder: Path) -> Path:
    path = log.save(folder / "a.db")
    pin_log(path)
    return path


def test_a_log_without_checkpoints_says_that_there_are_none(log: Log, tmp_path: Path) -> None:
    found = audit_log(save(log, tmp_path))
    assert (found["checkpoints"], found["verdict"]) == (None, "holds")


def test_checkpoints_of_this_log_hold(log: Log, tmp_path: Path) -> None:
    path = save(log, tmp_path)
    keep(tmp_path, *(note(log, size) for size in (1, 2, 60, 60, log.next)))
    found = audit_log(path)
    assert found["verdict"] == "holds"
    assert found["checkpoints"] == {
        "ok": True,
        "compared": 5,
        "covered": log.next,
        "wrong": 0,
        "first": None,
        "verified": None,
        "witnesses": [],
        "claimed": [],
    }


def test_cosignatures_are_claims_until_their_keys_are_known(log: Log, tmp_path: Path) -> None:
    path = save(log, tmp_path)
    keep(tmp_path, note(log, 60, witness=True))
    without = audit_log(path)["checkpoints"]
    assert (without["witnesses"], without["claimed"]) == ([], ["witness.example"])
    found = audit_log(path, keys=KEYS)
    checked = found["checkpoints"]
    assert found["verdict"] == "holds"
    assert (checked["witnesses"], checked["claimed"]) == (["witness.example"], [])
    assert checked["verified"] == 1


def test_signed_by_nobody_whom_the_auditor_knows_is_not_proved(log: Log, tmp_path: Path) -> None:
    path = save(log, tmp_path)
    keep(tmp_path, note(log, 60))
    stranger = Signer("center", 1, b"\3" * 32).vkey
    found = audit_log(path, keys=(stranger,))
    assert found["verdict"] == "not provable"
    assert found["because"] == ["no checkpoint is signed by a key that was given"]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"spoilt": True, "size": 60}, "its root is not that of the log's events"),
        ({"origin": "other", "size": 60}, "it is of another log, other"),
        ({"size": 10**6}, "it is of more events than the log has"),
    ],
)
def test_a_checkpoint_that_is_not_of_this_log_is_named(
    wrong: dict[str, object], reason: str, log: Log, tmp_path: Path
) -> None:
    path = save(log, tmp_path)
    keep(tmp_path, note(log, 5), note(log, **wrong))  # type: ignore[arg-type]
    found = audit_log(path)
    assert (found["verdict"], found["because"]) == (
        "differs",
        ["a checkpoint is not of this log"],
    )
    assert found["checkpoints"]["first"] == {"size": wrong["size"], "reason": reason}
    assert found["checkpoints"]["covered"] == 5


def set_aside(folder: Path, *notes: bytes) -> None:
    keep(folder, *notes)
    Signed(Folder(folder / "a.tiles")).set_aside()


def test_checkpoints_that_were_set_aside_and_fit_hold(log: Log, tmp_path: Path) -> None:
    path = save(log, tmp_path)
    set_aside(tmp_path, note(log, 60), note(log, 61))
    set_aside(tmp_path, note(log, 5), b"spoilt")
    keep(tmp_path, note(log, 62))
    found = audit_log(path)
    assert (found["verdict"], found["checkpoints"]["compared"]) == ("holds", 4)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"spoilt": True, "size": 60}, "its root is not that of the log's events"),
        ({"size": 10**6}, "it is of more events than the log has"),
    ],
)
@pytest.mark.parametrize("signed", [False, True])
def test_a_second_history_is_found_in_what_was_set_aside(
    wrong: dict[str, object], reason: str, signed: bool, log: Log, tmp_path: Path
) -> None:
    path = save(log, tmp_path)
    set_aside(tmp_path, note(log, **wrong))  # type: ignore[arg-type]
    if signed:
        keep(tmp_path, note(log, 62))
    found = audit_log(path)
    assert (found["verdict"], found["because"]) == ("differs", ["a checkpoint is not of this log"])
    told = f"{reason}; it was set aside when tiles were made anew"
    assert found["checkpoints"]["first"] == {"size": wrong["size"], "reason": told}


def test_tiles_of_another_log_that_were_set_aside_say_nothing(log: Log, tmp_path: Path) -> None:
    path = save(log, tmp_path)
    set_aside(tmp_path, note(log, 60, origin="other", spoilt=True))
    assert audit_log(path)["verdict"] == "holds"


def test_what_an_older_name_signed_counts_up_to_the_copy(log: Log, tmp_path: Path) -> None:
    path = save(log, tmp_path)
    store = SqliteStore.open(path)
    size = (store.head().position or 0) + 1
    store.continue_as("newer")
    store.close()
    set_aside(tmp_path, note(log, size + 1, spoilt=True))
    assert audit_log(path)["verdict"] == "holds", "the new name says that a tail is lacking"
    set_aside(tmp_path, note(log, 60, spoilt=True))
    assert audit_log(path)["verdict"] == "differs"


def test_checkpoints_that_go_back_are_named(log: Log, tmp_path: Path) -> None:
    path = save(log, tmp_path)
    keep(tmp_path, note(log, 60), note(log, 59), note(log, 61))
    found = audit_log(path)["checkpoints"]
    assert (found["wrong"], found["covered"]) == (1, 61)
    assert found["first"] == {
        "size": 59,
        "reason": "it is of fewer events than the one before it",
    }


def test_a_signature_that_does_not_hold_is_named(log: Log, tmp_path: Path) -> None:
    path = save(log, tmp_path)
    good, other = note(log, 60), note(log, 61)
    text, signatures = good.split(b"\n\n")[0], other.split(b"\n\n")[1]
    keep(tmp_path, text + b"\n\n" + signatures)
    assert audit_log(path)["verdict"] == "holds"  # Nobody asked who signed it.
    found = audit_log(path, keys=(LOG_KEY.vkey,))
    assert found["checkpoints"]["first"]["reason"] == "the signature of center does not hold"


def test_a_checkpoint_beyond_the_position_asked_for_is_not_judged(log: Log, tmp_path: Path) -> None:
    path = save(log, tmp_path)
    keep(tmp_path, note(log, 60), note(log, log.next))
    found = audit_log(path, at=62)["checkpoints"]
    assert (found["ok"], found["compared"]) == (True, 1)


def test_an_event_that_waits_long_for_a_checkpoint_is_listed_once(log: Log, tmp_path: Path) -> None:
    covered = log.next
    at = log.at
    log.add(f.AgentReady(), stream="agent/late", actor=ANNA)
    log.add(f.AgentReady(), stream="agent/later", actor=ANNA, at=at + 25 * HOUR)
    end = log.next
    path = log.save(tmp_path / "a.db")
    keep(tmp_path, note(log, covered), note(log, end))
    found = audit_log(path)["anomalies"]["checkpoint.late"]
    told = {"noticed_at": at + 25 * HOUR, "waited_us": 25 * HOUR}
    assert found == {"count": 1, "first": [{"position": covered, "at": at, **told}]}


def test_what_no_checkpoint_covers_is_late_too(log: Log, tmp_path: Path) -> None:
    covered, at = log.next, log.at
    log.add(f.AgentReady(), stream="agent/late", actor=ANNA)
    log.add(f.AgentReady(), stream="agent/later", actor=ANNA, at=at + 25 * HOUR)
    path = log.save(tmp_path / "a.db")
    keep(tmp_path, note(log, covered))
    assert audit_log(path)["anomalies"]["checkpoint.late"]["count"] == 1


def test_vkeys_are_given_as_text() -> None:
    assert [VKey.parse(key.text()) for key in KEYS] == list(KEYS)
