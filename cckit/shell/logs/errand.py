"""A log that no center has open, opened for an errand: as its center was configured last.

Name, plugins, their settings and the rules of retention come from the log itself, so an
errand changes no configuration, and whoever guards the center guards the errand too. That
holds for the plugins that the embedding program handed in as well: where one of them can't
be loaded here, nothing is done, for its guard would not judge and its eraser not erase.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from cckit.core.errors import ConfigError
from cckit.core.events import Recorded
from cckit.core.facts import ConfigApplied, RunStarted
from cckit.core.projection import Canonical
from cckit.core.retention import Rule
from cckit.core.schema import unpack
from cckit.shell.config import Config
from cckit.shell.open_center import open_center
from cckit.shell.opening import RETENTION
from cckit.shell.plugins import available, instantiate
from cckit.stores.sqlite import SqliteStore

from .folding import fold


class Configured:
    """The last ``config.applied`` of each (kind, id), but those of queues."""

    name = "center.configured"
    version = 1
    types: tuple[type, ...] = (ConfigApplied,)

    def initial(self) -> dict[tuple[str, str], bytes]:
        return {}

    def apply(self, state: dict[tuple[str, str], bytes], recorded: Recorded[ConfigApplied]) -> None:
        _, data = recorded
        if data.kind == "center":  # A center that got another name is the same center.
            for key in [key for key in state if key[0] == "center"]:
                del state[key]
        if data.kind != "queue":
            state[data.kind, data.id] = data.data

    def dump(self, state: dict[tuple[str, str], bytes]) -> Canonical:
        return [[*key, data] for key, data in sorted(state.items())]


class LastRun:
    """The last ``run.started``; none in a log that no center had."""

    name = "center.last_run"
    version = 1
    types: tuple[type, ...] = (RunStarted,)

    def initial(self) -> list[RunStarted]:
        return []

    def apply(self, state: list[RunStarted], recorded: Recorded[RunStarted]) -> None:
        state[:] = [recorded[1]]

    def dump(self, state: list[RunStarted]) -> Canonical:
        return [dict(sorted(run.versions.items())) for run in state]


def open_errand(log: Path, keys: Path | None = None) -> open_center:
    """Open the center of a log for an errand; nothing of it goes to work.

    :raises StoreError: there is no such log, or a center has it open.
    :raises ConfigError: one of its plugins is not installed.
    """
    config, plugins = configured(log)
    return open_center(config, log=log, keys=keys, plugins=plugins, quiet=True)


def configured(
    log: Path, given: Mapping[str, object] | None = None
) -> tuple[Config, dict[str, object]]:
    """The configuration of a log's center, as the log has it, and the plugins that it had.

    Queues and agents stay as set. ``given``: instances of some of its plugins; the others
    are made by their entry points.

    :raises StoreError: there is no such log.
    :raises ConfigError: one of its plugins is not installed.
    """
    store = SqliteStore.open(log, read_only=True)
    try:
        states = fold(store, [Configured(), LastRun()]).folding.states
        found, runs = states[Configured.name], states[LastRun.name]
        name = store.origin
    finally:
        store.close()
    tables: dict[tuple[str, str], Any] = {key: unpack(data) for key, data in found.items()}
    center: dict[str, Any] = {}
    rules: tuple[Rule, ...] = ()
    for (kind, id_), table in tables.items():
        if kind == "center":
            name, center = id_, table
    plugins = tuple(center.get("plugins", ()))
    settings = {plugin: tables[plugin, plugin] for plugin in plugins if (plugin, plugin) in tables}
    if (RETENTION, name) in tables:
        rules = tuple(Rule(**rule) for rule in tables[RETENTION, name]["rules"])
    config = Config(
        name=name,
        zone=center.get("zone", "UTC"),
        plugins=plugins,
        settings=settings,
        retention=rules,
        file=f"{log}: its configuration",
    )
    return config, _loaded_as_before(log, config, runs, given or {})


def _loaded_as_before(
    log: Path, config: Config, runs: list[RunStarted], given: Mapping[str, object]
) -> dict[str, object]:
    """The plugins of the configuration and those that the last run had besides.

    :raises ConfigError: one of them is not installed, so it would be left out.
    """
    had = " ".join(run.versions.get("plugins", "") for run in runs).split()
    names = tuple(dict.fromkeys((*config.plugins, *had)))
    lost = sorted({*had} - {*config.plugins} - {*given} - {*available()})
    if lost:
        what = f"its plugin {lost[0]} can't be loaded here"
        raise ConfigError(str(log), what, "ask the center itself, or install it")
    return instantiate(attrs.evolve(config, plugins=names), given)
