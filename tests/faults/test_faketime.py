"""The clock of a living center is set by hours and days, outside of it: it says so and goes on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cckit.core import facts as f
from cckit.core.instant import HOUR, SECOND
from cckit.stores.sqlite import SqliteStore
from tests.faults.aftermath import events_of

CENTER = """
import sys
import trio
from cckit import Actor, Config, open_center
from cckit.core import Enqueue, ReportArrived

async def main():
    config = Config.parse('[queues.help]')
    async with open_center(config, log=sys.argv[1]) as center:
        for line in iter(sys.stdin.readline, ''):
            call = await center.do(ReportArrived('voice'))
            await center.do(Enqueue(call.contact, 'help'))
            print('told', flush=True)

trio.run(main)
"""
STEPS = ("+1h", "+0", "+48h", "+0", "-48h", "-1h")
"""Against the true time, one after the other."""


@pytest.fixture
def library() -> str:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        pytest.skip("libfaketime is absent: apt-get install faketime")
    return str(found[0])


def test_a_clock_that_is_set_under_a_living_center_moves_no_wait(
    folder: Path, library: str
) -> None:
    log, said = folder / "log.db", folder / "time"
    said.write_text("+0")
    environment = {
        **os.environ,
        "LD_PRELOAD": library,
        "FAKETIME_TIMESTAMP_FILE": str(said),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    center = subprocess.Popen(
        [sys.executable, "-c", CENTER, str(log)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env=environment,
    )
    assert center.stdin is not None and center.stdout is not None
    for step in ("+0", *STEPS):
        said.write_text(step)
        center.stdin.write("go\n")
        assert center.stdout.readline() == "told\n"
    center.stdin.close()
    assert center.wait() == 0
    center.stdout.close()
    events = events_of(log)
    steps = [data for _, data in events if type(data) is f.ClockStepped]
    hours = [round((data.to_at - data.from_at) / HOUR) for data in steps]
    assert hours == [1, -1, 48, -48, -48, 47]
    times = [envelope.recorded_at for envelope, _ in events]
    assert times == sorted(times)
    assert times[-1] - times[0] < 60 * SECOND  # The run's own time went on as if nothing was.
    store = SqliteStore.open(log, read_only=True)
    assert store.closed_at == store.head().chain
    store.close()
