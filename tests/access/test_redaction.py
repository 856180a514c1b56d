"""A redacted copy: nothing of the erased is left in it, and all of it is still proved."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgpack
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from cckit import Config, QueueSettings, open_center
from cckit.core import facts as f
from cckit.core.codec import Codec
from cckit.core.commands import Deflect, Enqueue, Erase, ReportArrived
from cckit.core.errors import FormatError
from cckit.core.frame import CHAIN_SIZE, HEADER, REDACTED, Frame
from cckit.core.ids import QueueId, SubjectId
from cckit.core.merkle import root_of
from cckit.core.redaction import hollow_fault, leaf_hashes, readable, redact
from cckit.core.registry import Registry
from cckit.core.strict import StrictReader
from cckit.core.verify import verify
from cckit.shell.logs.folding import fold
from cckit.shell.logs.redacting import redact_log, rooted
from cckit.shell.proof.checking import verify_log
from cckit.stores.folder import Folder
from cckit.stores.sqlite import SqliteStore

from .conftest import Run

NONE = st.none() | st.binary(max_size=33) | st.integers(0, 9)
SYSTEM_STAMP = [1, None, "system", "cckit", None, None, None]
GRANTED = ["permission.changed", 1, msgpack.packb(["a", "b", True])]


class Days(NamedTuple):
    """A signed log in which six people called, and two of them are erased."""

    path: Path
    erased: tuple[SubjectId, ...]


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Days:
    from cckit.cli.main import main

    folder = tmp_path_factory.mktemp("days")
    path, key = folder / "center.db", folder / "key"
    assert main(["keys", "new", "center", "-o", str(key)]) == 0

    async def day() -> tuple[SubjectId, ...]:
        people = []
        config = Config(queues={"help": QueueSettings()})
        async with open_center(config, log=path, signer=key) as center:
            for n in range(12):
                arrived = await center.do(ReportArrived("voice", from_=f"+97254000000{n % 6}"))
                await center.do(Enqueue(arrived.contact, QueueId("help")))
                await center.do(Deflect(arrived.contact))
                people.append(arrived.fact(f.ContactCreated).subject)
            for who in people[:2]:
                await center.do(Erase(who, "their wish"))
                assert await center.erased(who) is not None
            for _ in range(3):  # The first of them calls again, as somebody new.
                await center.do(ReportArrived("voice", from_="+972540000000"))
        return tuple(people[:2])

    return Days(path, trio.run(day))


def frames(path: Path) -> list[bytes]:
    store = SqliteStore.open(path, read_only=True)
    try:
        return [stored for _, stored in store.read_bytes()]
    finally:
        store.close()


def copy_of(days: Days, tmp_path: Path) -> Path:
    out = tmp_path / "copy.db"
    redact_log(days.path, out)
    return out


def test_the_copy_has_hashes_where_the_erased_were_and_is_else_the_same(
    days: Days, tmp_path: Path
) -> None:
    before = frames(days.path)
    out = tmp_path / "copy.db"
    done = redact_log(days.path, out)
    assert frames(days.path) == before
    assert (done.subjects, done.events) == (2, 4)
    changed = 0
    for old, new in zip(before, frames(out), strict=True):
        if HEADER.unpack_from(new)[2] == REDACTED:
            changed += 1
            assert new[-CHAIN_SIZE:] == old[-CHAIN_SIZE:]
            assert HEADER.unpack_from(old)[:2] == HEADER.unpack_from(new)[:2]
            assert HEADER.unpack_from(old)[3:] == HEADER.unpack_from(new)[3:]
        else:
            assert new == old
    assert changed == done.frames > 0


def test_no_sealed_value_of_the_erased_is_left_and_those_of_others_are(
    days: Days, tmp_path: Path
) -> None:
    ciphers: dict[bool, set[bytes]] = {True: set(), False: set()}
    store = SqliteStore.open(days.path, read_only=True)
    codec = Codec(Registry(f.FACTS))
    for frame in store.read():
        for _, data in codec.events(frame.body, frame.first, (f.ContactCreated,)):
            if data.from_ is not None:
                ciphers[data.subject in days.erased].add(data.from_.ciphertext)
    store.close()
    assert (len(ciphers[True]), len(ciphers[False])) == (4, 11)
    copied = b"".join(frames(copy_of(days, tmp_path)))
    assert [c for c in ciphers[True] if c in copied] == []
    assert [c for c in ciphers[False] if c not in copied] == []


def test_the_leaves_of_copy_and_log_have_the_same_root(days: Days, tmp_path: Path) -> None:
    roots = []
    for path in (days.path, copy_of(days, tmp_path)):
        store, codec = SqliteStore.open(path, read_only=True), Codec(Registry(()))
        roots.append(root_of(h for frame in store.read() for h in leaf_hashes(codec, frame)))
        store.close()
    assert roots[0] == roots[1]


def test_verify_says_what_leaves_alone_prove_and_holds_them_to_the_checkpoint(
    days: Days, tmp_path: Path, run: Run
) -> None:
    out = tmp_path / "copy.db"
    made = run("redact", days.path, "-o", out, "--json")
    assert made.code == 0, made.err
    assert made.json["events"] == 4
    for more in ((), ("--events",)):
        found = run("verify", out, "--json", *more)
        assert found.code == 0, found.out
        assert found.json["redacted"] == made.json["frames"]
        assert found.json["rooted"] == found.json["events"]
    assert "proved by their leaves alone" in run("verify", out).out
    (tmp_path / "copy.tiles" / "checkpoint").unlink()
    alone = run("verify", out)
    assert alone.code == 3
    assert "NO checkpoint" in alone.out
    whole = run("verify", days.path, "--json")
    assert (whole.code, whole.json["redacted"], whole.json["rooted"]) == (0, 0, None)


def test_a_copy_of_a_copy_is_the_same(days: Days, tmp_path: Path) -> None:
    one = copy_of(days, tmp_path)
    two = tmp_path / "again.db"
    assert redact_log(one, two).events == 0
    assert frames(one) == frames(two)


def test_reports_and_a_center_refuse_the_copy_and_the_log_is_still_read(
    days: Days, tmp_path: Path, run: Run
) -> None:
    out = copy_of(days, tmp_path)
    for command in (("report", out, "contacts"), ("replay", out), ("report", out, "audit")):
        refused = run(*command)
        assert refused.code == 2
        assert "events were taken out of it" in refused.err
    with pytest.raises(FormatError, match="events were taken out"):
        trio.run(opened, out)
    listed = run("log", out, "--json")
    assert listed.code == 0, listed.err
    assert len(listed.out.splitlines()) == verify_log(days.path).events - 4
    assert "contact.created" in run("log", out, "--type", "contact.created").out


async def opened(path: Path) -> None:
    async with open_center(Config(), log=path):
        pass


@pytest.mark.parametrize("kind", [f.QueueEntered, f.SubjectErased, f.ConfigApplied])
def test_no_reader_passes_over_what_was_taken_out(days: Days, tmp_path: Path, kind: type) -> None:
    codec = Codec(Registry(f.FACTS))
    store = SqliteStore.open(copy_of(days, tmp_path), read_only=True)
    for frame in store.read():
        if frame.flags:
            for types in (None, (), (kind,)):
                with pytest.raises(FormatError, match="taken out"):
                    codec.events(frame.body, frame.first, types)
            with pytest.raises(FormatError):
                codec.leaves(frame.body, frame.first)
    store.close()


# --- forgeries ------------------------------------------------------------------------------


def first_redacted(path: Path) -> tuple[int, Frame]:
    for n, stored in enumerate(frames(path)):
        frame = Frame.parse(stored)
        if frame.flags:
            return n, frame
    raise AssertionError("none is redacted")


def verdict_of(path: Path, stored: list[bytes], **more: Any) -> Any:
    store = SqliteStore.open(path, read_only=True)
    store.close()
    return verify(stored, store.first_origin, store.log_id, **more)


def test_a_flag_alone_makes_no_frame_redacted(days: Days) -> None:
    stored = frames(days.path)
    for n, one in enumerate(stored):
        flagged = bytearray(one)
        flagged[35] = REDACTED
        found = verdict_of(days.path, [*stored[:n], bytes(flagged), *stored[n + 1 :]])
        assert not found.ok
        assert "nothing is missing" in found.error.reason


def test_every_byte_of_a_redacted_frame_is_noticed_by_form_or_root(
    days: Days, tmp_path: Path, publish: Callable[[str], None]
) -> None:
    """What the chain no longer says, the tree does."""
    out = copy_of(days, tmp_path)
    n, frame = first_redacted(out)
    stored = frames(out)
    codec = Codec(Registry(()))

    def leaves(one: bytes) -> list[bytes] | None:
        try:
            return leaf_hashes(codec, Frame.parse(one))
        except FormatError:
            return None

    packed = frame.pack()
    good, unseen = leaves(packed), 0
    for at in range(len(packed)):
        bent = bytearray(packed)
        bent[at] ^= 1
        # The time of the commit and the epoch are in no leaf: those 16 bytes are lost.
        found = verdict_of(out, [*stored[:n], bytes(bent), *stored[n + 1 :]])
        if found.ok and leaves(bytes(bent)) == good:
            unseen += 1
            assert 48 <= at < 64
    assert unseen <= 16
    publish(f"redacted frame: {len(packed)} bytes changed, {unseen} of the header in no leaf")


def test_a_checkpoint_of_other_leaves_refutes_the_copy(days: Days, tmp_path: Path) -> None:
    out = copy_of(days, tmp_path)
    file = tmp_path / "copy.tiles" / "checkpoint"
    lines = file.read_text().splitlines(keepends=True)
    store = SqliteStore.open(out, read_only=True)
    assert rooted(store, out) == verify_log(out).events
    for changed, words in (
        ([lines[0], lines[1], "A" * 43 + "=\n", *lines[3:]], "another root"),
        (["other\n", *lines[1:]], "another log"),
        ([lines[0], f"{int(lines[1]) + 5}\n", *lines[2:]], "speaks of"),
    ):
        file.write_text("".join(changed))
        with pytest.raises(FormatError, match=words):
            rooted(store, out)
        assert not verify_log(out).ok
    store.close()


@pytest.mark.parametrize(("jump", "holds"), [(0, True), (1, True), (2, False), (-1, False)])
def test_a_stream_may_jump_only_over_as_many_events_as_nobody_sees(
    days: Days, jump: int, holds: bool
) -> None:
    """One event is taken out; the next one pretends to be ``jump`` versions later."""
    codec, strict = Codec(Registry(())), StrictReader()
    for frame in map(Frame.parse, frames(days.path)):
        hollow, count = redact(frame, codec, lambda position, sealed: True)
        if count != 1:
            assert strict.fault(frame.body, frame.first, frame.count) is None
            continue
        assert strict.fault(hollow.body, hollow.first, hollow.count, True) is None
        event = ["center", strict._versions["center"] + jump, *GRANTED]
        found = strict.fault(msgpack.packb([[*SYSTEM_STAMP, [event]]]), hollow.end, 1)
        assert (found is None) is holds, found
        assert holds or "stream version" in found.reason  # type: ignore[union-attr]
        return
    raise AssertionError("no frame lacks one event")


@settings(max_examples=15)
@given(st.sets(st.integers(0, 200)))
def test_whatever_is_taken_out_the_rest_stands_and_the_root_is_the_same(
    days: Days, taken: set[int]
) -> None:
    codec, every = Codec(Registry(())), [Frame.parse(one) for one in frames(days.path)]
    out = [redact(frame, codec, lambda position, _: position in taken)[0] for frame in every]
    found = verdict_of(days.path, [frame.pack() for frame in out], events=True)
    assert found.ok
    assert found.redacted == sum(bool(frame.flags) for frame in out)
    assert found.redacted_to == max((frame.end for frame in out if frame.flags), default=0)
    assert found.proved is (found.redacted == 0)
    roots = {
        root_of(h for frame in some for h in leaf_hashes(codec, frame)) for some in (every, out)
    }
    assert len(roots) == 1
    left = [r[0].position for frame in out for r in readable(codec, frame)]
    gone = set(range(every[-1].end)) - set(left)
    assert gone <= taken


@given(st.binary(max_size=64) | st.recursive(NONE, st.lists).map(msgpack.packb), st.integers(0, 3))
def test_the_form_of_any_bytes_is_judged_without_an_error(body: bytes, count: int) -> None:
    assert isinstance(hollow_fault(body, count), str)


# --- mistakes -------------------------------------------------------------------------------


def test_the_log_is_never_written_over(days: Days, tmp_path: Path, run: Run) -> None:
    before = days.path.read_bytes()
    assert run("redact", days.path, "-o", days.path).code == 2
    there = tmp_path / "there.db"
    there.write_text("mine")
    assert run("redact", days.path, "-o", there).code == 2
    assert there.read_text() == "mine"
    assert run("redact", tmp_path / "none.db", "-o", tmp_path / "a.db").code == 2
    assert days.path.read_bytes() == before


def test_no_tiles_that_lie_there_are_written_over(days: Days, tmp_path: Path, run: Run) -> None:
    tiles = tmp_path / "copy.tiles"
    tiles.mkdir()
    (tiles / "checkpoint").write_text("of another log")
    done = run("redact", days.path, "--out", tmp_path / "copy.db")
    assert done.code == 2
    assert "copy.tiles: exists already" in done.err
    assert (tiles / "checkpoint").read_text() == "of another log"
    assert list(tmp_path.iterdir()) == [tiles]


def full(*_: Any) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("step", ["make_folder", "write", "sync", "rename"])
def test_where_no_checkpoint_can_be_written_nothing_is_left_of_the_copy(
    days: Days, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run, step: str
) -> None:
    monkeypatch.setattr(Folder, step, full)
    done = run("redact", days.path, "--out", tmp_path / "copy.db")
    assert done.code == 2
    assert "No space left on device" in done.err
    assert list(tmp_path.iterdir()) == []


def test_where_the_log_gets_no_name_no_checkpoint_stays(
    days: Days, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    put = Folder.put

    def put_last(folder: Folder, files: Any) -> None:
        put(folder, files)
        monkeypatch.setattr("os.rename", full)

    monkeypatch.setattr(Folder, "put", put_last)
    assert run("redact", days.path, "--out", tmp_path / "copy.db").code == 2
    assert list(tmp_path.iterdir()) == []


def test_the_checkpoints_are_there_before_the_log_has_its_name(
    days: Days, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, tiles = tmp_path / "copy.db", tmp_path / "copy.tiles"
    found: list[bool] = []
    rename = os.rename

    def renamed(source: str, to: str) -> None:
        if to == str(out):
            found.append((tiles / "checkpoint").exists() and any((tiles / "checkpoints").iterdir()))
        rename(source, to)

    monkeypatch.setattr("os.rename", renamed)
    redact_log(days.path, out)
    assert found == [True]
    source = days.path.with_suffix(".tiles")
    for name in ("checkpoint", *(f"checkpoints/{one.name}" for one in tiles.glob("checkpoints/*"))):
        assert (tiles / name).read_bytes() == (source / name).read_bytes()


def test_no_checkpoint_beside_the_copy_is_of_more_than_it_holds(
    days: Days, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A center that goes on signs while the copy is made."""
    asked: list[str] = []
    read, head = Folder.read, SqliteStore.head

    def reading(folder: Folder, name: str) -> bytes | None:
        asked.append("checkpoints")
        return read(folder, name)

    def heading(store: SqliteStore) -> Any:
        asked.append("head")
        return head(store)

    monkeypatch.setattr(Folder, "read", reading)
    monkeypatch.setattr(SqliteStore, "head", heading)
    redact_log(days.path, tmp_path / "copy.db")
    assert asked.index("head") > max(n for n, one in enumerate(asked) if one == "checkpoints")


def test_a_log_without_erasures_is_copied_as_it_is(tmp_path: Path, logged: Any) -> None:
    done = redact_log(logged.path, tmp_path / "copy.db")
    assert (done.subjects, done.events, done.frames) == (0, 0, 0)
    assert frames(logged.path) == frames(tmp_path / "copy.db")
    assert verify_log(tmp_path / "copy.db").proved
    assert fold(SqliteStore.open(tmp_path / "copy.db", read_only=True), []).source.position
