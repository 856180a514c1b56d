"""A whole center is killed at random moments, with ten tasks waiting for its word."""

import random
import signal
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cckit.core.codec import Codec
from cckit.core.facts import FACTS, ContactCreated
from cckit.core.registry import Registry
from cckit.hooks.vault import Sealing
from cckit.shell.entropy import SystemEntropy
from cckit.shell.proof.checking import verify_log
from cckit.stores.keys import Keys
from cckit.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from tests.faults.conftest import Victim

SEED = 20_261_122
LOGS, KILLS = 4, 12
"""So many logs, and kills of each."""


def callers(path: Path) -> list[tuple[Any, ContactCreated]]:
    """Every contact of the log."""
    store = SqliteStore.open(path, read_only=True)
    codec = Codec(Registry(FACTS))
    found = [
        recorded
        for frame in store.read()
        for recorded in codec.events(frame.body, frame.first, (ContactCreated,))
    ]
    store.close()
    return found


@pytest.mark.parametrize("log", range(LOGS))
def test_a_killed_center_keeps_every_caller_that_it_confirmed(
    folder: Path, victim: "Victim", log: int
) -> None:
    draw = random.Random(SEED + log)
    path, acks, killed, round_ = folder / "log.db", [], 0, 0
    while killed < KILLS:
        exact = bool(round_ % 2)
        victim.start(path, "center", round_, draw.randrange(150) if exact else -1)
        if not exact:
            acks += victim.acks(draw.randrange(60))
            victim.send(signal.SIGKILL)
        code, news = victim.end()
        assert code in (0, -signal.SIGKILL), f"log {log}: round {round_} did not reopen"
        killed += code != 0
        acks += news
        round_ += 1
        refs = {one[0].position: one[1].ref for one in callers(path)} if path.exists() else {}
        lost = [
            ack.position
            for ack in acks
            if sha256(refs.get(ack.position, "").encode()).digest() != ack.chain
        ]
        assert lost == [], f"log {log}: confirmed and lost in round {round_}"
    verdict = verify_log(path, events=True)
    assert verdict.ok, f"log {log}: {verdict.error}"
    assert len(acks) > 100
    assert max(Counter(one[1].ref for one in callers(path)).values()) == 1


@pytest.mark.planted("K request id stored twice")
def test_a_center_that_forgets_requests_stores_them_twice(folder: Path, victim: "Victim") -> None:
    path = folder / "log.db"
    for round_ in range(3):
        victim.start(path, "forgetful", round_)
        assert victim.end()[0] == 0
    assert max(Counter(one[1].ref for one in callers(path)).values()) > 1


def test_no_value_is_sealed_by_a_key_that_a_kill_can_take(folder: Path, victim: "Victim") -> None:
    draw = random.Random(SEED)
    for round_ in range(8):
        path = folder / f"{round_}.db"
        victim.start(path, "center", 0, 60 + draw.randrange(120))
        victim.end()
        if not path.exists():
            continue
        store = SqliteStore.open(path, read_only=True)
        log_id = store.log_id
        store.close()
        found = callers(path)
        if not found:
            continue
        keys = Keys.open(path.with_suffix(".keys"), log_id, SystemEntropy().draw)
        sealing = Sealing(keys, log_id, SystemEntropy().draw)
        for envelope, data in found:
            assert sealing.opened(envelope, data).from_ == victim.module.number_of(data.ref)
        keys.close()
