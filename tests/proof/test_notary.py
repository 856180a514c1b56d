"""A center that signs its own log: what is durable, in time, and with the keys in force."""

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cckit import Config, open_center
from cckit.core.codec import Codec
from cckit.core.errors import ConfigError, HistoryError, StoreError, UsageError
from cckit.core.events import Draft
from cckit.core.facts import FACTS, AccessGranted, ConfigApplied
from cckit.core.ids import Stream
from cckit.core.instant import Instant
from cckit.core.note import VKey, open_note
from cckit.core.registry import Registry
from cckit.core.tlog import Checkpoint
from cckit.hooks.signing import Signer, verify
from cckit.shell.clock import VirtualClock
from cckit.shell.entropy import SeededEntropy
from cckit.shell.proof.notary import AGAIN_S, EVERY_EVENTS, Notary, root_of_log, sync_log
from cckit.shell.proof.proving import prove
from cckit.shell.proof.signers import read_signers, vkeys, write_signers
from cckit.stores.sqlite import SqliteStore
from cckit.stores.tiles import Tiles

START = Instant(1_700_000_000_000_000)
READY = AccessGranted("agent/anna", "listen", "recording", "contact", "4711", "quality")
CONFIG = Config()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A key file of the log that ``CONFIG`` makes."""
    path = tmp_path / "center.key"
    write_signers(path, [Signer.generate("center", SeededEntropy(1).draw)], new=True)
    return path


def virtual(log: Path, **options: Any) -> open_center:
    options.setdefault("clock", VirtualClock(START))
    options.setdefault("entropy", SeededEntropy(7))
    return open_center(CONFIG, log=log, **options)


async def record(center: Any, count: int) -> None:
    for at in range(0, count, 500):
        drafts = [Draft(Stream("contact/1"), READY)] * min(500, count - at)
        await center.record(*drafts)


def run(main: Callable[[], Any]) -> Any:
    return trio.run(main, clock=MockClock(autojump_threshold=0))


def held(log: Path, key: Path) -> list[int]:
    """The sizes of all checkpoints of a log, each held to its bytes and to its keys."""
    store = SqliteStore.open(log, read_only=True)
    tiles = Tiles.open(log.with_suffix(".tiles"), store)
    sizes = []
    for note in tiles.checkpoints():
        opened, by = open_note(note, vkeys(read_signers(key)), verify)
        found = Checkpoint.parse(opened.text)
        assert found.origin == store.origin
        assert found.root == root_of_log(store, found.size)
        assert by
        sizes.append(found.size)
    newest = tiles.checkpoint()
    assert (
        newest is None
        or Checkpoint.parse(open_note(newest, vkeys(read_signers(key)), verify)[0].text).size
        == sizes[-1]
    )
    leaves = Codec(Registry(FACTS)).leaves
    events = [leaf for frame in store.read() for leaf in leaves(frame.body, frame.first)]
    assert list(tiles.entries(0, tiles.size)) == events[: tiles.size]
    store.close()
    return sizes


def test_a_checkpoint_follows_within_a_second(tmp_path: Path, key: Path) -> None:
    log = tmp_path / "center.db"
    sizes = []

    async def main() -> None:
        async with virtual(log, signer=key) as center:
            await trio.sleep(3)
            for _ in range(3):
                await record(center, 1)
                sizes.append(center.position)
                await trio.sleep(1.05)
            await record(center, 1)
            sizes.append(center.position)

    run(main)
    found = held(log, key)
    assert found[1:] == sizes, "one a second, the last one at the close"
    assert len(found) == 5, "nothing is signed while nothing happens"


def test_a_checkpoint_follows_at_a_thousand_events(tmp_path: Path, key: Path) -> None:
    log = tmp_path / "center.db"

    async def main() -> None:
        async with virtual(log, signer=key) as center:
            await trio.sleep(3)
            before = trio.current_time()
            await record(center, EVERY_EVENTS)
            await trio.sleep(0.15)
            assert trio.current_time() - before < 1
            tiles = Tiles.open(log.with_suffix(".tiles"), SqliteStore.open(log, read_only=True))
            assert tiles.checkpoint() is not None
            assert tiles.size == center.position

    run(main)
    held(log, key)


def test_the_same_run_signs_the_same_bytes(tmp_path: Path, key: Path) -> None:
    async def main(log: Path) -> None:
        async with virtual(log, signer=key) as center:
            for count in (1, 700, 1300, 2):
                await record(center, count)
                await trio.sleep(1.2)

    found = []
    for name in "ab":
        (tmp_path / name).mkdir()
        log = tmp_path / name / "center.db"
        run(partial(main, log))
        found.append(
            list(
                Tiles.open(
                    log.with_suffix(".tiles"), SqliteStore.open(log, read_only=True)
                ).checkpoints()
            )
        )
    assert found[0] == found[1]
    assert len(found[0]) > 2


def test_a_center_goes_on_signing_what_it_signed(tmp_path: Path, key: Path) -> None:
    log = tmp_path / "center.db"

    async def main(count: int) -> None:
        async with virtual(log, signer=key) as center:
            await record(center, count)

    for count in (300, 1, 5000):
        run(partial(main, count))
    assert held(log, key) == sorted(set(held(log, key)))


def test_a_real_center_signs_too(tmp_path: Path, key: Path) -> None:
    log = tmp_path / "center.db"

    async def main() -> None:
        async with open_center(CONFIG, log=log, signer=str(key)) as center:
            await record(center, 20_000)

    trio.run(main)
    sizes = held(log, key)
    store = SqliteStore.open(log, read_only=True)
    assert sizes[-1] == (store.head().position or 0) + 1
    store.close()


def test_no_checkpoint_speaks_of_more_than_is_durable(tmp_path: Path, key: Path) -> None:
    log = tmp_path / "center.db"

    async def main() -> None:
        async with virtual(log, signer=key) as center:

            async def look() -> None:
                store = SqliteStore.open(log, read_only=True)
                while True:
                    await trio.sleep(0.01)
                    tiles = Tiles.open(log.with_suffix(".tiles"), store)
                    assert tiles.size <= center.position

            async with trio.open_nursery() as nursery:
                nursery.start_soon(look)
                for _ in range(20):
                    await record(center, 700)
                    await trio.sleep(0.13)
                nursery.cancel_scope.cancel()

    run(main)
    assert len(held(log, key)) > 10


# --- keys -----------------------------------------------------------------------------------


def applied(log: Path) -> list[list[str]]:
    """The keys that the log names as in force, each time they changed."""
    import msgpack

    store = SqliteStore.open(log, read_only=True)
    codec = Codec(Registry(FACTS))
    found = []
    for frame in store.read():
        for _, data in codec.events(frame.body, frame.first, (ConfigApplied,)):
            if data.kind == "proof":
                assert data.id == store.origin
                found.append(msgpack.unpackb(data.data)["vkeys"])
    store.close()
    return found


def test_keys_in_force_are_recorded_when_they_change(tmp_path: Path, key: Path) -> None:
    log = tmp_path / "center.db"

    async def main() -> None:
        async with virtual(log, signer=key):
            pass

    (old,) = read_signers(key)
    new = Signer.generate("center", SeededEntropy(2).draw)
    for signers in ([old], [old], [old, new], [new]):
        write_signers(key, signers)
        run(main)
    texts = [signer.vkey.text() for signer in (old, new)]
    assert applied(log) == [texts[:1], texts, texts[1:]]
    store = SqliteStore.open(log, read_only=True)
    notes = list(Tiles.open(log.with_suffix(".tiles"), store).checkpoints())
    store.close()
    by = [[bytes(s.key_id) for s in open_note(n, [old.vkey, new.vkey], verify)[1]] for n in notes]
    ids = [old.vkey.key_id, new.vkey.key_id]
    assert by[0] == ids[:1]
    assert ids in by
    assert by[-1] == ids[1:]


def test_a_key_of_another_name_opens_no_center(tmp_path: Path, key: Path) -> None:
    write_signers(key, [Signer.generate("elsewhere", SeededEntropy(2).draw)])

    async def main() -> None:
        async with virtual(tmp_path / "center.db", signer=key):
            pass

    with pytest.raises(ConfigError, match=r"of 'elsewhere', and the log's origin is 'center'"):
        run(main)


def test_a_key_that_is_not_there_makes_no_log(tmp_path: Path) -> None:
    async def main() -> None:
        async with virtual(tmp_path / "center.db", signer=tmp_path / "none"):
            pass

    with pytest.raises(ConfigError, match="can't be read"):
        run(main)
    assert list(tmp_path.iterdir()) == []


def test_a_signer_is_named_by_its_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="signer is Signer"):
        virtual(tmp_path / "center.db", signer=Signer.generate("center", SeededEntropy(1).draw))


def test_a_log_in_memory_has_no_place_for_tiles(key: Path) -> None:
    async def main() -> None:
        async with open_center(CONFIG, signer=key):
            pass

    with pytest.raises(UsageError, match="no folder for tiles"):
        run(main)


# --- one builder ----------------------------------------------------------------------------


def test_a_center_and_a_follower_never_build_at_once(tmp_path: Path, key: Path) -> None:
    log = tmp_path / "center.db"

    async def main() -> None:
        async with virtual(log, signer=key):
            store = SqliteStore.open(log, read_only=True)
            with pytest.raises(StoreError, match="builds these tiles"):
                Tiles.open(log.with_suffix(".tiles"), store, write=True)
            store.close()

    run(main)
    store = SqliteStore.open(log, read_only=True)
    follower = Tiles.open(log.with_suffix(".tiles"), store, write=True)
    with pytest.raises(StoreError, match="builds these tiles"):
        run(main)
    follower.close()
    store.close()
    run(main)


def test_who_was_taken_over_signs_no_more(
    tmp_path: Path, key: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "center.db"
    signed: list[Tiles] = []
    earlier: set[Tiles] = set()
    saving = Tiles.save_checkpoint

    def save(tiles: Tiles, note: bytes) -> None:
        signed.append(tiles)
        saving(tiles, note)

    monkeypatch.setattr(Tiles, "save_checkpoint", save)

    async def main() -> None:
        async with virtual(log, signer=key) as first:
            await record(first, 300)
            await trio.sleep(2)
            await record(first, 10)  # Durable, and not yet signed.
            earlier.update(signed)
            async with virtual(log, signer=key, take_over=True) as second:
                signed.clear()
                await record(second, 700)
                await trio.sleep(2)
                with pytest.raises(StoreError):
                    await record(first, 1)
                    await record(first, 1)
                await trio.sleep(120)
                await record(second, 10)

    run(main)
    assert len(earlier) == len(set(signed)) == 1
    assert earlier.isdisjoint(signed)
    (said,) = [text for text in caplog.messages if "another center took the log over" in text]
    assert said.startswith("no more checkpoints are signed")
    sizes = held(log, key)
    assert sizes == sorted(sizes)


def test_a_disk_that_fails_holds_the_signing_up_and_not_the_center(
    tmp_path: Path, key: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = tmp_path / "center.db"
    seen: list[list[int]] = []

    async def main() -> None:
        async with virtual(log, signer=key) as center:
            await trio.sleep(2)
            in_the_way = log.with_suffix(".tiles") / "edge.new"
            for _ in range(2):
                in_the_way.mkdir()
                await record(center, 10)
                await trio.sleep(3 * AGAIN_S)
                in_the_way.rmdir()
                seen.append(held(log, key))
                await trio.sleep(AGAIN_S + 1)
                seen.append(held(log, key))
                assert seen[-1][-1] == center.position

    run(main)
    during, after, again, at_last = (sizes[-1] for sizes in seen)
    assert during < after == again < at_last
    failed = [text for text in caplog.messages if "tried again every minute" in text]
    well = [text for text in caplog.messages if "checkpoints are signed again" in text]
    assert (len(failed), len(well)) == (2, 2)


def test_a_disk_that_works_again_at_the_close_has_the_end_signed(tmp_path: Path, key: Path) -> None:
    log = tmp_path / "center.db"

    async def main() -> int:
        async with virtual(log, signer=key) as center:
            await trio.sleep(2)
            in_the_way = log.with_suffix(".tiles") / "edge.new"
            in_the_way.mkdir()
            await record(center, 10)
            await trio.sleep(2)
            in_the_way.rmdir()
            await record(center, 10)
            return int(center.position)

    assert run(main) == held(log, key)[-1]


# --- in a process of its own ----------------------------------------------------------------


def prove_some(log: Path, seen: int) -> None:
    """Make proofs from tiles that somebody is building."""
    store = SqliteStore.open(log, read_only=True)
    for at in range(seen - 1, 0, -seen // 7):
        tiles = Tiles.open(log.with_suffix(".tiles"), store)
        assert tiles.size >= seen
        (proved,) = prove(store, tiles, [at])
        assert proved.proof.index == at
    store.close()


def started(*arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "cckit.cli", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_follower_signs_while_a_center_writes(tmp_path: Path, key: Path) -> None:
    log = tmp_path / "center.db"

    async def main() -> None:
        async with open_center(CONFIG, log=log) as center:
            follower = started("follow", log, "--key", key, "--json")
            assert follower.stdout is not None
            try:
                seen = 0
                while seen < 5000:
                    await record(center, 1000)
                    line = await trio.to_thread.run_sync(follower.stdout.readline)
                    seen = json.loads(line)["size"]
                    assert seen <= center.position
                    await trio.to_thread.run_sync(prove_some, log, seen)
            finally:
                follower.terminate()
                await trio.to_thread.run_sync(follower.communicate)
            assert follower.returncode == 0

    trio.run(main)
    sizes = held(log, key)
    assert sizes == sorted(set(sizes))
    assert sizes[-1] >= 5000


def test_a_center_whose_key_signed_another_history_does_not_open(tmp_path: Path, key: Path) -> None:
    log = tmp_path / "center.db"

    async def work(**options: Any) -> None:
        async with virtual(log, **options) as center:
            await record(center, 10)

    run(work)
    older = log.read_bytes()
    run(partial(work, signer=key))
    sizes = held(log, key)
    signed = log.read_bytes()
    log.write_bytes(older)
    with pytest.raises(HistoryError, match=f"of {sizes[-1]} events, and the log has"):
        run(partial(work, signer=key))
    store = SqliteStore.open(log, read_only=True)
    assert (store.head().position or 0) < sizes[-1], "nothing is written"
    store.close()
    log.write_bytes(signed)
    assert held(log, key) == sizes


def test_a_notary_far_behind_saves_as_it_goes(tmp_path: Path, key: Path) -> None:
    log = tmp_path / "center.db"

    async def main() -> None:
        async with virtual(log) as center:
            for _ in range(9):
                await record(center, 9000)

    run(main)
    store = SqliteStore.open(log, read_only=True)
    tiles = Tiles.open(log.with_suffix(".tiles"), store, write=True)
    notary = Notary(store, tiles, read_signers(key), lambda: sync_log(str(log)))
    edges = []
    while notary.grow():
        edge = Path(tiles.path, "edge")
        edges.append(edge.read_text().split("\n")[3] if edge.exists() else "0")
    assert len(set(edges)) == 2
    assert notary.sign() is not None
    assert notary.sign() is None
    assert notary.behind() == 0
    tiles.close()
    store.close()
    held(log, key)


def test_vkeys_are_public(key: Path) -> None:
    (found,) = vkeys(read_signers(key))
    assert VKey.parse(found.text()) == found
    assert "PRIVATE" not in found.text()
