"""Files of operators, read whole; every fault names the file."""

import tomllib
from pathlib import Path
from typing import Any

from cckit.core.errors import ConfigError


def read_file(path: Path) -> bytes:
    """The bytes of a file.

    :raises ConfigError: it can't be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        what = f"can't be read: {error.strerror}"
        raise ConfigError(str(path), what, "name a file that exists and is yours") from error


def parse_toml(content: bytes, path: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    :raises ConfigError: it is not UTF-8 or not TOML; it names the line.
    """
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"byte {error.start} is not UTF-8"
        raise ConfigError(f"{path}: line {line}", what, "save the file as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), f"is no TOML: {error}", "correct that line") from error
