"""A file or folder that appears whole or not at all: what fails leaves nothing behind."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cckit.core.errors import ConfigError


def refuse_existing(out: Path) -> None:
    """Nothing of ours writes over a file.

    :raises ConfigError: there is one.
    """
    if os.path.lexists(out):
        raise ConfigError(str(out), "exists already", "name a file that does not exist yet")


class appearing:
    """A path to make a file or folder at, which becomes ``out`` if all goes well."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._folder: TemporaryDirectory[str]

    def __enter__(self) -> Path:
        try:
            self._folder = TemporaryDirectory(prefix=".cckit-", dir=self._out.parent)
        except OSError as error:
            what = f"can't be written: {error.strerror}"
            remedy = "name a file in a folder that exists and is yours"
            raise ConfigError(str(self._out), what, remedy) from error
        return Path(self._folder.name) / "log.db"

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        with self._folder as folder:
            if kind is not None:
                return
            try:
                os.link(Path(folder) / "log.db", self._out)
            except OSError:  # It exists by now, or the file system has no links.
                refuse_existing(self._out)
                os.rename(Path(folder) / "log.db", self._out)
