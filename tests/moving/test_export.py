"""Events as JSON and as CloudEvents: nothing lost, nothing opened, always the same bytes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgpack
import pytest

from cckit.core.codec import Codec, canonical
from cckit.core.events import Sealed
from cckit.core.instant import instant_text
from cckit.core.registry import Registry
from cckit.core.schema import Schema, pack_sealed
from cckit.core.shapes import Shape
from cckit.stores.sqlite import SqliteStore

from .conftest import NUMBERS, broken

if TYPE_CHECKING:
    from .conftest import Run


def leaves(log: Path) -> list[bytes]:
    """The expanded events of a log: what leaves, proofs and exports speak of."""
    store = SqliteStore.open(log, read_only=True)
    codec = Codec(Registry(()))
    found = [leaf for frame in store.read() for leaf in codec.leaves(frame.body, frame.first)]
    store.close()
    return found


def lines(run: "Run", log: Path, *options: object) -> list[Any]:
    done = run("export", log, *options)
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


class Rebuilt:
    """Makes the expanded events again from their lines alone, by the types that they declare."""

    def __init__(self) -> None:
        self.registry = Registry(())
        self.declaration = next(iter(self.registry.by_class.values()))

    def leaf(self, line: dict[str, Any]) -> bytes:
        schema = self._schema(line["type"], line["version"])
        assert list(line["data"]) == [field.name for field in schema.fields]
        values = [
            value_of(value, field.shape)
            for value, field in zip(line["data"].values(), schema.fields, strict=True)
        ]
        if line["type"] == "schema.declared":
            self.registry.admit(self.declaration.build(values))
        request = None if line["request"] is None else bytes.fromhex(line["request"])
        names = ("position", "recorded_at", "occurred_at", "stream", "stream_version")
        parts = [line[name] for name in (*names, "type", "version")]
        parts += [line["actor"]["kind"], line["actor"]["id"], line["cause"], line["correlation"]]
        packed = msgpack.packb(values, default=pack_sealed)
        return canonical([*parts, request, packed])

    def _schema(self, name: str, version: int) -> Schema:
        if name == "schema.declared":
            return self.declaration
        found = self.registry.declared(name, version)
        assert found is not None
        return found


def value_of(value: Any, shape: Shape | None) -> Any:
    """What a value of JSON is in the log, by the shape of its field."""
    if value is None:
        return None
    assert shape is not None
    base, inner = shape
    if base == "personal":
        subject, key, *rest = value["sealed"].values()
        return Sealed(bytes.fromhex(subject), key, *map(bytes.fromhex, rest))
    if base == "bytes":
        return bytes.fromhex(value)
    if base == "[]":
        return tuple(value_of(one, inner) for one in value)
    if base == "{}":
        return {key: value_of(one, inner) for key, one in value.items()}
    return value_of(value, inner) if base == "?" else value


@pytest.mark.parametrize("name", ["golden", "lived"])
def test_a_line_loses_nothing(run: "Run", name: str, request: pytest.FixtureRequest) -> None:
    log = request.getfixturevalue(name)
    rebuilt = Rebuilt()
    assert [rebuilt.leaf(line) for line in lines(run, log)] == leaves(log)


def test_a_number_stays_sealed_in_every_form(run: "Run", lived: Path, tmp_path: Path) -> None:
    created = [line for line in lines(run, lived) if line["type"] == "contact.created"]
    assert len(created) == len(NUMBERS)
    for line in created:
        (sealed,) = (v for v in line["data"].values() if isinstance(v, dict) and "sealed" in v)
        assert list(sealed["sealed"]) == ["subject", "key", "nonce", "ciphertext", "digest"]
    for form in ("jsonl", "cloudevents", "frames"):
        out = tmp_path / form
        assert run("export", lived, "--format", form, "-o", out).code == 0
        assert not any(number.encode() in out.read_bytes() for number in NUMBERS)


def test_cloud_events_have_what_the_specification_asks_for(run: "Run", golden: Path) -> None:
    plain = lines(run, golden)
    events = lines(run, golden, "--format", "cloudevents")
    assert len(events) == len(plain)
    for event, line in zip(events, plain, strict=True):
        required = (event["specversion"], event["id"], event["source"], event["type"])
        assert required == ("1.0", str(line["position"]), "cckit.simulated", line["type"])
        assert event["subject"] == line["stream"]
        assert event["time"] == instant_text(line["recorded_at"])
        assert int(event["sequence"]) == line["position"]
        assert event["data"] == line["data"]
        # Names of attributes are lower-case letters and digits, values no null and no number.
        attributes = {name: value for name, value in event.items() if name != "data"}
        assert all(name.isalnum() and name == name.lower() for name in attributes)
        assert all(isinstance(value, str) and value for value in attributes.values())
        assert (event.get("cause") is None) == (line["cause"] is None)
    sequences = [event["sequence"] for event in events]
    assert sequences == sorted(sequences)
    assert len({event["id"] for event in events}) == len(events)


@pytest.mark.parametrize("form", ["jsonl", "cloudevents", "frames"])
def test_the_same_log_gives_the_same_bytes(
    run: "Run", golden: Path, tmp_path: Path, form: str
) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    told = run("export", golden, "--format", form, "-o", first, "--json")
    assert told.json == {"file": str(first), "bytes": first.stat().st_size}
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Kolkata", "LC_ALL": "C"}
    command = [sys.executable, "-m", "cckit.cli", "export", str(golden), "--format", form]
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    second.write_bytes(done.stdout)
    assert first.read_bytes() == second.read_bytes()


def test_a_span_of_positions_or_of_time_is_that_part(run: "Run", golden: Path) -> None:
    whole = lines(run, golden)
    assert lines(run, golden, "--from", 100, "--to", 120) == whole[100:121]
    at = whole[700]["recorded_at"]
    later = [line for line in whole if line["recorded_at"] >= at]
    assert lines(run, golden, "--from", instant_text(at)) == later
    assert lines(run, golden, "--to", instant_text(at)) == [x for x in whole if x not in later]
    assert lines(run, golden, "--from", 100_000) == []


def test_what_can_not_be_is_refused(run: "Run", golden: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_bytes(b"mine")
    for options, words in (
        (("--from", 5, "--to", 4), "lies before --from"),
        (("--format", "frames", "--from", 5), "frames are the whole log"),
        (("-o", taken), "exists already"),
        (("--json",), "standard output is for the events"),
        (("-o", tmp_path / "no" / "folder"), "can't be written"),
        (("--from", "noon"), "is no time"),
    ):
        done = run("export", golden, *options)
        assert (done.code, done.out) == (2, "")
        assert words in done.err
    assert taken.read_bytes() == b"mine"
    assert os.listdir(tmp_path) == ["taken"]


HELD = """
import os, signal, sys
from cckit.cli import export
from cckit.cli.main import main
line, done = export.json_line, 0
def interrupted(recorded):
    global done
    done += 1
    if done == 500:
        os.kill(os.getpid(), signal.SIGINT)
    return line(recorded)
export.json_line = interrupted
sys.exit(main(["export", sys.argv[1], "-o", sys.argv[2]]))
"""


def test_an_interrupted_export_leaves_nothing(golden: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", HELD, str(golden), str(tmp_path / "half.jsonl")]
    done = subprocess.run(command, capture_output=True)
    assert done.returncode == 128 + signal.SIGINT
    assert os.listdir(tmp_path) == []


def test_a_broken_log_is_not_exported_as_frames(run: "Run", golden: Path, tmp_path: Path) -> None:
    log = broken(golden, tmp_path)
    done = run("export", log, "--format", "frames", "-o", tmp_path / "out")
    assert done.code == 2
    assert "is not whole at position 0" in done.err
    assert not (tmp_path / "out").exists()


def test_a_hyphen_is_standard_output(run: "Run", golden: Path) -> None:
    assert run("export", golden, "-o", "-").out == run("export", golden).out
