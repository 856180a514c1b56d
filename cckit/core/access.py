"""Who may send what where a guard is loaded, and how much is written of the rest.

The people of a center are judged by their roles, which the authorize hooks are asked
about. For everybody else there is a table. A kind of actor that is in neither may nothing.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import attrs

from .commands import (
    COMMANDS,
    DRAWN,
    Assign,
    GiveConsent,
    Merge,
    Pull,
    ReportArrived,
    ReportMessage,
    SetMode,
    TimerDue,
)
from .errors import Refused
from .events import Actor, Decision
from .facts import AccessRefused
from .floor import Floor
from .ids import CENTER, Stream, contact_stream
from .instant import MINUTE

RECORD: Final = "Record"
"""The action of who stores ready facts instead of sending a command."""

PEOPLE: Final = frozenset({"agent", "supervisor", "admin"})
"""Kinds of actors whose roles decide."""

OURS: Final = frozenset({"system", "process"})
"""Kinds that may everything: they are code that the operator loaded."""

LISTED: Final[Mapping[str, frozenset[str]]] = {
    "customer": frozenset(
        cls.__name__ for cls in (ReportArrived, ReportMessage, GiveConsent)
    ),
    "adapter": frozenset(
        {RECORD, *(cls.__name__ for cls in COMMANDS if cls.__name__.startswith("Report"))}
    ),
    "timer": frozenset({TimerDue.__name__}),
}
"""What the other kinds may."""

REFUSALS_A_MINUTE: Final = 10
ACTORS_A_MINUTE: Final = 64
"""Whose refusals are told apart; those of more are one count."""
OTHERS: Final = Actor("system", "…")
"""Whose name that count bears."""


class Asked(NamedTuple):
    """Who stores a fact about an access asks for the access, not for storing a fact."""

    action: str
    """``Unmask``, ``Export``, ``Replay``, ``Listen`` …"""
    target: str
    purpose: str


def listed(kind: str, action: str) -> bool:
    """Tell whether a kind of actor may do something, whoever it is."""
    return kind in OURS or action in LISTED.get(kind, ())


def target_of(command: Any, floor: Floor, by: str = "") -> str:
    """What a command is about, for authorize: ``agent/ID``, ``contact/ID`` …

    An offer or a contact that an agent has is about that agent. What waits and is given to
    somebody, or taken, is about its queue. Where a plugin's command names ``contact/ID`` in
    ``of`` or ``stream``, that contact counts.

    :param by: the id of who sends it: each agent of a conference has the contact.
    """
    agent = None if type(command) is Assign else getattr(command, "agent", None)
    if agent is None:
        agent = _agent_of(command, floor, by)
    if agent:
        return f"agent/{agent}"
    if type(command) in (Assign, Pull):
        waiting = floor.contacts.get(contact_stream(command.contact))
        if waiting is not None and waiting.queue is not None:
            return f"queue/{waiting.queue}"
    if type(command) is SetMode:
        return str(command.scope)
    if type(command) is Merge:
        return f"subject/{command.subject}"
    of = _named(command)
    if of is not None:
        return str(of)
    for field in ("contact", "offer", "leg", "queue", "who", "stream"):
        value = getattr(command, field, None)
        if value is not None:
            return f"{field}/{value}"
    return str(CENTER)


def owner_of(object: str, floor: Floor) -> str:
    """What an access to an object is about: the agent who has the contact, if one has.

    ``object``: a stream, or an event of it as ``contact/ID@3``.
    """
    stream = object.partition("@")[0]
    contact = floor.contacts.get(Stream(stream))
    return f"agent/{contact.agent}" if contact is not None and contact.agent else stream


def _named(command: Any) -> Stream | None:
    """The contact or the person that a plugin's command names by a stream."""
    for field in ("of", "stream"):
        stream = getattr(command, field, None)
        if isinstance(stream, str) and stream.startswith(("contact/", "subject/")):
            return Stream(stream)
    return None


def _agent_of(command: Any, floor: Floor, by: str) -> str | None:
    offer_id = getattr(command, "offer", None)
    begins = DRAWN.get(type(command)) == "contact"
    contact_id = None if begins else getattr(command, "contact", None)
    of = _named(command) if contact_id is None else contact_stream(contact_id)
    if of is not None and offer_id is None:
        contact = floor.contacts.get(of)
        if contact is not None and contact.others and by in contact.serving():
            return by
        if contact is None or contact.agent:
            return contact.agent if contact is not None else None
        offer_id = contact.offer
    offer = floor.offers.get(offer_id) if offer_id is not None else None
    return offer.agent if offer is not None else None


def denial(actor: Actor, action: str, target: str, reason: str) -> Refused:
    """What the sender of a denied command gets."""
    what = f"{actor[0]} {actor[1]!r} may not {action}: {reason or 'no role allows it'}"
    return Refused("access.refused", target, what, "ask an admin for a role that allows it")


def denial_of(decision: Decision, reason: str) -> Refused | None:
    """The refusal that a decision stands for, if it records one of its own actor.

    :param reason: the engine's, just after it has decided.
    """
    if not decision.recorded:
        return None
    envelope, data = decision.recorded[0]
    if type(data) is not AccessRefused or data.actor != envelope.actor.id:
        return None
    return denial(envelope.actor, data.action, data.object, reason)


@attrs.define
class _Count:
    """One actor's refusals of this minute."""

    written: int = 0
    missed: int = 0
    action: str = ""
    target: str = ""


class Refusals:
    """What of the refusals is written: ten a minute an actor, then how many more.

    Only the first 64 actors of one minute are remembered, and each of them has an event in
    the log: whoever makes names up fills neither the log nor the memory.
    """

    def __init__(self) -> None:
        self._minute = -1
        self._counts: dict[Actor, _Count] = {}

    def facts(
        self, actor: Actor, action: str, target: str, now: int, purpose: str | None = None
    ) -> list[AccessRefused]:
        """What to write about one more refusal; nothing if it is only counted."""
        before: dict[Actor, _Count] = {}
        if self._minute != now // MINUTE:
            self._minute = now // MINUTE
            before, self._counts = self._counts, {}
        if actor not in self._counts and len(self._counts) >= ACTORS_A_MINUTE:
            count = self._counts.setdefault(OTHERS, _Count(REFUSALS_A_MINUTE))
        else:
            count = self._counts.setdefault(actor, _Count())
        if count.written >= REFUSALS_A_MINUTE:
            count.missed += 1
            count.action, count.target = action, target
            return []
        count.written += 1
        mine = before.pop(actor, _Count())
        return [
            AccessRefused(actor.id, action, target, purpose, mine.missed + 1),
            *(
                AccessRefused(other.id, late.action, late.target, None, late.missed)
                for other, late in sorted(before.items())
                if late.missed
            ),
        ]
