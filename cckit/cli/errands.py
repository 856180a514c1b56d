"""What a command has a log's own center do, and who asks for it.

The log is opened as its writer, for what is asked has to be in it before it is answered.
"""

import getpass
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import trio

from cckit.core.access import PEOPLE
from cckit.core.errors import ConfigError, Refused, StoreError
from cckit.core.events import Actor
from cckit.shell.center import Center
from cckit.shell.logs.errand import open_errand
from cckit.stores.beside import keys_beside

from .text import plain


def run_errand(log: Path, keys: Path | None, errand: Callable[[Center], Awaitable[Any]]) -> Any:
    """What an errand answers in the center of a log.

    :raises ConfigError: it is refused, or there is no key file.
    :raises StoreError: there is no such log, or a center has it open.
    """
    beside = Path(keys_beside(log)) if keys is None else keys

    async def main() -> Any:
        async with opening as center:
            return await errand(center)

    opening = open_errand(log, beside)
    if not beside.exists():
        what = "is not there, and without its key file nobody in this log can be known"
        raise ConfigError(str(beside), what, "bring it, or name it: --keys FILE")
    try:
        answer = trio.run(main)
    except StoreError as error:
        if "writes this log" not in error.what:
            raise
        remedy = "ask the center itself, or close it for as long as this takes"
        raise StoreError(error.where, error.what, remedy) from error
    if isinstance(answer, Refused):
        raise ConfigError(answer.where, answer.what, answer.remedy)
    return answer


def actor_of(text: str | None) -> Actor:
    """Who asks: one of the people of a center, whom its guard judges by their roles.

    :raises ConfigError: no KIND/ID, or somebody whom no guard would judge.
    """
    if text is None:
        try:
            name = getpass.getuser()
        except (OSError, KeyError):  # A user without a name, as in a container.
            name = str(os.getuid())
        return Actor("admin", name)
    kind, _, name = text.partition("/")
    if kind not in PEOPLE or not name:
        kinds = ", ".join(sorted(PEOPLE))
        raise ConfigError("--actor", f"{plain(text)[:60]!r} is nobody", f"KIND/ID; kinds: {kinds}")
    return Actor(kind, name)
