"""The file of a log's private keys: one a line, readable by its owner alone.

There is one key, but while it is exchanged two: the old one and the new one both sign,
until everybody who checks has the new one.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cckit.core.errors import CckitError, ConfigError
from cckit.core.note import ED25519, VKey
from cckit.hooks.signing import Signer
from cckit.shell.files import read_file
from cckit.stores.folder import UNBORN
from cckit.stores.private import check_private
from cckit.stores.unborn import write_private

SIGNERS_MAX: Final = 4
"""Of a file; a note bears 16 signatures, and witnesses need theirs."""


def read_signers(path: str | Path) -> tuple[Signer, ...]:
    """The keys of a file, oldest first, all of one name.

    :raises ConfigError: no such file, one that others may read, or no keys of one log.
    """
    place = Path(path)
    lines = read_file(place).decode("utf-8", "replace").splitlines()
    check_private(path)
    try:
        signers = tuple(Signer.parse(line) for line in lines if line)
    except CckitError as error:
        raise ConfigError(str(path), error.what, error.remedy) from error
    if not 0 < len(signers) <= SIGNERS_MAX or len(set(signers)) < len(signers):
        what = f"{len(signers)} keys, or one of them twice"
        raise ConfigError(str(path), what, f"give 1 to {SIGNERS_MAX} keys, one a line")
    if len({signer.name for signer in signers}) > 1:
        raise ConfigError(str(path), "its keys have several names", "keep a log's keys apart")
    return signers


def write_signers(path: str | Path, signers: Sequence[Signer], *, new: bool = False) -> None:
    """Write the keys of a file, whole and durably; with ``new`` there must be none yet.

    :raises ConfigError: there is one, or it can't be written.
    """
    place = Path(path)
    unborn = place.with_name(place.name + UNBORN)
    try:
        if new and os.path.lexists(place):
            raise ConfigError(str(path), "is there already", "name another file, or rotate this")
        unborn.unlink(missing_ok=True)
        text = "".join(f"{signer.text()}\n" for signer in signers)
        write_private(str(place), text.encode())
    except OSError as error:
        what = f"can't be written: {error.strerror}"
        raise ConfigError(str(path), what, "name a file in a folder that is yours") from error


def check_signers(signers: Sequence[Signer], origin: str, where: str) -> None:
    """Refuse keys that are not those of a log.

    :raises ConfigError: a witness's keys, or a key of another name than the log's origin.
    """
    for signer in signers:
        if signer.algorithm != ED25519:
            raise ConfigError(where, "is a witness's key", "make one by `cckit keys new`")
        if signer.name != origin:
            what = f"is of {signer.name!r}, and the log's origin is {origin!r}"
            raise ConfigError(where, what, f"make its key by `cckit keys new {origin}`")


def vkeys(signers: Sequence[Signer]) -> tuple[VKey, ...]:
    """What everybody may know of the keys, oldest first."""
    return tuple(signer.vkey for signer in signers)
