"""A key file that is away, or older than the log, is missed, and never made anew unasked."""

import json
import shutil
from pathlib import Path

import pytest

from cckit.core import facts as f
from cckit.core.errors import FormatError
from cckit.core.ids import subject_stream
from cckit.shell.entropy import SystemEntropy
from cckit.shell.proof.checking import verify_log
from cckit.stores.keys import Keys
from cckit.stores.sqlite import SqliteStore
from tests.erasure.test_restore import call, copy, put_back, readable, refused, run, story


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


def take_away(log: Path) -> Path:
    """Put the key file, and nothing else, where nobody finds it."""
    folder = log.parent / "away"
    folder.mkdir()
    for path in log.parent.glob("*.keys*"):
        shutil.move(path, folder)
    return folder


def test_a_key_file_that_is_away_is_never_replaced(log: Path) -> None:
    anna, ben = call(log, "1", "2")
    away = take_away(log)
    refused(log, "the keys of 2 people .* are not here; .*bring the key file")
    assert not log.with_suffix(".keys").exists()
    put_back(away, log)
    call(log, "3", erase=anna)
    assert (readable(log, anna), readable(log, ben)) == ([], ["2"])


def test_keys_that_do_not_know_the_newest_people_are_refused(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call(log, "1")
    folder = copy(log, "old", ".keys", ".kek")
    newer = copy(log, "new")
    (ben,) = call(log, "2")
    for suffix in (".keys", ".kek"):
        shutil.copy(log.with_suffix(suffix), newer)
    put_back(folder, log)
    refused(log, "the keys of 1 people .* are not here")
    assert run("restore", log) == 2
    assert "the keys of 1 people" in capsys.readouterr().err
    put_back(newer, log)
    call(log, "3")
    assert readable(log, ben) == ["2"]


def test_keys_of_the_newest_people_are_there_after_a_crash(log: Path) -> None:
    anna, ben = call(log, "1", "2")
    keys = Keys.open(log.with_suffix(".keys"), _log_id(log), SystemEntropy().draw)
    keys._writer.execute("DELETE FROM meta WHERE name = 'mark'")  # As if never closed.
    keys.close()
    call(log, "3", erase=anna)
    assert (readable(log, anna), readable(log, ben)) == ([], ["2"])


def test_whose_keys_are_lost_for_good_is_forgotten_on_demand(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people = call(log, "1", "2")
    take_away(log)
    assert run("restore", log) == 2
    assert "--forget-lost" in capsys.readouterr().err
    assert run("restore", log, "--forget-lost", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"origin": None, "erased": [], "lost": people}
    grounds = {e.stream: d.ground for e, d in story(log) if type(d) is f.SubjectErased}
    assert grounds == dict.fromkeys(map(subject_stream, people), "restore: the keys are lost")
    (again,) = call(log, "1")
    assert again not in people
    assert readable(log, again) == ["1"]
    assert verify_log(log, events=True).ok
    assert run("restore", log) == 0


def test_keys_lost_after_a_copy_are_forgotten_and_the_others_kept(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (anna,) = call(log, "1")
    folder = copy(log, "old", ".keys", ".kek")
    (ben,) = call(log, "2")
    put_back(folder, log)
    assert run("restore", log, "--forget-lost") == 0
    assert f"{ben} is forgotten: the keys are lost" in capsys.readouterr().out
    call(log, "3")
    assert (readable(log, anna), readable(log, ben)) == (["1"], [])


def test_a_new_key_file_takes_up_no_kek_of_another(tmp_path: Path) -> None:
    place, draw = tmp_path / "a.keys", SystemEntropy().draw
    Keys.open(place, bytes(16), draw).close()
    for path in tmp_path.glob("a.keys*"):
        path.unlink()
    with pytest.raises(FormatError, match="is not here, and its KEK is"):
        Keys.open(place, bytes(16), draw)
    assert not place.exists()
    (tmp_path / "a.kek").unlink()
    Keys.open(place, bytes(16), draw).close()


def _log_id(log: Path) -> bytes:
    store = SqliteStore.open(log, read_only=True)
    try:
        return store.log_id
    finally:
        store.close()
