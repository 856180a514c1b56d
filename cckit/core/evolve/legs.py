"""Legs: held, retrieved, cleared."""

from typing import Final

from cckit.core import facts as f
from cckit.core.events import Envelope
from cckit.core.floor import Floor
from cckit.core.ids import LegId

from .handler import Handler


def leg_cleared(floor: Floor, envelope: Envelope, data: f.LegCleared) -> None:
    contact = floor.legs.pop(data.leg)
    if contact.leg == data.leg:
        contact.leg = LegId(0)
    floor.touched[contact] = None


def leg_held(floor: Floor, envelope: Envelope, data: f.LegHeld) -> None:
    floor.contacts[envelope.stream].held = True


def leg_retrieved(floor: Floor, envelope: Envelope, data: f.LegRetrieved) -> None:
    floor.contacts[envelope.stream].held = False


HANDLERS: Final[dict[type, Handler]] = {
    f.LegCleared: leg_cleared,
    f.LegHeld: leg_held,
    f.LegRetrieved: leg_retrieved,
}
