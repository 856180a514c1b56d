"""What unlocks everybody's values is for its owner alone to read."""

from pathlib import Path

import pytest

from cckit.core.errors import ConfigError
from cckit.hooks.signing import Signer
from cckit.shell.proof.signers import read_signers, write_signers
from cckit.stores.keks import KekFile
from cckit.stores.keys import Keys


def opened(folder: Path) -> None:
    Keys.open(folder / "a.keys", bytes(16), lambda size: bytes(size)).close()
    read_signers(folder / "a.key")


@pytest.mark.parametrize("name", ["a.kek", "a.keys", "a.key"])
def test_keys_that_others_may_read_are_refused(tmp_path: Path, name: str) -> None:
    write_signers(tmp_path / "a.key", [Signer.generate("center", lambda size: bytes(size))])
    opened(tmp_path)
    for mode in (0o644, 0o640, 0o604):
        (tmp_path / name).chmod(mode)
        with pytest.raises(ConfigError, match=rf"{name}: others may read it \(mode {mode:04o}\)"):
            opened(tmp_path)
    (tmp_path / name).chmod(0o400 if name == "a.key" else 0o600)
    opened(tmp_path)
    assert KekFile(tmp_path / "a.kek").read() == {1: bytes(32)}
