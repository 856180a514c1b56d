"""Views answer as a scan of the log would, and are made again whenever they are not its own."""

import random
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import apsw
import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cckit.core.errors import FormatError, StoreError, UsageError
from cckit.core.frame import Frame
from cckit.stores.memory import MemoryStore
from cckit.stores.views import Saved, Stored, Views

STREAMS = ("center", "contact/1", "contact/2", "agent/1", "type:strange")
TYPES = ("queue.entered", "offer.made", "contact.closed")
CLASSES = bytes(32)

Made = tuple[int, bytes | None, list[tuple[str, str]]]
"""A decision: recorded_at, request, and its events as (stream, type)."""


def log_of(frames: Sequence[Sequence[Made]], log_id: bytes = bytes(16)) -> MemoryStore:
    """A log in memory whose frames hold these decisions."""
    store = MemoryStore("o", log_id)
    store.claim()
    add(store, frames)
    return store


def add(store: MemoryStore, frames: Sequence[Sequence[Made]]) -> None:
    versions: dict[str, int] = {}
    for stream, _, _ in events_of(store):
        versions[stream] = versions.get(stream, -1) + 1
    for decisions in frames:
        body: list[Any] = []
        for at, request, events in decisions:
            listed = []
            for stream, type_ in events:
                versions[stream] = versions.get(stream, -1) + 1
                listed.append([stream, versions[stream], type_, 1, b"\x90"])
            body.append([at, None, "agent", "7", None, None, request, listed])
        head = store.head()
        first = 0 if head.position is None else head.position + 1
        count = sum(len(events) for _, _, events in decisions)
        packed = msgpack.packb(body)
        assert store.append(Frame.make(head.chain, first, count, 0, 1, packed), head) is None


def events_of(store: MemoryStore) -> list[tuple[str, str, int]]:
    """Stream, type and instant of every event, by position."""
    return [
        (stream, type_, at)
        for frame in store.read()
        for at, _, _, _, _, _, _, events in msgpack.unpackb(frame.body)
        for stream, _, type_, _, _ in events
    ]


def some_frames(seed: int, count: int) -> list[list[Made]]:
    draw = random.Random(seed)
    at = 1_000_000

    def decision(n: int) -> Made:
        nonlocal at
        at += draw.randrange(-5, 50)
        events = [(draw.choice(STREAMS), draw.choice(TYPES)) for _ in range(draw.randrange(1, 5))]
        request = sha256(b"%d %d" % (seed, n)).digest()[:24] if n % 3 else None
        return at, request, events

    return [[decision(10 * n + m) for m in range(draw.randrange(1, 4))] for n in range(count)]


decisions = st.tuples(
    st.integers(-(10**6), 10**6),
    st.none() | st.binary(min_size=24, max_size=24),
    st.lists(st.tuples(st.sampled_from(STREAMS), st.sampled_from(TYPES)), min_size=1, max_size=4),
)


@given(
    st.lists(st.lists(decisions, min_size=1, max_size=3), max_size=6),
    st.lists(st.integers(0, 6)),
    st.none() | st.sampled_from((*STREAMS, "nobody")),
    st.none() | st.sampled_from((*TYPES, "nothing")),
    st.none() | st.integers(-(10**6), 10**6),
    st.none() | st.integers(-(10**6), 10**6),
)
def test_the_index_answers_as_a_scan_does(
    frames: list[list[Made]],
    cuts: list[int],
    stream: str | None,
    type_: str | None,
    from_at: int | None,
    to_at: int | None,
) -> None:
    store = log_of(frames)
    views = Views.open(None, store)
    for cut in sorted(cuts):  # However the log is cut into batches.
        views.catch_up([frame for frame in list(store.read())[:cut] if frame.first >= views.next])
    views.catch_up(store.read(views.next))
    events = events_of(store)
    assert views.next == len(events)
    expected = [
        position
        for position, (s, t, at) in enumerate(events)
        if (stream is None or s == stream)
        and (type_ is None or t == type_)
        and (from_at is None or from_at <= at)
        and (to_at is None or at < to_at)
    ]
    assert views.positions(stream=stream, type=type_, from_at=from_at, to_at=to_at) == expected
    for name in STREAMS:
        count = sum(s == name for s, _, _ in events)
        assert views.version(name) == (count - 1 if count else None)
    views.close()


def test_a_request_is_found_by_its_key(tmp_path: Path) -> None:
    store = log_of(some_frames(1, 30))
    views = Views.open(tmp_path / "log.views", store)
    views.catch_up(store.read())
    position = 0
    for frame in store.read():
        for *_, request, events in msgpack.unpackb(frame.body):
            if request is not None:
                found = Stored(request, range(position, position + len(events)))
                assert views.request(request[:16]) == found
            position += len(events)
    assert views.request(bytes(16)) is None
    views.close()


def test_views_go_on_where_they_were(tmp_path: Path) -> None:
    path = tmp_path / "log.views"
    store = log_of(some_frames(2, 20))
    views = Views.open(path, store)
    assert views.catch_up(store.read()) == len(events_of(store))
    views.close()
    assert [found.name for found in tmp_path.iterdir()] == ["log.views"]
    before = len(events_of(store))
    add(store, some_frames(3, 5))
    again = Views.open(path, store)
    assert again.next == before
    assert again.catch_up(store.read(again.next)) == len(events_of(store)) - before
    fresh = Views.open(None, store)
    fresh.catch_up(store.read())
    for stream in STREAMS:
        assert again.positions(stream=stream) == fresh.positions(stream=stream)
    again.close()


def test_frames_that_are_not_next_are_refused() -> None:
    store = log_of(some_frames(4, 6))
    views = Views.open(None, store)
    frames = list(store.read())
    with pytest.raises(UsageError, match="go on from `next`"):
        views.catch_up(frames[1:])
    views.catch_up(frames[:2])
    stranger = Frame.make(bytes(32), views.next, 1, 0, 1, b"\x90")
    with pytest.raises(UsageError, match="go on from `next`"):
        views.catch_up([stranger])
    views.catch_up(frames[2:])
    assert views.next == frames[-1].end


@pytest.mark.parametrize(
    "body",
    [b"\xc1", b"\x90", b"\x01", msgpack.packb([[1, 2]]), msgpack.packb([[1] * 7 + [[[1]]]])],
    ids=["no msgpack", "no events", "no list", "no decision", "no event"],
)
def test_a_body_of_no_decisions_is_an_error_and_indexes_nothing(body: bytes) -> None:
    store = MemoryStore("o", bytes(16))
    store.claim()
    head = store.head()
    store.append(Frame.make(head.chain, 0, 1, 0, 1, body), head)
    views = Views.open(None, store)
    with pytest.raises(FormatError, match="frame at 0"):
        views.catch_up(store.read())
    assert views.next == 0
    assert views.positions() == []


# --- thrown away --------------------------------------------------------------------------


def spoil(path: Path, statement: str) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(statement)
    connection.close()


def keep(path: Path, store: MemoryStore) -> None:
    """Views of the whole log with a snapshot, closed."""
    views = Views.open(path, store)
    views.catch_up(store.read())
    head = store.head()
    assert head.position is not None
    views.save_snapshot(head.position, head.chain, 1, CLASSES, b"state")
    views.close()


@pytest.mark.parametrize(
    "fault",
    ["foreign", "ahead", "forked", "newer", "another program", "no database", "cut", "no table"],
)
def test_views_that_are_not_of_this_log_s_past_are_made_anew(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "log.views"
    frames = some_frames(5, 20)
    store = log_of(frames)
    keep(path, store)
    if fault == "foreign":
        store = log_of(frames, log_id=bytes(range(16)))
    elif fault == "ahead":
        store = log_of(frames[:-1])
    elif fault == "forked":
        store = log_of([*frames[:-1], *some_frames(6, 3)])
    elif fault == "newer":
        spoil(path, "PRAGMA user_version = 2")
    elif fault == "another program":
        spoil(path, "PRAGMA application_id = 1")
    elif fault == "no database":
        path.write_bytes(b"no database")
    elif fault == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    elif fault == "no table":
        spoil(path, "DROP TABLE reached")
    views = Views.open(path, store)
    assert views.next == 0
    assert views.snapshot(1, CLASSES) is None
    views.catch_up(store.read())
    assert len(views.positions()) == len(events_of(store))
    views.close()


def test_a_fresh_start_is_to_be_had(tmp_path: Path) -> None:
    path = tmp_path / "log.views"
    store = log_of(some_frames(5, 20))
    keep(path, store)
    views = Views.open(path, store, fresh=True)
    assert views.next == 0
    views.close()


def test_where_nothing_can_be_written_views_are_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    store = log_of(some_frames(5, 20))
    views = Views.open(tmp_path / "log.views", store)
    views.catch_up(store.read())
    assert views.path is None
    assert list(tmp_path.iterdir()) == []
    views.close()


# --- saved states -------------------------------------------------------------------------


def place(store: MemoryStore, n: int) -> tuple[int, bytes]:
    frame = list(store.read())[n]
    return frame.end - 1, frame.chain


def test_a_snapshot_is_for_one_version_and_one_class_digest(tmp_path: Path) -> None:
    store = log_of(some_frames(7, 10))
    views = Views.open(tmp_path / "log.views", store)
    position, chain = place(store, 4)
    views.save_snapshot(position, chain, 3, CLASSES, b"floor")
    assert views.snapshot(3, CLASSES) == Saved(position, chain, b"floor")
    assert views.snapshot(2, CLASSES) is None
    assert views.snapshot(3, bytes([1] * 32)) is None
    views.save_snapshot(*place(store, 5), 4, CLASSES, b"new floor")
    assert views.snapshot(3, CLASSES) is None, "what another version left is thrown away"
    views.close()


def test_the_newest_snapshot_counts_and_the_one_before_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "log.views"
    store = log_of(some_frames(8, 10))
    views = Views.open(path, store)
    for n in range(5):
        views.save_snapshot(*place(store, n), 1, CLASSES, b"floor %d" % n)
    assert views.snapshot(1, CLASSES) == Saved(*place(store, 4), b"floor 4")
    views.close()
    spoil(path, "UPDATE saved SET state = x'00' WHERE position = (SELECT max(position) FROM saved)")
    again = Views.open(path, store)
    assert again.snapshot(1, CLASSES) == Saved(*place(store, 3), b"floor 3")
    again.close()
    spoil(path, "UPDATE saved SET state = x'00'")
    none = Views.open(path, store)
    assert none.snapshot(1, CLASSES) is None
    none.close()


def test_a_snapshot_of_a_future_that_is_gone_is_thrown_away(tmp_path: Path) -> None:
    path = tmp_path / "log.views"
    store = log_of(some_frames(9, 10))
    views = Views.open(path, store)  # Its index stays behind its snapshots.
    views.save_snapshot(*place(store, 2), 1, CLASSES, b"past")
    views.save_snapshot(*place(store, 9), 1, CLASSES, b"future")
    views.close()
    again = Views.open(path, log_of(some_frames(9, 10)[:6]))
    assert again.snapshot(1, CLASSES) == Saved(*place(store, 2), b"past")
    again.close()


def test_projections_are_kept_by_name(tmp_path: Path) -> None:
    store = log_of(some_frames(10, 10))
    views = Views.open(tmp_path / "log.views", store)
    views.save_projection("callback.done", 1, *place(store, 1), CLASSES, b"a")
    views.save_projection("queue.length", 1, *place(store, 2), CLASSES, b"b")
    views.save_snapshot(*place(store, 3), 1, CLASSES, b"c")
    assert views.projection("callback.done", 1, CLASSES) == Saved(*place(store, 1), b"a")
    assert views.projection("queue.length", 1, CLASSES) == Saved(*place(store, 2), b"b")
    assert views.projection("queue.length", 2, CLASSES) is None
    with pytest.raises(UsageError):
        views.save_projection("", 1, *place(store, 1), CLASSES, b"d")
    views.close()


def test_an_error_of_the_disk_says_that_the_file_may_be_deleted(tmp_path: Path) -> None:
    path = tmp_path / "log.views"
    store = log_of(some_frames(11, 10))
    views = Views.open(path, store)
    views.catch_up(store.read())
    spoil(path, "DROP TABLE place")
    with pytest.raises(StoreError) as failed:
        views.positions(stream="center")
    assert failed.value.where == str(path)
    assert failed.value.remedy == "delete it: it is made again from the log"
    views.close()


def test_views_do_not_trip_over_a_log_that_can_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "log.views"
    store = log_of(some_frames(12, 10))
    keep(path, store)

    class Broken(MemoryStore):
        def read(self, from_position: int = 0, limit: int | None = None) -> Iterator[Frame]:
            raise FormatError("frame", "is no frame", "restore it from a copy")

    views = Views.open(path, Broken("o", bytes(16)))
    assert views.next == 0
    views.close()
