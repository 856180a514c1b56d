"""Reading a log back: to frozen events, to one projection, and to a verdict.

One log of calls as the floor writes them is stored twice, by us and by the rival. The
rival's figure for replay and rebuild is the same: its log to domain events. Raw is what
lies below us: the stored rows read and nothing done with them. Time is CPU time of the
process, in passes that take turns.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any, Final

from cckit.core import facts as f
from cckit.core.codec import Codec
from cckit.core.events import SYSTEM, Decision, Draft, Envelope, Recorded, Stamp, kind_of
from cckit.core.frame import Frame
from cckit.core.ids import (
    AgentId,
    ContactId,
    EntryId,
    LegId,
    OfferId,
    QueueId,
    Stream,
    agent_stream,
    contact_stream,
)
from cckit.core.instant import SECOND, Instant, Span
from cckit.core.registry import Registry
from cckit.core.upcasters import UPCASTERS
from cckit.core.verify import verify
from cckit.stores.sqlite import SqliteStore

from .bench_result import Result, result

CALLS: Final = 4000
"""12 events each."""
DECISIONS: Final = 64
"""Of a frame, as 64 callers at once make it."""
ORIGIN: Final = "bench"
LOG_ID: Final = bytes(16)

Pass = Callable[[], int]
"""Goes once over the whole log; answers with the number of its events."""


def replay(folder: Path, calls: int = CALLS, rounds: int = 7) -> list[Result]:
    """Measure events a second from the log to frozen events.

    :raises ConfigError: ``eventsourcing`` is not installed.
    """
    return [_compare("replay", folder, calls, rounds, _to_events)]


def rebuild(folder: Path, calls: int = CALLS, rounds: int = 7) -> list[Result]:
    """Measure events a second of the log when one projection is rebuilt by its types.

    :raises ConfigError: ``eventsourcing`` is not installed.
    """
    return [_compare("rebuild", folder, calls, rounds, _to_projection)]


def verified(folder: Path, calls: int = CALLS, rounds: int = 7) -> list[Result]:
    """Measure kB a second of ``verify``, beside SHA-256 of the same frames."""
    with_log = _write(folder / "verify.db", calls)
    stored = [frame.pack() for frame in with_log.read()]
    with_log.close()
    size = sum(map(len, stored))

    def bare() -> int:
        for frame in stored:
            sha256(frame).digest()
        return size // 1000

    def checked(events: bool) -> int:
        found = verify(stored, ORIGIN, LOG_ID, events=events)
        assert found.ok, found.error
        return size // 1000

    results = []
    for name, events in (("verify", False), ("verify.events", True)):
        ours, rival = _turns([partial(checked, events), bare], rounds)
        results.append(result(name, "kB/s", ours, rival, rival))
    return results


def _compare(
    name: str, folder: Path, calls: int, rounds: int, ours: Callable[[SqliteStore, Codec], int]
) -> Result:
    from .bench_rival import Rival

    store = _write(folder / f"{name}.db", calls)
    rival = Rival(folder / f"{name}-rival.db")
    for n in range(calls):
        rival.save([(d.stream, d.data) for drafts in _call(n) for d in drafts])
    codec = Codec(Registry(f.FACTS, UPCASTERS))
    try:
        total = ours(store, codec)
        passes: list[Pass] = [
            lambda: ours(store, codec),
            lambda: rival.replay(lambda event: None),
            lambda: _rows(store, total),
        ]
        return result(name, "events of the log/s", *_turns(passes, rounds))
    finally:
        rival.close()
        store.close()


def _turns(passes: list[Pass], rounds: int) -> list[float]:
    """The median rate of each, of passes that take turns."""
    rates: list[list[float]] = [[] for _ in passes]
    for _ in range(rounds):
        for n, one in enumerate(passes):
            started = time.process_time()
            done = one()
            rates[n].append(done / (time.process_time() - started))
    return [median(rate) for rate in rates]


# --- three ways to read -----------------------------------------------------------------------


def _to_events(store: SqliteStore, codec: Codec) -> int:
    return sum(len(codec.events(frame.body, frame.first)) for frame in store.read())


class Abandons:
    """A projection as users write them: closed contacts, and how many hung up waiting."""

    name, version = "bench.abandons", 1
    types = (f.ContactClosed,)

    def initial(self) -> dict[str, int]:
        return {"closed": 0, "abandoned": 0}

    def apply(self, state: dict[str, int], recorded: Recorded[Any]) -> None:
        _, data = recorded
        state["closed"] += 1
        state["abandoned"] += data.reason == "abandoned"

    def dump(self, state: dict[str, int]) -> dict[str, int]:
        return state


def _to_projection(store: SqliteStore, codec: Codec) -> int:
    projection = Abandons()
    state, count = projection.initial(), 0
    for frame in store.read():
        for recorded in codec.events(frame.body, frame.first, projection.types):
            projection.apply(state, recorded)
        count += frame.count
    assert state["closed"]
    return count


def _rows(store: SqliteStore, total: int) -> int:
    assert sum(len(stored) for _, stored in store.read_bytes())
    return total


# --- the log ----------------------------------------------------------------------------------


def _write(path: Path, calls: int) -> SqliteStore:
    registry = Registry(f.FACTS, UPCASTERS)
    codec, versions = Codec(registry), dict[Stream, int]()
    store = SqliteStore.open(path, create=True, origin=ORIGIN, log_id=LOG_ID)
    epoch = store.claim()
    position = 0

    def placed(drafts: list[Draft], at: int) -> Decision:
        nonlocal position
        stamp = Stamp(at, SYSTEM)
        recorded: list[Recorded[Any]] = []
        for stream, data in drafts:
            version = versions.get(stream, 0)
            versions[stream] = version + 1
            kind = kind_of(type(data))
            recorded.append((Envelope(stamp, position, stream, version, kind), data))
            position += 1
        return Decision(stamp, tuple(recorded))

    opening = [Draft(Stream("center"), d) for d in registry.declarations()]
    waiting = [placed(opening, 0)]
    for n in range(calls):
        waiting += [placed(drafts, n * SECOND) for drafts in _call(n)]
        if len(waiting) >= DECISIONS or n == calls - 1:
            head, first = store.head(), waiting[0].recorded[0][0].position
            body = codec.pack(waiting)
            frame = Frame.make(head.chain, first, position - first, n * SECOND, epoch, body)
            store.append(frame, head)
            waiting.clear()
    return store


def _call(n: int) -> Iterator[list[Draft]]:
    """The decisions of one call: it waits, is offered, talked to and wrapped up."""
    contact, agent = ContactId(f"{n:016x}"), AgentId(f"agent{n % 50}")
    here, there = contact_stream(contact), agent_stream(agent)
    entry, offer = EntryId((1 << 32) + n), OfferId((2 << 32) + n)
    customer, device = LegId((3 << 32) + n), LegId((4 << 32) + n)
    queue, at = QueueId("support"), Instant(1_700_000_000_000_000 + n * SECOND)
    due = Instant(at + 20 * SECOND)
    made = f.OfferMade(
        offer, entry, contact, agent, 1, due, "longest_idle", bytes(32), 0, 7,
        {"busy": 31, "not_ready": 4}, at, AgentId("agent7"), at,
    )  # fmt: skip
    yield [
        Draft(
            here,
            f.ContactCreated("voice", "in", customer, None, None, None, "main", f"ref-{n}"),
        )
    ]
    yield [
        Draft(here, f.QueueEntered(entry, queue, n + 1, at, 0, 0, ("billing >= 3",))),
        Draft(here, made),
    ]
    yield [Draft(here, f.OfferAlerting(offer, device))]
    yield [Draft(here, f.OfferAccepted(offer))]
    yield [
        Draft(here, f.QueueLeft(entry, "answered", Span(17 * SECOND))),
        Draft(here, f.ContactConnected(agent, entry, offer, device)),
    ]
    yield [
        Draft(here, f.LegCleared(customer, "normal", "customer")),
        Draft(here, f.ContactAgentLeft(agent, "ended")),
        Draft(here, f.ContactClosed("completed", "talk", "customer")),
        Draft(there, f.AgentWrapupStarted(contact, due)),
    ]
    yield [Draft(there, f.AgentWrapupEnded(contact, "timer", ("sale",)))]
