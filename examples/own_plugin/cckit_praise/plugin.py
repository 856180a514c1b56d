"""Wiring; decides nothing."""

from collections.abc import Mapping, Sequence

from cckit.core import AnyProjection, Canonical, ConfigError, Machine
from cckit.hooks import RegisterHooks, hookimpl

from .events import PraiseGiven
from .machine import machine
from .reports import PraiseStars


class Plugin(RegisterHooks):
    """Loaded by ``plugins = ["praise"]`` in CENTER.toml."""

    version = "0.1"

    def __init__(self) -> None:
        self.stars_max = 5

    @hookimpl
    def cckit_configure(self, settings: Mapping[str, Canonical]) -> None:
        stars = settings.get("stars_max", self.stars_max)
        if set(settings) - {"stars_max"} or not isinstance(stars, int) or stars < 1:
            raise ConfigError("praise", f"{dict(settings)} can't be", "write stars_max = 5")
        self.stars_max = stars

    @hookimpl
    def cckit_register_events(self) -> Sequence[type]:
        return (PraiseGiven,)

    @hookimpl
    def cckit_register_machines(self) -> Sequence[Machine]:
        return (machine(self.stars_max),)

    @hookimpl
    def cckit_register_projections(self) -> Sequence[AnyProjection]:
        return (PraiseStars(),)
