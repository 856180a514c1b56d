"""A writer is killed at random moments: nothing acknowledged is lost, nothing is half there."""

import random
import signal
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw
import pytest

from cckit.core.frame import Frame, first_previous
from cckit.hooks.store import Head
from cckit.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from tests.faults.conftest import Ack, Victim

SEED = 20_261_121
EXACT = 120
"""Kills right before an operation on the disk that was drawn."""
BLIND = 80
"""Kills by the parent, when it has seen a drawn number of acknowledgements."""


def check(path: Path, acks: "list[Ack]", frames_of: Any) -> None:
    """Reopen as a writer would; compare with what was acknowledged and could be attempted."""
    store: SqliteStore = frames_of.open_log(str(path))
    frames = list(store.read())
    chains = {frame.end - 1: frame.chain for frame in frames}
    lost = [ack.position for ack in acks if chains.get(ack.position) != ack.chain]
    assert lost == [], f"seed {SEED}: acknowledged and lost"
    head = Head(None, first_previous(store.origin, store.log_id), 0)
    for frame in frames:
        attempted: Frame = frames_of.next_frame(head._replace(epoch=frame.epoch))
        assert frame.pack() == attempted.pack(), f"seed {SEED}: nobody attempted this frame"
        head = Head(frame.end - 1, frame.chain, frame.epoch)
    assert store.head()[:2] == head[:2]
    store._connection.close()  # As if killed again: no clean end.
    store._lock.release()  # type: ignore[union-attr]


def test_a_killed_writer_loses_nothing_that_it_acknowledged(folder: Path, victim: "Victim") -> None:
    draw = random.Random(SEED)
    path, acks, killed = folder / "log.db", [], 0
    while killed < EXACT:
        victim.start(path, "write", 12, draw.randrange(160))
        code, news = victim.end()
        acks += news
        killed += code == -signal.SIGKILL
        check(path, acks, victim.module)
    while killed < EXACT + BLIND:
        victim.start(path, "write", 400)
        acks += victim.acks(draw.randrange(20))
        victim.send(signal.SIGKILL)
        code, news = victim.end()
        acks += news
        killed += code == -signal.SIGKILL
        check(path, acks, victim.module)
    assert all(ack.position >= 0 for ack in acks)
    assert len(acks) > 1000
    connection = apsw.Connection(str(path))
    assert connection.pragma("integrity_check") == "ok"
    connection.close()


def test_a_log_is_made_whole_or_not_at_all(folder: Path, victim: "Victim") -> None:
    for kill_at in count():
        path = folder / f"{kill_at}.db"
        victim.start(path, "write", 1, kill_at)
        code, acks = victim.end()
        born = path.exists()
        assert born or (code == -signal.SIGKILL and acks == [])
        check(path, acks, victim.module)
        if code == 0:
            break
    assert kill_at > 40  # Making, claiming, appending and closing take that many operations.


def test_the_check_notices_a_writer_that_acknowledges_too_early(
    folder: Path, victim: "Victim"
) -> None:
    with pytest.raises(AssertionError, match="acknowledged and lost"):
        for kill_at in range(60, 120):
            path = folder / f"{kill_at}.db"
            victim.start(path, "hurry", 12, kill_at)
            check(path, victim.end()[1], victim.module)
