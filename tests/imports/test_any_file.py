"""Whatever the cells say: rows are accounted for, and what is imported is a sound log."""

import csv
import io
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cckit.core import facts as f
from cckit.core.codec import Codec
from cckit.core.engine import Engine
from cckit.core.errors import FormatError
from cckit.core.imports import Imported, decisions, read_calls, read_mapping
from cckit.core.invariants import check_all
from cckit.core.registry import Registry

from .test_rows import DOCUMENT, zone

MAPPING = read_mapping(
    DOCUMENT | {"file": {"delimiter": ";", "encoding": "utf-8", "null": ["", "n/a"]}}, "m.toml"
)
HEADER = [
    "Ticket",
    "Medium",
    "Number",
    "Team",
    "Started",
    "Waited",
    "Answered",
    "Talked",
    "Closed",
    "Served by",
    "Result",
]
HOURS = st.builds(
    "02/08/1999 {:02}:{:02}:{:02}.{:03} {}".format,
    *[st.integers(1, 12)] * 4,
    st.sampled_from(["AM", "PM"]),
)
STAMPS = st.builds("1999-02-08T{:02}:{:02}:00Z".format, st.integers(0, 25), st.integers(0, 60))
NUMBERS = st.one_of(st.integers(-5, 10**6).map(str), st.decimals(0, 99, places=2).map(str))
JUNK = st.sampled_from(["", "n/a", "x", "-1", "1e9", "٣", "\x00", "=1+1", "9" * 30])
CELLS = {
    "Ticket": st.integers(0, 30).map(str),
    "Medium": st.sampled_from(["Phone", "Chat"]),
    "Number": st.text(max_size=5),
    "Team": st.sampled_from(["desk", "it"]),
    "Started": HOURS,
    "Waited": NUMBERS,
    "Answered": STAMPS,
    "Talked": NUMBERS,
    "Closed": st.integers(918_400_000, 918_600_000).map(str),
    "Served by": st.sampled_from(["Ann", "Ben"]),
    "Result": st.sampled_from(["ok", "gone", "full", "test"]),
}
ROWS = st.tuples(*(st.one_of(CELLS[name], CELLS[name], CELLS[name], JUNK) for name in HEADER))


def read(rows: list[tuple[str, ...]]) -> Imported:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";")
    writer.writerows([HEADER, *rows])
    return read_calls(out.getvalue().encode("utf-8"), MAPPING, zone(), "any.csv")


def recorded_of(found: Imported) -> list[tuple[Any, Any]]:
    return [r for decision in decisions(found, MAPPING, (), 1) for r in decision.recorded]


@given(st.lists(ROWS, max_size=25))
def test_rows_are_accounted_for_and_the_log_is_sound(rows: list[tuple[str, ...]]) -> None:
    found = read(rows)
    assert found.rows == len(rows) == found.imported + found.ignored + found.refused
    listed = {problem.row for problem in found.problems}
    assert listed <= set(range(1, len(rows) + 1))
    assert len(listed) >= found.refused

    recorded = recorded_of(found)
    instants = [envelope.recorded_at for envelope, _ in recorded]
    assert instants == sorted(instants)
    counts = Counter(type(data) for _, data in recorded)
    assert counts[f.ContactCreated] == found.imported
    assert counts[f.ContactClosed] <= counts[f.ContactCreated]
    assert counts[f.QueueLeft] <= counts[f.QueueEntered]
    connected = {envelope.stream for envelope, d in recorded if isinstance(d, f.ContactConnected)}
    for envelope, data in recorded:
        if isinstance(data, f.QueueLeft):
            assert data.wait_us >= 0
            assert (data.reason == "answered") is (envelope.stream in connected)


@given(st.lists(ROWS, max_size=12))
def test_the_floor_folds_it_and_the_codec_keeps_it(rows: list[tuple[str, ...]]) -> None:
    found = read(rows)
    engine, codec = Engine(), Codec(Registry(f.FACTS))
    made = list(decisions(found, MAPPING, (), 1))
    for decision in made:
        for one in decision.recorded:
            engine.fold(one)
    check_all(engine.floor)
    body = codec.pack(made)
    assert [data for _, data in codec.events(body, 0)] == [data for _, data in recorded_of(found)]


@given(st.lists(ROWS, max_size=12, unique_by=lambda row: row[0]), st.randoms())
def test_the_order_of_rows_changes_nothing(rows: list[tuple[str, ...]], chance: Any) -> None:
    shuffled = rows[:]
    chance.shuffle(shuffled)
    assert recorded_of(read(rows)) == recorded_of(read(shuffled))


@given(st.binary(max_size=300))
def test_any_bytes_are_rows_or_a_declared_error(content: bytes) -> None:
    header = ";".join(HEADER).encode()
    try:
        found = read_calls(header + b"\n" + content, MAPPING, zone(), "any.csv")
    except FormatError as error:
        assert error.where.startswith("any.csv: line ")
    else:
        assert found.rows == found.imported + found.ignored + found.refused
