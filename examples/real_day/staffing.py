"""Who served when in a recorded day, as a staffing file: ``python staffing.py day.db ZONE``.

A record of calls does not say when agents were there, only when they served. So an agent
is taken to be there from the first service to the last, and away where a quarter of an
hour or more lies between two, in whole minutes. It reads the log as any program of yours
can.
"""

import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from cckit.core.codec import Codec
from cckit.core.facts import FACTS, ContactClosed, ContactConnected
from cckit.core.registry import Registry
from cckit.core.upcasters import UPCASTERS
from cckit.stores.sqlite import SqliteStore

PAUSE_US = 15 * 60 * 1_000_000
STEP_US = 60 * 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def services(path: str) -> dict[str, list[tuple[int, int]]]:
    """Agent to (begin, end) of each service, in microseconds."""
    store = SqliteStore.open(path, read_only=True)
    codec = Codec(Registry(FACTS, UPCASTERS))
    begun: dict[str, tuple[str, int]] = {}
    found: dict[str, list[tuple[int, int]]] = {}
    for frame in store.read():
        for envelope, data in codec.events(
            frame.body, frame.first, (ContactConnected, ContactClosed)
        ):
            if isinstance(data, ContactConnected):
                begun[envelope.stream] = (data.agent, envelope.recorded_at)
            elif envelope.stream in begun:
                agent, since = begun.pop(envelope.stream)
                found.setdefault(agent, []).append((since, envelope.recorded_at))
    store.close()
    return found


def stretches(served: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """(from, to) of each stretch without a long pause, on whole minutes."""
    made: list[tuple[int, int]] = []
    for begin, end in sorted(served):
        if made and begin - made[-1][1] < PAUSE_US:
            made[-1] = (made[-1][0], max(made[-1][1], end))
        else:
            made.append((begin, end))
    return [(begin // STEP_US * STEP_US, -(-end // STEP_US) * STEP_US) for begin, end in made]


HEAD = """\
# Written by staffing.py from the recorded day: who served when, agents by number.

zone = "{zone}"

[[queue]]
id = "bank"
strategy = "longest_idle"
ring_s = 20
wrapup_s = 5    # the median of what an agent took between two calls while others waited
"""


def main(path: str, zone: str) -> None:
    """Print the staffing of the day in a log."""
    place = ZoneInfo(zone)

    def clock(at: int) -> str:
        return (EPOCH + timedelta(microseconds=at)).astimezone(place).strftime("%H:%M")

    print(HEAD.format(zone=zone))
    for agent, served in sorted(services(path).items()):
        if agent == "unknown":
            continue
        there = stretches(served)
        breaks = [f'["{clock(a[1])}", "{clock(b[0])}"]' for a, b in pairwise(there)]
        print(f"[[shift]]    # {agent}")
        print("agents = 1")
        print(f'from = "{clock(there[0][0])}"')
        print(f'to = "{clock(there[-1][1])}"')
        if breaks:
            print("breaks = [" + ", ".join(breaks) + "]")
        print()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
