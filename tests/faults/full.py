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

from cckit.core.errors import CckitError
from tests.faults.cuts import KEYS, LOG, STEPS, Watched, frequent_checkpoints

SEED = 20_261_123
"""A workload of large frames: it wants some 450 KiB."""
ROOMY = "64m"


class Cramped(Watched):
    """A program on a disk without room; it makes some when it hears that there is none."""

    def _recover(self) -> None:
        mount(self._folder, f"remount,size={ROOMY}")
        super()._recover()


def mount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)


def point(folder: Path, pages: int) -> dict[str, Any]:
    """What became of one workload on so many pages."""
    mount(folder, f"size={pages * 4096}")
    try:
        program = Cramped(folder, SEED, lambda *_: None)
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
