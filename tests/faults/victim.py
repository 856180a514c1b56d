"""A process that writes a log and is killed for it; run as a script, it serves jobs.

Each line on stdin is a job, ``PATH WHAT COUNT KILL_AT``; a fresh fork of this process does
it and its pid is printed, then, once it is gone, how it ended. What a job acknowledges goes
as records to the file descriptor that is the only argument. Jobs:

``write``  open the log, or make it; append COUNT frames, acknowledging each; close.
``hurry``  the same, but each is acknowledged before it is appended: a planted fault.
``center`` open a center on the log and let ten tasks at once tell of callers, 10 each;
           COUNT is the round, which names the callers.
``forgetful``  the same, but no request of an earlier run is known: a planted fault.
``fight``  take the log over, append until another process has done the same; COUNT times.
``step``   as ``write``, but wait for a line on stdin before each append; "end" closes.

With a KILL_AT of 0 or more the job kills itself right before its KILL_AT-th operation on
the disk: an exact moment. Otherwise it is up to the parent.
"""

import os
import signal
import sys
from hashlib import sha256
from struct import Struct

import trio

from cckit import Config, open_center
from cckit.core.commands import Enqueue, ReportArrived
from cckit.core.errors import StoreError
from cckit.core.events import Actor
from cckit.core.facts import ContactCreated
from cckit.core.frame import Frame
from cckit.core.ids import ContactId, QueueId
from cckit.hooks.store import Conflict, Head
from cckit.shell import life
from cckit.shell.replies import Stored
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
        super().__init__("executioner", default=True)

    def pass_through(self, kind: str, path: str) -> None:
        if self._alive == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._alive -= 1


def next_frame(head: Head) -> Frame:
    """The only frame that can follow: 1 to 5 events, 1 byte to 12 kB, all by position."""
    first = 0 if head.position is None else head.position + 1
    body = bytes([first % 251 + 1]) * (1 + (first * 7919) % 12_000)
    return Frame.make(head.chain, first, 1 + first % 5, first, head.epoch, body)


def open_log(path: str) -> SqliteStore:
    """Open the log, or make it where there is none."""
    new = not os.path.exists(path)
    return SqliteStore.open(path, create=new, origin=ORIGIN, log_id=LOG_ID)


def number_of(ref: str) -> str:
    """Whose call it is: every caller has one of 50 numbers."""
    return f"+972-54-000-{int(sha256(ref.encode()).hexdigest(), 16) % 50:04}"


async def answer_calls(path: str, round_: int, acks: int) -> None:
    phone = Actor("adapter", "phone")

    async def call(ref: str) -> None:
        arrived = ReportArrived("voice", ref=ref, from_=number_of(ref))
        reply = await center.do(arrived, actor=phone, request=ref)
        assert isinstance(reply, Stored), reply
        created = next(one for one in reply.recorded if isinstance(one[1], ContactCreated))
        os.write(acks, ACK.pack(created[0].position, sha256(ref.encode()).digest()))
        contact = ContactId(created[0].stream.removeprefix("contact/"))
        await center.do(Enqueue(contact, QueueId("orders")), actor=phone, request=ref + " queue")

    async def calls(task: int) -> None:
        for n in range(10):
            await call(f"{round_}-{task}-{n}")

    async with open_center(Config.parse("[queues.orders]"), log=path) as center:
        for task in range(10 if round_ else 0):
            await call(f"{round_ - 1}-{task}-0")  # Whether it arrived before is not known.
        async with trio.open_nursery() as nursery:
            for task in range(10):
                nursery.start_soon(calls, task)


def forget_requests() -> None:
    async def learn_nothing(*_: object) -> None:
        await trio.lowlevel.checkpoint()

    life.learn_requests = learn_nothing  # type: ignore[assignment]


def work(path: str, what: str, count: int, kill_at: int, acks: int) -> None:
    if kill_at >= 0:
        Executioner(kill_at)
    if what in ("center", "forgetful"):
        if what == "forgetful":
            forget_requests()
        trio.run(answer_calls, path, count, acks)
        return
    if what == "fight":
        for _ in range(count):
            fight(path, acks)
        return
    try:
        store = open_log(path)
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


def fight(path: str, acks: int) -> None:
    store = SqliteStore.open(path, take_over=True)
    store.claim()
    for _ in range(20):
        frame = next_frame(store.head())
        if isinstance(store.append(frame, store.head()), Conflict):
            break
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
