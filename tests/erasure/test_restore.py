"""An old copy of a log or of its keys brings nobody back."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from cckit import Config, StoreError, open_center
from cckit.cli.logs import events, new_codec
from cckit.cli.main import main
from cckit.core import facts as f
from cckit.core.commands import Erase, ReportArrived
from cckit.core.errors import FormatError, UsageError
from cckit.core.ids import SubjectId, subject_stream
from cckit.hooks.vault import Sealing
from cckit.shell.entropy import SystemEntropy
from cckit.shell.proof.checking import verify_log
from cckit.stores.keys import Keys
from cckit.stores.sqlite import SqliteStore

CONFIG = Config.parse('[center]\nname = "clinic"')


def call(log: Path, *numbers: str, erase: SubjectId | None = None) -> list[SubjectId]:
    """Open the center, take calls, erase somebody, close it; who called."""

    async def live() -> list[SubjectId]:
        async with open_center(CONFIG, log=log) as center:
            found = []
            for number in numbers:
                reply = await center.do(ReportArrived("voice", from_=number))
                found.append(
                    next(d.subject for _, d in reply.recorded if type(d) is f.ContactCreated)
                )
            if erase is not None:
                await center.do(Erase(erase, "asked"))
                await center.erased(erase)
            return found

    return trio.run(live)


def copy(log: Path, name: str, *suffixes: str) -> Path:
    """Put copies of a closed log's files into a folder of their own."""
    folder = log.parent / name
    folder.mkdir()
    for suffix in suffixes:
        shutil.copy(log.with_suffix(suffix), folder)
    return folder


def put_back(folder: Path, log: Path) -> None:
    for path in folder.iterdir():
        shutil.copy(path, log.parent)


def story(log: Path) -> list[Any]:
    store = SqliteStore.open(log, read_only=True)
    try:
        return list(events(store, new_codec()))
    finally:
        store.close()


def readable(log: Path, subject: SubjectId) -> list[str]:
    """The numbers that can still be opened of somebody."""
    store = SqliteStore.open(log, read_only=True)
    keys = Keys.open(log.with_suffix(".keys"), store.log_id, SystemEntropy().draw)
    sealing = Sealing(keys, store.log_id, SystemEntropy().draw)
    try:
        found = [
            sealing.opened(*one).from_
            for one in events(store, new_codec(), 0, (f.ContactCreated,))
            if type(one[1]) is f.ContactCreated and one[1].subject == subject
        ]
    finally:
        keys.close()
        store.close()
    return [number for number in found if number is not None]


def refused(log: Path, match: str) -> None:
    with pytest.raises(StoreError, match=match):
        call(log, "9")


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of three callers, closed."""
    return tmp_path / "a.db"


def test_files_that_belong_together_are_opened(log: Path) -> None:
    (anna,) = call(log, "1")
    call(log, "2", erase=anna)
    call(log, "3")
    assert readable(log, anna) == []


def test_keys_from_before_an_erasure_open_nothing_until_it_is_done_again(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    anna, ben = call(log, "1", "2")
    folder = copy(log, "old", ".keys", ".kek")
    call(log, erase=anna)
    put_back(folder, log)
    assert readable(log, anna) == ["1"]
    refused(log, "has erased 1 people whom its keys still know, the first at .*see `cckit restore`")
    assert run("restore", log, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"origin": None, "erased": [anna], "lost": []}
    assert (readable(log, anna), readable(log, ben)) == ([], ["2"])
    call(log, "4")
    assert run("restore", log, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"origin": None, "erased": [], "lost": []}
    last = [data for e, data in story(log) if e.stream == subject_stream(anna)][-2:]
    started = [e.position for e, d in story(log) if type(d) is f.SubjectErasureStarted]
    assert last == [
        f.SubjectErasureStarted(f"restore: erased before, at position {started[0]}"),
        f.SubjectErased(
            last[0].ground,
            1,
            {"backups": 1, "keys": 1, "lookups": 1, "snapshots": 0, "views": 0},
            {},
        ),
    ]
    assert verify_log(log, events=True).ok


def test_old_keys_without_their_kek_are_of_no_use_at_all(log: Path) -> None:
    (anna,) = call(log, "1")
    folder = copy(log, "old", ".keys")
    call(log, "2", erase=anna)
    put_back(folder, log)
    refused(log, "has erased 1 people")
    with pytest.raises(FormatError, match="from before an erasure"):
        readable(log, anna)


def test_a_new_key_file_is_told_whom_the_log_has_erased(log: Path) -> None:
    (anna,) = call(log, "1")
    call(log, erase=anna)
    log.with_suffix(".keys").unlink()
    refused(log, "old copy, or a new one")
    assert run("restore", log) == 0
    call(log, "3")


def test_a_log_without_its_tail_goes_on_under_another_name(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    anna, ben = call(log, "1", "2")
    folder = copy(log, "old", ".db")
    size = story(log)[-1][0].position + 1
    before = verify_log(log)
    (cora,) = call(log, "3", erase=anna)
    put_back(folder, log)
    refused(log, f"ends before position {size}, and its keys have seen position .*an old copy")
    assert run("restore", log) == 2
    assert "--origin NAME" in capsys.readouterr().err
    assert run("restore", log, "--origin", "clinic-2", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"origin": "clinic-2", "erased": [anna], "lost": []}
    found = story(log)
    restored = [data for _, data in found if type(data) is f.LogRestored]
    assert restored == [f.LogRestored("clinic", size, before.head)]
    erased = [e.stream for e, data in found if type(data) is f.SubjectErased]
    assert erased == [subject_stream(anna)]
    assert (readable(log, anna), readable(log, ben)) == ([], ["2"])
    store = SqliteStore.open(log, read_only=True)
    assert (store.origin, store.first_origin) == ("clinic-2", "clinic")
    epochs = [frame.epoch for frame in store.read()]
    store.close()
    assert epochs[-1] == before.epoch + 1_024
    verdict = verify_log(log, events=True)
    assert verdict.ok, verdict.error
    assert call(log, "3") != [cora]
    assert verify_log(log, events=True).ok


def test_a_log_with_another_past_than_its_keys_have_seen_is_refused(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (anna,) = call(log, "1")
    fork = copy(log, "old", ".db", ".keys", ".kek")
    ben, _ = call(log, "2", "3", erase=anna)
    kept = copy(log, "kept", ".keys", ".kek")
    put_back(fork, log)
    call(log, *map(str, range(9)))
    put_back(kept, log)
    refused(log, "has another past than its keys have seen: it differs at")
    renaming = ("restore", log, "--origin", "clinic-2", "--json")
    assert run(*renaming) == 2
    assert "are not here" in capsys.readouterr().err
    assert run(*renaming, "--forget-lost") == 0
    assert json.loads(capsys.readouterr().out)["erased"] == [anna]
    assert readable(log, anna) == []
    found = [created.subject for _, created in story(log) if type(created) is f.ContactCreated]
    assert ben not in found
    call(log, "9")


def test_a_name_is_never_given_twice(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(log, "1")
    assert run("restore", log, "--origin", "clinic-2") == 0
    assert run("restore", log, "--origin", "clinic-2") == 0
    assert run("restore", log, "--origin", "clinic") == 2
    assert "had the name 'clinic' before" in capsys.readouterr().err
    assert run("restore", log, "--origin", "clinic-3") == 0
    assert [d.origin for _, d in story(log) if type(d) is f.LogRestored] == ["clinic", "clinic-2"]
    assert verify_log(log, events=True).ok


def held_by(folder: Path) -> dict[str, bytes]:
    """All bytes that mean anything: SQLite puts an empty WAL and an index beside what it reads."""
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    return {name: held for name, held in found.items() if held and not name.endswith("-shm")}


def _no_ledger(log: Path) -> list[object]:
    return ["--erasures", log.with_name("typo.jsonl")]


def _foreign_ledger(log: Path) -> list[object]:
    row = {"log_id": "00" * 16, "subject": "11" * 16, "position": 1}
    ledger = log.with_name("erasures.jsonl")
    ledger.write_text(json.dumps(row) + "\n")
    return ["--erasures", ledger]


def _no_kek(log: Path) -> list[object]:
    log.with_suffix(".kek").unlink()
    return []


def _another_kek(log: Path) -> list[object]:
    log.with_suffix(".kek").write_text(f"1 {'ab' * 32}\n")
    return []


def _keys_of_another_log(log: Path) -> list[object]:
    other = log.with_name("other.db")
    call(other, "1")
    return ["--keys", other.with_suffix(".keys")]


def _plugin_that_is_gone(log: Path) -> list[object]:
    config = Config.parse('[center]\nname = "clinic"\nplugins = ["gone"]')

    async def configure() -> None:
        async with open_center(config, log=log, plugins={"gone": object()}):
            pass

    trio.run(configure)
    return []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_no_ledger, "typo.jsonl"),
        (_foreign_ledger, "is of another log"),
        (_no_kek, "needs its KEK"),
        (_another_kek, "wrapped under another KEK"),
        (_keys_of_another_log, "belongs to another log"),
        (_plugin_that_is_gone, "'gone' is no installed plugin"),
    ],
)
def test_a_restoring_that_is_refused_changes_no_byte(
    log: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], list[object]], said: str
) -> None:
    call(log, "1")
    arguments = spoil(log)
    before = held_by(log.parent)
    assert run("restore", log, "--origin", "clinic-2", *arguments) == 2
    assert said in capsys.readouterr().err
    assert held_by(log.parent) == before


def test_a_log_that_is_read_only_keeps_its_name(log: Path) -> None:
    call(log, "1")
    store = SqliteStore.open(log, read_only=True)
    with pytest.raises(UsageError, match="opened for reading"):
        store.continue_as("other")
    store.close()


def test_where_both_are_old_the_ledger_of_erasures_tells(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    anna, ben = call(log, "1", "2")
    folder = copy(log, "old", ".db", ".keys", ".kek")
    call(log, "3", erase=anna)
    ledger = tmp_path / "erasures.jsonl"
    assert run("restore", log, "--save", ledger, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"saved": 1, "file": str(ledger)}
    assert set(json.loads(ledger.read_text())) == {"log_id", "position", "subject"}
    put_back(folder, log)
    call(log)  # Nothing shows that anything is missing.
    assert readable(log, anna) == ["1"]
    arguments = ("restore", log, "--origin", "clinic-2", "--erasures", ledger, "--json")
    assert run(*arguments) == 0
    assert json.loads(capsys.readouterr().out)["erased"] == [anna]
    assert (readable(log, anna), readable(log, ben)) == ([], ["2"])
    assert run("restore", log, "--erasures", ledger, "--json") == 0
    assert json.loads(capsys.readouterr().out)["erased"] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dear diary", "line 1: is no line of a ledger"),
        ('{"log_id": "00"}', "line 1: is no line of a ledger"),
        ('{"log_id": "00", "subject": "00", "position": 1}', "line 1: names nobody"),
        (json.dumps({"log_id": "00" * 16, "subject": "11" * 16, "position": 1}), "another log"),
    ],
)
def test_a_ledger_that_is_none_of_ours_is_refused(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    call(log, "1")
    ledger = tmp_path / "erasures.jsonl"
    ledger.write_text(text + "\n")
    assert run("restore", log, "--erasures", ledger) == 2
    assert said in capsys.readouterr().err
    call(log, "2")


def test_a_device_is_no_empty_ledger(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(log, "1")
    assert run("restore", log, "--erasures", "/dev/null") == 2
    assert "is no file" in capsys.readouterr().err


def test_the_same_is_told_to_people(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (anna,) = call(log, "1")
    assert run("restore", log) == 0
    assert "nobody had to be erased again" in capsys.readouterr().out
    folder = copy(log, "old", ".db")
    call(log, "2", erase=anna)
    put_back(folder, log)
    assert run("restore", log, "--origin", "new") == 0
    out = capsys.readouterr().out
    assert "the log goes on as new" in out
    assert f"{anna} is erased again" in out
    assert run("restore", log, "--save", log.parent / "x") == 0
    assert "1 erasures are in" in capsys.readouterr().out
