"""Wiring only: the settings become rules, the machine and the process decide by them."""

from collections.abc import Mapping, Sequence
from typing import get_args

from cckit.core import AnyProcess, AnyProjection, Canonical, Machine
from cckit.hooks import RegisterHooks, hookimpl

from . import events
from .machine import machine
from .policy import Rules
from .process import Matters
from .reports import CasesKept
from .settings import read


class Plugin(RegisterHooks):
    """Cases over all channels, with clocks of what was promised."""

    version = "0.1.0"

    def __init__(self) -> None:
        self.rules = Rules()

    @hookimpl
    def cckit_configure(self, settings: Mapping[str, Canonical]) -> None:
        self.rules = read(settings)

    @hookimpl
    def cckit_register_events(self) -> Sequence[type]:
        return get_args(events.Event)

    @hookimpl
    def cckit_register_machines(self) -> Sequence[Machine]:
        return (machine(self.rules),)

    @hookimpl
    def cckit_register_processes(self) -> Sequence[AnyProcess]:
        return (Matters(self.rules),)

    @hookimpl
    def cckit_register_projections(self) -> Sequence[AnyProjection]:
        return (CasesKept(),)
