"""A disk that is full: run as a script in a mount namespace of its own, as root.

``full.py FOLDER FIRST LAST STEP`` mounts a tmpfs of FIRST, FIRST + STEP … LAST pages of 4 KiB
on FOLDER, one after the other, and runs the workload of ``cuts.py`` on each. When the disk is
full the workload stops with an error, room is made, all is opened again and goes on. Each
point prints one line of JSON: pages, failures, frames, faults.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cckit.core.errors import CckitError, StoreError
from cckit.hooks.store import Head
from tests.faults.cuts import (
    KEYS,
    LOG,
    STEPS,
    Patient,
    Promise,
    frequent_checkpoints,
    promised,
)

SEED = 20_261_123
"""A workload of large frames: it wants some 450 KiB."""
ROOMY = "64m"


class Cramped(Patient):
    """A program on a disk without room; it makes some when it hears that there is none."""

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__(folder, seed, self._note)
        self.promise = Promise(False, [], [], 0, {}, 0, [], 0)
        self.faults: list[str] = []

    def _note(self, word: str, value: Any = None) -> None:
        if word == "reopened":
            self._compare(*value)
        self.promise = promised(self.promise, word, value)

    def _trying(self, job: Any) -> None:
        try:
            job()
        except StoreError as error:
            if not error.where.startswith(str(self._folder)) or not error.remedy:
                self.faults.append(f"not clear: {error}")
            self._check_poisoned()
            self.failures += 1
            mount(self._folder, f"remount,size={ROOMY}")
            self._recover()

    def _check_poisoned(self) -> None:
        """A store that failed refuses everything, clearly."""
        if hasattr(self, "_store") and self._store.failed:
            try:
                self._store.head()
            except StoreError:
                return
            self.faults.append("goes on: a store that failed says where its head is")

    def _compare(self, frames: int, there: list[bytes]) -> None:
        stored = [stored for _, stored in self._store.read_bytes()]
        promise = self.promise
        if stored != promise.attempted[: len(stored)]:
            self.faults.append("phantom: frames that nobody attempted")
        if frames < promise.acked:
            self.faults.append(f"lost: {promise.acked} acknowledged, {frames} there")
        must = set(list(promise.persons)[: promise.persons_acked])
        if not must - set(promise.erased) <= set(there):
            self.faults.append("lost: a key that was flushed")
        if set(promise.erased[: promise.erased_acked]) & set(there):
            self.faults.append("kept: a key that was erased")

    def check_end(self) -> None:
        """Open all once more, with nothing in flight."""
        self._open()
        self._look()
        assert isinstance(self._store.head(), Head)
        self._let_go(True)


def mount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)


def point(folder: Path, pages: int) -> dict[str, Any]:
    """What became of one workload on so many pages."""
    mount(folder, f"size={pages * 4096}")
    try:
        program = Cramped(folder, SEED)
        try:
            program.run(STEPS)
            program.check_end()
        except CckitError as error:
            program.faults.append(f"open: {error}")
        left = sorted(one.name for one in folder.iterdir())
        if not {LOG, KEYS} <= set(left):
            program.faults.append(f"open: there is only {left}")
    finally:
        subprocess.run(["umount", folder], check=True)
    frames = len(program.promise.attempted)
    return {
        "pages": pages,
        "failures": program.failures,
        "frames": frames,
        "faults": program.faults,
    }


def main(folder: Path, first: int, last: int, step: int) -> None:
    """Print a line for each point."""
    with pytest.MonkeyPatch.context() as patch:
        frequent_checkpoints(patch)
        for pages in range(first, last + 1, step):
            print(json.dumps(point(folder, pages)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
