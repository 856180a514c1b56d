"""Each key beside a log is the one that the log committed to, and no erased one is left."""

from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from cckit import Center, Config
from cckit.core.commands import Erase, ReportArrived
from cckit.core.errors import FormatError
from cckit.core.ids import SubjectId
from cckit.shell.people.commitments import KeyCheck, check_keys
from cckit.shell.proof.auditing import audit_log
from cckit.stores.keks import KekFile
from cckit.stores.keyfile import Mark
from cckit.stores.keys import Keys
from cckit.stores.sqlite import SqliteStore
from cckit.testing.center import run_center

CONFIG = Config.parse("")
Checked = Callable[[], KeyCheck]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


def call(log: Path, count: int, erase: int = 0) -> list[SubjectId]:
    """So many callers, of whom the first are erased."""

    async def main(center: Center) -> list[SubjectId]:
        people = []
        for n in range(count):
            reply = await center.do(ReportArrived("voice", from_=str(n)))
            people.append(reply.recorded[0][1].subject)
        for subject in people[:erase]:
            await center.do(Erase(subject, "asked"))
            await center.erased(subject)
        return people

    return run_center(main, CONFIG, log=str(log))


def check(log: Path, end: int | None = None) -> KeyCheck:
    store = SqliteStore.open(log, read_only=True)
    try:
        return check_keys(store, log.with_suffix(".keys"), end=end)
    finally:
        store.close()


def change(log: Path, statement: str, *values: object) -> None:
    connection = apsw.Connection(str(log.with_suffix(".keys")))
    connection.execute(statement, values)  # type: ignore[arg-type]
    connection.close()


def test_the_keys_of_a_log_are_those_that_it_committed_to(log: Path) -> None:
    call(log, 5, erase=2)
    found = check(log)
    assert found == KeyCheck(3, (), (), ())
    assert found.ok
    assert check(log, 10) == KeyCheck(0, (), (), ())


def test_the_audit_certifies_it(log: Path) -> None:
    call(log, 3, erase=1)
    assert audit_log(log)["keys"] == {
        "ok": True,
        "keys": 2,
        "wrong": [],
        "survived": [],
        "lost": [],
    }
    log.with_suffix(".kek").unlink()
    assert audit_log(log)["keys"] is None


def test_another_key_in_its_place_is_found(log: Path) -> None:
    call(log, 2)
    store = SqliteStore.open(log, read_only=True)
    keys = Keys.open(log.with_suffix(".keys"), store.log_id, lambda size: bytes(size))
    keys.draw_key(SubjectId("11" * 16))
    keys.keep(4)
    keys.close(Mark(0, bytes(32)))
    store.close()
    assert check(log) == KeyCheck(3, ("11" * 16,), (), ())
    assert not check(log).ok
    certificate = audit_log(log)
    assert certificate["verdict"] == "differs"
    assert certificate["keys"]["wrong"] == ["11" * 16]


def test_a_commitment_at_another_place_is_found(log: Path) -> None:
    anna, _ = call(log, 2)
    change(log, "UPDATE key SET at = 0 WHERE subject = ?", bytes.fromhex(anna))
    assert check(log).wrong == (anna,)
    change(log, "UPDATE key SET at = -1 WHERE subject = ?", bytes.fromhex(anna))
    assert check(log).ok, "a key of format 1 does not know its place"


def test_a_key_that_survives_its_erasure_is_found(log: Path) -> None:
    people = call(log, 3)
    keks = KekFile(log.with_suffix(".kek"))
    copy, kek = log.with_suffix(".keys").read_bytes(), keks.read()[1]
    call(log, 3, erase=1)
    log.with_suffix(".keys").write_bytes(copy)
    keks.add(1, kek)
    keks.destroy(2)
    assert check(log).survived == (people[0],)
    assert not check(log).ok


def test_a_key_that_is_gone_though_nobody_erased_it_is_named(log: Path) -> None:
    _, ben = call(log, 2)
    change(log, "DELETE FROM key WHERE subject = ?", bytes.fromhex(ben))
    found = check(log)
    assert found == KeyCheck(1, (), (), (ben,))
    assert found.ok, "it opens nothing wrong; it opens nothing"


def test_the_keys_of_another_log_are_refused(log: Path, tmp_path: Path) -> None:
    call(log, 1)
    (tmp_path / "other").mkdir()
    store = SqliteStore.open(log, read_only=True)
    other = tmp_path / "other" / "b.keys"
    Keys.open(other, bytes(16), lambda size: bytes(size)).close()
    with pytest.raises(FormatError, match="belongs to another log"):
        check_keys(store, other)
    store.close()
