"""What installed plugins add to a fold of a log that no center has open."""

from collections.abc import Sequence
from typing import NamedTuple

from cckit.core.projection import AnyProjection
from cckit.core.registry import Upcaster
from cckit.hooks import Relay
from cckit.shell.clock import SystemClock
from cckit.shell.config import Config
from cckit.shell.plugins import instantiate


class Brought(NamedTuple):
    """What plugins add to a fold."""

    projections: tuple[AnyProjection, ...]
    kinds: tuple[type, ...]
    upcasters: tuple[Upcaster, ...]


def brought_by(plugins: Sequence[str]) -> Brought:
    """Load installed plugins by name, for what they fold.

    :raises ConfigError: a name that no installed plugin has.
    :raises PluginError: it can't be loaded.
    """
    made = instantiate(Config(plugins=tuple(plugins), file="--plugin"), {})
    relay = Relay(made, SystemClock().ticks)
    projections = (item for _, item in relay.collect("cckit_register_projections"))
    kinds = (item for _, item in relay.collect("cckit_register_events"))
    upcasters = (item for _, item in relay.collect("cckit_register_upcasters"))
    return Brought(tuple(projections), tuple(kinds), tuple(upcasters))
