"""Who may go from what to what, and who can take a contact over. Pure."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from cckit.core import Floor, Refused
from cckit.core.contact import TALKING, Contact
from cckit.core.leg import AGENT, EXTERNAL

Phase = IntEnum("Phase", "NONE LISTEN WHISPER BARGE TAKE_OVER", start=0)
NONE, LISTEN, WHISPER, BARGE, TAKE_OVER = Phase
MODES: Final[Mapping[str, Phase]] = {one.name.lower(): one for one in (LISTEN, WHISPER, BARGE)}
"""What ``Monitor`` can be asked for."""


def not_talking(contact: Contact | None, where: str) -> Refused | None:
    """Refuse to listen where nobody talks."""
    if contact is None:
        what = "there is no such open contact"
        return Refused("contact.unknown", where, what, "it may have ended; look at its stream")
    if contact.phase is not TALKING or contact.agent is None:
        what = f"the contact is {contact.phase.name.lower()}: nobody talks to its customer"
        return Refused("contact.wrong_state", where, what, "supervise what talks; pull what waits")
    return None


def cannot_take_over(floor: Floor, contact: Contact, supervisor: str) -> Refused | None:
    """Refuse to make somebody the agent who can't be one, and say what to do."""
    where = contact.stream
    agent = floor.agents.get(supervisor)
    if agent is None:
        what = f"{supervisor!r} has no profile, so can't be the agent of a contact"
        return Refused("supervision.no_agent", where, what, "set a profile, and log in as agent")
    if not agent.logged_in:
        what = f"{supervisor!r} is not logged in as an agent"
        return Refused("supervision.logged_out", where, what, "log in first; ready is not needed")
    if contact.id in agent.slots:
        what = f"{supervisor!r} has a part in this contact already, or wraps it up"
        return Refused("supervision.has_it", where, what, "end that wrap-up, or go on as its agent")
    if contact.consult or any(leg.kind in (AGENT, EXTERNAL) for leg in contact.more()):
        what = "others have a part in it: a consultation or a conference"
        return Refused("contact.conference", where, what, "barge in instead, or let them leave")
    return None
