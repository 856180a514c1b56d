"""Who the customer is, and which contacts belong together."""

from typing import Final

from cckit.core import facts as f
from cckit.core.events import Envelope
from cckit.core.floor import Floor

from . import callbacks, consults
from .handler import Handler


def identified(floor: Floor, envelope: Envelope, data: f.ContactIdentified) -> None:
    contact = floor.contacts[envelope.stream]
    callbacks.identified(floor, contact, data.subject)
    contact.subject = data.subject
    contact.level = data.level


def linked(floor: Floor, envelope: Envelope, data: f.ContactLinked) -> None:
    contact = floor.contacts[envelope.stream]
    if data.kind == "consult_of":
        consults.begun(floor, contact, data.other)
        return
    contact.matter = data.matter
    if data.kind == "moved_from":
        contact.moved_from = data.other


HANDLERS: Final[dict[type, Handler]] = {
    f.ContactIdentified: identified,
    f.ContactLinked: linked,
}
