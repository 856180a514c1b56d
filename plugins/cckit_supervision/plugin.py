"""Wiring only."""

from collections.abc import Sequence

from cckit.core import Machine
from cckit.hooks import RegisterHooks, hookimpl

from .events import EVENTS
from .machine import machine


class Plugin(RegisterHooks):
    """Listen, whisper, barge in, take over."""

    version = "0.1.0"

    @hookimpl
    def cckit_register_events(self) -> Sequence[type]:
        return EVENTS

    @hookimpl
    def cckit_register_machines(self) -> Sequence[Machine]:
        return (machine(),)
