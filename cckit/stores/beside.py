"""Where the companions of a log lie: beside the file that its name leads to.

A symbolic link is another name of the same log, so it must lead to the same lock, keys and
tiles: two names would give one log two writers, and people two sets of keys.
"""

import os


def real(log: str | os.PathLike[str]) -> str:
    """The one absolute path of a log, whichever way it is named."""
    return os.path.realpath(log)


def keys_beside(log: str | os.PathLike[str]) -> str:
    """NAME.keys of NAME.db."""
    return _stem(log) + ".keys"


def kek_beside(log: str | os.PathLike[str]) -> str:
    """NAME.kek of NAME.db."""
    return _stem(log) + ".kek"


def views_beside(log: str | os.PathLike[str]) -> str:
    """NAME.views of NAME.db."""
    return _stem(log) + ".views"


def tiles_beside(log: str | os.PathLike[str]) -> str:
    """NAME.tiles of NAME.db, a folder."""
    return _stem(log) + ".tiles"


def lock_beside(log: str | os.PathLike[str]) -> str:
    """NAME.db.lock of NAME.db."""
    return real(log) + ".lock"


def _stem(log: str | os.PathLike[str]) -> str:
    return real(log).removesuffix(".db")
