"""Who waits is offered a callback, once for each mode that begins. Stateless but for that."""

from collections.abc import Sequence

import attrs

from cckit.core import (
    Ask,
    Draft,
    Floor,
    Instant,
    LegOrdered,
    Machine,
    QueueId,
    Recorded,
    Refused,
    Stream,
)
from cckit.core.mode import DEFAULTS

from .events import ModeCallbackOffered


@attrs.frozen
class OfferCallback:
    """Ask somebody who waits whether to be called back; sent by the process."""

    stream: Stream
    """``contact/ID``."""
    mode: str


@attrs.define
class Offered:
    """What one contact was offered."""

    modes: list[str] = attrs.field(factory=list)


def evolve(state: Offered, recorded: Recorded[ModeCallbackOffered]) -> None:
    """Take in a fact. Nothing else writes the state."""
    state.modes.append(recorded[1].mode)


def decide(
    state: Offered, command: OfferCallback, now: Instant, ask: Ask, floor: Floor
) -> Sequence[Draft] | Refused:
    """Offer it, with the announcement of the mode, to who is still on the line."""
    contact = floor.contacts.get(command.stream)
    if contact is None or not contact.entry or not contact.leg:
        what = "nobody waits on this line"
        return Refused("mode.nobody_waits", command.stream, what, "it may have ended")
    if command.mode in state.modes:
        return ()
    offered = [Draft(command.stream, ModeCallbackOffered(command.mode))]
    if command.mode not in DEFAULTS:
        what = f"there is no mode {command.mode!r}"
        return Refused("mode.unknown", command.stream, what, f"use {', '.join(DEFAULTS)}")
    message = floor.modes.rules(command.mode, contact.queue or QueueId("")).message
    if message:
        offered.append(Draft(command.stream, LegOrdered(contact.leg, "play", message)))
    return offered


def machine() -> Machine:
    """The machine as the engine takes it."""
    return Machine(
        "hours.waiting",
        (OfferCallback,),
        (ModeCallbackOffered,),
        Offered,
        decide,
        evolve,
        reads_floor=True,
    )
