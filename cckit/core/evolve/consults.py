"""The two sides of a consultation: bound, one brought over to the other, parted."""

from cckit.core import contact as c
from cckit.core import facts as f
from cckit.core.floor import Floor
from cckit.core.ids import LegId, OfferId, contact_stream


def begun(floor: Floor, consult: c.Contact, other: str) -> None:
    """Bind a consultation to the contact that it is about."""
    about = floor.contacts.get(contact_stream(other))
    if about is not None:
        consult.consult_of = about.id
        about.consult = consult.id


def came_over(floor: Floor, contact: c.Contact, data: f.ContactConnected) -> str | None:
    """Take whom the agent consulted out of that contact, with slot and leg, if it is they.

    Gives the adapter that has their session.
    """
    consult = floor.contacts.get(contact_stream(contact.consult))
    if consult is None or consult.agent != data.agent:
        return None
    slot = floor.agents[data.agent].slots.pop(consult.id)
    slot.offer = OfferId(0)
    floor.agents[data.agent].slots[contact.id] = slot
    contact.queue = consult.queue or contact.queue
    consult.agent = None
    consult.agent_leg = LegId(0)
    floor.touched[consult] = None
    return consult.agent_adapter


def part(floor: Floor, contact: c.Contact, merged: bool) -> None:
    """Tell the other side of a consultation that this side is gone."""
    about = floor.contacts.get(contact_stream(contact.consult_of)) if contact.consult_of else None
    if about is not None and about.consult == contact.id:
        about.consult = ""
        if not merged:
            floor.bereft[about] = None
    consult = floor.contacts.get(contact_stream(contact.consult)) if contact.consult else None
    if consult is not None:
        floor.bereft[consult] = None
