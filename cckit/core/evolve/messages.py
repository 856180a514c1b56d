"""Messages, and conversations that idle until somebody writes."""

from typing import Final

from cckit.core import contact as c
from cckit.core import facts as f
from cckit.core.events import Envelope
from cckit.core.floor import Floor
from cckit.core.timer import Timer

from .handler import Handler

REMEMBERED: Final = 32
"""Of how many messages of a contact the source's ids are known."""


def received(floor: Floor, envelope: Envelope, data: f.MessageReceived) -> None:
    contact = floor.contacts[envelope.stream]
    contact.said = (*contact.said[1 - REMEMBERED :], data.ext_id)


def idled(floor: Floor, envelope: Envelope, data: f.ContactIdled) -> None:
    contact = floor.contacts[envelope.stream]
    contact.phase = c.MOVES[contact.phase, f.ContactIdled]
    contact.idle_due = data.due
    contact.idle_position = envelope.position
    timer = Timer(data.due, envelope.position, "idle", contact.id)
    floor.timers.add(timer, envelope.stamp.recorded_at)
    floor.touched[contact] = None


HANDLERS: Final[dict[type, Handler]] = {
    f.MessageReceived: received,
    f.ContactIdled: idled,
}
