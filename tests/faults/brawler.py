"""Processes that fight for one log, and readers that follow it; run as a script, it serves jobs.

Each line on stdin is a job, ``WHAT LOG HISTORY SEED PLANT``; a fresh fork of this process
does it, its pid is printed, and that it ended once it is gone; its pid is nobody else's
before the next line is read. What a job did it appends to
the file HISTORY, one record an event, so that the history survives a kill. Jobs:

``write``  take the log over, append until somebody else has done so, and again, for ever.
``tail``   read what is there, then what comes, for ever.

PLANT names a bug to plant: ``burnt``, ``skips``, ``halves``, ``stale`` or none.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from struct import Struct
from time import monotonic_ns, sleep
from typing import Any

import apsw

from cckit.core.errors import StoreError
from cckit.core.frame import Frame
from cckit.hooks.store import Conflict, Head
from cckit.stores import sqlite
from cckit.stores.sqlite import SqliteStore

RECORD = Struct(">cqqq32s")
"""What, when (a clock that all processes share), first position, end, chain."""
INVOKED, STORED, REFUSED, SEEN = b"i", b"s", b"r", b"t"
ORIGIN, LOG_ID = "fought for", bytes(range(16))


class History:
    """What one process did, written at once."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(self, what: bytes, frame: Frame) -> None:
        record = RECORD.pack(what, monotonic_ns(), frame.first, frame.end, frame.chain)
        os.write(self._file, record)


def next_frame(head: Head, random: Random, skip: int = 0) -> Frame:
    """A frame that nobody else would make, of one to five events and up to 3 kB."""
    first = skip + (0 if head.position is None else head.position + 1)
    body = random.randbytes(16) + bytes(random.randrange(3_000))
    return Frame.make(head.chain, first, random.randrange(1, 6), first, head.epoch, body)


def write(path: str, history: History, random: Random, plant: str) -> None:
    append = APPENDS.get(plant, SqliteStore.append)
    while True:
        try:
            store = SqliteStore.open(path, take_over=True)
        except StoreError:
            continue  # Somebody is just making or closing it.
        try:
            store.claim()
            while True:
                skip = int(plant == "burnt" and random.random() < 0.02)
                frame = next_frame(store.head(), random, skip)
                history.note(INVOKED, frame)
                if isinstance(append(store, frame, store.head()), Conflict):
                    history.note(REFUSED, frame)
                    break
                history.note(STORED, frame)
        except StoreError:
            continue  # What was in flight is unknown; the history says no more of it.
        except apsw.Error:
            if plant == "none":
                raise
        finally:
            store.close()


def burnt(store: SqliteStore, frame: Frame, head: Head) -> Conflict | None:
    """Leave out positions."""
    follows, sqlite._next = sqlite._next, lambda _: frame.first
    try:
        return SqliteStore.append(store, frame, head)
    finally:
        sqlite._next = follows


def halves(store: SqliteStore, frame: Frame, head: Head) -> Conflict | None:
    """Store one frame in two transactions."""
    if frame.count == 1:
        return SqliteStore.append(store, frame, head)
    half = len(frame.body) // 2
    made = (frame.committed_at, frame.epoch)
    one = Frame.make(frame.previous, frame.first, 1, *made, frame.body[:half])
    conflict = SqliteStore.append(store, one, head)
    if conflict is not None:
        return conflict
    two = Frame.make(one.chain, one.end, frame.count - 1, *made, frame.body[half:])
    return SqliteStore.append(store, two, store.head())


def stale(store: SqliteStore, frame: Frame, head: Head) -> Conflict | None:
    """Go on under an old epoch as if nobody had taken over."""
    conflict = SqliteStore.append(store, frame, head)
    if conflict is not None:
        again = Frame.make(
            conflict.head.chain,
            (conflict.head.position or 0) + 1,
            frame.count,
            frame.committed_at,
            frame.epoch,
            frame.body,
        )
        row = (again.first, again.pack())
        store._execute("INSERT INTO frame VALUES (?, ?)", row)
        return None
    return None


APPENDS: dict[str, Callable[[SqliteStore, Frame, Head], Conflict | None]] = {
    "burnt": burnt,
    "halves": halves,
    "stale": stale,
}


def tail(path: str, history: History, random: Random, plant: str) -> None:
    at = 0
    while True:
        try:
            store = SqliteStore.open(path, read_only=True)
        except StoreError:
            continue
        try:
            for _ in range(random.randrange(1, 200)):
                for frame in store.read(at):
                    history.note(SEEN, frame)
                    at = frame.end
                if plant == "skips":
                    sleep(0.001)
                    at = (store.head().position or 0) + 1
        except StoreError:
            continue
        finally:
            store.close()


def serve() -> None:
    jobs: dict[str, Callable[[str, History, Random, str], Any]] = {"write": write, "tail": tail}
    for line in iter(sys.stdin.readline, ""):
        what, path, history, seed, plant = line.split()
        pid = os.fork()
        if pid == 0:
            jobs[what](path, History(history), Random(int(seed)), plant)
        print(pid, flush=True)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        print("ended", flush=True)
        sys.stdin.readline()
        os.waitpid(pid, 0)


def make(path: Path) -> None:
    """An empty log to fight for."""
    SqliteStore.open(path, create=True, origin=ORIGIN, log_id=LOG_ID).close()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve()
