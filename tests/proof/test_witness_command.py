"""``cckit witness`` as somebody runs it, and a log that asks it for a cosignature."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cckit.cli.main import main
from cckit.cli.witness import say
from cckit.core.note import VKey, open_note
from cckit.core.tlog import Checkpoint
from cckit.hooks.signing import verify
from cckit.shell.proof.witness import Answer
from cckit.stores.sqlite import SqliteStore
from cckit.testing import World

ORIGIN = "log.example/day"


def cckit(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


class Setting:
    """A small log, its key and a witness's, as files."""

    def __init__(self, folder: Path) -> None:
        self.log, self.key = folder / "day.db", folder / "log.key"
        self.witness_key, self.state = folder / "witness.key", folder / "witness.db"
        self.other = folder / "other.db"
        for seed, log in enumerate((self.log, self.other)):
            store = SqliteStore.open(log, create=True, origin=ORIGIN, log_id=bytes(16))
            World(seed, store=store).run()
            store.close()
        assert cckit("keys", "new", ORIGIN, "-o", self.key) == 0
        assert cckit("keys", "new", "witness.example/w", "-o", self.witness_key, "--witness") == 0

    def vkey(self, file: Path, capsys: pytest.CaptureFixture[str]) -> str:
        capsys.readouterr()
        assert cckit("keys", "show", file, "--json") == 0
        found: str = json.loads(capsys.readouterr().out)["keys"][0]["vkey"]
        return found


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path)


class Running:
    """``cckit witness --json`` in a process, on any free port."""

    def __init__(self, setting: Setting, log_key: str, *more: str) -> None:
        command = [sys.executable, "-m", "cckit.cli", "witness", setting.state, "--log", log_key]
        command += ["--key", setting.witness_key, "--port", "0", "--json", *more]
        self._process = subprocess.Popen(
            [str(part) for part in command], stdout=subprocess.PIPE, text=True
        )
        self.url: str = self.line()["url"]

    def line(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def stop(self) -> int:
        self._process.send_signal(signal.SIGINT)
        self._process.communicate()
        return self._process.returncode


def test_a_log_is_cosigned_and_another_history_of_it_is_not(
    setting: Setting, capsys: pytest.CaptureFixture[str]
) -> None:
    log_key = setting.vkey(setting.key, capsys)
    witness_key = setting.vkey(setting.witness_key, capsys)
    running = Running(setting, log_key, "--new")
    ask = ("--key", setting.key, "--witness", running.url, "--witness-key", witness_key, "--json")
    assert cckit("checkpoint", setting.log, *ask) == 0
    shown = json.loads(capsys.readouterr().out)
    keys = [VKey.parse(log_key), VKey.parse(witness_key)]
    _, signatures = open_note(shown["checkpoint"].encode(), keys, verify)
    assert [one.name for one in signatures] == [ORIGIN, "witness.example/w"]
    told = {key: shown[key] for key in ("origin", "size", "root")}
    assert running.line() == {"status": 200, "refused": None, **told}
    assert running.stop() == 130

    running = Running(setting, log_key)
    ask = ("--key", setting.key, "--witness", running.url, "--witness-key", witness_key)
    assert cckit("checkpoint", setting.other, *ask) == 2
    assert "the log that it saw before is another one" in capsys.readouterr().err
    assert running.line()["status"] == 409
    accused = running.line()
    assert (accused["status"], accused["size"]) == (422, None)
    _, signatures = open_note(accused["refused"].encode(), [VKey.parse(log_key)], verify)
    assert [one.name for one in signatures] == [ORIGIN], "it is evidence only if signed"
    assert running.stop() == 130


def test_a_witness_is_started_with_care(
    setting: Setting, capsys: pytest.CaptureFixture[str]
) -> None:
    log_key = setting.vkey(setting.key, capsys)
    command = ("witness", setting.state, "--log", log_key)
    for more, said in (
        (("--key", setting.witness_key), "would cosign anything"),
        (("--key", setting.key, "--new"), "a witness has a key of its own"),
        (("--key", setting.witness_key, "--port", "65536"), "is no port"),
        (("--key", setting.witness_key, "--log", "nobody"), "public key"),
        (("--key", setting.log), "day.db"),
    ):
        assert cckit(*command, *more) == 2
        assert said in capsys.readouterr().err
        assert not setting.state.exists()


def test_what_it_does_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    say(Answer(200, b"", about=Checkpoint(ORIGIN, 1234, bytes(32))))
    say(Answer(200, b"shown"))
    say(Answer(422, b"its root is \x1b[2Janother\n", evidence=b"day\n7\n"))
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"cosigned 1,234 events of {ORIGIN}",
        "refused with 422: its root is \\u001b[2Janother",
        "  day",
        "  7",
    ]
