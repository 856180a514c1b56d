"""The command's output as the system sees it: readers who leave, full disks, plain ASCII."""

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Run

CCKIT = (sys.executable, "-m", "cckit.cli")


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "TERM": "xterm", "COLUMNS": "100", **more}


LEFT = 128 + signal.SIGPIPE


def unread(*arguments: object) -> "subprocess.CompletedProcess[bytes]":
    """Run a command whose reader is gone before it begins."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return subprocess.run(
            [*CCKIT, *map(str, arguments)], stdout=writer, stderr=subprocess.PIPE, check=False
        )
    finally:
        os.close(writer)


@pytest.mark.parametrize(
    "words", [("verify",), ("verify", "--json"), ("report", "audit"), ("log",), ("replay",)]
)
def test_a_reader_who_leaves_is_no_failed_check(simulated: Path, words: tuple[str, ...]) -> None:
    done = unread(words[0], simulated, *words[1:])
    # Who leaves before a check has told its verdict has not heard a yes.
    assert (done.returncode, done.stderr) == (LEFT if words == ("verify", "--json") else 0, b"")


def test_help_and_doctor_outlive_their_reader(simulated: Path) -> None:
    for words in (("--help",), ("doctor",), ("plugins",)):
        done = unread(*words)
        assert (done.returncode, done.stderr) == (0, b"")


def test_a_log_that_is_not_whole_stays_so_without_a_reader(simulated: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    shutil.copy(simulated, broken)
    content = bytearray(broken.read_bytes())
    place = content.rindex(b"service")
    content[place : place + 7] = b"SERVICE"
    broken.write_bytes(content)
    code = subprocess.run([*CCKIT, "verify", str(broken)], capture_output=True).returncode
    assert code == 1
    assert unread("verify", broken).returncode == code


def test_following_ends_when_nobody_reads_any_more(simulated: Path) -> None:
    command = [*CCKIT, "log", str(simulated), "--type", "run.started", "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as follower:
        assert follower.stdout is not None
        assert follower.stdout.readline()
        follower.stdout.close()
        assert follower.wait(timeout=60) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize(
    "words", [("report", "audit", "--json"), ("verify", "--json"), ("verify",), ("log",)]
)
def test_a_full_disk_is_an_error_with_a_message(simulated: Path, words: tuple[str, ...]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*CCKIT, words[0], str(simulated), *words[1:]],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.decode().startswith("cckit: standard output: No space left on device\n")
    assert b"Traceback" not in done.stderr


def test_what_ascii_cannot_say_is_escaped_and_json_stays_json(simulated: Path) -> None:
    ascii_only = environment(PYTHONIOENCODING="ascii")
    for words in (["doctor"], ["report", str(simulated), "service-level"], ["plugins", "--json"]):
        done = subprocess.run([*CCKIT, *words], capture_output=True, env=ascii_only, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.isascii()
    command = [*CCKIT, "verify", str(simulated), "--json"]
    done = subprocess.run(command, capture_output=True, env=ascii_only, check=True)
    assert json.loads(done.stdout)["ok"] is True


def test_no_color_means_no_escapes(simulated: Path) -> None:
    for words in (["--help"], ["verify", "--help"], ["verify", str(simulated)]):
        assert b"\x1b" not in on_a_terminal(words, NO_COLOR="1")
    assert b"\x1b[1m" in on_a_terminal(["--help"])


def on_a_terminal(words: list[str], columns: int = 100, **more: str) -> bytes:
    """What a command writes to a terminal, both streams."""
    ours, theirs = pty.openpty()
    plain = {k: v for k, v in environment(**more).items() if k not in ("NO_COLOR",) or k in more}
    plain["COLUMNS"] = str(columns)
    with subprocess.Popen([*CCKIT, *words], stdout=theirs, stderr=theirs, env=plain) as process:
        os.close(theirs)
        written = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says so when the other end is closed.
                break
            if not part:
                break
            written += part
        process.wait()
    os.close(ours)
    return written


def test_a_narrow_terminal_shows_everything_below_each_other(simulated: Path) -> None:
    wide = on_a_terminal(["report", str(simulated), "agent-summary"], 100).decode()
    narrow = on_a_terminal(["report", str(simulated), "agent-summary"], 40).decode()
    for word in ("2026-03-02", "occupancy", "001", "002"):
        assert word in wide
        assert word in narrow
    assert narrow.count("2026-03-02") == wide.count("2026-03-02")
    assert "…" not in narrow.partition("Jerusalem")[2]


def test_the_demo_plays_without_a_wallboard_where_it_has_no_room() -> None:
    written = on_a_terminal(["demo"], 40)
    assert b"the wallboard needs 76 columns" in written
    assert len(written) < 8000


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--stream", "nosuch"), 0, "no event of stream 'nosuch' matches; it has the positions"),
        (("--from", "9999999"), 0, "no event matches; it has the positions 0 to"),
        (("--from", "100", "--to", "50"), 2, "--to: 50 lies before --from 100"),
        (("--from", "2026-03-02", "--to", "2026-03-01"), 2, "lies before --from 2026-03-02"),
    ],
)
def test_the_log_says_why_it_prints_nothing(
    run: Run, simulated: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    done = run("log", simulated, *words)
    assert (done.code, done.out) == (code, "")
    assert said in done.err


def test_bad_input_leaves_standard_output_empty_with_json_too(run: Run, tmp_path: Path) -> None:
    for command in ("verify", "replay", "log"):
        done = run(command, tmp_path / "none.db", "--json")
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("cckit: ")
