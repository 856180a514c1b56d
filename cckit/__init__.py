"""cckit: the contact center as a library.

The ladder. A rung imports only rungs above it in this list:

1. ``cckit.core``     pure and synchronous: no I/O, clock, randomness, logging, threads, trio
2. ``cckit.hooks``    the doors: hook specifications, Protocols, typed relay into pluggy
3. ``cckit.stores``   where the log lives: memory, SQLite
4. ``cckit.shell``    trio: the center, its one writer, timers, reactors, followers, adapters
5. ``cckit.testing``  shipped: contracts as functions, simulated world, pytest plugin
6. ``cckit.cli``      the command ``cckit``

Plugins (``cckit_x``) stand beside the ladder: they know the core and the doors. The names
below are imported when they are first used, so that ``import cckit`` costs nothing.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cckit.core.errors import ConfigError as ConfigError
    from cckit.core.errors import PluginError as PluginError
    from cckit.core.errors import Refused as Refused
    from cckit.core.errors import StoreError as StoreError
    from cckit.core.errors import UsageError as UsageError
    from cckit.core.events import Actor as Actor
    from cckit.core.events import Draft as Draft
    from cckit.core.interchange import event_fields as event_fields
    from cckit.core.interchange import read_command as read_command
    from cckit.core.settings import QueueSettings as QueueSettings
    from cckit.shell.center import Center as Center
    from cckit.shell.config import AgentSettings as AgentSettings
    from cckit.shell.config import Config as Config
    from cckit.shell.feed import Subscription as Subscription
    from cckit.shell.followers import Follower as Follower
    from cckit.shell.open_center import open_center as open_center
    from cckit.shell.replies import Reply as Reply
    from cckit.shell.replies import Stored as Stored
    from cckit.shell.replies import Superseded as Superseded
    from cckit.shell.replies import Unknown as Unknown

_HOMES = {
    "cckit.core.errors": ("ConfigError", "PluginError", "Refused", "StoreError", "UsageError"),
    "cckit.core.events": ("Actor", "Draft"),
    "cckit.core.interchange": ("event_fields", "read_command"),
    "cckit.core.settings": ("QueueSettings",),
    "cckit.shell.center": ("Center",),
    "cckit.shell.config": ("AgentSettings", "Config"),
    "cckit.shell.feed": ("Subscription",),
    "cckit.shell.followers": ("Follower",),
    "cckit.shell.open_center": ("open_center",),
    "cckit.shell.replies": ("Reply", "Stored", "Superseded", "Unknown"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Actor",
    "AgentSettings",
    "Center",
    "Config",
    "ConfigError",
    "Draft",
    "Follower",
    "PluginError",
    "QueueSettings",
    "Refused",
    "Reply",
    "StoreError",
    "Stored",
    "Subscription",
    "Superseded",
    "Unknown",
    "UsageError",
    "event_fields",
    "open_center",
    "read_command",
]


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'cckit' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})


def _refuse_clash() -> None:
    """Another distribution, called ``cckit``, installs a folder of our name."""
    try:
        other = distribution("cckit")
    except PackageNotFoundError:
        return
    raise ImportError(
        f"cckit: the unrelated distribution 'cckit' {other.version} is installed and overwrites "
        "our files: pip uninstall cckit cckit-sdk, then pip install cckit-sdk"
    )


_refuse_clash()
