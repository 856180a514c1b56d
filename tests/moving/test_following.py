"""Other processes follow a log, and see every event once and in order, whatever its writer does."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from cckit.core.codec import Codec
from cckit.core.events import SYSTEM, Decision, Envelope, Stamp, kind_of
from cckit.core.facts import FACTS, AccessRefused
from cckit.core.frame import Frame
from cckit.core.ids import CENTER
from cckit.core.registry import Registry
from cckit.stores.connection import checkpoint
from cckit.stores.sqlite import SqliteStore

REGISTRY = Registry(FACTS)
CODEC = Codec(REGISTRY)


class Writer:
    """Writes real events, each in a frame of its own; opens and closes as it is told."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self.position = 0
        self.store = SqliteStore.open(log, create=True, origin="followed", log_id=bytes(16))
        self._head = self._claim()
        self.append(*REGISTRY.declarations())

    def _claim(self) -> Any:
        self.store.claim()
        return self.store.head()

    def append(self, *events: Any) -> None:
        stamp = Stamp(self.position, SYSTEM)
        first = self.position
        recorded = tuple(
            (Envelope(stamp, first + n, CENTER, first + n, kind_of(type(event))), event)
            for n, event in enumerate(events)
        )
        body = CODEC.pack([Decision(stamp, recorded)])
        head = self.store.head()
        frame = Frame.make(head.chain, first, len(events), first, head.epoch, body)
        assert self.store.append(frame, head) is None
        self.position += len(events)

    def note(self) -> None:
        """One more event, which says what number it has."""
        self.append(AccessRefused("agent/a", "listen", "recording", None, self.position))

    def truncate(self) -> None:
        """Empty the WAL, as a writer does at 64 MiB."""
        checkpoint(self.store._connection, truncate=True)

    def reopen(self) -> None:
        self.store.close()
        self.store = SqliteStore.open(self._log)
        self._claim()

    def die(self) -> None:
        """As if it had been killed: no clean end; and another one comes."""
        self.store._connection.close()
        assert self.store._lock is not None
        self.store._lock.release()
        self.store = SqliteStore.open(self._log)
        self._claim()


STEPS = ("note", "note", "truncate", "note", "reopen", "note", "die", "note", "note", "reopen")


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    made = Writer(tmp_path / "followed.db")
    yield made
    made.store.close()


def follow(log: Path, *options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "cckit.cli", "log", str(log), "--follow", "--json", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def numbers(process: "subprocess.Popen[str]", last: int) -> list[int]:
    """The positions that a following process tells, up to one."""
    assert process.stdout is not None
    found: list[int] = []
    while not found or found[-1] < last:
        line = process.stdout.readline()
        assert line, "it ended"
        found.append(json.loads(line)["position"])
    return found


@pytest.mark.parametrize("start", ["whole", "tail"])
def test_a_process_that_follows_sees_every_event_once_and_in_order(
    writer: Writer, tmp_path: Path, start: str
) -> None:
    writer.note()
    first = 0 if start == "whole" else writer.position
    options = () if start == "whole" else ("--from", str(first))
    process = follow(tmp_path / "followed.db", *options)
    try:
        seen: list[int] = []
        for step in STEPS * 2:
            getattr(writer, step)()
            if step == "note":  # So that it looks between all of what the writer does.
                seen += numbers(process, writer.position - 1)
        assert seen == list(range(first, writer.position))
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
        assert process.stdout is not None
        process.stdout.close()


def test_a_reader_that_stays_open_sees_every_event_once_and_in_order(
    writer: Writer, tmp_path: Path
) -> None:
    readers = [SqliteStore.open(tmp_path / "followed.db", read_only=True)]
    seen: list[list[int]] = [[]]
    for step in STEPS * 3:
        getattr(writer, step)()
        if step == "reopen":  # One more, which may find no WAL beside the log.
            readers.append(SqliteStore.open(tmp_path / "followed.db", read_only=True))
            seen.append([])
        for reader, found in zip(readers, seen, strict=True):
            at = found[-1] + 1 if found else 0
            found += [n for frame in reader.read(at) for n in range(frame.first, frame.end)]
            assert found == list(range(writer.position)), step
            assert reader.head().position == writer.position - 1
    for reader in readers:
        reader.close()


def test_a_reader_of_a_closed_log_notices_that_a_writer_came(
    writer: Writer, tmp_path: Path
) -> None:
    writer.note()
    writer.store.close()
    reader = SqliteStore.open(tmp_path / "followed.db", read_only=True)
    before = [frame.first for frame in reader.read()]
    writer.store = SqliteStore.open(tmp_path / "followed.db")
    writer._claim()
    writer.note()
    assert [frame.first for frame in reader.read()] == [*before, writer.position - 1]
    reader.close()


def test_who_follows_learns_the_types_once(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look reads what is new, not the whole log."""
    from cckit.cli import log as command

    for _ in range(50):
        writer.note()
    starts: list[int] = []
    read = SqliteStore.read

    def noted(self: SqliteStore, from_position: int = 0, limit: int | None = None) -> Any:
        starts.append(from_position)
        return read(self, from_position, limit)

    looks = 0

    def pause(_: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(SqliteStore, "read", noted)
    monkeypatch.setattr(command, "pause", pause)
    last = str(writer.position - 1)
    assert command.log(tmp_path / "followed.db", from_=last, follow=True) == 0
    assert starts.count(0) == 1


def test_what_is_appended_during_a_look_is_not_jumped_over(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from cckit.cli import log as command

    read = SqliteStore.read

    def slow(self: SqliteStore, from_position: int = 0, limit: int | None = None) -> Any:
        yield from read(self, from_position, limit)
        if self is not writer.store:
            writer.note()  # The look has seen all that there was: now there is more.

    def pause(_: float) -> None:
        if writer.position > 70:
            raise KeyboardInterrupt

    monkeypatch.setattr(SqliteStore, "read", slow)
    monkeypatch.setattr(command, "pause", pause)
    assert command.log(tmp_path / "followed.db", follow=True, json=True) == 0
    seen = [json.loads(line)["position"] for line in capsys.readouterr().out.splitlines()]
    assert seen == list(range(len(seen)))
    assert len(seen) >= 70


def test_a_reader_never_changes_the_file(writer: Writer, tmp_path: Path) -> None:
    writer.note()
    writer.store.close()
    log = tmp_path / "followed.db"
    before = log.read_bytes(), sorted(path.name for path in tmp_path.iterdir())
    reader = SqliteStore.open(log, read_only=True)
    list(reader.read())
    reader.close()
    assert (log.read_bytes(), sorted(path.name for path in tmp_path.iterdir())) == before
    with pytest.raises(apsw.ReadOnlyError):
        reader = SqliteStore.open(log, read_only=True)
        try:
            reader._connection.execute("DELETE FROM frame")
        finally:
            reader.close()
    writer.store = SqliteStore.open(log)
