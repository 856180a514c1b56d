"""What ``cckit bundle`` leaves in a folder: both files whole, or neither."""

import os
from pathlib import Path
from typing import Any

import pytest

from cckit.cli import bundle as command
from cckit.cli import verify_bundle as verifier
from cckit.core.errors import ConfigError
from cckit.stores.folder import Folder

SOURCE = Path(verifier.__file__).read_bytes()


def written(out: Path) -> None:
    command._write(b"data", out, command._free(out), private=False)


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_both_files_appear_whole(tmp_path: Path) -> None:
    out = tmp_path / "b.zip"
    written(out)
    assert out.read_bytes() == b"data"
    assert (tmp_path / "verify_bundle.py").read_bytes() == SOURCE
    assert names(tmp_path) == ["b.zip", "verify_bundle.py"]


def test_a_full_disk_leaves_nothing_behind_and_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    for owner, name, file in (
        (os, "fsync", "b.zip"),
        (Folder, "write", "verify_bundle.py"),
        (Folder, "rename", "verify_bundle.py"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, full)
            with pytest.raises(ConfigError, match="No space left") as caught:
                written(tmp_path / "b.zip")
        assert caught.value.where == str(tmp_path / file)
        assert names(tmp_path) == []


def test_a_verifier_of_an_older_version_is_written_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "verify_bundle.py"
    place.write_bytes(b"\n".join([*SOURCE.split(b"\n")[:2], b"older"]))
    written(tmp_path / "b.zip")
    assert place.read_bytes() == SOURCE
    assert "of another version, is written anew" in capsys.readouterr().err
    written(tmp_path / "c.zip")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("what", ["file", "folder", "link"])
def test_what_is_not_ours_stays_as_it_is(tmp_path: Path, what: str) -> None:
    place = tmp_path / "verify_bundle.py"
    if what == "file":
        place.write_bytes(b"#!/usr/bin/env python3\nmine\n")
    elif what == "folder":
        place.mkdir()
    else:
        place.symlink_to("nowhere")
    with pytest.raises(ConfigError, match="is there already, and another"):
        command._free(tmp_path / "b.zip")
    assert names(tmp_path) == ["verify_bundle.py"]


@pytest.mark.parametrize("name", ["verify_bundle.py", "VERIFY_BUNDLE.PY"])
def test_a_bundle_does_not_take_the_name_of_its_verifier(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="is the name of the verifier"):
        command._free(tmp_path / name)
