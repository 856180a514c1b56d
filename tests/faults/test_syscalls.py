"""A system call fails, is late, or is the last: no lost frame, none that nobody attempted.

strace injects one fault into one call of a process that writes a log, its keys and its
views; a fault that is an error must be heard of, as a clear one, and all must open again.
"""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.faults.cuts import KEYS, LOG, VIEWS, Watched, frequent_checkpoints
from tests.faults.struck import promise_of

SCRIPT: Final = Path(__file__).with_name("struck.py")
SEED: Final = 20_261_121
CALLS: Final = (
    "openat",
    "pwrite64",
    "fdatasync",
    "fsync",
    "ftruncate",
    "?rename,?renameat",
    "?unlink,?unlinkat",
    "mmap",
)
FAULTS: Final = ("error=EIO", "error=ENOSPC", "signal=SIGKILL", "delay_enter=2000")
STEMS: Final = (LOG, VIEWS, KEYS, "log.kek")
SUFFIXES: Final = ("", "-wal", "-shm", "-journal", ".new", ".new-wal", ".new-shm", ".new-journal")
LOUD: Final = re.compile(r"(pwrite64|fdatasync)\(\d+<[^>]*log\.(db|keys)(-wal)?>.*\(INJECTED\)")
"""An error that keeps a frame or a key from the disk: nobody may keep silent about it."""


class Struck(NamedTuple):
    """How one job went."""

    trace: str
    failures: int
    faults: list[str]


class Strace:
    """A server of jobs, and what strikes them."""

    def __init__(self, root: Path, folder: Path) -> None:
        self._folder = folder
        paths = f"{root}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
        self._process = subprocess.Popen(
            [sys.executable, str(SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env={**os.environ, "PYTHONPATH": paths},
        )

    def strike(self, calls: str, inject: str = "", plant: str = "-", seed: int = SEED) -> Struck:
        """Run one job with one fault; then open all again, and compare."""
        place = self._folder / "point"
        shutil.rmtree(place, ignore_errors=True)
        folder = place / "log"
        folder.mkdir(parents=True)
        trace = place / "trace"
        self._say(f"{folder} {seed} {plant}")
        pid = self._line()
        command = ["strace", "-f", "-y", "-p", pid, "-o", str(trace), "-e", f"trace={calls}"]
        for stem in STEMS:
            for suffix in SUFFIXES:
                command += ["-P", f"{folder / stem}{suffix}"]
        command += ["-P", str(folder), "-P", str(folder / f"{LOG}.lock")]
        if inject:
            command += ["-e", f"inject={calls}:{inject}"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
            assert strace.stderr is not None
            said = strace.stderr.readline()
            if "attached" not in said:
                self._say("stop")
                self._line()
                pytest.skip(f"strace can't attach ({said.strip()}): run as root")
            self._say("go")
            self._line()
            strace.stderr.read()
        return self._compare(folder, seed, trace.read_text())

    def _compare(self, folder: Path, seed: int, trace: str) -> Struck:
        promise, failures, faults = promise_of(folder)
        survivor = Watched(folder, seed, lambda *_: None)
        survivor.promise = promise
        try:
            survivor.check_end()
        except Exception as error:
            faults.append(f"open: {error!r}")
        return Struck(trace, failures, [*faults, *survivor.faults])

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@pytest.fixture
def strace(root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Strace]:
    if shutil.which("strace") is None:
        pytest.skip("strace is absent: apt-get install strace")
    frequent_checkpoints(monkeypatch)
    made = Strace(root, folder)
    yield made
    made.close()


def points(strace: Strace, seed: int) -> list[tuple[str, str, int]]:
    """Calls, fault and number of the call, of every one that a job makes."""
    found = []
    trace = strace.strike(",".join(CALLS), seed=seed).trace
    counts = Counter(re.findall(r"(?m)^\d+ +(\w+)\(", trace))
    for calls in CALLS:
        names = calls.replace("?", "").split(",")
        many = max(counts[name] for name in names)
        found += [(calls, fault, n) for n in range(1, many + 1) for fault in FAULTS]
    return found


def faults_at(strace: Strace, seed: int, at: tuple[str, str, int], plant: str = "-") -> list[str]:
    calls, fault, n = at
    struck = strace.strike(calls, f"{fault}:when={n}", plant, seed)
    faults = struck.faults
    if "error" in fault and LOUD.search(struck.trace) and not struck.failures:
        faults.append("silent: an error of the disk that nobody heard of")
    return [f"seed {seed}, {calls} {n} {fault}: {one}" for one in faults]


def spread(found: list[tuple[str, str, int]], wanted: int) -> list[tuple[str, str, int]]:
    """So many of all points, of each call and each fault."""
    chosen = []
    for calls in CALLS:
        for fault in FAULTS:
            some = [one for one in found if one[:2] == (calls, fault)]
            each = -(-wanted // (len(CALLS) * len(FAULTS)))
            chosen += [some[n * len(some) // each] for n in range(min(each, len(some)))]
    return chosen


def test_no_system_call_that_fails_loses_anything(
    strace: Strace, tier: Callable[[int, int, int], int], publish: Callable[[str], None]
) -> None:
    wanted = tier(32, 300, 100_000)
    chosen = spread(points(strace, SEED), wanted)
    faults = [fault for at in chosen for fault in faults_at(strace, SEED, at)]
    assert faults == []
    publish(f"system calls: {len(chosen)} points, 0 lost, 0 phantom, every error clear")


# --- bugs that are planted ------------------------------------------------------------------------


@pytest.mark.planted("X unknown called refused")
def test_what_was_in_flight_and_is_called_refused_is_noticed(strace: Strace) -> None:
    tried = (("fdatasync", "error=EIO", n) for n in range(58, 110))
    assert any("phantom" in str(faults_at(strace, SEED, at, "refused")) for at in tried)


@pytest.mark.planted("X autocheckpoint on")
def test_a_checkpoint_whose_error_nobody_hears_of_is_noticed(strace: Strace) -> None:
    tried = (("fdatasync", "error=EIO", n) for n in range(56, 110))
    assert any("silent" in str(faults_at(strace, SEED, at, "autocheckpoint")) for at in tried)
