"""A process whose system calls fail; run as a script, it serves jobs, as ``victim.py`` does.

Each line on stdin is a job, ``FOLDER SEED PLANT``. A fresh fork prints its pid and waits for
a line "go", so that strace can attach; then it runs the workload of ``cuts.py`` in FOLDER. What
it is promised, and how it ended, goes to the file MARKS beside FOLDER, a pickle a mark, so
that a kill takes nothing of it. PLANT is "-" or one of ``PLANTS``.
"""

import ctypes
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import apsw
import pytest

from cckit.core.errors import StoreError
from cckit.core.frame import Frame
from cckit.hooks.store import Conflict, Head
from cckit.stores import connection
from cckit.stores.sqlite import SqliteStore
from tests.faults.cuts import Promise, Watched, frequent_checkpoints, promised

MARKS: Final = "marks"
STEPS: Final = 14
_PR_SET_PTRACER: Final = 0x59616D61
_ANYONE: Final = -1


def refuse_what_is_unknown(patch: pytest.MonkeyPatch) -> None:
    """Tell a caller whose frame was in flight that it was refused."""
    append = SqliteStore.append

    def append_sure(store: SqliteStore, frame: Frame, expected: Head) -> Conflict | None:
        failed = store.failed
        try:
            return append(store, frame, expected)
        except StoreError:
            if failed:
                raise
            return Conflict(expected)

    patch.setattr(SqliteStore, "append", append_sure)


def checkpoint_unasked(patch: pytest.MonkeyPatch) -> None:
    """Leave checkpoints to SQLite, which tells nobody how they went."""

    class Unasked(connection.Wal):
        def __init__(self, opened: apsw.Connection, writes: bool = True) -> None:
            super().__init__(opened, writes=False)
            opened.pragma("wal_autocheckpoint", 4)

    for module in ("sqlite", "keys"):
        patch.setattr(f"cckit.stores.{module}.Wal", Unasked)


PLANTS: Final[dict[str, Callable[[pytest.MonkeyPatch], None]]] = {
    "refused": refuse_what_is_unknown,
    "autocheckpoint": checkpoint_unasked,
}


def work(folder: Path, seed: int, plant: str) -> None:
    """Run the workload, and say how it ended."""
    marks = os.open(folder.with_name(MARKS), os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def tell(word: str, value: Any = None) -> None:
        os.write(marks, pickle.dumps((word, value)))

    with pytest.MonkeyPatch.context() as patch:
        frequent_checkpoints(patch)
        if plant in PLANTS:
            PLANTS[plant](patch)
        program = Watched(folder, seed, tell)
        try:
            program.run(STEPS)
        except Exception as error:  # Whatever it is, it is not the clear error that was due.
            program.faults.append(f"not clear: {error!r}")
        tell("end", (program.failures, program.faults))


def promise_of(folder: Path) -> tuple[Promise, int, list[str]]:
    """What a job was promised; the errors it met and its faults, as far as it lived."""
    promise, failures, faults = Promise.nothing(), 0, list[str]()
    for word, value in _marks(folder.with_name(MARKS)):
        if word == "end":
            failures, faults = value
        else:
            promise = promised(promise, word, value)
    return promise, failures, faults


def _marks(path: Path) -> Iterator[tuple[str, Any]]:
    with path.open("rb") as file:
        while file.peek(1):
            yield pickle.load(file)


def serve() -> None:
    for line in iter(sys.stdin.readline, ""):
        folder, seed, plant = line.split()
        pid = os.fork()
        if pid == 0:
            # Where only parents may trace, strace is none.
            ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(_ANYONE), 0, 0, 0)
            if sys.stdin.readline() == "go\n":
                work(Path(folder), int(seed), plant)
            os._exit(0)
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
