"""On macOS a plain fsync stays in the disk's own cache: everything is synced past it."""

import fcntl
import os
from pathlib import Path

import pytest

from cckit.hooks.signing import Signer
from cckit.shell.proof.signers import write_signers
from cckit.stores.connection import sync_folder
from cckit.stores.folder import Folder, sync_file
from cckit.stores.keks import KekFile

FULL = 51


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What is asked of the disk on a system that has F_FULLFSYNC."""
    asked: list[int] = []

    def control(_: int, command: int) -> int:
        asked.append(command)
        return 0

    def plain(_: int) -> None:
        pytest.fail("a plain fsync")

    monkeypatch.setattr(fcntl, "F_FULLFSYNC", FULL, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", control)
    monkeypatch.setattr(os, "fsync", plain)
    return asked


def test_all_files_are_synced_past_the_cache_of_the_disk(tmp_path: Path, synced: list[int]) -> None:
    keks = KekFile(tmp_path / "a.kek")
    keks.add(1, bytes(32))
    keks.add(2, bytes(32))
    keks.destroy(1)
    write_signers(tmp_path / "key", [Signer.generate("center", lambda size: bytes(size))])
    Folder(tmp_path).put([("a", b"a")])
    sync_file(str(tmp_path / "a"))
    sync_folder(str(tmp_path / "a"))
    assert set(synced) == {FULL}
    assert len(synced) >= 13
