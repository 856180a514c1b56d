"""How a program comes to a center: ``async with open_center(...) as center``."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from cckit.core.errors import UsageError

from .center import Center
from .clock import Clock
from .config import Config
from .entropy import Entropy
from .life import Life
from .opening import Log


class open_center:
    """Open a center; use it as ``async with open_center(...) as center``.

    ``config``: the path of a ``CENTER.toml``, or a ``Config``. ``log``: the path of a
    ``NAME.db``, which is made where there is none; a store; or None for a log in memory.
    ``plugins``: instances by name, besides those that the configuration loads.
    ``keys``: the path of its key file, without which nothing personal can be sealed and
    is refused (``subject.no_keys``). Left out, it is ``NAME.keys`` beside the path of a
    ``NAME.db``; a log in memory keeps its keys for its life; any other log has none.
    ``take_over`` goes past the lock of another writer, which is then fenced off.
    ``quiet`` is for an errand on a log that is not at work: no timer fires, no channel
    listens, no reactor runs and no rule of retention; all of it is made up for later.
    ``signer``: the file of the log's private keys (``cckit keys new``). The center then
    builds the log's tree in ``NAME.tiles`` and signs a checkpoint every second or thousand
    events and at the end; which keys are in force, it records (kind ``proof``).

    :raises UsageError: arguments of other types; no trio that runs.
    :raises ConfigError: a value of the configuration that can't be; nothing is stored.
    :raises PluginError: a plugin that can't be loaded.
    :raises StoreError: the log can't be opened for writing.

    .. versionadded:: 0.1
    """

    def __init__(
        self,
        config: Config | str | Path,
        *,
        log: Log = None,
        keys: str | Path | None = None,
        plugins: Mapping[str, object] | None = None,
        clock: Clock | None = None,
        entropy: Entropy | None = None,
        take_over: bool = False,
        quiet: bool = False,
        signer: str | Path | None = None,
    ) -> None:
        _check_arguments(config, log, signer)
        self._config = config
        self._quiet = quiet
        rest = (clock, entropy, take_over, quiet, signer)
        self._make = partial(Life, log, keys, plugins or {}, *rest)
        self._life: Life

    if not TYPE_CHECKING:  # So that type checkers still know what there is.

        def __getattr__(self, name: str) -> object:
            if hasattr(Center, name):
                what = f"has no {name}: it is not open yet"
                remedy = "async with open_center(...) as center, then use center"
                raise UsageError("open_center", what, remedy)
            raise AttributeError(f"open_center has no attribute {name!r}")

    async def __aenter__(self) -> Center:
        if not trio.lowlevel.in_trio_task():
            remedy = "run it by trio.run(main); beside asyncio, in a thread of its own"
            raise UsageError("open_center", "trio does not run here", remedy)
        self._life = self._make()
        config = self._config
        if not isinstance(config, Config):
            config = Config.read(config)
        parts = await self._life.begin(config)
        quiet = self._quiet
        center = Center(parts, () if quiet else config.retention, None if quiet else config.zone)
        self._life.reopened = center._take
        return center

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        await self._life.end()  # noqa: ASYNC102 - it shields what has to be waited for


def _check_arguments(config: object, log: object, signer: object) -> None:
    """:raises UsageError: arguments of other types than their annotations say."""
    if not isinstance(config, Config | str | Path):
        what = f"config is {type(config).__name__}"
        raise UsageError("open_center", what, "give the path of a CENTER.toml, or a Config")
    if not (log is None or isinstance(log, str | Path) or hasattr(log, "append")):
        what = f"log is {type(log).__name__}"
        raise UsageError("open_center", what, "give the path of a NAME.db, a store, or None")
    if not (signer is None or isinstance(signer, str | Path)):
        what = f"signer is {type(signer).__name__}"
        raise UsageError("open_center", what, "give the path of a file of `cckit keys`, or None")
