"""One log, one digest: twice, under any hash seed, in any batches, from any store."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cckit.core.engine import Engine
from cckit.core.frame import Frame
from cckit.core.reports import PROJECTIONS, Folding
from cckit.core.snapshot import dump
from cckit.hooks.store import Store
from cckit.stores.memory import MemoryStore
from cckit.stores.sqlite import SqliteStore

from . import golden
from .test_golden import VERSIONS

NEWEST = VERSIONS[-1]
FRAMES = golden.frames_of(NEWEST / "log.frames")
EVENTS = list(golden.events_of(FRAMES))
THEN = json.loads((NEWEST / "digests.json").read_text())


def fill(store: Store) -> None:
    """Put the golden frames into a store, as they are."""
    for raw in FRAMES:
        assert store.append(Frame.parse(raw), store.head()) is None


def named() -> tuple[str, bytes]:
    found = json.loads((NEWEST / "log.json").read_text())
    return found["origin"], bytes.fromhex(found["log_id"])


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The golden log as a file."""
    path = tmp_path_factory.mktemp("golden") / "day.db"
    origin, log_id = named()
    store = SqliteStore.open(path, create=True, origin=origin, log_id=log_id)
    store.claim()
    fill(store)
    store.close()
    return path


def replay(log: Path, **environment: str) -> Any:
    """``cckit replay`` in a process of its own."""
    command = [sys.executable, "-m", "cckit.cli", "replay", str(log), "--json"]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, check=True, text=True
    )
    return json.loads(done.stdout)


def digests(found: Any) -> dict[str, str]:
    return {f"{n}@{d['version']}": d["digest"] for n, d in found["projections"].items()}


def test_replay_says_the_same_under_five_hash_seeds_and_twice(log: Path) -> None:
    found = [replay(log, PYTHONHASHSEED=str(seed)) for seed in (0, 0, 1, 2, 3, 4)]
    assert all(one == found[0] for one in found)
    assert digests(found[0]) == THEN


def test_a_log_in_memory_and_one_in_a_file_have_the_same_bytes(log: Path) -> None:
    origin, log_id = named()
    memory = MemoryStore(origin, log_id)
    memory.claim()
    fill(memory)
    file = SqliteStore.open(log, read_only=True)
    try:
        assert [f.pack() for f in file.read()] == [f.pack() for f in memory.read()] == FRAMES
    finally:
        file.close()


@given(st.lists(st.integers(0, len(EVENTS)), max_size=12))
@settings(max_examples=25, deadline=None)
def test_any_split_into_batches_gives_the_same_digests(cuts: list[int]) -> None:
    folding = Folding(PROJECTIONS)
    edges = [0, *sorted(cuts), len(EVENTS)]
    for begin, end in pairwise(edges):
        folding.feed(EVENTS[begin:end])
    assert golden.digests_of(folding) == THEN


def test_the_floor_folds_to_the_same_tables_every_time() -> None:
    first, second = Engine(), Engine()
    for recorded in EVENTS:
        first.fold(recorded)
    for recorded in EVENTS:
        second.fold(recorded)
    assert dump(first) == dump(second)
