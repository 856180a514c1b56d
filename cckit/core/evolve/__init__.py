"""What each event does to the floor. Nothing else writes to it.

One handler a type, found by a dict (107 ns; the seventh case of a ``match`` costs six
times as much). A handler trusts the event: decide has checked, and a move that is in no
``MOVES`` table raises KeyError, which is our bug.
"""

from typing import Final

from cckit.core.facts import FACTS

from . import (
    agents,
    callbacks,
    contacts,
    legs,
    links,
    log,
    matters,
    messages,
    modes,
    offers,
    queues,
)
from .handler import Handler, nothing

EVOLVE: Final[dict[type, Handler]] = {
    **dict.fromkeys(FACTS, nothing),
    **log.HANDLERS,
    **contacts.HANDLERS,
    **legs.HANDLERS,
    **links.HANDLERS,
    **queues.HANDLERS,
    **matters.HANDLERS,
    **messages.HANDLERS,
    **modes.HANDLERS,
    **callbacks.HANDLERS,
    **offers.HANDLERS,
    **agents.HANDLERS,
}

__all__ = ["EVOLVE", "Handler", "nothing"]
