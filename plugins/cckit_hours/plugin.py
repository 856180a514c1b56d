"""Wiring only: the settings become calendars and limits, the machines go by them."""

from collections.abc import Mapping, Sequence

from cckit.core import AnyProcess, Canonical, Machine
from cckit.hooks import RegisterHooks, hookimpl, read_zone

from .events import EVENTS
from .machine import closing_machine, overload_machine, waiting_machine
from .policy import STAY
from .process import Applying, Clearing
from .settings import Settings, check_queues, read


class Plugin(RegisterHooks):
    """Hours, holidays, what modes do, and overload."""

    version = "0.1.0"

    def __init__(self) -> None:
        self.settings = Settings()

    @hookimpl
    def cckit_configure(self, settings: Mapping[str, Canonical]) -> None:
        self.settings = read(settings, read_zone)

    @hookimpl
    def cckit_check_queues(self, queues: Sequence[str]) -> None:
        check_queues(self.settings.named, queues)

    @hookimpl
    def cckit_register_events(self) -> Sequence[type]:
        return EVENTS

    @hookimpl
    def cckit_register_machines(self) -> Sequence[Machine]:
        found = [closing_machine(self.settings.calendars), waiting_machine()]
        if self.settings.overload:
            found.append(overload_machine(self.settings.overload))
        return found

    @hookimpl
    def cckit_register_processes(self) -> Sequence[AnyProcess]:
        said = self.settings
        found: list[AnyProcess] = [Applying(said.calendars, said.modes)]
        if any(rule != STAY for rule in said.waiting.values()):
            found.append(Clearing(said.waiting, said.modes))
        return found
