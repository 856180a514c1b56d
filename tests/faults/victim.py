"""A process that writes a log and is killed for it; run as a script, it serves jobs.

Each line on stdin is a job, ``PATH WHAT COUNT KILL_AT``; a fresh fork of this process does
it and its pid is printed, then, once it is gone, how it ended. What a job acknowledges goes
as records to the file descriptor that is the only argument. Jobs:

``write``  open the log, or make it; append COUNT frames, acknowledging each; close.
``hurry``  the same, but each is acknowledged before it is appended: a planted fault.
``step``   as ``write``, but wait for a line on stdin before each append; "end" closes.

With a KILL_AT of 0 or more the job kills itself right before its KILL_AT-th operation on
the disk: an exact moment. Otherwise it is up to the parent.
"""

import os
import signal
import sys
from struct import Struct

from cckit.core.errors import StoreError
from cckit.core.frame import Frame
from cckit.hooks.store import Conflict, Head
from cckit.stores.sqlite import SqliteStore
from cckit.testing.faults import FailingDisk

ORIGIN = "killed"
LOG_ID = bytes(range(16))
ACK = Struct(">q32s")
"""Position of a frame's last event, and its chain. Position -1: a conflict; -2: refused."""
CONFLICT, REFUSED = -1, -2


class Executioner(FailingDisk):
    """Kills this process at an operation on the disk."""

    def __init__(self, kill_at: int) -> None:
        self._alive = kill_at
        super().__init__("executioner")

    def pass_through(self, kind: str, path: str) -> None:
        if self._alive == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._alive -= 1


def next_frame(head: Head) -> Frame:
    """The only frame that can follow: 1 to 5 events, 1 byte to 12 kB, all by position."""
    first = 0 if head.position is None else head.position + 1
    body = bytes([first % 251 + 1]) * (1 + (first * 7919) % 12_000)
    return Frame.make(head.chain, first, 1 + first % 5, first, head.epoch, body)


def open_log(path: str, vfs: str | None = None) -> SqliteStore:
    """Open the log, or make it where there is none."""
    new = not os.path.exists(path)
    return SqliteStore.open(path, create=new, origin=ORIGIN, log_id=LOG_ID, vfs=vfs)


def work(path: str, what: str, count: int, kill_at: int, acks: int) -> None:
    vfs = Executioner(kill_at).name if kill_at >= 0 else None
    try:
        store = open_log(path, vfs)
    except StoreError:
        os.write(acks, ACK.pack(REFUSED, bytes(32)))
        return
    store.claim()
    for _ in range(count):
        if what == "step" and sys.stdin.readline() != "go\n":
            break
        frame = next_frame(store.head())
        if what == "hurry":
            os.write(acks, ACK.pack(frame.end - 1, frame.chain))
        if isinstance(store.append(frame, store.head()), Conflict):
            os.write(acks, ACK.pack(CONFLICT, bytes(32)))
            break
        if what != "hurry":
            os.write(acks, ACK.pack(frame.end - 1, frame.chain))
    store.close()


def serve(acks: int) -> None:
    for line in iter(sys.stdin.readline, ""):
        path, what, count, kill_at = line.split()
        pid = os.fork()
        if pid == 0:
            work(path, what, int(count), int(kill_at), acks)
            os._exit(0)
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
