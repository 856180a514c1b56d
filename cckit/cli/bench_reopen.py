"""Opening a log again after its writer was killed: the store ready, and routing again.

A process builds a log of a center that was busy up to its end, leaves its views and snapshot as
far behind as they may be, and kills itself: 50 agents, callers who wait and talk. Then new
processes open what it left, one after the other, each killed when it has measured:

``reopen.store``   the store opened and claimed, ready for an append.
``reopen.route``   ``open_center``, a caller taken in, an agent ready, the first offer made.

Each figure is in microseconds beside its goal. Raw is SQLite opening the same file and
reading its last row.
"""

import os
import shutil
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from traceback import print_exc
from typing import Any, Final
from zoneinfo import ZoneInfo

import apsw
import trio

from cckit.core import facts as f
from cckit.core import snapshot
from cckit.core.codec import canonical
from cckit.core.commands import Enqueue, LogIn, ReportArrived, SetProfile, SetReady
from cckit.core.errors import StoreError
from cckit.core.events import Actor
from cckit.core.floor import VERSION
from cckit.core.ids import AgentId, ContactId, QueueId
from cckit.core.instant import HOUR, MINUTE, SECOND, Instant
from cckit.core.settings import QueueSettings
from cckit.shell.clock import SystemClock
from cckit.shell.config import Config
from cckit.shell.keeper import FOLLOW_EVENTS, SNAPSHOT_EVENTS
from cckit.shell.open_center import open_center
from cckit.shell.replies import Stored
from cckit.stores.compaction import path_of
from cckit.stores.sqlite import SqliteStore
from cckit.stores.views import Views
from cckit.testing.draws import Exponential
from cckit.testing.staffing import Shift, Staffing
from cckit.testing.traffic import Process, Processes, Rate
from cckit.testing.world import START, World

from .bench_result import Result, result

ROUNDS: Final = 3
STORE_GOAL_US: Final = 100_000
ROUTE_GOAL_US: Final = 2_000_000

AGENTS: Final = 50
PER_HOUR: Final = 1_000
EVENTS_A_CALL: Final = 11
QUEUE: Final = QueueId("service")
PHONE: Final = Actor("adapter", "bench")


Answer = Callable[[int], None]
"""Say a number, and die."""
Job = Callable[[Path, Answer], None]


def reopen(folder: Path, events: int, rounds: int = ROUNDS) -> list[Result]:
    """Measure microseconds until a killed log of so many events is ready, and routes."""
    log = folder / "killed.db"
    ended = _in_child(partial(build, events=events), log)
    views = path_of(log)
    shutil.copy(views, folder / "views")
    measures: list[Job] = [store_ready, partial(routing_again, ended=ended), bare]
    took: list[list[int]] = [[] for _ in measures]
    for _ in range(rounds):
        for measure, times in zip(measures, took, strict=True):
            for suffix in ("-wal", "-shm"):
                Path(views + suffix).unlink(missing_ok=True)
            shutil.copy(folder / "views", views)
            times.append(_in_child(measure, log))
    ready, again, raw = (median(times) for times in took)
    size = f"{events:,} events, against its goal"
    return [
        result("reopen.store", f"us, {size}", ready, STORE_GOAL_US, raw),
        result("reopen.route", f"us, {size}", again, ROUTE_GOAL_US, raw),
    ]


def _in_child(job: Job, log: Path) -> int:
    """Do a job in a process of its own, which is killed when it answers; the answer."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            job(log, partial(_answer, writes))
        except Exception:  # noqa: BLE001 - this process ends here, so it has to say why
            print_exc()
        os._exit(1)
    os.close(writes)
    with open(reads, "rb") as answer:
        said = answer.read()
    os.waitpid(child, 0)
    if not said:
        raise StoreError(str(log), "a process that was to open it failed", "see what it says above")
    return int(said)


def _answer(writes: int, number: int) -> None:
    os.write(writes, str(number).encode())
    os.kill(os.getpid(), signal.SIGKILL)


# --- what is opened -------------------------------------------------------------------------


class LiveWorld(World):
    """A simulated day whose log says that it was live, so that a center may go on with it."""

    def _record(self, *facts: Any) -> None:
        super()._record(*(_lived(x) if type(x) is f.RunStarted else x for x in facts))


def _lived(run: f.RunStarted) -> f.RunStarted:
    return f.RunStarted(run.epoch, "live", None, None, run.authorize, run.versions)


def build(log: Path, answer: Answer, events: int) -> None:
    """Write a log with views and snapshot as late as they may be; the instant it ends at."""
    store = SqliteStore.open(log, create=True, origin="bench", log_id=bytes(16))
    end = Instant(START + 2 * events * HOUR // (PER_HOUR * EVENTS_A_CALL) + HOUR)
    process = Process(
        QUEUE,
        (Rate(START, end, PER_HOUR),),
        Exponential(2 * MINUTE),
        Exponential(3 * MINUTE),
        wrapup_permille=100,
    )
    traffic = Processes(START, end, ZoneInfo("UTC"), (process,), "bench")
    staffing = Staffing((Shift(AGENTS),), {QUEUE: QueueSettings(wrapup_us=HOUR)})
    world = LiveWorld(1, traffic=traffic, staffing=staffing, store=store)
    _run_to(world, events - SNAPSHOT_EVENTS)
    head, state = store.head(), canonical(snapshot.dump(world.engine))
    _run_to(world, events - FOLLOW_EVENTS)
    views = Views.open(path_of(log), store)
    views.follow(store)
    if head.position is not None:
        classes = snapshot.digest_of_classes()
        views.save_snapshot(head.position, head.chain, VERSION, classes, state)
    views.close()
    _run_to(world, events)
    answer(world.now)


def _run_to(world: World, position: int) -> None:
    """Let time pass until the log has so many events, or a few more."""
    while (left := position - world.engine.position) > 0:
        step = left * HOUR // (PER_HOUR * EVENTS_A_CALL) // 2
        world.run(Instant(world.now + max(SECOND, step)))


# --- what is measured -----------------------------------------------------------------------


def store_ready(log: Path, answer: Answer) -> None:
    """Open and claim the log; in microseconds."""
    started = time.perf_counter_ns()
    store = SqliteStore.open(log)
    store.claim()
    store.head()
    answer((time.perf_counter_ns() - started) // 1000)


def routing_again(log: Path, answer: Answer, ended: int) -> None:
    """Open a center right after the log ended, up to its first offer; in microseconds."""
    behind = time.time_ns() - ended * 1000
    trio.run(_route, log, answer, SystemClock(lambda: time.time_ns() - behind))


async def _route(log: Path, answer: Answer, clock: SystemClock) -> None:
    agent, contact = AgentId(f"new{os.getpid()}"), ContactId(f"{os.getpid():032x}")
    who = Actor("agent", agent)
    commands = (
        (SetProfile(agent, {}), PHONE),
        (LogIn(agent), who),
        (SetReady(agent), who),
        (ReportArrived("voice", contact=contact), PHONE),
        (Enqueue(contact, QUEUE), PHONE),
    )
    started = time.perf_counter_ns()
    async with open_center(Config.parse("[queues.service]"), log=log, clock=clock) as center:
        for command, actor in commands:  # The agent, or the caller, is what the other waits for.
            reply = await center.do(command, actor=actor)
            assert isinstance(reply, Stored), reply
            if any(type(data) is f.OfferMade for _, data in reply.recorded):
                answer((time.perf_counter_ns() - started) // 1000)


def bare(log: Path, answer: Answer) -> None:
    """Have SQLite open the file and read its last row; in microseconds."""
    started = time.perf_counter_ns()
    connection = apsw.Connection(str(log))
    connection.execute("SELECT * FROM frame ORDER BY position DESC LIMIT 1").fetchall()
    answer((time.perf_counter_ns() - started) // 1000)
