"""A whole simulation from files: what ``cckit simulate`` does."""

from datetime import time
from pathlib import Path
from typing import Final

import attrs

from cckit.core.codec import Codec
from cckit.core.errors import ConfigError
from cckit.core.facts import FACTS
from cckit.core.instant import Instant
from cckit.core.registry import Registry
from cckit.core.upcasters import UPCASTERS
from cckit.shell.logs.appearing import appearing, refuse_existing
from cckit.shell.logs.folding import center_zone
from cckit.stores.sqlite import SqliteStore

from . import civil
from .draws import digest
from .recording import MODEL, TYPES, RecordedTraffic, Recording
from .staffing import Staffing, read_staffing
from .traffic import Traffic, read_traffic
from .world import ORIGIN, Progress, World

SQLITE: Final = b"SQLite format 3\0"
SEED_MAX: Final = 2**63 - 1


@attrs.frozen
class Simulated:
    """What came out."""

    log: Path
    events: int
    head: bytes
    """The chain hash of the last frame."""
    arrived: int
    """Customers."""
    start: Instant
    end: Instant
    source: str
    """As in ``run.started``."""


def simulate(
    traffic: Path, staffing: Path, out: Path, seed: int, progress: Progress | None = None
) -> Simulated:
    """Run traffic through a staffed floor in virtual time; the log appears whole or not at all.

    ``traffic`` is TOML or a log. The same files and seed give the same bytes.

    :raises ConfigError: it names file, key, value and what is allowed; also where ``out``
        exists.

    .. versionadded:: 0.1
    """
    if not 0 <= seed <= SEED_MAX:
        raise ConfigError("--seed", f"{seed} is out of range", f"use 0 to {SEED_MAX}")
    refuse_existing(out)
    people = read_staffing(staffing)
    customers = open_traffic(traffic, people.zone)
    _check_queues(traffic.name, customers, people)
    source = f"{customers.source}; {people.source}"
    log_id = digest(seed, f"log {source}")[:16]
    with appearing(out) as path:
        store = SqliteStore.open(path, create=True, origin=ORIGIN, log_id=log_id)
        try:
            world = World(seed, traffic=customers, staffing=people, store=store, progress=progress)
            world.run()
            head = store.head()
        finally:
            store.close()
    events = 0 if head.position is None else head.position + 1
    return Simulated(out, events, head.chain, world.arrived, customers.start, world.now, source)


def open_traffic(path: Path, zone: str | None = None) -> Traffic:
    """Read traffic from TOML, or from a log; its civil times are of ``zone`` or its own zone.

    :raises ConfigError: it names file, key, value and what is allowed.
    """
    try:
        with path.open("rb") as file:
            first = file.read(len(SQLITE))
    except OSError as error:
        raise ConfigError(path.name, f"can't be read: {error.strerror}", "name a file") from error
    return read_log(path, zone) if first == SQLITE else read_traffic(path)


def read_log(path: Path, zone: str | None = None) -> RecordedTraffic:
    """Take the arrivals, patience and handling of a log.

    :raises ConfigError: nobody was answered in it.
    """
    store = SqliteStore.open(path, read_only=True)
    try:
        codec, recording, head = Codec(Registry(FACTS, UPCASTERS)), Recording(), store.head()
        for frame in store.read():
            for recorded in codec.events(frame.body, frame.first, TYPES):
                recording.apply(recorded)
        place = civil.read_zone(zone or center_zone(store), "zone")
    finally:
        store.close()
    firsts = [seen.at for seen in recording.contacts.values()]
    day = civil.day_of(Instant(min(firsts, default=0)), place)
    source = f"{path.name} chain {head.chain.hex()[:16]}, {MODEL}"
    return recording.traffic(civil.instant(day, time(), place), place, path.name, source)


def _check_queues(file: str, traffic: Traffic, staffing: Staffing) -> None:
    """Refuse customers for a queue that the staffing does not have."""
    for queue in traffic.queues:
        if staffing.queues and queue not in staffing.queues:
            known = f"the staffing has {', '.join(staffing.queues)}"
            raise ConfigError(file, f"customers go to queue {queue!r}", known)
