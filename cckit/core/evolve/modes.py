"""Modes: what is on where, and until when."""

from typing import Final

from cckit.core import facts as f
from cckit.core.events import Envelope
from cckit.core.floor import Floor

from .handler import Handler


def mode_changed(floor: Floor, envelope: Envelope, data: f.ModeChanged) -> None:
    floor.modes.change(data.scope, data.mode, data.until or 0, envelope.stamp.recorded_at)


HANDLERS: Final[dict[type, Handler]] = {f.ModeChanged: mode_changed}
