"""The verifier as a script on somebody's machine: its exit code is right in any case."""

import subprocess
import sys
from pathlib import Path

import pytest

from cckit.cli import verify_bundle as verifier
from cckit.core import bundle as b
from tests.proof.small_log import FIRST, KEY, OF_A, OF_QUEUE, OF_RANGE, SmallLog, judged

LOG = SmallLog()
FILE = Path(verifier.__file__)


def alone(
    data: bytes, folder: Path, *more: str, out: int = subprocess.PIPE, coding: str = "utf-8"
) -> "subprocess.CompletedProcess[bytes]":
    file = folder / "b.zip"
    file.write_bytes(data)
    command = [sys.executable, "-S", str(FILE), str(file), *more]
    environment = {"PYTHONIOENCODING": coding}
    return subprocess.run(command, stdout=out, stderr=subprocess.PIPE, env=environment)


@pytest.mark.parametrize("coding", ["ascii", "cp1252", "utf-8", "utf-16"])
def test_a_verdict_is_told_in_whatever_the_screen_can_show(coding: str, tmp_path: Path) -> None:
    data = LOG.bundle(b.OfContact(OF_A.contact.__class__("אבג")), events=LOG.pick(OF_A))
    done = alone(data, tmp_path, "--key", KEY.vkey.text(), coding=coding)
    assert (done.returncode, done.stderr) == (1, b"")
    told = "contact אבג" if coding.startswith("utf") else r"contact \u05d0\u05d1\u05d2"
    assert told in done.stdout.decode(coding)


def test_a_verdict_that_cannot_be_written_is_none(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("wb") as full:
        done = alone(LOG.bundle(OF_A), tmp_path, "--key", KEY.vkey.text(), out=full.fileno())
    assert done.returncode == 2
    assert done.stderr.startswith(b"cckit: standard output: ")
    assert b"Traceback" not in done.stderr


def test_too_little_memory_is_bad_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> None:
        raise MemoryError

    (tmp_path / "b.zip").write_bytes(LOG.bundle(OF_A))
    for part in ("events_of", "roots"):
        with monkeypatch.context() as patch:
            patch.setattr(verifier, part, fails)
            assert verifier.verify_bundle(tmp_path / "b.zip") == 2
        assert "too little memory" in capsys.readouterr().err


def test_what_takes_too_much_memory_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = LOG.bundle(OF_A)
    (tmp_path / "b.zip").write_bytes(data)
    monkeypatch.setattr(verifier, "EVENTS_MAX", 3)
    assert verifier.verify_bundle(tmp_path / "b.zip") == 2
    assert "more than 3 events" in capsys.readouterr().err
    monkeypatch.setattr(verifier, "SIZE_MAX", len(data) - 1)
    assert verifier.verify_bundle(tmp_path / "b.zip") == 2
    assert "no file of at most" in capsys.readouterr().err
    assert (b.SIZE_MAX, b.EVENTS_MAX) == (64 << 20, 400_000), "the limits of who writes them"


def test_each_thing_that_is_no_input_has_words_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "b.zip"
    file.write_bytes(LOG.bundle(OF_A))
    assert verifier.verify_bundle(file, quorum=-1) == 2
    assert "a quorum is 0 or more" in capsys.readouterr().err
    assert verifier.verify_bundle(file, key=("log.vkey",)) == 2
    assert "'log.vkey' is no key of a log: give its text" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (IndexError("list index out of range"), "it is in no form of ours"),
        (TypeError("unhashable type: 'slice'"), "it is in no form of ours"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"), "it is in no form of ours"),
        (ValueError("cut off"), "cut off"),
    ],
)
def test_what_python_says_of_itself_is_no_verdict(error: Exception, words: str) -> None:
    assert verifier.words_of(error) == words


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (OF_A, "contact a of"),
        (OF_QUEUE, f"queue help, {OF_QUEUE.after} to {OF_QUEUE.until} of"),
        (b.OfQueue(OF_QUEUE.queue, None, OF_QUEUE.until), "queue help, 0 to"),
        (OF_RANGE, f"positions {FIRST} to {FIRST + 9} of"),
    ],
)
def test_a_question_is_told_in_words(
    question: b.Question, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b.zip").write_bytes(LOG.bundle(question))
    verifier.verify_bundle(tmp_path / "b.zip")
    assert words in capsys.readouterr().out.splitlines()[0]


def test_a_range_with_events_outside_of_it_is_refuted() -> None:
    events = {**LOG.pick(OF_RANGE), **LOG.pick(b.OfRange(FIRST + 12, FIRST + 12))}
    claim = judged(LOG.bundle(OF_RANGE, events=events))["claims"]["completeness"]
    assert claim == {
        "verdict": verifier.REFUTED,
        "what": f"the events here are not those of the positions {FIRST} to {FIRST + 9}",
    }
