"""Processes that write a log and can be killed."""

import importlib.util
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

SCRIPT = Path(__file__).with_name("victim.py")


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cckit_victim", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Ack(NamedTuple):
    """A frame that the writer was told is durable."""

    position: int
    chain: bytes


class Victim:
    """One serving process; it forks a fresh writer for each job."""

    def __init__(self) -> None:
        self.module = _load()
        self._acks, theirs = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(theirs)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[theirs],
            text=True,
            bufsize=1,
        )
        os.close(theirs)
        self.pid = 0

    def start(self, path: Path, what: str, count: int, kill_at: int = -1) -> None:
        """Give it a job; the pid of its writer is known when this returns."""
        self.say(f"{path} {what} {count} {kill_at}")
        self.pid = int(self._line())
        assert self.pid > 1, "a kill of 0 or less would take this process and its parents along"

    def say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def acks(self, count: int) -> list[Ack]:
        """Wait for so many acknowledgements, or for the writer's end."""
        assert self._process.stdout is not None
        found: list[Ack] = []
        while len(found) < count:
            ready = select.select([self._acks, self._process.stdout.fileno()], [], [])[0]
            if self._acks not in ready:
                break
            found.append(self._ack())
        return found

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def end(self) -> tuple[int, list[Ack]]:
        """Wait for the writer's end: its exit code, and what it had acknowledged last."""
        code = int(self._line())
        found = []
        while select.select([self._acks], [], [], 0)[0]:
            found.append(self._ack())
        return code, found

    def _ack(self) -> Ack:
        record = self.module.ACK
        return Ack(*record.unpack(os.read(self._acks, record.size)))

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        os.close(self._acks)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: what is killed or told to fail is no disk."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as name:
        yield Path(name)


@pytest.fixture
def victim() -> Iterator[Victim]:
    process = Victim()
    yield process
    process.close()


@pytest.fixture
def victims() -> Iterator[list[Victim]]:
    """Three that can work at the same time."""
    processes = [Victim() for _ in range(3)]
    yield processes
    for process in processes:
        process.close()
