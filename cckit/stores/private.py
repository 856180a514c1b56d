"""Files that nobody but their owner may read: keys, and what wraps or signs with them."""

import os
from stat import S_IMODE

from cckit.core.errors import ConfigError


def check_private(path: str | os.PathLike[str]) -> None:
    """Refuse a file that others than its owner may open.

    :raises ConfigError: its mode lets a group or everybody.
    :raises OSError: it is not there.
    """
    mode = S_IMODE(os.stat(path).st_mode)
    if mode & 0o077:
        what = f"others may read it (mode {mode:04o})"
        raise ConfigError(str(path), what, f"chmod 600 {path}, and think of who has read it")
