"""``cckit bundle``: the right events, reproducible bytes, and a verifier that needs nothing."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cckit.cli import verify_bundle as verifier
from cckit.cli.main import main
from cckit.core import bundle as b
from cckit.core.errors import UsageError
from cckit.core.ids import QueueId
from cckit.hooks.signing import Signer
from cckit.shell.proof.signers import write_signers
from tests.proof.small_log import (
    COUNTED,
    FIRST,
    HELP,
    OF_A,
    OF_QUEUE,
    SmallLog,
    judged,
    members,
    zipped,
)

LOG = SmallLog()
TRAFFIC = """
start = 2026-03-02T08:00:00
zone = "Asia/Jerusalem"
hours = 0.5

[[arrivals]]
queue = "service"
per_hour = 60
patience = { kind = "exponential", mean_s = 120 }
handling = { kind = "exponential", mean_s = 150 }
"""
STAFFING = '[[queue]]\nid = "service"\nwrapup_s = 10\n\n[[shift]]\nagents = 2\n'


# --- which events, in which bytes -----------------------------------------------------------


def test_of_a_contact_are_its_events_and_the_declarations_of_their_types() -> None:
    positions = [*LOG.pick(OF_A)]
    assert positions[0] == 0
    assert [at for at in positions if at >= FIRST] == [*range(FIRST + 1, FIRST + 6)]
    heads = [b.head_of(LOG.leaves[at]) for at in positions]
    declared = [head for head in heads if head.type == "schema.declared"]
    assert len(declared) == 1 + len({head.type for head in heads} - {"schema.declared"})


def test_of_a_queue_are_whole_contacts_and_both_countings() -> None:
    heads = [b.head_of(leaf) for leaf in LOG.pick(OF_QUEUE).values()]
    assert {head.stream for head in heads} == {"center", "contact/c", "contact/e"}
    counted = [head.position for head in heads if head.type == "ledger.counted"]
    assert counted == [*COUNTED[:2]]


def test_nothing_belongs_to_a_contact_that_is_not_there() -> None:
    assert LOG.pick(b.OfContact(OF_A.contact[:0])) == {}


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        (None, None, (None, COUNTED[2])),
        (0, None, (None, COUNTED[2])),
        (COUNTED[0], COUNTED[1], (COUNTED[0], COUNTED[1])),
        (COUNTED[0] + 1, COUNTED[0] + 2, (COUNTED[0], COUNTED[1])),
        (COUNTED[1], COUNTED[2] + 1, (COUNTED[1], None)),
        (None, 3, (None, COUNTED[0])),
    ],
)
def test_the_countings_are_those_around_the_positions(
    first: int | None, last: int | None, found: tuple[int | None, int | None]
) -> None:
    assert b.ledgers_around(HELP, first, last, lambda _: LOG.leaves, LOG.codec) == found


def test_a_queue_that_nobody_counted_has_no_countings() -> None:
    around = b.ledgers_around(QueueId("none"), None, None, lambda _: LOG.leaves, LOG.codec)
    assert around == (None, None)


def test_the_same_bundle_has_the_same_bytes_for_ever() -> None:
    data = LOG.bundle(OF_A)
    assert data == SmallLog().bundle(OF_A)
    pinned = "c386e059b3ef260b4cdb156967b4166bd200de385b5f6e4a7b722f8ed9642694"
    assert sha256(data).hexdigest() == pinned
    assert zipped(members(data)) == data, "a zip as zipfile of any Python writes it"
    assert [*members(data)] == [*verifier.MEMBERS]


@pytest.mark.parametrize("positions", [[], [1, 1], [2, 1], [-1], [99]])
def test_a_proof_is_of_ascending_positions_in_the_tree(positions: list[int]) -> None:
    with pytest.raises(UsageError, match="no such positions"):
        b.tree_proof(positions, 20, LOG.read)


def test_more_than_can_be_checked_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return 64 << 20

    with pytest.raises(UsageError, match="at most 400000 in 64 MiB"):
        b.pack(OF_A, LOG.pick(OF_A), LOG.checkpoint(), Huge())
    monkeypatch.setattr(b, "EVENTS_MAX", len(LOG.pick(OF_A)) - 1)
    with pytest.raises(UsageError, match="ask for a smaller range") as caught:
        b.pack(OF_A, LOG.pick(OF_A), LOG.checkpoint(), b"")
    assert caught.value.where == "bundle"


def test_of_all_positions_nothing_but_the_events_is_needed() -> None:
    everything = b.OfRange(0, LOG.size - 1)
    data = LOG.bundle(everything)
    assert members(data)["proof.bin"] == b""
    assert judged(data)["verdict"] == verifier.PROVED


# --- the commands ---------------------------------------------------------------------------


class Signed(NamedTuple):
    """A folder with day.db, whose checkpoint covers all of it, and its public key."""

    folder: Path
    key: str
    contact: str

    @property
    def log(self) -> Path:
        return self.folder / "day.db"


class Done(NamedTuple):
    code: int
    out: str
    err: str


Run = Any


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: object) -> Done:
        capsys.readouterr()
        return Done(main([str(one) for one in arguments]), *capsys.readouterr())

    return command


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    folder = tmp_path_factory.mktemp("signed")
    (folder / "traffic.toml").write_text(TRAFFIC, "utf-8")
    (folder / "staffing.toml").write_text(STAFFING, "utf-8")
    log, key = folder / "day.db", Signer("cckit.simulated", 1, bytes(range(32)))
    write_signers(folder / "day.key", [key], new=True)
    played = ["simulate", folder / "traffic.toml", "--staffing", folder / "staffing.toml"]
    for command in (
        [*played, "--log", log, "--seed", 3],
        ["checkpoint", log, "--key", folder / "day.key"],
        ["pin", log],
        ["checkpoint", log, "--key", folder / "day.key"],
    ):
        assert main([str(part) for part in command]) == 0
    return Signed(folder, key.vkey.text(), first_contact(log))


def first_contact(log: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cckit.cli", "log", str(log), "--type", "contact.created", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    stream: str = json.loads(done.stdout.splitlines()[0])["stream"]
    return stream.removeprefix("contact/")


def questions(signed: Signed) -> list[tuple[str, ...]]:
    return [("--contact", signed.contact), ("--queue", "service"), ("--from", "30", "--to", "90")]


@pytest.mark.parametrize(("n", "level"), [(0, "counted"), (1, "counted"), (2, "replayed")])
def test_what_is_handed_out_is_proved_offline_by_the_file_beside_it(
    run: Run, signed: Signed, tmp_path: Path, n: int, level: str
) -> None:
    out = tmp_path / "b.zip"
    done = run("bundle", signed.log, *questions(signed)[n], "-o", out, "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["level"] == level
    assert told["file"] == str(out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.zip", "verify_bundle.py"]
    assert b"verify_bundle" not in out.read_bytes()
    # Nothing but the two files: no package, no environment, no folder of its own.
    command = [sys.executable, "-I", "-S", tmp_path / "verify_bundle.py", out]
    alone = subprocess.run(
        [*command, "--key", signed.key, "--json"], capture_output=True, env={}, cwd="/"
    )
    assert alone.returncode == 0, alone.stderr
    report = json.loads(alone.stdout)
    assert (report["verdict"], report["level"]) == ("proved", level)
    assert {one["verdict"] for one in report["claims"].values()} == {"proved"}
    within = run("verify-bundle", out, "--key", signed.key, "--json")
    assert (within.code, json.loads(within.out)) == (0, report)
    assert run("verify-bundle", out).code == 3


def test_who_waits_for_a_bundle_is_told_how_far_it_is(
    run: Run, signed: Signed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, list[int]] = {}

    @contextmanager
    def progress(title: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        yield told.setdefault(title, []).append

    monkeypatch.setattr("cckit.cli.bundle.progress", progress)
    assert run("bundle", signed.log, "--queue", "service", "-o", tmp_path / "b.zip").code == 0
    assert [*told] == ["reading", "checking"]
    assert len(told["reading"]) > 2


def test_the_same_question_gives_the_same_file(run: Run, signed: Signed, tmp_path: Path) -> None:
    for question in questions(signed):
        found = set()
        for name in ("one.zip", "two.zip"):
            out = tmp_path / name
            assert run("bundle", signed.log, *question, "-o", out).code == 0
            found.add(out.read_bytes())
            out.unlink()
        assert len(found) == 1


def test_people_are_told_each_claim_in_words(run: Run, signed: Signed, tmp_path: Path) -> None:
    out = tmp_path / "b.zip"
    done = run("bundle", signed.log, "--contact", signed.contact, "-o", out)
    assert "proved completeness: counted: contact" in done.out
    told = run("verify-bundle", out, "--key", signed.key).out
    assert told.startswith(f"proved, counted: contact {signed.contact} of the first ")
    assert "signature: signed by cckit.simulated" in told
    assert told.count("\n") == 6


def test_a_range_after_an_older_checkpoint_shows_that_the_tree_grew(
    run: Run, signed: Signed, tmp_path: Path
) -> None:
    done = run("bundle", signed.log, "--from", 300, "--to", 300, "-o", tmp_path / "b.zip", "--json")
    assert "grew from" not in json.loads(done.out)["claims"]["inclusion"]["what"]
    last = json.loads(done.out)["size"] - 1
    done = run(
        "bundle", signed.log, "--from", last, "--to", last, "-o", tmp_path / "c.zip", "--json"
    )
    assert ", which grew from that of" in json.loads(done.out)["claims"]["inclusion"]["what"]


def test_what_no_checkpoint_covers_is_not_provable(
    run: Run, signed: Signed, tmp_path: Path
) -> None:
    alone = Path(shutil.copy(signed.log, tmp_path / "alone.db"))
    out = tmp_path / "b.zip"
    done = run("bundle", alone, "--contact", signed.contact, "-o", out)
    assert done.code == 3
    assert "no checkpoint" in done.err
    assert "cckit checkpoint" in done.err
    done = run("bundle", signed.log, "--from", 0, "--to", 10**6, "-o", out)
    assert (done.code, "its checkpoint covers" in done.err) == (3, True)
    done = run("bundle", signed.log, "--queue", "nobody", "-o", out)
    assert (done.code, "counts the queue" in done.err) == (3, True)
    assert not out.exists()


def test_a_contact_that_is_still_open_is_handed_out_as_not_provable(
    run: Run, tmp_path: Path, signed: Signed
) -> None:
    for name in ("day.db", "day.key"):
        shutil.copy(signed.folder / name, tmp_path)
    log = open_contact(tmp_path)
    shutil.copytree(signed.folder / "day.tiles", tmp_path / "day.tiles")
    early = run("bundle", tmp_path / "day.db", "--contact", log, "-o", tmp_path / "b.zip")
    assert (early.code, "no checkpoint covers contact 'late' yet" in early.err) == (3, True)
    assert run("checkpoint", tmp_path / "day.db", "--key", tmp_path / "day.key").code == 0
    done = run("bundle", tmp_path / "day.db", "--contact", log, "-o", tmp_path / "b.zip")
    assert done.code == 3
    assert "is not closed here: more may follow" in done.out
    assert run("verify-bundle", tmp_path / "b.zip", "--key", signed.key).code == 3


def open_contact(folder: Path) -> str:
    """Append a contact that nobody closes; its id."""
    from cckit.core.codec import Codec
    from cckit.core.events import SYSTEM, Decision, Envelope, Stamp, kind_of
    from cckit.core.facts import FACTS, ContactCreated
    from cckit.core.frame import Frame
    from cckit.core.ids import LegId, Stream
    from cckit.core.instant import Instant
    from cckit.core.registry import Registry
    from cckit.stores.sqlite import SqliteStore

    store = SqliteStore.open(folder / "day.db")
    try:
        epoch, head = store.claim(), store.head()
        at = (head.position or 0) + 1
        data = ContactCreated("voice", "in", LegId(9), None, None, None, "main", "late")
        envelope = Envelope(
            Stamp(Instant(10**15), SYSTEM), at, Stream("contact/late"), 0, kind_of(ContactCreated)
        )
        decision = Decision(envelope.stamp, ((envelope, data),))
        body = Codec(Registry(FACTS)).pack([decision])
        frame = Frame.make(head.chain, at, 1, 10**15, epoch, body)
        assert store.append(frame, store.head()) is None
    finally:
        store.close()
    return "late"


@pytest.mark.parametrize(
    "more",
    [
        (),
        ("--from", "3"),
        ("--to", "3"),
        ("--from", "9", "--to", "3"),
        ("--contact", "a", "--queue", "b"),
        ("--contact", "a", "--from", "3"),
        ("--contact", "nobody"),
        ("--contact", "contact/x"),
    ],
)
def test_a_question_that_makes_no_sense_is_bad_input(
    run: Run, signed: Signed, tmp_path: Path, more: tuple[str, ...]
) -> None:
    done = run("bundle", signed.log, *more, "-o", tmp_path / "b.zip")
    assert (done.code, done.out) == (2, "")
    assert [*tmp_path.iterdir()] == []


def test_nothing_is_overwritten(run: Run, signed: Signed, tmp_path: Path) -> None:
    out = tmp_path / "b.zip"
    out.write_bytes(b"mine")
    question = ("--contact", signed.contact)
    assert run("bundle", signed.log, *question, "-o", out).code == 2
    assert out.read_bytes() == b"mine"
    (tmp_path / "verify_bundle.py").write_bytes(b"mine too")
    done = run("bundle", signed.log, *question, "-o", tmp_path / "c.zip")
    assert (done.code, "is there already, and another" in done.err) == (2, True)
    assert not (tmp_path / "c.zip").exists()


def test_tiles_that_were_forged_give_no_bundle(run: Run, signed: Signed, tmp_path: Path) -> None:
    for name in ("day.db", "day.tiles"):
        source = signed.folder / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    tile = tmp_path / "day.tiles" / "tile" / "0" / "000"
    spoilt = bytearray(tile.read_bytes())
    spoilt[200 * 32] ^= 1
    tile.write_bytes(spoilt)
    done = run("bundle", tmp_path / "day.db", "--from", 30, "--to", 31, "-o", tmp_path / "b.zip")
    assert (done.code, "its inclusion does not hold" in done.err) == (2, True)
    assert not (tmp_path / "b.zip").exists()


def test_bad_files_and_keys_end_with_words_and_exit_2(
    run: Run, signed: Signed, tmp_path: Path
) -> None:
    (tmp_path / "text").write_text("no bundle", "utf-8")
    for file, key in (
        (tmp_path / "none", signed.key),
        (tmp_path, signed.key),
        (tmp_path / "text", signed.key),
        (signed.log, signed.key),
        (signed.log, "nonsense"),
    ):
        done = run("verify-bundle", file, "--key", key, "--json")
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("cckit: ")
        assert done.err.count("\n") == 1
