"""Two processes want to write one log: one does, the other is told, and never both."""

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cckit.core.errors import StoreError
from cckit.hooks.store import Conflict
from cckit.shell.proof.checking import verify_log
from cckit.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from tests.faults.conftest import Victim


def test_a_second_writer_is_refused_and_told_who_writes(folder: Path, victim: "Victim") -> None:
    path = folder / "log.db"
    victim.start(path, "step", 9)
    victim.say("go")
    victim.acks(1)
    with pytest.raises(StoreError) as refused:
        SqliteStore.open(path)
    assert refused.value.what == f"another process writes this log (pid {victim.pid})"
    assert "open with take_over=True" in refused.value.remedy
    victim.say("end")
    assert victim.end() == (0, [])
    SqliteStore.open(path).close()


def test_a_process_is_told_that_this_one_writes(folder: Path, victim: "Victim") -> None:
    path = folder / "log.db"
    store = victim.module.open_log(str(path))
    store.claim()
    victim.start(path, "write", 1)
    code, acks = victim.end()
    assert (code, [ack.position for ack in acks]) == (0, [victim.module.REFUSED])
    frame = victim.module.next_frame(store.head())
    assert store.append(frame, store.head()) is None
    store.close()


def test_a_second_store_of_the_same_process_is_refused(folder: Path, victim: "Victim") -> None:
    path = folder / "log.db"
    store = victim.module.open_log(str(path))
    with pytest.raises(StoreError, match=rf"this process \(pid {os.getpid()}\) writes"):
        SqliteStore.open(path)
    store.close()


def test_a_stopped_writer_that_wakes_up_after_a_take_over_is_fenced(
    folder: Path, victim: "Victim"
) -> None:
    path = folder / "log.db"
    victim.start(path, "step", 9)
    victim.say("go")
    before = victim.acks(1)
    victim.send(signal.SIGSTOP)
    store = SqliteStore.open(path, take_over=True)
    assert store.claim() == 2
    assert store.head().position == before[0].position
    mine = victim.module.next_frame(store.head())
    assert store.append(mine, store.head()) is None
    victim.send(signal.SIGCONT)
    victim.say("go")
    code, acks = victim.end()
    assert (code, [ack.position for ack in acks]) == (0, [victim.module.CONFLICT])
    another = victim.module.next_frame(store.head())
    assert store.append(another, store.head()) is None
    store.close()
    again = SqliteStore.open(path)
    assert [frame.chain for frame in again.read()][-2:] == [mine.chain, another.chain]
    again.close()


def test_who_is_fenced_does_not_mark_the_log_as_closed(folder: Path, victim: "Victim") -> None:
    path = folder / "log.db"
    old = victim.module.open_log(str(path))
    old.claim()
    new = SqliteStore.open(path, take_over=True)
    new.claim()
    frame = victim.module.next_frame(old.head())
    assert isinstance(old.append(frame, old.head()), Conflict)
    old.close()
    reader = SqliteStore.open(path, read_only=True)
    assert reader.closed_at is None
    reader.close()
    new.close()
    closed = SqliteStore.open(path, read_only=True)
    assert closed.closed_at == closed.head().chain
    closed.close()


def test_writers_that_take_over_from_each_other_share_one_history(
    folder: Path, victims: "list[Victim]"
) -> None:
    path = folder / "log.db"
    module = victims[0].module
    module.open_log(str(path)).close()
    for victim in victims:
        victim.start(path, "fight", 10)
    acks = []
    for victim in victims:
        code, news = victim.end()
        assert code == 0
        acks += news
    reader = SqliteStore.open(path, read_only=True)
    chains = {frame.end - 1: frame.chain for frame in reader.read()}
    epochs = [frame.epoch for frame in reader.read()]
    reader.close()
    assert len(acks) == len(chains), "what was acknowledged is what is there"
    assert all(chains[ack.position] == ack.chain for ack in acks)
    assert epochs == sorted(epochs)
    assert verify_log(path).ok
