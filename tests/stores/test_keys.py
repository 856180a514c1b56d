"""People keep their ids and keys; nobody else's, and nobody without the KEK."""

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import apsw
import pytest

from cckit.core.errors import FormatError, StoreError, UsageError
from cckit.core.ids import SubjectId
from cckit.hooks.vault import Key, commitment, subject_bytes
from cckit.stores import keys as keys_module
from cckit.stores.keys import Keys, in_memory

LOG_ID = bytes(range(16))
NUMBER = "+972-54-000-0001"
OTHER = "+972-54-000-0002"


def drawer(seed: int = 0) -> Callable[[int], bytes]:
    """Bytes that look random and come again with the seed."""
    n = seed * 1_000_000

    def draw(size: int) -> bytes:
        nonlocal n
        n += 1
        return hashlib.shake_128(b"%d" % n).digest(size)

    return draw


class Person(NamedTuple):
    subject: SubjectId
    commitment: bytes | None


def met(keys: Keys, number: str) -> Person:
    """Whose number this is, of whom something was sealed."""
    subject = keys.subject(number)
    made = keys.draw_key(subject)
    keys.keep()
    return Person(subject, made)


def test_a_key_that_no_event_needs_is_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "log.keys"
    keys = Keys.open(path, LOG_ID, drawer())
    subject = keys.subject(NUMBER)
    assert keys.is_new(subject)
    first = keys.draw_key(subject)
    assert keys.key(subject_bytes(subject)) is not None
    keys.drop()
    assert keys.key(subject_bytes(subject)) is None
    assert (keys.subject(NUMBER), keys.pending) == (subject, False)
    second = keys.draw_key(subject)
    assert second not in (None, first)
    keys.drop()
    keys.close()
    connection = apsw.Connection(str(path))
    assert [
        *connection.execute("SELECT * FROM lookup"),
        *connection.execute("SELECT * FROM key"),
    ] == []
    connection.close()


def test_a_number_that_is_met_is_somebody_until_too_many_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys_module, "_MET", 2)
    keys = Keys.open(tmp_path / "log.keys", LOG_ID, drawer())
    one, two = keys.subject("1"), keys.subject("2")
    assert (keys.subject("1"), keys.subject("2")) == (one, two)
    keys.subject("3")
    assert not keys.is_new(one)
    assert keys.subject("2") == two
    assert keys.subject("1") != one
    keys.close()


def test_keys_in_memory_outlive_an_opening() -> None:
    connection = in_memory()
    keys = Keys.open(connection, LOG_ID, drawer())
    person = met(keys, NUMBER)
    keys.close()
    again = Keys.open(connection, LOG_ID, drawer(1))
    assert met(again, NUMBER) == (person.subject, None)
    again.close()
    connection.close()


def test_a_number_is_one_person_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "log.keys"
    keys = Keys.open(path, LOG_ID, drawer())
    person = met(keys, NUMBER)
    other = met(keys, OTHER)
    assert person.subject != other.subject
    assert met(keys, NUMBER) == (person.subject, None)
    keys.close()
    again = Keys.open(path, LOG_ID, drawer(1))
    assert met(again, NUMBER) == (person.subject, None)
    assert met(again, OTHER) == (other.subject, None)
    again.close()


def test_a_new_person_s_key_is_committed_to(tmp_path: Path) -> None:
    keys = Keys.open(tmp_path / "log.keys", LOG_ID, drawer())
    person = met(keys, NUMBER)
    subject = subject_bytes(person.subject)
    key = keys.key(subject)
    assert key is not None
    assert key.number == 1
    assert person.commitment == commitment(subject, key)
    expected = b"cckit-dek" + subject + bytes([0, 0, 0, 0, 0, 0, 0, 1]) + key.secret
    assert person.commitment == hashlib.sha256(expected).digest()
    keys.close()


def test_somebody_who_comes_by_id_gets_a_key_once() -> None:
    keys = Keys.open(in_memory(), LOG_ID, drawer())
    subject = SubjectId(bytes(range(16)).hex())
    assert keys.key(subject_bytes(subject)) is None
    assert keys.draw_key(subject) is not None
    keys.keep()
    assert keys.draw_key(subject) is None
    with pytest.raises(UsageError, match="not 16 bytes in lower-case hex"):
        keys.draw_key(SubjectId("s1"))
    keys.close()


def test_keys_are_found_by_number_before_and_after_flushing(tmp_path: Path) -> None:
    keys = Keys.open(tmp_path / "log.keys", LOG_ID, drawer())
    subject = subject_bytes(met(keys, NUMBER).subject)
    key = keys.key(subject)
    assert key is not None and keys.pending
    assert keys.find(subject, 1) == key.secret
    keys.flush()
    assert not keys.pending
    keys._open.clear()
    assert keys.find(subject, 1) == key.secret
    assert keys.key(subject) == key
    assert keys.find(subject, 2) is None
    assert keys.find(bytes(16), 1) is None
    keys.close()


def test_what_is_not_flushed_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "log.keys"
    keys = Keys.open(path, LOG_ID, drawer())
    flushed = met(keys, NUMBER)
    keys.flush()
    lost = met(keys, OTHER)
    other_process = Keys.open(path, LOG_ID, drawer(2))
    assert met(other_process, NUMBER) == (flushed.subject, None)
    assert met(other_process, OTHER).subject != lost.subject
    other_process._lookups.clear()
    other_process._kept.clear()
    other_process.close()
    keys.close()


def test_two_writers_of_keys_never_both_succeed(tmp_path: Path) -> None:
    path = tmp_path / "log.keys"
    one, two = Keys.open(path, LOG_ID, drawer(1)), Keys.open(path, LOG_ID, drawer(2))
    met(one, NUMBER)
    met(two, NUMBER)
    one.flush()
    with pytest.raises(StoreError):
        two.flush()
    with pytest.raises(StoreError, match="an earlier error poisoned the keys"):
        two.flush()
    two.close()
    one.close()


def test_neither_numbers_nor_keys_stand_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "log.keys"
    kek = bytes([7] * 32)
    keys = Keys.open(path, LOG_ID, drawer(), kek=kek)
    secrets = []
    for n in range(50):
        key = keys.key(subject_bytes(met(keys, f"{NUMBER}{n}").subject))
        assert key is not None
        secrets.append(key.secret)
    keys.flush()
    contents = b"".join(found.read_bytes() for found in tmp_path.iterdir())
    assert NUMBER.encode() not in contents
    assert kek not in contents
    assert not any(secret in contents for secret in secrets)
    assert all(hashlib.sha256(f"{NUMBER}{n}".encode()).digest() not in contents for n in range(50))
    keys.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_kek_one_is_made_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "log.keys"
    keys = Keys.open(path, LOG_ID, drawer())
    person = met(keys, NUMBER)
    keys.close()
    connection = apsw.Connection(str(path))
    names = [row[0] for row in connection.execute("SELECT name FROM meta ORDER BY name")]
    connection.close()
    assert names == ["log_id", "lookup", "number"]
    again = Keys.open(path, LOG_ID, drawer(3))
    assert met(again, NUMBER).subject == person.subject
    again.close()


def test_another_kek_or_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.keys"
    Keys.open(path, LOG_ID, drawer(), kek=bytes([7] * 32)).close()
    with pytest.raises(FormatError, match="needs its KEK"):
        Keys.open(path, LOG_ID, drawer())
    with pytest.raises(FormatError, match="wrapped under another KEK"):
        Keys.open(path, LOG_ID, drawer(), kek=bytes([8] * 32))
    Keys.open(path, LOG_ID, drawer(), kek=bytes([7] * 32)).close()


def test_a_foreign_key_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.keys"
    Keys.open(path, LOG_ID, drawer()).close()
    with pytest.raises(FormatError, match="belongs to another log"):
        Keys.open(path, bytes(16), drawer())
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", 3)
    connection.close()
    with pytest.raises(FormatError, match="a key file of format 3"):
        Keys.open(path, LOG_ID, drawer())
    path.write_bytes(b"dear diary")
    with pytest.raises(FormatError, match="is not an SQLite file"):
        Keys.open(path, LOG_ID, drawer())
    other = apsw.Connection(str(tmp_path / "other.keys"))
    other.execute("CREATE TABLE key(a)")
    other.close()
    with pytest.raises(FormatError, match="is no key file"):
        Keys.open(tmp_path / "other.keys", LOG_ID, drawer())


def test_a_file_that_was_half_made_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "log.keys"
    (tmp_path / "log.keys.new").write_bytes(b"half")
    keys = Keys.open(path, LOG_ID, drawer())
    keys.close()
    assert sorted(os.listdir(tmp_path)) == ["log.kek", "log.keys"]


def test_a_simulation_s_keys_come_again_with_its_seed() -> None:
    one, two = Keys.open(in_memory(), LOG_ID, drawer(5)), Keys.open(in_memory(), LOG_ID, drawer(5))
    for number in (NUMBER, OTHER, NUMBER):
        assert met(one, number) == met(two, number)
    one.close()
    two.close()


def test_a_key_says_its_number_in_what_it_commits_to() -> None:
    subject, secret = bytes(16), bytes(32)
    assert commitment(subject, Key(1, secret)) != commitment(subject, Key(2, secret))


def test_more_people_than_are_kept_in_memory_have_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys_module, "_KEYS_KEPT", 1)
    keys = Keys.open(tmp_path / "log.keys", LOG_ID, drawer())
    people = [subject_bytes(met(keys, number).subject) for number in (NUMBER, OTHER)]
    made = [keys.key(subject) for subject in people]
    keys.flush()
    keys.flush()
    assert [keys.key(subject) for subject in people] == made
    assert all(key is not None and key.number == 1 for key in made)
    keys.close()
