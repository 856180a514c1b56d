"""Wiring only: the settings become rules, the machine watches by them."""

from collections.abc import Mapping, Sequence

from cckit.core import AnyProjection, Canonical, Machine
from cckit.hooks import RegisterHooks, hookimpl

from .events import EVENTS
from .machine import machine
from .policy import Rule
from .reports import AlertTable
from .settings import check_queues, read


class Plugin(RegisterHooks):
    """Alerts by rules that are data."""

    version = "0.1.0"

    def __init__(self) -> None:
        self.rules: tuple[Rule, ...] = ()

    @hookimpl
    def cckit_configure(self, settings: Mapping[str, Canonical]) -> None:
        self.rules = read(settings)

    @hookimpl
    def cckit_check_queues(self, queues: Sequence[str]) -> None:
        check_queues(self.rules, queues)

    @hookimpl
    def cckit_register_events(self) -> Sequence[type]:
        return EVENTS

    @hookimpl
    def cckit_register_machines(self) -> Sequence[Machine]:
        return (machine(self.rules),)

    @hookimpl
    def cckit_register_projections(self) -> Sequence[AnyProjection]:
        return (AlertTable(),)
