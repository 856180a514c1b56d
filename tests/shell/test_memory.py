"""A hundred thousand waiting callers: slotted objects in a heap, not tasks.

Each takes 1.5 kB; 512 bytes of that are a contact of 32 fields and an entry of 24, eight
bytes a field, for transfers, consultations, messages and places kept: most are empty.

Measured in a process of its own, so that nothing else of the test run counts.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import gc, json, sys
import trio
from cckit import Actor, Config, open_center
from cckit.core import Enqueue, QueueSettings, ReportArrived
from cckit.core.instant import Instant, MINUTE
from cckit.shell.clock import VirtualClock
from trio.testing import MockClock

PHONE = Actor("adapter", "phone")
WAITING, TASKS, MINUTES = 100_000, 500, 20

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

async def main(path, clock):
    virtual = VirtualClock(Instant(1_700_000_000_000_000))
    config = Config(queues={"help": QueueSettings()})
    async with open_center(config, log=path, clock=virtual) as center:
        empty = resident()

        async def caller(n):
            arrives = ReportArrived("voice", ref=str(n))
            arrived = await center.do(arrives, actor=PHONE, request=f"a{n}")
            await center.do(Enqueue(arrived.contact, "help"), actor=PHONE, request=f"q{n}")

        most = 0
        for begin in range(0, WAITING, TASKS):
            async with trio.open_nursery() as nursery:
                for n in range(begin, begin + TASKS):
                    nursery.start_soon(caller, n)
            clock.jump(MINUTES * 60 * TASKS / WAITING)
        await trio.testing.wait_all_tasks_blocked(0.01)
        statistics = trio.lowlevel.current_statistics()
        requests = center._parts.writer.requests
        print(json.dumps({
            "bytes": resident() - empty,
            "waiting": len(center.state.contacts),
            "tasks": statistics.tasks_living,
            "requests": len(requests.known),
        }))

clock = MockClock()
trio.run(main, sys.argv[1], clock, clock=clock)
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/statm: run it on Linux")
def test_100_000_waiting_contacts_take_152_mib_at_most_and_no_task_each(tmp_path: Path) -> None:
    program = tmp_path / "waiting.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path / "center.db")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    print(found)
    assert found["waiting"] == 100_000
    assert found["bytes"] <= 152 * 2**20
    assert found["tasks"] < 50
    # 200,000 requests in 20 minutes; those of the last ten are in memory, not the others.
    assert 90_000 <= found["requests"] <= 120_000
