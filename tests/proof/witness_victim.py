"""A witness that is killed; run as a module, it serves jobs, each in a fresh fork.

A line on stdin is a job, ``STATE KILL_AT``: cosign ``SIZES`` in order, going on after what
the state has, and kill this process right before its KILL_AT-th operation on the disk or
answer; a negative KILL_AT kills nobody. ``hasty`` as a third word answers before anything is
kept: a planted fault. Printed are the sizes that were cosigned, then how the job ended.
"""

import os
import signal
import sys
from collections.abc import Callable

from cckit.core.instant import SECOND, Instant
from cckit.core.tlog import Checkpoint
from cckit.shell.proof.witness import Witness
from cckit.stores.witness import Seen, WitnessState
from cckit.testing.faults import FailingDisk
from tests.proof.history import KEY, NOON, WITNESS, History

SIZES = range(1, 5)


class Executioner(FailingDisk):
    """Kills this process at a moment."""

    def __init__(self, kill_at: int) -> None:
        self._alive = kill_at
        super().__init__("executioner", default=True)

    def pass_through(self, kind: str, path: str) -> None:
        if self._alive == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._alive -= 1


class Hasty:
    """A state that lets the witness answer before it keeps anything."""

    def __init__(self, state: WitnessState) -> None:
        self.latest = state.latest
        self._state = state
        self._pending: list[tuple[Checkpoint | None, Seen]] = []

    def replace(self, before: Checkpoint | None, seen: Seen) -> bool:
        self._pending.append((before, seen))
        return True

    def keep(self) -> None:
        """Do what should have been done."""
        for before, seen in self._pending:
            self._state.replace(before, seen)
        self._pending.clear()


def cosign_all(state: WitnessState, hasty: bool, say: Callable[[int], None]) -> None:
    """Have all sizes cosigned that the state does not have; ``say`` each as it is answered."""
    slow = Hasty(state)
    kept: WitnessState = slow if hasty else state  # type: ignore[assignment]
    witness = Witness([WITNESS], [KEY.vkey], kept, lambda: Instant(NOON * SECOND))
    history = History(max(SIZES))
    for size in SIZES:
        seen = state.latest(KEY.name)
        old = 0 if seen is None else seen.checkpoint.size
        if size > old:
            answer = witness.add_checkpoint(history.submission(old, size))
            assert answer.status == 200, answer
            say(size)
            slow.keep()


def work(path: str, kill_at: int, hasty: bool) -> None:
    executioner = Executioner(kill_at)

    def say(size: int) -> None:
        executioner.pass_through("answer", path)
        os.write(1, b"%d\n" % size)

    state = WitnessState.open(path, create=not os.path.exists(path))
    cosign_all(state, hasty, say)
    state.close()


def main() -> None:
    for line in sys.stdin:
        path, kill_at, *hasty = line.split()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                work(path, int(kill_at), bool(hasty))
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(pid, 0)
        os.write(1, b"ended %d\n" % os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
