"""``cckit log``: one event a line, and nothing in a line that is not the event."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cckit.cli.text import plain, plain_json
from cckit.core import facts as f
from cckit.core.codec import Codec
from cckit.core.engine import Engine
from cckit.core.events import Actor, Draft
from cckit.core.facts import FACTS
from cckit.core.frame import Frame
from cckit.core.ids import CENTER
from cckit.core.registry import Registry
from cckit.stores.sqlite import SqliteStore

from .conftest import Run

NASTY = "".join(map(chr, range(0x20))) + "\x7f\x85\x9b31m\u202e\u2066\u200f\u2028 שלום é"


def write(path: Path, *facts: object) -> SqliteStore:
    """A log with some facts, left open."""
    store = SqliteStore.open(path, create=True, origin="o", log_id=bytes(16))
    epoch, engine, codec = store.claim(), Engine(), Codec(Registry(FACTS))
    drafts = [Draft(CENTER, data) for data in (*codec.registry.declarations(), *facts)]
    decision = engine.record(drafts, Actor("admin", NASTY), 1_000_000)
    head = store.head()
    count = len(decision.recorded)
    store.append(Frame.make(head.chain, 0, count, 1, epoch, codec.pack([decision])), head)
    return store


def test_a_line_is_stable(run: Run, simulated: Path) -> None:
    first = run("log", simulated).out.splitlines()[0]
    assert first == (
        "0 2026-03-02T06:00:00.000000Z center@0 schema.declared@1 system/cckit "
        '{"declared":"schema.declared","n":1,"fields":["declared:str","n:int","fields:str[]"]}'
    )


def test_stream_type_and_bounds_narrow_it(run: Run, simulated: Path) -> None:
    made = run("log", simulated, "--type", "offer.made").out.splitlines()
    assert made
    assert {line.split()[3] for line in made} == {"offer.made@1"}
    stream = made[0].split()[2].partition("@")[0]
    story = run("log", simulated, "--stream", stream).out.splitlines()
    assert [line.split()[2] for line in story] == [f"{stream}@{n}" for n in range(len(story))]
    some = run("log", simulated, "--from", 10, "--to", 12).out.splitlines()
    assert [line.split()[0] for line in some] == ["10", "11", "12"]
    two = run("log", simulated, "--type", "offer.made", "--type", "queue.left").out.splitlines()
    assert {line.split()[3] for line in two} == {"offer.made@1", "queue.left@1"}


def test_instants_bound_it_too(run: Run, simulated: Path) -> None:
    every = run("log", simulated, "--json").out.splitlines()
    events = [json.loads(line) for line in every]
    noon = 1_772_433_000_000_000  # 06:30 UTC
    after = run("log", simulated, "--from", "2026-03-02T08:30:00+02:00").out.splitlines()
    assert len(after) == sum(event["recorded_at"] >= noon for event in events)
    before = run("log", simulated, "--to", "2026-03-02T06:30").out.splitlines()
    assert len(before) + len(after) == len(events)


def test_json_has_the_whole_envelope(run: Run, simulated: Path) -> None:
    event = json.loads(run("log", simulated, "--from", 1, "--to", 1, "--json").out)
    assert event == {
        "position": 1,
        "recorded_at": 1_772_431_200_000_000,
        "occurred_at": None,
        "stream": "center",
        "stream_version": 1,
        "type": "schema.declared",
        "version": 1,
        "actor": {"kind": "system", "id": "cckit"},
        "cause": None,
        "correlation": None,
        "request": None,
        "data": event["data"],
    }
    assert event["data"]["declared"] == "run.started"


def test_no_text_of_a_log_can_move_the_cursor(run: Run, tmp_path: Path) -> None:
    store = write(tmp_path / "n.db", f.InvariantBroken(NASTY, "x"))
    store.close()
    for more in ([], ["--json"]):
        out = run("log", tmp_path / "n.db", "--type", "invariant.broken", *more).out
        assert out.count("\n") == 1
        assert not [c for c in out[:-1] if plain(c) != c]
        assert "שלום é" in out
    event = json.loads(out)
    assert event["data"]["rule"] == NASTY
    assert event["actor"]["id"] == NASTY


@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0xA0), 0x202E, 0xD800, 0xFEFF])
def test_every_control_is_escaped(code: int) -> None:
    assert plain(f"a{chr(code)}b") == f"a\\u{code:04x}b"
    assert json.loads(plain_json({"k": chr(code)})) == {"k": chr(code)}


@pytest.mark.parametrize("bound", ["yesterday", "-1", "9" * 30, "2026-13-01", "2026-01-01T25:00"])
def test_a_bound_that_is_none_is_bad_input(run: Run, simulated: Path, bound: str) -> None:
    done = run("log", simulated, f"--from={bound}")
    assert done.code == 2
    assert "--from" in done.err
    assert done.out == ""


def test_a_type_that_the_log_does_not_declare_is_bad_input(run: Run, simulated: Path) -> None:
    done = run("log", simulated, "--type", "offer.made", "--type", "queue.lef")
    assert (done.code, done.out) == (2, "")
    assert "--type: the log declares no type 'queue.lef'" in done.err
    assert "queue.left" in done.err
    done = run("log", simulated, "--type", "no.such")
    assert (done.code, done.out) == (2, "")
    assert "schema.declared" in done.err
    declared = run("log", simulated, "--type", "invariant.broken")
    assert (declared.code, declared.out) == (0, "")


def test_follow_shows_what_is_appended_until_it_is_interrupted(tmp_path: Path) -> None:
    store = write(tmp_path / "f.db", f.InvariantBroken("first", "x"))
    # A shell starts what runs in the background with SIGINT ignored, and children inherit that.
    program = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from cckit.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, "log", str(tmp_path / "f.db"), "--follow"]
    with subprocess.Popen(
        [*command, "--type", "invariant.broken"], stdout=subprocess.PIPE, text=True
    ) as follower:
        assert follower.stdout is not None
        assert '"first"' in follower.stdout.readline()
        codec, engine = Codec(Registry(FACTS)), Engine()
        head = store.head()
        assert head.position is not None
        engine.position = head.position + 1
        engine.version_of = lambda stream: head.position + 1 if head.position else 0
        draft = Draft(CENTER, f.InvariantBroken("second", "x"))
        decision = engine.record([draft], Actor("admin", "a"), 2_000_000)
        body = codec.pack([decision])
        store.append(Frame.make(head.chain, engine.position - 1, 1, 2, head.epoch, body), head)
        assert '"second"' in follower.stdout.readline()
        follower.send_signal(2)
        assert follower.wait() == 0
    store.close()
