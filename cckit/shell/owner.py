"""Who owns a store: one thread, or under virtual time nobody but the caller.

Stores are synchronous, so the shell lends them a thread. Jobs run in the order they were
posted; each answer is carried back into trio by ``run_sync_soon``, which costs half of
what ``to_thread`` does. The queue is bounded by who posts: the writer posts one frame at
a time, a reader one chunk.

Under a virtual clock a thread must not be waited for: the clock would jump meanwhile. So
there jobs run inline, and the same seed gives the same run.
"""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

import outcome
import trio

from cckit.core.errors import UsageError

T = TypeVar("T")

Job = Callable[[], Any]
Done = Callable[[outcome.Outcome[Any]], None]


class Runs(Protocol):
    """As much of an owner as who only asks it needs."""

    async def run(self, job: Callable[[], T]) -> T:
        """Run ``job`` and wait for its answer; what it raises is raised here.

        A wait that is cancelled drops the answer, see ``opened``.

        :raises UsageError: the owner was closed.
        """
        ...


class Owner(Runs, Protocol):
    """Runs jobs on a store, one after the other."""

    def post(self, job: Job, done: Done) -> None:
        """Run ``job`` after those posted before; ``done`` gets its outcome, in trio."""
        ...

    def block(self, job: Callable[[], T]) -> T:
        """Run ``job`` and stop the whole trio loop until it is done: for repair only."""
        ...

    async def close(self) -> None:
        """Finish the jobs posted so far."""
        ...


def own(name: str, *, virtual: bool) -> Owner:
    """An owner for the time we live in. Make it inside a trio run."""
    return InlineOwner() if virtual else ThreadOwner(name)


async def opened(owner: Runs, job: Callable[[], T]) -> T:
    """Run a job that opens something, and wait for what it opened even when cancelled.

    An answer that is dropped would stay open, with its lock, until the process ends. The
    wait is no longer for it: an owner finishes its jobs before it closes.
    """
    with trio.CancelScope(shield=True):
        made = await owner.run(job)
    return made


class InlineOwner:
    """Runs jobs where they are posted."""

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._closed = False

    def post(self, job: Job, done: Done) -> None:
        _check(self._closed)
        self._token.run_sync_soon(done, outcome.capture(job))

    async def run(self, job: Callable[[], T]) -> T:
        _check(self._closed)
        answer = outcome.capture(job)
        await trio.lowlevel.checkpoint()
        return answer.unwrap()

    def block(self, job: Callable[[], T]) -> T:
        return job()

    async def close(self) -> None:
        await trio.lowlevel.cancel_shielded_checkpoint()
        self._closed = True


class ThreadOwner:
    """A thread with a queue of jobs."""

    def __init__(self, name: str) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._jobs: SimpleQueue[tuple[Job, Done] | None] = SimpleQueue()
        self._closed = False
        # A daemon: a program that crashes must not hang on a job of ours.
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def post(self, job: Job, done: Done) -> None:
        _check(self._closed)
        self._jobs.put((job, done))

    async def run(self, job: Callable[[], T]) -> T:
        """Run ``job``; a cancelled wait leaves it running, only its answer is dropped."""
        _check(self._closed)
        task: trio.lowlevel.Task | None = trio.lowlevel.current_task()

        def done(answer: outcome.Outcome[T]) -> None:
            if task is not None:
                trio.lowlevel.reschedule(task, answer)

        def abort(_: Callable[[], None]) -> trio.lowlevel.Abort:
            nonlocal task
            task = None
            return trio.lowlevel.Abort.SUCCEEDED

        self._jobs.put((job, done))
        answer: T = await trio.lowlevel.wait_task_rescheduled(abort)
        return answer

    def block(self, job: Callable[[], T]) -> T:
        answers: SimpleQueue[outcome.Outcome[T]] = SimpleQueue()
        self._jobs.put((lambda: answers.put(outcome.capture(job)), _ignore))
        return answers.get().unwrap()

    async def close(self) -> None:
        """Finish the jobs posted so far and end the thread."""
        if self._closed:
            return
        with trio.CancelScope(shield=True):
            await self.run(_nothing)
        self._closed = True
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (posted := self._jobs.get()) is not None:
            job, done = posted
            answer = outcome.capture(job)
            try:
                self._token.run_sync_soon(done, answer)
            except trio.RunFinishedError:
                # Nobody is left who could wait for an answer.
                return


def _check(closed: bool) -> None:
    if closed:
        raise UsageError("center", "is closed", "open it again")


def _nothing() -> None:
    return None


def _ignore(_: outcome.Outcome[Any]) -> None:
    return None
