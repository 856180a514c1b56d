"""The contact center as a library.

One append-only log holds every fact of a center; every decision and every reported number
is a pure function of it. The package is a ladder: a rung imports only those above it here.

    core/      pure and synchronous: no I/O, clock, randomness, logging, threads, trio
    hooks/     the doors: hook specifications, Protocols, the relay into pluggy
    stores/    where the log lives: memory, SQLite
    shell/     trio: the center, its one writer, timers, reactors, followers, channels
    testing/   the simulated world, contracts as functions, strategies, the pytest plugin
    cli/       the command ``cckit``

Plugins lie beside it (``cckit_x``), know ``core`` and ``hooks``, and nothing of each other.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .core.errors import Refused as Refused
    from .core.events import Actor as Actor
    from .shell.center import Center as Center
    from .shell.center import open_center as open_center
    from .shell.config import AgentSettings as AgentSettings
    from .shell.config import Config as Config
    from .shell.replies import Reply as Reply
    from .shell.replies import Stored as Stored
    from .shell.replies import Superseded as Superseded
    from .shell.replies import Unknown as Unknown

HOMES: Final = {
    "Actor": "core.events",
    "AgentSettings": "shell.config",
    "Center": "shell.center",
    "Config": "shell.config",
    "Refused": "core.errors",
    "Reply": "shell.replies",
    "Stored": "shell.replies",
    "Superseded": "shell.replies",
    "Unknown": "shell.replies",
    "open_center": "shell.center",
}
"""Public name to its module, which is loaded when the name is first used: who only asks
for the version, or only needs the core, does not load trio."""


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *HOMES})


def _refuse_the_other() -> None:
    """Refuse to start beside the unrelated distribution that installs our folder too."""
    try:
        other = distribution("cckit")
    except PackageNotFoundError:
        return
    raise ImportError(
        f"cckit: the distribution 'cckit' {other.version} is another project and installs a "
        "folder of our name over ours; run: pip uninstall cckit, then pip install cckit-sdk"
    )


_refuse_the_other()
