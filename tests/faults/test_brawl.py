"""Four processes take one log from each other and are killed; two follow. H is kept."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random
from select import select
from time import sleep

import pytest

from cckit.shell.proof.checking import verify_log
from cckit.stores.sqlite import SqliteStore
from tests.faults import brawler
from tests.faults.history import Record, faults, read

SEED = 20_261_123
WRITERS, READERS = 4, 2
PAUSE_S = 0.03
"""At most, between two blows; a stopped process wakes up as late."""


class Brawler:
    """One serving process, and the job that it has."""

    def __init__(self, folder: Path, name: str, what: str, plant: str) -> None:
        script = Path(brawler.__file__)
        self._process = subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self._folder, self._name, self._what, self._plant = folder, name, what, plant
        self._rounds = 0
        self._pid = 0

    def start(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        log = self._folder / "log.db"
        seed = f"{SEED + self._rounds * 10 + int(self._name[-1])}"
        history = self._folder / f"{self._name}.history"
        self._process.stdin.write(f"{self._what} {log} {history} {seed} {self._plant}\n")
        self._process.stdin.flush()
        self._pid = int(self._process.stdout.readline())
        assert self._pid > 1
        self._rounds += 1

    def stop_for(self, seconds: float) -> None:
        os.kill(self._pid, signal.SIGSTOP)
        sleep(seconds)
        os.kill(self._pid, signal.SIGCONT)

    def kill(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        assert select([self._process.stdout], [], [], 0)[0] == [], "it ended by itself"
        os.kill(self._pid, signal.SIGKILL)
        assert self._process.stdout.readline() == "ended\n"
        self._process.stdin.write("reap it\n")
        self._process.stdin.flush()

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def history(self) -> list[Record]:
        return read(self._folder / f"{self._name}.history")


def brawl(folder: Path, kills: int, plant: str = "none") -> tuple[list[str], int]:
    """Fight until so many were killed; what is wrong, and how many appends were begun."""
    brawler.make(folder / "log.db")
    random = Random(SEED)
    writers = [Brawler(folder, f"writer{n}", "write", plant) for n in range(WRITERS)]
    readers = [Brawler(folder, f"reader{n}", "tail", plant) for n in range(READERS)]
    with ExitStack() as stack:
        for one in (*writers, *readers):
            stack.callback(one.close)
            one.start()
            stack.callback(one.kill)
        for _ in range(kills):
            sleep(random.uniform(0, PAUSE_S))
            one = random.choice(writers)
            if random.random() < 0.2:
                one.stop_for(random.uniform(0, PAUSE_S))
            one.kill()
            one.start()
    reopened = SqliteStore.open(folder / "log.db", take_over=True)  # As the next one would.
    reopened.claim()
    frames = list(reopened.read())
    reopened.close()
    found = faults(frames, [one.history() for one in writers], [one.history() for one in readers])
    verdict = verify_log(folder / "log.db")
    if not verdict.ok:
        found.append(f"verify: {verdict.error}")
    begun = sum(r.what == brawler.INVOKED for one in writers for r in one.history())
    return found, begun


def test_who_fights_for_a_log_and_is_killed_loses_nothing_that_was_acknowledged(
    folder: Path, tier: Callable[[int, int, int], int], publish: Callable[[str], None]
) -> None:
    kills = tier(60, 1_000, 10_000)
    found, begun = brawl(folder, kills)
    assert found == []
    assert begun > kills
    publish(f"SIGKILL among {WRITERS} writers: {kills:,} kills, {begun:,} appends, 0 lost")


def planted(folder: Path, plant: str) -> list[str]:
    """What is found of a bug; the sooner the better, but chance has its part."""
    for round_ in range(5):
        place = folder / str(round_)
        place.mkdir()
        found, _ = brawl(place, 10, plant)
        if found:
            return found
    return []


@pytest.mark.planted("K commit in two transactions")
def test_a_commit_in_two_transactions_is_found(folder: Path) -> None:
    assert any(fault.startswith("phantom") for fault in planted(folder, "halves"))


@pytest.mark.planted("K stale epoch")
def test_a_writer_that_goes_on_after_it_was_taken_over_is_found(folder: Path) -> None:
    assert any(fault.startswith("the epoch goes back") for fault in planted(folder, "stale"))


@pytest.mark.planted("H position burnt")
def test_a_position_that_nobody_has_is_found(folder: Path) -> None:
    assert any(fault.startswith("not dense") for fault in planted(folder, "burnt"))


@pytest.mark.planted("H tail skips a commit")
def test_a_reader_that_skips_a_commit_is_found(folder: Path) -> None:
    assert any(fault.startswith("a reader saw") for fault in planted(folder, "skips"))
