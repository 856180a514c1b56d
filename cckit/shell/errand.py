"""A log that no center has open, opened for an errand: as its center was configured last.

Name, plugins, their settings and the rules of retention come from the log itself, so an
errand changes no configuration, and whoever guards the center guards the errand too.
"""

from pathlib import Path
from typing import Any

from cckit.core.events import Recorded
from cckit.core.facts import ConfigApplied
from cckit.core.projection import Canonical
from cckit.core.retention import Rule
from cckit.core.schema import unpack
from cckit.stores.sqlite import SqliteStore

from .center import open_center
from .config import Config
from .folding import fold
from .opening import RETENTION


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


def open_errand(log: Path, keys: Path | None = None) -> open_center:
    """Open the center of a log for an errand; nothing of it goes to work.

    :raises StoreError: there is no such log, or a center has it open.
    :raises ConfigError: one of its plugins is not installed.
    """
    return open_center(configured(log), log=log, keys=keys, quiet=True)


def configured(log: Path) -> Config:
    """The configuration of a log's center, as the log has it; queues and agents stay as set.

    :raises StoreError: there is no such log.
    """
    store = SqliteStore.open(log, read_only=True)
    try:
        found = fold(store, [Configured()]).folding.states[Configured.name]
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
    return Config(
        name=name,
        zone=center.get("zone", "UTC"),
        plugins=plugins,
        settings=settings,
        retention=rules,
        file=f"{log}: its configuration",
    )
