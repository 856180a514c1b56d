"""Views are made smaller or anew; the log is never touched by it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw
import pytest
import trio

from cckit import Actor, Config, StoreError, open_center
from cckit.core.commands import ReportArrived
from cckit.core.errors import FormatError
from cckit.core.instant import Instant
from cckit.stores.compaction import compact, look, path_of, rebuild
from cckit.stores.sqlite import SqliteStore
from cckit.stores.views import Views

if TYPE_CHECKING:
    from .conftest import Run

CENTER = Config.parse("[queues.orders]")


async def live(log: Path, calls: int) -> None:
    phone = Actor("adapter", "phone")
    async with open_center(CENTER, log=log) as center:
        for n in range(calls):
            await center.do(ReportArrived("voice"), actor=phone, request=str(n))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log with views that hold an index, a snapshot, and where a reactor goes on."""
    path = tmp_path / "center.db"
    trio.run(live, path, 50)
    store, views = opened(path)
    head = store.head()
    assert head.position is not None
    views.save_projection("reactor/mail", 1, head.position, head.chain, b"", b"at 7")
    views.save_projection("some.measure", 1, head.position, head.chain, b"", b"folded")
    views.close()
    store.close()
    return path


def opened(log: Path) -> tuple[SqliteStore, Views]:
    store = SqliteStore.open(log, read_only=True)
    return store, Views.open(path_of(log), store)


def answers(log: Path) -> Any:
    """What the views say that anybody asks for."""
    store, views = opened(log)
    try:
        types = [views.positions(type=name) for name in ("contact.created", "run.started")]
        times = views.positions(from_at=Instant(0), to_at=Instant(2**62))
        return views.next, types, times, views.version("center")
    finally:
        views.close()
        store.close()


def fill_with_what_is_thrown_away(log: Path) -> None:
    connection = apsw.Connection(path_of(log))
    connection.execute("CREATE TABLE waste(bytes); INSERT INTO waste VALUES (zeroblob(500000))")
    connection.execute("DROP TABLE waste")
    connection.close()


def test_compacting_gives_room_back_and_changes_no_answer(run: "Run", log: Path) -> None:
    before, said = log.read_bytes(), answers(log)
    fill_with_what_is_thrown_away(log)
    large = look(log)
    assert large.free > 490_000
    done = run("views", log, "--compact", "--json")
    assert done.code == 0, done.err
    assert sorted(done.json) == ["before", "bytes", "events", "file", "free", "indexed"]
    assert done.json["before"] == large.size
    assert done.json["bytes"] < large.size - 490_000
    assert done.json["free"] == 0
    assert answers(log) == said
    assert log.read_bytes() == before
    store, views = opened(log)
    assert views.projection("some.measure", 1, b"") is not None
    views.close()
    store.close()


def test_rebuilding_makes_the_same_index_and_keeps_where_reactors_go_on(
    run: "Run", log: Path
) -> None:
    before, said = log.read_bytes(), answers(log)
    connection = apsw.Connection(path_of(log))
    connection.execute("DELETE FROM place")  # Spoilt in a way that nobody could see.
    connection.close()
    assert answers(log) != said
    assert run("views", log, "--rebuild").code == 0
    assert answers(log) == said
    assert log.read_bytes() == before
    store, views = opened(log)
    kept = views.projection("reactor/mail", 1, b"")
    assert kept is not None and kept.state == b"at 7"
    assert views.projection("some.measure", 1, b"") is None
    views.close()
    store.close()
    assert not [name for name in os.listdir(log.parent) if ".new" in name]


def test_a_center_goes_on_after_both(log: Path) -> None:
    for job in (compact, rebuild):
        job(log)
        trio.run(live, log, 60)  # The first fifty are repeats, and known as such.
    store, views = opened(log)
    assert len(views.positions(type="contact.created")) == 60
    views.close()
    store.close()


def test_views_that_are_gone_or_spoilt_are_made_again(log: Path) -> None:
    said = answers(log)
    for spoil in (b"", b"no views", Path(path_of(log)).read_bytes()[:5000]):
        Path(path_of(log)).write_bytes(spoil)
        assert rebuild(log).indexed == said[0]
        assert answers(log) == said
    os.unlink(path_of(log))
    assert look(log).indexed == 0
    assert compact(log).indexed == said[0]
    assert answers(log) == said


def test_nothing_is_done_while_a_center_has_the_log_open(run: "Run", log: Path) -> None:
    async def main() -> None:
        async with open_center(CENTER, log=log):
            for job in (compact, rebuild):
                with pytest.raises(StoreError, match="writes this log"):
                    job(log)
            assert look(log).events > 0

    trio.run(main)


def test_looking_writes_nothing(run: "Run", log: Path) -> None:
    before = {path: path.read_bytes() for path in log.parent.iterdir()}
    done = run("views", log)
    assert done.code == 0
    assert "events are indexed" in done.out
    assert {path: path.read_bytes() for path in log.parent.iterdir()} == before


def test_what_can_not_be_is_refused(run: "Run", log: Path, golden: Path, tmp_path: Path) -> None:
    assert run("views", log, "--compact", "--rebuild").code == 2
    assert run("views", tmp_path / "absent.db").code == 2
    Path(path_of(log)).write_bytes(golden.read_bytes())
    with pytest.raises(FormatError, match="no views of cckit"):
        look(log)


def test_following_a_log_tells_how_far_it_is(golden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cckit.stores.views.FOLLOW_EVENTS", 300)
    store = SqliteStore.open(golden, read_only=True)
    views = Views.open(None, store)
    told: list[int] = []
    head = store.head().position
    assert head is not None
    assert views.follow(store, told.append) == views.next == head + 1
    assert len(told) >= 2
    assert told == sorted(told)
    views.close()
    store.close()
